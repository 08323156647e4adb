//! Objects: written, read, listed, deleted; each by the permit that allows it.
use std::sync::Arc;

use bytes::Bytes;
use catalog::{Action, BucketName, Object, Resource as _, s3};
use engine::{
    CommitError, Delete, Head, ListQuery, ObjectName, Precondition, SetMeta, VersionId, Which,
    Write,
};
use gate::{BucketFacts, FactsError, ObjectFacts, Permit};
use policy::ObjectOwnership;

use crate::acl::StoredGrant;
use crate::data_key::Place;
use crate::meta::{self, StoredMeta};
use crate::versions::no_such_version;
use crate::{BucketVersioning, Deleted, ListedObject, ObjectOwner, Vault, VaultError};

mod sealed {
    pub trait Sealed {}
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $($action:ident)+;)+) => {$(
        $(#[$doc])*
        pub trait $kind: Action<Resource = Object> + sealed::Sealed {}
        $(impl $kind for s3::$action {})+
    )+};
}
macro_rules! sealed {
    ($($action:ident)+) => { $(impl sealed::Sealed for s3::$action {})+ };
}
sealed! {
    GetObject GetObjectVersion DeleteObject DeleteObjectVersion GetObjectTagging
    GetObjectVersionTagging PutObjectTagging PutObjectVersionTagging DeleteObjectTagging
    DeleteObjectVersionTagging GetObjectAcl GetObjectVersionAcl PutObjectAcl PutObjectVersionAcl
}
kinds! {
    /// Actions that allow to read an object's ACL.
    ReadsAcl: GetObjectAcl GetObjectVersionAcl;
    /// Actions that allow to replace an object's ACL.
    WritesAcl: PutObjectAcl PutObjectVersionAcl;
    /// Actions that allow to read an object.
    ReadsObject: GetObject GetObjectVersion;
    /// Actions that allow to delete an object.
    DeletesObject: DeleteObject DeleteObjectVersion;
    /// Actions that allow to read an object's tags.
    ReadsTags: GetObjectTagging GetObjectVersionTagging;
    /// Actions that allow to replace an object's tags.
    WritesTags: PutObjectTagging PutObjectVersionTagging DeleteObjectTagging DeleteObjectVersionTagging;
}

/// What must hold of the current object when a write takes place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Anything.
    #[default]
    None,
    /// There is no object: `If-None-Match: *`.
    Absent,
    /// There is an object: `If-Match: *`.
    Exists,
    /// It has this ETag, given without quotes: `If-Match`.
    EtagIs(String),
}

impl Condition {
    pub(crate) fn precondition(self) -> Precondition {
        match self {
            Condition::None => Precondition::None,
            Condition::Absent => Precondition::Absent,
            Condition::Exists => Precondition::Exists,
            Condition::EtagIs(etag) => Precondition::EtagIs(Bytes::from(etag)),
        }
    }
}

/// Where a permit leads: the object's name in the engine.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) bucket: BucketName,
    pub(crate) name: ObjectName,
    /// As of now: a write asks again when it is committed.
    pub(crate) versioning: BucketVersioning,
}

impl Target {
    pub(crate) fn place(&self) -> Place {
        Place {
            bucket: self.name.bucket,
            key: self.name.key.clone(),
        }
    }
}

pub(crate) fn refused(bucket: &BucketName, error: CommitError) -> VaultError {
    match error {
        CommitError::PreconditionFailed => VaultError::PreconditionFailed,
        CommitError::NoSuchBucket => VaultError::NoSuchBucket(bucket.clone()),
        CommitError::NoSuchObject | CommitError::NoSuchVersion => VaultError::NoSuchObject,
        CommitError::NoSuchUpload => VaultError::NoSuchUpload,
        CommitError::PartChanged { number } => VaultError::NoSuchPart(number),
        CommitError::Engine(_) | CommitError::BucketNotEmpty | CommitError::IdInUse => error.into(),
    }
}

