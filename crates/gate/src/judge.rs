//! Answers the questions of requests, and makes permits.
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use catalog::{AccountId, Action, BucketName, Resource, Scope};
use jiff::Timestamp;
use policy::{Case, Decision, Denial, Reason};
use serde::{Deserialize, Serialize};

use crate::ask::{Ask, Details, OpenReason};
use crate::asker::{Asker, Gathered, Payment, Stopped};
use crate::facts::{FactsError, IdentityFacts, S3Facts};
use crate::identity::Identity;
use crate::permit::{LifecyclePermit, OpenPermit, Permit, Pinned, System, SystemTask};
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
    /// POST form.
    Post,
    /// POST form of signature version 2.
    PostVersion2,
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
    /// The request says `x-amz-request-payer: requester`: the caller knows that it pays.
    pub requester_pays: bool,
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
    pub(crate) s3: Arc<dyn S3Facts>,
    pub(crate) identities: Arc<dyn IdentityFacts>,
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
            charges_requester: Arc::default(),
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
            charges_requester: Arc::default(),
        }
    }

    /// A permit to carry out the lifecycle configuration of a bucket, at the time `now`; `None` if
    /// there is no such bucket.
    ///
    /// # Errors
    /// The facts cannot be read.
    pub async fn lifecycle(
        &self,
        bucket: &BucketName,
        now: Timestamp,
    ) -> Result<Option<LifecyclePermit>, FactsError> {
        let bucket = self.s3.bucket(bucket).await?;
        Ok(bucket.map(|bucket| LifecyclePermit { bucket, now }))
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
    /// The account that owns the resource, where it was found.
    pub owner: Option<AccountId>,
    /// A no did not refuse: the operation only wanted to know what it may reveal, or needs no
    /// more than that nothing denies it.
    pub probe: bool,
    /// What came of it.
    pub outcome: Outcome,
}

/// What a no means for the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bearing {
    /// It refuses the call, or the item that it is about.
    Binds,
    /// It refuses if it is explicit.
    BindsIfExplicit,
    /// It refuses nothing.
    Probes,
}

/// What came of a question.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The policies allow it.
    Allowed {
        /// The rule that gave the answer.
        reason: Reason,
    },
    /// The policies do not allow it.
    Denied {
        /// What AWS's messages say of it.
        denial: Denial,
        /// Everything that the decision depends on, for explanations; of the first
        /// refusals of a request only, since one request may ask a thousand questions.
        case: Option<Box<Case>>,
    },
    /// Another check refused, before the policies were asked or after they allowed.
    Stopped(Stop),
}

/// Checks beside the policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stop {
    /// There is no such bucket.
    NoSuchBucket {
        /// Its name.
        bucket: String,
    },
    /// `x-amz-expected-bucket-owner` names another account than the bucket's owner (spec S-11).
    OtherOwner {
        /// The account that the request expects.
        expected: AccountId,
        /// The account that owns the bucket.
        owner: AccountId,
    },
    /// The operation takes no callers without credentials.
    Anonymous,
    /// The policies allow it, but the bucket is a Requester Pays bucket of another account, and the
    /// request does not say that its caller pays, or has no caller who could (spec S-11).
    RequesterPays {
        /// The account that owns the bucket.
        owner: AccountId,
    },
    /// The policies allow it, but the operation belongs to the owner's account (spec S-2).
    OwnersAlone {
        /// The account that owns the bucket.
        owner: Option<AccountId>,
    },
}

/// Refusals of one request that are kept whole.
const CASES_MAX: usize = 8;

/// Answers the questions of one request.
#[derive(Clone, Debug)]
pub struct Judge {
    gate: Gate,
    identity: Arc<Identity>,
    request: Arc<RequestFacts>,
    answers: Arc<Mutex<Vec<Answer>>>,
    charges_requester: Arc<AtomicBool>,
}

/// A question without its type: what gathering and deciding need of an [`Ask`].
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) action: &'a str,
    pub(crate) scope: Scope<'a>,
    pub(crate) details: &'a Details,
}

/// A decided question.
struct Decided {
    gathered: Gathered,
    arn: String,
    decision: Decision,
    payment: Payment,
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

    /// Whether what was asked so far is about a Requester Pays bucket of another account: the
    /// caller has agreed to pay, else it was refused.
    pub fn charges_requester(&self) -> bool {
        self.charges_requester.load(Ordering::Relaxed)
    }

