//! Amazon S3's operations: what each asks of the gate, and what it does once that is allowed.
//!
//! One file per operation in `ops/`, one list in `ops/mod.rs`. The crate knows no connection, no
//! signature and no storage engine: `wire` reads and writes the protocol, `vault` stores, and the
//! gate alone decides. [`dispatch`] is the only way in.
//!
//! ```
//! use s3::{Body, Request, S3Error};
//!
//! // Bodies of these come as a stream, which must not be decoded before:
//! assert!(s3::streams("PutObject"));
//! let error = S3Error::NoSuchKey { key: "k".to_owned() }.to_aws();
//! assert_eq!((error.status, error.code.as_str()), (404, "NoSuchKey"));
//! # let _ = (Body::default(), |request: Request| request.body);
//! ```

mod body;
mod checksum;
mod conditions;
mod configuration;
mod copying;
pub mod cors;
mod customer_key;
mod deleting;
mod dispatch;
mod error;
mod fields;
pub mod form;
#[cfg(test)]
pub(crate) mod harness;
mod lifecycle;
mod listing;
#[cfg(test)]
mod matrix;
mod metadata;
mod multipart;
mod operation;
pub mod ops;
mod policies;
mod reading;
mod receiving;
#[cfg(test)]
mod sweep;
mod tags;
#[cfg(test)]
mod testing;
mod upload;

pub use body::{Body, ByteStream, Frame, ResponseBody};
pub use configuration::{AccountInput, BucketInput, PublicAccessBlock, operation_name};
pub use dispatch::dispatch;
pub use error::S3Error;
pub use lifecycle::{LifecycleCounts, LifecyclePass, LifecycleRules, Progress};
pub use operation::{Request, Response, S3Operation, Stores, expected_owner, object_key, streams};
pub use ops::NAMES;
