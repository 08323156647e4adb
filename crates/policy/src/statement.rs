//! Statements: from JSON to what can be matched.
use crate::actions::ActionSet;
use crate::condition::{Condition, Operator};
use crate::json::Node;
use crate::pattern::{ArnPattern, Pattern, ShortArn, Variables, Wildcards};
use crate::principal::{Principal, PrincipalWord, parse_principal, sort};
use crate::{Effect, PolicyKind};

/// A statement, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub sid: Option<Box<str>>,
    /// The byte where it starts.
    pub start: usize,
    /// The byte behind it.
    pub end: usize,
    pub effect: Effect,
    /// `None` where the kind of document has none.
    pub principals: Option<Listed<Principal>>,
    pub actions: Listed<Pattern>,
    /// What `actions` hold for.
    pub known_actions: ActionSet,
    /// `None` in trust policies: the role is meant.
    pub resources: Option<Listed<ArnPattern>>,
    pub conditions: Box<[Condition]>,
}

/// An element of either of its forms, such as `Action` and `NotAction`.
#[derive(Clone, Debug)]
pub(crate) struct Listed<T> {
    pub form: Form,
    pub entries: Box<[T]>,
    /// As written, in the order of the document; that of principals is another.
    pub texts: Box<[String]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// What is listed.
    These,
    /// Everything but what is listed.
    NotThese,
}

/// A part of the document that evaluation can make nothing of, at this byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unusable {
    pub offset: usize,
}

impl Statement {
    /// Context keys, in lower case.
    pub fn keys(&self) -> Vec<&str> {
        let resources = self
            .resources
            .iter()
            .flat_map(|listed| listed.entries.iter());
        let of_conditions = self.conditions.iter().flat_map(Condition::keys);
        resources
            .flat_map(ArnPattern::keys)
            .chain(of_conditions)
            .collect()
    }
}

/// Compiles the statements of a document.
pub(crate) fn compile(kind: PolicyKind, tree: &Node) -> Result<Vec<Statement>, Unusable> {
    let unusable = Unusable { offset: tree.start };
    let members = tree.members().ok_or(unusable)?;
    let known = ["Version", "Id", "Statement"];
    if let Some(member) = members.iter().find(|m| !known.contains(&&*m.name)) {
        return Err(Unusable {
            offset: member.start,
        });
    }
    let variables = match tree.get("Version").map(Node::text) {
        Some(Some("2012-10-17")) => Variables::Expand,
        None | Some(Some("2008-10-17")) => Variables::Literal,
        Some(_) => return Err(unusable),
    };
    let statements = tree.get("Statement").ok_or(unusable)?;
    statements
        .items()
        .iter()
        .map(|node| statement(kind, variables, node))
        .collect()
}

fn statement(kind: PolicyKind, variables: Variables, node: &Node) -> Result<Statement, Unusable> {
    let unusable = Unusable { offset: node.start };
    let members = node.members().ok_or(unusable)?;
    if let Some(member) = members.iter().find(|m| !is_statement_element(&m.name)) {
        return Err(Unusable {
            offset: member.start,
        });
    }
    let effect = match node.get("Effect").and_then(Node::text) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        Some(_) | None => return Err(unusable),
    };
    let sid = match node.get("Sid") {
        Some(sid) => Some(sid.text().ok_or(unusable)?.into()),
        None => None,
    };
    let actions = listed(node, "Action", "NotAction", |text| {
        Some(Pattern::compile(text, Wildcards::Match, Variables::Literal))
    })?
    .ok_or(unusable)?;
    let short = match kind {
        PolicyKind::Trust | PolicyKind::Bucket | PolicyKind::Key => ShortArn::CompletedIfWildcard,
        PolicyKind::Identity
        | PolicyKind::Managed
        | PolicyKind::Session
        | PolicyKind::ServiceControl
        | PolicyKind::ResourceControl
        | PolicyKind::VpcEndpoint => ShortArn::Completed,
    };
    let resources = listed(node, "Resource", "NotResource", |text| {
        Some(ArnPattern::compile(text, short, variables, false))
    })?;
    let principals = principals(node)?;
    if principals.is_some() != has_principals(kind) || resources.is_some() != has_resources(kind) {
        return Err(unusable);
    }
    Ok(Statement {
        sid,
        start: node.start,
        end: node.end,
        effect,
        principals,
        known_actions: ActionSet::of(&actions),
        actions,
        resources,
        conditions: conditions(variables, node)?,
    })
}

