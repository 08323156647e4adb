//! Worlds and requests, in the form of the case files of crate `policy`.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A policy document, as JSON. The model never compiles it.
pub type Document = Value;

/// What is not there is not written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Everything that is in force when a request comes in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct World {
    /// By account id.
    #[serde(skip_serializing_if = "is_default")]
    pub accounts: BTreeMap<String, Account>,
    /// By ARN of the user or role.
    #[serde(skip_serializing_if = "is_default")]
    pub policies: BTreeMap<String, Entity>,
    /// What kind of thing is asked for.
    pub resource_type: ResourceType,
    /// The account that owns it.
    pub resource_owner: Option<String>,
    /// The bucket policy, trust policy or key policy.
    #[serde(skip_serializing_if = "is_default")]
    pub resource_policy: Option<Document>,
    /// The object ownership setting of the bucket.
    #[serde(skip_serializing_if = "is_default")]
    pub ownership: Ownership,
    /// The ACLs of bucket and object.
    #[serde(skip_serializing_if = "is_default")]
    pub acl: Acls,
    /// The account that owns the object; an object of nobody's was uploaded anonymously.
    #[serde(skip_serializing_if = "is_default")]
    pub object_owner: Option<String>,
    /// Block Public Access.
    #[serde(skip_serializing_if = "is_default")]
    pub bpa: BlockPublicAccess,
    /// KMS grants on the key.
    #[serde(skip_serializing_if = "is_default")]
    pub grants: Vec<KeyGrant>,
    /// The bucket is a Requester Pays bucket.
    #[serde(skip_serializing_if = "is_default")]
    pub requester_pays: bool,
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Account {
    /// Its canonical user id.
    #[serde(skip_serializing_if = "is_default")]
    pub canonical_id: String,
    /// The organisation that it is in.
    #[serde(skip_serializing_if = "is_default")]
    pub org: Option<String>,
    /// Service control policies, level by level.
    #[serde(skip_serializing_if = "is_default")]
    pub scps: Vec<Vec<Document>>,
    /// Resource control policies, level by level.
    #[serde(skip_serializing_if = "is_default")]
    pub rcps: Vec<Vec<Document>>,
}

/// The policies of a user or role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entity {
    /// Inline and managed.
    #[serde(skip_serializing_if = "is_default")]
    pub identity: Vec<Document>,
    /// Of its groups.
    #[serde(skip_serializing_if = "is_default")]
    pub groups: Vec<Document>,
    /// The permissions boundary.
    #[serde(skip_serializing_if = "is_default")]
    pub boundary: Option<Document>,
}

/// Kinds of resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceType {
    /// A bucket or object.
    #[default]
    S3,
    /// A role that is to be assumed.
    Trust,
    /// A KMS key.
    Kms,
    /// Something without a policy of its own.
    None,
}

/// The object ownership setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    /// ACLs are off.
    #[default]
    BucketOwnerEnforced,
    /// ACLs are on.
    BucketOwnerPreferred,
    /// ACLs are on.
    ObjectWriter,
}

/// The two ACLs that a decision may look at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Acls {
    /// Of the bucket.
    #[serde(skip_serializing_if = "is_default")]
    pub bucket: Vec<AclGrant>,
    /// Of the object.
    #[serde(skip_serializing_if = "is_default")]
    pub object: Vec<AclGrant>,
}

/// A grant of an ACL: to a canonical id, or to a group by URI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AclGrant {
    /// Canonical user id.
    #[serde(skip_serializing_if = "is_default")]
    pub id: Option<String>,
    /// Group.
    #[serde(skip_serializing_if = "is_default")]
    pub uri: Option<String>,
    /// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`.
    pub permission: String,
}

/// The flags of account and bucket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockPublicAccess {
    /// For all buckets of the account.
    #[serde(skip_serializing_if = "is_default")]
    pub account: Flags,
    /// For the bucket.
    #[serde(skip_serializing_if = "is_default")]
    pub bucket: Flags,
}

