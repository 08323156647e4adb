//! PutBucketPolicy: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use policy::{Finding, Policy};
use serde::Deserialize;
use std::sync::Arc;

use crate::configuration::take_digests;
use crate::policies::malformed_policy;
use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores, policies};

/// PutBucketPolicy.
#[derive(Debug)]
pub enum PutBucketPolicy {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    bucket: BucketInput,
    policy: Result<Arc<Policy>, Finding>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    policy: Option<String>,
    // Accepted and without effect (spec S-16).
    #[expect(dead_code, reason = "a member that is not named here would be refused")]
    confirm_remove_self_bucket_access: Option<bool>,
}

impl Operation for PutBucketPolicy {
    const NAME: &'static str = "PutBucketPolicy";
    type Input = Input;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutBucketPolicy>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let ask = input.bucket.ask_signed();
        // A document that is none is refused after the caller was, not before (spec S-1).
        Ok(match &input.policy {
            Ok(policy) => ask.writing_policy(policy.clone()),
            Err(_) => ask,
        })
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        let policy = call.input.policy.map_err(malformed_policy)?;
        let vault = &stores.vault;
        let text = policies::to_store(&policy, vault.principals()).await?;
        Ok(vault.put_bucket_policy(&call.permits, text).await?)
    }
}

impl S3Operation for PutBucketPolicy {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        take_digests(&mut request);
        let bucket = BucketInput::read(&request)?;
        let members: Members = request.take_input()?;
        let text = members.policy.unwrap_or_default();
        let policy = Policy::parse_bucket(&bucket.bucket, &text).map(Arc::new);
        Ok(Input { bucket, policy })
    }

    fn respond(_: ()) -> Response {
        Response::empty(204)
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{ALICE, As, BOB, World, unique_id};
    use serde_json::{Value, json};

    const OWNER: As = As::Root(ALICE);
    const BEN: As = As::User(BOB, "ben", &["s3:*"]);

    fn for_principal(principal: Value) -> Value {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": principal,
                "Action": "s3:ListBucket",
                "Resource": "arn:aws:s3:::logs",
            }],
        })
    }

    async fn shown_principal(world: &World) -> Value {
        let shown = world.send(&OWNER, "GET /logs?policy", &[], "").await;
        assert_eq!(shown.header("content-type"), Some("application/json"));
        let document: Value = serde_json::from_str(&shown.body).unwrap();
        document["Statement"][0]["Principal"].clone()
    }

    #[tokio::test]
    async fn a_namesake_does_not_get_what_its_forerunner_had() {
        let mut world = World::new().await.with_bucket("logs").await;
        let arn = "arn:aws:iam::222222222222:user/ben";
        world.principals().add(arn, &unique_id("ben"));
        let set = world
            .set_policy("logs", for_principal(json!({ "AWS": arn })))
            .await;
        assert_eq!(set.outcome(), "204");
        assert_eq!(world.outcome(&BEN, "HEAD /logs").await, "200");
        assert_eq!(shown_principal(&world).await, json!({ "AWS": arn }));
        // What is kept is the id, over restarts too.
        world.restart().await;
        world.principals().remove(arn);
        assert_eq!(
            shown_principal(&world).await,
            json!({ "AWS": unique_id("ben") })
        );
        world.principals().add(arn, &unique_id("newben"));
        assert_eq!(
            shown_principal(&world).await,
            json!({ "AWS": unique_id("ben") })
        );
        let orphan = for_principal(json!({ "AWS": unique_id("ben") }));
        let set = world.set_policy("logs", orphan).await;
        assert_eq!(set.outcome(), "400 MalformedPolicy");
        assert_eq!(set.element("Message"), Some("Invalid principal in policy"));
        assert!(set.element("Detail").is_some(), "{}", set.body);
    }

    #[tokio::test]
    async fn an_account_is_shown_by_its_root() {
        let world = World::new().await.with_bucket("logs").await;
        let set = world
            .set_policy("logs", for_principal(json!({ "AWS": BOB })))
            .await;
        assert_eq!(set.outcome(), "204");
        assert_eq!(
            shown_principal(&world).await,
            json!({ "AWS": "arn:aws:iam::222222222222:root" })
        );
        let unknown = for_principal(json!({ "AWS": "999999999999" }));
        let set = world.set_policy("logs", unknown).await;
        assert_eq!(set.outcome(), "400 MalformedPolicy");
    }

    #[tokio::test]
    async fn a_session_is_a_principal_only_where_its_role_is() {
        let world = World::new().await.with_bucket("logs").await;
        let session = "arn:aws:sts::222222222222:assumed-role/worker/session";
        let document = || for_principal(json!({ "AWS": session }));
        let set = world.set_policy("logs", document()).await;
        assert_eq!(set.outcome(), "400 MalformedPolicy");
        assert_eq!(set.element("Message"), Some("Invalid principal in policy"));
        world
            .principals()
            .add("arn:aws:iam::222222222222:role/worker", "AROA");
        assert_eq!(world.set_policy("logs", document()).await.outcome(), "204");
        assert_eq!(shown_principal(&world).await, json!({ "AWS": session }));
    }

    #[tokio::test]
    async fn a_document_that_is_none_is_refused_after_the_caller() {
        let world = World::new().await.with_bucket("logs").await;
        let put = |who: &'static As, body: &'static str| {
            let world = &world;
            async move { world.send(who, "PUT /logs?policy", &[], body).await }
        };
        let refused = put(&OWNER, "").await;
        assert_eq!(refused.outcome(), "400 MalformedPolicy");
        assert_eq!(
            refused.element("Message"),
            Some("Policies must be valid JSON and the first byte must be '{'")
        );
        let refused = put(&OWNER, "{}").await;
        assert_eq!(
            refused.element("Message"),
            Some("Missing required field Statement")
        );
        assert_eq!(put(&BEN, "").await.outcome(), "403 AccessDenied");
        assert_eq!(
            world.outcome(&OWNER, "GET /logs?policy").await,
            "404 NoSuchBucketPolicy"
        );
        assert_eq!(
            world.outcome(&OWNER, "GET /logs?policyStatus").await,
            "404 NoSuchBucketPolicy"
        );
        assert_eq!(world.outcome(&OWNER, "DELETE /logs?policy").await, "204");
    }

    #[tokio::test]
    async fn a_public_policy_needs_the_blocks_to_be_gone() {
        let world = World::new().await.with_bucket("logs").await;
        let public = || for_principal(json!("*"));
        let refused = world.set_policy("logs", public()).await;
        assert_eq!(refused.outcome(), "403 AccessDenied");
        assert!(
            refused.body.contains("BlockPublicPolicy"),
            "{}",
            refused.body
        );
        assert_eq!(
            world
                .outcome(&OWNER, "DELETE /logs?publicAccessBlock")
                .await,
            "204"
        );
        assert_eq!(world.set_policy("logs", public()).await.outcome(), "204");
        let status = world.send(&OWNER, "GET /logs?policyStatus", &[], "").await;
        assert_eq!(status.element("IsPublic"), Some("true"));
        assert_eq!(world.outcome(&As::Anonymous, "HEAD /logs").await, "200");
        // The account's flags count as the bucket's do.
        let account = [("x-amz-account-id", ALICE)];
        let restrict = "<PublicAccessBlockConfiguration><RestrictPublicBuckets>true\
                        </RestrictPublicBuckets></PublicAccessBlockConfiguration>";
        let path = "/v20180820/configuration/publicAccessBlock";
        let put = world
            .send(&OWNER, &format!("PUT {path}"), &account, restrict)
            .await;
        assert_eq!(put.status, 200, "{}", put.body);
        assert_eq!(
            world.outcome(&As::Anonymous, "HEAD /logs").await,
            "403 AccessDenied"
        );
        assert_eq!(world.outcome(&BEN, "HEAD /logs").await, "403 AccessDenied");
        assert_eq!(world.outcome(&OWNER, "HEAD /logs").await, "200");
    }

    #[tokio::test]
    async fn the_root_of_the_owner_cannot_lock_itself_out() {
        let world = World::new().await.with_bucket("logs").await;
        let lockout = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"],
            }],
        });
        assert_eq!(world.set_policy("logs", lockout).await.outcome(), "204");
        assert_eq!(
            world.outcome(&OWNER, "HEAD /logs").await,
            "403 AccessDenied"
        );
        let admin = As::User(ALICE, "ann", &["*"]);
        let delete = "DELETE /logs?policy";
        let refused = world.send(&admin, delete, &[], "").await;
        assert_eq!(refused.outcome(), "403 AccessDenied");
        assert_eq!(
            refused.element("Message"),
            Some(
                "User: arn:aws:iam::111111111111:user/ann is not authorized to perform: \
                 s3:DeleteBucketPolicy on resource: \"arn:aws:s3:::logs\" with an explicit \
                 deny in a resource-based policy"
            )
        );
        assert_eq!(world.outcome(&OWNER, delete).await, "204");
        assert_eq!(world.outcome(&OWNER, "HEAD /logs").await, "200");
    }
}
