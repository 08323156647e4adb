//! The Query protocol (IAM, STS): form fields to inputs and outputs to XML, by the model.
//!
//! Spec: iam-sts-kms-api 1.

use std::collections::BTreeMap;

use base64::Engine;
use percent_encoding::percent_decode;
use serde_json::{Map as Object, Value};

use crate::constraints;
use crate::error::AwsError;
use crate::model::{Kind, Model, Operation, Service, ShapeId, model};
use crate::time;
use crate::xml::Writer;

/// The longest form that is read. IAM's own limits on policy documents are far below it.
pub const FORM_BYTES_MAX: usize = 1024 * 1024;

/// Deeper names than this are refused; AWS's models need less than half of it.
const NAME_PARTS_MAX: usize = 32;

/// The fields of a form body or a query string. They may hold passwords, so they cannot be printed.
#[derive(Default)]
pub struct Form {
    root: Node,
}

#[derive(Default)]
struct Node {
    value: Option<String>,
    children: BTreeMap<String, Node>,
}

/// A decoded call: which operation, with which input. Its `Debug` leaves out the input, which may hold passwords.
pub struct Call {
    /// Whose operation it is.
    pub service: Service,
    /// The operation asked for.
    pub operation: &'static Operation,
    /// The input by the names of the model. Timestamps are RFC 3339 text, blobs base64 text.
    pub input: Value,
}

impl Form {
    /// Reads `application/x-www-form-urlencoded` text. `+` is a blank; the first of two equal names wins.
    ///
    /// # Errors
    /// `MalformedQueryString` if a name or value is not UTF-8 or a name has too many parts; `RequestEntityTooLarge`.
    pub fn parse(text: &[u8]) -> Result<Form, AwsError> {
        if text.len() > FORM_BYTES_MAX {
            return Err(AwsError::new(
                413,
                "RequestEntityTooLarge",
                format!("Request must be smaller than {FORM_BYTES_MAX} bytes."),
            ));
        }
        let mut form = Form::default();
        for pair in text
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
        {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decoded(halves.next().unwrap_or_default())?;
            let value = decoded(halves.next().unwrap_or_default())?;
            form.insert(&name, value)?;
        }
        Ok(form)
    }

    /// Adds the fields of another form; what is there already stays.
    ///
    /// # Errors
    /// As [`Form::parse`].
    pub fn parse_also(mut self, text: &[u8]) -> Result<Form, AwsError> {
        let other = Form::parse(text)?;
        merge(&mut self.root, other.root);
        Ok(self)
    }

    /// The field of this name, which must have no parts.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.root.children.get(name)?.value.as_deref()
    }

    /// The value of `Action`.
    #[must_use]
    pub fn action(&self) -> Option<&str> {
        self.field("Action")
    }

    /// The value of `Version`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.field("Version")
    }

    /// Which Query service the call is for: by `Version`, else by the name of the operation.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        let services = [Service::Iam, Service::Sts];
        services
            .into_iter()
            .find(|service| self.version() == Some(&model(*service).api_version))
            .or_else(|| {
                let action = self.action()?;
                services
                    .into_iter()
                    .find(|service| model(*service).operation(action).is_some())
            })
    }

    fn insert(&mut self, name: &str, value: String) -> Result<(), AwsError> {
        let mut node = &mut self.root;
        for (depth, part) in name.split('.').enumerate() {
            if depth == NAME_PARTS_MAX {
                return Err(malformed_query_string());
            }
            node = node.children.entry(part.to_owned()).or_default();
        }
        node.value.get_or_insert(value);
        Ok(())
    }
}

fn merge(into: &mut Node, from: Node) {
    if into.value.is_none() {
        into.value = from.value;
    }
    for (name, node) in from.children {
        merge(into.children.entry(name).or_default(), node);
    }
}

fn decoded(text: &[u8]) -> Result<String, AwsError> {
    let blanks: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    String::from_utf8(percent_decode(&blanks).collect()).map_err(|_| malformed_query_string())
}