pub(crate) fn is_statement_element(name: &str) -> bool {
    matches!(
        name,
        "Sid"
            | "Effect"
            | "Principal"
            | "NotPrincipal"
            | "Action"
            | "NotAction"
            | "Resource"
            | "NotResource"
            | "Condition"
    )
}

/// Whether statements of the kind name principals (spec P-1).
pub(crate) fn has_principals(kind: PolicyKind) -> bool {
    match kind {
        PolicyKind::Trust
        | PolicyKind::Bucket
        | PolicyKind::Key
        | PolicyKind::ResourceControl
        | PolicyKind::VpcEndpoint => true,
        PolicyKind::Identity
        | PolicyKind::Managed
        | PolicyKind::Session
        | PolicyKind::ServiceControl => false,
    }
}

/// Whether statements of the kind name resources.
pub(crate) fn has_resources(kind: PolicyKind) -> bool {
    kind != PolicyKind::Trust
}

fn listed<T>(
    statement: &Node,
    these: &str,
    not_these: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<Listed<T>>, Unusable> {
    let (form, node) = match (statement.get(these), statement.get(not_these)) {
        (Some(node), None) => (Form::These, node),
        (None, Some(node)) => (Form::NotThese, node),
        (None, None) => return Ok(None),
        (Some(_), Some(node)) => return Err(Unusable { offset: node.start }),
    };
    let mut entries = Vec::new();
    let mut texts = Vec::new();
    for item in node.items() {
        let unusable = Unusable { offset: item.start };
        let text = item.text().ok_or(unusable)?;
        entries.push(read(text).ok_or(unusable)?);
        texts.push(text.to_owned());
    }
    Ok(Some(Listed {
        form,
        entries: entries.into(),
        texts: texts.into(),
    }))
}

fn principals(statement: &Node) -> Result<Option<Listed<Principal>>, Unusable> {
    let (form, node) = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(node), None) => (Form::These, node),
        (None, Some(node)) => (Form::NotThese, node),
        (None, None) => return Ok(None),
        (Some(_), Some(node)) => return Err(Unusable { offset: node.start }),
    };
    let mut entries = Vec::new();
    let mut texts = Vec::new();
    match node.members() {
        None if node.text() == Some("*") => {
            entries.push(Principal::Everyone);
            texts.push("*".to_owned());
        }
        None => return Err(Unusable { offset: node.start }),
        Some(words) => {
            for word in words {
                let kind = PrincipalWord::parse(&word.name);
                let kind = kind.ok_or(Unusable { offset: word.start })?;
                for item in word.node.items() {
                    let unusable = Unusable { offset: item.start };
                    let text = item.text().ok_or(unusable)?;
                    let principal = parse_principal(kind, text).ok_or(unusable)?;
                    entries.push(principal.into());
                    texts.push(text.to_owned());
                }
            }
        }
    }
    sort(&mut entries);
    Ok(Some(Listed {
        form,
        entries: entries.into(),
        texts: texts.into(),
    }))
}

fn conditions(variables: Variables, statement: &Node) -> Result<Box<[Condition]>, Unusable> {
    let Some(node) = statement.get("Condition") else {
        return Ok(Box::default());
    };
    let mut conditions = Vec::new();
    for block in node.members().ok_or(Unusable { offset: node.start })? {
        let unusable = Unusable {
            offset: block.start,
        };
        for member in block.node.members().ok_or(unusable)? {
            // An operator without keys says nothing, whatever its name.
            let (operator, _) = Operator::parse(&block.name).ok_or(unusable)?;
            let values = member.node.items().iter().map(Node::scalar);
            let values: Option<Vec<String>> = values.collect();
            let values = values.ok_or(Unusable {
                offset: member.start,
            })?;
            let operator = (operator, &*block.name);
            conditions.push(Condition::compile(
                operator,
                &member.name,
                values,
                variables,
            ));
        }
    }
    Ok(conditions.into())
}
