//! Cross-origin resource sharing: the rules of a bucket, and what they let a browser show to a page.
//!
//! Rules allow nobody anything: whoever calls is judged as without them. AWS: "Using cross-origin
//! resource sharing (CORS)", "Elements of a CORS configuration".
use std::collections::HashSet;

use catalog::BucketName;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use vault::Vault;

use crate::{Response, S3Error};

/// The most rules of a configuration.
const RULES_MAX: usize = 100;
/// The largest configuration, in bytes of its XML.
pub(crate) const BYTES_MAX: usize = 64 * 1024;
/// The longest id of a rule, in characters.
const ID_CHARS_MAX: usize = 255;
/// The methods that rules may allow.
const METHODS: &[&str] = &["GET", "PUT", "HEAD", "POST", "DELETE"];

const NOT_ALLOWED: &str = "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.";
const VARY: &str = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

/// A configuration with the model's member names, as it is received, stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CorsConfiguration {
    #[serde(rename = "CORSRules")]
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Rule {
    #[serde(rename = "ID", default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allowed_headers: Vec<String>,
    allowed_methods: Vec<String>,
    allowed_origins: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    expose_headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age_seconds: Option<u32>,
}

/// What a browser says of the request that a page makes, or wants to make.
struct Asked<'a> {
    origin: &'a str,
    method: &'a str,
    /// In lower case.
    headers: Vec<String>,
}

impl CorsConfiguration {
    /// # Errors
    /// `MalformedXML`, `InvalidRequest`.
    pub(crate) fn check(&self) -> Result<(), S3Error> {
        if self.rules.is_empty() {
            return Err(S3Error::MalformedXml);
        }
        if self.rules.len() > RULES_MAX {
            return Err(S3Error::invalid_request(format!(
                "The number of CORS rules should not exceed allowed limit of {RULES_MAX} rules."
            )));
        }
        let mut ids = HashSet::new();
        for rule in &self.rules {
            rule.check()?;
            if let Some(id) = &rule.id
                && !ids.insert(id)
            {
                return Err(S3Error::invalid_request(
                    "Rule ID must be unique. Found same ID for more than one rule",
                ));
            }
        }
        Ok(())
    }

    /// The first rule that fits counts, and no other.
    fn rule(&self, asked: &Asked<'_>) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.fits(asked))
    }
}

