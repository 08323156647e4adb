//! What a storage engine promises: the traits, the data they speak of, and a kit that checks them.
//!
//! The traits are semantic, not key-value: a write names the object, its precondition and its body
//! in one value, so that an embedded engine may fuse them in one record and a database may use one
//! statement. No call needs an answer that only one process could give.
//!
//! It is not an engine itself, knows no S3 request, no account and no encryption: a body is stored
//! as given, `meta` is the caller's own encoded record, and time is brought by the caller.
//!
//! # The promise
//! * A write that was answered with `Ok` survives `kill -9` and power loss, whole.
//! * A write that was not answered is afterwards there whole or not at all.
//! * A write that was answered is seen by every read that begins later.
//! * Writes to one object take place one after the other; a precondition is tested at that moment.
//! * Stored bytes come back as they were, or an error does.
//!
//! ```
//! use bytes::Bytes;
//! use engine::{
//!     BucketId, CommitError, Millis, ObjectEngine, ObjectName, Precondition, Put, StageHint,
//!     Versioning, Write,
//! };
//!
//! async fn create_once(engine: &dyn ObjectEngine, bucket: BucketId) -> Result<(), CommitError> {
//!     let mut stage = engine.stage(StageHint::default()).await?;
//!     stage.write(Bytes::from_static(b"hello")).await?;
//!     let body = stage.finish().await?;
//!     engine
//!         .commit(Write::Put(Put {
//!             object: ObjectName { bucket, key: "greeting".to_owned() },
//!             precondition: Precondition::Absent,
//!             versioning: Versioning::Unversioned,
//!             etag: Bytes::from_static(b"5d41402abc4b2a76b9719d911017c592"),
//!             last_modified: Millis(1_700_000_000_000),
//!             meta: Bytes::new(),
//!             body,
//!         }))
//!         .await?;
//!     Ok(())
//! }
//! ```

mod body;
mod control;
mod error;
#[cfg(feature = "kit")]
pub mod kit;
mod list;
mod name;
mod write;

pub use body::{BodyRef, ByteStream, Stage, StageHint, Staged};
pub use control::{
    CONTROL_KEY_BYTES_MAX, ControlError, ControlRow, ControlStore, ControlTxn, Revision,
};
pub use error::{CommitError, EngineError};
pub use list::{
    Entry, ListQuery, Page, PartsPage, UploadMarker, UploadsQuery, VersionEntry, VersionMarker,
    VersionsQuery,
};
pub use name::{BucketId, Millis, ObjectName, Sequence, UploadId, VersionId, Which};
pub use write::{
    Committed, CompleteUpload, CreateUpload, Delete, PartChoice, Precondition, Put, PutPart,
    SetMeta, Versioning, Write,
};

use bytes::Bytes;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;

/// A future behind a pointer, so that the traits can be used as `Arc<dyn ObjectEngine>`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The longest key of an object, in bytes of UTF-8 (AWS: Naming Amazon S3 objects).
pub const KEY_BYTES_MAX: usize = 1024;

/// What is known of one version of an object without reading its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Names the version among those of its object.
    pub version: VersionId,
    /// The commit that last changed this version, its `meta` included. Rises with every commit.
    pub sequence: Sequence,
    /// Length of the stored body in bytes: what [`ObjectEngine::read`] takes ranges of.
    pub stored_bytes: u64,
    /// As given with the write; compared byte for byte by [`Precondition::EtagIs`]. Empty for a
    /// delete marker.
    pub etag: Bytes,
    /// As given with the write.
    pub last_modified: Millis,
    /// A delete marker has no body and no etag.
    pub is_delete_marker: bool,
    /// The caller's own record.
    pub meta: Bytes,
    /// Where the body is. Compares equal to every other: it is an address, not a fact.
    pub body: BodyRef,
}

/// A multipart upload that is neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The id it was created with.
    pub upload: UploadId,
    /// The object it will become.
    pub object: ObjectName,
    /// As given at its creation.
    pub initiated: Millis,
    /// The caller's own record.
    pub meta: Bytes,
    /// The commit that created it.
    pub sequence: Sequence,
}

