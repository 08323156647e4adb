//! The policy language of AWS: parse, validate, compile, evaluate, explain.
//!
//! A pure function of a question and the policies in force. No I/O, no clock, no async: whoever
//! asks brings the facts. It is not a store of policies, knows no HTTP, and gathers nothing: which
//! policies are in force and what the request context holds is the caller's to find out.
//!
//! [`decide`] gives the answer, [`explain`] the answer with its trail; both are one function. Rules
//! carry the numbers of AWS's evaluation logic as this project writes it down: P-n for the
//! language, E-n for evaluation, S-n for S3.
//!
//! ```
//! use std::sync::Arc;
//!
//! use catalog::AccountId;
//! use policy::{
//!     AttachedPolicy, Caller, CallerKind, Context, IdentitySide, Lookup, Policy, PolicyKind,
//!     PolicySource, Question, ResourceSide, decide,
//! };
//!
//! struct NoKeys;
//! impl Context for NoKeys {
//!     fn lookup(&self, _key: &str) -> Lookup<'_> {
//!         Lookup::Absent
//!     }
//! }
//!
//! let document = r#"{
//!     "Version": "2012-10-17",
//!     "Statement": {"Effect": "Allow", "Action": "iam:Get*", "Resource": "*"}
//! }"#;
//! let own = AttachedPolicy {
//!     source: PolicySource::Inline { name: "read".to_owned() },
//!     policy: Arc::new(Policy::parse(PolicyKind::Identity, document)?),
//! };
//! let account = AccountId::parse("111111111111")?;
//! let caller = Caller {
//!     kind: CallerKind::User,
//!     account: Some(account),
//!     arn: "arn:aws:iam::111111111111:user/al".to_owned(),
//!     ..Caller::anonymous()
//! };
//! let question = Question {
//!     caller: &caller,
//!     action: "iam:GetUser",
//!     resource: "arn:aws:iam::111111111111:user/al",
//!     owner: Some(account),
//!     context: &NoKeys,
//! };
//! let identity = IdentitySide { policies: &[own], ..IdentitySide::default() };
//! assert!(decide(&question, &identity, &ResourceSide::None).is_allowed());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod acl;
mod action_names;
mod actions;
mod caller;
mod case;
mod condition;
mod context;
mod decision;
mod document;
mod evaluate;
mod facts;
mod json;
mod kms_rules;
mod layer;
mod message;
mod outline;
mod pattern;
mod pattern_set;
mod principal;
mod public;
mod s3_actions;
mod s3_rules;
mod statement;
mod validate;
mod verdict;

pub use acl::requester_pays_admits;
pub use action_names::{action_name, resource_form};
pub use caller::{Caller, CallerKind};
pub use case::{Case, ContextValue, KeyTarget, ObjectTarget, S3Target, Target};
pub use context::{Context, KnownKey, Lookup};
pub use decision::{
    AttachedPolicy, BlockPublicAccess, Decision, Denial, Grant, Grantee, Guardrails, IdentitySide,
    KeyGrant, KeySide, Layer, ObjectOwnership, ObjectSide, Permission, PolicySource, Question,
    ResourceSide, S3Side,
};
pub use document::{
    Finding, Policy, PolicyKind, Position, PrincipalRef, Rewrite, SERIALIZED_NAME, size_for_quota,
};
pub use evaluate::{decide, decide_with_reason, decide_within, explain, explain_within};
pub use message::{Audience, MessageParts, ResourceQuoting};
pub use outline::{KeyUse, StatementOutline, has_value};
pub use s3_actions::s3_action_has_key;
pub use verdict::{
    Clause, Effect, Given, LayerSays, Outcome, Reason, StatementStep, Step, Verdict,
};
