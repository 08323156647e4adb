//! The snapshot that every reader shares: all records by name, and what is derived from them.
//!
//! It is made of persistent maps, so that a change costs the same in a large account as in a small
//! one, and readers never wait.
use std::sync::Arc;

use catalog::{AccountId, EntityKind};
use rpds::{HashTrieMapSync, HashTrieSetSync, RedBlackTreeMapSync};

use crate::in_force::{InForce, Slots};
use crate::state::{
    AccessKey, Account, Entity, Group, InstanceProfile, ManagedPolicy, Record, Role, User,
};

/// Entities by lower-case name, in order: names are unique ignoring case, and the case is kept in
/// the entity (spec 2).
pub type ByName<T> = RedBlackTreeMapSync<String, Arc<T>>;

/// The key of [`ByName`].
pub fn name_key(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Where an entity is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityRef {
    /// Its account.
    pub account: AccountId,
    /// Its kind.
    pub kind: EntityKind,
    /// Its key in the map of its kind.
    pub key: String,
}

/// Whose a long-term access key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOwner {
    /// The account.
    pub account: AccountId,
    /// Unique id of the user; `None` for the root user.
    pub user_id: Option<String>,
}

/// Unique ids of users, groups and roles, with their kinds.
pub type EntitySet = HashTrieSetSync<(EntityKind, String)>;

/// One account with everything in it.
#[derive(Clone, Debug)]
pub struct AccountState {
    /// The account's own record.
    pub account: Arc<Account>,
    /// Users.
    pub users: ByName<User>,
    /// Groups.
    pub groups: ByName<Group>,
    /// Roles.
    pub roles: ByName<Role>,
    /// Customer managed policies.
    pub policies: ByName<ManagedPolicy>,
    /// Instance profiles.
    pub instance_profiles: ByName<InstanceProfile>,
    /// Names by unique id. Derived.
    ids: HashTrieMapSync<String, (EntityKind, String)>,
    /// Unique ids of the users in a group, by the group's unique id. Derived.
    members: HashTrieMapSync<String, HashTrieSetSync<String>>,
    /// To whom a managed policy is attached, by ARN. Derived.
    attachments: HashTrieMapSync<String, EntitySet>,
    /// Whose boundary a managed policy is, by ARN. Derived.
    boundaries: HashTrieMapSync<String, EntitySet>,
    /// Unique ids of the instance profiles of a role, by the role's unique id. Derived.
    profiles: HashTrieMapSync<String, HashTrieSetSync<String>>,
    /// Policies in force. Derived when they are asked for.
    slots: Slots,
}

impl AccountState {
    fn new(account: Arc<Account>) -> AccountState {
        AccountState {
            account,
            users: ByName::default(),
            groups: ByName::default(),
            roles: ByName::default(),
            policies: ByName::default(),
            instance_profiles: ByName::default(),
            ids: HashTrieMapSync::default(),
            members: HashTrieMapSync::default(),
            attachments: HashTrieMapSync::default(),
            boundaries: HashTrieMapSync::default(),
            profiles: HashTrieMapSync::default(),
            slots: Slots::default(),
        }
    }

    /// The policies in force for the user or role with this unique id; `gather` reads them off
    /// this state.
    pub(crate) fn in_force<E>(
        &self,
        id: &str,
        gather: impl FnOnce() -> Result<InForce, E>,
    ) -> Result<InForce, E> {
        self.slots.get(id, gather)
    }

    /// The entity of this name, ignoring case: `state.named::<User>("Bob")`.
    pub fn named<E: Entity>(&self, name: &str) -> Option<&Arc<E>> {
        E::all(self).get(&name_key(name))
    }

    /// The entity with this unique id.
    pub fn by_id<E: Entity>(&self, id: &str) -> Option<&Arc<E>> {
        match self.ids.get(id) {
            Some((kind, key)) if *kind == E::KIND => E::all(self).get(key),
            Some(_) | None => None,
        }
    }

    /// Kind and name of the entity with this unique id.
    pub fn name_of(&self, id: &str) -> Option<(EntityKind, &str)> {
        let (kind, key) = self.ids.get(id)?;
        let name = match kind {
            EntityKind::User => self.users.get(key)?.name.as_str(),
            EntityKind::Group => self.groups.get(key)?.name.as_str(),
            EntityKind::Role => self.roles.get(key)?.name.as_str(),
            EntityKind::Policy => self.policies.get(key)?.name.as_str(),
            EntityKind::InstanceProfile => self.instance_profiles.get(key)?.name.as_str(),
        };
        Some((*kind, name))
    }

