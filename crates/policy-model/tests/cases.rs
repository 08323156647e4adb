//! Replays the case files of crate `policy` against the model: worlds, operators, patterns, public
//! policies.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
use policy_model::{Decision, Layer, Request, World, decide, is_public};
use serde_json::{Value, json};

/// Cases that the model answers otherwise. May only shrink.
const EXCEPTIONS: &[&str] = &[];

/// Where the file's own word for what refused is another one; all refuse. As in the tests of
/// `policy`.
const OTHER_WORDS: &[&str] = &[
    // E-14: a federated user without session policies lacks a session policy.
    "federated-no-session-policy: implicit:session, not implicit:identity",
    "foreign-object-owner-user-denied: implicit:resource, not implicit",
    "foreign-object-bucket-root-denied: implicit:resource, not implicit:object-acl",
    "foreign-object-bucket-policy-does-not-apply: implicit:resource, not implicit",
    "trust-explicit-deny: explicit:trust, not explicit:resource",
    "trust-root-user-caller: implicit:trust, not Roles may not be assumed by root accounts.",
    "requester-pays-anonymous: explicit:resource, not requester pays",
    "requester-pays-no-header: explicit:resource, not requester pays",
];

fn file(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../policy/tests/cases");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}/{name}")).unwrap()).unwrap()
}

/// `extra` is an additional check of the same call, which may bring its own resource.
fn answer(case: &Value, extra: Option<&Value>) -> Decision {
    let mut world = case.clone();
    let mut request = case["request"].clone();
    for (name, value) in extra.and_then(Value::as_object).into_iter().flatten() {
        match name.as_str() {
            "resourceType" | "resourcePolicy" | "resourceOwner" => world[name] = value.clone(),
            _ => request[name] = value.clone(),
        }
    }
    let world: World = serde_json::from_value(world).unwrap();
    let request: Request = serde_json::from_value(request).unwrap();
    decide(&world, &request)
}

fn label(decision: Decision) -> Option<String> {
    let Decision::Deny { explicit, layer } = decision else {
        return None;
    };
    let layer = match layer {
        Layer::Identity => "identity",
        Layer::Resource => "resource",
        Layer::Trust => "trust",
        Layer::Boundary => "boundary",
        Layer::Session => "session",
        Layer::ServiceControl => "scp",
        Layer::ResourceControl => "rcp",
        Layer::VpcEndpoint => "vpce",
        Layer::BlockPublicAcls => return Some("BlockPublicAcls".to_owned()),
        Layer::BlockPublicPolicy => return Some("BlockPublicPolicy".to_owned()),
    };
    let how = if explicit { "explicit" } else { "implicit" };
    Some(format!("{how}:{layer}"))
}

#[test]
fn worlds_are_decided_as_in_the_case_file() {
    let file = file("cases.json");
    let cases = file["cases"].as_array().unwrap();
    let (mut wrong, mut other_words) = (Vec::new(), Vec::new());
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let mut decision = answer(case, None);
        for extra in case["additionalChecks"].as_array().into_iter().flatten() {
            if decision == Decision::Allow {
                decision = answer(case, Some(extra));
            }
        }
        let expected = case["expect"] == "Allow";
        if (decision == Decision::Allow) != expected && !EXCEPTIONS.contains(&name) {
            wrong.push(format!("{name}: {decision:?}, {}", case["reason"]));
        }
        let word = case["decidedBy"].as_str().unwrap_or_default();
        let word = word.split('(').next().unwrap_or_default();
        let word = word.rsplit(": ").next().unwrap_or_default();
        if let Some(label) = label(decision)
            && label != word
        {
            other_words.push(format!("{name}: {label}, not {word}"));
        }
    }
    println!("{} worlds, {} exceptions", cases.len(), EXCEPTIONS.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(other_words, OTHER_WORDS);
    assert_eq!(cases.len(), 226);
}

/// Asks one statement of an identity policy, by a user of the account.
fn holds(clauses: Value, version: &Value, action: &str, resource: &str, context: &Value) -> bool {
    let mut statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    for (name, value) in clauses.as_object().unwrap() {
        statement[name] = value.clone();
    }
    let version = version.as_str().unwrap_or("2012-10-17");
    let arn = "arn:aws:iam::111111111111:user/somebody";
    let world = json!({
        "resourceType": "none",
        "policies": {arn: {"identity": [{"Version": version, "Statement": statement}]}},
    });
    let context = if context.is_null() {
        json!({})
    } else {
        context.clone()
    };
    let request = json!({
        "principal": {"kind": "user", "account": "111111111111", "arn": arn},
        "action": action, "resource": resource, "context": context,
    });
    let mut request: Request = serde_json::from_value(request).unwrap();
    // The file's contexts are complete: what it leaves out is absent.
    if !request.context.contains_key("aws:username") {
        request.principal.kind = policy_model::Kind::AssumedRole;
        request.principal.role_arn = arn.to_owned();
    }
    decide(&serde_json::from_value(world).unwrap(), &request) == Decision::Allow
}

#[test]
fn operators_hold_as_in_the_case_file() {
    let file = file("condition-cases.json");
    let cases = file["cases"].as_array().unwrap();
    let mut wrong = Vec::new();
    for case in cases {
        let operator = case["operator"].as_str().unwrap();
        let key = case["key"].as_str().unwrap();
        let clauses = json!({"Condition": {operator: {key: case["policyValues"]}}});
        let held = holds(
            clauses,
            &case["version"],
            "s3:GetObject",
            "*",
            &case["context"],
        );
        if held != (case["match"] == true) {
            wrong.push(case.to_string());
        }
    }
    println!("{} operators", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cases.len(), 203);
}

#[test]
fn patterns_match_and_policies_are_public_as_in_the_case_file() {
    let file = file("match-cases.json");
    let mut wrong = Vec::new();
    let mut count = 0;
    let mut check = |case: &Value, answer: bool, expected: &str| {
        count += 1;
        if answer != (case[expected] == true) {
            wrong.push(case.to_string());
        }
    };
    for case in file["actions"].as_array().unwrap() {
        let clauses = json!({"Action": case["pattern"]});
        let action = case["action"].as_str().unwrap();
        let held = holds(clauses, &Value::Null, action, "*", &Value::Null);
        check(case, held, "match");
    }
    for case in file["resources"].as_array().unwrap() {
        let clauses = json!({"Resource": case["pattern"]});
        let resource = case["resource"].as_str().unwrap();
        let held = holds(
            clauses,
            &case["version"],
            "s3:GetObject",
            resource,
            &case["context"],
        );
        check(case, held, "match");
    }
    for case in file["publicPolicies"].as_array().unwrap() {
        check(case, is_public(&case["policy"]), "public");
    }
    println!("{count} patterns and public policies");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(count, 65);
}
