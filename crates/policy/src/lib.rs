//! The policy language of AWS: parse, validate, compile, evaluate, explain.
//!
//! A pure function of a question and the policies in force. No I/O, no clock, no async: whoever
//! asks brings the facts. It is not a store of policies and knows no HTTP.

mod caller;
mod context;
mod decision;
mod document;
mod evaluate;
mod message;
mod verdict;

pub use caller::{Caller, CallerKind};
pub use context::{Context, Lookup};
pub use decision::{
    AttachedPolicy, BlockPublicAccess, Decision, Denial, Grant, Grantee, Guardrails, IdentitySide,
    KeyGrant, KeySide, Layer, ObjectOwnership, ObjectSide, Permission, PolicySource, Question,
    ResourceSide, S3Side,
};
pub use document::{Finding, Policy, PolicyKind, Position, PrincipalRef, Rewrite, size_for_quota};
pub use evaluate::{decide, decide_within, explain, explain_within};
pub use message::{Audience, MessageParts, ResourceQuoting};
pub use verdict::{
    Clause, Effect, Given, LayerSays, Outcome, Reason, StatementStep, Step, Verdict,
};
