//! The answer no.
use catalog::{AccountId, BucketName, EntityKind, Scope};
use policy::{Audience, Caller, Denial, MessageParts, ResourceQuoting};

use crate::FactsError;

/// A call, or a part of it, was refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The action that was asked.
    pub action: &'static str,
    /// The resource's ARN.
    pub resource: String,
    /// Why.
    pub kind: RefusalKind,
}

/// Why a call was refused.
#[derive(Clone, Debug)]
pub enum RefusalKind {
    /// The policies say no. `message` is AWS's text for the caller.
    AccessDenied {
        /// For the caller.
        message: String,
        /// For the journal; `None` when another check than the policies refused.
        denial: Option<Denial>,
    },
    /// There is no such bucket: said to every caller, before anything is judged (spec S-1).
    NoSuchBucket(BucketName),
    /// Allowed, but the operation belongs to the owner's account alone (spec S-2).
    MethodNotAllowed,
    /// The facts could not be read.
    Unavailable(FactsError),
}

/// What a refusal's text needs to know of the resource.
pub(crate) struct Refused<'a> {
    pub(crate) action: &'a str,
    pub(crate) arn: &'a str,
    pub(crate) scope: Scope<'a>,
    pub(crate) owner: Option<AccountId>,
    pub(crate) exists: bool,
}

/// AWS's text for the caller (spec S-12 and section 9 of the IAM and STS notes): the reason is
/// told only to callers of the account that owns the resource.
pub(crate) fn message(caller: &Caller, refused: &Refused<'_>, denial: &Denial) -> String {
    let quoting = if refused.action.starts_with("s3:") {
        ResourceQuoting::Quoted
    } else {
        ResourceQuoting::Plain
    };
    let same_account = caller.account.is_some() && caller.account == refused.owner;
    let shown = match refused.scope {
        Scope::Entity(entity) if refused.exists && entity.kind == EntityKind::Policy => {
            format!("policy {}", refused.arn)
        }
        Scope::Entity(entity) if refused.exists => {
            format!("{} {}", entity.kind.word().replace('-', " "), entity.name)
        }
        Scope::Entity(_)
        | Scope::Account(_)
        | Scope::Bucket(_)
        | Scope::NewBucket(..)
        | Scope::Object(_)
        | Scope::Role(_) => refused.arn.to_owned(),
    };
    denial.message(MessageParts {
        caller_arn: (!caller.arn.is_empty()).then_some(caller.arn.as_str()),
        action: refused.action,
        resource: &shown,
        quoting,
        audience: if same_account {
            Audience::SameAccount
        } else {
            Audience::OtherAccount
        },
    })
}
