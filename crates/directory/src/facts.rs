//! What the gate and the other stores want to know of principals.
use std::sync::Arc;

use catalog::{AccountId, CanonicalUserId, EntityKind, IamEntity};
use gate::{BoxFuture, EntityFacts, FactsError, IdentityFacts, PrincipalDirectory, RoleFacts};
use policy::{Finding, Policy, PrincipalRef, Rewrite};

use crate::aws_managed;
use crate::snapshot::{AccountState, Snapshot};
use crate::state::{Entity, Group, InstanceProfile, ManagedPolicy, Role, User};
use crate::store::Directory;

impl Snapshot {
    /// The role with exactly this ARN, and its account.
    pub fn role_by_arn(&self, arn: &str) -> Option<(AccountId, &Arc<Role>)> {
        let (account, rest) = iam_arn(arn)?;
        let role = self.account(account)?.named::<Role>(last(rest))?;
        (role.arn(account) == arn).then_some((account, role))
    }

    /// The unique id of the user or role with exactly this ARN.
    pub fn principal_id(&self, arn: &str) -> Option<&str> {
        let (account, rest) = iam_arn(arn)?;
        let state = self.account(account)?;
        if rest.starts_with("user/") {
            let user = state.named::<User>(last(rest))?;
            (user.arn(account) == arn).then_some(user.id.as_str())
        } else {
            let (_, role) = self.role_by_arn(arn)?;
            Some(role.id.as_str())
        }
    }

    /// The ARN of the account's role of that name, whatever its path and case.
    pub fn role_named(&self, account: AccountId, name: &str) -> Option<String> {
        let role = self.account(account)?.named::<Role>(name)?;
        Some(role.arn(account))
    }

    /// Whether the account is here and has a role of that name.
    pub fn has_role(&self, account: AccountId, name: &str) -> bool {
        self.account(account)
            .is_some_and(|state| state.named::<Role>(name).is_some())
    }

    /// The ARN of the user or role with this unique id.
    pub fn principal_arn(&self, id: &str) -> Option<String> {
        let place = self.entity(id)?;
        let state = self.account(place.account)?;
        match place.kind {
            EntityKind::User => Some(state.by_id::<User>(id)?.arn(place.account)),
            EntityKind::Role => Some(state.by_id::<Role>(id)?.arn(place.account)),
            EntityKind::Group | EntityKind::Policy | EntityKind::InstanceProfile => None,
        }
    }

    /// The document with the ARNs of users and roles as unique ids, so that a deleted and
    /// re-created namesake gains nothing (spec P-8). Principals of accounts that are not here
    /// cannot be checked and stay as they are.
    ///
    /// # Errors
    /// `Invalid principal …`: there is no such user, role or unique id.
    pub fn with_unique_ids(&self, policy: &Policy) -> Result<String, Finding> {
        policy.rewrite_principals(|principal| match principal {
            PrincipalRef::User { account, arn } | PrincipalRef::Role { account, arn } => {
                match (self.account(account), self.principal_id(arn)) {
                    (Some(_), Some(id)) => Rewrite::Replace(id.to_owned()),
                    (Some(_), None) => Rewrite::Invalid,
                    (None, _) => Rewrite::Keep,
                }
            }
            PrincipalRef::UniqueId(id) => match self.principal_arn(id) {
                Some(_) => Rewrite::Keep,
                None => Rewrite::Invalid,
            },
            PrincipalRef::RoleSession { account, arn } => {
                let role = arn.split('/').nth(1).unwrap_or_default();
                match self.account(account) {
                    Some(_) if !self.has_role(account, role) => Rewrite::Invalid,
                    Some(_) | None => Rewrite::Keep,
                }
            }
            PrincipalRef::CanonicalUser(id) => match self.account_by_canonical_id(id) {
                Some(_) => Rewrite::Keep,
                None => Rewrite::Invalid,
            },
            PrincipalRef::Everyone
            | PrincipalRef::Account { .. }
            | PrincipalRef::FederatedUser { .. }
            | PrincipalRef::Service(_)
            | PrincipalRef::Federated(_) => Rewrite::Keep,
        })
    }

    /// The document with unique ids as ARNs again, for showing. Ids of deleted principals stay,
    /// as on AWS.
    pub fn with_arns(&self, policy: &Policy) -> String {
        policy.text_with_arns(|id| self.principal_arn(id))
    }

