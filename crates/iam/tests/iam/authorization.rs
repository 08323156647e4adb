//! What IAM asks before it does something.
use serde_json::{Value, json};

use crate::world::{OWN, TRUST, World};

fn allow(actions: Value, resource: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": actions, "Resource": resource}]})
}

fn allow_if(action: &str, condition: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition}]})
}

fn denied(user: &str, action: &str, resource: &str) -> String {
    format!(
        "403 AccessDenied: User: arn:aws:iam::{OWN}:user/{user} is not authorized to perform: \
         {action} on resource: {resource} because no identity-based policy allows the {action} action"
    )
}

#[tokio::test]
async fn the_resource_of_a_denial_is_named_as_aws_names_it() {
    let (world, root) = World::new().await;
    let bob = world.user(&root, "bob", None).await;
    let role = json!({"RoleName": "web", "AssumeRolePolicyDocument": TRUST, "Path": "/x/"});
    world.ok(&root, "CreateRole", role).await;
    let policy = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let new = format!("arn:aws:iam::{OWN}:user/staff/eve");
    let cases = [
        ("GetUser", json!({}), "user bob"),
        ("GetRole", json!({"RoleName": "web"}), "role web"),
        (
            "GetPolicy",
            json!({"PolicyArn": policy}),
            &format!("policy {policy}"),
        ),
        ("ListUsers", json!({}), "*"),
        (
            "CreateUser",
            json!({"UserName": "eve", "Path": "/staff/"}),
            &new,
        ),
    ];
    for (operation, input, resource) in cases {
        let refused = world.refused(&bob, operation, input).await;
        assert_eq!(
            refused,
            denied("bob", &format!("iam:{operation}"), resource)
        );
    }
}

#[tokio::test]
async fn entities_are_judged_by_their_arn_with_path() {
    let (world, root) = World::new().await;
    let arn = format!("arn:aws:iam::{OWN}:user/staff/*");
    let bob = world
        .user(&root, "bob", Some(allow(json!("iam:*"), &arn)))
        .await;
    world
        .ok(
            &root,
            "CreateUser",
            json!({"UserName": "amy", "Path": "/staff/"}),
        )
        .await;
    world.ok(&bob, "GetUser", json!({"UserName": "amy"})).await;
    world
        .ok(
            &bob,
            "CreateUser",
            json!({"UserName": "eve", "Path": "/staff/"}),
        )
        .await;
    let refused = world
        .refused(&bob, "CreateUser", json!({"UserName": "joe"}))
        .await;
    let joe = format!("arn:aws:iam::{OWN}:user/joe");
    assert_eq!(refused, denied("bob", "iam:CreateUser", &joe));
}

#[tokio::test]
async fn a_boundary_can_be_demanded_of_those_who_create() {
    let (world, root) = World::new().await;
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let policy = allow_if(
        "iam:CreateUser",
        json!({"StringEquals": {"iam:PermissionsBoundary": arn}}),
    );
    let bob = world.user(&root, "bob", Some(policy)).await;
    world
        .ok(
            &bob,
            "CreateUser",
            json!({"UserName": "amy", "PermissionsBoundary": arn}),
        )
        .await;
    world
        .refused(&bob, "CreateUser", json!({"UserName": "eve"}))
        .await;
}

#[tokio::test]
async fn the_boundary_that_a_target_has_is_in_the_context() {
    let (world, root) = World::new().await;
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let policy = allow_if(
        "iam:AttachUserPolicy",
        json!({"StringEquals": {"iam:PermissionsBoundary": arn}}),
    );
    let bob = world.user(&root, "bob", Some(policy)).await;
    world
        .ok(
            &root,
            "CreateUser",
            json!({"UserName": "amy", "PermissionsBoundary": arn}),
        )
        .await;
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    world
        .ok(
            &bob,
            "AttachUserPolicy",
            json!({"UserName": "amy", "PolicyArn": admin}),
        )
        .await;
    world
        .refused(
            &bob,
            "AttachUserPolicy",
            json!({"UserName": "bob", "PolicyArn": admin}),
        )
        .await;
}

#[tokio::test]
async fn which_policies_may_be_attached_can_be_limited() {
    let (world, root) = World::new().await;
    let arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
    let policy = allow_if(
        "iam:AttachRolePolicy",
        json!({"ArnEquals": {"iam:PolicyARN": arn}}),
    );
    let bob = world.user(&root, "bob", Some(policy)).await;
    let role = json!({"RoleName": "web", "AssumeRolePolicyDocument": TRUST});
    world.ok(&root, "CreateRole", role).await;
    world
        .ok(
            &bob,
            "AttachRolePolicy",
            json!({"RoleName": "web", "PolicyArn": arn}),
        )
        .await;
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    world
        .refused(
            &bob,
            "AttachRolePolicy",
            json!({"RoleName": "web", "PolicyArn": admin}),
        )
        .await;
}

