//! The decision: one function, which may keep its trail.
use crate::facts::Facts;
use crate::layer::{Said, attached, document, levels};
use crate::principal::Ways;
use crate::verdict::{NoTrail, Recorder, Trail};
use crate::{
    CallerKind, Decision, Denial, Guardrails, IdentitySide, Layer, Policy, Question, Reason,
    ResourceSide, Step, Verdict, kms_rules, s3_rules,
};

/// Decides, without keeping the trail.
pub fn decide(
    question: &Question<'_>,
    identity: &IdentitySide<'_>,
    resource: &ResourceSide<'_>,
) -> Decision {
    decide_within(question, identity, resource, &Guardrails::default())
}

/// Decides under the limits of organisations and VPC endpoints.
pub fn decide_within(
    question: &Question<'_>,
    identity: &IdentitySide<'_>,
    resource: &ResourceSide<'_>,
    guardrails: &Guardrails<'_>,
) -> Decision {
    decide_with_reason(question, identity, resource, guardrails).0
}

/// As [`decide_within`], with the rule that gave the answer: what is kept of an allowed request.
pub fn decide_with_reason(
    question: &Question<'_>,
    identity: &IdentitySide<'_>,
    resource: &ResourceSide<'_>,
    guardrails: &Guardrails<'_>,
) -> (Decision, Reason) {
    evaluate(question, identity, resource, guardrails, &mut NoTrail)
}

/// Decides, and keeps the trail.
pub fn explain(
    question: &Question<'_>,
    identity: &IdentitySide<'_>,
    resource: &ResourceSide<'_>,
) -> Verdict {
    explain_within(question, identity, resource, &Guardrails::default())
}

/// Decides under the limits of organisations and VPC endpoints, and keeps the trail.
pub fn explain_within(
    question: &Question<'_>,
    identity: &IdentitySide<'_>,
    resource: &ResourceSide<'_>,
    guardrails: &Guardrails<'_>,
) -> Verdict {
    let mut trail = Trail(Vec::new());
    evaluate(question, identity, resource, guardrails, &mut trail);
    Verdict::new(trail.0)
}

pub(crate) type Conclusion = (Decision, Reason);

pub(crate) fn allow(reason: Reason) -> Conclusion {
    (Decision::Allow, reason)
}

/// Nothing in the layer allows.
pub(crate) fn silent(layer: Layer) -> Conclusion {
    let denial = Denial {
        explicit: false,
        layer,
        policy_arn: None,
    };
    (Decision::Deny(denial), Reason::NotAllowed)
}

pub(crate) fn refuse(layer: Layer, reason: Reason) -> Conclusion {
    let denial = Denial {
        explicit: true,
        layer,
        policy_arn: None,
    };
    (Decision::Deny(denial), reason)
}

fn evaluate(
    question: &Question<'_>,
    identity: &IdentitySide<'_>,
    resource: &ResourceSide<'_>,
    guardrails: &Guardrails<'_>,
    recorder: &mut impl Recorder,
) -> Conclusion {
    let facts = Facts::new(question, identity.boundary.is_some());
    let (decision, reason) = conclude(&facts, identity, resource, guardrails, recorder);
    recorder.note(|| Step::Concluded {
        decision: decision.clone(),
        reason,
    });
    (decision, reason)
}

