//! POST policy forms: which fields sign, and what the policy allows (spec: sigv4 8).
//!
//! The caller splits `multipart/form-data` and hands over the fields before `file`, with `${filename}` replaced.

use base64::Engine;
use jiff::Timestamp;
use serde_json::Value;

use crate::error::AwsError;
use crate::sigv4::PostFields;
use crate::time;

/// Most fields in a form before the file.
pub const FIELDS_MAX: usize = 200;

/// The longest policy that is read, decoded.
pub const POLICY_BYTES_MAX: usize = 20_480;

/// Finds a field; names have no case.
#[must_use]
pub fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields
        .iter()
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// The fields that sign the form; `None` if it has none of them (anonymous).
///
/// # Errors
/// `InvalidArgument` naming the one that is missing.
pub fn credentials(fields: &[(String, String)]) -> Result<Option<PostFields<'_>>, AwsError> {
    const NAMES: [&str; 5] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Signature",
        "policy",
    ];
    let values = NAMES.map(|name| field(fields, name));
    if values.iter().all(Option::is_none) {
        return Ok(None);
    }
    let [
        Some(algorithm),
        Some(credential),
        Some(date),
        Some(signature),
        Some(policy),
    ] = values
    else {
        let missing = NAMES.iter().zip(values).find(|(_, value)| value.is_none());
        return Err(missing_field(missing.map_or("policy", |(name, _)| name)));
    };
    Ok(Some(PostFields {
        algorithm,
        credential,
        date,
        signature,
        session_token: field(fields, "x-amz-security-token"),
        policy,
    }))
}

/// The answer to a form without a field that it must have, such as `key`.
#[must_use]
pub fn missing_field(name: &str) -> AwsError {
    AwsError::invalid_argument(
        format!(
            "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
        ),
        name,
        "",
    )
}

/// Replaces `${filename}` by the client's file name: what follows the last `/` or `\`.
#[must_use]
pub fn with_filename(value: &str, filename: &str) -> String {
    let name = filename.rsplit(['/', '\\']).next().unwrap_or_default();
    value.replace("${filename}", name)
}

/// A policy that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    Equals { field: String, value: String },
    StartsWith { field: String, prefix: String },
    LengthRange { least: String, greatest: String },
}

/// How long the file may be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthRange {
    /// At least.
    pub least: u64,
    /// At most.
    pub greatest: u64,
}

impl LengthRange {
    /// # Errors
    /// `EntityTooSmall` or `EntityTooLarge`.
    pub fn check(&self, bytes: u64) -> Result<(), AwsError> {
        if bytes > self.greatest {
            return Err(AwsError::new(
                400,
                "EntityTooLarge",
                "Your proposed upload exceeds the maximum allowed size",
            )
            .with_field("ProposedSize", bytes.to_string())
            .with_field("MaxSizeAllowed", self.greatest.to_string()));
        }
        if bytes < self.least {
            return Err(AwsError::new(
                400,
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
            )
            .with_field("ProposedSize", bytes.to_string())
            .with_field("MinSizeAllowed", self.least.to_string()));
        }
        Ok(())
    }
}

