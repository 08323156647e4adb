//! Session tokens: sealed, self-contained, never written anywhere.
//!
//! A token is `version | nonce | AES-256-GCM(claims)`, bound to the access key id it was issued
//! with; the secret access key is an HMAC of that id and the nonce. So any process that has the
//! key-encryption key verifies a session, and nobody else can make or change one. What a session
//! may do is not in the token: policies of its user or role are looked up at each request.
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::{AccountId, sts};
use gate::{Permit, SessionKind};
use jiff::{SignedDuration, Timestamp};
use policy::{CallerKind, Policy, PolicyKind};
use rpds::HashTrieMapSync;
use seal::{KeyEncryptionKey, SealError};
use serde::{Deserialize, Serialize};

use crate::ids::{self, IdPrefix, Secret};
use crate::snapshot::AccountState;
use crate::state::{Role, Tags};
use crate::store::{Directory, DirectoryError};

/// The form of tokens that this code makes and reads.
const TOKEN_VERSION: u8 = 1;
/// Longer texts are no tokens of ours: nothing is decoded.
const TOKEN_CHARACTERS_MAX: usize = 16 * 1024;
/// Compiled session policies that are kept.
const POLICIES_MAX: usize = 4096;

/// The keys of session tokens, derived from the key-encryption key.
pub(crate) struct SessionKeys {
    token: RandomizedNonceKey,
    secret: hmac::Key,
    /// Inline session policies by text: compiling one costs more than all the rest of a lookup.
    /// Readers do not wait for each other, nor for whoever adds one.
    compiled: ArcSwap<HashTrieMapSync<String, Arc<Policy>>>,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    #[serde(rename = "k")]
    pub(crate) kind: ClaimKind,
    #[serde(rename = "a")]
    pub(crate) account: AccountId,
    /// Unique id of the role or user; the account id for root.
    #[serde(rename = "i")]
    pub(crate) principal_id: String,
    #[serde(rename = "n", default, skip_serializing_if = "String::is_empty")]
    pub(crate) session_name: String,
    /// Seconds since 1970.
    #[serde(rename = "f")]
    pub(crate) issued_at: i64,
    /// Seconds since 1970.
    #[serde(rename = "u")]
    pub(crate) expires_at: i64,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) policy_arns: Vec<String>,
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Tags,
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) transitive_tag_keys: Vec<String>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(crate) source_identity: Option<String>,
    /// Made by a session of another role.
    #[serde(rename = "c", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) chained: bool,
    /// When an MFA code was checked, seconds since 1970.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub(crate) mfa_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ClaimKind {
    /// `AssumeRole`
    #[serde(rename = "r")]
    Role,
    /// `GetSessionToken` of a user
    #[serde(rename = "u")]
    User,
    /// `GetSessionToken` of a root user
    #[serde(rename = "o")]
    Root,
    /// `GetFederationToken` of a user
    #[serde(rename = "f")]
    FederatedUser,
    /// `GetFederationToken` of a root user
    #[serde(rename = "g")]
    FederatedRoot,
}

impl ClaimKind {
    pub(crate) fn session_kind(self) -> SessionKind {
        match self {
            ClaimKind::Role => SessionKind::Role,
            ClaimKind::User | ClaimKind::Root => SessionKind::SessionToken,
            ClaimKind::FederatedUser | ClaimKind::FederatedRoot => SessionKind::FederatedUser,
        }
    }
}

/// The token does not open: not ours, changed, or of another access key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ForeignToken;

impl SessionKeys {
    pub(crate) fn derive(keys: &KeyEncryptionKey) -> Result<SessionKeys, SealError> {
        let token = keys.derive(b"session-token")?;
        let secret = keys.derive(b"session-secret")?;
        Ok(SessionKeys {
            token: RandomizedNonceKey::new(&AES_256_GCM, token.as_slice())
                .map_err(|_| SealError::DoesNotOpen)?,
            secret: hmac::Key::new(hmac::HMAC_SHA256, secret.as_slice()),
            compiled: ArcSwap::default(),
        })
    }

