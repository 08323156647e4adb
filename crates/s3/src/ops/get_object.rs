//! GetObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
use std::ops::Range;

use catalog::{AccountId, Object, s3};
use futures_util::StreamExt as _;
use gate::{Authorized, Identity, Operation, Probe};
use policy::CallerKind;
use serde::Deserialize;
use vault::{CustomerKey, ObjectReader, StoredObject};

use crate::conditions::ReadConditions;
use crate::customer_key::{self, Use};
use crate::reading::{self, ReadAsk, TagsProbe};
use crate::{Request, Response, ResponseBody, S3Error, S3Operation, Stores, lifecycle};

/// Reads an object.
#[derive(Debug)]
pub enum GetObject {}

/// What the request carries; that of HeadObject is the same.
#[derive(Debug)]
pub struct Input {
    pub(super) object: Object,
    pub(super) expected_owner: Option<AccountId>,
    pub(super) conditions: ReadConditions,
    pub(super) range: Option<String>,
    pub(super) part_number: Option<i64>,
    pub(super) with_checksum: bool,
    pub(super) customer: Option<CustomerKey>,
    pub(super) overrides: Vec<(&'static str, Option<String>)>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    #[serde(rename = "VersionId")]
    _version: serde::de::IgnoredAny,
    range: Option<String>,
    part_number: Option<i64>,
    checksum_mode: Option<String>,
    response_cache_control: Option<String>,
    response_content_disposition: Option<String>,
    response_content_encoding: Option<String>,
    response_content_language: Option<String>,
    response_content_type: Option<String>,
    #[serde(rename = "ResponseExpires")]
    _response_expires: serde::de::IgnoredAny,
}

impl Input {
    pub(super) fn read(mut request: Request) -> Result<Input, S3Error> {
        let object = reading::versioned_object(&request)?;
        let conditions = request.take()?;
        let customer: customer_key::Members = request.take()?;
        let members: Members = request.take_input()?;
        if members.range.is_some() && members.part_number.is_some() {
            return Err(S3Error::invalid_request(
                "Cannot specify both Range header and partNumber query parameter",
            ));
        }
        Ok(Input {
            object,
            expected_owner: request.expected_owner()?,
            conditions,
            customer: customer.key(Use::Read, None)?,
            range: members.range,
            part_number: members.part_number,
            with_checksum: members
                .checksum_mode
                .is_some_and(|mode| mode.eq_ignore_ascii_case("ENABLED")),
            overrides: vec![
                ("cache-control", members.response_cache_control),
                ("content-disposition", members.response_content_disposition),
                ("content-encoding", members.response_content_encoding),
                ("content-language", members.response_content_language),
                ("content-type", members.response_content_type),
                // Any text may be sent.
                (
                    "expires",
                    request.parameter("response-expires").map(str::to_owned),
                ),
            ],
        })
    }

