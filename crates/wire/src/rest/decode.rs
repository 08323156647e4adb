//! Inputs from the parts of a request, by the bindings of the model.

use http::HeaderMap;
use serde_json::{Map as Object, Value};

use crate::error::AwsError;
use crate::model::{Kind, Location, Member, Model, Operation, Service, TimestampFormat, model};
use crate::request::header_text;
use crate::rest::payload;
use crate::rest::route::{Route, Target};
use crate::time;

/// Decodes the input of a routed operation: an object by the model's member names. Timestamps are RFC 3339 text.
///
/// `body` is the buffered body of operations that have one; streamed bodies (PutObject, UploadPart) are `None` and do
/// not appear in the input. Texts that the model enumerates are not checked in headers and parameters: S3 has an answer
/// of its own for each. `PostObject` and preflights decode to bucket and key only.
///
/// # Errors
/// `InvalidArgument`, `MalformedXML`, `MissingRequestBodyError`, `InvalidRequest` (a missing header).
pub fn decode(route: &Route, headers: &HeaderMap, body: Option<&[u8]>) -> Result<Value, AwsError> {
    let mut object = Object::new();
    let Target::Operation(operation) = route.target else {
        insert_text(&mut object, "Bucket", route.bucket.as_deref());
        insert_text(&mut object, "Key", route.key.as_deref());
        return Ok(Value::Object(object));
    };
    let model = model(route.service);
    let structure = model.structure(operation.input);
    for member in &structure.members {
        let decoded = match member.location {
            Location::Body | Location::Status => None,
            Location::Uri => match member.name.as_str() {
                "Bucket" => route.bucket.clone().map(Value::String),
                "Key" => route.key.clone().map(Value::String),
                _ => None,
            },
            Location::Query => route
                .parameter(&member.wire_name)
                .map(|text| scalar(model, member, text))
                .transpose()?
                .flatten(),
            Location::Header => header(model, member, headers)?,
            Location::Headers => prefixed(&member.wire_name, headers),
        };
        let decoded = decoded.or_else(|| {
            let from_host = route.service == Service::S3Control && member.name == "AccountId";
            from_host
                .then(|| route.account.clone().map(Value::String))
                .flatten()
        });
        match decoded {
            Some(value) => {
                object.insert(member.name.clone(), value);
            }
            None if member.required => missing(member)?,
            None => {}
        }
    }
    read_body(model, operation, body.unwrap_or_default(), &mut object)?;
    Ok(Value::Object(object))
}

fn insert_text(object: &mut Object<String, Value>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

/// Path parts and upload ids are there when a route was found; the rest S3 asks for by name.
fn missing(member: &Member) -> Result<(), AwsError> {
    match member.location {
        Location::Header => Err(AwsError::new(
            400,
            "InvalidRequest",
            format!(
                "Missing required header for this request: {}",
                member.wire_name.to_ascii_lowercase()
            ),
        )),
        Location::Query => Err(AwsError::invalid_argument(
            format!(
                "This operation requires the query parameter {}.",
                member.wire_name
            ),
            member.wire_name.clone(),
            "",
        )),
        Location::Body | Location::Uri | Location::Headers | Location::Status => Ok(()),
    }
}

fn header(model: &Model, member: &Member, headers: &HeaderMap) -> Result<Option<Value>, AwsError> {
    // http's lookup is without regard to case, the model's names are in AWS's spelling.
    let mut values = headers
        .get_all(member.wire_name.as_str())
        .iter()
        .map(|value| header_text(value.as_bytes()));
    if let Kind::List(_) = model.shape(member.shape).kind {
        let items: Vec<Value> = values
            .flat_map(|value| {
                value
                    .split(',')
                    .map(|item| item.trim().to_owned())
                    .filter(|item| !item.is_empty())
                    .collect::<Vec<_>>()
            })
            .map(Value::String)
            .collect();
        return Ok((!items.is_empty()).then_some(Value::Array(items)));
    }
    match values.next() {
        Some(text) => scalar(model, member, text.trim()),
        None => Ok(None),
    }
}

/// `x-amz-meta-*`: names without the prefix, lower case as HTTP libraries hand them over; repeated ones joined by `,`.
fn prefixed(prefix: &str, headers: &HeaderMap) -> Option<Value> {
    let prefix = prefix.to_ascii_lowercase();
    let mut object: Object<String, Value> = Object::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix(&prefix) else {
            continue;
        };
        let text = header_text(value.as_bytes()).trim().to_owned();
        match object.get_mut(name) {
            Some(Value::String(before)) => {
                before.push(',');
                before.push_str(&text);
            }
            _ => {
                object.insert(name.to_owned(), Value::String(text));
            }
        }
    }
    (!object.is_empty()).then_some(Value::Object(object))
}

