//! The directory itself: opening, reading and changing.
//!
//! A change is durable before it is visible, and whole: all records of one change are one
//! transaction of the control store, and readers see the state before or after it.
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use catalog::{AccountId, EntityKind};
use engine::{ControlError, ControlStore, ControlTxn, EngineError};
use seal::{KeyEncryptionKey, SealError};

use crate::sessions::SessionKeys;
use crate::state::{AccountState, Change, Record, Snapshot};
use crate::usage::Usage;

/// Prefix of all rows.
const ROWS: &str = "directory/";
/// The row that names the format of all others.
const FORMAT_ROW: &str = "directory/format";
/// The format that this code reads and writes.
const FORMAT: &[u8] = b"1";

/// The directory cannot do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The control store failed.
    #[error("the directory cannot be read or written")]
    Store(#[from] ControlError),
    /// A secret cannot be sealed or opened.
    #[error("a secret of the directory cannot be sealed or opened")]
    Seal(#[source] Arc<SealError>),
    /// A stored record cannot be read.
    #[error("the record `{key}` is damaged: {why}")]
    Corrupt {
        /// Its row.
        key: String,
        /// Why it cannot be read.
        why: String,
    },
    /// The rows were written by another version of this program.
    #[error("the directory has the unknown format `{found}`; this program reads format `1`")]
    UnknownFormat {
        /// The format it has.
        found: String,
    },
    /// There is no such account.
    #[error("there is no account `{account}`")]
    NoSuchAccount {
        /// The id that was asked for.
        account: AccountId,
    },
    /// The account exists already.
    #[error("the account `{account}` exists already")]
    AccountExists {
        /// Its id.
        account: AccountId,
    },
    /// The account is closed.
    #[error("the account `{account}` is closed")]
    AccountClosed {
        /// Its id.
        account: AccountId,
    },
    /// The name of an account is empty, too long or has control characters.
    #[error("an account name has 1 to 50 characters, none of them control characters")]
    BadAccountName,
    /// The e-mail address of an account is none.
    #[error("an e-mail address has an `@` and at most 64 characters")]
    BadEmail,
    /// A root user has two access keys at most.
    #[error("the root user of `{account}` has two access keys already")]
    TooManyRootKeys {
        /// The account.
        account: AccountId,
    },
    /// The role was deleted after the caller was allowed to assume it.
    #[error("the role `{arn}` is gone")]
    RoleGone {
        /// Its ARN.
        arn: String,
    },
    /// A managed session policy is neither of the role's account nor AWS's.
    #[error("there is no managed policy `{arn}`")]
    NoSuchSessionPolicy {
        /// Its ARN.
        arn: String,
    },
    /// Only users and root users with long-term credentials get a session token.
    #[error("the caller has no long-term credentials")]
    NoLongTermCredentials,
    /// A session would end beyond the calendar.
    #[error("the session would end at no time")]
    NoSuchTime,
    /// The work was stopped together with the runtime.
    #[error("the server is stopping")]
    Stopping,
}

impl From<SealError> for DirectoryError {
    fn from(error: SealError) -> DirectoryError {
        DirectoryError::Seal(Arc::new(error))
    }
}

impl From<EngineError> for DirectoryError {
    fn from(error: EngineError) -> DirectoryError {
        DirectoryError::Store(ControlError::Engine(error))
    }
}

/// Accounts and everything that IAM keeps in them. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    pub(crate) inner: Arc<Inner>,
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Directory")
    }
}

pub(crate) struct Inner {
    pub(crate) control: Arc<dyn ControlStore>,
    pub(crate) keys: Arc<KeyEncryptionKey>,
    pub(crate) session_keys: SessionKeys,
    pub(crate) usage: Usage,
    snapshot: ArcSwap<Snapshot>,
    // Held only while a new snapshot is put together from the newest one.
    publishing: Mutex<()>,
    // Writers of one account take turns; writers of different accounts do not wait.
    writers: Mutex<HashMap<AccountId, Arc<tokio::sync::Mutex<()>>>>,
}

