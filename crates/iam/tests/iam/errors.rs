//! Every error, in AWS's words.
use serde_json::{Value, json};

use crate::world::{READ, TRUST, World};

/// One account with a bit of everything.
async fn furnished() -> (World, crate::world::Who) {
    let (world, root) = World::new().await;
    world
        .ok(&root, "CreateUser", json!({"UserName": "Bob"}))
        .await;
    world
        .ok(&root, "CreateGroup", json!({"GroupName": "Devs"}))
        .await;
    let role = json!({"RoleName": "Web", "AssumeRolePolicyDocument": TRUST});
    world.ok(&root, "CreateRole", role).await;
    world
        .ok(
            &root,
            "CreatePolicy",
            json!({"PolicyName": "Own", "PolicyDocument": READ}),
        )
        .await;
    world
        .ok(
            &root,
            "CreateInstanceProfile",
            json!({"InstanceProfileName": "Box"}),
        )
        .await;
    world
        .ok(
            &root,
            "CreateAccountAlias",
            json!({"AccountAlias": "taken"}),
        )
        .await;
    (world, root)
}

async fn check(cases: &[(&str, Value, &str)]) {
    let (world, root) = furnished().await;
    for (operation, input, expected) in cases {
        let refused = world.refused(&root, operation, input.clone()).await;
        assert_eq!(refused, *expected, "{operation} {input}");
    }
}

const OWN_ARN: &str = "arn:aws:iam::111122223333:policy/Own";
const NO_ARN: &str = "arn:aws:iam::111122223333:policy/none";

#[tokio::test]
async fn what_is_not_there() {
    let document = json!(READ);
    check(&[
        ("GetUser", json!({"UserName": "x"}), "404 NoSuchEntity: The user with name x cannot be found."),
        ("GetGroup", json!({"GroupName": "x"}), "404 NoSuchEntity: The group with name x cannot be found."),
        ("GetRole", json!({"RoleName": "x"}), "404 NoSuchEntity: The role with name x cannot be found."),
        ("GetInstanceProfile", json!({"InstanceProfileName": "x"}), "404 NoSuchEntity: Instance Profile x cannot be found."),
        ("GetUserPolicy", json!({"UserName": "Bob", "PolicyName": "x"}), "404 NoSuchEntity: The user policy with name x cannot be found."),
        ("GetGroupPolicy", json!({"GroupName": "Devs", "PolicyName": "x"}), "404 NoSuchEntity: The group policy with name x cannot be found."),
        ("DeleteRolePolicy", json!({"RoleName": "Web", "PolicyName": "x"}), "404 NoSuchEntity: The role policy with name x cannot be found."),
        ("PutUserPolicy", json!({"UserName": "x", "PolicyName": "x", "PolicyDocument": document}), "404 NoSuchEntity: The user with name x cannot be found."),
        ("GetPolicy", json!({"PolicyArn": NO_ARN}), "404 NoSuchEntity: Policy arn:aws:iam::111122223333:policy/none was not found."),
        ("DeletePolicy", json!({"PolicyArn": NO_ARN}), "404 NoSuchEntity: Policy arn:aws:iam::111122223333:policy/none was not found."),
        ("AttachRolePolicy", json!({"RoleName": "Web", "PolicyArn": NO_ARN}), "404 NoSuchEntity: Policy arn:aws:iam::111122223333:policy/none does not exist or is not attachable."),
        ("DetachRolePolicy", json!({"RoleName": "Web", "PolicyArn": OWN_ARN}), "404 NoSuchEntity: Policy arn:aws:iam::111122223333:policy/Own was not found."),
        ("GetPolicyVersion", json!({"PolicyArn": OWN_ARN, "VersionId": "v7"}), "404 NoSuchEntity: Policy arn:aws:iam::111122223333:policy/Own version v7 does not exist or is not attachable."),
        ("SetDefaultPolicyVersion", json!({"PolicyArn": OWN_ARN, "VersionId": "v7"}), "404 NoSuchEntity: Policy arn:aws:iam::111122223333:policy/Own version v7 does not exist or is not attachable."),
        ("DeleteAccessKey", json!({"UserName": "Bob", "AccessKeyId": "AKIAAAAAAAAAAAAAAAAA"}), "404 NoSuchEntity: The Access Key with id AKIAAAAAAAAAAAAAAAAA cannot be found."),
        ("RemoveUserFromGroup", json!({"UserName": "Bob", "GroupName": "Devs"}), "404 NoSuchEntity: User Bob not in group Devs"),
        ("RemoveRoleFromInstanceProfile", json!({"InstanceProfileName": "Box", "RoleName": "Web"}), "404 NoSuchEntity: The role with name Web cannot be found in the instance profile Box."),
        ("DeleteAccountAlias", json!({"AccountAlias": "other"}), "404 NoSuchEntity: The account alias with name other cannot be found."),
        ("CreateUser", json!({"UserName": "x", "PermissionsBoundary": NO_ARN}), "404 NoSuchEntity: Policy arn:aws:iam::111122223333:policy/none does not exist or is not attachable."),
    ])
    .await;
}