/// One part of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its number in the upload.
    pub number: u32,
    /// The commit that stored it. A part that is uploaded again has another.
    pub sequence: Sequence,
    /// Length of the stored body in bytes.
    pub stored_bytes: u64,
    /// As given with the part.
    pub etag: Bytes,
    /// As given with the part.
    pub last_modified: Millis,
    /// The caller's own record.
    pub meta: Bytes,
}

/// Objects, versions and uploads, and their bodies.
pub trait ObjectEngine: Send + Sync + 'static {
    /// Begins to take in a body. What is staged is seen by nobody until a commit names it.
    fn stage(&self, hint: StageHint) -> BoxFuture<'_, Result<Box<dyn Stage>, EngineError>>;

    /// The body of a version, to be committed again under another record: no byte is copied, and
    /// either record may go first. Only advice is taken of the head besides its body. A part of an
    /// upload cannot share a body that was itself made of parts ([`EngineError::Invalid`]).
    ///
    /// # Errors
    /// [`EngineError::BodyGone`] when the head came from a listing and its body is gone meanwhile.
    fn share<'a>(&'a self, head: &'a Head) -> BoxFuture<'a, Result<Staged, EngineError>>;

    /// Applies one write: whole and durable when it answers `Ok`, without a trace when it answers
    /// a refusal. After [`CommitError::Engine`] the write may or may not be there, as with any
    /// answer that is lost on the way; after [`EngineError::NoSpace`] it is not.
    fn commit(&self, write: Write) -> BoxFuture<'_, Result<Committed, CommitError>>;

    /// Finds one version of an object.
    ///
    /// The body of the answer stays readable as long as the [`Head`], a clone of it or a stream of
    /// it lives, even when the object is overwritten or deleted meanwhile. So hold it for one
    /// request, not in a cache. An engine whose processes do not know of each other's readers may
    /// keep removed bodies for a fixed time instead, and answer [`EngineError::BodyGone`] after it.
    fn head<'a>(
        &'a self,
        object: &'a ObjectName,
        which: Which,
    ) -> BoxFuture<'a, Result<Option<Head>, EngineError>>;

    /// Reads `range` of the stored body, in chunks of the engine's choice. A range that ends after
    /// [`Head::stored_bytes`] is [`EngineError::Invalid`].
    fn read<'a>(
        &'a self,
        head: &'a Head,
        range: Range<u64>,
    ) -> BoxFuture<'a, Result<ByteStream, EngineError>>;

    /// The current objects in UTF-8 byte order of their keys, those below a delimiter grouped. Its
    /// cost is the page, however many keys a common prefix holds.
    fn list<'a>(
        &'a self,
        query: &'a ListQuery,
    ) -> BoxFuture<'a, Result<Page<Entry, String>, EngineError>>;

    /// All versions and delete markers: keys in UTF-8 byte order, the versions of a key from the
    /// newest to the oldest.
    fn list_versions<'a>(
        &'a self,
        query: &'a VersionsQuery,
    ) -> BoxFuture<'a, Result<Page<VersionEntry, VersionMarker>, EngineError>>;

    /// The uploads in progress: keys in UTF-8 byte order, the uploads of a key in the order of
    /// their ids (see [`UploadId`]).
    fn list_uploads<'a>(
        &'a self,
        query: &'a UploadsQuery,
    ) -> BoxFuture<'a, Result<Page<Upload, UploadMarker>, EngineError>>;

    /// An upload in progress.
    fn upload(&self, upload: UploadId) -> BoxFuture<'_, Result<Option<Upload>, EngineError>>;

    /// The parts with a number above `after`, at most `limit`, in the order of their numbers.
    /// `None` when there is no such upload.
    fn list_parts(
        &self,
        upload: UploadId,
        after: u32,
        limit: usize,
    ) -> BoxFuture<'_, Result<Option<PartsPage>, EngineError>>;

    /// Whether the bucket holds neither object nor version nor delete marker. Uploads in progress
    /// do not count. Also true of a bucket that does not exist.
    fn is_empty(&self, bucket: BucketId) -> BoxFuture<'_, Result<bool, EngineError>>;
}
