//! What holds for all policies: laws of the evaluation, and limits of what a document can cost.
#![expect(clippy::unwrap_used, reason = "tests")]
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::AccountId;
use policy::{
    AttachedPolicy, BlockPublicAccess, Caller, CallerKind, Clause, Context, Decision, Denial,
    Given, Guardrails, IdentitySide, Layer, Lookup, ObjectOwnership, Outcome, Policy, PolicyKind,
    PolicySource, Question, ResourceSide, S3Side, Step, decide, decide_within, explain,
    explain_within,
};
use proptest::prelude::*;

struct Ip(String);
impl Context for Ip {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match key {
            "aws:sourceip" => Lookup::One(&self.0),
            "aws:useragent" => Lookup::One(&self.0),
            _ => Lookup::Absent,
        }
    }
}

fn account(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

fn al(own: &str) -> Caller {
    let arn = format!("arn:aws:iam::{own}:user/al");
    Caller {
        kind: CallerKind::User,
        account: Some(account(own)),
        canonical_id: None,
        principal_arn: arn.clone(),
        arn,
        unique_id: "AIDAALALALALALALALAL".to_owned(),
        user_id: "AIDAALALALALALALALAL".to_owned(),
        user_name: Some("al".to_owned()),
        tags: vec![("team".to_owned(), "a".to_owned())],
    }
}

fn attach(name: &str, document: &str) -> AttachedPolicy {
    AttachedPolicy {
        source: PolicySource::Inline {
            name: name.to_owned(),
        },
        policy: Arc::new(Policy::load(PolicyKind::Identity, document).unwrap()),
    }
}

fn document(statements: &[String]) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{}]}}"#,
        statements.join(",")
    )
}

fn bucket(policy: Option<&Policy>) -> ResourceSide<'_> {
    ResourceSide::S3(S3Side {
        policy,
        ownership: ObjectOwnership::BucketOwnerEnforced,
        bucket_acl: &[],
        object: None,
        block_public_access: BlockPublicAccess::default(),
        writes_public_acl: false,
        writes_policy: None,
        is_upload_initiator: false,
        owner_canonical_id: None,
    })
}

/// A world in which everything can matter: own side, boundary, session, bucket policy.
#[derive(Clone, Debug)]
struct World {
    caller_account: &'static str,
    action: &'static str,
    resource: &'static str,
    ip: &'static str,
    own: Vec<String>,
    boundary: Option<Vec<String>>,
    session: Option<Vec<String>>,
    bucket: Vec<String>,
}

