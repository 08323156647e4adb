//! From an access key to whoever it belongs to.
//!
//! In two steps, as signatures are verified (spec, signature version 4, section 10):
//! [`Directory::lookup`] finds the secret of a key that may be used, and
//! [`Directory::identity`], once the signature is verified, the principal with the policies in
//! force at that moment.
use std::sync::{Arc, OnceLock};

use catalog::{AccountId, EntityKind};
use gate::{Identity, MfaFacts, Session, SessionKind};
use jiff::{SignedDuration, Timestamp};
use policy::{AttachedPolicy, Caller, CallerKind, Policy, PolicyKind, PolicySource};
use seal::SealError;

use crate::accounts::key_context;
use crate::aws_managed;
use crate::ids::{self, IdPrefix, Secret};
use crate::in_force::InForce;
use crate::sessions::{ClaimKind, Claims};
use crate::snapshot::AccountState;
use crate::state::{AccessKey, Group, InlinePolicy, KeyStatus, Role, Tags, User};
use crate::store::Directory;

/// A key cannot be used. The services have their own codes for each.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CredentialError {
    /// The key never was, or is deleted; or its user, role or account is; or it is a temporary one
    /// without its token, which AWS answers as a key that it does not know. S3:
    /// `InvalidAccessKeyId`; Query: `InvalidClientTokenId`.
    #[error("there is no such access key")]
    UnknownKey,
    /// The key is switched off. Answered as [`CredentialError::UnknownKey`].
    #[error("the access key is inactive")]
    InactiveKey,
    /// A temporary key with a token of another key, or a long-term key with a token. S3: `InvalidToken`; Query: `InvalidClientTokenId`.
    #[error("the session token does not belong to the access key")]
    InvalidToken,
    /// The session has ended. S3 and Query: `ExpiredToken`.
    #[error("the session has expired")]
    ExpiredToken,
    /// The secret does not open: the key file is not the one that it was sealed with.
    #[error("the secret of an access key does not open")]
    Sealed(#[source] Arc<SealError>),
    /// A policy that is attached to the caller cannot be found. Without it nobody can say what is
    /// denied, so nothing is allowed.
    #[error("the managed policy `{arn}` is attached to the caller but is not there")]
    PolicyMissing {
        /// Its ARN.
        arn: String,
    },
}

/// A key that may be used, with its secret.
#[expect(missing_debug_implementations, reason = "it holds a secret")]
pub struct Found {
    access_key_id: String,
    secret: Secret,
    account: AccountId,
    holder: Holder,
}

enum Holder {
    Root,
    User { id: String },
    Session(Box<Claims>),
}

impl Found {
    /// What the signature is verified with.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }
    /// The key.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }
    /// The account of its holder.
    pub fn account(&self) -> AccountId {
        self.account
    }
}

