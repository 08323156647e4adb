//! ListObjectsV2: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
use catalog::{AccountId, Bucket, s3};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use vault::ListObjects as Query;

use crate::listing::{self, Encoding, Listing};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// Lists objects.
#[derive(Debug)]
pub enum ListObjectsV2 {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    bucket: Bucket,
    expected_owner: Option<AccountId>,
    members: Members,
    encoding: Encoding,
    limit: usize,
    after: Option<String>,
    sent: listing::Sent,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    prefix: Option<String>,
    delimiter: Option<String>,
    max_keys: Option<i64>,
    encoding_type: Option<String>,
    continuation_token: Option<String>,
    start_after: Option<String>,
    fetch_owner: Option<bool>,
    optional_object_attributes: Vec<String>,
}

impl Operation for ListObjectsV2 {
    const NAME: &'static str = "ListObjectsV2";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = Ask<s3::ListBucket>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let ask = Ask::on(input.bucket.clone()).expecting_owner(input.expected_owner);
        Ok(input.sent.onto(ask))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let Input {
            bucket,
            members,
            encoding,
            limit,
            after,
            ..
        } = call.input;
        let page = stores
            .vault
            .list_objects(
                &call.permits,
                Query {
                    prefix: members.prefix.clone().unwrap_or_default(),
                    delimiter: members.delimiter.clone(),
                    after,
                    limit,
                },
            )
            .await?;
        let text = |text: &str| Value::from(encoding.text(text));
        let mut output = Map::new();
        output.insert("Name".to_owned(), bucket.name.to_string().into());
        output.insert(
            "Prefix".to_owned(),
            text(members.prefix.as_deref().unwrap_or("")),
        );
        let owners = members.fetch_owner.unwrap_or(false);
        let listed = Listing::of(&page, encoding, owners);
        output.insert("KeyCount".to_owned(), listed.count.into());
        output.insert("MaxKeys".to_owned(), limit.into());
        output.insert("IsTruncated".to_owned(), page.next.is_some().into());
        output.insert("CommonPrefixes".to_owned(), listed.common_prefixes.clone());
        let optional = [
            (
                "Delimiter",
                listing::shown(members.delimiter.as_deref()).map(text),
            ),
            ("StartAfter", members.start_after.as_deref().map(text)),
            (
                "ContinuationToken",
                members.continuation_token.clone().map(Value::from),
            ),
            (
                "NextContinuationToken",
                page.next.as_deref().map(|next| listing::token(next).into()),
            ),
            ("EncodingType", members.encoding_type.map(|_| json!("url"))),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                output.insert(name.to_owned(), value);
            }
        }
        Ok(listed.respond(Self::NAME, &output))
    }
}

