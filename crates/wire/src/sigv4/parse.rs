//! The first step: what a request presents, checked as far as that goes without a key (spec: sigv4 1-3 and 6).

use http::HeaderName;
use jiff::{SignedDuration, Timestamp};

use crate::error::AwsError;
use crate::request::{Request, query_pairs};
use crate::sigv4::errors::{header_malformed, incomplete, query_mismatch, query_parameters};
use crate::sigv4::payload::{HEADER as CONTENT_SHA256, Payload};
use crate::sigv4::{
    AuthType, EXPIRES_MAX, Endpoint, PostFields, Presented, SKEW_MAX, Scope, Style,
};
use crate::time;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINAL: &str = "aws4_request";
const NO_VERSION_2: &str =
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
const CREDENTIAL_FORM: &str = "the Credential is mal-formed; expecting \
                               \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";

/// Reads the credentials of a request; `None` if it has none. POST forms are [`Presented::from_post`].
///
/// # Errors
/// AWS's answers to malformed, late, wrongly scoped or incompletely signed requests, by [`Endpoint::style`].
pub fn parse(
    request: &Request<'_>,
    endpoint: &Endpoint,
    now: Timestamp,
) -> Result<Option<Presented>, AwsError> {
    let query = query_pairs(request.query)?;
    let parameter = |name: &str| {
        query
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    };
    let presigned = PARAMETERS.iter().any(|name| parameter(name).is_some());
    let version_2 = endpoint.style == Style::S3
        && query
            .iter()
            .any(|(name, _)| name == "AWSAccessKeyId" || name == "Signature");
    let mut authorizations = request.headers.get_all(http::header::AUTHORIZATION).iter();
    let authorization = authorizations
        .next()
        .map(|value| crate::request::header_text(value.as_bytes()));
    if let Some(value) = &authorization
        && (presigned || version_2 || authorizations.next().is_some())
    {
        return Err(AwsError::invalid_argument(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
             parameter or the Authorization header should be specified",
            "Authorization",
            value.clone(),
        ));
    }
    match authorization {
        Some(value) => from_header(request, endpoint, now, &value).map(Some),
        None if presigned => from_query(request, endpoint, now, &parameter).map(Some),
        None if version_2 => {
            let complete = ["Signature", "Expires", "AWSAccessKeyId"]
                .iter()
                .all(|wanted| query.iter().any(|(name, _)| name == wanted));
            Err(if complete {
                AwsError::new(400, "InvalidRequest", NO_VERSION_2)
            } else {
                AwsError::new(
                    403,
                    "AccessDenied",
                    "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
                )
            })
        }
        None => Ok(None),
    }
}

/// The components of an `Authorization` header after the scheme.
struct Components<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

fn from_header(
    request: &Request<'_>,
    endpoint: &Endpoint,
    now: Timestamp,
    value: &str,
) -> Result<Presented, AwsError> {
    let style = endpoint.style;
    let components = match style {
        Style::S3 => s3_components(value)?,
        Style::Query => query_components(request, value)?,
    };
    let (access_key_id, scope) = credential(components.credential, |_| match style {
        Style::S3 => header_malformed(CREDENTIAL_FORM),
        Style::Query => five_elements(components.credential),
    })?;
    let signed_headers = header_names(components.signed_headers).ok_or_else(|| match style {
        Style::S3 => header_malformed("missing SignedHeaders."),
        Style::Query => incomplete("Authorization header requires 'SignedHeaders' parameter."),
    })?;
    let (date, date_as_sent) = header_date(request).ok_or_else(|| match style {
        Style::S3 => AwsError::new(
            403,
            "AccessDenied",
            "AWS authentication requires a valid Date or x-amz-date header",
        ),
        Style::Query => incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        ),
    })?;
    check_skew(style, date, &date_as_sent, now)?;
    let date_text = time::basic(date);
    check_scope(endpoint, &scope, &date_text, |text| match text {
        ScopeFault::DateDiffers => {
            header_malformed("Invalid credential date. Date is not the same as X-Amz-Date.")
        }
        ScopeFault::Other(text) => header_malformed(&text),
    })?;
    check_signed(style, request, &signed_headers)?;
    let payload = match style {
        Style::S3 => {
            let text = request.header(CONTENT_SHA256).ok_or_else(|| {
                AwsError::new(
                    400,
                    "InvalidRequest",
                    "Missing required header for this request: x-amz-content-sha256",
                )
            })?;
            Payload::parse(text.trim())?
        }
        Style::Query => Payload::Unsigned,
    };
    Ok(Presented {
        style,
        auth_type: AuthType::Header,
        access_key_id,
        scope: scope.scope,
        signed_headers,
        signature: components.signature.to_owned(),
        date_text,
        date,
        parsed_at: now,
        session_token: request.header("x-amz-security-token"),
        payload_hash: payload.text(),
        payload,
    })
}