impl Directory {
    /// The secret of an access key, if the key may be used at `now` with this token.
    ///
    /// # Errors
    /// See [`CredentialError`].
    pub fn lookup(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Found, CredentialError> {
        if access_key_id.starts_with(IdPrefix::TemporaryAccessKey.letters()) {
            return self.lookup_session(access_key_id, session_token, now);
        }
        let snapshot = self.peek();
        let owner = snapshot
            .key_owner(access_key_id)
            .ok_or(CredentialError::UnknownKey)?;
        let state = snapshot
            .account(owner.account)
            .filter(|state| !state.account.is_closed())
            .ok_or(CredentialError::UnknownKey)?;
        let (keys, holder) = match &owner.user_id {
            None => (&state.account.access_keys, Holder::Root),
            Some(id) => {
                let user = state.by_id::<User>(id).ok_or(CredentialError::UnknownKey)?;
                (&user.access_keys, Holder::User { id: id.clone() })
            }
        };
        let key = keys
            .iter()
            .find(|key| key.id == access_key_id)
            .ok_or(CredentialError::UnknownKey)?;
        match key.status {
            KeyStatus::Active => {}
            KeyStatus::Inactive | KeyStatus::Expired => return Err(CredentialError::InactiveKey),
        }
        if session_token.is_some() {
            return Err(CredentialError::InvalidToken);
        }
        Ok(Found {
            access_key_id: access_key_id.to_owned(),
            secret: self.open_secret(key)?,
            account: owner.account,
            holder,
        })
    }

    fn lookup_session(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Found, CredentialError> {
        let snapshot = self.peek();
        // Temporary keys are written nowhere: one of an account that is here counts as known.
        let account = ids::account_of(access_key_id).ok_or(CredentialError::UnknownKey)?;
        let state = snapshot
            .account(account)
            .filter(|state| !state.account.is_closed())
            .ok_or(CredentialError::UnknownKey)?;
        let token = session_token.ok_or(CredentialError::UnknownKey)?;
        let (claims, secret) = self
            .inner
            .session_keys
            .open(access_key_id, token)
            .map_err(|_| CredentialError::InvalidToken)?;
        if claims.account != account {
            return Err(CredentialError::InvalidToken);
        }
        let lives = match claims.kind {
            ClaimKind::Root | ClaimKind::FederatedRoot => true,
            ClaimKind::User | ClaimKind::FederatedUser => {
                state.by_id::<User>(&claims.principal_id).is_some()
            }
            ClaimKind::Role => state.by_id::<Role>(&claims.principal_id).is_some(),
        };
        if !lives {
            return Err(CredentialError::UnknownKey);
        }
        if now.as_second() >= claims.expires_at {
            return Err(CredentialError::ExpiredToken);
        }
        Ok(Found {
            access_key_id: access_key_id.to_owned(),
            secret,
            account,
            holder: Holder::Session(Box::new(claims)),
        })
    }

    fn open_secret(&self, key: &AccessKey) -> Result<Secret, CredentialError> {
        let sealed = |error: SealError| CredentialError::Sealed(Arc::new(error));
        let bytes = self
            .inner
            .keys
            .open(&key_context(&key.id), &key.sealed_secret)
            .map_err(sealed)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| sealed(SealError::DoesNotOpen))?;
        Ok(Secret::from_text(text.to_owned()))
    }

    /// The principal behind a key whose signature was verified, for a call to `service` (signing
    /// name), with the policies in force now.
    ///
    /// # Errors
    /// The principal is gone meanwhile, its policies are incomplete, or the session must not be
    /// used for this service: IAM takes no `GetSessionToken` credentials made without MFA, and none
    /// of `GetFederationToken` (AWS: Compare AWS STS credentials).
    pub fn identity(&self, found: &Found, service: &str) -> Result<Identity, CredentialError> {
        let snapshot = self.peek();
        let state = snapshot
            .account(found.account)
            .filter(|state| !state.account.is_closed())
            .ok_or(CredentialError::UnknownKey)?;
        let mut identity = match &found.holder {
            Holder::Root => root(state),
            Holder::User { id } => user(state, id)?,
            Holder::Session(claims) => {
                let iam_takes = match claims.kind {
                    ClaimKind::Role => true,
                    ClaimKind::User | ClaimKind::Root => claims.mfa_at.is_some(),
                    ClaimKind::FederatedUser | ClaimKind::FederatedRoot => false,
                };
                if service == "iam" && !iam_takes {
                    return Err(CredentialError::InvalidToken);
                }
                self.session(state, claims)?
            }
        };
        identity.access_key_id = Some(found.access_key_id.clone());
        Ok(identity)
    }

    /// Notes that a key (or role) was used; it is written later.
    pub fn note_use(&self, found: &Found, now: Timestamp, service: &str, region: &str) {
        let id = match &found.holder {
            Holder::Root | Holder::User { .. } => &found.access_key_id,
            Holder::Session(claims) => match claims.kind {
                ClaimKind::Role => &claims.principal_id,
                // AWS shows the use of the key that made the session, not of the session.
                ClaimKind::User
                | ClaimKind::Root
                | ClaimKind::FederatedUser
                | ClaimKind::FederatedRoot => return,
            },
        };
        self.inner.usage.note(id, now, service, region);
    }

    fn session(&self, state: &AccountState, claims: &Claims) -> Result<Identity, CredentialError> {
        let mut identity = match claims.kind {
            ClaimKind::Root => root(state),
            ClaimKind::User => user(state, &claims.principal_id)?,
            ClaimKind::Role => role(state, claims)?,
            ClaimKind::FederatedUser => {
                federated(user(state, &claims.principal_id)?, state, claims)
            }
            ClaimKind::FederatedRoot => {
                let mut root = root(state);
                // Root users have no policies and may do everything; the session policies bound
                // something only if there is something to bound.
                root.policies = Arc::new([AttachedPolicy {
                    source: PolicySource::Inline {
                        name: "root".to_owned(),
                    },
                    policy: everything().ok_or(CredentialError::InvalidToken)?,
                }]);
                federated(root, state, claims)
            }
        };
        let time = |seconds: i64| {
            Timestamp::UNIX_EPOCH
                .checked_add(SignedDuration::from_secs(seconds))
                .map_err(|_| CredentialError::InvalidToken)
        };
        let mfa = match claims.mfa_at {
            Some(at) => Some(MfaFacts {
                authenticated_at: time(at)?,
            }),
            None => None,
        };
        identity.session = Some(Session {
            kind: claims.kind.session_kind(),
            issued_at: time(claims.issued_at)?,
            expires_at: time(claims.expires_at)?,
            mfa,
            source_identity: claims.source_identity.clone(),
            tags: claims.tags.clone(),
            transitive_tag_keys: claims.transitive_tag_keys.clone(),
            policies: self.session_policies(state, claims)?,
        });
        Ok(identity)
    }

    fn session_policies(
        &self,
        state: &AccountState,
        claims: &Claims,
    ) -> Result<Option<Vec<AttachedPolicy>>, CredentialError> {
        let guard = |policy: Option<Arc<Policy>>| {
            Ok(AttachedPolicy {
                source: PolicySource::SessionInline,
                policy: policy.ok_or(CredentialError::InvalidToken)?,
            })
        };
        let mut policies = Vec::with_capacity(2 + claims.policy_arns.len());
        match claims.kind.session_kind() {
            SessionKind::SessionToken => {
                return Ok(Some(vec![guard(session_token_guard(
                    claims.mfa_at.is_some(),
                ))?]));
            }
            SessionKind::Role if claims.policy.is_none() && claims.policy_arns.is_empty() => {
                return Ok(None);
            }
            SessionKind::Role => {}
            // It allows nothing: without policies that were passed, nothing is allowed (spec E-3).
            SessionKind::FederatedUser => policies.push(guard(federation_token_guard())?),
        }
        if let Some(text) = &claims.policy {
            policies.push(AttachedPolicy {
                source: PolicySource::SessionInline,
                policy: self
                    .inner
                    .session_keys
                    .compiled(text)
                    .ok_or(CredentialError::InvalidToken)?,
            });
        }
        for arn in &claims.policy_arns {
            match managed(state, arn) {
                Some(policy) => policies.push(AttachedPolicy {
                    source: PolicySource::SessionManaged { arn: arn.clone() },
                    policy,
                }),
                // Its denies cannot be known any more: the session is left with nothing.
                None => return Ok(Some(Vec::new())),
            }
        }
        Ok(Some(policies))
    }
}

/// What `GetSessionToken` credentials must not do (spec E-3), as a session policy: it is judged,
/// explained and journaled like any other, and no operation can forget it.
fn session_token_guard(has_mfa: bool) -> Option<Arc<Policy>> {
    const STS: &str = r#""sts:GetSessionToken","sts:GetFederationToken","sts:GetAccessKeyInfo","sts:DecodeAuthorizationMessage","sts:AssumeRoot","sts:GetWebIdentityToken","sts:GetDelegatedAccessToken""#;
    static GUARDS: OnceLock<[Option<Arc<Policy>>; 2]> = OnceLock::new();
    let guards = GUARDS.get_or_init(|| {
        ["", r#","iam:*""#].map(|more| {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}},{{"Sid":"LimitsOfGetSessionToken","Effect":"Deny","Action":[{STS}{more}],"Resource":"*"}}]}}"#
            );
            Policy::load(PolicyKind::Session, &text).ok().map(Arc::new)
        })
    });
    let [with_mfa, without] = guards;
    if has_mfa { with_mfa } else { without }.clone()
}

