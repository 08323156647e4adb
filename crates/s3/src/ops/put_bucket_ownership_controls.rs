//! PutBucketOwnershipControls: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketOwnershipControls.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use policy::ObjectOwnership;
use serde::Deserialize;

use super::create_bucket::parse_ownership;
use crate::configuration::take_digests;
use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// PutBucketOwnershipControls.
#[derive(Debug)]
pub enum PutBucketOwnershipControls {}

/// AWS's text for callers without credentials.
const SIGN_IN: &str = "s3:PutBucketOwnershipControls does not support Anonymous requests!";

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    bucket: BucketInput,
    ownership: Option<ObjectOwnership>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    ownership_controls: Controls,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Controls {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rule {
    object_ownership: String,
}

impl Operation for PutBucketOwnershipControls {
    const NAME: &'static str = "PutBucketOwnershipControls";
    type Input = Input;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutBucketOwnershipControls>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.bucket.ask().refusing_anonymous(SIGN_IN))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        let ownership = call.input.ownership.ok_or(S3Error::MalformedXml)?;
        Ok(stores
            .vault
            .set_ownership_controls(&call.permits, Some(ownership))
            .await?)
    }
}

impl S3Operation for PutBucketOwnershipControls {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        take_digests(&mut request);
        let bucket = BucketInput::read(&request)?;
        let members: Members = request.take_input()?;
        let ownership = match members.ownership_controls.rules.as_slice() {
            [rule] => parse_ownership(&rule.object_ownership),
            _ => None,
        };
        Ok(Input { bucket, ownership })
    }

    fn respond(_: ()) -> Response {
        Response::empty(200)
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{ALICE, As, World};

    const OWNER: As = As::Root(ALICE);

    async fn set(world: &World, ownership: &str) -> String {
        let body = format!(
            "<OwnershipControls><Rule><ObjectOwnership>{ownership}</ObjectOwnership></Rule>\
             </OwnershipControls>"
        );
        let request = "PUT /logs?ownershipControls";
        world.send(&OWNER, request, &[], &body).await.outcome()
    }

    #[tokio::test]
    async fn acls_stand_against_enforcing() {
        let world = World::new().await.with_bucket("logs").await;
        assert_eq!(set(&world, "BucketOwnerPreferred").await, "200");
        let headers = [("x-amz-acl", "log-delivery-write")];
        let put = world.send(&OWNER, "PUT /logs?acl", &headers, "").await;
        assert_eq!(put.outcome(), "200");
        assert_eq!(
            set(&world, "BucketOwnerEnforced").await,
            "400 InvalidBucketAclWithObjectOwnership"
        );
        let private = [("x-amz-acl", "private")];
        let put = world.send(&OWNER, "PUT /logs?acl", &private, "").await;
        assert_eq!(put.outcome(), "200");
        assert_eq!(set(&world, "BucketOwnerEnforced").await, "200");
        assert_eq!(set(&world, "Mine").await, "400 MalformedXML");
    }

    #[tokio::test]
    async fn what_is_deleted_is_not_found() {
        let world = World::new().await.with_bucket("logs").await;
        let shown = world
            .send(&OWNER, "GET /logs?ownershipControls", &[], "")
            .await;
        assert_eq!(
            shown.element("ObjectOwnership"),
            Some("BucketOwnerEnforced")
        );
        let request = "DELETE /logs?ownershipControls";
        assert_eq!(world.outcome(&OWNER, request).await, "204");
        assert_eq!(
            world.outcome(&OWNER, "GET /logs?ownershipControls").await,
            "404 OwnershipControlsNotFoundError"
        );
        let refused = world.send(&As::Anonymous, request, &[], "").await;
        assert_eq!(
            refused.element("Message"),
            Some("s3:PutBucketOwnershipControls does not support Anonymous requests!")
        );
    }
}
