//! What is kept about an object besides its body.
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use catalog::AccountId;
use digest::{Algorithm, Digest};
use jiff::Timestamp;
use policy::Grant;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::VaultError;
use crate::acl::StoredGrant;
use crate::crypt::PartExtent;
use crate::data_key::{PartKeying, SealedKey};

/// Headers that are stored and given back as they were. AWS: Working with object metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemHeaders {
    /// `Content-Type`
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Cache-Control`
    #[serde(rename = "cache", skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Content-Disposition`
    #[serde(rename = "disposition", skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`.
    #[serde(rename = "encoding", skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Language`
    #[serde(rename = "language", skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Expires`, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// `x-amz-website-redirect-location`
    #[serde(rename = "redirect", skip_serializing_if = "Option::is_none")]
    pub website_redirect_location: Option<String>,
}

/// Whether a checksum is that of the object or that of the parts' checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChecksumType {
    /// `FULL_OBJECT`
    #[serde(rename = "f")]
    FullObject,
    /// `COMPOSITE`
    #[serde(rename = "c")]
    Composite,
}

impl ChecksumType {
    /// AWS's word.
    pub fn name(self) -> &'static str {
        match self {
            ChecksumType::FullObject => "FULL_OBJECT",
            ChecksumType::Composite => "COMPOSITE",
        }
    }
}

/// The checksum of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// With which algorithm.
    pub algorithm: Algorithm,
    /// Base64; with `-N` for a composite one.
    pub value: String,
    /// Of what.
    pub kind: ChecksumType,
}

/// Who owns an object (spec S-7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectOwner {
    /// The account; `None` for anonymous uploaders.
    #[serde(rename = "account", skip_serializing_if = "Option::is_none", default)]
    pub account: Option<AccountId>,
    /// Its canonical user id (text: that of anonymous uploaders has not 64 digits).
    #[serde(rename = "id")]
    pub canonical_id: String,
}

/// What an object is made with, besides its body.
#[derive(Clone, Debug)]
pub struct NewObject {
    /// Headers that are stored and given back.
    pub headers: SystemHeaders,
    /// User metadata: names without `x-amz-meta-`, lower case.
    pub metadata: Vec<(String, String)>,
    /// Tags in the order given.
    pub tags: Vec<(String, String)>,
    /// `STANDARD` or another class of AWS's.
    pub storage_class: String,
    /// Its owner.
    pub owner: ObjectOwner,
    /// Its ACL.
    pub grants: Vec<Grant>,
}

/// A part of an object. An object that was not made of parts has one, with number 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPart {
    /// Its number in the upload.
    pub number: u32,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its checksum, of the algorithm of the object.
    pub checksum: Option<Digest>,
}

/// An object without its body.
#[derive(Clone, Debug)]
pub struct StoredObject {
    /// Length of the body in bytes.
    pub bytes: u64,
    /// Without quotes.
    pub etag: String,
    /// When it was stored.
    pub last_modified: Timestamp,
    /// Headers that are stored and given back.
    pub headers: SystemHeaders,
    /// User metadata: names without `x-amz-meta-`, lower case.
    pub metadata: Vec<(String, String)>,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// `STANDARD` or another class of AWS's.
    pub storage_class: String,
    /// The checksum.
    pub checksum: Option<Checksum>,
    /// Who owns it.
    pub owner: ObjectOwner,
    /// Its ACL.
    pub grants: Vec<Grant>,
    /// Its parts.
    pub parts: Vec<ObjectPart>,
    /// Whether it was made by a multipart upload.
    pub is_multipart: bool,
    /// Whether it takes the customer's key to read it (SSE-C).
    pub needs_customer_key: bool,
    /// The id of this version, where the caller is to see one: in a bucket that keeps or kept
    /// versions, or if the request named it.
    pub version: Option<String>,
}

/// The stored form, as JSON with short names. Fields are only ever added.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredMeta {
    #[serde(rename = "n")]
    pub(crate) bytes: u64,
    #[serde(rename = "h", default)]
    pub(crate) headers: SystemHeaders,
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) metadata: Vec<(String, String)>,
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<(String, String)>,
    #[serde(
        rename = "s",
        default = "standard",
        skip_serializing_if = "is_standard"
    )]
    pub(crate) storage_class: String,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<StoredChecksum>,
    #[serde(rename = "o")]
    pub(crate) owner: ObjectOwner,
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) grants: Vec<StoredGrant>,
    #[serde(rename = "k")]
    pub(crate) sealed_key: SealedKey,
    #[serde(rename = "p")]
    pub(crate) parts: Vec<StoredPart>,
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_multipart: bool,
    /// The id of the upload that this object was completed from.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub(crate) upload: Option<String>,
}