/// What `GetFederationToken` credentials must not do (spec E-3; AWS: Compare AWS STS credentials):
/// nothing of IAM, and of STS only GetCallerIdentity, which asks nothing.
fn federation_token_guard() -> Option<Arc<Policy>> {
    static GUARD: OnceLock<Option<Arc<Policy>>> = OnceLock::new();
    let text = r#"{"Version":"2012-10-17","Statement":[{"Sid":"LimitsOfGetFederationToken","Effect":"Deny","Action":["iam:*","sts:*"],"Resource":"*"}]}"#;
    let load = || Policy::load(PolicyKind::Session, text).ok().map(Arc::new);
    GUARD.get_or_init(load).clone()
}

/// What root users may do.
fn everything() -> Option<Arc<Policy>> {
    static EVERYTHING: OnceLock<Option<Arc<Policy>>> = OnceLock::new();
    let text =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let load = || Policy::load(PolicyKind::Identity, text).ok().map(Arc::new);
    EVERYTHING.get_or_init(load).clone()
}

pub(crate) fn root(state: &AccountState) -> Identity {
    let account = &state.account;
    let arn = account.id.root_arn();
    Identity {
        caller: Caller {
            kind: CallerKind::Root,
            account: Some(account.id),
            canonical_id: Some(account.canonical_id.clone()),
            arn: arn.clone(),
            principal_arn: arn,
            unique_id: account.id.to_string(),
            user_id: account.id.to_string(),
            user_name: None,
            tags: Vec::new(),
        },
        access_key_id: None,
        policies: Arc::default(),
        boundary: None,
        session: None,
    }
}

