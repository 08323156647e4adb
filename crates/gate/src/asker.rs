//! Gathers the facts of one question and has `policy` decide.
use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::{AccountId, BucketName, EntityKind, Scope};
use policy::{
    BlockPublicAccess, Caller, CallerKind, Case, ContextValue, Decision, Denial, Guardrails,
    IdentitySide, ObjectOwnership, ObjectSide, ObjectTarget, Reason, ResourceSide, S3Side,
    S3Target, Target,
};

use crate::context::{ACTIONS_WITH_BOUNDARY, RequestContext, ResourceTags};
use crate::facts::{BucketFacts, FactsError, ObjectFacts};
use crate::identity::Identity;
use crate::judge::{Gate, Question, RequestFacts};

/// Who asks, and through which request.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) gate: &'a Gate,
    pub(crate) identity: &'a Identity,
    pub(crate) request: &'a RequestFacts,
}

/// Everything about a resource that the decision needs.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) owner: Option<AccountId>,
    pub(crate) bucket: Option<Arc<BucketFacts>>,
    pub(crate) object: Option<ObjectFacts>,
    account_flags: BlockPublicAccess,
    trust: Option<Arc<crate::RoleFacts>>,
    tags: Vec<(String, String)>,
    boundary: Option<String>,
    pub(crate) arn: Option<String>,
    pub(crate) exists: bool,
    is_upload_initiator: bool,
    upload_encryption: Option<String>,
}

/// Who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payment {
    /// The bucket's owner, or nobody.
    Owners,
    /// The caller, who agreed.
    Requesters,
    /// The caller should, and did not agree, or cannot.
    Missing {
        /// The bucket's owner.
        owner: AccountId,
    },
}

/// Why no decision was asked for.
pub(crate) enum Stopped {
    Unavailable(FactsError),
    NoSuchBucket(BucketName),
    OtherOwner {
        expected: AccountId,
        owner: AccountId,
    },
    /// With AWS's text.
    Anonymous(&'static str),
}

impl From<FactsError> for Stopped {
    fn from(error: FactsError) -> Stopped {
        Stopped::Unavailable(error)
    }
}

/// Actions for which `s3:ExistingObjectTag/KEY` is there (spec S-4).
const ACTIONS_WITH_OBJECT_TAGS: [&str; 12] = [
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:GetObjectAcl",
    "s3:GetObjectVersionAcl",
    "s3:PutObjectAcl",
    "s3:PutObjectVersionAcl",
    "s3:GetObjectTagging",
    "s3:GetObjectVersionTagging",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionTagging",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersionTagging",
];

impl<'a> Asker<'a> {
    /// The answer, and the rule that gave it.
    pub(crate) fn decide(
        &self,
        question: &Question<'_>,
        gathered: &Gathered,
        arn: &str,
    ) -> (Decision, Reason) {
        let side = match question.scope {
            // A role that does not exist is refused like one that does not trust (spec 5).
            Scope::Role(_) => match &gathered.trust {
                Some(role) => ResourceSide::Trust(&role.trust),
                None => return (no_trust(), Reason::NotAllowed),
            },
            // The account's flags stand against public ACLs of buckets to come (spec S-9).
            Scope::NewBucket(..) if question.details.writes_public_acl => {
                ResourceSide::S3(self.s3_side(question, gathered))
            }
            Scope::Account(_) | Scope::NewBucket(..) | Scope::Entity(_) => ResourceSide::None,
            Scope::Bucket(_) | Scope::Object(_) => {
                ResourceSide::S3(self.s3_side(question, gathered))
            }
        };
        let context = self.context(question, gathered);
        let asked = policy::Question {
            caller: &self.identity.caller,
            action: question.action,
            resource: arn,
            owner: gathered.owner,
            context: &context,
        };
        let own = IdentitySide {
            policies: &self.identity.policies,
            boundary: self.identity.boundary.as_ref(),
            session: self.session_policies(),
        };
        policy::decide_with_reason(&asked, &own, &side, &Guardrails::default())
    }