    /// Takes what was asked and answered so far.
    pub fn take_answers(&self) -> Vec<Answer> {
        match self.answers.lock() {
            Ok(mut answers) => std::mem::take(&mut answers),
            Err(poisoned) => std::mem::take(&mut poisoned.into_inner()),
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
        self.answer_with(ask, Bearing::Binds).await
    }

    pub(crate) async fn answer_probe<A: Action>(&self, ask: Ask<A>) -> Result<Permit<A>, Refusal> {
        self.answer_with(ask, Bearing::Probes).await
    }

    async fn answer_with<A: Action>(
        &self,
        ask: Ask<A>,
        bearing: Bearing,
    ) -> Result<Permit<A>, Refusal> {
        let decided = self.decide(&ask, bearing).await?;
        match &decided.decision {
            Decision::Allow => self.permit(ask, decided),
            Decision::Deny(denial) => Err(self.refuse(&ask, &decided, denial)),
        }
    }

    pub(crate) async fn answer_unless_denied<A: Action>(
        &self,
        ask: Ask<A>,
    ) -> Result<Permit<A>, Refusal> {
        let decided = self.decide(&ask, Bearing::BindsIfExplicit).await?;
        match &decided.decision {
            Decision::Deny(denial) if denial.explicit => Err(self.refuse(&ask, &decided, denial)),
            Decision::Allow | Decision::Deny(_) => self.permit(ask, decided),
        }
    }

    fn permit<A: Action>(&self, ask: Ask<A>, decided: Decided) -> Result<Permit<A>, Refusal> {
        let Decided {
            gathered,
            arn,
            payment,
            ..
        } = decided;
        match payment {
            Payment::Owners => {}
            Payment::Requesters => self.charges_requester.store(true, Ordering::Relaxed),
            Payment::Missing { owner } => {
                self.note(Answer {
                    action: A::NAME,
                    resource: arn.clone(),
                    owner: Some(owner),
                    probe: false,
                    outcome: Outcome::Stopped(Stop::RequesterPays { owner }),
                });
                return Err(Refusal {
                    action: A::NAME,
                    resource: arn,
                    kind: RefusalKind::AccessDenied {
                        message: "Access Denied".to_owned(),
                        denial: None,
                    },
                });
            }
        }
        let owners_alone = [
            "s3:GetBucketPolicy",
            "s3:PutBucketPolicy",
            "s3:DeleteBucketPolicy",
        ]
        .contains(&A::NAME);
        if owners_alone && gathered.owner != self.identity.caller.account {
            let owner = gathered.owner;
            self.note(Answer {
                action: A::NAME,
                resource: arn.clone(),
                owner,
                probe: false,
                outcome: Outcome::Stopped(Stop::OwnersAlone { owner }),
            });
            return Err(Refusal {
                action: A::NAME,
                resource: arn,
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

    async fn decide<A: Action>(&self, ask: &Ask<A>, bearing: Bearing) -> Result<Decided, Refusal> {
        let question = Question {
            action: A::NAME,
            scope: ask.resource.scope(),
            details: &ask.details,
        };
        let asker = Asker {
            gate: &self.gate,
            identity: &self.identity,
            request: &self.request,
        };
        let gathered = asker.gather(&question).await.map_err(|stopped| {
            let arn = ask.resource.arn();
            let (stop, kind) = match stopped {
                Stopped::Unavailable(error) => (None, RefusalKind::Unavailable(error)),
                Stopped::NoSuchBucket(name) => (
                    Some(Stop::NoSuchBucket {
                        bucket: name.to_string(),
                    }),
                    RefusalKind::NoSuchBucket(name),
                ),
                Stopped::OtherOwner { expected, owner } => (
                    Some(Stop::OtherOwner { expected, owner }),
                    RefusalKind::AccessDenied {
                        message: "Access Denied".to_owned(),
                        denial: None,
                    },
                ),
                Stopped::Anonymous(message) => (
                    Some(Stop::Anonymous),
                    RefusalKind::AccessDenied {
                        message: message.to_owned(),
                        denial: None,
                    },
                ),
            };
            if let Some(stop) = stop {
                self.note(Answer {
                    action: A::NAME,
                    resource: arn.clone(),
                    owner: match stop {
                        Stop::OtherOwner { owner, .. } | Stop::RequesterPays { owner } => {
                            Some(owner)
                        }
                        Stop::OwnersAlone { owner } => owner,
                        Stop::NoSuchBucket { .. } | Stop::Anonymous => None,
                    },
                    probe: bearing == Bearing::Probes,
                    outcome: Outcome::Stopped(stop),
                });
            }
            Refusal {
                action: A::NAME,
                resource: arn,
                kind,
            }
        })?;
        let arn = gathered.arn.clone().unwrap_or_else(|| ask.resource.arn());
        let (decision, reason) = asker.decide(&question, &gathered, &arn);
        let payment = asker.payment(&question, &gathered, &arn);
        let outcome = match &decision {
            Decision::Allow => Outcome::Allowed { reason },
            Decision::Deny(denial) => Outcome::Denied {
                denial: denial.clone(),
                case: self
                    .has_room_for_case()
                    .then(|| Box::new(asker.case(&question, &gathered, &arn))),
            },
        };
        self.note(Answer {
            action: A::NAME,
            resource: arn.clone(),
            owner: gathered.owner,
            probe: match (bearing, &decision) {
                (Bearing::Probes, _) => true,
                (Bearing::BindsIfExplicit, Decision::Deny(denial)) => !denial.explicit,
                (Bearing::Binds | Bearing::BindsIfExplicit, _) => false,
            },
            outcome,
        });
        Ok(Decided {
            gathered,
            arn,
            decision,
            payment,
        })
    }

    fn has_room_for_case(&self) -> bool {
        let kept = |answers: &Vec<Answer>| {
            let denied = |answer: &&Answer| matches!(answer.outcome, Outcome::Denied { .. });
            answers.iter().filter(denied).count()
        };
        let kept = match self.answers.lock() {
            Ok(answers) => kept(&answers),
            Err(poisoned) => kept(&poisoned.into_inner()),
        };
        kept < CASES_MAX
    }

    fn note(&self, answer: Answer) {
        match self.answers.lock() {
            Ok(mut answers) => answers.push(answer),
            Err(poisoned) => poisoned.into_inner().push(answer),
        }
    }

    fn refuse<A: Action>(&self, ask: &Ask<A>, decided: &Decided, denial: &Denial) -> Refusal {
        let refused = Refused {
            action: A::NAME,
            arn: &decided.arn,
            scope: ask.resource.scope(),
            owner: decided.gathered.owner,
            exists: decided.gathered.exists,
        };
        Refusal {
            action: A::NAME,
            resource: decided.arn.clone(),
            kind: RefusalKind::AccessDenied {
                message: message(&self.identity.caller, &refused, denial),
                denial: Some(denial.clone()),
            },
        }
    }
}
