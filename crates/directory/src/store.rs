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
use crate::snapshot::{AccountState, Change, Snapshot};
use crate::state::Record;
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

impl DirectoryError {
    /// Why nothing can be written at the moment, for the caller: the store is full, or takes no
    /// writes. `None` for every other error.
    pub fn takes_no_writes(&self) -> Option<&'static str> {
        let DirectoryError::Store(ControlError::Engine(error)) = self else {
            return None;
        };
        match error {
            EngineError::NoSpace => {
                Some("The store has no space left for writes. Please try again later.")
            }
            EngineError::ReadOnly { .. } => {
                Some("The store takes no writes at the moment. Please try again later.")
            }
            EngineError::Corrupt { .. }
            | EngineError::BodyGone
            | EngineError::Invalid { .. }
            | EngineError::Io { .. } => None,
        }
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
            let place = row.key.strip_prefix(ROWS).unwrap_or_default();
            let mut parts = place.splitn(3, '/');
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::NewAccount;
    use crate::memory::Memory;
    use crate::state::{Account, Group, User};
    use gate::{System, SystemTask};
    use jiff::Timestamp;

    struct World {
        rows: Arc<Memory>,
        keys: Arc<KeyEncryptionKey>,
        directory: Directory,
        system: System,
        account: AccountId,
    }

    async fn world() -> World {
        let rows = Arc::new(Memory::default());
        let keys = Arc::new(KeyEncryptionKey::generate().unwrap());
        let directory = Directory::open(rows.clone(), keys.clone()).await.unwrap();
        let system = directory
            .danger_gate()
            .system(SystemTask::AdministerAccounts);
        let account = AccountId::parse("111122223333").unwrap();
        let new = NewAccount {
            id: Some(account),
            name: "one".to_owned(),
            email: None,
        };
        directory.create_account(&system, new).await.unwrap();
        World {
            rows,
            keys,
            directory,
            system,
            account,
        }
    }

    fn user(id: &str, name: &str) -> User {
        User {
            id: id.to_owned(),
            name: name.to_owned(),
            path: "/".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            tags: Vec::new(),
            boundary: None,
            inline: Vec::new(),
            attached: Vec::new(),
            groups: Vec::new(),
            access_keys: Vec::new(),
        }
    }

    impl World {
        async fn put(&self, record: impl Into<Record>) {
            self.directory
                .danger_put(self.account, vec![record.into()])
                .await
                .unwrap();
        }

        fn state(&self) -> Arc<AccountState> {
            self.directory
                .snapshot()
                .account(self.account)
                .unwrap()
                .clone()
        }

        async fn reopened(&self) -> Directory {
            Directory::open(self.rows.clone(), self.keys.clone())
                .await
                .unwrap()
        }
    }

    #[tokio::test]
    async fn an_account_is_made_once_and_closed_for_good() {
        let world = world().await;
        let again = NewAccount {
            id: Some(world.account),
            name: "two".to_owned(),
            email: None,
        };
        let error = world.directory.create_account(&world.system, again).await;
        assert!(matches!(
            error.err(),
            Some(DirectoryError::AccountExists { .. })
        ));
        let drawn = NewAccount {
            id: None,
            name: "drawn".to_owned(),
            email: Some("a@example.com".to_owned()),
        };
        let drawn = world.directory.create_account(&world.system, drawn).await;
        let drawn = drawn.unwrap();
        assert_eq!(world.directory.list_accounts(&world.system).len(), 2);
        let now = Timestamp::UNIX_EPOCH;
        assert!(
            world
                .directory
                .lookup(&drawn.access_key_id, None, now)
                .is_ok()
        );
        let id = drawn.account.id;
        world
            .directory
            .close_account(&world.system, id)
            .await
            .unwrap();
        assert!(
            world
                .directory
                .lookup(&drawn.access_key_id, None, now)
                .is_err()
        );
        assert!(
            world
                .directory
                .account(&world.system, id)
                .unwrap()
                .is_closed()
        );
        let again = world.reopened().await;
        assert!(again.account(&world.system, id).unwrap().is_closed());
        let before = &world.state().account;
        let after = again.account(&world.system, world.account).unwrap();
        assert_eq!(before.canonical_id, after.canonical_id);
    }

