//! HeadBucket: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::json;

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// HeadBucket.
#[derive(Debug)]
pub enum HeadBucket {}

impl Operation for HeadBucket {
    const NAME: &'static str = "HeadBucket";
    type Input = BucketInput;
    /// The bucket's region.
    type Output = String;
    type Error = S3Error;
    type Asks = Ask<s3::ListBucket>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<String, S3Error> {
        Ok(stores.vault.head_bucket(&call.permits)?)
    }
}

impl S3Operation for HeadBucket {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(region: String) -> Response {
        Response::encode(Self::NAME, &json!({ "BucketRegion": region }))
    }

    /// The region is told to whoever asks for a bucket that exists.
    fn refuse(error: S3Error, region: &str) -> S3Error {
        match error.to_aws() {
            error if error.status == 403 => error.with_header("x-amz-bucket-region", region).into(),
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{ALICE, As, BOB, World};

    #[tokio::test]
    async fn the_region_is_told_with_a_refusal_too() {
        let world = World::new().await.with_bucket("logs").await;
        for (who, status) in [(As::Root(ALICE), 200), (As::Root(BOB), 403)] {
            let got = world.send(&who, "HEAD /logs", &[], "").await;
            assert_eq!(got.status, status);
            assert_eq!(got.header("x-amz-bucket-region"), Some("us-east-1"));
        }
        let got = world.send(&As::Root(BOB), "HEAD /none", &[], "").await;
        assert_eq!((got.status, got.header("x-amz-bucket-region")), (404, None));
    }
}
