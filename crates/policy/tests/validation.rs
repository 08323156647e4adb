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

// ----- row by row ---------------------------------------------------------------------------------

/// A document that breaks every rule from `from` on, in the order of P-13.
fn broken_from(from: usize) -> String {
    // Each rule is broken in a statement of its own, so that nothing hides another.
    let good = r#""Effect":"Allow","Action":"s3:*","Resource":"*""#;
    let statements = [
        (
            2,
            r#"{"Sid":"x","Effect":"allow","Action":"s3:*","Resource":"*"}"#.to_string(),
        ),
        (
            3,
            format!(r#"{{"Sid":"twice",{good}}},{{"Sid":"twice",{good}}}"#),
        ),
        (4, r#"{"Effect":"Allow","Resource":"*"}"#.to_owned()),
        (
            5,
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}"#.to_owned(),
        ),
        (
            6,
            r#"{"Effect":"Allow","Action":"GetObject","Resource":"*"}"#.to_owned(),
        ),
        (7, r#"{"Effect":"Allow","Action":"s3:*"}"#.to_owned()),
        (8, format!(r#"{{{good},"Principal":"*"}}"#)),
        (9, format!(r#"{{"Sid":"a b",{good}}}"#)),
    ];
    // The first rule broken stands last: order of checks, not of statements.
    let kept: Vec<&str> = statements
        .iter()
        .rev()
        .filter(|(rule, _)| *rule >= from)
        .map(|(_, text)| text.as_str())
        .collect();
    let version = if from <= 1 {
        "2008-10-17"
    } else {
        "2012-10-17"
    };
    let extra = if from == 0 { r#","Extra":1"# } else { "" };
    format!(
        r#"{{"Version":"{version}","Statement":[{}]{extra}}}"#,
        kept.join(",")
    )
}

#[test]
fn the_checks_of_identity_policies_come_in_their_order() {
    let order = [
        SYNTAX,
        "Policy document must be version 2012-10-17 or greater.",
        LEGACY,
        "Statement IDs (SID) in a single policy must be unique.",
        "Policy statement must contain actions.",
        r#"Resource bucket must be in ARN format or "*"."#,
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        "Policy statement must contain resources.",
        "Policy document should not specify a principal.",
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
    ];
    for (from, wanted) in order.iter().enumerate() {
        let text = broken_from(from);
        assert_eq!(message(PolicyKind::Managed, &text), *wanted, "{text}");
        // The version is asked of managed policies alone.
        if from != 1 {
            assert_eq!(message(PolicyKind::Identity, &text), *wanted, "{text}");
            assert_eq!(message(PolicyKind::Session, &text), *wanted, "{text}");
        }
    }
}

#[test]
fn types_of_elements_are_part_of_the_syntax() {
    let good = r#""Effect":"Allow","Action":"s3:*","Resource":"*""#;
    let whole = |members: &str| format!(r#"{{{members},"Statement":{{{good}}}}}"#);
    for text in [
        whole(r#""Version":2012"#),
        whole(r#""Version":["2012-10-17"]"#),
        whole(r#""Version":"2012-10-18""#),
        whole(r#""Id":1"#),
        r#"{"Version":"2012-10-17"}"#.to_owned(),
        r#"{"Version":"2012-10-17","Statement":"Allow"}"#.to_owned(),
        r#"{"Version":"2012-10-17","Statement":[[]]}"#.to_owned(),
        one(&format!(r#"{good},"Sid":1"#)),
        one(r#""Effect":true,"Action":"s3:*","Resource":"*""#),
        one(r#""Effect":["Allow"],"Action":"s3:*","Resource":"*""#),
        one(r#""Effect":"Allow","Action":{"s3":"*"},"Resource":"*""#),
        one(r#""Effect":"Allow","Action":["s3:*",1],"Resource":"*""#),
        one(r#""Effect":"Allow","Action":"s3:*","Resource":[["*"]]"#),
        one(r#""Effect":"Allow","Action":"s3:*","Resource":"*","NotResource":"*""#),
        one(&format!(r#"{good},"Principal":"x""#)),
        one(&format!(r#"{good},"Principal":{{"Aws":"*"}}"#)),
        one(&format!(r#"{good},"Principal":"*","NotPrincipal":"*""#)),
        one(&format!(r#"{good},"Condition":[]"#)),
        one(&format!(r#"{good},"Condition":{{"Bool":"true"}}"#)),
        one(&format!(r#"{good},"Condition":{{"Bool":{{"a:b":{{}}}}}}"#)),
        one(&format!(r#"{good},"Condition":{{"Bool":{{"a:b":null}}}}"#)),
        one(&format!(r#"{good},"action":"s3:*""#)),
    ] {
        assert_eq!(message(PolicyKind::Identity, &text), SYNTAX, "{text}");
    }
    for text in [
        whole(r#""Version":"2008-10-17","Id":"any string""#),
        whole(r#""Id":"""#),
        one(&format!(r#"{good},"Sid":"""#)),
        one(&format!(r#"{good},"Sid":"A1""#)),
        one(&format!(
            r#"{good},"Condition":{{"Bool":{{"a:b":true}},"NumericLessThan":{{"a:b":[1,2.5]}}}}"#
        )),
        one(&format!(
            r#"{good},"Condition":{{"ForAllValues:StringLikeIfExists":{{"a:b":"c"}},"ForAnyValue:Null":{{"a:b":"true"}}}}"#
        )),
        one(&format!(
            r#"{good},"Condition":{{"StringEquals":{{"a:b":[]}}}}"#
        )),
        one(r#""Effect":"Deny","NotAction":["s3:*"],"NotResource":["*"]"#),
    ] {
        assert_eq!(message(PolicyKind::Identity, &text), "good", "{text}");
    }
}

#[test]
fn dates_are_read_before_they_are_stored() {
    for (date, wanted) in [
        ("2026", "good"),
        ("2026-01", "good"),
        ("2026-12-31", "good"),
        ("2026-12-31T23:59Z", "good"),
        ("2026-12-31T23:59:59.5+01:30", "good"),
        ("0", "good"),
        ("9223372036854775807", "good"),
        ("9223372036854775808", LEGACY),
        ("-1", LEGACY),
        ("2026-13-01", LEGACY),
        ("2026-00-01", LEGACY),
        ("2026-01-32", LEGACY),
        ("2026-01-01T24:00:00Z", LEGACY),
        ("2026-01-01T00:60:00Z", LEGACY),
        ("2026-01-01T00:00:60Z", LEGACY),
        ("tomorrow", LEGACY),
        ("", LEGACY),
    ] {
        for operator in ["DateLessThan", "ForAnyValue:DateEqualsIfExists"] {
            let text = one(&format!(
                r#""Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{{"{operator}":{{"aws:CurrentTime":"{date}"}}}}"#
            ));
            assert_eq!(message(PolicyKind::Identity, &text), wanted, "{text}");
        }
    }
}

#[test]
fn resources_have_the_form_of_arns() {
    let vendor = "Resource vendor must be fully qualified and cannot contain regexes.";
    let path = "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.";
    for (resource, wanted) in [
        ("*", "good"),
        ("arn:aws:s3:::b/*", "good"),
        ("arn:aws-cn:s3:::b", "good"),
        ("arn:aws-us-gov:s3:::b", "good"),
        ("arn:aws:s3*", "good"),
        ("arn:aws:iam::*:user/x", "good"),
        ("arn:aws:iam::111111111111:*", "good"),
        ("arn:aws:iam::111111111111:role/aws-service-role/*", "good"),
        ("arn:aws:s3:us-east-1:111111111111:accesspoint/p", "good"),
        ("arn:aws:sqs:us-east-1:111111111111:q", "good"),
        ("", r#"Resource  must be in ARN format or "*"."#),
        ("b*", r#"Resource b* must be in ARN format or "*"."#),
        (
            "arn:",
            r#"Partition "" is not valid for resource "arn::*:*:*:*"."#,
        ),
        (
            "arn:*:s3:::b",
            r#"Partition "*" is not valid for resource "arn:*:s3:::b"."#,
        ),
        (
            "a:b:c",
            r#"Partition "b" is not valid for resource "arn:b:c:*:*:*"."#,
        ),
        (
            "a:b:c:d:e:f:g",
            r#"Partition "b" is not valid for resource "arn:b:c:d:e:f:g"."#,
        ),
        ("arn:aws", vendor),
        ("arn:aws:", LEGACY),
        ("arn:aws::x", LEGACY),
        ("arn:aws:s3::b", LEGACY),
        (
            "arn:aws:iam:us-east-1:1:user/x",
            "IAM resource arn:aws:iam:us-east-1:1:user/x cannot contain region information.",
        ),
        ("arn:aws:iam::1:users/x", path),
        ("arn:aws:iam::1:root", path),
        (
            "arn:aws:s3:eu-west-1:1:b",
            "Resource arn:aws:s3:eu-west-1:1:b can not contain region information.",
        ),
    ] {
        let text = one(&format!(
            r#""Effect":"Allow","Action":"s3:*","Resource":"{resource}""#
        ));
        assert_eq!(message(PolicyKind::Identity, &text), wanted, "{text}");
        let text = text.replace("\"Resource\"", "\"NotResource\"");
        assert_eq!(message(PolicyKind::Identity, &text), wanted, "{text}");
    }
}

#[test]
fn actions_name_a_vendor() {
    let preface = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
    for (action, wanted) in [
        ("*", "good"),
        ("s3:*", "good"),
        ("S3:getOBJECT", "good"),
        ("no-such.Service9:NoSuchAction", "good"),
        ("s3:", "good"),
        ("", preface),
        ("**", preface),
        ("GetObject", preface),
        ("s3:a:b", "Actions/Condition can contain only one colon."),
        ("*:GetObject", "Vendor * is not valid"),
        ("s?:GetObject", "Vendor s? is not valid"),
        ("s_3:GetObject", "Vendor s_3 is not valid"),
    ] {
        for element in ["Action", "NotAction"] {
            let text = one(&format!(
                r#""Effect":"Allow","{element}":["{action}"],"Resource":"*""#
            ));
            assert_eq!(message(PolicyKind::Identity, &text), wanted, "{text}");
        }
    }
}

#[test]
fn the_checks_of_trust_policies_come_in_their_order() {
    let principal = r#""Principal":{"AWS":"111111111111"}"#;
    let action = r#""Action":"sts:AssumeRole""#;
    check(
        PolicyKind::Trust,
        &[
            // The general checks are first.
            (r#"[]"#, SYNTAX),
            (
                &one(&format!(
                    r#""Effect":"Allow",{principal},{action},"Extra":1"#
                )),
                SYNTAX,
            ),
            (
                &one(&format!(
                    r#""Effect":"allow",{principal},{action},"Resource":"*""#
                )),
                LEGACY,
            ),
            (
                &one(&format!(r#""Effect":"Allow",{principal},"Resource":"*""#)),
                "Policy statement must contain actions.",
            ),
            (
                &one(&format!(
                    r#""Effect":"Allow",{principal},{action},"Resource":"b""#
                )),
                r#"Resource b must be in ARN format or "*"."#,
            ),
            (
                &one(r#""Effect":"Allow","Action":"AssumeRole""#),
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ),
            // Then those of trust policies.
            (
                &one(r#""Effect":"Allow","Action":"s3:GetObject","NotResource":"*""#),
                "Has prohibited field Resource",
            ),
            (
                &one(r#""Effect":"Allow","Action":"s3:GetObject""#),
                "Missing required field Principal",
            ),
            (
                r#""Effect":"Allow","Principal":{"AWS":"x"},"Action":"s3:GetObject""#,
                "AssumeRole policy may only specify STS AssumeRole actions.",
            ),
            (
                &one(&format!(
                    r#""Sid":"a b","Effect":"Allow","Principal":{{"AWS":"x"}},{action}"#
                )),
                r#"Invalid principal in policy: "AWS":"x""#,
            ),
            (
                &one(&format!(
                    r#""Sid":"a b","Effect":"Allow",{principal},{action}"#
                )),
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
            ),
        ],
    );
}

#[test]
fn principals_are_whole() {
    let account = "111111111111";
    let digits = "a".repeat(64);
    for (word, text, trust, bucket) in [
        ("AWS", "*".to_owned(), true, true),
        ("AWS", account.to_owned(), true, true),
        ("AWS", format!("arn:aws:iam::{account}:root"), true, true),
        ("AWS", format!("arn:aws-cn:iam::{account}:root"), true, true),
        (
            "AWS",
            format!("arn:aws:iam::{account}:user/a/b/c"),
            true,
            true,
        ),
        ("AWS", format!("arn:aws:iam::{account}:role/r"), true, true),
        (
            "AWS",
            format!("arn:aws:sts::{account}:assumed-role/r/s"),
            true,
            true,
        ),
        (
            "AWS",
            format!("arn:aws:sts::{account}:federated-user/f"),
            true,
            true,
        ),
        ("AWS", "AIDAAAAAAAAAAAAAAAAA".to_owned(), true, true),
        ("AWS", "AROAAAAAAAAAAAAAAAAA".to_owned(), true, true),
        ("Service", "ec2.amazonaws.com".to_owned(), true, true),
        (
            "Federated",
            "cognito-identity.amazonaws.com".to_owned(),
            true,
            true,
        ),
        (
            "Federated",
            format!("arn:aws:iam::{account}:saml-provider/p"),
            true,
            true,
        ),
        ("CanonicalUser", digits.clone(), false, true),
        ("AWS", String::new(), false, false),
        ("AWS", "11111111111".to_owned(), false, false),
        ("AWS", "ann".to_owned(), false, false),
        (
            "AWS",
            format!("arn:aws:iam::{account}:user/*"),
            false,
            false,
        ),
        ("AWS", format!("arn:aws:iam::{account}:user"), false, false),
        (
            "AWS",
            format!("arn:aws:iam::{account}:role/r?"),
            false,
            false,
        ),
        ("AWS", "arn:aws:iam::*:root".to_owned(), false, false),
        (
            "AWS",
            format!("arn:aws:iam::{account}:group/g"),
            false,
            false,
        ),
        (
            "AWS",
            format!("arn:aws:iam::{account}:policy/p"),
            false,
            false,
        ),
        (
            "AWS",
            format!("arn:aws:iam::{account}:instance-profile/p"),
            false,
            false,
        ),
        (
            "AWS",
            format!("arn:aws:sts::{account}:assumed-role/r"),
            false,
            false,
        ),
        (
            "AWS",
            format!("arn:aws:iam:us-east-1:{account}:root"),
            false,
            false,
        ),
        (
            "AWS",
            format!("arn:nowhere:iam::{account}:root"),
            false,
            false,
        ),
        ("AWS", "AKIAAAAAAAAAAAAAAAAA".to_owned(), false, false),
        ("AWS", "${aws:userid}".to_owned(), false, false),
        ("Service", "*".to_owned(), false, false),
        ("Service", "ec2".to_owned(), false, false),
        ("Federated", "idp.example.com".to_owned(), false, false),
        ("CanonicalUser", digits.to_uppercase(), false, false),
        ("CanonicalUser", "abc".to_owned(), false, false),
    ] {
        let principal = format!(r#""Effect":"Deny","Principal":{{"{word}":["{text}"]}}"#);
        let told = message(
            PolicyKind::Trust,
            &one(&format!(r#"{principal},"Action":"sts:AssumeRole""#)),
        );
        let wanted = format!(
            "Invalid principal in policy: \"{}\":\"{text}\"",
            word.to_uppercase()
        );
        assert_eq!(told, if trust { "good" } else { &wanted }, "{word} {text}");
        let document = one(&format!(
            r#"{principal},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*""#
        ));
        let name = BucketName::parse("data").unwrap();
        match Policy::parse_bucket(&name, &document) {
            Ok(_) => assert!(bucket, "{word} {text}"),
            Err(finding) => {
                assert!(!bucket, "{word} {text}");
                assert_eq!(finding.message, "Invalid principal in policy");
                assert_eq!(finding.detail, Some(format!("\"{word}\" : \"{text}\"")));
            }
        }
    }
}

#[test]
fn bucket_policies_row_by_row() {
    let get = r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*""#;
    let json = "This policy contains invalid Json";
    let fit = "Action does not apply to any resource(s) in statement";
    let key_fit = "Conditions do not apply to combination of actions and resources in statement";
    let on = |action: &str, resource: &str, condition: &str| {
        all(&format!(
            r#""Action":{action},"Resource":{resource},"Condition":{condition}"#
        ))
    };
    let cases = [
        // What S3 takes and IAM does not.
        (
            format!(
                r#"{{"Statement":[{{"Sid":"a b.","Effect":"Allow","Principal":"*",{get}}},{{"Sid":"a b.","Effect":"Allow","Principal":"*",{get}}}]}}"#
            ),
            "good",
        ),
        (all(&format!(r#"{get},"Condition":{{}}"#)), "good"),
        (
            one(&format!(
                r#""Effect":"Allow","NotPrincipal":{{"AWS":"111111111111"}},{get}"#
            )),
            "good",
        ),
        (
            all(r#""NotAction":"s3:ListBucket","Resource":"arn:aws:s3:::data/*""#),
            "good",
        ),
        (
            all(r#""Action":"s3:GetObject","NotResource":"arn:aws:s3:::data/private/*""#),
            "good",
        ),
        // Wildcards fit if any action that they stand for does.
        (on(r#""s3:Get*""#, r#""arn:aws:s3:::data/*""#, "{}"), "good"),
        (on(r#""s3:Get*""#, r#""arn:aws:s3:::data""#, "{}"), "good"),
        (
            on(r#""s3:Get*Object""#, r#""arn:aws:s3:::data""#, "{}"),
            fit,
        ),
        (on(r#""s3:*""#, r#""arn:aws:s3:::*""#, "{}"), "good"),
        (
            on(r#""s3:GetObject""#, r#""arn:aws:s3:::dat?/*""#, "{}"),
            "good",
        ),
        (
            on(r#""s3:GetObject""#, r#""arn:aws:s3:::othe?/*""#, "{}"),
            "Policy has invalid resource",
        ),
        (
            on(
                r#""s3:GetObject""#,
                r#""arn:aws:s3:us-east-1::data/*""#,
                "{}",
            ),
            "Policy has invalid resource",
        ),
        // Keys fit actions.
        (
            on(
                r#""s3:Get*""#,
                r#""arn:aws:s3:::data/*""#,
                r#"{"StringEquals":{"s3:ExistingObjectTag/a":"b"}}"#,
            ),
            "good",
        ),
        (
            on(
                r#""s3:PutObject""#,
                r#""arn:aws:s3:::data/*""#,
                r#"{"StringEquals":{"s3:ExistingObjectTag/a":"b"}}"#,
            ),
            key_fit,
        ),
        (
            on(
                r#"["s3:GetObject","s3:PutObject"]"#,
                r#""arn:aws:s3:::data/*""#,
                r#"{"StringEquals":{"s3:x-amz-acl":"private"}}"#,
            ),
            key_fit,
        ),
        (
            on(
                r#"["s3:PutObject","s3:PutObjectAcl"]"#,
                r#""arn:aws:s3:::data/*""#,
                r#"{"StringEquals":{"s3:x-amz-acl":"private"}}"#,
            ),
            "good",
        ),
        (
            on(
                r#""s3:DeleteObject""#,
                r#""arn:aws:s3:::data/*""#,
                r#"{"StringEquals":{"s3:ExistingObjectTag/a":"b"}}"#,
            ),
            key_fit,
        ),
        (
            on(
                r#""s3:ListBucket""#,
                r#""arn:aws:s3:::data""#,
                r#"{"StringEquals":{"s3:versionid":"b"}}"#,
            ),
            key_fit,
        ),
        (
            on(
                r#""s3:GetObject""#,
                r#""arn:aws:s3:::data/*""#,
                r#"{"StringEquals":{"S3:AuthType":"REST-HEADER"},"Bool":{"AWS:SecureTransport":true}}"#,
            ),
            "good",
        ),
        (
            on(
                r#""s3:GetObject""#,
                r#""arn:aws:s3:::data/*""#,
                r#"{"StringEquals":{"iam:ResourceTag/a":"b"}}"#,
            ),
            "Policy has an invalid condition key",
        ),
        (
            on(
                r#""s3:GetObject""#,
                r#""arn:aws:s3:::data/*""#,
                r#"{"StringEquals":{"aws:PrincipalTag/a":"b","aws:NoSuchKey":"c"}}"#,
            ),
            "good",
        ),
        // Operators and their values.
        (
            on(
                r#""s3:GetObject""#,
                r#""arn:aws:s3:::data/*""#,
                r#"{"ForAnyValue:StringLikeIfExists":{"aws:userid":"b"}}"#,
            ),
            "good",
        ),
        (
            on(
                r#""s3:GetObject""#,
                r#""arn:aws:s3:::data/*""#,
                r#"{"forAnyValue:StringLike":{"aws:userid":"b"}}"#,
            ),
            "Invalid Condition type : forAnyValue:StringLike",
        ),
        (
            on(
                r#""s3:GetObject""#,
                r#""arn:aws:s3:::data/*""#,
                r#"{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","::1/129"]}}"#,
            ),
            "Invalid IP address in Conditions",
        ),
        (
            on(
                r#""s3:GetObject""#,
                r#""arn:aws:s3:::data/*""#,
                r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","2001:db8::/32","192.0.2.1"]}}"#,
            ),
            "good",
        ),
        // Types.
        (all(&format!(r#"{get},"Sid":1"#)), json),
        (all(&format!(r#"{get},"Condition":"x""#)), json),
        (
            all(&format!(
                r#"{get},"Condition":{{"Bool":{{"aws:SecureTransport":{{}}}}}}"#
            )),
            json,
        ),
        (all(r#""Action":1,"Resource":"arn:aws:s3:::data/*""#), json),
        (
            one(&format!(r#""Effect":"Allow","Principal":["*"],{get}"#)),
            json,
        ),
        (
            one(&format!(
                r#""Effect":"Allow","Effect":"Allow","Principal":"*",{get}"#
            )),
            json,
        ),
        (
            r#"{"Version":"2012-10-17","Id":1,"Statement":[]}"#.into(),
            json,
        ),
        (r#"{"Version":"2012-10-17","Statement":[1]}"#.into(), json),
        (
            one(&format!(r#""Effect":"Allow","Principal":{{}},{get}"#)),
            "Missing required field Principal",
        ),
        (
            one(&format!(
                r#""Effect":"Allow","Principal":{{"AWS":[]}},{get}"#
            )),
            "Missing required field Principal",
        ),
        (
            r#"{"Version":2012,"Statement":[]}"#.into(),
            "The policy must contain a valid version string",
        ),
    ];
    for (text, wanted) in &cases {
        assert_eq!(message(PolicyKind::Bucket, text), *wanted, "{text}");
    }
}

#[test]
fn the_size_of_a_bucket_policy_is_that_of_its_normal_form() {
    let sized = |bytes: usize, blanks: &str| {
        let text = |filling: &str| {
            all(&format!(
                r#""Action":"s3:GetObject",{blanks}"Resource":"arn:aws:s3:::data/{filling}""#
            ))
        };
        let rest = text("").len() - blanks.len();
        text(&"k".repeat(bytes - rest))
    };
    assert_eq!(message(PolicyKind::Bucket, &sized(20_480, "")), "good");
    assert_eq!(
        message(PolicyKind::Bucket, &sized(20_480, &" \n".repeat(5000))),
        "good"
    );
    assert_eq!(
        message(PolicyKind::Bucket, &sized(20_481, "")),
        "Normalized policy document exceeds the maximum allowed size of 20480 bytes"
    );
}

#[test]
fn key_and_resource_control_policies() {
    check(
        PolicyKind::Key,
        &[
            (
                r#""Sid":"with spaces","Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"kms:*","Resource":"*""#,
                "good",
            ),
            (
                r#""Effect":"Allow","Principal":{"AWS":"x"},"Action":"kms:*","Resource":"*""#,
                "Policy contains a statement with one or more invalid principals.",
            ),
            (
                r#""Effect":"Allow","Action":"kms:*","Resource":"*""#,
                "Missing required field Principal",
            ),
        ],
    );
    assert_eq!(
        message(
            PolicyKind::ServiceControl,
            &one(r#""Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*""#)
        ),
        "Policy document should not specify a principal."
    );
    let everyone = one(r#""Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*""#);
    assert_eq!(message(PolicyKind::ResourceControl, &everyone), "good");
    let some = everyone.replace(
        r#""Principal":"*""#,
        r#""Principal":{"AWS":"111111111111"}"#,
    );
    assert!(message(PolicyKind::ResourceControl, &some).starts_with("Invalid principal"));
}

/// Where the finding is: the text from there to the end of its line.
fn blamed(kind: PolicyKind, text: &str) -> &str {
    let result = match kind {
        PolicyKind::Bucket => Policy::parse_bucket(&BucketName::parse("data").unwrap(), text),
        kind => Policy::parse(kind, text),
    };
    let position = result.unwrap_err().position.unwrap();
    let line = text.lines().nth(position.line - 1).unwrap();
    let start = line.char_indices().nth(position.column - 1).unwrap().0;
    line[start..].trim_end_matches(',')
}

/// A document of two good statements over many lines.
fn document(kind: PolicyKind) -> String {
    let members = match kind {
        PolicyKind::Trust => {
            r#""Principal": {"AWS": "111111111111"},
      "Action": "sts:AssumeRole""#
        }
        PolicyKind::Bucket => {
            r#""Principal": {"AWS": "111111111111"},
      "Action": "s3:GetObject",
      "Resource": "arn:aws:s3:::data/ä/*""#
        }
        _ => {
            r#""Action": "s3:GetObject",
      "Resource": "arn:aws:s3:::data/ä/*""#
        }
    };
    let statement = format!(
        r#"    {{
      "Sid": "",
      "Effect": "Allow",
      {members},
      "Condition": {{}}
    }}"#
    );
    format!(
        "{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n{statement},\n{statement}\n  ]\n}}\n"
    )
}

#[test]
fn a_finding_points_at_its_line_and_column() {
    use PolicyKind::{Bucket, Identity, Trust};
    let sid = r#""Sid": """#;
    let effect = r#""Effect": "Allow""#;
    let principal = r#""Principal": {"AWS": "111111111111"}"#;
    let get = r#""Action": "s3:GetObject""#;
    let assume = r#""Action": "sts:AssumeRole""#;
    let resource = r#""Resource": "arn:aws:s3:::data/ä/*""#;
    let condition = r#""Condition": {}"#;
    for kind in [Identity, Trust, Bucket] {
        assert_eq!(message(kind, &document(kind)), "good", "{}", document(kind));
    }
    // In the second statement, what stands there; what is written instead (nothing: it is
    // taken away); what is blamed.
    for (kind, from, to, wanted) in [
        (
            Identity,
            sid,
            r#""Colour": "green""#,
            r#""Colour": "green""#,
        ),
        (Identity, sid, r#""Sid": 7"#, r#""Sid": 7"#),
        (Identity, sid, r#""Sid": "a b""#, r#""a b""#),
        (Identity, sid, r#""Sid": x"#, "x"),
        (Identity, sid, r#""Sid": "a", "Sid": "b""#, r#""Sid": "b""#),
        (Identity, sid, r#""Principal": "*""#, r#""*""#),
        (Identity, sid, r#""NotAction": "s3:*""#, r#""s3:*""#),
        (Identity, effect, r#""Effect": "allow""#, r#""allow""#),
        (Identity, effect, "", "{"),
        (
            Identity,
            get,
            r#""Action": ["s3:*", "GetObject"]"#,
            r#""GetObject"]"#,
        ),
        (Identity, get, r#""Action": []"#, "{"),
        (
            Identity,
            resource,
            r#""Resource": ["*", "arn:aws:s3::b"]"#,
            r#""arn:aws:s3::b"]"#,
        ),
        (
            Identity,
            resource,
            r#""Resource": ["a", "*", "b"]"#,
            r#""b"]"#,
        ),
        (Identity, resource, r#""Resource": []"#, "{"),
        (
            Identity,
            condition,
            r#""Condition": {"No": {}, "Nonsense": {"a:b": "c"}}"#,
            r#""Nonsense": {"a:b": "c"}}"#,
        ),
        (
            Identity,
            condition,
            r#""Condition": {"DateEquals": {"aws:CurrentTime": ["2026", "soon"]}}"#,
            r#""soon"]}}"#,
        ),
        (Trust, sid, r#""Resource": "*""#, r#""*""#),
        (
            Trust,
            principal,
            r#""NotPrincipal": {"AWS": "*"}"#,
            r#"{"AWS": "*"}"#,
        ),
        (Trust, principal, "", "{"),
        (
            Trust,
            principal,
            r#""Principal": {"AWS": ["*", "x"]}"#,
            r#""x"]}"#,
        ),
        (Trust, principal, r#""Principal": "*""#, r#""*""#),
        (
            Trust,
            assume,
            r#""Action": ["sts:AssumeRole", "s3:*"]"#,
            r#""s3:*"]"#,
        ),
        (Bucket, sid, r#""Colour": "green""#, r#""Colour": "green""#),
        (Bucket, sid, r#""Sid": {}"#, "{}"),
        (Bucket, effect, r#""Effect": "allow""#, r#""allow""#),
        (Bucket, effect, "", "{"),
        (
            Bucket,
            principal,
            r#""Principal": {"AWS": ["*", "x"]}"#,
            r#""x"]}"#,
        ),
        (
            Bucket,
            get,
            r#""Action": ["s3:GetObject", "s3:Nonsense"]"#,
            r#""s3:Nonsense"]"#,
        ),
        (
            Bucket,
            get,
            r#""Action": ["s3:GetObject", "s3:ListBucket"]"#,
            r#""s3:ListBucket"]"#,
        ),
        (
            Bucket,
            resource,
            r#""Resource": ["arn:aws:s3:::data/*", "x"]"#,
            r#""x"]"#,
        ),
        (
            Bucket,
            condition,
            r#""Condition": {"Nonsense": {}}"#,
            r#""Nonsense": {}}"#,
        ),
        (
            Bucket,
            condition,
            r#""Condition": {"StringEquals": {"aws:userid": "a", "s3:prefix": "b"}}"#,
            r#""s3:prefix": "b"}}"#,
        ),
        (
            Bucket,
            condition,
            r#""Condition": {"IpAddress": {"aws:SourceIp": ["::1", "x"]}}"#,
            r#""x"]}}"#,
        ),
    ] {
        let good = document(kind);
        let at = good.rfind(from).unwrap();
        let rest = &good[at + from.len()..];
        let rest = if to.is_empty() {
            // With the member goes its comma.
            rest.trim_start_matches([',', '\n', ' '])
        } else {
            rest
        };
        let text = format!("{}{to}{rest}", &good[..at]);
        assert_eq!(blamed(kind, &text), wanted, "{kind:?} in\n{text}");
    }
}
