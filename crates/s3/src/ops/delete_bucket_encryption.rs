//! DeleteBucketEncryption: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketEncryption.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// DeleteBucketEncryption.
#[derive(Debug)]
pub enum DeleteBucketEncryption {}

impl Operation for DeleteBucketEncryption {
    const NAME: &'static str = "DeleteBucketEncryption";
    type Input = BucketInput;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutEncryptionConfiguration>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        Ok(stores.vault.reset_bucket_encryption(&call.permits).await?)
    }
}

impl S3Operation for DeleteBucketEncryption {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(_: ()) -> Response {
        Response::empty(204)
    }
}
