//! Lists come in pages, by path.
use serde_json::{Value, json};

use crate::world::{READ, TRUST, Who, World};

/// Reads a list to its end, two at a time.
async fn all(world: &World, who: &Who, operation: &str, list: &str, input: Value) -> Vec<Value> {
    let (mut items, mut input) = (Vec::new(), input);
    input["MaxItems"] = json!(2);
    loop {
        let page = world.ok(who, operation, input.clone()).await;
        let shown = page[list].as_array().unwrap();
        assert!(shown.len() <= 2);
        items.extend(shown.iter().cloned());
        if page["IsTruncated"] == false {
            assert!(page["Marker"].is_null());
            return items;
        }
        assert_eq!(shown.len(), 2);
        input["Marker"] = page["Marker"].clone();
    }
}

fn names(items: &[Value], member: &str) -> Vec<String> {
    items
        .iter()
        .map(|item| item[member].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn entities_are_listed_by_path_and_name() {
    let (world, root) = World::new().await;
    let kinds = [
        ("User", "Users", json!({})),
        ("Group", "Groups", json!({})),
        ("Role", "Roles", json!({"AssumeRolePolicyDocument": TRUST})),
        ("InstanceProfile", "InstanceProfiles", json!({})),
    ];
    for (kind, list, extra) in kinds {
        let member = format!("{kind}Name");
        for (path, name) in [
            ("/", "b"),
            ("/x/", "a"),
            ("/", "C"),
            ("/x/y/", "d"),
            ("/", "a"),
        ] {
            let mut input = extra.clone();
            input[&member] = json!(format!("{name}{}", path.len()));
            input["Path"] = json!(path);
            world.ok(&root, &format!("Create{kind}"), input).await;
        }
        let operation = format!("List{list}");
        let everything = all(&world, &root, &operation, list, json!({})).await;
        assert_eq!(
            names(&everything, &member),
            ["a1", "b1", "C1", "a3", "d5"],
            "{kind}"
        );
        let some = all(
            &world,
            &root,
            &operation,
            list,
            json!({"PathPrefix": "/x/"}),
        )
        .await;
        assert_eq!(names(&some, &member), ["a3", "d5"], "{kind}");
    }
}

#[tokio::test]
async fn what_hangs_on_an_entity_comes_in_pages_too() {
    let (world, root) = World::new().await;
    world
        .ok(&root, "CreateUser", json!({"UserName": "bob"}))
        .await;
    world
        .ok(&root, "CreateGroup", json!({"GroupName": "all"}))
        .await;
    for number in 0..5 {
        let name = format!("n{number}");
        world
            .ok(&root, "CreateUser", json!({"UserName": name}))
            .await;
        world
            .ok(
                &root,
                "AddUserToGroup",
                json!({"UserName": name, "GroupName": "all"}),
            )
            .await;
        world
            .ok(&root, "CreateGroup", json!({"GroupName": name}))
            .await;
        world
            .ok(
                &root,
                "AddUserToGroup",
                json!({"UserName": "bob", "GroupName": name}),
            )
            .await;
        let inline = json!({"UserName": "bob", "PolicyName": name, "PolicyDocument": READ});
        world.ok(&root, "PutUserPolicy", inline).await;
        let managed = json!({"PolicyName": name, "PolicyDocument": READ});
        let made = world.ok(&root, "CreatePolicy", managed).await;
        let attach = json!({"UserName": "bob", "PolicyArn": made["Policy"]["Arn"]});
        world.ok(&root, "AttachUserPolicy", attach).await;
        let tags = json!({"UserName": "bob", "Tags": [{"Key": name, "Value": ""}]});
        world.ok(&root, "TagUser", tags).await;
    }
    let bob = json!({"UserName": "bob"});
    let cases = [
        ("ListGroupsForUser", "Groups", "GroupName", bob.clone()),
        (
            "ListAttachedUserPolicies",
            "AttachedPolicies",
            "PolicyName",
            bob.clone(),
        ),
        ("ListUserTags", "Tags", "Key", bob.clone()),
        ("GetGroup", "Users", "UserName", json!({"GroupName": "all"})),
    ];
    for (operation, list, member, input) in cases {
        let items = all(&world, &root, operation, list, input).await;
        assert_eq!(
            names(&items, member),
            ["n0", "n1", "n2", "n3", "n4"],
            "{operation}"
        );
    }
    let policies = all(&world, &root, "ListUserPolicies", "PolicyNames", bob).await;
    assert_eq!(policies.len(), 5);
}

#[tokio::test]
async fn the_whole_account_is_one_list() {
    let (world, root) = World::new().await;
    for number in 0..3 {
        let name = format!("n{number}");
        world
            .ok(&root, "CreateUser", json!({"UserName": name}))
            .await;
        world
            .ok(&root, "CreateGroup", json!({"GroupName": name}))
            .await;
    }
    let (mut users, mut groups, mut input) = (0, 0, json!({"MaxItems": 2}));
    loop {
        let page = world
            .ok(&root, "GetAccountAuthorizationDetails", input.clone())
            .await;
        let count = |list: &str| page[list].as_array().unwrap().len();
        users += count("UserDetailList");
        groups += count("GroupDetailList");
        if page["IsTruncated"] == false {
            break;
        }
        input["Marker"] = page["Marker"].clone();
    }
    assert_eq!((users, groups), (3, 3));
}