    pub(crate) fn seal(
        &self,
        access_key_id: &str,
        claims: &Claims,
    ) -> Result<(String, Secret), DirectoryError> {
        let mut body = serde_json::to_vec(claims).map_err(|error| DirectoryError::Corrupt {
            key: access_key_id.to_owned(),
            why: error.to_string(),
        })?;
        let nonce = self
            .token
            .seal_in_place_append_tag(associated(access_key_id), &mut body)
            .map_err(|_| SealError::NoRandomness)?;
        let mut token = Vec::with_capacity(1 + NONCE_LEN + body.len());
        token.push(TOKEN_VERSION);
        token.extend_from_slice(nonce.as_ref());
        token.extend_from_slice(&body);
        let secret = self.secret(access_key_id, nonce.as_ref());
        Ok((STANDARD.encode(token), secret))
    }

    pub(crate) fn open(
        &self,
        access_key_id: &str,
        token: &str,
    ) -> Result<(Claims, Secret), ForeignToken> {
        if token.len() > TOKEN_CHARACTERS_MAX {
            return Err(ForeignToken);
        }
        let bytes = STANDARD.decode(token).map_err(|_| ForeignToken)?;
        let (version, rest) = bytes.split_first().ok_or(ForeignToken)?;
        if *version != TOKEN_VERSION {
            return Err(ForeignToken);
        }
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(ForeignToken)?;
        let mut body = body.to_vec();
        let claims = self
            .token
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                associated(access_key_id),
                &mut body,
            )
            .map_err(|_| ForeignToken)?;
        let claims = serde_json::from_slice(claims).map_err(|_| ForeignToken)?;
        Ok((claims, self.secret(access_key_id, nonce)))
    }

    fn secret(&self, access_key_id: &str, nonce: &[u8]) -> Secret {
        let mut context = hmac::Context::with_key(&self.secret);
        context.update(access_key_id.as_bytes());
        context.update(b"|");
        context.update(nonce);
        let tag = context.sign();
        let mut bytes = zeroize::Zeroizing::new([0; 30]);
        for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        Secret::from_bytes(&bytes)
    }

    /// The compiled form of a session's inline policy, which was validated when it was passed.
    pub(crate) fn compiled(&self, text: &str) -> Option<Arc<Policy>> {
        if let Some(policy) = self.compiled.load().get(text) {
            return Some(policy.clone());
        }
        let policy = Arc::new(Policy::load(PolicyKind::Session, text).ok()?);
        self.compiled.rcu(|compiled| {
            if compiled.size() >= POLICIES_MAX {
                HashTrieMapSync::new_sync().insert(text.to_owned(), policy.clone())
            } else {
                compiled.insert(text.to_owned(), policy.clone())
            }
        });
        Some(policy)
    }
}

fn associated(access_key_id: &str) -> Aad<String> {
    Aad::from(format!("session-token/{access_key_id}"))
}

/// A role session to be made; all of it was validated by the caller.
#[derive(Clone, Debug)]
pub struct NewRoleSession {
    /// `RoleSessionName`.
    pub name: String,
    /// How long it lasts.
    pub seconds: u32,
    /// The inline session policy.
    pub policy: Option<String>,
    /// ARNs of managed session policies.
    pub policy_arns: Vec<String>,
    /// Session tags, also the inherited ones.
    pub tags: Tags,
    /// Keys of the tags that the next role in a chain inherits.
    pub transitive_tag_keys: Vec<String>,
    /// The source identity, also an inherited one.
    pub source_identity: Option<String>,
}

/// A session of a federated user to be made; all of it was validated by the caller.
#[derive(Clone, Debug)]
pub struct NewFederationSession {
    /// How long it lasts.
    pub seconds: u32,
    /// The inline session policy.
    pub policy: Option<String>,
    /// ARNs of managed session policies.
    pub policy_arns: Vec<String>,
    /// Session tags.
    pub tags: Tags,
}

