//! What is kept about a bucket, as it stands in the control store and in memory.
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use catalog::{AccountId, BucketName, CanonicalUserId};
use engine::{BucketId, ControlRow, ControlStore, ControlTxn, Revision};
use gate::BucketFacts;
use jiff::Timestamp;
use policy::{BlockPublicAccess, ObjectOwnership, Policy, PolicyKind};
use serde::{Deserialize, Serialize};

use crate::acl::StoredGrant;
use crate::bucket_encryption::StoredEncryption;
use crate::lifecycle::CompiledLifecycle;
use crate::{BucketEncryption, BucketVersioning, VaultError};

/// Rows of buckets begin with this; the bucket's name follows.
pub(crate) const BUCKET_ROWS: &str = "s3/bucket/";
/// Rows of account-wide settings begin with this; the account id follows.
pub(crate) const ACCOUNT_ROWS: &str = "s3/account/";

/// The row that says how bodies and their records are stored.
const FORMAT_ROW: &str = "s3/format";
/// Its value. It changes when what is stored could not be read by programs before the change.
/// Version 1, which had no row, bound the segments of bodies to the object's name.
const FORMAT: &[u8] = b"3";

/// Refuses a store whose bodies another version wrote; writes the row into a new one.
pub(crate) async fn check_format(
    control: &dyn ControlStore,
    has_buckets: bool,
) -> Result<(), VaultError> {
    let unknown = |found: String| Err(VaultError::UnknownFormat { found });
    match control.get(FORMAT_ROW).await? {
        Some(row) if row.value == FORMAT => Ok(()),
        Some(row) => unknown(String::from_utf8_lossy(&row.value).into_owned()),
        None if has_buckets => unknown("1".to_owned()),
        None => {
            let row = ControlTxn::new().put(FORMAT_ROW, Bytes::from_static(FORMAT));
            control.commit(row).await?;
            Ok(())
        }
    }
}

/// A bucket in the form that is stored, as JSON. Fields are only ever added.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredBucket {
    pub(crate) id: String,
    pub(crate) owner: AccountId,
    pub(crate) owner_canonical_id: CanonicalUserId,
    pub(crate) created: Timestamp,
    pub(crate) region: String,
    /// Principals are unique ids in it (spec P-8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ownership: Option<StoredOwnership>,
    #[serde(default)]
    pub(crate) acl: Vec<StoredGrant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) public_access_block: Option<StoredPublicAccessBlock>,
    /// The rules as the operation that validated them wrote them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lifecycle: Option<serde_json::Value>,
    /// Whether versions are kept, once that was said: `true` is enabled, `false` suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) versioning: Option<bool>,
    /// As `lifecycle`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cors: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<Vec<(String, String)>>,
    /// Where it was never set: that of a new bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encryption: Option<StoredEncryption>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) requester_pays: bool,
    /// Set before the engine drops the bucket's objects: a crash in between is finished on start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) deleting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoredOwnership {
    BucketOwnerEnforced,
    BucketOwnerPreferred,
    ObjectWriter,
}

impl From<ObjectOwnership> for StoredOwnership {
    fn from(ownership: ObjectOwnership) -> StoredOwnership {
        match ownership {
            ObjectOwnership::BucketOwnerEnforced => StoredOwnership::BucketOwnerEnforced,
            ObjectOwnership::BucketOwnerPreferred => StoredOwnership::BucketOwnerPreferred,
            ObjectOwnership::ObjectWriter => StoredOwnership::ObjectWriter,
        }
    }
}

impl From<StoredOwnership> for ObjectOwnership {
    fn from(stored: StoredOwnership) -> ObjectOwnership {
        match stored {
            StoredOwnership::BucketOwnerEnforced => ObjectOwnership::BucketOwnerEnforced,
            StoredOwnership::BucketOwnerPreferred => ObjectOwnership::BucketOwnerPreferred,
            StoredOwnership::ObjectWriter => ObjectOwnership::ObjectWriter,
        }
    }
}

/// The flags are written out, so that a row can be read without this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredPublicAccessBlock {
    block_public_acls: bool,
    ignore_public_acls: bool,
    block_public_policy: bool,
    restrict_public_buckets: bool,
}

impl From<BlockPublicAccess> for StoredPublicAccessBlock {
    fn from(flags: BlockPublicAccess) -> StoredPublicAccessBlock {
        StoredPublicAccessBlock {
            block_public_acls: flags.block_public_acls,
            ignore_public_acls: flags.ignore_public_acls,
            block_public_policy: flags.block_public_policy,
            restrict_public_buckets: flags.restrict_public_buckets,
        }
    }
}

