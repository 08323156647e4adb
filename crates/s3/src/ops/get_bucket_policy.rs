//! GetBucketPolicy: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::json;

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores, policies};

/// GetBucketPolicy.
#[derive(Debug)]
pub enum GetBucketPolicy {}

impl Operation for GetBucketPolicy {
    const NAME: &'static str = "GetBucketPolicy";
    type Input = BucketInput;
    type Output = String;
    type Error = S3Error;
    type Asks = Ask<s3::GetBucketPolicy>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<String, S3Error> {
        let vault = &stores.vault;
        let policy = vault.bucket_policy(&call.permits)?;
        let policy = policy.ok_or_else(|| S3Error::NoSuchBucketPolicy {
            bucket: call.input.bucket.to_string(),
        })?;
        policies::to_show(&policy, vault.principals()).await
    }
}

impl S3Operation for GetBucketPolicy {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(output: String) -> Response {
        Response::encode(Self::NAME, &json!({ "Policy": output }))
    }
}