impl Policy {
    /// Reads the `policy` field: base64 of JSON.
    ///
    /// # Errors
    /// `InvalidPolicyDocument`.
    pub fn parse(text: &str) -> Result<Policy, AwsError> {
        let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let json = base64::engine::general_purpose::STANDARD
            .decode(compact)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| invalid("invalid Base64 encoding."))?;
        if json.trim().is_empty() {
            return Err(invalid("Expecting '{' but found End-of-Input"));
        }
        if json.len() > POLICY_BYTES_MAX {
            return Err(invalid("Invalid JSON."));
        }
        let value: Value =
            serde_json::from_str(&plain_escapes(&json)).map_err(|_| invalid("Invalid JSON."))?;
        let object = value.as_object().ok_or_else(|| invalid("Invalid JSON."))?;
        if let Some(name) = object
            .keys()
            .find(|name| *name != "expiration" && *name != "conditions")
        {
            return Err(invalid(&format!("Unexpected: \"{name}\"")));
        }
        let expiration = object
            .get("expiration")
            .ok_or_else(|| invalid("Policy missing expiration."))?;
        let told = argument(expiration);
        let expiration = expiration
            .as_str()
            .filter(|text| text.contains('T') && text.ends_with('Z'))
            .and_then(time::parse_iso8601)
            .ok_or_else(|| invalid(&format!("Invalid 'expiration' value: '{told}'")))?;
        let conditions = object
            .get("conditions")
            .ok_or_else(|| invalid("Policy missing conditions."))?
            .as_array()
            .ok_or_else(|| invalid("Invalid 'conditions' value: must be a List."))?
            .iter()
            .map(condition)
            .collect::<Result<_, _>>()?;
        Ok(Policy {
            expiration,
            conditions,
        })
    }

    /// Checks the fields before `file`. `bucket` is that of the URL. The length is checked by what is returned.
    ///
    /// # Errors
    /// `AccessDenied`: expired, a condition that fails, a field that no condition covers.
    pub fn check(
        &self,
        fields: &[(String, String)],
        bucket: &str,
        now: Timestamp,
    ) -> Result<Option<LengthRange>, AwsError> {
        if now >= self.expiration {
            return Err(refused("Policy expired."));
        }
        let found = |name: &str| {
            if name.eq_ignore_ascii_case("bucket") {
                bucket
            } else {
                field(fields, name).unwrap_or_default()
            }
        };
        let mut range: Option<LengthRange> = None;
        for condition in &self.conditions {
            let holds = match condition {
                Condition::Equals { field, value } => {
                    name(field).is_some_and(|name| found(name) == value)
                }
                Condition::StartsWith { field, prefix } => {
                    name(field).is_some_and(|name| starts_with(name, found(name), prefix))
                }
                Condition::LengthRange { least, greatest } => {
                    match (least.parse::<u64>(), greatest.parse::<u64>()) {
                        (Ok(least), Ok(greatest)) => {
                            // Of several ranges the narrowest holds.
                            let before = range.unwrap_or(LengthRange {
                                least: 0,
                                greatest: u64::MAX,
                            });
                            range = Some(LengthRange {
                                least: least.max(before.least),
                                greatest: greatest.min(before.greatest),
                            });
                            true
                        }
                        _ => false,
                    }
                }
            };
            if !holds {
                return Err(refused(&format!(
                    "Policy Condition failed: {}",
                    condition.text()
                )));
            }
        }
        let extra: Vec<&str> = fields
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| !is_exempt(name) && !self.covers(name))
            .collect();
        if extra.is_empty() {
            Ok(range)
        } else {
            Err(refused(&format!(
                "Extra input fields: {}",
                extra.join(", ")
            )))
        }
    }

    fn covers(&self, wanted: &str) -> bool {
        self.conditions.iter().any(|condition| match condition {
            Condition::Equals { field, .. } | Condition::StartsWith { field, .. } => {
                name(field).is_some_and(|name| name.eq_ignore_ascii_case(wanted))
            }
            Condition::LengthRange { .. } => false,
        })
    }
}

/// Fields that need no condition.
fn is_exempt(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let signs = ["x-amz-signature", "awsaccesskeyid", "signature"];
    signs.contains(&name.as_str())
        || matches!(name.as_str(), "policy" | "file")
        || name.starts_with("x-ignore-")
}

/// Whether the value of a field is part of a credential, or encrypts.
fn is_secret(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    field.ends_with("x-amz-security-token") || field.ends_with("-customer-key")
}

/// The field that a condition names: `$key` → `key`.
fn name(field: &str) -> Option<&str> {
    field.strip_prefix('$')
}

/// Of a list of content types each must have the prefix.
fn starts_with(name: &str, value: &str, prefix: &str) -> bool {
    if name.eq_ignore_ascii_case("content-type") {
        value
            .split(',')
            .all(|part| part.trim_start().starts_with(prefix))
    } else {
        value.starts_with(prefix)
    }
}

impl Condition {
    /// As AWS repeats it: exact matches are shown as `eq`. Values that are secrets are left out, since errors are kept.
    fn text(&self) -> String {
        let parts = match self {
            Condition::Equals { field, .. } if is_secret(field) => ["eq", field, ""],
            Condition::StartsWith { field, .. } if is_secret(field) => ["starts-with", field, ""],
            Condition::Equals { field, value } => ["eq", field, value],
            Condition::StartsWith { field, prefix } => ["starts-with", field, prefix],
            Condition::LengthRange { least, greatest } => ["content-length-range", least, greatest],
        };
        let quoted = parts.map(|part| format!("\"{part}\""));
        format!("[{}]", quoted.join(", "))
    }
}

