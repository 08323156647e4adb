//! The constraints of the models, checked with AWS's texts.
//!
//! Spec: iam-sts-kms-api 1, "Constraint violation".

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

use base64::Engine;
use regex::Regex;
use serde_json::Value;

use crate::error::AwsError;
use crate::model::{Kind, Member, Model, Operation, Service, Shape, ShapeId, model};
use crate::query::plain;

/// Violations beyond these are neither counted nor told: a form of many bad items must not make a far longer answer.
const VIOLATIONS_MAX: usize = 100;

/// Checks an input and collects every violation.
///
/// # Errors
/// `ValidationError` 400 (`ValidationException` for KMS): `2 validation errors detected: Value …; Value …`.
pub fn check(service: Service, operation: &Operation, input: &Value) -> Result<(), AwsError> {
    let mut violations = Vec::new();
    if let Some(shape) = operation.input {
        let checker = Checker {
            model: model(service),
        };
        checker.structure(shape, "", input, &mut violations);
    }
    violations.truncate(VIOLATIONS_MAX);
    if violations.is_empty() {
        return Ok(());
    }
    let count = violations.len();
    let noun = if count == 1 { "error" } else { "errors" };
    let code = match service {
        Service::Kms => "ValidationException",
        Service::S3 | Service::S3Control | Service::Iam | Service::Sts => "ValidationError",
    };
    Err(AwsError::new(
        400,
        code,
        format!(
            "{count} validation {noun} detected: {}",
            violations.join("; ")
        ),
    ))
}

struct Checker {
    model: &'static Model,
}

impl Checker {
    fn structure(&self, shape: ShapeId, path: &str, value: &Value, violations: &mut Vec<String>) {
        for member in &self.model.structure(Some(shape)).members {
            let path = nested(path, member);
            match value.get(&member.name).filter(|value| !value.is_null()) {
                Some(value) => self.value(member.shape, &path, value, violations),
                None if member.required => violations.push(format!(
                    "Value null at '{path}' failed to satisfy constraint: Member must not be null"
                )),
                None => {}
            }
        }
    }

    fn value(&self, id: ShapeId, path: &str, value: &Value, violations: &mut Vec<String>) {
        if violations.len() >= VIOLATIONS_MAX {
            return;
        }
        let shape = self.model.shape(id);
        for rule in broken_rules(shape, value) {
            violations.push(violation(shape, path, value, &rule));
        }
        match (&shape.kind, value) {
            (Kind::Structure(_), _) => self.structure(id, path, value, violations),
            (Kind::List(list), Value::Array(items)) => {
                let item = self.model.shape(list.item);
                if matches!(item.kind, Kind::Structure(_) | Kind::List(_) | Kind::Map(_)) {
                    for (index, value) in items.iter().enumerate() {
                        let path = format!("{path}.{}.member", index + 1);
                        self.value(list.item, &path, value, violations);
                    }
                } else if items
                    .iter()
                    .any(|value| !broken_rules(item, value).is_empty())
                {
                    violations.push(violation(
                        item,
                        path,
                        value,
                        &format!(
                            "Member must satisfy constraint: [{}]",
                            all_rules(item).join(", ")
                        ),
                    ));
                }
            }
            (Kind::Map(map), Value::Object(entries)) => {
                for (key, value) in entries {
                    self.value(
                        map.value,
                        &format!("{path}.{key}.member"),
                        value,
                        violations,
                    );
                }
            }
            _ => {}
        }
    }
}

fn nested(path: &str, member: &Member) -> String {
    let mut name = String::with_capacity(path.len() + member.name.len() + 1);
    if !path.is_empty() {
        name.push_str(path);
        name.push('.');
    }
    let mut characters = member.name.chars();
    name.extend(characters.next().map(|first| first.to_ascii_lowercase()));
    name.push_str(characters.as_str());
    name
}

fn violation(shape: &Shape, path: &str, value: &Value, rule: &str) -> String {
    if shape.sensitive {
        return format!("Value at '{path}' failed to satisfy constraint: {rule}");
    }
    format!(
        "Value '{}' at '{path}' failed to satisfy constraint: {rule}",
        shown(value)
    )
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        other => plain(other),
    }
}

