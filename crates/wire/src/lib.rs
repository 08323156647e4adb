//! Bytes to typed requests and back, for AWS's three protocols: REST-XML (S3), Query (IAM, STS), JSON 1.1 (KMS, errors
//! only so far), and signature version 4 beneath them.
//!
//! This crate decides nothing: it does not know who may do what, looks up no keys, and takes time, randomness and
//! secrets as arguments. It performs no I/O.
//!
//! ```
//! use wire::query::{self, Form};
//! use wire::Service;
//!
//! # fn main() -> Result<(), wire::AwsError> {
//! let form = Form::parse(b"Action=GetUser&Version=2010-05-08&UserName=ann")?;
//! let call = query::decode(Service::Iam, &form)?;
//! call.check()?;
//! assert_eq!(call.operation.name, "GetUser");
//! assert_eq!(call.input["UserName"], "ann");
//! # Ok(())
//! # }
//! ```

pub mod chunked;
pub mod constraints;
pub mod error;
pub mod form;
pub mod model;
pub mod post;
pub mod query;
mod raw_model;
pub mod request;
pub mod request_id;
pub mod rest;
pub mod sign;
pub mod sigv4;
pub mod time;
pub mod xml;

pub use error::AwsError;
pub use model::{Model, Operation, Service, model};