/// What a change looks at: the state that it changes.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The account that is changed.
    pub account: &'a AccountState,
    /// Everything, for names that must be unique among all accounts.
    pub directory: &'a Snapshot,
}

/// The records that a change writes.
#[derive(Debug, Default)]
pub struct Changes {
    changes: Vec<Change>,
}

impl Changes {
    /// Writes an entity, new or changed. It is found by its unique id, so it may have a new name.
    pub fn put(&mut self, record: impl Into<Record>) {
        self.changes.push(Change::Put(record.into()));
    }

    /// Removes an entity.
    pub fn delete(&mut self, kind: EntityKind, id: &str) {
        self.changes.push(Change::Delete {
            kind,
            id: id.to_owned(),
        });
    }
}

impl Directory {
    /// Reads the whole directory.
    ///
    /// # Errors
    /// The store cannot be read, a record is damaged, or its format is unknown.
    pub async fn open(
        control: Arc<dyn ControlStore>,
        keys: Arc<KeyEncryptionKey>,
    ) -> Result<Directory, DirectoryError> {
        let rows = control.scan(ROWS).await?;
        match rows.iter().find(|row| row.key == FORMAT_ROW) {
            Some(row) if row.value == FORMAT => {}
            Some(row) => {
                return Err(DirectoryError::UnknownFormat {
                    found: String::from_utf8_lossy(&row.value).into_owned(),
                });
            }
            None => {
                let txn = ControlTxn::new()
                    .assert(FORMAT_ROW, None)
                    .put(FORMAT_ROW, FORMAT);
                control.commit(txn).await?;
            }
        }
        let mut snapshot = Snapshot::default();
        let usage = Usage::default();
        for row in &rows {
            if row.key == FORMAT_ROW {
                continue;
            }
            let corrupt = |why: String| DirectoryError::Corrupt {
                key: row.key.clone(),
                why,
            };
            let mut parts = row.key.trim_start_matches(ROWS).splitn(3, '/');
            let (Some(first), Some(kind)) = (parts.next(), parts.next()) else {
                return Err(corrupt("the row has no place".to_owned()));
            };
            match first {
                // Only claims a name: the account's record has it too.
                "alias" => continue,
                "use" => usage
                    .load(kind, &row.value)
                    .map_err(|error| corrupt(error.to_string()))?,
                _ => {
                    let account = AccountId::parse_exact(first)
                        .map_err(|error| corrupt(error.to_string()))?;
                    // `account` sorts before the kinds of entities, so it is there first.
                    let record = Record::decode(kind, &row.value)
                        .map_err(|error| corrupt(error.to_string()))?
                        .ok_or_else(|| corrupt(format!("unknown kind `{kind}`")))?;
                    if snapshot.account(account).is_none() && record.entity().is_some() {
                        return Err(corrupt("its account has no record".to_owned()));
                    }
                    snapshot.apply(account, vec![Change::Put(record)]);
                }
            }
        }
        let session_keys = SessionKeys::derive(&keys)?;
        let inner = Arc::new(Inner {
            control,
            keys,
            session_keys,
            usage,
            snapshot: ArcSwap::from_pointee(snapshot),
            publishing: Mutex::default(),
            writers: Mutex::default(),
        });
        crate::usage::flush_from_time_to_time(&inner);
        Ok(Directory { inner })
    }

