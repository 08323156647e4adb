//! PutPublicAccessBlock of S3 Control:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_PutPublicAccessBlock.html>
//!
//! S3 has an operation of the same name for buckets; this one goes by the name that AWS CloudTrail
//! gives it.
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::configuration::{AccountInput, PublicAccessBlock, take_digests};
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
        take_digests(&mut request);
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

#[cfg(test)]
mod tests {
    use crate::harness::{ALICE, As, BOB, World};

    const PATH: &str = "/v20180820/configuration/publicAccessBlock";
    const ALL: &str = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
                       <IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>";

    async fn send(world: &World, who: &As, method: &str, account: &str, body: &str) -> String {
        let headers = [("x-amz-account-id", account)];
        let request = format!("{method} {PATH}");
        world.send(who, &request, &headers, body).await.outcome()
    }

    #[tokio::test]
    async fn an_account_sets_its_own_flags() {
        let mut world = World::new().await;
        let owner = As::Root(ALICE);
        let missing = "404 NoSuchPublicAccessBlockConfiguration";
        assert_eq!(send(&world, &owner, "GET", ALICE, "").await, missing);
        assert_eq!(send(&world, &owner, "PUT", ALICE, ALL).await, "200");
        world.restart().await;
        let headers = [("x-amz-account-id", ALICE)];
        let shown = world
            .send(&owner, &format!("GET {PATH}"), &headers, "")
            .await;
        assert_eq!(shown.element("BlockPublicAcls"), Some("true"));
        assert_eq!(shown.element("BlockPublicPolicy"), Some("false"));
        assert_eq!(send(&world, &owner, "DELETE", ALICE, "").await, "204");
        assert_eq!(send(&world, &owner, "GET", ALICE, "").await, missing);
    }

    #[tokio::test]
    async fn nobody_sets_those_of_another_account() {
        let world = World::new().await;
        for method in ["GET", "PUT", "DELETE"] {
            for who in [
                As::Root(BOB),
                As::User(BOB, "ben", &["s3:*"]),
                As::User(ALICE, "eve", &[]),
                As::Anonymous,
            ] {
                let got = send(&world, &who, method, ALICE, ALL).await;
                assert_eq!(got, "403 AccessDenied", "{method} by {who:?}");
            }
        }
    }

    #[tokio::test]
    async fn public_acls_of_new_buckets_are_blocked_by_the_account() {
        let world = World::new().await;
        let owner = As::Root(ALICE);
        let headers = [
            ("x-amz-acl", "public-read"),
            ("x-amz-object-ownership", "ObjectWriter"),
        ];
        let made = world.send(&owner, "PUT /logs", &headers, "").await;
        assert_eq!(
            made.outcome(),
            "400 InvalidBucketAclWithBlockPublicAccessError"
        );
        assert_eq!(send(&world, &owner, "PUT", ALICE, ALL).await, "200");
        let made = world.send(&owner, "PUT /logs", &headers, "").await;
        assert_eq!(made.outcome(), "403 AccessDenied");
        assert!(made.body.contains("BlockPublicAcls"), "{}", made.body);
    }
}
