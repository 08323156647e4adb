//! A decision with everything that it depends on, by value.
use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::{AccountId, CanonicalUserId};
use serde::{Deserialize, Serialize};

use crate::{
    AttachedPolicy, BlockPublicAccess, Caller, Context, Decision, Denial, Grant, Guardrails,
    IdentitySide, KeyGrant, KeySide, Layer, Lookup, ObjectOwnership, ObjectSide, Policy, Question,
    Reason, ResourceSide, S3Side, Step, Verdict, decide_with_reason, explain_within,
};

/// One decision with all that it depends on.
///
/// It can be kept, read back, changed and decided again: the journal keeps the cases of refused
/// requests, an explanation is the trail of a case, and a proposed change is proved by deciding the
/// case with the change made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Who asks.
    pub caller: Caller,
    /// `service:Name`.
    pub action: String,
    /// The resource's ARN, or `*`.
    pub resource: String,
    /// The account that owns the resource.
    pub owner: Option<AccountId>,
    /// Every context key that the request has, in lower case.
    pub context: BTreeMap<String, ContextValue>,
    /// Inline, managed and group policies.
    pub identity: Vec<AttachedPolicy>,
    /// The permissions boundary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<AttachedPolicy>,
    /// Session policies; `None` means that none were passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Vec<AttachedPolicy>>,
    /// The resource's side.
    pub target: Target,
}

/// A value of the request context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ContextValue {
    /// Of a single-valued key.
    One(String),
    /// Of a multivalued key; may be empty.
    Many(Vec<String>),
}

/// The resource's side, by value: see [`ResourceSide`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Target {
    /// This resource has no policy of its own.
    None,
    /// A role, by its trust policy; `None` when there is no such role.
    Trust {
        /// The trust policy.
        policy: Option<Arc<Policy>>,
    },
    /// A bucket or object.
    S3(Box<S3Target>),
    /// A KMS key.
    Key(Box<KeyTarget>),
}

/// A bucket, and an object where the decision looks at one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct S3Target {
    /// The bucket's name.
    pub bucket: String,
    /// The bucket policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Arc<Policy>>,
    /// Who owns objects, and whether ACLs count, as it was judged: an upload into another account's
    /// bucket is its uploader's to give away (spec S-8).
    pub ownership: ObjectOwnership,
    /// The bucket's setting.
    pub bucket_ownership: ObjectOwnership,
    /// The bucket's ACL.
    pub bucket_acl: Vec<Grant>,
    /// The object, if there is one and the decision looks at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectTarget>,
    /// The bucket's own flags.
    pub bucket_block: BlockPublicAccess,
    /// The account's flags.
    pub account_block: BlockPublicAccess,
    /// The call writes a public ACL.
    pub writes_public_acl: bool,
    /// The bucket policy that the call writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes_policy: Option<Arc<Policy>>,
    /// The caller started the upload that the call is about.
    pub is_upload_initiator: bool,
    /// The canonical id of the bucket owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_canonical_id: Option<CanonicalUserId>,
}

/// An existing object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectTarget {
    /// The account that owns it.
    pub owner: Option<AccountId>,
    /// Its ACL.
    pub acl: Vec<Grant>,
}

/// A KMS key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyTarget {
    /// The key policy.
    pub policy: Arc<Policy>,
    /// The grants on the key.
    pub grants: Vec<KeyGrant>,
    /// The encryption context of the call.
    pub encryption_context: Vec<(String, String)>,
}

impl Context for BTreeMap<String, ContextValue> {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match self.get(key) {
            Some(ContextValue::One(value)) => Lookup::One(value),
            Some(ContextValue::Many(values)) => Lookup::Many(values),
            None => Lookup::Absent,
        }
    }
}

impl Case {
    /// The answer, and the rule that gave it.
    pub fn decide(&self) -> (Decision, Reason) {
        match self.side() {
            Some(side) => {
                let guardrails = Guardrails::default();
                decide_with_reason(&self.question(), &self.identity_side(), &side, &guardrails)
            }
            None => (no_such_role(), Reason::NotAllowed),
        }
    }

    /// The answer with its trail.
    pub fn explain(&self) -> Verdict {
        match self.side() {
            Some(side) => explain_within(
                &self.question(),
                &self.identity_side(),
                &side,
                &Guardrails::default(),
            ),
            None => Verdict::new(vec![Step::Concluded {
                decision: no_such_role(),
                reason: Reason::NotAllowed,
            }]),
        }
    }