    /// Everything, as of now. Readers keep what they got: it does not change under them.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.snapshot.load_full()
    }

    /// As [`snapshot`](Self::snapshot), cheaper, for a moment.
    pub(crate) fn peek(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.inner.snapshot.load()
    }

    /// Changes one account: `change` looks at the state as it is and says what to write; nobody
    /// else changes the account meanwhile. When this answers `Ok`, the change is durable and
    /// visible. Once `change` has said yes, the change is completed even if the caller goes away.
    ///
    /// # Errors
    /// What `change` says, an unknown account, or a failure of the store.
    pub(crate) async fn change<T, E: From<DirectoryError>>(
        &self,
        account: AccountId,
        change: impl FnOnce(View<'_>, &mut Changes) -> Result<T, E>,
    ) -> Result<T, E> {
        let turn = self.writer(account).lock_owned().await;
        let snapshot = self.snapshot();
        let state = snapshot
            .account(account)
            .ok_or(DirectoryError::NoSuchAccount { account })?;
        let mut changes = Changes::default();
        let view = View {
            account: state,
            directory: &snapshot,
        };
        let answer = change(view, &mut changes)?;
        self.commit(account, Some(state.clone()), changes, turn)
            .await?;
        Ok(answer)
    }

    /// Writes and publishes, in a task of its own: a caller that goes away between the two would
    /// leave a durable change that nobody sees.
    pub(crate) async fn commit(
        &self,
        account: AccountId,
        before: Option<Arc<AccountState>>,
        changes: Changes,
        turn: tokio::sync::OwnedMutexGuard<()>,
    ) -> Result<(), DirectoryError> {
        if changes.changes.is_empty() {
            return Ok(());
        }
        let txn = transaction(account, before.as_deref(), &changes)?;
        let inner = self.inner.clone();
        let task = tokio::spawn(async move {
            inner.control.commit(txn).await?;
            inner.publish(account, changes.changes);
            drop(turn);
            Ok::<(), ControlError>(())
        });
        task.await.map_err(|_| DirectoryError::Stopping)??;
        Ok(())
    }

    pub(crate) fn writer(&self, account: AccountId) -> Arc<tokio::sync::Mutex<()>> {
        lock(&self.inner.writers)
            .entry(account)
            .or_default()
            .clone()
    }
}

impl Inner {
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    fn publish(&self, account: AccountId, changes: Vec<Change>) {
        let _one_at_a_time = lock(&self.publishing);
        let mut next = Snapshot::clone(&self.snapshot.load());
        next.apply(account, changes);
        self.snapshot.store(Arc::new(next));
    }
}

fn transaction(
    account: AccountId,
    before: Option<&AccountState>,
    changes: &Changes,
) -> Result<ControlTxn, DirectoryError> {
    let mut txn = ControlTxn::new();
    if before.is_none() {
        txn = txn.assert(account_row(account), None);
    }
    for change in &changes.changes {
        match change {
            Change::Put(record) => {
                let key = match record.entity() {
                    Some((kind, id, _)) => entity_row(account, kind, id),
                    None => account_row(account),
                };
                if let Record::Account(new) = record {
                    let old = before.and_then(|state| state.account.alias.as_deref());
                    txn = claim_alias(txn, account, old, new.alias.as_deref());
                }
                let bytes = record.encode().map_err(|error| DirectoryError::Corrupt {
                    key: key.clone(),
                    why: error.to_string(),
                })?;
                txn = txn.put(key, bytes);
            }
            Change::Delete { kind, id } => txn = txn.delete(entity_row(account, *kind, id)),
        }
    }
    Ok(txn)
}

/// Aliases are unique among all accounts: a row of its own is claimed in the same transaction.
fn claim_alias(
    txn: ControlTxn,
    account: AccountId,
    old: Option<&str>,
    new: Option<&str>,
) -> ControlTxn {
    if old == new {
        return txn;
    }
    let txn = match old {
        Some(alias) => txn.delete(alias_row(alias)),
        None => txn,
    };
    match new {
        Some(alias) => txn
            .assert(alias_row(alias), None)
            .put(alias_row(alias), account.to_string()),
        None => txn,
    }
}

fn account_row(account: AccountId) -> String {
    format!("{ROWS}{account}/account")
}

fn entity_row(account: AccountId, kind: EntityKind, id: &str) -> String {
    format!("{ROWS}{account}/{}/{id}", kind.word())
}

/// The row that claims an alias.
pub(crate) fn alias_row(alias: &str) -> String {
    format!("{ROWS}alias/{alias}")
}

/// The row that says when a key or role was last used.
pub(crate) fn use_row(id: &str) -> String {
    format!("{ROWS}use/{id}")
}

/// A panic elsewhere does not spoil the data under our locks: each holds whole values only.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
