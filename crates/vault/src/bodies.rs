//! Bodies of objects on their way in and out: digested, encrypted, streamed.
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use catalog::s3;
use digest::{Algorithm, BodyDigests, Computed, Digest, Digests, Front, Wanted};
use engine::{Head, ObjectEngine, Put, Stage, StageHint, Staged, Write};
use futures_util::{Stream, StreamExt as _};
use gate::Permit;
use seal::KeyEncryptionKey;

use crate::acl::StoredGrant;
use crate::crypt::{Decryptor, Encryptor, stored_bytes};
use crate::data_key::{DataKey, PartKeying, Place, SALT_BYTES, SealedKey};
use crate::meta::{self, StoredChecksum, StoredMeta, StoredPart};
use crate::objects::{ReadsObject, Target, refused};
use crate::{
    BucketVersioning, Checksum, ChecksumType, Condition, CustomerKey, NewObject, StoredObject,
    Vault, VaultError,
};

/// The bytes of a body.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, VaultError>> + Send>>;

impl Vault {
    /// Begins to write an object. Nothing of it is seen before [`Written::commit`]. With a
    /// customer's key, nobody reads it without that key.
    ///
    /// # Errors
    /// The bucket is gone, or the engine fails.
    pub async fn write_object(
        &self,
        permit: &Permit<s3::PutObject>,
        checksum: Algorithm,
        bytes_hint: Option<u64>,
        customer: Option<&CustomerKey>,
    ) -> Result<ObjectWriter, VaultError> {
        let target = self.target(permit)?;
        let key = DataKey::generate()?;
        let sealed_key = key.seal(&self.keys, &target.place(), customer)?;
        let body = BodyWriter::begin(
            self.engine.as_ref(),
            &key,
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
    /// [`VaultError::CustomerKeyMissing`], [`VaultError::CustomerKeyWrong`],
    /// [`VaultError::CustomerKeyNotApplicable`]; the object was changed after it was judged, or
    /// cannot be read.
    pub async fn open_object<A: ReadsObject>(
        &self,
        permit: &Permit<A>,
        customer: Option<&CustomerKey>,
    ) -> Result<Option<ObjectReader>, VaultError> {
        let target = self.target(permit)?;
        let Some((head, meta)) = self.find(permit).await? else {
            return Ok(None);
        };
        meta.sealed_key.check(&self.keys, customer)?;
        let version = self.shown_version(&target, permit.resource(), head.version);
        Ok(Some(ObjectReader {
            customer: customer.cloned(),
            engine: self.engine.clone(),
            keys: self.keys.clone(),
            place: target.place(),
            sealed_key: meta.sealed_key.clone(),
            stored_parts: meta.parts.clone(),
            object: StoredObject {
                version,
                ..meta.into_object(&head)?
            },
            head,
        }))
    }

    /// Makes the body of `source` that of the object that the permit names, once the answer is
    /// committed. No byte is written, and none is read unless the new object has a digest that the
    /// source's record does not have: another checksum, or the ETag of one that was made of parts.
    /// `None` if the source is encrypted under a customer's key: another encryption needs another
    /// body.
    ///
    /// # Errors
    /// The bucket is gone, the source's body is damaged, or the engine fails.
    pub async fn share_object(
        &self,
        permit: &Permit<s3::PutObject>,
        source: &ObjectReader,
        checksum: Algorithm,
    ) -> Result<Option<SharedBody>, VaultError> {
        if source.object.needs_customer_key {
            return Ok(None);
        }
        let target = self.target(permit)?;
        let (etag, digest) = source.digests(checksum).await?;
        let key = source.data_key()?;
        // The checksums of parts are those of a multipart object, which a copy is not.
        let part = |part: &StoredPart| {
            StoredPart(part.0, part.1, part.2.clone(), Vec::new(), part.4.clone())
        };
        Ok(Some(SharedBody(NewBody {
            sealed_key: key.seal(&self.keys, &target.place(), None)?,
            staged: self.engine.share(&source.head).await?,
            bytes: source.object.bytes,
            parts: source.stored_parts.iter().map(part).collect(),
            vault: self.clone(),
            target,
            etag,
            checksum: Some(digest),
        })))
    }
}

/// A body on its way in: digested, encrypted, staged, in one pass.
pub(crate) struct BodyWriter {
    stage: Box<dyn Stage>,
    encryptor: Encryptor,
    digests: BodyDigests,
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
        wanted: Wanted,
        bytes_hint: Option<u64>,
    ) -> Result<BodyWriter, VaultError> {
        let salt = seal::random::<SALT_BYTES>()?.to_vec();
        let encryptor = Encryptor::new(key.new_part(&salt)?);
        let hint = StageHint {
            stored_bytes: bytes_hint.map(stored_bytes),
        };
        Ok(BodyWriter {
            stage: engine.stage(hint).await?,
            encryptor,
            digests: BodyDigests::new(Front::shared(), wanted),
            salt,
        })
    }

    pub(crate) fn announce(&mut self, digest: Digest) {
        self.digests.announce(digest);
    }

    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), VaultError> {
        self.digests.write(bytes.clone()).await?;
        for segment in self.encryptor.push(bytes)? {
            self.stage.write(segment).await?;
        }
        Ok(())
    }