fn scalar(model: &Model, member: &Member, text: &str) -> Result<Option<Value>, AwsError> {
    let shape = model.shape(member.shape);
    let value = match shape.kind {
        Kind::Boolean if text.eq_ignore_ascii_case("true") => Value::Bool(true),
        Kind::Boolean if text.eq_ignore_ascii_case("false") => Value::Bool(false),
        Kind::Integer => match text.parse::<i32>() {
            Ok(number) => number.into(),
            Err(_) => return Err(not_a_number(member, text)),
        },
        Kind::Long => match text.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => return Err(not_a_number(member, text)),
        },
        Kind::Timestamp => match (
            time::parse_http_date(text).or_else(|| time::parse_iso8601(text)),
            shape.timestamp,
        ) {
            (Some(time), _) => time::to_value(time),
            // `response-expires` may be any text, and HTTP ignores conditions on dates that are none.
            (None, _) if member.location == Location::Query => Value::String(text.to_owned()),
            (None, None | Some(TimestampFormat::UnixTimestamp)) => return Ok(None),
            (None, Some(TimestampFormat::Iso8601)) => {
                return Err(AwsError::invalid_argument(
                    "The retain until date must be provided in ISO 8601 format",
                    member.wire_name.clone(),
                    text,
                ));
            }
            (None, Some(TimestampFormat::Rfc822)) => {
                return Err(invalid_value(member, text));
            }
        },
        Kind::Boolean | Kind::Double => return Err(invalid_value(member, text)),
        Kind::Text | Kind::Blob | Kind::Structure(_) | Kind::List(_) | Kind::Map(_) => {
            Value::String(text.to_owned())
        }
    };
    Ok(Some(value))
}

fn invalid_value(member: &Member, text: &str) -> AwsError {
    AwsError::invalid_argument(
        format!("Invalid value for {}", member.wire_name),
        member.wire_name.clone(),
        text,
    )
}

fn not_a_number(member: &Member, text: &str) -> AwsError {
    let name = member.wire_name.as_str();
    let message = if name == "partNumber" {
        "Part number must be an integer between 1 and 10000, inclusive".to_owned()
    } else {
        format!("Provided {name} not an integer or within integer range")
    };
    AwsError::invalid_argument(message, name, text)
}

fn read_body(
    model: &Model,
    operation: &Operation,
    body: &[u8],
    object: &mut Object<String, Value>,
) -> Result<(), AwsError> {
    let structure = model.structure(operation.input);
    let payload_member = structure.payload.as_ref().and_then(|payload| {
        structure
            .members
            .iter()
            .find(|member| &member.name == payload)
    });
    let Some(member) = payload_member else {
        return match (&operation.input_root, operation.input) {
            (Some(root), Some(shape)) => {
                let read = payload::read(model, shape, root, body)?;
                merge(object, read);
                Ok(())
            }
            _ => Ok(()),
        };
    };
    if member.streaming {
        return Ok(());
    }
    match model.shape(member.shape).kind {
        Kind::Structure(_) => {}
        _ => {
            let text = std::str::from_utf8(body).map_err(|_| unreadable_policy())?;
            object.insert(member.name.clone(), text.into());
            return Ok(());
        }
    }
    if body.is_empty() {
        return if member.required {
            Err(AwsError::new(
                400,
                "MissingRequestBodyError",
                "Request Body is empty",
            ))
        } else {
            Ok(())
        };
    }
    let value =
        payload::read(model, member.shape, &member.wire_name, body).map_err(|mut error| {
            if error.code == "MalformedXML"
                && matches!(operation.name.as_str(), "PutBucketAcl" | "PutObjectAcl")
            {
                "MalformedACLError".clone_into(&mut error.code);
            }
            error
        })?;
    object.insert(member.name.clone(), value);
    Ok(())
}

fn merge(object: &mut Object<String, Value>, read: Value) {
    if let Value::Object(read) = read {
        object.extend(read);
    }
}

/// The one text payload of S3 is the bucket policy.
fn unreadable_policy() -> AwsError {
    AwsError::new(
        400,
        "MalformedPolicy",
        "Policies must be valid JSON and the first byte must be '{'",
    )
}
