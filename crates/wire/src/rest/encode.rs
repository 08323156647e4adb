//! Responses by the bindings of the model.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::model::{
    Kind, Location, Member, Model, Operation, Service, ShapeId, TimestampFormat, model,
};
use crate::query::plain;
use crate::rest::payload::{element_name, flattened_item};
use crate::time;
use crate::xml::Writer;

/// A response without request ids and transport headers.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers of the model, and `content-type` when there is a body.
    pub headers: HeaderMap,
    /// The body; `None` when there is none or when it is streamed.
    pub body: Option<Vec<u8>>,
}

/// About what a document takes besides its longest member.
const ENVELOPE_BYTES: usize = 1024;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The root elements that S3 uses where the model does not name one (AWS: the API pages of these operations).
const ROOTS: &[(&str, &str)] = &[
    ("CompleteMultipartUpload", "CompleteMultipartUploadResult"),
    ("CreateMultipartUpload", "InitiateMultipartUploadResult"),
    ("CreateSession", "CreateSessionResult"),
    ("DeleteObjects", "DeleteResult"),
    (
        "GetBucketAccelerateConfiguration",
        "AccelerateConfiguration",
    ),
    ("GetBucketAcl", "AccessControlPolicy"),
    ("GetBucketCors", "CORSConfiguration"),
    ("GetBucketLifecycle", "LifecycleConfiguration"),
    ("GetBucketLifecycleConfiguration", "LifecycleConfiguration"),
    ("GetBucketLocation", "LocationConstraint"),
    ("GetBucketLogging", "BucketLoggingStatus"),
    ("GetBucketNotification", "NotificationConfiguration"),
    (
        "GetBucketNotificationConfiguration",
        "NotificationConfiguration",
    ),
    ("GetBucketRequestPayment", "RequestPaymentConfiguration"),
    ("GetBucketTagging", "Tagging"),
    ("GetBucketVersioning", "VersioningConfiguration"),
    ("GetBucketWebsite", "WebsiteConfiguration"),
    ("GetObjectAcl", "AccessControlPolicy"),
    ("GetObjectTagging", "Tagging"),
    (
        "ListBucketAnalyticsConfigurations",
        "ListBucketAnalyticsConfigurationResult",
    ),
    (
        "ListBucketInventoryConfigurations",
        "ListInventoryConfigurationsResult",
    ),
    (
        "ListBucketMetricsConfigurations",
        "ListMetricsConfigurationsResult",
    ),
    ("ListBuckets", "ListAllMyBucketsResult"),
    ("ListDirectoryBuckets", "ListAllMyDirectoryBucketsResult"),
    ("ListMultipartUploads", "ListMultipartUploadsResult"),
    ("ListObjectVersions", "ListVersionsResult"),
    ("ListObjects", "ListBucketResult"),
    ("ListObjectsV2", "ListBucketResult"),
    ("ListParts", "ListPartsResult"),
];

/// Encodes an output: an object by the model's member names, null and missing members left out. Timestamps may be
/// RFC 3339 text or seconds since 1970. A streamed body is the caller's.
#[must_use]
pub fn encode(service: Service, operation: &Operation, output: &Value) -> Response {
    encode_with(service, operation, output, None)
}

/// Elements of an output that are written already, since there may be thousands of them, or since those of two members
/// stand in one order, as versions and delete markers do (AWS: ListObjectVersions).
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// The member of the output that they are.
    pub member: &'a str,
    /// All of them, as the document shows them.
    pub xml: &'a str,
}

/// As [`encode`], with one member of a document written by the caller. It stands where the model has it.
#[must_use]
pub fn encode_with(
    service: Service,
    operation: &Operation,
    output: &Value,
    written: Option<Written<'_>>,
) -> Response {
    let model = model(service);
    let structure = model.structure(operation.output);
    let mut response = Response {
        status: operation.status,
        headers: HeaderMap::new(),
        body: None,
    };
    let present = structure
        .members
        .iter()
        .filter_map(|member| Some((member, output.get(&member.name)?)))
        .filter(|(_, value)| !value.is_null());
    for (member, value) in present {
        match member.location {
            Location::Header => put(
                &mut response.headers,
                &member.wire_name,
                &header_value(model, member, value),
            ),
            Location::Headers => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    let name = format!("{}{name}", member.wire_name);
                    put(&mut response.headers, &name, &plain(value));
                }
            }
            Location::Status => {
                if let Some(status) = value.as_u64().and_then(|status| u16::try_from(status).ok()) {
                    response.status = status;
                }
            }
            Location::Body | Location::Uri | Location::Query => {}
        }
    }
    let payload = structure.payload.as_ref().and_then(|payload| {
        structure
            .members
            .iter()
            .find(|member| &member.name == payload)
    });
    match payload {
        Some(member) if member.streaming => {}
        Some(member) => {
            let Some(value) = output.get(&member.name).filter(|value| !value.is_null()) else {
                return response;
            };
            if let Kind::Structure(_) = model.shape(member.shape).kind {
                let mut xml = Writer::document();
                let attributes = [("xmlns", model.xml_namespace.as_str())];
                element(
                    model,
                    member.shape,
                    &member.wire_name,
                    value,
                    &attributes,
                    &mut xml,
                );
                set_xml(&mut response, xml);
            } else {
                put(&mut response.headers, "content-type", "application/json");
                response.body = Some(plain(value).into_bytes());
            }
        }
        None if structure
            .members
            .iter()
            .any(|member| member.location == Location::Body) =>
        {
            let mut xml = Writer::document();
            if let Some(written) = written {
                xml.reserve(written.xml.len() + ENVELOPE_BYTES);
            }
            let attributes = [("xmlns", model.xml_namespace.as_str())];
            if operation.name == "GetBucketLocation" {
                location_constraint(output, &attributes, &mut xml);
            } else if let Some(shape) = operation.output {
                let name = root(operation, model, shape);
                xml.open_with(name, &attributes);
                for member in &structure.members {
                    match (written, output.get(&member.name)) {
                        (Some(written), _) if written.member == member.name => {
                            xml.written(written.xml);
                        }
                        (_, Some(value))
                            if member.location == Location::Body && !value.is_null() =>
                        {
                            write_member(model, member, value, &mut xml);
                        }
                        (_, Some(_) | None) => {}
                    }
                }
                xml.close(name);
            }
            set_xml(&mut response, xml);
        }
        None => {}
    }
    response
}

