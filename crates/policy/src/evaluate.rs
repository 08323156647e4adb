//! The decision.
use crate::{Decision, Denial, Guardrails, IdentitySide, Layer, Question, ResourceSide, Verdict};
use crate::{Reason, Step};

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
    _question: &Question<'_>,
    _identity: &IdentitySide<'_>,
    _resource: &ResourceSide<'_>,
    _guardrails: &Guardrails<'_>,
) -> Decision {
    // Default is deny.
    Decision::Deny(Denial {
        explicit: false,
        layer: Layer::Identity,
        policy_arn: None,
    })
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
    Verdict::new(vec![Step::Concluded {
        decision: decide_within(question, identity, resource, guardrails),
        reason: Reason::NotAllowed,
    }])
}
