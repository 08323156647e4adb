//! The CORS configurations of buckets, as the operation that validated them wrote them.
use catalog::{BucketName, s3};
use gate::Permit;
use serde_json::Value;

use crate::{Vault, VaultError};

impl Vault {
    /// The bucket's CORS configuration.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn cors(&self, permit: &Permit<s3::GetBucketCORS>) -> Result<Option<Value>, VaultError> {
        Ok(self.bucket_record(permit.bucket())?.stored.cors.clone())
    }

    /// Sets or removes the CORS configuration.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub async fn set_cors(
        &self,
        permit: &Permit<s3::PutBucketCORS>,
        rules: Option<Value>,
    ) -> Result<(), VaultError> {
        self.configure(permit, move |bucket| {
            bucket.cors = rules.clone();
            Ok(())
        })
        .await
    }

    /// The CORS configuration for what browsers are told: preflights, which nobody signs, and the
    /// headers of answers. It opens nothing: it says what a browser may show to a page.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn cors_for_browsers(&self, bucket: &BucketName) -> Result<Option<Value>, VaultError> {
        match self.registry.load().bucket(bucket) {
            Some(record) => Ok(record.stored.cors.clone()),
            None => Err(VaultError::NoSuchBucket(bucket.clone())),
        }
    }
}
