//! Signature version 4: who says to have sent a request, and whether it is true.
//!
//! Two steps, so that the caller can look up the key in between. [`parse`] does everything that needs no key: form, date,
//! skew or expiry, scope, unsigned headers. [`Presented::verify`] compares the signature and makes a [`Verified`], which
//! nothing else can make. The order of checks is AWS's: date → scope → key exists → token → signature (spec: sigv4 2).
//!
//! ```
//! use wire::request::Request;
//! use wire::sigv4::{self, Body, Endpoint, Regions, Secret};
//! use wire::sign::Signer;
//!
//! # fn main() -> Result<(), wire::AwsError> {
//! let now = jiff::Timestamp::from_second(1_767_323_045).unwrap_or_default();
//! let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
//! let mut headers = http::HeaderMap::new();
//! headers.insert("host", http::HeaderValue::from_static("logs.s3.localhost"));
//! let signer = Signer { access_key_id: "AKIAIOSFODNN7EXAMPLE", secret: &secret, session_token: None, region: "us-east-1", service: "s3" };
//! signer.sign_headers("GET", "/k", "", &mut headers, "UNSIGNED-PAYLOAD", now);
//!
//! let request = Request { method: "GET", path: "/k", query: "", headers: &headers };
//! let endpoint = Endpoint::s3(Regions::Any);
//! let Some(presented) = sigv4::parse(&request, &endpoint, now)? else { return Ok(()) };
//! // The caller finds the secret of `presented.access_key_id()` here.
//! let key = secret.signing_key(presented.scope());
//! let verified = presented.verify(&request, &key, Body::AsDeclared)?;
//! assert_eq!(verified.access_key_id(), "AKIAIOSFODNN7EXAMPLE");
//! # Ok(())
//! # }
//! ```

pub(crate) mod canonical;
mod checks;
mod errors;
mod key;
mod parse;
mod payload;
mod presigned;
pub mod version2;

use std::time::Duration;

use jiff::Timestamp;

use crate::error::AwsError;
use crate::request::Request;

pub(crate) use errors::signature_mismatch;
pub use errors::{
    expired_token, invalid_token, missing_authentication_token, payload_mismatch,
    unknown_access_key,
};
pub use key::{Secret, SigningKey};
pub use parse::parse;
pub use payload::{Payload, anonymous_payload};

/// How far a request's clock may be from ours (spec: sigv4 3).
pub const SKEW_MAX: Duration = Duration::from_secs(15 * 60);

/// The longest life of a presigned URL (spec: sigv4 6).
pub const EXPIRES_MAX: Duration = Duration::from_secs(604_800);

/// Whose error codes and texts to use, and which rules hold for paths and bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// S3: the path is encoded once, the body's hash is declared in a header.
    S3,
    /// Query services (IAM, STS): the path is encoded twice, the body is always hashed.
    Query,
}

/// What a credential scope must say.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The rules and error texts.
    pub style: Style,
    /// The service's name in scopes, such as `iam`.
    pub service: &'static str,
    /// The regions accepted.
    pub regions: Regions,
}

impl Endpoint {
    /// S3 and S3 Control.
    #[must_use]
    pub fn s3(regions: Regions) -> Endpoint {
        Endpoint {
            style: Style::S3,
            service: "s3",
            regions,
        }
    }

    /// A Query service: `iam` or `sts`.
    #[must_use]
    pub fn query(service: &'static str, regions: Regions) -> Endpoint {
        Endpoint {
            style: Style::Query,
            service,
            regions,
        }
    }
}

/// The regions an endpoint accepts in scopes.
#[derive(Debug, Clone)]
pub enum Regions {
    /// Every region.
    Any,
    /// This one.
    Only(String),
    /// The first is the one that error texts expect.
    OneOf(Vec<String>),
}

impl Regions {
    fn accepts(&self, region: &str) -> bool {
        match self {
            Regions::Any => !region.is_empty(),
            Regions::Only(only) => only == region,
            Regions::OneOf(regions) => regions.iter().any(|known| known == region),
        }
    }

