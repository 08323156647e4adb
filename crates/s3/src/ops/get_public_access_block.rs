//! GetPublicAccessBlock: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetPublicAccessBlock.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::json;

use crate::configuration::PublicAccessBlock;
use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// GetPublicAccessBlock.
#[derive(Debug)]
pub enum GetPublicAccessBlock {}

impl Operation for GetPublicAccessBlock {
    const NAME: &'static str = "GetPublicAccessBlock";
    type Input = BucketInput;
    type Output = PublicAccessBlock;
    type Error = S3Error;
    type Asks = Ask<s3::GetBucketPublicAccessBlock>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<PublicAccessBlock, S3Error> {
        let flags = stores.vault.public_access_block(&call.permits)?;
        let flags = flags.ok_or_else(|| S3Error::NoSuchPublicAccessBlockConfiguration {
            bucket: call.input.bucket.to_string(),
        })?;
        Ok(flags.into())
    }
}

impl S3Operation for GetPublicAccessBlock {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(output: PublicAccessBlock) -> Response {
        Response::encode(
            Self::NAME,
            &json!({ "PublicAccessBlockConfiguration": output }),
        )
    }
}
