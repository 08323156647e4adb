//! What every S3 operation is: a gate operation that knows how to read its request and write its
//! answer.
use std::sync::Arc;

use catalog::{AccountId, BucketName, InvalidObjectKey, Object, ObjectKey};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vault::Vault;
use wire::rest::Written;
use wire::{Service, model};

use crate::{Body, ResponseBody, S3Error, fields};

/// The stores that operations work on.
#[derive(Clone)]
pub struct Stores {
    /// Buckets, objects and uploads.
    pub vault: Arc<Vault>,
}

/// A request, routed, authenticated and decoded, not yet authorized. Its `Debug` leaves out parameters, input and headers,
/// which may hold credentials and customers' keys.
pub struct Request {
    /// The operation's name, as routed.
    pub operation: &'static str,
    /// The bucket, percent-decoded.
    pub bucket: Option<String>,
    /// The key, percent-decoded.
    pub key: Option<String>,
    /// The query parameters in order, decoded.
    pub query: Vec<(String, String)>,
    /// The input by the model's member names, as `wire::rest::decode` gives it.
    pub input: Value,
    /// The headers as received.
    pub headers: HeaderMap,
    /// The body: the stream of operations that [`streams`], else all the bytes that `input` was
    /// decoded from.
    pub body: Body,
    /// The server's time.
    pub now: Timestamp,
    /// The server's region.
    pub region: String,
    /// The request's id.
    pub request_id: String,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.operation)
            .field("bucket", &self.bucket)
            .field("key", &self.key)
            .field("body", &self.body)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// Whether an operation takes its body as a stream, which is not decoded before it runs.
pub fn streams(operation: &str) -> bool {
    matches!(operation, "PutObject" | "UploadPart")
}

/// An operation of S3. The two functions stand around [`gate::Operation`]: the request becomes the
/// input, the output becomes the answer.
pub trait S3Operation: gate::Operation<Stores = Stores, Error = S3Error> {
    /// Reads the request.
    ///
    /// # Errors
    /// Those of requests that make no sense whoever sends them.
    fn input(request: Request) -> Result<Self::Input, S3Error>;

    /// Writes the answer.
    fn respond(output: Self::Output) -> Response;

    /// Adds to an error what this operation tells beside it. `region` is the server's.
    fn refuse(error: S3Error, region: &str) -> S3Error {
        let _ = region;
        error
    }
}

impl Request {
    /// The bucket that the request names.
    ///
    /// # Errors
    /// `InvalidBucketName`.
    pub fn bucket(&self) -> Result<BucketName, S3Error> {
        let bucket = self.bucket.as_deref().unwrap_or_default();
        BucketName::parse(bucket).map_err(|_| S3Error::InvalidBucketName {
            bucket: bucket.to_owned(),
        })
    }

    /// The object that the request names: its current version.
    ///
    /// # Errors
    /// `InvalidBucketName`, `KeyTooLongError`.
    pub fn object(&self) -> Result<Object, S3Error> {
        let key = object_key(self.key.as_deref().unwrap_or_default())?;
        Ok(Object::current(self.bucket()?, key))
    }

    /// The object that the request names, with its `versionId`.
    ///
    /// # Errors
    /// As [`Request::object`].
    pub fn versioned_object(&self) -> Result<Object, S3Error> {
        Ok(Object {
            version: self.parameter("versionId").map(str::to_owned),
            ..self.object()?
        })
    }

    /// The upload to an object that the request names by `uploadId`.
    ///
    /// # Errors
    /// As [`Request::object`].
    pub fn upload_object(&self) -> Result<Object, S3Error> {
        Ok(Object {
            upload: self.parameter("uploadId").map(str::to_owned),
            ..self.object()?
        })
    }

    /// The first query parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// A header as text; `None` if it is missing or not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `x-amz-expected-bucket-owner` (spec S-11).
    ///
    /// # Errors
    /// `InvalidBucketOwnerAWSAccountID`.
    pub fn expected_owner(&self) -> Result<Option<AccountId>, S3Error> {
        expected_owner(self.header("x-amz-expected-bucket-owner"))
    }

    /// Takes the decoded input as `T`, a struct whose fields are named as the model's members.
    ///
    /// What AWS documents and `T` does not have is answered with 501 and its header, never ignored.
    ///
    /// # Errors
    /// `NotImplemented`; `MalformedXML` if a member has another type.
    pub fn take_input<T: DeserializeOwned>(&mut self) -> Result<T, S3Error> {
        let taken = self.take()?;
        self.nothing_left()?;
        Ok(taken)
    }

    /// Takes those members of the input that `T` has. When all are taken, [`nothing_left`] must
    /// follow.
    ///
    /// # Errors
    /// `MalformedXML` if a member has another type.
    ///
    /// [`nothing_left`]: Request::nothing_left
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<T, S3Error> {
        let mut taken = serde_json::Map::new();
        if let Value::Object(members) = &mut self.input {
            for name in fields::of::<T>() {
                if let Some(value) = members.remove(*name) {
                    taken.insert((*name).to_owned(), value);
                }
            }
        }
        serde_json::from_value(Value::Object(taken)).map_err(|error| {
            tracing::debug!(operation = self.operation, %error, "the input is not of the expected form");
            S3Error::MalformedXml
        })
    }

