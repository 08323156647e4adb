//! The policy simulator: what is asked, what is answered, and on whose policies.
use serde_json::{Value, json};

use crate::world::{OTHER, OWN, TRUST, Who, World};

fn policy(effect: &str, action: Value, resource: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": effect, "Action": action, "Resource": resource}]})
}

fn allow(action: &str, resource: &str) -> String {
    policy("Allow", json!(action), resource).to_string()
}

fn bucket_policy(principal: &str, action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"AWS": principal}, "Action": action, "Resource": "arn:aws:s3:::b/*"}]})
    .to_string()
}

async fn custom(world: &World, who: &Who, more: Value) -> Value {
    world.ok(who, "SimulateCustomPolicy", with(more)).await["EvaluationResults"].clone()
}

fn with(more: Value) -> Value {
    let mut input = json!({
        "PolicyInputList": [allow("s3:GetObject", "arn:aws:s3:::b/*")],
        "ActionNames": ["s3:GetObject"],
        "ResourceArns": ["arn:aws:s3:::b/k"],
    });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

fn decisions(results: &Value) -> Vec<&str> {
    let results = results.as_array().unwrap().iter();
    results
        .map(|result| result["EvalDecision"].as_str().unwrap())
        .collect()
}

/// The example of the AWS CLI for this operation, with the answer that AWS gave.
#[tokio::test]
async fn the_example_of_the_aws_cli_is_answered_as_by_aws() {
    let (world, root) = World::new().await;
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}"#;
    let input = |time: &str| {
        json!({"PolicyInputList": [document], "ActionNames": ["dynamodb:CreateBackup"],
            "ContextEntries": [{"ContextKeyName": "aws:CurrentTime", "ContextKeyValues": [time],
                "ContextKeyType": "date"}]})
    };
    let answer = world
        .ok(&root, "SimulateCustomPolicy", input("2019-04-25T11:00:00Z"))
        .await;
    assert_eq!(
        without_nulls(answer),
        json!({"EvaluationResults": [{
            "EvalActionName": "dynamodb:CreateBackup",
            "EvalResourceName": "*",
            "EvalDecision": "allowed",
            "MatchedStatements": [{
                "SourcePolicyId": "PolicyInputList.1",
                "SourcePolicyType": "IAM Policy",
                "StartPosition": {"Line": 1, "Column": 38},
                "EndPosition": {"Line": 1, "Column": 167}}],
            "MissingContextValues": []}],
            "IsTruncated": false})
    );
    let answer = world
        .ok(&root, "SimulateCustomPolicy", input("2014-04-25T11:00:00Z"))
        .await;
    let result = &answer["EvaluationResults"][0];
    assert_eq!(result["EvalDecision"], "implicitDeny");
    assert_eq!(result["MatchedStatements"], json!([]));
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        value => value,
    }
}

