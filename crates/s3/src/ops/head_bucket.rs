//! HeadBucket: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::json;

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// HeadBucket.
#[derive(Debug)]
pub enum HeadBucket {}

impl Operation for HeadBucket {
    const NAME: &'static str = "HeadBucket";
    type Input = BucketInput;
    /// The bucket's region.
    type Output = String;
    type Error = S3Error;
    type Asks = Ask<s3::ListBucket>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<String, S3Error> {
        Ok(stores.vault.head_bucket(&call.permits)?)
    }
}

impl S3Operation for HeadBucket {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(region: String) -> Response {
        Response::encode(Self::NAME, &json!({ "BucketRegion": region }))
    }

    /// The region is told to whoever asks for a bucket that exists.
    fn refuse(error: S3Error, region: &str) -> S3Error {
        match error.to_aws() {
            error if error.status == 403 => error.with_header("x-amz-bucket-region", region).into(),
            _ => error,
        }
    }
}