    /// Refuses what is left of the input. `RequestPayer` may be: the gate has seen it, and where it
    /// does not matter AWS ignores it too.
    ///
    /// # Errors
    /// `NotImplemented`, with the first header or parameter that the operation does not know.
    pub fn nothing_left(&self) -> Result<(), S3Error> {
        let always = ["Bucket", "Key", "RequestPayer", "ExpectedBucketOwner"];
        let left = self.input.as_object().into_iter().flatten();
        let mut left = left.filter(|(name, _)| !always.contains(&name.as_str()));
        match left.next() {
            Some((name, _)) => Err(S3Error::not_implemented(wire_name(self.operation, name))),
            None => Ok(()),
        }
    }
}

/// Reads a key.
///
/// # Errors
/// `KeyTooLongError`.
pub fn object_key(key: &str) -> Result<ObjectKey, S3Error> {
    ObjectKey::parse(key).map_err(|error| match error {
        InvalidObjectKey::TooLong { size_bytes } => S3Error::KeyTooLong {
            size: size_bytes.to_string(),
            max: ObjectKey::SIZE_BYTES_MAX.to_string(),
        },
        InvalidObjectKey::Empty => S3Error::invalid_request("the key is empty"),
    })
}

/// Reads an expected owner (spec S-11).
///
/// # Errors
/// `InvalidBucketOwnerAWSAccountID`.
pub fn expected_owner(text: Option<&str>) -> Result<Option<AccountId>, S3Error> {
    text.map(|text| {
        AccountId::parse_exact(text).map_err(|_| S3Error::InvalidBucketOwner {
            value: text.to_owned(),
        })
    })
    .transpose()
}

/// The header or parameter of a member of an operation's input.
fn wire_name(operation: &str, member: &str) -> String {
    let model = model(Service::S3);
    model
        .operation(operation)
        .and_then(|operation| {
            let structure = model.structure(operation.input);
            structure.members.iter().find(|found| found.name == member)
        })
        .map_or_else(|| member.to_owned(), |member| member.wire_name.clone())
}

/// An answer, without the request's ids.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: ResponseBody,
}

impl Response {
    /// An answer without headers and body.
    pub fn empty(status: u16) -> Response {
        Response {
            status,
            headers: HeaderMap::new(),
            body: ResponseBody::Empty,
        }
    }

    /// The output of an operation by its model: `output` has the model's member names.
    pub fn encode(operation: &str, output: &impl Serialize) -> Response {
        Response::encoded(Service::S3, operation, output, None)
    }

    /// The same for an operation of S3 Control.
    pub fn encode_control(operation: &str, output: &impl Serialize) -> Response {
        Response::encoded(Service::S3Control, operation, output, None)
    }

    /// The same for a listing, whose elements are written already.
    pub(crate) fn encode_with(
        operation: &str,
        output: &impl Serialize,
        written: Written<'_>,
    ) -> Response {
        Response::encoded(Service::S3, operation, output, Some(written))
    }

    fn encoded(
        service: Service,
        operation: &str,
        output: &impl Serialize,
        written: Option<Written<'_>>,
    ) -> Response {
        let value = serde_json::to_value(output).unwrap_or(Value::Null);
        match model(service).operation(operation) {
            Some(operation) => {
                let encoded = wire::rest::encode_with(service, operation, &value, written);
                Response {
                    status: encoded.status,
                    headers: encoded.headers,
                    body: match encoded.body {
                        Some(body) => ResponseBody::Full(body.into()),
                        None => ResponseBody::Empty,
                    },
                }
            }
            None => Response::empty(200),
        }
    }

    /// Sets a header. A value that no header can hold is left out.
    pub fn set(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    /// Sets a header if there is a value.
    pub fn set_some(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_prints_no_key() {
        const KEY: &str = "x-amz-server-side-encryption-customer-key";
        let mut headers = HeaderMap::new();
        headers.insert(KEY, http::HeaderValue::from_static("c2VjcmV0"));
        let request = Request {
            operation: "GetObject",
            bucket: Some("logs".to_owned()),
            key: Some("k".to_owned()),
            query: vec![(KEY.to_owned(), "c2VjcmV0".to_owned())],
            input: serde_json::json!({"SSECustomerKey": "c2VjcmV0"}),
            headers,
            body: Body::default(),
            now: Timestamp::UNIX_EPOCH,
            region: "us-east-1".to_owned(),
            request_id: "id".to_owned(),
        };
        let shown = format!("{request:?}");
        assert!(
            shown.contains("logs") && !shown.contains("c2VjcmV0"),
            "{shown}"
        );
    }
}
