//! PutPublicAccessBlock: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutPublicAccessBlock.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::configuration::{PublicAccessBlock, verify_body};
use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// PutPublicAccessBlock.
#[derive(Debug)]
pub enum PutPublicAccessBlock {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    bucket: BucketInput,
    flags: PublicAccessBlock,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    public_access_block_configuration: PublicAccessBlock,
}

impl Operation for PutPublicAccessBlock {
    const NAME: &'static str = "PutPublicAccessBlock";
    type Input = Input;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutBucketPublicAccessBlock>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.bucket.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        let flags = Some(call.input.flags.into());
        Ok(stores
            .vault
            .set_public_access_block(&call.permits, flags)
            .await?)
    }
}

impl S3Operation for PutPublicAccessBlock {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        verify_body(&mut request)?;
        let bucket = BucketInput::read(&request)?;
        let members: Members = request.take_input()?;
        Ok(Input {
            bucket,
            flags: members.public_access_block_configuration,
        })
    }

    fn respond(_: ()) -> Response {
        Response::empty(200)
    }
}
