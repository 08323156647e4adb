//! The parts of an HTTP request that this crate reads, and strict percent-decoding.

use http::HeaderMap;

use crate::error::AwsError;

/// A request without its body, as received. Its `Debug` leaves out query and headers, which hold credentials.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method in capitals.
    pub method: &'a str,
    /// The path as sent: percent-encoded, not normalised.
    pub path: &'a str,
    /// What stands behind the `?`, as sent; empty if there is none.
    pub query: &'a str,
    /// The headers. HTTP/2's `:authority` must have been added as `host`.
    pub headers: &'a HeaderMap,
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl<'a> Request<'a> {
    /// The value of a header as text; bytes that are not UTF-8 are read as ISO 8859-1.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers
            .get(name)
            .map(|value| header_text(value.as_bytes()))
    }

    /// The `Host` header, empty if it is missing.
    #[must_use]
    pub fn host(&self) -> &'a str {
        self.headers
            .get(http::header::HOST)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// Header bytes as text: UTF-8 where valid, else ISO 8859-1.
pub(crate) fn header_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// S3's answer to a path or query that cannot be decoded.
#[must_use]
pub fn invalid_uri(uri: &str) -> AwsError {
    AwsError::new(400, "InvalidURI", "Couldn't parse the specified URI.").with_field("URI", uri)
}

/// Whether a raw `+` in a query string is a blank. AWS's behaviour is unverified (spec: sigv4 open point 28); its
/// clients send `%20` and `%2B`, so only hand-written requests notice.
const PLUS_IS_BLANK: bool = true;

/// Percent-decodes to bytes. `None` if a `%` lacks its two hex digits.
pub(crate) fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(bytes)
}

/// A name or value of a query string, percent-decoded to bytes.
pub(crate) fn query_decoded(text: &str) -> Option<Vec<u8>> {
    if PLUS_IS_BLANK && text.contains('+') {
        percent_decoded(&text.replace('+', "%20"))
    } else {
        percent_decoded(text)
    }
}

/// The parameters of a query string in order, decoded.
///
/// # Errors
/// `InvalidURI` for broken percent-encoding or text that is not UTF-8.
pub fn query_pairs(query: &str) -> Result<Vec<(String, String)>, AwsError> {
    let text = |half: &str| String::from_utf8(query_decoded(half)?).ok();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            text(name).zip(text(value))
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| invalid_uri(query))
}
