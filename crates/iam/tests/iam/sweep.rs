//! Every operation against every kind of caller that must be refused, and the one that must not.
use std::sync::Arc;

use gate::Identity;
use serde_json::{Value, json};

use crate::world::{READ, TRUST, Who, World, shown};

const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const S3_ONLY: &str = "arn:aws:iam::aws:policy/AmazonS3FullAccess";

/// One input that every operation can read: each takes of it what it knows.
fn input(key: &Who) -> Value {
    json!({
        "UserName": "bob", "GroupName": "devs", "RoleName": "web", "InstanceProfileName": "box",
        "PolicyName": "own", "PolicyArn": "arn:aws:iam::111122223333:policy/own",
        "PolicyDocument": READ, "AssumeRolePolicyDocument": TRUST, "VersionId": "v1",
        "AccessKeyId": key.access_key_id, "Status": "Inactive", "Description": "d",
        "Tags": [{"Key": "a", "Value": "b"}], "TagKeys": ["a"], "AccountAlias": "alias",
        "PermissionsBoundary": S3_ONLY, "PolicySourceArn": "arn:aws:iam::111122223333:user/bob",
        "PolicyInputList": [READ], "ActionNames": ["s3:GetObject"],
    })
}

/// An account with all that the input names, and the user bob with this policy.
async fn furnished(policy: Option<Value>) -> (World, Who, Who) {
    let (world, root) = World::new().await;
    world
        .ok(&root, "CreateGroup", json!({"GroupName": "devs"}))
        .await;
    let role = json!({"RoleName": "web", "AssumeRolePolicyDocument": TRUST});
    world.ok(&root, "CreateRole", role).await;
    world
        .ok(
            &root,
            "CreateInstanceProfile",
            json!({"InstanceProfileName": "box"}),
        )
        .await;
    world
        .ok(
            &root,
            "CreatePolicy",
            json!({"PolicyName": "own", "PolicyDocument": READ}),
        )
        .await;
    let bob = world.user(&root, "bob", policy).await;
    (world, root, bob)
}

/// Every operation is refused with a text that ends so, and nothing is written.
async fn check_refused(world: &World, bob: &Who, ending: &str) {
    let before = world.directory.snapshot();
    for operation in iam::ops::NAMES {
        let refused = world.refused(bob, operation, input(bob)).await;
        assert!(
            refused.starts_with("403 AccessDenied: User: ") && refused.contains(ending),
            "{operation}: {refused}"
        );
    }
    assert!(
        Arc::ptr_eq(&before, &world.directory.snapshot()),
        "something was written"
    );
}

#[tokio::test]
async fn unsigned_calls_are_refused_whatever_they_are() {
    let (world, _) = World::new().await;
    for operation in iam::ops::NAMES
        .iter()
        .chain(&["CreateLoginProfile", "NoOperation"])
    {
        let answer = world
            .call_as(Identity::anonymous(), operation, json!({}))
            .await;
        assert_eq!(
            shown(&answer.unwrap_err()),
            "403 MissingAuthenticationToken: Request is missing Authentication Token"
        );
    }
}

#[tokio::test]
async fn a_user_without_policies_may_call_nothing() {
    let (world, _, bob) = furnished(None).await;
    check_refused(
        &world,
        &bob,
        " because no identity-based policy allows the iam:",
    )
    .await;
}

#[tokio::test]
async fn an_explicit_deny_wins_over_an_administrators_policy() {
    let deny = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]});
    let (world, root, bob) = furnished(Some(deny)).await;
    let attach = json!({"UserName": "bob", "PolicyArn": ADMINISTRATOR});
    world.ok(&root, "AttachUserPolicy", attach).await;
    check_refused(
        &world,
        &bob,
        " with an explicit deny in an identity-based policy",
    )
    .await;
}

#[tokio::test]
async fn a_boundary_without_iam_keeps_an_administrator_out() {
    let (world, root, bob) = furnished(None).await;
    let attach = json!({"UserName": "bob", "PolicyArn": ADMINISTRATOR});
    world.ok(&root, "AttachUserPolicy", attach).await;
    let boundary = json!({"UserName": "bob", "PermissionsBoundary": S3_ONLY});
    world
        .ok(&root, "PutUserPermissionsBoundary", boundary)
        .await;
    check_refused(
        &world,
        &bob,
        " because no permissions boundary allows the iam:",
    )
    .await;
}

#[tokio::test]
async fn an_operation_asks_for_the_action_of_its_name() {
    for operation in iam::ops::NAMES {
        // A role in an instance profile is handed to EC2 as well.
        let actions = match *operation {
            "AddRoleToInstanceProfile" => json!([format!("iam:{operation}"), "iam:PassRole"]),
            _ => json!(format!("iam:{operation}")),
        };
        let allow = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": "*"}]});
        let (world, _, bob) = furnished(Some(allow)).await;
        if let Err(error) = world.call(&bob, operation, input(&bob)).await {
            assert_ne!(error.code(), "AccessDenied", "{operation}: {error}");
        }
    }
}

#[tokio::test]
async fn another_accounts_root_user_reaches_nothing_here() {
    let (world, _, bob) = furnished(None).await;
    let other = world.root_of_other().await;
    let own = |world: &World| {
        let snapshot = world.directory.snapshot();
        let id = catalog::AccountId::parse(crate::world::OWN).unwrap();
        snapshot.account(id).unwrap().clone()
    };
    let before = own(&world);
    for operation in iam::ops::NAMES {
        // It may create, list and fail to find in its own account; this one stays as it is.
        let _ = world.call(&other, operation, input(&bob)).await;
    }
    assert!(Arc::ptr_eq(&before, &own(&world)), "something was written");
}
