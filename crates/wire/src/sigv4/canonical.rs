//! The canonical request and the string to sign (spec: sigv4 4).

use aws_lc_rs::digest;

use crate::error::AwsError;
use crate::request::{Request, invalid_uri, percent_decoded, query_decoded};
use crate::sigv4::{Scope, Style};

/// Lower-case hex SHA-256.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// `signed_headers` must be lower case and sorted.
pub(crate) fn request(
    style: Style,
    request: &Request<'_>,
    signed_headers: &[String],
    payload_hash: &str,
) -> Result<Vec<u8>, AwsError> {
    let mut canonical = Vec::with_capacity(512);
    canonical.extend_from_slice(request.method.as_bytes());
    canonical.push(b'\n');
    canonical.extend_from_slice(path(style, request.path)?.as_bytes());
    canonical.push(b'\n');
    canonical.extend_from_slice(query(request.query)?.as_bytes());
    canonical.push(b'\n');
    for name in signed_headers {
        canonical.extend_from_slice(name.as_bytes());
        canonical.push(b':');
        let mut first = true;
        for value in request.headers.get_all(name.as_str()) {
            if !first {
                canonical.push(b',');
            }
            first = false;
            header_value(value.as_bytes(), &mut canonical);
        }
        canonical.push(b'\n');
    }
    canonical.push(b'\n');
    canonical.extend_from_slice(signed_headers.join(";").as_bytes());
    canonical.push(b'\n');
    canonical.extend_from_slice(payload_hash.as_bytes());
    Ok(canonical)
}

pub(crate) fn string_to_sign(date_text: &str, scope: &Scope, canonical: &[u8]) -> String {
    format!(
        "AWS4-HMAC-SHA256\n{date_text}\n{}\n{}",
        scope.text(),
        sha256_hex(canonical)
    )
}

fn path(style: Style, path: &str) -> Result<String, AwsError> {
    let path = if path.is_empty() { "/" } else { path };
    match style {
        Style::S3 => {
            let bytes = percent_decoded(path).ok_or_else(|| invalid_uri(path))?;
            let mut encoded = String::with_capacity(path.len());
            encode(&bytes, Slash::Kept, &mut encoded);
            Ok(encoded)
        }
        Style::Query => {
            let mut segments: Vec<String> = Vec::new();
            for segment in path.split('/') {
                match segment {
                    "" | "." => {}
                    ".." => {
                        segments.pop();
                    }
                    _ => {
                        let bytes = percent_decoded(segment).ok_or_else(|| invalid_uri(path))?;
                        let mut once = String::new();
                        encode(&bytes, Slash::Encoded, &mut once);
                        let mut twice = String::new();
                        encode(once.as_bytes(), Slash::Encoded, &mut twice);
                        segments.push(twice);
                    }
                }
            }
            let last = if path.ends_with('/') && !segments.is_empty() {
                "/"
            } else {
                ""
            };
            Ok(format!("/{}{last}", segments.join("/")))
        }
    }
}

/// The parameters of a presigned URL that occur once; a second one is ignored here as it is when they are read.
const ONCE: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-SignedHeaders",
];

/// All parameters but the signature, encoded again and sorted.
fn query(query: &str) -> Result<String, AwsError> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut seen = [false; ONCE.len()];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = encoded(name).ok_or_else(|| invalid_uri(query))?;
        if name.eq_ignore_ascii_case("X-Amz-Signature") {
            continue;
        }
        let once = ONCE
            .iter()
            .zip(&mut seen)
            .find(|(known, _)| known.eq_ignore_ascii_case(&name));
        if let Some((_, seen)) = once
            && std::mem::replace(seen, true)
        {
            continue;
        }
        let value = encoded(value).ok_or_else(|| invalid_uri(query))?;
        pairs.push((name, value));
    }
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Ok(pairs.join("&"))
}

fn encoded(text: &str) -> Option<String> {
    let mut encoded = String::with_capacity(text.len());
    encode(&query_decoded(text)?, Slash::Encoded, &mut encoded);
    Some(encoded)
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slash {
    Kept,
    Encoded,
}

/// Everything but `A-Za-z0-9-._~` as `%XX` in capitals.
pub(crate) fn encode(bytes: &[u8], slash: Slash, into: &mut String) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                into.push(char::from(*byte));
            }
            b'/' if slash == Slash::Kept => into.push('/'),
            _ => {
                into.push('%');
                into.extend(DIGITS.get(usize::from(byte >> 4)));
                into.extend(DIGITS.get(usize::from(byte & 15)));
            }
        }
    }
}

/// Trimmed, with inner runs of blanks collapsed.
fn header_value(value: &[u8], into: &mut Vec<u8>) {
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let words = value.split(blank).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            into.push(b' ');
        }
        into.extend_from_slice(word);
    }
}