impl From<StoredPublicAccessBlock> for BlockPublicAccess {
    fn from(stored: StoredPublicAccessBlock) -> BlockPublicAccess {
        BlockPublicAccess {
            block_public_acls: stored.block_public_acls,
            ignore_public_acls: stored.ignore_public_acls,
            block_public_policy: stored.block_public_policy,
            restrict_public_buckets: stored.restrict_public_buckets,
        }
    }
}

/// A bucket in memory: the stored form, and what decisions look at, made of it once.
#[derive(Debug)]
pub struct BucketRecord {
    id: BucketId,
    facts: Arc<BucketFacts>,
    pub(crate) stored: StoredBucket,
    pub(crate) revision: Revision,
    /// Made of `stored.lifecycle` by the first who needs it.
    pub(crate) compiled_lifecycle: OnceLock<CompiledLifecycle>,
}

impl BucketRecord {
    /// The engine's name of this incarnation of the bucket.
    pub fn id(&self) -> BucketId {
        self.id
    }
    /// What authorization looks at.
    pub fn facts(&self) -> &Arc<BucketFacts> {
        &self.facts
    }
    /// The bucket's name.
    pub fn name(&self) -> &BucketName {
        &self.facts.name
    }
    /// When it was created.
    pub fn created(&self) -> Timestamp {
        self.stored.created
    }
    /// Its region.
    pub fn region(&self) -> &str {
        &self.stored.region
    }
    /// The object ownership setting; `None` where the bucket has no ownership controls, which acts
    /// as `ObjectWriter` (spec S-7).
    pub fn ownership(&self) -> Option<ObjectOwnership> {
        self.stored.ownership.map(ObjectOwnership::from)
    }
    /// Whether it keeps versions.
    pub fn versioning(&self) -> BucketVersioning {
        match self.stored.versioning {
            None => BucketVersioning::Unversioned,
            Some(true) => BucketVersioning::Enabled,
            Some(false) => BucketVersioning::Suspended,
        }
    }
    /// How it encrypts.
    pub fn encryption(&self) -> BucketEncryption {
        let stored = self.stored.encryption;
        stored.map(BucketEncryption::from).unwrap_or_default()
    }
    /// The bucket's own flags; `None` where it has no public access block configuration.
    pub fn public_access_block(&self) -> Option<BlockPublicAccess> {
        self.stored.public_access_block.map(BlockPublicAccess::from)
    }

    pub(crate) fn key(name: &BucketName) -> String {
        format!("{BUCKET_ROWS}{name}")
    }

    /// Compiles the stored form.
    pub(crate) fn new(
        name: BucketName,
        stored: StoredBucket,
        revision: Revision,
    ) -> Result<BucketRecord, VaultError> {
        let damaged = |why: String| VaultError::DamagedRow {
            key: BucketRecord::key(&name),
            why,
        };
        let id = BucketId::parse(&stored.id).ok_or_else(|| damaged("no bucket id".to_owned()))?;
        let policy = stored
            .policy
            .as_deref()
            .map(|text| Policy::load(PolicyKind::Bucket, text).map(Arc::new))
            .transpose()
            .map_err(|finding| damaged(finding.to_string()))?;
        let facts = BucketFacts {
            id: stored.id.clone(),
            owner: stored.owner,
            owner_canonical_id: stored.owner_canonical_id.clone(),
            policy,
            ownership: stored
                .ownership
                .map_or(ObjectOwnership::ObjectWriter, ObjectOwnership::from),
            acl: stored.acl.iter().map(StoredGrant::grant).collect(),
            block_public_access: stored
                .public_access_block
                .map(BlockPublicAccess::from)
                .unwrap_or_default(),
            requester_pays: stored.requester_pays,
            name,
        };
        Ok(BucketRecord {
            id,
            facts: Arc::new(facts),
            stored,
            revision,
            compiled_lifecycle: OnceLock::new(),
        })
    }

    pub(crate) fn read(row: &ControlRow) -> Result<BucketRecord, VaultError> {
        let damaged = |why: String| VaultError::DamagedRow {
            key: row.key.clone(),
            why,
        };
        let name = row.key.strip_prefix(BUCKET_ROWS).unwrap_or_default();
        let name = BucketName::parse(name).map_err(|error| damaged(error.to_string()))?;
        let stored = read_json(row)?;
        BucketRecord::new(name, stored, row.revision)
    }
}

/// A row's value.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(row: &ControlRow) -> Result<T, VaultError> {
    serde_json::from_slice(&row.value).map_err(|error| VaultError::DamagedRow {
        key: row.key.clone(),
        why: error.to_string(),
    })
}

/// What a row's value shall be.
pub(crate) fn write_json<T: Serialize>(key: &str, value: &T) -> Result<Bytes, VaultError> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|error| VaultError::DamagedRow {
            key: key.to_owned(),
            why: error.to_string(),
        })
}
