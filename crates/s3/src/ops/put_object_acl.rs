//! PutObjectAcl: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html>
use catalog::{AccountId, Action, Object, s3};
use gate::{Ask, Authorized, Either, Identity, Operation, Permit, Probe};
use serde::Deserialize;
use vault::acl::{AccessControlPolicy, AclHeaders, AclOn};
use vault::{Vault, VaultError, WritesAcl};

use crate::configuration::{PutAcl, take_acl_headers, take_digests};
use crate::reading;
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// PutObjectAcl.
#[derive(Debug)]
pub enum PutObjectAcl {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    object: Object,
    expected_owner: Option<AccountId>,
    headers: AclHeaders,
    acl: PutAcl,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    access_control_policy: Option<AccessControlPolicy>,
    #[serde(rename = "VersionId")]
    _version: serde::de::IgnoredAny,
}

impl Operation for PutObjectAcl {
    const NAME: &'static str = "PutObjectAcl";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = (
        Either<Ask<s3::PutObjectAcl>, Ask<s3::PutObjectVersionAcl>>,
        Probe<s3::ListBucket>,
    );
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let ask = match &input.object.version {
            None => Either::Left(input.ask()),
            Some(version) => Either::Right(input.ask().with("s3:versionid", version.as_str())),
        };
        Ok((ask, reading::list_probe(&input.object)))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let (permit, list) = call.permits;
        let input = call.input;
        let replaced = match &permit {
            Either::Left(permit) => replace(&stores.vault, permit, &input).await,
            Either::Right(permit) => replace(&stores.vault, permit, &input).await,
        };
        match replaced {
            Ok(Some(response)) => Ok(response),
            Ok(None) => Err(reading::missing(list, &input.object).await),
            Err(Failed::Vault(error)) => {
                Err(reading::unless_hidden(error, list, &input.object).await)
            }
            Err(Failed::Acl(error)) => Err(error),
        }
    }
}

impl Input {
    fn ask<A: Action<Resource = Object>>(&self) -> Ask<A> {
        let ask = Ask::on(self.object.clone()).expecting_owner(self.expected_owner);
        self.headers
            .onto(ask)
            .writing_public_acl(self.acl.is_public())
    }
}

/// The vault's errors are told only to those who may list.
enum Failed {
    Vault(VaultError),
    Acl(S3Error),
}

impl From<VaultError> for Failed {
    fn from(error: VaultError) -> Failed {
        Failed::Vault(error)
    }
}

/// `None` if there is no object.
async fn replace<A: WritesAcl>(
    vault: &Vault,
    permit: &Permit<A>,
    input: &Input,
) -> Result<Option<Response>, Failed> {
    let Some(owner) = vault.owner_for_acl(permit).await? else {
        return Ok(None);
    };
    let acl = input.acl.for_owner(&owner, vault.principals()).await;
    let acl = acl.map_err(|error| Failed::Acl(error.into()))?;
    let bucket_owner = permit.bucket().map(|bucket| &bucket.owner_canonical_id);
    let bucket_owner = bucket_owner.map_or(owner.as_str(), |id| id.as_str());
    let version = vault
        .put_object_acl(permit, &acl.grants(&owner, bucket_owner))
        .await?;
    let mut response = Response::empty(200);
    response.set_some("x-amz-version-id", version.as_deref());
    Ok(Some(response))
}

