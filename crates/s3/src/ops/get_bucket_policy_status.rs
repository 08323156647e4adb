//! GetBucketPolicyStatus: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicyStatus.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::json;

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// GetBucketPolicyStatus.
#[derive(Debug)]
pub enum GetBucketPolicyStatus {}

impl Operation for GetBucketPolicyStatus {
    const NAME: &'static str = "GetBucketPolicyStatus";
    type Input = BucketInput;
    type Output = bool;
    type Error = S3Error;
    type Asks = Ask<s3::GetBucketPolicyStatus>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<bool, S3Error> {
        let public = stores.vault.bucket_policy_is_public(&call.permits)?;
        public.ok_or_else(|| S3Error::NoSuchBucketPolicy {
            bucket: call.input.bucket.to_string(),
        })
    }
}

impl S3Operation for GetBucketPolicyStatus {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(output: bool) -> Response {
        Response::encode(
            Self::NAME,
            &json!({ "PolicyStatus": { "IsPublic": output } }),
        )
    }
}
