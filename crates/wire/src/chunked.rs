//! Bodies in aws-chunked form, decoded as they arrive, and the check of plain bodies (spec: sigv4 5 and 7).
//!
//! What [`Decoder::push`] returns may be written, but not shown to anyone before [`Decoder::finish`] has said yes: a chunk's
//! signature is known to be right only at its end, and the body as a whole only at the last chunk.

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use bytes::Bytes;
use http::HeaderMap;

use crate::error::AwsError;
use crate::request::header_text;
use crate::sigv4::canonical::sha256_hex;
use crate::sigv4::{ChunkSeed, Payload, payload_mismatch, signature_mismatch};

/// Longest line of a chunk's head or of a trailer. AWS's own are near 100 bytes.
pub const LINE_BYTES_MAX: usize = 1024;

/// Most trailers in one body; AWS has one checksum and one signature.
pub const TRAILERS_MAX: usize = 8;

/// Every chunk of data but the last must have this many bytes.
pub const CHUNK_BYTES_MIN: u64 = 8192;

/// Unverified (spec: sigv4 open point 28): AWS may answer 403.
const INVALID_CHUNK_SIZE_STATUS: u16 = 400;

/// Checksums that may come as trailers, with the size of their values.
const CHECKSUMS: &[(&str, usize)] = &[
    ("x-amz-checksum-crc32", 4),
    ("x-amz-checksum-crc32c", 4),
    ("x-amz-checksum-crc64nvme", 8),
    ("x-amz-checksum-md5", 16),
    ("x-amz-checksum-sha1", 20),
    ("x-amz-checksum-sha256", 32),
    ("x-amz-checksum-sha512", 64),
    ("x-amz-checksum-xxhash3", 8),
    ("x-amz-checksum-xxhash64", 8),
    ("x-amz-checksum-xxhash128", 16),
];

const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// What the headers announce about a chunked body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// `x-amz-decoded-content-length`: bytes of payload.
    pub decoded_bytes: u64,
    /// `x-amz-trailer`: names, lower case.
    pub trailers: Vec<String>,
}

impl Announced {
    /// Reads the headers.
    ///
    /// # Errors
    /// `MissingContentLength` 411; `InvalidArgument` for a length that is none; `InvalidRequest` for trailers S3 does not take.
    pub fn read(headers: &HeaderMap) -> Result<Announced, AwsError> {
        let text = |name: &str| {
            headers
                .get(name)
                .map(|value| header_text(value.as_bytes()).trim().to_owned())
        };
        let length = text("x-amz-decoded-content-length").ok_or_else(|| {
            AwsError::new(
                411,
                "MissingContentLength",
                "You must provide the Content-Length HTTP header.",
            )
        })?;
        // `u64::from_str` takes a plus sign.
        let digits = length.bytes().all(|byte| byte.is_ascii_digit());
        let decoded_bytes = match length.parse() {
            Ok(bytes) if digits => bytes,
            _ => {
                return Err(AwsError::invalid_argument(
                    "Invalid value for x-amz-decoded-content-length",
                    "x-amz-decoded-content-length",
                    length,
                ));
            }
        };
        let trailers: Vec<String> = text("x-amz-trailer")
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty())
            .collect();
        if trailers.iter().any(|name| checksum_bytes(name).is_none()) {
            return Err(AwsError::new(
                400,
                "InvalidRequest",
                "The value specified in the x-amz-trailer header is not supported",
            ));
        }
        Ok(Announced {
            decoded_bytes,
            trailers,
        })
    }
}

fn checksum_bytes(name: &str) -> Option<usize> {
    CHECKSUMS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, bytes)| *bytes)
}

/// Decodes a chunked body piece by piece, however it is split.
pub struct Decoder {
    announced: Announced,
    trailing: bool,
    signing: Option<Signing>,
    state: State,
    /// The line that is being read, without what was already handled.
    line: Vec<u8>,
    /// Bytes of payload of all heads read so far.
    total: u64,
    chunks: u64,
    /// The size of the latest chunk of data.
    latest: Option<u64>,
    trailers: Vec<(String, String)>,
    trailer_signature: Option<String>,
}

struct Signing {
    seed: ChunkSeed,
    data: Context,
    /// The signature in the head of the current chunk.
    claimed: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Data {
        left: u64,
    },
    /// The line end after a chunk's data.
    DataEnd,
    Trailers,
    Done,
}

impl Decoder {
    /// `None` if the payload is not chunked. Signed chunks need the seed of the verified request.
    #[must_use]
    pub fn new(
        payload: &Payload,
        seed: Option<ChunkSeed>,
        announced: Announced,
    ) -> Option<Decoder> {
        let (signed, trailing) = match payload {
            Payload::Sha256(_) | Payload::Unsigned => return None,
            Payload::SignedChunks => (true, false),
            Payload::SignedChunksWithTrailer => (true, true),
            Payload::UnsignedChunksWithTrailer => (false, true),
        };
        let signing = match (signed, seed) {
            (false, _) => None,
            (true, Some(seed)) => Some(Signing {
                seed,
                data: Context::new(&SHA256),
                claimed: String::new(),
            }),
            (true, None) => return None,
        };
        Some(Decoder {
            announced,
            trailing,
            signing,
            state: State::Head,
            line: Vec::new(),
            total: 0,
            chunks: 0,
            latest: None,
            trailers: Vec::new(),
            trailer_signature: None,
        })
    }