pub(crate) fn malformed_query_string() -> AwsError {
    AwsError::new(
        404,
        "MalformedQueryString",
        "The query string contains a syntax error.",
    )
}

/// Finds the operation and decodes its input. Constraints are not checked here: see [`Call::check`].
///
/// # Errors
/// `MissingAction`, `InvalidAction` (also for another version), `MalformedInput`.
pub fn decode(service: Service, form: &Form) -> Result<Call, AwsError> {
    let model = model(service);
    let action = form
        .action()
        .filter(|action| !action.is_empty())
        .ok_or_else(|| {
            AwsError::new(
                400,
                "MissingAction",
                "The request is missing an action or a required parameter.",
            )
        })?;
    let version = form.version().unwrap_or("NO_VERSION_SPECIFIED");
    let operation = model
        .operation(action)
        .filter(|_| version == model.api_version)
        .ok_or_else(|| {
            AwsError::new(
                400,
                "InvalidAction",
                format!("Could not find operation {action} for version {version}"),
            )
        })?;
    let input = match operation.input {
        Some(shape) => structure(model, shape, &form.root)?,
        None => Value::Object(Object::new()),
    };
    Ok(Call {
        service,
        operation,
        input,
    })
}

impl std::fmt::Debug for Call {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Call")
            .field("service", &self.service)
            .field("operation", &self.operation.name)
            .finish_non_exhaustive()
    }
}

impl Call {
    /// Checks the input against the constraints of the model.
    ///
    /// # Errors
    /// `ValidationError` with all violations in AWS's words.
    pub fn check(&self) -> Result<(), AwsError> {
        constraints::check(self.service, self.operation, &self.input)
    }
}

fn structure(model: &Model, shape: ShapeId, node: &Node) -> Result<Value, AwsError> {
    let mut object = Object::new();
    for member in &model.structure(Some(shape)).members {
        if let Some(child) = node.children.get(&member.wire_name) {
            object.insert(member.name.clone(), value(model, member.shape, child)?);
        }
    }
    Ok(Value::Object(object))
}

fn value(model: &Model, shape: ShapeId, node: &Node) -> Result<Value, AwsError> {
    match &model.shape(shape).kind {
        Kind::Structure(_) => match &node.value {
            Some(text) if !text.is_empty() => Err(malformed_input(
                "Unexpected value where a structure was expected",
            )),
            _ => structure(model, shape, node),
        },
        Kind::List(list) => {
            let Some(items) = node.children.get(&list.item_name) else {
                return match &node.value {
                    Some(text) if !text.is_empty() => Err(malformed_input(
                        "Unexpected value where a list was expected",
                    )),
                    _ => Ok(Value::Array(Vec::new())),
                };
            };
            numbered(items)?
                .into_iter()
                .map(|item| value(model, list.item, item))
                .collect::<Result<_, _>>()
                .map(Value::Array)
        }
        Kind::Map(map) => {
            let mut object = Object::new();
            let entries = node
                .children
                .get("entry")
                .map(numbered)
                .transpose()?
                .unwrap_or_default();
            for entry in entries {
                let key = entry
                    .children
                    .get("key")
                    .and_then(|key| key.value.clone())
                    .ok_or_else(|| malformed_input("A map entry must have a key"))?;
                if let Some(child) = entry.children.get("value") {
                    object.insert(key, value(model, map.value, child)?);
                }
            }
            Ok(Value::Object(object))
        }
        _ => match &node.value {
            Some(text) => scalar(model, shape, text),
            None => Err(malformed_input(
                "Unexpected structure where a value was expected",
            )),
        },
    }
}

