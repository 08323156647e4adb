//! What header, URL and form have in common: credentials, scopes, skew, signed headers (spec: sigv4 2-4).

use http::HeaderName;
use jiff::{SignedDuration, Timestamp};

use crate::error::AwsError;
use crate::request::Request;
use crate::sigv4::errors::{incomplete, query_mismatch};
use crate::sigv4::payload::HEADER as CONTENT_SHA256;
use crate::sigv4::{Endpoint, SKEW_MAX, Scope, Style};
use crate::time;

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
pub(super) const TERMINAL: &str = "aws4_request";
pub(super) const CREDENTIAL_FORM: &str = "the Credential is mal-formed; expecting \
                                          \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";

pub(super) fn five_elements(credential: &str) -> AwsError {
    incomplete(format!(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
         '{credential}'"
    ))
}

/// Splits `AKID/YYYYMMDD/REGION/SERVICE/TERMINAL`.
pub(super) fn credential(
    text: &str,
    malformed: impl Fn(&str) -> AwsError,
) -> Result<(String, RawScope), AwsError> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        [access_key_id, date, region, service, terminal] if !access_key_id.is_empty() => Ok((
            (*access_key_id).to_owned(),
            RawScope {
                scope: Scope {
                    date: (*date).to_owned(),
                    region: (*region).to_owned(),
                    service: (*service).to_owned(),
                },
                terminal: (*terminal).to_owned(),
            },
        )),
        _ => Err(malformed(text)),
    }
}

/// A scope whose parts are not checked yet.
pub(super) struct RawScope {
    pub(super) scope: Scope,
    terminal: String,
}

/// Lower case, sorted, each once; `None` if the list is empty or has something that is no header name.
pub(super) fn header_names(text: &str) -> Option<Vec<String>> {
    let mut names = text
        .split(';')
        .filter(|name| !name.is_empty())
        .map(|name| {
            HeaderName::from_bytes(name.trim().as_bytes())
                .ok()
                .map(|name| name.as_str().to_owned())
        })
        .collect::<Option<Vec<_>>>()?;
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then_some(names)
}

pub(super) fn distance(from: Timestamp, to: Timestamp) -> SignedDuration {
    to.duration_since(from)
}

pub(super) fn skew_max() -> SignedDuration {
    SignedDuration::try_from(SKEW_MAX).unwrap_or(SignedDuration::MAX)
}

pub(super) fn check_skew(
    style: Style,
    date: Timestamp,
    as_sent: &str,
    now: Timestamp,
) -> Result<(), AwsError> {
    let ahead = distance(now, date);
    let max = skew_max();
    if ahead.abs() <= max {
        return Ok(());
    }
    Err(match style {
        Style::S3 => AwsError::new(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        )
        .with_field("RequestTime", as_sent)
        .with_field("ServerTime", time::iso8601(now))
        .with_field(
            "MaxAllowedSkewMilliseconds",
            SKEW_MAX.as_millis().to_string(),
        ),
        Style::Query => {
            let (sent, here) = (time::basic(date), time::basic(now));
            let limit = |offset: SignedDuration| {
                now.checked_add(offset).map(time::basic).unwrap_or_default()
            };
            query_mismatch(if ahead.is_negative() {
                format!(
                    "Signature expired: {sent} is now earlier than {} ({here} - 15 min.)",
                    limit(-max)
                )
            } else {
                format!(
                    "Signature not yet current: {sent} is still later than {} ({here} + 15 min.)",
                    limit(max)
                )
            })
        }
    })
}

pub(super) enum ScopeFault {
    DateDiffers,
    Other(String),
}

/// In the order of the scope's parts, then the comparison with the date of the request.
pub(super) fn check_scope(
    endpoint: &Endpoint,
    raw: &RawScope,
    date_text: &str,
    s3: impl Fn(ScopeFault) -> AwsError,
) -> Result<(), AwsError> {
    let RawScope { scope, terminal } = raw;
    let style = endpoint.style;
    let other = |text: String| s3(ScopeFault::Other(text));
    let day_ok = scope.date.len() == 8 && scope.date.bytes().all(|byte| byte.is_ascii_digit());
    let day_of_request = date_text.get(..8).unwrap_or_default();
    if !day_ok && style == Style::S3 {
        return Err(other(format!(
            "incorrect date format \"{}\". This date in the credential must be in the format \"yyyyMMdd\".",
            scope.date
        )));
    }
    // A region is a name; anything else would let line ends into the string to sign.
    let region_ok = scope
        .region
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !region_ok || !endpoint.regions.accepts(&scope.region) {
        let expected = endpoint.regions.expected();
        return Err(match style {
            Style::S3 => other(format!(
                "the region '{}' is wrong; expecting '{expected}'",
                scope.region
            ))
            .with_field("Region", expected),
            Style::Query => query_mismatch("Credential should be scoped to a valid region. "),
        });
    }
    if scope.service != endpoint.service {
        return Err(match style {
            Style::S3 => other(format!(
                "incorrect service \"{}\". This endpoint belongs to \"{}\".",
                scope.service, endpoint.service
            )),
            Style::Query => query_mismatch(format!(
                "Credential should be scoped to correct service: '{}'. ",
                endpoint.service
            )),
        });
    }
    if terminal != TERMINAL {
        return Err(match style {
            Style::S3 => other(format!(
                "incorrect terminal \"{terminal}\". This endpoint uses \"{TERMINAL}\"."
            )),
            Style::Query => query_mismatch(format!(
                "Credential should be scoped with a valid terminator: '{TERMINAL}', not '{terminal}'. "
            )),
        });
    }
    if scope.date != day_of_request {
        return Err(match style {
            Style::S3 => s3(ScopeFault::DateDiffers),
            Style::Query => query_mismatch(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != \
                 '{day_of_request}', from '{date_text}'.",
                scope.date
            )),
        });
    }
    Ok(())
}

/// `host` and every `x-amz-*` header must be signed, so that nobody on the way can add one.
/// `x-amz-content-sha256` need not be: its value is in the canonical request anyway.
pub(super) fn check_signed(
    style: Style,
    request: &Request<'_>,
    signed_headers: &[String],
) -> Result<(), AwsError> {
    let signed = |name: &str| {
        signed_headers
            .binary_search_by(|found| found.as_str().cmp(name))
            .is_ok()
    };
    let mut missing: Vec<&str> = request
        .headers
        .keys()
        .map(HeaderName::as_str)
        .filter(|name| name.starts_with("x-amz-") && *name != CONTENT_SHA256 && !signed(name))
        .collect();
    if !signed("host") {
        missing.push("host");
    }
    missing.sort_unstable();
    if missing.is_empty() {
        return Ok(());
    }
    Err(match style {
        Style::S3 => AwsError::new(
            403,
            "AccessDenied",
            "There were headers present in the request which were not signed",
        )
        .with_field("HeadersNotSigned", missing.join(", ")),
        Style::Query => {
            let told: Vec<String> = missing
                .iter()
                .map(|name| match *name {
                    "host" => {
                        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
                            .to_owned()
                    }
                    name => format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."),
                })
                .collect();
            query_mismatch(told.join(" "))
        }
    })
}
