//! Bytes to typed requests and back.
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
