//! Cases for the tests of this crate, from few words.
#![allow(dead_code, reason = "each test file uses its part")]
use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::{AccountId, CanonicalUserId, EntityKind};
use explain::Names;
use policy::{
    AttachedPolicy, BlockPublicAccess, Caller, CallerKind, Case, ContextValue, ObjectOwnership,
    ObjectTarget, Policy, PolicyKind, PolicySource, S3Target, Target,
};

pub const A: &str = "111111111111";
pub const B: &str = "222222222222";
pub const OBJECT: &str = "arn:aws:s3:::reports/q3.csv";

pub fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

/// Accounts have names, and one role and one user were deleted.
pub struct World;
impl Names for World {
    fn arn_of(&self, unique_id: &str) -> Option<String> {
        (unique_id == "AIDAAL").then(|| format!("arn:aws:iam::{A}:user/al"))
    }
    fn origin_of(&self, unique_id: &str) -> Option<(AccountId, EntityKind)> {
        match unique_id.get(..4) {
            Some("AROA") => Some((account(A), EntityKind::Role)),
            Some("AIDA") => Some((account(A), EntityKind::User)),
            _ => None,
        }
    }
    fn account_of(&self, _: &str) -> Option<AccountId> {
        None
    }
    fn account_name(&self, account: AccountId) -> Option<String> {
        let names = [(A, "partner"), (B, "customer")];
        let found = names.into_iter().find(|(id, _)| account.to_string() == *id);
        found.map(|(_, name)| name.to_owned())
    }
    fn is_group(&self, arn: &str) -> bool {
        arn.contains(":group/")
    }
}

pub fn user(of: &str, name: &str) -> Caller {
    let arn = format!("arn:aws:iam::{of}:user/{name}");
    Caller {
        kind: CallerKind::User,
        account: Some(account(of)),
        canonical_id: Some(CanonicalUserId::parse(&of.repeat(6)[..64]).unwrap()),
        principal_arn: arn.clone(),
        arn,
        unique_id: "AIDANEWNEWNEWNEWNEWNE".to_owned(),
        user_id: "AIDANEWNEWNEWNEWNEWNE".to_owned(),
        user_name: Some(name.to_owned()),
        tags: Vec::new(),
    }
}

pub fn session(of: &str, role: &str) -> Caller {
    let role_arn = format!("arn:aws:iam::{of}:role/{role}");
    Caller {
        kind: CallerKind::RoleSession {
            role_arn: role_arn.clone(),
            session_name: "nightly".to_owned(),
        },
        arn: format!("arn:aws:sts::{of}:assumed-role/{role}/nightly"),
        principal_arn: role_arn,
        unique_id: "AROANEWNEWNEWNEWNEWNE".to_owned(),
        user_id: "AROANEWNEWNEWNEWNEWNE:nightly".to_owned(),
        user_name: None,
        ..user(of, role)
    }
}

pub fn document(statements: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
}

pub fn load(kind: PolicyKind, statements: &str) -> Arc<Policy> {
    Arc::new(Policy::load(kind, &document(statements)).unwrap())
}

pub fn inline(name: &str, statements: &str) -> AttachedPolicy {
    AttachedPolicy {
        source: PolicySource::Inline {
            name: name.to_owned(),
        },
        policy: load(PolicyKind::Identity, statements),
    }
}

pub fn bucket(policy: Option<&str>) -> S3Target {
    S3Target {
        bucket: "reports".to_owned(),
        policy: policy.map(|policy| load(PolicyKind::Bucket, policy)),
        ownership: ObjectOwnership::BucketOwnerEnforced,
        bucket_ownership: ObjectOwnership::BucketOwnerEnforced,
        bucket_acl: Vec::new(),
        object: None,
        bucket_block: BlockPublicAccess::default(),
        account_block: BlockPublicAccess::default(),
        writes_public_acl: false,
        writes_policy: None,
        is_upload_initiator: false,
        owner_canonical_id: Some(CanonicalUserId::parse(&B.repeat(6)[..64]).unwrap()),
    }
}

pub fn foreign_object(owner: &str) -> Option<ObjectTarget> {
    Some(ObjectTarget {
        owner: Some(account(owner)),
        acl: Vec::new(),
    })
}

/// A question about bucket `reports` of account B.
pub fn case(caller: Caller, action: &str, resource: &str, own: &[&str], target: S3Target) -> Case {
    Case {
        caller,
        action: action.to_owned(),
        resource: resource.to_owned(),
        owner: Some(account(B)),
        context: BTreeMap::new(),
        identity: own
            .iter()
            .map(|statements| inline("own", statements))
            .collect(),
        boundary: None,
        session: None,
        target: Target::S3(Box::new(target)),
    }
}

pub fn trust(caller: Caller, own: &[&str], trust: &str) -> Case {
    Case {
        target: Target::Trust {
            policy: Some(load(PolicyKind::Trust, trust)),
        },
        ..case(
            caller,
            "sts:AssumeRole",
            "arn:aws:iam::222222222222:role/deliver",
            own,
            bucket(None),
        )
    }
}

pub fn with(mut case: Case, key: &str, value: &str) -> Case {
    let value = ContextValue::One(value.to_owned());
    case.context.insert(key.to_lowercase(), value);
    case
}
