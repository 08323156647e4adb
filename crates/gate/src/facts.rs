//! What the gate must know about resources. The stores answer; no permit is needed to be judged.
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use catalog::{AccountId, BucketName, CanonicalUserId, IamEntity, Object};
use policy::{BlockPublicAccess, Grant, ObjectOwnership, Policy};

/// A boxed future, so that stores can stand behind a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A store could not tell: the call fails, it is never allowed instead.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the facts about `{about}` could not be read")]
pub struct FactsError {
    /// What was looked for.
    pub about: String,
    /// Why.
    #[source]
    pub source: Arc<dyn std::error::Error + Send + Sync>,
}

/// A bucket as authorization sees it.
#[derive(Debug)]
pub struct BucketFacts {
    /// Unique to this incarnation of the bucket: a bucket that was deleted and made again differs.
    pub id: String,
    /// Its name.
    pub name: BucketName,
    /// The account that owns it.
    pub owner: AccountId,
    /// That account's canonical id.
    pub owner_canonical_id: CanonicalUserId,
    /// The bucket policy.
    pub policy: Option<Arc<Policy>>,
    /// The object ownership setting.
    pub ownership: ObjectOwnership,
    /// The bucket's ACL.
    pub acl: Vec<Grant>,
    /// The bucket's own flags (the account's are added by the gate).
    pub block_public_access: BlockPublicAccess,
    /// Whoever calls pays, unless it is the owner's account. AWS: Requester Pays buckets.
    pub requester_pays: bool,
}

/// An object as authorization sees it.
#[derive(Clone, Debug)]
pub struct ObjectFacts {
    /// The account that owns it; `None` for objects of anonymous uploaders.
    pub owner: Option<AccountId>,
    /// Its ACL.
    pub acl: Vec<Grant>,
    /// Its tags: `s3:ExistingObjectTag/KEY`.
    pub tags: Vec<(String, String)>,
    /// Sequence of the state that was judged, for stores that must serve exactly that.
    pub sequence: u64,
}

/// Who started a multipart upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initiator {
    /// Unique id of the principal (for role sessions the role's id with the session name).
    pub user_id: String,
    /// Its account.
    pub account: Option<AccountId>,
    /// `x-amz-server-side-encryption` as the upload was created with, if it was: for its parts
    /// the condition key has this value (spec S-4).
    pub server_side_encryption: Option<String>,
}

/// A role as the target of STS.
#[derive(Debug)]
pub struct RoleFacts {
    /// Its ARN.
    pub arn: String,
    /// Its account.
    pub account: AccountId,
    /// Its trust policy.
    pub trust: Arc<Policy>,
    /// Its tags: `aws:ResourceTag/KEY`.
    pub tags: Vec<(String, String)>,
}

/// An existing IAM entity.
#[derive(Debug)]
pub struct EntityFacts {
    /// Its ARN, with path.
    pub arn: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
}

/// What S3's store tells the gate.
pub trait S3Facts: Send + Sync {
    /// The bucket of that name.
    fn bucket<'a>(
        &'a self,
        name: &'a BucketName,
    ) -> BoxFuture<'a, Result<Option<Arc<BucketFacts>>, FactsError>>;
    /// The object (or version) in that bucket; `None` also for delete markers.
    fn object<'a>(
        &'a self,
        bucket: &'a BucketFacts,
        object: &'a Object,
    ) -> BoxFuture<'a, Result<Option<ObjectFacts>, FactsError>>;
    /// Who started the upload that `object.upload` names.
    fn upload_initiator<'a>(
        &'a self,
        bucket: &'a BucketFacts,
        object: &'a Object,
    ) -> BoxFuture<'a, Result<Option<Initiator>, FactsError>>;
    /// The account-level Block Public Access flags of an account: what S3 Control keeps.
    fn account_public_access_block(
        &self,
        account: AccountId,
    ) -> BoxFuture<'_, Result<BlockPublicAccess, FactsError>>;
}

/// What the directory tells the gate.
pub trait IdentityFacts: Send + Sync {
    /// The role with this ARN, of any account.
    fn role<'a>(
        &'a self,
        arn: &'a str,
    ) -> BoxFuture<'a, Result<Option<Arc<RoleFacts>>, FactsError>>;
    /// An IAM entity.
    fn entity<'a>(
        &'a self,
        entity: &'a IamEntity,
    ) -> BoxFuture<'a, Result<Option<EntityFacts>, FactsError>>;
}

/// Names of principals and accounts, for documents that S3 keeps: bucket policies hold unique ids
/// where their author wrote ARNs (spec P-8), ACLs hold canonical user ids (spec S-6).
pub trait PrincipalDirectory: Send + Sync {
    /// The unique id (`AIDA…`, `AROA…`) behind the ARN of an existing user or role, of any account.
    fn unique_id_of<'a>(
        &'a self,
        arn: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, FactsError>>;
    /// The present ARN of the user or role with that unique id.
    fn arn_of<'a>(
        &'a self,
        unique_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, FactsError>>;
    /// Whether the account has a role of that name: the ARN of a session has no path.
    fn role_exists<'a>(
        &'a self,
        account: AccountId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<bool, FactsError>>;
    /// Whether there is such an account.
    fn account_exists(&self, account: AccountId) -> BoxFuture<'_, Result<bool, FactsError>>;
    /// The account with that canonical user id.
    fn account_of_canonical_id<'a>(
        &'a self,
        id: &'a CanonicalUserId,
    ) -> BoxFuture<'a, Result<Option<AccountId>, FactsError>>;
}
