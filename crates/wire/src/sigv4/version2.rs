//! Presigned URLs and POST forms of signature version 2, which the AWS CLI and boto3 still make for `us-east-1` and for
//! endpoints of one's own unless told otherwise. Nothing else of version 2 is taken.
//!
//! Source: AWS, "Signing and authenticating REST requests (AWS signature version 2)", query string request
//! authentication alternative.

use std::time::Duration;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::error::AwsError;
use crate::post;
use crate::request::{Request, header_text, query_pairs};
use crate::rest::is_subresource;
use crate::sigv4::{AuthType, Payload, Secret, Style, Verified, errors};
use crate::time;

/// Query parameters that are part of what is signed.
const SIGNED_PARAMETERS: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// Also whatever is newer than version 2's list and chooses the operation: else whoever has a URL could make another
/// request of it.
fn is_signed(parameter: &str) -> bool {
    SIGNED_PARAMETERS.contains(&parameter) || is_subresource(parameter)
}

/// What a presigned URL of version 2 says about its sender. Whether it is true is not known yet.
#[derive(Debug, Clone)]
pub struct PresentedUrl {
    access_key_id: String,
    signature: String,
    expires: String,
    session_token: Option<String>,
    parameters: Vec<(String, String)>,
}

/// Reads such a URL; `None` if the request is none.
///
/// # Errors
/// `AccessDenied` for a URL that lacks a parameter or has expired.
pub fn parse(request: &Request<'_>, now: Timestamp) -> Result<Option<PresentedUrl>, AwsError> {
    let parameters = query_pairs(request.query)?;
    let of = |name: &str| {
        let found = parameters.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.clone())
    };
    if request.headers.contains_key(http::header::AUTHORIZATION) {
        return Ok(None);
    }
    let (access_key_id, signature, expires) =
        match (of("AWSAccessKeyId"), of("Signature"), of("Expires")) {
            (Some(key), Some(signature), Some(expires)) => (key, signature, expires),
            _ => return Ok(None),
        };
    let seconds: i64 = expires.parse().map_err(|_| {
        AwsError::new(
            403,
            "AccessDenied",
            format!("Invalid date (should be seconds since epoch): {expires}"),
        )
    })?;
    if now.as_second() > seconds {
        let ended = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        return Err(AwsError::new(403, "AccessDenied", "Request has expired")
            .with_field("Expires", time::iso8601(ended))
            .with_field("ServerTime", time::iso8601(now)));
    }
    Ok(Some(PresentedUrl {
        access_key_id,
        signature,
        expires,
        session_token: of("x-amz-security-token"),
        parameters,
    }))
}

impl PresentedUrl {
    /// Whose key it is said to be.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The session token in the URL.
    #[must_use]
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// Compares the signature. `bucket_in_host` is the bucket where the host names it.
    ///
    /// # Errors
    /// `SignatureDoesNotMatch`.
    pub fn verify(
        &self,
        request: &Request<'_>,
        bucket_in_host: Option<&str>,
        secret: &Secret,
    ) -> Result<Verified, AwsError> {
        let to_sign = self.string_to_sign(request, bucket_in_host);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.bytes());
        let right = STANDARD.encode(hmac::sign(&key, to_sign.as_bytes()).as_ref());
        let same =
            constant_time::verify_slices_are_equal(right.as_bytes(), self.signature.as_bytes());
        if same.is_err() {
            return Err(errors::mismatch(
                Style::S3,
                &self.access_key_id,
                &self.signature,
                &to_sign,
                None,
            ));
        }
        Ok(Verified {
            access_key_id: self.access_key_id.clone(),
            auth_type: AuthType::Query,
            // The URL says when it ends, not when it was made.
            signature_age: Duration::ZERO,
            payload: Payload::Unsigned,
            seed: None,
        })
    }

    fn string_to_sign(&self, request: &Request<'_>, bucket_in_host: Option<&str>) -> String {
        let of = |name: &str| self.signed_value(request, name).unwrap_or_default();
        let mut text = format!(
            "{}\n{}\n{}\n{}\n",
            request.method,
            of("content-md5"),
            of("content-type"),
            self.expires
        );
        for name in self.amz_names(request) {
            let value = of(&name);
            text.push_str(&format!("{name}:{value}\n"));
        }
        if let Some(bucket) = bucket_in_host {
            text.push('/');
            text.push_str(bucket);
        }
        text.push_str(if request.path.is_empty() {
            "/"
        } else {
            request.path
        });
        let mut signed: Vec<&(String, String)> = self
            .parameters
            .iter()
            .filter(|(name, _)| is_signed(name))
            .collect();
        signed.sort();
        for (index, (name, value)) in signed.into_iter().enumerate() {
            text.push(if index == 0 { '?' } else { '&' });
            text.push_str(name);
            if !value.is_empty() {
                text.push('=');
                text.push_str(value);
            }
        }
        text
    }

    /// A header's value, or that of the parameter it was moved to when the URL was made.
    fn signed_value(&self, request: &Request<'_>, name: &str) -> Option<String> {
        let sent: Vec<String> = request
            .headers
            .get_all(name)
            .iter()
            .map(|value| header_text(value.as_bytes()).trim().to_owned())
            .collect();
        if !sent.is_empty() {
            return Some(sent.join(","));
        }
        let moved = self
            .parameters
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name));
        moved.map(|(_, value)| value.clone())
    }

    fn amz_names(&self, request: &Request<'_>) -> Vec<String> {
        let moved = self
            .parameters
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase());
        let sent = request.headers.keys().map(|name| name.as_str().to_owned());
        let mut names: Vec<String> = moved
            .chain(sent)
            .filter(|name| name.starts_with("x-amz-"))
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// What a POST form says about its sender if version 2 signs it: its policy alone is signed.
#[derive(Clone)]
pub struct PresentedForm<'a> {
    access_key_id: &'a str,
    signature: &'a str,
    policy: &'a str,
    session_token: Option<&'a str>,
}

