//! Targets of `policy` and `catalog`.

use std::sync::Arc;

use catalog::{AccountId, BucketName, CanonicalUserId, IamEntity, ObjectKey, Resource as _};
use policy::{
    AttachedPolicy, BlockPublicAccess, Caller, CallerKind, Context, IdentitySide, Lookup,
    ObjectOwnership, Policy, PolicyKind, PolicySource, Question, ResourceSide, Rewrite, S3Side,
    decide, explain, size_for_quota,
};
use serde_json::json;

const KINDS: &[PolicyKind] = &[
    PolicyKind::Identity,
    PolicyKind::Managed,
    PolicyKind::Session,
    PolicyKind::Trust,
    PolicyKind::Bucket,
    PolicyKind::Key,
    PolicyKind::ServiceControl,
    PolicyKind::ResourceControl,
    PolicyKind::VpcEndpoint,
];

pub(crate) const WORDS: &[&str] = &[
    "\"Version\":\"2012-10-17\"",
    "\"Version\":\"2008-10-17\"",
    "\"Id\":\"x\"",
    "\"Statement\":",
    "\"Sid\":",
    "\"Effect\":\"Allow\"",
    "\"Effect\":\"Deny\"",
    "\"Principal\":",
    "\"NotPrincipal\":",
    "\"Action\":",
    "\"NotAction\":",
    "\"Resource\":",
    "\"NotResource\":",
    "\"Condition\":",
    "\"*\"",
    "{\"AWS\":\"*\"}",
    "\"123456789012\"",
    "\"arn:aws:iam::123456789012:root\"",
    "\"AIDAALALALALALALALALA\"",
    "\"CanonicalUser\":",
    "\"Service\":\"ec2.amazonaws.com\"",
    "\"Federated\":",
    "\"s3:*\"",
    "\"s3:Get*\"",
    "\"sts:AssumeRole\"",
    "\"arn:aws:s3:::logs/*\"",
    "\"arn:aws:s3:::${aws:username}/*\"",
    "${aws:PrincipalTag/a, 'b'}",
    "${*}",
    "${$}",
    "\"StringLike\":",
    "\"IpAddress\":",
    "\"ForAllValues:StringEqualsIfExists\":",
    "\"Null\":",
    "\"aws:SourceIp\":",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\\u0000",
    "\\ud800",
    "\\udfff\\ud800",
    "1",
    "true",
    "null",
    " ",
    "\u{a0}",
];