    pub(super) fn asks(
        &self,
        who: &Identity,
    ) -> Result<(ReadAsk, Probe<s3::ListBucket>, TagsProbe), S3Error> {
        let anonymous = who.caller.kind == CallerKind::Anonymous;
        reading::refuse_anonymous_overrides(&self.overrides, anonymous)?;
        Ok((
            reading::read_ask(&self.object, self.expected_owner),
            reading::list_probe(&self.object),
            reading::tags_probe(&self.object),
        ))
    }
}

/// An object that is about to be sent: which bytes of it, and with which headers.
pub(super) struct Prepared {
    pub(super) reader: ObjectReader,
    pub(super) range: Range<u64>,
    pub(super) response: Response,
}

/// Everything but the body, in AWS's order: existence, conditions, range.
pub(super) async fn prepare<Op>(call: Authorized<Op>, stores: &Stores) -> Result<Prepared, S3Error>
where
    Op: Operation<Input = Input, Asks = (ReadAsk, Probe<s3::ListBucket>, TagsProbe)>,
{
    let (permit, list, tags) = call.permits;
    let input = call.input;
    let reader = reading::open(&stores.vault, &permit, list, input.customer.as_ref()).await?;
    let object = reader.object();
    let now = match &permit {
        gate::Either::Left(permit) => permit.request().now,
        gate::Either::Right(permit) => permit.request().now,
    };
    input.conditions.check(object, now)?;
    let mut response = Response::empty(200);
    let range = match (input.part_number, &input.range) {
        (Some(number), _) => Some(reading::part_range(object, number)?),
        (None, Some(text)) => reading::byte_range(text, object.bytes)?,
        (None, None) => None,
    };
    reading::put_headers(&mut response, object);
    customer_key::put_headers(&mut response, input.customer.as_ref());
    // Of a version that is named nothing is told.
    if let gate::Either::Left(permit) = &permit {
        lifecycle::put_expiration_of(&mut response, &stores.vault, permit, object);
    }
    if input.part_number.is_some() && object.is_multipart {
        response.set("x-amz-mp-parts-count", &object.parts.len().to_string());
    }
    if let Some(range) = &range
        && range.end > range.start
    {
        response.status = 206;
        let (first, last) = (range.start, range.end - 1);
        response.set(
            "content-range",
            &format!("bytes {first}-{last}/{}", object.bytes),
        );
    }
    let range = range.unwrap_or(0..object.bytes);
    if input.with_checksum {
        put_checksum(&mut response, object, &range, input.part_number);
    }
    response.set("content-length", &(range.end - range.start).to_string());
    if !object.tags.is_empty() && reading::may_read_tags(tags).await {
        response.set("x-amz-tagging-count", &object.tags.len().to_string());
    }
    for (name, value) in &input.overrides {
        response.set_some(name, value.as_deref());
    }
    Ok(Prepared {
        reader,
        range,
        response,
    })
}

/// A checksum is that of the bytes that are sent: the whole object's, or the part's.
fn put_checksum(
    response: &mut Response,
    object: &StoredObject,
    range: &Range<u64>,
    part_number: Option<i64>,
) {
    let part = part_number.and_then(|number| {
        let mut parts = object.parts.iter();
        parts.find(|part| i64::from(part.number) == number)
    });
    match part.and_then(|part| part.checksum) {
        Some(digest) => {
            response.set(
                crate::checksum::header(digest.algorithm()),
                &digest.base64(),
            );
            if let Some(checksum) = &object.checksum {
                response.set("x-amz-checksum-type", checksum.kind.name());
            }
        }
        None if *range == (0..object.bytes) => reading::put_checksum(response, object),
        None => {}
    }
}

impl Operation for GetObject {
    const NAME: &'static str = "GetObject";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = (ReadAsk, Probe<s3::ListBucket>, TagsProbe);
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, S3Error> {
        input.asks(who)
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let Prepared {
            reader,
            range,
            mut response,
        } = prepare(call, stores).await?;
        let body = reader.read(range).await?;
        response.body =
            ResponseBody::Stream(Box::pin(body.map(|bytes| bytes.map_err(S3Error::from))));
        Ok(response)
    }
}

impl S3Operation for GetObject {
    fn input(request: Request) -> Result<Input, S3Error> {
        Input::read(request)
    }

    fn respond(output: Response) -> Response {
        output
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    use crate::testing::{World, anonymous, root, user};

    #[tokio::test]
    async fn a_missing_key_is_revealed_only_to_those_who_may_list() {
        let world = World::with_bucket().await;
        let get = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#;
        let list = r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}"#;
        let told = |who| {
            let world = &world;
            async move { world.send(&who, "GET /logs/absent").await.told() }
        };
        let only_get = user("111122223333", "ann", get);
        assert_eq!(
            told(only_get).await,
            "403 AccessDenied: User: arn:aws:iam::111122223333:user/ann is not authorized to perform: s3:ListBucket on resource: \"arn:aws:s3:::logs\" because no identity-based policy allows the s3:ListBucket action"
        );
        let both = user("111122223333", "ann", &format!("{get},{list}"));
        assert_eq!(
            told(both).await,
            "404 NoSuchKey: The specified key does not exist. Key=absent"
        );
        let only_list = user("111122223333", "ann", list);
        assert!(told(only_list).await.contains("s3:GetObject on resource"));
        assert_eq!(told(anonymous()).await, "403 AccessDenied: Access Denied");
    }