/// Reads such a form; `None` if it is none.
///
/// # Errors
/// `InvalidArgument` for a form that names a key and lacks the signature or the policy.
pub fn parse_form(fields: &[(String, String)]) -> Result<Option<PresentedForm<'_>>, AwsError> {
    let field = |name| post::field(fields, name);
    let needed = |name| field(name).ok_or_else(|| post::missing_field(name));
    let Some(access_key_id) = field("AWSAccessKeyId") else {
        return Ok(None);
    };
    Ok(Some(PresentedForm {
        access_key_id,
        signature: needed("signature")?,
        policy: needed("policy")?,
        session_token: field("x-amz-security-token"),
    }))
}

impl PresentedForm<'_> {
    /// Whose key it is said to be.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.access_key_id
    }

    /// The session token among the fields.
    #[must_use]
    pub fn session_token(&self) -> Option<&str> {
        self.session_token
    }

    /// Compares the signature.
    ///
    /// # Errors
    /// `SignatureDoesNotMatch`.
    pub fn verify(&self, secret: &Secret) -> Result<Verified, AwsError> {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.bytes());
        let right = STANDARD.encode(hmac::sign(&key, self.policy.as_bytes()).as_ref());
        let same =
            constant_time::verify_slices_are_equal(right.as_bytes(), self.signature.as_bytes());
        if same.is_err() {
            return Err(errors::mismatch(
                Style::S3,
                self.access_key_id,
                self.signature,
                self.policy,
                None,
            ));
        }
        Ok(Verified {
            access_key_id: self.access_key_id.to_owned(),
            auth_type: AuthType::Post,
            signature_age: Duration::ZERO,
            payload: Payload::Unsigned,
            seed: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    // AWS's own example: "Query string request authentication alternative".
    const PATH: &str = "/photos/puppy.jpg";
    const QUERY: &str = "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620";

    fn secret() -> Secret {
        Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    }

    #[test]
    fn the_published_example_verifies_until_it_expires() {
        let headers = HeaderMap::new();
        let request = Request {
            method: "GET",
            path: PATH,
            query: QUERY,
            headers: &headers,
        };
        let at = |second| Timestamp::from_second(second).unwrap();
        let url = parse(&request, at(1_175_139_620)).unwrap().unwrap();
        assert_eq!(url.access_key_id(), "AKIAIOSFODNN7EXAMPLE");
        let verified = url.verify(&request, Some("johnsmith"), &secret()).unwrap();
        assert_eq!(verified.access_key_id(), "AKIAIOSFODNN7EXAMPLE");
        let late = parse(&request, at(1_175_139_621)).unwrap_err();
        assert_eq!(
            (late.status, late.message.as_str()),
            (403, "Request has expired")
        );
    }

    #[test]
    fn another_method_bucket_header_or_subresource_does_not_verify() {
        let none = HeaderMap::new();
        let mut acl = HeaderMap::new();
        acl.insert("x-amz-acl", http::HeaderValue::from_static("public-read"));
        let tagging = format!("{QUERY}&tagging");
        let encryption = format!("{QUERY}&encryption");
        let attributes = format!("{QUERY}&attributes=");
        let bucket = "johnsmith";
        for (method, query, headers, bucket) in [
            ("PUT", QUERY, &none, bucket),
            ("GET", QUERY, &none, "another"),
            ("GET", QUERY, &acl, bucket),
            ("GET", tagging.as_str(), &none, bucket),
            ("GET", encryption.as_str(), &none, bucket),
            ("GET", attributes.as_str(), &none, bucket),
        ] {
            let request = Request {
                method,
                path: PATH,
                query,
                headers,
            };
            let url = parse(&request, Timestamp::UNIX_EPOCH).unwrap().unwrap();
            let error = url.verify(&request, Some(bucket), &secret()).unwrap_err();
            assert_eq!(error.code, "SignatureDoesNotMatch", "{method} {query}");
        }
    }
}
