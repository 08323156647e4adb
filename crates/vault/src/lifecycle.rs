//! What lifecycle rules do to a bucket: its versions and uploads in pages, and their removal.
//!
//! Which rule is due is not decided here. What is removed is what was looked at: every removal has
//! the condition that it is still so, and one that came too late changes nothing.
use std::any::Any;
use std::sync::Arc;

use catalog::Action;
use engine::{
    BucketId, CommitError, Delete, ObjectName, Precondition, Sequence, UploadId, UploadMarker,
    UploadsQuery, VersionId, VersionMarker, VersionsQuery, Which, Write,
};
use gate::{BucketFacts, LifecyclePermit, Permit, System};
use jiff::Timestamp;
use serde_json::Value;

use crate::meta::{self, StoredMeta};
use crate::{BucketVersioning, ObjectOwner, Vault, VaultError};

/// What services make of a bucket's lifecycle configuration: made once, until it is replaced.
pub(crate) type CompiledLifecycle = Arc<dyn Any + Send + Sync>;

/// Where a page of versions ends.
#[derive(Clone, Debug)]
pub struct VersionsCursor(VersionMarker);

/// Where a page of uploads ends.
#[derive(Clone, Debug)]
pub struct UploadsCursor(UploadMarker);

/// A page, and where the next one begins.
#[derive(Debug)]
pub struct LifecyclePage<T, C> {
    /// Versions: by key, from the newest to the oldest. Uploads: by key, from the oldest.
    pub entries: Vec<T>,
    /// `None` after the last page.
    pub next: Option<C>,
}

/// A version or delete marker that rules may remove.
#[derive(Clone, Debug)]
pub struct LifecycleVersion {
    /// Its key.
    pub key: String,
    /// Whether it is the newest of its key.
    pub is_latest: bool,
    /// Whether it is a delete marker.
    pub is_delete_marker: bool,
    /// When it was made.
    pub last_modified: Timestamp,
    version: VersionId,
    sequence: Sequence,
    meta: bytes::Bytes,
}

/// What filters of rules look at besides the key.
#[derive(Clone, Debug, Default)]
pub struct FilterFacts {
    /// Length of the body in bytes; 0 for a delete marker.
    pub bytes: u64,
    /// None for a delete marker.
    pub tags: Vec<(String, String)>,
}

impl LifecycleVersion {
    /// Reads what filters look at. Rules without such filters need not.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn filter_facts(&self) -> Result<FilterFacts, VaultError> {
        if self.is_delete_marker {
            return Ok(FilterFacts::default());
        }
        let meta: StoredMeta = meta::decode(&self.meta)?;
        Ok(FilterFacts {
            bytes: meta.bytes,
            tags: meta.tags,
        })
    }
}

/// An upload that rules may abort.
#[derive(Clone, Debug)]
pub struct LifecycleUpload {
    /// The key of the object it would become.
    pub key: String,
    /// When it was created.
    pub initiated: Timestamp,
    bucket: BucketId,
    upload: UploadId,
}

/// Whether a removal took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It did, and it is durable.
    Done,
    /// What was to be removed is gone, or no longer what it was when it was looked at.
    ChangedMeanwhile,
}

impl Vault {
    /// The buckets that have a lifecycle configuration, in no order.
    pub fn buckets_with_lifecycle(&self, _system: &System) -> Vec<Arc<BucketFacts>> {
        self.registry.load().with_lifecycle()
    }

