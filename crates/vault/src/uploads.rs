//! Multipart uploads. AWS: Uploading and copying objects using multipart upload.
//!
//! An upload has one data key; each part is encrypted with a key of its own derived from it, so
//! that completing an upload moves no byte.
use std::sync::Arc;

use bytes::Bytes;
use catalog::{AccountId, Action, Object, Resource as _, s3};
use digest::{Algorithm, Digest};
use engine::{
    BucketId, CompleteUpload, CreateUpload, PartChoice, Sequence, UploadId, UploadMarker,
    UploadsQuery, Which, Write,
};
use gate::{BucketFacts, FactsError, Initiator, Permit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::acl::StoredGrant;
use crate::data_key::{DataKey, PartKeying, SealedKey};
use crate::meta::{self, StoredChecksum, StoredMeta, StoredPart};
use crate::objects::{Target, refused, shown_owner};
use crate::parts::StoredUploadPart;
use crate::{
    BucketVersioning, ChecksumType, Condition, CustomerKey, FilterFacts, NewObject, ObjectOwner,
    StoredObject, SystemHeaders, Vault, VaultError,
};

/// Parts that are read from the engine at a time.
const PARTS_PAGE: usize = 1000;

/// The checksum that an upload was created with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadChecksum {
    /// With which algorithm the parts come.
    pub algorithm: Algorithm,
    /// What the object will have.
    pub kind: ChecksumType,
}

/// Who started an upload, as listings show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadInitiator {
    /// Unique id of the principal.
    pub user_id: String,
    /// ARN of an IAM principal, canonical user id of a root user.
    pub shown_id: String,
    /// Its account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredUpload {
    #[serde(rename = "h", default)]
    headers: SystemHeaders,
    #[serde(rename = "m", default)]
    metadata: Vec<(String, String)>,
    #[serde(rename = "t", default)]
    tags: Vec<(String, String)>,
    #[serde(rename = "s")]
    storage_class: String,
    #[serde(rename = "o")]
    owner: ObjectOwner,
    #[serde(rename = "a", default)]
    grants: Vec<StoredGrant>,
    #[serde(rename = "k")]
    pub(crate) sealed_key: SealedKey,
    #[serde(rename = "c", default)]
    checksum: Option<(String, ChecksumType)>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    encryption: Option<String>,
    #[serde(rename = "i")]
    initiator: UploadInitiator,
    /// What [`write_mark`] says of the object that was there when the upload began.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    predecessor: Option<String>,
}

/// An upload in progress.
#[derive(Clone, Debug)]
pub struct UploadInfo {
    /// Its id, as callers know it.
    pub id: String,
    /// The key of the object it will become.
    pub key: String,
    /// When it was created.
    pub initiated: Timestamp,
    /// `None` if it was created without: parts then have a CRC64NVME that S3 computed.
    pub checksum: Option<UploadChecksum>,
    /// `STANDARD` or another class of AWS's.
    pub storage_class: String,
    /// Who started it.
    pub initiator: UploadInitiator,
    /// Who will own the object.
    pub owner: ObjectOwner,
    /// Whether parts need the customer's key (SSE-C).
    pub needs_customer_key: bool,
}

/// An uploaded part.
#[derive(Clone, Debug)]
pub struct UploadedPart {
    /// From 1 to 10,000.
    pub number: u32,
    /// Its length in bytes.
    pub bytes: u64,
    /// MD5 in hex.
    pub etag: String,
    /// When it was stored.
    pub last_modified: Timestamp,
    /// Of the upload's algorithm, CRC64NVME without one.
    pub checksum: Option<Digest>,
    keying: PartKeying,
    sequence: Sequence,
}

/// Uploads to list.
#[derive(Clone, Debug, Default)]
pub struct ListUploads {
    /// Keys begin with it.
    pub prefix: String,
    /// Keys that hold it after the prefix are shown as one common prefix.
    pub delimiter: Option<String>,
    /// Only keys after this one, and uploads of this key after `after_upload`.
    pub after_key: Option<String>,
    /// See `after_key`.
    pub after_upload: Option<String>,
    /// Uploads and common prefixes at most.
    pub limit: usize,
}

