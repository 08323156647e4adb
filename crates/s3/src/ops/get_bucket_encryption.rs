//! GetBucketEncryption: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html>
//!
//! Every object is encrypted by a key of its own with AES-256, and no other setting can be made.
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::json;

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// GetBucketEncryption.
#[derive(Debug)]
pub enum GetBucketEncryption {}

impl Operation for GetBucketEncryption {
    const NAME: &'static str = "GetBucketEncryption";
    type Input = BucketInput;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::GetEncryptionConfiguration>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        Ok(stores.vault.bucket_exists(&call.permits)?)
    }
}

impl S3Operation for GetBucketEncryption {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(_: ()) -> Response {
        Response::encode(
            Self::NAME,
            &json!({
                "ServerSideEncryptionConfiguration": {
                    "Rules": [{
                        "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" },
                        "BucketKeyEnabled": false,
                    }],
                },
            }),
        )
    }
}
