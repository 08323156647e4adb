//! The client's side of signature version 4: headers, presigned URLs, chunks. For tests and for our own client.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use crate::chunked::{chunk_to_sign, trailers_to_sign};
use crate::request::Request;
use crate::sigv4::canonical::{self, Slash, sha256_hex};
use crate::sigv4::{ChunkSeed, Scope, Secret, Style};
use crate::time;

/// Headers that change on the way and are never signed.
const UNSIGNED: [&str; 8] = [
    "authorization",
    "connection",
    "expect",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// A key with where and for what it signs.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// Such as `AKIAIOSFODNN7EXAMPLE`.
    pub access_key_id: &'a str,
    /// The secret access key.
    pub secret: &'a Secret,
    /// For temporary credentials.
    pub session_token: Option<&'a str>,
    /// Such as `us-east-1`.
    pub region: &'a str,
    /// `s3`, `iam`, `sts`, …
    pub service: &'a str,
}

impl Signer<'_> {
    fn scope(&self, now: Timestamp) -> Scope {
        Scope {
            date: time::basic(now).chars().take(8).collect(),
            region: self.region.to_owned(),
            service: self.service.to_owned(),
        }
    }

    fn style(&self) -> Style {
        if self.service == "s3" {
            Style::S3
        } else {
            Style::Query
        }
    }

    /// Adds `x-amz-date`, `x-amz-security-token`, `x-amz-content-sha256` (S3) and `authorization`, signing all headers
    /// that are there; `host` must be. `payload_hash` is the hex SHA-256 of the body or one of S3's words, such as
    /// `UNSIGNED-PAYLOAD`. Path and query must be encoded as they will be sent. Returns what chunks continue from.
    pub fn sign_headers(
        &self,
        method: &str,
        path: &str,
        query: &str,
        headers: &mut HeaderMap,
        payload_hash: &str,
        now: Timestamp,
    ) -> ChunkSeed {
        let date_text = time::basic(now);
        put(headers, "x-amz-date", &date_text);
        if let Some(token) = self.session_token {
            put(headers, "x-amz-security-token", token);
        }
        if self.style() == Style::S3 {
            put(headers, "x-amz-content-sha256", payload_hash);
        }
        let mut names: Vec<String> = headers
            .keys()
            .map(|name| name.as_str().to_owned())
            .filter(|name| !UNSIGNED.contains(&name.as_str()))
            .collect();
        names.sort_unstable();
        let scope = self.scope(now);
        let request = Request {
            method,
            path,
            query,
            headers,
        };
        let canonical =
            canonical::request(self.style(), &request, &names, payload_hash).unwrap_or_default();
        let to_sign = canonical::string_to_sign(&date_text, &scope, &canonical);
        let key = self.secret.signing_key(&scope);
        let signature = key.sign(to_sign.as_bytes());
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={signature}",
            self.access_key_id,
            scope.text(),
            names.join(";")
        );
        put(headers, "authorization", &authorization);
        ChunkSeed {
            access_key_id: self.access_key_id.to_owned(),
            key,
            date_text,
            scope: scope.text(),
            signature,
        }
    }

    /// The query string of a presigned URL: `query` (encoded, may be empty) with the `X-Amz-` parameters. Only the headers
    /// given are signed; `host` must be among them.
    #[must_use]
    pub fn presign(
        &self,
        method: &str,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        expires_seconds: u32,
        now: Timestamp,
    ) -> String {
        let date_text = time::basic(now);
        let scope = self.scope(now);
        let mut names: Vec<String> = headers
            .keys()
            .map(|name| name.as_str().to_owned())
            .collect();
        names.sort_unstable();
        let mut parameters = vec![
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            (
                "X-Amz-Credential",
                format!("{}/{}", self.access_key_id, scope.text()),
            ),
            ("X-Amz-Date", date_text.clone()),
            ("X-Amz-Expires", expires_seconds.to_string()),
        ];
        if let Some(token) = self.session_token {
            parameters.push(("X-Amz-Security-Token", token.to_owned()));
        }
        parameters.push(("X-Amz-SignedHeaders", names.join(";")));
        let mut signed = query.to_owned();
        for (name, value) in parameters {
            if !signed.is_empty() {
                signed.push('&');
            }
            signed.push_str(name);
            signed.push('=');
            canonical::encode(value.as_bytes(), Slash::Encoded, &mut signed);
        }
        let request = Request {
            method,
            path,
            query: &signed,
            headers,
        };
        let payload_hash = match self.style() {
            Style::S3 => "UNSIGNED-PAYLOAD".to_owned(),
            Style::Query => sha256_hex(b""),
        };
        let canonical =
            canonical::request(self.style(), &request, &names, &payload_hash).unwrap_or_default();
        let to_sign = canonical::string_to_sign(&date_text, &scope, &canonical);
        let signature = self.secret.signing_key(&scope).sign(to_sign.as_bytes());
        format!("{signed}&X-Amz-Signature={signature}")
    }
}

