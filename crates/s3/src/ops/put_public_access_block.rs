//! PutPublicAccessBlock: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutPublicAccessBlock.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::configuration::{PublicAccessBlock, take_digests};
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
        take_digests(&mut request);
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

#[cfg(test)]
mod tests {
    use crate::harness::{ALICE, As, World};

    #[tokio::test]
    async fn a_new_bucket_has_all_four_until_they_are_replaced() {
        let world = World::new().await.with_bucket("logs").await;
        let owner = As::Root(ALICE);
        let flags = |body: &str| body.matches(">true<").count();
        let get = "GET /logs?publicAccessBlock";
        assert_eq!(flags(&world.send(&owner, get, &[], "").await.body), 4);
        let one = "<PublicAccessBlockConfiguration><IgnorePublicAcls>TRUE</IgnorePublicAcls>\
                   </PublicAccessBlockConfiguration>";
        let put = world
            .send(&owner, "PUT /logs?publicAccessBlock", &[], one)
            .await;
        assert_eq!(put.outcome(), "200");
        let shown = world.send(&owner, get, &[], "").await;
        assert_eq!(shown.element("IgnorePublicAcls"), Some("true"));
        assert_eq!(flags(&shown.body), 1);
        let wrong_hash = [("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")];
        let put = world
            .send(&owner, "PUT /logs?publicAccessBlock", &wrong_hash, one)
            .await;
        assert_eq!(put.outcome(), "400 BadDigest");
        assert_eq!(
            world
                .outcome(&owner, "DELETE /logs?publicAccessBlock")
                .await,
            "204"
        );
        assert_eq!(
            world.outcome(&owner, get).await,
            "404 NoSuchPublicAccessBlockConfiguration"
        );
    }
}
