//! Managed policies, their versions, and who has them.
use serde_json::json;

use crate::world::{OWN, READ, TRUST, Who, World};

async fn policy(world: &World, root: &Who, name: &str) -> String {
    let input = json!({"PolicyName": name, "PolicyDocument": READ, "Description": "reads"});
    let made = world.ok(root, "CreatePolicy", input).await;
    assert!(
        made["Policy"]["Description"].is_null(),
        "not shown by CreatePolicy"
    );
    made["Policy"]["Arn"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_policy_has_versions_whose_numbers_are_never_used_again() {
    let (world, root) = World::new().await;
    let arn = policy(&world, &root, "p").await;
    let new = json!({"PolicyArn": arn, "PolicyDocument": READ});
    for id in ["v2", "v3"] {
        let made = world.ok(&root, "CreatePolicyVersion", new.clone()).await;
        assert_eq!(made["PolicyVersion"]["VersionId"], id);
        assert_eq!(made["PolicyVersion"]["IsDefaultVersion"], false);
    }
    world
        .ok(
            &root,
            "DeletePolicyVersion",
            json!({"PolicyArn": arn, "VersionId": "v3"}),
        )
        .await;
    let new = json!({"PolicyArn": arn, "PolicyDocument": READ, "SetAsDefault": true});
    let made = world.ok(&root, "CreatePolicyVersion", new).await;
    assert_eq!(made["PolicyVersion"]["VersionId"], "v4");
    world
        .ok(
            &root,
            "SetDefaultPolicyVersion",
            json!({"PolicyArn": arn, "VersionId": "v2"}),
        )
        .await;
    let versions = world
        .ok(&root, "ListPolicyVersions", json!({"PolicyArn": arn}))
        .await;
    let shown: Vec<_> = versions["Versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["VersionId"].as_str().unwrap(),
                one["IsDefaultVersion"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(shown, [("v4", false), ("v2", true), ("v1", false)]);
    let one = json!({"PolicyArn": arn, "VersionId": "v1"});
    let version = world.ok(&root, "GetPolicyVersion", one).await;
    assert!(
        version["PolicyVersion"]["Document"]
            .as_str()
            .unwrap()
            .starts_with("%7B%22Version")
    );
    let got = world
        .ok(&root, "GetPolicy", json!({"PolicyArn": arn}))
        .await;
    assert_eq!(got["Policy"]["DefaultVersionId"], "v2");
    assert_eq!(got["Policy"]["Description"], "reads");
}

#[tokio::test]
async fn what_is_attached_is_counted_and_listed() {
    let (world, root) = World::new().await;
    let arn = policy(&world, &root, "p").await;
    let aws = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
    world
        .ok(
            &root,
            "CreateUser",
            json!({"UserName": "bob", "PermissionsBoundary": arn}),
        )
        .await;
    world
        .ok(&root, "CreateGroup", json!({"GroupName": "devs"}))
        .await;
    let role = json!({"RoleName": "web", "AssumeRolePolicyDocument": TRUST, "Path": "/x/"});
    world.ok(&root, "CreateRole", role).await;
    for policy in [arn.as_str(), aws] {
        for (kind, name) in [("User", "bob"), ("Group", "devs"), ("Role", "web")] {
            let input = json!({format!("{kind}Name"): name, "PolicyArn": policy});
            let operation = format!("Attach{kind}Policy");
            world.ok(&root, &operation, input.clone()).await;
            world.ok(&root, &operation, input).await;
        }
        let got = world
            .ok(&root, "GetPolicy", json!({"PolicyArn": policy}))
            .await;
        assert_eq!(got["Policy"]["AttachmentCount"], 3, "{policy}");
    }
    let got = world
        .ok(&root, "GetPolicy", json!({"PolicyArn": arn}))
        .await;
    assert_eq!(got["Policy"]["PermissionsBoundaryUsageCount"], 1);

    let listed = world
        .ok(
            &root,
            "ListAttachedUserPolicies",
            json!({"UserName": "bob"}),
        )
        .await;
    assert_eq!(
        listed["AttachedPolicies"],
        json!([
            {"PolicyName": "AmazonS3ReadOnlyAccess", "PolicyArn": aws},
            {"PolicyName": "p", "PolicyArn": arn},
        ])
    );
    let who = world
        .ok(&root, "ListEntitiesForPolicy", json!({"PolicyArn": arn}))
        .await;
    assert_eq!(
        who["PolicyUsers"].as_array().unwrap().len(),
        1,
        "once, though used twice"
    );
    assert_eq!(who["PolicyGroups"][0]["GroupName"], "devs");
    assert_eq!(who["PolicyRoles"][0]["RoleName"], "web");
    let filter = json!({"PolicyArn": arn, "PathPrefix": "/x/", "EntityFilter": "Role"});
    let who = world.ok(&root, "ListEntitiesForPolicy", filter).await;
    assert_eq!(who["PolicyUsers"], json!([]));
    assert_eq!(who["PolicyRoles"][0]["RoleName"], "web");
    let filter = json!({"PolicyArn": arn, "PolicyUsageFilter": "PermissionsBoundary"});
    let who = world.ok(&root, "ListEntitiesForPolicy", filter).await;
    assert_eq!(who["PolicyGroups"], json!([]));
    assert_eq!(who["PolicyUsers"][0]["UserName"], "bob");

    world
        .ok(
            &root,
            "DetachUserPolicy",
            json!({"UserName": "bob", "PolicyArn": aws}),
        )
        .await;
    world
        .ok(
            &root,
            "DeleteUserPermissionsBoundary",
            json!({"UserName": "bob"}),
        )
        .await;
    let got = world
        .ok(&root, "GetPolicy", json!({"PolicyArn": arn}))
        .await;
    assert_eq!(got["Policy"]["PermissionsBoundaryUsageCount"], 0);
}

#[tokio::test]
async fn policies_are_listed_by_scope_use_and_path() {
    let (world, root) = World::new().await;
    let arn = policy(&world, &root, "p").await;
    let own = world
        .ok(&root, "ListPolicies", json!({"Scope": "Local"}))
        .await;
    assert_eq!(own["Policies"].as_array().unwrap().len(), 1);
    assert!(own["Policies"][0]["Description"].is_null());
    let aws = world
        .ok(&root, "ListPolicies", json!({"Scope": "AWS"}))
        .await;
    assert_eq!(aws["Policies"].as_array().unwrap().len(), 8);
    let all = world.ok(&root, "ListPolicies", json!({})).await;
    assert_eq!(all["Policies"].as_array().unwrap().len(), 9);
    let used = world
        .ok(&root, "ListPolicies", json!({"OnlyAttached": true}))
        .await;
    assert_eq!(used["Policies"], json!([]));
    world
        .ok(
            &root,
            "CreateUser",
            json!({"UserName": "bob", "PermissionsBoundary": arn}),
        )
        .await;
    let usage = json!({"PolicyUsageFilter": "PermissionsBoundary"});
    let used = world.ok(&root, "ListPolicies", usage).await;
    assert_eq!(used["Policies"][0]["Arn"], arn);
    let path = json!({"PathPrefix": "/elsewhere/"});
    assert_eq!(
        world.ok(&root, "ListPolicies", path).await["Policies"],
        json!([])
    );
}

#[tokio::test]
async fn aws_policies_are_readable_and_nobodys_to_change() {
    let (world, root) = World::new().await;
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
    let got = world
        .ok(&root, "GetPolicy", json!({"PolicyArn": arn}))
        .await;
    assert_eq!(got["Policy"]["PolicyId"], "ANPAIWMBCKSKIEE64ZLYK");
    let version = json!({"PolicyArn": arn, "VersionId": "v1"});
    world.ok(&root, "GetPolicyVersion", version.clone()).await;
    let outside = "403 AccessDenied: Policy is outside your own account.";
    let delete = world
        .refused(&root, "DeletePolicy", json!({"PolicyArn": arn}))
        .await;
    assert_eq!(delete, outside);
    let tags = json!({"PolicyArn": arn, "Tags": [{"Key": "a", "Value": "b"}]});
    assert_eq!(world.refused(&root, "TagPolicy", tags).await, outside);
    assert_eq!(
        world.refused(&root, "DeletePolicyVersion", version).await,
        outside
    );
}

#[tokio::test]
async fn policies_of_other_accounts_are_not_there() {
    let (world, root) = World::new().await;
    let other = world.root_of_other().await;
    let arn = policy(&world, &root, "p").await;
    assert_eq!(arn, format!("arn:aws:iam::{OWN}:policy/p"));
    let seen = world
        .refused(&other, "GetPolicy", json!({"PolicyArn": arn}))
        .await;
    assert_eq!(
        seen,
        format!("404 NoSuchEntity: Policy {arn} was not found.")
    );
    world
        .ok(&other, "CreateUser", json!({"UserName": "eve"}))
        .await;
    let attach = json!({"UserName": "eve", "PolicyArn": arn});
    let refused = world.refused(&other, "AttachUserPolicy", attach).await;
    assert_eq!(
        refused,
        format!("404 NoSuchEntity: Policy {arn} does not exist or is not attachable.")
    );
}
