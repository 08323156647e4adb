//! The answer no.
use catalog::BucketName;
use policy::Denial;

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
