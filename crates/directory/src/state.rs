//! What the directory stores: one record for each account and entity, with the documents compiled
//! when a record is read or written.
use std::sync::Arc;

use catalog::{AccountId, CanonicalUserId, EntityKind};
use jiff::Timestamp;
use policy::Policy;
use serde::{Deserialize, Serialize};

use crate::snapshot::{AccountState, ByName};

/// Tags in the order in which they were added.
pub type Tags = Vec<(String, String)>;

/// An account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// 12 digits.
    pub id: AccountId,
    /// A name for people.
    pub name: String,
    /// E-mail address of the root user, if one was given.
    pub email: Option<String>,
    /// Its S3 name, shared by all its principals (spec S-11).
    pub canonical_id: CanonicalUserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether its credentials work.
    pub status: AccountStatus,
    /// The account alias, unique among all accounts.
    pub alias: Option<String>,
    /// The root user's access keys.
    pub access_keys: Vec<AccessKey>,
}

impl Account {
    /// Whether its credentials have stopped to work.
    pub fn is_closed(&self) -> bool {
        self.status == AccountStatus::Closed
    }
}

/// Whether an account's credentials work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountStatus {
    /// In use.
    Active,
    /// No credential of it works any more; what it owns stays.
    Closed,
}

/// A long-term access key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessKey {
    /// `AKIA…`
    pub id: String,
    /// The secret, sealed for the context `access-key/ID`.
    #[serde(with = "hex_bytes")]
    pub sealed_secret: Vec<u8>,
    /// Whether it may be used.
    pub status: KeyStatus,
    /// When it was made.
    pub created: Timestamp,
}

/// The status of an access key, in AWS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyStatus {
    /// It works.
    Active,
    /// Switched off.
    Inactive,
    /// Switched off for good.
    Expired,
}

/// An inline policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InlinePolicy {
    /// Its name.
    pub name: String,
    /// The document, verbatim and compiled.
    #[serde(with = "document::identity")]
    pub document: Arc<Policy>,
}

/// An IAM user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// `AIDA…`
    pub id: String,
    /// Its name, with its case.
    pub name: String,
    /// `/` or `/…/`.
    pub path: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its tags.
    pub tags: Tags,
    /// ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// Inline policies, by name.
    pub inline: Vec<InlinePolicy>,
    /// ARNs of the attached managed policies.
    pub attached: Vec<String>,
    /// Unique ids of its groups.
    pub groups: Vec<String>,
    /// Its access keys.
    pub access_keys: Vec<AccessKey>,
}

/// A group of users.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    /// `AGPA…`
    pub id: String,
    /// Its name, with its case.
    pub name: String,
    /// `/` or `/…/`.
    pub path: String,
    /// When it was made.
    pub created: Timestamp,
    /// Inline policies, by name.
    pub inline: Vec<InlinePolicy>,
    /// ARNs of the attached managed policies.
    pub attached: Vec<String>,
}

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// `AROA…`
    pub id: String,
    /// Its name, with its case.
    pub name: String,
    /// `/` or `/…/`.
    pub path: String,
    /// When it was made.
    pub created: Timestamp,
    /// Free text; `None` when never given.
    pub description: Option<String>,
    /// `MaxSessionDuration`, 3600 to 43200 seconds.
    pub session_seconds_max: u32,
    /// The trust policy with principals as unique ids (spec P-8), verbatim otherwise.
    #[serde(with = "document::trust")]
    pub trust: Arc<Policy>,
    /// Its tags.
    pub tags: Tags,
    /// ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// Inline policies, by name.
    pub inline: Vec<InlinePolicy>,
    /// ARNs of the attached managed policies.
    pub attached: Vec<String>,
}

/// A customer managed policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// `ANPA…`
    pub id: String,
    /// Its name, with its case.
    pub name: String,
    /// `/` or `/…/`.
    pub path: String,
    /// When it was made.
    pub created: Timestamp,
    /// When the newest version was made (AWS: `UpdateDate`).
    pub updated: Timestamp,
    /// Free text; `None` when never given.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// Its versions, oldest first.
    pub versions: Vec<PolicyVersion>,
    /// Number of the version in force.
    pub default_version: u32,
    /// Number of the next version: numbers are never used again.
    pub next_version: u32,
}

/// A version of a managed policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// `1` for `v1`.
    pub number: u32,
    /// When it was made.
    pub created: Timestamp,
    /// The document, verbatim and compiled.
    #[serde(with = "document::managed")]
    pub document: Arc<Policy>,
}

/// An instance profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// `AIPA…`
    pub id: String,
    /// Its name, with its case.
    pub name: String,
    /// `/` or `/…/`.
    pub path: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its tags.
    pub tags: Tags,
    /// Unique ids of its roles; AWS allows one.
    pub roles: Vec<String>,
}

impl ManagedPolicy {
    /// The document in force.
    pub fn document(&self) -> Option<&Arc<Policy>> {
        self.versions
            .iter()
            .find(|version| version.number == self.default_version)
            .map(|version| &version.document)
    }
}

/// `arn:aws:iam::ACCOUNT:KIND/PATH/NAME`
pub fn entity_arn(account: AccountId, kind: EntityKind, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:{}{path}{name}", kind.word())
}

/// What all kinds of entities have.
pub trait Entity: Clone + Into<Record> {
    /// The kind.
    const KIND: EntityKind;
    /// The unique id.
    fn id(&self) -> &str;
    /// The name, with its case.
    fn name(&self) -> &str;
    /// The path.
    fn path(&self) -> &str;
    /// When it was made.
    fn created(&self) -> Timestamp;
    /// Its tags; groups have none.
    fn tags(&self) -> &[(String, String)];
    /// The ARN, with path.
    fn arn(&self, account: AccountId) -> String {
        entity_arn(account, Self::KIND, self.path(), self.name())
    }
    /// The entities of this kind in an account.
    fn all(state: &AccountState) -> &ByName<Self>;
}

