//! GetBucketLocation: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde_json::json;

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// GetBucketLocation.
#[derive(Debug)]
pub enum GetBucketLocation {}

impl Operation for GetBucketLocation {
    const NAME: &'static str = "GetBucketLocation";
    type Input = BucketInput;
    /// The bucket's region.
    type Output = String;
    type Error = S3Error;
    type Asks = Ask<s3::GetBucketLocation>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<String, S3Error> {
        Ok(stores.vault.bucket_location(&call.permits)?)
    }
}

impl S3Operation for GetBucketLocation {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(region: String) -> Response {
        // AWS has no constraint for its first region.
        let constraint = if region == "us-east-1" {
            String::new()
        } else {
            region
        };
        Response::encode(Self::NAME, &json!({ "LocationConstraint": constraint }))
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{ALICE, As, World};

    #[tokio::test]
    async fn the_first_region_has_no_constraint() {
        let owner = As::Root(ALICE);
        let world = World::new().await.with_bucket("logs").await;
        let shown = world.send(&owner, "GET /logs?location", &[], "").await.body;
        insta::assert_snapshot!(shown, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>
        "#);
        let world = World::in_region("eu-west-1").await;
        let body = "<CreateBucketConfiguration><LocationConstraint>EU</LocationConstraint>\
                    </CreateBucketConfiguration>";
        assert_eq!(
            world.send(&owner, "PUT /logs", &[], body).await.outcome(),
            "200"
        );
        let shown = world.send(&owner, "GET /logs?location", &[], "").await.body;
        assert!(
            shown.ends_with(">eu-west-1</LocationConstraint>"),
            "{shown}"
        );
    }
}
