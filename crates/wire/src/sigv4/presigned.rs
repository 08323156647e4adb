//! Presigned URLs and POST forms (spec: sigv4 6 and 8).

use jiff::{SignedDuration, Timestamp};

use crate::error::AwsError;
use crate::request::Request;
use crate::sigv4::checks::{
    ALGORITHM, CREDENTIAL_FORM, ScopeFault, check_scope, check_signed, check_skew, credential,
    distance, five_elements, header_names, skew_max,
};
use crate::sigv4::errors::{incomplete, query_parameters};
use crate::sigv4::payload::{HEADER as CONTENT_SHA256, Payload};
use crate::sigv4::{AuthType, EXPIRES_MAX, Endpoint, PostFields, Presented, Style};
use crate::time;

pub(super) const PARAMETERS: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
];

pub(super) fn from_query<'a>(
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
