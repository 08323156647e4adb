//! Records as the server makes them.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::AccountId;
use journal::{Asked, Failure, Record, SessionRecord, Verdict};
use policy::{
    AttachedPolicy, BlockPublicAccess, Caller, CallerKind, Case, ContextValue, Layer,
    ObjectOwnership, Policy, PolicyKind, PolicySource, Reason, S3Target, Target,
};

pub const FIRM: &str = "111111111111";
pub const CUSTOMER: &str = "222222222222";

/// A bucket policy of about this size.
pub fn bucket_policy(bytes: usize, name: &str) -> Arc<Policy> {
    let resource = "x".repeat(bytes.saturating_sub(180));
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"{name}","Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/{resource}"}}]}}"#
    );
    Arc::new(Policy::load(PolicyKind::Bucket, &text).unwrap())
}

pub fn identity_policy(name: &str) -> Arc<Policy> {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Sid":"{name}","Effect":"Allow","Action":"s3:PutObject","Resource":"*"}}}}"#
    );
    Arc::new(Policy::load(PolicyKind::Identity, &text).unwrap())
}

pub fn case(bucket: &Arc<Policy>, own: &Arc<Policy>) -> Case {
    let account = AccountId::parse(FIRM).unwrap();
    Case {
        caller: Caller {
            kind: CallerKind::User,
            account: Some(account),
            arn: format!("arn:aws:iam::{FIRM}:user/al"),
            ..Caller::anonymous()
        },
        action: "s3:GetObject".to_owned(),
        resource: "arn:aws:s3:::b/k".to_owned(),
        owner: Some(AccountId::parse(CUSTOMER).unwrap()),
        context: BTreeMap::from([
            (
                "aws:sourceip".to_owned(),
                ContextValue::One("10.0.0.1".to_owned()),
            ),
            (
                "aws:tagkeys".to_owned(),
                ContextValue::Many(vec!["a".to_owned(), "\"\n\u{2028}ü".to_owned()]),
            ),
        ]),
        identity: vec![AttachedPolicy {
            source: PolicySource::Inline {
                name: "write".to_owned(),
            },
            policy: own.clone(),
        }],
        boundary: None,
        session: Some(Vec::new()),
        target: Target::S3(Box::new(S3Target {
            bucket: "b".to_owned(),
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

pub fn allowed(id: &str) -> Record {
    Record {
        time: "2026-03-01T12:00:00Z".to_owned(),
        request_id: id.to_owned(),
        service: "s3".to_owned(),
        operation: "GetObject".to_owned(),
        request: "GET /b/k".to_owned(),
        caller: format!("arn:aws:iam::{FIRM}:user/al"),
        account: Some(FIRM.to_owned()),
        access_key_id: Some("AKIAIOSFODNN7EXAMPLE".to_owned()),
        source_ip: Some("10.0.0.1".to_owned()),
        asked: vec![Asked {
            action: "s3:GetObject".to_owned(),
            resource: "arn:aws:s3:::b/k".to_owned(),
            owner: Some(AccountId::parse(FIRM).unwrap()),
            probe: false,
            verdict: Verdict::Allow,
            layer: None,
            reason: Some(Reason::IdentitySide),
            case: None,
        }],
        status: 200,
        duration_us: 123,
        ..Record::default()
    }
}

pub fn refused(id: &str, bucket: &Arc<Policy>, own: &Arc<Policy>) -> Record {
    let mut record = allowed(id);
    record.status = 403;
    record.error = Some("AccessDenied".to_owned());
    record.failure = Some(Failure {
        message: "User: … is not authorized".to_owned(),
        fields: vec![("BucketName".to_owned(), "b".to_owned())],
    });
    record.session = Some(SessionRecord {
        made_by: "AssumeRole".to_owned(),
        issued_at: "2026-03-01T11:00:00Z".to_owned(),
        expires_at: "2026-03-01T12:00:00Z".to_owned(),
    });
    record.asked = vec![Asked {
        action: "s3:GetObject".to_owned(),
        resource: "arn:aws:s3:::b/k".to_owned(),
        owner: Some(AccountId::parse(CUSTOMER).unwrap()),
        probe: false,
        verdict: Verdict::ImplicitDeny,
        layer: Some(Layer::Identity),
        reason: None,
        case: Some(Box::new(case(bucket, own))),
    }];
    record
}

/// The journal's files, the oldest first.
pub fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == ending))
        .collect();
    paths.sort();
    paths
}
