//! Trust policies keep unique ids, and show ARNs while they mean someone (spec P-8, P-16).
use serde_json::{Value, json};

use crate::world::{OWN, Who, World};

fn trusting(principal: Value) -> Value {
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]});
    json!({"RoleName": "web", "AssumeRolePolicyDocument": document.to_string()})
}

async fn shown(world: &World, root: &Who) -> Value {
    let role = world.ok(root, "GetRole", json!({"RoleName": "web"})).await;
    let text = role["Role"]["AssumeRolePolicyDocument"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex = [rest.next().unwrap(), rest.next().unwrap()];
            let hex = std::str::from_utf8(&hex).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    document["Statement"][0]["Principal"].clone()
}

#[tokio::test]
async fn a_user_in_a_trust_policy_is_followed_by_its_id() {
    let (world, root) = World::new().await;
    let made = world
        .ok(&root, "CreateUser", json!({"UserName": "bob"}))
        .await;
    let arn = format!("arn:aws:iam::{OWN}:user/bob");
    world
        .ok(&root, "CreateRole", trusting(json!({"AWS": arn})))
        .await;
    assert_eq!(shown(&world, &root).await, json!({"AWS": arn}));

    world
        .ok(
            &root,
            "UpdateUser",
            json!({"UserName": "bob", "NewUserName": "rob"}),
        )
        .await;
    let new = format!("arn:aws:iam::{OWN}:user/rob");
    assert_eq!(shown(&world, &root).await, json!({"AWS": new}));

    world
        .ok(&root, "DeleteUser", json!({"UserName": "rob"}))
        .await;
    world
        .ok(&root, "CreateUser", json!({"UserName": "rob"}))
        .await;
    let id = made["User"]["UserId"].as_str().unwrap();
    assert_eq!(
        shown(&world, &root).await,
        json!({"AWS": id}),
        "the namesake is someone else"
    );

    let document = trusting(json!({"AWS": id}))["AssumeRolePolicyDocument"].clone();
    let input = json!({"RoleName": "web", "PolicyDocument": document});
    let refused = world.refused(&root, "UpdateAssumeRolePolicy", input).await;
    assert_eq!(
        refused,
        format!("400 MalformedPolicyDocument: Invalid principal in policy: \"AWS\":\"{id}\"")
    );
}

#[tokio::test]
async fn principals_that_do_not_exist_are_refused() {
    let (world, root) = World::new().await;
    for kind in ["user", "role"] {
        let arn = format!("arn:aws:iam::{OWN}:{kind}/nobody");
        let refused = world
            .refused(&root, "CreateRole", trusting(json!({"AWS": arn})))
            .await;
        assert_eq!(
            refused,
            format!("400 MalformedPolicyDocument: Invalid principal in policy: \"AWS\":\"{arn}\"")
        );
    }
    let refused = world
        .refused(&root, "CreateRole", trusting(json!("*")))
        .await;
    assert_eq!(
        refused,
        "400 MalformedPolicyDocument: AssumeRolepolicy contained an invalid principal: \"STAR\":\"*\"."
    );
}

#[tokio::test]
async fn accounts_services_and_everyone_stay_as_written() {
    let (world, root) = World::new().await;
    let principals = [
        json!({"AWS": "444455556666"}),
        json!({"AWS": "*"}),
        json!({"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]}),
    ];
    for principal in principals {
        world
            .ok(&root, "CreateRole", trusting(principal.clone()))
            .await;
        assert_eq!(shown(&world, &root).await, principal);
        world
            .ok(&root, "DeleteRole", json!({"RoleName": "web"}))
            .await;
    }
}
