//! AWS IAM's operations.
