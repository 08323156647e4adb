//! Access control lists (spec S-6, S-7).
use policy::{Grant, Grantee, Permission};
use serde::{Deserialize, Serialize};

/// `http://acs.amazonaws.com/groups/global/AllUsers`
pub const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
/// `http://acs.amazonaws.com/groups/global/AuthenticatedUsers`
pub const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
/// `http://acs.amazonaws.com/groups/s3/LogDelivery`
pub const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/// A grant in the form that is stored: the grantee is a canonical user id or a group's URI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredGrant {
    grantee: String,
    permission: StoredPermission,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StoredPermission {
    Read,
    Write,
    ReadAcp,
    WriteAcp,
    FullControl,
}

impl StoredGrant {
    /// Whether the grantee is the account with that canonical user id.
    pub(crate) fn is_to(&self, canonical_id: &str) -> bool {
        self.grantee == canonical_id
    }

    /// The grant as decisions look at it.
    pub fn grant(&self) -> Grant {
        Grant {
            grantee: match self.grantee.as_str() {
                ALL_USERS => Grantee::AllUsers,
                AUTHENTICATED_USERS => Grantee::AuthenticatedUsers,
                LOG_DELIVERY => Grantee::LogDelivery,
                id => Grantee::CanonicalUser(id.to_owned()),
            },
            permission: match self.permission {
                StoredPermission::Read => Permission::Read,
                StoredPermission::Write => Permission::Write,
                StoredPermission::ReadAcp => Permission::ReadAcp,
                StoredPermission::WriteAcp => Permission::WriteAcp,
                StoredPermission::FullControl => Permission::FullControl,
            },
        }
    }
}

impl From<&Grant> for StoredGrant {
    fn from(grant: &Grant) -> StoredGrant {
        StoredGrant {
            grantee: match &grant.grantee {
                Grantee::CanonicalUser(id) => id.clone(),
                Grantee::AllUsers => ALL_USERS.to_owned(),
                Grantee::AuthenticatedUsers => AUTHENTICATED_USERS.to_owned(),
                Grantee::LogDelivery => LOG_DELIVERY.to_owned(),
            },
            permission: match grant.permission {
                Permission::Read => StoredPermission::Read,
                Permission::Write => StoredPermission::Write,
                Permission::ReadAcp => StoredPermission::ReadAcp,
                Permission::WriteAcp => StoredPermission::WriteAcp,
                Permission::FullControl => StoredPermission::FullControl,
            },
        }
    }
}

/// `FULL_CONTROL` for a canonical user id.
pub fn full_control(canonical_id: &str) -> Grant {
    Grant {
        grantee: Grantee::CanonicalUser(canonical_id.to_owned()),
        permission: Permission::FullControl,
    }
}