/// Writes a body in aws-chunked form.
pub struct ChunkWriter {
    /// `None`: chunks without signatures.
    seed: Option<ChunkSeed>,
}

impl ChunkWriter {
    /// Signed chunks, continuing from the request's signature.
    #[must_use]
    pub fn signed(seed: ChunkSeed) -> ChunkWriter {
        ChunkWriter { seed: Some(seed) }
    }

    /// Chunks without signatures.
    #[must_use]
    pub fn unsigned() -> ChunkWriter {
        ChunkWriter { seed: None }
    }

    /// One chunk of data. An empty one ends the data: use [`ChunkWriter::end`].
    #[must_use]
    pub fn chunk(&mut self, data: &[u8]) -> Vec<u8> {
        let mut written = self.head(data);
        written.extend_from_slice(data);
        written.extend_from_slice(b"\r\n");
        written
    }

    /// The last chunk and the end of a body without trailers.
    #[must_use]
    pub fn end(mut self) -> Vec<u8> {
        let mut written = self.head(b"");
        written.extend_from_slice(b"\r\n");
        written
    }

    /// The last chunk and the trailers: lower-case names with values.
    #[must_use]
    pub fn end_with(mut self, trailers: &[(String, String)]) -> Vec<u8> {
        let mut written = self.head(b"");
        for (name, value) in trailers {
            written.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
        }
        if let Some(seed) = &self.seed {
            let signature = seed.key.sign(trailers_to_sign(seed, trailers).as_bytes());
            written
                .extend_from_slice(format!("x-amz-trailer-signature:{signature}\r\n").as_bytes());
        }
        written.extend_from_slice(b"\r\n");
        written
    }

    fn head(&mut self, data: &[u8]) -> Vec<u8> {
        match &mut self.seed {
            None => format!("{:x}\r\n", data.len()).into_bytes(),
            Some(seed) => {
                let to_sign = chunk_to_sign(seed, &sha256_hex(data));
                seed.signature = seed.key.sign(to_sign.as_bytes());
                format!("{:x};chunk-signature={}\r\n", data.len(), seed.signature).into_bytes()
            }
        }
    }
}

/// Percent-encodes a key for a path: `/` stays.
#[must_use]
pub fn encode_path(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    canonical::encode(key.as_bytes(), Slash::Kept, &mut encoded);
    encoded
}

/// Percent-encodes a name or value of a query string.
#[must_use]
pub fn encode_query(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    canonical::encode(text.as_bytes(), Slash::Encoded, &mut encoded);
    encoded
}

/// Hex SHA-256 of a body, for `payload_hash`.
#[must_use]
pub fn payload_hash(body: &[u8]) -> String {
    sha256_hex(body)
}

/// Text that is no header value is left out, and the signature with it does not match.
fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
