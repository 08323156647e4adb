//! The second evaluator of policies: slow, obvious, written from AWS's rules by itself.
//!
//! Tests put a [`World`] and a [`Request`] to it and to crate `policy`, and whoever of the two is
//! wrong is found. It shares no code with `policy` and reads documents as plain JSON at every
//! question; where `policy` compiles and indexes, this asks again and again. Rules carry the same
//! numbers: P-n for the language, E-n for evaluation, S-n for S3.
//!
//! It is not part of the product, explains nothing, validates nothing (documents are those that
//! `policy` has accepted), and is not fast. Where AWS's documentation leaves a question open, both
//! evaluators follow `docs/aws/open-points.md`; that they agree does not show that AWS does.
//!
//! ```
//! use policy_model::{Decision, Layer, Request, World, decide};
//!
//! let world: World = serde_json::from_str(r#"{
//!     "resourceType": "none",
//!     "resourceOwner": "111111111111",
//!     "policies": {"arn:aws:iam::111111111111:user/al": {"identity": [{
//!         "Version": "2012-10-17",
//!         "Statement": {"Effect": "Allow", "Action": "iam:Get*", "Resource": "*"}
//!     }]}}
//! }"#)?;
//! let mut request: Request = serde_json::from_str(r#"{
//!     "principal": {"kind": "user", "account": "111111111111",
//!                   "arn": "arn:aws:iam::111111111111:user/al"},
//!     "action": "iam:GetUser",
//!     "resource": "arn:aws:iam::111111111111:user/al"
//! }"#)?;
//! assert_eq!(decide(&world, &request), Decision::Allow);
//! request.action = "iam:DeleteUser".to_owned();
//! let refused = Decision::Deny { explicit: false, layer: Layer::Identity };
//! assert_eq!(decide(&world, &request), refused);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod acl;
mod condition;
mod context;
mod decide;
pub mod generate;
mod public;
mod statement;
mod text;
mod world;

pub use decide::{decide, decide_twisted};
pub use public::is_public;
pub use world::{
    Account, AclGrant, Acls, BlockPublicAccess, Constraints, Document, Entity, Flags, KeyGrant,
    Kind, Ownership, Principal, Request, ResourceType, World,
};

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No.
    Deny {
        /// A statement (or a public bucket) denies, rather than that nothing allows.
        explicit: bool,
        /// The layer that AWS names (E-2.1, E-14).
        layer: Layer,
    },
}

/// The layers that AWS names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Identity-based policies, groups included.
    Identity,
    /// The bucket policy, the ACL, the key policy.
    Resource,
    /// The trust policy.
    Trust,
    /// The permissions boundary.
    Boundary,
    /// Session policies.
    Session,
    /// Service control policies.
    ServiceControl,
    /// Resource control policies.
    ResourceControl,
    /// The VPC endpoint policy.
    VpcEndpoint,
    /// `BlockPublicAcls`
    BlockPublicAcls,
    /// `BlockPublicPolicy`
    BlockPublicPolicy,
}

/// One rule, broken: tests break each and must notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twist {
    /// Boundaries limit nothing.
    BoundaryForgotten,
    /// A role's ARN in a resource policy reaches beyond boundary and session policy (E-5).
    RoleArnBypassesLimits,
    /// A session's ARN in a resource policy does not suffice (E-5).
    SessionArnIsLimited,
    /// A federated user without session policies may what its user may (E-3).
    FederatedUserNeedsNoSessionPolicy,
    /// `NotPrincipal` need not list the session (P-9).
    NotPrincipalForgetsTheSession,
    /// The caller's own account is not asked (E-6).
    OneSideIsEnough,
    /// A bucket policy can lock the root user out (E-10).
    RootIsLockedOut,
    /// Constraints of KMS grants are not looked at (E-8).
    GrantConstraintsForgotten,
    /// The bucket policy gives away objects of others (S-8).
    ObjectOwnerForgotten,
    /// Public ACLs count although they are to be ignored (S-9).
    IgnorePublicAclsForgotten,
    /// Public policies let other accounts in (S-9).
    RestrictPublicBucketsForgotten,
    /// Documents of 2008 have variables (P-3).
    VariablesIn2008,
}

impl Twist {
    /// All of them.
    pub const ALL: &[Twist] = &[
        Twist::BoundaryForgotten,
        Twist::RoleArnBypassesLimits,
        Twist::SessionArnIsLimited,
        Twist::FederatedUserNeedsNoSessionPolicy,
        Twist::NotPrincipalForgetsTheSession,
        Twist::OneSideIsEnough,
        Twist::RootIsLockedOut,
        Twist::GrantConstraintsForgotten,
        Twist::ObjectOwnerForgotten,
        Twist::IgnorePublicAclsForgotten,
        Twist::RestrictPublicBucketsForgotten,
        Twist::VariablesIn2008,
    ];
}