fn with_world<T>(
    world: &World,
    ask: impl FnOnce(&Question<'_>, &IdentitySide<'_>, &ResourceSide<'_>) -> T,
) -> T {
    let caller = al(world.caller_account);
    let context = Ip(world.ip.to_owned());
    let question = Question {
        caller: &caller,
        action: world.action,
        resource: world.resource,
        owner: Some(account("111111111111")),
        context: &context,
    };
    let own: Vec<_> = world
        .own
        .iter()
        .enumerate()
        .map(|(at, s)| AttachedPolicy {
            source: PolicySource::Managed {
                arn: format!("arn:aws:iam::{}:policy/p{at}", world.caller_account),
            },
            ..attach("own", &document(std::slice::from_ref(s)))
        })
        .collect();
    let boundary = world
        .boundary
        .as_ref()
        .map(|s| attach("boundary", &document(s)));
    let session = world
        .session
        .as_ref()
        .map(|s| vec![attach("session", &document(s))]);
    let policy = Policy::load(PolicyKind::Bucket, &document(&world.bucket)).unwrap();
    let identity = IdentitySide {
        policies: &own,
        boundary: boundary.as_ref(),
        session: session.as_deref(),
    };
    ask(&question, &identity, &bucket(Some(&policy)))
}

fn answer(world: &World) -> Decision {
    with_world(world, decide)
}

fn clauses(effect: &'static str) -> impl Strategy<Value = String> {
    let action = prop_oneof![
        Just(r#""Action":"s3:*""#),
        Just(r#""Action":"s3:GetObject""#),
        Just(r#""Action":["s3:Put*","s3:List?ucket"]"#),
        Just(r#""Action":["S3:GETOBJECT","iam:*"]"#),
        Just(r#""NotAction":["iam:*","s3:Put*"]"#),
        Just(r#""NotAction":"s3:GetObject""#),
    ];
    let resource = prop_oneof![
        Just(r#""Resource":"*""#),
        Just(r#""Resource":"arn:aws:s3:::data/*""#),
        Just(r#""Resource":"arn:aws:s3:::data/${aws:username}/*""#),
        Just(r#""NotResource":"arn:aws:s3:::data/x""#),
        Just(r#""Resource":["arn:aws:s3:::data","arn:*:s3:::data/?"]"#),
    ];
    let condition = prop_oneof![
        Just(""),
        Just(r#","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#),
        Just(r#","Condition":{"StringNotEquals":{"aws:PrincipalTag/team":"a"}}"#),
        Just(r#","Condition":{"StringEqualsIfExists":{"aws:SourceVpc":"v"}}"#),
        Just(r#","Condition":{"Null":{"aws:SourceVpc":"false"}}"#),
        Just(r#","Condition":{"StringEqualsIgnoreCase":{"aws:username":["AL","${aws:userid}"]}}"#),
        Just(
            r#","Condition":{"ArnNotLike":{"aws:PrincipalArn":["arn:aws:iam::111111111111:user/al","arn:aws:iam::*:role/x"]}}"#
        ),
        Just(r#","Condition":{"StringLike":{"aws:PrincipalAccount":["2222*","111111111112"]}}"#),
    ];
    (action, resource, condition)
        .prop_map(move |(a, r, c)| format!(r#""Effect":"{effect}",{a},{r}{c}"#))
}

fn own_statement() -> impl Strategy<Value = String> {
    prop_oneof![3 => clauses("Allow"), 1 => clauses("Deny")].prop_map(|rest| format!("{{{rest}}}"))
}

fn principal() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just(r#""Principal":"*""#),
        Just(r#""Principal":{"AWS":"111111111111"}"#),
        Just(r#""Principal":{"AWS":["222222222222","AIDAALALALALALALALAL"]}"#),
        Just(r#""Principal":{"Service":"logging.s3.amazonaws.com"}"#),
        Just(r#""NotPrincipal":{"AWS":["111111111111","arn:aws:iam::111111111111:user/al"]}"#),
    ]
}

fn bucket_statement() -> impl Strategy<Value = String> {
    let clauses = prop_oneof![3 => clauses("Allow"), 1 => clauses("Deny")];
    (principal(), clauses).prop_map(|(principal, rest)| format!("{{{principal},{rest}}}"))
}

/// Two levels at most, each with one policy.
fn levels(statement: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<Vec<String>>> {
    prop::collection::vec(prop::collection::vec(statement, 1..3), 0..3)
}

fn worlds() -> impl Strategy<Value = World> {
    let request = (
        prop_oneof![Just("111111111111"), Just("222222222222")],
        prop_oneof![
            Just("s3:GetObject"),
            Just("s3:PutObject"),
            Just("s3:ListBucket"),
            // An action that no type of ours stands for.
            Just("s3:GetObjectTorrent"),
            Just("s3:getobject"),
        ],
        prop_oneof![
            Just("arn:aws:s3:::data"),
            Just("arn:aws:s3:::data/x"),
            Just("arn:aws:s3:::data/al/x")
        ],
        prop_oneof![Just("10.1.1.1"), Just("192.0.2.1")],
    );
    let some = |max| prop::collection::vec(own_statement(), 0..max);
    let sides = (
        some(4),
        prop::option::weighted(0.3, some(3)),
        prop::option::weighted(0.3, some(3)),
        prop::collection::vec(bucket_statement(), 0..4),
    );
    (request, sides).prop_map(|(request, sides)| World {
        caller_account: request.0,
        action: request.1,
        resource: request.2,
        ip: request.3,
        own: sides.0,
        boundary: sides.1,
        session: sides.2,
        bucket: sides.3,
    })
}

const DENY_ALL: &str = r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_trail_leads_to_the_decision_that_is_made_without_it(world in worlds()) {
        let verdict = with_world(&world, explain);
        prop_assert_eq!(verdict.decision(), answer(&world));
        let denies = |step: &Step| match step {
            Step::Statement(step) => {
                step.effect == policy::Effect::Deny && step.outcome == Outcome::Matched
            }
            _ => false,
        };
        let explicit = matches!(
            verdict.decision(),
            Decision::Deny(denial) if denial.explicit
        );
        prop_assert_eq!(verdict.steps().iter().any(denies), explicit);
    }

    #[test]
    fn the_trail_leads_to_the_decision_under_guardrails_too(
        world in worlds(),
        service in levels(own_statement()),
        resource in levels(bucket_statement()),
        endpoint in prop::option::weighted(0.3, prop::collection::vec(bucket_statement(), 0..3)),
    ) {
        let load = |kind, statements: &[String]| Policy::load(kind, &document(statements)).unwrap();
        let levels = |kind, levels: &[Vec<String>]| -> Vec<Vec<AttachedPolicy>> {
            let level = |(at, statements): (usize, &Vec<String>)| {
                let arn = format!("arn:aws:organizations::111111111111:policy/p{at}");
                let source = PolicySource::Managed { arn };
                vec![AttachedPolicy { source, policy: Arc::new(load(kind, statements)) }]
            };
            levels.iter().enumerate().map(level).collect()
        };
        let service = levels(PolicyKind::ServiceControl, &service);
        let resource = levels(PolicyKind::ResourceControl, &resource);
        let endpoint = endpoint.map(|statements| load(PolicyKind::VpcEndpoint, &statements));
        let guardrails = Guardrails {
            service_control: &service,
            resource_control: &resource,
            vpc_endpoint: endpoint.as_ref(),
        };
        let explained = with_world(&world, |question, identity, side| {
            explain_within(question, identity, side, &guardrails).decision()
        });
        let decided = with_world(&world, |question, identity, side| {
            decide_within(question, identity, side, &guardrails)
        });
        prop_assert_eq!(explained, decided);
    }

    #[test]
    fn a_deny_wins_wherever_it_stands(world in worlds(), place in 0..4) {
        let mut world = world;
        match place {
            0 => world.own.push(DENY_ALL.to_owned()),
            1 => world.boundary.get_or_insert_default().push(DENY_ALL.to_owned()),
            2 => world.session.get_or_insert_default().push(DENY_ALL.to_owned()),
            _ => world.bucket.push(DENY_ALL.replace('{', r#"{"Principal":"*","#)),
        }
        match answer(&world) {
            Decision::Allow => prop_assert!(false, "allowed"),
            Decision::Deny(denial) => prop_assert!(denial.explicit),
        }
    }

    #[test]
    fn order_and_repetition_do_not_matter(world in worlds()) {
        // But for the policy that is named: of several that deny, it is the first.
        let nameless = |decision| match decision {
            Decision::Deny(denial) => Decision::Deny(Denial { policy_arn: None, ..denial }),
            Decision::Allow => Decision::Allow,
        };
        let wanted = nameless(answer(&world));
        let mut turned = world.clone();
        let (boundary, session) = (turned.boundary.as_mut(), turned.session.as_mut());
        let lists = [Some(&mut turned.own), boundary, session, Some(&mut turned.bucket)];
        for list in lists.into_iter().flatten() {
            list.reverse();
            list.extend(list.clone());
        }
        prop_assert_eq!(nameless(answer(&turned)), wanted);
    }

    #[test]
    fn an_allow_more_takes_nothing_away(world in worlds(), rest in clauses("Allow"), own in any::<bool>(), principal in principal()) {
        if answer(&world).is_allowed() {
            let mut more = world;
            if own {
                more.own.push(format!("{{{rest}}}"));
            } else {
                more.bucket.push(format!("{{{principal},{rest}}}"));
            }
            prop_assert!(answer(&more).is_allowed());
        }
    }

    #[test]
    fn a_boundary_gives_nothing(world in worlds(), rest in clauses("Allow")) {
        let mut bounded = world.clone();
        bounded.boundary = Some(vec![format!("{{{rest}}}")]);
        let mut free = world;
        free.boundary = None;
        if answer(&bounded).is_allowed() {
            prop_assert!(answer(&free).is_allowed());
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        for kind in [PolicyKind::Identity, PolicyKind::Trust, PolicyKind::Bucket, PolicyKind::Key] {
            let _ = Policy::parse(kind, &text);
        }
    }

    #[test]
    fn no_damage_to_a_document_makes_the_reader_panic(
        statement in bucket_statement(), at in 0usize..200, with in "[\\[\\]{}\",:*?$aé\\\\]{0,3}"
    ) {
        let text = document(&[statement]);
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let damaged = format!("{}{with}{}", &text[..at], &text[(at + 1).min(text.len())..]);
        for kind in [PolicyKind::Identity, PolicyKind::Trust, PolicyKind::Bucket, PolicyKind::Key] {
            if let Ok(policy) = Policy::parse(kind, &damaged) {
                prop_assert!(Policy::load(kind, policy.text()).is_ok());
            }
        }
    }

    #[test]
    fn what_is_compact_means_the_same(statement in bucket_statement()) {
        let policy = Policy::load(PolicyKind::Bucket, &document(&[statement])).unwrap();
        let compact = Policy::load(PolicyKind::Bucket, &policy.compact_text()).unwrap();
        prop_assert_eq!(compact.compact_text(), policy.compact_text());
        prop_assert_eq!(compact.is_public(), policy.is_public());
    }
}

/// A policy of 20 KiB whose every pattern is as slow as patterns can be.
fn slowest(pattern: &str) -> Duration {
    let statement = format!(
        r#"{{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{{"StringLike":{{"aws:UserAgent":"{pattern}"}}}}}}"#
    );
    let mut statements = vec![statement.clone()];
    while document(&statements).len() + statement.len() < 20_480 {
        statements.push(statement.clone());
    }
    time_of_no(&statements)
}

/// A policy of 20 KiB with one condition that lists as many values as there is room for.
fn slowest_list(operator: &str, key: &str, value: impl Fn(usize) -> String) -> Duration {
    let values: Vec<_> = (0..)
        .map(|number| format!("\"{}\"", value(number)))
        .scan(200, |size, value| {
            *size += value.len() + 1;
            (*size < 20_480).then_some(value)
        })
        .collect();
    time_of_no(&[format!(
        r#"{{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{{"{operator}":{{"{key}":[{}]}}}}}}"#,
        values.join(",")
    )])
}

fn time_of_no(statements: &[String]) -> Duration {
    let policies = [attach("slow", &document(statements))];
    let caller = al("111111111111");
    let context = Ip("a".repeat(8192));
    let question = Question {
        caller: &caller,
        action: "s3:GetObject",
        resource: "arn:aws:s3:::data/x",
        owner: Some(account("111111111111")),
        context: &context,
    };
    let identity = IdentitySide {
        policies: &policies,
        ..IdentitySide::default()
    };
    let start = Instant::now();
    let decision = decide(&question, &identity, &bucket(None));
    let took = start.elapsed();
    assert!(!decision.is_allowed());
    took
}

#[test]
fn no_document_is_slow() {
    let patterns = [
        "*a".repeat(4000) + "b",
        "*".repeat(8000) + "b",
        format!("*{}b*", "a".repeat(4000)),
        "*a?".repeat(2000) + "b",
        format!("*{}b*", "a?".repeat(400)),
        format!("*{}b*", "a?".repeat(2000)),
        format!("*{}b*", "?".repeat(4000)),
    ];
    for pattern in patterns {
        let took = slowest(&pattern);
        println!("{:.20}… of {}: {took:?}", pattern, pattern.len());
        assert!(took < Duration::from_secs(2), "{:.20}: {took:?}", pattern);
    }
}

#[test]
fn an_allow_for_the_account_does_not_hide_one_for_the_user() {
    let allow = |principal: &str| {
        format!(
            r#"{{"Effect":"Allow","Principal":{principal},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}"#
        )
    };
    let account = allow(r#"{"AWS":"111111111111"}"#);
    let user = allow(r#"{"AWS":"AIDAALALALALALALALAL"}"#);
    // The account's allow alone leaves it to the identity side, which says nothing.
    for (bucket, allowed) in [
        (vec![account.clone()], false),
        (vec![account.clone(), user.clone()], true),
        (vec![user, account], true),
    ] {
        let world = World {
            caller_account: "111111111111",
            action: "s3:GetObject",
            resource: "arn:aws:s3:::data/x",
            ip: "192.0.2.1",
            own: Vec::new(),
            boundary: None,
            session: None,
            bucket,
        };
        assert_eq!(answer(&world).is_allowed(), allowed);
        assert_eq!(with_world(&world, explain).decision().is_allowed(), allowed);
    }
}

/// As `no_document_is_slow`: the bounds are generous, since what is meant is that no cost is a
/// product of two lengths. Counts are bounded in `pattern_set`, figures are those of the bench.
#[test]
fn no_list_is_slow() {
    let agent = "aws:UserAgent";
    type Values = fn(usize) -> String;
    let works: [(&str, &str, Values); 9] = [
        ("StringLike", agent, |n| format!("*b{n}*")),
        ("StringLike", agent, |n| format!("*a?b{n}*c*")),
        ("StringLike", agent, |n| format!("*${{aws:SourceIp}}?{n}*")),
        ("StringNotEquals", agent, |_| "a".repeat(8192)),
        ("StringEqualsIgnoreCase", agent, |n| format!("A{n}")),
        ("NumericEquals", agent, |n| format!("{n}")),
        ("IpAddress", agent, |n| {
            format!("10.{}.{}.0/24", n / 256 % 256, n % 256)
        }),
        ("ArnLike", agent, |n| format!("arn:*:*:*:*:*b{n}*")),
        ("DateEquals", agent, |n| format!("{:04}-01-01", n % 9999)),
    ];
    for (operator, key, value) in works {
        let took = slowest_list(operator, key, value);
        println!("{operator} of {}…: {took:?}", value(1));
        assert!(took < Duration::from_secs(2), "{operator}: {took:?}");
    }
}

/// Every statement's place is told, and the text is not read again for each.
#[test]
fn a_trail_of_many_statements_is_not_slow() {
    let statement = r#"{"Effect":"Allow","Action":"s3:*","Resource":"x:"}"#.to_owned();
    let statements = vec![statement; 131_072 / 60];
    let world = World {
        caller_account: "111111111111",
        action: "s3:GetObject",
        resource: "arn:aws:s3:::data/x",
        ip: "192.0.2.1",
        own: Vec::new(),
        boundary: Some(statements),
        session: None,
        bucket: Vec::new(),
    };
    let start = Instant::now();
    let verdict = with_world(&world, explain);
    assert!(verdict.steps().len() > 2_000);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_trail_says_which_clause_failed_with_what_was_wanted_and_given() {
    let world = World {
        caller_account: "111111111111",
        action: "s3:GetObject",
        resource: "arn:aws:s3:::data/x",
        ip: "192.0.2.1",
        own: vec![r#"{"Sid":"Office","Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}"#.to_owned()],
        boundary: None,
        session: None,
        bucket: vec![r#"{"Effect":"Deny","Principal":"*","Action":"s3:Put*","Resource":"*"}"#.to_owned()],
    };
    let verdict = with_world(&world, explain);
    let found: Vec<_> = verdict
        .steps()
        .iter()
        .filter_map(|step| match step {
            Step::Statement(step) => Some((step.layer, step.sid.as_deref(), &step.outcome)),
            _ => None,
        })
        .collect();
    let condition = Outcome::Failed {
        clause: Clause::Condition {
            operator: "IpAddress".to_owned(),
            key: "aws:SourceIp".to_owned(),
        },
        wanted: vec!["10.0.0.0/8".to_owned()],
        given: Given::One("192.0.2.1".to_owned()),
    };
    let action = Outcome::Failed {
        clause: Clause::Action,
        wanted: vec!["s3:Put*".to_owned()],
        given: Given::One("s3:GetObject".to_owned()),
    };
    assert_eq!(
        found,
        [
            (Layer::Identity, Some("Office"), &condition),
            (Layer::Resource, None, &action),
        ]
    );
}
