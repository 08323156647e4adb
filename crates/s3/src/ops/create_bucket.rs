//! CreateBucket: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>
use catalog::{Bucket, BucketName, s3};
use gate::{Ask, Authorized, Identity, Operation};
use policy::ObjectOwnership;
use serde::Deserialize;
use vault::acl::{Acl, AclHeaders, AclOn, HEADER_ID, full_control};
use vault::{NewBucket, VaultError};
use wire::AwsError;

use crate::configuration::{SIGN_IN, take_acl_headers};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// CreateBucket.
#[derive(Debug)]
pub enum CreateBucket {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    bucket: BucketName,
    location: Option<String>,
    ownership_header: Option<String>,
    ownership: ObjectOwnership,
    headers: AclHeaders,
    acl: Acl,
    region: String,
}

/// The members of the model, so that any other is refused by name.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    create_bucket_configuration: Option<Configuration>,
    object_lock_enabled_for_bucket: Option<bool>,
    object_ownership: Option<String>,
    bucket_namespace: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    location_constraint: Option<String>,
    location: Option<serde_json::Value>,
    bucket: Option<serde_json::Value>,
    tags: Option<serde_json::Value>,
}

impl Operation for CreateBucket {
    const NAME: &'static str = "CreateBucket";
    type Input = Input;
    /// The `Location` header.
    type Output = String;
    type Error = S3Error;
    type Asks = (
        Ask<s3::CreateBucket>,
        Option<Ask<s3::PutBucketAcl>>,
        Option<Ask<s3::PutBucketOwnershipControls>>,
    );
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, S3Error> {
        let account = who.caller.account;
        let account = account.ok_or_else(|| S3Error::access_denied(SIGN_IN))?;
        let bucket = || Bucket::new_for(input.bucket.clone(), account);
        let create = input
            .headers
            .onto(Ask::on(bucket()))
            .with_some("s3:locationconstraint", input.location.as_deref())
            .with_some(
                "s3:x-amz-object-ownership",
                input.ownership_header.as_deref(),
            );
        // AWS: a `private` ACL needs no permission of its own.
        let needs_acl = !input.headers.is_empty() && !is_private(&input.headers);
        let acl = needs_acl.then(|| {
            let ask = input.headers.onto(Ask::on(bucket()));
            ask.writing_public_acl(input.acl.is_public())
        });
        // AWS has `s3:x-amz-object-ownership` for `s3:CreateBucket` alone.
        let ownership = input
            .ownership_header
            .as_ref()
            .map(|_header| Ask::on(bucket()));
        Ok((create, acl, ownership))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<String, S3Error> {
        let (create, _acl, _ownership) = call.permits;
        let input = call.input;
        check_location(&input.region, input.location.as_deref())?;
        let owner = match &call.identity.caller.canonical_id {
            Some(id) => id.clone(),
            None => return Err(VaultError::NoCanonicalId.into()),
        };
        let acl = input.acl.grants(owner.as_str(), owner.as_str());
        let enforced = input.ownership == ObjectOwnership::BucketOwnerEnforced;
        if enforced && acl != [full_control(owner.as_str())] {
            return Err(S3Error::InvalidBucketAclWithObjectOwnership);
        }
        if input.acl.is_public() {
            return Err(public_acl());
        }
        let principals = stores.vault.principals();
        input.acl.check_accounts(principals, HEADER_ID).await?;
        let new = NewBucket {
            ownership: input.ownership,
            acl,
            ..NewBucket::standard(&owner)
        };
        match stores.vault.create_bucket(&create, new).await {
            Ok(()) => {}
            // AWS keeps this exception for clients of old.
            Err(VaultError::BucketAlreadyOwnedByYou(_)) if input.region == "us-east-1" => {}
            Err(error) => return Err(error.into()),
        }
        Ok(if input.region == "us-east-1" {
            format!("/{}", input.bucket)
        } else {
            format!("http://{}.s3.amazonaws.com/", input.bucket)
        })
    }
}

impl S3Operation for CreateBucket {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let bucket = request.bucket()?;
        let headers = take_acl_headers(&mut request);
        let members: Members = request.take_input()?;
        if members.object_lock_enabled_for_bucket == Some(true) {
            return Err(S3Error::not_implemented("x-amz-bucket-object-lock-enabled"));
        }
        match members.bucket_namespace.as_deref() {
            None | Some("global") => {}
            Some(_) => return Err(S3Error::not_implemented("x-amz-bucket-namespace")),
        }
        let location = match members.create_bucket_configuration {
            None => None,
            Some(Configuration {
                location_constraint,
                location: None,
                bucket: None,
                tags: None,
            }) => location_constraint.filter(|constraint| !constraint.is_empty()),
            Some(Configuration { tags: Some(_), .. }) => {
                return Err(S3Error::not_implemented("Tags"));
            }
            // Directory buckets.
            Some(Configuration { .. }) => return Err(S3Error::not_implemented("Location")),
        };
        let ownership = match members.object_ownership.as_deref() {
            None => ObjectOwnership::BucketOwnerEnforced,
            Some(text) => parse_ownership(text).ok_or_else(|| invalid_ownership(text))?,
        };
        Ok(Input {
            bucket,
            location,
            ownership_header: members.object_ownership,
            ownership,
            acl: headers.parse(AclOn::Bucket)?,
            headers,
            region: request.region,
        })
    }

