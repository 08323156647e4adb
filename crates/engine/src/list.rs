//! Listings.
//!
//! A page holds at most `limit` entries and common prefixes together. Where more follows, `next`
//! is the `after` of the next query. A query with limit zero answers an empty, last page.

use crate::{BucketId, Head, Part, Upload, UploadId, VersionId};

/// Asks for current objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// The bucket.
    pub bucket: BucketId,
    /// Keys must begin with it; may be empty.
    pub prefix: String,
    /// Keys that hold it after the prefix are shown as one common prefix, up to and with its first
    /// occurrence. Empty is as absent.
    pub delimiter: Option<String>,
    /// Only keys greater than this. When it is itself a common prefix of this query, keys below
    /// it are left out too.
    pub after: Option<String>,
    /// Entries and common prefixes at most.
    pub limit: usize,
}

/// One current object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Its newest version. The body is not held in place: see [`crate::EngineError::BodyGone`].
    pub head: Head,
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<E, M> {
    /// In order.
    pub entries: Vec<E>,
    /// In order, each ending with the delimiter.
    pub common_prefixes: Vec<String>,
    /// Where the next page begins, if there is one.
    pub next: Option<M>,
}

/// Asks for versions and delete markers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionsQuery {
    /// The bucket.
    pub bucket: BucketId,
    /// As [`ListQuery::prefix`].
    pub prefix: String,
    /// As [`ListQuery::delimiter`].
    pub delimiter: Option<String>,
    /// Where to begin.
    pub after: Option<VersionMarker>,
    /// Entries and common prefixes at most.
    pub limit: usize,
}

/// The place in a listing of versions after which to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionMarker {
    /// As [`ListQuery::after`].
    pub key: String,
    /// Also the versions of `key` that are older than this. When it is [`VersionId::Null`] and
    /// that version is gone meanwhile, all versions of `key`: rather one twice than one lost.
    pub version: Option<VersionId>,
}

/// One version of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionEntry {
    /// Its key.
    pub key: String,
    /// The version. The body is not held in place: see [`crate::EngineError::BodyGone`].
    pub head: Head,
    /// Whether it is the newest of its key.
    pub is_latest: bool,
}

/// Asks for uploads in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadsQuery {
    /// The bucket.
    pub bucket: BucketId,
    /// As [`ListQuery::prefix`].
    pub prefix: String,
    /// As [`ListQuery::delimiter`].
    pub delimiter: Option<String>,
    /// Where to begin.
    pub after: Option<UploadMarker>,
    /// Entries and common prefixes at most.
    pub limit: usize,
}

/// The place in a listing of uploads after which to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadMarker {
    /// As [`ListQuery::after`].
    pub key: String,
    /// Also the uploads of `key` with a greater id.
    pub upload: Option<UploadId>,
}

/// A page of parts. (Uploads have [`Page<Upload, UploadMarker>`].)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartsPage {
    /// The upload they belong to.
    pub upload: Upload,
    /// In the order of their numbers.
    pub parts: Vec<Part>,
    /// The number after which the next page begins, if there is one.
    pub next: Option<u32>,
}
