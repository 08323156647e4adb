//! IAM, STS and KMS (spec P-13, P-15, P-16, P-17).
use std::collections::HashSet;

use super::{
    Check, INVALID_JSON, NEW_VERSION, Problem, SYNTAX, each, either, ensure, invalid_principal,
    problem, texts,
};
use crate::PolicyKind;
use crate::condition::{Comparison, Instant, Operator};
use crate::json::{self, Member, Node};
use crate::pattern::{Case, Pattern, Variables, Wildcards};
use crate::principal::{PrincipalWord, parse_principal};
use crate::statement::{has_principals, is_statement_element};

const LEGACY: &str = "The policy failed legacy parsing";

/// P-13, then what the kind adds. Each check looks at all statements before the next does.
pub(super) fn check(kind: PolicyKind, text: &str) -> Check {
    let tree = json::parse(text).map_err(|error| match kind {
        PolicyKind::Trust => problem(INVALID_JSON, error.offset),
        PolicyKind::Identity
        | PolicyKind::Managed
        | PolicyKind::Session
        | PolicyKind::Bucket
        | PolicyKind::Key
        | PolicyKind::ServiceControl
        | PolicyKind::ResourceControl
        | PolicyKind::VpcEndpoint => problem(SYNTAX, error.offset),
    })?;
    let statements = syntax(&tree)?;
    if kind == PolicyKind::Managed && tree.get("Version").and_then(Node::text) != Some(NEW_VERSION)
    {
        let message = "Policy document must be version 2012-10-17 or greater.";
        return Err(problem(message, tree.start));
    }
    each(statements, legacy_parsing)?;
    unique_sids(statements)?;
    each(statements, |statement| {
        let actions = either(statement, "Action", "NotAction");
        ensure(
            actions.is_some_and(|node| !node.items().is_empty()),
            "Policy statement must contain actions.",
            statement.start,
        )
    })?;
    each(statements, resource_formats)?;
    each(statements, action_vendors)?;
    match kind {
        PolicyKind::Trust => each(statements, trust_statement)?,
        PolicyKind::Identity
        | PolicyKind::Managed
        | PolicyKind::Session
        | PolicyKind::ServiceControl => {
            each(statements, resources_present)?;
            each(statements, |statement| {
                let principal = either(statement, "Principal", "NotPrincipal");
                ensure(
                    principal.is_none(),
                    "Policy document should not specify a principal.",
                    principal.map_or(0, |node| node.start),
                )
            })?;
        }
        PolicyKind::Bucket
        | PolicyKind::Key
        | PolicyKind::ResourceControl
        | PolicyKind::VpcEndpoint => {
            each(statements, resources_present)?;
            each(statements, |statement| {
                let present = either(statement, "Principal", "NotPrincipal").is_some();
                ensure(present, "Missing required field Principal", statement.start)
            })?;
        }
    }
    if has_principals(kind) {
        well_formed_principals(kind, &tree)?;
    }
    // The Sids of key policies may be anything.
    match kind {
        PolicyKind::Key => Ok(()),
        PolicyKind::Identity
        | PolicyKind::Managed
        | PolicyKind::Session
        | PolicyKind::Trust
        | PolicyKind::Bucket
        | PolicyKind::ServiceControl
        | PolicyKind::ResourceControl
        | PolicyKind::VpcEndpoint => each(statements, |statement| {
            let sid = statement
                .get("Sid")
                .and_then(Node::text)
                .unwrap_or_default();
            ensure(
                sid.bytes().all(|b| b.is_ascii_alphanumeric()),
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the \
                 regular expression [0-9A-Za-z]*",
                statement.get("Sid").map_or(0, |node| node.start),
            )
        }),
    }
}

fn syntax(tree: &Node) -> Result<&[Node], Problem> {
    let wrong = |node: &Node| problem(SYNTAX, node.start);
    let members = tree.members().ok_or_else(|| wrong(tree))?;
    for member in members {
        let known = match &*member.name {
            "Version" => matches!(member.node.text(), Some("2008-10-17" | NEW_VERSION)),
            "Id" => member.node.text().is_some(),
            "Statement" => true,
            _ => false,
        };
        ensure(known, SYNTAX, member.start)?;
    }
    let statements = tree.get("Statement").ok_or_else(|| wrong(tree))?;
    ensure(!statements.items().is_empty(), SYNTAX, statements.start)?;
    each(statements.items(), |statement| {
        let members = statement.members().ok_or_else(|| wrong(statement))?;
        members.iter().try_for_each(statement_syntax)?;
        let pairs = [
            ("Action", "NotAction"),
            ("Resource", "NotResource"),
            ("Principal", "NotPrincipal"),
        ];
        for (these, not_these) in pairs {
            if let (Some(_), Some(node)) = (statement.get(these), statement.get(not_these)) {
                return Err(wrong(node));
            }
        }
        ensure(statement.get("Effect").is_some(), SYNTAX, statement.start)
    })?;
    Ok(statements.items())
}

