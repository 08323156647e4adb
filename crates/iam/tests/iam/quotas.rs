//! What there can be too many of, and what can be too large.
use serde_json::{Value, json};

use crate::world::{READ, TRUST, Who, World};

/// Fills up with `fill(0..max)`, then expects the refusal of one more.
async fn check(
    world: &World,
    root: &Who,
    operation: &str,
    max: usize,
    fill: impl Fn(usize) -> Value,
    expected: &str,
) {
    for number in 0..max {
        world.ok(root, operation, fill(number)).await;
    }
    let refused = world.refused(root, operation, fill(max)).await;
    assert_eq!(refused, format!("409 LimitExceeded: {expected}"));
}

async fn policy(world: &World, root: &Who, number: usize) -> String {
    let input = json!({"PolicyName": format!("p{number}"), "PolicyDocument": READ});
    world.ok(root, "CreatePolicy", input).await["Policy"]["Arn"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn numbers() {
    let (world, root) = World::new().await;
    world
        .ok(&root, "CreateUser", json!({"UserName": "bob"}))
        .await;
    let key = |_| json!({"UserName": "bob"});
    check(
        &world,
        &root,
        "CreateAccessKey",
        2,
        key,
        "Cannot exceed quota for AccessKeysPerUser: 2",
    )
    .await;
    for number in 0..11 {
        world
            .ok(
                &root,
                "CreateGroup",
                json!({"GroupName": format!("g{number}")}),
            )
            .await;
        policy(&world, &root, number).await;
    }
    let member = |number| json!({"UserName": "bob", "GroupName": format!("g{number}")});
    check(
        &world,
        &root,
        "AddUserToGroup",
        10,
        member,
        "Cannot exceed quota for GroupsPerUser: 10",
    )
    .await;
    world
        .ok(
            &root,
            "CreateRole",
            json!({"RoleName": "web", "AssumeRolePolicyDocument": TRUST}),
        )
        .await;
    for (kind, name) in [("User", "bob"), ("Group", "g0"), ("Role", "web")] {
        let attach = |number| {
            json!({format!("{kind}Name"): name,
                "PolicyArn": format!("arn:aws:iam::111122223333:policy/p{number}")})
        };
        let text = format!("Cannot exceed quota for PoliciesPer{kind}: 10");
        check(
            &world,
            &root,
            &format!("Attach{kind}Policy"),
            10,
            attach,
            &text,
        )
        .await;
    }
    let arn = policy(&world, &root, 11).await;
    let version = |_| json!({"PolicyArn": arn, "PolicyDocument": READ});
    check(&world, &root, "CreatePolicyVersion", 4, version, "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.").await;
    let tag =
        |number| json!({"UserName": "bob", "Tags": [{"Key": format!("k{number}"), "Value": ""}]});
    check(
        &world,
        &root,
        "TagUser",
        50,
        tag,
        "Cannot exceed quota for TagsPerUser: 50",
    )
    .await;
    world
        .ok(
            &root,
            "CreateInstanceProfile",
            json!({"InstanceProfileName": "box"}),
        )
        .await;
    let add = |_| json!({"InstanceProfileName": "box", "RoleName": "web"});
    check(
        &world,
        &root,
        "AddRoleToInstanceProfile",
        1,
        add,
        "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
    )
    .await;
}

#[tokio::test]
async fn groups_of_an_account() {
    let (world, root) = World::new().await;
    let group = |number| json!({"GroupName": format!("g{number}")});
    check(
        &world,
        &root,
        "CreateGroup",
        300,
        group,
        "Cannot exceed quota for GroupsPerAccount: 300",
    )
    .await;
}

/// A document of that many characters that count, and some that do not.
fn document(size: usize, trust: bool) -> String {
    let (head, tail) = if trust {
        (
            r#"{"Version":"2012-10-17","Id":""#,
            r#"","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}"#,
        )
    } else {
        (
            r#"{"Version":"2012-10-17","Id":""#,
            r#"","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#,
        )
    };
    let fill = "x".repeat(size - head.len() - tail.len());
    format!("  {head}{fill}{}\n\n", tail.replace(',', ", "))
}

#[tokio::test]
async fn sizes_do_not_count_whitespace() {
    let (world, root) = World::new().await;
    world
        .ok(&root, "CreateUser", json!({"UserName": "bob"}))
        .await;
    world
        .ok(&root, "CreateGroup", json!({"GroupName": "devs"}))
        .await;
    world
        .ok(
            &root,
            "CreateRole",
            json!({"RoleName": "web", "AssumeRolePolicyDocument": TRUST}),
        )
        .await;
    for (kind, name, max) in [
        ("User", "bob", 2048),
        ("Group", "devs", 5120),
        ("Role", "web", 10240),
    ] {
        let put = |policy: &str, size| {
            json!({format!("{kind}Name"): name, "PolicyName": policy,
                "PolicyDocument": document(size, false)})
        };
        let operation = format!("Put{kind}Policy");
        world.ok(&root, &operation, put("one", max)).await;
        let refused = world.refused(&root, &operation, put("two", 200)).await;
        let word = kind.to_lowercase();
        assert_eq!(
            refused,
            format!(
                "409 LimitExceeded: Maximum policy size of {max} bytes exceeded for {word} {name}"
            )
        );
    }
    let managed = |size| json!({"PolicyName": "p", "PolicyDocument": document(size, false)});
    let refused = world.refused(&root, "CreatePolicy", managed(6145)).await;
    assert_eq!(
        refused,
        "409 LimitExceeded: Cannot exceed quota for PolicySize: 6144"
    );
    world.ok(&root, "CreatePolicy", managed(6144)).await;
    let trust = |size| json!({"RoleName": "web", "PolicyDocument": document(size, true)});
    let refused = world
        .refused(&root, "UpdateAssumeRolePolicy", trust(2049))
        .await;
    assert_eq!(
        refused,
        "409 LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048"
    );
    world.ok(&root, "UpdateAssumeRolePolicy", trust(2048)).await;
}