fn condition(value: &Value) -> Result<Condition, AwsError> {
    match value {
        Value::Object(object) => {
            let mut entries = object.iter();
            let (Some((name, value)), None) = (entries.next(), entries.next()) else {
                return Err(invalid(
                    "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
                ));
            };
            let value = value
                .as_str()
                .ok_or_else(|| invalid("Invalid Simple-Condition: value must be a string."))?;
            Ok(Condition::Equals {
                field: format!("${name}"),
                value: value.to_owned(),
            })
        }
        Value::Array(parts) => {
            let operation = parts.first().map(argument).unwrap_or_default();
            let known = ["eq", "starts-with", "content-length-range"]
                .into_iter()
                .find(|known| operation.eq_ignore_ascii_case(known))
                .ok_or_else(|| {
                    invalid(&format!(
                        "Invalid Condition: unknown operation '{operation}'."
                    ))
                })?;
            let [_, first, second] = parts.as_slice() else {
                return Err(invalid(&format!(
                    "Invalid {known}: wrong number of arguments."
                )));
            };
            let (first, second) = (argument(first), argument(second));
            Ok(match known {
                "eq" => Condition::Equals {
                    field: first,
                    value: second,
                },
                "starts-with" => Condition::StartsWith {
                    field: first,
                    prefix: second,
                },
                _ => Condition::LengthRange {
                    least: first,
                    greatest: second,
                },
            })
        }
        _ => Err(invalid("Invalid condition test: must be a List or Object.")),
    }
}

fn argument(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// S3 allows two escapes that JSON does not have: `\$` and `\v`.
fn plain_escapes(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    let mut characters = json.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('$') => plain.push('$'),
            Some('v') => plain.push_str("\\u000b"),
            Some(other) => {
                plain.push('\\');
                plain.push(other);
            }
            None => plain.push('\\'),
        }
    }
    plain
}

fn invalid(text: &str) -> AwsError {
    AwsError::new(
        400,
        "InvalidPolicyDocument",
        format!("Invalid Policy: {text}"),
    )
}

