//! DeleteBucketTagging: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketTagging.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// DeleteBucketTagging.
#[derive(Debug)]
pub enum DeleteBucketTagging {}

impl Operation for DeleteBucketTagging {
    const NAME: &'static str = "DeleteBucketTagging";
    type Input = BucketInput;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutBucketTagging>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        Ok(stores.vault.set_bucket_tags(&call.permits, None).await?)
    }
}

impl S3Operation for DeleteBucketTagging {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(_: ()) -> Response {
        Response::empty(204)
    }
}
