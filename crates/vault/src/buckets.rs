//! Buckets and their configurations. Each method opens the bucket of its permit.
use std::sync::Arc;

use catalog::{AccountId, Action, Bucket, BucketName, CanonicalUserId, s3};
use engine::{BucketId, CommitError, ControlError, ControlTxn, Write};
use gate::{BucketFacts, Permit};
use jiff::Timestamp;
use policy::{BlockPublicAccess, Grant, ObjectOwnership};

use crate::acl::{self, AccessControlPolicy};
use crate::record::{
    ACCOUNT_ROWS, BucketRecord, StoredBucket, StoredPublicAccessBlock, write_json,
};
use crate::{Vault, VaultError};

/// The most buckets of an account (AWS: Bucket quotas, limitations, and restrictions).
pub const BUCKETS_MAX: usize = 10_000;

/// How often a change starts anew when another process changed the same row.
const ATTEMPTS: usize = 8;

/// What a new bucket starts with.
#[derive(Clone, Debug)]
pub struct NewBucket {
    /// Its ownership controls.
    pub ownership: ObjectOwnership,
    /// Its ACL.
    pub acl: Vec<Grant>,
    /// Its public access block: AWS sets all four flags since April 2023 (spec S-9).
    pub public_access_block: BlockPublicAccess,
}

/// A bucket as listings show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketSummary {
    /// Its name.
    pub name: BucketName,
    /// When it was created.
    pub created: Timestamp,
    /// Its region.
    pub region: String,
}

/// The public access block of AWS's console and of every new bucket: all four.
pub(crate) const ALL_FLAGS: BlockPublicAccess = BlockPublicAccess {
    block_public_acls: true,
    ignore_public_acls: true,
    block_public_policy: true,
    restrict_public_buckets: true,
};

impl NewBucket {
    /// What AWS gives a bucket whose request says nothing else.
    pub fn standard(owner: &CanonicalUserId) -> NewBucket {
        NewBucket {
            ownership: ObjectOwnership::BucketOwnerEnforced,
            acl: vec![crate::acl::full_control(owner.as_str())],
            public_access_block: ALL_FLAGS,
        }
    }
}

impl Vault {
    /// Makes a bucket. Names are global over all accounts.
    ///
    /// # Errors
    /// [`VaultError::BucketAlreadyExists`], [`VaultError::BucketAlreadyOwnedByYou`].
    pub async fn create_bucket(
        &self,
        permit: &Permit<s3::CreateBucket>,
        new: NewBucket,
    ) -> Result<(), VaultError> {
        let Bucket { name, new_for } = permit.resource().clone();
        let owner = new_for.ok_or(VaultError::NothingJudged)?;
        let caller = &permit.identity().caller;
        let owner_canonical_id = match &caller.canonical_id {
            Some(id) if caller.account == Some(owner) => id.clone(),
            Some(_) | None => return Err(VaultError::NoCanonicalId),
        };
        self.name_is_free(&name, owner)?;
        let stored = StoredBucket {
            id: BucketId(u128::from_be_bytes(seal::random()?)).to_string(),
            owner,
            owner_canonical_id,
            created: whole_seconds(permit.request().now),
            // The endpoint is every region's: the bucket is where its maker's client is.
            region: permit.request().region.clone(),
            policy: None,
            ownership: Some(new.ownership.into()),
            acl: new.acl.iter().map(Into::into).collect(),
            public_access_block: Some(new.public_access_block.into()),
            lifecycle: None,
            versioning: None,
            cors: None,
            tags: None,
            encryption: None,
            requester_pays: false,
            deleting: false,
        };
        let vault = self.clone();
        Vault::to_its_end(async move { vault.create(name, stored).await }).await
    }

    fn name_is_free(&self, name: &BucketName, owner: AccountId) -> Result<(), VaultError> {
        let registry = self.registry.load();
        match registry.bucket(name) {
            Some(taken) if taken.facts().owner == owner => {
                Err(VaultError::BucketAlreadyOwnedByYou(name.clone()))
            }
            Some(_) => Err(VaultError::BucketAlreadyExists(name.clone())),
            None if registry.count_of(owner) >= BUCKETS_MAX => Err(VaultError::TooManyBuckets),
            None => Ok(()),
        }
    }

