//! AWS's service models: operations, shapes, constraints and bindings, as data compiled into the program.
//!
//! The files in `models/` are reduced from botocore (see `models/NOTICE`) by `cargo xtask models`.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::raw_model::{self, RawModel};

/// An AWS service that this crate speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Amazon S3 (REST-XML).
    S3,
    /// The account-level side of Amazon S3 (REST-XML).
    S3Control,
    /// Identity and Access Management (Query).
    Iam,
    /// Security Token Service (Query).
    Sts,
    /// Key Management Service (JSON 1.1).
    Kms,
}

impl Service {
    /// The service's name in a credential scope. S3 Control signs as `s3`.
    #[must_use]
    pub fn signing_name(self) -> &'static str {
        match self {
            Service::S3 | Service::S3Control => "s3",
            Service::Iam => "iam",
            Service::Sts => "sts",
            Service::Kms => "kms",
        }
    }
}

/// One service's operations and shapes.
#[derive(Debug)]
pub struct Model {
    /// Which service this is.
    pub service: Service,
    /// The API version, such as `2010-05-08`.
    pub api_version: String,
    /// The XML namespace of responses; empty for JSON services.
    pub xml_namespace: String,
    operations: Vec<Operation>,
    by_name: HashMap<String, usize>,
    // INVARIANT: every `ShapeId` in this model is an index into this list; reading checks it.
    shapes: Vec<Shape>,
    errors: HashMap<String, u16>,
}

/// A place in its model's list of shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeId(pub(crate) usize);

/// One operation of a service.
#[derive(Debug)]
pub struct Operation {
    /// The name, such as `PutObject`.
    pub name: String,
    /// The HTTP method.
    pub method: String,
    /// The URI template, such as `/{Bucket}/{Key+}?uploads`.
    pub uri: String,
    /// The status of success.
    pub status: u16,
    /// The input structure.
    pub input: Option<ShapeId>,
    /// The name of the body's root element when the input has no payload member.
    pub input_root: Option<String>,
    /// The output structure.
    pub output: Option<ShapeId>,
    /// Whether AWS has replaced this operation by another of the same URI.
    pub deprecated: bool,
    /// Whether callers need no credentials (STS federation).
    pub anonymous: bool,
    /// Whether the model has this operation's shapes. `false`: known by name only, answer NotImplemented.
    pub served: bool,
    /// The header that names the checksum algorithm of the request, if the operation takes request checksums.
    pub checksum_required: bool,
}

/// A type.
#[derive(Debug)]
pub struct Shape {
    /// The model's name of the type.
    pub name: String,
    /// What the type is made of.
    pub kind: Kind,
    /// Least length, item count or value.
    pub min: Option<i64>,
    /// Greatest length, item count or value.
    pub max: Option<i64>,
    /// A Java regular expression for texts.
    pub pattern: Option<String>,
    /// The values an enumerated text may have; empty when it is not enumerated.
    pub enumeration: Vec<String>,
    /// Whether the value is a secret that error texts must not repeat.
    pub sensitive: bool,
    /// How a timestamp is written where the protocol's default does not hold.
    pub timestamp: Option<TimestampFormat>,
    /// The element name of the type, where it differs from the member's.
    pub xml_name: Option<String>,
}

/// What a type is made of.
#[derive(Debug)]
pub enum Kind {
    /// Named members.
    Structure(Structure),
    /// Items of one type.
    List(List),
    /// Values by text keys.
    Map(Map),
    /// A text.
    Text,
    /// Bytes; base64 text in a [`serde_json::Value`].
    Blob,
    /// `true` or `false`.
    Boolean,
    /// A 32-bit number.
    Integer,
    /// A 64-bit number.
    Long,
    /// A floating-point number.
    Double,
    /// A point in time.
    Timestamp,
}

/// The members of a structure.
#[derive(Debug, Default)]
pub struct Structure {
    /// In the model's order, which is also the order of elements in responses.
    pub members: Vec<Member>,
    /// The member that is the whole body.
    pub payload: Option<String>,
}

/// The items of a list.
#[derive(Debug)]
pub struct List {
    /// The type of the items.
    pub item: ShapeId,
    /// The element name of an item (`member` unless the model says otherwise).
    pub item_name: String,
    /// Whether the items stand directly in the parent element.
    pub flattened: bool,
}

/// The entries of a map.
#[derive(Debug)]
pub struct Map {
    /// The type of the keys.
    pub key: ShapeId,
    /// The type of the values.
    pub value: ShapeId,
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// The name in the model and in [`serde_json::Value`] inputs and outputs.
    pub name: String,
    /// The type.
    pub shape: ShapeId,
    /// Whether a request must have it.
    pub required: bool,
    /// Where it stands in a message.
    pub location: Location,
    /// The name of the element, header or parameter; the prefix for [`Location::Headers`].
    pub wire_name: String,
    /// Whether the items of a list stand directly in the parent element.
    pub flattened: bool,
    /// Whether it is an attribute of its parent's element.
    pub xml_attribute: bool,
    /// The namespace of the element.
    pub xml_namespace: Option<String>,
    /// Whether it is a body that is streamed and never passes through this crate.
    pub streaming: bool,
}

