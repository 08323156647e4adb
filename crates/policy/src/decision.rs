//! The question, the policies in force, and the answer.
use std::sync::Arc;

use catalog::{AccountId, CanonicalUserId};
use serde::{Deserialize, Serialize};

use crate::{Caller, Context, Policy};

/// May `caller` do `action` on `resource`?
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// `service:Name`.
    pub action: &'a str,
    /// The resource's ARN, or `*`.
    pub resource: &'a str,
    /// The account that owns the resource.
    pub owner: Option<AccountId>,
    /// Everything that conditions look at.
    pub context: &'a dyn Context,
}

/// Where a policy of the identity side comes from: what explanations name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicySource {
    /// Inline, of the user or role itself.
    Inline {
        /// The policy's name.
        name: String,
    },
    /// Managed, attached to the user or role itself.
    Managed {
        /// The policy's ARN.
        arn: String,
    },
    /// Inline, of a group of the user.
    GroupInline {
        /// The group's name.
        group: String,
        /// The policy's name.
        name: String,
    },
    /// Managed, attached to a group of the user.
    GroupManaged {
        /// The group's name.
        group: String,
        /// The policy's ARN.
        arn: String,
    },
    /// Passed with the session.
    SessionInline,
    /// A managed policy passed with the session.
    SessionManaged {
        /// The policy's ARN.
        arn: String,
    },
}

/// A policy with its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AttachedPolicy {
    /// Where it hangs.
    pub source: PolicySource,
    /// The policy.
    pub policy: Arc<Policy>,
}

/// The caller's own side (spec E-3). Root users and anonymous callers have an empty one.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdentitySide<'a> {
    /// Inline, managed and group policies.
    pub policies: &'a [AttachedPolicy],
    /// The permissions boundary.
    pub boundary: Option<&'a AttachedPolicy>,
    /// Session policies; `None` means that none were passed.
    pub session: Option<&'a [AttachedPolicy]>,
}

/// The resource's side.
#[derive(Clone, Copy)]
pub enum ResourceSide<'a> {
    /// This resource has no policy of its own (IAM entities, account-wide calls).
    None,
    /// A role's trust policy (spec E-7).
    Trust(&'a Policy),
    /// An S3 bucket or object (spec S-8).
    S3(S3Side<'a>),
    /// A KMS key (spec E-8).
    Key(KeySide<'a>),
}

/// What KMS knows about a key.
#[derive(Clone, Copy)]
pub struct KeySide<'a> {
    /// The key policy.
    pub policy: &'a Policy,
    /// The grants on the key.
    pub grants: &'a [KeyGrant],
    /// The encryption context of the call, which constraints of grants are compared with.
    pub encryption_context: &'a [(String, String)],
}

/// A KMS grant (spec E-8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyGrant {
    /// ARN of the grantee principal: user, role, session, federated user or root.
    pub grantee: String,
    /// Operations without the service, such as `Decrypt`.
    pub operations: Vec<String>,
    /// `EncryptionContextEquals`: exactly these pairs.
    pub encryption_context_equals: Option<Vec<(String, String)>>,
    /// `EncryptionContextSubset`: at least these pairs.
    pub encryption_context_subset: Option<Vec<(String, String)>>,
}

/// Limits that organisations and networks put around accounts (spec E-2). The default has none.
///
/// Leave a side empty for those whom it does not bind: principals and resources of the management
/// account, and service-linked roles.
#[derive(Clone, Copy, Debug, Default)]
pub struct Guardrails<'a> {
    /// Service control policies of the caller's account, level by level from the root of the
    /// organisation. Each level must allow.
    pub service_control: &'a [Vec<AttachedPolicy>],
    /// Resource control policies of the resource's account, level by level.
    pub resource_control: &'a [Vec<AttachedPolicy>],
    /// The policy of the VPC endpoint that the call came through.
    pub vpc_endpoint: Option<&'a Policy>,
}

