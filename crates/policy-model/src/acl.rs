//! ACLs (S-6).
use crate::world::{AclGrant, Kind, Principal, World};

/// The owner of what was uploaded without a signature.
const ANONYMOUS_ID: &str = "65a011a29cdf8ec533ec3d1ccaae921c";

/// To whom of the caller an ACL grants.
#[derive(Clone, Copy, Default)]
pub(crate) struct Granted {
    /// To its account (or, for anonymous callers, to the anonymous id).
    pub account: bool,
    /// To a group that it is in.
    pub group: bool,
}

/// Reads of an existing object, and of and to its ACL: those that ask the object's owner (S-8).
pub(crate) fn asks_for_object(action: &str) -> bool {
    object_permission(action).is_some()
        || matches!(
            action,
            "s3:GetObjectAttributes" | "s3:GetObjectVersionAttributes"
        )
}

/// The permission that an action needs in the ACL of the object.
pub(crate) fn object_permission(action: &str) -> Option<&'static str> {
    match action {
        "s3:GetObject" | "s3:GetObjectVersion" => Some("READ"),
        "s3:GetObjectAcl" | "s3:GetObjectVersionAcl" => Some("READ_ACP"),
        "s3:PutObjectAcl" | "s3:PutObjectVersionAcl" => Some("WRITE_ACP"),
        _ => None,
    }
}

/// The permission that an action needs in the ACL of the bucket.
pub(crate) fn bucket_permission(action: &str) -> Option<&'static str> {
    match action {
        "s3:ListBucket" | "s3:ListBucketVersions" | "s3:ListBucketMultipartUploads" => Some("READ"),
        "s3:PutObject" | "s3:DeleteObject" => Some("WRITE"),
        "s3:GetBucketAcl" => Some("READ_ACP"),
        "s3:PutBucketAcl" => Some("WRITE_ACP"),
        _ => None,
    }
}

/// Whether `acl` gives `permission` to the caller.
pub(crate) fn granted(
    world: &World,
    who: &Principal,
    acl: &[AclGrant],
    permission: Option<&str>,
    ignores_public: bool,
) -> Granted {
    let Some(permission) = permission else {
        return Granted::default();
    };
    let account = who.account.as_ref().and_then(|id| world.accounts.get(id));
    let id = match (account, who.kind) {
        (Some(account), _) => Some(account.canonical_id.as_str()),
        (None, Kind::Anonymous) => Some(ANONYMOUS_ID),
        (None, _) => None,
    };
    let mut found = Granted::default();
    for grant in acl {
        if grant.permission != permission && grant.permission != "FULL_CONTROL" {
            continue;
        }
        if grant.id.is_some() && grant.id.as_deref() == id {
            found.account = true;
        }
        let group = grant.uri.as_deref().and_then(|uri| uri.rsplit('/').next());
        found.group |= match group {
            Some("AllUsers") => !ignores_public,
            Some("AuthenticatedUsers") => !ignores_public && who.account.is_some(),
            Some("LogDelivery") => who.service == "logging.s3.amazonaws.com",
            _ => false,
        };
    }
    found
}
