//! What the caller itself can do differently: keys of the request that it decides.
use policy::{Case, ContextValue};

/// A changed request, and how to send it.
pub(crate) struct Different {
    pub case: Case,
    pub what: String,
    /// What to add to the AWS CLI's command, where there is one.
    pub argument: Option<String>,
}

/// The request with `key` set to `value`, or without it; `None` for keys that a caller does not
/// decide.
pub(crate) fn with_key(case: &Case, key: &str, value: Option<&str>) -> Option<Different> {
    let lower = key.to_lowercase();
    let (what, argument) = advice(&lower, key, value)?;
    let mut case = case.clone();
    match value {
        Some(value) => {
            let value = ContextValue::One(value.to_owned());
            if case.context.get(&lower) == Some(&value) {
                return None;
            }
            case.context.insert(lower.clone(), value);
        }
        None => {
            case.context.remove(&lower)?;
        }
    }
    Some(Different {
        case,
        what,
        argument,
    })
}

/// Sentence and argument for one key.
fn advice(lower: &str, key: &str, value: Option<&str>) -> Option<(String, Option<String>)> {
    let flag = |name: &str| value.map(|value| format!("{name} {}", crate::edit::word(value)));
    let header = |name: &str| match value {
        Some(value) => format!("Send the header {name}: {value}."),
        None => format!("Send no header {name}."),
    };
    if let Some(tag) = lower.strip_prefix("s3:requestobjecttag/") {
        return value.map(|value| (format!("Tag the object with {tag}={value}."), None));
    }
    if let Some(tag) = lower.strip_prefix("aws:requesttag/") {
        return value.map(|value| (format!("Pass the tag {tag}={value}."), None));
    }
    Some(match lower {
        "sts:externalid" => match value {
            Some(_) => (
                "Pass the external id that the role's trust policy demands.".to_owned(),
                flag("--external-id"),
            ),
            None => ("Pass no external id.".to_owned(), None),
        },
        "sts:rolesessionname" => (
            format!("Use the role session name {}.", value?),
            flag("--role-session-name"),
        ),
        "sts:sourceidentity" => (
            format!("Set the source identity {}.", value?),
            flag("--source-identity"),
        ),
        "s3:x-amz-acl" => (header("x-amz-acl"), flag("--acl")),
        "s3:x-amz-server-side-encryption" => (
            header("x-amz-server-side-encryption"),
            flag("--server-side-encryption"),
        ),
        "s3:x-amz-server-side-encryption-aws-kms-key-id" => (
            header("x-amz-server-side-encryption-aws-kms-key-id"),
            flag("--ssekms-key-id"),
        ),
        "s3:x-amz-storage-class" => (header("x-amz-storage-class"), flag("--storage-class")),
        "s3:x-amz-grant-read" => (header("x-amz-grant-read"), flag("--grant-read")),
        "s3:x-amz-grant-full-control" => (
            header("x-amz-grant-full-control"),
            flag("--grant-full-control"),
        ),
        "s3:x-amz-grant-read-acp" => (header("x-amz-grant-read-acp"), flag("--grant-read-acp")),
        "s3:x-amz-grant-write-acp" => (header("x-amz-grant-write-acp"), flag("--grant-write-acp")),
        "s3:if-none-match" => (header("if-none-match"), flag("--if-none-match")),
        "s3:prefix" => match value {
            Some(value) => (format!("List with the prefix `{value}`."), flag("--prefix")),
            None => ("List without a prefix.".to_owned(), None),
        },
        "s3:delimiter" => match value {
            Some(value) => (
                format!("List with the delimiter `{value}`."),
                flag("--delimiter"),
            ),
            None => ("List without a delimiter.".to_owned(), None),
        },
        "s3:max-keys" => (
            format!("Ask for at most {} keys.", value?),
            flag("--max-keys"),
        ),
        "aws:securetransport" if value == Some("true") => ("Use HTTPS.".to_owned(), None),
        "aws:multifactorauthpresent" if value == Some("true") => (
            "Use temporary credentials that were made with MFA (on AWS: no user has an MFA device here)."
                .to_owned(),
            None,
        ),
        "aws:sourceip" => (
            format!("Call from {}, or from another address that is let in.", value?),
            None,
        ),
        "aws:useragent" => (header("user-agent"), None),
        "aws:referer" => (header("referer"), None),
        "aws:requestedregion" => (format!("Use the region {}.", value?), flag("--region")),
        "s3:authtype" | "s3:signatureversion" | "s3:x-amz-content-sha256" => (
            format!("Sign the request so that {key} is {}.", value?),
            None,
        ),
        _ => return None,
    })
}

/// Values that a request could send for a condition with these operator and values; the engine says
/// which of them help.
pub(crate) fn values_to_try(operator: &str, wanted: &[String]) -> Vec<Option<String>> {
    let lower = operator.to_lowercase();
    if lower.contains("null") {
        return vec![None];
    }
    let usable = wanted
        .iter()
        .filter(|value| !value.contains("${"))
        .map(|value| {
            if lower.contains("ipaddress") {
                value.split('/').next().unwrap_or(value).to_owned()
            } else {
                // What a wildcard stands for is free: nothing is the least.
                value.replace('*', "").replace('?', "x")
            }
        });
    let mut values: Vec<Option<String>> = usable.take(3).map(Some).collect();
    if lower.contains("bool") {
        values.push(Some("true".to_owned()));
    }
    values.push(None);
    values
}