    /// The canonical id of an account.
    pub fn canonical_id(&self, account: AccountId) -> Option<&CanonicalUserId> {
        Some(&self.account(account)?.account.canonical_id)
    }
}

/// Account and the part after it of `arn:aws:iam::ACCOUNT:KIND/PATH/NAME`.
fn iam_arn(arn: &str) -> Option<(AccountId, &str)> {
    let (account, rest) = arn.strip_prefix("arn:aws:iam::")?.split_once(':')?;
    Some((AccountId::parse_exact(account).ok()?, rest))
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn facts<E: Entity>(
    state: &AccountState,
    name: &str,
    boundary: impl FnOnce(&E) -> Option<String>,
) -> Option<EntityFacts> {
    let entity = state.named::<E>(name)?;
    Some(EntityFacts {
        arn: entity.arn(state.account.id),
        tags: entity.tags().to_vec(),
        boundary: boundary(entity),
    })
}

fn entity_facts(snapshot: &Snapshot, entity: &IamEntity) -> Option<EntityFacts> {
    // One that is being created is none yet, whatever has its name.
    if entity.path.is_some() {
        return None;
    }
    let state = snapshot.account(entity.account)?;
    let name = entity.name.as_str();
    match entity.kind {
        EntityKind::User => match &entity.arn {
            None => facts::<User>(state, name, |user| user.boundary.clone()),
            // Named by an access key, or the root user, who is no entity.
            Some(access_key_id) => {
                let owner = snapshot.key_owner(access_key_id)?;
                let user = state.by_id::<User>(owner.user_id.as_deref()?)?;
                facts::<User>(state, &user.name, |user| user.boundary.clone())
            }
        },
        EntityKind::Group => facts::<Group>(state, name, |_| None),
        EntityKind::Role => facts::<Role>(state, name, |role| role.boundary.clone()),
        EntityKind::InstanceProfile => facts::<InstanceProfile>(state, name, |_| None),
        EntityKind::Policy => match &entity.arn {
            None => facts::<ManagedPolicy>(state, name, |_| None),
            Some(arn) => match state.policy_by_arn(arn) {
                Some(policy) => Some(EntityFacts {
                    arn: arn.clone(),
                    tags: policy.tags.clone(),
                    boundary: None,
                }),
                None => aws_managed::document(arn).map(|_| EntityFacts {
                    arn: arn.clone(),
                    tags: Vec::new(),
                    boundary: None,
                }),
            },
        },
    }
}

impl IdentityFacts for Directory {
    fn role<'a>(
        &'a self,
        arn: &'a str,
    ) -> BoxFuture<'a, Result<Option<Arc<RoleFacts>>, FactsError>> {
        let snapshot = self.peek();
        let facts = snapshot.role_by_arn(arn).and_then(|(account, role)| {
            // A closed account lends its roles to nobody.
            let closed = snapshot.account(account)?.account.is_closed();
            (!closed).then(|| {
                Arc::new(RoleFacts {
                    arn: arn.to_owned(),
                    account,
                    trust: role.trust.clone(),
                    tags: role.tags.clone(),
                })
            })
        });
        ready(facts)
    }

    fn entity<'a>(
        &'a self,
        entity: &'a IamEntity,
    ) -> BoxFuture<'a, Result<Option<EntityFacts>, FactsError>> {
        let facts = entity_facts(&self.peek(), entity);
        ready(facts)
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, FactsError>> {
    Box::pin(std::future::ready(Ok(value)))
}

impl PrincipalDirectory for Directory {
    fn unique_id_of<'a>(
        &'a self,
        arn: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, FactsError>> {
        ready(self.peek().principal_id(arn).map(str::to_owned))
    }

    fn arn_of<'a>(
        &'a self,
        unique_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, FactsError>> {
        ready(self.peek().principal_arn(unique_id))
    }

    fn role_exists<'a>(
        &'a self,
        account: AccountId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<bool, FactsError>> {
        ready(self.peek().has_role(account, name))
    }

    fn account_exists(&self, account: AccountId) -> BoxFuture<'_, Result<bool, FactsError>> {
        ready(self.peek().account(account).is_some())
    }

    fn account_of_canonical_id<'a>(
        &'a self,
        id: &'a CanonicalUserId,
    ) -> BoxFuture<'a, Result<Option<AccountId>, FactsError>> {
        ready(self.peek().account_by_canonical_id(id.as_str()))
    }
}