/// The children `1`, `2`, … in the order of their numbers, whatever the order of arrival.
fn numbered(node: &Node) -> Result<Vec<&Node>, AwsError> {
    let mut items = node
        .children
        .iter()
        .map(|(name, child)| match name.parse::<u32>() {
            Ok(number) => Ok((number, child)),
            Err(_) => Err(malformed_input(&format!(
                "`{name}` is not the number of a list item"
            ))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    items.sort_by_key(|(number, _)| *number);
    Ok(items.into_iter().map(|(_, child)| child).collect())
}

fn scalar(model: &Model, shape: ShapeId, text: &str) -> Result<Value, AwsError> {
    let bad = || malformed_input(&format!("'{text}' is not a valid value"));
    match model.shape(shape).kind {
        Kind::Boolean => match text {
            _ if text.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
            _ if text.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
            _ => Err(bad()),
        },
        Kind::Integer => text.parse::<i32>().map(Value::from).map_err(|_| bad()),
        Kind::Long => text.parse::<i64>().map(Value::from).map_err(|_| bad()),
        Kind::Double => text.parse::<f64>().map(Value::from).map_err(|_| bad()),
        Kind::Timestamp => {
            let time = time::parse_iso8601(text)
                .or_else(|| time::from_value(&text.parse::<f64>().ok()?.into()));
            time.map(time::to_value).ok_or_else(bad)
        }
        Kind::Blob => match base64::engine::general_purpose::STANDARD.decode(text) {
            Ok(_) => Ok(Value::String(text.to_owned())),
            Err(_) => Err(bad()),
        },
        Kind::Text | Kind::Structure(_) | Kind::List(_) | Kind::Map(_) => {
            Ok(Value::String(text.to_owned()))
        }
    }
}

/// AWS's code for input that cannot be read as its type. The texts are our own: AWS's vary by stack.
fn malformed_input(message: &str) -> AwsError {
    AwsError::new(400, "MalformedInput", message)
}

/// Writes a successful response: `<XResponse xmlns><XResult>…</XResult><ResponseMetadata>…`.
///
/// `output` is an object by the names of the model; members that are missing or null are left out. Timestamps may be
/// RFC 3339 text or seconds since 1970. Operations without output have no Result element.
#[must_use]
pub fn encode(service: Service, operation: &Operation, output: &Value, request_id: &str) -> String {
    let model = model(service);
    let response = format!("{}Response", operation.name);
    let mut xml = Writer::fragment();
    xml.open_with(&response, &[("xmlns", &model.xml_namespace)]);
    if let Some(shape) = operation.output {
        let result = format!("{}Result", operation.name);
        write_structure(model, shape, &result, output, &mut xml);
    }
    xml.open("ResponseMetadata");
    xml.text("RequestId", request_id);
    xml.close("ResponseMetadata");
    xml.close(&response);
    xml.finish()
}

fn write_structure(model: &Model, shape: ShapeId, name: &str, value: &Value, xml: &mut Writer) {
    let members = &model.structure(Some(shape)).members;
    let present = members
        .iter()
        .filter_map(|member| Some((member, value.get(&member.name)?)))
        .filter(|(_, value)| !value.is_null());
    let mut opened = false;
    for (member, value) in present {
        if !opened {
            xml.open(name);
            opened = true;
        }
        write(model, member.shape, &member.wire_name, value, xml);
    }
    if opened {
        xml.close(name);
    } else {
        xml.empty(name, &[]);
    }
}

fn write(model: &Model, shape: ShapeId, name: &str, value: &Value, xml: &mut Writer) {
    match (&model.shape(shape).kind, value) {
        (Kind::Structure(_), _) => write_structure(model, shape, name, value, xml),
        (Kind::List(list), Value::Array(items)) if !items.is_empty() => {
            xml.open(name);
            for item in items {
                write(model, list.item, &list.item_name, item, xml);
            }
            xml.close(name);
        }
        (Kind::Map(map), Value::Object(entries)) if !entries.is_empty() => {
            xml.open(name);
            for (key, value) in entries {
                xml.open("entry");
                xml.text("key", key);
                write(model, map.value, "value", value, xml);
                xml.close("entry");
            }
            xml.close(name);
        }
        (Kind::List(_) | Kind::Map(_), _) => xml.empty(name, &[]),
        (Kind::Timestamp, _) => match time::from_value(value) {
            Some(time) => xml.text(name, &time::iso8601(time)),
            None => xml.text(name, &plain(value)),
        },
        _ => xml.text(name, &plain(value)),
    }
}

/// A scalar as text.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn input(service: Service, text: &str) -> Result<Value, AwsError> {
        decode(service, &Form::parse(text.as_bytes())?).map(|call| call.input)
    }

    #[test]
    fn lists_and_structures_come_in_the_order_of_their_numbers() {
        let got = input(
            Service::Iam,
            "Action=CreateUser&Version=2010-05-08&UserName=a%2Bb+c&Unknown=1&Tags.member.10.Key=z&Tags.member.10.Value=&\
             Tags.member.2.Key=y&Tags.member.2.Value=1",
        );
        assert_eq!(
            got.unwrap(),
            json!({"UserName": "a+b c", "Tags": [{"Key": "y", "Value": "1"}, {"Key": "z", "Value": ""}]})
        );
        let got = input(
            Service::Sts,
            "Action=AssumeRole&Version=2011-06-15&DurationSeconds=900&PolicyArns=&TransitiveTagKeys.member.1=k",
        );
        assert_eq!(
            got.unwrap(),
            json!({"PolicyArns": [], "DurationSeconds": 900, "TransitiveTagKeys": ["k"]})
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let code = |text: &str| {
            let error = input(Service::Iam, text).unwrap_err();
            (error.code, error.message)
        };
        assert_eq!(code("Version=2010-05-08").0, "MissingAction");
        assert_eq!(
            code("Action=Fly&Version=2010-05-08"),
            (
                "InvalidAction".to_owned(),
                "Could not find operation Fly for version 2010-05-08".to_owned()
            )
        );
        assert_eq!(
            code("Action=GetUser&Version=2011-06-15").1,
            "Could not find operation GetUser for version 2011-06-15"
        );
        for bad in ["MaxItems=x", "MaxItems.x=1", "MaxItems=99999999999"] {
            let text = format!("Action=ListUsers&Version=2010-05-08&{bad}");
            assert_eq!(code(&text).0, "MalformedInput", "{bad}");
        }
        assert_eq!(
            code("Action=ListUsers&Version=%ff").0,
            "MalformedQueryString"
        );
    }

    #[test]
    fn the_version_says_which_service_it_is() {
        let service = |text: &str| Form::parse(text.as_bytes()).unwrap().service();
        assert_eq!(
            service("Action=GetUser&Version=2010-05-08"),
            Some(Service::Iam)
        );
        assert_eq!(service("Action=GetCallerIdentity"), Some(Service::Sts));
        assert_eq!(service("Action=Fly"), None);
    }

    #[test]
    fn responses_have_the_result_the_model_names() {
        let iam = model(Service::Iam);
        let encoded = |name: &str, output: Value| {
            encode(Service::Iam, iam.operation(name).unwrap(), &output, "id")
        };
        assert_eq!(
            encoded("DeleteUser", json!({})),
            "<DeleteUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ResponseMetadata>\
             <RequestId>id</RequestId></ResponseMetadata></DeleteUserResponse>"
        );
        assert_eq!(
            encoded(
                "ListUsers",
                json!({"IsTruncated": false, "Users": [], "Marker": null})
            ),
            "<ListUsersResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ListUsersResult><Users/>\
             <IsTruncated>false</IsTruncated></ListUsersResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata>\
             </ListUsersResponse>"
        );
        let user = json!({"UserName": "a<b", "Path": "/", "CreateDate": "2026-01-02T03:04:05.9Z", "Tags": [{"Key": "k", "Value": ""}]});
        assert!(encoded("GetUser", json!({"User": user})).contains(
            "<GetUserResult><User><Path>/</Path><UserName>a&lt;b</UserName><CreateDate>2026-01-02T03:04:05Z</CreateDate>\
             <Tags><member><Key>k</Key><Value></Value></member></Tags></User></GetUserResult>"
        ));
        let summary = encoded("GetAccountSummary", json!({"SummaryMap": {"Users": 2}}));
        assert!(
            summary.contains(
                "<SummaryMap><entry><key>Users</key><value>2</value></entry></SummaryMap>"
            )
        );
    }
}
