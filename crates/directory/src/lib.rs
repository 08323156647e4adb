//! Accounts, users, groups, roles, policies, access keys and sessions, behind permits.
//!
//! The whole directory is in memory, as a snapshot that readers share without waiting; the control
//! store keeps it, one record per entity, and a change is durable before it is visible. Entities
//! are known by their unique ids. It decides nothing (that is `policy`), parses no requests (that is
//! `wire`) and has no AWS error codes (those are of the services).
//!
//! Who calls is found in two steps: the secret of an access key, and, once the signature is
//! verified, the identity with the policies of that moment:
//!
//! ```
//! use directory::{CredentialError, Directory};
//! use jiff::Timestamp;
//!
//! fn caller(
//!     directory: &Directory,
//!     access_key_id: &str,
//!     verify: impl Fn(&str) -> bool,
//! ) -> Result<Option<gate::Identity>, CredentialError> {
//!     let found = directory.lookup(access_key_id, None, Timestamp::UNIX_EPOCH)?;
//!     if !verify(found.secret().expose()) {
//!         return Ok(None);
//!     }
//!     directory.identity(&found, "s3").map(Some)
//! }
//! ```
mod access_keys;
mod accounts;
mod aliases;
mod attachments;
pub mod aws_managed;
mod boundaries;
mod credentials;
mod entities;
mod entity_error;
mod facts;
mod groups;
mod ids;
mod in_force;
mod inline_policies;
mod instance_profiles;
#[cfg(any(test, feature = "danger-test"))]
mod memory;
mod policies;
mod principals;
pub mod quotas;
mod roles;
mod sessions;
mod simulation;
mod snapshot;
mod state;
mod store;
mod summary;
mod tags;
mod usage;
mod users;

pub use access_keys::{KeyUse, NewAccessKey};
pub use accounts::{CreatedAccount, NewAccount, WellKnownKey};
pub use credentials::{CredentialError, Found, federated_user_arn, session_arn};
pub use entity_error::{
    DeleteConflict, EntityAlreadyExists, EntityError, InvalidInput, LimitExceeded, NoSuchEntity,
};
pub use ids::{IdPrefix, Secret, account_of, mint};
pub use instance_profiles::InstanceProfileView;
pub use policies::{
    MakeDefault, NewPolicy, PolicyFilter, PolicyScope, PolicyUsage, PolicyView, UserOfPolicy,
    UserOfPolicyFilter, VersionView,
};
pub use principals::{
    HYPOTHETICAL_SESSION_NAME, HypotheticalSession, NoSuchPrincipal, origin_of_unique_id,
    session_policy,
};
pub use roles::{NewRole, RoleView};
pub use sessions::{NewFederationSession, NewRoleSession, TemporaryCredentials};
pub use simulation::SimulatedPrincipal;
pub use snapshot::{AccountState, ByName, EntityRef, EntitySet, KeyOwner, Snapshot, name_key};
pub use state::{
    AccessKey, Account, AccountStatus, Entity, Group, InlinePolicy, InstanceProfile, KeyStatus,
    ManagedPolicy, PolicyVersion, Record, Role, Tags, User, entity_arn,
};
pub use store::{Changes, Directory, DirectoryError, View};
pub use summary::{AccountDetails, GroupDetail, PolicyDetail, RoleDetail, UserDetail};
pub use usage::LastUse;
pub use users::{NewUser, Rename, UserOrRoot};
