//! An account sees its own side whole, and of the other only which layer refused.
#![expect(clippy::unwrap_used, reason = "tests")]
mod world;

use explain::{Style, explain, render};
use policy::{BlockPublicAccess, Case, ObjectOwnership};
use proptest::prelude::*;
use proptest::sample::select;
use world::*;

/// Marks everything that only one account may know.
const OWN: &str = "SECRETOFCALLER";
const THEIRS: &str = "SECRETOFOWNER";

fn effect() -> impl Strategy<Value = &'static str> {
    select(vec!["Allow", "Allow", "Deny"])
}

fn condition(mark: &'static str) -> impl Strategy<Value = String> {
    let operators = vec!["StringEquals", "StringNotEquals", "StringLike", "Null"];
    let keys = vec![
        "sts:ExternalId",
        "s3:x-amz-acl",
        "aws:SourceIp",
        "aws:UserAgent",
        "s3:prefix",
    ];
    prop_oneof![
        2 => Just(String::new()),
        3 => (select(operators), select(keys)).prop_map(move |(operator, key)| {
            let value = if operator == "Null" { "false".to_owned() } else { format!("{mark}value") };
            format!(r#","Condition":{{"{operator}":{{"{key}":"{value}"}}}}"#)
        }),
    ]
}

fn own_statement(actions: Vec<&'static str>) -> impl Strategy<Value = String> {
    let resources = vec![
        "*",
        "arn:aws:s3:::reports/*",
        "arn:aws:s3:::SECRETOFCALLER/*",
    ];
    (effect(), select(actions), select(resources), condition(OWN)).prop_map(|(effect, action, resource, condition)| {
        format!(r#"{{"Sid":"{OWN}sid","Effect":"{effect}","Action":"{action}","Resource":"{resource}"{condition}}}"#)
    })
}

fn bucket_statement() -> impl Strategy<Value = String> {
    let principals = vec![
        r#""Principal":"*""#,
        r#""Principal":{"AWS":"111111111111"}"#,
        r#""Principal":{"AWS":"arn:aws:iam::111111111111:user/al"}"#,
        r#""Principal":{"AWS":"arn:aws:iam::333333333333:role/SECRETOFOWNER"}"#,
        r#""Principal":{"AWS":"AIDAOLDOLDOLDOLDOLDOL"}"#,
        r#""NotPrincipal":{"AWS":"arn:aws:iam::333333333333:role/SECRETOFOWNER"}"#,
    ];
    let resources = vec![
        "arn:aws:s3:::reports/*",
        "arn:aws:s3:::reports/SECRETOFOWNER*",
    ];
    (effect(), select(principals), select(vec!["s3:GetObject", "s3:*", "s3:PutObject"]), select(resources), condition(THEIRS))
        .prop_map(|(effect, principal, action, resource, condition)| {
            format!(r#"{{"Sid":"{THEIRS}sid","Effect":"{effect}",{principal},"Action":"{action}","Resource":"{resource}"{condition}}}"#)
        })
}

fn trust_statement() -> impl Strategy<Value = String> {
    let principals = vec![
        r#"{"AWS":"111111111111"}"#,
        r#"{"AWS":"arn:aws:iam::111111111111:user/al"}"#,
        r#"{"AWS":"arn:aws:iam::333333333333:role/SECRETOFOWNER"}"#,
    ];
    (effect(), select(principals), condition(THEIRS)).prop_map(|(effect, principal, condition)| {
        format!(r#"{{"Sid":"{THEIRS}sid","Effect":"{effect}","Principal":{principal},"Action":"sts:AssumeRole"{condition}}}"#)
    })
}

fn across_accounts() -> impl Strategy<Value = Case> {
    let own = prop::collection::vec(
        own_statement(vec!["s3:GetObject", "s3:*", "sts:AssumeRole", "*"]),
        0..3,
    );
    let bucket_policy = prop::collection::vec(bucket_statement(), 0..4);
    let trust_policy = prop::collection::vec(trust_statement(), 1..4);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let limits = prop::option::of(own_statement(vec!["s3:GetObject", "sts:*"]));
    (
        own,
        bucket_policy,
        trust_policy,
        flags,
        limits,
        any::<bool>(),
    )
        .prop_map(
            |(own, bucket_policy, trust_policy, (of_role, foreign, restrict), limits, sent)| {
                let caller = user(A, "al");
                let own = own.join(",");
                let own: Vec<&str> = if own.is_empty() {
                    Vec::new()
                } else {
                    vec![&own]
                };
                let mut case = if of_role {
                    trust(caller, &own, &trust_policy.join(","))
                } else {
                    let joined = bucket_policy.join(",");
                    let mut target = bucket((!joined.is_empty()).then_some(joined.as_str()));
                    if foreign {
                        target.ownership = ObjectOwnership::ObjectWriter;
                        target.object = foreign_object("333333333333");
                    }
                    target.bucket_block = BlockPublicAccess {
                        restrict_public_buckets: restrict,
                        ..BlockPublicAccess::default()
                    };
                    case(caller, "s3:GetObject", OBJECT, &own, target)
                };
                for policy in &mut case.identity {
                    policy.source = policy::PolicySource::Inline {
                        name: format!("{OWN}name"),
                    };
                }
                case.boundary = limits.map(|limits| inline(&format!("{OWN}boundary"), &limits));
                if sent {
                    case = with(case, "sts:ExternalId", &format!("{OWN}sent"));
                }
                case
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_account_reads_the_other_sides_policies(case in across_accounts()) {
        let explanation = explain(&case, &World);
        prop_assert!(!explanation.cause.is_empty());
        let view = |id: &str| explanation.for_account(account(id)).unwrap();
        let (callers, owners) = (view(A), view(B));
        for (seen, secret) in [(&callers, THEIRS), (&owners, OWN)] {
            let json = serde_json::to_string(seen).unwrap();
            prop_assert!(!json.contains(secret), "{json}");
            let message = explain::authorization_message(
                seen,
                &case,
                if secret == THEIRS { account(A) } else { account(B) },
            );
            prop_assert!(!message.to_string().contains(secret), "{message}");
        }
        prop_assert!(explanation.for_account(account("444444444444")).is_none());
        // A view is readable too.
        prop_assert!(render(&callers, Style::default()).contains("How it was decided"));
    }

    #[test]
    fn lines_fit_the_terminal_but_for_names(case in across_accounts()) {
        let text = render(&explain(&case, &World), Style::default());
        for line in text.lines().filter(|line| line.chars().count() > 80) {
            // Only what cannot be broken is longer: a name, or a value of a document.
            let longest = line.split_whitespace().map(str::len).max().unwrap_or_default();
            prop_assert!(longest > 40, "{line}");
        }
    }

    #[test]
    fn a_refusal_without_denies_always_has_a_change(case in across_accounts()) {
        let explanation = explain(&case, &World);
        let denies = serde_json::to_string(&case).unwrap().contains(r#"\"Deny\""#);
        let refused = explanation.answer != explain::Answer::Allowed;
        if refused && !denies && case.boundary.is_none() {
            prop_assert!(!explanation.changes.is_empty(), "{}", render(&explanation, Style::default()));
        }
    }
}
