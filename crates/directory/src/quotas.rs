//! Quotas of an account. AWS: IAM and AWS STS quotas, the default values (spec iam-sts-kms-api 3).

/// `UsersPerAccount`
pub const USERS_PER_ACCOUNT: usize = 5000;
/// `GroupsPerAccount`
pub const GROUPS_PER_ACCOUNT: usize = 300;
/// `RolesPerAccount`
pub const ROLES_PER_ACCOUNT: usize = 1000;
/// `PoliciesPerAccount`, customer managed
pub const POLICIES_PER_ACCOUNT: usize = 1500;
/// `InstanceProfilesPerAccount`
pub const INSTANCE_PROFILES_PER_ACCOUNT: usize = 1000;
/// `GroupsPerUser`
pub const GROUPS_PER_USER: usize = 10;
/// `AccessKeysPerUser`
pub const ACCESS_KEYS_PER_USER: usize = 2;
/// Managed policies on a user, a group or a role
pub const POLICIES_PER_ENTITY: usize = 10;
/// Versions of a managed policy
pub const VERSIONS_PER_POLICY: usize = 5;
/// Tags on an entity
pub const TAGS_PER_ENTITY: usize = 50;
/// Characters of a managed policy, whitespace not counted (spec P-1)
pub const POLICY_SIZE: usize = 6144;
/// Characters of a user's inline policies together
pub const USER_POLICY_SIZE: usize = 2048;
/// Characters of a group's inline policies together
pub const GROUP_POLICY_SIZE: usize = 5120;
/// Characters of a role's inline policies together
pub const ROLE_POLICY_SIZE: usize = 10_240;
/// Characters of a trust policy
pub const ASSUME_ROLE_POLICY_SIZE: usize = 2048;
/// All versions of all customer managed policies: what `GetAccountSummary` shows
pub const POLICY_VERSIONS_IN_USE: usize = 10_000;
