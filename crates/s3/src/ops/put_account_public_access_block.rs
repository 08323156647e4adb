//! PutPublicAccessBlock of S3 Control:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_PutPublicAccessBlock.html>
//!
//! S3 has an operation of the same name for buckets; this one goes by the name that AWS CloudTrail
//! gives it.
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::configuration::{AccountInput, PublicAccessBlock, verify_body};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// PutPublicAccessBlock of S3 Control.
#[derive(Debug)]
pub enum PutAccountPublicAccessBlock {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    account: AccountInput,
    flags: PublicAccessBlock,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    public_access_block_configuration: PublicAccessBlock,
}

impl Operation for PutAccountPublicAccessBlock {
    const NAME: &'static str = "PutAccountPublicAccessBlock";
    type Input = Input;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutAccountPublicAccessBlock>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, S3Error> {
        input.account.ask(who)
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        let flags = Some(call.input.flags.into());
        Ok(stores.vault.set_account_flags(&call.permits, flags).await?)
    }
}

impl S3Operation for PutAccountPublicAccessBlock {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        verify_body(&mut request)?;
        let members: Members = request.take()?;
        Ok(Input {
            account: AccountInput::take(&mut request)?,
            flags: members.public_access_block_configuration,
        })
    }

    fn respond(_: ()) -> Response {
        Response::empty(200)
    }
}
