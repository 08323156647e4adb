//! DeleteBucketPolicy: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketPolicy.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// DeleteBucketPolicy.
#[derive(Debug)]
pub enum DeleteBucketPolicy {}

impl Operation for DeleteBucketPolicy {
    const NAME: &'static str = "DeleteBucketPolicy";
    type Input = BucketInput;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::DeleteBucketPolicy>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        Ok(stores.vault.delete_bucket_policy(&call.permits).await?)
    }
}

impl S3Operation for DeleteBucketPolicy {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(_: ()) -> Response {
        Response::empty(204)
    }
}