    #[tokio::test]
    async fn what_is_not_durable_is_not_visible() {
        let world = world().await;
        world.rows.set_failing(true);
        let records = vec![user("AIDA1", "ann").into()];
        let error = world.directory.danger_put(world.account, records).await;
        assert!(error.is_err());
        assert!(world.state().named::<User>("ann").is_none());
        world.rows.set_failing(false);
        world.put(user("AIDA1", "ann")).await;
        assert!(world.state().named::<User>("ANN").is_some());
    }

    #[tokio::test]
    async fn a_change_is_completed_when_its_caller_goes_away() {
        let world = world().await;
        {
            let records = vec![user("AIDA1", "ann").into()];
            let mut change = Box::pin(world.directory.danger_put(world.account, records));
            let waker = std::task::Waker::noop();
            let mut context = std::task::Context::from_waker(waker);
            assert!(change.as_mut().poll(&mut context).is_pending());
        }
        // The next change waits for the abandoned one.
        world.put(user("AIDA2", "bob")).await;
        assert!(world.state().named::<User>("ann").is_some());
    }

    #[tokio::test]
    async fn indexes_follow_the_records_and_come_back_on_opening() {
        let world = world().await;
        let policy = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        world
            .put(Group {
                id: "AGPA1".to_owned(),
                name: "Team".to_owned(),
                path: "/".to_owned(),
                created: Timestamp::UNIX_EPOCH,
                inline: Vec::new(),
                attached: vec![policy.to_owned()],
            })
            .await;
        let mut ann = user("AIDA1", "Ann");
        ann.groups = vec!["AGPA1".to_owned()];
        ann.attached = vec![policy.to_owned()];
        ann.boundary = Some(policy.to_owned());
        ann.access_keys = vec![world.directory.new_access_key(world.account).unwrap().0];
        let key = ann.access_keys[0].id.clone();
        world.put(ann.clone()).await;
        ann.name = "Bea".to_owned();
        world.put(ann).await;
        for directory in [world.directory.clone(), world.reopened().await] {
            let snapshot = directory.snapshot();
            let state = snapshot.account(world.account).unwrap();
            assert!(state.named::<User>("ann").is_none());
            assert_eq!(state.named::<User>("bea").unwrap().name, "Bea");
            assert_eq!(state.name_of("AIDA1"), Some((EntityKind::User, "Bea")));
            assert_eq!(state.members("AGPA1").len(), 1);
            assert_eq!(state.attached_to(policy).unwrap().size(), 2);
            assert_eq!(state.boundary_of(policy).unwrap().size(), 1);
            assert!(snapshot.key_owner(&key).is_some());
            let arn = "arn:aws:iam::111122223333:user/Bea";
            assert_eq!(snapshot.principal_id(arn), Some("AIDA1"));
            assert_eq!(snapshot.principal_arn("AIDA1").as_deref(), Some(arn));
        }
        let delete = world
            .directory
            .danger_delete(world.account, EntityKind::User, "AIDA1");
        delete.await.unwrap();
        for directory in [world.directory.clone(), world.reopened().await] {
            let snapshot = directory.snapshot();
            let state = snapshot.account(world.account).unwrap();
            assert!(state.members("AGPA1").is_empty());
            assert_eq!(state.attached_to(policy).unwrap().size(), 1);
            assert!(state.boundary_of(policy).is_none());
            assert!(snapshot.key_owner(&key).is_none());
            assert!(snapshot.entity("AIDA1").is_none());
        }
    }