/// Actions on existing objects that object ACLs may allow.
const ACTIONS_BY_ACL: [&str; 6] = [
    s3::GetObject::NAME,
    s3::GetObjectVersion::NAME,
    s3::GetObjectAcl::NAME,
    s3::GetObjectVersionAcl::NAME,
    s3::PutObjectAcl::NAME,
    s3::PutObjectVersionAcl::NAME,
];

/// How often a change of an object's record is tried again when others change it too.
const CHANGE_ATTEMPTS_MAX: usize = 16;

impl Vault {
    /// The object that a permit names, in the bucket that was judged.
    pub(crate) fn target<A: Action<Resource = Object>>(
        &self,
        permit: &Permit<A>,
    ) -> Result<Target, VaultError> {
        let bucket = self.bucket_record(permit.bucket())?;
        Ok(Target {
            bucket: bucket.name().clone(),
            name: ObjectName {
                bucket: bucket.id(),
                key: permit.resource().key.as_str().to_owned(),
            },
            versioning: bucket.versioning(),
        })
    }

    /// Whether the bucket keeps versions now, if it is still there.
    pub(crate) fn versioning_of(&self, target: &Target) -> BucketVersioning {
        match self.registry.load().bucket(&target.bucket) {
            Some(record) if record.id() == target.name.bucket => record.versioning(),
            // The engine refuses what is written to it.
            Some(_) | None => target.versioning,
        }
    }

    /// The id of a version, where the caller is to see one.
    pub(crate) fn shown_version(
        &self,
        target: &Target,
        object: &Object,
        version: VersionId,
    ) -> Option<String> {
        let is_shown =
            object.version.is_some() || target.versioning != BucketVersioning::Unversioned;
        is_shown.then(|| self.version_ids.show(&target.name, version))
    }

    /// Finds the object that a permit names, and makes sure that it is the one that was judged.
    pub(crate) async fn find<A: Action<Resource = Object>>(
        &self,
        permit: &Permit<A>,
    ) -> Result<Option<(Head, StoredMeta)>, VaultError> {
        let target = self.target(permit)?;
        let Some((head, meta)) = self.find_any(permit, &target).await? else {
            return Ok(None);
        };
        // The gate looked at the object only where its ACL counts.
        let acls_count = ACTIONS_BY_ACL.contains(&A::NAME)
            && permit
                .bucket()
                .is_some_and(|bucket| bucket.ownership != ObjectOwnership::BucketOwnerEnforced);
        match permit.object() {
            Some(judged) if judged.sequence != head.sequence.0 => {
                return Err(VaultError::ChangedMeanwhile);
            }
            // There was none when it was judged, and its ACL would have counted.
            None if acls_count => return Err(VaultError::ChangedMeanwhile),
            Some(_) | None => {}
        }
        Ok(Some((head, meta)))
    }

    /// Finds the object that a permit names, as it is now.
    pub(crate) async fn find_any<A: Action<Resource = Object>>(
        &self,
        permit: &Permit<A>,
        target: &Target,
    ) -> Result<Option<(Head, StoredMeta)>, VaultError> {
        let object = permit.resource();
        let which = self.which(&target.name, object)?;
        let Some(head) = self.engine.head(&target.name, which).await? else {
            return match &object.version {
                Some(_) => Err(no_such_version(object)),
                None => Ok(None),
            };
        };
        if head.is_delete_marker {
            return Err(VaultError::DeleteMarker {
                key: object.key.to_string(),
                version: self.version_ids.show(&target.name, head.version),
                last_modified: meta::timestamp(head.last_modified)?,
                named: object.version.is_some(),
            });
        }
        let meta = meta::decode(&head.meta)?;
        Ok(Some((head, meta)))
    }

