//! The tags of buckets. Policies do not see them: AWS's attribute-based access control of buckets is
//! off until it is switched on.
use catalog::s3;
use gate::Permit;

use crate::{Vault, VaultError};

impl Vault {
    /// The bucket's tags in the order given; `None` where it has none.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn bucket_tags(
        &self,
        permit: &Permit<s3::GetBucketTagging>,
    ) -> Result<Option<Vec<(String, String)>>, VaultError> {
        Ok(self.bucket_record(permit.bucket())?.stored.tags.clone())
    }

    /// Replaces or removes the bucket's tags.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub async fn set_bucket_tags(
        &self,
        permit: &Permit<s3::PutBucketTagging>,
        tags: Option<Vec<(String, String)>>,
    ) -> Result<(), VaultError> {
        self.configure(permit, move |bucket| {
            bucket.tags = tags.clone();
            Ok(())
        })
        .await
    }
}
