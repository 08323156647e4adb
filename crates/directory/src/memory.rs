//! A control store in memory, for tests of this crate and of the services.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use catalog::{AccountId, BucketName, EntityKind, Object};
use engine::{
    BoxFuture, ControlError, ControlRow, ControlStore, ControlTxn, EngineError, Revision,
};
use gate::{BucketFacts, FactsError, Gate, Initiator, ObjectFacts, S3Facts};
use policy::BlockPublicAccess;
use seal::KeyEncryptionKey;

use crate::state::{AccessKey, Record};
use crate::store::{Directory, DirectoryError, lock};

/// Keeps its promise only until the process ends.
#[derive(Debug, Default)]
pub struct Memory {
    rows: Mutex<(u64, BTreeMap<String, ControlRow>)>,
    failing: AtomicBool,
}

impl Memory {
    /// From now on every commit fails, or does not any more.
    #[cfg(test)]
    pub fn set_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }

    fn apply(&self, txn: ControlTxn) -> Result<Revision, ControlError> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(ControlError::Engine(EngineError::NoSpace));
        }
        let mut state = lock(&self.rows);
        let (revision, rows) = &mut *state;
        for (key, wanted) in txn.asserts {
            if rows.get(&key).map(|row| row.revision) != wanted {
                return Err(ControlError::Conflict { key });
            }
        }
        *revision += 1;
        let revision = Revision(*revision);
        for (key, value) in txn.puts {
            let row = ControlRow {
                key: key.clone(),
                value,
                revision,
            };
            rows.insert(key, row);
        }
        for key in txn.deletes {
            rows.remove(&key);
        }
        Ok(revision)
    }
}

impl ControlStore for Memory {
    fn commit(&self, txn: ControlTxn) -> BoxFuture<'_, Result<Revision, ControlError>> {
        Box::pin(async move {
            // Between the decision and its durability others get to run, as with a disk.
            tokio::task::yield_now().await;
            self.apply(txn)
        })
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<ControlRow>, EngineError>> {
        Box::pin(async move { Ok(lock(&self.rows).1.get(key).cloned()) })
    }

    fn scan<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<ControlRow>, EngineError>> {
        Box::pin(async move {
            let rows = lock(&self.rows);
            let found = rows.1.values().filter(|row| row.key.starts_with(prefix));
            Ok(found.cloned().collect())
        })
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision, EngineError>> {
        Box::pin(async move { Ok(Revision(lock(&self.rows).0)) })
    }
}

/// S3 without a bucket.
struct NoBuckets;

impl S3Facts for NoBuckets {
    fn bucket<'a>(
        &'a self,
        _: &'a BucketName,
    ) -> gate::BoxFuture<'a, Result<Option<Arc<BucketFacts>>, FactsError>> {
        Box::pin(std::future::ready(Ok(None)))
    }
    fn object<'a>(
        &'a self,
        _: &'a BucketFacts,
        _: &'a Object,
    ) -> gate::BoxFuture<'a, Result<Option<ObjectFacts>, FactsError>> {
        Box::pin(std::future::ready(Ok(None)))
    }
    fn upload_initiator<'a>(
        &'a self,
        _: &'a BucketFacts,
        _: &'a Object,
    ) -> gate::BoxFuture<'a, Result<Option<Initiator>, FactsError>> {
        Box::pin(std::future::ready(Ok(None)))
    }
    fn account_public_access_block(
        &self,
        _: AccountId,
    ) -> gate::BoxFuture<'_, Result<BlockPublicAccess, FactsError>> {
        Box::pin(std::future::ready(Ok(BlockPublicAccess::default())))
    }
}

impl Directory {
    /// A gate over this directory and no bucket.
    pub fn danger_gate(&self) -> Gate {
        Gate::new(Arc::new(NoBuckets), Arc::new(self.clone()))
    }

    /// An empty directory that forgets everything when it is dropped.
    ///
    /// # Errors
    /// There is no randomness.
    pub async fn danger_in_memory() -> Result<Directory, DirectoryError> {
        let keys = KeyEncryptionKey::generate()?;
        Directory::open(Arc::new(Memory::default()), Arc::new(keys)).await
    }

    /// An access key that is nobody's yet.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn danger_access_key(&self, account: AccountId) -> Result<AccessKey, DirectoryError> {
        Ok(self.new_access_key(account)?.0)
    }

    /// Writes records as they are, without permit.
    ///
    /// # Errors
    /// There is no such account.
    pub async fn danger_put(
        &self,
        account: AccountId,
        records: Vec<Record>,
    ) -> Result<(), DirectoryError> {
        self.change(account, |_, changes| {
            for record in records {
                changes.put(record);
            }
            Ok(())
        })
        .await
    }

    /// Removes an entity, without permit.
    ///
    /// # Errors
    /// There is no such account.
    pub async fn danger_delete(
        &self,
        account: AccountId,
        kind: EntityKind,
        id: &str,
    ) -> Result<(), DirectoryError> {
        self.change(account, |_, changes| {
            changes.delete(kind, id);
            Ok(())
        })
        .await
    }
}
