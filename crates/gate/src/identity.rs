//! Who a request comes from, once its signature was verified.
use std::sync::Arc;

use jiff::Timestamp;
use policy::{AttachedPolicy, Caller};

/// The principal behind a request with the policies in force for it.
///
/// The directory makes it from the access key; policies are those of this very moment, so that a
/// change of a role acts on its running sessions at once (spec E-15).
#[derive(Debug)]
pub struct Identity {
    /// The principal.
    pub caller: Caller,
    /// The access key that signed; `None` for anonymous callers.
    pub access_key_id: Option<String>,
    /// Inline, managed and group policies. Shared: whoever knows them puts them together once, not
    /// for each request.
    pub policies: Arc<[AttachedPolicy]>,
    /// The permissions boundary.
    pub boundary: Option<AttachedPolicy>,
    /// What temporary credentials carry.
    pub session: Option<Session>,
}

impl Identity {
    /// A caller without credentials.
    pub fn anonymous() -> Identity {
        Identity {
            caller: Caller::anonymous(),
            access_key_id: None,
            policies: Arc::default(),
            boundary: None,
            session: None,
        }
    }
}

/// The kinds of temporary credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// `AssumeRole` and its like.
    Role,
    /// `GetSessionToken`.
    SessionToken,
    /// `GetFederationToken`.
    FederatedUser,
}

/// What temporary credentials carry.
#[derive(Debug)]
pub struct Session {
    /// Which call made them.
    pub kind: SessionKind,
    /// `aws:TokenIssueTime`.
    pub issued_at: Timestamp,
    /// When they end.
    pub expires_at: Timestamp,
    /// MFA used when they were made.
    pub mfa: Option<MfaFacts>,
    /// `aws:SourceIdentity`, inherited along role chains.
    pub source_identity: Option<String>,
    /// Session tags (also the inherited ones).
    pub tags: Vec<(String, String)>,
    /// Keys of the tags that the next role in a chain inherits.
    pub transitive_tag_keys: Vec<String>,
    /// Session policies; `None` means that none were passed.
    pub policies: Option<Vec<AttachedPolicy>>,
}

/// MFA used for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MfaFacts {
    /// When the code was checked.
    pub authenticated_at: Timestamp,
}