pub(crate) fn user(state: &AccountState, id: &str) -> Result<Identity, CredentialError> {
    let user = state.by_id::<User>(id).ok_or(CredentialError::UnknownKey)?;
    let account = &state.account;
    let arn = crate::state::entity_arn(account.id, EntityKind::User, &user.path, &user.name);
    let InForce { policies, boundary } = state.in_force(id, || of_user(state, user))?;
    Ok(Identity {
        caller: Caller {
            kind: CallerKind::User,
            account: Some(account.id),
            canonical_id: Some(account.canonical_id.clone()),
            arn: arn.clone(),
            principal_arn: arn,
            unique_id: user.id.clone(),
            user_id: user.id.clone(),
            user_name: Some(user.name.clone()),
            tags: user.tags.clone(),
        },
        access_key_id: None,
        policies,
        boundary,
        session: None,
    })
}

pub(crate) fn of_user(state: &AccountState, user: &User) -> Result<InForce, CredentialError> {
    let mut policies = own_policies(state, &user.inline, &user.attached)?;
    for group in &user.groups {
        // INVARIANT: a group with members is not deleted.
        if let Some(group) = state.by_id::<Group>(group) {
            add_group_policies(state, group, &mut policies)?;
        }
    }
    Ok(InForce {
        policies: policies.into(),
        boundary: boundary(state, user.boundary.as_deref())?,
    })
}

pub(crate) fn of_role(state: &AccountState, role: &Role) -> Result<InForce, CredentialError> {
    Ok(InForce {
        policies: own_policies(state, &role.inline, &role.attached)?.into(),
        boundary: boundary(state, role.boundary.as_deref())?,
    })
}

pub(crate) fn role(state: &AccountState, claims: &Claims) -> Result<Identity, CredentialError> {
    let role = state
        .by_id::<Role>(&claims.principal_id)
        .ok_or(CredentialError::UnknownKey)?;
    let account = &state.account;
    let role_arn = crate::state::entity_arn(account.id, EntityKind::Role, &role.path, &role.name);
    let session_name = &claims.session_name;
    let InForce { policies, boundary } = state.in_force(&role.id, || of_role(state, role))?;
    Ok(Identity {
        caller: Caller {
            arn: session_arn(account.id, &role.name, session_name),
            principal_arn: role_arn.clone(),
            kind: CallerKind::RoleSession {
                role_arn,
                session_name: session_name.clone(),
            },
            account: Some(account.id),
            canonical_id: Some(account.canonical_id.clone()),
            unique_id: role.id.clone(),
            user_id: format!("{}:{session_name}", role.id),
            user_name: None,
            tags: overlaid(&role.tags, &claims.tags),
        },
        access_key_id: None,
        policies,
        boundary,
        session: None,
    })
}

