//! Who asks.
use catalog::{AccountId, CanonicalUserId};
use serde::{Deserialize, Serialize};

/// The principal of a request, with the names that policies know it by (spec E-4, E-13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// What kind of principal.
    pub kind: CallerKind,
    /// Its account; `None` for anonymous callers and services.
    pub account: Option<AccountId>,
    /// The canonical user id of its account.
    pub canonical_id: Option<CanonicalUserId>,
    /// The ARN that messages and `GetCallerIdentity` show (session ARN for role sessions).
    pub arn: String,
    /// `aws:PrincipalArn`: user ARN, role ARN with path, root ARN; empty for anonymous callers.
    pub principal_arn: String,
    /// Unique id of the entity (`AIDA…`, `AROA…` without session name; account id for root).
    pub unique_id: String,
    /// `aws:userid`.
    pub user_id: String,
    /// `aws:username`, for IAM users only.
    pub user_name: Option<String>,
    /// Tags of the principal overlaid by its session tags: `aws:PrincipalTag/KEY`.
    pub tags: Vec<(String, String)>,
}

/// Kinds of principals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallerKind {
    /// No credentials.
    Anonymous,
    /// The root user of an account.
    Root,
    /// An IAM user, with long-term keys or a session of `GetSessionToken`.
    User,
    /// A session of a role.
    RoleSession {
        /// The role's ARN, with path.
        role_arn: String,
        /// The name of the session.
        session_name: String,
    },
    /// A session of `GetFederationToken`.
    FederatedUser {
        /// ARN of the user that made it.
        user_arn: String,
        /// Unique id of that user.
        user_unique_id: String,
    },
    /// Whoever holds a token of an identity provider and calls `AssumeRoleWithWebIdentity` or
    /// `AssumeRoleWithSAML`, unsigned.
    TokenHolder {
        /// The provider as trust policies name it under `Federated`: its ARN, or a built-in name.
        provider: String,
    },
    /// An AWS service, such as `ec2.amazonaws.com`.
    Service {
        /// Its principal name.
        name: String,
    },
}

impl Caller {
    /// A caller without credentials.
    pub fn anonymous() -> Caller {
        Caller {
            kind: CallerKind::Anonymous,
            account: None,
            canonical_id: None,
            arn: String::new(),
            principal_arn: String::new(),
            unique_id: String::new(),
            user_id: "anonymous".to_owned(),
            user_name: None,
            tags: Vec::new(),
        }
    }
}