#[tokio::test]
async fn every_policy_of_a_principal_counts_under_its_name() {
    let (world, root) = World::new().await;
    world
        .user(
            &root,
            "bob",
            Some(policy("Allow", json!("s3:GetObject"), "*")),
        )
        .await;
    let (group, names) = (json!({"GroupName": "devs"}), ["direct", "grouped"]);
    world.ok(&root, "CreateGroup", group).await;
    let member = json!({"GroupName": "devs", "UserName": "bob"});
    world.ok(&root, "AddUserToGroup", member).await;
    for (name, action) in names.iter().zip(["s3:PutObject", "s3:DeleteObject"]) {
        let made = json!({"PolicyName": name, "Path": "/x/", "PolicyDocument": allow(action, "*")});
        world.ok(&root, "CreatePolicy", made).await;
    }
    let arn = |name: &str| format!("arn:aws:iam::{OWN}:policy/x/{name}");
    let attach = json!({"UserName": "bob", "PolicyArn": arn("direct")});
    world.ok(&root, "AttachUserPolicy", attach).await;
    let attach = json!({"GroupName": "devs", "PolicyArn": arn("grouped")});
    world.ok(&root, "AttachGroupPolicy", attach).await;
    let inline = json!({"GroupName": "devs", "PolicyName": "team",
        "PolicyDocument": allow("s3:ListBucket", "*")});
    world.ok(&root, "PutGroupPolicy", inline).await;
    let simulate = async |arn: &str, more: Value| {
        let mut input = json!({"PolicySourceArn": arn, "ActionNames": ["s3:GetObject",
            "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "s3:GetBucketAcl"]});
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        let answer = world.ok(&root, "SimulatePrincipalPolicy", input).await;
        let results = answer["EvaluationResults"].as_array().unwrap().clone();
        let id = |result: &Value| {
            let id = &result["MatchedStatements"][0]["SourcePolicyId"];
            id.as_str().unwrap_or("-").to_owned()
        };
        results.iter().map(id).collect::<Vec<_>>().join(" ")
    };
    let more = json!({"PolicyInputList": [allow("s3:GetBucketAcl", "*")]});
    // The ARN of a user may leave its path out.
    let bob = format!("arn:aws:iam::{OWN}:user/any/bob");
    assert_eq!(
        simulate(&bob, more.clone()).await,
        "user_bob_own direct grouped group_devs_team PolicyInputList.1"
    );
    let devs = format!("arn:aws:iam::{OWN}:group/devs");
    assert_eq!(
        simulate(&devs, more).await,
        "- - grouped group_devs_team PolicyInputList.1"
    );
    let role = json!({"RoleName": "web", "AssumeRolePolicyDocument": TRUST});
    world.ok(&root, "CreateRole", role).await;
    let inline =
        json!({"RoleName": "web", "PolicyName": "p", "PolicyDocument": allow("s3:*", "*")});
    world.ok(&root, "PutRolePolicy", inline).await;
    let web = format!("arn:aws:iam::{OWN}:role/web");
    assert_eq!(
        simulate(&web, json!({})).await,
        "role_web_p role_web_p role_web_p role_web_p role_web_p"
    );
}

#[tokio::test]
async fn an_explicit_deny_shows_the_statements_that_deny() {
    let (world, root) = World::new().await;
    let deny = policy("Deny", json!("s3:Get*"), "arn:aws:s3:::b/k").to_string();
    let policies = json!([allow("s3:*", "*"), deny]);
    let results = custom(&world, &root, json!({"PolicyInputList": policies})).await;
    let result = &results[0];
    assert_eq!(result["EvalDecision"], "explicitDeny");
    let matched = result["MatchedStatements"].as_array().unwrap();
    assert_eq!(matched.len(), 1);
    assert_eq!(matched[0]["SourcePolicyId"], "PolicyInputList.2");
}

#[tokio::test]
async fn several_resources_have_one_result_with_the_most_restrictive_decision() {
    let (world, root) = World::new().await;
    let deny = policy("Deny", json!("s3:*"), "arn:aws:s3:::b/secret").to_string();
    let input = json!({
        "PolicyInputList": [allow("s3:GetObject", "arn:aws:s3:::b/*"), deny],
        "ActionNames": ["s3:GetObject", "s3:PutObject"],
        "ResourceArns": ["arn:aws:s3:::b/k", "arn:aws:s3:::b/secret"],
    });
    let results = custom(&world, &root, input).await;
    assert_eq!(decisions(&results), ["explicitDeny", "explicitDeny"]);
    let first = &results[0];
    assert_eq!(
        first["EvalResourceName"],
        "arn:aws:s3:::${BucketName}/${ObjectName}"
    );
    assert_eq!(first["EvalDecisionDetails"], json!({}));
    let each = first["ResourceSpecificResults"].as_array().unwrap();
    let of = |index: usize| {
        let one: &Value = &each[index];
        (
            one["EvalResourceName"].as_str().unwrap(),
            one["EvalResourceDecision"].as_str().unwrap(),
            one["MatchedStatements"][0]["SourcePolicyId"]
                .as_str()
                .unwrap(),
        )
    };
    assert_eq!(of(0), ("arn:aws:s3:::b/k", "allowed", "PolicyInputList.1"));
    assert_eq!(
        of(1),
        ("arn:aws:s3:::b/secret", "explicitDeny", "PolicyInputList.2")
    );
    assert_eq!(
        results[1]["ResourceSpecificResults"][0]["EvalResourceDecision"],
        "implicitDeny"
    );
}

#[tokio::test]
async fn the_boundary_is_the_principals_unless_another_is_passed() {
    let (world, root) = World::new().await;
    world
        .user(&root, "bob", Some(policy("Allow", json!("*"), "*")))
        .await;
    let boundary = json!({"UserName": "bob",
        "PermissionsBoundary": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"});
    world
        .ok(&root, "PutUserPermissionsBoundary", boundary)
        .await;
    let simulate = async |more: Value| {
        let mut input = json!({"PolicySourceArn": format!("arn:aws:iam::{OWN}:user/bob"),
            "ActionNames": ["s3:GetObject", "s3:PutObject"]});
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        let answer = world.ok(&root, "SimulatePrincipalPolicy", input).await;
        let results = answer["EvaluationResults"].as_array().unwrap().clone();
        let one = |result: &Value| {
            let within = &result["PermissionsBoundaryDecisionDetail"];
            let within = within["AllowedByPermissionsBoundary"].as_bool().unwrap();
            (result["EvalDecision"].as_str().unwrap().to_owned(), within)
        };
        results.iter().map(one).collect::<Vec<_>>()
    };
    let own = simulate(json!({})).await;
    assert_eq!(
        own,
        [
            ("allowed".to_owned(), true),
            ("implicitDeny".to_owned(), false)
        ]
    );
    let passed =
        simulate(json!({"PermissionsBoundaryPolicyInputList": [allow("s3:Put*", "*")]})).await;
    assert_eq!(
        passed,
        [
            ("implicitDeny".to_owned(), false),
            ("allowed".to_owned(), true)
        ]
    );
    let deny = policy("Deny", json!("s3:*"), "*").to_string();
    let input = json!({"PolicySourceArn": format!("arn:aws:iam::{OWN}:user/bob"),
        "ActionNames": ["s3:GetObject"], "PermissionsBoundaryPolicyInputList": [deny]});
    let answer = world.ok(&root, "SimulatePrincipalPolicy", input).await;
    let result = &answer["EvaluationResults"][0];
    assert_eq!(result["EvalDecision"], "explicitDeny");
    let matched = &result["MatchedStatements"][0];
    assert_eq!(
        matched["SourcePolicyId"],
        "PermissionsBoundaryPolicyInputList.1"
    );
    assert_eq!(matched["SourcePolicyType"], "Permissions Boundary Policy");
}

/// API_SimulatePrincipalPolicy, the example between accounts.
#[tokio::test]
async fn between_accounts_each_kind_of_policy_is_told_of() {
    let (world, root) = World::new().await;
    world.user(&root, "arnav", None).await;
    let arnav = format!("arn:aws:iam::{OWN}:user/arnav");
    let input = |more: Value| {
        let mut input = json!({"PolicySourceArn": arnav, "ActionNames": ["s3:PutObject"],
            "ResourceArns": ["arn:aws:s3:::b/Test"],
            "ResourceOwner": format!("arn:aws:iam::{OTHER}:root"),
            "ResourcePolicy": bucket_policy(&arnav, "s3:Put*")});
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        input
    };
    let one = async |more: Value| {
        let answer = world
            .ok(&root, "SimulatePrincipalPolicy", input(more))
            .await;
        answer["EvaluationResults"][0].clone()
    };
    let result = one(json!({"PermissionsBoundaryPolicyInputList": [allow("iam:*", "*")]})).await;
    let details = json!({"IAM Policy": "implicitDeny", "Resource Policy": "allowed",
        "Permissions Boundary Policy": "implicitDeny"});
    assert_eq!(result["EvalDecision"], "implicitDeny");
    assert_eq!(result["EvalDecisionDetails"], details);
    assert_eq!(result["MatchedStatements"], json!([]));
    let specific = &result["ResourceSpecificResults"][0];
    assert_eq!(specific["EvalDecisionDetails"], details);
    let matched = &specific["MatchedStatements"][0];
    assert_eq!(matched["SourcePolicyId"], "ResourcePolicy");
    assert_eq!(matched["SourcePolicyType"], "Resource Policy");

    let both = one(json!({"PolicyInputList": [allow("s3:*", "*")]})).await;
    assert_eq!(both["EvalDecision"], "allowed");
    assert_eq!(
        both["EvalDecisionDetails"],
        json!({"IAM Policy": "allowed", "Resource Policy": "allowed"})
    );
    assert_eq!(both["MatchedStatements"].as_array().unwrap().len(), 2);
    // In one account the bucket that names the user is enough.
    let own = one(json!({"ResourceOwner": format!("arn:aws:iam::{OWN}:root")})).await;
    assert_eq!(own["EvalDecision"], "allowed");
    assert_eq!(own["EvalDecisionDetails"], json!({}));
    // A resource of another account without a policy lets nobody in.
    let mut silent = input(json!({"PolicyInputList": [allow("s3:*", "*")]}));
    silent.as_object_mut().unwrap().remove("ResourcePolicy");
    let answer = world.ok(&root, "SimulatePrincipalPolicy", silent).await;
    let result = &answer["EvaluationResults"][0];
    assert_eq!(result["EvalDecision"], "implicitDeny");
    assert_eq!(
        result["EvalDecisionDetails"],
        json!({"IAM Policy": "allowed", "Resource Policy": "implicitDeny"})
    );
}

/// Beyond AWS, which refuses a resource policy for callers that are no users.
#[tokio::test]
async fn roles_and_their_sessions_meet_resource_policies() {
    let (world, root) = World::new().await;
    let role = json!({"RoleName": "web", "Path": "/app/", "AssumeRolePolicyDocument": TRUST});
    world.ok(&root, "CreateRole", role).await;
    let role = format!("arn:aws:iam::{OWN}:role/app/web");
    let session = format!("arn:aws:sts::{OWN}:assumed-role/web/s");
    let decide = async |principal: &str, caller: Option<&str>, boundary: bool| {
        let mut input = json!({"PolicySourceArn": role, "ActionNames": ["s3:GetObject"],
            "ResourceArns": ["arn:aws:s3:::b/k"],
            "ResourcePolicy": bucket_policy(principal, "s3:GetObject")});
        if let Some(caller) = caller {
            input["CallerArn"] = json!(caller);
        }
        if boundary {
            input["PermissionsBoundaryPolicyInputList"] = json!([allow("iam:*", "*")]);
        }
        let answer = world.ok(&root, "SimulatePrincipalPolicy", input).await;
        let result = &answer["EvaluationResults"][0];
        result["EvalDecision"].as_str().unwrap().to_owned()
    };
    // Rule E-5: who is named, and whether a boundary without the action stands in the way.
    assert_eq!(decide(&role, None, false).await, "allowed");
    assert_eq!(decide(&role, Some(&session), false).await, "allowed");
    assert_eq!(decide(&role, None, true).await, "implicitDeny");
    assert_eq!(decide(&session, Some(&session), true).await, "allowed");
    assert_eq!(decide(&session, None, false).await, "implicitDeny");
    assert_eq!(decide(OWN, None, false).await, "implicitDeny");
    assert_eq!(decide("*", None, true).await, "allowed");

    let custom = custom(
        &world,
        &root,
        json!({"PolicyInputList": [allow("iam:*", "*")], "CallerArn": role,
            "ResourcePolicy": bucket_policy(&role, "s3:GetObject")}),
    )
    .await;
    assert_eq!(decisions(&custom), ["allowed"]);
}

/// Beyond AWS, which does not look at trust policies.
#[tokio::test]
async fn trust_policies_and_key_policies_have_their_rules() {
    let (world, root) = World::new().await;
    let bob = format!("arn:aws:iam::{OWN}:user/bob");
    let trust = |principal: &str| {
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}]})
        .to_string()
    };
    let ask = async |action: &str, resource: String, resource_policy: String, own: &str| {
        let input = json!({"PolicyInputList": [allow(own, "*")], "ActionNames": [action],
            "ResourceArns": [resource], "CallerArn": bob, "ResourcePolicy": resource_policy});
        let results = custom(&world, &root, input).await;
        results[0]["EvalDecision"].as_str().unwrap().to_owned()
    };
    let role = |account: &str| format!("arn:aws:iam::{account}:role/r");
    let assume = "sts:AssumeRole";
    assert_eq!(ask(assume, role(OWN), trust(&bob), "s3:*").await, "allowed");
    assert_eq!(
        ask(assume, role(OWN), trust(OWN), "s3:*").await,
        "implicitDeny"
    );
    assert_eq!(
        ask(assume, role(OWN), trust(OTHER), "sts:*").await,
        "implicitDeny"
    );
    // The account in the role's ARN is its owner.
    assert_eq!(
        ask(assume, role(OTHER), trust(&bob), "s3:*").await,
        "implicitDeny"
    );
    assert_eq!(
        ask(assume, role(OTHER), trust(&bob), "sts:*").await,
        "allowed"
    );

    let key = format!("arn:aws:kms:us-east-1:{OWN}:key/1");
    let key_policy = |principal: &str| {
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"AWS": principal}, "Action": "kms:*", "Resource": "*"}]})
        .to_string()
    };
    let decrypt = "kms:Decrypt";
    assert_eq!(
        ask(decrypt, key.clone(), key_policy(OWN), "kms:*").await,
        "allowed"
    );
    assert_eq!(
        ask(decrypt, key.clone(), key_policy(OWN), "s3:*").await,
        "implicitDeny"
    );
    assert_eq!(
        ask(decrypt, key, key_policy(OTHER), "kms:*").await,
        "implicitDeny"
    );
}

