//! Shapes of IAM's model that several operations share.
use catalog::{AccountId, EntityKind};
use directory::{
    Entity, InstanceProfileView, KeyStatus, LastUse, PolicyUsage, PolicyView, RoleView, Tags,
    VersionView,
};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use policy::Policy;
use serde::{Deserialize, Serialize};

/// RFC 3986: unreserved characters stay.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A policy document in a response: percent-encoded, otherwise as it was written.
pub(crate) fn document(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// `Tag`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Tags as AWS lists them.
pub(crate) fn tags(tags: &Tags) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag {
            key: key.clone(),
            value: value.clone(),
        })
        .collect()
}

/// Tags where AWS shows them only if there are any.
fn tags_if_any(own: &Tags) -> Option<Vec<Tag>> {
    (!own.is_empty()).then(|| tags(own))
}

/// `AttachedPermissionsBoundary`
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachedPermissionsBoundary {
    permissions_boundary_type: &'static str,
    permissions_boundary_arn: String,
}

pub(crate) fn boundary(arn: Option<&String>) -> Option<AttachedPermissionsBoundary> {
    arn.map(|arn| AttachedPermissionsBoundary {
        permissions_boundary_type: "Policy",
        permissions_boundary_arn: arn.clone(),
    })
}

/// `User`. The root user has no name and no path.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct User {
    path: Option<String>,
    user_name: Option<String>,
    user_id: String,
    arn: String,
    create_date: Timestamp,
    permissions_boundary: Option<AttachedPermissionsBoundary>,
    tags: Option<Vec<Tag>>,
}

impl User {
    /// As lists show it: without tags and boundary.
    pub(crate) fn listed(account: AccountId, user: &directory::User) -> User {
        User {
            path: Some(user.path.clone()),
            user_name: Some(user.name.clone()),
            user_id: user.id.clone(),
            arn: user.arn(account),
            create_date: user.created,
            permissions_boundary: None,
            tags: None,
        }
    }

    /// With everything.
    pub(crate) fn whole(account: AccountId, user: &directory::User) -> User {
        User {
            permissions_boundary: boundary(user.boundary.as_ref()),
            tags: tags_if_any(&user.tags),
            ..User::listed(account, user)
        }
    }

    /// The root user.
    pub(crate) fn root(account: &directory::Account) -> User {
        User {
            path: None,
            user_name: None,
            user_id: account.id.to_string(),
            arn: account.id.root_arn(),
            create_date: account.created_at,
            permissions_boundary: None,
            tags: None,
        }
    }
}

/// `Group`
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Group {
    path: String,
    group_name: String,
    group_id: String,
    arn: String,
    create_date: Timestamp,
}

impl Group {
    pub(crate) fn new(account: AccountId, group: &directory::Group) -> Group {
        Group {
            path: group.path.clone(),
            group_name: group.name.clone(),
            group_id: group.id.clone(),
            arn: group.arn(account),
            create_date: group.created,
        }
    }
}

/// `RoleLastUsed`; empty for a role that was never used.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleLastUsed {
    last_used_date: Option<Timestamp>,
    region: Option<String>,
}

impl RoleLastUsed {
    pub(crate) fn new(last: Option<&LastUse>) -> RoleLastUsed {
        match last {
            Some(last) => RoleLastUsed {
                last_used_date: Some(last.at),
                region: Some(last.region.clone()),
            },
            None => RoleLastUsed::default(),
        }
    }
}

/// `Role`
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Role {
    path: String,
    role_name: String,
    role_id: String,
    arn: String,
    create_date: Timestamp,
    assume_role_policy_document: String,
    pub(crate) description: Option<String>,
    pub(crate) max_session_duration: Option<u32>,
    permissions_boundary: Option<AttachedPermissionsBoundary>,
    tags: Option<Vec<Tag>>,
    role_last_used: Option<RoleLastUsed>,
}

impl Role {
    /// As instance profiles show it.
    pub(crate) fn brief(account: AccountId, view: &RoleView) -> Role {
        let role = &view.role;
        Role {
            path: role.path.clone(),
            role_name: role.name.clone(),
            role_id: role.id.clone(),
            arn: role.arn(account),
            create_date: role.created,
            assume_role_policy_document: document(&view.trust_document),
            description: None,
            max_session_duration: None,
            permissions_boundary: None,
            tags: None,
            role_last_used: None,
        }
    }

    /// As lists show it: without tags, boundary and last use.
    pub(crate) fn listed(account: AccountId, view: &RoleView) -> Role {
        Role {
            description: view.role.description.clone(),
            max_session_duration: Some(view.role.session_seconds_max),
            ..Role::brief(account, view)
        }
    }

    /// As `CreateRole` shows it: what was sent, without defaults.
    pub(crate) fn created(account: AccountId, view: &RoleView, duration: Option<u32>) -> Role {
        Role {
            description: view.role.description.clone(),
            max_session_duration: duration,
            permissions_boundary: boundary(view.role.boundary.as_ref()),
            tags: tags_if_any(&view.role.tags),
            ..Role::brief(account, view)
        }
    }

    /// With everything.
    pub(crate) fn whole(account: AccountId, view: &RoleView) -> Role {
        Role {
            role_last_used: Some(RoleLastUsed::new(view.last_use.as_ref())),
            ..Role::created(account, view, Some(view.role.session_seconds_max))
        }
    }
}

/// `InstanceProfile`
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceProfile {
    path: String,
    instance_profile_name: String,
    instance_profile_id: String,
    arn: String,
    create_date: Timestamp,
    roles: Vec<Role>,
    tags: Option<Vec<Tag>>,
}

