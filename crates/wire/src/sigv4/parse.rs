//! The first step: where the credentials of a request are, and the `Authorization` header (spec: sigv4 1-3).

use jiff::Timestamp;

use crate::error::AwsError;
use crate::query::malformed_query_string;
use crate::request::{Request, query_pairs};
use crate::sigv4::checks::{
    ALGORITHM, CREDENTIAL_FORM, ScopeFault, check_scope, check_signed, check_skew, credential,
    five_elements, header_names,
};
use crate::sigv4::errors::{header_malformed, incomplete};
use crate::sigv4::payload::{HEADER as CONTENT_SHA256, Payload};
use crate::sigv4::presigned::{self, PARAMETERS};
use crate::sigv4::{AuthType, Endpoint, Presented, Style};
use crate::time;

const NO_VERSION_2: &str =
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";

/// Reads the credentials of a request; `None` if it has none. POST forms are [`Presented::from_post`].
///
/// # Errors
/// AWS's answers to malformed, late, wrongly scoped or incompletely signed requests, by [`Endpoint::style`].
pub fn parse(
    request: &Request<'_>,
    endpoint: &Endpoint,
    now: Timestamp,
) -> Result<Option<Presented>, AwsError> {
    let query = query_pairs(request.query).map_err(|error| match endpoint.style {
        Style::S3 => error,
        Style::Query => malformed_query_string(),
    })?;
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
        None if presigned => presigned::from_query(request, endpoint, now, &parameter).map(Some),
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