#[tokio::test]
async fn missing_keys_are_those_that_the_statements_in_play_want() {
    let (world, root) = World::new().await;
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b",
            "Condition": {"StringLike": {"aws:PrincipalTag/Team": "red", "s3:Prefix": "${aws:userid}*"}}},
        {"Effect": "Allow", "Action": "s3:GetObject",
            "Resource": ["arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/${saml:sub, 'x'}"]}]})
    .to_string();
    let missing = async |action: &str, resource: &str, more: Value| {
        let mut input = json!({"PolicyInputList": [document], "ActionNames": [action],
            "ResourceArns": [resource]});
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        let results = custom(&world, &root, input).await;
        let specific = &results[0]["ResourceSpecificResults"][0]["MissingContextValues"];
        assert_eq!(results[0]["MissingContextValues"], *specific);
        specific.to_string()
    };
    let list = ["s3:ListBucket", "arn:aws:s3:::b"];
    assert_eq!(
        missing(list[0], list[1], json!({})).await,
        r#"["aws:PrincipalTag/Team","aws:userid","s3:Prefix"]"#
    );
    let entries = json!({"ContextEntries": [
        {"ContextKeyName": "AWS:principaltag/team", "ContextKeyValues": ["red"]},
        {"ContextKeyName": "s3:prefix", "ContextKeyValues": ["x"], "ContextKeyType": "string"}]});
    assert_eq!(
        missing(list[0], list[1], entries).await,
        r#"["aws:userid"]"#
    );
    assert_eq!(
        missing(list[0], "arn:aws:s3:::other", json!({})).await,
        "[]"
    );
    let get = "s3:GetObject";
    assert_eq!(
        missing(get, "arn:aws:s3:::b/bob", json!({})).await,
        r#"["aws:username"]"#
    );
    // The caller has a name.
    let bob = json!({"CallerArn": format!("arn:aws:iam::{OWN}:user/bob")});
    assert_eq!(missing(get, "arn:aws:s3:::b/bob", bob).await, "[]");
}

