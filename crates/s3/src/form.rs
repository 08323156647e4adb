//! POST policy forms: <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>
//!
//! A form stores an object as PutObject does, from fields in place of headers, and is answered as it asks.
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{Response, ResponseBody, S3Error, metadata};

/// The headers of PutObject for the fields of a form. `tags` is the decoded field `tagging`, as the input of
/// PutObjectTagging has it.
///
/// # Errors
/// `InvalidArgument` for a value that no header can have, and for a second value: the policy was compared with the first.
pub fn headers(fields: &[(String, String)], tags: Option<&Value>) -> Result<HeaderMap, S3Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = name.to_ascii_lowercase();
        let header = match name.as_str() {
            "acl" => "x-amz-acl",
            "tagging" => "x-amz-tagging",
            "cache-control"
            | "content-type"
            | "content-disposition"
            | "content-encoding"
            | "content-md5"
            | "expires" => &name,
            // They sign the form.
            "x-amz-algorithm"
            | "x-amz-credential"
            | "x-amz-date"
            | "x-amz-signature"
            | "x-amz-security-token" => continue,
            other if other.starts_with("x-amz-") => other,
            // Of the form itself, or nobody's.
            _ => continue,
        };
        let shown = match (header, tags) {
            ("x-amz-tagging", Some(tags)) => tag_query(tags),
            // Fields are UTF-8, unlike headers.
            (header, _) if header.starts_with("x-amz-meta-") => metadata::shown(value).into_owned(),
            _ => value.clone(),
        };
        let parts = (
            HeaderName::from_bytes(header.as_bytes()),
            HeaderValue::from_bytes(shown.as_bytes()),
        );
        // Errors do not repeat values: one may be a customer's key.
        let (Ok(header), Ok(shown)) = parts else {
            let text = "The value of a field cannot stand in a header.";
            return Err(S3Error::invalid_argument(text, name, ""));
        };
        if headers.insert(header, shown).is_some() {
            let text = "A form must not have several values for one field.";
            return Err(S3Error::invalid_argument(text, name, ""));
        }
    }
    Ok(headers)
}

/// Tags as the header `x-amz-tagging` has them.
fn tag_query(tags: &Value) -> String {
    let set = tags.get("TagSet").and_then(Value::as_array);
    let pairs = set.into_iter().flatten().map(|tag| {
        let part = |name: &str| {
            let text = tag.get(name).and_then(Value::as_str).unwrap_or_default();
            encoded(text)
        };
        format!("{}={}", part("Key"), part("Value"))
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Everything but what URLs never reserve.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A key as the path of a URL has it.
#[must_use]
pub fn path(key: &str) -> String {
    const PATH: &AsciiSet = &ENCODED.remove(b'/');
    utf8_percent_encode(key, PATH).to_string()
}

/// What a form made.
#[derive(Clone, Copy, Debug)]
pub struct Posted<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The key.
    pub key: &'a str,
    /// The URL of the object.
    pub location: &'a str,
}

/// The answer that the form asks for, from that of PutObject: a redirection, the status 200, 201 with a document, or 204.
#[must_use]
pub fn answer(fields: &[(String, String)], posted: Posted<'_>, mut put: Response) -> Response {
    let field = |name: &str| wire::post::field(fields, name);
    let etag = put.headers.get(http::header::ETAG);
    let etag = etag
        .and_then(|etag| etag.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    put.set("location", posted.location);
    let redirect = field("success_action_redirect").or_else(|| field("redirect"));
    let target = redirect.filter(|url| url.starts_with("http://") || url.starts_with("https://"));
    if let Some(url) = target {
        let joint = if url.contains('?') { '&' } else { '?' };
        let (bucket, key) = (encoded(posted.bucket), encoded(posted.key));
        let etag = encoded(&etag);
        put.status = 303;
        put.set(
            "location",
            &format!("{url}{joint}bucket={bucket}&key={key}&etag={etag}"),
        );
        return put;
    }
    match field("success_action_status") {
        Some("200") => put.status = 200,
        Some("201") => {
            let mut xml = wire::xml::Writer::document();
            xml.open("PostResponse");
            let parts = [
                ("Location", posted.location),
                ("Bucket", posted.bucket),
                ("Key", posted.key),
                ("ETag", etag.as_str()),
            ];
            for (name, text) in parts {
                xml.text(name, text);
            }
            xml.close("PostResponse");
            put.status = 201;
            put.set("content-type", "application/xml");
            put.body = ResponseBody::Full(xml.finish().into());
        }
        // Whatever else is asked for.
        Some(_) | None => put.status = 204,
    }
    put
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn fields_become_the_headers_of_a_put() {
        let sent = fields(&[
            ("key", "k"),
            ("ACL", "private"),
            ("Content-Type", "text/plain"),
            ("x-amz-meta-note", "é"),
            ("x-amz-signature", "secret"),
            ("success_action_status", "201"),
            ("tagging", "<Tagging>…"),
        ]);
        let tags = json!({"TagSet": [{"Key": "a b", "Value": "1&2"}, {"Key": "c", "Value": ""}]});
        let headers = headers(&sent, Some(&tags)).unwrap();
        let mut told: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        told.sort();
        assert_eq!(
            told,
            [
                "content-type: text/plain",
                "x-amz-acl: private",
                "x-amz-meta-note: =?UTF-8?B?w6k=?=",
                "x-amz-tagging: a%20b=1%262&c=",
            ]
        );
        let key = "x-amz-server-side-encryption-customer-key";
        let error = super::headers(&fields(&[(key, "se\ncret")]), None).unwrap_err();
        assert!(!format!("{:?}", error.to_aws()).contains("cret"));
    }

    #[test]
    fn a_field_has_one_value_which_is_the_one_that_the_policy_saw() {
        for twice in [
            [("acl", "private"), ("acl", "public-read")],
            [("acl", "private"), ("X-Amz-Acl", "public-read")],
            [
                ("Content-Type", "text/plain"),
                ("content-type", "text/html"),
            ],
            [("x-amz-meta-a", "1"), ("X-Amz-Meta-A", "2")],
        ] {
            let error = headers(&fields(&twice), None).unwrap_err();
            assert_eq!(error.code(), "InvalidArgument", "{twice:?}");
        }
        assert!(headers(&fields(&[("note", "1"), ("note", "2")]), None).is_ok());
    }

    #[test]
    fn a_form_is_answered_as_it_asks() {
        let posted = Posted {
            bucket: "b",
            key: "a/k",
            location: "http://host/b/a/k",
        };
        let told = |pairs: &[(&str, &str)]| {
            let mut put = Response::empty(200);
            put.set("etag", "\"e\"");
            let answer = answer(&fields(pairs), posted, put);
            let location = answer.headers.get("location").unwrap().to_str().unwrap();
            format!("{} {location}", answer.status)
        };
        assert_eq!(told(&[]), "204 http://host/b/a/k");
        assert_eq!(
            told(&[("success_action_status", "404")]),
            "204 http://host/b/a/k"
        );
        assert_eq!(
            told(&[("success_action_status", "200")]),
            "200 http://host/b/a/k"
        );
        assert_eq!(
            told(&[("success_action_status", "201")]),
            "201 http://host/b/a/k"
        );
        assert_eq!(
            told(&[("success_action_redirect", "https://x/done?a=1")]),
            "303 https://x/done?a=1&bucket=b&key=a%2Fk&etag=%22e%22"
        );
        assert_eq!(
            told(&[("redirect", "javascript:x")]),
            "204 http://host/b/a/k"
        );
    }
}
