//! What services refuse to store, in their order and words (spec P-13 to P-17).
use catalog::BucketName;

use crate::json::Node;
use crate::{Finding, PolicyKind, Position};

mod bucket;
mod iam;

type Check = Result<(), Problem>;

/// A finding before it has its code and its place in lines.
pub(crate) struct Problem {
    message: String,
    detail: Option<String>,
    offset: usize,
}

fn problem(message: impl Into<String>, offset: usize) -> Problem {
    Problem {
        message: message.into(),
        detail: None,
        offset,
    }
}

fn ensure(holds: bool, message: &str, offset: usize) -> Check {
    if holds {
        Ok(())
    } else {
        Err(problem(message, offset))
    }
}

/// Checks a document that is about to be stored.
pub(crate) fn validate(
    kind: PolicyKind,
    bucket: Option<&BucketName>,
    text: &str,
) -> Result<(), Finding> {
    let result = match kind {
        PolicyKind::Bucket => bucket::check(bucket, text),
        PolicyKind::Identity
        | PolicyKind::Managed
        | PolicyKind::Session
        | PolicyKind::Trust
        | PolicyKind::Key
        | PolicyKind::ServiceControl
        | PolicyKind::ResourceControl
        | PolicyKind::VpcEndpoint => iam::check(kind, text),
    };
    result.map_err(|problem| Finding {
        code: code(kind),
        message: problem.message,
        detail: problem.detail,
        position: Some(Position::of(text, problem.offset)),
    })
}

fn code(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Identity
        | PolicyKind::Managed
        | PolicyKind::Session
        | PolicyKind::Trust
        | PolicyKind::VpcEndpoint => "MalformedPolicyDocument",
        PolicyKind::Bucket => "MalformedPolicy",
        PolicyKind::Key | PolicyKind::ServiceControl | PolicyKind::ResourceControl => {
            "MalformedPolicyDocumentException"
        }
    }
}

impl Finding {
    /// The document is no policy.
    pub(crate) fn unusable(kind: PolicyKind, position: Position) -> Finding {
        let message = match kind {
            PolicyKind::Bucket => INVALID_JSON,
            PolicyKind::Identity
            | PolicyKind::Managed
            | PolicyKind::Session
            | PolicyKind::Trust
            | PolicyKind::Key
            | PolicyKind::ServiceControl
            | PolicyKind::ResourceControl
            | PolicyKind::VpcEndpoint => SYNTAX,
        };
        Finding {
            code: code(kind),
            message: message.to_owned(),
            detail: None,
            position: Some(position),
        }
    }

    /// A principal that is malformed or not there; `word` is empty for a bare `"*"`.
    pub(crate) fn invalid_principal(
        kind: PolicyKind,
        word: &str,
        text: &str,
        position: Position,
    ) -> Finding {
        let (message, detail) = invalid_principal(kind, word, text);
        Finding {
            code: code(kind),
            message,
            detail,
            position: Some(position),
        }
    }
}

fn invalid_principal(kind: PolicyKind, word: &str, text: &str) -> (String, Option<String>) {
    match kind {
        PolicyKind::Bucket => {
            let detail = match word {
                "" => format!("\"{text}\""),
                word => format!("\"{word}\" : \"{text}\""),
            };
            ("Invalid principal in policy".to_owned(), Some(detail))
        }
        PolicyKind::Key => {
            let message = "Policy contains a statement with one or more invalid principals.";
            (message.to_owned(), None)
        }
        PolicyKind::Trust
        | PolicyKind::Identity
        | PolicyKind::Managed
        | PolicyKind::Session
        | PolicyKind::ServiceControl
        | PolicyKind::ResourceControl
        | PolicyKind::VpcEndpoint => {
            let message = match word {
                "" if text == "*" => {
                    "AssumeRolepolicy contained an invalid principal: \"STAR\":\"*\".".to_owned()
                }
                word => {
                    let word = word.to_uppercase();
                    format!("Invalid principal in policy: \"{word}\":\"{text}\"")
                }
            };
            (message, None)
        }
    }
}

const SYNTAX: &str = "Syntax errors in policy.";
const INVALID_JSON: &str = "This policy contains invalid Json";
const NEW_VERSION: &str = "2012-10-17";

fn each(statements: &[Node], check: impl Fn(&Node) -> Check) -> Check {
    statements.iter().try_for_each(check)
}

fn either<'a>(statement: &'a Node, these: &str, not_these: &str) -> Option<&'a Node> {
    statement.get(these).or_else(|| statement.get(not_these))
}

/// Texts of an element that holds one text or a list of texts.
fn texts(node: Option<&Node>) -> impl Iterator<Item = (&str, usize)> {
    let items = node.map_or(&[][..], Node::items);
    items
        .iter()
        .filter_map(|item| Some((item.text()?, item.start)))
}