#[tokio::test]
async fn context_entries_of_every_type_reach_conditions() {
    let (world, root) = World::new().await;
    let cases = [
        (
            "StringEquals",
            "string",
            json!("a"),
            json!(["a"]),
            json!(["b"]),
        ),
        (
            "ForAnyValue:StringEquals",
            "stringList",
            json!("a"),
            json!(["b", "a"]),
            json!(["b"]),
        ),
        (
            "NumericLessThan",
            "numeric",
            json!(10),
            json!(["9.5"]),
            json!(["10"]),
        ),
        (
            "ForAllValues:NumericLessThan",
            "numericList",
            json!(10),
            json!(["9", "8"]),
            json!(["9", "10"]),
        ),
        (
            "Bool",
            "boolean",
            json!("true"),
            json!(["true"]),
            json!(["false"]),
        ),
        (
            "ForAnyValue:Bool",
            "booleanList",
            json!("true"),
            json!(["false", "true"]),
            json!(["false"]),
        ),
        (
            "IpAddress",
            "ip",
            json!("10.0.0.0/8"),
            json!(["10.1.2.3"]),
            json!(["11.1.2.3"]),
        ),
        (
            "ForAllValues:IpAddress",
            "ipList",
            json!("10.0.0.0/8"),
            json!(["10.1.2.3"]),
            json!(["11.1.2.3"]),
        ),
        (
            "BinaryEquals",
            "binary",
            json!("QmFzZTY0"),
            json!(["QmFzZTY0"]),
            json!(["QmFzZTY1"]),
        ),
        (
            "ForAnyValue:BinaryEquals",
            "binaryList",
            json!("QmFzZTY0"),
            json!(["QmFzZTY0"]),
            json!(["QmFzZTY1"]),
        ),
        (
            "DateLessThan",
            "date",
            json!("2026-01-01T00:00:00Z"),
            json!(["2025-12-31T23:59:59Z"]),
            json!(["2026-01-01T00:00:00Z"]),
        ),
        (
            "ForAnyValue:DateLessThan",
            "dateList",
            json!("2026-01-01T00:00:00Z"),
            json!(["2025-06-01T00:00:00Z"]),
            json!(["2026-06-01T00:00:00Z"]),
        ),
    ];
    for (operator, kind, wanted, good, bad) in cases {
        let document = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow",
            "Action": "*", "Resource": "*", "Condition": {operator: {"own:key": wanted}}}});
        for (values, decision) in [(good, "allowed"), (bad, "implicitDeny")] {
            let input = json!({"PolicyInputList": [document.to_string()],
                "ContextEntries": [{"ContextKeyName": "Own:Key", "ContextKeyValues": values,
                    "ContextKeyType": kind}]});
            let results = custom(&world, &root, input).await;
            assert_eq!(decisions(&results), [decision], "{operator} {values}");
        }
    }
}