    fn expected(&self) -> &str {
        match self {
            Regions::Any => "us-east-1",
            Regions::Only(only) => only,
            Regions::OneOf(regions) => regions.first().map_or("us-east-1", String::as_str),
        }
    }
}

/// The scope of a credential: day, region, service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// `YYYYMMDD`
    pub date: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Such as `s3`.
    pub service: String,
}

impl Scope {
    /// `YYYYMMDD/REGION/SERVICE/aws4_request`
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "{}/{}/{}/aws4_request",
            self.date, self.region, self.service
        )
    }
}

/// Where the credentials of a request are; the value of `s3:authType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthType {
    /// The `Authorization` header.
    Header,
    /// Query parameters (a presigned URL).
    Query,
    /// Fields of a POST form.
    Post,
}

impl AuthType {
    /// AWS's word, such as `REST-HEADER`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AuthType::Header => "REST-HEADER",
            AuthType::Query => "REST-QUERY-STRING",
            AuthType::Post => "POST",
        }
    }
}

/// What a request says about its sender: well-formed, in time, for this endpoint, with all that must be signed listed.
/// Whether it is true is not known yet. Its `Debug` leaves out signature and token.
#[derive(Clone)]
pub struct Presented {
    style: Style,
    auth_type: AuthType,
    access_key_id: String,
    scope: Scope,
    /// INVARIANT: lower case, sorted, each once.
    signed_headers: Vec<String>,
    signature: String,
    /// As in the string to sign: `YYYYMMDDTHHMMSSZ`.
    date_text: String,
    date: Timestamp,
    parsed_at: Timestamp,
    session_token: Option<String>,
    payload: Payload,
    /// What the signature says about an S3 body: the last line of the canonical request.
    payload_hash: String,
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Presented")
            .field("auth_type", &self.auth_type)
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope)
            .field("date", &self.date)
            .finish_non_exhaustive()
    }
}

/// Where the hash of the body comes from.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// S3: what `x-amz-content-sha256` declares. The body is compared with it afterwards ([`crate::chunked::PayloadCheck`]).
    AsDeclared,
    /// The SHA-256 of the body that was received.
    Sha256(&'a [u8; 32]),
}

impl Presented {
    /// Whose key it is said to be.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The scope, for [`Secret::signing_key`] and as key of a cache.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The session token that came with the request. It is not secret without its key, but do not log it.
    #[must_use]
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// Where the credentials were.
    #[must_use]
    pub fn auth_type(&self) -> AuthType {
        self.auth_type
    }

    /// The time of signing.
    #[must_use]
    pub fn date(&self) -> Timestamp {
        self.date
    }

    /// The names of the signed headers, sorted.
    #[must_use]
    pub fn signed_headers(&self) -> &[String] {
        &self.signed_headers
    }

    /// Compares the signature, in constant time. `request` must be the one that was parsed, `key` that of
    /// [`Presented::access_key_id`] for [`Presented::scope`]; it may come from a cache.
    ///
    /// # Errors
    /// `SignatureDoesNotMatch`; `InternalFailure` if a Query body is not hashed (a bug of the caller).
    pub fn verify(
        &self,
        request: &Request<'_>,
        key: &SigningKey,
        body: Body<'_>,
    ) -> Result<Verified, AwsError> {
        let payload_hash = match (self.style, body) {
            (_, Body::Sha256(hash)) => hex::encode(hash),
            (Style::S3, Body::AsDeclared) => self.payload_hash.clone(),
            (Style::Query, Body::AsDeclared) => {
                return Err(AwsError::new(
                    500,
                    "InternalFailure",
                    "The request processing has failed because of an unknown error, exception or failure.",
                ));
            }
        };
        let canonical =
            canonical::request(self.style, request, &self.signed_headers, &payload_hash)?;
        let to_sign = canonical::string_to_sign(&self.date_text, &self.scope, &canonical);
        if !key.matches(to_sign.as_bytes(), &self.signature) {
            return Err(errors::mismatch(
                self.style,
                &self.access_key_id,
                &self.signature,
                &to_sign,
                Some(&canonical),
            ));
        }
        Ok(self.verified(key))
    }

