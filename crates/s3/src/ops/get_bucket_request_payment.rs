//! GetBucketRequestPayment: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketRequestPayment.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::json;

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// GetBucketRequestPayment.
#[derive(Debug)]
pub enum GetBucketRequestPayment {}

impl Operation for GetBucketRequestPayment {
    const NAME: &'static str = "GetBucketRequestPayment";
    type Input = BucketInput;
    /// Whether the requester pays.
    type Output = bool;
    type Error = S3Error;
    type Asks = Ask<s3::GetBucketRequestPayment>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<bool, S3Error> {
        Ok(stores.vault.requester_pays(&call.permits)?)
    }
}

impl S3Operation for GetBucketRequestPayment {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(requester_pays: bool) -> Response {
        let payer = match requester_pays {
            true => "Requester",
            false => "BucketOwner",
        };
        Response::encode(Self::NAME, &json!({ "Payer": payer }))
    }
}
