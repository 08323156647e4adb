//! What can go wrong.

use std::io;
use std::sync::Arc;

/// The engine cannot do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The disk or the store's own limit is full. Reads go on, and so do writes once there is room.
    #[error("no space left for writes")]
    NoSpace,
    /// What was read is not what was written. Never served.
    #[error("stored data is damaged: {what}")]
    Corrupt {
        /// What is damaged, for the operator.
        what: String,
    },
    /// An earlier write could not be made durable, so that nobody can say what the disk holds. The
    /// engine takes no writes until it is opened anew.
    #[error("the engine takes no writes since `{cause}`; restart it after repairing the disk")]
    ReadOnly {
        /// The error of the write that failed.
        cause: String,
    },
    /// The body was removed after its [`crate::Head`] was listed. Ask for the head again.
    #[error("the body is no longer there")]
    BodyGone,
    /// The caller's mistake: a key too long, a range too far.
    #[error("{what}")]
    Invalid {
        /// Which mistake.
        what: &'static str,
    },
    /// Any other error of the disk or the database.
    #[error("{doing} failed")]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// Shared, since one failure may have many that wait for it.
        #[source]
        source: Arc<io::Error>,
    },
}

impl EngineError {
    /// An error of the operating system. A full disk or quota is [`EngineError::NoSpace`].
    pub fn io(doing: &'static str, source: io::Error) -> EngineError {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => EngineError::NoSpace,
            _ => EngineError::Io {
                doing,
                source: Arc::new(source),
            },
        }
    }

    /// Stored data is damaged.
    pub fn corrupt(what: impl Into<String>) -> EngineError {
        EngineError::Corrupt { what: what.into() }
    }
}

/// A write was not applied. Where several refusals fit, the first of this order is given: bucket or
/// upload, id, precondition, object or version, parts in the order of the body.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// The object is there, but not as the precondition wants it; or it is there and should not be.
    #[error("the precondition does not hold")]
    PreconditionFailed,
    /// The bucket was never created, or is dropped.
    #[error("the bucket does not exist")]
    NoSuchBucket,
    /// A precondition or a change of `meta` wants an object where there is none.
    #[error("the object does not exist")]
    NoSuchObject,
    /// As [`CommitError::NoSuchObject`], when a version was named.
    #[error("the version does not exist")]
    NoSuchVersion,
    /// The upload was never created, or is completed or aborted.
    #[error("the upload does not exist")]
    NoSuchUpload,
    /// A part of a [`crate::CompleteUpload`] is not there, or not the one that was chosen.
    #[error("part {number} is not there or was uploaded again")]
    PartChanged {
        /// Its number.
        number: u32,
    },
    /// A bucket that holds objects, versions or delete markers cannot be dropped.
    #[error("the bucket is not empty")]
    BucketNotEmpty,
    /// An id for a new bucket or upload is taken.
    #[error("the id is in use")]
    IdInUse,
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
