//! Bucket names and object keys.
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of a bucket. AWS: Bucket naming rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BucketName(Arc<str>); // INVARIANT: obeys the naming rules, so it needs no escaping.

/// The text is not a bucket name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The specified bucket is not valid.")]
pub struct InvalidBucketName;

impl BucketName {
    /// Reads 3 to 63 lower-case letters, digits, dots and hyphens that form labels as DNS has
    /// them, are not an IP address and have none of the prefixes and suffixes that AWS reserves.
    pub fn parse(text: &str) -> Result<BucketName, InvalidBucketName> {
        let bytes_ok = text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'));
        let edges_ok = [text.bytes().next(), text.bytes().last()]
            .iter()
            .all(|edge| edge.is_some_and(|b| b.is_ascii_alphanumeric()));
        let reserved = text.starts_with("xn--")
            || text.starts_with("sthree-")
            || text.starts_with("amzn-s3-demo-")
            || text.ends_with("-s3alias")
            || text.ends_with("--ol-s3")
            || text.ends_with(".mrap")
            || text.ends_with("--x-s3")
            || text.ends_with("--table-s3");
        let valid = (3..=63).contains(&text.len())
            && bytes_ok
            && edges_ok
            && !text.contains("..")
            && !reserved
            && text.parse::<Ipv4Addr>().is_err();
        if valid {
            Ok(BucketName(text.into()))
        } else {
            Err(InvalidBucketName)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BucketName {
    type Error = InvalidBucketName;
    fn try_from(text: String) -> Result<BucketName, InvalidBucketName> {
        BucketName::parse(&text)
    }
}

impl From<BucketName> for String {
    fn from(name: BucketName) -> String {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key of an object: 1 to 1024 bytes of UTF-8, any character. AWS: Naming Amazon S3 objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectKey(Arc<str>); // INVARIANT: 1..=1024 bytes.

/// The text is not an object key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidObjectKey {
    /// No byte.
    #[error("the key is empty")]
    Empty,
    /// More than 1024 bytes.
    #[error("Your key is too long")]
    TooLong {
        /// Bytes that were sent.
        size_bytes: usize,
    },
}

impl ObjectKey {
    /// The longest key.
    pub const SIZE_BYTES_MAX: usize = 1024;

    /// Reads a key as it is: nothing is normalised, `..` and `//` are characters like others.
    pub fn parse(text: &str) -> Result<ObjectKey, InvalidObjectKey> {
        match text.len() {
            0 => Err(InvalidObjectKey::Empty),
            size_bytes if size_bytes > Self::SIZE_BYTES_MAX => {
                Err(InvalidObjectKey::TooLong { size_bytes })
            }
            _ => Ok(ObjectKey(text.into())),
        }
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = InvalidObjectKey;
    fn try_from(text: String) -> Result<ObjectKey, InvalidObjectKey> {
        ObjectKey::parse(&text)
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> String {
        key.0.as_ref().to_owned()
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_follow_the_naming_rules() {
        for name in [
            "abc",
            "my.test.bucket",
            "aniket.help",
            "1-2",
            "a".repeat(63).as_str(),
        ] {
            assert!(BucketName::parse(name).is_ok(), "{name}");
        }
        let bad = [
            "",
            "ab",
            "Abc",
            "a_b",
            "-abc",
            "abc-",
            "a..b",
            ".abc",
            "192.168.5.4",
            "xn--abc",
            "abc-s3alias",
            "a b",
            "a/b",
            "ü12",
            "abc\n",
        ];
        for name in bad {
            assert!(BucketName::parse(name).is_err(), "{name}");
        }
        assert!(BucketName::parse(&"a".repeat(64)).is_err());
    }

    #[test]
    fn keys_are_any_text_of_1_to_1024_bytes() {
        for key in ["a", "../x", "a//b", "\u{1}", "ü", "/", " "] {
            assert_eq!(ObjectKey::parse(key).unwrap().as_str(), key);
        }
        assert!(ObjectKey::parse(&"k".repeat(1024)).is_ok());
        assert_eq!(ObjectKey::parse(""), Err(InvalidObjectKey::Empty));
        assert_eq!(
            ObjectKey::parse(&"k".repeat(1025)),
            Err(InvalidObjectKey::TooLong { size_bytes: 1025 })
        );
    }
}
