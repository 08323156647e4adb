//! Records as the server makes them.
use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::AccountId;
use jiff::Timestamp;
use journal::{Asked, Failure, Record, Verdict};
use policy::{
    AttachedPolicy, BlockPublicAccess, Caller, CallerKind, Case, ContextValue, Layer,
    ObjectOwnership, Policy, PolicyKind, PolicySource, Reason, S3Target, Target,
};

const ACCOUNT: &str = "111111111111";
const OWNER: &str = "222222222222";
const USER: &str = "arn:aws:iam::111111111111:user/deliverer";

pub const TIME: Timestamp = Timestamp::constant(1_780_000_000, 123_456_789);

fn account(id: &str) -> AccountId {
    AccountId::parse(id).expect("an account id")
}

/// A bucket policy of many statements, the last of which allows `ours.csv`.
pub fn bucket_policy(bytes: usize) -> Arc<Policy> {
    let statement = |resource: &str| {
        format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"{USER}"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/{resource}","Condition":{{"IpAddress":{{"aws:SourceIp":"10.0.0.0/8"}}}}}}"#
        )
    };
    let mut statements = Vec::new();
    let mut length = 0;
    while length < bytes - 600 {
        statements.push(statement(&format!("{:04}/*.parquet", statements.len())));
        length += statements.last().map_or(0, String::len) + 1;
    }
    statements.push(statement("2026/ours.csv"));
    let statements = statements.join(",");
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    Arc::new(Policy::load(PolicyKind::Bucket, &text).expect("a policy"))
}

fn own_policy() -> Arc<Policy> {
    let text =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    Arc::new(Policy::load(PolicyKind::Identity, text).expect("a policy"))
}

pub fn case(bucket: &Arc<Policy>, resource: &str) -> Case {
    let one = |key: &str, value: &str| (key.to_owned(), ContextValue::One(value.to_owned()));
    Case {
        caller: Caller {
            kind: CallerKind::User,
            account: Some(account(ACCOUNT)),
            arn: USER.to_owned(),
            principal_arn: USER.to_owned(),
            unique_id: "AIDAIOSFODNN7EXAMPLE1".to_owned(),
            user_id: "AIDAIOSFODNN7EXAMPLE1".to_owned(),
            user_name: Some("deliverer".to_owned()),
            ..Caller::anonymous()
        },
        action: "s3:GetObject".to_owned(),
        resource: resource.to_owned(),
        owner: Some(account(OWNER)),
        context: BTreeMap::from([
            one("aws:sourceip", "10.1.2.3"),
            one("aws:currenttime", "2026-05-28T20:26:40Z"),
            one("aws:epochtime", "1780000000"),
            one("aws:securetransport", "false"),
            one(
                "aws:useragent",
                "aws-sdk-java/2.25.0 Linux/6.1 OpenJDK_64-Bit_Server_VM/21",
            ),
            one("s3:authtype", "REST-HEADER"),
            one("s3:signatureversion", "AWS4-HMAC-SHA256"),
            one("s3:x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ]),
        identity: vec![AttachedPolicy {
            source: PolicySource::Inline {
                name: "deliver".to_owned(),
            },
            policy: own_policy(),
        }],
        boundary: None,
        session: None,
        target: Target::S3(Box::new(S3Target {
            bucket: "reports".to_owned(),
            policy: Some(bucket.clone()),
            ownership: ObjectOwnership::BucketOwnerEnforced,
            bucket_ownership: ObjectOwnership::BucketOwnerEnforced,
            bucket_acl: Vec::new(),
            object: None,
            bucket_block: BlockPublicAccess::default(),
            account_block: BlockPublicAccess::default(),
            writes_public_acl: false,
            writes_policy: None,
            is_upload_initiator: false,
            owner_canonical_id: None,
        })),
    }
}

/// What most calls are: a caller of the bucket's own account, and one statement.
pub fn small_case() -> Case {
    let mut case = case(&bucket_policy(700), "arn:aws:s3:::reports/2026/ours.csv");
    case.owner = case.caller.account;
    if let Target::S3(s3) = &mut case.target {
        s3.policy = None;
    }
    case
}

pub fn request_id(index: usize) -> String {
    format!("R{index:015}")
}

pub fn allowed(index: usize) -> Record {
    Record {
        request_id: request_id(index),
        service: "s3".to_owned(),
        operation: "GetObject".to_owned(),
        request: "GET /reports/2026/ours.csv".to_owned(),
        caller: USER.to_owned(),
        account: Some(ACCOUNT.to_owned()),
        access_key_id: Some("AKIAIOSFODNN7EXAMPLE".to_owned()),
        source_ip: Some("10.1.2.3".to_owned()),
        asked: vec![Asked {
            action: "s3:GetObject".to_owned(),
            resource: "arn:aws:s3:::reports/2026/ours.csv".to_owned(),
            owner: Some(account(OWNER)),
            probe: false,
            verdict: Verdict::Allow,
            layer: None,
            reason: Some(Reason::IdentitySide),
            case: None,
        }],
        status: 200,
        duration_us: 412,
        ..Record::default()
    }
}

pub fn refused(index: usize, case: &Case) -> Record {
    let mut record = allowed(index);
    record.status = 403;
    record.error = Some("AccessDenied".to_owned());
    record.failure = Some(Failure {
        message: format!(
            "User: {USER} is not authorized to perform: s3:GetObject on resource: \"{}\" because no resource-based policy allows the s3:GetObject action",
            case.resource
        ),
        fields: Vec::new(),
    });
    for asked in &mut record.asked {
        asked.verdict = Verdict::ImplicitDeny;
        asked.layer = Some(Layer::Resource);
        asked.reason = None;
        asked.case = Some(Box::new(case.clone()));
    }
    record
}

/// What a record takes when nothing is taken out of it.
pub fn inline_bytes(record: &Record) -> usize {
    serde_json::to_vec(record).expect("JSON").len()
}
