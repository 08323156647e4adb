//! GetBucketOwnershipControls: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketOwnershipControls.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use policy::ObjectOwnership;
use serde_json::json;

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// GetBucketOwnershipControls.
#[derive(Debug)]
pub enum GetBucketOwnershipControls {}

/// AWS's text for callers without credentials.
const SIGN_IN: &str = "s3:GetBucketOwnershipControls does not support Anonymous requests!";

impl Operation for GetBucketOwnershipControls {
    const NAME: &'static str = "GetBucketOwnershipControls";
    type Input = BucketInput;
    type Output = ObjectOwnership;
    type Error = S3Error;
    type Asks = Ask<s3::GetBucketOwnershipControls>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask().refusing_anonymous(SIGN_IN))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<ObjectOwnership, S3Error> {
        let ownership = stores.vault.ownership_controls(&call.permits)?;
        ownership.ok_or_else(|| S3Error::OwnershipControlsNotFound {
            bucket: call.input.bucket.to_string(),
        })
    }
}

impl S3Operation for GetBucketOwnershipControls {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(output: ObjectOwnership) -> Response {
        let name = match output {
            ObjectOwnership::BucketOwnerEnforced => "BucketOwnerEnforced",
            ObjectOwnership::BucketOwnerPreferred => "BucketOwnerPreferred",
            ObjectOwnership::ObjectWriter => "ObjectWriter",
        };
        Response::encode(
            Self::NAME,
            &json!({ "OwnershipControls": { "Rules": [{ "ObjectOwnership": name }] } }),
        )
    }
}