    /// The engine's bucket first: without a row it is invisible, and a row without it would be a
    /// bucket that takes no objects.
    async fn create(&self, name: BucketName, stored: StoredBucket) -> Result<(), VaultError> {
        let _alone = self.stripe(&name).lock().await;
        self.name_is_free(&name, stored.owner)?;
        let owner = stored.owner;
        let mut record = BucketRecord::new(name.clone(), stored, engine::Revision(0))?;
        let bucket = record.id();
        self.engine
            .commit(Write::CreateBucket { bucket })
            .await
            .map_err(VaultError::from)?;
        let key = BucketRecord::key(&name);
        let row = ControlTxn::new()
            .assert(&key, None)
            .put(&key, write_json(&key, &record.stored)?);
        match self.control.commit(row).await {
            Ok(revision) => {
                record.revision = revision;
                self.publish(Arc::new(record));
                Ok(())
            }
            // Another process was first.
            Err(ControlError::Conflict { .. }) => {
                self.engine
                    .commit(Write::DropBucket { bucket })
                    .await
                    .map_err(VaultError::from)?;
                self.reload(&name).await?;
                self.name_is_free(&name, owner)?;
                Err(VaultError::Conflict)
            }
            Err(ControlError::Engine(error)) => Err(error.into()),
        }
    }

    /// Removes a bucket that holds no objects.
    ///
    /// # Errors
    /// [`VaultError::BucketNotEmpty`].
    pub async fn delete_bucket(&self, permit: &Permit<s3::DeleteBucket>) -> Result<(), VaultError> {
        let record = self.bucket_record(permit.bucket())?;
        // Spares a bucket with objects the two commits below. Whether it is empty is decided there.
        if !self.engine.is_empty(record.id()).await? {
            return Err(not_empty(&record));
        }
        let vault = self.clone();
        Vault::to_its_end(async move {
            let record = vault
                .change(&record, |bucket| {
                    bucket.deleting = true;
                    Ok(())
                })
                .await?;
            vault.finish_deletion(&record).await
        })
        .await
    }

    /// The second half of a deletion. Also what a start does with one that was interrupted.
    pub(crate) async fn finish_deletion(
        &self,
        record: &Arc<BucketRecord>,
    ) -> Result<(), VaultError> {
        let bucket = record.id();
        match self.engine.commit(Write::DropBucket { bucket }).await {
            Ok(_) | Err(CommitError::NoSuchBucket) => {}
            Err(CommitError::BucketNotEmpty) => {
                self.change(record, |bucket| {
                    bucket.deleting = false;
                    Ok(())
                })
                .await?;
                return Err(not_empty(record));
            }
            Err(error) => return Err(error.into()),
        }
        let name = record.name();
        let _alone = self.stripe(name).lock().await;
        for _ in 0..ATTEMPTS {
            let Some(current) = self.same_incarnation(record) else {
                return Ok(());
            };
            let key = BucketRecord::key(name);
            let gone = ControlTxn::new()
                .assert(&key, Some(current.revision))
                .delete(&key);
            match self.control.commit(gone).await {
                Ok(_) => {
                    self.registry.rcu(|registry| registry.without_bucket(name));
                    return Ok(());
                }
                Err(ControlError::Conflict { .. }) => self.reload(name).await?,
                Err(ControlError::Engine(error)) => return Err(error.into()),
            }
        }
        Err(VaultError::Conflict)
    }

    /// All buckets of the permit's account, in the order of their names.
    pub fn list_buckets(&self, permit: &Permit<s3::ListAllMyBuckets>) -> Vec<BucketSummary> {
        self.registry
            .load()
            .buckets_of(permit.resource().0)
            .map(|record| BucketSummary {
                name: record.name().clone(),
                created: record.created(),
                region: record.region().to_owned(),
            })
            .collect()
    }