fn s3_components(value: &str) -> Result<Components<'_>, AwsError> {
    let argument = |message: &str| AwsError::invalid_argument(message, "Authorization", value);
    let (scheme, rest) = value.trim().split_once(' ').ok_or_else(|| {
        argument("Authorization header is invalid -- one and only one ' ' (space) required.")
    })?;
    match scheme {
        ALGORITHM => {}
        "AWS" | "AWS4-ECDSA-P256-SHA256" => {
            return Err(AwsError::new(400, "InvalidRequest", NO_VERSION_2));
        }
        _ => return Err(argument("Unsupported Authorization Type")),
    }
    let three = || {
        header_malformed(
            "the authorization header requires three components: Credential, SignedHeaders, and Signature.",
        )
    };
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for component in rest.split(',').map(str::trim) {
        let (name, text) = component.split_once('=').ok_or_else(|| {
            header_malformed(&format!(
                "the authorization component \"{component}\" is malformed."
            ))
        })?;
        let slot = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => return Err(three()),
        };
        if slot.replace(text).is_some() {
            return Err(three());
        }
    }
    let (Some(credential), Some(signed_headers), Some(signature)) =
        (credential, signed_headers, signature)
    else {
        return Err(three());
    };
    for (name, text) in [
        ("Credential", credential),
        ("SignedHeaders", signed_headers),
        ("Signature", signature),
    ] {
        if text.is_empty() {
            return Err(header_malformed(&format!("missing {name}.")));
        }
    }
    Ok(Components {
        credential,
        signed_headers,
        signature,
    })
}

/// Query services name everything that is missing at once.
fn query_components<'a>(request: &Request<'_>, value: &'a str) -> Result<Components<'a>, AwsError> {
    let rest = value.trim().strip_prefix(ALGORITHM).unwrap_or_default();
    let find = |name: &str| {
        rest.split([',', ' '])
            .filter_map(|component| component.trim().split_once('='))
            .find(|(found, text)| *found == name && !text.is_empty())
            .map(|(_, text)| text)
    };
    let parts = [find("Credential"), find("Signature"), find("SignedHeaders")];
    if let [Some(credential), Some(signature), Some(signed_headers)] = parts {
        return Ok(Components {
            credential,
            signed_headers,
            signature,
        });
    }
    let mut message = String::new();
    for (name, part) in ["Credential", "Signature", "SignedHeaders"]
        .iter()
        .zip(parts)
    {
        if part.is_none() {
            message.push_str(&format!(
                "Authorization header requires '{name}' parameter. "
            ));
        }
    }
    if header_date(request).is_none() {
        message.push_str(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
        );
    }
    Err(incomplete(message.trim_end()))
}

fn five_elements(credential: &str) -> AwsError {
    incomplete(format!(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
         '{credential}'"
    ))
}