    /// Who pays for what is asked (spec S-11): in Requester Pays buckets, for objects and listings.
    pub(crate) fn payment(
        &self,
        question: &Question<'_>,
        gathered: &Gathered,
        arn: &str,
    ) -> Payment {
        let costs = match question.scope {
            Scope::Object(_) => true,
            Scope::Bucket(_) => question.action.starts_with("s3:List"),
            Scope::Account(_) | Scope::NewBucket(..) | Scope::Entity(_) | Scope::Role(_) => false,
        };
        let bucket = gathered.bucket.as_deref();
        let Some(bucket) = bucket.filter(|bucket| costs && bucket.requester_pays) else {
            return Payment::Owners;
        };
        let caller = &self.identity.caller;
        let context = self.context(question, gathered);
        let asked = policy::Question {
            caller,
            action: question.action,
            resource: arn,
            owner: gathered.owner,
            context: &context,
        };
        match policy::requester_pays_admits(&asked, self.request.requester_pays) {
            false => Payment::Missing {
                owner: bucket.owner,
            },
            true if caller.account == Some(bucket.owner) => Payment::Owners,
            true => Payment::Requesters,
        }
    }

    /// The same by value, for explanations.
    pub(crate) fn case(&self, question: &Question<'_>, gathered: &Gathered, arn: &str) -> Case {
        let target = match question.scope {
            Scope::Role(_) => Target::Trust {
                policy: gathered.trust.as_ref().map(|role| role.trust.clone()),
            },
            Scope::NewBucket(name, _) if question.details.writes_public_acl => {
                self.s3_target(question, gathered, name)
            }
            Scope::Account(_) | Scope::NewBucket(..) | Scope::Entity(_) => Target::None,
            Scope::Bucket(name) => self.s3_target(question, gathered, name),
            Scope::Object(object) => self.s3_target(question, gathered, &object.bucket),
        };
        Case {
            caller: self.identity.caller.clone(),
            action: question.action.to_owned(),
            resource: arn.to_owned(),
            owner: gathered.owner,
            context: self.context_values(question, gathered),
            identity: self.identity.policies.to_vec(),
            boundary: self.identity.boundary.clone(),
            session: self.session_policies().map(<[_]>::to_vec),
            target,
        }
    }

    fn session_policies(&self) -> Option<&'a [policy::AttachedPolicy]> {
        let session = self.identity.session.as_ref()?;
        session.policies.as_deref()
    }

