//! Parts of multipart uploads on their way in: written, or shared with an object that is there.
use std::sync::Arc;

use bytes::Bytes;
use catalog::s3;
use digest::{Algorithm, Computed, Digest, Wanted};
use engine::{ObjectEngine, PutPart, UploadId, Write};
use gate::Permit;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bodies::{BodyWriter, PartBody, StagedBody, etag};
use crate::data_key::{DataKey, PartKeying, SealedKey};
use crate::meta;
use crate::objects::{Target, refused};
use crate::{CustomerKey, ObjectReader, Vault, VaultError};

/// (bytes, salt, algorithm, checksum, wrapped key)
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredUploadPart(
    pub(crate) u64,
    #[serde(with = "serde_bytes")] pub(crate) Vec<u8>,
    pub(crate) String,
    #[serde(with = "serde_bytes")] pub(crate) Vec<u8>,
    #[serde(with = "serde_bytes", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate)  Vec<u8>,
);

impl Vault {
    /// Begins to write a part. Nothing of it is seen before [`WrittenPart::commit`]. `checksum` is
    /// kept; `also` is computed for whoever wants to compare it.
    ///
    /// # Errors
    /// [`VaultError::NoSuchUpload`]; [`VaultError::CustomerKeyMissing`],
    /// [`VaultError::CustomerKeyWrong`], [`VaultError::CustomerKeyNotApplicable`] if the customer's
    /// key is not that of the upload; or the engine fails.
    pub async fn write_part(
        &self,
        permit: &Permit<s3::PutObject>,
        number: u32,
        checksum: Algorithm,
        also: Option<Algorithm>,
        bytes_hint: Option<u64>,
        customer: Option<&CustomerKey>,
    ) -> Result<PartWriter, VaultError> {
        let (target, upload, _, stored) = self.find_upload(permit).await?;
        let key = DataKey::open(&self.keys, &target.place(), &stored.sealed_key, customer)?;
        let body = BodyWriter::begin(
            self.engine.as_ref(),
            &key,
            Wanted::of([Algorithm::Md5, checksum].into_iter().chain(also)),
            bytes_hint,
        )
        .await?;
        Ok(PartWriter {
            place: PartPlace {
                engine: self.engine.clone(),
                target,
                upload,
                number,
            },
            checksum,
            body,
            key: stored.sealed_key,
        })
    }

    /// Makes the body of `source` a part of the upload that the permit names, once the answer is
    /// committed. No byte is written, and none is read unless the source's record lacks the
    /// checksum. `None` if the source is itself made of parts, or if source or upload is encrypted
    /// under a customer's key.
    ///
    /// # Errors
    /// [`VaultError::NoSuchUpload`], the source's body is damaged, or the engine fails.
    pub async fn share_part(
        &self,
        permit: &Permit<s3::PutObject>,
        number: u32,
        checksum: Algorithm,
        source: &ObjectReader,
    ) -> Result<Option<SharedPart>, VaultError> {
        let (target, upload, _, stored) = self.find_upload(permit).await?;
        if stored.sealed_key.needs_customer_key() {
            return Ok(None);
        }
        let key = DataKey::open(&self.keys, &target.place(), &stored.sealed_key, None)?;
        let body = source.as_part(&key, checksum).await?;
        Ok(body.map(|body| {
            let place = PartPlace {
                engine: self.engine.clone(),
                target,
                upload,
                number,
            };
            SharedPart(NewPart { place, body })
        }))
    }
}

/// Where a part will be.
struct PartPlace {
    engine: Arc<dyn ObjectEngine>,
    target: Target,
    upload: UploadId,
    number: u32,
}

/// A part on its way in. Dropped, it leaves nothing behind.
pub struct PartWriter {
    place: PartPlace,
    checksum: Algorithm,
    body: BodyWriter,
    key: SealedKey,
}

impl PartWriter {
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
    pub async fn finish(self) -> Result<WrittenPart, VaultError> {
        let StagedBody {
            staged,
            computed,
            salt,
        } = self.body.finish().await?;
        let body = PartBody {
            staged,
            keying: PartKeying {
                salt,
                wrapped: Vec::new(),
            },
            bytes: computed.len(),
            etag: etag(&computed, &self.key)?,
            checksum: (self.checksum, computed.get(self.checksum)),
        };
        Ok(WrittenPart {
            part: NewPart {
                place: self.place,
                body,
            },
            computed,
        })
    }
}

/// A part that is stored and named by nothing yet. Dropped, it is removed.
pub struct WrittenPart {
    part: NewPart,
    computed: Computed,
}

impl WrittenPart {
    /// MD5 and the checksum that was asked for.
    pub fn digests(&self) -> &Computed {
        &self.computed
    }

    /// Makes it the part of this number. Answers its ETag, without quotes, and its checksum.
    ///
    /// # Errors
    /// [`VaultError::NoSuchUpload`] if it was completed or aborted meanwhile, or the engine fails.
    pub async fn commit(self, now: Timestamp) -> Result<(String, Option<Digest>), VaultError> {
        self.part.commit(now).await
    }
}

/// The body of an object that is there, about to be a part too.
pub struct SharedPart(NewPart);

impl SharedPart {
    /// Makes it the part of this number. Answers its ETag, without quotes, and its checksum.
    ///
    /// # Errors
    /// As [`WrittenPart::commit`].
    pub async fn commit(self, now: Timestamp) -> Result<(String, Option<Digest>), VaultError> {
        self.0.commit(now).await
    }
}

struct NewPart {
    place: PartPlace,
    body: PartBody,
}

impl NewPart {
    async fn commit(self, now: Timestamp) -> Result<(String, Option<Digest>), VaultError> {
        let NewPart { place, body } = self;
        let (algorithm, checksum) = body.checksum;
        let stored = StoredUploadPart(
            body.bytes,
            body.keying.salt,
            algorithm.name().to_owned(),
            checksum
                .map(|digest| digest.bytes().to_vec())
                .unwrap_or_default(),
            body.keying.wrapped,
        );
        let committed = place
            .engine
            .commit(Write::PutPart(PutPart {
                upload: place.upload,
                number: place.number,
                etag: Bytes::from(body.etag.clone()),
                last_modified: meta::millis(now),
                meta: meta::encode(&stored)?,
                body: body.staged,
            }))
            .await;
        committed.map_err(|error| refused(&place.target.bucket, error))?;
        Ok((body.etag, checksum))
    }
}
