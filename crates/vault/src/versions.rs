//! Versions of objects: how their ids look, which one a permit names, and listings of all.
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use catalog::{Object, s3};
use engine::{ObjectName, Sequence, VersionId, VersionMarker, Versioning, VersionsQuery, Which};
use gate::Permit;
use jiff::Timestamp;
use seal::KeyEncryptionKey;

use crate::meta::{self, StoredMeta};
use crate::objects::shown_owner;
use crate::{ObjectOwner, StoredObject, Vault, VaultError};

/// Whether a bucket keeps versions. AWS: Using versioning in S3 buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BucketVersioning {
    /// It never did.
    #[default]
    Unversioned,
    /// Every write makes a version.
    Enabled,
    /// Writes replace the version `null`; older ones stay.
    Suspended,
}

impl BucketVersioning {
    pub(crate) fn of_engine(self) -> Versioning {
        match self {
            BucketVersioning::Unversioned => Versioning::Unversioned,
            BucketVersioning::Enabled => Versioning::Enabled,
            BucketVersioning::Suspended => Versioning::Suspended,
        }
    }
}

/// Makes version ids of the engine's numbers, and reads them back.
///
/// An id is 32 characters of base64: a code that authenticates bucket, key and number, then the
/// number, hidden under a key stream that the code begins. So ids tell nothing, none can be guessed, and those of
/// another object are those of no version. In place of `-`, with which no command line should begin a value, stands `.`.
pub(crate) struct VersionIds {
    key: hmac::Key,
}

const CODE_BYTES: usize = 16;

impl VersionIds {
    pub(crate) fn new(keys: &KeyEncryptionKey) -> Result<VersionIds, VaultError> {
        let key = keys.derive(b"version-ids")?;
        Ok(VersionIds {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()),
        })
    }

    fn code(&self, purpose: &[u8], parts: &[&[u8]]) -> [u8; CODE_BYTES] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(purpose);
        for part in parts {
            context.update(part);
        }
        let tag = context.sign();
        let mut code = [0; CODE_BYTES];
        for (to, from) in code.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        code
    }

    fn of(&self, name: &ObjectName, number: [u8; 8]) -> [u8; CODE_BYTES] {
        let bucket = name.bucket.0.to_be_bytes();
        self.code(b"version", &[&bucket, &number, name.key.as_bytes()])
    }

    fn hide(&self, code: &[u8; CODE_BYTES], number: [u8; 8]) -> [u8; 8] {
        let stream = self.code(b"number", &[code]);
        let mut hidden = number;
        for (byte, pad) in hidden.iter_mut().zip(stream) {
            *byte ^= pad;
        }
        hidden
    }

    /// The id as S3 shows it.
    pub(crate) fn show(&self, name: &ObjectName, version: VersionId) -> String {
        let VersionId::Made(sequence) = version else {
            return "null".to_owned();
        };
        let number = sequence.0.to_be_bytes();
        let code = self.of(name, number);
        let mut bytes = code.to_vec();
        bytes.extend_from_slice(&self.hide(&code, number));
        URL_SAFE_NO_PAD.encode(bytes).replace('-', ".")
    }

    /// The version of an object that an id names; `None` if it can be none.
    pub(crate) fn read(&self, name: &ObjectName, id: &str) -> Option<VersionId> {
        if id == "null" {
            return Some(VersionId::Null);
        }
        let bytes = URL_SAFE_NO_PAD.decode(id.replace('.', "-")).ok()?;
        let (code, hidden) = bytes.split_first_chunk::<CODE_BYTES>()?;
        let number = self.hide(code, *hidden.first_chunk::<8>()?);
        let fits = hidden.len() == 8 && self.of(name, number) == *code;
        fits.then(|| VersionId::Made(Sequence(u64::from_be_bytes(number))))
    }
}

/// What a deletion did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// The version that was removed, or that of the new delete marker. `None` in a bucket that never kept versions.
    pub version: Option<String>,
    /// Whether that version is, or was, a delete marker.
    pub is_delete_marker: bool,
}

/// Asks for versions.
#[derive(Clone, Debug, Default)]
pub struct ListVersions {
    /// Keys begin with it.
    pub prefix: String,
    /// Keys that hold it after the prefix are shown as one common prefix.
    pub delimiter: Option<String>,
    /// Only keys, and common prefixes, after this one; with `after_version` also its older versions.
    pub after_key: Option<String>,
    /// Only versions of `after_key` that are older than this one.
    pub after_version: Option<String>,
    /// Versions and common prefixes at most.
    pub limit: usize,
}

/// A version of a listing.
#[derive(Debug)]
pub struct ListedVersion {
    /// Its key.
    pub key: String,
    /// Its id.
    pub version: String,
    /// Whether it is the newest of its key.
    pub is_latest: bool,
    /// When it was made.
    pub last_modified: Timestamp,
    /// Its owner, as the bucket's ownership setting has it.
    pub owner: ObjectOwner,
    /// The object; `None` for a delete marker.
    pub object: Option<StoredObject>,
}