    /// Changes the record of the object that a permit names; its body, ETag and time stay. Answers
    /// the version, where the caller is to see it.
    pub(crate) async fn change_meta<A: Action<Resource = Object>>(
        &self,
        permit: &Permit<A>,
        change: impl Fn(&mut StoredMeta) + Send + Sync,
    ) -> Result<Option<String>, VaultError> {
        let target = self.target(permit)?;
        for _ in 0..CHANGE_ATTEMPTS_MAX {
            let found = self.find_any(permit, &target).await?;
            let (head, mut stored) = found.ok_or(VaultError::NoSuchObject)?;
            change(&mut stored);
            let written = self
                .engine
                .commit(Write::SetMeta(SetMeta {
                    object: target.name.clone(),
                    which: Which::Version(head.version),
                    precondition: Precondition::SequenceIs(head.sequence),
                    meta: meta::encode(&stored)?,
                }))
                .await;
            match written {
                Ok(_) => {
                    return Ok(self.shown_version(&target, permit.resource(), head.version));
                }
                Err(CommitError::PreconditionFailed) => {}
                Err(error) => return Err(refused(&target.bucket, error)),
            }
        }
        Err(VaultError::Conflict)
    }

    /// What the gate wants to know about an object.
    pub(crate) async fn object_facts(
        &self,
        bucket: &BucketFacts,
        object: &Object,
    ) -> Result<Option<ObjectFacts>, FactsError> {
        let about = || object.arn();
        let unavailable = |error: VaultError| FactsError {
            about: about(),
            source: Arc::new(error),
        };
        let id = engine::BucketId::parse(&bucket.id)
            .ok_or_else(|| unavailable(VaultError::NothingJudged))?;
        let name = ObjectName {
            bucket: id,
            key: object.key.as_str().to_owned(),
        };
        // What cannot be a version's id names none.
        let Ok(which) = self.which(&name, object) else {
            return Ok(None);
        };
        let head = self
            .engine
            .head(&name, which)
            .await
            .map_err(|error| unavailable(error.into()))?;
        let Some(head) = head.filter(|head| !head.is_delete_marker) else {
            return Ok(None);
        };
        let meta: StoredMeta = meta::decode(&head.meta).map_err(unavailable)?;
        Ok(Some(ObjectFacts {
            owner: meta.owner.account,
            acl: meta.grants.iter().map(StoredGrant::grant).collect(),
            tags: meta.tags,
            sequence: head.sequence.0,
        }))
    }

    /// Deletes the object that the permit names; that there is none is no error without a condition.
    ///
    /// # Errors
    /// [`VaultError::InvalidVersionId`], the condition does not hold, or the engine fails.
    pub async fn delete_object<A: DeletesObject>(
        &self,
        permit: &Permit<A>,
        condition: Condition,
    ) -> Result<Deleted, VaultError> {
        let target = self.target(permit)?;
        let object = permit.resource();
        let which = self.which(&target.name, object)?;
        let versioning = self.versioning_of(&target);
        let owner = marker_owner(permit);
        let deletion = Delete {
            object: target.name.clone(),
            which,
            precondition: condition.clone().precondition(),
            versioning: versioning.of_engine(),
            last_modified: meta::millis(permit.request().now),
            marker_meta: meta::encode(&owner)?,
        };
        let committed = match self.engine.commit(Write::Delete(deletion)).await {
            Ok(committed) => committed,
            // AWS: under `If-Match: *` a delete marker is another answer than no object at all.
            Err(CommitError::NoSuchObject) if condition == Condition::Exists => {
                let marker = self.engine.head(&target.name, which).await?;
                return Err(match marker {
                    Some(_) => VaultError::PreconditionFailed,
                    None => VaultError::NoSuchObject,
                });
            }
            Err(error) => return Err(refused(&target.bucket, error)),
        };
        let is_shown = object.version.is_some() || versioning != BucketVersioning::Unversioned;
        let version = committed.version.filter(|_| is_shown);
        let version = version.map(|version| self.version_ids.show(&target.name, version));
        Ok(Deleted {
            version: version.or_else(|| object.version.clone()),
            is_delete_marker: committed.is_delete_marker && is_shown,
        })
    }