/// Documents of every kind.
pub(crate) fn documents() -> Vec<Vec<u8>> {
    [
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Action":["s3:Get*","s3:ListBucket"],"Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/${aws:username}/*"],"Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","2001:db8::/32"]},"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}}]}"#,
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotAction":"iam:*","NotResource":"*","Condition":{"Null":{"aws:TokenIssueTime":"true"},"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["a*","?b"]}}}}"#,
        r#"{"Version":"2012-10-17","Id":"p","Statement":[{"Effect":"Allow","Principal":{"AWS":["123456789012","arn:aws:iam::123456789012:role/a/b"],"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/*","Condition":{"NumericLessThan":{"s3:signatureAge":10},"StringLike":{"aws:Referer":"*a?"}}},{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::123456789012:user/al"},"Action":"s3:*","Resource":"arn:aws:s3:::logs"}]}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"},"Bool":{"aws:SecureTransport":true}}}]}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{"sts:ExternalId":"SECRET"}}}]}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity"}]}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"kms:*","Resource":"*"}]}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// Reads, prints, rewrites and asks a document, as each kind.
pub(crate) fn policy_json(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = size_for_quota(&text);
    if let Ok(bucket) = BucketName::parse("logs") {
        let _ = Policy::parse_bucket(&bucket, &text);
    }
    for kind in KINDS {
        let parsed = Policy::parse(*kind, &text);
        let loaded = Policy::load(*kind, &text);
        assert!(
            parsed.is_err() || loaded.is_ok(),
            "what may be stored can be loaded"
        );
        let Ok(policy) = loaded else { continue };
        let compact = policy.compact_text();
        let again = Policy::load(*kind, &compact);
        assert!(
            again.is_ok_and(|again| again.compact_text() == compact),
            "the compact text is the same document"
        );
        let kept = policy.rewrite_principals(|_| Rewrite::Keep);
        if let Ok(kept) = &kept {
            assert!(Policy::load(*kind, kept).is_ok(), "rewritten, it loads");
        }
        let _ = policy.rewrite_principals(|_| Rewrite::Replace("AIDAALALALALALALALALA".to_owned()));
        let _ = policy.rewrite_principals(|_| Rewrite::Invalid);
        let _ = (policy.is_public(), policy.context_keys().count());
        asked(policy, "s3:GetObject", "arn:aws:s3:::logs/al/k", "10.1.2.3");
    }
}

pub(crate) const CONDITION_WORDS: &[&str] = &[
    "\n",
    "StringEquals",
    "StringNotLike",
    "StringEqualsIgnoreCase",
    "NumericLessThanEquals",
    "NumericNotEquals",
    "DateGreaterThan",
    "DateEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnLike",
    "ArnNotEquals",
    "Null",
    "IfExists",
    "ForAllValues:",
    "ForAnyValue:",
    "aws:SourceIp",
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:PrincipalTag/",
    "2020-01-01T00:00:00Z",
    "2020-02-30",
    "+02:00",
    "1582934400",
    "253402300800",
    "-9223372036854775808",
    "0.1",
    "1e400",
    "10.0.0.0/8",
    "::ffff:10.0.0.1",
    "2001:db8::/129",
    "/33",
    "QUJD",
    "QQ==",
    "arn:aws:iam::*:role/*",
    "arn:aws:s3:::a?b*",
    "${aws:username}",
    "${aws:PrincipalTag/x, '*'}",
    "true",
    "FALSE",
];

/// Operator, key, value and what the context has, a line each.
pub(crate) fn conditions() -> Vec<Vec<u8>> {
    let text = include_str!("../../crates/policy/tests/cases/condition-cases.json");
    let table: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let mut seeds = Vec::new();
    for case in table
        .get("cases")
        .and_then(|cases| cases.as_array())
        .into_iter()
        .flatten()
    {
        let text = |name: &str| case.get(name).and_then(|value| value.as_str());
        let (Some(operator), Some(key), Some(value)) =
            (text("operator"), text("key"), text("policyValues"))
        else {
            continue;
        };
        let context = case.get("context").and_then(|context| context.get(key));
        let context = context.and_then(|value| value.as_str()).unwrap_or_default();
        seeds.push(format!("{operator}\n{key}\n{value}\n{context}").into_bytes());
    }
    seeds
}

/// One condition of a policy against one context.
pub(crate) fn condition(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (operator, key, value, context) = (line(), line(), line(), line());
    let values: Vec<&str> = value.split('\t').collect();
    let document = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*",
        "Condition": {operator: {key: values}}}});
    let mut bucket = document.clone();
    if let Some(statement) = bucket.get_mut("Statement") {
        statement["Principal"] = json!("*");
    }
    let _ = Policy::parse(PolicyKind::Bucket, &bucket.to_string());
    let _ = Policy::load(PolicyKind::Bucket, &bucket.to_string());
    if let Ok(policy) = Policy::load(PolicyKind::Identity, &document.to_string()) {
        asked(policy, "s3:GetObject", "arn:aws:s3:::logs/k", context);
    }
}

pub(crate) const ARN_WORDS: &[&str] = &[
    "arn:",
    "aws:",
    "iam:",
    "s3:",
    "sts:",
    ":",
    "::",
    ":::",
    "/",
    "123456789012",
    "root",
    "user/",
    "role/",
    "*",
    "?",
    "assumed-role/",
    "federated-user/",
    "policy/",
    "aws-cn",
    "AIDA",
    "AROA",
    ".amazonaws.com",
    "logs",
    ".",
    "-",
    "..",
    "xn--",
    "-s3alias",
    "192.168.0.1",
    "A",
    "_",
];

pub(crate) fn arns() -> Vec<Vec<u8>> {
    [
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:user/division/al",
        "arn:aws:iam::123456789012:role/a/b",
        "arn:aws:sts::123456789012:assumed-role/a/session",
        "arn:aws:iam::aws:policy/AdministratorAccess",
        "arn:aws:s3:::logs/a*b?c",
        "arn:aws:kms:us-east-1:123456789012:key/1234abcd",
        "123456789012",
        "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be",
        "ec2.amazonaws.com",
        "my-bucket.of-logs",
        "AKIAIOSFODNN7EXAMPLE",
        "s3:GetObject*",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// Names of every kind: what is valid is printed as it was written.
pub(crate) fn arn(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    if let Ok(account) = AccountId::parse_exact(text) {
        assert_eq!(account.to_string(), text);
    }
    let account = AccountId::parse(text).or_else(|_| AccountId::parse("111122223333"));
    if let Ok(id) = CanonicalUserId::parse(text) {
        assert_eq!(id.as_str(), text);
    }
    if let Ok(bucket) = BucketName::parse(text) {
        assert_eq!(bucket.as_str(), text);
    }
    if let Ok(key) = ObjectKey::parse(text) {
        assert_eq!(key.as_str(), text);
    }
    if let Ok(account) = account {
        let _ = IamEntity::policy(account, text).arn();
        let _ = IamEntity::holder_of_access_key(account, text).arn();
    }
    for word in ["AWS", "Service", "Federated", "CanonicalUser"] {
        let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow",
            "Principal": {word: text}, "Action": "sts:AssumeRole"}})
        .to_string();
        let parsed = Policy::parse(PolicyKind::Trust, &trust);
        if let Ok(policy) = parsed.or_else(|_| Policy::load(PolicyKind::Trust, &trust)) {
            let _ = policy.rewrite_principals(|_| Rewrite::Keep);
        }
    }
    let own = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow",
        "Action": text, "Resource": text}})
    .to_string();
    let _ = Policy::parse(PolicyKind::Managed, &own);
    if let Ok(policy) = Policy::load(PolicyKind::Identity, &own) {
        asked(policy, text, text, text);
    }
}

/// Everything asked for has one value.
struct Always<'a>(&'a str);

impl Context for Always<'_> {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        if key.starts_with("aws:principal") {
            Lookup::Absent
        } else {
            Lookup::One(self.0)
        }
    }
}

/// Asks a policy, on the side where it belongs; the answer and its explanation must agree.
fn asked(policy: Policy, action: &str, resource: &str, value: &str) {
    let Ok(account) = AccountId::parse("123456789012") else {
        return;
    };
    let caller = Caller {
        kind: CallerKind::User,
        account: Some(account),
        arn: "arn:aws:iam::123456789012:user/al".to_owned(),
        principal_arn: "arn:aws:iam::123456789012:user/al".to_owned(),
        user_name: Some("al".to_owned()),
        ..Caller::anonymous()
    };
    let context = Always(value);
    let question = Question {
        caller: &caller,
        action,
        resource,
        owner: Some(account),
        context: &context,
    };
    let own;
    let (identity, side) = match policy.kind() {
        PolicyKind::Bucket => {
            let side = S3Side {
                policy: Some(&policy),
                ownership: ObjectOwnership::BucketOwnerEnforced,
                bucket_acl: &[],
                object: None,
                block_public_access: BlockPublicAccess::default(),
                writes_public_acl: false,
                writes_policy: None,
                is_upload_initiator: false,
                owner_canonical_id: None,
            };
            (IdentitySide::default(), ResourceSide::S3(side))
        }
        PolicyKind::Trust => (IdentitySide::default(), ResourceSide::Trust(&policy)),
        PolicyKind::Identity
        | PolicyKind::Managed
        | PolicyKind::Session
        | PolicyKind::Key
        | PolicyKind::ServiceControl
        | PolicyKind::ResourceControl
        | PolicyKind::VpcEndpoint => {
            own = [AttachedPolicy {
                source: PolicySource::Inline {
                    name: "p".to_owned(),
                },
                policy: Arc::new(policy),
            }];
            let identity = IdentitySide {
                policies: &own,
                ..IdentitySide::default()
            };
            (identity, ResourceSide::None)
        }
    };
    let decided = decide(&question, &identity, &side);
    let explained = explain(&question, &identity, &side);
    assert_eq!(
        decided.is_allowed(),
        explained.decision().is_allowed(),
        "the answer is the explanation's"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_are_policies_of_some_kind() {
        for seed in documents() {
            let text = String::from_utf8(seed).unwrap();
            let valid = |kind: &&PolicyKind| Policy::parse(**kind, &text).is_ok();
            assert!(KINDS.iter().any(|kind| valid(&kind)), "{text}");
        }
    }

    #[test]
    fn there_are_many_conditions() {
        assert!(conditions().len() > 50, "{}", conditions().len());
    }
}
