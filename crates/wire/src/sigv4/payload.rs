//! `x-amz-content-sha256`: what a body is declared to be (spec: sigv4 5).

use crate::error::AwsError;
use crate::request::Request;

/// What the body of an S3 request is declared to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Bytes of this SHA-256; the text as sent, 64 hex digits.
    Sha256(String),
    /// `UNSIGNED-PAYLOAD`
    Unsigned,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`
    SignedChunks,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`
    SignedChunksWithTrailer,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`
    UnsignedChunksWithTrailer,
}

pub(super) const HEADER: &str = "x-amz-content-sha256";

impl Payload {
    /// Reads the header's value.
    ///
    /// # Errors
    /// `InvalidArgument`; `NotImplemented` for the forms of signature version 4A.
    pub fn parse(text: &str) -> Result<Payload, AwsError> {
        match text {
            "UNSIGNED-PAYLOAD" => Ok(Payload::Unsigned),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Ok(Payload::UnsignedChunksWithTrailer),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => Ok(Payload::SignedChunks),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => Ok(Payload::SignedChunksWithTrailer),
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
            | "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER" => {
                Err(AwsError::not_implemented(HEADER))
            }
            hash if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Ok(Payload::Sha256(hash.to_owned()))
            }
            _ => Err(AwsError::invalid_argument(
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                 STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, \
                 STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid \
                 sha256 value.",
                HEADER,
                text,
            )),
        }
    }

    /// As in the header and in the canonical request.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Payload::Sha256(hash) => hash,
            Payload::Unsigned => "UNSIGNED-PAYLOAD",
            Payload::SignedChunks => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Payload::SignedChunksWithTrailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            Payload::UnsignedChunksWithTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        }
        .to_owned()
    }

    /// Whether the body is in aws-chunked form.
    #[must_use]
    pub fn is_chunked(&self) -> bool {
        match self {
            Payload::Sha256(_) | Payload::Unsigned => false,
            Payload::SignedChunks
            | Payload::SignedChunksWithTrailer
            | Payload::UnsignedChunksWithTrailer => true,
        }
    }

    /// Refuses chunked bodies for operations that do not stream.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn check_operation(&self, operation: &str) -> Result<(), AwsError> {
        if self.is_chunked() && !matches!(operation, "PutObject" | "UploadPart") {
            return Err(AwsError::new(
                400,
                "InvalidRequest",
                "The value of x-amz-content-sha256 header is invalid.",
            ));
        }
        Ok(())
    }
}

/// What the body of an anonymous request is declared to be; the header is optional there.
///
/// # Errors
/// `InvalidArgument` for a value of no known form, `InvalidRequest` for signed chunks.
pub fn anonymous_payload(request: &Request<'_>) -> Result<Payload, AwsError> {
    let payload = match request.header(HEADER) {
        Some(text) => Payload::parse(text.trim())?,
        None => Payload::Unsigned,
    };
    match payload {
        Payload::SignedChunks | Payload::SignedChunksWithTrailer => Err(AwsError::new(
            400,
            "InvalidRequest",
            "Anonymous requests don't support this x-amz-content-sha256 value. Please use UNSIGNED-PAYLOAD or \
             STREAMING-UNSIGNED-PAYLOAD-TRAILER.",
        )),
        Payload::Sha256(_) | Payload::Unsigned | Payload::UnsignedChunksWithTrailer => Ok(payload),
    }
}
