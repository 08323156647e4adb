//! Names of the AWS world: accounts, ARNs, principals, buckets, keys, actions. Valid by construction.