    /// The bucket is still the one that was judged; its region.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn head_bucket(&self, permit: &Permit<s3::ListBucket>) -> Result<String, VaultError> {
        Ok(self.bucket_record(permit.bucket())?.region().to_owned())
    }

    /// The bucket's region.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn bucket_location(
        &self,
        permit: &Permit<s3::GetBucketLocation>,
    ) -> Result<String, VaultError> {
        Ok(self.bucket_record(permit.bucket())?.region().to_owned())
    }

    /// The bucket policy with unique ids for principals, as it is stored.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn bucket_policy(
        &self,
        permit: &Permit<s3::GetBucketPolicy>,
    ) -> Result<Option<Arc<policy::Policy>>, VaultError> {
        Ok(self.bucket_record(permit.bucket())?.facts().policy.clone())
    }

    /// Whether the bucket policy is public (spec S-9); `None` without a policy.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn bucket_policy_is_public(
        &self,
        permit: &Permit<s3::GetBucketPolicyStatus>,
    ) -> Result<Option<bool>, VaultError> {
        let record = self.bucket_record(permit.bucket())?;
        Ok(record
            .facts()
            .policy
            .as_ref()
            .map(|policy| policy.is_public()))
    }

    /// Replaces the bucket policy. In `text` principals are unique ids already (spec P-8).
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub async fn put_bucket_policy(
        &self,
        permit: &Permit<s3::PutBucketPolicy>,
        text: String,
    ) -> Result<(), VaultError> {
        self.configure(permit, move |bucket| {
            bucket.policy = Some(text.clone());
            Ok(())
        })
        .await
    }

    /// Removes the bucket policy, if there is one.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub async fn delete_bucket_policy(
        &self,
        permit: &Permit<s3::DeleteBucketPolicy>,
    ) -> Result<(), VaultError> {
        self.configure(permit, |bucket| {
            bucket.policy = None;
            Ok(())
        })
        .await
    }

    /// The bucket's own Block Public Access flags; `None` where it has no such configuration.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn public_access_block(
        &self,
        permit: &Permit<s3::GetBucketPublicAccessBlock>,
    ) -> Result<Option<BlockPublicAccess>, VaultError> {
        Ok(self.bucket_record(permit.bucket())?.public_access_block())
    }

    /// Sets the bucket's own flags, or removes the configuration.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub async fn set_public_access_block(
        &self,
        permit: &Permit<s3::PutBucketPublicAccessBlock>,
        flags: Option<BlockPublicAccess>,
    ) -> Result<(), VaultError> {
        self.configure(permit, move |bucket| {
            bucket.public_access_block = flags.map(StoredPublicAccessBlock::from);
            Ok(())
        })
        .await
    }

    /// The account's flags; `None` where it has no such configuration.
    pub fn account_flags(
        &self,
        permit: &Permit<s3::GetAccountPublicAccessBlock>,
    ) -> Option<BlockPublicAccess> {
        self.registry.load().account_flags(permit.resource().0)
    }

    /// Sets the account's flags, or removes the configuration.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn set_account_flags(
        &self,
        permit: &Permit<s3::PutAccountPublicAccessBlock>,
        flags: Option<BlockPublicAccess>,
    ) -> Result<(), VaultError> {
        let account = permit.resource().0;
        let vault = self.clone();
        Vault::to_its_end(async move { vault.write_account_flags(account, flags).await }).await
    }

    async fn write_account_flags(
        &self,
        account: AccountId,
        flags: Option<BlockPublicAccess>,
    ) -> Result<(), VaultError> {
        let key = format!("{ACCOUNT_ROWS}{account}");
        let _alone = self.stripe(&account).lock().await;
        // The last writer wins, as with every configuration that is replaced as a whole.
        let txn = match flags {
            Some(flags) => {
                let stored = StoredPublicAccessBlock::from(flags);
                ControlTxn::new().put(&key, write_json(&key, &stored)?)
            }
            None => ControlTxn::new().delete(&key),
        };
        self.control.commit(txn).await?;
        self.registry
            .rcu(|registry| registry.with_account_flags(account, flags));
        Ok(())
    }

    /// The bucket's ownership controls; `None` where it has none.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn ownership_controls(
        &self,
        permit: &Permit<s3::GetBucketOwnershipControls>,
    ) -> Result<Option<ObjectOwnership>, VaultError> {
        Ok(self.bucket_record(permit.bucket())?.ownership())
    }

    /// Sets or removes the ownership controls. ACLs stay stored: they count again when they are
    /// switched on again (spec S-7).
    ///
    /// # Errors
    /// [`VaultError::AclWithOwnershipEnforced`] when the bucket's ACL grants to others than its
    /// owner.
    pub async fn set_ownership_controls(
        &self,
        permit: &Permit<s3::PutBucketOwnershipControls>,
        ownership: Option<ObjectOwnership>,
    ) -> Result<(), VaultError> {
        self.configure(permit, move |bucket| {
            let enforced = ownership == Some(ObjectOwnership::BucketOwnerEnforced);
            let own = bucket.owner_canonical_id.as_str();
            if enforced && !bucket.acl.iter().all(|grant| grant.is_to(own)) {
                return Err(VaultError::AclWithOwnershipEnforced);
            }
            bucket.ownership = ownership.map(Into::into);
            Ok(())
        })
        .await
    }

    /// The bucket's ACL as it acts (spec S-7, S-9).
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn bucket_acl(
        &self,
        permit: &Permit<s3::GetBucketAcl>,
    ) -> Result<AccessControlPolicy, VaultError> {
        let record = self.bucket_record(permit.bucket())?;
        let facts = record.facts();
        let owner = facts.owner_canonical_id.as_str();
        let grants = acl::visible(
            facts.ownership,
            self.ignores_public_acls(facts),
            owner,
            &facts.acl,
        );
        Ok(AccessControlPolicy::show(owner, &grants))
    }

    /// `IgnorePublicAcls` of the bucket or of its account.
    pub(crate) fn ignores_public_acls(&self, bucket: &BucketFacts) -> bool {
        let account = self.registry.load().account_flags(bucket.owner);
        bucket.block_public_access.ignore_public_acls
            || account.unwrap_or_default().ignore_public_acls
    }

    /// Replaces the bucket's ACL.
    ///
    /// # Errors
    /// [`VaultError::AclNotSupported`] when ACLs were switched off meanwhile.
    pub async fn put_bucket_acl(
        &self,
        permit: &Permit<s3::PutBucketAcl>,
        acl: Vec<Grant>,
    ) -> Result<(), VaultError> {
        self.configure(permit, move |bucket| {
            let ownership = bucket.ownership.map(ObjectOwnership::from);
            if ownership == Some(ObjectOwnership::BucketOwnerEnforced) {
                return Err(VaultError::AclNotSupported);
            }
            bucket.acl = acl.iter().map(Into::into).collect();
            Ok(())
        })
        .await
    }

    /// The bucket's lifecycle configuration, as the operation that stored it wrote it.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn lifecycle(
        &self,
        permit: &Permit<s3::GetLifecycleConfiguration>,
    ) -> Result<Option<serde_json::Value>, VaultError> {
        Ok(self
            .bucket_record(permit.bucket())?
            .stored
            .lifecycle
            .clone())
    }

    /// Sets or removes the lifecycle configuration.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub async fn set_lifecycle(
        &self,
        permit: &Permit<s3::PutLifecycleConfiguration>,
        rules: Option<serde_json::Value>,
    ) -> Result<(), VaultError> {
        self.configure(permit, move |bucket| {
            bucket.lifecycle = rules.clone();
            Ok(())
        })
        .await
    }

    /// Whether the bucket is a Requester Pays bucket.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn requester_pays(
        &self,
        permit: &Permit<s3::GetBucketRequestPayment>,
    ) -> Result<bool, VaultError> {
        Ok(self.bucket_record(permit.bucket())?.stored.requester_pays)
    }

    /// Makes the bucket a Requester Pays bucket, or no longer one.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub async fn set_requester_pays(
        &self,
        permit: &Permit<s3::PutBucketRequestPayment>,
        requester_pays: bool,
    ) -> Result<(), VaultError> {
        self.configure(permit, move |bucket| {
            bucket.requester_pays = requester_pays;
            Ok(())
        })
        .await
    }

    /// Whether the bucket of any permit is still the one that was judged: for settings that are
    /// the same for all buckets.
    ///
    /// # Errors
    /// [`VaultError::NoSuchBucket`].
    pub fn bucket_exists<A: Action<Resource = Bucket>>(
        &self,
        permit: &Permit<A>,
    ) -> Result<(), VaultError> {
        self.bucket_record(permit.bucket()).map(|_| ())
    }

    pub(crate) async fn configure<A: Action<Resource = Bucket>>(
        &self,
        permit: &Permit<A>,
        change: impl Fn(&mut StoredBucket) -> Result<(), VaultError> + Send + 'static,
    ) -> Result<(), VaultError> {
        let record = self.bucket_record(permit.bucket())?;
        let vault = self.clone();
        Vault::to_its_end(async move { vault.change(&record, change).await.map(|_| ()) }).await
    }

    /// Reads, changes and writes one bucket's row, alone.
    async fn change(
        &self,
        judged: &Arc<BucketRecord>,
        change: impl Fn(&mut StoredBucket) -> Result<(), VaultError> + Send,
    ) -> Result<Arc<BucketRecord>, VaultError> {
        let name = judged.name();
        let _alone = self.stripe(name).lock().await;
        for _ in 0..ATTEMPTS {
            let current = self
                .same_incarnation(judged)
                .ok_or_else(|| VaultError::NoSuchBucket(name.clone()))?;
            let mut stored = current.stored.clone();
            change(&mut stored)?;
            let mut record = BucketRecord::new(name.clone(), stored, current.revision)?;
            if record.stored.lifecycle == current.stored.lifecycle {
                record.compiled_lifecycle = current.compiled_lifecycle.clone();
            }
            let key = BucketRecord::key(name);
            let row = ControlTxn::new()
                .assert(&key, Some(current.revision))
                .put(&key, write_json(&key, &record.stored)?);
            match self.control.commit(row).await {
                Ok(revision) => {
                    record.revision = revision;
                    let record = Arc::new(record);
                    self.publish(record.clone());
                    return Ok(record);
                }
                Err(ControlError::Conflict { .. }) => self.reload(name).await?,
                Err(ControlError::Engine(error)) => return Err(error.into()),
            }
        }
        Err(VaultError::Conflict)
    }

    fn same_incarnation(&self, judged: &Arc<BucketRecord>) -> Option<Arc<BucketRecord>> {
        let current = self.registry.load().bucket(judged.name()).cloned();
        current.filter(|record| record.id() == judged.id())
    }

    fn publish(&self, record: Arc<BucketRecord>) {
        self.registry
            .rcu(|registry| registry.with_bucket(record.clone()));
    }

    /// Another process changed the row: reads it again.
    async fn reload(&self, name: &BucketName) -> Result<(), VaultError> {
        match self.control.get(&BucketRecord::key(name)).await? {
            Some(row) => self.publish(Arc::new(BucketRecord::read(&row)?)),
            None => {
                self.registry.rcu(|registry| registry.without_bucket(name));
            }
        }
        Ok(())
    }
}

