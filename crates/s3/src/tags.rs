//! Tags of objects and of buckets. AWS: Categorizing your objects using tags, Using cost allocation
//! S3 bucket tags.
use std::collections::HashSet;

use catalog::Action;
use gate::Ask;
use serde::{Deserialize, Serialize};

use crate::S3Error;

/// The most tags of an object.
const COUNT_MAX: usize = 10;
/// The most tags of a bucket.
const BUCKET_COUNT_MAX: usize = 50;
/// The longest key, in characters.
const KEY_CHARS_MAX: usize = 128;
/// The longest value, in characters.
const VALUE_CHARS_MAX: usize = 256;

/// A `Tag` element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Tag {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// Tags in the order given.
pub(crate) type Tags = Vec<(String, String)>;

/// Reads the `TagSet` of a body.
pub(crate) fn from_elements(tags: Vec<Tag>) -> Result<Tags, S3Error> {
    let tags: Tags = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    check(&tags)?;
    let mut seen = HashSet::new();
    match tags.iter().find(|(key, _)| !seen.insert(key.as_str())) {
        Some((key, _)) => Err(S3Error::InvalidTag {
            text: "Cannot provide multiple Tags with the same key".to_owned(),
            key: key.clone(),
        }),
        None => Ok(tags),
    }
}

/// Reads the `TagSet` of a bucket. AWS looks at the tags one after the other and counts them last.
pub(crate) fn of_bucket(tags: Vec<Tag>) -> Result<Tags, S3Error> {
    let mut seen = HashSet::new();
    for Tag { key, value } in &tags {
        check_tag(
            key,
            value,
            "System tags cannot be added/updated by requester",
        )?;
        if !seen.insert(key.as_str()) {
            return Err(S3Error::InvalidTag {
                text: "Cannot provide multiple Tags with the same key".to_owned(),
                key: key.clone(),
            });
        }
    }
    if tags.len() > BUCKET_COUNT_MAX {
        return Err(S3Error::BadBucketTagCount);
    }
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

/// Reads the header `x-amz-tagging`: URL query parameters.
pub(crate) fn from_header(text: &str) -> Result<Tags, S3Error> {
    let malformed = || {
        S3Error::invalid_argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
            "x-amz-tagging",
            text,
        )
    };
    let tags = wire::request::query_pairs(text).map_err(|_| malformed())?;
    let mut seen = HashSet::new();
    if tags.iter().any(|(key, _)| !seen.insert(key.as_str())) {
        return Err(malformed());
    }
    check(&tags)?;
    Ok(tags)
}

fn check(tags: &Tags) -> Result<(), S3Error> {
    if tags.len() > COUNT_MAX {
        return Err(S3Error::BadTagCount);
    }
    for (key, value) in tags {
        check_tag(key, value, "Your TagKey cannot be prefixed with aws:")?;
    }
    Ok(())
}

/// `reserved` are the words about keys of AWS's own.
fn check_tag(key: &str, value: &str, reserved: &str) -> Result<(), S3Error> {
    let invalid = |text: &str| {
        Err(S3Error::InvalidTag {
            text: text.to_owned(),
            key: key.to_owned(),
        })
    };
    let key_chars = key.chars().count();
    if key_chars == 0 || key_chars > KEY_CHARS_MAX || !key.chars().all(is_allowed) {
        return invalid("The TagKey you have provided is invalid");
    }
    if key.starts_with("aws:") {
        return invalid(reserved);
    }
    if value.chars().count() > VALUE_CHARS_MAX || !value.chars().all(is_allowed) {
        return Err(S3Error::InvalidTagValue {
            key: key.to_owned(),
            value: value.to_owned(),
        });
    }
    Ok(())
}

/// Letters, digits and spaces of any script, and `+ - = . _ : / @`.
fn is_allowed(character: char) -> bool {
    character.is_alphanumeric() || character == ' ' || "+-=._:/@".contains(character)
}

/// Adds `s3:RequestObjectTag/KEY` and `s3:RequestObjectTagKeys` (spec S-4).
pub(crate) fn onto<A: Action>(tags: &Tags, ask: Ask<A>) -> Ask<A> {
    let keys = tags.iter().map(|(key, _)| key.clone()).collect();
    tags.iter()
        .fold(ask, |ask, (key, value)| {
            ask.with(&format!("s3:RequestObjectTag/{key}"), value.as_str())
        })
        .with_many("s3:RequestObjectTagKeys", keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(result: Result<Tags, S3Error>) -> String {
        match result {
            Ok(tags) => format!("{tags:?}"),
            Err(error) => format!("{}: {error}", error.code()),
        }
    }

    fn body(tags: &[(&str, &str)]) -> String {
        told(from_elements(
            tags.iter()
                .map(|(key, value)| Tag {
                    key: (*key).to_owned(),
                    value: (*value).to_owned(),
                })
                .collect(),
        ))
    }

    #[test]
    fn tags_are_refused_in_awss_words() {
        assert_eq!(
            body(&[("a", "1"), ("a", "2")]),
            "InvalidTag: Cannot provide multiple Tags with the same key"
        );
        assert_eq!(
            body(&[("Key1,Key2", "")]),
            "InvalidTag: The TagKey you have provided is invalid"
        );
        assert_eq!(
            body(&[("k", "Val1,Val2")]),
            "InvalidTag: The TagValue you have provided is invalid"
        );
        assert_eq!(
            body(&[("aws:prefixed", "")]),
            "InvalidTag: Your TagKey cannot be prefixed with aws:"
        );
        let eleven: Vec<String> = (0..11).map(|n| format!("k{n}")).collect();
        let eleven: Vec<(&str, &str)> = eleven.iter().map(|key| (key.as_str(), "")).collect();
        assert_eq!(
            body(&eleven),
            "BadRequest: Object tags cannot be greater than 10"
        );
        assert!(body(&[(&"k".repeat(128), &"ü".repeat(256))]).starts_with('['));
        assert!(body(&[(&"k".repeat(129), "")]).starts_with("InvalidTag"));
    }

    #[test]
    fn the_header_is_a_query_string() {
        assert_eq!(
            told(from_header("a=1&b%20c=%2F")),
            r#"[("a", "1"), ("b c", "/")]"#
        );
        assert_eq!(told(from_header("a")), r#"[("a", "")]"#);
        assert!(
            told(from_header("a=1&a=2"))
                .starts_with("InvalidArgument: The header 'x-amz-tagging' shall")
        );
    }
}