/// Temporary credentials: the only showing of their secret.
#[expect(missing_debug_implementations, reason = "it holds a secret")]
pub struct TemporaryCredentials {
    /// `ASIA…`
    pub access_key_id: String,
    /// The secret access key.
    pub secret: Secret,
    /// The token that goes with them.
    pub session_token: String,
    /// When they end, in whole seconds.
    pub expires_at: Timestamp,
}

impl Directory {
    /// The role that may be assumed, with its account; `None` if it was deleted since it was
    /// judged.
    pub fn role_to_assume(
        &self,
        permit: &Permit<sts::AssumeRole>,
    ) -> Option<(AccountId, Arc<Role>)> {
        let snapshot = self.peek();
        let (account, role) = snapshot.role_by_arn(&permit.resource().arn)?;
        Some((account, role.clone()))
    }

    /// Makes a session of the role that may be assumed. Nothing is written.
    ///
    /// # Errors
    /// There is no randomness, the role was deleted since it was judged, or a managed session
    /// policy is neither of the role's account nor AWS's.
    pub fn assume_role(
        &self,
        permit: &Permit<sts::AssumeRole>,
        role: &Role,
        session: NewRoleSession,
    ) -> Result<TemporaryCredentials, DirectoryError> {
        let account = {
            let snapshot = self.peek();
            let found = snapshot.role_by_arn(&permit.resource().arn);
            match found.filter(|(_, found)| found.id == role.id) {
                Some((account, _)) => {
                    let state = snapshot
                        .account(account)
                        .ok_or(DirectoryError::NoSuchAccount { account })?;
                    require_managed(state, &session.policy_arns)?;
                    account
                }
                None => {
                    return Err(DirectoryError::RoleGone {
                        arn: permit.resource().arn.clone(),
                    });
                }
            }
        };
        let now = permit.request().now;
        let chained = matches!(
            permit.identity().caller.kind,
            CallerKind::RoleSession { .. }
        );
        self.issue(Claims {
            kind: ClaimKind::Role,
            account,
            principal_id: role.id.clone(),
            session_name: session.name,
            issued_at: now.as_second(),
            expires_at: now.as_second() + i64::from(session.seconds),
            policy: session.policy,
            policy_arns: session.policy_arns,
            tags: session.tags,
            transitive_tag_keys: session.transitive_tag_keys,
            source_identity: session.source_identity,
            chained,
            mfa_at: None,
        })
    }

    /// Makes temporary credentials for the user or root user who calls. Nothing is written.
    ///
    /// # Errors
    /// There is no randomness, or the caller is neither user nor root user.
    pub fn session_token(
        &self,
        permit: &Permit<sts::GetSessionToken>,
        seconds: u32,
    ) -> Result<TemporaryCredentials, DirectoryError> {
        let caller = &permit.identity().caller;
        let kind = match (&caller.kind, &permit.identity().session) {
            (CallerKind::User, None) => ClaimKind::User,
            (CallerKind::Root, None) => ClaimKind::Root,
            _ => return Err(DirectoryError::NoLongTermCredentials),
        };
        let now = permit.request().now;
        self.issue(Claims {
            kind,
            account: permit.resource().0,
            principal_id: caller.unique_id.clone(),
            session_name: String::new(),
            issued_at: now.as_second(),
            expires_at: now.as_second() + i64::from(seconds),
            policy: None,
            policy_arns: Vec::new(),
            tags: Vec::new(),
            transitive_tag_keys: Vec::new(),
            source_identity: None,
            chained: false,
            mfa_at: None,
        })
    }

