//! GetObjectAttributes: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html>
use catalog::{AccountId, Object, s3};
use gate::{Ask, Authorized, Either, Identity, Operation, Probe};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use vault::{CustomerKey, StoredObject};

use crate::customer_key::{self, Use};
use crate::reading::{self, ReadAsk};
use crate::{Request, Response, S3Error, S3Operation, Stores, checksum, listing};

/// Reads what is known of an object.
#[derive(Debug)]
pub enum GetObjectAttributes {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    object: Object,
    expected_owner: Option<AccountId>,
    attributes: Vec<String>,
    parts_limit: usize,
    parts_after: u32,
    customer: Option<CustomerKey>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    #[serde(rename = "VersionId")]
    _version: serde::de::IgnoredAny,
    #[serde(rename = "ObjectAttributes")]
    _attributes: serde::de::IgnoredAny,
    max_parts: Option<i64>,
    part_number_marker: Option<Value>,
}

const ATTRIBUTES: [&str; 5] = [
    "ETag",
    "Checksum",
    "ObjectParts",
    "StorageClass",
    "ObjectSize",
];

impl Operation for GetObjectAttributes {
    const NAME: &'static str = "GetObjectAttributes";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = (
        ReadAsk,
        Either<Ask<s3::GetObjectAttributes>, Ask<s3::GetObjectVersionAttributes>>,
        Probe<s3::ListBucket>,
    );
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok((
            reading::read_ask(&input.object, input.expected_owner),
            reading::by_version(&input.object, input.expected_owner),
            reading::list_probe(&input.object),
        ))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let (read, _attributes, list) = call.permits;
        let input = call.input;
        let reader = reading::open(&stores.vault, &read, list, input.customer.as_ref()).await?;
        let object = reader.object();
        let mut output = Map::new();
        output.insert(
            "LastModified".to_owned(),
            object.last_modified.to_string().into(),
        );
        if let Some(version) = &object.version {
            output.insert("VersionId".to_owned(), version.clone().into());
        }
        for attribute in &input.attributes {
            let value = match attribute.as_str() {
                "ETag" => object.etag.clone().into(),
                "StorageClass" => object.storage_class.clone().into(),
                "ObjectSize" => object.bytes.into(),
                "Checksum" => checksum_element(object),
                _ if object.is_multipart => parts_element(object, &input),
                _ => Value::Null,
            };
            output.insert(attribute.clone(), value);
        }
        Ok(Response::encode(Self::NAME, &output))
    }
}

fn checksum_element(object: &StoredObject) -> Value {
    object.checksum.as_ref().map_or(Value::Null, |sum| {
        json!({
            checksum::member(sum.algorithm): sum.value,
            "ChecksumType": sum.kind.name(),
        })
    })
}

/// The parts themselves are shown where they have checksums.
fn parts_element(object: &StoredObject, input: &Input) -> Value {
    let mut left = object
        .parts
        .iter()
        .filter(|part| part.number > input.parts_after);
    let page: Vec<_> = left.by_ref().take(input.parts_limit).collect();
    let truncated = left.next().is_some();
    let next = page.last().map_or(input.parts_after, |part| part.number);
    let parts: Vec<Value> = page
        .iter()
        .filter_map(|part| {
            let digest = part.checksum?;
            Some(json!({
                "PartNumber": part.number,
                "Size": part.bytes,
                checksum::member(digest.algorithm()): digest.base64(),
            }))
        })
        .collect();
    json!({
        "TotalPartsCount": object.parts.len(),
        "PartNumberMarker": input.parts_after.to_string(),
        "NextPartNumberMarker": next.to_string(),
        "MaxParts": input.parts_limit,
        "IsTruncated": truncated,
        "Parts": parts,
    })
}

impl S3Operation for GetObjectAttributes {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        const HEADER: &str = "x-amz-object-attributes";
        let object = reading::versioned_object(&request)?;
        let customer: customer_key::Members = request.take()?;
        let members: Members = request.take_input()?;
        let mut attributes: Vec<String> = Vec::new();
        for text in request.headers.get_all(HEADER) {
            let text = text.to_str().unwrap_or_default();
            attributes.extend(text.split(',').map(|name| name.trim().to_owned()));
        }
        if attributes.is_empty()
            || attributes
                .iter()
                .any(|name| !ATTRIBUTES.contains(&name.as_str()))
        {
            return Err(S3Error::invalid_argument(
                "Invalid attribute name specified.",
                HEADER,
                attributes.join(","),
            ));
        }
        Ok(Input {
            object,
            expected_owner: request.expected_owner()?,
            attributes,
            customer: customer.key(Use::Read, None)?,
            parts_limit: listing::limit(members.max_parts, "max-parts")?,
            parts_after: listing::part_marker(members.part_number_marker.as_ref())?,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}
