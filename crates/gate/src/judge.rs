//! Gathers facts, has `policy` decide, makes permits.
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use catalog::{AccountId, Action, EntityKind, Resource, Scope};
use jiff::Timestamp;
use policy::{
    BlockPublicAccess, CallerKind, Decision, Denial, IdentitySide, ObjectOwnership, ObjectSide,
    Question, ResourceSide, S3Side,
};

use crate::ask::{Ask, OpenReason};
use crate::context::{ACTIONS_WITH_BOUNDARY, RequestContext, ResourceTags};
use crate::facts::{BucketFacts, IdentityFacts, ObjectFacts, S3Facts};
use crate::identity::Identity;
use crate::permit::{OpenPermit, Permit, Pinned, System, SystemTask};
use crate::refusal::{Refusal, RefusalKind, Refused, message};

/// How a request was authenticated, in the words of `s3:authType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthType {
    /// `Authorization` header.
    Header,
    /// Presigned URL.
    QueryString,
    /// Presigned URL of signature version 2.
    QueryStringVersion2,
    /// Not signed.
    Anonymous,
}

/// What the request itself tells conditions (spec S-4, S-5).
#[derive(Clone, Debug)]
pub struct RequestFacts {
    /// The server's time.
    pub now: Timestamp,
    /// The peer's address.
    pub source_ip: Option<IpAddr>,
    /// TLS or not.
    pub secure_transport: bool,
    /// `User-Agent` as sent.
    pub user_agent: Option<String>,
    /// `Referer` as sent.
    pub referer: Option<String>,
    /// Region of the endpoint.
    pub region: String,
    /// How it was authenticated.
    pub auth_type: AuthType,
    /// Milliseconds since a presigned URL was signed; `None` for others.
    pub signature_age_ms: Option<u64>,
    /// The header `x-amz-content-sha256` as sent.
    pub content_sha256: Option<String>,
    /// Request id, the journal's key.
    pub request_id: String,
}

/// Proof that the caller is who the identity says.
#[derive(Debug)]
pub enum Proof {
    /// The signature was verified; the access key that did it.
    Signed {
        /// Only `wire` makes this value.
        verified: Box<wire::sigv4::Verified>,
    },
    /// The request has no credentials.
    Anonymous,
}

/// The gate: one per server, made by it at start.
#[derive(Clone)]
pub struct Gate {
    s3: Arc<dyn S3Facts>,
    identities: Arc<dyn IdentityFacts>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

impl Gate {
    /// Makes the gate over the stores that know the facts.
    pub fn new(s3: Arc<dyn S3Facts>, identities: Arc<dyn IdentityFacts>) -> Gate {
        Gate { s3, identities }
    }

    /// A judge for one request. The identity must be the one that the proof's access key belongs
    /// to; otherwise, and for a proof of nothing, the caller is anonymous.
    pub fn judge(&self, proof: &Proof, identity: Identity, request: RequestFacts) -> Judge {
        let identity = match proof {
            Proof::Signed { verified }
                if identity.access_key_id.as_deref() == Some(verified.access_key_id()) =>
            {
                identity
            }
            Proof::Signed { .. } | Proof::Anonymous => Identity::anonymous(),
        };
        Judge {
            gate: self.clone(),
            identity: Arc::new(identity),
            request: Arc::new(request),
            answers: Arc::default(),
        }
    }

    /// A judge for a made-up identity. Tests have no signature to verify; nothing else may.
    #[cfg(feature = "danger-test")]
    pub fn danger_judge_unverified(&self, identity: Identity, request: RequestFacts) -> Judge {
        Judge {
            gate: self.clone(),
            identity: Arc::new(identity),
            request: Arc::new(request),
            answers: Arc::default(),
        }
    }

    /// A permit for the server's own tasks.
    pub fn system(&self, task: SystemTask) -> System {
        System { task }
    }
}

/// One question and its answer, for the journal.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The action.
    pub action: &'static str,
    /// The resource's ARN.
    pub resource: String,
    /// The decision.
    pub decision: Decision,
}

