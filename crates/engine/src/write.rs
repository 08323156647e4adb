//! Writes, each with its precondition.

use crate::{BucketId, Millis, ObjectName, Sequence, Staged, UploadId, VersionId, Which};
use bytes::Bytes;

/// One atomic change.
#[derive(Debug)]
pub enum Write {
    /// Makes a bucket that objects can be put in. [`crate::CommitError::IdInUse`] if it is there.
    CreateBucket {
        /// The new bucket.
        bucket: BucketId,
    },
    /// Removes a bucket that holds no object, version or delete marker, and aborts its uploads.
    /// From then on every write to it is refused with [`crate::CommitError::NoSuchBucket`].
    DropBucket {
        /// The bucket.
        bucket: BucketId,
    },
    /// Stores an object.
    Put(Put),
    /// Deletes an object, or one version for good.
    Delete(Delete),
    /// Replaces the `meta` of one version; its body stays.
    SetMeta(SetMeta),
    /// Begins a multipart upload.
    CreateUpload(CreateUpload),
    /// Stores one part, in place of an earlier one of that number.
    PutPart(PutPart),
    /// Makes an object of chosen parts and ends the upload.
    CompleteUpload(CompleteUpload),
    /// Ends an upload and removes its parts.
    AbortUpload {
        /// The upload.
        upload: UploadId,
    },
}

/// What must hold of the current object (or the version named) when the write takes place. A
/// delete marker counts as no object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Precondition {
    /// Anything.
    #[default]
    None,
    /// There is no object, else [`crate::CommitError::PreconditionFailed`] (`If-None-Match: *`).
    Absent,
    /// There is an object, else [`crate::CommitError::NoSuchObject`] (`If-Match: *`).
    Exists,
    /// There is an object (else [`crate::CommitError::NoSuchObject`]) and its etag is this one
    /// (else [`crate::CommitError::PreconditionFailed`]).
    EtagIs(Bytes),
    /// As [`Precondition::EtagIs`], of [`crate::Head::sequence`]: nothing changed since it was
    /// read, `meta` included.
    SequenceIs(Sequence),
    /// As [`Precondition::SequenceIs`], of a version that is named, be it a delete marker; and it
    /// still is, or is not, the newest of its object. For [`Delete`] only; elsewhere it never holds.
    VersionIs {
        /// As [`crate::Head::sequence`] says.
        sequence: Sequence,
        /// Whether it must be the newest.
        newest: bool,
    },
}

/// The bucket's versioning state when the write takes place (AWS: Using versioning in S3 buckets).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// Never enabled: a put replaces the null version, a delete removes it.
    Unversioned,
    /// A put adds a version, a delete adds a delete marker.
    Enabled,
    /// A put replaces the null version, a delete replaces it by a null delete marker; other
    /// versions stay.
    Suspended,
}

/// See [`Write::Put`].
#[derive(Debug)]
pub struct Put {
    /// The object.
    pub object: ObjectName,
    /// Tested against the current version.
    pub precondition: Precondition,
    /// The bucket's state.
    pub versioning: Versioning,
    /// For later preconditions.
    pub etag: Bytes,
    /// The time of the write.
    pub last_modified: Millis,
    /// The caller's own record.
    pub meta: Bytes,
    /// The staged body.
    pub body: Staged,
}

/// See [`Write::Delete`].
#[derive(Debug)]
pub struct Delete {
    /// The object.
    pub object: ObjectName,
    /// `Current` and `CurrentOrMarker`: a delete without version id, which follows `versioning`.
    /// `Version`: removes that version for good; the next older one becomes current.
    pub which: Which,
    /// Tested against the version that `which` names.
    pub precondition: Precondition,
    /// The bucket's state. Without effect when a version is named.
    pub versioning: Versioning,
    /// The time a delete marker gets.
    pub last_modified: Millis,
    /// The record a delete marker gets.
    pub marker_meta: Bytes,
}

/// See [`Write::SetMeta`].
#[derive(Debug)]
pub struct SetMeta {
    /// The object.
    pub object: ObjectName,
    /// The version.
    pub which: Which,
    /// Tested against that version; [`Precondition::SequenceIs`] makes read-change-write safe.
    pub precondition: Precondition,
    /// The new record.
    pub meta: Bytes,
}

/// See [`Write::CreateUpload`].
#[derive(Debug)]
pub struct CreateUpload {
    /// The new upload, [`crate::CommitError::IdInUse`] if it is there.
    pub upload: UploadId,
    /// The object it will become.
    pub object: ObjectName,
    /// The time of the write.
    pub initiated: Millis,
    /// The caller's own record.
    pub meta: Bytes,
}

/// See [`Write::PutPart`].
#[derive(Debug)]
pub struct PutPart {
    /// The upload.
    pub upload: UploadId,
    /// The number of the part.
    pub number: u32,
    /// The caller's name for its content.
    pub etag: Bytes,
    /// The time of the write.
    pub last_modified: Millis,
    /// The caller's own record.
    pub meta: Bytes,
    /// The staged body.
    pub body: Staged,
}

/// See [`Write::CompleteUpload`]. The object's body is that of the parts in the order given, not
/// copied; parts that are not chosen are removed.
#[derive(Debug)]
pub struct CompleteUpload {
    /// The upload.
    pub upload: UploadId,
    /// The parts, in the order of the body. None may occur twice.
    pub parts: Vec<PartChoice>,
    /// Tested against the current version of the upload's object.
    pub precondition: Precondition,
    /// The bucket's state.
    pub versioning: Versioning,
    /// For later preconditions.
    pub etag: Bytes,
    /// The time of the write.
    pub last_modified: Millis,
    /// The caller's own record.
    pub meta: Bytes,
}

/// A part as the caller has seen it. The sequence, not the etag, so that a part uploaded again with
/// the same content but another `meta` (another key or nonce, say) is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartChoice {
    /// Its number.
    pub number: u32,
    /// As [`crate::Part::sequence`] says.
    pub sequence: Sequence,
}

/// A write took place and is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Its place in the order of all commits.
    pub sequence: Sequence,
    /// The version that was stored, marked, changed or removed. `None` where the write is not
    /// about a version, and for a delete that found nothing to delete.
    pub version: Option<VersionId>,
    /// Of a delete: whether that version is (or was) a delete marker.
    pub is_delete_marker: bool,
}