/// What S3 knows about a bucket, and about an object where the decision needs it.
#[derive(Clone, Copy)]
pub struct S3Side<'a> {
    /// The bucket policy.
    pub policy: Option<&'a Policy>,
    /// Who owns objects, and whether ACLs count (spec S-7).
    pub ownership: ObjectOwnership,
    /// The bucket's ACL.
    pub bucket_acl: &'a [Grant],
    /// The object, if there is one and the decision looks at it.
    pub object: Option<ObjectSide<'a>>,
    /// Account or bucket flags, already combined with OR (spec S-9).
    pub block_public_access: BlockPublicAccess,
    /// The call writes an ACL that grants to everyone or to every AWS account.
    pub writes_public_acl: bool,
    /// The bucket policy that the call writes.
    pub writes_policy: Option<&'a Policy>,
    /// The caller started the multipart upload that the call is about (spec S-10).
    pub is_upload_initiator: bool,
    /// The canonical id of the bucket owner.
    pub owner_canonical_id: Option<&'a CanonicalUserId>,
}

/// An existing object.
#[derive(Clone, Copy)]
pub struct ObjectSide<'a> {
    /// The account that owns it.
    pub owner: Option<AccountId>,
    /// Its ACL.
    pub acl: &'a [Grant],
}

/// The object ownership setting of a bucket (spec S-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObjectOwnership {
    /// ACLs are off and the bucket owner owns everything.
    BucketOwnerEnforced,
    /// The bucket owner owns what is uploaded with `bucket-owner-full-control`.
    BucketOwnerPreferred,
    /// The uploader owns it.
    ObjectWriter,
}

/// The four flags (spec S-9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockPublicAccess {
    /// `BlockPublicAcls`
    pub block_public_acls: bool,
    /// `IgnorePublicAcls`
    pub ignore_public_acls: bool,
    /// `BlockPublicPolicy`
    pub block_public_policy: bool,
    /// `RestrictPublicBuckets`
    pub restrict_public_buckets: bool,
}

/// One grant of an ACL (spec S-6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// To whom.
    pub grantee: Grantee,
    /// What.
    pub permission: Permission,
}

/// To whom an ACL grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grantee {
    /// An account, by canonical user id (text, since S3 has ids that are not 64 digits).
    CanonicalUser(String),
    /// `http://acs.amazonaws.com/groups/global/AllUsers`
    AllUsers,
    /// `http://acs.amazonaws.com/groups/global/AuthenticatedUsers`
    AuthenticatedUsers,
    /// `http://acs.amazonaws.com/groups/s3/LogDelivery`
    LogDelivery,
}

/// What an ACL grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Permission {
    /// `READ`
    Read,
    /// `WRITE`
    Write,
    /// `READ_ACP`
    ReadAcp,
    /// `WRITE_ACP`
    WriteAcp,
    /// `FULL_CONTROL`
    FullControl,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// Allowed.
    Allow,
    /// Not allowed.
    Deny(Denial),
}

/// Why not, as far as AWS's messages say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// An explicit deny, or nothing that allows.
    pub explicit: bool,
    /// The layer that AWS names (spec E-14).
    pub layer: Layer,
    /// ARN of the managed policy with the explicit deny (spec S-12).
    pub policy_arn: Option<String>,
}

/// The layers of a decision, in the words of AWS's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Layer {
    /// `identity-based policy`
    Identity,
    /// `resource-based policy` (bucket policies, ACLs, key policies)
    Resource,
    /// the trust policy of a role
    Trust,
    /// `permissions boundary`
    Boundary,
    /// `session policy`
    Session,
    /// `service control policy`
    ServiceControl,
    /// `resource control policy`
    ResourceControl,
    /// `VPC endpoint policy`
    VpcEndpoint,
    /// `BlockPublicAcls`
    BlockPublicAcls,
    /// `BlockPublicPolicy`
    BlockPublicPolicy,
}

impl Decision {
    /// Whether the answer is yes.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Decision::Allow)
    }
}
