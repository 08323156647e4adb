//! The trail of a decision: what was looked at, and why it did or did not count.
use serde::{Deserialize, Serialize};

use crate::{Decision, Denial, Layer, PolicySource, Position};

/// A decision with its trail. The decision is the trail's last step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    steps: Vec<Step>,
}

impl Verdict {
    pub(crate) fn new(steps: Vec<Step>) -> Verdict {
        Verdict { steps }
    }

    /// The rule that gave the answer.
    pub fn reason(&self) -> Reason {
        match self.steps.last() {
            Some(Step::Concluded { reason, .. }) => *reason,
            Some(_) | None => Reason::NotAllowed,
        }
    }

    /// What was looked at, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The answer, read off the trail.
    pub fn decision(&self) -> Decision {
        match self.steps.last() {
            Some(Step::Concluded { decision, .. }) => decision.clone(),
            // A trail without a conclusion allows nothing.
            Some(_) | None => Decision::Deny(Denial {
                explicit: false,
                layer: Layer::Identity,
                policy_arn: None,
            }),
        }
    }
}

/// One step of a trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// A statement of a policy was looked at.
    Statement(Box<StatementStep>),
    /// A layer is there but has no policy, or does not apply to this caller.
    Layer {
        /// Which.
        layer: Layer,
        /// What it says as a whole.
        says: LayerSays,
    },
    /// An ACL was looked at.
    Acl {
        /// Whether the object's ACL, or the bucket's.
        of_object: bool,
        /// Whether it grants to the caller's account by canonical id.
        to_account: bool,
        /// Whether it grants to everyone or to all AWS accounts.
        to_group: bool,
    },
    /// A KMS grant allows.
    KeyGrant {
        /// The grantee principal.
        grantee: String,
    },
    /// The end: always the last step.
    Concluded {
        /// The answer.
        decision: Decision,
        /// The rule that gave it.
        reason: Reason,
    },
}

/// What a layer says as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerSays {
    /// Some statement denies.
    Deny,
    /// Some statement allows and none denies.
    Allow,
    /// No statement matches.
    Nothing,
}

/// The rules that conclude.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// A statement denies (spec E-2).
    ExplicitDeny,
    /// A guardrail does not allow (spec E-2).
    GuardrailSilent,
    /// A setting of S3 Block Public Access (spec S-9).
    BlockPublicAccess,
    /// The root user of the owner manages its own bucket policy (spec E-10).
    RootManagesBucketPolicy,
    /// The root user of the account that owns the resource (spec E-10).
    RootOfOwner,
    /// The identity side is enough (spec E-3).
    IdentitySide,
    /// The resource's policy names the caller itself, or everyone (spec E-5).
    NamedByResource,
    /// The resource's policy names the account, and the identity side allows (spec E-7, E-8).
    DelegatedToAccount,
    /// Both accounts allow (spec E-6).
    BothSides,
    /// The resource's side alone is enough for callers without identity side (spec E-11, E-12).
    ResourceSide,
    /// The caller's account owns the object in another account's bucket (spec S-8).
    ObjectOwner,
    /// An ACL allows (spec S-6).
    Acl,
    /// The caller started the multipart upload (spec S-10).
    UploadInitiator,
    /// A KMS grant allows (spec E-8).
    KeyGrant,
    /// Roles may not be assumed by root users (spec E-7).
    RootAssumesRole,
    /// Something that must allow does not; the denial's layer says what.
    NotAllowed,
}

/// A statement, and whether it matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementStep {
    /// The layer.
    pub layer: Layer,
    /// The policy; `None` where the layer has only one.
    pub source: Option<PolicySource>,
    /// Its index in the document, from 0.
    pub index: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// Where it starts in the document.
    pub position: Position,
    /// Where what follows it starts.
    pub end: Position,
    /// Its effect.
    pub effect: Effect,
    /// Whether it matched.
    pub outcome: Outcome,
    /// Clauses that do not hold either, behind the one in `outcome`: how far the statement is from
    /// matching.
    pub also_failed: Vec<Outcome>,
}

impl StatementStep {
    /// Every clause that does not hold; none if the statement matched.
    pub fn failures(&self) -> impl Iterator<Item = (&Clause, &[String], &Given)> {
        std::iter::once(&self.outcome)
            .chain(&self.also_failed)
            .filter_map(|outcome| match outcome {
                Outcome::Matched => None,
                Outcome::Failed {
                    clause,
                    wanted,
                    given,
                } => Some((clause, wanted.as_slice(), given)),
            })
    }
}

/// The effect of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Effect {
    /// `Allow`
    Allow,
    /// `Deny`
    Deny,
}

/// Whether a statement matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// All clauses hold.
    Matched,
    /// The first clause that does not.
    Failed {
        /// Which.
        clause: Clause,
        /// What the clause wants, as written.
        wanted: Vec<String>,
        /// What the request has.
        given: Given,
    },
}

/// The clauses of a statement, in the order in which they are looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Clause {
    /// `Principal`
    Principal,
    /// `NotPrincipal`
    NotPrincipal,
    /// `Action`
    Action,
    /// `NotAction`
    NotAction,
    /// `Resource`
    Resource,
    /// `NotResource`
    NotResource,
    /// One key under one operator of `Condition`.
    Condition {
        /// As written, such as `StringNotEqualsIfExists`.
        operator: String,
        /// As written.
        key: String,
    },
}

/// What the request has for a clause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Given {
    /// Nothing: the key is absent.
    Absent,
    /// One value.
    One(String),
    /// Several, for multivalued keys.
    Many(Vec<String>),
}

/// Where steps go.
pub(crate) trait Recorder {
    /// Whether steps are kept: then all must be taken, also those that the answer does not need.
    const KEEPS_STEPS: bool;
    fn note(&mut self, step: impl FnOnce() -> Step);
}

pub(crate) struct Trail(pub Vec<Step>);
impl Recorder for Trail {
    const KEEPS_STEPS: bool = true;
    fn note(&mut self, step: impl FnOnce() -> Step) {
        self.0.push(step());
    }
}

pub(crate) struct NoTrail;
impl Recorder for NoTrail {
    const KEEPS_STEPS: bool = false;
    fn note(&mut self, _: impl FnOnce() -> Step) {}
}