    fn respond(location: String) -> Response {
        let mut response = Response::empty(200);
        response.set("location", &location);
        response
    }
}

fn is_private(headers: &AclHeaders) -> bool {
    headers.canned.as_deref() == Some("private")
}

/// `BucketOwnerEnforced` and the like.
pub(super) fn parse_ownership(text: &str) -> Option<ObjectOwnership> {
    match text {
        "BucketOwnerEnforced" => Some(ObjectOwnership::BucketOwnerEnforced),
        "BucketOwnerPreferred" => Some(ObjectOwnership::BucketOwnerPreferred),
        "ObjectWriter" => Some(ObjectOwnership::ObjectWriter),
        _ => None,
    }
}

fn invalid_ownership(text: &str) -> S3Error {
    AwsError::new(
        400,
        "InvalidArgument",
        format!("Invalid x-amz-object-ownership header: {text}"),
    )
    .with_field("ArgumentName", "x-amz-object-ownership")
    .into()
}

/// A new bucket has all four Block Public Access flags.
fn public_acl() -> S3Error {
    AwsError::new(
        400,
        "InvalidBucketAclWithBlockPublicAccessError",
        "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
    )
    .into()
}

/// Regions that AWS knows but for `us-east-1`, which no constraint may name.
const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Whether AWS has such a region.
pub(super) fn is_region(name: &str) -> bool {
    name == "us-east-1" || REGIONS.contains(&name)
}