/// The order of AWS's evaluation logic (spec E-2).
fn conclude(
    facts: &Facts<'_>,
    identity: &IdentitySide<'_>,
    resource: &ResourceSide<'_>,
    guardrails: &Guardrails<'_>,
    recorder: &mut impl Recorder,
) -> Conclusion {
    let caller = facts.question.caller;

    // What every layer says.
    let bound_by_scp = if caller.has_account() {
        guardrails.service_control
    } else {
        &[]
    };
    let scp = levels(facts, Layer::ServiceControl, bound_by_scp, recorder);
    let rcp = levels(
        facts,
        Layer::ResourceControl,
        guardrails.resource_control,
        recorder,
    );
    let endpoint = guardrails
        .vpc_endpoint
        .map(|policy| document(facts, Layer::VpcEndpoint, policy, recorder));
    let own = OwnSide::read(facts, identity, recorder);
    let policy_layer = match resource {
        ResourceSide::Trust(_) => Layer::Trust,
        ResourceSide::None | ResourceSide::S3(_) | ResourceSide::Key(_) => Layer::Resource,
    };
    let policy = resource
        .policy()
        .map(|policy| document(facts, policy_layer, policy, recorder))
        .unwrap_or_default();

    // 1. An explicit deny anywhere. spec E-10: root cannot lock itself out of its bucket's policy.
    let root_manages_policy = s3_rules::is_root_managing_policy(facts.question, resource);
    let denies = [
        (Layer::ServiceControl, Some(scp)),
        (Layer::ResourceControl, Some(rcp)),
        (Layer::VpcEndpoint, endpoint),
        (Layer::Identity, Some(own.identity)),
        (Layer::Boundary, own.boundary),
        (Layer::Session, own.session),
        (policy_layer, Some(policy).filter(|_| !root_manages_policy)),
    ];
    for (layer, said) in denies {
        if let Some(Said {
            denies: true,
            deny_arn,
            ..
        }) = said
        {
            let denial = Denial {
                explicit: true,
                layer,
                policy_arn: deny_arn.map(str::to_owned),
            };
            return (Decision::Deny(denial), Reason::ExplicitDeny);
        }
    }

    // 2. and 3. Each guardrail must allow.
    let guards = [
        (Layer::ServiceControl, scp.allows || bound_by_scp.is_empty()),
        (
            Layer::ResourceControl,
            rcp.allows || guardrails.resource_control.is_empty(),
        ),
        (Layer::VpcEndpoint, endpoint.is_none_or(|said| said.allows)),
    ];
    for (layer, allows) in guards {
        if !allows {
            return (silent(layer).0, Reason::GuardrailSilent);
        }
    }

    // 4. and 5. The rules of the service, then of one account or two.
    match resource {
        ResourceSide::None => without_policy(facts.question, &own),
        ResourceSide::Trust(_) => trust(facts.question, &own, &policy),
        ResourceSide::Key(key) => kms_rules::rules(facts.question, &own, &policy, key, recorder),
        ResourceSide::S3(s3) => s3_rules::rules(facts.question, &own, &policy, s3, recorder),
    }
}

impl<'a> ResourceSide<'a> {
    fn policy(&self) -> Option<&'a Policy> {
        match self {
            ResourceSide::None => None,
            ResourceSide::Trust(policy) => Some(policy),
            ResourceSide::S3(s3) => s3.policy,
            ResourceSide::Key(key) => Some(key.policy),
        }
    }
}

/// The caller's own side (spec E-3).
pub(crate) struct OwnSide<'p> {
    identity: Said<'p>,
    boundary: Option<Said<'p>>,
    session: Option<Said<'p>>,
    /// Nobody passed session policies to a federated user: then nothing is allowed.
    federated_without_session: bool,
}

