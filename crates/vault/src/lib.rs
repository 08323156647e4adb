//! Buckets, objects, versions and uploads, behind permits.

/// The store.
#[derive(Debug)]
pub struct Vault {}
