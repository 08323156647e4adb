//! GetBucketVersioning: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html>
//!
//! No bucket here has versioning yet, and AWS says nothing of a bucket that never had.
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::json;

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// GetBucketVersioning.
#[derive(Debug)]
pub enum GetBucketVersioning {}

impl Operation for GetBucketVersioning {
    const NAME: &'static str = "GetBucketVersioning";
    type Input = BucketInput;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::GetBucketVersioning>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        Ok(stores.vault.bucket_exists(&call.permits)?)
    }
}

impl S3Operation for GetBucketVersioning {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(_: ()) -> Response {
        Response::encode(Self::NAME, &json!({}))
    }
}
