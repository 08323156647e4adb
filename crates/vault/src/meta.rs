//! What is kept about an object besides its body.
use bytes::Bytes;
use catalog::AccountId;
use digest::{Algorithm, Digest};
use jiff::Timestamp;
use policy::Grant;
use serde::{Deserialize, Serialize};

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

impl SystemHeaders {
    fn is_empty(&self) -> bool {
        *self == SystemHeaders::default()
    }
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
    #[serde(rename = "id", with = "canonical_id")]
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

/// The stored form, as MessagePack with short names: a listing reads a thousand of them, and small
/// objects are not much longer than it. Fields are only ever added.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredMeta {
    #[serde(rename = "n")]
    pub(crate) bytes: u64,
    #[serde(rename = "h", default, skip_serializing_if = "SystemHeaders::is_empty")]
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
    #[serde(with = "serde_bytes")] pub(crate) Vec<u8>,
    #[serde(with = "serde_bytes", default)] pub(crate) Vec<u8>,
    #[serde(with = "serde_bytes", default, skip_serializing_if = "Vec::is_empty")]
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

/// Canonical ids are 64 hex digits, and so half as many bytes; that of anonymous uploaders is a text.
pub(crate) mod canonical_id {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(id: &str, to: S) -> Result<S::Ok, S::Error> {
        let mut bytes = [0; 32];
        let is_lower = !id.bytes().any(|byte| byte.is_ascii_uppercase());
        match hex::decode_to_slice(id, &mut bytes) {
            Ok(()) if is_lower => to.serialize_bytes(&bytes),
            Ok(()) | Err(_) => to.serialize_str(id),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        struct Id;
        impl Visitor<'_> for Id {
            type Value = String;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a canonical id")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
                Ok(text.to_owned())
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<String, E> {
                Ok(hex::encode(bytes))
            }
        }
        from.deserialize_any(Id)
    }
}

pub(crate) fn encode(value: &impl Serialize) -> Result<Bytes, VaultError> {
    rmp_serde::to_vec_named(value)
        .map(Bytes::from)
        .map_err(|error| VaultError::DamagedObject(error.to_string()))
}

pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, VaultError> {
    rmp_serde::from_slice(bytes).map_err(|error| VaultError::DamagedObject(error.to_string()))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(canonical_id: &str) -> ObjectOwner {
        ObjectOwner {
            account: Some(AccountId::parse("111122223333").unwrap()),
            canonical_id: canonical_id.to_owned(),
        }
    }

    #[test]
    fn owners_come_back_as_they_were() {
        let hex = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a";
        for id in [
            hex,
            &hex.to_uppercase(),
            "65a011a29cdf8ec533ec3d1ccaae921c",
            "",
        ] {
            let stored = encode(&owner(id)).unwrap();
            assert_eq!(decode::<ObjectOwner>(&stored).unwrap(), owner(id));
        }
        let short = encode(&owner(hex)).unwrap().len();
        assert!(short + 30 < encode(&owner(&hex.to_uppercase())).unwrap().len());
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over() {
        #[derive(Serialize)]
        struct Later {
            account: &'static str,
            later: Vec<u8>,
            id: &'static str,
        }
        let stored = encode(&Later {
            account: "111122223333",
            later: vec![1, 2, 3],
            id: "x",
        });
        assert_eq!(decode::<ObjectOwner>(&stored.unwrap()).unwrap(), owner("x"));
        assert!(decode::<ObjectOwner>(b"{}").is_err());
    }
}
