//! Amazon S3's operations.