/// Buckets are made in the region of the server, and a request must say so, except in `us-east-1`.
fn check_location(region: &str, constraint: Option<&str>) -> Result<(), S3Error> {
    let illegal = |region: &str| {
        Err(S3Error::IllegalLocationConstraint {
            region: region.to_owned(),
        })
    };
    match (region, constraint) {
        ("us-east-1", None) => Ok(()),
        ("us-east-1", Some(constraint)) => {
            if constraint == "EU" || REGIONS.contains(&constraint) {
                illegal(constraint)
            } else {
                Err(S3Error::InvalidLocationConstraint {
                    constraint: constraint.to_owned(),
                })
            }
        }
        (_, None) => illegal("unspecified"),
        ("eu-west-1", Some("EU")) => Ok(()),
        (region, Some(constraint)) if constraint == region => Ok(()),
        (_, Some(constraint)) => illegal(constraint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_made_in_the_region_of_the_server() {
        let check = |region: &str, constraint: Option<&str>| {
            check_location(region, constraint).map_err(|error| (error.code(), error.to_string()))
        };
        let illegal = |text: &str| {
            Err((
                "IllegalLocationConstraintException".to_owned(),
                format!(
                    "The {text} location constraint is incompatible for the region specific \
                     endpoint this request was sent to."
                ),
            ))
        };
        assert_eq!(check("us-east-1", None), Ok(()));
        assert_eq!(check("eu-west-1", Some("EU")), Ok(()));
        assert_eq!(check("us-west-1", Some("us-west-1")), Ok(()));
        assert_eq!(check("us-west-1", Some("us-east-1")), illegal("us-east-1"));
        assert_eq!(check("us-east-2", None), illegal("unspecified"));
        assert_eq!(check("us-east-1", Some("us-west-2")), illegal("us-west-2"));
        let (code, _) = check("us-east-1", Some("us-east-1")).unwrap_err();
        assert_eq!(code, "InvalidLocationConstraint");
    }

    use crate::harness::{ALICE, As, BOB, World};

    const CREATOR: As = As::User(ALICE, "ann", &["s3:CreateBucket"]);

    #[tokio::test]
    async fn names_are_global_over_all_accounts() {
        let world = World::new().await;
        let made = world.send(&CREATOR, "PUT /logs", &[], "").await;
        assert_eq!((made.status, made.header("location")), (200, Some("/logs")));
        // us-east-1 alone answers 200 to the owner.
        assert_eq!(world.outcome(&CREATOR, "PUT /logs").await, "200");
        assert_eq!(
            world.outcome(&As::Root(BOB), "PUT /logs").await,
            "409 BucketAlreadyExists"
        );
    }

    #[tokio::test]
    async fn elsewhere_the_owner_is_told() {
        let world = World::in_region("eu-central-1").await;
        let body = "<CreateBucketConfiguration><LocationConstraint>eu-central-1\
                    </LocationConstraint></CreateBucketConfiguration>";
        let made = world.send(&CREATOR, "PUT /logs", &[], body).await;
        assert_eq!(
            made.header("location"),
            Some("http://logs.s3.amazonaws.com/")
        );
        let again = world.send(&CREATOR, "PUT /logs", &[], body).await;
        assert_eq!(again.outcome(), "409 BucketAlreadyOwnedByYou");
        assert_eq!(again.element("BucketName"), Some("logs"));
    }

    #[tokio::test]
    async fn it_needs_what_its_headers_need() {
        let world = World::new().await;
        let nobody = As::User(ALICE, "eve", &[]);
        assert_eq!(
            world.outcome(&nobody, "PUT /a-bucket").await,
            "403 AccessDenied"
        );
        assert_eq!(
            world.outcome(&As::Anonymous, "PUT /a-bucket").await,
            "403 AccessDenied"
        );
        let ownership = [("x-amz-object-ownership", "ObjectWriter")];
        let made = world.send(&CREATOR, "PUT /a-bucket", &ownership, "").await;
        assert_eq!(made.outcome(), "403 AccessDenied");
        assert!(
            made.body.contains("s3:PutBucketOwnershipControls"),
            "{}",
            made.body
        );
        let owner = As::User(
            ALICE,
            "own",
            &[
                "s3:CreateBucket",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketAcl",
            ],
        );
        let made = world.send(&owner, "PUT /a-bucket", &ownership, "").await;
        assert_eq!(made.outcome(), "200");
        let acl = [("x-amz-acl", "authenticated-read")];
        let made = world.send(&CREATOR, "PUT /b-bucket", &acl, "").await;
        assert_eq!(made.outcome(), "403 AccessDenied");
        let made = world.send(&owner, "PUT /b-bucket", &acl, "").await;
        assert_eq!(made.outcome(), "400 InvalidBucketAclWithObjectOwnership");
        let both = [ownership[0], acl[0]];
        let made = world.send(&owner, "PUT /b-bucket", &both, "").await;
        assert_eq!(
            made.outcome(),
            "400 InvalidBucketAclWithBlockPublicAccessError"
        );
        let private = [("x-amz-acl", "private")];
        let made = world.send(&CREATOR, "PUT /b-bucket", &private, "").await;
        assert_eq!(made.outcome(), "200");
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_refused() {
        let world = World::new().await;
        let root = As::Root(ALICE);
        let refused =
            |request: &'static str, headers: &'static [(&str, &str)], body: &'static str| {
                let (world, root) = (&world, &root);
                async move { world.send(root, request, headers, body).await.outcome() }
            };
        assert_eq!(
            refused("PUT /UPPER", &[], "").await,
            "400 InvalidBucketName"
        );
        assert_eq!(
            refused("PUT /abc", &[("x-amz-object-ownership", "Mine")], "").await,
            "400 InvalidArgument"
        );
        assert_eq!(
            refused("PUT /abc", &[], "<Nonsense>").await,
            "400 MalformedXML"
        );
        assert_eq!(
            refused(
                "PUT /abc",
                &[("x-amz-bucket-object-lock-enabled", "true")],
                ""
            )
            .await,
            "501 NotImplemented"
        );
        let constraint = "<CreateBucketConfiguration><LocationConstraint>us-east-1\
                          </LocationConstraint></CreateBucketConfiguration>";
        assert_eq!(
            refused("PUT /abc", &[], constraint).await,
            "400 InvalidLocationConstraint"
        );
    }

    #[tokio::test]
    async fn policies_see_what_is_asked_for() {
        let world = World::in_region("eu-west-1").await;
        let creator = As::Stating(
            ALICE,
            "ann",
            r#"{"Effect": "Allow", "Action": ["s3:CreateBucket", "s3:PutBucketOwnershipControls"],
                "Resource": "arn:aws:s3:::team-*"},
               {"Effect": "Deny", "Action": "s3:CreateBucket", "Resource": "*",
                "Condition": {"StringNotEquals": {"s3:LocationConstraint": "eu-west-1"}}},
               {"Effect": "Deny", "Action": "s3:*", "Resource": "*",
                "Condition": {"StringEquals": {"s3:x-amz-object-ownership": "ObjectWriter"}}},
               {"Effect": "Deny", "Action": "s3:CreateBucket", "Resource": "*",
                "Condition": {"StringEquals": {"s3:x-amz-acl": "public-read"}}}"#,
        );
        let made =
            |bucket: &'static str, region: &'static str, headers: &'static [(&str, &str)]| {
                let (world, creator) = (&world, &creator);
                async move {
                    let body = format!(
                        "<CreateBucketConfiguration><LocationConstraint>{region}\
                     </LocationConstraint></CreateBucketConfiguration>"
                    );
                    let request = format!("PUT /{bucket}");
                    world
                        .send(creator, &request, headers, &body)
                        .await
                        .outcome()
                }
            };
        let denied = "403 AccessDenied";
        assert_eq!(made("other-a", "eu-west-1", &[]).await, denied);
        assert_eq!(made("team-a", "EU", &[]).await, denied);
        let writer = &[("x-amz-object-ownership", "ObjectWriter")];
        assert_eq!(made("team-a", "eu-west-1", writer).await, denied);
        assert_eq!(
            made("team-a", "eu-west-1", &[("x-amz-acl", "public-read")]).await,
            denied
        );
        let preferred = &[("x-amz-object-ownership", "BucketOwnerPreferred")];
        assert_eq!(made("team-a", "eu-west-1", preferred).await, "200");
    }
}