impl S3Operation for ListObjectsV2 {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let sent = listing::Sent::read(&request);
        let members: Members = request.take_input()?;
        listing::check_attributes(&members.optional_object_attributes)?;
        let after = match &members.continuation_token {
            Some(token) => Some(listing::after_of(token)?),
            None => listing::after(
                members.start_after.as_deref(),
                members.prefix.as_deref(),
                members.delimiter.as_deref(),
            ),
        };
        Ok(Input {
            bucket: Bucket::existing(request.bucket()?),
            expected_owner: request.expected_owner()?,
            encoding: Encoding::read(members.encoding_type.as_deref())?,
            limit: listing::limit(members.max_keys, "max-keys")?,
            after: after.filter(|after| !after.is_empty()),
            members,
            sent,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    use crate::testing::{World, root, user};

    /// Keys and common prefixes as AWS lists them, in one row.
    fn model(keys: &BTreeSet<String>, prefix: &str, delimiter: &str, after: &str) -> Vec<String> {
        let mut row: Vec<String> = Vec::new();
        for key in keys.iter().filter(|key| key.starts_with(prefix)) {
            let rest = &key[prefix.len()..];
            let shown = match rest.find(delimiter) {
                Some(at) if !delimiter.is_empty() => {
                    format!("{prefix}{}", &rest[..at + delimiter.len()])
                }
                _ => key.clone(),
            };
            // Keys are compared; a common prefix is passed when the page before ended with it.
            let passed = key.as_str() <= after || (shown != *key && shown == after);
            if !passed && row.last() != Some(&shown) {
                row.push(shown);
            }
        }
        row
    }

    #[test]
    fn pages_together_are_the_model() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let owner = root("111122223333");
        let mut runner = TestRunner::new(Config::with_cases(24));
        let keys = prop::collection::btree_set("[ab/é]{1,5}", 0..14);
        let strategy = (keys, "[ab/]{0,2}", "(/|a|b/|)", 1usize..5, "[ab/]{0,2}");
        runner
            .run(&strategy, |(keys, prefix, delimiter, limit, after)| {
                runtime.block_on(async {
                    let world = World::with_bucket().await;
                    for key in &keys {
                        let encoded = crate::listing::Encoding::Url.text(key).into_owned();
                        world.send(&owner, &format!("PUT /logs/{encoded}")).await.ok();
                    }
                    let (mut row, mut token) = (Vec::new(), None);
                    loop {
                        let mut line = format!(
                            "GET /logs?list-type=2&prefix={prefix}&delimiter={delimiter}&max-keys={limit}&start-after={after}"
                        );
                        if let Some(token) = &token {
                            line.push_str(&format!("&continuation-token={token}"));
                        }
                        let page = world.send(&owner, &line).await.ok();
                        let mut here = page.elements("Key");
                        let text = page.text();
                        for block in text.split("<CommonPrefixes>").skip(1) {
                            let prefix = block.split("<Prefix>").nth(1).unwrap();
                            here.push(prefix.split("</Prefix>").next().unwrap().to_owned());
                        }
                        prop_assert!(here.len() <= limit);
                        prop_assert_eq!(page.element("KeyCount"), here.len().to_string());
                        here.sort();
                        row.extend(here);
                        if page.element("IsTruncated") != "true" {
                            break;
                        }
                        token = Some(page.element("NextContinuationToken"));
                    }
                    let wanted = model(&keys, &prefix, &delimiter, &after);
                    prop_assert_eq!(row, wanted, "{:?} {} {} {}", keys, prefix, delimiter, after);
                    Ok(())
                })
            })
            .unwrap();
    }

    #[tokio::test]
    async fn conditions_see_the_parameters_as_sent() {
        let world = World::with_bucket().await;
        let statement = r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*",
            "Condition":{"StringEquals":{"s3:prefix":["","home/"],"s3:delimiter":"/"},"NumericLessThanEquals":{"s3:max-keys":"10"}}}"#;
        let ann = user("111122223333", "ann", statement);
        let told = |query: &'static str| {
            let (world, ann) = (&world, &ann);
            async move {
                world
                    .send(ann, &format!("GET /logs?list-type=2{query}"))
                    .await
                    .told()
            }
        };
        assert_eq!(
            told("&prefix=home/&delimiter=/&max-keys=10").await,
            "200 ok"
        );
        assert_eq!(told("&prefix=&delimiter=/&max-keys=10").await, "200 ok");
        for refused in [
            "&delimiter=/&max-keys=10",
            "&prefix=home/&max-keys=10",
            "&prefix=home/&delimiter=/",
            "&prefix=home/&delimiter=/&max-keys=11",
            "&prefix=other/&delimiter=/&max-keys=10",
        ] {
            assert!(told(refused).await.starts_with("403"), "{refused}");
        }
    }

    #[tokio::test]
    async fn pages_are_described_as_aws_does() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        world.send(&owner, "PUT /logs/a%20b").await.ok();
        let page = world
            .send(
                &owner,
                "GET /logs?list-type=2&encoding-type=url&fetch-owner=true",
            )
            .await
            .ok();
        assert_eq!(page.element("Key"), "a+b");
        assert_eq!(page.element("ID").len(), 64);
        assert_eq!(page.element("ChecksumAlgorithm"), "CRC64NVME");
        let none = world
            .send(&owner, "GET /logs?list-type=2&max-keys=0")
            .await
            .ok();
        assert_eq!(none.element("KeyCount"), "0");
        assert_eq!(none.element("IsTruncated"), "false");
        for (query, wanted) in [
            (
                "encoding-type=value",
                "400 InvalidArgument: Invalid Encoding Method specified in Request ArgumentName=encoding-type ArgumentValue=value",
            ),
            (
                "continuation-token=x",
                "400 InvalidArgument: The continuation token provided is incorrect ArgumentName=continuation-token",
            ),
        ] {
            let line = format!("GET /logs?list-type=2&{query}");
            assert_eq!(world.send(&owner, &line).await.told(), wanted);
        }
    }
}