/// A page.
#[derive(Debug)]
pub struct ListedVersions {
    /// By key, and from the newest to the oldest.
    pub versions: Vec<ListedVersion>,
    /// In order.
    pub common_prefixes: Vec<String>,
    /// Key and version after which the next page begins, if there is one.
    pub next: Option<(String, Option<String>)>,
}

impl Vault {
    /// Whether the bucket keeps versions.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn bucket_versioning(
        &self,
        permit: &Permit<s3::GetBucketVersioning>,
    ) -> Result<BucketVersioning, VaultError> {
        Ok(self.bucket_record(permit.bucket())?.versioning())
    }

    /// Lets the bucket keep versions, or no new ones.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`], or the engine fails.
    pub async fn set_bucket_versioning(
        &self,
        permit: &Permit<s3::PutBucketVersioning>,
        is_enabled: bool,
    ) -> Result<(), VaultError> {
        self.configure(permit, move |bucket| {
            bucket.versioning = Some(is_enabled);
            Ok(())
        })
        .await
    }

    /// The version that is meant.
    pub(crate) fn which(&self, name: &ObjectName, object: &Object) -> Result<Which, VaultError> {
        let Some(id) = &object.version else {
            return Ok(Which::CurrentOrMarker);
        };
        match self.version_ids.read(name, id) {
            Some(version) => Ok(Which::Version(version)),
            None => Err(VaultError::InvalidVersionId {
                key: object.key.to_string(),
                version: id.clone(),
            }),
        }
    }

    /// All versions of the bucket's objects, delete markers included.
    ///
    /// # Errors
    /// [`VaultError::InvalidVersionId`] if `after_version` is no id; the bucket is gone, or the engine
    /// fails.
    pub async fn list_versions(
        &self,
        permit: &Permit<s3::ListBucketVersions>,
        query: ListVersions,
    ) -> Result<ListedVersions, VaultError> {
        let bucket = self.bucket_record(permit.bucket())?;
        let named = |key: &str| ObjectName {
            bucket: bucket.id(),
            key: key.to_owned(),
        };
        let after = match query.after_key {
            None => None,
            Some(key) => {
                let version = query.after_version.map(|id| {
                    let version = self.version_ids.read(&named(&key), &id);
                    version.ok_or(VaultError::InvalidVersionId {
                        key: key.clone(),
                        version: id,
                    })
                });
                Some(VersionMarker {
                    version: version.transpose()?,
                    key,
                })
            }
        };
        let page = self
            .engine
            .list_versions(&VersionsQuery {
                bucket: bucket.id(),
                prefix: query.prefix,
                delimiter: query.delimiter,
                after,
                limit: query.limit,
            })
            .await?;
        let mut versions = Vec::with_capacity(page.entries.len());
        for entry in page.entries {
            let object = match entry.head.is_delete_marker {
                true => None,
                false => {
                    let meta: StoredMeta = meta::decode(&entry.head.meta)?;
                    Some(meta.into_object(&entry.head)?)
                }
            };
            let owner = match &object {
                Some(object) => object.owner.clone(),
                None => meta::decode(&entry.head.meta)?,
            };
            versions.push(ListedVersion {
                version: self
                    .version_ids
                    .show(&named(&entry.key), entry.head.version),
                key: entry.key,
                is_latest: entry.is_latest,
                last_modified: meta::timestamp(entry.head.last_modified)?,
                owner: shown_owner(bucket.facts(), owner),
                object,
            });
        }
        Ok(ListedVersions {
            versions,
            common_prefixes: page.common_prefixes,
            next: page.next.map(|marker| {
                let version = marker
                    .version
                    .map(|version| self.version_ids.show(&named(&marker.key), version));
                (marker.key, version)
            }),
        })
    }
}

pub(crate) fn no_such_version(object: &Object) -> VaultError {
    VaultError::NoSuchVersion {
        key: object.key.to_string(),
        version: object.version.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::BucketId;

    #[test]
    fn ids_are_those_of_one_object_and_look_like_s3s() {
        let keys = KeyEncryptionKey::generate().unwrap();
        let ids = VersionIds::new(&keys).unwrap();
        let name = |key: &str| ObjectName {
            bucket: BucketId(7),
            key: key.to_owned(),
        };
        for number in (0..2000).chain([u64::MAX]) {
            let version = VersionId::Made(Sequence(number));
            let id = ids.show(&name("a"), version);
            assert_eq!(id.len(), 32);
            assert!(
                id.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._".contains(&b))
            );
            assert_eq!(ids.read(&name("a"), &id), Some(version));
            assert_eq!(ids.read(&name("b"), &id), None);
        }
        assert_eq!(ids.show(&name("a"), VersionId::Null), "null");
        assert_eq!(ids.read(&name("a"), "null"), Some(VersionId::Null));
        assert_eq!(ids.read(&name("a"), &"a".repeat(32)), None);
        assert_eq!(ids.read(&name("a"), ""), None);
    }
}