    fn context<'b>(
        &'b self,
        question: &'b Question<'_>,
        gathered: &'b Gathered,
    ) -> RequestContext<'b> {
        let action = question.action;
        RequestContext::new(
            self.request,
            self.identity,
            &question.details.context,
            ResourceTags {
                service: action.split(':').next().unwrap_or_default(),
                tags: &gathered.tags,
                object_tags: gathered
                    .object
                    .as_ref()
                    .filter(|_| ACTIONS_WITH_OBJECT_TAGS.contains(&action))
                    .filter(|_| !question.details.without_object_tags)
                    .map_or(&[], |object| object.tags.as_slice()),
                of_identity: match question.scope {
                    Scope::Role(_) => true,
                    Scope::Entity(entity) => {
                        matches!(entity.kind, EntityKind::User | EntityKind::Role)
                    }
                    Scope::Account(_)
                    | Scope::NewBucket(..)
                    | Scope::Bucket(_)
                    | Scope::Object(_) => false,
                },
                boundary: gathered
                    .boundary
                    .as_deref()
                    .filter(|_| ACTIONS_WITH_BOUNDARY.contains(&action)),
                upload_encryption: gathered
                    .upload_encryption
                    .as_deref()
                    .filter(|_| action == "s3:PutObject"),
            },
        )
    }

    /// Every key that has a value, whether a policy names it or not: a proposed change may name
    /// others than the policies in force do.
    fn context_values(
        &self,
        question: &Question<'_>,
        gathered: &Gathered,
    ) -> BTreeMap<String, ContextValue> {
        let context = self.context(question, gathered);
        let mut values = context.all(self.named_keys(gathered));
        if let Some(ContextValue::One(referer)) = values.get_mut("aws:referer") {
            without_signature(referer);
        }
        values
    }

    /// Keys that policies in force name: those with a free part are found only by asking.
    fn named_keys<'b>(&'b self, gathered: &'b Gathered) -> impl Iterator<Item = &'b str> {
        let bucket = gathered.bucket.iter().flat_map(|bucket| &bucket.policy);
        let trust = gathered.trust.iter().map(|role| &role.trust);
        let own = self.identity.policies.iter();
        let limits = self.identity.boundary.iter();
        let session = self.session_policies().unwrap_or_default().iter();
        own.chain(limits)
            .chain(session)
            .map(|attached| &attached.policy)
            .chain(bucket)
            .chain(trust)
            .flat_map(|policy| policy.context_keys())
    }

    /// Looks up what is needed, in AWS's order: bucket, expected owner, then the rest (spec S-1).
    pub(crate) async fn gather(&self, question: &Question<'_>) -> Result<Gathered, Stopped> {
        let mut gathered = Gathered::default();
        match question.scope {
            Scope::Account(account) => gathered.owner = Some(account),
            Scope::NewBucket(_, account) => {
                gathered.owner = Some(account);
                gathered.account_flags = self.gate.s3.account_public_access_block(account).await?;
            }
            Scope::Entity(entity) => {
                gathered.owner = Some(entity.account);
                if let Some(facts) = self.gate.identities.entity(entity).await? {
                    gathered.exists = true;
                    gathered.tags = facts.tags;
                    gathered.boundary = facts.boundary;
                    gathered.arn = Some(facts.arn);
                }
            }
            Scope::Role(role) => {
                gathered.trust = self.gate.identities.role(&role.arn).await?;
                if let Some(role) = &gathered.trust {
                    gathered.owner = Some(role.account);
                    gathered.tags = role.tags.clone();
                }
            }
            Scope::Bucket(name) => {
                let bucket = self.bucket(name).await?;
                self.add_bucket(&mut gathered, bucket, question).await?;
            }
            Scope::Object(object) => {
                let bucket = self.bucket(&object.bucket).await?;
                let details = question.details;
                let needed =
                    details.with_object_facts || self.needs_object(question.action, &bucket);
                if needed && !details.of_object_to_be {
                    gathered.object = self.gate.s3.object(&bucket, object).await?;
                }
                if object.upload.is_some() {
                    let initiator = self.gate.s3.upload_initiator(&bucket, object).await?;
                    if let Some(initiator) = initiator {
                        let caller = &self.identity.caller;
                        gathered.is_upload_initiator = caller.kind != CallerKind::Anonymous
                            && initiator.user_id == caller.user_id;
                        gathered.upload_encryption = initiator.server_side_encryption;
                    }
                }
                self.add_bucket(&mut gathered, bucket, question).await?;
            }
        }
        Ok(gathered)
    }

    async fn bucket(&self, name: &BucketName) -> Result<Arc<BucketFacts>, Stopped> {
        let bucket = self.gate.s3.bucket(name).await?;
        bucket.ok_or_else(|| Stopped::NoSuchBucket(name.clone()))
    }

    async fn add_bucket(
        &self,
        gathered: &mut Gathered,
        bucket: Arc<BucketFacts>,
        question: &Question<'_>,
    ) -> Result<(), Stopped> {
        let owner = bucket.owner;
        match question.details.expected_owner {
            Some(expected) if expected != owner => {
                return Err(Stopped::OtherOwner { expected, owner });
            }
            Some(_) | None => {}
        }
        match question.details.refuses_anonymous {
            Some(text) if self.identity.caller.kind == CallerKind::Anonymous => {
                return Err(Stopped::Anonymous(text));
            }
            Some(_) | None => {}
        }
        gathered.account_flags = self.gate.s3.account_public_access_block(owner).await?;
        gathered.owner = Some(owner);
        gathered.bucket = Some(bucket);
        Ok(())
    }

    /// Objects are looked up only where the decision can depend on them.
    fn needs_object(&self, action: &str, bucket: &BucketFacts) -> bool {
        let by_acl = bucket.ownership != ObjectOwnership::BucketOwnerEnforced
            && [
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:GetObjectAcl",
                "s3:GetObjectVersionAcl",
                "s3:PutObjectAcl",
                "s3:PutObjectVersionAcl",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:PutObject",
            ]
            .contains(&action);
        by_acl || self.names_object_tags(bucket)
    }

    fn names_object_tags(&self, bucket: &BucketFacts) -> bool {
        let prefix = "s3:existingobjecttag/";
        bucket
            .policy
            .iter()
            .any(|policy| policy.names_key_with_prefix(prefix))
            || self
                .identity
                .policies
                .iter()
                .chain(&self.identity.boundary)
                .chain(self.session_policies().unwrap_or_default())
                .any(|attached| attached.policy.names_key_with_prefix(prefix))
    }

    fn s3_side<'b>(&self, question: &'b Question<'_>, gathered: &'b Gathered) -> S3Side<'b> {
        let bucket = gathered.bucket.as_deref();
        let caller = &self.identity.caller;
        let object = if is_own_upload(question, gathered, caller) {
            Some(ObjectSide {
                owner: caller.account,
                acl: &[],
            })
        } else {
            gathered.object.as_ref().map(|object| ObjectSide {
                owner: object.owner,
                acl: &object.acl,
            })
        };
        S3Side {
            policy: bucket.and_then(|bucket| bucket.policy.as_deref()),
            ownership: ownership(question, gathered, caller),
            bucket_acl: bucket.map_or(&[], |bucket| bucket.acl.as_slice()),
            object,
            block_public_access: own_flags(gathered).or(gathered.account_flags),
            writes_public_acl: writes_public_acl(question, gathered),
            writes_policy: question.details.writes_policy.as_deref(),
            is_upload_initiator: gathered.is_upload_initiator,
            owner_canonical_id: bucket.map(|bucket| &bucket.owner_canonical_id),
        }
    }

    fn s3_target(&self, question: &Question<'_>, gathered: &Gathered, name: &BucketName) -> Target {
        let bucket = gathered.bucket.as_deref();
        let side = self.s3_side(question, gathered);
        Target::S3(Box::new(S3Target {
            bucket: name.to_string(),
            policy: bucket.and_then(|bucket| bucket.policy.clone()),
            ownership: side.ownership,
            bucket_ownership: bucket.map_or(side.ownership, |bucket| bucket.ownership),
            bucket_acl: side.bucket_acl.to_vec(),
            object: side.object.map(|object| ObjectTarget {
                owner: object.owner,
                acl: object.acl.to_vec(),
            }),
            bucket_block: own_flags(gathered),
            account_block: gathered.account_flags,
            writes_public_acl: side.writes_public_acl,
            writes_policy: question.details.writes_policy.clone(),
            is_upload_initiator: side.is_upload_initiator,
            owner_canonical_id: side.owner_canonical_id.cloned(),
        }))
    }
}

