//! Rules that the case files do not reach, one test each.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
use std::sync::Arc;

use catalog::{AccountId, CanonicalUserId};
use policy::{
    AttachedPolicy, BlockPublicAccess, Caller, CallerKind, Context, Decision, Denial, Grant,
    Grantee, Guardrails, IdentitySide, KeyGrant, KeySide, Layer, Lookup, ObjectOwnership,
    ObjectSide, Permission, Policy, PolicyKind, PolicySource, Question, ResourceSide, S3Side,
    decide, decide_within, requester_pays_admits,
};

const A: &str = "111111111111";
const B: &str = "222222222222";

struct NoKeys;
impl Context for NoKeys {
    fn lookup(&self, _: &str) -> Lookup<'_> {
        Lookup::Absent
    }
}

fn caller(account: &str, kind: CallerKind, arn: &str, unique_id: &str) -> Caller {
    Caller {
        kind,
        account: Some(AccountId::parse(account).unwrap()),
        canonical_id: Some(CanonicalUserId::parse(&account.repeat(6)[..64]).unwrap()),
        arn: arn.to_owned(),
        principal_arn: arn.to_owned(),
        unique_id: unique_id.to_owned(),
        ..Caller::anonymous()
    }
}

fn user(account: &str) -> Caller {
    let arn = format!("arn:aws:iam::{account}:user/al");
    caller(account, CallerKind::User, &arn, "AIDAALALALALALALALAL")
}

fn service(name: &str) -> Caller {
    Caller {
        kind: CallerKind::Service {
            name: name.to_owned(),
        },
        ..Caller::anonymous()
    }
}

fn question<'a>(caller: &'a Caller, action: &'a str, resource: &'a str) -> Question<'a> {
    Question {
        caller,
        action,
        resource,
        owner: Some(AccountId::parse(A).unwrap()),
        context: &NoKeys,
    }
}

fn load(kind: PolicyKind, statement: &str) -> Policy {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":{{{statement}}}}}"#);
    Policy::load(kind, &text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn own(statement: &str) -> [AttachedPolicy; 1] {
    [AttachedPolicy {
        source: PolicySource::Managed {
            arn: "arn:aws:iam::111111111111:policy/p".to_owned(),
        },
        policy: Arc::new(load(PolicyKind::Identity, statement)),
    }]
}

fn side(policies: &[AttachedPolicy]) -> IdentitySide<'_> {
    IdentitySide {
        policies,
        ..IdentitySide::default()
    }
}

fn bucket(policy: Option<&Policy>) -> S3Side<'_> {
    S3Side {
        policy,
        ownership: ObjectOwnership::BucketOwnerEnforced,
        bucket_acl: &[],
        object: None,
        block_public_access: BlockPublicAccess::default(),
        writes_public_acl: false,
        writes_policy: None,
        is_upload_initiator: false,
        owner_canonical_id: None,
    }
}

fn refused(decision: Decision) -> Denial {
    match decision {
        Decision::Allow => panic!("allowed"),
        Decision::Deny(denial) => denial,
    }
}

const ALL: &str = r#""Effect":"Allow","Action":"*","Resource":"*""#;
const GET: &str = "s3:GetObject";
const OBJECT: &str = "arn:aws:s3:::data/x";

#[test]
fn a_unique_id_names_its_user_and_not_another_of_the_same_name() {
    let policy = load(
        PolicyKind::Bucket,
        r#""Effect":"Allow","Principal":{"AWS":"AIDAALALALALALALALAL"},"Action":"s3:*","Resource":"*""#,
    );
    let answer = |caller: &Caller| {
        let s3 = ResourceSide::S3(bucket(Some(&policy)));
        decide(&question(caller, GET, OBJECT), &side(&[]), &s3).is_allowed()
    };
    assert!(answer(&user(A)));
    let mut again = user(A);
    again.unique_id = "AIDANEWNEWNEWNEWNEWN".to_owned();
    assert!(!answer(&again));
    let role = CallerKind::RoleSession {
        role_arn: "arn:aws:iam::111111111111:role/r".to_owned(),
        session_name: "s".to_owned(),
    };
    let arn = "arn:aws:sts::111111111111:assumed-role/r/s";
    assert!(!answer(&caller(A, role, arn, "AROARRRRRRRRRRRRRRRR")));
    let federated = CallerKind::FederatedUser {
        user_arn: "arn:aws:iam::111111111111:user/al".to_owned(),
        user_unique_id: "AIDAALALALALALALALAL".to_owned(),
    };
    let arn = "arn:aws:sts::111111111111:federated-user/f";
    // Without session policies a federated user has nothing but what names itself.
    assert!(!answer(&caller(A, federated, arn, "111111111111:f")));
}

