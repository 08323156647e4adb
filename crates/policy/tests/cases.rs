//! Replays the case files: worlds with one request each, operators, patterns, public policies.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]
use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::{AccountId, CanonicalUserId};
use policy::{
    AttachedPolicy, BlockPublicAccess, Caller, CallerKind, Context, Decision, Grant, Grantee,
    Guardrails, IdentitySide, KeyGrant, KeySide, Layer, Lookup, ObjectOwnership, ObjectSide,
    Permission, Policy, PolicyKind, PolicySource, Question, ResourceSide, S3Side, decide_within,
    explain_within, requester_pays_admits,
};
use serde_json::Value;

/// Cases that we answer otherwise, each with its reason. May only shrink.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// Where the file's own word for what refused is not a layer, or another one; all refuse.
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

#[derive(Default)]
struct Keys {
    one: BTreeMap<String, String>,
    many: BTreeMap<String, Vec<String>>,
}

impl Keys {
    fn of(context: &Value) -> Keys {
        let mut keys = Keys::default();
        for (key, value) in context.as_object().into_iter().flatten() {
            let key = key.to_lowercase();
            match value {
                Value::Array(values) => {
                    keys.many.insert(key, values.iter().map(text).collect());
                }
                value => {
                    keys.one.insert(key, text(value));
                }
            }
        }
        keys
    }
}

