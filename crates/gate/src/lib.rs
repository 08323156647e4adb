//! The one door: turns a request into an [`Authorized`] call, or a [`Refusal`].
//!
//! An operation says what it asks ([`Operation::Asks`]); the gate gathers the facts, `policy`
//! decides, and only a yes becomes a [`Permit`], which the stores demand. The gate stores nothing
//! and knows no HTTP.
//!
//! A permit cannot be made elsewhere:
//!
//! ```compile_fail,E0451
//! use catalog::s3;
//! fn forge(
//!     permit: gate::Permit<s3::GetObject>,
//!     resource: catalog::Object,
//! ) -> gate::Permit<s3::GetObject> {
//!     gate::Permit { resource, ..permit }
//! }
//! ```
//!
//! Neither can the one for lifecycle rules, which a [`Gate`] alone gives. Services have a [`Judge`].
//!
//! ```compile_fail,E0451
//! fn elsewhere(
//!     permit: gate::LifecyclePermit,
//!     bucket: std::sync::Arc<gate::BucketFacts>,
//! ) -> gate::LifecyclePermit {
//!     gate::LifecyclePermit { bucket, ..permit }
//! }
//! ```

mod ask;
mod asker;
mod consider;
mod context;
mod facts;
mod identity;
mod judge;
mod operation;
mod permit;
mod refusal;

pub use ask::{Ask, AskSet, Binding, Each, Either, NotDenied, Open, OpenReason, Probe, Probed};
pub use consider::{Consideration, Hypothesis, UnknownResource};
pub use facts::{
    BoxFuture, BucketFacts, EntityFacts, FactsError, IdentityFacts, Initiator, ObjectFacts,
    PrincipalDirectory, RoleFacts, S3Facts,
};
pub use identity::{Identity, MfaFacts, Session, SessionKind};
pub use judge::{Answer, AuthType, Gate, Judge, Outcome, Proof, RequestFacts, Stop};
pub use operation::{Authorized, Operation, call};
pub use permit::{LifecyclePermit, OpenPermit, Permit, System, SystemTask};
pub use refusal::{Refusal, RefusalKind};
