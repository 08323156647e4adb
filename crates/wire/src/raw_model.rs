//! The form of the model files, and the step from names to resolved shapes.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::model::{
    Kind, List, Location, Map, Member, Operation, Shape, ShapeId, Structure, TimestampFormat,
};

/// A JSON object as pairs in the order of the file.
pub(crate) struct Pairs<T>(Vec<(String, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Pairs<T> {
        Pairs(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs<T>, D::Error> {
        struct Read<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = Pairs<T>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(16));
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Read(PhantomData))
    }
}

#[derive(Deserialize)]
pub(crate) struct RawModel {
    metadata: RawMetadata,
    operations: Pairs<RawOperation>,
    shapes: Pairs<RawShape>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMetadata {
    api_version: String,
    #[serde(default)]
    xml_namespace: Option<String>,
    service_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawOperation {
    http: RawHttp,
    input: Option<RawReference>,
    output: Option<RawReference>,
    #[serde(default)]
    deprecated: bool,
    authtype: Option<String>,
    http_checksum: Option<RawChecksum>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawChecksum {
    #[serde(default)]
    request_checksum_required: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHttp {
    method: String,
    request_uri: String,
    #[serde(default = "ok")]
    response_code: u16,
}

fn ok() -> u16 {
    200
}

/// A use of a shape: a member, an item, an input.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReference {
    shape: String,
    location: Option<String>,
    location_name: Option<String>,
    #[serde(default)]
    flattened: bool,
    #[serde(default)]
    xml_attribute: bool,
    xml_namespace: Option<RawNamespace>,
    #[serde(default)]
    streaming: bool,
}

#[derive(Deserialize)]
struct RawNamespace {
    uri: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawShape {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    members: Pairs<RawReference>,
    #[serde(default)]
    required: Vec<String>,
    payload: Option<String>,
    member: Option<RawReference>,
    key: Option<RawReference>,
    value: Option<RawReference>,
    #[serde(default)]
    flattened: bool,
    min: Option<f64>,
    max: Option<f64>,
    pattern: Option<String>,
    #[serde(rename = "enum", default)]
    enumeration: Vec<String>,
    #[serde(default)]
    sensitive: bool,
    timestamp_format: Option<String>,
    location_name: Option<String>,
    error: Option<RawError>,
    #[serde(default)]
    exception: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawError {
    code: Option<String>,
    http_status_code: Option<u16>,
}

pub(crate) struct Resolved {
    pub api_version: String,
    pub xml_namespace: String,
    pub operations: Vec<Operation>,
    pub shapes: Vec<Shape>,
    pub errors: HashMap<String, u16>,
}

pub(crate) fn resolve(raw: RawModel) -> Result<Resolved, String> {
    let ids: HashMap<&str, usize> = raw
        .shapes
        .0
        .iter()
        .enumerate()
        .map(|(index, (name, _))| (name.as_str(), index))
        .collect();
    let find = |name: &str| match ids.get(name) {
        Some(&index) => Ok(ShapeId(index)),
        None => Err(format!("no shape `{name}`")),
    };
    let mut errors = HashMap::new();
    for (name, shape) in &raw.shapes.0 {
        if let Some(error) = &shape.error {
            let code = error.code.clone().unwrap_or_else(|| name.clone());
            errors.insert(code, error.http_status_code.unwrap_or(400));
        } else if shape.exception {
            errors.insert(name.clone(), 400);
        }
    }
    let xml_namespace = match (
        &raw.metadata.xml_namespace,
        raw.metadata.service_id.as_str(),
    ) {
        (Some(uri), _) => uri.clone(),
        // botocore leaves these out of the metadata.
        (None, "S3") => "http://s3.amazonaws.com/doc/2006-03-01/".to_owned(),
        (None, "S3 Control") => "http://awss3control.amazonaws.com/doc/2018-08-20/".to_owned(),
        (None, _) => String::new(),
    };
    let operations = raw
        .operations
        .0
        .iter()
        .map(|(name, operation)| resolve_operation(name, operation, &find))
        .collect::<Result<_, _>>()?;
    let shapes = raw
        .shapes
        .0
        .iter()
        .map(|(name, shape)| resolve_shape(name, shape, &find))
        .collect::<Result<_, _>>()?;
    Ok(Resolved {
        api_version: raw.metadata.api_version,
        xml_namespace,
        operations,
        shapes,
        errors,
    })
}

fn resolve_operation(
    name: &str,
    raw: &RawOperation,
    find: &impl Fn(&str) -> Result<ShapeId, String>,
) -> Result<Operation, String> {
    let side = |reference: &Option<RawReference>| {
        reference
            .as_ref()
            .map(|reference| find(&reference.shape))
            .transpose()
    };
    Ok(Operation {
        name: name.to_owned(),
        method: raw.http.method.clone(),
        uri: raw.http.request_uri.clone(),
        status: raw.http.response_code,
        input: side(&raw.input)?,
        input_root: raw
            .input
            .as_ref()
            .and_then(|input| input.location_name.clone()),
        output: side(&raw.output)?,
        deprecated: raw.deprecated,
        anonymous: raw.authtype.as_deref() == Some("none"),
        served: raw.input.is_some(),
        checksum_required: raw
            .http_checksum
            .as_ref()
            .is_some_and(|checksum| checksum.request_checksum_required),
    })
}

fn resolve_shape(
    name: &str,
    raw: &RawShape,
    find: &impl Fn(&str) -> Result<ShapeId, String>,
) -> Result<Shape, String> {
    let part = |reference: &Option<RawReference>| match reference {
        Some(reference) => find(&reference.shape),
        None => Err(format!("shape `{name}` lacks a part")),
    };
    let kind = match raw.kind.as_str() {
        "structure" => Kind::Structure(Structure {
            members: raw
                .members
                .0
                .iter()
                .map(|(name, member)| resolve_member(name, member, &raw.required, find))
                .collect::<Result<_, _>>()?,
            payload: raw.payload.clone(),
        }),
        "list" => Kind::List(List {
            item: part(&raw.member)?,
            item_name: raw
                .member
                .as_ref()
                .and_then(|item| item.location_name.clone())
                .unwrap_or_else(|| "member".to_owned()),
            flattened: raw.flattened,
        }),
        "map" => Kind::Map(Map {
            key: part(&raw.key)?,
            value: part(&raw.value)?,
        }),
        "string" | "character" => Kind::Text,
        "blob" => Kind::Blob,
        "boolean" => Kind::Boolean,
        "integer" => Kind::Integer,
        "long" => Kind::Long,
        "float" | "double" => Kind::Double,
        "timestamp" => Kind::Timestamp,
        other => return Err(format!("shape `{name}` has the unknown type `{other}`")),
    };
    Ok(Shape {
        name: name.to_owned(),
        kind,
        min: raw.min.map(whole),
        max: raw.max.map(whole),
        pattern: raw.pattern.clone(),
        enumeration: raw.enumeration.clone(),
        sensitive: raw.sensitive,
        timestamp: match raw.timestamp_format.as_deref() {
            None => None,
            Some("iso8601") => Some(TimestampFormat::Iso8601),
            Some("rfc822") => Some(TimestampFormat::Rfc822),
            Some("unixTimestamp") => Some(TimestampFormat::UnixTimestamp),
            Some(other) => return Err(format!("unknown timestamp format `{other}`")),
        },
        xml_name: raw.location_name.clone(),
    })
}

/// The models write limits as JSON numbers, all of them whole.
fn whole(number: f64) -> i64 {
    number as i64
}

fn resolve_member(
    name: &str,
    raw: &RawReference,
    required: &[String],
    find: &impl Fn(&str) -> Result<ShapeId, String>,
) -> Result<Member, String> {
    Ok(Member {
        name: name.to_owned(),
        shape: find(&raw.shape)?,
        required: required.iter().any(|wanted| wanted == name),
        location: match raw.location.as_deref() {
            None => Location::Body,
            Some("uri") => Location::Uri,
            Some("header") => Location::Header,
            Some("headers") => Location::Headers,
            Some("querystring") => Location::Query,
            Some("statusCode") => Location::Status,
            Some(other) => return Err(format!("unknown location `{other}`")),
        },
        wire_name: raw.location_name.clone().unwrap_or_else(|| name.to_owned()),
        flattened: raw.flattened,
        xml_attribute: raw.xml_attribute,
        xml_namespace: raw.xml_namespace.as_ref().map(|space| space.uri.clone()),
        streaming: raw.streaming,
    })
}