#[tokio::test]
async fn pages_have_an_action_each() {
    let (world, root) = World::new().await;
    let actions = [
        "s3:GetObject",
        "s3:PutObject",
        "s3:GetObject",
        "iam:GetUser",
        "ec2:RunInstances",
    ];
    let mut input = with(json!({"ActionNames": actions, "MaxItems": 2}));
    let mut seen = Vec::new();
    loop {
        let answer = world.ok(&root, "SimulateCustomPolicy", input.clone()).await;
        for result in answer["EvaluationResults"].as_array().unwrap() {
            seen.push(result["EvalActionName"].as_str().unwrap().to_owned());
        }
        if answer["IsTruncated"] == json!(false) {
            break;
        }
        input["Marker"] = answer["Marker"].clone();
    }
    assert_eq!(seen, actions);
}

#[tokio::test]
async fn large_simulations_end_their_pages_early_and_too_large_ones_are_refused() {
    let (world, root) = World::new().await;
    let statement = json!({"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/*"});
    let many = json!({"Version": "2012-10-17", "Statement": vec![statement; 1000]}).to_string();
    let resources = |count: usize| -> Vec<String> {
        (0..count)
            .map(|number| format!("arn:aws:s3:::b/{number}"))
            .collect()
    };
    let input = with(
        json!({"PolicyInputList": [many], "ResourceArns": resources(4),
        "ActionNames": ["s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectTagging"]}),
    );
    let answer = world.ok(&root, "SimulateCustomPolicy", input).await;
    assert_eq!(answer["IsTruncated"], json!(true));
    assert!(answer["EvaluationResults"].as_array().unwrap().len() < 3);
    let input = with(json!({"PolicyInputList": [many], "ResourceArns": resources(100)}));
    assert_eq!(
        world.refused(&root, "SimulateCustomPolicy", input).await,
        "400 InvalidInput: Too many policies and resources for one simulation."
    );
}

