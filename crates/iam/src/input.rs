//! What IAM says about names in its own words, where others only cite the model's pattern.
use serde_json::Value;

use crate::IamError;

/// Members of create calls that name what is made.
const NAMES: &[(&str, &str)] = &[
    ("UserName", "userName"),
    ("GroupName", "groupName"),
    ("RoleName", "roleName"),
    ("PolicyName", "policyName"),
    ("InstanceProfileName", "instanceProfileName"),
];

/// Checks the names and the path of something that is made. Lengths are the model's affair.
pub(crate) fn check_names(operation: &str, input: &Value) -> Result<(), IamError> {
    if !operation.starts_with("Create") {
        return Ok(());
    }
    for (member, shown) in NAMES {
        let name = input
            .get(member)
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !name.chars().all(is_name_character) {
            return Err(IamError::InvalidName { member: shown });
        }
    }
    match input.get("Path").and_then(Value::as_str) {
        Some(path) if !is_path(path) => Err(IamError::InvalidPath),
        Some(_) | None => Ok(()),
    }
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_+=,.@-".contains(character)
}

fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path.ends_with('/')
        && path.chars().all(|character| character.is_ascii_graphic())
}
