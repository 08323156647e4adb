//! GetBucketTagging: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketTagging.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::{Value, json};

use crate::tags::Tag;
use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// GetBucketTagging.
#[derive(Debug)]
pub enum GetBucketTagging {}

impl Operation for GetBucketTagging {
    const NAME: &'static str = "GetBucketTagging";
    type Input = BucketInput;
    /// With the model's member names.
    type Output = Value;
    type Error = S3Error;
    type Asks = Ask<s3::GetBucketTagging>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Value, S3Error> {
        let tags = stores.vault.bucket_tags(&call.permits)?;
        let tags = tags.ok_or_else(|| S3Error::NoSuchTagSet {
            bucket: call.input.bucket.to_string(),
        })?;
        let tags = tags.into_iter().map(|(key, value)| Tag { key, value });
        Ok(json!({ "TagSet": tags.collect::<Vec<_>>() }))
    }
}

impl S3Operation for GetBucketTagging {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(tags: Value) -> Response {
        Response::encode(Self::NAME, &tags)
    }
}