/// Answers the questions of one request.
#[derive(Clone, Debug)]
pub struct Judge {
    gate: Gate,
    identity: Arc<Identity>,
    request: Arc<RequestFacts>,
    answers: Arc<Mutex<Vec<Answer>>>,
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

/// Everything about a resource that the decision needs.
#[derive(Default)]
struct Gathered {
    owner: Option<AccountId>,
    bucket: Option<Arc<BucketFacts>>,
    object: Option<ObjectFacts>,
    account_flags: BlockPublicAccess,
    trust: Option<Arc<crate::RoleFacts>>,
    tags: Vec<(String, String)>,
    boundary: Option<String>,
    arn: Option<String>,
    exists: bool,
    is_upload_initiator: bool,
    upload_encryption: Option<String>,
}

impl Judge {
    /// Who is judged.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// The request.
    pub fn request(&self) -> &RequestFacts {
        &self.request
    }

    /// What was asked and answered so far.
    pub fn answers(&self) -> Vec<Answer> {
        match self.answers.lock() {
            Ok(answers) => answers.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    pub(crate) fn open(&self, reason: OpenReason) -> OpenPermit {
        match reason {
            OpenReason::GetCallerIdentity => OpenPermit {
                identity: self.identity.clone(),
            },
        }
    }

    pub(crate) async fn answer<A: Action>(&self, ask: Ask<A>) -> Result<Permit<A>, Refusal> {
        let (gathered, decision, arn) = self.decide(&ask).await?;
        match decision {
            Decision::Allow => self.permit(ask, gathered),
            Decision::Deny(denial) => Err(self.refuse::<A>(&ask.resource, &gathered, arn, denial)),
        }
    }

    pub(crate) async fn answer_unless_denied<A: Action>(
        &self,
        ask: Ask<A>,
    ) -> Result<Permit<A>, Refusal> {
        let (gathered, decision, arn) = self.decide(&ask).await?;
        match decision {
            Decision::Deny(denial) if denial.explicit => {
                Err(self.refuse::<A>(&ask.resource, &gathered, arn, denial))
            }
            Decision::Allow | Decision::Deny(_) => self.permit(ask, gathered),
        }
    }

    fn permit<A: Action>(&self, ask: Ask<A>, gathered: Gathered) -> Result<Permit<A>, Refusal> {
        let owners_alone = [
            "s3:GetBucketPolicy",
            "s3:PutBucketPolicy",
            "s3:DeleteBucketPolicy",
        ]
        .contains(&A::NAME);
        if owners_alone && gathered.owner != self.identity.caller.account {
            return Err(Refusal {
                action: A::NAME,
                resource: ask.resource.arn(),
                kind: RefusalKind::MethodNotAllowed,
            });
        }
        Ok(Permit {
            resource: ask.resource,
            pinned: Pinned {
                identity: self.identity.clone(),
                request: self.request.clone(),
                bucket: gathered.bucket,
                object: gathered.object,
            },
        })
    }

    async fn decide<A: Action>(
        &self,
        ask: &Ask<A>,
    ) -> Result<(Gathered, Decision, String), Refusal> {
        let gathered = self.gather(ask).await?;
        let arn = gathered.arn.clone().unwrap_or_else(|| ask.resource.arn());
        let context = RequestContext::new(
            &self.request,
            &self.identity,
            &ask.details.context,
            ResourceTags {
                service: A::NAME.split(':').next().unwrap_or_default(),
                tags: &gathered.tags,
                object_tags: gathered
                    .object
                    .as_ref()
                    .filter(|_| ACTIONS_WITH_OBJECT_TAGS.contains(&A::NAME))
                    .filter(|_| !ask.details.without_object_tags)
                    .map_or(&[], |object| object.tags.as_slice()),
                of_identity: match ask.resource.scope() {
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
                    .filter(|_| ACTIONS_WITH_BOUNDARY.contains(&A::NAME)),
                upload_encryption: gathered
                    .upload_encryption
                    .as_deref()
                    .filter(|_| A::NAME == "s3:PutObject"),
            },
        );
        let question = Question {
            caller: &self.identity.caller,
            action: A::NAME,
            resource: &arn,
            owner: gathered.owner,
            context: &context,
        };
        let side = IdentitySide {
            policies: &self.identity.policies,
            boundary: self.identity.boundary.as_ref(),
            session: self
                .identity
                .session
                .as_ref()
                .and_then(|session| session.policies.as_deref()),
        };
        let decision = match ask.resource.scope() {
            // A role that does not exist is refused like one that does not trust (spec 5).
            Scope::Role(_) => match &gathered.trust {
                Some(role) => policy::decide(&question, &side, &ResourceSide::Trust(&role.trust)),
                None => no_trust(),
            },
            // The account's flags stand against public ACLs of buckets to come (spec S-9).
            Scope::NewBucket(..) if ask.details.writes_public_acl => policy::decide(
                &question,
                &side,
                &ResourceSide::S3(s3_side(&gathered, ask, &self.identity.caller)),
            ),
            Scope::Account(_) | Scope::NewBucket(..) | Scope::Entity(_) => {
                policy::decide(&question, &side, &ResourceSide::None)
            }
            Scope::Bucket(_) | Scope::Object(_) => policy::decide(
                &question,
                &side,
                &ResourceSide::S3(s3_side(&gathered, ask, &self.identity.caller)),
            ),
        };
        let answer = Answer {
            action: A::NAME,
            resource: arn.clone(),
            decision: decision.clone(),
        };
        match self.answers.lock() {
            Ok(mut answers) => answers.push(answer),
            Err(poisoned) => poisoned.into_inner().push(answer),
        }
        Ok((gathered, decision, arn))
    }

    /// Looks up what is needed, in AWS's order: bucket, expected owner, then the rest (spec S-1).
    async fn gather<A: Action>(&self, ask: &Ask<A>) -> Result<Gathered, Refusal> {
        let refuse = |kind| Refusal {
            action: A::NAME,
            resource: ask.resource.arn(),
            kind,
        };
        let unavailable = |error| refuse(RefusalKind::Unavailable(error));
        let mut gathered = Gathered::default();
        match ask.resource.scope() {
            Scope::Account(account) => gathered.owner = Some(account),
            Scope::NewBucket(_, account) => {
                gathered.owner = Some(account);
                let flags = self.gate.s3.account_public_access_block(account).await;
                gathered.account_flags = flags.map_err(unavailable)?;
            }
            Scope::Entity(entity) => {
                gathered.owner = Some(entity.account);
                if let Some(facts) = self
                    .gate
                    .identities
                    .entity(entity)
                    .await
                    .map_err(unavailable)?
                {
                    gathered.exists = true;
                    gathered.tags = facts.tags;
                    gathered.boundary = facts.boundary;
                    gathered.arn = Some(facts.arn);
                }
            }
            Scope::Role(role) => {
                gathered.trust = self
                    .gate
                    .identities
                    .role(&role.arn)
                    .await
                    .map_err(unavailable)?;
                if let Some(role) = &gathered.trust {
                    gathered.owner = Some(role.account);
                    gathered.tags = role.tags.clone();
                }
            }
            Scope::Bucket(name) => {
                let bucket = self.gate.s3.bucket(name).await.map_err(unavailable)?;
                let bucket =
                    bucket.ok_or_else(|| refuse(RefusalKind::NoSuchBucket(name.clone())))?;
                self.add_bucket(&mut gathered, bucket, ask).await?;
            }
            Scope::Object(object) => {
                let bucket = self
                    .gate
                    .s3
                    .bucket(&object.bucket)
                    .await
                    .map_err(unavailable)?;
                let bucket = bucket
                    .ok_or_else(|| refuse(RefusalKind::NoSuchBucket(object.bucket.clone())))?;
                let needed = ask.details.with_object_facts || self.needs_object(A::NAME, &bucket);
                if needed && !ask.details.of_object_to_be {
                    gathered.object = self
                        .gate
                        .s3
                        .object(&bucket, object)
                        .await
                        .map_err(unavailable)?;
                }
                if object.upload.is_some() {
                    let initiator = self
                        .gate
                        .s3
                        .upload_initiator(&bucket, object)
                        .await
                        .map_err(unavailable)?;
                    if let Some(initiator) = initiator {
                        let caller = &self.identity.caller;
                        gathered.is_upload_initiator = caller.kind != CallerKind::Anonymous
                            && initiator.user_id == caller.user_id;
                        gathered.upload_encryption = initiator.server_side_encryption;
                    }
                }
                self.add_bucket(&mut gathered, bucket, ask).await?;
            }
        }
        Ok(gathered)
    }

    async fn add_bucket<A: Action>(
        &self,
        gathered: &mut Gathered,
        bucket: Arc<BucketFacts>,
        ask: &Ask<A>,
    ) -> Result<(), Refusal> {
        let denied = |message: &str| Refusal {
            action: A::NAME,
            resource: ask.resource.arn(),
            kind: RefusalKind::AccessDenied {
                message: message.to_owned(),
                denial: None,
            },
        };
        let expected = ask.details.expected_owner;
        if expected.is_some_and(|expected| expected != bucket.owner) {
            return Err(denied("Access Denied"));
        }
        match ask.details.refuses_anonymous {
            Some(text) if self.identity.caller.kind == CallerKind::Anonymous => {
                return Err(denied(text));
            }
            Some(_) | None => {}
        }
        let flags = self.gate.s3.account_public_access_block(bucket.owner).await;
        gathered.account_flags = flags.map_err(|error| Refusal {
            action: A::NAME,
            resource: ask.resource.arn(),
            kind: RefusalKind::Unavailable(error),
        })?;
        gathered.owner = Some(bucket.owner);
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
        let session = self
            .identity
            .session
            .as_ref()
            .and_then(|s| s.policies.as_deref());
        bucket
            .policy
            .iter()
            .any(|policy| policy.names_key_with_prefix(prefix))
            || self
                .identity
                .policies
                .iter()
                .chain(&self.identity.boundary)
                .chain(session.unwrap_or_default())
                .any(|attached| attached.policy.names_key_with_prefix(prefix))
    }

    fn refuse<A: Action>(
        &self,
        resource: &A::Resource,
        gathered: &Gathered,
        arn: String,
        denial: Denial,
    ) -> Refusal {
        let refused = Refused {
            action: A::NAME,
            arn: &arn,
            scope: resource.scope(),
            owner: gathered.owner,
            exists: gathered.exists,
        };
        let message = message(&self.identity.caller, &refused, &denial);
        Refusal {
            action: A::NAME,
            resource: arn,
            kind: RefusalKind::AccessDenied {
                message,
                denial: Some(denial),
            },
        }
    }
}

fn no_trust() -> Decision {
    Decision::Deny(Denial {
        explicit: false,
        layer: policy::Layer::Trust,
        policy_arn: None,
    })
}

fn s3_side<'a, A: Action>(
    gathered: &'a Gathered,
    ask: &'a Ask<A>,
    caller: &policy::Caller,
) -> S3Side<'a> {
    let bucket = gathered.bucket.as_deref();
    let own = bucket
        .map(|bucket| bucket.block_public_access)
        .unwrap_or_default();
    let account = gathered.account_flags;
    let own_upload = ask.details.of_object_to_be
        && caller.account.is_some()
        && caller.account != bucket.map(|bucket| bucket.owner);
    let object = if own_upload {
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
        ownership: match bucket {
            // The object to be is its uploader's, whatever becomes of it under enforced ownership.
            Some(_) if own_upload => ObjectOwnership::ObjectWriter,
            Some(bucket) => bucket.ownership,
            None => ObjectOwnership::BucketOwnerEnforced,
        },
        bucket_acl: bucket.map_or(&[], |bucket| bucket.acl.as_slice()),
        object,
        block_public_access: BlockPublicAccess {
            block_public_acls: own.block_public_acls || account.block_public_acls,
            ignore_public_acls: own.ignore_public_acls || account.ignore_public_acls,
            block_public_policy: own.block_public_policy || account.block_public_policy,
            restrict_public_buckets: own.restrict_public_buckets || account.restrict_public_buckets,
        },
        // Where ACLs are off the operation says so, which AWS says first (spec S-7, S-9).
        writes_public_acl: ask.details.writes_public_acl
            && bucket.is_none_or(|bucket| bucket.ownership != ObjectOwnership::BucketOwnerEnforced),
        writes_policy: ask.details.writes_policy.as_deref(),
        is_upload_initiator: gathered.is_upload_initiator,
        owner_canonical_id: bucket.map(|bucket| &bucket.owner_canonical_id),
    }
}