    pub(crate) async fn finish(mut self) -> Result<StagedBody, VaultError> {
        self.stage.write(self.encryptor.finish()?).await?;
        Ok(StagedBody {
            staged: self.stage.finish().await?,
            computed: self.digests.finish().await?,
            salt: self.salt,
        })
    }
}

/// An object on its way in. Dropped, it leaves nothing behind.
pub struct ObjectWriter {
    vault: Vault,
    target: Target,
    sealed_key: SealedKey,
    checksum: Algorithm,
    body: BodyWriter,
}

impl ObjectWriter {
    /// Says a digest of all the bytes that will be written, before the first: it is not computed.
    /// Whoever says it commits only what was compared with it.
    pub fn announce(&mut self, digest: Digest) {
        self.body.announce(digest);
    }

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
        let StagedBody {
            staged,
            computed,
            salt,
        } = self.body.finish().await?;
        Ok(Written {
            body: NewBody {
                vault: self.vault,
                target: self.target,
                bytes: computed.len(),
                etag: etag(&computed, &self.sealed_key)?,
                sealed_key: self.sealed_key,
                checksum: computed.get(self.checksum),
                parts: vec![StoredPart(1, computed.len(), salt, Vec::new(), Vec::new())],
                staged,
            },
            computed,
        })
    }
}

/// The ETag of what is encrypted so: the MD5 in hex; under a customer's key it tells nothing of the
/// content, and is another one each time (AWS: Object, `ETag`).
pub(crate) fn etag(computed: &Computed, key: &SealedKey) -> Result<String, VaultError> {
    if key.needs_customer_key() {
        return Ok(hex::encode(seal::random::<16>()?));
    }
    Ok(md5_hex(computed))
}

fn md5_hex(computed: &Computed) -> String {
    let md5 = computed.get(Algorithm::Md5);
    md5.map(|digest| digest.hex()).unwrap_or_default()
}

/// A body that is stored and named by nothing yet. Dropped, it is removed.
pub struct Written {
    body: NewBody,
    computed: Computed,
}

impl Written {
    /// MD5 and the checksum that was asked for.
    pub fn digests(&self) -> &Computed {
        &self.computed
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
        self.body.commit(new, condition, now).await
    }
}

/// The body of an object that is there, about to be that of another one too.
pub struct SharedBody(NewBody);

impl SharedBody {
    /// Makes it the object.
    ///
    /// # Errors
    /// As [`Written::commit`].
    pub async fn commit(
        self,
        new: NewObject,
        condition: Condition,
        now: jiff::Timestamp,
    ) -> Result<StoredObject, VaultError> {
        self.0.commit(new, condition, now).await
    }
}

/// A body and what its object will say of it.
struct NewBody {
    vault: Vault,
    target: Target,
    sealed_key: SealedKey,
    staged: Staged,
    bytes: u64,
    parts: Vec<StoredPart>,
    etag: String,
    checksum: Option<Digest>,
}

