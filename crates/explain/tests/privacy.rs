//! An account sees its own side whole, and of the other only which layer refused.
#![expect(clippy::unwrap_used, reason = "tests")]
mod world;

use std::collections::BTreeSet;

use explain::{Style, as_if_the_key_were_there, explain, render, seen_by};
use policy::{BlockPublicAccess, Case, ObjectOwnership, Target};
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
        let view = |id: &str| seen_by(account(id), &explanation, &case, &World).unwrap();
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
        prop_assert!(seen_by(account("444444444444"), &explanation, &case, &World).is_none());
        // Who else has a part in it is not told to the caller.
        let json = serde_json::to_string(&callers).unwrap();
        prop_assert!(!json.contains("333333333333"), "{json}");
        let decision = explanation.answer != explain::Answer::Allowed;
        prop_assert_eq!(callers.answer != explain::Answer::Allowed, decision);
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

/// All that the caller's account is told of a case, byte for byte.
fn told_to_caller(case: &Case) -> String {
    let seen = seen_by(account(A), &explain(case, &World), case, &World).unwrap();
    let message = explain::authorization_message(&seen, case, account(A));
    format!(
        "{}\n{message}\n{}",
        serde_json::to_string(&seen).unwrap(),
        render(&seen, Style::default())
    )
}

fn assert_all_alike(cases: &[Case]) {
    let told: BTreeSet<String> = cases.iter().map(told_to_caller).collect();
    let told: Vec<&String> = told.iter().collect();
    assert_eq!(told.len(), 1, "{told:#?}");
}

const MAY_ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;

#[test]
fn whether_there_is_a_role_is_not_told_to_another_account() {
    let trusts = [
        r#"{"Effect":"Allow","Principal":{"AWS":"333333333333"},"Action":"sts:AssumeRole"}"#,
        r#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"sesame"}}}"#,
        r#"{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}"#,
        r#"{"Effect":"Allow","Principal":{"AWS":"AIDAOLDOLDOLDOLDOLDOL"},"Action":"sts:AssumeRole"}"#,
    ];
    let on_tag = r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/team":"red"}}}"#;
    for own in [&[][..], &[MAY_ALL], &[on_tag]] {
        let of =
            |statements: &str| with(trust(user(A, "al"), own, statements), "sts:ExternalId", "x");
        let mut cases: Vec<Case> = trusts
            .iter()
            .map(|statements| with(of(statements), "iam:ResourceTag/team", "red"))
            .collect();
        let mut missing = of(trusts[0]);
        missing.target = Target::Trust { policy: None };
        missing.owner = None;
        cases.push(missing);
        assert_all_alike(&cases);
    }
}

#[test]
fn whether_there_is_an_object_and_whose_is_not_told_to_another_account() {
    let denies_by_tag = r#"{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*","Condition":{"StringEquals":{"s3:ExistingObjectTag/kind":"secret"}}}"#;
    let allows_by_tag = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"s3:ExistingObjectTag/kind":"secret"}}}"#;
    for own in [&[][..], &[MAY_ALL], &[allows_by_tag]] {
        for policy in [None, Some(denies_by_tag)] {
            let world = |object, ownership| {
                let mut target = bucket(policy);
                target.ownership = ownership;
                target.object = object;
                case(user(A, "al"), "s3:GetObject", OBJECT, own, target)
            };
            let writers = ObjectOwnership::ObjectWriter;
            let missing = world(None, writers);
            let theirs = world(foreign_object(B), writers);
            let thirds = world(foreign_object("333333333333"), writers);
            let enforced = world(foreign_object(B), ObjectOwnership::BucketOwnerEnforced);
            let tagged = with(thirds.clone(), "s3:ExistingObjectTag/kind", "secret");
            // Reading would be allowed, and listing is not.
            let mut listing = case(
                user(A, "al"),
                "s3:ListBucket",
                "arn:aws:s3:::reports",
                own,
                bucket(Some(&format!(
                    r#"{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"{OBJECT}"}}"#
                ))),
            );
            listing = with(listing, "s3:prefix", "q3.csv");
            let hidden = as_if_the_key_were_there(&listing, "s3:GetObject", OBJECT);
            assert_all_alike(&[missing, theirs, thirds, enforced, tagged, hidden]);
        }
    }
}

#[test]
fn the_resources_tags_are_not_told_where_its_side_allows() {
    let own = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"s3:ExistingObjectTag/kind":"x"}}}"#;
    let everyone =
        r#"{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::reports/*"}"#;
    let case = case(
        user(A, "al"),
        "s3:GetObject",
        OBJECT,
        &[own],
        bucket(Some(everyone)),
    );
    let case = with(case, "s3:ExistingObjectTag/kind", "SECRETOFOWNER");
    let told = told_to_caller(&case);
    assert!(!told.contains(THEIRS), "{told}");
    assert!(told.contains("The other side allows it."), "{told}");
}

#[test]
fn the_callers_tags_are_not_told_to_the_owner() {
    let by_tag = r#"{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::reports/*","Condition":{"StringEquals":{"aws:PrincipalTag/clearance":"top"}}}"#;
    let mut caller = user(A, "al");
    caller.tags = vec![("clearance".to_owned(), "SECRETOFCALLER".to_owned())];
    let case = case(
        caller,
        "s3:GetObject",
        OBJECT,
        &[MAY_ALL],
        bucket(Some(by_tag)),
    );
    let explanation = explain(&case, &World);
    let owners = seen_by(account(B), &explanation, &case, &World).unwrap();
    let message = explain::authorization_message(&owners, &case, account(B));
    let told = format!("{} {message}", serde_json::to_string(&owners).unwrap());
    assert!(!told.contains(OWN), "{told}");
}
