//! Bytes to typed requests and back: SigV4, REST-XML, Query. Decides nothing.
pub mod constraints;
pub mod error;
pub mod model;
pub mod query;
mod raw_model;
pub mod request_id;
pub mod time;
pub mod xml;

pub use error::AwsError;
pub use model::{Model, Operation, Service, model};

/// Signatures.
pub mod sigv4 {
    /// Proof that a signature was verified.
    #[derive(Debug)]
    pub struct Verified {
        access_key_id: String,
    }
    impl Verified {
        /// The key that signed.
        pub fn access_key_id(&self) -> &str {
            &self.access_key_id
        }
    }
}
