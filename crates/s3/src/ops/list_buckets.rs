//! ListBuckets: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::{AllBuckets, s3};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;
use serde_json::{Value, json};
use wire::AwsError;

use super::create_bucket::is_region;
use crate::configuration::SIGN_IN;
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// ListBuckets.
#[derive(Debug)]
pub enum ListBuckets {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    max_buckets: Option<i64>,
    continuation_token: Option<String>,
    prefix: Option<String>,
    bucket_region: Option<String>,
}

/// The most buckets of a page.
const BUCKETS_MAX: usize = 10_000;

impl Operation for ListBuckets {
    const NAME: &'static str = "ListBuckets";
    type Input = Input;
    type Output = Value;
    type Error = S3Error;
    type Asks = Ask<s3::ListAllMyBuckets>;
    type Stores = Stores;

    fn asks(_: &Input, who: &Identity) -> Result<Self::Asks, S3Error> {
        let account = who.caller.account;
        let account = account.ok_or_else(|| S3Error::access_denied(SIGN_IN))?;
        Ok(Ask::on(AllBuckets(account)))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Value, S3Error> {
        let input = call.input;
        let limit = input.limit()?;
        let after = input.after()?;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let region = input.bucket_region.as_deref();
        if let Some(region) = region.filter(|region| !is_region(region)) {
            return Err(not_a_region(region));
        }
        let mut buckets = stores.vault.list_buckets(&call.permits);
        buckets.retain(|bucket| {
            let name = bucket.name.as_str();
            name.starts_with(prefix)
                && after.as_deref().is_none_or(|after| name > after)
                && region.is_none_or(|region| bucket.region == region)
        });
        let is_whole = buckets.len() <= limit;
        buckets.truncate(limit);
        let next = match buckets.last() {
            Some(last) if !is_whole => Some(STANDARD.encode(last.name.as_str())),
            Some(_) | None => None,
        };
        // AWS tells the region only where the request has some parameter.
        let shows_region = input.has_parameters();
        let owner = call.identity.caller.canonical_id.as_ref();
        let buckets: Vec<Value> = buckets
            .iter()
            .map(|bucket| {
                json!({
                    "Name": bucket.name.as_str(),
                    "CreationDate": bucket.created.to_string(),
                    "BucketRegion": shows_region.then_some(&bucket.region),
                })
            })
            .collect();
        Ok(json!({
            "Owner": { "ID": owner.map(|id| id.as_str()) },
            "Buckets": buckets,
            "Prefix": input.prefix,
            "ContinuationToken": next,
        }))
    }
}

impl Input {
    fn has_parameters(&self) -> bool {
        self.max_buckets.is_some()
            || self.continuation_token.is_some()
            || self.prefix.is_some()
            || self.bucket_region.is_some()
    }

    fn limit(&self) -> Result<usize, S3Error> {
        let Some(asked) = self.max_buckets else {
            return Ok(BUCKETS_MAX);
        };
        match usize::try_from(asked) {
            Ok(asked) if (1..=BUCKETS_MAX).contains(&asked) => Ok(asked),
            Ok(_) | Err(_) => Err(S3Error::invalid_argument(
                "Argument max-buckets must be an integer between 1 and 10000",
                "max-buckets",
                asked.to_string(),
            )),
        }
    }

    /// The name of the last bucket of the page before.
    fn after(&self) -> Result<Option<String>, S3Error> {
        let Some(token) = &self.continuation_token else {
            return Ok(None);
        };
        let name = STANDARD.decode(token).ok();
        match name.and_then(|name| String::from_utf8(name).ok()) {
            Some(name) => Ok(Some(name)),
            None => Err(S3Error::invalid_argument(
                "The continuation token provided is incorrect",
                "continuation-token",
                token.clone(),
            )),
        }
    }
}

fn not_a_region(region: &str) -> S3Error {
    AwsError::new(
        400,
        "InvalidArgument",
        format!("Argument value {region} is not a valid AWS Region"),
    )
    .with_field("ArgumentName", "bucket-region")
    .into()
}

impl S3Operation for ListBuckets {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        request.take_input()
    }

    fn respond(output: Value) -> Response {
        Response::encode(Self::NAME, &output)
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{ALICE, As, BOB, World};

    async fn world() -> World {
        let world = World::new().await;
        for (owner, name) in [
            (ALICE, "zoo"),
            (ALICE, "apes"),
            (BOB, "birds"),
            (ALICE, "ants"),
        ] {
            let made = world
                .outcome(&As::Root(owner), &format!("PUT /{name}"))
                .await;
            assert_eq!(made, "200");
        }
        world
    }

    #[tokio::test]
    async fn an_account_sees_its_own_buckets_by_name() {
        let world = world().await;
        let owner = As::User(ALICE, "ann", &["s3:ListAllMyBuckets"]);
        insta::assert_snapshot!(world.send(&owner, "GET /", &[], "").await.body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Buckets><Bucket><Name>ants</Name><CreationDate>2026-02-03T04:05:06.000Z</CreationDate></Bucket><Bucket><Name>apes</Name><CreationDate>2026-02-03T04:05:06.000Z</CreationDate></Bucket><Bucket><Name>zoo</Name><CreationDate>2026-02-03T04:05:06.000Z</CreationDate></Bucket></Buckets><Owner><ID>1111111111110000000000000000000000000000000000000000000000000000</ID></Owner></ListAllMyBucketsResult>
        "#);
        let listed = world.send(&As::Root(BOB), "GET /", &[], "").await;
        assert_eq!(listed.element("Name"), Some("birds"));
        let nobody = As::User(ALICE, "eve", &[]);
        let refused = world.send(&nobody, "GET /", &[], "").await;
        assert_eq!(refused.outcome(), "403 AccessDenied");
        assert_eq!(
            refused.element("Message"),
            Some(
                "User: arn:aws:iam::111111111111:user/eve is not authorized to perform: \
                 s3:ListAllMyBuckets because no identity-based policy allows the \
                 s3:ListAllMyBuckets action"
            )
        );
        assert_eq!(
            world.outcome(&As::Anonymous, "GET /").await,
            "403 AccessDenied"
        );
    }

    #[tokio::test]
    async fn pages_and_filters() {
        let world = world().await;
        let owner = As::Root(ALICE);
        let names = |body: &str| {
            let names = body.split("<Name>").skip(1);
            let names = names.filter_map(|rest| rest.split_once('<'));
            names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
        };
        let first = world.send(&owner, "GET /?max-buckets=2", &[], "").await;
        assert_eq!(names(&first.body), ["ants", "apes"]);
        assert_eq!(first.element("BucketRegion"), Some("us-east-1"));
        let token = first
            .element("ContinuationToken")
            .unwrap()
            .replace('=', "%3D");
        let request = format!("GET /?max-buckets=2&continuation-token={token}");
        let second = world.send(&owner, &request, &[], "").await;
        assert_eq!(names(&second.body), ["zoo"]);
        assert_eq!(second.element("ContinuationToken"), None);
        let prefixed = world.send(&owner, "GET /?prefix=a", &[], "").await;
        assert_eq!(names(&prefixed.body), ["ants", "apes"]);
        let elsewhere = world
            .send(&owner, "GET /?bucket-region=eu-west-1", &[], "")
            .await;
        assert!(names(&elsewhere.body).is_empty());
        for wrong in [
            "max-buckets=0",
            "max-buckets=10001",
            "bucket-region=eu-east-1",
        ] {
            let got = world.outcome(&owner, &format!("GET /?{wrong}")).await;
            assert_eq!(got, "400 InvalidArgument", "{wrong}");
        }
    }
}