/// A page that was opened by a presigned URL sends that URL on: whoever has it can use it, so its
/// query is not kept.
fn without_signature(url: &mut String) {
    let lower = url.to_ascii_lowercase();
    let signed = lower.contains("signature=") || lower.contains("x-amz-security-token=");
    if let Some(query) = lower.find('?').filter(|_| signed) {
        url.truncate(query);
    }
}

/// The object of the question is the one that this request writes into another account's bucket.
fn is_own_upload(question: &Question<'_>, gathered: &Gathered, caller: &Caller) -> bool {
    question.details.of_object_to_be
        && caller.account.is_some()
        && caller.account != gathered.bucket.as_ref().map(|bucket| bucket.owner)
}

fn ownership(question: &Question<'_>, gathered: &Gathered, caller: &Caller) -> ObjectOwnership {
    match gathered.bucket.as_deref() {
        // The object to be is its uploader's, whatever becomes of it under enforced ownership.
        Some(_) if is_own_upload(question, gathered, caller) => ObjectOwnership::ObjectWriter,
        Some(bucket) => bucket.ownership,
        None => ObjectOwnership::BucketOwnerEnforced,
    }
}

fn own_flags(gathered: &Gathered) -> BlockPublicAccess {
    let bucket = gathered.bucket.as_ref();
    bucket.map_or_else(BlockPublicAccess::default, |bucket| {
        bucket.block_public_access
    })
}

/// Where ACLs are off the operation says so, which AWS says first (spec S-7, S-9).
fn writes_public_acl(question: &Question<'_>, gathered: &Gathered) -> bool {
    let bucket = gathered.bucket.as_ref();
    question.details.writes_public_acl
        && bucket.is_none_or(|bucket| bucket.ownership != ObjectOwnership::BucketOwnerEnforced)
}

fn no_trust() -> Decision {
    Decision::Deny(Denial {
        explicit: false,
        layer: policy::Layer::Trust,
        policy_arn: None,
    })
}

#[cfg(test)]
mod tests {
    use super::without_signature;

    #[test]
    fn the_signature_of_a_presigned_url_is_not_kept() {
        let cut = |url: &str| {
            let mut url = url.to_owned();
            without_signature(&mut url);
            url
        };
        assert_eq!(cut("https://h/k?X-Amz-Signature=ab&x=1"), "https://h/k");
        assert_eq!(
            cut("https://h/k?AWSAccessKeyId=A&Signature=ab"),
            "https://h/k"
        );
        assert_eq!(cut("https://h/k?page=2"), "https://h/k?page=2");
    }
}
