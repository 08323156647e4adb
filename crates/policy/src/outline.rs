//! Documents as IAM's policy simulator tells of them: the places of statements, and the context
//! keys in them as they are written.
use crate::condition::{Comparison, Operator};
use crate::facts::Facts;
use crate::json::{self, Node, Value};
use crate::{Context, Lookup, Policy, Position, Question};

/// What the simulator tells of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementOutline {
    /// Where AWS says that it starts: behind what stands before it in the list, or, where
    /// `Statement` is no list, behind its brace.
    pub start: Position,
    /// Where what follows it starts.
    pub end: Position,
    /// Keys of variables in `Resource` or `NotResource`.
    pub resource_keys: Vec<KeyUse>,
    /// Keys of `Condition`, and of variables in its values.
    pub condition_keys: Vec<KeyUse>,
}

/// A context key in a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// As written.
    pub name: String,
    /// It stands in a variable with a default value, and can do without another.
    pub has_default: bool,
}

impl Policy {
    /// The statements in order, as the simulator tells of them.
    pub fn outline(&self) -> Vec<StatementOutline> {
        // Cannot fail: the text was read when the policy was made.
        let Ok(tree) = json::parse(self.text()) else {
            return Vec::new();
        };
        let Some(statements) = tree.get("Statement") else {
            return Vec::new();
        };
        let mut places = Places::of(self.text());
        // `[` of the list, or `{` of the only statement: one byte either way.
        let mut before = places.advance(statements.start + 1);
        let has_variables = tree.get("Version").and_then(Node::text) == Some("2012-10-17");
        let outline = |statement: &Node| {
            let start = before;
            before = places.advance(statement.end);
            StatementOutline {
                start,
                end: before,
                resource_keys: resource_keys(statement, has_variables),
                condition_keys: condition_keys(statement, has_variables),
            }
        };
        statements.items().iter().map(outline).collect()
    }
}

/// Goes through a text once, however many places in it are wanted.
struct Places<'t> {
    text: &'t str,
    at: usize,
    place: Position,
}

