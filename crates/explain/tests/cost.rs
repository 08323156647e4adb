//! An explanation is made at the request of any account's administrator: what it costs is bounded,
//! whatever the policies.
#![expect(clippy::unwrap_used, reason = "tests")]
mod world;

use std::time::{Duration, Instant};

use explain::explain;
use policy::{BlockPublicAccess, ObjectOwnership};
use world::*;

/// Optimised or not: a machine that is busy is still faster than this.
const LIMIT: Duration = if cfg!(debug_assertions) {
    Duration::from_secs(20)
} else {
    Duration::from_secs(1)
};

/// Statements that fill a document of `bytes`, made from their numbers.
fn filled(bytes: usize, statement: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for number in 0.. {
        let next = statement(number);
        if text.len() + next.len() + 1 > bytes {
            break;
        }
        if number > 0 {
            text.push(',');
        }
        text.push_str(&next);
    }
    text
}

/// A statement with as many conditions as a document holds.
fn demanding(bytes: usize, head: &str) -> String {
    let mut conditions = String::new();
    for number in 0.. {
        let next = format!(r#""s3:RequestObjectTag/{number}":["a*","b*","c*"]"#);
        if conditions.len() + next.len() + 200 > bytes {
            break;
        }
        if number > 0 {
            conditions.push(',');
        }
        conditions.push_str(&next);
    }
    format!(r#"{{{head},"Condition":{{"StringLike":{{{conditions}}}}}}}"#)
}

fn explained_in_time(case: &policy::Case, what: &str) {
    let began = Instant::now();
    let explanation = explain(case, &World);
    let took = began.elapsed();
    eprintln!("{what}: {took:?}, {} changes", explanation.changes.len());
    assert!(took < LIMIT, "{what} took {took:?}");
}

fn many(documents: &[String]) -> Vec<&str> {
    documents.iter().map(String::as_str).collect()
}

#[test]
fn the_largest_policies_are_explained_in_bounded_time() {
    let deny = |n: usize| {
        format!(
            r#"{{"Effect":"Deny","Action":"s3:Get*","Resource":"arn:aws:s3:::rep*/*","Condition":{{"StringNotEquals":{{"s3:RequestObjectTag/k{n}":"v"}}}}}}"#
        )
    };
    let near = |n: usize| {
        format!(
            r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/q3.csv","Condition":{{"StringEquals":{{"s3:RequestObjectTag/k{n}":"v","s3:x-amz-acl":"a{n}"}}}}}}"#
        )
    };
    let wild = |n: usize| {
        format!(
            r#"{{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::*r*e*p*o*r*t*s*/*q*3*.*{n}*x"}}"#
        )
    };
    let tiny = |_: usize| r#"{"Effect":"Allow","Action":"s3:PutX","Resource":"*"}"#.to_owned();
    for (what, statement) in [
        ("tiny statements", &tiny as &dyn Fn(usize) -> String),
        ("denies", &deny),
        ("near misses", &near),
        ("wildcards", &wild),
    ] {
        let documents: Vec<String> = (0..11).map(|_| filled(19_000, statement)).collect();
        let mut target = bucket(Some(&filled(19_000, |n| {
            let own = statement(n);
            let principal = r#""Principal":{"AWS":"arn:aws:iam::111111111111:user/al"},"Action""#;
            own.replacen("\"Action\"", principal, 1)
        })));
        target.ownership = ObjectOwnership::ObjectWriter;
        target.object = foreign_object("333333333333");
        target.bucket_block = BlockPublicAccess::default();
        let own = many(&documents);
        let mut case = case(user(A, "al"), "s3:GetObject", OBJECT, &own, target);
        case.boundary = Some(inline("boundary", &filled(19_000, statement)));
        case.session = Some(vec![inline("session", &filled(19_000, statement))]);
        explained_in_time(&case, what);
    }
}

#[test]
fn statements_with_a_thousand_conditions_are_explained_in_bounded_time() {
    for effect in ["Allow", "Deny"] {
        let own = demanding(
            19_000,
            &format!(r#""Effect":"{effect}","Action":"s3:*","Resource":"*""#),
        );
        let theirs = demanding(
            19_000,
            &format!(
                r#""Effect":"{effect}","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::reports/*""#
            ),
        );
        let documents: Vec<String> = (0..11).map(|_| own.clone()).collect();
        let own = many(&documents);
        let target = bucket(Some(&theirs));
        let mut case = case(user(A, "al"), "s3:PutObject", OBJECT, &own, target);
        if effect == "Deny" {
            for number in 0..600 {
                case = with(case, &format!("s3:RequestObjectTag/{number}"), "abc");
            }
        }
        explained_in_time(&case, effect);
    }
}