impl<'p> OwnSide<'p> {
    fn read(
        facts: &Facts<'_>,
        side: &IdentitySide<'p>,
        recorder: &mut impl Recorder,
    ) -> OwnSide<'p> {
        let kind = &facts.question.caller.kind;
        match kind {
            CallerKind::User
            | CallerKind::RoleSession { .. }
            | CallerKind::FederatedUser { .. } => OwnSide {
                identity: attached(facts, Layer::Identity, side.policies, recorder),
                boundary: side.boundary.map(|boundary| {
                    let boundary = std::slice::from_ref(boundary);
                    attached(facts, Layer::Boundary, boundary, recorder)
                }),
                session: side
                    .session
                    .map(|session| attached(facts, Layer::Session, session, recorder)),
                federated_without_session: side.session.is_none()
                    && matches!(kind, CallerKind::FederatedUser { .. }),
            },
            CallerKind::Root
            | CallerKind::Anonymous
            | CallerKind::TokenHolder { .. }
            | CallerKind::Service { .. } => OwnSide {
                identity: Said::default(),
                boundary: None,
                session: None,
                federated_without_session: false,
            },
        }
    }

    /// Neither boundary nor session policies stand in the way.
    fn within_limits(&self) -> bool {
        self.missing_limit().is_none()
    }

    pub fn allows(&self) -> bool {
        self.identity.allows && self.within_limits()
    }

    /// The layer that AWS names (spec E-14).
    pub fn missing(&self) -> Layer {
        self.missing_limit().unwrap_or(Layer::Identity)
    }

    fn missing_limit(&self) -> Option<Layer> {
        let session = self.session.is_some_and(|said| !said.allows);
        if session || self.federated_without_session {
            Some(Layer::Session)
        } else if self.boundary.is_some_and(|said| !said.allows) {
            Some(Layer::Boundary)
        } else {
            None
        }
    }
}

/// Calls on what has no policy of its own: IAM entities, calls without resource.
fn without_policy(question: &Question<'_>, own: &OwnSide<'_>) -> Conclusion {
    let caller = question.caller;
    // What belongs to another account needs that account's word, and nothing here can give it.
    let foreign = question.owner.is_some() && question.owner != caller.account;
    if !caller.has_account() || foreign {
        return silent(Layer::Resource);
    }
    match caller.kind {
        CallerKind::Root => allow(Reason::RootOfOwner),
        _ if own.allows() => allow(Reason::IdentitySide),
        _ => silent(own.missing()),
    }
}

/// Trust policies (spec E-7).
fn trust(question: &Question<'_>, own: &OwnSide<'_>, policy: &Said<'_>) -> Conclusion {
    let caller = question.caller;
    if !policy.allows {
        return silent(Layer::Trust);
    }
    match caller.kind {
        CallerKind::Root => (silent(Layer::Trust).0, Reason::RootAssumesRole),
        CallerKind::Anonymous => silent(Layer::Trust),
        CallerKind::Service { .. } => allow(Reason::ResourceSide),
        // Tokens are taken from named providers only: `*` is no provider.
        CallerKind::TokenHolder { .. } if policy.ways.any_of(Ways::PROVIDER) => {
            allow(Reason::ResourceSide)
        }
        CallerKind::TokenHolder { .. } => silent(Layer::Trust),
        CallerKind::User | CallerKind::RoleSession { .. } | CallerKind::FederatedUser { .. } => {
            if caller.account == question.owner {
                same_account(own, policy.ways, Delegation::Needed)
            } else if own.allows() {
                allow(Reason::BothSides)
            } else {
                silent(own.missing())
            }
        }
    }
}

/// Whether the owner's policy must name the account before identity policies count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delegation {
    Needed,
    Implied,
}

/// One account: how the resource's allow meets what the caller's side leaves open (spec E-5).
pub(crate) fn same_account(own: &OwnSide<'_>, ways: Ways, delegation: Delegation) -> Conclusion {
    let itself = Ways::EVERYONE
        .and(Ways::USER)
        .and(Ways::SESSION)
        .and(Ways::FEDERATED_USER)
        .and(Ways::NOT_EXCLUDED);
    let within_limits = Ways::ROLE.and(Ways::USER_OF_FEDERATED);
    if ways.any_of(itself) {
        allow(Reason::NamedByResource)
    } else if ways.any_of(within_limits) {
        match own.missing_limit() {
            None => allow(Reason::NamedByResource),
            Some(layer) => silent(layer),
        }
    } else {
        match delegation {
            Delegation::Implied if own.allows() => allow(Reason::IdentitySide),
            Delegation::Implied => silent(own.missing()),
            Delegation::Needed if !ways.any_of(Ways::ACCOUNT) => silent(Layer::Resource),
            Delegation::Needed if own.allows() => allow(Reason::DelegatedToAccount),
            Delegation::Needed => silent(own.missing()),
        }
    }
}