#[tokio::test]
async fn tags_of_request_and_resource_are_in_the_context() {
    let (world, root) = World::new().await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iam:CreateUser", "Resource": "*", "Condition": {
            "StringEquals": {"aws:RequestTag/team": "blue"},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}},
        {"Effect": "Allow", "Action": "iam:DeleteUser", "Resource": "*", "Condition": {
            "StringEquals": {"iam:ResourceTag/team": "blue", "aws:ResourceTag/team": "blue"}}},
    ]});
    let bob = world.user(&root, "bob", Some(policy)).await;
    let user = |name: &str, tags: Value| json!({"UserName": name, "Tags": tags});
    let blue = json!([{"Key": "team", "Value": "blue"}]);
    let both = json!([{"Key": "team", "Value": "blue"}, {"Key": "site", "Value": "x"}]);
    world.ok(&bob, "CreateUser", user("amy", blue)).await;
    world
        .refused(&bob, "CreateUser", user("eve", json!([])))
        .await;
    world.refused(&bob, "CreateUser", user("eve", both)).await;
    world
        .ok(&bob, "DeleteUser", json!({"UserName": "amy"}))
        .await;
    world
        .refused(&bob, "DeleteUser", json!({"UserName": "bob"}))
        .await;
}

#[tokio::test]
async fn a_role_in_an_instance_profile_is_passed_to_ec2() {
    let (world, root) = World::new().await;
    let pass = allow_if(
        "iam:PassRole",
        json!({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
    );
    let add = allow(json!("iam:AddRoleToInstanceProfile"), "*");
    let only_add = world.user(&root, "amy", Some(add.clone())).await;
    let both = json!({"Version": "2012-10-17",
        "Statement": [add["Statement"][0], pass["Statement"][0]]});
    let may_both = world.user(&root, "bob", Some(both)).await;
    let role = json!({"RoleName": "web", "AssumeRolePolicyDocument": TRUST});
    world.ok(&root, "CreateRole", role).await;
    world
        .ok(
            &root,
            "CreateInstanceProfile",
            json!({"InstanceProfileName": "p"}),
        )
        .await;
    let input = json!({"InstanceProfileName": "p", "RoleName": "web"});
    let refused = world
        .refused(&only_add, "AddRoleToInstanceProfile", input.clone())
        .await;
    assert_eq!(refused, denied("amy", "iam:PassRole", "role web"));
    world.ok(&may_both, "AddRoleToInstanceProfile", input).await;
}

#[tokio::test]
async fn a_change_of_policy_counts_at_the_next_call() {
    let (world, root) = World::new().await;
    let bob = world.user(&root, "bob", None).await;
    world.refused(&bob, "ListUsers", json!({})).await;
    world
        .ok(&root, "CreateGroup", json!({"GroupName": "admins"}))
        .await;
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    world
        .ok(
            &root,
            "AttachGroupPolicy",
            json!({"GroupName": "admins", "PolicyArn": admin}),
        )
        .await;
    world
        .ok(
            &root,
            "AddUserToGroup",
            json!({"GroupName": "admins", "UserName": "bob"}),
        )
        .await;
    world.ok(&bob, "ListUsers", json!({})).await;
    let boundary = "arn:aws:iam::aws:policy/AmazonS3FullAccess";
    let input = json!({"UserName": "bob", "PermissionsBoundary": boundary});
    world.ok(&root, "PutUserPermissionsBoundary", input).await;
    let refused = world.refused(&bob, "ListUsers", json!({})).await;
    assert!(refused.ends_with("because no permissions boundary allows the iam:ListUsers action"));
}

#[tokio::test]
async fn nothing_is_said_of_entities_to_those_who_may_not_ask() {
    let (world, root) = World::new().await;
    let bob = world.user(&root, "bob", None).await;
    let refused = world
        .refused(&bob, "GetUser", json!({"UserName": "nobody"}))
        .await;
    let arn = format!("arn:aws:iam::{OWN}:user/nobody");
    assert_eq!(refused, denied("bob", "iam:GetUser", &arn));
}

#[tokio::test]
async fn accounts_do_not_see_each_other() {
    let (world, root) = World::new().await;
    let other = world.root_of_other().await;
    let bob = world.user(&root, "bob", None).await;
    assert_eq!(
        world.ok(&other, "ListUsers", json!({})).await["Users"],
        json!([])
    );
    let seen = world
        .refused(&other, "GetUser", json!({"UserName": "bob"}))
        .await;
    assert_eq!(
        seen,
        "404 NoSuchEntity: The user with name bob cannot be found."
    );
    let key = &bob.access_key_id;
    let seen = world
        .refused(&other, "GetAccessKeyLastUsed", json!({"AccessKeyId": key}))
        .await;
    assert_eq!(
        seen,
        format!(
            "403 AccessDenied: User: arn:aws:iam::444455556666:root is not authorized to perform: \
             iam:GetAccessKeyLastUsed on resource: access key {key}"
        )
    );
}

#[tokio::test]
async fn whose_key_it_is_decides_who_may_ask_for_its_use() {
    let (world, root) = World::new().await;
    let own = format!("arn:aws:iam::{OWN}:user/bob");
    let policy = allow(json!("iam:GetAccessKeyLastUsed"), &own);
    let bob = world.user(&root, "bob", Some(policy)).await;
    let amy = world.user(&root, "amy", None).await;
    let id = |who: &crate::world::Who| json!({"AccessKeyId": who.access_key_id});
    world.ok(&bob, "GetAccessKeyLastUsed", id(&bob)).await;
    world.refused(&bob, "GetAccessKeyLastUsed", id(&amy)).await;
}
