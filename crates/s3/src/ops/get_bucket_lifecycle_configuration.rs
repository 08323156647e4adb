//! GetBucketLifecycleConfiguration:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::Value;

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// GetBucketLifecycleConfiguration.
#[derive(Debug)]
pub enum GetBucketLifecycleConfiguration {}

impl Operation for GetBucketLifecycleConfiguration {
    const NAME: &'static str = "GetBucketLifecycleConfiguration";
    type Input = BucketInput;
    /// With the model's member names.
    type Output = Value;
    type Error = S3Error;
    type Asks = Ask<s3::GetLifecycleConfiguration>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Value, S3Error> {
        let kept = stores.vault.lifecycle(&call.permits)?;
        kept.ok_or_else(|| S3Error::NoSuchLifecycleConfiguration {
            bucket: call.input.bucket.to_string(),
        })
    }
}

impl S3Operation for GetBucketLifecycleConfiguration {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(kept: Value) -> Response {
        Response::encode(Self::NAME, &kept)
    }
}
