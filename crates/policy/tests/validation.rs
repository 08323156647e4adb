//! What services refuse to store, in their words (spec P-13, P-14, P-16, P-17).
#![expect(clippy::unwrap_used, reason = "tests")]
use catalog::BucketName;
use policy::{Policy, PolicyKind};

/// A document of one statement.
fn one(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{{{statement}}}}}"#)
}

fn message(kind: PolicyKind, text: &str) -> String {
    let result = match kind {
        PolicyKind::Bucket => Policy::parse_bucket(&BucketName::parse("data").unwrap(), text),
        kind => Policy::parse(kind, text),
    };
    match result {
        Ok(_) => "good".to_owned(),
        Err(finding) => finding.message,
    }
}

fn check(kind: PolicyKind, cases: &[(&str, &str)]) {
    for (text, wanted) in cases {
        let text = if text.starts_with("\"") {
            one(text)
        } else {
            (*text).to_owned()
        };
        assert_eq!(message(kind, &text), *wanted, "{text}");
    }
}

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";

#[test]
fn identity_policies() {
    let long = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"s3:*","Resource":"{}"}}}}"#,
        "arn:aws:iam::111111111111:thing/x"
    );
    check(
        PolicyKind::Identity,
        &[
            (r#""Effect":"Allow","Action":"s3:*","Resource":"*""#, "good"),
            (
                r#""Effect":"Allow","Action":"s3:Unknown","Resource":"arn:aws:s3:::b","Condition":{}"#,
                "good",
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Whatever":{}}"#,
                "good",
            ),
            ("", SYNTAX),
            ("[]", SYNTAX),
            ("{}", SYNTAX),
            (r#"{"Version":"2012-10-17","Statement":[]}"#, SYNTAX),
            (
                r#"{"Version":"2013-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#,
                SYNTAX,
            ),
            (
                r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#,
                "good",
            ),
            (
                r#"{"Extra":1,"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#,
                SYNTAX,
            ),
            (
                r#""Effect":"Allow","Effect":"Deny","Action":"s3:*","Resource":"*""#,
                SYNTAX,
            ),
            (r#""Effect":"Maybe","Action":"s3:*","Resource":"*""#, SYNTAX),
            (r#""Action":"s3:*","Resource":"*""#, SYNTAX),
            (
                r#""Effect":"Allow","Action":"s3:*","NotAction":"s3:*","Resource":"*""#,
                SYNTAX,
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringIs":{"a:b":"c"}}"#,
                SYNTAX,
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"stringequals":{"a:b":"c"}}"#,
                SYNTAX,
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"*","Extra":1"#,
                SYNTAX,
            ),
            (r#""Effect":"allow","Action":"s3:*","Resource":"*""#, LEGACY),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"soon"}}"#,
                LEGACY,
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"arn:aws:iam::*""#,
                LEGACY,
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"arn:aws::::x""#,
                LEGACY,
            ),
            (
                r#"{"Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#,
                "Statement IDs (SID) in a single policy must be unique.",
            ),
            (
                r#""Effect":"Allow","Resource":"*""#,
                "Policy statement must contain actions.",
            ),
            (
                r#""Effect":"Allow","Action":[],"Resource":"*""#,
                "Policy statement must contain actions.",
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":["b","a"]"#,
                r#"Resource b must be in ARN format or "*"."#,
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"arn:aw:s3:::b""#,
                r#"Partition "aw" is not valid for resource "arn:aw:s3:::b"."#,
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"arn:aw""#,
                r#"Partition "aw" is not valid for resource "arn:aw:*:*:*:*"."#,
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"arn:aws""#,
                "Resource vendor must be fully qualified and cannot contain regexes.",
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"arn:aws:iam:us-east-1:111111111111:user/x""#,
                "IAM resource arn:aws:iam:us-east-1:111111111111:user/x cannot contain region information.",
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:us-east-1::b""#,
                "Resource arn:aws:s3:us-east-1::b can not contain region information.",
            ),
            (
                &long,
                "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.",
            ),
            (
                r#""Effect":"Allow","Action":"GetObject","Resource":"*""#,
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ),
            (
                r#""Effect":"Allow","Action":"s3:Get:Object","Resource":"*""#,
                "Actions/Condition can contain only one colon.",
            ),
            (
                r#""Effect":"Allow","Action":"s 3:GetObject","Resource":"*""#,
                "Vendor s 3 is not valid",
            ),
            (
                r#""Effect":"Allow","Action":"s3:*""#,
                "Policy statement must contain resources.",
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":[]"#,
                "Policy statement must contain resources.",
            ),
            (
                r#""Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*""#,
                "Policy document should not specify a principal.",
            ),
            (
                r#""Sid":"a b","Effect":"Allow","Action":"s3:*","Resource":"*""#,
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
            ),
        ],
    );
}

#[test]
fn managed_policies_need_the_new_version() {
    check(
        PolicyKind::Managed,
        &[
            (r#""Effect":"Allow","Action":"s3:*","Resource":"*""#, "good"),
            (
                r#"{"Statement":{"Effect":"allow","Action":"s3:*","Resource":"*"}}"#,
                "Policy document must be version 2012-10-17 or greater.",
            ),
        ],
    );
}

#[test]
fn trust_policies() {
    let actions = "AssumeRole policy may only specify STS AssumeRole actions.";
    check(
        PolicyKind::Trust,
        &[
            (
                r#""Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole""#,
                "good",
            ),
            (
                r#""Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]"#,
                "good",
            ),
            (
                r#""Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:*""#,
                "good",
            ),
            (
                r#""Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111111111111:oidc-provider/idp.example"},"Action":"sts:AssumeRoleWithWebIdentity""#,
                "good",
            ),
            (r#"{"Statement":[],}"#, "This policy contains invalid Json"),
            (
                r#""Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole","Resource":"*""#,
                "Has prohibited field Resource",
            ),
            (
                r#""Effect":"Allow","Action":"sts:AssumeRole""#,
                "Missing required field Principal",
            ),
            (
                r#""Effect":"Allow","Principal":{"AWS":"111111111111"},"NotAction":"sts:AssumeRole""#,
                "Missing required field Action",
            ),
            (
                r#""Effect":"Allow","NotPrincipal":{"AWS":"111111111111"},"Action":"sts:AssumeRole""#,
                "Has prohibited field NotPrincipal",
            ),
            (
                r#""Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:GetObject""#,
                actions,
            ),
            (
                r#""Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"*""#,
                actions,
            ),
            (
                r#""Effect":"Allow","Principal":"*","Action":"sts:AssumeRole""#,
                "AssumeRolepolicy contained an invalid principal: \"STAR\":\"*\".",
            ),
            (
                r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/*"},"Action":"sts:AssumeRole""#,
                "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111111111111:user/*\"",
            ),
            (
                r#""Effect":"Allow","Principal":{"Service":"nonsense"},"Action":"sts:AssumeRole""#,
                "Invalid principal in policy: \"SERVICE\":\"nonsense\"",
            ),
            (
                r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:group/g"},"Action":"sts:AssumeRole""#,
                "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111111111111:group/g\"",
            ),
        ],
    );
}

/// A bucket policy of one statement that lets everyone in, with something else.
fn all(rest: &str) -> String {
    one(&format!(r#""Effect":"Allow","Principal":"*",{rest}"#))
}

#[test]
fn bucket_policies() {
    let get = r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*""#;
    let list = r#""Action":"s3:ListBucket","Resource":"arn:aws:s3:::data""#;
    let both = r#""Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"]"#;
    let no_action = "Policy has invalid action";
    let no_resource = "Policy has invalid resource";
    let no_fit = "Action does not apply to any resource(s) in statement";
    let no_key_fit = "Conditions do not apply to combination of actions and resources in statement";
    let with = |rest: &str, condition: &str| all(&format!(r#"{rest},"Condition":{condition}"#));
    let cases = [
        (all(get), "good"),
        (all(both), "good"),
        (all(r#""Action":"s3:*","Resource":"*""#), "good"),
        (
            all(r#""Action":"*","Resource":"arn:aws:s3:::data*""#),
            "good",
        ),
        (
            all(
                r#""Sid":"with spaces, and more.","Action":"S3:getobject","Resource":"arn:aws:s3:::data/x""#,
            ),
            "good",
        ),
        (with(list, r#"{"StringLike":{"S3:Prefix":"a/*"}}"#), "good"),
        (
            with(get, r#"{"StringEquals":{"s3:ExistingObjectTag/team":"a"}}"#),
            "good",
        ),
        (
            with(get, r#"{"StringEquals":{"aws:whatever":"a"}}"#),
            "good",
        ),
        (
            with(get, r#"{"DateLessThan":{"aws:CurrentTime":"soon"}}"#),
            "good",
        ),
        (
            with(
                r#""Action":"s3:*","Resource":"arn:aws:s3:::data""#,
                r#"{"StringLike":{"s3:prefix":"a/*"}}"#,
            ),
            "good",
        ),
        (
            "[]".into(),
            "Policies must be valid JSON and the first byte must be '{'",
        ),
        (
            " {}".into(),
            "Policies must be valid JSON and the first byte must be '{'",
        ),
        ("{".into(), "This policy contains invalid Json"),
        (
            r#"{"Statement":1}"#.into(),
            "This policy contains invalid Json",
        ),
        (
            r#"{"Statement":{"Effect":1}}"#.into(),
            "This policy contains invalid Json",
        ),
        ("{}".into(), "Missing required field Statement"),
        (
            r#"{"Statement":[]}"#.into(),
            "Could not parse the policy: Statement is empty!",
        ),
        (
            r#"{"Version":"2020-01-01","Statement":[]}"#.into(),
            "The policy must contain a valid version string",
        ),
        (one(get), "Missing required field Effect"),
        (
            one(&format!(r#""Effect":"Allow",{get}"#)),
            "Missing required field Principal",
        ),
        (
            all(r#""Resource":"arn:aws:s3:::data/*""#),
            "Missing required field Action",
        ),
        (
            all(r#""Action":[],"Resource":"arn:aws:s3:::data/*""#),
            "Missing required field Action",
        ),
        (
            all(r#""Action":"s3:GetObject""#),
            "Missing required field Resource",
        ),
        (
            one(&format!(r#""Effect":"allow","Principal":"*",{get}"#)),
            "Invalid effect: allow",
        ),
        (
            one(&format!(r#""Effect":"Deny","Principal":"x",{get}"#)),
            "Invalid principal in policy",
        ),
        (
            one(&format!(
                r#""Effect":"Deny","Principal":{{"AWS":"arn:aws:iam::1:root"}},{get}"#
            )),
            "Invalid principal in policy",
        ),
        (
            one(&format!(
                r#""Effect":"Deny","Principal":{{"Aws":"*"}},{get}"#
            )),
            "Invalid principal in policy",
        ),
        (all(r#""Action":"s3:Nonsense","Resource":"*""#), no_action),
        (all(r#""Action":"iam:*","Resource":"*""#), no_action),
        (
            all(r#""Action":"s3:CreateBucket","Resource":"*""#),
            no_action,
        ),
        (
            all(r#""Action":"s3:ListAllMyBuckets","Resource":"*""#),
            no_action,
        ),
        (
            all(r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::other/*""#),
            no_resource,
        ),
        (
            all(r#""Action":"s3:GetObject","Resource":"arn:aws:sqs:::data/*""#),
            no_resource,
        ),
        (
            all(r#""Action":"s3:GetObject","Resource":"data/*""#),
            no_resource,
        ),
        (
            all(r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::data""#),
            no_fit,
        ),
        (
            all(r#""Action":["s3:GetObject","s3:ListBucket"],"Resource":"arn:aws:s3:::data""#),
            no_fit,
        ),
        (
            all(r#""Action":"s3:ListBucket","Resource":"arn:aws:s3:::data/*""#),
            no_fit,
        ),
        (
            with(get, r#"{"StringEquals":{"s3:prefix":"a"}}"#),
            no_key_fit,
        ),
        (
            with(both, r#"{"StringEquals":{"s3:prefix":"a"}}"#),
            no_key_fit,
        ),
        (
            with(get, r#"{"StringEquals":{"s3:nonsense":"a"}}"#),
            "Policy has an invalid condition key",
        ),
        (
            with(get, r#"{"StringEquals":{"nonsense":"a"}}"#),
            "Policy has an invalid condition key",
        ),
        (
            with(get, r#"{"stringequals":{"aws:userid":"a"}}"#),
            "Invalid Condition type : stringequals",
        ),
        (
            with(get, r#"{"StringIs":{"aws:userid":"a"}}"#),
            "Invalid Condition type : StringIs",
        ),
        (
            with(get, r#"{"NullIfExists":{"aws:userid":"true"}}"#),
            "Invalid Condition type : NullIfExists",
        ),
        (
            with(get, r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}"#),
            "Invalid IP address in Conditions",
        ),
        (
            with(
                get,
                &format!(
                    r#"{{"StringEquals":{{"aws:userid":"{}"}}}}"#,
                    "x".repeat(20_480)
                ),
            ),
            "Normalized policy document exceeds the maximum allowed size of 20480 bytes",
        ),
    ];
    for (text, wanted) in &cases {
        assert_eq!(message(PolicyKind::Bucket, text), *wanted, "{text}");
    }
}

#[test]
fn codes_are_those_of_the_service() {
    for (kind, code) in [
        (PolicyKind::Identity, "MalformedPolicyDocument"),
        (PolicyKind::Session, "MalformedPolicyDocument"),
        (PolicyKind::Trust, "MalformedPolicyDocument"),
        (PolicyKind::Bucket, "MalformedPolicy"),
        (PolicyKind::Key, "MalformedPolicyDocumentException"),
    ] {
        match Policy::parse(kind, "{") {
            Ok(_) => panic!("read"),
            Err(finding) => assert_eq!(finding.code, code),
        }
    }
}
