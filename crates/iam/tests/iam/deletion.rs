//! What must go before an entity can go: each cause in its turn, in AWS's order and words.
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{READ, TRUST, World};

/// Something that keeps an entity from being deleted: how it is put there, what is said, and how
/// it is taken away.
struct Cause {
    put: (&'static str, Value),
    text: &'static str,
    take: (&'static str, Value),
}

fn cause(put: &'static str, text: &'static str, take: &'static str, input: Value) -> Cause {
    Cause {
        put: (put, input.clone()),
        text,
        take: (take, input),
    }
}

const DETACH: &str = "Cannot delete entity, must detach all policies first.";
const INLINE: &str = "Cannot delete entity, must delete policies first.";
const KEYS: &str = "Cannot delete entity, must delete access keys first.";
const MEMBERS: &str = "Cannot delete entity, must remove users from group first.";
const PROFILES: &str = "Cannot delete entity, must remove roles from instance profile first.";
const ARN: &str = "arn:aws:iam::aws:policy/SecurityAudit";

/// Causes in the order in which they are told.
fn causes(kind: &str) -> Vec<Cause> {
    let inline = |member: &str| json!({member: "it", "PolicyName": "p", "PolicyDocument": READ});
    let attach = |member: &str| json!({member: "it", "PolicyArn": ARN});
    match kind {
        "User" => vec![
            cause(
                "AttachUserPolicy",
                DETACH,
                "DetachUserPolicy",
                attach("UserName"),
            ),
            cause(
                "PutUserPolicy",
                INLINE,
                "DeleteUserPolicy",
                inline("UserName"),
            ),
            cause(
                "CreateAccessKey",
                KEYS,
                "DeleteAccessKey",
                json!({"UserName": "it"}),
            ),
            cause(
                "AddUserToGroup",
                MEMBERS,
                "RemoveUserFromGroup",
                json!({"UserName": "it", "GroupName": "other"}),
            ),
        ],
        "Group" => vec![
            cause(
                "AddUserToGroup",
                MEMBERS,
                "RemoveUserFromGroup",
                json!({"UserName": "other", "GroupName": "it"}),
            ),
            cause(
                "AttachGroupPolicy",
                DETACH,
                "DetachGroupPolicy",
                attach("GroupName"),
            ),
            cause(
                "PutGroupPolicy",
                INLINE,
                "DeleteGroupPolicy",
                inline("GroupName"),
            ),
        ],
        "Role" => vec![
            cause(
                "AddRoleToInstanceProfile",
                PROFILES,
                "RemoveRoleFromInstanceProfile",
                json!({"RoleName": "it", "InstanceProfileName": "other"}),
            ),
            cause(
                "AttachRolePolicy",
                DETACH,
                "DetachRolePolicy",
                attach("RoleName"),
            ),
            cause(
                "PutRolePolicy",
                INLINE,
                "DeleteRolePolicy",
                inline("RoleName"),
            ),
        ],
        "InstanceProfile" => vec![cause(
            "AddRoleToInstanceProfile",
            PROFILES,
            "RemoveRoleFromInstanceProfile",
            json!({"RoleName": "other", "InstanceProfileName": "it"}),
        )],
        other => panic!("{other}"),
    }
}

/// Puts the chosen causes there, in the given order, and takes each away when it is told.
async fn check(kind: &str, chosen: &[usize]) {
    let (world, root) = World::new().await;
    for name in ["it", "other"] {
        world
            .ok(&root, "CreateUser", json!({"UserName": name}))
            .await;
        world
            .ok(&root, "CreateGroup", json!({"GroupName": name}))
            .await;
        let role = json!({"RoleName": name, "AssumeRolePolicyDocument": TRUST});
        world.ok(&root, "CreateRole", role).await;
        world
            .ok(
                &root,
                "CreateInstanceProfile",
                json!({"InstanceProfileName": name}),
            )
            .await;
    }
    let mut causes = causes(kind);
    for index in chosen {
        let (operation, input) = causes[*index].put.clone();
        let made = world.ok(&root, operation, input).await;
        if let Some(id) = made["AccessKey"]["AccessKeyId"].as_str() {
            causes[*index].take.1["AccessKeyId"] = json!(id);
        }
    }
    let (delete, name) = (
        format!("Delete{kind}"),
        json!({format!("{kind}Name"): "it"}),
    );
    let mut told: Vec<usize> = chosen.to_vec();
    told.sort_unstable();
    for index in told {
        let refused = world.refused(&root, &delete, name.clone()).await;
        assert_eq!(
            refused,
            format!("409 DeleteConflict: {}", causes[index].text)
        );
        let (operation, input) = causes[index].take.clone();
        world.ok(&root, operation, input).await;
    }
    world.ok(&root, &delete, name.clone()).await;
    let gone = world.refused(&root, &delete, name).await;
    assert!(gone.starts_with("404 NoSuchEntity: "), "{gone}");
}

fn cases() -> impl Strategy<Value = (&'static str, Vec<usize>)> {
    prop_oneof![
        Just("User"),
        Just("Group"),
        Just("Role"),
        Just("InstanceProfile")
    ]
    .prop_flat_map(|kind| {
        let all: Vec<usize> = (0..causes(kind).len()).collect();
        let count = all.len();
        let chosen = proptest::sample::subsequence(all, 0..=count).prop_shuffle();
        (Just(kind), chosen)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_entity_goes_once_all_causes_are_gone_whatever_order_they_came_in(
        (kind, chosen) in cases(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(kind, &chosen));
    }
}

#[tokio::test]
async fn policies_go_last() {
    let (world, root) = World::new().await;
    let input = json!({"PolicyName": "p", "PolicyDocument": READ});
    let made = world.ok(&root, "CreatePolicy", input).await;
    let arn = made["Policy"]["Arn"].clone();
    world
        .ok(
            &root,
            "CreatePolicyVersion",
            json!({"PolicyArn": arn, "PolicyDocument": READ}),
        )
        .await;
    let user = json!({"UserName": "it", "PermissionsBoundary": arn});
    world.ok(&root, "CreateUser", user).await;
    let name = json!({"PolicyArn": arn});
    let in_use = world.refused(&root, "DeletePolicy", name.clone()).await;
    assert_eq!(
        in_use,
        "409 DeleteConflict: Cannot delete a policy attached to entities."
    );
    world
        .ok(
            &root,
            "DeleteUserPermissionsBoundary",
            json!({"UserName": "it"}),
        )
        .await;
    let versions = world.refused(&root, "DeletePolicy", name.clone()).await;
    assert_eq!(
        versions,
        "409 DeleteConflict: This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy."
    );
    let default = json!({"PolicyArn": arn, "VersionId": "v1"});
    let refused = world.refused(&root, "DeletePolicyVersion", default).await;
    assert_eq!(
        refused,
        "409 DeleteConflict: Cannot delete the default version of a policy."
    );
    world
        .ok(
            &root,
            "DeletePolicyVersion",
            json!({"PolicyArn": arn, "VersionId": "v2"}),
        )
        .await;
    world.ok(&root, "DeletePolicy", name).await;
}