macro_rules! entities {
    ($($type:ident in $field:ident, tags: $tags:expr;)*) => {
        $(
            impl Entity for $type {
                const KIND: EntityKind = EntityKind::$field;
                fn id(&self) -> &str { &self.id }
                fn name(&self) -> &str { &self.name }
                fn path(&self) -> &str { &self.path }
                fn created(&self) -> Timestamp { self.created }
                fn tags(&self) -> &[(String, String)] {
                    let tags: fn(&$type) -> &[(String, String)] = $tags;
                    tags(self)
                }
                fn all(state: &AccountState) -> &ByName<Self> {
                    entities!(@map $field state)
                }
            }
            impl From<$type> for Record {
                fn from(entity: $type) -> Record { Record::$field(Arc::new(entity)) }
            }
        )*
    };
    (@map User $state:ident) => { &$state.users };
    (@map Group $state:ident) => { &$state.groups };
    (@map Role $state:ident) => { &$state.roles };
    (@map Policy $state:ident) => { &$state.policies };
    (@map InstanceProfile $state:ident) => { &$state.instance_profiles };
}

entities! {
    User in User, tags: |user| &user.tags;
    Group in Group, tags: |_| &[];
    Role in Role, tags: |role| &role.tags;
    ManagedPolicy in Policy, tags: |policy| &policy.tags;
    InstanceProfile in InstanceProfile, tags: |profile| &profile.tags;
}

/// A record of the control store.
#[derive(Clone, Debug)]
pub enum Record {
    /// `directory/ACCOUNT/account`
    Account(Arc<Account>),
    /// `directory/ACCOUNT/user/ID`
    User(Arc<User>),
    /// `directory/ACCOUNT/group/ID`
    Group(Arc<Group>),
    /// `directory/ACCOUNT/role/ID`
    Role(Arc<Role>),
    /// `directory/ACCOUNT/policy/ID`
    Policy(Arc<ManagedPolicy>),
    /// `directory/ACCOUNT/instance-profile/ID`
    InstanceProfile(Arc<InstanceProfile>),
}

impl From<Account> for Record {
    fn from(account: Account) -> Record {
        Record::Account(Arc::new(account))
    }
}

impl Record {
    /// The kind and unique id; `None` for the account itself.
    pub(crate) fn entity(&self) -> Option<(EntityKind, &str, &str)> {
        Some(match self {
            Record::Account(_) => return None,
            Record::User(user) => (EntityKind::User, &user.id, &user.name),
            Record::Group(group) => (EntityKind::Group, &group.id, &group.name),
            Record::Role(role) => (EntityKind::Role, &role.id, &role.name),
            Record::Policy(policy) => (EntityKind::Policy, &policy.id, &policy.name),
            Record::InstanceProfile(profile) => {
                (EntityKind::InstanceProfile, &profile.id, &profile.name)
            }
        })
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Record::Account(account) => serde_json::to_vec(account.as_ref()),
            Record::User(user) => serde_json::to_vec(user.as_ref()),
            Record::Group(group) => serde_json::to_vec(group.as_ref()),
            Record::Role(role) => serde_json::to_vec(role.as_ref()),
            Record::Policy(policy) => serde_json::to_vec(policy.as_ref()),
            Record::InstanceProfile(profile) => serde_json::to_vec(profile.as_ref()),
        }
    }

    pub(crate) fn decode(kind: &str, bytes: &[u8]) -> Result<Option<Record>, serde_json::Error> {
        Ok(Some(match kind {
            "account" => Record::Account(serde_json::from_slice(bytes).map(Arc::new)?),
            "user" => Record::User(serde_json::from_slice(bytes).map(Arc::new)?),
            "group" => Record::Group(serde_json::from_slice(bytes).map(Arc::new)?),
            "role" => Record::Role(serde_json::from_slice(bytes).map(Arc::new)?),
            "policy" => Record::Policy(serde_json::from_slice(bytes).map(Arc::new)?),
            "instance-profile" => {
                Record::InstanceProfile(serde_json::from_slice(bytes).map(Arc::new)?)
            }
            _ => return Ok(None),
        }))
    }
}

/// Documents are stored as text and compiled when they are read.
mod document {
    use super::*;
    use policy::PolicyKind;

    fn read<'de, D: serde::Deserializer<'de>>(
        kind: PolicyKind,
        deserializer: D,
    ) -> Result<Arc<Policy>, D::Error> {
        let text = String::deserialize(deserializer)?;
        Policy::load(kind, &text)
            .map(Arc::new)
            .map_err(serde::de::Error::custom)
    }

    macro_rules! kinds {
        ($($module:ident: $kind:ident)*) => {$(
            pub(super) mod $module {
                use super::*;
                pub(in super::super) fn serialize<S: serde::Serializer>(
                    policy: &Arc<Policy>,
                    serializer: S,
                ) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(policy.text())
                }
                pub(in super::super) fn deserialize<'de, D: serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> Result<Arc<Policy>, D::Error> {
                    read(PolicyKind::$kind, deserializer)
                }
            }
        )*};
    }
    kinds! { identity: Identity managed: Managed trust: Trust }
}

mod hex_bytes {
    use super::*;

    pub(super) fn serialize<S: serde::Serializer>(
        bytes: &[u8],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
