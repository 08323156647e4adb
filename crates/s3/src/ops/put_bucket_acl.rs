//! PutBucketAcl: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use policy::ObjectOwnership;
use serde::Deserialize;
use vault::acl::{AccessControlPolicy, AclHeaders, AclOn};

use crate::configuration::{PutAcl, take_acl_headers, take_digests};
use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// PutBucketAcl.
#[derive(Debug)]
pub enum PutBucketAcl {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    bucket: BucketInput,
    headers: AclHeaders,
    acl: PutAcl,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    access_control_policy: Option<AccessControlPolicy>,
}

impl Operation for PutBucketAcl {
    const NAME: &'static str = "PutBucketAcl";
    type Input = Input;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutBucketAcl>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let public = input.acl.is_public();
        Ok(input
            .headers
            .onto(input.bucket.ask())
            .writing_public_acl(public))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        let vault = &stores.vault;
        let record = call
            .permits
            .bucket()
            .ok_or(vault::VaultError::NothingJudged)?;
        if record.ownership == ObjectOwnership::BucketOwnerEnforced {
            return Err(S3Error::AclNotSupported);
        }
        let owner = record.owner_canonical_id.as_str();
        let acl = call.input.acl.for_owner(owner, vault.principals()).await?;
        Ok(vault
            .put_bucket_acl(&call.permits, acl.grants(owner, owner))
            .await?)
    }
}

