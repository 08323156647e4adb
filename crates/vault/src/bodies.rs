//! Bodies of objects on their way in and out: digested, encrypted, streamed.
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use catalog::s3;
use digest::{Algorithm, Computed, Digest, Digests, Wanted};
use engine::{Head, ObjectEngine, Put, Stage, StageHint, Staged, Write};
use futures_util::{Stream, StreamExt as _};
use gate::Permit;
use seal::KeyEncryptionKey;

use crate::acl::StoredGrant;
use crate::crypt::{DataKey, Decryptor, Encryptor, Place, SALT_BYTES, stored_bytes};
use crate::meta::{self, StoredChecksum, StoredMeta, StoredPart};
use crate::objects::{ReadsObject, Target, refused};
use crate::{
    BucketVersioning, Checksum, ChecksumType, Condition, NewObject, StoredObject, Vault, VaultError,
};

/// The bytes of a body.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, VaultError>> + Send>>;

impl Vault {
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
