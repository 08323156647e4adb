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
        output.insert("Contents".to_owned(), listed.contents);
        output.insert("CommonPrefixes".to_owned(), listed.common_prefixes);
        let optional = [
            ("Delimiter", members.delimiter.as_deref().map(text)),
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
        Ok(Response::encode(Self::NAME, &output))
    }
}

impl S3Operation for ListObjectsV2 {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let sent = listing::Sent::read(&request);
        let members: Members = request.take_input()?;
        let after = match &members.continuation_token {
            Some(token) => Some(listing::after_of(token)?),
            None => members.start_after.clone(),
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
