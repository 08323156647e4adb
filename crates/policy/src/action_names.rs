//! The names of actions, from AWS's service authorization reference.
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

use crate::pattern::{Case, Pattern, Variables, Wildcards};

static TABLE: LazyLock<HashMap<String, KnownAction>> = LazyLock::new(read);

/// The services whose actions are known.
const SERVICES: [(&str, &str); 4] = [
    ("iam", include_str!("../data/iam-actions.json")),
    ("kms", include_str!("../data/kms-actions.json")),
    ("s3", include_str!("../data/s3-actions.json")),
    ("sts", include_str!("../data/sts-actions.json")),
];

struct KnownAction {
    /// In AWS's spelling.
    name: String,
    /// Of the types of resources that it acts on, with `${…}` for what varies.
    arns: Vec<String>,
}

/// An action in AWS's spelling; `None` for what names no single action: wildcards, and what the
/// services of this server do not have. Actions of other services are taken as they are.
pub fn action_name(text: &str) -> Option<Cow<'_, str>> {
    let (service, name) = text.split_once(':')?;
    let word = |text: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_';
        !text.is_empty() && text.chars().all(fits)
    };
    if !word(service) || !word(name) {
        return None;
    }
    let known = |(known, _): &(&str, &str)| known.eq_ignore_ascii_case(service);
    if SERVICES.iter().any(known) {
        let action = TABLE.get(&text.to_ascii_lowercase())?;
        Some(Cow::Borrowed(action.name.as_str()))
    } else {
        Some(Cow::Borrowed(text))
    }
}

/// The form of the ARNs that an action takes and `arn` has, such as
/// `arn:aws:s3:::${BucketName}/${ObjectName}`.
pub fn resource_form(action: &str, arn: &str) -> Option<&'static str> {
    let action = TABLE.get(&action.to_ascii_lowercase())?;
    let fits = |form: &&String| {
        let pattern = Pattern::compile(&varying(form), Wildcards::Match, Variables::Literal);
        pattern.matches_plain(arn, Case::Sensitive)
    };
    // Of two forms that fit, the one that says more: an object's ARN has a bucket's form too.
    let longest = action
        .arns
        .iter()
        .filter(fits)
        .max_by_key(|form| form.len());
    longest.map(String::as_str)
}

/// The form with `*` for `${…}`.
fn varying(form: &str) -> String {
    let mut out = String::with_capacity(form.len());
    let mut rest = form;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        out.push('*');
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    resource_types: BTreeMap<String, FileResourceType>,
    actions: BTreeMap<String, FileAction>,
}

#[derive(Deserialize)]
struct FileResourceType {
    arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileAction {
    resource_types: Vec<FileActionResource>,
}

#[derive(Deserialize)]
struct FileActionResource {
    name: String,
}

fn read() -> HashMap<String, KnownAction> {
    let mut table = HashMap::new();
    for (service, text) in SERVICES {
        // The files are part of the program and a test reads them; without them nothing is known.
        let file: File = serde_json::from_str(text).unwrap_or_default();
        for (name, action) in &file.actions {
            let name = format!("{service}:{name}");
            let arns = action
                .resource_types
                .iter()
                .filter_map(|resource| file.resource_types.get(&resource.name))
                .map(|kind| kind.arn.replace("${Partition}", "aws"))
                .collect();
            table.insert(name.to_ascii_lowercase(), KnownAction { name, arns });
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_have_the_spelling_of_aws() {
        assert_eq!(action_name("S3:getobject").unwrap(), "s3:GetObject");
        assert_eq!(action_name("iam:PassRole").unwrap(), "iam:PassRole");
        assert_eq!(action_name("kms:decrypt").unwrap(), "kms:Decrypt");
        assert_eq!(action_name("ec2:RunInstances").unwrap(), "ec2:RunInstances");
        for none in [
            "s3:Get*",
            "s3:GetBanana",
            "s3",
            "*",
            "s3:",
            ":x",
            "a:b:c",
            "s3:Get Object",
        ] {
            assert_eq!(action_name(none), None, "{none}");
        }
    }

    #[test]
    fn forms_are_those_of_the_resource() {
        let form = |action, arn| resource_form(action, arn);
        assert_eq!(
            form("s3:GetObject", "arn:aws:s3:::b/k"),
            Some("arn:aws:s3:::${BucketName}/${ObjectName}")
        );
        assert_eq!(
            form("s3:ListBucket", "arn:aws:s3:::b"),
            Some("arn:aws:s3:::${BucketName}")
        );
        assert_eq!(
            form("iam:GetRole", "arn:aws:iam::111111111111:role/r"),
            Some("arn:aws:iam::${Account}:role/${RoleNameWithPath}")
        );
        assert_eq!(form("s3:GetObject", "arn:aws:sqs:::q"), None);
        assert_eq!(form("ec2:RunInstances", "arn:aws:ec2:::i"), None);
    }
}