/// A page.
#[derive(Debug)]
pub struct ListedUploads {
    /// By key, then by time.
    pub uploads: Vec<UploadInfo>,
    /// In order.
    pub common_prefixes: Vec<String>,
    /// Key and upload after which the next page begins.
    pub next: Option<(String, Option<String>)>,
}

/// How an upload becomes an object.
#[derive(Debug)]
pub struct Completion {
    /// The parts, in order.
    pub parts: Vec<UploadedPart>,
    /// ETag of the object, without quotes.
    pub etag: String,
    /// Checksum of the object: algorithm, text, type.
    pub checksum: Option<(Algorithm, String, ChecksumType)>,
    /// What must hold of the present object.
    pub condition: Condition,
}

impl UploadInfo {
    fn of(upload: &engine::Upload, stored: &StoredUpload) -> Result<UploadInfo, VaultError> {
        Ok(UploadInfo {
            id: upload.upload.to_string(),
            key: upload.object.key.clone(),
            initiated: meta::timestamp(upload.initiated)?,
            checksum: stored.checksum.as_ref().and_then(|(name, kind)| {
                Algorithm::checksum_named(name).map(|algorithm| UploadChecksum {
                    algorithm,
                    kind: *kind,
                })
            }),
            storage_class: stored.storage_class.clone(),
            initiator: stored.initiator.clone(),
            owner: stored.owner.clone(),
            needs_customer_key: stored.sealed_key.needs_customer_key(),
        })
    }
}

impl UploadedPart {
    fn of(part: engine::Part) -> Result<UploadedPart, VaultError> {
        let StoredUploadPart(bytes, salt, algorithm, checksum, wrapped) = meta::decode(&part.meta)?;
        Ok(UploadedPart {
            number: part.number,
            bytes,
            etag: String::from_utf8(part.etag.to_vec())
                .map_err(|error| VaultError::DamagedObject(error.to_string()))?,
            last_modified: meta::timestamp(part.last_modified)?,
            checksum: Algorithm::checksum_named(&algorithm)
                .and_then(|algorithm| Digest::from_bytes(algorithm, &checksum)),
            keying: PartKeying { salt, wrapped },
            sequence: part.sequence,
        })
    }
}

/// An id that begins with the time, so that the engine lists uploads in the order of their
/// beginning, and ends with 80 random bits.
fn new_upload_id(now: Timestamp) -> Result<UploadId, VaultError> {
    let millis = u128::try_from(now.as_millisecond()).unwrap_or_default();
    let random = u128::from_be_bytes(seal::random::<16>()?);
    Ok(UploadId(millis << 80 | random >> 48))
}

/// Tells one write of an object from another of the same content: by its time, and by its sealed key. A change of tags or
/// ACL leaves both as they are; a copy of an object onto itself shares the body, and has another sealed key.
fn write_mark(head: &engine::Head) -> Result<String, VaultError> {
    let meta: StoredMeta = meta::decode(&head.meta)?;
    Ok(format!(
        "{}-{}",
        head.last_modified.0,
        meta.sealed_key.mark()
    ))
}

