//! S3 bucket policies (spec P-14).
use catalog::BucketName;

use super::{
    Check, INVALID_JSON, NEW_VERSION, Problem, each, either, ensure, invalid_principal, problem,
    texts,
};
use crate::condition::{Comparison, Network, Operator};
use crate::json::{self, Member, Node, Value};
use crate::pattern::{Case, Pattern, Variables, Wildcards, arn_parts};
use crate::principal::{PrincipalWord, parse_principal};
use crate::s3_actions::{ActionSet, ResourceShape, is_condition_key};
use crate::statement::is_statement_element;
use crate::{PolicyKind, PrincipalRef};

/// Bucket policies, normalised (spec P-1).
const BUCKET_POLICY_BYTES_MAX: usize = 20_480;

/// P-14.
pub(super) fn check(bucket: Option<&BucketName>, text: &str) -> Check {
    let brace = "Policies must be valid JSON and the first byte must be '{'";
    ensure(text.starts_with('{'), brace, 0)?;
    let tree = json::parse(text).map_err(|error| problem(INVALID_JSON, error.offset))?;
    ensure(
        json::print(&tree).len() <= BUCKET_POLICY_BYTES_MAX,
        "Normalized policy document exceeds the maximum allowed size of 20480 bytes",
        0,
    )?;
    for member in tree.members().into_iter().flatten() {
        match (&*member.name, member.node.text()) {
            ("Version", Some("2008-10-17" | NEW_VERSION)) | ("Id", Some(_)) => {}
            ("Version", _) => {
                let message = "The policy must contain a valid version string";
                return Err(problem(message, member.node.start));
            }
            ("Id", None) => return Err(problem(INVALID_JSON, member.node.start)),
            ("Statement", _) => {}
            (name, _) => return Err(problem(format!("Unknown field {name}"), member.start)),
        }
    }
    let statements = tree
        .get("Statement")
        .ok_or(problem("Missing required field Statement", tree.start))?;
    let empty = "Could not parse the policy: Statement is empty!";
    ensure(!statements.items().is_empty(), empty, statements.start)?;
    each(statements.items(), |statement| {
        bucket_statement(bucket, statement)
    })
}

fn bucket_statement(bucket: Option<&BucketName>, statement: &Node) -> Check {
    let members = statement
        .members()
        .ok_or(problem(INVALID_JSON, statement.start))?;
    for member in members {
        if !is_statement_element(&member.name) {
            return Err(problem(
                format!("Unknown field {}", member.name),
                member.start,
            ));
        }
        json_types(member)?;
    }
    let missing = |name: &str| problem(format!("Missing required field {name}"), statement.start);
    let effect = statement.get("Effect").ok_or_else(|| missing("Effect"))?;
    let effect_text = effect.text().unwrap_or_default();
    let message = format!("Invalid effect: {effect_text}");
    ensure(
        matches!(effect_text, "Allow" | "Deny"),
        &message,
        effect.start,
    )?;
    for (these, not_these) in [
        ("Principal", "NotPrincipal"),
        ("Action", "NotAction"),
        ("Resource", "NotResource"),
    ] {
        match (statement.get(these), statement.get(not_these)) {
            (None, None) => return Err(missing(these)),
            (Some(_), Some(node)) => return Err(problem(INVALID_JSON, node.start)),
            (Some(node), None) | (None, Some(node)) => {
                let empty = match &node.value {
                    Value::List(items) => items.is_empty(),
                    Value::Map(words) => words.iter().all(|word| word.node.items().is_empty()),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => false,
                };
                if empty {
                    return Err(missing(these));
                }
            }
        }
    }
    bucket_principals(statement)?;
    let actions = bucket_actions(statement)?;
    let shape = bucket_resources(bucket, statement)?;
    let lists = statement.get("Action").is_some() && statement.get("Resource").is_some();
    let fitting = if lists {
        ActionSet::on(shape)
    } else {
        // What is not listed may be anything.
        ActionSet::on(ResourceShape {
            bucket: true,
            object: true,
        })
    };
    for (named, start) in &actions {
        let message = "Action does not apply to any resource(s) in statement";
        ensure(!lists || !named.and(fitting).is_empty(), message, *start)?;
    }
    bucket_conditions(statement, &actions, fitting)
}

/// Wrong types are no more than bad JSON to S3.
fn json_types(member: &Member) -> Check {
    let node = &member.node;
    let texts = |node: &Node| node.items().iter().all(|item| item.text().is_some());
    let good = match &*member.name {
        "Sid" | "Effect" => node.text().is_some(),
        "Action" | "NotAction" | "Resource" | "NotResource" => texts(node),
        "Principal" | "NotPrincipal" => match node.members() {
            Some(words) => words.iter().all(|word| texts(&word.node)),
            None => node.text().is_some(),
        },
        "Condition" => node.members().is_some_and(|blocks| {
            blocks.iter().all(|block| {
                block.node.members().is_some_and(|keys| {
                    let mut values = keys.iter().flat_map(|key| key.node.items());
                    values.all(|value| value.scalar().is_some())
                })
            })
        }),
        _ => false,
    };
    ensure(good, INVALID_JSON, node.start)
}

