//! Buckets, objects, versions and uploads, behind permits.
//!
//! The vault opens what a [`gate::Permit`] names and nothing else, and it does so in the
//! incarnation of the bucket that was judged: a bucket that was deleted and made again meanwhile
//! is [`VaultError::NoSuchBucket`]. It also tells the gate the facts that decisions need
//! ([`gate::S3Facts`]). It knows no HTTP and decides nothing.
//!
//! Buckets' configurations live in the control store and, as a whole, in memory: a decision reads
//! them without waiting. Objects live in the object engine, encrypted.
//!
//! ```
//! use catalog::s3;
//! use gate::Permit;
//! use vault::{Vault, VaultError};
//!
//! async fn forget_policy(
//!     vault: &Vault,
//!     permit: Permit<s3::DeleteBucketPolicy>,
//! ) -> Result<(), VaultError> {
//!     vault.delete_bucket_policy(&permit).await
//! }
//! ```
//!
//! A permit for reading does not write:
//!
//! ```compile_fail,E0308
//! async fn replace(
//!     vault: &vault::Vault,
//!     permit: gate::Permit<catalog::s3::GetBucketPolicy>,
//! ) -> Result<(), vault::VaultError> {
//!     vault.put_bucket_policy(&permit, "{}".to_owned()).await
//! }
//! ```

pub mod acl;
mod bodies;
mod bucket_encryption;
mod bucket_tags;
mod buckets;
mod cors;
mod crypt;
mod customer_key;
mod data_key;
mod error;
mod lifecycle;
mod listed;
mod meta;
mod object_acl;
mod objects;
mod parts;
mod record;
mod registry;
mod uploads;
mod versions;

use std::fmt;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arc_swap::ArcSwap;
use catalog::{AccountId, BucketName, Object};
use engine::{ControlStore, ObjectEngine};
use gate::{
    BoxFuture, BucketFacts, FactsError, Initiator, ObjectFacts, PrincipalDirectory, S3Facts,
};
use policy::BlockPublicAccess;
use seal::KeyEncryptionKey;
use tokio::sync::Mutex;

pub use bodies::{BodyStream, ObjectReader, ObjectWriter, SharedBody, Written};
pub use bucket_encryption::{BucketEncryption, CustomerKeyBlock};
pub use buckets::{BUCKETS_MAX, BucketSummary, NewBucket};
pub use crypt::CryptError;
pub use customer_key::CustomerKey;
pub use error::VaultError;
pub use lifecycle::{
    FilterFacts, LifecyclePage, LifecycleUpload, LifecycleVersion, Removal, UploadsCursor,
    VersionsCursor,
};
pub use listed::ListedObject;
pub use meta::{
    Checksum, ChecksumType, NewObject, ObjectOwner, ObjectPart, StoredObject, SystemHeaders,
};
pub use objects::{
    Condition, DeletesObject, ListObjects, ListedObjects, ReadsAcl, ReadsObject, ReadsTags,
    WritesAcl, WritesTags,
};
pub use parts::{PartWriter, SharedPart, WrittenPart};
pub use record::BucketRecord;
pub use uploads::{
    Completion, ListUploads, ListedUploads, UploadChecksum, UploadInfo, UploadInitiator,
    UploadedPart,
};

pub use versions::{BucketVersioning, Deleted, ListVersions, ListedVersion, ListedVersions};

use registry::Registry;
use versions::VersionIds;

/// What a vault stands on.
#[derive(Clone)]
pub struct Foundations {
    /// Where objects are.
    pub engine: Arc<dyn ObjectEngine>,
    /// Where buckets' configurations are: rows under `s3/`.
    pub control: Arc<dyn ControlStore>,
    /// Seals the data keys of objects.
    pub keys: Arc<KeyEncryptionKey>,
    /// Knows principals by ARN, unique id and canonical id.
    pub principals: Arc<dyn PrincipalDirectory>,
    /// The region of all buckets of this server, such as `us-east-1`.
    pub region: String,
}

/// The store of S3.
#[derive(Clone)]
pub struct Vault {
    pub(crate) engine: Arc<dyn ObjectEngine>,
    pub(crate) control: Arc<dyn ControlStore>,
    pub(crate) keys: Arc<KeyEncryptionKey>,
    principals: Arc<dyn PrincipalDirectory>,
    region: Arc<str>,
    registry: Arc<ArcSwap<Registry>>,
    pub(crate) version_ids: Arc<VersionIds>,
    // Changes of one bucket's configuration take place one after the other.
    stripes: Arc<Stripes>,
}

