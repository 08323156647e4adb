//! From the form that a client sends to the XML that it gets.
use serde_json::json;
use wire::Service;
use wire::query::{self, Form};

use crate::world::{Who, World};

async fn xml(world: &World, who: &Who, form: &str) -> String {
    let form = Form::parse(format!("{form}&Version=2010-05-08").as_bytes()).unwrap();
    let call = query::decode(Service::Iam, &form).unwrap();
    let output = world
        .ok(who, &call.operation.name, call.input.clone())
        .await;
    query::encode(Service::Iam, call.operation, &output, "id")
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("{start} in {text}"));
    rest.split_once(end)
        .unwrap_or_else(|| panic!("{end} in {text}"))
        .0
}

#[tokio::test]
async fn a_user_with_tags() {
    let (world, root) = World::new().await;
    let form = "Action=CreateUser&UserName=bob&Tags.member.1.Key=a&Tags.member.1.Value=b%20c";
    let made = xml(&world, &root, form).await;
    assert!(made.starts_with(
        r#"<CreateUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><CreateUserResult><User><Path>/</Path><UserName>bob</UserName>"#
    ), "{made}");
    assert!(made.contains("<Tags><member><Key>a</Key><Value>b c</Value></member></Tags>"));
    let date = between(&made, "<CreateDate>", "</CreateDate>");
    assert!(
        date.len() == "2026-01-02T03:04:05Z".len() && date.ends_with('Z'),
        "{date}"
    );
    let root_user = xml(&world, &root, "Action=GetUser").await;
    assert!(!root_user.contains("UserName"), "{root_user}");
    let deleted = xml(&world, &root, "Action=DeleteUser&UserName=bob").await;
    assert_eq!(
        deleted,
        r#"<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DeleteUserResponse>"#
    );
}

#[tokio::test]
async fn empty_lists_and_structures_are_empty_elements() {
    let (world, root) = World::new().await;
    let users = xml(&world, &root, "Action=ListUsers&MaxItems=5").await;
    assert_eq!(
        between(&users, "<ListUsersResult>", "</ListUsersResult>"),
        "<Users/><IsTruncated>false</IsTruncated>"
    );
    let role = json!({"RoleName": "web", "AssumeRolePolicyDocument": crate::world::TRUST});
    world.ok(&root, "CreateRole", role).await;
    let role = xml(&world, &root, "Action=GetRole&RoleName=web").await;
    assert!(role.contains("<RoleLastUsed/>"), "{role}");
    assert!(!role.contains("<Tags"), "{role}");
    let summary = xml(&world, &root, "Action=GetAccountSummary").await;
    assert!(
        summary.contains("<entry><key>Users</key><value>0</value></entry>"),
        "{summary}"
    );
}

/// `text` as the value of a form field.
fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn a_simulation_between_accounts() {
    let (world, root) = World::new().await;
    let own = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*"}}"#;
    let theirs = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:Put*","Resource":"arn:aws:s3:::b/*"},{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;
    let form = format!(
        "Action=SimulateCustomPolicy&PolicyInputList.member.1={}&ResourcePolicy={}\
         &CallerArn=arn:aws:iam::111122223333:user/bob&ResourceOwner=arn:aws:iam::444455556666:root\
         &ActionNames.member.1=s3:PutObject&ActionNames.member.2=s3:DeleteObject\
         &ResourceArns.member.1=arn:aws:s3:::b/bob/k",
        encoded(own),
        encoded(theirs)
    );
    let answer = xml(&world, &root, &form).await;
    insta::assert_snapshot!(answer.replace("><", ">\n<"));
}

#[tokio::test]
async fn a_simulation_on_everything() {
    let (world, root) = World::new().await;
    let own = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}"#;
    let form = format!(
        "Action=SimulateCustomPolicy&PolicyInputList.member.1={}&ActionNames.member.1=iam:ListUsers\
         &PermissionsBoundaryPolicyInputList.member.1={}",
        encoded(own),
        encoded(own)
    );
    let answer = xml(&world, &root, &form).await;
    insta::assert_snapshot!(answer.replace("><", ">\n<"));
}
