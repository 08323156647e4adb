//! Changed documents: made from the author's own, so that what was there stays as it was.
use std::sync::Arc;

use policy::{Policy, PolicyKind};
use serde_json::{Map, Value, json};

use crate::names::Names;

/// The document with unique ids as ARNs again, as its author wrote it.
pub(crate) fn readable(policy: &Policy, names: &dyn Names) -> Value {
    let text = policy.text_with_arns(|id| names.arn_of(id));
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// The statements of a document: one may stand alone.
pub(crate) fn statements(document: &Value) -> Vec<Value> {
    match document.get("Statement") {
        Some(Value::Array(statements)) => statements.clone(),
        Some(statement) => vec![statement.clone()],
        None => Vec::new(),
    }
}

fn with_statements(document: &Value, statements: Vec<Value>) -> Value {
    let mut document = document.as_object().cloned().unwrap_or_else(empty);
    document.insert("Statement".to_owned(), Value::Array(statements));
    Value::Object(document)
}

fn empty() -> Map<String, Value> {
    Map::from_iter([("Version".to_owned(), json!("2012-10-17"))])
}

/// The document with one more statement; a new one where there was none.
pub(crate) fn with(document: Option<&Value>, statement: &Value) -> Value {
    let none = Value::Object(empty());
    let document = document.unwrap_or(&none);
    let mut statements = statements(document);
    statements.push(statement.clone());
    with_statements(document, statements)
}

/// A statement id that no statement of the document has yet: the name, or the name and a number.
pub(crate) fn free_sid(document: Option<&Value>, name: &str) -> String {
    let taken: Vec<Value> = document
        .map(statements)
        .unwrap_or_default()
        .iter()
        .filter_map(|statement| statement.get("Sid").cloned())
        .collect();
    let is_free = |sid: &String| !taken.contains(&json!(sid));
    let numbered = (2..=taken.len() + 1).map(|number| format!("{name}{number}"));
    std::iter::once(name.to_owned())
        .chain(numbered)
        .find(is_free)
        .unwrap_or_else(|| name.to_owned())
}

/// The document without a statement; `None` if nothing is left.
pub(crate) fn without(document: &Value, index: usize) -> Option<Value> {
    let mut statements = statements(document);
    if index >= statements.len() {
        return None;
    }
    statements.remove(index);
    (!statements.is_empty()).then(|| with_statements(document, statements))
}

/// The document with a statement changed; `None` if the change does not apply.
pub(crate) fn changed(
    document: &Value,
    index: usize,
    change: impl FnOnce(&mut Map<String, Value>) -> Option<()>,
) -> Option<Value> {
    let mut statements = statements(document);
    change(statements.get_mut(index)?.as_object_mut()?)?;
    Some(with_statements(document, statements))
}

/// The document as it can be saved: ids of deleted principals, which AWS does not take, are left out,
/// and so are statements that are about nobody else. Nothing that is allowed or denied changes.
pub(crate) fn without_the_deleted(document: &Value, names: &dyn Names) -> Value {
    let deleted = |id: &Value| {
        let id = text(id);
        names.origin_of(&id).is_some() && names.arn_of(&id).is_none()
    };
    let mut kept = Vec::new();
    for mut statement in statements(document) {
        let kinds = statement.get("Principal").and_then(Value::as_object);
        let lists_others = kinds.is_some_and(|kinds| kinds.len() > 1);
        let listed = statement
            .get_mut("Principal")
            .and_then(|principal| principal.get_mut("AWS"));
        if let Some(listed) = listed {
            let left: Vec<Value> = items(listed)
                .into_iter()
                .filter(|id| !deleted(id))
                .collect();
            match left.as_slice() {
                // Beside users and roles it may name services.
                [] if lists_others => {
                    if let Some(principal) = statement
                        .get_mut("Principal")
                        .and_then(Value::as_object_mut)
                    {
                        principal.shift_remove("AWS");
                    }
                }
                [] => continue,
                [one] if listed.is_string() => *listed = one.clone(),
                _ => *listed = Value::Array(left),
            }
        }
        kept.push(statement);
    }
    if kept.is_empty() {
        return document.clone();
    }
    with_statements(document, kept)
}

/// The document as a policy.
pub(crate) fn policy(kind: PolicyKind, document: &Value) -> Option<Arc<Policy>> {
    Policy::load(kind, &document.to_string()).ok().map(Arc::new)
}

/// A document as an argument of a shell command.
pub(crate) fn quoted(document: &Value) -> String {
    let text = serde_json::to_string_pretty(document).unwrap_or_default();
    let mut shown = String::with_capacity(text.len() + 2);
    for c in text.replace('\'', r"'\''").chars() {
        if c.is_control() && c != '\n' {
            // JSON escapes only some of what a terminal obeys.
            shown.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    format!("'{shown}'")
}

/// Stands for what no line of a terminal can show, so that nobody could copy it: a line feed, or a
/// character that moves the cursor.
const UNSHOWABLE: char = '\0';

/// Whether a command can be copied from where it is shown.
pub(crate) fn is_sound(command: &str) -> bool {
    !command.chars().any(|c| c.is_control() && c != '\n')
}

/// A word as an argument of a shell command.
pub(crate) fn word(text: &str) -> String {
    if text.chars().any(char::is_control) {
        return UNSHOWABLE.to_string();
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Adds a condition to a statement.
pub(crate) fn add_condition(
    statement: &mut Map<String, Value>,
    operator: &str,
    key: &str,
    value: Value,
) -> Option<()> {
    let conditions = statement
        .entry("Condition")
        .or_insert_with(|| json!({}))
        .as_object_mut()?;
    let block = conditions
        .entry(operator)
        .or_insert_with(|| json!({}))
        .as_object_mut()?;
    if block.contains_key(key) {
        return None;
    }
    block.insert(key.to_owned(), value);
    Some(())
}

/// A value that may be one or a list, as a list.
pub(crate) fn items(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

/// A JSON scalar as policies compare it: text.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_stays_as_it_was() {
        let document = json!({"Id": "x", "Statement": {"Sid": "a"}, "Version": "2012-10-17"});
        let more = with(Some(&document), &json!({"Sid": "b"}));
        assert_eq!(
            more.to_string(),
            r#"{"Id":"x","Statement":[{"Sid":"a"},{"Sid":"b"}],"Version":"2012-10-17"}"#
        );
        assert_eq!(
            without(&more, 0),
            Some(json!({"Id": "x", "Statement": [{"Sid": "b"}], "Version": "2012-10-17"}))
        );
        assert_eq!(without(&document, 0), None);
        assert_eq!(without(&document, 1), None);
    }

    #[test]
    fn a_statement_id_is_given_once() {
        let document = json!({"Statement": [{"Sid": "Allow"}, {"Sid": "Allow2"}, {}]});
        assert_eq!(free_sid(Some(&document), "Allow"), "Allow3");
        assert_eq!(free_sid(Some(&document), "Other"), "Other");
        assert_eq!(free_sid(None, "Allow"), "Allow");
    }

    /// Knows one user, and that another is deleted.
    struct Two;
    impl Names for Two {
        fn arn_of(&self, id: &str) -> Option<String> {
            (id == "AIDALIVES").then(|| "arn:aws:iam::111111111111:user/al".to_owned())
        }
        fn origin_of(&self, id: &str) -> Option<(catalog::AccountId, catalog::EntityKind)> {
            let account = catalog::AccountId::parse_exact("111111111111").ok()?;
            id.starts_with("AIDA")
                .then_some((account, catalog::EntityKind::User))
        }
        fn account_of(&self, _: &str) -> Option<catalog::AccountId> {
            None
        }
        fn account_name(&self, _: catalog::AccountId) -> Option<String> {
            None
        }
        fn is_group(&self, _: &str) -> bool {
            false
        }
    }

    #[test]
    fn deleted_principals_are_left_out_of_what_is_saved() {
        let al = "arn:aws:iam::111111111111:user/al";
        let document = json!({"Statement": [
            {"Sid": "a", "Principal": {"AWS": "AIDADELETED"}},
            {"Sid": "b", "Principal": {"AWS": ["AIDADELETED", al]}},
            {"Sid": "c", "Principal": {"AWS": al}},
            {"Sid": "d", "Principal": "*"},
        ]});
        assert_eq!(
            without_the_deleted(&document, &Two),
            json!({"Statement": [
                {"Sid": "b", "Principal": {"AWS": [al]}},
                {"Sid": "c", "Principal": {"AWS": al}},
                {"Sid": "d", "Principal": "*"},
            ]})
        );
    }

    #[test]
    fn arguments_are_quoted_where_the_shell_needs_it() {
        assert_eq!(word("bucket-1"), "bucket-1");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
        assert!(is_sound(&format!(
            "aws {} \\\n {}",
            word("a b"),
            quoted(&json!({"a": "\n"}))
        )));
        for text in ["a\nb", "\u{1b}[2J", "a\rb", "\0", "\u{9b}2J"] {
            assert!(!is_sound(&word(text)), "{text:?}");
        }
    }

    #[test]
    fn statements_that_name_services_too_stay_without_the_deleted() {
        let document = json!({"Statement": [
            {"Principal": {"AWS": "AIDADELETED", "Service": "s3.amazonaws.com"}},
        ]});
        assert_eq!(
            without_the_deleted(&document, &Two),
            json!({"Statement": [{"Principal": {"Service": "s3.amazonaws.com"}}]})
        );
    }
}
