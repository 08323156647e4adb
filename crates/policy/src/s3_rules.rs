//! The rules of S3: bucket policies, ACLs, ownership, Block Public Access.
use catalog::AccountId;

use crate::acl::{self, AclGrants};
use crate::evaluate::{Conclusion, Delegation, OwnSide, allow, refuse, same_account, silent};
use crate::layer::Said;
use crate::principal::Ways;
use crate::verdict::Recorder;
use crate::{
    CallerKind, Decision, Layer, ObjectOwnership, Policy, Question, Reason, ResourceSide, S3Side,
    Step,
};

/// Bucket policies, ACLs, ownership and Block Public Access (spec S-6 to S-10, E-10).
pub(crate) fn rules(
    question: &Question<'_>,
    own: &OwnSide<'_>,
    policy: &Said<'_>,
    s3: &S3Side<'_>,
    recorder: &mut impl Recorder,
) -> Conclusion {
    let caller = question.caller;
    let blocks = s3.block_public_access;
    if s3.writes_public_acl && blocks.block_public_acls {
        return refuse(Layer::BlockPublicAcls, Reason::BlockPublicAccess);
    }
    if s3.writes_policy.is_some_and(Policy::is_public) && blocks.block_public_policy {
        return refuse(Layer::BlockPublicPolicy, Reason::BlockPublicAccess);
    }
    if is_root_managing_policy(question, &ResourceSide::S3(*s3)) {
        return allow(Reason::RootManagesBucketPolicy);
    }
    let upload = matches!(
        question.action,
        "s3:AbortMultipartUpload" | "s3:ListMultipartUploadParts"
    );
    if upload && s3.is_upload_initiator {
        return allow(Reason::UploadInitiator);
    }

    let acls_count = match s3.ownership {
        ObjectOwnership::BucketOwnerEnforced => false,
        ObjectOwnership::BucketOwnerPreferred | ObjectOwnership::ObjectWriter => true,
    };
    let grants = if acls_count {
        acl::grants(question, s3)
    } else {
        AclGrants::default()
    };
    if acls_count {
        recorder.note(|| Step::Acl {
            of_object: grants.of_object,
            to_account: grants.to_account,
            to_group: grants.to_group,
        });
    }

    // A public policy counts for the owner's account and for services only.
    let of_owner = caller.has_account() && caller.account == question.owner;
    let outside = !of_owner && !matches!(caller.kind, CallerKind::Service { .. });
    let restricted =
        blocks.restrict_public_buckets && s3.policy.is_some_and(Policy::is_public) && outside;
    let counted = if restricted { Said::default() } else { *policy };
    let foreign_object = s3
        .object
        .filter(|object| acls_count && object.owner != question.owner)
        .filter(|_| acl::is_about_existing_object(question.action));
    let conclusion = match foreign_object {
        Some(object) => foreign_object_rules(question, own, object.owner, grants),
        None => bucket_rules(question, own, &counted, grants),
    };
    match conclusion {
        (Decision::Deny(_), _) if restricted && policy.allows => {
            refuse(Layer::Resource, Reason::BlockPublicAccess)
        }
        conclusion => conclusion,
    }
}

/// The object belongs to another account than the bucket: the bucket policy cannot allow (S-8), and
/// the bucket's account is as foreign to the object as any third one.
fn foreign_object_rules(
    question: &Question<'_>,
    own: &OwnSide<'_>,
    object_owner: Option<AccountId>,
    grants: AclGrants,
) -> Conclusion {
    let caller = question.caller;
    let owns_object = caller.account.is_some() && caller.account == object_owner;
    match caller.kind {
        CallerKind::Anonymous | CallerKind::Service { .. } if grants.to_group => allow(Reason::Acl),
        CallerKind::Anonymous | CallerKind::Service { .. } | CallerKind::TokenHolder { .. } => {
            silent(Layer::Resource)
        }
        CallerKind::Root if owns_object => allow(Reason::ObjectOwner),
        CallerKind::Root if grants.any() => allow(Reason::Acl),
        CallerKind::Root => silent(Layer::Resource),
        CallerKind::User | CallerKind::RoleSession { .. } | CallerKind::FederatedUser { .. } => {
            if owns_object && own.allows() {
                allow(Reason::ObjectOwner)
            } else if !owns_object && !grants.any() {
                silent(Layer::Resource)
            } else if own.allows() {
                allow(Reason::Acl)
            } else {
                silent(own.missing())
            }
        }
    }
}

/// Everything that the bucket's owner decides.
fn bucket_rules(
    question: &Question<'_>,
    own: &OwnSide<'_>,
    policy: &Said<'_>,
    grants: AclGrants,
) -> Conclusion {
    let caller = question.caller;
    match caller.kind {
        CallerKind::Anonymous | CallerKind::Service { .. } => {
            if policy.allows {
                allow(Reason::ResourceSide)
            } else if grants.to_group {
                allow(Reason::Acl)
            } else {
                silent(Layer::Resource)
            }
        }
        CallerKind::TokenHolder { .. } => silent(Layer::Resource),
        _ if caller.account.is_some() && caller.account == question.owner => {
            if caller.kind == CallerKind::Root {
                return allow(Reason::RootOfOwner);
            }
            let of_acl = if grants.to_group {
                Ways::EVERYONE
            } else {
                Ways::NONE
            };
            same_account(own, policy.ways.and(of_acl), Delegation::Implied)
        }
        CallerKind::Root
        | CallerKind::User
        | CallerKind::RoleSession { .. }
        | CallerKind::FederatedUser { .. } => {
            if !policy.allows && !grants.any() {
                silent(Layer::Resource)
            } else if caller.kind == CallerKind::Root {
                allow(Reason::ResourceSide)
            } else if own.allows() {
                allow(Reason::BothSides)
            } else {
                silent(own.missing())
            }
        }
    }
}

/// The actions with which root can always reach the policy of its own bucket (spec E-10).
pub(crate) fn is_root_managing_policy(
    question: &Question<'_>,
    resource: &ResourceSide<'_>,
) -> bool {
    let action = matches!(
        question.action,
        "s3:GetBucketPolicy" | "s3:PutBucketPolicy" | "s3:DeleteBucketPolicy"
    );
    let caller = question.caller;
    let is_root = caller.kind == CallerKind::Root && caller.account.is_some();
    let of_bucket = matches!(resource, ResourceSide::S3(_));
    action && is_root && of_bucket && caller.account == question.owner
}