/// Where a member stands in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In the body.
    Body,
    /// In the path.
    Uri,
    /// A header.
    Header,
    /// All headers with a prefix.
    Headers,
    /// A query parameter.
    Query,
    /// The status of the response.
    Status,
}

/// How a timestamp is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampFormat {
    /// `2026-01-02T03:04:05Z`
    Iso8601,
    /// `Fri, 02 Jan 2026 03:04:05 GMT`
    Rfc822,
    /// Seconds since 1970.
    UnixTimestamp,
}

impl Model {
    /// All operations, by name.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter()
    }

    /// The operation of this name.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.get(*self.by_name.get(name)?)
    }

    /// All shapes.
    pub fn shapes(&self) -> impl Iterator<Item = &Shape> {
        self.shapes.iter()
    }

    /// The shape at `id`, which must come from this model.
    #[must_use]
    pub fn shape(&self, id: ShapeId) -> &Shape {
        self.shapes.get(id.0).unwrap_or(&NO_SHAPE)
    }

    /// The structure at `id`; an empty one if the shape is something else.
    #[must_use]
    pub fn structure(&self, id: Option<ShapeId>) -> &Structure {
        match id.map(|id| &self.shape(id).kind) {
            Some(Kind::Structure(structure)) => structure,
            _ => &NO_STRUCTURE,
        }
    }

    /// The HTTP status that the model gives an error code, such as 404 for `NoSuchEntity`.
    #[must_use]
    pub fn error_status(&self, code: &str) -> Option<u16> {
        self.errors.get(code).copied()
    }

    pub(crate) fn from_raw(service: Service, raw: RawModel) -> Result<Model, String> {
        raw_model::resolve(raw).map(|parts| {
            let by_name = parts
                .operations
                .iter()
                .enumerate()
                .map(|(index, operation)| (operation.name.clone(), index))
                .collect();
            Model {
                service,
                api_version: parts.api_version,
                xml_namespace: parts.xml_namespace,
                operations: parts.operations,
                by_name,
                shapes: parts.shapes,
                errors: parts.errors,
            }
        })
    }
}

static NO_STRUCTURE: Structure = Structure {
    members: Vec::new(),
    payload: None,
};
static NO_SHAPE: Shape = Shape {
    name: String::new(),
    kind: Kind::Structure(Structure {
        members: Vec::new(),
        payload: None,
    }),
    min: None,
    max: None,
    pattern: None,
    enumeration: Vec::new(),
    sensitive: false,
    timestamp: None,
    xml_name: None,
};

macro_rules! models {
    ($($variant:ident => $file:literal),+ $(,)?) => {
        /// The model of a service. Read once, at first use (a few milliseconds).
        #[must_use]
        pub fn model(service: Service) -> &'static Model {
            match service {
                $(Service::$variant => {
                    static MODEL: LazyLock<Model> =
                        LazyLock::new(|| read(Service::$variant, include_str!(concat!("../models/", $file))));
                    &MODEL
                })+
            }
        }
    };
}
models! {
    S3 => "s3.json",
    S3Control => "s3control.json",
    Iam => "iam.json",
    Sts => "sts.json",
    Kms => "kms.json",
}

#[expect(
    clippy::panic,
    reason = "the text is compiled in and a test reads every model, so a failure is a bug of the build"
)]
fn read(service: Service, text: &str) -> Model {
    let read = serde_json::from_str(text)
        .map_err(|error| error.to_string())
        .and_then(|raw| Model::from_raw(service, raw));
    match read {
        Ok(model) => model,
        Err(error) => panic!("the model of {service:?} is broken: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_reads() {
        let counts = [
            Service::S3,
            Service::S3Control,
            Service::Iam,
            Service::Sts,
            Service::Kms,
        ]
        .map(|service| model(service).operations().count());
        assert_eq!(counts, [111, 97, 176, 11, 54]);
    }

    #[test]
    fn error_codes_have_the_status_of_the_model() {
        assert_eq!(model(Service::Iam).error_status("NoSuchEntity"), Some(404));
        assert_eq!(
            model(Service::Sts).error_status("IDPRejectedClaim"),
            Some(403)
        );
        assert_eq!(model(Service::S3).error_status("NoSuchKey"), Some(404));
        assert_eq!(model(Service::S3).error_status("Unheard"), None);
    }

    #[test]
    fn members_keep_the_order_of_the_model() {
        let sts = model(Service::Sts);
        let operation = sts.operation("AssumeRole").unwrap();
        let names: Vec<_> = sts
            .structure(operation.output)
            .members
            .iter()
            .map(|member| member.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "Credentials",
                "AssumedRoleUser",
                "PackedPolicySize",
                "SourceIdentity"
            ]
        );
    }
}
