//! Accounts, users, groups, roles, policies, access keys and sessions, behind permits.
