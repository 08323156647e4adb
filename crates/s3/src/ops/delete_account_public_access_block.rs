//! DeletePublicAccessBlock of S3 Control:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_DeletePublicAccessBlock.html>
//!
//! S3 has an operation of the same name for buckets; this one goes by the name that AWS CloudTrail
//! gives it.
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};

use crate::configuration::AccountInput;
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// DeletePublicAccessBlock of S3 Control.
#[derive(Debug)]
pub enum DeleteAccountPublicAccessBlock {}

impl Operation for DeleteAccountPublicAccessBlock {
    const NAME: &'static str = "DeleteAccountPublicAccessBlock";
    type Input = AccountInput;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutAccountPublicAccessBlock>;
    type Stores = Stores;

    fn asks(input: &AccountInput, who: &Identity) -> Result<Self::Asks, S3Error> {
        input.ask(who)
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        Ok(stores.vault.set_account_flags(&call.permits, None).await?)
    }
}

impl S3Operation for DeleteAccountPublicAccessBlock {
    fn input(mut request: Request) -> Result<AccountInput, S3Error> {
        AccountInput::take(&mut request)
    }

    fn respond(_: ()) -> Response {
        Response::empty(204)
    }
}