    /// Takes the next bytes of the body and returns the payload in them, without copying.
    ///
    /// # Errors
    /// `IncompleteBody`, `InvalidChunkSizeError`, `SignatureDoesNotMatch`, `MalformedTrailerError`, `InvalidRequest`.
    /// After an error the decoder must not be used again.
    pub fn push(&mut self, mut input: Bytes) -> Result<Vec<Bytes>, AwsError> {
        let mut payload = Vec::new();
        while !input.is_empty() {
            match self.state {
                State::Data { left } => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let piece = input.split_to(here);
                    if let Some(signing) = &mut self.signing {
                        signing.data.update(&piece);
                    }
                    let left = left.saturating_sub(here as u64);
                    self.state = if left == 0 {
                        State::DataEnd
                    } else {
                        State::Data { left }
                    };
                    payload.push(piece);
                }
                State::Head | State::DataEnd | State::Trailers => {
                    if let Some(line) = self.take_line(&mut input)? {
                        self.line_read(&line)?;
                    }
                }
                State::Done => return Err(terminated()),
            }
        }
        Ok(payload)
    }

    /// Ends the body and returns the trailers: checksum names (lower case) with their base64 values.
    ///
    /// # Errors
    /// `IncompleteBody` if the last chunk has not come or the payload is shorter than announced;
    /// `MalformedTrailerError` if an announced trailer is missing.
    pub fn finish(self) -> Result<Vec<(String, String)>, AwsError> {
        if self.state != State::Done {
            return Err(terminated());
        }
        Ok(self.trailers)
    }

    /// The next line without its CRLF, once it is whole.
    fn take_line(&mut self, input: &mut Bytes) -> Result<Option<Vec<u8>>, AwsError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let here = end.map_or(input.len(), |position| position + 1);
        if self.line.len() + here > LINE_BYTES_MAX {
            return Err(self.broken_line());
        }
        self.line.extend_from_slice(&input.split_to(here));
        if end.is_none() {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.line);
        line.pop();
        if line.pop() != Some(b'\r') {
            return Err(self.broken_line());
        }
        Ok(Some(line))
    }

    fn broken_line(&self) -> AwsError {
        match self.state {
            State::Trailers => malformed_trailer(),
            State::Head | State::Data { .. } | State::DataEnd | State::Done => terminated(),
        }
    }

    fn line_read(&mut self, line: &[u8]) -> Result<(), AwsError> {
        match self.state {
            State::Head => self.head(line),
            State::DataEnd if line.is_empty() => {
                self.verify_chunk()?;
                self.state = State::Head;
                Ok(())
            }
            State::Trailers => self.trailer(line),
            State::DataEnd | State::Data { .. } | State::Done => Err(terminated()),
        }
    }

    /// `HEXSIZE` or `HEXSIZE;chunk-signature=HEX64`.
    fn head(&mut self, line: &[u8]) -> Result<(), AwsError> {
        let line = std::str::from_utf8(line).map_err(|_| terminated())?;
        let (size, extension) = line.split_once(';').unwrap_or((line, ""));
        let hex_ok = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = u64::from_str_radix(size, 16)
            .ok()
            .filter(|_| hex_ok)
            .ok_or_else(terminated)?;
        if let Some(signing) = &mut self.signing {
            let signature = extension
                .split(';')
                .find_map(|part| part.trim().strip_prefix("chunk-signature="))
                .ok_or_else(terminated)?;
            signature.clone_into(&mut signing.claimed);
        }
        self.chunks += 1;
        self.total = self.total.saturating_add(size);
        if size == 0 {
            if self.total != self.announced.decoded_bytes {
                return Err(wrong_length());
            }
            self.verify_chunk()?;
            // Without trailers this reads the one empty line that ends the body.
            self.state = State::Trailers;
            return Ok(());
        }
        if let Some(short) = self.latest.filter(|latest| *latest < CHUNK_BYTES_MIN) {
            return Err(AwsError::new(
                INVALID_CHUNK_SIZE_STATUS,
                "InvalidChunkSizeError",
                "Only the last chunk is allowed to have a size less than 8192 bytes",
            )
            .with_field("Chunk", self.chunks.to_string())
            .with_field("BadChunkSize", short.to_string()));
        }
        if self.total > self.announced.decoded_bytes {
            return Err(wrong_length());
        }
        self.latest = Some(size);
        self.state = State::Data { left: size };
        Ok(())
    }

    fn verify_chunk(&mut self) -> Result<(), AwsError> {
        let Some(signing) = &mut self.signing else {
            return Ok(());
        };
        let data = std::mem::replace(&mut signing.data, Context::new(&SHA256)).finish();
        let to_sign = chunk_to_sign(&signing.seed, &hex::encode(data.as_ref()));
        let claimed = std::mem::take(&mut signing.claimed);
        signing.advance(&to_sign, claimed)
    }

    fn trailer(&mut self, line: &[u8]) -> Result<(), AwsError> {
        if line.is_empty() {
            self.verify_trailers()?;
            self.state = State::Done;
            return Ok(());
        }
        if !self.trailing {
            return Err(terminated());
        }
        let line = std::str::from_utf8(line).map_err(|_| malformed_trailer())?;
        let (name, value) = line.split_once(':').ok_or_else(malformed_trailer)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if name == TRAILER_SIGNATURE {
            let twice = self.trailer_signature.replace(value.to_owned()).is_some();
            return if twice || self.signing.is_none() {
                Err(malformed_trailer())
            } else {
                Ok(())
            };
        }
        let announced = self.announced.trailers.contains(&name);
        let twice = self.trailers.iter().any(|(known, _)| *known == name);
        // Nothing may follow the signature that it does not cover.
        if !announced
            || twice
            || self.trailer_signature.is_some()
            || self.trailers.len() == TRAILERS_MAX
        {
            return Err(malformed_trailer());
        }
        let decoded = base64::engine::general_purpose::STANDARD.decode(value);
        if decoded.ok().map(|bytes| bytes.len()) != checksum_bytes(&name) {
            return Err(AwsError::new(
                400,
                "InvalidRequest",
                format!("Value for {name} trailing header is invalid."),
            ));
        }
        self.trailers.push((name, value.to_owned()));
        Ok(())
    }

    fn verify_trailers(&mut self) -> Result<(), AwsError> {
        if self.trailing && self.trailers.len() != self.announced.trailers.len() {
            return Err(malformed_trailer());
        }
        match &mut self.signing {
            Some(signing) if self.trailing => {
                let claimed = self
                    .trailer_signature
                    .take()
                    .ok_or_else(malformed_trailer)?;
                let to_sign = trailers_to_sign(&signing.seed, &self.trailers);
                signing.advance(&to_sign, claimed)
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Decoder")
            .field("announced", &self.announced)
            .field("state", &self.state)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl Signing {
    /// Compares a signature and makes it the one that the next continues from.
    fn advance(&mut self, to_sign: &str, claimed: String) -> Result<(), AwsError> {
        if !self.seed.key.matches(to_sign.as_bytes(), &claimed) {
            return Err(signature_mismatch(
                &self.seed.access_key_id,
                &claimed,
                to_sign,
            ));
        }
        self.seed.signature = claimed;
        Ok(())
    }
}

/// `data_sha256` is lower-case hex.
pub(crate) fn chunk_to_sign(seed: &ChunkSeed, data_sha256: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{EMPTY_SHA256}\n{data_sha256}",
        seed.date_text, seed.scope, seed.signature
    )
}

pub(crate) fn trailers_to_sign(seed: &ChunkSeed, trailers: &[(String, String)]) -> String {
    let lines: String = trailers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    format!(
        "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{}\n{}",
        seed.date_text,
        seed.scope,
        seed.signature,
        sha256_hex(lines.as_bytes())
    )
}

fn terminated() -> AwsError {
    AwsError::new(
        400,
        "IncompleteBody",
        "The request body terminated unexpectedly",
    )
}

fn wrong_length() -> AwsError {
    AwsError::new(
        400,
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )
}

fn malformed_trailer() -> AwsError {
    AwsError::new(
        400,
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    )
}

/// Compares a plain body with its declared SHA-256.
pub struct PayloadCheck {
    declared: Option<(String, Context)>,
}

impl PayloadCheck {
    /// Checks nothing where nothing is declared.
    #[must_use]
    pub fn new(payload: &Payload) -> PayloadCheck {
        let declared = match payload {
            Payload::Sha256(hash) => Some((hash.clone(), Context::new(&SHA256))),
            Payload::Unsigned
            | Payload::SignedChunks
            | Payload::SignedChunksWithTrailer
            | Payload::UnsignedChunksWithTrailer => None,
        };
        PayloadCheck { declared }
    }

    /// The SHA-256 that the body has if [`PayloadCheck::finish`] says yes.
    #[must_use]
    pub fn sha256(&self) -> Option<[u8; 32]> {
        let (declared, _) = self.declared.as_ref()?;
        hex::decode(declared).ok()?.try_into().ok()
    }

    /// Takes the next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some((_, context)) = &mut self.declared {
            context.update(bytes);
        }
    }

    /// # Errors
    /// `XAmzContentSHA256Mismatch`.
    pub fn finish(self) -> Result<(), AwsError> {
        let Some((declared, context)) = self.declared else {
            return Ok(());
        };
        let computed = hex::encode(context.finish().as_ref());
        if declared.eq_ignore_ascii_case(&computed) {
            Ok(())
        } else {
            Err(payload_mismatch(&declared, &computed))
        }
    }
}