/// The rules of `shape` that `value` breaks, in the order length, pattern, value set, range.
fn broken_rules(shape: &Shape, value: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let measure = match (&shape.kind, value) {
        (Kind::Text, Value::String(text)) => count(text.chars().count()),
        (Kind::Blob, Value::String(text)) => count(
            base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_or(0, |bytes| bytes.len()),
        ),
        (Kind::List(_), Value::Array(items)) => count(items.len()),
        (Kind::Map(_), Value::Object(entries)) => count(entries.len()),
        (Kind::Integer | Kind::Long, Value::Number(number)) => number.as_i64(),
        _ => None,
    };
    if let Some(measure) = measure {
        if shape.max.is_some_and(|max| measure > max) {
            broken.extend(greatest(shape));
        }
        if shape.min.is_some_and(|min| measure < min) {
            broken.extend(least(shape));
        }
    }
    if let (Kind::Text, Value::String(text)) = (&shape.kind, value) {
        if let Some(pattern) = &shape.pattern
            && !matches_pattern(pattern, text)
        {
            broken.extend(pattern_rule(shape));
        }
        if !shape.enumeration.is_empty() && !shape.enumeration.contains(text) {
            broken.extend(enumeration_rule(shape));
        }
    }
    broken
}

fn all_rules(shape: &Shape) -> Vec<String> {
    [
        greatest(shape),
        least(shape),
        pattern_rule(shape),
        enumeration_rule(shape),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn noun(shape: &Shape) -> &'static str {
    match shape.kind {
        Kind::Integer | Kind::Long | Kind::Double => "value",
        _ => "length",
    }
}

fn greatest(shape: &Shape) -> Option<String> {
    let max = shape.max?;
    Some(format!(
        "Member must have {} less than or equal to {max}",
        noun(shape)
    ))
}

fn least(shape: &Shape) -> Option<String> {
    let min = shape.min?;
    Some(format!(
        "Member must have {} greater than or equal to {min}",
        noun(shape)
    ))
}

fn pattern_rule(shape: &Shape) -> Option<String> {
    let pattern = shape.pattern.as_ref()?;
    Some(format!(
        "Member must satisfy regular expression pattern: {pattern}"
    ))
}

fn enumeration_rule(shape: &Shape) -> Option<String> {
    if shape.enumeration.is_empty() {
        return None;
    }
    Some(format!(
        "Member must satisfy enum value set: [{}]",
        shape.enumeration.join(", ")
    ))
}

fn count(length: usize) -> Option<i64> {
    i64::try_from(length).ok()
}

/// A pattern of the models made ready to match whole texts.
struct Matcher {
    regex: Regex,
    /// What the text must not contain. Stands for the one lookahead in the models, `-(?!-)`.
    forbidden: Option<&'static str>,
}

/// Compiled patterns. INVARIANT: only patterns of the models enter, so the number is bounded.
static MATCHERS: LazyLock<RwLock<HashMap<String, Option<Arc<Matcher>>>>> =
    LazyLock::new(RwLock::default);

/// Whether the whole text matches a Java pattern of the models, with Java's meaning of `\w` and `\d` (ASCII).
///
/// A pattern that cannot be translated matches nothing: an unknown rule refuses. A test sees that there is none.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let matcher = cached(pattern);
    matcher.is_some_and(|matcher| {
        matcher.regex.is_match(text)
            && matcher
                .forbidden
                .is_none_or(|forbidden| !text.contains(forbidden))
    })
}

fn cached(pattern: &str) -> Option<Arc<Matcher>> {
    if let Ok(matchers) = MATCHERS.read()
        && let Some(found) = matchers.get(pattern)
    {
        return found.clone();
    }
    let compiled = compile(pattern).ok().map(Arc::new);
    if let Ok(mut matchers) = MATCHERS.write() {
        matchers.insert(pattern.to_owned(), compiled.clone());
    }
    compiled
}

fn compile(pattern: &str) -> Result<Matcher, regex::Error> {
    let (pattern, forbidden) = match pattern.split_once("-(?!-)") {
        // In the models this stands in an alternation of single characters, where it means: no two in a row.
        Some((before, after)) => (format!("{before}-{after}"), Some("--")),
        None => (pattern.to_owned(), None),
    };
    let whole = format!(r"\A(?:{})\z", ascii_classes(&pattern));
    Ok(Matcher {
        regex: Regex::new(&whole)?,
        forbidden,
    })
}