/// Splits `AKID/YYYYMMDD/REGION/SERVICE/TERMINAL`. The terminal is kept in the scope's service until it is checked.
fn credential(
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

struct RawScope {
    scope: Scope,
    terminal: String,
}

/// Lower case, sorted, each once; `None` if the list is empty or has something that is no header name.
fn header_names(text: &str) -> Option<Vec<String>> {
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

/// `x-amz-date` wins over `Date`; with the text as sent.
fn header_date(request: &Request<'_>) -> Option<(Timestamp, String)> {
    if let Some(text) = request.header("x-amz-date") {
        let text = text.trim().to_owned();
        return Some((time::parse_basic(&text)?, text));
    }
    let text = request.header("date")?;
    Some((
        time::parse_http_date(&text).or_else(|| time::parse_basic(text.trim()))?,
        text,
    ))
}

fn distance(from: Timestamp, to: Timestamp) -> SignedDuration {
    to.duration_since(from)
}

fn skew_max() -> SignedDuration {
    SignedDuration::try_from(SKEW_MAX).unwrap_or(SignedDuration::MAX)
}

fn check_skew(
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

enum ScopeFault {
    DateDiffers,
    Other(String),
}

/// In the order of the scope's parts, then the comparison with the date of the request.
fn check_scope(
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
fn check_signed(
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

const PARAMETERS: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
];

fn from_query<'a>(
    request: &Request<'_>,
    endpoint: &Endpoint,
    now: Timestamp,
    parameter: &impl Fn(&str) -> Option<&'a str>,
) -> Result<Presented, AwsError> {
    let style = endpoint.style;
    let values = PARAMETERS.map(parameter);
    let [
        Some(algorithm),
        Some(credential_text),
        Some(signature),
        Some(date_as_sent),
        Some(signed_headers),
        expires,
    ] = values
    else {
        return Err(missing_parameters(style, &values));
    };
    if expires.is_none() && style == Style::S3 {
        return Err(missing_parameters(style, &values));
    }
    if algorithm != ALGORITHM {
        let message = format!("X-Amz-Algorithm only supports \"{ALGORITHM}\"");
        return Err(match style {
            Style::S3 => query_parameters(message),
            Style::Query => incomplete(message),
        });
    }
    let scope_error = |text: &str| {
        query_parameters(format!(
            "Error parsing the X-Amz-Credential parameter; {text}"
        ))
    };
    let (access_key_id, scope) = credential(credential_text, |_| match style {
        Style::S3 => scope_error(CREDENTIAL_FORM),
        Style::Query => five_elements(credential_text),
    })?;
    let date = time::parse_basic(date_as_sent).ok_or_else(|| {
        let message = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"";
        match style {
            Style::S3 => query_parameters(message),
            Style::Query => incomplete(message),
        }
    })?;
    match style {
        Style::S3 => check_window(date, date_as_sent, expires.unwrap_or_default(), now)?,
        // Query services allow the ordinary skew whatever the URL says.
        Style::Query => check_skew(style, date, date_as_sent, now)?,
    }
    check_scope(endpoint, &scope, date_as_sent, |fault| match fault {
        ScopeFault::DateDiffers => query_parameters(format!(
            "Invalid credential date \"{}\". This date is not the same as X-Amz-Date: \"{}\".",
            scope.scope.date,
            date_as_sent.get(..8).unwrap_or_default()
        )),
        ScopeFault::Other(text) => scope_error(&text),
    })?;
    let signed_headers =
        header_names(signed_headers).ok_or_else(|| missing_parameters(style, &values))?;
    check_signed(style, request, &signed_headers)?;
    let (payload, payload_hash) = match style {
        Style::S3 => presigned_payload(request, &signed_headers, parameter(CONTENT_SHA256))?,
        Style::Query => (Payload::Unsigned, String::new()),
    };
    Ok(Presented {
        style,
        auth_type: AuthType::Query,
        access_key_id,
        scope: scope.scope,
        signed_headers,
        signature: signature.to_owned(),
        date_text: date_as_sent.to_owned(),
        date,
        parsed_at: now,
        session_token: parameter("X-Amz-Security-Token")
            .map(str::to_owned)
            .or_else(|| request.header("x-amz-security-token")),
        payload,
        payload_hash,
    })
}

fn missing_parameters(style: Style, values: &[Option<&str>; 6]) -> AwsError {
    match style {
        Style::S3 => query_parameters(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, \
             X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        ),
        Style::Query => {
            let mut message: String = PARAMETERS
                .iter()
                .zip(values)
                .filter(|(name, value)| value.is_none() && **name != "X-Amz-Expires")
                .map(|(name, _)| format!("AWS query-string parameters must include '{name}'. "))
                .collect();
            message.push_str("Re-examine the query-string parameters.");
            incomplete(message)
        }
    }
}

fn check_window(
    date: Timestamp,
    date_as_sent: &str,
    expires: &str,
    now: Timestamp,
) -> Result<(), AwsError> {
    let digits = expires.strip_prefix('-').unwrap_or(expires);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(query_parameters("X-Amz-Expires should be a number"));
    }
    if expires.starts_with('-') {
        return Err(query_parameters("X-Amz-Expires must be non-negative"));
    }
    // A number too long for an i64 is too long for a week as well.
    let seconds = digits.parse::<i64>().unwrap_or(i64::MAX);
    if u64::try_from(seconds).unwrap_or(u64::MAX) > EXPIRES_MAX.as_secs() {
        return Err(query_parameters(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than \
             604800 seconds",
        ));
    }
    let age = distance(date, now);
    if age < -skew_max() {
        return Err(
            AwsError::new(403, "AccessDenied", "Request is not valid yet")
                .with_field("X-Amz-Date", date_as_sent)
                .with_field("X-Amz-Expires", expires)
                .with_field("ServerTime", time::iso8601(now)),
        );
    }
    if age > SignedDuration::from_secs(seconds) || (seconds == 0 && age >= SignedDuration::ZERO) {
        let end = date
            .checked_add(SignedDuration::from_secs(seconds))
            .map(time::iso8601)
            .unwrap_or_default();
        return Err(AwsError::new(403, "AccessDenied", "Request has expired")
            .with_field("X-Amz-Expires", expires)
            .with_field("Expires", end)
            .with_field("ServerTime", time::iso8601(now)));
    }
    Ok(())
}

/// The form of the body, and what the URL signs about it: a signed header counts, then the parameter, else nothing.
fn presigned_payload(
    request: &Request<'_>,
    signed_headers: &[String],
    parameter: Option<&str>,
) -> Result<(Payload, String), AwsError> {
    let header = request.header(CONTENT_SHA256);
    let header_signed = signed_headers.iter().any(|name| name == CONTENT_SHA256);
    let signed = match (&header, parameter) {
        (Some(text), _) if header_signed => Payload::parse(text.trim())?,
        (_, Some(text)) => Payload::parse(text)?,
        (_, None) => Payload::Unsigned,
    };
    let signed_text = signed.text();
    // A header that the URL does not sign can still announce chunks without signatures.
    let announced = header.map(|text| Payload::parse(text.trim())).transpose()?;
    match (signed, announced) {
        (Payload::Unsigned, Some(Payload::UnsignedChunksWithTrailer)) => {
            Ok((Payload::UnsignedChunksWithTrailer, signed_text))
        }
        (signed, _) => Ok((signed, signed_text)),
    }
}

pub(super) fn post(
    fields: &PostFields<'_>,
    endpoint: &Endpoint,
    now: Timestamp,
) -> Result<Presented, AwsError> {
    let bad = |text: &str, name: &str, value: &str| AwsError::invalid_argument(text, name, value);
    if fields.algorithm != ALGORITHM {
        return Err(bad(
            &format!("X-Amz-Algorithm only supports \"{ALGORITHM}\""),
            "x-amz-algorithm",
            fields.algorithm,
        ));
    }
    let date = time::parse_basic(fields.date).ok_or_else(|| {
        bad(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
            "x-amz-date",
            fields.date,
        )
    })?;
    let (access_key_id, scope) = credential(fields.credential, |text| {
        bad(CREDENTIAL_FORM, "x-amz-credential", text)
    })?;
    check_scope(endpoint, &scope, fields.date, |fault| match fault {
        ScopeFault::DateDiffers => bad(
            "Invalid credential date. Date is not the same as X-Amz-Date.",
            "x-amz-credential",
            fields.credential,
        ),
        ScopeFault::Other(text) => bad(&text, "x-amz-credential", fields.credential),
    })?;
    Ok(Presented {
        style: endpoint.style,
        auth_type: AuthType::Post,
        access_key_id,
        scope: scope.scope,
        signed_headers: Vec::new(),
        signature: fields.signature.to_owned(),
        date_text: fields.date.to_owned(),
        date,
        parsed_at: now,
        session_token: fields.session_token.map(str::to_owned),
        payload: Payload::Unsigned,
        payload_hash: String::new(),
    })
}