impl Rule {
    fn check(&self) -> Result<(), S3Error> {
        if self.allowed_methods.is_empty() || self.allowed_origins.is_empty() {
            return Err(S3Error::MalformedXml);
        }
        let invalid = |text: String| Err(S3Error::invalid_request(text));
        if let Some(method) = self
            .allowed_methods
            .iter()
            .find(|method| !METHODS.contains(&method.as_str()))
        {
            return invalid(format!(
                "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            ));
        }
        for (element, values) in [
            ("AllowedOrigin", &self.allowed_origins),
            ("AllowedHeader", &self.allowed_headers),
        ] {
            let twice = |value: &&String| value.matches('*').count() > 1;
            if let Some(value) = values.iter().find(twice) {
                return invalid(format!(
                    "{element} \"{value}\" can not have more than one wildcard."
                ));
            }
        }
        for header in &self.expose_headers {
            if header.contains('*') {
                return invalid(format!(
                    "ExposeHeader \"{header}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
                ));
            }
            if HeaderName::from_bytes(header.as_bytes()).is_err() {
                return invalid(format!(
                    "ExposeHeader \"{header}\" contains invalid character."
                ));
            }
        }
        match &self.id {
            Some(id) if id.chars().count() > ID_CHARS_MAX => invalid(format!(
                "ID length should not exceed allowed limit of {ID_CHARS_MAX}"
            )),
            Some(_) | None => Ok(()),
        }
    }

    fn fits(&self, asked: &Asked<'_>) -> bool {
        let header_fits = |header: &String| {
            let allows = |allowed: &String| is_like(&allowed.to_ascii_lowercase(), header);
            self.allowed_headers.iter().any(allows)
        };
        self.allowed_methods
            .iter()
            .any(|method| method == asked.method)
            && self
                .allowed_origins
                .iter()
                .any(|allowed| is_like(allowed, asked.origin))
            && asked.headers.iter().all(header_fits)
    }

    fn tell(&self, asked: &Asked<'_>, headers: &mut HeaderMap) {
        let mut set = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        // A browser takes no credentials to a resource that is everyone's.
        if self.allowed_origins.iter().any(|origin| origin == "*") {
            set("access-control-allow-origin", "*");
        } else {
            set("access-control-allow-origin", asked.origin);
            set("access-control-allow-credentials", "true");
        }
        set(
            "access-control-allow-methods",
            &self.allowed_methods.join(", "),
        );
        if !asked.headers.is_empty() {
            set("access-control-allow-headers", &asked.headers.join(", "));
        }
        if !self.expose_headers.is_empty() {
            set(
                "access-control-expose-headers",
                &self.expose_headers.join(", "),
            );
        }
        if let Some(seconds) = self.max_age_seconds {
            set("access-control-max-age", &seconds.to_string());
        }
        set("vary", VARY);
    }
}

/// Compares with a pattern that has at most one `*`.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => text
            .strip_prefix(start)
            .is_some_and(|rest| rest.ends_with(end)),
    }
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn asked<'a>(origin: &'a str, method: &'a str, headers: &HeaderMap) -> Asked<'a> {
    let names = text_of(headers, "access-control-request-headers").unwrap_or_default();
    let names = names.split(',').map(str::trim);
    Asked {
        origin,
        method,
        headers: names
            .filter(|name| !name.is_empty())
            .map(str::to_ascii_lowercase)
            .collect(),
    }
}

fn configuration(vault: &Vault, bucket: &BucketName) -> Result<Option<CorsConfiguration>, S3Error> {
    let kept = vault.cors_for_browsers(bucket)?;
    kept.map(|kept| serde_json::from_value(kept).map_err(S3Error::internal))
        .transpose()
}

/// Answers a preflight: nobody signs one, and nothing but the bucket's rules is asked.
///
/// # Errors
/// `BadRequest`, `AccessForbidden`.
pub fn preflight(
    vault: &Vault,
    bucket: Option<&str>,
    key: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, S3Error> {
    let Some(origin) = text_of(headers, "origin") else {
        return Err(S3Error::BadPreflight);
    };
    let method = text_of(headers, "access-control-request-method").unwrap_or("OPTIONS");
    let forbidden = |text: &str, resource: &str| S3Error::CorsForbidden {
        text: text.to_owned(),
        method: method.to_owned(),
        resource: resource.to_owned(),
    };
    let no_bucket = || forbidden("CORSResponse: Bucket not found", "BUCKET");
    let bucket = BucketName::parse(bucket.unwrap_or_default()).map_err(|_| no_bucket())?;
    let configuration = match configuration(vault, &bucket) {
        Ok(Some(configuration)) => configuration,
        Ok(None) => {
            let text = "CORSResponse: CORS is not enabled for this bucket.";
            return Err(forbidden(text, "BUCKET"));
        }
        Err(S3Error::NoSuchBucket { .. }) => return Err(no_bucket()),
        Err(error) => return Err(error),
    };
    let asked = asked(origin, method, headers);
    let rule = configuration
        .rule(&asked)
        .ok_or_else(|| forbidden(NOT_ALLOWED, if key.is_some() { "OBJECT" } else { "BUCKET" }))?;
    let mut response = Response::empty(200);
    rule.tell(&asked, &mut response.headers);
    Ok(response)
}

/// Adds to an answer, be it an error, what lets the page read it that made the request: nothing
/// without `Origin`, or when no rule fits.
///
/// # Errors
/// The stored rules cannot be read.
pub fn onto(
    answer: &mut HeaderMap,
    vault: &Vault,
    bucket: &BucketName,
    method: &str,
    headers: &HeaderMap,
) -> Result<(), S3Error> {
    let Some(origin) = text_of(headers, "origin") else {
        return Ok(());
    };
    let configuration = match configuration(vault, bucket) {
        Ok(Some(configuration)) => configuration,
        Ok(None) | Err(S3Error::NoSuchBucket { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let asked = asked(origin, method, headers);
    if let Some(rule) = configuration.rule(&asked) {
        rule.tell(&asked, answer);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(rules: &Value) -> String {
        let read: Result<CorsConfiguration, _> =
            serde_json::from_value(json!({ "CORSRules": rules }));
        match read.unwrap().check() {
            Ok(()) => "kept".to_owned(),
            Err(error) => format!("{}: {error}", error.code()),
        }
    }

    #[test]
    fn rules_are_refused_in_awss_words() {
        let rule = |change: &Value| {
            let mut rule = json!({"AllowedMethods": ["GET"], "AllowedOrigins": ["http://*.a"]});
            for (name, value) in change.as_object().unwrap() {
                rule[name] = value.clone();
            }
            rule
        };
        let one = |change: Value| told(&json!([rule(&change)]));
        assert_eq!(one(json!({})), "kept");
        assert_eq!(one(json!({"AllowedOrigins": [""]})), "kept");
        assert_eq!(
            one(json!({"AllowedMethods": ["GET", "get"]})),
            "InvalidRequest: Found unsupported HTTP method in CORS config. Unsupported method is get"
        );
        assert_eq!(
            one(json!({"AllowedOrigins": ["*example*.com"]})),
            "InvalidRequest: AllowedOrigin \"*example*.com\" can not have more than one wildcard."
        );
        assert_eq!(
            one(json!({"AllowedHeaders": ["*", "x-*-*"]})),
            "InvalidRequest: AllowedHeader \"x-*-*\" can not have more than one wildcard."
        );
        assert!(one(json!({"ExposeHeaders": ["x-*"]})).contains("contains wildcard"));
        assert!(one(json!({"ExposeHeaders": ["x y"]})).contains("contains invalid character"));
        assert!(one(json!({"ID": "i".repeat(256)})).starts_with("InvalidRequest"));
        assert!(one(json!({"AllowedMethods": []})).starts_with("MalformedXML"));
        assert!(told(&json!([])).starts_with("MalformedXML"));
        assert_eq!(told(&json!(vec![rule(&json!({})); 100])), "kept");
        assert_eq!(
            told(&json!(vec![rule(&json!({})); 101])),
            "InvalidRequest: The number of CORS rules should not exceed allowed limit of 100 rules."
        );
        let twins = vec![rule(&json!({"ID": "a"})); 2];
        assert!(told(&json!(twins)).contains("Rule ID must be unique"));
    }

    #[test]
    fn a_wildcard_stands_for_any_text_and_its_sides_do_not_overlap() {
        assert!(is_like("*", ""));
        assert!(is_like("http://*.a.com", "http://x.a.com"));
        assert!(is_like("http://a.com", "http://a.com"));
        assert!(!is_like("http://a.com", "http://a.com.evil"));
        assert!(!is_like("http://*.a.com", "http://x.a.com.evil"));
        assert!(!is_like("aa*aa", "aaa"));
    }
}