/// The federated user of a user or root user: its policies and boundary, under another name (spec
/// E-13).
fn federated(of: Identity, state: &AccountState, claims: &Claims) -> Identity {
    let account = state.account.id;
    let arn = federated_user_arn(account, &claims.session_name);
    let id = format!("{account}:{}", claims.session_name);
    Identity {
        caller: Caller {
            kind: CallerKind::FederatedUser {
                user_arn: of.caller.arn,
                user_unique_id: of.caller.unique_id,
            },
            principal_arn: arn.clone(),
            arn,
            unique_id: id.clone(),
            user_id: id,
            user_name: None,
            tags: overlaid(&of.caller.tags, &claims.tags),
            account: of.caller.account,
            canonical_id: of.caller.canonical_id,
        },
        ..of
    }
}

/// `arn:aws:sts::ACCOUNT:federated-user/NAME` (spec E-13).
pub fn federated_user_arn(account: AccountId, name: &str) -> String {
    format!("arn:aws:sts::{account}:federated-user/{name}")
}

/// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, without the role's path (spec E-13).
pub fn session_arn(account: AccountId, role_name: &str, session_name: &str) -> String {
    format!("arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}")
}

/// Session tags win over the role's, keys compared ignoring case (spec E-7).
fn overlaid(own: &Tags, session: &Tags) -> Tags {
    let mut tags = session.clone();
    tags.extend(
        own.iter()
            .filter(|(key, _)| {
                !session
                    .iter()
                    .any(|(passed, _)| passed.eq_ignore_ascii_case(key))
            })
            .cloned(),
    );
    tags
}

pub(crate) fn own_policies(
    state: &AccountState,
    inline: &[InlinePolicy],
    attached: &[String],
) -> Result<Vec<AttachedPolicy>, CredentialError> {
    let mut policies = Vec::with_capacity(inline.len() + attached.len());
    for policy in inline {
        policies.push(AttachedPolicy {
            source: PolicySource::Inline {
                name: policy.name.clone(),
            },
            policy: policy.document.clone(),
        });
    }
    for arn in attached {
        policies.push(AttachedPolicy {
            source: PolicySource::Managed { arn: arn.clone() },
            policy: needed(state, arn)?,
        });
    }
    Ok(policies)
}

pub(crate) fn add_group_policies(
    state: &AccountState,
    group: &Group,
    policies: &mut Vec<AttachedPolicy>,
) -> Result<(), CredentialError> {
    for policy in &group.inline {
        policies.push(AttachedPolicy {
            source: PolicySource::GroupInline {
                group: group.name.clone(),
                name: policy.name.clone(),
            },
            policy: policy.document.clone(),
        });
    }
    for arn in &group.attached {
        policies.push(AttachedPolicy {
            source: PolicySource::GroupManaged {
                group: group.name.clone(),
                arn: arn.clone(),
            },
            policy: needed(state, arn)?,
        });
    }
    Ok(())
}

pub(crate) fn boundary(
    state: &AccountState,
    arn: Option<&str>,
) -> Result<Option<AttachedPolicy>, CredentialError> {
    let Some(arn) = arn else {
        return Ok(None);
    };
    Ok(Some(AttachedPolicy {
        source: PolicySource::Managed {
            arn: arn.to_owned(),
        },
        policy: needed(state, arn)?,
    }))
}

fn needed(state: &AccountState, arn: &str) -> Result<Arc<Policy>, CredentialError> {
    managed(state, arn).ok_or_else(|| CredentialError::PolicyMissing {
        arn: arn.to_owned(),
    })
}

/// The document in force of a managed policy, the account's own or AWS's.
pub(crate) fn managed(state: &AccountState, arn: &str) -> Option<Arc<Policy>> {
    match state.policy_by_arn(arn) {
        Some(policy) => policy.document().cloned(),
        None => aws_managed::document(arn).cloned(),
    }
}
