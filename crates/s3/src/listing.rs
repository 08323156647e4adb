//! What listings have in common: limits, tokens, encoded names.
use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use catalog::Action;
use gate::Ask;
use serde::Serialize;
use serde_json::{Value, json};
use vault::{ListedObject, ListedObjects};
use wire::rest::Written;
use wire::xml::Writer;

use crate::{Request, Response, S3Error};

/// The longest page. AWS: ListObjectsV2.
pub(crate) const LIMIT_MAX: usize = 1000;

/// The query parameters of a listing as sent: condition keys exist only for those (spec S-4).
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    prefix: Option<String>,
    delimiter: Option<String>,
    max_keys: Option<String>,
}

impl Sent {
    pub(crate) fn read(request: &Request) -> Sent {
        let parameter = |name| request.parameter(name).map(str::to_owned);
        Sent {
            prefix: parameter("prefix"),
            delimiter: parameter("delimiter"),
            max_keys: parameter("max-keys"),
        }
    }

    pub(crate) fn onto<A: Action>(&self, ask: Ask<A>) -> Ask<A> {
        ask.with_some("s3:prefix", self.prefix.as_deref())
            .with_some("s3:delimiter", self.delimiter.as_deref())
            .with_some("s3:max-keys", self.max_keys.as_deref())
    }
}

/// What an answer repeats of the request: nothing of a delimiter that is empty.
pub(crate) fn shown(delimiter: Option<&str>) -> Option<&str> {
    delimiter.filter(|delimiter| !delimiter.is_empty())
}

/// How many entries a page holds: more than 1000 mean 1000.
pub(crate) fn limit(asked: Option<i64>, name: &'static str) -> Result<usize, S3Error> {
    match asked {
        None => Ok(LIMIT_MAX),
        Some(asked) => usize::try_from(asked)
            .map(|asked| asked.min(LIMIT_MAX))
            .map_err(|_| {
                S3Error::invalid_argument(
                    format!("Argument {name} must be an integer between 0 and 2147483647"),
                    name,
                    asked.to_string(),
                )
            }),
    }
}

/// Where a page begins that is to come after this marker. A marker below a common prefix has passed all of it: AWS
/// leaves out common prefixes that are not greater than the marker.
pub(crate) fn after(
    marker: Option<&str>,
    prefix: Option<&str>,
    delimiter: Option<&str>,
) -> Option<String> {
    let marker = marker.filter(|marker| !marker.is_empty())?;
    let prefix = prefix.unwrap_or_default();
    let passed = shown(delimiter).and_then(|delimiter| {
        let (name, _) = marker.strip_prefix(prefix)?.split_once(delimiter)?;
        Some(format!("{prefix}{name}{delimiter}"))
    });
    Some(passed.unwrap_or_else(|| marker.to_owned()))
}

/// `x-amz-optional-object-attributes`. The restore status of an object that was never archived is not shown, so there
/// is nothing to add (AWS: RestoreStatus).
pub(crate) fn check_attributes(names: &[String]) -> Result<(), S3Error> {
    match names.iter().find(|name| *name != "RestoreStatus") {
        None => Ok(()),
        Some(_) => Err(S3Error::invalid_argument(
            "Invalid attribute name specified.",
            "x-amz-optional-object-attributes",
            names.join(","),
        )),
    }
}

/// `part-number-marker`: a number that is text in the model.
pub(crate) fn part_marker(marker: Option<&Value>) -> Result<u32, S3Error> {
    let text = match marker {
        None => return Ok(0),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    text.parse().map_err(|_| {
        S3Error::invalid_argument(
            "Provided part-number-marker not an integer or within integer range",
            "part-number-marker",
            text,
        )
    })
}

/// Whether names in an answer are percent-encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Url,
}

impl Encoding {
    /// Reads `encoding-type`.
    pub(crate) fn read(text: Option<&str>) -> Result<Encoding, S3Error> {
        match text {
            None => Ok(Encoding::Plain),
            Some("url") => Ok(Encoding::Url),
            Some(other) => Err(S3Error::invalid_argument(
                "Invalid Encoding Method specified in Request",
                "encoding-type",
                other,
            )),
        }
    }

    /// A name as the answer shows it.
    pub(crate) fn text(self, text: &str) -> Cow<'_, str> {
        match self {
            Encoding::Plain => Cow::Borrowed(text),
            Encoding::Url => Cow::Owned(encoded(text)),
        }
    }
}

/// As a query string would have it: blanks are `+`, slashes stay.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => {
                let hex = hex::encode_upper([byte]);
                encoded.push('%');
                encoded.push_str(&hex);
            }
        }
    }
    encoded
}