impl Vault {
    pub(crate) async fn initiator_of(
        &self,
        bucket: &BucketFacts,
        object: &Object,
    ) -> Result<Option<Initiator>, FactsError> {
        let unavailable = |error: VaultError| FactsError {
            about: object.arn(),
            source: Arc::new(error),
        };
        let Some(bucket) = BucketId::parse(&bucket.id) else {
            return Err(unavailable(VaultError::NothingJudged));
        };
        let Some(id) = object.upload.as_deref().and_then(UploadId::parse) else {
            return Ok(None);
        };
        let upload = self
            .engine
            .upload(id)
            .await
            .map_err(|error| unavailable(error.into()))?;
        match upload {
            Some(upload)
                if upload.object.bucket == bucket && upload.object.key == object.key.as_str() =>
            {
                let stored: StoredUpload = meta::decode(&upload.meta).map_err(unavailable)?;
                Ok(Some(Initiator {
                    user_id: stored.initiator.user_id,
                    account: stored.initiator.account,
                    server_side_encryption: stored.encryption,
                }))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// The upload that a permit names: it must be one to the permit's own bucket and key.
    pub(crate) async fn find_upload<A: Action<Resource = Object>>(
        &self,
        permit: &Permit<A>,
    ) -> Result<(Target, UploadId, engine::Upload, StoredUpload), VaultError> {
        let target = self.target(permit)?;
        let id = permit
            .resource()
            .upload
            .as_deref()
            .and_then(UploadId::parse);
        let id = id.ok_or(VaultError::NoSuchUpload)?;
        match self.engine.upload(id).await? {
            Some(upload) if upload.object == target.name => {
                let stored = meta::decode(&upload.meta)?;
                Ok((target, id, upload, stored))
            }
            Some(_) | None => Err(VaultError::NoSuchUpload),
        }
    }

    /// Begins an upload; answers its id. `encryption` is `x-amz-server-side-encryption` as sent.
    /// With a customer's key, parts need that key, and nobody reads the object without it.
    ///
    /// # Errors
    /// The bucket is gone, or the engine fails.
    pub async fn create_upload(
        &self,
        permit: &Permit<s3::PutObject>,
        new: NewObject,
        checksum: Option<UploadChecksum>,
        encryption: Option<String>,
        initiator: UploadInitiator,
        customer: Option<&CustomerKey>,
    ) -> Result<String, VaultError> {
        let target = self.target(permit)?;
        let sealed_key = DataKey::generate()?.seal(&self.keys, &target.place(), customer)?;
        let predecessor = self.engine.head(&target.name, Which::Current).await?;
        let predecessor = predecessor.map(|head| write_mark(&head)).transpose()?;
        let now = permit.request().now;
        let upload = new_upload_id(now)?;
        let stored = StoredUpload {
            headers: new.headers,
            metadata: new.metadata,
            tags: new.tags,
            storage_class: new.storage_class,
            owner: new.owner,
            grants: new.grants.iter().map(StoredGrant::from).collect(),
            sealed_key,
            checksum: checksum
                .map(|checksum| (checksum.algorithm.name().to_owned(), checksum.kind)),
            encryption,
            initiator,
            predecessor,
        };
        let created = self
            .engine
            .commit(Write::CreateUpload(CreateUpload {
                upload,
                object: target.name,
                initiated: meta::millis(now),
                meta: meta::encode(&stored)?,
            }))
            .await;
        created.map_err(|error| refused(&target.bucket, error))?;
        Ok(upload.to_string())
    }

    /// The upload that the permit names.
    ///
    /// # Errors
    /// [`VaultError::NoSuchUpload`], or the engine fails.
    pub async fn upload_info(
        &self,
        permit: &Permit<s3::PutObject>,
    ) -> Result<UploadInfo, VaultError> {
        let (_, _, upload, stored) = self.find_upload(permit).await?;
        UploadInfo::of(&upload, &stored)
    }

    /// All parts of the upload that the permit names, in the order of their numbers.
    ///
    /// # Errors
    /// [`VaultError::NoSuchUpload`], or the engine fails.
    pub async fn upload_parts(
        &self,
        permit: &Permit<s3::PutObject>,
    ) -> Result<(UploadInfo, Vec<UploadedPart>), VaultError> {
        let (_, id, upload, stored) = self.find_upload(permit).await?;
        let mut parts = Vec::new();
        let mut after = Some(0);
        while let Some(from) = after {
            let page = self.engine.list_parts(id, from, PARTS_PAGE).await?;
            let page = page.ok_or(VaultError::NoSuchUpload)?;
            for part in page.parts {
                parts.push(UploadedPart::of(part)?);
            }
            after = page.next;
        }
        Ok((UploadInfo::of(&upload, &stored)?, parts))
    }

    /// Makes sure that a customer's key, or none, is what the upload that the permit names was
    /// created with.
    ///
    /// # Errors
    /// [`VaultError::CustomerKeyMissing`], [`VaultError::CustomerKeyWrong`],
    /// [`VaultError::CustomerKeyNotApplicable`]; [`VaultError::NoSuchUpload`], or the engine fails.
    pub async fn check_upload_key<A: Action<Resource = Object>>(
        &self,
        permit: &Permit<A>,
        customer: Option<&CustomerKey>,
    ) -> Result<(), VaultError> {
        let (_, _, _, stored) = self.find_upload(permit).await?;
        stored.sealed_key.check(&self.keys, customer)
    }

    /// A page of the parts of the upload that the permit names, and where the next page begins.
    ///
    /// # Errors
    /// [`VaultError::NoSuchUpload`], or the engine fails.
    pub async fn list_parts(
        &self,
        permit: &Permit<s3::ListMultipartUploadParts>,
        after: u32,
        limit: usize,
    ) -> Result<(UploadInfo, Vec<UploadedPart>, Option<u32>), VaultError> {
        let (_, id, upload, stored) = self.find_upload(permit).await?;
        let bucket = self.bucket_record(permit.bucket())?;
        let page = self.engine.list_parts(id, after, limit).await?;
        let page = page.ok_or(VaultError::NoSuchUpload)?;
        let parts = page.parts.into_iter().map(UploadedPart::of);
        let mut info = UploadInfo::of(&upload, &stored)?;
        info.owner = shown_owner(bucket.facts(), info.owner);
        Ok((info, parts.collect::<Result<_, _>>()?, page.next))
    }

    /// Makes the upload that the permit names an object; answers its version, if the bucket keeps or
    /// kept versions, and what lifecycle rules look at.
    ///
    /// # Errors
    /// [`VaultError::NoSuchUpload`], [`VaultError::NoSuchPart`] if a part was uploaded again
    /// meanwhile, [`VaultError::ConditionalConflict`], the condition does not hold, or the engine
    /// fails.
    pub async fn complete_upload(
        &self,
        permit: &Permit<s3::PutObject>,
        completion: Completion,
    ) -> Result<(Option<String>, FilterFacts), VaultError> {
        let (target, upload, begun, stored) = self.find_upload(permit).await?;
        let predecessor = stored.predecessor.as_deref();
        self.refuse_conflict(&target, &completion.condition, begun.sequence, predecessor)
            .await?;
        let object_algorithm = completion
            .checksum
            .as_ref()
            .map(|(algorithm, ..)| *algorithm);
        let meta = StoredMeta {
            bytes: completion.parts.iter().map(|part| part.bytes).sum(),
            headers: stored.headers,
            metadata: stored.metadata,
            tags: stored.tags,
            storage_class: stored.storage_class,
            checksum: completion.checksum.map(|(algorithm, value, kind)| {
                StoredChecksum(algorithm.name().to_owned(), value, kind)
            }),
            owner: stored.owner,
            grants: stored.grants,
            sealed_key: stored.sealed_key,
            parts: completion
                .parts
                .iter()
                .map(|part| {
                    let checksum = part
                        .checksum
                        .filter(|digest| Some(digest.algorithm()) == object_algorithm)
                        .map(|digest| digest.bytes().to_vec());
                    StoredPart(
                        part.number,
                        part.bytes,
                        part.keying.salt.clone(),
                        checksum.unwrap_or_default(),
                        part.keying.wrapped.clone(),
                    )
                })
                .collect(),
            is_multipart: true,
            upload: Some(upload.to_string()),
        };
        let chosen = completion.parts.iter().map(|part| PartChoice {
            number: part.number,
            sequence: part.sequence,
        });
        let versioning = self.versioning_of(&target);
        let completed = self
            .engine
            .commit(Write::CompleteUpload(CompleteUpload {
                upload,
                parts: chosen.collect(),
                precondition: completion.condition.precondition(),
                versioning: versioning.of_engine(),
                etag: Bytes::from(completion.etag),
                last_modified: meta::millis(permit.request().now),
                meta: meta::encode(&meta)?,
            }))
            .await;
        let completed = completed.map_err(|error| refused(&target.bucket, error))?;
        let version = completed
            .version
            .filter(|_| versioning == BucketVersioning::Enabled)
            .map(|version| self.version_ids.show(&target.name, version));
        let facts = FilterFacts {
            bytes: meta.bytes,
            tags: meta.tags,
        };
        Ok((version, facts))
    }

    /// A condition that holds now does not help if others wrote while the parts were uploaded: its caller decided on what
    /// was there when the upload began (AWS: CompleteMultipartUpload, `If-Match` and `If-None-Match`).
    async fn refuse_conflict(
        &self,
        target: &Target,
        condition: &Condition,
        begun: Sequence,
        predecessor: Option<&str>,
    ) -> Result<(), VaultError> {
        if matches!(condition, Condition::None | Condition::Exists) {
            return Ok(());
        }
        let now = self
            .engine
            .head(&target.name, Which::CurrentOrMarker)
            .await?;
        let is_later = now.as_ref().is_some_and(|head| head.sequence > begun);
        let object = now.filter(|head| !head.is_delete_marker);
        let conflicts = match (condition, object) {
            // It was there and was deleted, or came and went.
            (Condition::Absent, None) => predecessor.is_some() || is_later,
            // New tags do not make another object of it.
            (Condition::EtagIs(etag), Some(head)) if head.etag == etag.as_bytes() => {
                is_later && predecessor != Some(write_mark(&head)?.as_str())
            }
            // The engine says that the condition does not hold.
            _ => false,
        };
        match conflicts {
            true => Err(VaultError::ConditionalConflict),
            false => Ok(()),
        }
    }

    /// The object that the upload which the permit names was completed to. Who did not hear the
    /// answer to a completion asks for it again. A customer's key need not be sent, and is compared.
    ///
    /// # Errors
    /// [`VaultError::NoSuchUpload`] if the current object was not made by this upload;
    /// [`VaultError::CustomerKeyWrong`], [`VaultError::CustomerKeyNotApplicable`]; or the engine
    /// fails.
    pub async fn completed_upload(
        &self,
        permit: &Permit<s3::PutObject>,
        customer: Option<&CustomerKey>,
    ) -> Result<StoredObject, VaultError> {
        let upload = permit.resource().upload.as_deref();
        let upload = upload.ok_or(VaultError::NoSuchUpload)?;
        match self.find(permit).await? {
            Some((head, meta)) if meta.upload.as_deref() == Some(upload) => {
                if customer.is_some() {
                    meta.sealed_key.check(&self.keys, customer)?;
                }
                let target = self.target(permit)?;
                Ok(StoredObject {
                    version: self.shown_version(&target, permit.resource(), head.version),
                    ..meta.into_object(&head)?
                })
            }
            Some(_) | None => Err(VaultError::NoSuchUpload),
        }
    }

    /// Ends the upload that the permit names and removes its parts.
    ///
    /// # Errors
    /// [`VaultError::NoSuchUpload`], or the engine fails.
    pub async fn abort_upload(
        &self,
        permit: &Permit<s3::AbortMultipartUpload>,
    ) -> Result<(), VaultError> {
        let (target, upload, _, _) = self.find_upload(permit).await?;
        let aborted = self.engine.commit(Write::AbortUpload { upload }).await;
        aborted.map_err(|error| refused(&target.bucket, error))?;
        Ok(())
    }

    /// A page of the bucket's uploads in progress.
    ///
    /// # Errors
    /// [`VaultError::NoSuchUpload`] if `after_upload` is no id; the bucket is gone, or the engine
    /// fails.
    pub async fn list_uploads(
        &self,
        permit: &Permit<s3::ListBucketMultipartUploads>,
        query: ListUploads,
    ) -> Result<ListedUploads, VaultError> {
        let bucket = self.bucket_record(permit.bucket())?;
        let after_upload = query
            .after_upload
            .as_deref()
            .map(|id| UploadId::parse(id).ok_or(VaultError::NoSuchUpload))
            .transpose()?;
        let page = self
            .engine
            .list_uploads(&UploadsQuery {
                bucket: bucket.id(),
                prefix: query.prefix,
                delimiter: query.delimiter,
                after: query.after_key.map(|key| UploadMarker {
                    key,
                    upload: after_upload,
                }),
                limit: query.limit,
            })
            .await?;
        let mut uploads = Vec::with_capacity(page.entries.len());
        for upload in page.entries {
            let stored: StoredUpload = meta::decode(&upload.meta)?;
            let mut info = UploadInfo::of(&upload, &stored)?;
            info.owner = shown_owner(bucket.facts(), info.owner);
            uploads.push(info);
        }
        Ok(ListedUploads {
            uploads,
            common_prefixes: page.common_prefixes,
            next: page
                .next
                .map(|marker| (marker.key, marker.upload.map(|upload| upload.to_string()))),
        })
    }
}
