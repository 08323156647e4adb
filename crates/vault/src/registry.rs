//! All buckets' configurations in memory: read without a lock, replaced as a whole.
use std::sync::Arc;

use catalog::{AccountId, BucketName};
use engine::ControlStore;
use gate::BucketFacts;
use policy::BlockPublicAccess;
use rpds::{HashTrieMapSync, RedBlackTreeSetSync};

use crate::VaultError;
use crate::record::{ACCOUNT_ROWS, BUCKET_ROWS, BucketRecord, StoredPublicAccessBlock, read_json};

/// One moment of all buckets. A change makes another that shares most of this one.
#[derive(Clone, Default)]
pub(crate) struct Registry {
    buckets: HashTrieMapSync<BucketName, Arc<BucketRecord>>,
    of_owner: HashTrieMapSync<AccountId, RedBlackTreeSetSync<BucketName>>,
    account_flags: HashTrieMapSync<AccountId, BlockPublicAccess>,
}

impl Registry {
    pub(crate) fn bucket(&self, name: &BucketName) -> Option<&Arc<BucketRecord>> {
        self.buckets.get(name)
    }

    /// The buckets of an account, in the order of their names.
    pub(crate) fn buckets_of<'a>(
        &'a self,
        owner: AccountId,
    ) -> impl Iterator<Item = &'a Arc<BucketRecord>> + 'a {
        self.of_owner
            .get(&owner)
            .into_iter()
            .flat_map(|names| names.iter())
            .filter_map(|name| self.buckets.get(name))
    }

    pub(crate) fn count_of(&self, owner: AccountId) -> usize {
        self.of_owner.get(&owner).map_or(0, |names| names.size())
    }

    pub(crate) fn deleting(&self) -> Vec<Arc<BucketRecord>> {
        let deleting = self
            .buckets
            .values()
            .filter(|bucket| bucket.stored.deleting);
        deleting.cloned().collect()
    }

    pub(crate) fn with_lifecycle(&self) -> Vec<Arc<BucketFacts>> {
        let ruled = self
            .buckets
            .values()
            .filter(|bucket| bucket.stored.lifecycle.is_some() && !bucket.stored.deleting);
        ruled.map(|bucket| bucket.facts().clone()).collect()
    }

    pub(crate) fn account_flags(&self, account: AccountId) -> Option<BlockPublicAccess> {
        self.account_flags.get(&account).copied()
    }

    #[must_use]
    pub(crate) fn with_bucket(&self, record: Arc<BucketRecord>) -> Registry {
        let owner = record.facts().owner;
        let names = self.of_owner.get(&owner).cloned().unwrap_or_default();
        Registry {
            of_owner: self
                .of_owner
                .insert(owner, names.insert(record.name().clone())),
            buckets: self.buckets.insert(record.name().clone(), record),
            account_flags: self.account_flags.clone(),
        }
    }

    pub(crate) fn has_buckets(&self) -> bool {
        !self.buckets.is_empty()
    }

    #[must_use]
    pub(crate) fn without_bucket(&self, name: &BucketName) -> Registry {
        let Some(record) = self.buckets.get(name) else {
            return self.clone();
        };
        let owner = record.facts().owner;
        let names = self.of_owner.get(&owner).cloned().unwrap_or_default();
        Registry {
            of_owner: self.of_owner.insert(owner, names.remove(name)),
            buckets: self.buckets.remove(name),
            account_flags: self.account_flags.clone(),
        }
    }

    #[must_use]
    pub(crate) fn with_account_flags(
        &self,
        account: AccountId,
        flags: Option<BlockPublicAccess>,
    ) -> Registry {
        Registry {
            account_flags: match flags {
                Some(flags) => self.account_flags.insert(account, flags),
                None => self.account_flags.remove(&account),
            },
            ..self.clone()
        }
    }
}

/// Reads everything.
pub(crate) async fn load(control: &dyn ControlStore) -> Result<Registry, VaultError> {
    let mut registry = Registry::default();
    for row in control.scan(BUCKET_ROWS).await? {
        registry = registry.with_bucket(Arc::new(BucketRecord::read(&row)?));
    }
    for row in control.scan(ACCOUNT_ROWS).await? {
        let account = row.key.strip_prefix(ACCOUNT_ROWS).unwrap_or_default();
        let account = AccountId::parse_exact(account).map_err(|error| VaultError::DamagedRow {
            key: row.key.clone(),
            why: error.to_string(),
        })?;
        let stored: StoredPublicAccessBlock = read_json(&row)?;
        registry = registry.with_account_flags(account, Some(stored.into()));
    }
    Ok(registry)
}
