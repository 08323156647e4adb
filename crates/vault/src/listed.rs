//! What listings tell of an object: few of the things that are kept of it, so only they are read.
use std::borrow::Cow;
use std::sync::Arc;

use digest::Algorithm;
use jiff::Timestamp;
use serde::Deserialize;

use crate::VaultError;
use crate::meta::{self, ChecksumType};

/// An object of a listing.
#[derive(Debug)]
pub struct ListedObject {
    /// Its key.
    pub key: String,
    /// Length of the body in bytes.
    pub bytes: u64,
    /// Without quotes.
    pub etag: String,
    /// When it was stored.
    pub last_modified: Timestamp,
    /// `STANDARD` or another class of AWS's.
    pub storage_class: Cow<'static, str>,
    /// The algorithm of its checksum, and what that is a checksum of.
    pub checksum: Option<(Algorithm, ChecksumType)>,
    /// The canonical user id of its owner, as the bucket's ownership setting has it.
    pub owner: Arc<str>,
}

/// The members of a stored object that listings show.
#[derive(Deserialize)]
struct Shown<'a> {
    #[serde(rename = "n")]
    bytes: u64,
    #[serde(rename = "s", borrow, default)]
    storage_class: Option<Cow<'a, str>>,
    #[serde(rename = "c", borrow, default)]
    checksum: Option<ShownChecksum<'a>>,
}

#[derive(Deserialize)]
struct Owned {
    #[serde(rename = "o")]
    owner: ShownOwner,
}

#[derive(Deserialize)]
struct ShownChecksum<'a>(
    #[serde(borrow)] Cow<'a, str>,
    #[expect(
        dead_code,
        reason = "the value is not shown, though it stands between the others"
    )]
    #[serde(borrow)]
    Cow<'a, str>,
    ChecksumType,
);

#[derive(Deserialize)]
struct ShownOwner {
    #[serde(rename = "id", with = "meta::canonical_id")]
    canonical_id: String,
}

impl ListedObject {
    /// Reads an entry of the engine's listing. `owner` owns it, if ACLs are off.
    pub(crate) fn read(
        entry: engine::Entry,
        owner: Option<&Arc<str>>,
    ) -> Result<ListedObject, VaultError> {
        let damaged = |what: &str| VaultError::DamagedObject(what.to_owned());
        let head = entry.head;
        let shown: Shown<'_> = meta::decode(&head.meta)?;
        let checksum = match shown.checksum {
            Some(ShownChecksum(name, _, kind)) => {
                let algorithm = Algorithm::checksum_named(&name);
                Some((
                    algorithm.ok_or_else(|| damaged("no checksum algorithm"))?,
                    kind,
                ))
            }
            None => None,
        };
        Ok(ListedObject {
            key: entry.key,
            bytes: shown.bytes,
            etag: String::from_utf8(head.etag.into()).map_err(|_| damaged("no ETag"))?,
            last_modified: meta::timestamp(head.last_modified)?,
            storage_class: match shown.storage_class {
                None => Cow::Borrowed("STANDARD"),
                Some(class) => Cow::Owned(class.into_owned()),
            },
            checksum,
            owner: match owner {
                Some(owner) => owner.clone(),
                None => {
                    let owned: Owned = meta::decode(&head.meta)?;
                    Arc::from(owned.owner.canonical_id)
                }
            },
        })
    }
}