#[tokio::test]
async fn what_is_there_already_also_in_another_case() {
    check(&[
        ("CreateUser", json!({"UserName": "bOB"}), "409 EntityAlreadyExists: User with name bOB already exists."),
        ("CreateGroup", json!({"GroupName": "devs"}), "409 EntityAlreadyExists: Group with name devs already exists."),
        ("CreateRole", json!({"RoleName": "web", "AssumeRolePolicyDocument": TRUST}), "409 EntityAlreadyExists: Role with name web already exists."),
        ("CreatePolicy", json!({"PolicyName": "own", "PolicyDocument": READ, "Path": "/x/"}), "409 EntityAlreadyExists: A policy called own already exists. Duplicate names are not allowed."),
        ("CreateInstanceProfile", json!({"InstanceProfileName": "box"}), "409 EntityAlreadyExists: Instance Profile box already exists."),
        ("CreateAccountAlias", json!({"AccountAlias": "taken"}), "409 EntityAlreadyExists: The account alias taken already exists."),
    ])
    .await;
}

#[tokio::test]
async fn an_alias_is_unique_among_all_accounts() {
    let (world, _) = furnished().await;
    let other = world.root_of_other().await;
    let refused = world
        .refused(
            &other,
            "CreateAccountAlias",
            json!({"AccountAlias": "taken"}),
        )
        .await;
    assert_eq!(
        refused,
        "409 EntityAlreadyExists: The account alias taken already exists."
    );
}

#[tokio::test]
async fn a_name_may_change_its_case_but_not_become_anothers() {
    let (world, root) = furnished().await;
    world
        .ok(&root, "CreateUser", json!({"UserName": "amy"}))
        .await;
    let rename = |new: &str| json!({"UserName": "bob", "NewUserName": new});
    world.ok(&root, "UpdateUser", rename("BOB")).await;
    let refused = world.refused(&root, "UpdateUser", rename("AMY")).await;
    assert_eq!(
        refused,
        "409 EntityAlreadyExists: User with name AMY already exists."
    );
}