fn statement_syntax(member: &Member) -> Check {
    let node = &member.node;
    let all_texts = |node: &Node| node.items().iter().all(|item| item.text().is_some());
    let good = match &*member.name {
        "Sid" => node.text().is_some(),
        "Effect" => node.text().is_some_and(|effect| {
            effect.eq_ignore_ascii_case("Allow") || effect.eq_ignore_ascii_case("Deny")
        }),
        "Action" | "NotAction" | "Resource" | "NotResource" => all_texts(node),
        "Principal" | "NotPrincipal" => match node.members() {
            None => node.text() == Some("*"),
            Some(words) => {
                !words.is_empty()
                    && words.iter().all(|word| {
                        let known = PrincipalWord::parse(&word.name).is_some();
                        known && !word.node.items().is_empty() && all_texts(&word.node)
                    })
            }
        },
        "Condition" => return condition_syntax(node),
        name => is_statement_element(name),
    };
    ensure(good, SYNTAX, member.start)
}

fn condition_syntax(node: &Node) -> Check {
    let blocks = node.members().ok_or(problem(SYNTAX, node.start))?;
    for block in blocks {
        let keys = block
            .node
            .members()
            .ok_or(problem(SYNTAX, block.node.start))?;
        let operator = Operator::parse(&block.name);
        let known = operator.is_some_and(|(_, exact)| exact);
        // An operator without keys passes whatever its name.
        ensure(known || keys.is_empty(), SYNTAX, block.start)?;
        for key in keys {
            let scalars = key.node.items().iter().all(|item| item.scalar().is_some());
            ensure(scalars, SYNTAX, key.start)?;
        }
    }
    Ok(())
}

fn legacy_parsing(statement: &Node) -> Check {
    if let Some(effect) = statement.get("Effect") {
        let exact = matches!(effect.text(), Some("Allow" | "Deny"));
        ensure(exact, LEGACY, effect.start)?;
    }
    for block in statement
        .get("Condition")
        .and_then(Node::members)
        .into_iter()
        .flatten()
    {
        let dates = matches!(
            Operator::parse(&block.name),
            Some((
                Operator {
                    comparison: Comparison::Date(_),
                    ..
                },
                _
            ))
        );
        for value in block
            .node
            .members()
            .into_iter()
            .flatten()
            .flat_map(|m| m.node.items())
        {
            let text = value.scalar().unwrap_or_default();
            ensure(
                !dates || Instant::parse(&text).is_some(),
                LEGACY,
                value.start,
            )?;
        }
    }
    for (text, start) in texts(either(statement, "Resource", "NotResource")) {
        let short = text.contains("::") && text.matches(':').count() < 5;
        let no_service = text.split(':').nth(2) == Some("");
        ensure(!short && !no_service, LEGACY, start)?;
    }
    Ok(())
}

fn unique_sids(statements: &[Node]) -> Check {
    let mut seen = HashSet::new();
    each_sid(statements, |sid, start| {
        ensure(
            sid.is_empty() || seen.insert(sid.to_owned()),
            "Statement IDs (SID) in a single policy must be unique.",
            start,
        )
    })
}

fn each_sid(statements: &[Node], mut check: impl FnMut(&str, usize) -> Check) -> Check {
    statements
        .iter()
        .try_for_each(|statement| match statement.get("Sid") {
            Some(node) => check(node.text().unwrap_or_default(), node.start),
            None => Ok(()),
        })
}

/// Entries are looked at in reverse alphabetical order, as AWS does.
fn resource_formats(statement: &Node) -> Check {
    let mut entries: Vec<_> = texts(either(statement, "Resource", "NotResource")).collect();
    entries.sort_by(|a, b| b.0.cmp(a.0));
    entries.into_iter().try_for_each(|(text, start)| {
        resource_format(text).map_err(|message| problem(message, start))
    })
}

const IAM_PATHS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

