//! How buckets encrypt what is written to them. AWS: Setting default server-side encryption
//! behavior; Blocking or unblocking SSE-C for a general purpose bucket.
use catalog::s3;
use gate::Permit;
use serde::{Deserialize, Serialize};

use crate::{Vault, VaultError};

/// The encryption of a bucket. The algorithm is always AES-256 under the server's keys (SSE-S3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketEncryption {
    /// `BucketKeyEnabled`: shown as it was set. It changes nothing without KMS.
    pub has_bucket_key: bool,
    /// Whether writes with customers' keys (SSE-C) are refused, as they are in new buckets since
    /// April 2026.
    pub blocks_customer_keys: bool,
}

impl Default for BucketEncryption {
    fn default() -> BucketEncryption {
        BucketEncryption {
            has_bucket_key: false,
            blocks_customer_keys: true,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredEncryption {
    has_bucket_key: bool,
    blocks_customer_keys: bool,
}

impl From<BucketEncryption> for StoredEncryption {
    fn from(encryption: BucketEncryption) -> StoredEncryption {
        StoredEncryption {
            has_bucket_key: encryption.has_bucket_key,
            blocks_customer_keys: encryption.blocks_customer_keys,
        }
    }
}

impl From<StoredEncryption> for BucketEncryption {
    fn from(stored: StoredEncryption) -> BucketEncryption {
        BucketEncryption {
            has_bucket_key: stored.has_bucket_key,
            blocks_customer_keys: stored.blocks_customer_keys,
        }
    }
}

/// What happens to the block of customers' keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerKeyBlock {
    /// It stays as it is.
    Keep,
    /// `SSE-C`: writes with customers' keys are refused.
    Block,
    /// `NONE`: they are taken.
    Unblock,
}

impl Vault {
    /// The bucket's encryption.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn bucket_encryption(
        &self,
        permit: &Permit<s3::GetEncryptionConfiguration>,
    ) -> Result<BucketEncryption, VaultError> {
        Ok(self.bucket_record(permit.bucket())?.encryption())
    }

    /// Sets it.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub async fn set_bucket_encryption(
        &self,
        permit: &Permit<s3::PutEncryptionConfiguration>,
        has_bucket_key: bool,
        block: CustomerKeyBlock,
    ) -> Result<(), VaultError> {
        self.configure(permit, move |bucket| {
            let before = bucket.encryption.map(BucketEncryption::from);
            let encryption = BucketEncryption {
                has_bucket_key,
                blocks_customer_keys: match block {
                    CustomerKeyBlock::Keep => before.unwrap_or_default().blocks_customer_keys,
                    CustomerKeyBlock::Block => true,
                    CustomerKeyBlock::Unblock => false,
                },
            };
            bucket.encryption = Some(encryption.into());
            Ok(())
        })
        .await
    }

    /// Makes it that of a new bucket.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub async fn reset_bucket_encryption(
        &self,
        permit: &Permit<s3::PutEncryptionConfiguration>,
    ) -> Result<(), VaultError> {
        self.configure(permit, |bucket| {
            bucket.encryption = None;
            Ok(())
        })
        .await
    }

    /// Whether what the permit lets write may be encrypted under a customer's key.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn takes_customer_keys(&self, permit: &Permit<s3::PutObject>) -> Result<bool, VaultError> {
        let bucket = self.bucket_record(permit.bucket())?;
        Ok(!bucket.encryption().blocks_customer_keys)
    }
}