    /// Makes temporary credentials for a federated user of the user or root user who calls. Nothing
    /// is written. What is allowed follows from the policies of the user at each request.
    ///
    /// # Errors
    /// There is no randomness, the caller has no long-term credentials, or a managed session policy
    /// is neither of the account nor AWS's.
    pub fn federation_token(
        &self,
        permit: &Permit<sts::GetFederationToken>,
        session: NewFederationSession,
    ) -> Result<TemporaryCredentials, DirectoryError> {
        let caller = &permit.identity().caller;
        let kind = match (&caller.kind, &permit.identity().session) {
            (CallerKind::User, None) => ClaimKind::FederatedUser,
            (CallerKind::Root, None) => ClaimKind::FederatedRoot,
            _ => return Err(DirectoryError::NoLongTermCredentials),
        };
        let account = permit.resource().account;
        {
            let snapshot = self.peek();
            let state = snapshot
                .account(account)
                .ok_or(DirectoryError::NoSuchAccount { account })?;
            require_managed(state, &session.policy_arns)?;
        }
        let now = permit.request().now;
        self.issue(Claims {
            kind,
            account,
            principal_id: caller.unique_id.clone(),
            session_name: permit.resource().name.clone(),
            issued_at: now.as_second(),
            expires_at: now.as_second() + i64::from(session.seconds),
            policy: session.policy,
            policy_arns: session.policy_arns,
            tags: session.tags,
            transitive_tag_keys: Vec::new(),
            source_identity: None,
            chained: false,
            mfa_at: None,
        })
    }

    fn issue(&self, claims: Claims) -> Result<TemporaryCredentials, DirectoryError> {
        let access_key_id = ids::mint(IdPrefix::TemporaryAccessKey, claims.account)?;
        let (session_token, secret) = self.inner.session_keys.seal(&access_key_id, &claims)?;
        let expires_at = Timestamp::UNIX_EPOCH
            .checked_add(SignedDuration::from_secs(claims.expires_at))
            .map_err(|_| DirectoryError::NoSuchTime)?;
        Ok(TemporaryCredentials {
            access_key_id,
            secret,
            session_token,
            expires_at,
        })
    }
}

/// Session policies must be managed policies of the account, or AWS's.
fn require_managed(state: &AccountState, arns: &[String]) -> Result<(), DirectoryError> {
    let missing = |arn: &&String| crate::credentials::managed(state, arn).is_none();
    match arns.iter().find(missing) {
        Some(arn) => Err(DirectoryError::NoSuchSessionPolicy { arn: arn.clone() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claims() -> Claims {
        Claims {
            kind: ClaimKind::Role,
            account: AccountId::parse("111122223333").unwrap(),
            principal_id: "AROAEXAMPLE".to_owned(),
            session_name: "s".to_owned(),
            issued_at: 1,
            expires_at: 2,
            policy: Some("{}".to_owned()),
            policy_arns: vec!["arn:aws:iam::aws:policy/X".to_owned()],
            tags: vec![("a".to_owned(), "b".to_owned())],
            transitive_tag_keys: vec!["a".to_owned()],
            source_identity: Some("me".to_owned()),
            chained: true,
            mfa_at: Some(1),
        }
    }

    fn keys() -> SessionKeys {
        SessionKeys::derive(&KeyEncryptionKey::generate().unwrap()).unwrap()
    }

    #[test]
    fn a_token_opens_with_its_own_key_only() {
        let keys = keys();
        let (token, secret) = keys.seal("ASIAONE", &claims()).unwrap();
        let (opened, same) = keys.open("ASIAONE", &token).ok().unwrap();
        assert_eq!(opened, claims());
        assert_eq!(secret.expose(), same.expose());
        assert_eq!(secret.expose().len(), 40);
        assert!(keys.open("ASIATWO", &token).is_err());
        assert!(super::tests::keys().open("ASIAONE", &token).is_err());
    }

    #[test]
    fn two_tokens_never_share_a_secret() {
        let keys = keys();
        let (_, one) = keys.seal("ASIAONE", &claims()).unwrap();
        let (_, two) = keys.seal("ASIAONE", &claims()).unwrap();
        assert_ne!(one.expose(), two.expose());
    }

    proptest! {
        #[test]
        fn a_changed_token_does_not_open(at: prop::sample::Index, bit in 0_u8..8) {
            let keys = keys();
            let (token, _) = keys.seal("ASIAONE", &claims()).unwrap();
            let mut bytes = STANDARD.decode(&token).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(keys.open("ASIAONE", &STANDARD.encode(bytes)).is_err());
        }

        #[test]
        fn what_is_no_token_does_not_open(text in ".{0,200}") {
            prop_assert!(keys().open("ASIAONE", &text).is_err());
        }
    }
}
