//! AWS's answers to credentials that do not hold (spec: sigv4 1-6 and 10, iam-sts-kms-api 1).

use std::fmt::Write as _;

use crate::error::AwsError;
use crate::sigv4::Style;

/// An access key id that nobody has, or that is inactive.
#[must_use]
pub fn unknown_access_key(style: Style, access_key_id: &str) -> AwsError {
    match style {
        Style::S3 => AwsError::new(
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        )
        .with_field("AWSAccessKeyId", access_key_id),
        Style::Query => invalid_client_token(),
    }
}

/// A session token that is missing, of another key, broken, or sent with a long-term key.
#[must_use]
pub fn invalid_token(style: Style, token: &str) -> AwsError {
    match style {
        Style::S3 => AwsError::new(
            400,
            "InvalidToken",
            "The provided token is malformed or otherwise invalid.",
        )
        .with_field("Token-0", token),
        Style::Query => invalid_client_token(),
    }
}

/// A session that has ended.
#[must_use]
pub fn expired_token(style: Style, token: &str) -> AwsError {
    match style {
        Style::S3 => AwsError::new(400, "ExpiredToken", "The provided token has expired.")
            .with_field("Token-0", token),
        Style::Query => AwsError::new(
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
        ),
    }
}

/// A body whose SHA-256 (lower-case hex) is not the declared one.
#[must_use]
pub fn payload_mismatch(declared: &str, computed: &str) -> AwsError {
    AwsError::new(
        400,
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    )
    .with_field("ClientComputedContentSHA256", declared)
    .with_field("S3ComputedContentSHA256", computed)
}

/// A request without credentials to a Query service.
#[must_use]
pub fn missing_authentication_token() -> AwsError {
    AwsError::new(
        403,
        "MissingAuthenticationToken",
        "Request is missing Authentication Token",
    )
}

fn invalid_client_token() -> AwsError {
    AwsError::new(
        403,
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    )
}

/// A chunk or trailer whose signature is wrong.
pub(crate) fn signature_mismatch(access_key_id: &str, signature: &str, to_sign: &str) -> AwsError {
    mismatch(Style::S3, access_key_id, signature, to_sign, None)
}

/// The calculated signature is never told.
pub(crate) fn mismatch(
    style: Style,
    access_key_id: &str,
    signature: &str,
    to_sign: &str,
    canonical: Option<&[u8]>,
) -> AwsError {
    match style {
        Style::S3 => {
            let error = AwsError::new(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and \
                 signing method.",
            )
            .with_field("AWSAccessKeyId", access_key_id)
            .with_field("StringToSign", to_sign)
            .with_field("SignatureProvided", signature)
            .with_field("StringToSignBytes", spaced_hex(to_sign.as_bytes()));
            match canonical {
                Some(canonical) => error
                    .with_field("CanonicalRequest", String::from_utf8_lossy(canonical))
                    .with_field("CanonicalRequestBytes", spaced_hex(canonical)),
                None => error,
            }
        }
        Style::Query => query_mismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details.",
        ),
    }
}

pub(super) fn query_mismatch(message: impl Into<String>) -> AwsError {
    AwsError::new(403, "SignatureDoesNotMatch", message)
}

pub(super) fn incomplete(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "IncompleteSignature", message)
}

pub(super) fn header_malformed(message: &str) -> AwsError {
    AwsError::new(
        400,
        "AuthorizationHeaderMalformed",
        format!("The authorization header is malformed; {message}"),
    )
}

pub(super) fn query_parameters(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "AuthorizationQueryParametersError", message)
}

fn spaced_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (index, byte) in bytes.iter().enumerate() {
        let blank = if index == 0 { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{blank}{byte:02x}");
    }
    text
}
