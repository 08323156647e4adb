//! ListParts: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use vault::CustomerKey;

use crate::customer_key::{self, Use};
use crate::multipart::{self, Target, UploadMembers};
use crate::{Request, Response, S3Error, S3Operation, Stores, checksum, lifecycle, listing};

/// Lists the parts of an upload.
#[derive(Debug)]
pub enum ListParts {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    target: Target,
    limit: usize,
    after: u32,
    customer: Option<CustomerKey>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    max_parts: Option<i64>,
    part_number_marker: Option<Value>,
}

impl Operation for ListParts {
    const NAME: &'static str = "ListParts";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = Ask<s3::ListMultipartUploadParts>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.target.ask())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let Input {
            target,
            limit,
            after,
            customer,
        } = call.input;
        let listed = stores.vault.list_parts(&call.permits, after, limit).await;
        let (upload, parts, next) = listed.map_err(|error| target.explain(error))?;
        // What is shown without the key tells nothing of the content; one that is sent is compared.
        if customer.is_some() {
            let (vault, permit) = (&stores.vault, &call.permits);
            let checked = vault.check_upload_key(permit, customer.as_ref()).await;
            checked.map_err(|error| target.explain(error))?;
        }
        let tells_content = customer.is_some() || !upload.needs_customer_key;
        let last = parts.last().map_or(after, |part| part.number);
        let elements = parts.iter().map(|part| {
            let mut element = json!({
                "PartNumber": part.number,
                "LastModified": part.last_modified.to_string(),
                "ETag": format!("\"{}\"", part.etag),
                "Size": part.bytes,
            });
            // A checksum that nobody asked for is not shown.
            if let (Value::Object(members), Some(digest), Some(_), true) =
                (&mut element, part.checksum, upload.checksum, tells_content)
            {
                let member = checksum::member(digest.algorithm());
                members.insert(member.to_owned(), digest.base64().into());
            }
            element
        });
        let mut output = Map::new();
        let values: [(&str, Value); 9] = [
            ("Bucket", target.object.bucket.to_string().into()),
            ("Key", target.object.key.to_string().into()),
            ("UploadId", upload.id.clone().into()),
            ("PartNumberMarker", after.to_string().into()),
            ("NextPartNumberMarker", last.to_string().into()),
            ("MaxParts", limit.into()),
            ("IsTruncated", next.is_some().into()),
            ("Parts", elements.collect()),
            ("StorageClass", upload.storage_class.clone().into()),
        ];
        for (name, value) in values {
            output.insert(name.to_owned(), value);
        }
        multipart::show_checksum(&upload, &mut output);
        multipart::show_principals(&upload, &mut output);
        let mut response = Response::encode(Self::NAME, &Value::Object(output));
        lifecycle::put_abort(
            &mut response,
            &stores.vault,
            &call.permits,
            upload.initiated,
        );
        Ok(response)
    }
}

impl S3Operation for ListParts {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let _: UploadMembers = request.take()?;
        let customer: customer_key::Members = request.take()?;
        let members: Members = request.take_input()?;
        Ok(Input {
            customer: customer.key(Use::Read, None)?,
            target: Target::read(&request)?,
            limit: listing::limit(members.max_parts, "max-parts")?,
            after: listing::part_marker(members.part_number_marker.as_ref())?,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}
