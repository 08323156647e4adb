//! Documents that are made to be slow, as large as a bucket policy may be.
use policy::{BlockPublicAccess, Question, ResourceSide, S3Side, decide};
use policy::{Caller, Context, IdentitySide, Lookup, ObjectOwnership, Policy, PolicyKind};

use crate::table::{Goal, Row, Table};
use crate::worlds::{BUCKET, OWNER};
use crate::{Bench, allocations};

/// Everything that a caller can make long, made long.
struct Long {
    agent: String,
    referer: String,
    tags: Vec<String>,
}

impl Context for Long {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match key {
            "aws:useragent" => Lookup::One(&self.agent),
            "aws:referer" => Lookup::One(&self.referer),
            "aws:sourceip" => Lookup::One("2001:db8::1"),
            "aws:currenttime" => Lookup::One("2026-07-01T10:00:00Z"),
            "s3:max-keys" => Lookup::One("999999"),
            "aws:tagkeys" => Lookup::Many(&self.tags),
            _ => Lookup::Absent,
        }
    }
}

/// A bucket policy that lists as many values as fit, all different.
fn with_values(operator: &str, key: &str, value: impl Fn(usize) -> String) -> String {
    let start = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::{BUCKET}","arn:aws:s3:::{BUCKET}/*"],"Condition":{{"{operator}":{{"{key}":["#
    );
    let mut text = start;
    let end = "]}}}}";
    for number in 0.. {
        let value = format!("{}\"{}\"", if number > 0 { "," } else { "" }, value(number));
        if text.len() + value.len() + end.len() > 20_480 {
            break;
        }
        text.push_str(&value);
    }
    text + end
}

/// Two letters that are different for each number.
fn pair(number: usize) -> String {
    const LETTERS: &[u8] = b"cdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let letter = |at: usize| char::from(LETTERS[at % LETTERS.len()]);
    format!("{}{}", letter(number), letter(number / LETTERS.len()))
}

fn works() -> Vec<(&'static str, String, String)> {
    let a = "a".repeat(8192);
    let letters: String = (0..4096).map(pair).collect();
    let like = "StringLike";
    let agent = "aws:UserAgent";
    vec![
        (
            "`*a*a…b`, once",
            with_values(like, agent, |_| "*a".repeat(9_000) + "b"),
            a.clone(),
        ),
        (
            "`*a?*a?…b`, once",
            with_values(like, agent, |_| "*a?".repeat(6_000) + "b"),
            a.clone(),
        ),
        (
            "`*xy*`, thousands",
            with_values(like, agent, |n| format!("*{}*", pair(n))),
            a.clone(),
        ),
        (
            "`*xy*` in their own letters",
            with_values(like, agent, |n| format!("*{}_*", pair(n))),
            letters.clone(),
        ),
        (
            "`*a?xy*`, thousands",
            with_values(like, agent, |n| format!("*a?{}*", pair(n))),
            a.clone(),
        ),
        (
            "`*x?y_*` in their own letters",
            with_values(like, agent, |n| {
                let pair = pair(n);
                let (x, y) = pair.split_at(1);
                format!("*{x}?{y}_*")
            }),
            letters.clone(),
        ),
        (
            "`*x?y?x*` in their own letters",
            with_values(like, agent, |n| {
                let pair = pair(n);
                let (x, y) = pair.split_at(1);
                if x == y {
                    "*__*".to_owned()
                } else {
                    format!("*{x}?{y}?{x}*")
                }
            }),
            letters.clone(),
        ),
        (
            "`*${aws:Referer}xy*`, thousands",
            with_values(like, agent, |n| format!("*${{aws:Referer}}{}*", pair(n))),
            a.clone(),
        ),
        (
            "`*${aws:Referer}?xy*`, thousands",
            with_values(like, agent, |n| format!("*${{aws:Referer}}?{}*", pair(n))),
            a.clone(),
        ),
        (
            "texts, thousands",
            with_values("StringEquals", agent, pair),
            "_z".to_owned(),
        ),
        (
            "texts ignoring case, thousands",
            with_values("StringEqualsIgnoreCase", agent, |n| format!("{n}")),
            a.clone(),
        ),
        (
            "numbers, thousands",
            with_values("NumericEquals", "s3:max-keys", |n| format!("{n}")),
            String::new(),
        ),
        (
            "networks, a thousand",
            with_values("IpAddress", "aws:SourceIp", |n| {
                format!("2001:db8:{:x}::/48", n + 1)
            }),
            String::new(),
        ),
        (
            "dates, a thousand",
            with_values("DateEquals", "aws:CurrentTime", |n| format!("{n:04}-01-01")),
            String::new(),
        ),
        (
            "`arn:*:*:*:*:*xy*`, a thousand",
            with_values("ArnLike", agent, |n| format!("arn:*:*:*:*:*{}*", pair(n))),
            format!("arn:aws:iam::1:{a}"),
        ),
        (
            "tags × patterns",
            with_values("ForAnyValue:StringLike", "aws:TagKeys", |n| {
                format!("*{}*", pair(n))
            }),
            String::new(),
        ),
    ]
}

pub fn measure(bench: &mut Bench, table: &mut Table) {
    for (number, (title, text, agent)) in works().into_iter().enumerate() {
        let policy = Policy::load(PolicyKind::Bucket, &text).expect("a policy");
        let context = Long {
            agent,
            referer: "a".repeat(4000),
            tags: (0..50).map(|n| format!("{}{n}", "a".repeat(120))).collect(),
        };
        let caller = Caller::anonymous();
        let resource = format!("arn:aws:s3:::{BUCKET}/x");
        let question = Question {
            caller: &caller,
            action: "s3:GetObject",
            resource: &resource,
            owner: catalog::AccountId::parse(OWNER).ok(),
            context: &context,
        };
        let side = ResourceSide::S3(S3Side {
            policy: Some(&policy),
            ownership: ObjectOwnership::BucketOwnerEnforced,
            bucket_acl: &[],
            object: None,
            block_public_access: BlockPublicAccess::default(),
            writes_public_acl: false,
            writes_policy: None,
            is_upload_initiator: false,
            owner_canonical_id: None,
        });
        let ask = || decide(&question, &IdentitySide::default(), &side).is_allowed();
        assert!(!ask(), "{title}");
        let slow = Goal {
            ns_max: Some(1_000_000.0),
            ..Goal::default()
        };
        table.add(Row {
            work: format!("made to be slow: {title}"),
            ours_ns: bench.median(&format!("slow-{number}"), ask),
            cedar_ns: None,
            allocations: Some(allocations::per_run(ask)),
            goal: slow,
        });
        table.add(Row {
            work: format!("made to be slow: {title}; to read, check and compile"),
            ours_ns: bench.median(&format!("slow-parse-{number}"), || {
                Policy::parse(PolicyKind::Bucket, &text)
            }),
            cedar_ns: None,
            allocations: None,
            goal: Goal::default(),
        });
    }
}
