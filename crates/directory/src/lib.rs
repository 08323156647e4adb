//! Accounts, users, groups, roles, policies, access keys and sessions, behind permits.
mod access_keys;
mod aliases;
mod attachments;
mod boundaries;
mod entities;
mod entity_error;
mod groups;
mod ids;
mod inline_policies;
mod instance_profiles;
mod managed_policies;
mod policies;
pub mod quotas;
mod roles;
mod sessions;
mod state;
mod store;
mod summary;
mod tags;
mod usage;
mod users;

pub use access_keys::{KeyUse, NewAccessKey};
pub use entity_error::{
    DeleteConflict, EntityAlreadyExists, EntityError, InvalidInput, LimitExceeded, NoSuchEntity,
};
pub use ids::{IdPrefix, Secret, account_of, mint};
pub use instance_profiles::InstanceProfileView;
pub use managed_policies::{
    AwsManagedPolicy, AwsManagedPolicyIndex, aws_managed_policies, aws_managed_policy,
};
pub use policies::{
    MakeDefault, NewPolicy, PolicyFilter, PolicyScope, PolicyUsage, PolicyView, UserOfPolicy,
    UserOfPolicyFilter, VersionView,
};
pub use roles::{NewRole, RoleView};
pub use state::{
    AccessKey, Account, AccountState, AccountStatus, ByName, Entity, EntityRef, EntitySet, Group,
    InlinePolicy, InstanceProfile, KeyOwner, KeyStatus, ManagedPolicy, PolicyVersion,
    PublicAccessBlock, Record, Role, Snapshot, Tags, User, entity_arn, name_key,
};
pub use store::{Changes, Directory, DirectoryError, View};
pub use summary::{AccountDetails, GroupDetail, PolicyDetail, RoleDetail, UserDetail};
pub use usage::LastUse;
pub use users::{NewUser, Rename, UserOrRoot};
