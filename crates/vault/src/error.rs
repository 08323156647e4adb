//! What can go wrong in the vault.
use catalog::BucketName;
use engine::{CommitError, ControlError, EngineError};
use gate::FactsError;

/// The vault did not do it. Nothing here carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The bucket was never created, or is not the one that was judged.
    #[error("The specified bucket does not exist")]
    NoSuchBucket(BucketName),
    /// The name belongs to another account.
    #[error(
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again."
    )]
    BucketAlreadyExists(BucketName),
    /// The name belongs to a bucket of the caller's account.
    #[error("Your previous request to create the named bucket succeeded and you already own it.")]
    BucketAlreadyOwnedByYou(BucketName),
    /// The account has as many buckets as it may have.
    #[error("You have attempted to create more buckets than allowed")]
    TooManyBuckets,
    /// The bucket holds objects, or versions of them.
    #[error("The bucket you tried to delete is not empty")]
    BucketNotEmpty {
        /// Its name.
        bucket: BucketName,
        /// Whether it keeps versions, or once did.
        keeps_versions: bool,
    },
    /// Ownership is to be enforced, but the bucket's ACL grants to others than its owner.
    #[error("Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")]
    AclWithOwnershipEnforced,
    /// The bucket's ownership setting switches ACLs off.
    #[error("The bucket does not allow ACLs")]
    AclNotSupported,
    /// Another process changes the same configuration all the time.
    #[error(
        "A conflicting conditional operation is currently in progress against this resource. Please try again."
    )]
    Conflict,
    /// The permit is for something that has no bucket: a mistake of an operation.
    #[error("the permit names no existing bucket")]
    NothingJudged,
    /// An account that owns a bucket must have a canonical user id.
    #[error("the caller's account has no canonical user id")]
    NoCanonicalId,
    /// The task that made a change ended without an answer.
    #[error("the change was interrupted")]
    Interrupted,
    /// There is no such object.
    #[error("The specified key does not exist.")]
    NoSuchObject,
    /// No version of the object ever had this id.
    #[error("Invalid version id specified")]
    InvalidVersionId {
        /// The object's key.
        key: String,
        /// The id, as it was named.
        version: String,
    },
    /// There is no such version of the object any more.
    #[error("The specified version does not exist.")]
    NoSuchVersion {
        /// The object's key.
        key: String,
        /// The id, as it was named.
        version: String,
    },
    /// What is there is a delete marker.
    #[error("the version is a delete marker")]
    DeleteMarker {
        /// The object's key.
        key: String,
        /// The id of the marker.
        version: String,
        /// When it was made.
        last_modified: jiff::Timestamp,
        /// Whether the request named it; else it is the newest version.
        named: bool,
    },
    /// The upload was never created, or is completed or aborted, or is one of another key.
    #[error("the upload does not exist")]
    NoSuchUpload,
    /// The object is there though it must not, or is another than the condition wants.
    #[error("the precondition does not hold")]
    PreconditionFailed,
    /// The condition holds, yet the object is not the one that was there when the upload began.
    #[error("the object was changed since the upload began")]
    ConditionalConflict,
    /// A part is not there, or was uploaded again meanwhile.
    #[error("part {0} is not there")]
    NoSuchPart(u32),
    /// The object is not the one that was judged any more.
    #[error("the object was changed after it was judged")]
    ChangedMeanwhile,
    /// An object's record cannot be read.
    #[error("the record of an object cannot be read: {0}")]
    DamagedObject(String),
    /// It takes the customer's key, and none was brought.
    #[error("it is encrypted under a customer's key, which is needed")]
    CustomerKeyMissing,
    /// It takes the customer's key, and another was brought.
    #[error("it is encrypted under another customer's key")]
    CustomerKeyWrong,
    /// A customer's key was brought for what is not encrypted under one.
    #[error("it is not encrypted under a customer's key")]
    CustomerKeyNotApplicable,
    /// A body does not open, or cannot be encrypted.
    #[error(transparent)]
    Crypt(#[from] crate::CryptError),
    /// Another version of the program wrote the objects.
    #[error(
        "the objects in this data directory have the format {found:?}; this version reads and writes format \"3\" alone"
    )]
    UnknownFormat {
        /// What the store says.
        found: String,
    },
    /// Nobody is left to compute a body's MD5.
    #[error(transparent)]
    Hasher(#[from] digest::HasherLost),
    /// A row of the control store cannot be read.
    #[error("the row `{key}` cannot be read: {why}")]
    DamagedRow {
        /// Its key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// The operating system gave no randomness, or a sealed value does not open.
    #[error(transparent)]
    Seal(#[from] seal::SealError),
    /// Facts about principals could not be read.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// The store is full. What was to be written is not there.
    #[error("the store has no space left for writes")]
    NoSpace,
    /// The store takes no writes until it is opened anew.
    #[error("the store takes no writes since `{cause}`")]
    ReadOnly {
        /// What ended the writes, for the operator only.
        cause: String,
    },
    /// The object engine refused or failed in a way that no caller caused.
    #[error(transparent)]
    Commit(CommitError),
    /// The storage engine failed.
    #[error(transparent)]
    Engine(EngineError),
}

impl From<EngineError> for VaultError {
    fn from(error: EngineError) -> VaultError {
        match error {
            EngineError::NoSpace => VaultError::NoSpace,
            EngineError::ReadOnly { cause } => VaultError::ReadOnly { cause },
            EngineError::Corrupt { .. }
            | EngineError::BodyGone
            | EngineError::Invalid { .. }
            | EngineError::Io { .. } => VaultError::Engine(error),
        }
    }
}

impl From<CommitError> for VaultError {
    fn from(error: CommitError) -> VaultError {
        match error {
            CommitError::Engine(error) => error.into(),
            error => VaultError::Commit(error),
        }
    }
}

impl From<ControlError> for VaultError {
    fn from(error: ControlError) -> VaultError {
        match error {
            ControlError::Conflict { .. } => VaultError::Conflict,
            ControlError::Engine(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_takes_no_writes_is_told_from_one_that_failed() {
        let ways: [fn(EngineError) -> VaultError; 3] = [
            |error| error.into(),
            |error| CommitError::Engine(error).into(),
            |error| ControlError::Engine(error).into(),
        ];
        for way in ways {
            assert!(matches!(way(EngineError::NoSpace), VaultError::NoSpace));
            let cause = "a cause".to_owned();
            let read_only = way(EngineError::ReadOnly { cause });
            assert!(matches!(read_only, VaultError::ReadOnly { cause } if cause == "a cause"));
            let damaged = way(EngineError::corrupt("a row"));
            assert!(matches!(damaged, VaultError::Engine(_)));
        }
    }
}
