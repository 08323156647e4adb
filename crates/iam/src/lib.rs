//! AWS IAM: its operations, one file each.
//!
//! An operation says what it asks, the gate answers, and the directory does what the permit names.
//! This crate knows AWS's names, shapes and texts; it stores nothing, reads no HTTP and evaluates no
//! policy. Operations of IAM that are not built answer `NotImplemented` with their name.
//!
//! ```
//! use iam::{IamError, Stores};
//!
//! async fn list_users(judge: &gate::Judge, stores: &Stores) -> Result<(), IamError> {
//!     let input = serde_json::json!({ "PathPrefix": "/staff/", "MaxItems": 10 });
//!     let output = iam::dispatch(judge, "ListUsers", input, stores).await?;
//!     assert!(output["IsTruncated"].is_boolean());
//!     Ok(())
//! }
//! ```
mod dispatch;
mod entities;
mod error;
mod input;
pub mod ops;
mod page;
mod shapes;
mod simulation;

use std::sync::Arc;

use directory::Directory;

pub use dispatch::dispatch;
pub use error::IamError;
pub use simulation::InvalidSimulation;

/// The stores that IAM works on.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Accounts and everything in them.
    pub directory: Arc<Directory>,
}