/// S3 shows whole seconds.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn not_empty(record: &BucketRecord) -> VaultError {
    VaultError::BucketNotEmpty {
        bucket: record.name().clone(),
        keeps_versions: record.versioning() != crate::BucketVersioning::Unversioned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Foundations;
    use bytes::Bytes;
    use engine::{ControlStore, Millis, ObjectEngine, ObjectName, Precondition, Put, StageHint};
    use engine_local::{Local, Options};
    use gate::{BoxFuture, FactsError, PrincipalDirectory, S3Facts};

    struct Nobody;
    impl PrincipalDirectory for Nobody {
        fn unique_id_of<'a>(
            &'a self,
            _: &'a str,
        ) -> BoxFuture<'a, Result<Option<String>, FactsError>> {
            Box::pin(async { Ok(None) })
        }
        fn arn_of<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<String>, FactsError>> {
            Box::pin(async { Ok(None) })
        }
        fn role_exists<'a>(
            &'a self,
            _: AccountId,
            _: &'a str,
        ) -> BoxFuture<'a, Result<bool, FactsError>> {
            Box::pin(async { Ok(false) })
        }
        fn account_exists(&self, _: AccountId) -> BoxFuture<'_, Result<bool, FactsError>> {
            Box::pin(async { Ok(false) })
        }
        fn account_of_canonical_id<'a>(
            &'a self,
            _: &'a CanonicalUserId,
        ) -> BoxFuture<'a, Result<Option<AccountId>, FactsError>> {
            Box::pin(async { Ok(None) })
        }
    }

    async fn open(local: &Arc<Local>) -> Result<Vault, VaultError> {
        let keys = seal::KeyEncryptionKey::generate().unwrap();
        Vault::open(Foundations {
            engine: local.clone(),
            control: local.clone(),
            keys: Arc::new(keys),
            principals: Arc::new(Nobody),
            region: "us-east-1".to_owned(),
        })
        .await
    }

    fn local(directory: &tempfile::TempDir) -> Arc<Local> {
        let options = Options {
            map_bytes: 1 << 26,
            ..Options::default()
        };
        Arc::new(Local::open(directory.path().join("data"), options).unwrap())
    }

    fn name() -> BucketName {
        BucketName::parse("logs").unwrap()
    }

    /// A bucket as a crash left it that came after the first half of its deletion.
    async fn half_deleted(local: &Local, bucket: BucketId) {
        let owner = CanonicalUserId::parse(&"a".repeat(64)).unwrap();
        let stored = StoredBucket {
            id: bucket.to_string(),
            owner: AccountId::parse("111111111111").unwrap(),
            acl: vec![(&crate::acl::full_control(owner.as_str())).into()],
            owner_canonical_id: owner,
            created: Timestamp::UNIX_EPOCH,
            region: "us-east-1".to_owned(),
            policy: None,
            ownership: None,
            public_access_block: None,
            lifecycle: None,
            versioning: None,
            cors: None,
            tags: None,
            encryption: None,
            requester_pays: false,
            deleting: true,
        };
        ObjectEngine::commit(local, Write::CreateBucket { bucket })
            .await
            .unwrap();
        let key = BucketRecord::key(&name());
        let rows = ControlTxn::new()
            .put(&key, write_json(&key, &stored).unwrap())
            .put("s3/format", "3");
        ControlStore::commit(local, rows).await.unwrap();
    }

    #[tokio::test]
    async fn objects_of_another_format_stop_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let local = local(&directory);
        half_deleted(&local, BucketId(7)).await;
        for (change, found) in [
            (ControlTxn::new().put("s3/format", "4"), "4"),
            (ControlTxn::new().delete("s3/format"), "1"),
        ] {
            ControlStore::commit(&*local, change).await.unwrap();
            let error = open(&local).await.unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "the objects in this data directory have the format {found:?}; this version \
                     reads and writes format \"3\" alone"
                )
            );
        }
        assert_eq!(local.scan("s3/bucket/").await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_deletion_that_a_crash_interrupted_is_finished() {
        let directory = tempfile::tempdir().unwrap();
        let local = local(&directory);
        let bucket = BucketId(7);
        half_deleted(&local, bucket).await;
        let vault = open(&local).await.unwrap();
        assert!(vault.bucket(&name()).await.unwrap().is_none());
        assert!(local.scan("s3/bucket/").await.unwrap().is_empty());
        let again = ObjectEngine::commit(&*local, Write::DropBucket { bucket }).await;
        assert!(matches!(again, Err(CommitError::NoSuchBucket)));
        // Between the two halves of the second half.
        half_deleted(&local, bucket).await;
        let dropped = ObjectEngine::commit(&*local, Write::DropBucket { bucket }).await;
        assert!(dropped.is_ok());
        let vault = open(&local).await.unwrap();
        assert!(vault.bucket(&name()).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_bucket_that_was_filled_before_the_crash_stays() {
        let directory = tempfile::tempdir().unwrap();
        let local = local(&directory);
        let bucket = BucketId(7);
        half_deleted(&local, bucket).await;
        let put = Write::Put(Put {
            object: ObjectName {
                bucket,
                key: "k".to_owned(),
            },
            precondition: Precondition::None,
            versioning: engine::Versioning::Unversioned,
            etag: Bytes::new(),
            last_modified: Millis(0),
            meta: Bytes::new(),
            body: local
                .stage(StageHint::default())
                .await
                .unwrap()
                .finish()
                .await
                .unwrap(),
        });
        ObjectEngine::commit(&*local, put).await.unwrap();
        let vault = open(&local).await.unwrap();
        assert!(vault.bucket(&name()).await.unwrap().is_some());
        assert!(vault.registry.load().deleting().is_empty());
    }

    #[tokio::test]
    async fn a_row_that_cannot_be_read_stops_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let local = local(&directory);
        let row = ControlTxn::new().put("s3/bucket/logs", "{}");
        ControlStore::commit(&*local, row).await.unwrap();
        let error = open(&local).await.unwrap_err().to_string();
        assert!(
            error.starts_with("the row `s3/bucket/logs` cannot be read"),
            "{error}"
        );
    }
}
