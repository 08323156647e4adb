//! Buckets, objects, versions and uploads, behind permits.