/// (algorithm, value, kind)
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredChecksum(
    pub(crate) String,
    pub(crate) String,
    pub(crate) ChecksumType,
);

/// (number, bytes, salt, checksum, wrapped key), in this short form because an object may have
/// 10,000. A copy has the parts of the body that it shares, though it is no multipart object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredPart(
    pub(crate) u32,
    pub(crate) u64,
    #[serde(with = "base64_bytes")] pub(crate) Vec<u8>,
    #[serde(with = "base64_bytes", default)] pub(crate) Vec<u8>,
    #[serde(with = "base64_bytes", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate)  Vec<u8>,
);

impl StoredPart {
    pub(crate) fn extent(&self) -> PartExtent {
        let StoredPart(_, plain_bytes, salt, _, wrapped) = self;
        PartExtent {
            plain_bytes: *plain_bytes,
            keying: PartKeying {
                salt: salt.clone(),
                wrapped: wrapped.clone(),
            },
        }
    }
}

fn standard() -> String {
    "STANDARD".to_owned()
}

fn is_standard(class: &str) -> bool {
    class == "STANDARD"
}

pub(crate) mod base64_bytes {
    use base64::Engine as _;

    use super::{Deserialize, Deserializer, STANDARD_NO_PAD, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD_NO_PAD
            .decode(text)
            .map_err(serde::de::Error::custom)
    }
}

pub(crate) fn encode(value: &impl Serialize) -> Result<Bytes, VaultError> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|error| VaultError::DamagedObject(error.to_string()))
}

pub(crate) fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, VaultError> {
    serde_json::from_slice(bytes).map_err(|error| VaultError::DamagedObject(error.to_string()))
}

impl StoredMeta {
    /// Gives the object its public form.
    pub(crate) fn into_object(self, head: &engine::Head) -> Result<StoredObject, VaultError> {
        let damaged = |what: &str| VaultError::DamagedObject(what.to_owned());
        let algorithm = self.checksum.as_ref().map(|checksum| checksum.0.as_str());
        let algorithm = match algorithm {
            Some(name) => Some(
                Algorithm::checksum_named(name).ok_or_else(|| damaged("no checksum algorithm"))?,
            ),
            None => None,
        };
        let parts = match self.is_multipart {
            true => {
                let part = |StoredPart(number, bytes, _, checksum, _)| ObjectPart {
                    number,
                    bytes,
                    checksum: algorithm
                        .and_then(|algorithm| Digest::from_bytes(algorithm, &checksum)),
                };
                self.parts.into_iter().map(part).collect()
            }
            false => vec![ObjectPart {
                number: 1,
                bytes: self.bytes,
                checksum: None,
            }],
        };
        Ok(StoredObject {
            bytes: self.bytes,
            etag: String::from_utf8(head.etag.to_vec()).map_err(|_| damaged("no ETag"))?,
            last_modified: timestamp(head.last_modified)?,
            headers: self.headers,
            metadata: self.metadata,
            tags: self.tags,
            storage_class: self.storage_class,
            checksum: self.checksum.zip(algorithm).map(
                |(StoredChecksum(_, value, kind), algorithm)| Checksum {
                    algorithm,
                    value,
                    kind,
                },
            ),
            owner: self.owner,
            grants: self.grants.iter().map(StoredGrant::grant).collect(),
            parts,
            is_multipart: self.is_multipart,
            needs_customer_key: self.sealed_key.needs_customer_key(),
            version: None,
        })
    }
}

pub(crate) fn timestamp(millis: engine::Millis) -> Result<Timestamp, VaultError> {
    Timestamp::from_millisecond(millis.0)
        .map_err(|error| VaultError::DamagedObject(error.to_string()))
}

pub(crate) fn millis(time: Timestamp) -> engine::Millis {
    // S3 shows whole seconds; listing and reading must not differ.
    engine::Millis(time.as_second().saturating_mul(1000))
}