impl<'t> Places<'t> {
    fn of(text: &'t str) -> Places<'t> {
        let place = Position { line: 1, column: 1 };
        Places { text, at: 0, place }
    }

    /// The place of a byte that is not before the last one.
    fn advance(&mut self, to: usize) -> Position {
        for char in self.text.get(self.at..to).unwrap_or_default().chars() {
            if char == '\n' {
                self.place.line += 1;
                self.place.column = 1;
            } else {
                self.place.column += 1;
            }
        }
        self.at = to;
        self.place
    }
}

/// Whether the key has a value for this question: one of the context's, or one that follows from
/// the caller and the owner. In any case.
pub fn has_value(question: &Question<'_>, key: &str) -> bool {
    let has_boundary = false;
    match Facts::new(question, has_boundary).lookup(&key.to_lowercase()) {
        Lookup::Absent => false,
        Lookup::One(_) | Lookup::Many(_) => true,
    }
}

fn resource_keys(statement: &Node, has_variables: bool) -> Vec<KeyUse> {
    let mut keys = Vec::new();
    let elements = ["Resource", "NotResource"];
    for element in elements.iter().filter_map(|name| statement.get(name)) {
        for text in element.items().iter().filter_map(Node::text) {
            // Variables count in the last part of an ARN only (spec P-6).
            if let Some(rest) = text.splitn(6, ':').nth(5).filter(|_| has_variables) {
                add_variables(rest, &mut keys);
            }
        }
    }
    keys
}

fn condition_keys(statement: &Node, has_variables: bool) -> Vec<KeyUse> {
    let mut keys = Vec::new();
    let blocks = statement.get("Condition").and_then(Node::members);
    for block in blocks.unwrap_or_default() {
        let expands = Operator::parse(&block.name)
            .is_some_and(|(operator, _)| takes_variables(operator.comparison));
        for member in block.node.members().unwrap_or_default() {
            keys.push(KeyUse {
                name: member.name.clone(),
                has_default: false,
            });
            for value in member.node.items() {
                match &value.value {
                    Value::Text(text) if expands && has_variables => add_variables(text, &mut keys),
                    Value::Text(_)
                    | Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::List(_)
                    | Value::Map(_) => {}
                }
            }
        }
    }
    keys
}

/// Spec P-7.
fn takes_variables(comparison: Comparison) -> bool {
    match comparison {
        Comparison::StringEquals
        | Comparison::StringEqualsIgnoreCase
        | Comparison::StringLike
        | Comparison::Arn => true,
        Comparison::Numeric(_)
        | Comparison::Date(_)
        | Comparison::Bool
        | Comparison::Binary
        | Comparison::IpAddress
        | Comparison::Null => false,
    }
}

fn add_variables(text: &str, keys: &mut Vec<KeyUse>) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("${") {
        let Some((body, after)) = after.split_once('}') else {
            return;
        };
        rest = after;
        if matches!(body, "*" | "?" | "$") {
            continue;
        }
        let default = body.split_once(',').filter(|(_, default)| {
            let quoted = default.trim().strip_prefix('\'');
            quoted.is_some_and(|default| default.ends_with('\''))
        });
        keys.push(KeyUse {
            name: default.map_or(body, |(key, _)| key).trim().to_owned(),
            has_default: default.is_some(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PolicyKind;

    fn places(text: &str) -> Vec<(usize, usize, usize, usize)> {
        let policy = Policy::load(PolicyKind::Identity, text).unwrap();
        let place = |outline: StatementOutline| {
            let StatementOutline { start, end, .. } = outline;
            (start.line, start.column, end.line, end.column)
        };
        policy.outline().into_iter().map(place).collect()
    }

    /// The places are those of answers of AWS: the AWS CLI's examples of `simulate-custom-policy`
    /// and API_SimulatePrincipalPolicy.
    #[test]
    fn statements_are_where_aws_says_they_are() {
        let single = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}"#;
        assert_eq!(places(single), [(1, 38, 1, 167)]);
        let lines = "{\n  \"Version\":\"2012-10-17\",\n  \"Statement\":{\n    \"Effect\":\"Allow\",\n    \"Action\":\"s3:PutObject\",\n    \"Resource\":\"arn:aws:s3:::my-test-bucket\"\n  }\n}";
        assert_eq!(places(lines), [(3, 16, 7, 4)]);
        let list = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"x:y"}]}"#;
        assert_eq!(places(list), [(1, 38, 1, 84), (1, 84, 1, 132)]);
    }

    #[test]
    fn keys_are_as_written_and_the_same_that_evaluation_knows() {
        let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*",
            "Resource":["arn:aws:s3:${aws:Not}::b/${aws:userName}/${*}${ aws:PrincipalTag/Team, 'x' }"],
            "Condition":{"StringLike":{"s3:Prefix":["${aws:UserId}","${$}x"]},
                "NumericEquals":{"s3:max-keys":"${aws:Not}"},"Bool":{"aws:SecureTransport":true}}}]}"#;
        let policy = Policy::load(PolicyKind::Identity, text).unwrap();
        let outline = policy.outline();
        let [statement] = outline.as_slice() else {
            panic!("{outline:?}")
        };
        let names = |keys: &[KeyUse]| {
            let name = |key: &KeyUse| (key.name.clone(), key.has_default);
            keys.iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&statement.resource_keys),
            [
                ("aws:userName".to_owned(), false),
                ("aws:PrincipalTag/Team".to_owned(), true)
            ]
        );
        assert_eq!(
            names(&statement.condition_keys),
            [
                ("s3:Prefix".to_owned(), false),
                ("aws:UserId".to_owned(), false),
                ("s3:max-keys".to_owned(), false),
                ("aws:SecureTransport".to_owned(), false)
            ]
        );
        let all = statement
            .resource_keys
            .iter()
            .chain(&statement.condition_keys);
        let mut lower: Vec<String> = all.map(|key| key.name.to_lowercase()).collect();
        lower.sort();
        assert_eq!(lower, policy.context_keys().collect::<Vec<_>>());
    }

    #[test]
    fn documents_of_the_old_version_have_no_variables() {
        let text = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username}"}}"#;
        let policy = Policy::load(PolicyKind::Identity, text).unwrap();
        assert!(
            policy
                .outline()
                .iter()
                .all(|one| one.resource_keys.is_empty())
        );
    }
}
