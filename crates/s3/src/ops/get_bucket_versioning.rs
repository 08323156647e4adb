//! GetBucketVersioning: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::json;
use vault::BucketVersioning;

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// GetBucketVersioning.
#[derive(Debug)]
pub enum GetBucketVersioning {}

impl Operation for GetBucketVersioning {
    const NAME: &'static str = "GetBucketVersioning";
    type Input = BucketInput;
    type Output = BucketVersioning;
    type Error = S3Error;
    type Asks = Ask<s3::GetBucketVersioning>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<BucketVersioning, S3Error> {
        Ok(stores.vault.bucket_versioning(&call.permits)?)
    }
}

impl S3Operation for GetBucketVersioning {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(versioning: BucketVersioning) -> Response {
        // AWS says nothing of a bucket that never kept versions.
        let status = match versioning {
            BucketVersioning::Unversioned => None,
            BucketVersioning::Enabled => Some("Enabled"),
            BucketVersioning::Suspended => Some("Suspended"),
        };
        Response::encode(Self::NAME, &json!({"Status": status}))
    }
}