    /// The customer managed policy with exactly this ARN.
    pub fn policy_by_arn(&self, arn: &str) -> Option<&Arc<ManagedPolicy>> {
        // Every request of a principal whose policies are not put together yet comes here for each
        // of them, so no ARN is written to compare it. An account has no policies of others, such
        // as AWS's own.
        let (account, rest) = arn.strip_prefix("arn:aws:iam::")?.split_once(':')?;
        if AccountId::parse_exact(account) != Ok(self.account.id) {
            return None;
        }
        let path = rest.strip_prefix("policy")?;
        let name = path.rsplit('/').next()?;
        self.named::<ManagedPolicy>(name)
            .filter(|policy| path.strip_suffix(&*policy.name) == Some(&*policy.path))
    }

    /// The members of a group, by its unique id, in order of their names.
    pub fn members(&self, group_id: &str) -> Vec<&Arc<User>> {
        let mut users: Vec<_> = self
            .members
            .get(group_id)
            .into_iter()
            .flat_map(|ids| ids.iter())
            .filter_map(|id| self.by_id::<User>(id))
            .collect();
        users.sort_by_cached_key(|user| name_key(&user.name));
        users
    }

    /// Whom a managed policy (own or AWS's) is attached to; `None` for nobody.
    pub fn attached_to(&self, policy_arn: &str) -> Option<&EntitySet> {
        self.attachments.get(policy_arn)
    }

    /// Whose permissions boundary a managed policy (own or AWS's) is; `None` for nobody's.
    pub fn boundary_of(&self, policy_arn: &str) -> Option<&EntitySet> {
        self.boundaries.get(policy_arn)
    }

    /// ARNs of all managed policies that are attached to someone.
    pub fn attached_policies(&self) -> impl Iterator<Item = &str> {
        self.attachments.keys().map(String::as_str)
    }

    /// The instance profiles of a role, by its unique id, in order of their names.
    pub fn profiles_of(&self, role_id: &str) -> Vec<&Arc<InstanceProfile>> {
        let mut profiles: Vec<_> = self
            .profiles
            .get(role_id)
            .into_iter()
            .flat_map(|ids| ids.iter())
            .filter_map(|id| self.by_id::<InstanceProfile>(id))
            .collect();
        profiles.sort_by_cached_key(|profile| name_key(&profile.name));
        profiles
    }

    fn unindex(&mut self, kind: EntityKind, key: &str) {
        match kind {
            EntityKind::User => {
                if let Some(old) = self.users.get(key).cloned() {
                    for group in &old.groups {
                        remove_from(&mut self.members, group, &old.id);
                    }
                    self.unindex_policies(kind, &old.id, &old.attached, old.boundary.as_deref());
                    self.users.remove_mut(key);
                }
            }
            EntityKind::Group => {
                if let Some(old) = self.groups.get(key).cloned() {
                    self.unindex_policies(kind, &old.id, &old.attached, None);
                    self.groups.remove_mut(key);
                }
            }
            EntityKind::Role => {
                if let Some(old) = self.roles.get(key).cloned() {
                    self.unindex_policies(kind, &old.id, &old.attached, old.boundary.as_deref());
                    self.roles.remove_mut(key);
                }
            }
            EntityKind::Policy => {
                self.policies.remove_mut(key);
            }
            EntityKind::InstanceProfile => {
                if let Some(old) = self.instance_profiles.get(key).cloned() {
                    for role in &old.roles {
                        remove_from(&mut self.profiles, role, &old.id);
                    }
                    self.instance_profiles.remove_mut(key);
                }
            }
        }
    }

    fn unindex_policies(
        &mut self,
        kind: EntityKind,
        id: &str,
        attached: &[String],
        boundary: Option<&str>,
    ) {
        let member = (kind, id.to_owned());
        for arn in attached {
            remove_from(&mut self.attachments, arn, &member);
        }
        if let Some(arn) = boundary {
            remove_from(&mut self.boundaries, arn, &member);
        }
    }