    /// The tags of the object that the permit names, and its version where the caller is to see
    /// it; `None` if there is no object.
    ///
    /// # Errors
    /// The object was changed after it was judged, or cannot be read.
    pub async fn object_tags<A: ReadsTags>(
        &self,
        permit: &Permit<A>,
    ) -> Result<Option<(Vec<(String, String)>, Option<String>)>, VaultError> {
        let target = self.target(permit)?;
        let found = self.find(permit).await?;
        Ok(found.map(|(head, meta)| {
            let version = self.shown_version(&target, permit.resource(), head.version);
            (meta.tags, version)
        }))
    }

    /// Replaces the tags of the object that the permit names; answers its version, where the caller
    /// is to see it.
    ///
    /// # Errors
    /// [`VaultError::NoSuchObject`], or the engine fails.
    pub async fn put_object_tags<A: WritesTags>(
        &self,
        permit: &Permit<A>,
        tags: Vec<(String, String)>,
    ) -> Result<Option<String>, VaultError> {
        self.change_meta(permit, |meta| meta.tags = tags.clone())
            .await
    }

    /// A page of the bucket's objects.
    ///
    /// # Errors
    /// The bucket is gone, or the engine fails.
    pub async fn list_objects(
        &self,
        permit: &Permit<s3::ListBucket>,
        query: ListObjects,
    ) -> Result<ListedObjects, VaultError> {
        let bucket = self.bucket_record(permit.bucket())?;
        let page = self
            .engine
            .list(&ListQuery {
                bucket: bucket.id(),
                prefix: query.prefix,
                delimiter: query.delimiter,
                after: query.after,
                limit: query.limit,
            })
            .await?;
        // Where ACLs are off, one owner owns all.
        let owner = match bucket.facts().ownership {
            ObjectOwnership::BucketOwnerEnforced => {
                Some(Arc::from(bucket.facts().owner_canonical_id.to_string()))
            }
            ObjectOwnership::BucketOwnerPreferred | ObjectOwnership::ObjectWriter => None,
        };
        let objects = page
            .entries
            .into_iter()
            .map(|entry| ListedObject::read(entry, owner.as_ref()))
            .collect::<Result<_, _>>()?;
        Ok(ListedObjects {
            objects,
            common_prefixes: page.common_prefixes,
            next: page.next,
        })
    }
}

/// Who makes a delete marker owns it; of who did not sign, the bucket's owner does.
fn marker_owner<A: Action<Resource = Object>>(permit: &Permit<A>) -> ObjectOwner {
    let caller = &permit.identity().caller;
    let bucket = permit.bucket();
    match (&caller.canonical_id, caller.account) {
        (Some(canonical_id), account @ Some(_)) => ObjectOwner {
            account,
            canonical_id: canonical_id.to_string(),
        },
        _ => ObjectOwner {
            account: bucket.map(|bucket| bucket.owner),
            canonical_id: bucket
                .map(|bucket| bucket.owner_canonical_id.to_string())
                .unwrap_or_default(),
        },
    }
}

/// Where ACLs are off, the bucket owner owns everything (spec S-7).
pub(crate) fn shown_owner(bucket: &BucketFacts, owner: ObjectOwner) -> ObjectOwner {
    match bucket.ownership {
        ObjectOwnership::BucketOwnerEnforced => ObjectOwner {
            account: Some(bucket.owner),
            canonical_id: bucket.owner_canonical_id.to_string(),
        },
        ObjectOwnership::BucketOwnerPreferred | ObjectOwnership::ObjectWriter => owner,
    }
}

/// Asks for objects.
#[derive(Clone, Debug, Default)]
pub struct ListObjects {
    /// Keys begin with it.
    pub prefix: String,
    /// Keys that hold it after the prefix are shown as one common prefix.
    pub delimiter: Option<String>,
    /// Only keys, and common prefixes, after this one.
    pub after: Option<String>,
    /// Keys and common prefixes at most.
    pub limit: usize,
}

/// A page.
#[derive(Debug)]
pub struct ListedObjects {
    /// In the order of their keys.
    pub objects: Vec<ListedObject>,
    /// In order.
    pub common_prefixes: Vec<String>,
    /// The `after` of the next page, if there is one.
    pub next: Option<String>,
}
