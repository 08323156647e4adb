//! GetObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
use std::ops::Range;

use catalog::{AccountId, Object, s3};
use futures_util::StreamExt as _;
use gate::{Authorized, Identity, Operation, Probe};
use policy::CallerKind;
use serde::Deserialize;
use vault::{ObjectReader, StoredObject};

use crate::conditions::ReadConditions;
use crate::reading::{self, ReadAsk, TagsProbe, VersionId};
use crate::{Request, Response, ResponseBody, S3Error, S3Operation, Stores};

/// Reads an object.
#[derive(Debug)]
pub enum GetObject {}

/// What the request carries; that of HeadObject is the same.
#[derive(Debug)]
pub struct Input {
    pub(super) object: Object,
    pub(super) version: VersionId,
    pub(super) expected_owner: Option<AccountId>,
    pub(super) conditions: ReadConditions,
    pub(super) range: Option<String>,
    pub(super) part_number: Option<i64>,
    pub(super) with_checksum: bool,
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
        let (object, version) = reading::object_and_version(&request)?;
        let conditions = request.take()?;
        let members: Members = request.take_input()?;
        if members.range.is_some() && members.part_number.is_some() {
            return Err(S3Error::invalid_request(
                "Cannot specify both Range header and partNumber query parameter",
            ));
        }
        Ok(Input {
            object,
            version,
            expected_owner: request.expected_owner()?,
            conditions,
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
    let reader = reading::open(&stores.vault, &permit, &input.version, list).await?;
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
    if input.version != VersionId::Current {
        response.set("x-amz-version-id", "null");
    }
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