/// Writes out `\w` and `\d`, which are ASCII in Java and Unicode in Rust.
fn ascii_classes(pattern: &str) -> String {
    let mut translated = String::with_capacity(pattern.len() * 2);
    let mut in_class = false;
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let class = match characters.next() {
                    Some('w') => "A-Za-z0-9_",
                    Some('d') => "0-9",
                    Some(other) => {
                        translated.push('\\');
                        translated.push(other);
                        continue;
                    }
                    None => continue,
                };
                if in_class {
                    translated.push_str(class);
                } else {
                    translated.push('[');
                    translated.push_str(class);
                    translated.push(']');
                }
            }
            '[' => {
                in_class = true;
                translated.push('[');
            }
            ']' => {
                in_class = false;
                translated.push(']');
            }
            other => translated.push(other),
        }
    }
    translated
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(service: Service, operation: &str, input: &Value) -> String {
        let operation = model(service).operation(operation).unwrap();
        check(service, operation, input).unwrap_err().message
    }

    #[test]
    fn all_violations_are_told_at_once() {
        assert_eq!(
            message(Service::Iam, "CreateUser", &json!({})),
            "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null"
        );
        assert_eq!(
            message(
                Service::Iam,
                "CreateUser",
                &json!({"UserName": "a b", "Tags": [{"Key": "", "Value": "v"}]})
            ),
            "2 validation errors detected: Value 'a b' at 'userName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [\\w+=,.@-]+; Value '' at 'tags.1.member.key' failed to satisfy constraint: \
             Member must have length greater than or equal to 1; Value '' at 'tags.1.member.key' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+"
                .replace("2 validation", "3 validation")
        );
        assert_eq!(
            message(Service::Iam, "ListUsers", &json!({"MaxItems": 1001})),
            "1 validation error detected: Value '1001' at 'maxItems' failed to satisfy constraint: Member must have value \
             less than or equal to 1000"
        );
        assert_eq!(
            message(
                Service::Iam,
                "UpdateAccessKey",
                &json!({"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "on"})
            ),
            "1 validation error detected: Value 'on' at 'status' failed to satisfy constraint: Member must satisfy enum \
             value set: [Active, Inactive, Expired]"
        );
        assert_eq!(
            message(
                Service::Sts,
                "AssumeRole",
                &json!({"RoleArn": "arn:aws:iam::111122223333:role/r", "RoleSessionName": "Session1:2"})
            ),
            "1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member \
             must satisfy regular expression pattern: [\\w+=,.@-]*"
        );
    }

    #[test]
    fn secrets_are_not_repeated() {
        let told = message(
            Service::Iam,
            "CreateLoginProfile",
            &json!({"UserName": "ann", "Password": ""}),
        );
        assert!(told.contains("Value at 'password' failed"), "{told}");
    }

    #[test]
    fn every_pattern_of_the_query_services_compiles() {
        for service in [Service::Iam, Service::Sts, Service::Kms] {
            for shape in model(service).shapes() {
                if let Some(pattern) = &shape.pattern {
                    assert!(compile(pattern).is_ok(), "{pattern}");
                }
            }
        }
    }

    #[test]
    fn patterns_mean_what_they_mean_in_java() {
        let cases = [
            (r"[\w+=,.@-]+", "ann+x@y-z_1", true),
            (r"[\w+=,.@-]+", "änn", false),
            (r"[\w+=,.@-]+", "", false),
            (r"[\w+=,.@-]+", "a\n", false),
            (r"\d{12}", "111122223333", true),
            (r"\d{12}", "٣٣٣٣٣٣٣٣٣٣٣٣", false),
            (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "ключ 四 Ⅳ\u{a0}", true),
            (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "a\u{301}", false),
            (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "a#", false),
            (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", "/a/b/", true),
            (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", "/a b/", false),
            (r"[\u0009\u000A\u000D\u0020-\u00FF]+", "{\"ü\"}\r\n\t", true),
            (r"[\u0009\u000A\u000D\u0020-\u00FF]+", "Ā", false),
            (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", "a-b-c", true),
            (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", "a--c", false),
            (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", "ab-", false),
            (r"v[1-9][0-9]*(\.[A-Za-z0-9-]*)?", "v12.a-b", true),
            (r"v[1-9][0-9]*(\.[A-Za-z0-9-]*)?", "v0", false),
            (
                r"^o-[0-9a-z]{10,32}\/r-[0-9a-z]{4,32}[0-9a-z-\/]*",
                "o-0123456789/r-abcd/x-y",
                true,
            ),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(
                matches_pattern(pattern, text),
                expected,
                "{pattern} on {text:?}"
            );
        }
    }
}
