//! What ACLs allow (spec S-6).
use crate::{Caller, CallerKind, Grant, Grantee, Permission, Question, S3Side};

/// The canonical id of anonymous uploaders, which is not 64 digits long.
const ANONYMOUS_CANONICAL_ID: &str = "65a011a29cdf8ec533ec3d1ccaae921c";
/// The service that delivers access logs.
const LOG_DELIVERY: &str = "logging.s3.amazonaws.com";

/// To whom an ACL grants what the action needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AclGrants {
    pub of_object: bool,
    /// To the caller's account: worth as much as an account principal.
    pub to_account: bool,
    /// To everyone, to all AWS accounts or to log delivery: worth as much as `*`.
    pub to_group: bool,
}

impl AclGrants {
    pub fn any(self) -> bool {
        self.to_account || self.to_group
    }
}

/// Whether the action reads an object, its ACL or writes its ACL: then the object's owner and
/// ACL decide, not the bucket's.
pub(crate) fn is_about_existing_object(action: &str) -> bool {
    on_object(action).is_some()
        || matches!(
            action,
            "s3:GetObjectAttributes" | "s3:GetObjectVersionAttributes"
        )
}

fn on_object(action: &str) -> Option<Permission> {
    match action {
        "s3:GetObject" | "s3:GetObjectVersion" => Some(Permission::Read),
        "s3:GetObjectAcl" | "s3:GetObjectVersionAcl" => Some(Permission::ReadAcp),
        "s3:PutObjectAcl" | "s3:PutObjectVersionAcl" => Some(Permission::WriteAcp),
        _ => None,
    }
}

fn on_bucket(action: &str) -> Option<Permission> {
    match action {
        "s3:ListBucket" | "s3:ListBucketVersions" | "s3:ListBucketMultipartUploads" => {
            Some(Permission::Read)
        }
        "s3:PutObject" | "s3:DeleteObject" => Some(Permission::Write),
        "s3:GetBucketAcl" => Some(Permission::ReadAcp),
        "s3:PutBucketAcl" => Some(Permission::WriteAcp),
        _ => None,
    }
}

/// What the ACLs grant to the caller for the action.
pub(crate) fn grants(question: &Question<'_>, s3: &S3Side<'_>) -> AclGrants {
    let caller = question.caller;
    let (acl, permission, of_object) = match (on_object(question.action), s3.object) {
        (Some(permission), Some(object)) => (object.acl, permission, true),
        (Some(_), None) => return AclGrants::default(),
        (None, object) => match on_bucket(question.action) {
            // Overwriting and deleting are for the owners of the bucket and of the object.
            Some(Permission::Write)
                if object.is_some_and(|object| {
                    let own = object.owner.is_some() && object.owner == caller.account;
                    !own && question.owner != caller.account
                }) =>
            {
                return AclGrants::default();
            }
            Some(permission) => (s3.bucket_acl, permission, false),
            None => return AclGrants::default(),
        },
    };
    let ignores_public = s3.block_public_access.ignore_public_acls;
    let mut found = AclGrants {
        of_object,
        ..AclGrants::default()
    };
    for grant in acl {
        if grant.permission != permission && grant.permission != Permission::FullControl {
            continue;
        }
        match names(grant, caller, ignores_public) {
            Named::AsAccount => found.to_account = true,
            Named::AsGroup => found.to_group = true,
            Named::No => {}
        }
    }
    found
}

enum Named {
    No,
    AsAccount,
    AsGroup,
}

fn names(grant: &Grant, caller: &Caller, ignores_public: bool) -> Named {
    let named = match &grant.grantee {
        Grantee::AllUsers => !ignores_public,
        Grantee::AuthenticatedUsers => !ignores_public && caller.has_account(),
        Grantee::LogDelivery => {
            matches!(&caller.kind, CallerKind::Service { name } if name == LOG_DELIVERY)
        }
        Grantee::CanonicalUser(id) => {
            let own = caller.canonical_id.as_ref();
            if caller.has_account() && own.is_some_and(|own| own.as_str() == id) {
                return Named::AsAccount;
            }
            caller.kind == CallerKind::Anonymous && id == ANONYMOUS_CANONICAL_ID
        }
    };
    if named { Named::AsGroup } else { Named::No }
}

/// Whether Requester Pays lets the request through (spec S-11): the caller belongs to the account
/// that owns the bucket, or says that it pays. A check of its own, after authorization.
pub fn requester_pays_admits(question: &Question<'_>, confirmed: bool) -> bool {
    let caller = question.caller;
    match caller.kind {
        CallerKind::Anonymous | CallerKind::TokenHolder { .. } => false,
        CallerKind::Service { .. } => true,
        CallerKind::Root
        | CallerKind::User
        | CallerKind::RoleSession { .. }
        | CallerKind::FederatedUser { .. } => confirmed || caller.account == question.owner,
    }
}
