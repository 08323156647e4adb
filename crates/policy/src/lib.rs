//! The policy language of AWS: parse, validate, compile, evaluate, explain.
//!
//! A pure function of a question and the policies in force. No I/O, no clock, no async: whoever
//! asks brings the facts. It is not a store of policies and knows no HTTP.

mod caller;
mod context;
mod decision;
mod document;

pub use caller::{Caller, CallerKind};
pub use context::{Context, Lookup};
pub use decision::{
    AttachedPolicy, BlockPublicAccess, Decision, Denial, Grant, Grantee, IdentitySide, Layer,
    ObjectOwnership, ObjectSide, Permission, PolicySource, Question, ResourceSide, S3Side,
};
pub use document::{Finding, Policy, PolicyKind};

/// Decides, without keeping the trail.
pub fn decide(
    _question: &Question<'_>,
    _identity: &IdentitySide<'_>,
    _resource: &ResourceSide<'_>,
) -> Decision {
    // Default is deny.
    Decision::Deny(Denial {
        explicit: false,
        layer: Layer::Identity,
        policy_arn: None,
    })
}
