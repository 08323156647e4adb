//! Proposed commands are copied into a shell by somebody who may do much: each argument is what it
//! was meant to be, whoever chose the names in it.
#![expect(clippy::unwrap_used, reason = "tests")]
mod world;

use std::process::Command;

use explain::explain;
use policy::{AttachedPolicy, Case, ObjectOwnership, PolicyKind, PolicySource};
use proptest::prelude::*;
use serde_json::{Value, json};
use world::*;

const MAY_ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
const DENY_ALL: &str = r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#;

/// All commands of all changes.
fn commands(case: &Case) -> Vec<String> {
    let explanation = explain(case, &World);
    let steps = explanation
        .changes
        .into_iter()
        .flat_map(|change| change.steps);
    steps.filter_map(|step| step.command).collect()
}

/// The arguments that a shell makes of a command, without `aws`.
fn arguments(command: &str) -> Vec<String> {
    let script = format!("aws() {{ printf '%s\\0' \"$@\"; }}\n{command}");
    let ran = Command::new("sh")
        .args(["-eu", "-c", &script])
        .env_clear()
        .output()
        .unwrap();
    assert!(ran.status.success(), "{command}\n{ran:?}");
    assert!(ran.stderr.is_empty(), "{command}\n{ran:?}");
    let text = String::from_utf8(ran.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// The argument behind an option.
fn option(arguments: &[String], name: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).cloned()
}

/// Names made of what shells obey, and of anything else.
fn name() -> impl Strategy<Value = String> {
    let parts = vec![
        "a",
        " ",
        "'",
        "\"",
        "$",
        "$(exit 9)",
        "`exit 9`",
        "${HOME}",
        ";",
        "&",
        "|",
        "\\",
        "*",
        "?",
        "~",
        "#",
        "!",
        "\n",
        "\t",
        "\u{1b}[2J",
        "-",
        "--x",
        "é",
        "{",
        "}",
        "(",
        ")",
        "<",
        ">",
        "%s",
    ];
    prop_oneof![
        3 => prop::collection::vec(prop::sample::select(parts), 1..8).prop_map(|parts| parts.concat()),
        1 => "[^\0/]{1,12}",
    ]
}

/// A path of IAM: all that it may be made of can be read by a shell.
fn path() -> impl Strategy<Value = String> {
    "(/[!-.0-~]{1,6}){0,2}/"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn keys_stay_one_argument(key in name()) {
        let mut target = bucket(None);
        target.ownership = ObjectOwnership::ObjectWriter;
        target.object = foreign_object(A);
        let resource = format!("arn:aws:s3:::reports/{key}");
        let case = case(user(B, "bea"), "s3:GetObject", &resource, &[MAY_ALL], target);
        let mut any = false;
        for command in commands(&case) {
            prop_assert!(!command.chars().any(|c| c.is_control() && c != '\n'), "{command:?}");
            if let Some(of) = option(&arguments(&command), "--key") {
                prop_assert_eq!(&of, &key);
                any = true;
            }
        }
        prop_assert_eq!(any, !key.chars().any(char::is_control));
    }

    #[test]
    fn a_statement_for_a_key_is_about_that_key_alone(key in name()) {
        let resource = format!("arn:aws:s3:::reports/{key}");
        let case = case(user(B, "bea"), "s3:GetObject", &resource, &[], bucket(None));
        let [command] = commands(&case).try_into().unwrap();
        let arguments = arguments(&command);
        prop_assert_eq!(option(&arguments, "--policy-name").unwrap(), "AllowGetObject");
        let document = option(&arguments, "--policy-document").unwrap();
        let document: Value = serde_json::from_str(&document).unwrap();
        let policy = load(PolicyKind::Identity, &document["Statement"][0].to_string());
        let allowed = |resource: &str| {
            let mut other = case.clone();
            resource.clone_into(&mut other.resource);
            other.identity = vec![AttachedPolicy {
                source: PolicySource::SessionInline,
                policy: policy.clone(),
            }];
            other.decide().0.is_allowed()
        };
        prop_assert!(allowed(&resource));
        prop_assert!(!allowed("arn:aws:s3:::reports/another"));
        prop_assert!(!allowed(&resource.replace(['*', '?'], "bb")) || !key.contains(['*', '?']));
    }

    #[test]
    fn names_of_policies_stay_one_argument(name in name(), path in path(), attached in any::<bool>()) {
        let mut case = case(user(B, "bea"), "s3:GetObject", OBJECT, &[MAY_ALL, DENY_ALL], bucket(None));
        let arn = format!("arn:aws:iam::{B}:policy{path}p");
        let source = if attached {
            PolicySource::Managed { arn: arn.clone() }
        } else {
            PolicySource::Inline { name: name.clone() }
        };
        case.identity[0].source = PolicySource::Inline { name: "first".to_owned() };
        case.identity[1].source = source;
        case.boundary = Some(AttachedPolicy {
            source: PolicySource::Managed { arn: arn.clone() },
            policy: load(PolicyKind::Managed, r#"{"Effect":"Allow","Action":"s3:Put*","Resource":"*"}"#),
        });
        let commands = commands(&case);
        prop_assert!(attached || name.chars().any(char::is_control) || commands.len() > 1);
        for command in commands {
            let arguments = arguments(&command);
            if let Some(of) = option(&arguments, "--policy-arn") {
                prop_assert_eq!(of, arn.clone());
            }
            if let Some(of) = option(&arguments, "--policy-name") {
                prop_assert_eq!(of, name.clone());
            }
        }
    }
}

#[test]
fn a_policy_that_is_there_is_not_replaced_by_a_new_one() {
    let own = r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}"#;
    let mut case = case(user(B, "bea"), "s3:GetObject", OBJECT, &[own], bucket(None));
    case.identity[0].source = PolicySource::Inline {
        name: "AllowGetObject".to_owned(),
    };
    let [command] = commands(&case).try_into().unwrap();
    let name = option(&arguments(&command), "--policy-name");
    assert_eq!(name.as_deref(), Some("AllowGetObject2"));
}

#[test]
fn whom_a_deny_spared_it_spares_when_it_is_written_by_a_condition() {
    let spared = |not_principal: Value| {
        let deny = json!({
            "Effect": "Deny", "NotPrincipal": not_principal,
            "Action": "s3:*", "Resource": "arn:aws:s3:::reports/*",
        });
        let case = case(
            session(B, "read"),
            "s3:GetObject",
            OBJECT,
            &[MAY_ALL],
            bucket(Some(&deny.to_string())),
        );
        let explanation = explain(&case, &World);
        let steps = explanation
            .changes
            .into_iter()
            .flat_map(|change| change.steps);
        let statements: Vec<Value> = steps.filter_map(|step| step.json).collect();
        statements
            .iter()
            .find_map(|statement| statement.pointer("/Condition/ArnNotEquals/aws:PrincipalArn"))
            .cloned()
    };
    let root = "arn:aws:iam::222222222222:root";
    let role = "arn:aws:iam::222222222222:role/read";
    assert_eq!(
        spared(json!({"AWS": [root, "arn:aws:iam::222222222222:role/read"]})),
        Some(json!([root, role]))
    );
    assert_eq!(
        spared(json!({"AWS": "222222222222"})),
        Some(json!([root, role]))
    );
    // What has no ARN would be denied by the condition: the statement keeps its form, or goes.
    let by_condition = spared(json!({"AWS": root, "Service": "logs.amazonaws.com"}));
    assert_ne!(by_condition, Some(json!([root, role])));
}
