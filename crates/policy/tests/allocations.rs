//! An allow needs no memory: what a request costs does not depend on the allocator's mood.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(unsafe_code, reason = "only an allocator can count allocations")]
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;

use catalog::AccountId;
use policy::{
    AttachedPolicy, BlockPublicAccess, Caller, CallerKind, Context, IdentitySide, Lookup,
    ObjectOwnership, Policy, PolicyKind, PolicySource, Question, ResourceSide, S3Side, decide,
    explain,
};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed on to the system's allocator as it is. The counter is a plain cell
// of the thread, which needs no allocation; a thread that is ending has none any more.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates.
fn allocations<T>(work: impl FnOnce() -> T) -> usize {
    let before = COUNT.get();
    let result = work();
    let count = COUNT.get() - before;
    drop(result);
    count
}

struct Request;
impl Context for Request {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match key {
            "aws:sourceip" => Lookup::One("10.1.2.3"),
            "aws:securetransport" => Lookup::One("true"),
            "aws:currenttime" => Lookup::One("2026-07-01T10:00:00Z"),
            "aws:useragent" => Lookup::One("aws-cli/2.31.0"),
            "s3:max-keys" => Lookup::One("100"),
            _ => Lookup::Absent,
        }
    }
}

const OWNER: &str = "111111111111";
const PARTNER: &str = "222222222222";

fn user() -> Caller {
    let arn = format!("arn:aws:iam::{OWNER}:user/team/al");
    Caller {
        kind: CallerKind::User,
        account: Some(AccountId::parse(OWNER).unwrap()),
        canonical_id: None,
        principal_arn: arn.clone(),
        arn,
        unique_id: "AIDAALALALALALALALAL".to_owned(),
        user_id: "AIDAALALALALALALALAL".to_owned(),
        user_name: Some("al".to_owned()),
        tags: vec![("Team".to_owned(), "blue".to_owned())],
    }
}

fn session() -> Caller {
    let role_arn = format!("arn:aws:iam::{PARTNER}:role/crawler");
    Caller {
        kind: CallerKind::RoleSession {
            role_arn: role_arn.clone(),
            session_name: "nightly".to_owned(),
        },
        account: Some(AccountId::parse(PARTNER).unwrap()),
        arn: format!("arn:aws:sts::{PARTNER}:assumed-role/crawler/nightly"),
        principal_arn: role_arn,
        unique_id: "AROACRAWLERCRAWLERCR".to_owned(),
        user_id: "AROACRAWLERCRAWLERCR:nightly".to_owned(),
        user_name: None,
        ..user()
    }
}

fn document(statements: &[String]) -> String {
    let statements = statements.join(",");
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
}

fn managed(number: usize, statements: &[String]) -> AttachedPolicy {
    AttachedPolicy {
        source: PolicySource::Managed {
            arn: format!("arn:aws:iam::{OWNER}:policy/p{number}"),
        },
        policy: Arc::new(Policy::parse(PolicyKind::Managed, &document(statements)).unwrap()),
    }
}

/// Five policies of five statements; one statement of the fourth allows.
fn five_policies() -> Vec<AttachedPolicy> {
    let five = (0..5).map(|at| {
        let wanted = format!("arn:aws:s3:::team-{at}");
        managed(
            at,
            &[
                format!(r#"{{"Effect":"Allow","Action":"s3:List*","Resource":"{wanted}"}}"#),
                format!(
                    r#"{{"Effect":"Allow","Action":["s3:GetObject","s3:GetObjectVersion"],"Resource":"{wanted}/desk/${{aws:username}}/*"}}"#
                ),
                format!(r#"{{"Effect":"Allow","Action":"s3:Put*","Resource":"{wanted}/*"}}"#),
                format!(
                    r#"{{"Effect":"Deny","Action":"s3:*","Resource":"{wanted}/*","Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}}"#
                ),
                format!(
                    r#"{{"Effect":"Deny","NotAction":"s3:Get*","Resource":"arn:aws:s3::*:team-{at}/*/secret?/*"}}"#
                ),
            ],
        )
    });
    five.collect()
}

/// Twenty statements, with conditions of every kind but `BinaryEquals`, which must decode.
fn twenty_statements() -> Policy {
    let conditions = [
        r#""IpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#,
        r#""Bool":{"aws:SecureTransport":"true"}"#,
        r#""StringEquals":{"aws:PrincipalTag/team":["blue","${aws:userid}"]}"#,
        r#""StringLike":{"aws:UserAgent":["*cli*","aws-?li/${aws:PrincipalAccount}"]}"#,
        r#""StringEqualsIgnoreCase":{"aws:PrincipalTag/team":"BLUE"}"#,
        r#""DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}"#,
        r#""NumericLessThanEqualsIfExists":{"aws:MultiFactorAuthAge":"3600"}"#,
        r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::222222222222:role/*"}"#,
        r#""Null":{"aws:SourceVpc":"true"}"#,
        r#""ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}"#,
    ];
    let statements: Vec<_> = (0..20)
        .zip(conditions.iter().cycle())
        .map(|(at, condition)| {
            let effect = if at < 19 && at % 4 == 3 { "Deny" } else { "Allow" };
            let start = if effect == "Deny" { "frozen/" } else { "" };
            format!(
                r#"{{"Effect":"{effect}","Principal":{{"AWS":["arn:aws:iam::{OWNER}:root","arn:aws:iam::{PARTNER}:root","AROACRAWLERCRAWLERCR"]}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/{start}*","Condition":{{{condition}}}}}"#
            )
        })
        .collect();
    Policy::parse(PolicyKind::Bucket, &document(&statements)).unwrap()
}

/// Asks once to be warm, then counts.
fn allow_costs(caller: &Caller, resource: &str, own: &[AttachedPolicy], bucket: Option<&Policy>) {
    let question = Question {
        caller,
        action: "s3:GetObject",
        resource,
        owner: Some(AccountId::parse(OWNER).unwrap()),
        context: &Request,
    };
    let identity = IdentitySide {
        policies: own,
        ..IdentitySide::default()
    };
    let side = ResourceSide::S3(S3Side {
        policy: bucket,
        ownership: ObjectOwnership::BucketOwnerEnforced,
        bucket_acl: &[],
        object: None,
        block_public_access: BlockPublicAccess::default(),
        writes_public_acl: false,
        writes_policy: None,
        is_upload_initiator: false,
        owner_canonical_id: None,
    });
    assert!(explain(&question, &identity, &side).decision().is_allowed());
    assert!(decide(&question, &identity, &side).is_allowed());
    assert_eq!(allocations(|| decide(&question, &identity, &side)), 0);
}

#[test]
fn an_allow_in_one_account_allocates_nothing() {
    allow_costs(
        &user(),
        "arn:aws:s3:::team-3/desk/al/figures.csv",
        &five_policies(),
        None,
    );
}

#[test]
fn an_allow_across_accounts_allocates_nothing() {
    let own = managed(
        0,
        &[r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#.into()],
    );
    let bucket = twenty_statements();
    let object = "arn:aws:s3:::data/2026/x.parquet";
    allow_costs(
        &session(),
        object,
        std::slice::from_ref(&own),
        Some(&bucket),
    );
}

#[test]
fn allocations_are_counted() {
    // What nobody looks at, the compiler may leave out.
    assert_eq!(allocations(|| black_box(Box::new(black_box(1)))), 1);
    let chained = || {
        vec![black_box(1), 2]
            .into_iter()
            .chain([3])
            .collect::<Vec<_>>()
    };
    assert!(allocations(|| black_box(chained())) >= 1);
}