    fn index_policies(
        &mut self,
        kind: EntityKind,
        id: &str,
        attached: &[String],
        boundary: Option<&str>,
    ) {
        for arn in attached {
            add_to(&mut self.attachments, arn, (kind, id.to_owned()));
        }
        if let Some(arn) = boundary {
            add_to(&mut self.boundaries, arn, (kind, id.to_owned()));
        }
    }

    fn put(&mut self, record: Record) {
        if let Some((kind, id, name)) = record.entity() {
            if let Some((_, old)) = self.ids.get(id).cloned() {
                self.unindex(kind, &old);
            }
            self.ids.insert_mut(id.to_owned(), (kind, name_key(name)));
            match kind {
                EntityKind::User | EntityKind::Role => self.slots.renew(id),
                EntityKind::Group | EntityKind::Policy => self.slots.note_shared(),
                EntityKind::InstanceProfile => {}
            }
        }
        match record {
            Record::Account(account) => self.account = account,
            Record::User(user) => {
                for group in &user.groups {
                    add_to(&mut self.members, group, user.id.clone());
                }
                self.index_policies(
                    EntityKind::User,
                    &user.id,
                    &user.attached,
                    user.boundary.as_deref(),
                );
                self.users.insert_mut(name_key(&user.name), user);
            }
            Record::Group(group) => {
                self.index_policies(EntityKind::Group, &group.id, &group.attached, None);
                self.groups.insert_mut(name_key(&group.name), group);
            }
            Record::Role(role) => {
                self.index_policies(
                    EntityKind::Role,
                    &role.id,
                    &role.attached,
                    role.boundary.as_deref(),
                );
                self.roles.insert_mut(name_key(&role.name), role);
            }
            Record::Policy(policy) => self.policies.insert_mut(name_key(&policy.name), policy),
            Record::InstanceProfile(profile) => {
                for role in &profile.roles {
                    add_to(&mut self.profiles, role, profile.id.clone());
                }
                self.instance_profiles
                    .insert_mut(name_key(&profile.name), profile);
            }
        }
    }

    fn delete(&mut self, id: &str) {
        if let Some((kind, key)) = self.ids.get(id).cloned() {
            self.unindex(kind, &key);
            self.ids.remove_mut(id);
            match kind {
                EntityKind::User | EntityKind::Role => self.slots.remove(id),
                EntityKind::Group | EntityKind::Policy => self.slots.note_shared(),
                EntityKind::InstanceProfile => {}
            }
        }
    }
}

fn add_to<T: Eq + std::hash::Hash + Clone>(
    map: &mut HashTrieMapSync<String, HashTrieSetSync<T>>,
    key: &str,
    member: T,
) {
    let mut set = map.get(key).cloned().unwrap_or_default();
    set.insert_mut(member);
    map.insert_mut(key.to_owned(), set);
}

fn remove_from<T: Eq + std::hash::Hash + Clone>(
    map: &mut HashTrieMapSync<String, HashTrieSetSync<T>>,
    key: &str,
    member: &T,
) {
    let Some(mut set) = map.get(key).cloned() else {
        return;
    };
    set.remove_mut(member);
    if set.is_empty() {
        map.remove_mut(key);
    } else {
        map.insert_mut(key.to_owned(), set);
    }
}

/// One change of an account's state.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Put(Record),
    Delete { kind: EntityKind, id: String },
}

/// Everything, as of one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    accounts: RedBlackTreeMapSync<AccountId, Arc<AccountState>>,
    ids: HashTrieMapSync<String, EntityRef>,
    access_keys: HashTrieMapSync<String, KeyOwner>,
    aliases: HashTrieMapSync<String, AccountId>,
    canonical_ids: HashTrieMapSync<String, AccountId>,
}

impl Snapshot {
    /// An account, also a closed one.
    pub fn account(&self, id: AccountId) -> Option<&Arc<AccountState>> {
        self.accounts.get(&id)
    }

