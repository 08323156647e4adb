//! What is created is shown as AWS shows it.
use serde_json::{Value, json};

use crate::world::{OWN, READ, TRUST, World};

/// Replaces what differs from run to run.
fn steady(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            for (name, value) in members.iter_mut() {
                let id = name.ends_with("Id") && name != "DefaultVersionId" && name != "VersionId";
                if let (true, Some(text)) = (id, value.as_str()) {
                    *value = format!("{}… ({})", &text[..4], text.len()).into();
                } else if name.ends_with("Date") || name == "SecretAccessKey" {
                    assert!(
                        value.as_str().is_some_and(|text| text.len() >= 20),
                        "{value}"
                    );
                    *value = "…".into();
                } else {
                    *value = steady(value.take());
                }
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| *item = steady(item.take())),
        _ => {}
    }
    value
}

fn show(value: Value) -> String {
    serde_json::to_string_pretty(&steady(value)).unwrap()
}

#[tokio::test]
async fn users() {
    let (world, root) = World::new().await;
    let boundary = "arn:aws:iam::aws:policy/PowerUserAccess";
    let input = json!({
        "UserName": "Bob", "Path": "/staff/", "PermissionsBoundary": boundary,
        "Tags": [{"Key": "team", "Value": "blue"}],
    });
    let created = world.ok(&root, "CreateUser", input).await;
    insta::assert_snapshot!(show(created.clone()), @r#"
    {
      "User": {
        "Path": "/staff/",
        "UserName": "Bob",
        "UserId": "AIDA… (21)",
        "Arn": "arn:aws:iam::111122223333:user/staff/Bob",
        "CreateDate": "…",
        "PermissionsBoundary": {
          "PermissionsBoundaryType": "Policy",
          "PermissionsBoundaryArn": "arn:aws:iam::aws:policy/PowerUserAccess"
        },
        "Tags": [
          {
            "Key": "team",
            "Value": "blue"
          }
        ]
      }
    }
    "#);
    let got = world.ok(&root, "GetUser", json!({"UserName": "bob"})).await;
    assert_eq!(got, created);
    let listed = world.ok(&root, "ListUsers", json!({})).await;
    insta::assert_snapshot!(show(listed), @r#"
    {
      "Users": [
        {
          "Path": "/staff/",
          "UserName": "Bob",
          "UserId": "AIDA… (21)",
          "Arn": "arn:aws:iam::111122223333:user/staff/Bob",
          "CreateDate": "…"
        }
      ],
      "IsTruncated": false
    }
    "#);

    let change = json!({"UserName": "Bob", "NewUserName": "Rob", "NewPath": "/"});
    world.ok(&root, "UpdateUser", change).await;
    let moved = world.ok(&root, "GetUser", json!({"UserName": "Rob"})).await;
    assert_eq!(moved["User"]["UserId"], created["User"]["UserId"]);
    assert_eq!(moved["User"]["Arn"], format!("arn:aws:iam::{OWN}:user/Rob"));
    world
        .ok(&root, "DeleteUser", json!({"UserName": "Rob"}))
        .await;
}

#[tokio::test]
async fn the_root_user_gets_itself() {
    let (world, root) = World::new().await;
    let got = world.ok(&root, "GetUser", json!({})).await;
    assert_eq!(got["User"]["Arn"], format!("arn:aws:iam::{OWN}:root"));
    assert_eq!(got["User"]["UserId"], OWN);
    assert!(got["User"]["UserName"].is_null());
}

#[tokio::test]
async fn access_keys() {
    let (world, root) = World::new().await;
    world
        .ok(&root, "CreateUser", json!({"UserName": "bob"}))
        .await;
    let made = world
        .ok(&root, "CreateAccessKey", json!({"UserName": "bob"}))
        .await;
    insta::assert_snapshot!(show(made.clone()), @r#"
    {
      "AccessKey": {
        "UserName": "bob",
        "AccessKeyId": "AKIA… (20)",
        "Status": "Active",
        "SecretAccessKey": "…",
        "CreateDate": "…"
      }
    }
    "#);
    let id = made["AccessKey"]["AccessKeyId"].as_str().unwrap();
    let off = json!({"UserName": "bob", "AccessKeyId": id, "Status": "Inactive"});
    world.ok(&root, "UpdateAccessKey", off).await;
    let listed = world
        .ok(&root, "ListAccessKeys", json!({"UserName": "bob"}))
        .await;
    assert_eq!(listed["AccessKeyMetadata"][0]["Status"], "Inactive");
    assert!(!listed.to_string().contains("Secret"));
    let used = world
        .ok(&root, "GetAccessKeyLastUsed", json!({"AccessKeyId": id}))
        .await;
    let never = json!({"LastUsedDate": null, "ServiceName": "N/A", "Region": "N/A"});
    assert_eq!(used, json!({"UserName": "bob", "AccessKeyLastUsed": never}));
    let on = json!({"UserName": "bob", "AccessKeyId": id, "Status": "Active"});
    world.ok(&root, "UpdateAccessKey", on).await;
    let now = "2026-01-02T03:04:05Z".parse().unwrap();
    let found = world.directory.lookup(id, None, now).unwrap();
    world.directory.note_use(&found, now, "s3", "eu-west-1");
    let used = world
        .ok(&root, "GetAccessKeyLastUsed", json!({"AccessKeyId": id}))
        .await;
    let last = json!({
        "LastUsedDate": "2026-01-02T03:04:05Z", "ServiceName": "s3", "Region": "eu-west-1"});
    assert_eq!(used["AccessKeyLastUsed"], last);
    let gone = json!({"UserName": "bob", "AccessKeyId": id});
    world.ok(&root, "DeleteAccessKey", gone).await;
    let listed = world
        .ok(&root, "ListAccessKeys", json!({"UserName": "bob"}))
        .await;
    assert_eq!(listed["AccessKeyMetadata"], json!([]));
}

#[tokio::test]
async fn the_root_user_has_keys_of_its_own() {
    let (world, root) = World::new().await;
    let made = world.ok(&root, "CreateAccessKey", json!({})).await;
    let listed = world.ok(&root, "ListAccessKeys", json!({})).await;
    assert_eq!(listed["AccessKeyMetadata"].as_array().unwrap().len(), 2);
    let id = &made["AccessKey"]["AccessKeyId"];
    world
        .ok(&root, "DeleteAccessKey", json!({"AccessKeyId": id}))
        .await;
}

#[tokio::test]
async fn groups() {
    let (world, root) = World::new().await;
    world
        .ok(&root, "CreateUser", json!({"UserName": "bob"}))
        .await;
    let created = world
        .ok(&root, "CreateGroup", json!({"GroupName": "Devs"}))
        .await;
    insta::assert_snapshot!(show(created), @r#"
    {
      "Group": {
        "Path": "/",
        "GroupName": "Devs",
        "GroupId": "AGPA… (21)",
        "Arn": "arn:aws:iam::111122223333:group/Devs",
        "CreateDate": "…"
      }
    }
    "#);
    let member = json!({"GroupName": "devs", "UserName": "bob"});
    world.ok(&root, "AddUserToGroup", member.clone()).await;
    world.ok(&root, "AddUserToGroup", member.clone()).await;
    let rename = json!({"GroupName": "Devs", "NewGroupName": "Makers", "NewPath": "/x/"});
    world.ok(&root, "UpdateGroup", rename).await;
    let group = world
        .ok(&root, "GetGroup", json!({"GroupName": "Makers"}))
        .await;
    assert_eq!(group["Users"][0]["UserName"], "bob");
    let groups = world
        .ok(&root, "ListGroupsForUser", json!({"UserName": "bob"}))
        .await;
    assert_eq!(
        groups["Groups"][0]["Arn"],
        format!("arn:aws:iam::{OWN}:group/x/Makers")
    );
    let member = json!({"GroupName": "Makers", "UserName": "bob"});
    world.ok(&root, "RemoveUserFromGroup", member).await;
    world
        .ok(&root, "DeleteGroup", json!({"GroupName": "Makers"}))
        .await;
}

#[tokio::test]
async fn roles() {
    let (world, root) = World::new().await;
    let input = json!({"RoleName": "Reader", "AssumeRolePolicyDocument": TRUST});
    let created = world.ok(&root, "CreateRole", input).await;
    insta::assert_snapshot!(show(created), @r#"
    {
      "Role": {
        "Path": "/",
        "RoleName": "Reader",
        "RoleId": "AROA… (21)",
        "Arn": "arn:aws:iam::111122223333:role/Reader",
        "CreateDate": "…",
        "AssumeRolePolicyDocument": "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22ec2.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D"
      }
    }
    "#);
    let got = world
        .ok(&root, "GetRole", json!({"RoleName": "reader"}))
        .await;
    insta::assert_snapshot!(show(got), @r#"
    {
      "Role": {
        "Path": "/",
        "RoleName": "Reader",
        "RoleId": "AROA… (21)",
        "Arn": "arn:aws:iam::111122223333:role/Reader",
        "CreateDate": "…",
        "AssumeRolePolicyDocument": "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22ec2.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D",
        "MaxSessionDuration": 3600,
        "RoleLastUsed": {}
      }
    }
    "#);
    let input = json!({"RoleName": "Reader", "Description": "reads", "MaxSessionDuration": 7200});
    world.ok(&root, "UpdateRole", input).await;
    let input = json!({"RoleName": "Reader", "Description": "reads all"});
    let described = world.ok(&root, "UpdateRoleDescription", input).await;
    assert_eq!(described["Role"]["Description"], "reads all");
    assert_eq!(described["Role"]["MaxSessionDuration"], 7200);
    let listed = world.ok(&root, "ListRoles", json!({})).await;
    assert_eq!(listed["Roles"][0]["Description"], "reads all");
    assert!(listed["Roles"][0]["RoleLastUsed"].is_null());
    world
        .ok(&root, "DeleteRole", json!({"RoleName": "Reader"}))
        .await;
}

#[tokio::test]
async fn instance_profiles() {
    let (world, root) = World::new().await;
    let role = json!({"RoleName": "web", "AssumeRolePolicyDocument": TRUST});
    world.ok(&root, "CreateRole", role).await;
    let name = json!({"InstanceProfileName": "servers"});
    world.ok(&root, "CreateInstanceProfile", name.clone()).await;
    let both = json!({"InstanceProfileName": "servers", "RoleName": "web"});
    world
        .ok(&root, "AddRoleToInstanceProfile", both.clone())
        .await;
    let got = world.ok(&root, "GetInstanceProfile", name.clone()).await;
    insta::assert_snapshot!(show(got), @r#"
    {
      "InstanceProfile": {
        "Path": "/",
        "InstanceProfileName": "servers",
        "InstanceProfileId": "AIPA… (21)",
        "Arn": "arn:aws:iam::111122223333:instance-profile/servers",
        "CreateDate": "…",
        "Roles": [
          {
            "Path": "/",
            "RoleName": "web",
            "RoleId": "AROA… (21)",
            "Arn": "arn:aws:iam::111122223333:role/web",
            "CreateDate": "…",
            "AssumeRolePolicyDocument": "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22ec2.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D"
          }
        ]
      }
    }
    "#);
    let of_role = world
        .ok(
            &root,
            "ListInstanceProfilesForRole",
            json!({"RoleName": "web"}),
        )
        .await;
    assert_eq!(of_role["InstanceProfiles"].as_array().unwrap().len(), 1);
    world.ok(&root, "RemoveRoleFromInstanceProfile", both).await;
    world.ok(&root, "DeleteInstanceProfile", name).await;
}

#[tokio::test]
async fn inline_policies_are_kept_as_written_and_shown_percent_encoded() {
    let (world, root) = World::new().await;
    world
        .ok(&root, "CreateUser", json!({"UserName": "bob"}))
        .await;
    let written = format!(" {}\n", READ.replace(',', " ,\t"));
    let input = json!({"UserName": "bob", "PolicyName": "p", "PolicyDocument": written});
    world.ok(&root, "PutUserPolicy", input).await;
    let one = json!({"UserName": "bob", "PolicyName": "p"});
    let got = world.ok(&root, "GetUserPolicy", one.clone()).await;
    let shown = got["PolicyDocument"].as_str().unwrap();
    assert!(
        shown.starts_with("%20%7B%22Version%22%3A%222012-10-17%22%20%2C%09"),
        "{shown}"
    );
    assert!(shown.ends_with("%7D%0A"), "{shown}");
    let names = world
        .ok(&root, "ListUserPolicies", json!({"UserName": "bob"}))
        .await;
    assert_eq!(names["PolicyNames"], json!(["p"]));
    world.ok(&root, "DeleteUserPolicy", one).await;
}

#[tokio::test]
async fn tags_are_merged_by_key_ignoring_case() {
    let (world, root) = World::new().await;
    world
        .ok(&root, "CreateUser", json!({"UserName": "bob"}))
        .await;
    let tags = json!([{"Key": "Team", "Value": "blue"}, {"Key": "site", "Value": ""}]);
    world
        .ok(&root, "TagUser", json!({"UserName": "bob", "Tags": tags}))
        .await;
    let tags = json!([{"Key": "team", "Value": "red"}]);
    world
        .ok(&root, "TagUser", json!({"UserName": "bob", "Tags": tags}))
        .await;
    world
        .ok(
            &root,
            "UntagUser",
            json!({"UserName": "bob", "TagKeys": ["SITE", "none"]}),
        )
        .await;
    let left = world
        .ok(&root, "ListUserTags", json!({"UserName": "bob"}))
        .await;
    assert_eq!(left["Tags"], json!([{"Key": "team", "Value": "red"}]));
}

#[tokio::test]
async fn the_account() {
    let (world, root) = World::new().await;
    world
        .ok(
            &root,
            "CreateAccountAlias",
            json!({"AccountAlias": "first"}),
        )
        .await;
    world
        .ok(
            &root,
            "CreateAccountAlias",
            json!({"AccountAlias": "second"}),
        )
        .await;
    let aliases = world.ok(&root, "ListAccountAliases", json!({})).await;
    assert_eq!(aliases["AccountAliases"], json!(["second"]));
    world
        .ok(
            &root,
            "DeleteAccountAlias",
            json!({"AccountAlias": "second"}),
        )
        .await;
    let summary = world.ok(&root, "GetAccountSummary", json!({})).await;
    assert_eq!(summary["SummaryMap"]["AccountAccessKeysPresent"], 1);
    assert_eq!(summary["SummaryMap"]["UsersQuota"], 5000);
}

#[tokio::test]
async fn the_whole_account() {
    let (world, root) = World::new().await;
    world.user(&root, "bob", None).await;
    let role = json!({"RoleName": "web", "AssumeRolePolicyDocument": TRUST});
    world.ok(&root, "CreateRole", role).await;
    let attach = |kind: &str, name: &str, arn: &str| {
        (
            format!("Attach{kind}Policy"),
            json!({format!("{kind}Name"): name, "PolicyArn": arn}),
        )
    };
    let (operation, input) = attach("Role", "web", "arn:aws:iam::aws:policy/SecurityAudit");
    world.ok(&root, &operation, input).await;
    let input = json!({"PolicyName": "own", "PolicyDocument": READ});
    world.ok(&root, "CreatePolicy", input).await;
    let all = world
        .ok(&root, "GetAccountAuthorizationDetails", json!({}))
        .await;
    assert_eq!(all["UserDetailList"][0]["UserName"], "bob");
    assert_eq!(
        all["RoleDetailList"][0]["AttachedManagedPolicies"][0]["PolicyName"],
        "SecurityAudit"
    );
    let names = |value: &Value| -> Vec<String> {
        let policies = value["Policies"].as_array().unwrap().iter();
        policies
            .map(|one| one["PolicyName"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&all), ["own", "SecurityAudit"]);
    let filter = json!({"Filter": ["LocalManagedPolicy"], "MaxItems": 1});
    let some = world
        .ok(&root, "GetAccountAuthorizationDetails", filter)
        .await;
    assert_eq!(names(&some), ["own"]);
    assert_eq!(some["UserDetailList"], json!([]));
    assert_eq!(some["IsTruncated"], false);
}