fn refused(text: &str) -> AwsError {
    AwsError::new(
        403,
        "AccessDenied",
        format!("Invalid according to Policy: {text}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(json: &str) -> String {
        base64::engine::general_purpose::STANDARD.encode(json)
    }

    fn policy(conditions: &str) -> Result<Policy, AwsError> {
        Policy::parse(&encoded(&format!(
            "{{\"expiration\": \"2026-01-02T03:04:05.000Z\", \"conditions\": [{conditions}]}}"
        )))
    }

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn now(offset: i64) -> Timestamp {
        Timestamp::from_second(1_767_323_045 + offset).unwrap()
    }

    #[test]
    fn broken_policies_are_refused_in_the_words_of_s3() {
        let told = |text: &str| Policy::parse(text).unwrap_err().message;
        assert_eq!(told("%"), "Invalid Policy: invalid Base64 encoding.");
        assert_eq!(
            told(""),
            "Invalid Policy: Expecting '{' but found End-of-Input"
        );
        for (json, expected) in [
            ("{", "Invalid JSON."),
            ("{\"conditions\":[]}", "Policy missing expiration."),
            (
                "{\"expiration\":\"x\",\"conditions\":[]}",
                "Invalid 'expiration' value: 'x'",
            ),
            (
                "{\"expiration\":\"2026-01-02 03:04:05+00:00\",\"conditions\":[]}",
                "Invalid 'expiration' value: '2026-01-02 03:04:05+00:00'",
            ),
            (
                "{\"expiration\":\"2026-01-02T03:04:05Z\"}",
                "Policy missing conditions.",
            ),
            (
                "{\"expiration\":\"2026-01-02T03:04:05Z\",\"conditions\":{}}",
                "Invalid 'conditions' value: must be a List.",
            ),
            ("{\"x\":1}", "Unexpected: \"x\""),
        ] {
            assert_eq!(told(&encoded(json)), format!("Invalid Policy: {expected}"));
        }
        for (conditions, expected) in [
            ("1", "Invalid condition test: must be a List or Object."),
            (
                "[\"like\", \"$key\", \"a\"]",
                "Invalid Condition: unknown operation 'like'.",
            ),
            (
                "[\"eq\", \"$key\"]",
                "Invalid eq: wrong number of arguments.",
            ),
            (
                "{}",
                "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
            ),
            (
                "{\"acl\": 1}",
                "Invalid Simple-Condition: value must be a string.",
            ),
        ] {
            assert_eq!(
                policy(conditions).unwrap_err().message,
                format!("Invalid Policy: {expected}")
            );
        }
    }

    #[test]
    fn every_field_needs_a_condition_that_holds() {
        let policy = policy(
            "{\"bucket\": \"b\"}, [\"starts-with\", \"\\$key\", \"user/\"], {\"acl\": \"private\"}, \
             [\"starts-with\", \"$Content-Type\", \"image/\"], [\"content-length-range\", 1, 10]",
        )
        .unwrap();
        let good = [
            ("Key", "user/a"),
            ("acl", "private"),
            ("content-type", "image/png, image/gif"),
            ("x-ignore-me", "1"),
            ("Policy", "p"),
            ("x-amz-signature", "s"),
        ];
        let told = |pairs: &[(&str, &str)], bucket: &str, offset: i64| {
            policy
                .check(&fields(pairs), bucket, now(offset))
                .map_err(|error| error.message)
        };
        let range = told(&good, "b", -1).unwrap().unwrap();
        assert!(range.check(10).is_ok());
        assert_eq!(range.check(11).unwrap_err().code, "EntityTooLarge");
        assert_eq!(range.check(0).unwrap_err().code, "EntityTooSmall");

        let refusal = |text: &str| Err(format!("Invalid according to Policy: {text}"));
        assert_eq!(told(&good, "b", 0), refusal("Policy expired."));
        assert_eq!(
            told(&good, "c", -1),
            refusal("Policy Condition failed: [\"eq\", \"$bucket\", \"b\"]")
        );
        let mut changed = good;
        changed[0].1 = "other/a";
        assert_eq!(
            told(&changed, "b", -1),
            refusal("Policy Condition failed: [\"starts-with\", \"$key\", \"user/\"]")
        );
        changed = good;
        changed[2].1 = "image/png,text/html";
        assert_eq!(
            told(&changed, "b", -1),
            refusal("Policy Condition failed: [\"starts-with\", \"$Content-Type\", \"image/\"]")
        );
        changed = good;
        changed[3].0 = "x-amz-meta-a";
        assert_eq!(
            told(&changed, "b", -1),
            refusal("Extra input fields: x-amz-meta-a")
        );
        assert_eq!(
            told(&good[..1], "b", -1),
            refusal("Policy Condition failed: [\"eq\", \"$acl\", \"private\"]")
        );
    }

    #[test]
    fn secrets_of_a_policy_are_not_repeated() {
        let key = "x-amz-server-side-encryption-customer-key";
        for (condition, told) in [
            (
                format!(r#"{{"{key}": "c2VjcmV0"}}"#),
                format!(r#"["eq", "${key}", ""]"#),
            ),
            (
                r#"["starts-with", "$X-Amz-Security-Token", "c2VjcmV0"]"#.to_owned(),
                r#"["starts-with", "$X-Amz-Security-Token", ""]"#.to_owned(),
            ),
        ] {
            let policy = policy(&condition).unwrap();
            let refused = policy.check(&[], "b", now(-1)).unwrap_err();
            let prefix = "Invalid according to Policy: Policy Condition failed: ";
            assert_eq!(refused.message, format!("{prefix}{told}"));
        }
    }

    #[test]
    fn a_form_is_signed_whole_or_not_at_all() {
        let signed = fields(&[
            ("policy", "p"),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("X-AMZ-CREDENTIAL", "c"),
            ("x-amz-date", "d"),
        ]);
        let error = credentials(&signed).map(|_| ()).unwrap_err();
        assert_eq!(
            error.message,
            "Bucket POST must contain a field named 'X-Amz-Signature'.  If it is specified, please check the order of the fields."
        );
        assert!(credentials(&fields(&[("key", "k")])).unwrap().is_none());
        assert_eq!(
            with_filename("user/${filename}", "C:\\a\\b.txt"),
            "user/b.txt"
        );
    }
}
