//! Accounts, users, groups, roles, policies, access keys and sessions, behind permits.
mod ids;
mod sessions;
mod state;
mod store;
mod usage;

pub use ids::{IdPrefix, Secret, account_of, mint};
pub use state::{
    AccessKey, Account, AccountState, AccountStatus, ByName, Entity, EntityRef, EntitySet, Group,
    InlinePolicy, InstanceProfile, KeyOwner, KeyStatus, ManagedPolicy, PolicyVersion,
    PublicAccessBlock, Record, Role, Snapshot, Tags, User, entity_arn, name_key,
};
pub use store::{Changes, Directory, DirectoryError, View};
pub use usage::LastUse;