    #[tokio::test]
    async fn an_alias_belongs_to_one_account() {
        let world = world().await;
        let other = NewAccount {
            id: None,
            name: "other".to_owned(),
            email: None,
        };
        let other = world.directory.create_account(&world.system, other).await;
        let other = other.unwrap().account;
        let alias = |account: &Account, alias: Option<&str>| {
            let account = Account {
                alias: alias.map(str::to_owned),
                ..account.clone()
            };
            world.directory.danger_put(account.id, vec![account.into()])
        };
        let one = world.state().account.clone();
        alias(&one, Some("mine")).await.unwrap();
        let taken = alias(&other, Some("mine")).await.unwrap_err();
        let conflict = DirectoryError::Store(ControlError::Conflict {
            key: alias_row("mine"),
        });
        assert_eq!(format!("{taken:?}"), format!("{conflict:?}"));
        alias(&one, Some("new")).await.unwrap();
        alias(&other, Some("mine")).await.unwrap();
        let snapshot = world.reopened().await.snapshot();
        assert_eq!(snapshot.account_by_alias("mine"), Some(other.id));
        assert_eq!(snapshot.account_by_alias("new"), Some(one.id));
        alias(&other, None).await.unwrap();
        assert_eq!(world.directory.snapshot().account_by_alias("mine"), None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn changes_at_the_same_time_are_all_kept() {
        let world = Arc::new(world().await);
        let tasks: Vec<_> = (0..50)
            .map(|number| {
                let world = world.clone();
                tokio::spawn(async move {
                    let name = format!("user{number}");
                    world.put(user(&format!("AIDA{number}"), &name)).await;
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(world.state().users.size(), 50);
    }

    #[tokio::test]
    async fn last_uses_are_written_and_forgotten_with_their_keys() {
        let world = world().await;
        let (key, _) = world.directory.new_access_key(world.account).unwrap();
        let id = key.id.clone();
        let mut ann = user("AIDA1", "ann");
        ann.access_keys = vec![key];
        world.put(ann).await;
        let now = Timestamp::UNIX_EPOCH;
        let found = world.directory.lookup(&id, None, now).unwrap();
        world.directory.note_use(&found, now, "s3", "us-east-1");
        assert_eq!(world.directory.last_use(&id).unwrap().service, "s3");
        assert!(world.reopened().await.last_use(&id).is_none());
        world.directory.flush_usage().await.unwrap();
        assert!(world.reopened().await.last_use(&id).is_some());
        world.directory.note_use(&found, now, "iam", "us-east-1");
        world
            .directory
            .danger_delete(world.account, EntityKind::User, "AIDA1")
            .await
            .unwrap();
        world.directory.flush_usage().await.unwrap();
        assert!(world.reopened().await.last_use(&id).is_none());
    }

    #[tokio::test]
    async fn rows_of_an_unknown_format_are_refused() {
        let rows = Arc::new(Memory::default());
        let keys = Arc::new(KeyEncryptionKey::generate().unwrap());
        let txn = ControlTxn::new().put(FORMAT_ROW, &b"2"[..]);
        rows.commit(txn).await.unwrap();
        let error = Directory::open(rows, keys).await.unwrap_err();
        assert!(error.to_string().contains("unknown format `2`"));
    }

    #[tokio::test]
    async fn the_embedded_engine_keeps_it() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Arc::new(KeyEncryptionKey::generate().unwrap());
        let account = AccountId::parse("111122223333").unwrap();
        let open = || async {
            let engine = engine_local::Local::open(dir.path(), Default::default()).unwrap();
            Directory::open(Arc::new(engine), keys.clone())
                .await
                .unwrap()
        };
        let key = {
            let directory = open().await;
            let system = directory
                .danger_gate()
                .system(SystemTask::AdministerAccounts);
            let new = NewAccount {
                id: Some(account),
                name: "one".to_owned(),
                email: None,
            };
            let made = directory.create_account(&system, new).await.unwrap();
            made.access_key_id
        };
        let directory = open().await;
        assert!(directory.lookup(&key, None, Timestamp::UNIX_EPOCH).is_ok());
    }
}