/// Locks by hash. 64 of them.
struct Stripes {
    first: Mutex<()>,
    others: Vec<Mutex<()>>,
}

impl Stripes {
    fn new() -> Stripes {
        Stripes {
            first: Mutex::default(),
            others: (0..63).map(|_| Mutex::default()).collect(),
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// Reads all buckets' configurations, and finishes deletions that a crash interrupted.
    ///
    /// # Errors
    /// [`VaultError::UnknownFormat`]; the control store fails, or a row in it cannot be read.
    pub async fn open(foundations: Foundations) -> Result<Vault, VaultError> {
        let Foundations {
            engine,
            control,
            keys,
            principals,
            region,
        } = foundations;
        let registry = registry::load(control.as_ref()).await?;
        record::check_format(control.as_ref(), registry.has_buckets()).await?;
        let unfinished = registry.deleting();
        let vault = Vault {
            version_ids: Arc::new(VersionIds::new(&keys)?),
            engine,
            control,
            keys,
            principals,
            region: region.into(),
            registry: Arc::new(ArcSwap::from_pointee(registry)),
            stripes: Arc::new(Stripes::new()),
        };
        for record in unfinished {
            match vault.finish_deletion(&record).await {
                // Something was put into it before the crash: it stays, as its caller never heard
                // otherwise.
                Ok(()) | Err(VaultError::BucketNotEmpty { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(vault)
    }

    /// The region of all buckets.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Knows principals by ARN, unique id and canonical id.
    pub fn principals(&self) -> &dyn PrincipalDirectory {
        self.principals.as_ref()
    }

    /// The bucket as it is now, if it is still the one that was judged.
    pub(crate) fn bucket_record(
        &self,
        judged: Option<&Arc<BucketFacts>>,
    ) -> Result<Arc<BucketRecord>, VaultError> {
        let judged = judged.ok_or(VaultError::NothingJudged)?;
        match self.registry.load().bucket(&judged.name) {
            Some(record) if record.facts().id == judged.id => Ok(record.clone()),
            Some(_) | None => Err(VaultError::NoSuchBucket(judged.name.clone())),
        }
    }

    /// The lock of everything whose name hashes alike.
    pub(crate) fn stripe(&self, name: &impl Hash) -> &Mutex<()> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % 64).unwrap_or_default();
        let Stripes { first, others } = self.stripes.as_ref();
        others.get(index).unwrap_or(first)
    }

    /// Runs a change to its end even when whoever waits for it goes away (a client that hangs
    /// up), so that what is durable and what is in memory cannot differ.
    pub(crate) async fn to_its_end<T: Send + 'static>(
        change: impl Future<Output = Result<T, VaultError>> + Send + 'static,
    ) -> Result<T, VaultError> {
        match tokio::spawn(change).await {
            Ok(result) => result,
            Err(_) => Err(VaultError::Interrupted),
        }
    }
}

impl S3Facts for Vault {
    fn bucket<'a>(
        &'a self,
        name: &'a BucketName,
    ) -> BoxFuture<'a, Result<Option<Arc<BucketFacts>>, FactsError>> {
        let facts = self
            .registry
            .load()
            .bucket(name)
            .map(|record| record.facts().clone());
        Box::pin(std::future::ready(Ok(facts)))
    }

    fn object<'a>(
        &'a self,
        bucket: &'a BucketFacts,
        object: &'a Object,
    ) -> BoxFuture<'a, Result<Option<ObjectFacts>, FactsError>> {
        Box::pin(self.object_facts(bucket, object))
    }

    fn upload_initiator<'a>(
        &'a self,
        bucket: &'a BucketFacts,
        object: &'a Object,
    ) -> BoxFuture<'a, Result<Option<Initiator>, FactsError>> {
        Box::pin(self.initiator_of(bucket, object))
    }

    fn account_public_access_block(
        &self,
        account: AccountId,
    ) -> BoxFuture<'_, Result<BlockPublicAccess, FactsError>> {
        let flags = self.registry.load().account_flags(account);
        Box::pin(std::future::ready(Ok(flags.unwrap_or_default())))
    }
}