fn resource_format(text: &str) -> Result<(), String> {
    if text == "*" {
        return Ok(());
    }
    let Some((_, rest)) = text.split_once(':') else {
        return Err(format!("Resource {text} must be in ARN format or \"*\"."));
    };
    let (partition, after) = match rest.split_once(':') {
        Some((partition, after)) => (partition, Some(after)),
        None => (rest, None),
    };
    if !matches!(partition, "aws" | "aws-cn" | "aws-us-gov") {
        let mut parts = after.unwrap_or_default().splitn(4, ':');
        let mut part = || {
            parts
                .next()
                .filter(|part| !part.is_empty() || after.is_some_and(|a| a.contains(':')))
        };
        let [a, b, c, d] = std::array::from_fn(|_| part().unwrap_or("*"));
        return Err(format!(
            "Partition \"{partition}\" is not valid for resource \"arn:{partition}:{a}:{b}:{c}:{d}\"."
        ));
    }
    let Some(after) = after else {
        let message = "Resource vendor must be fully qualified and cannot contain regexes.";
        return Err(message.to_owned());
    };
    let mut parts = after.splitn(4, ':');
    let service = parts.next().unwrap_or_default();
    let region = parts.next();
    let path = parts.nth(1).unwrap_or_default();
    match service {
        "iam" if region != Some("") => Err(format!(
            "IAM resource {text} cannot contain region information."
        )),
        "iam" if path != "*" && !IAM_PATHS.iter().any(|start| path.starts_with(start)) => {
            Err(format!(
                "IAM resource path must either be \"*\" or start with {}.",
                IAM_PATHS.join(", ")
            ))
        }
        "s3" if !matches!(region, Some("") | None) && !path.starts_with("accesspoint/") => Err(
            format!("Resource {text} can not contain region information."),
        ),
        _ => Ok(()),
    }
}

fn action_vendors(statement: &Node) -> Check {
    for (action, start) in texts(either(statement, "Action", "NotAction")) {
        if action == "*" {
            continue;
        }
        let Some((vendor, name)) = action.split_once(':') else {
            let message =
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
            return Err(problem(message, start));
        };
        let one_colon = "Actions/Condition can contain only one colon.";
        ensure(!name.contains(':'), one_colon, start)?;
        // AWS refuses wildcards here, although its matching knows them.
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
        let message = format!("Vendor {vendor} is not valid");
        ensure(vendor.bytes().all(plain), &message, start)?;
    }
    Ok(())
}

fn resources_present(statement: &Node) -> Check {
    let resources = either(statement, "Resource", "NotResource");
    let present = resources.is_some_and(|node| !node.items().is_empty());
    ensure(
        present,
        "Policy statement must contain resources.",
        statement.start,
    )
}

/// P-16.
fn trust_statement(statement: &Node) -> Check {
    if let Some(node) = either(statement, "Resource", "NotResource") {
        return Err(problem("Has prohibited field Resource", node.start));
    }
    if let Some(node) = statement.get("NotPrincipal") {
        return Err(problem("Has prohibited field NotPrincipal", node.start));
    }
    let message = "Missing required field Principal";
    ensure(
        statement.get("Principal").is_some(),
        message,
        statement.start,
    )?;
    let message = "Missing required field Action";
    ensure(statement.get("Action").is_some(), message, statement.start)?;
    let message = "AssumeRole policy may only specify STS AssumeRole actions.";
    for (action, start) in texts(statement.get("Action")) {
        let known = TRUST_ACTIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(action));
        let pattern = action.contains(['*', '?'])
            && action
                .split_once(':')
                .is_some_and(|(v, _)| v.eq_ignore_ascii_case("sts"))
            && TRUST_ACTIONS.iter().any(|known| {
                Pattern::compile(action, Wildcards::Match, Variables::Literal)
                    .matches_plain(known, Case::Ignored)
            });
        ensure(known || pattern, message, start)?;
    }
    Ok(())
}

const TRUST_ACTIONS: [&str; 6] = [
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:SetContext",
    "sts:SetSourceIdentity",
    "sts:TagSession",
];

fn well_formed_principals(kind: PolicyKind, tree: &Node) -> Check {
    for (word, node) in crate::document::principal_nodes(tree) {
        let text = node.text().unwrap_or_default();
        let valid = match PrincipalWord::parse(word) {
            // Canonical user ids are S3's alone.
            Some(PrincipalWord::CanonicalUser) if kind != PolicyKind::Bucket => false,
            Some(word) => parse_principal(word, text).is_some(),
            None => text == "*" && kind != PolicyKind::Trust,
        };
        // Resource control policies are for everyone.
        let valid = valid && (kind != PolicyKind::ResourceControl || text == "*");
        if !valid {
            let (message, detail) = invalid_principal(kind, word, text);
            let offset = node.start;
            return Err(Problem {
                message,
                detail,
                offset,
            });
        }
    }
    Ok(())
}