    /// What `compile` made of the lifecycle configuration of the permit's bucket; `None` where it
    /// has none. It is kept until the configuration changes, and costs nothing where there is none.
    pub fn compiled_lifecycle<A: Action, T: Send + Sync + 'static>(
        &self,
        permit: &Permit<A>,
        compile: impl FnOnce(&Value) -> T,
    ) -> Option<Arc<T>> {
        self.compiled(permit.bucket()?, compile)
    }

    /// The same for whoever carries it out.
    pub fn lifecycle_in_force<T: Send + Sync + 'static>(
        &self,
        permit: &LifecyclePermit,
        compile: impl FnOnce(&Value) -> T,
    ) -> Option<Arc<T>> {
        self.compiled(permit.bucket(), compile)
    }

    fn compiled<T: Send + Sync + 'static>(
        &self,
        bucket: &BucketFacts,
        compile: impl FnOnce(&Value) -> T,
    ) -> Option<Arc<T>> {
        let registry = self.registry.load();
        let record = registry.bucket(&bucket.name)?;
        let stored = record.stored.lifecycle.as_ref()?;
        let compiled = record
            .compiled_lifecycle
            .get_or_init(|| Arc::new(compile(stored)));
        compiled.clone().downcast().ok()
    }

    /// A page of all versions and delete markers whose keys begin with `prefix`.
    ///
    /// # Errors
    /// The bucket is gone, or the engine fails.
    pub async fn lifecycle_versions(
        &self,
        permit: &LifecyclePermit,
        prefix: &str,
        after: Option<VersionsCursor>,
        limit: usize,
    ) -> Result<LifecyclePage<LifecycleVersion, VersionsCursor>, VaultError> {
        let bucket = self.bucket_record(Some(permit.bucket()))?;
        let query = VersionsQuery {
            bucket: bucket.id(),
            prefix: prefix.to_owned(),
            delimiter: None,
            after: after.map(|cursor| cursor.0),
            limit,
        };
        let page = self.engine.list_versions(&query).await?;
        let entries = page.entries.into_iter().map(|entry| {
            Ok(LifecycleVersion {
                key: entry.key,
                is_latest: entry.is_latest,
                is_delete_marker: entry.head.is_delete_marker,
                last_modified: meta::timestamp(entry.head.last_modified)?,
                version: entry.head.version,
                sequence: entry.head.sequence,
                meta: entry.head.meta,
            })
        });
        Ok(LifecyclePage {
            entries: entries.collect::<Result<_, VaultError>>()?,
            next: page.next.map(VersionsCursor),
        })
    }

    /// A page of the uploads in progress to keys that begin with `prefix`.
    ///
    /// # Errors
    /// The bucket is gone, or the engine fails.
    pub async fn lifecycle_uploads(
        &self,
        permit: &LifecyclePermit,
        prefix: &str,
        after: Option<UploadsCursor>,
        limit: usize,
    ) -> Result<LifecyclePage<LifecycleUpload, UploadsCursor>, VaultError> {
        let bucket = self.bucket_record(Some(permit.bucket()))?;
        let query = UploadsQuery {
            bucket: bucket.id(),
            prefix: prefix.to_owned(),
            delimiter: None,
            after: after.map(|cursor| cursor.0),
            limit,
        };
        let page = self.engine.list_uploads(&query).await?;
        let entries = page.entries.into_iter().map(|upload| {
            Ok(LifecycleUpload {
                key: upload.object.key,
                initiated: meta::timestamp(upload.initiated)?,
                bucket: upload.object.bucket,
                upload: upload.upload,
            })
        });
        Ok(LifecyclePage {
            entries: entries.collect::<Result<_, VaultError>>()?,
            next: page.next.map(UploadsCursor),
        })
    }

    /// Expires the current version: it gets a delete marker, in a bucket that never kept versions it
    /// is removed.
    ///
    /// # Errors
    /// The bucket is gone, or the engine fails.
    pub async fn expire_current(
        &self,
        permit: &LifecyclePermit,
        expired: &LifecycleVersion,
    ) -> Result<Removal, VaultError> {
        self.remove(permit, expired, Which::Current, |sequence| {
            Precondition::SequenceIs(sequence)
        })
        .await
    }

    /// Removes a version for good that is not the newest.
    ///
    /// # Errors
    /// The bucket is gone, or the engine fails.
    pub async fn remove_noncurrent(
        &self,
        permit: &LifecyclePermit,
        noncurrent: &LifecycleVersion,
    ) -> Result<Removal, VaultError> {
        let which = Which::Version(noncurrent.version);
        self.remove(permit, noncurrent, which, |sequence| {
            Precondition::VersionIs {
                sequence,
                newest: false,
            }
        })
        .await
    }

    /// Removes the newest version, a delete marker under which no version is left.
    ///
    /// # Errors
    /// The bucket is gone, or the engine fails.
    pub async fn remove_expired_marker(
        &self,
        permit: &LifecyclePermit,
        marker: &LifecycleVersion,
    ) -> Result<Removal, VaultError> {
        let which = Which::Version(marker.version);
        self.remove(permit, marker, which, |sequence| Precondition::VersionIs {
            sequence,
            newest: true,
        })
        .await
    }

    async fn remove(
        &self,
        permit: &LifecyclePermit,
        version: &LifecycleVersion,
        which: Which,
        precondition: impl FnOnce(Sequence) -> Precondition,
    ) -> Result<Removal, VaultError> {
        let facts = permit.bucket();
        let bucket = self.bucket_record(Some(facts))?;
        let versioning: BucketVersioning = bucket.versioning();
        // The bucket's owner owns the markers that its rules make.
        let owner = ObjectOwner {
            account: Some(facts.owner),
            canonical_id: facts.owner_canonical_id.to_string(),
        };
        let deletion = Delete {
            object: ObjectName {
                bucket: bucket.id(),
                key: version.key.clone(),
            },
            which,
            precondition: precondition(version.sequence),
            versioning: versioning.of_engine(),
            last_modified: meta::millis(permit.now()),
            marker_meta: meta::encode(&owner)?,
        };
        removal(facts, self.engine.commit(Write::Delete(deletion)).await)
    }

    /// Ends an upload and removes its parts.
    ///
    /// # Errors
    /// The bucket is gone, or the engine fails.
    pub async fn abort_incomplete_upload(
        &self,
        permit: &LifecyclePermit,
        incomplete: &LifecycleUpload,
    ) -> Result<Removal, VaultError> {
        let facts = permit.bucket();
        let bucket = self.bucket_record(Some(facts))?;
        // The id alone would lead into any bucket.
        if incomplete.bucket != bucket.id() {
            return Err(VaultError::NothingJudged);
        }
        let upload = incomplete.upload;
        removal(
            facts,
            self.engine.commit(Write::AbortUpload { upload }).await,
        )
    }
}

fn removal(
    bucket: &BucketFacts,
    committed: Result<engine::Committed, CommitError>,
) -> Result<Removal, VaultError> {
    match committed {
        Ok(_) => Ok(Removal::Done),
        Err(
            CommitError::PreconditionFailed
            | CommitError::NoSuchObject
            | CommitError::NoSuchVersion
            | CommitError::NoSuchUpload,
        ) => Ok(Removal::ChangedMeanwhile),
        Err(error) => Err(crate::objects::refused(&bucket.name, error)),
    }
}
