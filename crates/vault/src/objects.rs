//! Objects: written, read, listed, deleted; each by the permit that allows it.
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use catalog::{Action, BucketName, Object, Resource as _, s3};
use digest::{Algorithm, Computed, Digest, Digests, Wanted};
use engine::{
    CommitError, Delete, Head, ListQuery, ObjectEngine, ObjectName, Precondition, Put, SetMeta,
    Stage, StageHint, Staged, VersionId, Which, Write,
};
use futures_util::{Stream, StreamExt as _};
use gate::{BucketFacts, FactsError, ObjectFacts, Permit};
use policy::ObjectOwnership;
use seal::KeyEncryptionKey;

use crate::acl::StoredGrant;
use crate::crypt::{DataKey, Decryptor, Encryptor, Place, SALT_BYTES, stored_bytes};
use crate::meta::{self, StoredChecksum, StoredMeta, StoredPart};
use crate::versions::no_such_version;
use crate::{
    BucketVersioning, Checksum, ChecksumType, Deleted, NewObject, ObjectOwner, StoredObject, Vault,
    VaultError,
};

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

/// The bytes of a body.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, VaultError>> + Send>>;

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

    /// Begins to write an object. Nothing of it is seen before [`Written::commit`].
    ///
    /// # Errors
    /// The bucket is gone, or the engine fails.
    pub async fn write_object(
        &self,
        permit: &Permit<s3::PutObject>,
        checksum: Algorithm,
        bytes_hint: Option<u64>,
    ) -> Result<ObjectWriter, VaultError> {
        let target = self.target(permit)?;
        let (key, sealed_key) = DataKey::generate(&self.keys, &target.place())?;
        let body = BodyWriter::begin(
            self.engine.as_ref(),
            &key,
            &target.place(),
            1,
            Wanted::of([Algorithm::Md5, checksum]),
            bytes_hint,
        )
        .await?;
        Ok(ObjectWriter {
            vault: self.clone(),
            target,
            sealed_key,
            checksum,
            body,
        })
    }

    /// Opens the object that the permit names; `None` if there is none.
    ///
    /// # Errors
    /// The object was changed after it was judged, or cannot be read.
    pub async fn open_object<A: ReadsObject>(
        &self,
        permit: &Permit<A>,
    ) -> Result<Option<ObjectReader>, VaultError> {
        let target = self.target(permit)?;
        let Some((head, meta)) = self.find(permit).await? else {
            return Ok(None);
        };
        let sealed_key = meta.sealed_key.clone();
        let version = self.shown_version(&target, permit.resource(), head.version);
        Ok(Some(ObjectReader {
            engine: self.engine.clone(),
            keys: self.keys.clone(),
            place: target.place(),
            object: StoredObject {
                version,
                ..meta.into_object(&head)?
            },
            sealed_key,
            head,
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
        let mut objects = Vec::with_capacity(page.entries.len());
        for entry in page.entries {
            let meta: StoredMeta = meta::decode(&entry.head.meta)?;
            let object = meta.into_object(&entry.head)?;
            objects.push(ListedObject {
                key: entry.key,
                owner: shown_owner(bucket.facts(), object.owner.clone()),
                object,
            });
        }
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

/// An object of a listing.
#[derive(Debug)]
pub struct ListedObject {
    /// Its key.
    pub key: String,
    /// Its owner, as the bucket's ownership setting has it.
    pub owner: ObjectOwner,
    /// The object.
    pub object: StoredObject,
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

/// A body on its way in: digested, encrypted, staged, in one pass.
pub(crate) struct BodyWriter {
    stage: Box<dyn Stage>,
    encryptor: Encryptor,
    digests: Digests,
    salt: Vec<u8>,
}

/// A body that is durable, though part of nothing yet.
pub(crate) struct StagedBody {
    pub(crate) staged: Staged,
    pub(crate) computed: Computed,
    pub(crate) salt: Vec<u8>,
}

impl BodyWriter {
    pub(crate) async fn begin(
        engine: &dyn ObjectEngine,
        key: &DataKey,
        place: &Place,
        number: u32,
        wanted: Wanted,
        bytes_hint: Option<u64>,
    ) -> Result<BodyWriter, VaultError> {
        let salt = seal::random::<SALT_BYTES>()?.to_vec();
        let encryptor = Encryptor::new(key.part(place, number, &salt)?);
        let hint = StageHint {
            stored_bytes: bytes_hint.map(stored_bytes),
        };
        Ok(BodyWriter {
            stage: engine.stage(hint).await?,
            encryptor,
            digests: Digests::new(wanted),
            salt,
        })
    }

    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), VaultError> {
        self.digests.update(&bytes);
        for segment in self.encryptor.push(bytes)? {
            self.stage.write(segment).await?;
        }
        Ok(())
    }

    pub(crate) async fn finish(mut self) -> Result<StagedBody, VaultError> {
        self.stage.write(self.encryptor.finish()?).await?;
        Ok(StagedBody {
            staged: self.stage.finish().await?,
            computed: self.digests.finish(),
            salt: self.salt,
        })
    }
}

/// An object on its way in. Dropped, it leaves nothing behind.
pub struct ObjectWriter {
    vault: Vault,
    target: Target,
    sealed_key: Vec<u8>,
    checksum: Algorithm,
    body: BodyWriter,
}

impl ObjectWriter {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// The engine fails.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), VaultError> {
        self.body.write(bytes).await
    }

    /// Takes no more.
    ///
    /// # Errors
    /// The engine fails.
    pub async fn finish(self) -> Result<Written, VaultError> {
        Ok(Written {
            vault: self.vault,
            target: self.target,
            sealed_key: self.sealed_key,
            checksum: self.checksum,
            body: self.body.finish().await?,
        })
    }
}

/// A body that is stored and named by nothing yet. Dropped, it is removed.
pub struct Written {
    vault: Vault,
    target: Target,
    sealed_key: Vec<u8>,
    checksum: Algorithm,
    body: StagedBody,
}

impl Written {
    /// MD5 and the checksum that was asked for.
    pub fn digests(&self) -> &Computed {
        &self.body.computed
    }

    /// Makes it the object.
    ///
    /// # Errors
    /// The condition does not hold, the bucket is gone, or the engine fails.
    pub async fn commit(
        self,
        new: NewObject,
        condition: Condition,
        now: jiff::Timestamp,
    ) -> Result<StoredObject, VaultError> {
        let computed = &self.body.computed;
        let etag = computed
            .get(Algorithm::Md5)
            .map(|digest| digest.hex())
            .unwrap_or_default();
        let checksum = computed.get(self.checksum);
        let stored = StoredMeta {
            bytes: computed.len(),
            headers: new.headers,
            metadata: new.metadata,
            tags: new.tags,
            storage_class: new.storage_class,
            checksum: checksum.map(|digest| full_object(&digest)),
            owner: new.owner,
            grants: new.grants.iter().map(StoredGrant::from).collect(),
            sealed_key: self.sealed_key,
            parts: vec![StoredPart(
                1,
                computed.len(),
                self.body.salt.clone(),
                Vec::new(),
            )],
            is_multipart: false,
            upload: None,
        };
        let last_modified = meta::millis(now);
        let versioning = self.vault.versioning_of(&self.target);
        let committed = self
            .vault
            .engine
            .commit(Write::Put(Put {
                object: self.target.name.clone(),
                precondition: condition.precondition(),
                versioning: versioning.of_engine(),
                etag: Bytes::from(etag.clone()),
                last_modified,
                meta: meta::encode(&stored)?,
                body: self.body.staged,
            }))
            .await;
        let committed = committed.map_err(|error| refused(&self.target.bucket, error))?;
        let version = committed
            .version
            .filter(|_| versioning != BucketVersioning::Unversioned)
            .map(|version| self.vault.version_ids.show(&self.target.name, version));
        Ok(StoredObject {
            version,
            bytes: stored.bytes,
            etag,
            last_modified: meta::timestamp(last_modified)?,
            headers: stored.headers,
            metadata: stored.metadata,
            tags: stored.tags,
            storage_class: stored.storage_class,
            checksum: checksum.map(|digest| Checksum {
                algorithm: digest.algorithm(),
                value: digest.base64(),
                kind: ChecksumType::FullObject,
            }),
            owner: stored.owner,
            grants: new.grants,
            parts: Vec::new(),
            is_multipart: false,
        })
    }
}

pub(crate) fn full_object(digest: &Digest) -> StoredChecksum {
    StoredChecksum(
        digest.algorithm().name().to_owned(),
        digest.base64(),
        ChecksumType::FullObject,
    )
}

/// An object that may be read. It stays as it is while this lives.
pub struct ObjectReader {
    engine: Arc<dyn ObjectEngine>,
    keys: Arc<KeyEncryptionKey>,
    place: Place,
    object: StoredObject,
    sealed_key: Vec<u8>,
    head: Head,
}

impl ObjectReader {
    /// The object without its body.
    pub fn object(&self) -> &StoredObject {
        &self.object
    }

    /// The bytes of a range, decrypted as they are read; nothing but the range is read.
    ///
    /// # Errors
    /// The range ends after the body, the key does not open, or the engine fails. Damage in the
    /// body is an error of the stream.
    pub async fn read(&self, range: Range<u64>) -> Result<BodyStream, VaultError> {
        if range.start > range.end || range.end > self.object.bytes {
            return Err(VaultError::Engine(engine::EngineError::Invalid {
                what: "the range ends after the object",
            }));
        }
        let key = DataKey::open(&self.keys, &self.place, &self.sealed_key)?;
        let parts = self.object.parts.iter().map(crate::ObjectPart::extent);
        let (decryptor, stored) = Decryptor::new(
            key,
            self.place.clone(),
            parts.collect(),
            range.start,
            range.end,
        )?;
        if stored.is_empty() {
            return Ok(Box::pin(futures_util::stream::empty()));
        }
        if stored.end > self.head.stored_bytes {
            return Err(VaultError::DamagedObject(
                "its body is shorter than its record says".to_owned(),
            ));
        }
        let bytes = self.engine.read(&self.head, stored).await?;
        Ok(Box::pin(futures_util::stream::try_unfold(
            (decryptor, bytes),
            next_plain,
        )))
    }
}

async fn next_plain(
    (mut decryptor, mut stored): (Decryptor, engine::ByteStream),
) -> Result<Option<(Bytes, (Decryptor, engine::ByteStream))>, VaultError> {
    loop {
        if let Some(plain) = decryptor.pull()? {
            return Ok(Some((plain, (decryptor, stored))));
        }
        if decryptor.is_done() {
            return Ok(None);
        }
        match stored.next().await {
            Some(bytes) => decryptor.push(&bytes?),
            None => {
                return Err(VaultError::DamagedObject("its body is cut off".to_owned()));
            }
        }
    }
}