    #[tokio::test]
    async fn conditions_are_weighed_in_order() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        world
            .send_with(&owner, "PUT /logs/k", &[], "hello")
            .await
            .ok();
        let etag = "\"5d41402abc4b2a76b9719d911017c592\"";
        let (past, future) = (
            "Tue, 01 Jan 2019 00:00:00 GMT",
            "Tue, 01 Jan 2199 00:00:00 GMT",
        );
        for (headers, wanted) in [
            (vec![("if-match", etag)], "200 ok"),
            (vec![("if-match", "\"x\"")], "412 If-Match"),
            (
                vec![("if-unmodified-since", past)],
                "412 If-Unmodified-Since",
            ),
            (vec![("if-unmodified-since", future)], "200 ok"),
            (
                vec![("if-match", etag), ("if-unmodified-since", past)],
                "200 ok",
            ),
            (vec![("if-none-match", etag)], "304"),
            (vec![("if-none-match", "\"x\"")], "200 ok"),
            (vec![("if-modified-since", past)], "200 ok"),
            (vec![("if-modified-since", future)], "200 ok"),
            (
                vec![("if-none-match", "\"x\""), ("if-modified-since", past)],
                "200 ok",
            ),
            (
                vec![("if-match", "\"x\""), ("if-none-match", etag)],
                "412 If-Match",
            ),
        ] {
            let got = world.send_with(&owner, "GET /logs/k", &headers, "").await;
            let told = match got.0 {
                Ok(answer) => format!("{} ok", answer.status),
                Err(error) if error.status == 304 => {
                    assert!(
                        error
                            .headers
                            .contains(&("etag".to_owned(), etag.to_owned()))
                    );
                    "304".to_owned()
                }
                Err(error) => format!("{} {}", error.status, error.fields[0].1),
            };
            assert_eq!(told, wanted, "{headers:?}");
        }
    }

    #[tokio::test]
    async fn answers_may_be_dressed_by_those_who_sign() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        world
            .send_with(&owner, "PUT /logs/k", &[], "hello")
            .await
            .ok();
        let line = "GET /logs/k?response-content-type=text/html&response-expires=soon&response-cache-control=no-cache";
        let got = world.send(&owner, line).await.ok();
        assert_eq!(got.header("content-type"), "text/html");
        assert_eq!(got.header("expires"), "soon");
        assert_eq!(got.header("cache-control"), "no-cache");
        assert_eq!(
            world.send(&anonymous(), line).await.told(),
            "400 InvalidRequest: Request specific response headers cannot be used for anonymous GET requests."
        );
    }

    #[tokio::test]
    async fn the_one_version_is_null() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        world
            .send_with(&owner, "PUT /logs/k", &[], "hello")
            .await
            .ok();
        let got = world.send(&owner, "GET /logs/k?versionId=null").await.ok();
        assert_eq!(got.text(), "hello");
        assert_eq!(
            world.send(&owner, "GET /logs/k?versionId=bad").await.told(),
            "400 InvalidArgument: Invalid version id specified ArgumentName=versionId ArgumentValue=bad"
        );
        let unknown = "0123456789abcdef0123456789abcdef";
        let told = world
            .send(&owner, &format!("GET /logs/k?versionId={unknown}"))
            .await
            .told();
        assert_eq!(
            told,
            format!(
                "400 InvalidArgument: Invalid version id specified ArgumentName=versionId ArgumentValue={unknown}"
            )
        );
        // Another action.
        let get = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#;
        let ann = user("111122223333", "ann", get);
        assert_eq!(world.send(&ann, "GET /logs/k").await.told(), "200 ok");
        let error = world.send(&ann, "GET /logs/k?versionId=null").await.error();
        assert!(
            error.message.contains("s3:GetObjectVersion"),
            "{}",
            error.message
        );
    }

    #[test]
    fn any_range_of_any_object_is_the_slice() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let world = runtime.block_on(World::with_bucket());
        let owner = root("111122223333");
        let mut runner = TestRunner::new(Config::with_cases(48));
        let sizes = prop_oneof![0usize..4, 65_530usize..65_542, 0usize..300_000];
        let ends = (0usize..300_000, 0usize..300_000);
        runner
            .run(&(sizes, ends, any::<u8>()), |(size, (a, b), seed)| {
                let body: Vec<u8> = (0..size)
                    .map(|n| (n as u8).wrapping_mul(seed | 1))
                    .collect();
                let (first, last) = (a.min(b), a.max(b));
                runtime.block_on(async {
                    world
                        .send_with(&owner, "PUT /logs/k", &[], body.clone())
                        .await
                        .ok();
                    let range = format!("bytes={first}-{last}");
                    let headers = [("range", range.as_str())];
                    let got = world.send_with(&owner, "GET /logs/k", &headers, "").await;
                    if first >= size {
                        prop_assert_eq!(got.error().code, "InvalidRange");
                    } else {
                        let end = (last + 1).min(size);
                        let got = got.ok();
                        prop_assert_eq!(
                            got.header("content-range"),
                            format!("bytes {first}-{}/{size}", end - 1)
                        );
                        prop_assert!(got.body == body[first..end]);
                    }
                    Ok(())
                })
            })
            .unwrap();
    }
}