#[tokio::test]
async fn documents_that_are_none() {
    let old = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let unversioned = r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let principal = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}"#;
    let version =
        "400 MalformedPolicyDocument: Policy document must be version 2012-10-17 or greater.";
    check(&[
        (
            "CreatePolicy",
            json!({"PolicyName": "x", "PolicyDocument": "{"}),
            "400 MalformedPolicyDocument: Syntax errors in policy.",
        ),
        (
            "CreatePolicy",
            json!({"PolicyName": "x", "PolicyDocument": old}),
            version,
        ),
        (
            "CreatePolicyVersion",
            json!({"PolicyArn": OWN_ARN, "PolicyDocument": unversioned}),
            version,
        ),
        (
            "PutUserPolicy",
            json!({"UserName": "Bob", "PolicyName": "x", "PolicyDocument": principal}),
            "400 MalformedPolicyDocument: Policy document should not specify a principal.",
        ),
        (
            "CreateRole",
            json!({"RoleName": "x", "AssumeRolePolicyDocument": "{,}"}),
            "400 MalformedPolicyDocument: This policy contains invalid Json",
        ),
        (
            "UpdateAssumeRolePolicy",
            json!({"RoleName": "Web", "PolicyDocument": READ}),
            "400 MalformedPolicyDocument: Has prohibited field Resource",
        ),
    ])
    .await;
    let (world, root) = furnished().await;
    let inline = json!({"UserName": "Bob", "PolicyName": "x", "PolicyDocument": old});
    world.ok(&root, "PutUserPolicy", inline).await;
}

#[tokio::test]
async fn arns_tags_names_and_markers_that_do_not_fit() {
    let twice = json!([{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}]);
    let reserved = json!([{"Key": "aws:a", "Value": ""}]);
    let no_arn = "this-is-not-an-arn-at-all";
    let role_arn = "arn:aws:iam::111122223333:role/Web";
    let name = |member: &str| {
        format!(
            "400 ValidationError: The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        )
    };
    check(&[
        ("GetPolicy", json!({"PolicyArn": no_arn}), "400 ValidationError: Invalid ARN:  Could not be parsed!"),
        ("AttachUserPolicy", json!({"UserName": "Bob", "PolicyArn": no_arn}), "400 ValidationError: Invalid ARN:  Could not be parsed!"),
        ("AttachUserPolicy", json!({"UserName": "Bob", "PolicyArn": role_arn}), "400 InvalidInput: ARN arn:aws:iam::111122223333:role/Web is not valid."),
        ("PutUserPermissionsBoundary", json!({"UserName": "Bob", "PermissionsBoundary": no_arn}), "400 InvalidInput: Value (this-is-not-an-arn-at-all) for parameter PermissionsBoundary is invalid."),
        ("TagUser", json!({"UserName": "Bob", "Tags": twice}), "400 InvalidInput: Duplicate tag keys found. Please note that Tag keys are case insensitive."),
        ("CreateUser", json!({"UserName": "x", "Tags": reserved}), "400 InvalidInput: aws: prefixed tag key names are not allowed for external use."),
        ("CreateUser", json!({"UserName": "a b"}), &name("userName")),
        ("CreatePolicy", json!({"PolicyName": "a/b", "PolicyDocument": READ}), &name("policyName")),
        ("CreateGroup", json!({"GroupName": "x", "Path": "x"}), "400 ValidationError: The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."),
        ("ListUsers", json!({"Marker": "!"}), "400 ValidationError: Invalid Marker."),
        ("ListUsers", json!({"MaxItems": 0}), "400 ValidationError: 1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"),
        ("DeleteUser", json!({}), "400 ValidationError: 1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null"),
        ("CreateLoginProfile", json!({"UserName": "Bob", "Password": "x"}), "501 NotImplemented: CreateLoginProfile is not implemented."),
        ("NoSuchOperation", json!({}), "400 InvalidAction: Could not find operation NoSuchOperation for version 2010-05-08"),
    ])
    .await;
}

#[tokio::test]
async fn the_operations_are_those_that_the_catalog_has_actions_for() {
    let built: Vec<String> = iam::ops::NAMES
        .iter()
        .map(|name| format!("iam:{name}"))
        .collect();
    let mut actions: Vec<&str> = catalog::iam::NAMES.to_vec();
    // No operation of its own: asked where a role is handed to a service.
    actions.retain(|action| *action != "iam:PassRole");
    let mut sorted = built.clone();
    sorted.sort();
    actions.sort_unstable();
    assert_eq!(sorted, actions);
}