    fn question(&self) -> Question<'_> {
        Question {
            caller: &self.caller,
            action: &self.action,
            resource: &self.resource,
            owner: self.owner,
            context: &self.context,
        }
    }

    fn identity_side(&self) -> IdentitySide<'_> {
        IdentitySide {
            policies: &self.identity,
            boundary: self.boundary.as_ref(),
            session: self.session.as_deref(),
        }
    }

    /// `None` for a role that does not exist.
    fn side(&self) -> Option<ResourceSide<'_>> {
        Some(match &self.target {
            Target::None => ResourceSide::None,
            Target::Trust { policy } => ResourceSide::Trust(policy.as_deref()?),
            Target::S3(s3) => ResourceSide::S3(s3.side()),
            Target::Key(key) => ResourceSide::Key(KeySide {
                policy: &key.policy,
                grants: &key.grants,
                encryption_context: &key.encryption_context,
            }),
        })
    }
}

impl S3Target {
    /// What the decision looks at.
    pub fn side(&self) -> S3Side<'_> {
        S3Side {
            policy: self.policy.as_deref(),
            ownership: self.ownership,
            bucket_acl: &self.bucket_acl,
            object: self.object.as_ref().map(|object| ObjectSide {
                owner: object.owner,
                acl: &object.acl,
            }),
            block_public_access: self.bucket_block.or(self.account_block),
            writes_public_acl: self.writes_public_acl,
            writes_policy: self.writes_policy.as_deref(),
            is_upload_initiator: self.is_upload_initiator,
            owner_canonical_id: self.owner_canonical_id.as_ref(),
        }
    }
}

impl BlockPublicAccess {
    /// A flag of either counts (spec S-9).
    #[must_use]
    pub fn or(self, other: BlockPublicAccess) -> BlockPublicAccess {
        BlockPublicAccess {
            block_public_acls: self.block_public_acls || other.block_public_acls,
            ignore_public_acls: self.ignore_public_acls || other.ignore_public_acls,
            block_public_policy: self.block_public_policy || other.block_public_policy,
            restrict_public_buckets: self.restrict_public_buckets || other.restrict_public_buckets,
        }
    }
}

impl PartialEq for AttachedPolicy {
    fn eq(&self, other: &AttachedPolicy) -> bool {
        self.source == other.source && self.policy == other.policy
    }
}

/// A role that does not exist is refused like one that does not trust the caller.
fn no_such_role() -> Decision {
    Decision::Deny(Denial {
        explicit: false,
        layer: Layer::Trust,
        policy_arn: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CallerKind, PolicyKind, PolicySource};

    fn case() -> Case {
        let own = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}}"#;
        let account = AccountId::parse("111111111111").unwrap();
        Case {
            caller: Caller {
                kind: CallerKind::User,
                account: Some(account),
                arn: "arn:aws:iam::111111111111:user/al".to_owned(),
                ..Caller::anonymous()
            },
            action: "s3:GetObject".to_owned(),
            resource: "arn:aws:s3:::b/k".to_owned(),
            owner: Some(account),
            context: BTreeMap::from([(
                "aws:sourceip".to_owned(),
                ContextValue::One("10.0.0.1".to_owned()),
            )]),
            identity: vec![AttachedPolicy {
                source: PolicySource::Inline {
                    name: "read".to_owned(),
                },
                policy: Arc::new(Policy::load(PolicyKind::Identity, own).unwrap()),
            }],
            boundary: None,
            session: None,
            target: Target::S3(Box::new(S3Target {
                bucket: "b".to_owned(),
                policy: None,
                ownership: ObjectOwnership::BucketOwnerEnforced,
                bucket_ownership: ObjectOwnership::BucketOwnerEnforced,
                bucket_acl: Vec::new(),
                object: None,
                bucket_block: BlockPublicAccess::default(),
                account_block: BlockPublicAccess::default(),
                writes_public_acl: false,
                writes_policy: None,
                is_upload_initiator: false,
                owner_canonical_id: None,
            })),
        }
    }

    #[test]
    fn a_case_that_was_stored_is_decided_as_before() {
        let case = case();
        let text = serde_json::to_string(&case).unwrap();
        let read: Case = serde_json::from_str(&text).unwrap();
        assert_eq!(read, case);
        assert_eq!(read.decide(), (Decision::Allow, Reason::IdentitySide));
        assert_eq!(read.explain(), case.explain());
    }

    #[test]
    fn a_role_that_does_not_exist_trusts_nobody() {
        let mut case = case();
        case.target = Target::Trust { policy: None };
        assert_eq!(case.decide().0, no_such_role());
        assert_eq!(case.explain().decision(), no_such_role());
    }
}
