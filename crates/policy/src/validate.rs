//! What services refuse to store, in their order and words (spec P-13 to P-17).
use std::collections::HashSet;

use catalog::BucketName;

use crate::condition::{Comparison, Instant, Network, Operator};
use crate::json::{self, Member, Node, Value};
use crate::pattern::{Case, Pattern, Variables, Wildcards, arn_parts};
use crate::principal::{PrincipalWord, parse_principal};
use crate::s3_actions::{ActionSet, ResourceShape, is_condition_key};
use crate::statement::{has_principals, is_statement_element};
use crate::{Finding, PolicyKind, Position, PrincipalRef};

/// Bucket policies, normalised (spec P-1).
const BUCKET_POLICY_BYTES_MAX: usize = 20_480;

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
        PolicyKind::Bucket => bucket_policy(bucket, text),
        PolicyKind::Identity
        | PolicyKind::Managed
        | PolicyKind::Session
        | PolicyKind::Trust
        | PolicyKind::Key
        | PolicyKind::ServiceControl
        | PolicyKind::ResourceControl
        | PolicyKind::VpcEndpoint => of_iam(kind, text),
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

// ------------------------------------------------------------------------------------- IAM

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";

/// P-13, then what the kind adds. Each check looks at all statements before the next does.
fn of_iam(kind: PolicyKind, text: &str) -> Check {
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
        let both = |(a, b): (&str, &str)| statement.get(a).is_some() && statement.get(b).is_some();
        ensure(!pairs.into_iter().any(both), SYNTAX, statement.start)?;
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
    let effect = statement.get("Effect").and_then(Node::text);
    let exact = matches!(effect, Some("Allow" | "Deny"));
    ensure(exact, LEGACY, statement.start)?;
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
    for name in ["Resource", "NotResource"] {
        let message = format!("Has prohibited field {name}");
        ensure(statement.get(name).is_none(), &message, statement.start)?;
    }
    let message = "Has prohibited field NotPrincipal";
    ensure(
        statement.get("NotPrincipal").is_none(),
        message,
        statement.start,
    )?;
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

// -------------------------------------------------------------------------------------- S3

const INVALID_JSON: &str = "This policy contains invalid Json";

/// P-14.
fn bucket_policy(bucket: Option<&BucketName>, text: &str) -> Check {
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