impl S3Operation for PutBucketAcl {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        take_digests(&mut request);
        let bucket = BucketInput::read(&request)?;
        let headers = take_acl_headers(&mut request);
        let members: Members = request.take_input()?;
        let acl = PutAcl::new(&headers, AclOn::Bucket, members.access_control_policy)?;
        Ok(Input {
            bucket,
            headers,
            acl,
        })
    }

    fn respond(_: ()) -> Response {
        Response::empty(200)
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{ALICE, As, BOB, World, canonical};

    const OWNER: As = As::Root(ALICE);
    const PUT: &str = "PUT /logs?acl";

    /// A bucket whose ACL counts and may be public.
    async fn open_bucket() -> World {
        let world = World::new().await;
        let headers = [("x-amz-object-ownership", "ObjectWriter")];
        world.send(&OWNER, "PUT /logs", &headers, "").await;
        let gone = world
            .outcome(&OWNER, "DELETE /logs?publicAccessBlock")
            .await;
        assert_eq!(gone, "204");
        world
    }

    #[tokio::test]
    async fn grants_open_the_bucket_to_whom_they_name() {
        let world = open_bucket().await;
        let ben = As::User(BOB, "ben", &["s3:*"]);
        let powerless = As::User(BOB, "bea", &[]);
        assert_eq!(world.outcome(&ben, "HEAD /logs").await, "403 AccessDenied");
        let id = canonical(BOB);
        let grant = format!("id=\"{id}\"");
        let put = world
            .send(&OWNER, PUT, &[("x-amz-grant-read", &grant)], "")
            .await;
        assert_eq!(put.outcome(), "200");
        assert_eq!(world.outcome(&ben, "HEAD /logs").await, "200");
        assert_eq!(world.outcome(&As::Root(BOB), "HEAD /logs").await, "200");
        assert_eq!(
            world.outcome(&powerless, "HEAD /logs").await,
            "403 AccessDenied"
        );
        assert_eq!(
            world.outcome(&ben, "GET /logs?acl").await,
            "403 AccessDenied"
        );
        assert_eq!(
            world.outcome(&As::Anonymous, "HEAD /logs").await,
            "403 AccessDenied"
        );

        let put = world
            .send(&OWNER, PUT, &[("x-amz-acl", "public-read")], "")
            .await;
        assert_eq!(put.outcome(), "200");
        assert_eq!(world.outcome(&As::Anonymous, "HEAD /logs").await, "200");
        let ignore = "<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls>\
                      </PublicAccessBlockConfiguration>";
        world
            .send(&OWNER, "PUT /logs?publicAccessBlock", &[], ignore)
            .await;
        assert_eq!(
            world.outcome(&As::Anonymous, "HEAD /logs").await,
            "403 AccessDenied"
        );
        let shown = world.send(&OWNER, "GET /logs?acl", &[], "").await;
        assert!(!shown.body.contains("AllUsers"), "{}", shown.body);
    }

    #[tokio::test]
    async fn what_is_shown_can_be_put_back() {
        let world = open_bucket().await;
        let put = world
            .send(&OWNER, PUT, &[("x-amz-acl", "public-read")], "")
            .await;
        assert_eq!(put.outcome(), "200");
        let shown = world.send(&OWNER, "GET /logs?acl", &[], "").await.body;
        insta::assert_snapshot!(shown, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>1111111111110000000000000000000000000000000000000000000000000000</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>1111111111110000000000000000000000000000000000000000000000000000</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>
        "#);
        assert_eq!(world.send(&OWNER, PUT, &[], &shown).await.outcome(), "200");
        assert_eq!(
            world.send(&OWNER, "GET /logs?acl", &[], "").await.body,
            shown
        );
        let anothers = shown.replacen(canonical(ALICE).as_str(), canonical(BOB).as_str(), 1);
        assert_eq!(
            world.send(&OWNER, PUT, &[], &anothers).await.outcome(),
            "403 AccessDenied"
        );
        let ownerless = "<AccessControlPolicy><AccessControlList></AccessControlList>\
                         </AccessControlPolicy>";
        let refused = world.send(&OWNER, PUT, &[], ownerless).await;
        assert_eq!(refused.outcome(), "400 MalformedACLError");
    }

    #[tokio::test]
    async fn each_mistake_has_its_error() {
        let world = open_bucket().await;
        let stranger = format!("id=\"{}\"", "c".repeat(64));
        type Headers<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Headers<'_>, &str, &str); 8] = [
            (&[], "", "400 MissingSecurityHeader"),
            (&[("x-amz-acl", "fake")], "", "400 InvalidArgument"),
            (
                &[("x-amz-grant-read", &stranger)],
                "",
                "400 InvalidArgument",
            ),
            (
                &[("x-amz-grant-write", "fakekey=\"1\"")],
                "",
                "400 InvalidArgument",
            ),
            (
                &[("x-amz-grant-write", "emailAddress=\"a@b.c\"")],
                "",
                "405 MethodNotAllowed",
            ),
            (
                &[("x-amz-acl", "private"), ("x-amz-grant-read", "id=\"x\"")],
                "",
                "400 InvalidRequest",
            ),
            (
                &[("x-amz-acl", "private")],
                "<AccessControlPolicy><Owner><ID>x</ID></Owner></AccessControlPolicy>",
                "400 UnexpectedContent",
            ),
            (&[], "<AccessControl", "400 MalformedACLError"),
        ];
        for (headers, body, wanted) in cases {
            let got = world.send(&OWNER, PUT, headers, body).await;
            assert_eq!(got.outcome(), wanted, "{headers:?} {body} {}", got.body);
        }
    }

    #[tokio::test]
    async fn mistakes_are_told_with_their_argument() {
        let world = open_bucket().await;
        let group = "http://acs.amazonaws.com/groups/s3/FakeGroup";
        let grants_group = format!("uri=\"{group}\"");
        let cases = [
            ("x-amz-acl", "fake-acl", "x-amz-acl", "fake-acl", ""),
            (
                "x-amz-grant-write",
                &grants_group,
                "uri",
                group,
                "Invalid group uri",
            ),
            (
                "x-amz-grant-write",
                "id=\"wrong-id\"",
                "id",
                "wrong-id",
                "Invalid id",
            ),
            (
                "x-amz-grant-write",
                "fakekey=1234",
                "x-amz-grant-write",
                "fakekey=1234",
                "Argument format not recognized",
            ),
        ];
        for (header, value, name, shown, message) in cases {
            let got = world.send(&OWNER, PUT, &[(header, value)], "").await;
            assert_eq!(got.element("ArgumentName"), Some(name));
            assert_eq!(got.element("ArgumentValue"), Some(shown));
            assert_eq!(got.element("Message").unwrap_or_default(), message);
        }
    }

    #[tokio::test]
    async fn public_acls_are_blocked_and_enforced_ownership_has_none() {
        let world = World::new().await.with_bucket("logs").await;
        let public = [("x-amz-acl", "public-read")];
        for acl in [[("x-amz-acl", "private")], public] {
            assert_eq!(
                world.send(&OWNER, PUT, &acl, "").await.outcome(),
                "400 AccessControlListNotSupported"
            );
        }
        let acls = "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";
        let put = world.send(&OWNER, "PUT /logs?ownershipControls", &[], acls);
        assert_eq!(put.await.outcome(), "200");
        let refused = world.send(&OWNER, PUT, &public, "").await;
        assert_eq!(refused.outcome(), "403 AccessDenied");
        assert!(refused.body.contains("BlockPublicAcls"), "{}", refused.body);
    }
}
