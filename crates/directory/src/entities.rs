//! What the files about users, groups, roles, policies and instance profiles share.
use std::sync::Arc;

use catalog::{AccountId, IamEntity};
use jiff::Timestamp;

use crate::entity_error::{EntityAlreadyExists, EntityError, LimitExceeded, NoSuchEntity};
use crate::quotas;
use crate::snapshot::{AccountState, name_key};
use crate::state::{Entity, Group, InlinePolicy, InstanceProfile, ManagedPolicy, Role, Tags, User};
use crate::store::View;
use crate::{Directory, DirectoryError};

/// Entities that are created under a name.
pub(crate) trait Named: Entity {
    /// AWS's name of the quota, and its value.
    const QUOTA: (&'static str, usize);
    fn missing(name: &str) -> NoSuchEntity;
    fn taken(name: &str) -> EntityAlreadyExists;
}

macro_rules! named {
    ($($type:ident: $missing:ident, $taken:ident, $quota:literal, $max:ident;)*) => {$(
        impl Named for $type {
            const QUOTA: (&'static str, usize) = ($quota, quotas::$max);
            fn missing(name: &str) -> NoSuchEntity { NoSuchEntity::$missing(name.to_owned()) }
            fn taken(name: &str) -> EntityAlreadyExists {
                EntityAlreadyExists::$taken(name.to_owned())
            }
        }
    )*};
}
named! {
    User: User, User, "UsersPerAccount", USERS_PER_ACCOUNT;
    Group: Group, Group, "GroupsPerAccount", GROUPS_PER_ACCOUNT;
    Role: Role, Role, "RolesPerAccount", ROLES_PER_ACCOUNT;
    ManagedPolicy: Policy, Policy, "PoliciesPerAccount", POLICIES_PER_ACCOUNT;
    InstanceProfile: InstanceProfile, InstanceProfile, "InstanceProfilesPerAccount", INSTANCE_PROFILES_PER_ACCOUNT;
}

/// Entities that policies hang on: users, groups, roles.
pub(crate) trait Holder: Named {
    /// The word in messages.
    const WORD: &'static str;
    /// How large all inline policies together may be (spec P-1).
    const INLINE_SIZE_MAX: usize;
    /// AWS's name of the quota of attached policies.
    const ATTACHED_QUOTA: &'static str;
    fn inline(&self) -> &[InlinePolicy];
    fn inline_mut(&mut self) -> &mut Vec<InlinePolicy>;
    fn attached(&self) -> &[String];
    fn attached_mut(&mut self) -> &mut Vec<String>;
    fn missing_inline(name: &str) -> NoSuchEntity;
}

macro_rules! holder {
    ($($type:ident: $word:literal, $size:ident, $quota:literal, $missing:ident;)*) => {$(
        impl Holder for $type {
            const WORD: &'static str = $word;
            const INLINE_SIZE_MAX: usize = quotas::$size;
            const ATTACHED_QUOTA: &'static str = $quota;
            fn inline(&self) -> &[InlinePolicy] { &self.inline }
            fn inline_mut(&mut self) -> &mut Vec<InlinePolicy> { &mut self.inline }
            fn attached(&self) -> &[String] { &self.attached }
            fn attached_mut(&mut self) -> &mut Vec<String> { &mut self.attached }
            fn missing_inline(name: &str) -> NoSuchEntity {
                NoSuchEntity::$missing(name.to_owned())
            }
        }
    )*};
}
holder! {
    User: "user", USER_POLICY_SIZE, "PoliciesPerUser", UserPolicy;
    Group: "group", GROUP_POLICY_SIZE, "PoliciesPerGroup", GroupPolicy;
    Role: "role", ROLE_POLICY_SIZE, "PoliciesPerRole", RolePolicy;
}

/// Entities with tags.
pub(crate) trait Tagged: Named {
    /// AWS's name of the quota.
    const TAGS_QUOTA: &'static str;
    fn tags_mut(&mut self) -> &mut Tags;
}

macro_rules! tagged {
    ($($type:ident: $quota:literal;)*) => {$(
        impl Tagged for $type {
            const TAGS_QUOTA: &'static str = $quota;
            fn tags_mut(&mut self) -> &mut Tags { &mut self.tags }
        }
    )*};
}
tagged! {
    User: "TagsPerUser";
    Role: "TagsPerRole";
    ManagedPolicy: "TagsPerPolicy";
    InstanceProfile: "TagsPerInstanceProfile";
}

/// Entities with a permissions boundary.
pub(crate) trait Bounded: Named {
    fn boundary_mut(&mut self) -> &mut Option<String>;
}
impl Bounded for User {
    fn boundary_mut(&mut self) -> &mut Option<String> {
        &mut self.boundary
    }
}
impl Bounded for Role {
    fn boundary_mut(&mut self) -> &mut Option<String> {
        &mut self.boundary
    }
}

/// The entity that a permit names.
pub(crate) fn find<E: Named>(
    state: &AccountState,
    entity: &IamEntity,
) -> Result<Arc<E>, EntityError> {
    match state.named::<E>(&entity.name) {
        Some(found) => Ok(found.clone()),
        None => Err(E::missing(&entity.name).into()),
    }
}

/// A new entity: its name must be free, and the account must have room for one more.
pub(crate) fn check_new<E: Named>(view: View<'_>, name: &str) -> Result<(), EntityError> {
    if view.account.named::<E>(name).is_some() {
        return Err(E::taken(name).into());
    }
    within(E::QUOTA, E::all(view.account).size() + 1)
}

/// An entity that gets another name: free, or its own in another case.
pub(crate) fn check_rename<E: Named>(
    view: View<'_>,
    old: &str,
    new: &str,
) -> Result<(), EntityError> {
    if name_key(old) != name_key(new) && view.account.named::<E>(new).is_some() {
        return Err(E::taken(new).into());
    }
    Ok(())
}

/// `count` things must not be more than the quota allows.
pub(crate) fn within(quota: (&'static str, usize), count: usize) -> Result<(), EntityError> {
    let (name, max) = quota;
    if count > max {
        return Err(LimitExceeded::Quota { name, max }.into());
    }
    Ok(())
}

/// The path of an entity that is being created.
pub(crate) fn path_of(entity: &IamEntity) -> String {
    entity.path.clone().unwrap_or_else(|| "/".to_owned())
}

/// IAM's times have whole seconds.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// Entities whose path begins with `prefix`, ordered by path, then by name ignoring case.
pub(crate) fn listed<E: Entity>(state: &AccountState, prefix: &str) -> Vec<Arc<E>> {
    let mut entities: Vec<_> = E::all(state)
        .values()
        .filter(|entity| entity.path().starts_with(prefix))
        .cloned()
        .collect();
    entities.sort_by_cached_key(|entity| (entity.path().to_owned(), name_key(entity.name())));
    entities
}

impl Directory {
    /// The account as of now.
    pub(crate) fn account_state(
        &self,
        account: AccountId,
    ) -> Result<Arc<AccountState>, EntityError> {
        match self.snapshot().account(account) {
            Some(state) => Ok(state.clone()),
            None => Err(DirectoryError::NoSuchAccount { account }.into()),
        }
    }

    /// Changes one entity.
    pub(crate) async fn update<E: Named>(
        &self,
        entity: &IamEntity,
        change: impl FnOnce(View<'_>, &mut E) -> Result<(), EntityError>,
    ) -> Result<(), EntityError> {
        self.change(entity.account, |view, changes| {
            let mut found = E::clone(&*find::<E>(view.account, entity)?);
            change(view, &mut found)?;
            changes.put(found);
            Ok(())
        })
        .await
    }
}
