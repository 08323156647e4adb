//! AWS STS's operations.