impl S3Operation for PutObjectAcl {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        take_digests(&mut request);
        let object = reading::versioned_object(&request)?;
        let headers = take_acl_headers(&mut request);
        let members: Members = request.take_input()?;
        let acl = PutAcl::new(&headers, AclOn::Object, members.access_control_policy)?;
        Ok(Input {
            object,
            expected_owner: request.expected_owner()?,
            headers,
            acl,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{ALICE, As, BOB, World, canonical};
    use serde_json::json;

    const OWNER: As = As::Root(ALICE);
    const BOBS_ROOT: As = As::Root(BOB);

    /// A bucket of Alice's where ACLs count, in which Bob may put and Bob has put `his`.
    async fn shared_bucket() -> World {
        let world = World::new().await;
        let headers = [("x-amz-object-ownership", "ObjectWriter")];
        world.send(&OWNER, "PUT /logs", &headers, "").await;
        let gone = world
            .outcome(&OWNER, "DELETE /logs?publicAccessBlock")
            .await;
        assert_eq!(gone, "204");
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "AWS": BOB },
                "Action": ["s3:PutObject", "s3:GetObject", "s3:PutObjectAcl"],
                "Resource": "arn:aws:s3:::logs/*",
            }],
        });
        assert_eq!(world.set_policy("logs", policy).await.outcome(), "204");
        let put = world.send(&BOBS_ROOT, "PUT /logs/his", &[], "body").await;
        assert_eq!(put.outcome(), "200", "{}", put.body);
        let put = world.send(&OWNER, "PUT /logs/hers", &[], "body").await;
        assert_eq!(put.outcome(), "200", "{}", put.body);
        world
    }

    #[tokio::test]
    async fn the_uploader_decides_who_reads() {
        let world = shared_bucket().await;
        // The bucket is hers, the object is not (spec S-8).
        assert_eq!(
            world.outcome(&OWNER, "GET /logs/his").await,
            "403 AccessDenied"
        );
        assert_eq!(
            world.outcome(&OWNER, "GET /logs/his?acl").await,
            "403 AccessDenied"
        );
        let shown = world.send(&BOBS_ROOT, "GET /logs/his?acl", &[], "").await;
        assert_eq!(shown.element("ID"), Some(canonical(BOB).as_str()));
        let headers = [("x-amz-acl", "bucket-owner-read")];
        let put = world
            .send(&BOBS_ROOT, "PUT /logs/his?acl", &headers, "")
            .await;
        assert_eq!(put.outcome(), "200", "{}", put.body);
        assert_eq!(world.outcome(&OWNER, "GET /logs/his").await, "200");
        assert_eq!(
            world.outcome(&OWNER, "GET /logs/his?acl").await,
            "403 AccessDenied"
        );
        let headers = [("x-amz-acl", "public-read")];
        let put = world
            .send(&BOBS_ROOT, "PUT /logs/his?acl", &headers, "")
            .await;
        assert_eq!(put.outcome(), "200");
        assert_eq!(world.outcome(&As::Anonymous, "GET /logs/his").await, "200");
        assert_eq!(
            world.outcome(&As::Anonymous, "GET /logs/hers").await,
            "403 AccessDenied"
        );
        // A body stays what it is.
        let read = world.send(&BOBS_ROOT, "GET /logs/his", &[], "").await;
        assert_eq!(read.body, "body");
    }

    #[tokio::test]
    async fn enforcing_hands_everything_to_the_bucket_owner_and_back() {
        let world = shared_bucket().await;
        let set = |ownership: &'static str| {
            let world = &world;
            async move {
                let body = format!(
                    "<OwnershipControls><Rule><ObjectOwnership>{ownership}</ObjectOwnership>\
                     </Rule></OwnershipControls>"
                );
                let request = "PUT /logs?ownershipControls";
                world.send(&OWNER, request, &[], &body).await.outcome()
            }
        };
        assert_eq!(set("BucketOwnerEnforced").await, "200");
        let shown = world.send(&OWNER, "GET /logs/his?acl", &[], "").await;
        assert_eq!(shown.element("ID"), Some(canonical(ALICE).as_str()));
        assert!(
            !shown.body.contains(canonical(BOB).as_str()),
            "{}",
            shown.body
        );
        assert_eq!(world.outcome(&OWNER, "GET /logs/his").await, "200");
        let headers = [("x-amz-acl", "private")];
        let put = world.send(&OWNER, "PUT /logs/his?acl", &headers, "").await;
        assert_eq!(put.outcome(), "400 AccessControlListNotSupported");
        assert_eq!(set("ObjectWriter").await, "200");
        assert_eq!(
            world.outcome(&OWNER, "GET /logs/his").await,
            "403 AccessDenied"
        );
    }

    #[tokio::test]
    async fn absent_keys_are_told_to_those_who_may_list() {
        let world = shared_bucket().await;
        let headers = [("x-amz-acl", "private")];
        let put = |who: &'static As, key: &'static str| {
            let world = &world;
            async move {
                let request = format!("PUT /logs/{key}?acl");
                world.send(who, &request, &headers, "").await.outcome()
            }
        };
        assert_eq!(put(&OWNER, "none").await, "404 NoSuchKey");
        assert_eq!(put(&BOBS_ROOT, "none").await, "403 AccessDenied");
        assert_eq!(put(&BOBS_ROOT, "hers").await, "200");
        assert_eq!(
            world.outcome(&OWNER, "GET /logs/none?acl").await,
            "404 NoSuchKey"
        );
        let version = format!("GET /logs/hers?acl&versionId={}", "a".repeat(32));
        assert_eq!(world.outcome(&OWNER, &version).await, "400 InvalidArgument");
        assert_eq!(
            world
                .outcome(&OWNER, "GET /logs/hers?acl&versionId=null")
                .await,
            "200"
        );
    }

    #[tokio::test]
    async fn a_public_acl_is_blocked() {
        let world = World::new().await.with_bucket("logs").await;
        world.send(&OWNER, "PUT /logs/a", &[], "x").await;
        let headers = [("x-amz-acl", "public-read")];
        for line in ["PUT /logs/a?acl", "PUT /logs/b"] {
            // What newcomers meet in a bucket with all the defaults.
            assert_eq!(
                world.send(&OWNER, line, &headers, "").await.outcome(),
                "400 AccessControlListNotSupported"
            );
        }
        let acls = "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";
        let put = world.send(&OWNER, "PUT /logs?ownershipControls", &[], acls);
        assert_eq!(put.await.outcome(), "200");
        let refused = world.send(&OWNER, "PUT /logs/a?acl", &headers, "").await;
        assert_eq!(refused.outcome(), "403 AccessDenied");
        assert!(refused.body.contains("BlockPublicAcls"), "{}", refused.body);
    }
}
