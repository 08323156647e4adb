//! What is small, precious and versioned: accounts, identities, buckets' configuration.

use crate::{BoxFuture, EngineError};
use bytes::Bytes;

/// The longest key of the control store, in bytes.
pub const CONTROL_KEY_BYTES_MAX: usize = 1024;

/// The commit that last changed a row; rises with every commit, with gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlRow {
    /// A path such as `account/111122223333/user/AIDA…`.
    pub key: String,
    /// The caller's own record.
    pub value: Bytes,
    /// The commit that put it.
    pub revision: Revision,
}

/// Changes that take place together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlTxn {
    /// Each row must have this revision; `None`: there must be no such row.
    pub asserts: Vec<(String, Option<Revision>)>,
    /// Rows to store. A key must not occur twice in puts and deletes together.
    pub puts: Vec<(String, Bytes)>,
    /// Rows to remove; one that is not there is no error.
    pub deletes: Vec<String>,
}

impl ControlTxn {
    /// No change yet.
    pub fn new() -> ControlTxn {
        ControlTxn::default()
    }

    /// Demands a row's revision, or with `None` its absence.
    #[must_use]
    pub fn assert(mut self, key: impl Into<String>, revision: Option<Revision>) -> ControlTxn {
        self.asserts.push((key.into(), revision));
        self
    }

    /// Stores a row.
    #[must_use]
    pub fn put(mut self, key: impl Into<String>, value: impl Into<Bytes>) -> ControlTxn {
        self.puts.push((key.into(), value.into()));
        self
    }

    /// Removes a row.
    #[must_use]
    pub fn delete(mut self, key: impl Into<String>) -> ControlTxn {
        self.deletes.push(key.into());
        self
    }
}

/// A control transaction was not applied.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ControlError {
    /// An assert does not hold: someone else changed the row. Read again and decide anew.
    #[error("`{key}` was changed by someone else")]
    Conflict {
        /// The first assert that does not hold.
        key: String,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Rows with revisions, changed by atomic and durable transactions.
pub trait ControlStore: Send + Sync + 'static {
    /// Applies the transaction; durable when it answers `Ok`. Rows it puts have the revision that
    /// is answered. The caveat of [`crate::ObjectEngine::commit`] on engine errors holds here too.
    fn commit(&self, txn: ControlTxn) -> BoxFuture<'_, Result<Revision, ControlError>>;

    /// One row.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<ControlRow>, EngineError>>;

    /// All rows whose key begins with `prefix`, in byte order, as of one moment.
    fn scan<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<ControlRow>, EngineError>>;

    /// The newest revision: equal to an earlier answer only if no row changed since. Lets a cache
    /// ask cheaply whether another process wrote.
    fn revision(&self) -> BoxFuture<'_, Result<Revision, EngineError>>;
}