fn root<'a>(operation: &Operation, model: &'a Model, shape: ShapeId) -> &'a str {
    ROOTS
        .iter()
        .find(|(name, _)| *name == operation.name)
        .map_or(&model.shape(shape).name, |(_, root)| root)
}

/// The one response whose root is its only member.
fn location_constraint(output: &Value, attributes: &[(&str, &str)], xml: &mut Writer) {
    let region = output
        .get("LocationConstraint")
        .map(plain)
        .unwrap_or_default();
    if region.is_empty() {
        xml.empty("LocationConstraint", attributes);
    } else {
        xml.open_with("LocationConstraint", attributes);
        xml.escaped(&region);
        xml.close("LocationConstraint");
    }
}

fn set_xml(response: &mut Response, xml: Writer) {
    put(&mut response.headers, "content-type", "application/xml");
    response.body = Some(xml.finish().into_bytes());
}

fn element(
    model: &Model,
    shape: ShapeId,
    name: &str,
    value: &Value,
    attributes: &[(&str, &str)],
    xml: &mut Writer,
) {
    match (&model.shape(shape).kind, value) {
        (Kind::Structure(structure), _) => {
            let mut own: Vec<(String, String)> = Vec::new();
            for member in structure
                .members
                .iter()
                .filter(|member| member.xml_attribute)
            {
                if let Some(value) = value.get(&member.name).filter(|value| !value.is_null()) {
                    own.push(("xmlns:xsi".to_owned(), XSI.to_owned()));
                    own.push((member.wire_name.clone(), plain(value)));
                }
            }
            let all: Vec<(&str, &str)> = attributes
                .iter()
                .copied()
                .chain(
                    own.iter()
                        .map(|(name, value)| (name.as_str(), value.as_str())),
                )
                .collect();
            xml.open_with(name, &all);
            let members = structure
                .members
                .iter()
                .filter(|member| member.location == Location::Body && !member.xml_attribute);
            for member in members {
                if let Some(value) = value.get(&member.name).filter(|value| !value.is_null()) {
                    write_member(model, member, value, xml);
                }
            }
            xml.close(name);
        }
        (Kind::List(list), Value::Array(items)) if !items.is_empty() => {
            xml.open_with(name, attributes);
            for item in items {
                element(model, list.item, &list.item_name, item, &[], xml);
            }
            xml.close(name);
        }
        (Kind::List(_) | Kind::Map(_), _) => xml.empty(name, attributes),
        (Kind::Timestamp, _) => match time::from_value(value) {
            Some(time) => xml.text(name, &time::iso8601_millis(time)),
            None => xml.text(name, &plain(value)),
        },
        _ => xml.text(name, &plain(value)),
    }
}

fn write_member(model: &Model, member: &Member, value: &Value, xml: &mut Writer) {
    let name = element_name(model, member);
    match (flattened_item(model, member), value) {
        (Some(item), Value::Array(items)) => {
            for value in items {
                element(model, item, name, value, &[], xml);
            }
        }
        _ => element(model, member.shape, name, value, &[], xml),
    }
}

fn header_value(model: &Model, member: &Member, value: &Value) -> String {
    let shape = model.shape(member.shape);
    match (&shape.kind, value) {
        (Kind::Timestamp, _) => match (time::from_value(value), shape.timestamp) {
            (Some(time), Some(TimestampFormat::Iso8601)) => time::iso8601_millis(time),
            (Some(time), Some(TimestampFormat::UnixTimestamp)) => time.as_second().to_string(),
            (Some(time), None | Some(TimestampFormat::Rfc822)) => time::imf_fixdate(time),
            (None, _) => plain(value),
        },
        (_, Value::Array(items)) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        _ => plain(value),
    }
}

/// Sets a header. Control characters become blanks: a stored value must not be able to add headers or break the response.
fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    let bytes: Vec<u8> = value
        .bytes()
        .map(|byte| {
            if byte < 0x20 && byte != b'\t' || byte == 0x7f {
                b' '
            } else {
                byte
            }
        })
        .collect();
    if let (Ok(name), Ok(value)) = (
        HeaderName::from_bytes(name.as_bytes()),
        HeaderValue::from_bytes(&bytes),
    ) {
        headers.insert(name, value);
    }
}
