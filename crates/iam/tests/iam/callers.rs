//! Who is meant when nobody is named, and what happens when many call at once.
use std::sync::Arc;

use gate::Identity;
use policy::CallerKind;
use serde_json::{Value, json};

use crate::world::{World, shown};

#[tokio::test]
async fn without_a_name_the_user_that_calls_is_meant() {
    let (world, root) = World::new().await;
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "iam:*",
        "Resource": "arn:aws:iam::111122223333:user/${aws:username}"}]});
    let bob = world.user(&root, "bob", Some(policy)).await;
    let got = world.ok(&bob, "GetUser", json!({})).await;
    assert_eq!(got["User"]["UserName"], "bob");
    world.ok(&bob, "CreateAccessKey", json!({})).await;
    let keys = world.ok(&bob, "ListAccessKeys", json!({})).await;
    assert_eq!(keys["AccessKeyMetadata"].as_array().unwrap().len(), 2);
    let id = &keys["AccessKeyMetadata"][1]["AccessKeyId"];
    let off = json!({"AccessKeyId": id, "Status": "Inactive"});
    world.ok(&bob, "UpdateAccessKey", off).await;
    world
        .ok(&bob, "DeleteAccessKey", json!({"AccessKeyId": id}))
        .await;
    world
        .refused(&bob, "ListAccessKeys", json!({"UserName": "amy"}))
        .await;
}

#[tokio::test]
async fn sessions_of_roles_must_name_the_user() {
    let (world, root) = World::new().await;
    let mut identity = world.identity(&root);
    identity.caller.kind = CallerKind::RoleSession {
        role_arn: "arn:aws:iam::111122223333:role/web".to_owned(),
        session_name: "s".to_owned(),
    };
    for operation in ["GetUser", "CreateAccessKey", "ListAccessKeys"] {
        let identity = Identity {
            caller: identity.caller.clone(),
            ..Identity::anonymous()
        };
        let error = world
            .call_as(identity, operation, json!({}))
            .await
            .unwrap_err();
        assert_eq!(
            shown(&error),
            "400 ValidationError: Must specify userName when calling with non-User credentials"
        );
    }
}

#[tokio::test]
async fn of_many_that_create_the_same_at_once_one_succeeds() {
    let (world, root) = World::new().await;
    let world = Arc::new(world);
    world
        .ok(&root, "CreateUser", json!({"UserName": "bob"}))
        .await;
    let race = async |operation: &'static str, input: fn(usize) -> Value| {
        let calls: Vec<_> = (0..20)
            .map(|number| {
                let (world, root) = (world.clone(), root.clone());
                tokio::spawn(async move { world.call(&root, operation, input(number)).await })
            })
            .collect();
        let mut won = 0;
        for call in calls {
            won += usize::from(call.await.unwrap().is_ok());
        }
        won
    };
    let upper_or_lower =
        |number: usize| json!({"UserName": if number.is_multiple_of(2) { "amy" } else { "AMY" }});
    assert_eq!(race("CreateUser", upper_or_lower).await, 1);
    assert_eq!(
        race("CreateAccessKey", |_| json!({"UserName": "bob"})).await,
        2
    );
}
