//! GetBucketCors: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketCors.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::Value;

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// GetBucketCors.
#[derive(Debug)]
pub enum GetBucketCors {}

impl Operation for GetBucketCors {
    const NAME: &'static str = "GetBucketCors";
    type Input = BucketInput;
    /// With the model's member names.
    type Output = Value;
    type Error = S3Error;
    type Asks = Ask<s3::GetBucketCORS>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Value, S3Error> {
        let kept = stores.vault.cors(&call.permits)?;
        kept.ok_or_else(|| S3Error::NoSuchCorsConfiguration {
            bucket: call.input.bucket.to_string(),
        })
    }
}

impl S3Operation for GetBucketCors {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(kept: Value) -> Response {
        Response::encode(Self::NAME, &kept)
    }
}
