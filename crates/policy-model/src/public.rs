//! Which bucket policies are public (S-9).
use serde_json::Value;

use crate::condition::{Operator, Quantifier, listed, network};
use crate::statement::{entries, statements};
use crate::text::parts;
use crate::world::Document;

/// Whether S3 calls a bucket policy public: some Allow is not limited to fixed values.
pub fn is_public(document: &Document) -> bool {
    statements(document)
        .iter()
        .filter(|statement| statement["Effect"] == "Allow")
        .any(|statement| !is_limited(statement))
}

fn is_limited(statement: &Value) -> bool {
    let Some(principal) = statement.get("Principal") else {
        return false;
    };
    let everyone = entries(principal).iter().any(|(_, name)| name == "*");
    let blocks = statement["Condition"].as_object().into_iter().flatten();
    !everyone
        || blocks
            .flat_map(|(operator, keys)| {
                let keys = keys.as_object().into_iter().flatten();
                keys.map(move |(key, values)| (operator, key, listed(values)))
            })
            .any(|(operator, key, values)| pins(operator, key, &values))
}

/// Whether one condition limits its statement to fixed values of a key that means somebody.
fn pins(operator: &str, key: &str, values: &[String]) -> bool {
    let operator = Operator::named(operator);
    // ForAllValues holds for a key that is not there.
    if operator.negated || operator.if_exists || operator.quantifier == Quantifier::All {
        return false;
    }
    let fixes = matches!(
        operator.base.as_str(),
        "stringequals"
            | "stringequalsignorecase"
            | "stringlike"
            | "arnequals"
            | "arnlike"
            | "ipaddress"
    );
    // By the text, whatever the operator makes of it.
    let fixed = |value: &String| !value.contains(['*', '?']) && !value.contains("${");
    fixes
        && !values.is_empty()
        && match key.to_lowercase().as_str() {
            "aws:sourceip" => values.iter().all(|v| is_narrow(v)),
            "s3:dataaccesspointarn" => values.iter().all(|v| fixed(v) || has_account(v)),
            "aws:principalorgid"
            | "aws:principalarn"
            | "aws:principalaccount"
            | "aws:sourcearn"
            | "aws:sourcevpc"
            | "aws:sourcevpce"
            | "aws:sourceowner"
            | "aws:sourceaccount"
            | "aws:userid"
            | "s3:dataaccesspointaccount" => values.iter().all(fixed),
            _ => false,
        }
}

fn is_narrow(value: &str) -> bool {
    match network(value) {
        Some((address, width)) => width >= if address.is_ipv4() { 8 } else { 32 },
        None => false,
    }
}

/// An ARN of access points with any name, but of one account.
fn has_account(value: &str) -> bool {
    !value.contains("${")
        && match parts(value).as_slice() {
            [_, _, _, _, account, _] => {
                account.len() == 12 && account.chars().all(|c| c.is_ascii_digit())
            }
            _ => false,
        }
}