    /// All accounts in order of their ids.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<AccountState>> {
        self.accounts.values()
    }

    /// Where the entity with this unique id is, in any account.
    pub fn entity(&self, id: &str) -> Option<&EntityRef> {
        self.ids.get(id)
    }

    /// Whose this long-term access key is.
    pub fn key_owner(&self, access_key_id: &str) -> Option<&KeyOwner> {
        self.access_keys.get(access_key_id)
    }

    /// The account with this alias.
    pub fn account_by_alias(&self, alias: &str) -> Option<AccountId> {
        self.aliases.get(alias).copied()
    }

    /// The account with this canonical id.
    pub fn account_by_canonical_id(&self, id: &str) -> Option<AccountId> {
        self.canonical_ids.get(id).copied()
    }

    /// Applies changes of one account. Every global index is kept by the difference between the
    /// record before and after.
    pub(crate) fn apply(&mut self, account: AccountId, changes: Vec<Change>) {
        let mut state = self.accounts.get(&account).cloned();
        for change in changes {
            match change {
                Change::Put(record) => {
                    if state.is_none()
                        && let Record::Account(account) = &record
                    {
                        state = Some(Arc::new(AccountState::new(account.clone())));
                    }
                    if let Some(state) = &mut state {
                        self.put(account, Arc::make_mut(state), record);
                    }
                }
                Change::Delete { id, .. } => {
                    if let Some(state) = &mut state {
                        self.unindex_keys(state, &id);
                        self.ids.remove_mut(&id);
                        Arc::make_mut(state).delete(&id);
                    }
                }
            }
        }
        if let Some(state) = state {
            self.accounts.insert_mut(account, state);
        }
    }

    fn unindex_keys(&mut self, state: &AccountState, user_id: &str) {
        if let Some(user) = state.by_id::<User>(user_id) {
            for key in &user.access_keys {
                self.access_keys.remove_mut(&key.id);
            }
        }
    }

    fn put(&mut self, account: AccountId, state: &mut AccountState, record: Record) {
        match &record {
            Record::Account(new) => {
                for key in &state.account.access_keys {
                    self.access_keys.remove_mut(&key.id);
                }
                if let Some(alias) = &state.account.alias {
                    self.aliases.remove_mut(alias);
                }
                self.index_keys(account, None, &new.access_keys);
                if let Some(alias) = &new.alias {
                    self.aliases.insert_mut(alias.clone(), account);
                }
                self.canonical_ids
                    .insert_mut(new.canonical_id.as_str().to_owned(), account);
            }
            Record::User(new) => {
                self.unindex_keys(state, &new.id);
                self.index_keys(account, Some(&new.id), &new.access_keys);
            }
            Record::Group(_) | Record::Role(_) | Record::Policy(_) | Record::InstanceProfile(_) => {
            }
        }
        if let Some((kind, id, name)) = record.entity() {
            let place = EntityRef {
                account,
                kind,
                key: name_key(name),
            };
            self.ids.insert_mut(id.to_owned(), place);
        }
        state.put(record);
    }

    fn index_keys(&mut self, account: AccountId, user_id: Option<&str>, keys: &[AccessKey]) {
        for key in keys {
            let owner = KeyOwner {
                account,
                user_id: user_id.map(str::to_owned),
            };
            self.access_keys.insert_mut(key.id.clone(), owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use catalog::CanonicalUserId;
    use jiff::Timestamp;

    use super::*;
    use crate::state::{AccountStatus, KeyStatus};
    use proptest::prelude::*;

    fn account() -> AccountId {
        AccountId::parse("111122223333").unwrap()
    }

    fn account_record() -> Record {
        Record::from(Account {
            id: account(),
            name: "one".to_owned(),
            email: None,
            canonical_id: CanonicalUserId::parse(&"a".repeat(64)).unwrap(),
            created_at: Timestamp::UNIX_EPOCH,
            status: AccountStatus::Active,
            alias: None,
            access_keys: Vec::new(),
        })
    }

    #[derive(Clone, Debug)]
    enum Step {
        User {
            number: u8,
            renamed: bool,
            groups: BTreeSet<u8>,
            attached: BTreeSet<u8>,
            boundary: Option<u8>,
            keys: u8,
        },
        Group {
            number: u8,
            attached: BTreeSet<u8>,
        },
        Delete {
            is_user: bool,
            number: u8,
        },
    }

    fn step() -> impl Strategy<Value = Step> {
        let few = || prop::collection::btree_set(0_u8..3, 0..3);
        prop_oneof![
            3 => (0_u8..4, any::<bool>(), few(), few(), prop::option::of(0_u8..3), 0_u8..3)
                .prop_map(|(number, renamed, groups, attached, boundary, keys)| Step::User {
                    number, renamed, groups, attached, boundary, keys,
                }),
            1 => (0_u8..3, few()).prop_map(|(number, attached)| Step::Group { number, attached }),
            1 => (any::<bool>(), 0_u8..4)
                .prop_map(|(is_user, number)| Step::Delete { is_user, number }),
        ]
    }

    fn policy_arn(number: u8) -> String {
        format!("arn:aws:iam::aws:policy/{number}")
    }

    fn change(step: Step) -> Change {
        match step {
            Step::User {
                number,
                renamed,
                groups,
                attached,
                boundary,
                keys,
            } => Change::Put(Record::from(User {
                id: format!("AIDA{number}"),
                name: format!("{}{number}", if renamed { "New" } else { "Old" }),
                path: "/".to_owned(),
                created: Timestamp::UNIX_EPOCH,
                tags: Vec::new(),
                boundary: boundary.map(policy_arn),
                inline: Vec::new(),
                attached: attached.into_iter().map(policy_arn).collect(),
                groups: groups.iter().map(|group| format!("AGPA{group}")).collect(),
                access_keys: (0..keys)
                    .map(|key| AccessKey {
                        id: format!("AKIA{number}{key}"),
                        sealed_secret: Vec::new(),
                        status: KeyStatus::Active,
                        created: Timestamp::UNIX_EPOCH,
                    })
                    .collect(),
            })),
            Step::Group { number, attached } => Change::Put(Record::from(Group {
                id: format!("AGPA{number}"),
                name: format!("Group{number}"),
                path: "/".to_owned(),
                created: Timestamp::UNIX_EPOCH,
                inline: Vec::new(),
                attached: attached.into_iter().map(policy_arn).collect(),
            })),
            Step::Delete { is_user, number } => {
                let (kind, letters) = if is_user {
                    (EntityKind::User, "AIDA")
                } else {
                    (EntityKind::Group, "AGPA")
                };
                Change::Delete {
                    kind,
                    id: format!("{letters}{number}"),
                }
            }
        }
    }

    /// Everything that can be seen, in an order of its own.
    fn dump(snapshot: &Snapshot) -> Vec<String> {
        let state = snapshot.account(account()).unwrap();
        let mut lines: Vec<String> = Vec::new();
        lines.extend(state.users.iter().map(|user| format!("{user:?}")));
        lines.extend(state.groups.iter().map(|group| format!("{group:?}")));
        lines.extend(state.ids.iter().map(|id| format!("{id:?}")));
        lines.extend(snapshot.ids.iter().map(|id| format!("{id:?}")));
        lines.extend(snapshot.access_keys.iter().map(|key| format!("{key:?}")));
        for (group, members) in &state.members {
            lines.extend(members.iter().map(|user| format!("{user} in {group}")));
        }
        for (arn, entities) in &state.attachments {
            lines.extend(
                entities
                    .iter()
                    .map(|entity| format!("{entity:?} has {arn}")),
            );
        }
        for (arn, entities) in &state.boundaries {
            lines.extend(
                entities
                    .iter()
                    .map(|entity| format!("{entity:?} within {arn}")),
            );
        }
        lines.sort();
        lines
    }

    proptest! {
        /// What many changes leave is what the records alone would give.
        #[test]
        fn indexes_are_those_of_the_records(steps in prop::collection::vec(step(), 0..40)) {
            let mut snapshot = Snapshot::default();
            snapshot.apply(account(), vec![Change::Put(account_record())]);
            let mut records = BTreeMap::new();
            for step in steps {
                let change = change(step);
                match &change {
                    Change::Put(record) => {
                        let (_, id, _) = record.entity().unwrap();
                        records.insert(id.to_owned(), record.clone());
                    }
                    Change::Delete { id, .. } => {
                        records.remove(id);
                    }
                }
                snapshot.apply(account(), vec![change]);
            }
            let mut rebuilt = Snapshot::default();
            rebuilt.apply(account(), vec![Change::Put(account_record())]);
            for record in records.into_values() {
                rebuilt.apply(account(), vec![Change::Put(record)]);
            }
            prop_assert_eq!(dump(&snapshot), dump(&rebuilt));
        }
    }
}
