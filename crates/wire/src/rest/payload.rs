//! XML bodies of requests to values, by the shapes of the model.
//!
//! Tolerated as S3 does: namespaces and prefixes of any kind, comments, processing instructions. Refused: DTDs, elements
//! the model does not know, depth and size beyond the limits.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use serde_json::{Map as Object, Value};

use crate::error::AwsError;
use crate::model::{Kind, Location, Member, Model, ShapeId, Structure};
use crate::time;

/// The longest XML body that is read: DeleteObjects with 1000 keys of 1024 bytes, each byte a reference, fits.
pub const XML_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Most elements in a body: CompleteMultipartUpload with 10,000 parts and every checksum fits.
const XML_ELEMENTS_MAX: usize = 200_000;

/// Enumerations whose unknown values S3 answers with a code of their own, which is the operation's business.
const CHECKED_BY_OPERATION: [&str; 4] = [
    "BucketLocationConstraint",
    "Event",
    "FilterRuleName",
    "Protocol",
];

/// Deeper elements are refused; the models need less than half of it.
const XML_DEPTH_MAX: usize = 32;

/// Most attributes of an element: the models need two. Whether one comes again is looked for among all
/// before it, so that without this limit the work would grow with the square of the body.
const XML_ATTRIBUTES_MAX: usize = 16;

/// Reads a body whose root element is `root`.
///
/// # Errors
/// `MalformedXML`, for anything that is not as the model says.
pub(crate) fn read(
    model: &Model,
    shape: ShapeId,
    root: &str,
    body: &[u8],
) -> Result<Value, AwsError> {
    if body.len() > XML_BYTES_MAX {
        return Err(
            AwsError::new(400, "MaxMessageLengthExceeded", "Your request was too big.")
                .with_field("MaxMessageLengthBytes", XML_BYTES_MAX.to_string()),
        );
    }
    let text = std::str::from_utf8(body).map_err(|_| AwsError::malformed_xml())?;
    let element = tree(text)?;
    if element.name != root {
        return Err(AwsError::malformed_xml());
    }
    value(model, shape, &element)
}

/// An element with its own text; names are without prefix.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

fn tree(text: &str) -> Result<Element, AwsError> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut elements = 0;
    loop {
        match reader.read_event().map_err(|_| AwsError::malformed_xml())? {
            Event::Start(start) => {
                elements += 1;
                if open.len() == XML_DEPTH_MAX || elements > XML_ELEMENTS_MAX || root.is_some() {
                    return Err(AwsError::malformed_xml());
                }
                open.push(started(&start)?);
            }
            Event::End(_) => {
                let element = open.pop().ok_or_else(AwsError::malformed_xml)?;
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => root = Some(element),
                }
            }
            Event::Text(text) => {
                let text = text.xml_content().map_err(|_| AwsError::malformed_xml())?;
                add_text(&mut open, &text)?;
            }
            Event::CData(text) => {
                let text = text.xml_content().map_err(|_| AwsError::malformed_xml())?;
                add_text(&mut open, &text)?;
            }
            Event::GeneralRef(reference) => {
                let mut buffer = [0; 4];
                add_text(&mut open, referred(&reference)?.encode_utf8(&mut buffer))?;
            }
            Event::DocType(_) => return Err(AwsError::malformed_xml()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
            // `expand_empty_elements` turns these into a start and an end.
            Event::Empty(_) => return Err(AwsError::malformed_xml()),
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root),
        _ => Err(AwsError::malformed_xml()),
    }
}

fn started(start: &BytesStart<'_>) -> Result<Element, AwsError> {
    let name = local(start.local_name().as_ref())?;
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        if attributes.len() == XML_ATTRIBUTES_MAX {
            return Err(AwsError::malformed_xml());
        }
        let attribute = attribute.map_err(|_| AwsError::malformed_xml())?;
        let value = attribute
            .unescape_value()
            .map_err(|_| AwsError::malformed_xml())?;
        attributes.push((
            local(attribute.key.local_name().as_ref())?,
            value.into_owned(),
        ));
    }
    Ok(Element {
        name,
        attributes,
        ..Element::default()
    })
}

fn local(name: &[u8]) -> Result<String, AwsError> {
    std::str::from_utf8(name)
        .map(str::to_owned)
        .map_err(|_| AwsError::malformed_xml())
}

fn add_text(open: &mut [Element], text: &str) -> Result<(), AwsError> {
    match open.last_mut() {
        Some(element) => {
            element.text.push_str(text);
            Ok(())
        }
        None if text.trim().is_empty() => Ok(()),
        None => Err(AwsError::malformed_xml()),
    }
}

/// The five entities of XML and character references; a DTD could not have declared others.
fn referred(reference: &BytesRef<'_>) -> Result<char, AwsError> {
    if let Some(character) = reference
        .resolve_char_ref()
        .map_err(|_| AwsError::malformed_xml())?
    {
        return Ok(character);
    }
    match reference.as_ref() {
        b"amp" => Ok('&'),
        b"lt" => Ok('<'),
        b"gt" => Ok('>'),
        b"quot" => Ok('"'),
        b"apos" => Ok('\''),
        _ => Err(AwsError::malformed_xml()),
    }
}