impl InstanceProfile {
    /// As lists show it: without tags.
    pub(crate) fn listed(account: AccountId, view: &InstanceProfileView) -> InstanceProfile {
        let profile = &view.profile;
        InstanceProfile {
            path: profile.path.clone(),
            instance_profile_name: profile.name.clone(),
            instance_profile_id: profile.id.clone(),
            arn: profile.arn(account),
            create_date: profile.created,
            roles: view
                .roles
                .iter()
                .map(|role| Role::brief(account, role))
                .collect(),
            tags: None,
        }
    }

    /// With everything.
    pub(crate) fn whole(account: AccountId, view: &InstanceProfileView) -> InstanceProfile {
        InstanceProfile {
            tags: tags_if_any(&view.profile.tags),
            ..InstanceProfile::listed(account, view)
        }
    }
}

/// `Policy`
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ManagedPolicy {
    policy_name: String,
    policy_id: String,
    arn: String,
    path: String,
    default_version_id: String,
    attachment_count: usize,
    permissions_boundary_usage_count: usize,
    is_attachable: bool,
    description: Option<String>,
    create_date: Timestamp,
    update_date: Timestamp,
    tags: Option<Vec<Tag>>,
}

impl ManagedPolicy {
    /// As lists show it: without description and tags.
    pub(crate) fn listed(view: &PolicyView) -> ManagedPolicy {
        ManagedPolicy {
            policy_name: view.name.clone(),
            policy_id: view.id.clone(),
            arn: view.arn.clone(),
            path: view.path.clone(),
            default_version_id: view.default_version_id.clone(),
            attachment_count: view.attachment_count,
            permissions_boundary_usage_count: view.boundary_count,
            is_attachable: true,
            description: None,
            create_date: view.created,
            update_date: view.updated,
            tags: None,
        }
    }

    /// As `CreatePolicy` shows it: without description.
    pub(crate) fn created(view: &PolicyView) -> ManagedPolicy {
        ManagedPolicy {
            tags: tags_if_any(&view.tags),
            ..ManagedPolicy::listed(view)
        }
    }

    /// With everything; the list of tags is there even if it is empty.
    pub(crate) fn whole(view: &PolicyView) -> ManagedPolicy {
        ManagedPolicy {
            description: view.description.clone(),
            tags: Some(tags(&view.tags)),
            ..ManagedPolicy::listed(view)
        }
    }
}

/// `PolicyVersion`
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyVersion {
    document: Option<String>,
    version_id: String,
    is_default_version: bool,
    create_date: Timestamp,
}

impl PolicyVersion {
    /// As lists show it: without the document.
    pub(crate) fn listed(view: &VersionView) -> PolicyVersion {
        PolicyVersion {
            document: None,
            version_id: view.id.clone(),
            is_default_version: view.is_default,
            create_date: view.created,
        }
    }

    /// With the document.
    pub(crate) fn whole(view: &VersionView) -> PolicyVersion {
        PolicyVersion {
            document: Some(document(view.document.text())),
            ..PolicyVersion::listed(view)
        }
    }
}

/// `AttachedPolicy`
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachedPolicy {
    policy_name: String,
    policy_arn: String,
}

impl AttachedPolicy {
    pub(crate) fn new(view: &PolicyView) -> AttachedPolicy {
        AttachedPolicy {
            policy_name: view.name.clone(),
            policy_arn: view.arn.clone(),
        }
    }
}

/// `PolicyDetail`: an inline policy.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDetail {
    policy_name: String,
    policy_document: String,
}

impl PolicyDetail {
    pub(crate) fn new(name: &str, policy: &Policy) -> PolicyDetail {
        PolicyDetail {
            policy_name: name.to_owned(),
            policy_document: document(policy.text()),
        }
    }
}

/// `statusType`: the status of an access key.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Status {
    Active,
    Inactive,
    Expired,
}

impl From<KeyStatus> for Status {
    fn from(status: KeyStatus) -> Status {
        match status {
            KeyStatus::Active => Status::Active,
            KeyStatus::Inactive => Status::Inactive,
            KeyStatus::Expired => Status::Expired,
        }
    }
}

impl From<Status> for KeyStatus {
    fn from(status: Status) -> KeyStatus {
        match status {
            Status::Active => KeyStatus::Active,
            Status::Inactive => KeyStatus::Inactive,
            Status::Expired => KeyStatus::Expired,
        }
    }
}

/// The name that AWS shows for the root user's access keys.
pub(crate) fn user_name_or_root(name: Option<String>) -> String {
    name.unwrap_or_else(|| "root".to_owned())
}

/// `PolicyUsageType`
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) enum Usage {
    PermissionsPolicy,
    PermissionsBoundary,
}

impl From<Usage> for PolicyUsage {
    fn from(usage: Usage) -> PolicyUsage {
        match usage {
            Usage::PermissionsPolicy => PolicyUsage::PermissionsPolicy,
            Usage::PermissionsBoundary => PolicyUsage::PermissionsBoundary,
        }
    }
}

/// `EntityType`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum EntityType {
    User,
    Role,
    Group,
    LocalManagedPolicy,
    AWSManagedPolicy,
}

impl From<EntityType> for EntityKind {
    fn from(kind: EntityType) -> EntityKind {
        match kind {
            EntityType::User => EntityKind::User,
            EntityType::Role => EntityKind::Role,
            EntityType::Group => EntityKind::Group,
            EntityType::LocalManagedPolicy | EntityType::AWSManagedPolicy => EntityKind::Policy,
        }
    }
}
