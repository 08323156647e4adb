//! GetPublicAccessBlock of S3 Control:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetPublicAccessBlock.html>
//!
//! S3 has an operation of the same name for buckets; this one goes by the name that AWS CloudTrail
//! gives it.
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::json;
use wire::AwsError;

use crate::configuration::{AccountInput, PublicAccessBlock};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// GetPublicAccessBlock of S3 Control.
#[derive(Debug)]
pub enum GetAccountPublicAccessBlock {}

impl Operation for GetAccountPublicAccessBlock {
    const NAME: &'static str = "GetAccountPublicAccessBlock";
    type Input = AccountInput;
    type Output = PublicAccessBlock;
    type Error = S3Error;
    type Asks = Ask<s3::GetAccountPublicAccessBlock>;
    type Stores = Stores;

    fn asks(input: &AccountInput, who: &Identity) -> Result<Self::Asks, S3Error> {
        input.ask(who)
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<PublicAccessBlock, S3Error> {
        let flags = stores.vault.account_flags(&call.permits);
        let flags = flags.ok_or_else(|| {
            AwsError::new(
                404,
                "NoSuchPublicAccessBlockConfiguration",
                "The public access block configuration was not found",
            )
            .with_field("AccountId", call.input.account.to_string())
        })?;
        Ok(flags.into())
    }
}

impl S3Operation for GetAccountPublicAccessBlock {
    fn input(mut request: Request) -> Result<AccountInput, S3Error> {
        AccountInput::take(&mut request)
    }

    fn respond(output: PublicAccessBlock) -> Response {
        Response::encode_control(
            "GetPublicAccessBlock",
            &json!({ "PublicAccessBlockConfiguration": output }),
        )
    }
}