fn value(model: &Model, shape: ShapeId, element: &Element) -> Result<Value, AwsError> {
    match &model.shape(shape).kind {
        Kind::Structure(parts) => structure(model, parts, element),
        Kind::List(list) => {
            blank(&element.text)?;
            element
                .children
                .iter()
                .map(|child| {
                    if child.name == list.item_name {
                        value(model, list.item, child)
                    } else {
                        Err(AwsError::malformed_xml())
                    }
                })
                .collect::<Result<_, _>>()
                .map(Value::Array)
        }
        // S3's models have no maps in bodies.
        Kind::Map(_) => Err(AwsError::malformed_xml()),
        _ if element.children.is_empty() => scalar(model, shape, &element.text),
        _ => Err(AwsError::malformed_xml()),
    }
}

fn structure(model: &Model, parts: &Structure, element: &Element) -> Result<Value, AwsError> {
    blank(&element.text)?;
    let mut object = Object::new();
    for child in &element.children {
        let member = parts
            .members
            .iter()
            .filter(|member| member.location == Location::Body && !member.xml_attribute)
            .find(|member| element_name(model, member) == child.name)
            .ok_or_else(AwsError::malformed_xml)?;
        match flattened_item(model, member) {
            Some(item) => {
                let item = value(model, item, child)?;
                let list = object
                    .entry(member.name.clone())
                    .or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(items) = list {
                    items.push(item);
                }
            }
            None => {
                let read = value(model, member.shape, child)?;
                if object.insert(member.name.clone(), read).is_some() {
                    return Err(AwsError::malformed_xml());
                }
            }
        }
    }
    for member in parts.members.iter().filter(|member| member.xml_attribute) {
        let name = member.wire_name.rsplit(':').next().unwrap_or_default();
        if let Some((_, text)) = element.attributes.iter().find(|(found, _)| found == name) {
            object.insert(member.name.clone(), scalar(model, member.shape, text)?);
        }
    }
    let complete = parts
        .members
        .iter()
        .filter(|member| member.required && member.location == Location::Body)
        .all(|member| object.contains_key(&member.name));
    if complete {
        Ok(Value::Object(object))
    } else {
        Err(AwsError::malformed_xml())
    }
}

/// The name of the elements of a member: for a flattened list that the member does not name, the item's name.
pub(super) fn element_name<'a>(model: &'a Model, member: &'a Member) -> &'a str {
    let named = member.wire_name != member.name;
    match &model.shape(member.shape).kind {
        Kind::List(list)
            if !named && flattened_item(model, member).is_some() && list.item_name != "member" =>
        {
            &list.item_name
        }
        _ => &member.wire_name,
    }
}

/// The type of the items if the member is a list without an element of its own.
pub(super) fn flattened_item(model: &Model, member: &Member) -> Option<ShapeId> {
    match &model.shape(member.shape).kind {
        Kind::List(list) if list.flattened || member.flattened => Some(list.item),
        _ => None,
    }
}

fn blank(text: &str) -> Result<(), AwsError> {
    if text.trim().is_empty() {
        Ok(())
    } else {
        Err(AwsError::malformed_xml())
    }
}

fn scalar(model: &Model, shape: ShapeId, text: &str) -> Result<Value, AwsError> {
    let shape = model.shape(shape);
    let trimmed = text.trim();
    let number = |parsed: Result<i64, std::num::ParseIntError>| {
        parsed
            .map(Value::from)
            .map_err(|_| AwsError::malformed_xml())
    };
    match shape.kind {
        Kind::Boolean if trimmed.eq_ignore_ascii_case("true") || trimmed == "1" => Ok(true.into()),
        Kind::Boolean if trimmed.eq_ignore_ascii_case("false") || trimmed == "0" => {
            Ok(false.into())
        }
        Kind::Boolean => Err(AwsError::malformed_xml()),
        Kind::Integer => number(trimmed.parse::<i32>().map(i64::from)),
        Kind::Long => number(trimmed.parse::<i64>()),
        Kind::Double => trimmed
            .parse::<f64>()
            .map(Value::from)
            .map_err(|_| AwsError::malformed_xml()),
        Kind::Timestamp => time::parse_iso8601(trimmed)
            .or_else(|| time::parse_http_date(trimmed))
            .map(time::to_value)
            .ok_or_else(AwsError::malformed_xml),
        // S3 has an error of its own for regions that it does not know.
        Kind::Text | Kind::Blob if shape.name == "BucketLocationConstraint" => Ok(trimmed.into()),
        Kind::Text | Kind::Blob if shape.enumeration.is_empty() => Ok(text.into()),
        Kind::Text | Kind::Blob if CHECKED_BY_OPERATION.contains(&shape.name.as_str()) => {
            Ok(trimmed.into())
        }
        Kind::Text | Kind::Blob => {
            if shape.enumeration.iter().any(|known| known == trimmed) {
                Ok(trimmed.into())
            } else {
                Err(AwsError::malformed_xml())
            }
        }
        Kind::Structure(_) | Kind::List(_) | Kind::Map(_) => Err(AwsError::malformed_xml()),
    }
}