fn bucket_principals(statement: &Node) -> Check {
    let Some(node) = either(statement, "Principal", "NotPrincipal") else {
        return Ok(());
    };
    let refuse = |word: &str, node: &Node| {
        let text = node.text().unwrap_or_default();
        let (message, detail) = invalid_principal(PolicyKind::Bucket, word, text);
        let offset = node.start;
        Err(Problem {
            message,
            detail,
            offset,
        })
    };
    let Some(words) = node.members() else {
        return if node.text() == Some("*") {
            Ok(())
        } else {
            refuse("", node)
        };
    };
    for word in words {
        for item in word.node.items() {
            let text = item.text().unwrap_or_default();
            let kind = PrincipalWord::parse(&word.name);
            let principal: Option<PrincipalRef<'_>> = kind.and_then(|k| parse_principal(k, text));
            if principal.is_none() {
                return refuse(&word.name, item);
            }
        }
    }
    Ok(())
}

/// The known actions that each entry stands for, and where it is.
fn bucket_actions(statement: &Node) -> Result<Vec<(ActionSet, usize)>, Problem> {
    let mut all = Vec::new();
    for (text, start) in texts(either(statement, "Action", "NotAction")) {
        let pattern = Pattern::compile(text, Wildcards::Match, Variables::Literal);
        let named = ActionSet::named(&pattern);
        ensure(!named.is_empty(), "Policy has invalid action", start)?;
        all.push((named, start));
    }
    Ok(all)
}

/// What the resources together can match in this bucket.
fn bucket_resources(
    bucket: Option<&BucketName>,
    statement: &Node,
) -> Result<ResourceShape, Problem> {
    let mut whole = ResourceShape::default();
    for (text, start) in texts(either(statement, "Resource", "NotResource")) {
        let shape = resource_shape(bucket, text);
        let shape = shape.ok_or(problem("Policy has invalid resource", start))?;
        whole.bucket |= shape.bucket;
        whole.object |= shape.object;
    }
    Ok(whole)
}

fn resource_shape(bucket: Option<&BucketName>, text: &str) -> Option<ResourceShape> {
    if text == "*" {
        return Some(ResourceShape {
            bucket: true,
            object: true,
        });
    }
    let [arn, partition, service, region, account, rest] = arn_parts(text)?;
    let known = matches!(partition, "aws" | "aws-cn" | "aws-us-gov");
    if arn != "arn" || !known || service != "s3" || !region.is_empty() || !account.is_empty() {
        return None;
    }
    let (name, has_key) = match rest.split_once('/') {
        Some((name, _)) => (name, true),
        None => (rest, false),
    };
    let pattern = Pattern::compile(name, Wildcards::Match, Variables::Literal);
    let of_this_bucket = match bucket {
        Some(bucket) => pattern.matches_plain(&bucket.to_string(), Case::Sensitive),
        None => !name.is_empty(),
    };
    of_this_bucket.then_some(ResourceShape {
        bucket: !has_key,
        object: has_key || name.contains('*'),
    })
}

fn bucket_conditions(
    statement: &Node,
    actions: &[(ActionSet, usize)],
    fitting: ActionSet,
) -> Check {
    let lists_actions = statement.get("Action").is_some();
    for block in statement
        .get("Condition")
        .and_then(Node::members)
        .into_iter()
        .flatten()
    {
        let unknown = || {
            problem(
                format!("Invalid Condition type : {}", block.name),
                block.start,
            )
        };
        let (operator, exact) = Operator::parse(&block.name).ok_or_else(unknown)?;
        let null_with_more = operator.comparison == Comparison::Null
            && (operator.if_exists || operator.set.is_some());
        if !exact || null_with_more {
            return Err(unknown());
        }
        for member in block.node.members().into_iter().flatten() {
            let key = member.name.to_lowercase();
            if !is_condition_key(&key) {
                let message = "Policy has an invalid condition key";
                return Err(problem(message, member.start));
            }
            if operator.comparison == Comparison::IpAddress {
                for value in member.node.items() {
                    let text = value.scalar().unwrap_or_default();
                    let message = "Invalid IP address in Conditions";
                    ensure(Network::parse(&text).is_some(), message, value.start)?;
                }
            }
            // Global keys go with everything.
            if !key.starts_with("s3:") || !lists_actions {
                continue;
            }
            let with_key = ActionSet::with_condition_key(&key).and(fitting);
            let fits = |(named, _): &(ActionSet, usize)| !named.and(with_key).is_empty();
            let message =
                "Conditions do not apply to combination of actions and resources in statement";
            ensure(actions.iter().all(fits), message, member.start)?;
        }
    }
    Ok(())
}