    fn verified(&self, key: &SigningKey) -> Verified {
        let age = self.parsed_at.duration_since(self.date);
        Verified {
            access_key_id: self.access_key_id.clone(),
            auth_type: self.auth_type,
            signature_age: Duration::try_from(age).unwrap_or_default(),
            payload: self.payload.clone(),
            seed: Some(ChunkSeed {
                access_key_id: self.access_key_id.clone(),
                key: key.clone(),
                date_text: self.date_text.clone(),
                scope: self.scope.text(),
                signature: self.signature.clone(),
            }),
        }
    }
}

/// Proof that a signature was compared and is right. Only this crate can make one.
pub struct Verified {
    access_key_id: String,
    auth_type: AuthType,
    signature_age: Duration,
    payload: Payload,
    seed: Option<ChunkSeed>,
}

impl Verified {
    /// Whose key signed.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The value of `s3:authType`, by [`AuthType::as_str`].
    #[must_use]
    pub fn auth_type(&self) -> AuthType {
        self.auth_type
    }

    /// The time since signing (`s3:signatureAge` in milliseconds); zero if the signer's clock is ahead.
    #[must_use]
    pub fn signature_age(&self) -> Duration {
        self.signature_age
    }

    /// Whether it was a presigned URL of signature version 2.
    #[must_use]
    pub fn is_version_2(&self) -> bool {
        self.seed.is_none()
    }

    /// What the body must be.
    #[must_use]
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// What the chunks of a signed streaming body continue from; version 2 signs none.
    #[must_use]
    pub fn chunk_seed(&self) -> Option<ChunkSeed> {
        self.seed.clone()
    }
}

impl std::fmt::Debug for Verified {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Verified")
            .field("access_key_id", &self.access_key_id)
            .field("auth_type", &self.auth_type)
            .field("signature_age", &self.signature_age)
            .finish_non_exhaustive()
    }
}

/// The signature that the first chunk continues from, with the key.
#[derive(Clone)]
pub struct ChunkSeed {
    pub(crate) access_key_id: String,
    pub(crate) key: SigningKey,
    pub(crate) date_text: String,
    pub(crate) scope: String,
    pub(crate) signature: String,
}

/// The fields of a POST form that sign it (spec: sigv4 8). `policy` is the base64 text exactly as sent.
#[derive(Clone, Copy)]
pub struct PostFields<'a> {
    /// `x-amz-algorithm`
    pub algorithm: &'a str,
    /// `x-amz-credential`
    pub credential: &'a str,
    /// `x-amz-date`
    pub date: &'a str,
    /// `x-amz-signature`
    pub signature: &'a str,
    /// `x-amz-security-token`
    pub session_token: Option<&'a str>,
    /// `policy`
    pub policy: &'a str,
}

impl Presented {
    /// Reads the fields of a POST form. There is no skew check: the policy's expiration counts.
    ///
    /// # Errors
    /// `InvalidArgument` naming the field.
    pub fn from_post(
        fields: &PostFields<'_>,
        endpoint: &Endpoint,
        now: Timestamp,
    ) -> Result<Presented, AwsError> {
        presigned::post(fields, endpoint, now)
    }

    /// Compares the signature of a POST form's policy.
    ///
    /// # Errors
    /// `SignatureDoesNotMatch`, also if this did not come from a form.
    pub fn verify_post(&self, policy: &str, key: &SigningKey) -> Result<Verified, AwsError> {
        if self.auth_type == AuthType::Post && key.matches(policy.as_bytes(), &self.signature) {
            return Ok(self.verified(key));
        }
        Err(errors::mismatch(
            self.style,
            &self.access_key_id,
            &self.signature,
            policy,
            None,
        ))
    }
}

#[cfg(test)]
mod tests;