#[tokio::test]
async fn the_scenarios_of_ec2_need_their_resources() {
    let (world, root) = World::new().await;
    let arn = |kind: &str| format!("arn:aws:ec2:us-east-1:{OWN}:{kind}/x");
    let types = [
        "instance",
        "image",
        "security-group",
        "network-interface",
        "subnet",
    ];
    let all: Vec<String> = types.iter().map(|kind| arn(kind)).collect();
    let input = |option: &str| {
        json!({"PolicyInputList": [allow("ec2:*", "*")], "ActionNames": ["ec2:RunInstances"],
            "ResourceArns": all, "ResourceHandlingOption": option})
    };
    let answer = world
        .ok(
            &root,
            "SimulateCustomPolicy",
            input("EC2-VPC-InstanceStore-Subnet"),
        )
        .await;
    let result = &answer["EvaluationResults"][0];
    assert_eq!(result["EvalDecision"], "allowed");
    assert_eq!(
        result["ResourceSpecificResults"].as_array().unwrap().len(),
        5
    );
    assert_eq!(
        world
            .refused(&root, "SimulateCustomPolicy", input("EC2-VPC-EBS-Subnet"))
            .await,
        "400 InvalidInput: Resource Handling Option EC2-VPC-EBS-Subnet requires resources of type: volume"
    );
    assert_eq!(
        world
            .refused(&root, "SimulateCustomPolicy", input("EC2-Moon"))
            .await,
        "400 InvalidInput: Invalid Resource Handling Option: EC2-Moon"
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let (world, root) = World::new().await;
    let bob = format!("arn:aws:iam::{OWN}:user/bob");
    let grant = bucket_policy("*", "s3:*");
    let entry = |name: &str, kind: &str, values: Value| json!([{"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": values}]);
    let twice = json!([{"ContextKeyName": "own:key"}, {"ContextKeyName": "OWN:key"}]);
    let cases = [
        (
            json!({"ActionNames": ["s3:Get*"]}),
            "Invalid Action Name: s3:Get*",
        ),
        (
            json!({"ActionNames": ["s3:GetBanana"]}),
            "Invalid Action Name: s3:GetBanana",
        ),
        (
            json!({"ActionNames": ["GetObject"]}),
            "Invalid Action Name: GetObject",
        ),
        (
            json!({"ResourceArns": ["b/k"]}),
            "ResourceNames are not in a valid ARN format: b/k.",
        ),
        (
            json!({"ResourceOwner": OWN}),
            "'111122223333' is not a valid as a Resource Owner.",
        ),
        (
            json!({"ResourceOwner": bob}),
            "'arn:aws:iam::111122223333:user/bob' is not a valid as a Resource Owner.",
        ),
        (
            json!({"ResourcePolicy": grant}),
            "Invalid caller - Caller must be an IAM user in this context.",
        ),
        (
            json!({"ResourcePolicy": grant, "CallerArn": format!("arn:aws:iam::{OWN}:root")}),
            "Invalid caller - Caller must be an IAM user in this context.",
        ),
        (
            json!({"CallerArn": "bob"}),
            "Invalid Entity Arn: bob does not clearly define entity type and name.",
        ),
        (
            json!({"PolicyInputList": ["{"]}),
            "Invalid policy PolicyInputList.1: Syntax errors in policy.",
        ),
        (
            json!({"ResourcePolicy": "{", "CallerArn": bob}),
            "Invalid policy ResourcePolicy: Syntax errors in policy.",
        ),
        (
            json!({"PolicyInputList": [allow("s3:*", "*"), grant]}),
            "Invalid policy PolicyInputList.2: Policy document should not specify a principal.",
        ),
        (
            json!({"PermissionsBoundaryPolicyInputList": ["x"]}),
            "Invalid policy PermissionsBoundaryPolicyInputList.1: Syntax errors in policy.",
        ),
        (
            json!({"PermissionsBoundaryPolicyInputList": [allow("s3:*", "*"), allow("s3:*", "*")]}),
            "Only one permissions boundary policy can be simulated.",
        ),
        (
            json!({"ContextEntries": [{"ContextKeyValues": ["x"]}]}),
            "A context entry must have a ContextKeyName.",
        ),
        (
            json!({"ContextEntries": twice}),
            "Duplicate context key: OWN:key",
        ),
        (
            json!({"ContextEntries": entry("own:key", "numeric", json!(["x"]))}),
            "Invalid value 'x' for context key own:key of type numeric.",
        ),
        (
            json!({"ContextEntries": entry("own:key", "ip", json!(["10.0.0.1", "10.0.0.2"]))}),
            "Context key own:key of type ip must have a single value.",
        ),
    ];
    for (more, text) in cases {
        let refused = world
            .refused(&root, "SimulateCustomPolicy", with(more))
            .await;
        assert_eq!(refused, format!("400 InvalidInput: {text}"));
    }
    let constraints = [
        (
            json!({"ContextEntries": entry("own:key", "number", json!([]))}),
            "Value 'number' at 'contextEntries.1.member.contextKeyType' failed to satisfy constraint: Member must satisfy enum value set: [",
        ),
        (
            json!({"MaxItems": 1001}),
            "Value '1001' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000",
        ),
        (
            json!({"ActionNames": ["s3"]}),
            "Value '[s3]' at 'actionNames' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 3]",
        ),
        (json!({"Marker": "!"}), "Invalid Marker."),
    ];
    for (more, text) in constraints {
        let refused = world
            .refused(&root, "SimulateCustomPolicy", with(more))
            .await;
        assert!(
            refused.starts_with("400 ValidationError: ") && refused.contains(text),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn whose_policies_are_simulated_is_one_of_the_account() {
    let (world, root) = World::new().await;
    world
        .ok(&root, "CreateGroup", json!({"GroupName": "devs"}))
        .await;
    let simulate = |arn: &str, more: Value| {
        let mut input = json!({"PolicySourceArn": arn, "ActionNames": ["s3:GetObject"]});
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        input
    };
    let session = format!("arn:aws:sts::{OWN}:assumed-role/web/s");
    let foreign = format!("arn:aws:iam::{OTHER}:role/web");
    let cases = [
        (format!("arn:aws:iam::{OWN}:user/x"), "404 NoSuchEntity: The user with name x cannot be found.".to_owned()),
        (format!("arn:aws:iam::{OWN}:role/p/x"), "404 NoSuchEntity: The role with name x cannot be found.".to_owned()),
        (format!("arn:aws:iam::{OWN}:group/x"), "404 NoSuchEntity: The group with name x cannot be found.".to_owned()),
        (session.clone(), format!("400 InvalidInput: Invalid Entity Arn: {session} does not clearly define entity type and name.")),
        ("this-is-no-arn-of-anything".to_owned(), "400 InvalidInput: Invalid Entity Arn: this-is-no-arn-of-anything does not clearly define entity type and name.".to_owned()),
        (foreign, format!("400 InvalidInput: Invalid Policy Source Arn: caller's account {OWN} does not have access to policies in account {OTHER}")),
    ];
    for (arn, text) in &cases {
        for operation in [
            "SimulatePrincipalPolicy",
            "GetContextKeysForPrincipalPolicy",
        ] {
            let refused = world
                .refused(&root, operation, simulate(arn, json!({})))
                .await;
            assert_eq!(refused, *text, "{operation}");
        }
    }
    // A group calls nothing.
    let devs = format!("arn:aws:iam::{OWN}:group/devs");
    let more = json!({"ResourcePolicy": bucket_policy("*", "s3:*")});
    assert_eq!(
        world
            .refused(&root, "SimulatePrincipalPolicy", simulate(&devs, more))
            .await,
        "400 InvalidInput: Invalid caller - Caller must be an IAM user in this context."
    );
}

#[tokio::test]
async fn permission_is_asked_on_the_principal_or_on_everything() {
    let (world, root) = World::new().await;
    let own = format!("arn:aws:iam::{OWN}:user/ann");
    let may = policy("Allow", json!("iam:SimulatePrincipalPolicy"), &own);
    let ann = world.user(&root, "ann", Some(may)).await;
    world.user(&root, "bob", None).await;
    let input = |name: &str| {
        json!({"PolicySourceArn": format!("arn:aws:iam::{OWN}:user/{name}"),
            "ActionNames": ["iam:GetUser"]})
    };
    world
        .ok(&ann, "SimulatePrincipalPolicy", input("ann"))
        .await;
    assert_eq!(
        world
            .refused(&ann, "SimulatePrincipalPolicy", input("bob"))
            .await,
        format!(
            "403 AccessDenied: User: {own} is not authorized to perform: iam:SimulatePrincipalPolicy on resource: user bob because no identity-based policy allows the iam:SimulatePrincipalPolicy action"
        )
    );
    assert_eq!(
        world
            .refused(&ann, "SimulateCustomPolicy", with(json!({})))
            .await,
        format!(
            "403 AccessDenied: User: {own} is not authorized to perform: iam:SimulateCustomPolicy on resource: * because no identity-based policy allows the iam:SimulateCustomPolicy action"
        )
    );
}

#[tokio::test]
async fn context_keys_are_told_as_written_once_and_in_order() {
    let (world, root) = World::new().await;
    let one = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*",
        "Resource": "arn:aws:s3:::b/${aws:username}/${aws:PrincipalTag/Team, 'none'}/${*}",
        "Condition": {"StringLike": {"s3:prefix": ["${aws:userid}*"]}, "Bool": {"aws:SecureTransport": "true"}}}]});
    let two = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*",
        "Resource": "*", "Condition": {"Null": {"AWS:UserName": "true"}}}});
    let input = json!({"PolicyInputList": [one.to_string(), two.to_string()]});
    let answer = world
        .ok(&root, "GetContextKeysForCustomPolicy", input)
        .await;
    assert_eq!(
        answer["ContextKeyNames"],
        json!([
            "aws:PrincipalTag/Team",
            "aws:SecureTransport",
            "aws:userid",
            "aws:username",
            "s3:prefix"
        ])
    );
    world.user(&root, "bob", Some(one)).await;
    let input = json!({"PolicySourceArn": format!("arn:aws:iam::{OWN}:user/bob"),
        "PolicyInputList": [json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow",
            "Action": "*", "Resource": "*", "Condition": {"Bool": {"z:last": true}}}}).to_string()]});
    let answer = world
        .ok(&root, "GetContextKeysForPrincipalPolicy", input)
        .await;
    assert_eq!(
        answer["ContextKeyNames"],
        json!([
            "aws:PrincipalTag/Team",
            "aws:SecureTransport",
            "aws:userid",
            "aws:username",
            "s3:prefix",
            "z:last"
        ])
    );
    let bad = json!({"PolicyInputList": ["[]"]});
    assert_eq!(
        world
            .refused(&root, "GetContextKeysForCustomPolicy", bad)
            .await,
        "400 InvalidInput: Invalid policy PolicyInputList.1: Syntax errors in policy."
    );
}