impl Context for Keys {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match (self.one.get(key), self.many.get(key)) {
            (Some(value), _) => Lookup::One(value),
            (None, Some(values)) => Lookup::Many(values),
            (None, None) => Lookup::Absent,
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn cases(file: &str) -> Value {
    let path = format!("{}/tests/cases/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn load(kind: PolicyKind, document: &Value) -> Policy {
    Policy::load(kind, &document.to_string()).unwrap_or_else(|e| panic!("{e} {document}"))
}

fn attach(kind: PolicyKind, documents: &Value) -> Vec<AttachedPolicy> {
    let documents = documents.as_array().map_or(&[][..], Vec::as_slice);
    let attach = |document| AttachedPolicy {
        source: PolicySource::SessionInline,
        policy: Arc::new(load(kind, document)),
    };
    documents.iter().map(attach).collect()
}

fn account(value: &Value) -> Option<AccountId> {
    match value.as_str() {
        None | Some("anonymous") => None,
        Some(text) => Some(AccountId::parse(text).unwrap()),
    }
}

fn caller(world: &Value, principal: &Value) -> Caller {
    let arn = principal["arn"].as_str().unwrap_or_default().to_owned();
    let string = |key: &str| principal[key].as_str().unwrap_or_default().to_owned();
    let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
    let kind = match principal["kind"].as_str().unwrap() {
        "user" => CallerKind::User,
        "root" => CallerKind::Root,
        "assumed-role" => CallerKind::RoleSession {
            role_arn: string("roleArn"),
            session_name: name.clone(),
        },
        "federated-user" => CallerKind::FederatedUser {
            user_arn: string("userArn"),
            user_unique_id: String::new(),
        },
        "service" => CallerKind::Service {
            name: string("service"),
        },
        "anonymous" => match principal["provider"].as_str() {
            Some(provider) => CallerKind::TokenHolder {
                provider: provider.to_owned(),
            },
            None => CallerKind::Anonymous,
        },
        other => panic!("{other}"),
    };
    let role = string("roleArn");
    let tags = principal["tags"].as_object().into_iter().flatten();
    let id = principal["account"].as_str().unwrap_or_default();
    let canonical = world["accounts"][id]["canonicalId"].as_str();
    Caller {
        user_name: (kind == CallerKind::User).then_some(name),
        kind,
        account: account(&principal["account"]),
        canonical_id: canonical.map(|id| CanonicalUserId::parse(id).unwrap()),
        principal_arn: if role.is_empty() { arn.clone() } else { role },
        arn,
        unique_id: String::new(),
        user_id: String::new(),
        tags: tags.map(|(k, v)| (k.clone(), text(v))).collect(),
    }
}

fn grants(list: &Value) -> Vec<Grant> {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    let grant = |grant: &Value| Grant {
        grantee: match (grant["uri"].as_str(), grant["id"].as_str()) {
            (Some(uri), _) => match uri.rsplit('/').next().unwrap() {
                "AllUsers" => Grantee::AllUsers,
                "AuthenticatedUsers" => Grantee::AuthenticatedUsers,
                "LogDelivery" => Grantee::LogDelivery,
                other => panic!("{other}"),
            },
            (None, Some(id)) => Grantee::CanonicalUser(id.to_owned()),
            (None, None) => panic!("{grant}"),
        },
        permission: match grant["permission"].as_str().unwrap() {
            "READ" => Permission::Read,
            "WRITE" => Permission::Write,
            "READ_ACP" => Permission::ReadAcp,
            "WRITE_ACP" => Permission::WriteAcp,
            "FULL_CONTROL" => Permission::FullControl,
            other => panic!("{other}"),
        },
    };
    list.iter().map(grant).collect()
}

fn pairs(map: &Value) -> Option<Vec<(String, String)>> {
    let map = map.as_object()?;
    Some(map.iter().map(|(k, v)| (k.clone(), text(v))).collect())
}

fn key_grants(list: &Value) -> Vec<KeyGrant> {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    let grant = |grant: &Value| KeyGrant {
        grantee: text(&grant["granteePrincipal"]),
        operations: grant["operations"]
            .as_array()
            .unwrap()
            .iter()
            .map(text)
            .collect(),
        encryption_context_equals: pairs(&grant["constraints"]["encryptionContextEquals"]),
        encryption_context_subset: pairs(&grant["constraints"]["encryptionContextSubset"]),
    };
    list.iter().map(grant).collect()
}

fn levels(kind: PolicyKind, levels: &Value) -> Vec<Vec<AttachedPolicy>> {
    let levels = levels.as_array().map_or(&[][..], Vec::as_slice);
    levels.iter().map(|level| attach(kind, level)).collect()
}

/// One request of a world. Also holds that the trail leads to the decision without it.
fn answer(world: &Value, request: &Value) -> Decision {
    let field = |name: &str| match request.get(name) {
        Some(value) => value,
        None => &world[name],
    };
    let principal = match request.get("principal") {
        Some(principal) => principal,
        None => &world["request"]["principal"],
    };
    let caller = caller(world, principal);
    let owner = account(field("resourceOwner"));
    let mut context = Keys::of(&request["context"]);
    let org = world["accounts"][principal["account"].as_str().unwrap_or_default()]["org"].as_str();
    if let Some(org) = org {
        context.one.insert("aws:principalorgid".into(), org.into());
    }
    let question = Question {
        caller: &caller,
        action: request["action"].as_str().unwrap(),
        resource: request["resource"].as_str().unwrap(),
        owner,
        context: &context,
    };

    let holder = ["roleArn", "userArn", "arn"]
        .into_iter()
        .find_map(|k| principal[k].as_str());
    let own = &world["policies"][holder.unwrap_or_default()];
    let mut policies = attach(PolicyKind::Identity, &own["identity"]);
    policies.extend(attach(PolicyKind::Identity, &own["groups"]));
    let boundary = own.get("boundary").map(|document| AttachedPolicy {
        source: PolicySource::SessionInline,
        policy: Arc::new(load(PolicyKind::Identity, document)),
    });
    let session = principal.get("sessionPolicies");
    let session = session.map(|documents| attach(PolicyKind::Session, documents));
    let identity = IdentitySide {
        policies: &policies,
        boundary: boundary.as_ref(),
        session: session.as_deref(),
    };

    let bound = principal["serviceLinked"] != true;
    let empty = Value::Null;
    let scps = match principal["account"].as_str() {
        Some(id) if bound => &world["accounts"][id]["scps"],
        _ => &empty,
    };
    let rcps = match field("resourceOwner").as_str() {
        Some(id) if bound => &world["accounts"][id]["rcps"],
        _ => &empty,
    };
    let scps = levels(PolicyKind::ServiceControl, scps);
    let rcps = levels(PolicyKind::ResourceControl, rcps);
    let endpoint = request.get("vpcEndpointPolicy");
    let endpoint = endpoint.map(|document| load(PolicyKind::VpcEndpoint, document));
    let guardrails = Guardrails {
        service_control: &scps,
        resource_control: &rcps,
        vpc_endpoint: endpoint.as_ref(),
    };

    let kind = field("resourceType").as_str().unwrap_or("s3");
    let policy_kind = match kind {
        "trust" => PolicyKind::Trust,
        "kms" => PolicyKind::Key,
        _ => PolicyKind::Bucket,
    };
    let document = Some(field("resourcePolicy")).filter(|d| !d.is_null());
    let policy = document.map(|document| load(policy_kind, document));
    let flag = |name: &str| {
        let on = |level: &str| world["bpa"][level][name] == true;
        on("account") || on("bucket")
    };
    let new_policy = request
        .get("newPolicy")
        .map(|d| load(PolicyKind::Bucket, d));
    let (bucket_acl, object_acl) = (
        grants(&world["acl"]["bucket"]),
        grants(&world["acl"]["object"]),
    );
    let key_grants = key_grants(&world["grants"]);
    let encryption_context: Vec<_> = request["context"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(k, v)| {
            Some((
                k.strip_prefix("kms:EncryptionContext:")?.to_owned(),
                text(v),
            ))
        })
        .collect();
    let side = match kind {
        "none" => ResourceSide::None,
        "trust" => ResourceSide::Trust(policy.as_ref().unwrap()),
        "kms" => ResourceSide::Key(KeySide {
            policy: policy.as_ref().unwrap(),
            grants: &key_grants,
            encryption_context: &encryption_context,
        }),
        "s3" => ResourceSide::S3(S3Side {
            policy: policy.as_ref(),
            ownership: match world["ownership"].as_str().unwrap_or("BucketOwnerEnforced") {
                "BucketOwnerEnforced" => ObjectOwnership::BucketOwnerEnforced,
                "BucketOwnerPreferred" => ObjectOwnership::BucketOwnerPreferred,
                "ObjectWriter" => ObjectOwnership::ObjectWriter,
                other => panic!("{other}"),
            },
            bucket_acl: &bucket_acl,
            // The object of the file is there to be read; what is put is new.
            object: (question.action != "s3:PutObject").then_some(ObjectSide {
                owner: account(&world["objectOwner"]),
                acl: &object_acl,
            }),
            block_public_access: BlockPublicAccess {
                block_public_acls: flag("BlockPublicAcls"),
                ignore_public_acls: flag("IgnorePublicAcls"),
                block_public_policy: flag("BlockPublicPolicy"),
                restrict_public_buckets: flag("RestrictPublicBuckets"),
            },
            writes_public_acl: false,
            writes_policy: new_policy.as_ref(),
            is_upload_initiator: false,
            owner_canonical_id: None,
        }),
        other => panic!("{other}"),
    };

    let decision = decide_within(&question, &identity, &side, &guardrails);
    let verdict = explain_within(&question, &identity, &side, &guardrails);
    assert_eq!(verdict.decision(), decision, "{}", world["name"]);
    let pays = world["requesterPays"] == true && question.resource.contains('/');
    if pays && !requester_pays_admits(&question, request["requestPayer"] == true) {
        return Decision::Deny(policy::Denial {
            explicit: true,
            layer: Layer::Resource,
            policy_arn: None,
        });
    }
    decision
}

/// The word of the case files for what refused.
fn label(decision: &Decision) -> Option<String> {
    let Decision::Deny(denial) = decision else {
        return None;
    };
    let layer = match denial.layer {
        Layer::Identity => "identity",
        Layer::Resource => "resource",
        Layer::Trust => "trust",
        Layer::Boundary => "boundary",
        Layer::Session => "session",
        Layer::ServiceControl => "scp",
        Layer::ResourceControl => "rcp",
        Layer::VpcEndpoint => "vpce",
        Layer::BlockPublicAcls => "BlockPublicAcls",
        Layer::BlockPublicPolicy => return Some("BlockPublicPolicy".to_owned()),
    };
    let how = if denial.explicit {
        "explicit"
    } else {
        "implicit"
    };
    Some(format!("{how}:{layer}"))
}

#[test]
fn worlds_are_decided_as_in_the_case_file() {
    let file = cases("cases.json");
    let cases = file["cases"].as_array().unwrap();
    let mut wrong = Vec::new();
    let mut other_layer = Vec::new();
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let mut decision = answer(case, &case["request"]);
        for extra in case["additionalChecks"].as_array().into_iter().flatten() {
            if decision.is_allowed() {
                decision = answer(case, extra);
            }
        }
        let expected = case["expect"] == "Allow";
        if decision.is_allowed() != expected && !EXCEPTIONS.iter().any(|(n, _)| *n == name) {
            wrong.push(format!("{name}: {decision:?}, {}", case["reason"]));
        }
        let expected = case["decidedBy"].as_str().unwrap_or_default();
        let expected = expected.split('(').next().unwrap_or_default();
        let expected = expected.rsplit(": ").next().unwrap_or_default();
        if let Some(label) = label(&decision)
            && label != expected
        {
            other_layer.push(format!("{name}: {label}, not {expected}"));
        }
    }
    println!("{} worlds, {} exceptions", cases.len(), EXCEPTIONS.len());
    assert_eq!(other_layer, OTHER_WORDS);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cases.len(), 226);
}

/// Asks a policy with one statement, by a user of its own account.
fn matches(
    kind: &str,
    statement: Value,
    version: &str,
    request: (&str, &str),
    context: &Value,
) -> bool {
    let mut statement = statement;
    statement["Effect"] = "Allow".into();
    for (name, default) in [("Action", "*"), ("Resource", "*")] {
        if statement.get(name).is_none() {
            statement[name] = default.into();
        }
    }
    let document = serde_json::json!({"Version": version, "Statement": statement});
    let policy = AttachedPolicy {
        source: PolicySource::Inline {
            name: kind.to_owned(),
        },
        policy: Arc::new(load(PolicyKind::Identity, &document)),
    };
    let caller = Caller {
        kind: CallerKind::User,
        account: Some(AccountId::parse("111111111111").unwrap()),
        ..Caller::anonymous()
    };
    let context = Keys::of(context);
    let question = Question {
        caller: &caller,
        action: request.0,
        resource: request.1,
        owner: None,
        context: &context,
    };
    let identity = IdentitySide {
        policies: &[policy],
        ..IdentitySide::default()
    };
    decide_within(
        &question,
        &identity,
        &ResourceSide::None,
        &Guardrails::default(),
    )
    .is_allowed()
}

#[test]
fn operators_hold_as_in_the_case_file() {
    let file = cases("condition-cases.json");
    let cases = file["cases"].as_array().unwrap();
    let mut wrong = Vec::new();
    for case in cases {
        let (operator, key) = (text(&case["operator"]), text(&case["key"]));
        let values = case["policyValues"].clone();
        let version = case["version"].as_str().unwrap_or("2012-10-17");
        let statement = serde_json::json!({"Condition": {operator: {key: values}}});
        let holds = matches(
            "condition",
            statement,
            version,
            ("s3:GetObject", "*"),
            &case["context"],
        );
        if holds != (case["match"] == true) {
            wrong.push(case.to_string());
        }
    }
    println!("{} operators", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cases.len(), 203);
}

#[test]
fn patterns_match_and_policies_are_public_as_in_the_case_file() {
    let file = cases("match-cases.json");
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in file["actions"].as_array().unwrap() {
        count += 1;
        let statement = serde_json::json!({"Action": case["pattern"]});
        let action = case["action"].as_str().unwrap();
        if matches(
            "action",
            statement,
            "2012-10-17",
            (action, "*"),
            &Value::Null,
        ) != (case["match"] == true)
        {
            wrong.push(case.to_string());
        }
    }
    for case in file["resources"].as_array().unwrap() {
        count += 1;
        let statement = serde_json::json!({"Resource": case["pattern"]});
        let resource = case["resource"].as_str().unwrap();
        let version = case["version"].as_str().unwrap_or("2012-10-17");
        let request = ("s3:GetObject", resource);
        if matches("resource", statement, version, request, &case["context"])
            != (case["match"] == true)
        {
            wrong.push(case.to_string());
        }
    }
    for case in file["publicPolicies"].as_array().unwrap() {
        count += 1;
        if load(PolicyKind::Bucket, &case["policy"]).is_public() != (case["public"] == true) {
            wrong.push(case.to_string());
        }
    }
    println!("{count} patterns and public policies");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(count, 65);
}