impl NewBody {
    async fn commit(
        self,
        new: NewObject,
        condition: Condition,
        now: jiff::Timestamp,
    ) -> Result<StoredObject, VaultError> {
        let stored = StoredMeta {
            bytes: self.bytes,
            headers: new.headers,
            metadata: new.metadata,
            tags: new.tags,
            storage_class: new.storage_class,
            checksum: self.checksum.map(|digest| full_object(&digest)),
            owner: new.owner,
            grants: new.grants.iter().map(StoredGrant::from).collect(),
            sealed_key: self.sealed_key,
            parts: self.parts,
            is_multipart: false,
            upload: None,
        };
        let needs_customer_key = stored.sealed_key.needs_customer_key();
        let last_modified = meta::millis(now);
        let versioning = self.vault.versioning_of(&self.target);
        let committed = self
            .vault
            .engine
            .commit(Write::Put(Put {
                object: self.target.name.clone(),
                precondition: condition.precondition(),
                versioning: versioning.of_engine(),
                etag: Bytes::from(self.etag.clone()),
                last_modified,
                meta: meta::encode(&stored)?,
                body: self.staged,
            }))
            .await;
        let committed = committed.map_err(|error| refused(&self.target.bucket, error))?;
        let version = committed
            .version
            .filter(|_| versioning == BucketVersioning::Enabled)
            .map(|version| self.vault.version_ids.show(&self.target.name, version));
        Ok(StoredObject {
            version,
            bytes: stored.bytes,
            etag: self.etag,
            last_modified: meta::timestamp(last_modified)?,
            headers: stored.headers,
            metadata: stored.metadata,
            tags: stored.tags,
            storage_class: stored.storage_class,
            checksum: self.checksum.map(|digest| Checksum {
                algorithm: digest.algorithm(),
                value: digest.base64(),
                kind: ChecksumType::FullObject,
            }),
            owner: stored.owner,
            grants: new.grants,
            parts: Vec::new(),
            is_multipart: false,
            needs_customer_key,
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
    sealed_key: SealedKey,
    // INVARIANT: it passed the key's check.
    customer: Option<CustomerKey>,
    // Those of the body: a copy may have several though its object has one.
    stored_parts: Vec<StoredPart>,
    pub(crate) head: Head,
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
        let parts = self.stored_parts.iter().map(StoredPart::extent).collect();
        let key = self.data_key()?;
        let (decryptor, stored) = Decryptor::new(key, parts, range.start, range.end)?;
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

impl ObjectReader {
    fn data_key(&self) -> Result<DataKey, VaultError> {
        DataKey::open(
            &self.keys,
            &self.place,
            &self.sealed_key,
            self.customer.as_ref(),
        )
    }

    /// The whole body's MD5 in hex and its checksum: from the record, or else computed.
    async fn digests(&self, checksum: Algorithm) -> Result<(String, Digest), VaultError> {
        let known = self.object.checksum.as_ref().filter(|known| {
            let is_whole = known.kind == ChecksumType::FullObject && known.algorithm == checksum;
            is_whole && !self.object.is_multipart
        });
        let known = known.and_then(|known| Digest::from_base64(checksum, &known.value));
        if let Some(digest) = known {
            return Ok((self.object.etag.clone(), digest));
        }
        let mut digests = Digests::new(Wanted::of([Algorithm::Md5, checksum]));
        let mut body = self.read(0..self.object.bytes).await?;
        while let Some(bytes) = body.next().await {
            digests.update(&bytes?);
        }
        let computed = digests.finish();
        let digest = computed.get(checksum).ok_or_else(|| {
            VaultError::DamagedObject("it has no checksum of the wanted algorithm".to_owned())
        })?;
        Ok((md5_hex(&computed), digest))
    }

    /// The body as a part of an upload with another data key: `None` if it is made of several
    /// parts, for then it is none itself, or is encrypted under a customer's key.
    pub(crate) async fn as_part(
        &self,
        of: &DataKey,
        checksum: Algorithm,
    ) -> Result<Option<PartBody>, VaultError> {
        let [part] = self.stored_parts.as_slice() else {
            return Ok(None);
        };
        if self.object.needs_customer_key {
            return Ok(None);
        }
        let (etag, digest) = self.digests(checksum).await?;
        Ok(Some(PartBody {
            keying: of.adopt(&self.data_key()?, &part.extent().keying)?,
            staged: self.engine.share(&self.head).await?,
            bytes: self.object.bytes,
            etag,
            checksum: (checksum, Some(digest)),
        }))
    }
}

/// The body of a part, and what its record will say of it.
pub(crate) struct PartBody {
    pub(crate) staged: Staged,
    pub(crate) keying: PartKeying,
    pub(crate) bytes: u64,
    pub(crate) etag: String,
    /// Of this algorithm, if it was computed.
    pub(crate) checksum: (Algorithm, Option<Digest>),
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
