//! DeleteBucket: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// DeleteBucket.
#[derive(Debug)]
pub enum DeleteBucket {}

impl Operation for DeleteBucket {
    const NAME: &'static str = "DeleteBucket";
    type Input = BucketInput;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::DeleteBucket>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        Ok(stores.vault.delete_bucket(&call.permits).await?)
    }
}

impl S3Operation for DeleteBucket {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(_: ()) -> Response {
        Response::empty(204)
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{ALICE, As, BOB, World};

    #[tokio::test]
    async fn a_bucket_with_objects_stays_and_an_empty_one_frees_its_name() {
        let mut world = World::new().await.with_bucket("logs").await;
        let owner = As::Root(ALICE);
        let put = world.send(&owner, "PUT /logs/a", &[], "x").await;
        assert_eq!(put.outcome(), "200", "{}", put.body);
        let refused = world.send(&owner, "DELETE /logs", &[], "").await;
        assert_eq!(refused.outcome(), "409 BucketNotEmpty");
        assert_eq!(refused.element("BucketName"), Some("logs"));
        assert_eq!(world.outcome(&owner, "DELETE /logs/a").await, "204");
        assert_eq!(world.outcome(&owner, "DELETE /logs").await, "204");
        assert_eq!(
            world.outcome(&owner, "HEAD /logs").await,
            "404 NoSuchBucket"
        );
        world.restart().await;
        assert_eq!(world.outcome(&As::Root(BOB), "PUT /logs").await, "200");
        assert_eq!(
            world.outcome(&owner, "PUT /logs/a").await,
            "403 AccessDenied"
        );
    }
}
