//! Principals by name: for the operator who asks what somebody could do, without their keys.
use catalog::{AccountId, EntityKind};
use gate::{Identity, Session, SessionKind, System};
use jiff::Timestamp;
use policy::{AttachedPolicy, PolicySource};

use crate::credentials::{self, CredentialError};
use crate::ids::{self, IdPrefix};
use crate::sessions::{ClaimKind, Claims};
use crate::snapshot::AccountState;
use crate::state::{Entity, Role, User};
use crate::store::Directory;

/// The session name of a role that is asked about by the role's own ARN.
pub const HYPOTHETICAL_SESSION_NAME: &str = "hypothetical";

/// What a hypothetical role session carries besides the role.
#[derive(Clone, Debug, Default)]
pub struct HypotheticalSession {
    /// Session policies; `None` means that none are passed.
    pub policies: Option<Vec<AttachedPolicy>>,
    /// Session tags.
    pub tags: Vec<(String, String)>,
}

/// There is no such principal.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoSuchPrincipal {
    /// The text names no kind of principal.
    #[error(
        "`{0}` names no principal: give the ARN of a user, role, role session or root user, an account id, or `anonymous`"
    )]
    NotAPrincipal(String),
    /// Nothing has that name.
    #[error("there is no `{0}` here")]
    NotHere(String),
    /// Its policies are incomplete.
    #[error(transparent)]
    Incomplete(#[from] CredentialError),
}

impl Directory {
    /// A principal with the policies in force for it now, as if it had signed a request at `now`.
    ///
    /// # Errors
    /// See [`NoSuchPrincipal`].
    pub fn identity_of(
        &self,
        _system: &System,
        principal: &str,
        session: HypotheticalSession,
        now: Timestamp,
    ) -> Result<Identity, NoSuchPrincipal> {
        if matches!(principal, "anonymous" | "*") {
            return Ok(Identity::anonymous());
        }
        let missing = || NoSuchPrincipal::NotHere(principal.to_owned());
        let snapshot = self.peek();
        let state = |account: AccountId| {
            let state = snapshot.account(account).ok_or_else(missing)?;
            if state.account.is_closed() {
                return Err(missing());
            }
            Ok(state)
        };
        match Named::parse(principal) {
            None => Err(NoSuchPrincipal::NotAPrincipal(principal.to_owned())),
            Some(Named::Root(account)) => Ok(credentials::root(state(account)?)),
            Some(Named::User(account, name)) => {
                let state = state(account)?;
                let user = state.named::<User>(name).ok_or_else(missing)?;
                if user.arn(account) != principal {
                    return Err(missing());
                }
                Ok(credentials::user(state, &user.id)?)
            }
            Some(Named::Role(account, name)) => {
                let state = state(account)?;
                let role = state.named::<Role>(name).ok_or_else(missing)?;
                if role.arn(account) != principal {
                    return Err(missing());
                }
                let name = HYPOTHETICAL_SESSION_NAME;
                Ok(hypothetical(state, role, name, session, now)?)
            }
            Some(Named::Session(account, role, name)) => {
                let state = state(account)?;
                let role = state.named::<Role>(role).ok_or_else(missing)?;
                Ok(hypothetical(state, role, name, session, now)?)
            }
        }
    }

    /// ARNs of all principals that can sign requests: root users, users and roles, of all accounts
    /// that are not closed, in order of accounts and names.
    pub fn principals(&self, _system: &System) -> Vec<String> {
        let snapshot = self.snapshot();
        let mut arns = Vec::new();
        for state in snapshot.accounts().filter(|s| !s.account.is_closed()) {
            let account = state.account.id;
            arns.push(account.root_arn());
            arns.extend(state.users.values().map(|user| user.arn(account)));
            arns.extend(state.roles.values().map(|role| role.arn(account)));
        }
        arns
    }
}

/// The account and kind of a unique id (`AIDA…`, `AROA…`), also of one that was deleted: the id
/// itself tells.
pub fn origin_of_unique_id(id: &str) -> Option<(AccountId, EntityKind)> {
    let kind = if id.starts_with(IdPrefix::User.letters()) {
        EntityKind::User
    } else {
        EntityKind::Role
    };
    Some((ids::account_of_unique_id(id)?, kind))
}

fn hypothetical(
    state: &AccountState,
    role: &Role,
    name: &str,
    session: HypotheticalSession,
    now: Timestamp,
) -> Result<Identity, CredentialError> {
    let HypotheticalSession { policies, tags } = session;
    let seconds = now.as_second();
    let claims = Claims {
        kind: ClaimKind::Role,
        account: state.account.id,
        principal_id: role.id.clone(),
        session_name: name.to_owned(),
        issued_at: seconds,
        expires_at: seconds.saturating_add(i64::from(role.session_seconds_max)),
        policy: None,
        policy_arns: Vec::new(),
        tags: tags.clone(),
        transitive_tag_keys: Vec::new(),
        source_identity: None,
        chained: false,
        mfa_at: None,
    };
    let mut identity = credentials::role(state, &claims)?;
    identity.session = Some(Session {
        kind: SessionKind::Role,
        issued_at: now,
        expires_at: now,
        mfa: None,
        source_identity: None,
        tags,
        transitive_tag_keys: Vec::new(),
        policies,
    });
    Ok(identity)
}

/// A session policy that is only asked about.
pub fn session_policy(policy: policy::Policy) -> AttachedPolicy {
    AttachedPolicy {
        source: PolicySource::SessionInline,
        policy: std::sync::Arc::new(policy),
    }
}

enum Named<'a> {
    Root(AccountId),
    User(AccountId, &'a str),
    Role(AccountId, &'a str),
    /// Role name and session name.
    Session(AccountId, &'a str, &'a str),
}

impl Named<'_> {
    fn parse(text: &str) -> Option<Named<'_>> {
        if let Ok(account) = AccountId::parse_exact(text) {
            return Some(Named::Root(account));
        }
        let last = |path: &'_ str| path.rfind('/').map_or(0, |at| at + 1);
        if let Some(rest) = text.strip_prefix("arn:aws:sts::") {
            let (account, rest) = rest.split_once(':')?;
            let account = AccountId::parse_exact(account).ok()?;
            let (role, name) = rest.strip_prefix("assumed-role/")?.split_once('/')?;
            return Some(Named::Session(account, role, name));
        }
        let (account, rest) = text.strip_prefix("arn:aws:iam::")?.split_once(':')?;
        let account = AccountId::parse_exact(account).ok()?;
        if rest == "root" {
            return Some(Named::Root(account));
        }
        if let Some(path) = rest.strip_prefix("user/") {
            return Some(Named::User(account, path.get(last(path)..)?));
        }
        let path = rest.strip_prefix("role/")?;
        Some(Named::Role(account, path.get(last(path)..)?))
    }
}