/// The four flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Flags {
    /// `BlockPublicAcls`
    #[serde(skip_serializing_if = "is_default")]
    pub block_public_acls: bool,
    /// `IgnorePublicAcls`
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_public_acls: bool,
    /// `BlockPublicPolicy`
    #[serde(skip_serializing_if = "is_default")]
    pub block_public_policy: bool,
    /// `RestrictPublicBuckets`
    #[serde(skip_serializing_if = "is_default")]
    pub restrict_public_buckets: bool,
}

/// A KMS grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyGrant {
    /// ARN of the grantee.
    #[serde(skip_serializing_if = "is_default")]
    pub grantee_principal: String,
    /// Without `kms:`.
    #[serde(skip_serializing_if = "is_default")]
    pub operations: Vec<String>,
    /// On the encryption context.
    #[serde(skip_serializing_if = "is_default")]
    pub constraints: Constraints,
}

/// Constraints of a KMS grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Constraints {
    /// Exactly these pairs.
    #[serde(skip_serializing_if = "is_default")]
    pub encryption_context_equals: Option<BTreeMap<String, String>>,
    /// At least these pairs.
    #[serde(skip_serializing_if = "is_default")]
    pub encryption_context_subset: Option<BTreeMap<String, String>>,
}

/// One question to a world.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// Who asks.
    pub principal: Principal,
    /// `service:Name`.
    pub action: String,
    /// ARN, or `*`.
    pub resource: String,
    /// Values by condition key: a string, or a list of strings for multivalued keys.
    #[serde(skip_serializing_if = "is_default")]
    pub context: BTreeMap<String, Value>,
    /// The bucket policy that the request writes.
    #[serde(skip_serializing_if = "is_default")]
    pub new_policy: Option<Document>,
    /// The policy of the VPC endpoint that it comes through.
    #[serde(skip_serializing_if = "is_default")]
    pub vpc_endpoint_policy: Option<Document>,
    /// It writes an ACL that grants to everyone or to all AWS accounts.
    #[serde(skip_serializing_if = "is_default")]
    pub writes_public_acl: bool,
    /// It puts an object where there is one.
    #[serde(skip_serializing_if = "is_default")]
    pub overwrites: bool,
    /// The caller started the multipart upload that it is about.
    #[serde(skip_serializing_if = "is_default")]
    pub is_upload_initiator: bool,
    /// It carries `x-amz-request-payer: requester`.
    #[serde(skip_serializing_if = "is_default")]
    pub request_payer: bool,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Principal {
    /// What kind.
    pub kind: Kind,
    /// Its account; absent for services and anonymous callers.
    #[serde(skip_serializing_if = "is_default")]
    pub account: Option<String>,
    /// User ARN, root ARN, session ARN (role sessions and federated users).
    #[serde(skip_serializing_if = "is_default")]
    pub arn: String,
    /// For role sessions: the role, with path.
    #[serde(skip_serializing_if = "is_default")]
    pub role_arn: String,
    /// For federated users: the user who called `GetFederationToken`.
    #[serde(skip_serializing_if = "is_default")]
    pub user_arn: String,
    /// `AIDA…` of the user (also of a federated user's user), or `AROA…` of the role.
    #[serde(skip_serializing_if = "is_default")]
    pub unique_id: String,
    /// For services: the principal name.
    #[serde(skip_serializing_if = "is_default")]
    pub service: String,
    /// For unsigned callers with a token: its identity provider.
    #[serde(skip_serializing_if = "is_default")]
    pub provider: String,
    /// Session policies; `None` means that none were passed.
    #[serde(skip_serializing_if = "is_default")]
    pub session_policies: Option<Vec<Document>>,
    /// Tags of the principal overlaid by session tags.
    #[serde(skip_serializing_if = "is_default")]
    pub tags: BTreeMap<String, String>,
    /// The session of a service-linked role.
    #[serde(skip_serializing_if = "is_default")]
    pub service_linked: bool,
}

/// Kinds of principals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// No signature.
    #[default]
    Anonymous,
    /// The root user of an account.
    Root,
    /// An IAM user.
    User,
    /// A session of a role.
    AssumedRole,
    /// A session of `GetFederationToken`.
    FederatedUser,
    /// An AWS service.
    Service,
}