#[test]
fn an_explicit_deny_of_a_managed_policy_names_it() {
    let policies = own(r#""Effect":"Deny","Action":"s3:*","Resource":"*""#);
    let al = user(A);
    let s3 = ResourceSide::S3(bucket(None));
    let denial = refused(decide(&question(&al, GET, OBJECT), &side(&policies), &s3));
    assert!(denial.explicit);
    assert_eq!(denial.layer, Layer::Identity);
    assert_eq!(
        denial.policy_arn.as_deref(),
        Some("arn:aws:iam::111111111111:policy/p")
    );
}

#[test]
fn who_started_an_upload_may_list_and_abort_it_unless_denied() {
    let al = user(A);
    let mut s3 = bucket(None);
    s3.is_upload_initiator = true;
    let abort = question(&al, "s3:AbortMultipartUpload", OBJECT);
    assert!(decide(&abort, &side(&[]), &ResourceSide::S3(s3)).is_allowed());
    let put = question(&al, "s3:PutObject", OBJECT);
    assert!(!decide(&put, &side(&[]), &ResourceSide::S3(s3)).is_allowed());
    let policies = own(r#""Effect":"Deny","Action":"s3:Abort*","Resource":"*""#);
    assert!(!decide(&abort, &side(&policies), &ResourceSide::S3(s3)).is_allowed());
}

#[test]
fn block_public_acls_and_policies_bind_root_too() {
    let root = caller(A, CallerKind::Root, "arn:aws:iam::111111111111:root", A);
    let public = load(
        PolicyKind::Bucket,
        r#""Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*""#,
    );
    let mut s3 = bucket(None);
    s3.block_public_access.block_public_acls = true;
    s3.block_public_access.block_public_policy = true;
    s3.writes_public_acl = true;
    let asked = question(&root, "s3:PutBucketAcl", "arn:aws:s3:::data");
    let denial = refused(decide(&asked, &side(&[]), &ResourceSide::S3(s3)));
    assert_eq!(denial.layer, Layer::BlockPublicAcls);
    s3.writes_public_acl = false;
    s3.writes_policy = Some(&public);
    let asked = question(&root, "s3:PutBucketPolicy", "arn:aws:s3:::data");
    let denial = refused(decide(&asked, &side(&[]), &ResourceSide::S3(s3)));
    assert_eq!(denial.layer, Layer::BlockPublicPolicy);
}

#[test]
fn log_delivery_writes_where_the_acl_grants_it() {
    let grants = [Grant {
        grantee: Grantee::LogDelivery,
        permission: Permission::Write,
    }];
    let mut s3 = bucket(None);
    s3.ownership = ObjectOwnership::ObjectWriter;
    s3.bucket_acl = &grants;
    let answer = |caller: &Caller| {
        let asked = question(caller, "s3:PutObject", OBJECT);
        decide(&asked, &side(&[]), &ResourceSide::S3(s3)).is_allowed()
    };
    assert!(answer(&service("logging.s3.amazonaws.com")));
    assert!(!answer(&service("ec2.amazonaws.com")));
    assert!(!answer(&Caller::anonymous()));
}

#[test]
fn a_write_grant_does_not_reach_objects_of_others() {
    let grants = [Grant {
        grantee: Grantee::AllUsers,
        permission: Permission::Write,
    }];
    let other = user(B);
    let policies = own(ALL);
    let answer = |owner: Option<&str>| {
        let mut s3 = bucket(None);
        s3.ownership = ObjectOwnership::ObjectWriter;
        s3.bucket_acl = &grants;
        s3.object = owner.map(|owner| ObjectSide {
            owner: Some(AccountId::parse(owner).unwrap()),
            acl: &[],
        });
        let asked = question(&other, "s3:PutObject", OBJECT);
        decide(&asked, &side(&policies), &ResourceSide::S3(s3)).is_allowed()
    };
    assert!(answer(None));
    assert!(answer(Some(B)));
    assert!(!answer(Some(A)));
}

#[test]
fn restricted_buckets_keep_others_out_of_a_public_policy() {
    let policy = load(
        PolicyKind::Bucket,
        r#""Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*""#,
    );
    let mut s3 = bucket(Some(&policy));
    s3.block_public_access.restrict_public_buckets = true;
    let answer = |caller: &Caller, policies: &[AttachedPolicy]| {
        decide(
            &question(caller, GET, OBJECT),
            &side(policies),
            &ResourceSide::S3(s3),
        )
    };
    assert!(answer(&user(A), &[]).is_allowed());
    assert!(answer(&service("logging.s3.amazonaws.com"), &[]).is_allowed());
    assert!(refused(answer(&Caller::anonymous(), &[])).explicit);
    assert!(refused(answer(&user(B), &own(ALL))).explicit);
}

#[test]
fn what_belongs_to_another_account_and_has_no_policy_is_out_of_reach() {
    let (al, other) = (user(A), user(B));
    let policies = own(ALL);
    let user_arn = "arn:aws:iam::111111111111:user/al";
    let ask = |caller| {
        let asked = question(caller, "iam:GetUser", user_arn);
        decide(&asked, &side(&policies), &ResourceSide::None).is_allowed()
    };
    assert!(ask(&al));
    assert!(!ask(&other));
}

#[test]
fn tokens_are_taken_from_named_providers_only() {
    let holder = Caller {
        kind: CallerKind::TokenHolder {
            provider: "accounts.google.com".to_owned(),
        },
        ..Caller::anonymous()
    };
    let answer = |principal: &str| {
        let action = "sts:AssumeRoleWithWebIdentity";
        let statement = format!(r#""Effect":"Allow","Principal":{principal},"Action":"{action}""#);
        let trust = load(PolicyKind::Trust, &statement);
        let asked = question(&holder, action, "arn:aws:iam::111111111111:role/r");
        decide(&asked, &side(&[]), &ResourceSide::Trust(&trust)).is_allowed()
    };
    assert!(answer(r#"{"Federated":"accounts.google.com"}"#));
    assert!(!answer(r#"{"Federated":"www.amazon.com"}"#));
    assert!(!answer(r#"{"AWS":"*"}"#));
}

#[test]
fn grants_on_keys_are_held_to_their_constraints_and_other_accounts_to_few_operations() {
    let policy = load(
        PolicyKind::Key,
        r#""Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"kms:*","Resource":"*""#,
    );
    let key_arn = "arn:aws:kms:us-east-1:111111111111:key/1";
    let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
    let al = user(A);
    let answer = |context: &[(String, String)]| {
        let grants = [KeyGrant {
            grantee: al.arn.clone(),
            operations: vec!["Decrypt".to_owned()],
            encryption_context_equals: Some(vec![pair("k", "v")]),
            encryption_context_subset: None,
        }];
        let key = KeySide {
            policy: &policy,
            grants: &grants,
            encryption_context: context,
        };
        let asked = question(&al, "kms:Decrypt", key_arn);
        decide(&asked, &side(&[]), &ResourceSide::Key(key)).is_allowed()
    };
    assert!(answer(&[pair("k", "v")]));
    assert!(!answer(&[pair("k", "v"), pair("more", "v")]));
    assert!(!answer(&[]));

    let (other, policies) = (user(B), own(ALL));
    let across = |action: &str| {
        let key = KeySide {
            policy: &policy,
            grants: &[],
            encryption_context: &[],
        };
        let asked = question(&other, action, key_arn);
        decide(&asked, &side(&policies), &ResourceSide::Key(key)).is_allowed()
    };
    assert!(across("kms:GenerateDataKeyWithoutPlaintext"));
    assert!(across("kms:DescribeKey"));
    assert!(!across("kms:ScheduleKeyDeletion"));
}

#[test]
fn every_level_of_an_organisation_must_allow() {
    let attach = |statement: &str| AttachedPolicy {
        source: PolicySource::Managed {
            arn: "arn:scp".to_owned(),
        },
        policy: Arc::new(load(PolicyKind::ServiceControl, statement)),
    };
    let root = caller(A, CallerKind::Root, "arn:aws:iam::111111111111:root", A);
    let answer = |levels: &[Vec<AttachedPolicy>], caller: &Caller| {
        let guardrails = Guardrails {
            service_control: levels,
            ..Guardrails::default()
        };
        let s3 = ResourceSide::S3(bucket(None));
        decide_within(&question(caller, GET, OBJECT), &side(&[]), &s3, &guardrails)
    };
    assert!(answer(&[vec![attach(ALL)], vec![attach(ALL)]], &root).is_allowed());
    let denial = refused(answer(&[vec![attach(ALL)], vec![]], &root));
    assert_eq!(
        (denial.explicit, denial.layer),
        (false, Layer::ServiceControl)
    );
    let deny = attach(r#""Effect":"Deny","Action":"s3:*","Resource":"*""#);
    let denial = refused(answer(&[vec![attach(ALL), deny]], &root));
    assert_eq!(denial.policy_arn.as_deref(), Some("arn:scp"));
}

#[test]
fn requester_pays_admits_the_owner_and_who_says_so() {
    let (al, other, nobody) = (user(A), user(B), Caller::anonymous());
    let admits =
        |caller, confirmed| requester_pays_admits(&question(caller, GET, OBJECT), confirmed);
    assert!(admits(&al, false));
    assert!(!admits(&other, false));
    assert!(admits(&other, true));
    assert!(!admits(&nobody, true));
}
