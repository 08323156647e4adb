//! The policy language of AWS: parse, validate, compile, evaluate, explain.
//!
//! A pure function of a question and the policies in force. No I/O, no clock, no async: whoever
//! asks brings the facts. It is not a store of policies and knows no HTTP.

mod acl;
mod caller;
mod condition;
mod context;
mod decision;
mod document;
mod evaluate;
mod facts;
mod json;
mod message;
mod pattern;
mod principal;
mod public;
mod s3_actions;
mod statement;
mod validate;
mod verdict;

pub use acl::requester_pays_admits;
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