/// The token of a page that begins after this key.
pub(crate) fn token(after: &str) -> String {
    format!("1{}", URL_SAFE_NO_PAD.encode(after))
}

/// What a token says.
pub(crate) fn after_of(token: &str) -> Result<String, S3Error> {
    let decoded = token
        .strip_prefix('1')
        .and_then(|token| URL_SAFE_NO_PAD.decode(token).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| S3Error::InvalidContinuationToken {
        name: "continuation-token".to_owned(),
    })
}

/// The elements of a page.
pub(crate) struct Listing {
    pub(crate) count: usize,
    /// The elements `Contents`, written out: a page may have a thousand, and a client may ask for
    /// a million keys.
    contents: String,
    pub(crate) common_prefixes: Value,
}

/// About what an element `Contents` takes besides its key.
const CONTENTS_BYTES: usize = 320;

impl Listing {
    pub(crate) fn of(page: &ListedObjects, encoding: Encoding, with_owners: bool) -> Listing {
        let mut xml = Writer::fragment();
        let keys: usize = page.objects.iter().map(|object| object.key.len()).sum();
        xml.reserve(keys + page.objects.len() * CONTENTS_BYTES);
        for object in &page.objects {
            contents(object, encoding, with_owners, &mut xml);
        }
        let prefixes = page
            .common_prefixes
            .iter()
            .map(|prefix| json!({"Prefix": encoding.text(prefix)}));
        Listing {
            count: page.objects.len() + page.common_prefixes.len(),
            contents: xml.finish(),
            common_prefixes: prefixes.collect(),
        }
    }

    /// The answer: `output` and the elements.
    pub(crate) fn respond(&self, operation: &str, output: &impl Serialize) -> Response {
        let contents = Written {
            member: "Contents",
            xml: &self.contents,
        };
        Response::encode_with(operation, output, contents)
    }
}

/// The members of `Object` in the order of AWS's model.
fn contents(object: &ListedObject, encoding: Encoding, with_owner: bool, xml: &mut Writer) {
    xml.open("Contents");
    xml.text("Key", &encoding.text(&object.key));
    xml.open("LastModified");
    xml.time(object.last_modified);
    xml.close("LastModified");
    xml.open("ETag");
    xml.escaped("\"");
    xml.escaped(&object.etag);
    xml.escaped("\"");
    xml.close("ETag");
    if let Some((algorithm, kind)) = object.checksum {
        xml.text("ChecksumAlgorithm", algorithm.name());
        xml.text("ChecksumType", kind.name());
    }
    xml.open("Size");
    xml.number(object.bytes);
    xml.close("Size");
    xml.text("StorageClass", &object.storage_class);
    if with_owner {
        xml.open("Owner");
        xml.text("ID", &object.owner);
        xml.close("Owner");
    }
    xml.close("Contents");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_hold_any_key() {
        for key in ["a", "ü/\u{1} %", ""] {
            assert_eq!(after_of(&token(key)).unwrap(), key);
        }
        assert_eq!(
            after_of("wrong").unwrap_err().to_string(),
            "The continuation token provided is incorrect"
        );
    }

    #[test]
    fn a_marker_below_a_common_prefix_has_passed_it() {
        let told =
            |marker, prefix, delimiter| after(Some(marker), prefix, delimiter).unwrap_or_default();
        assert_eq!(told("a/b/c", None, Some("/")), "a/");
        assert_eq!(told("a/b/c", Some("a/"), Some("/")), "a/b/");
        assert_eq!(told("a/b", Some("a/"), Some("/")), "a/b");
        assert_eq!(told("b/c", Some("a/"), Some("/")), "b/c");
        assert_eq!(told("a/b/c", None, None), "a/b/c");
        assert_eq!(told("a/b/c", None, Some("")), "a/b/c");
        assert_eq!(after(Some(""), None, Some("/")), None);
    }

    #[test]
    fn names_are_encoded_as_in_a_query_string() {
        assert_eq!(Encoding::Url.text("a b/ü+~*"), "a+b/%C3%BC%2B%7E*");
        assert_eq!(Encoding::Plain.text("a b"), "a b");
        assert!(Encoding::read(Some("value")).is_err());
    }

    #[test]
    fn pages_hold_at_most_a_thousand() {
        assert_eq!(limit(None, "max-keys").unwrap(), 1000);
        assert_eq!(limit(Some(5000), "max-keys").unwrap(), 1000);
        assert_eq!(limit(Some(0), "max-keys").unwrap(), 0);
        assert!(limit(Some(-1), "max-keys").is_err());
    }
}
