//! DeleteBucketOwnershipControls: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketOwnershipControls.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// DeleteBucketOwnershipControls.
#[derive(Debug)]
pub enum DeleteBucketOwnershipControls {}

/// AWS's text for callers without credentials.
const SIGN_IN: &str = "s3:PutBucketOwnershipControls does not support Anonymous requests!";

impl Operation for DeleteBucketOwnershipControls {
    const NAME: &'static str = "DeleteBucketOwnershipControls";
    type Input = BucketInput;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutBucketOwnershipControls>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask().refusing_anonymous(SIGN_IN))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        Ok(stores
            .vault
            .set_ownership_controls(&call.permits, None)
            .await?)
    }
}

impl S3Operation for DeleteBucketOwnershipControls {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(_: ()) -> Response {
        Response::empty(204)
    }
}
