//! GetBucketEncryption: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::json;
use vault::BucketEncryption;

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// GetBucketEncryption.
#[derive(Debug)]
pub enum GetBucketEncryption {}

impl Operation for GetBucketEncryption {
    const NAME: &'static str = "GetBucketEncryption";
    type Input = BucketInput;
    type Output = BucketEncryption;
    type Error = S3Error;
    type Asks = Ask<s3::GetEncryptionConfiguration>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<BucketEncryption, S3Error> {
        Ok(stores.vault.bucket_encryption(&call.permits)?)
    }
}

impl S3Operation for GetBucketEncryption {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(output: BucketEncryption) -> Response {
        let blocked = match output.blocks_customer_keys {
            true => "SSE-C",
            false => "NONE",
        };
        Response::encode(
            Self::NAME,
            &json!({
                "ServerSideEncryptionConfiguration": {
                    "Rules": [{
                        "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" },
                        "BucketKeyEnabled": output.has_bucket_key,
                        "BlockedEncryptionTypes": { "EncryptionType": [blocked] },
                    }],
                },
            }),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{ALICE, As, World};

    #[tokio::test]
    async fn settings_that_are_the_same_for_all_are_shown() {
        let owner = As::Root(ALICE);
        let world = World::new().await.with_bucket("logs").await;
        let shown = |query: &'static str| {
            let (world, owner) = (&world, &owner);
            async move {
                let request = format!("GET /logs?{query}");
                let body = world.send(owner, &request, &[], "").await.body;
                body.split_once("2006-03-01/\"").unwrap().1.to_owned()
            }
        };
        assert_eq!(shown("versioning").await, "></VersioningConfiguration>");
        assert_eq!(
            shown("requestPayment").await,
            "><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"
        );
        assert_eq!(
            shown("encryption").await,
            "><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>\
             </ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled>\
             <BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule>\
             </ServerSideEncryptionConfiguration>"
        );
    }
}
