//! UploadPartCopy: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html>
use std::ops::Range;

use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation, Probe};
use serde::Deserialize;
use serde_json::{Map, json};
use vault::CustomerKey;

use crate::checksum;
use crate::conditions::SourceConditions;
use crate::copying::{self, Source};
use crate::customer_key::{self, Use};
use crate::multipart::{self, Target, UploadMembers};
use crate::reading::{self, ReadAsk};
use crate::receiving::BYTES_MAX;
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// Stores a part of an upload that is copied from an object.
#[derive(Debug)]
pub enum UploadPartCopy {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    target: Target,
    part_number: u32,
    source: Source,
    conditions: SourceConditions,
    // First and last byte.
    range: Option<(u64, u64, String)>,
    customer: Option<CustomerKey>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    copy_source_range: Option<String>,
}

const RANGE: &str = "x-amz-copy-source-range";

impl Operation for UploadPartCopy {
    const NAME: &'static str = "UploadPartCopy";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = (Ask<s3::PutObject>, (ReadAsk, Probe<s3::ListBucket>));
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, S3Error> {
        copying::refuse_anonymous(who)?;
        let put = customer_key::onto(input.customer.as_ref(), input.target.ask());
        let source = &input.source;
        Ok((
            put.with("s3:ObjectCreationOperation", "false")
                .with("s3:x-amz-copy-source", source.text.as_str()),
            (
                reading::read_ask(&source.object, source.expected_owner),
                reading::list_probe(&source.object),
            ),
        ))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let (permit, (read, list)) = call.permits;
        let input = call.input;
        let target = &input.target;
        let now = permit.request().now;
        customer_key::admit(
            &stores.vault,
            &permit,
            input.customer.as_ref(),
            "s3:PutObject",
        )?;
        let upload = stores.vault.upload_info(&permit).await;
        let upload = upload.map_err(|error| target.explain(error))?;
        let customer = input.customer.as_ref();
        let checked = stores.vault.check_upload_key(&permit, customer).await;
        checked.map_err(|error| target.explain(error))?;
        let key = input.source.customer.as_ref();
        let reader = reading::open(&stores.vault, &read, list, key).await?;
        let source = reader.object();
        input.conditions.check(source, now)?;
        let range = copied_range(input.range, source.bytes)?;
        if range.end - range.start > BYTES_MAX {
            return Err(S3Error::EntityTooLarge {
                size: (range.end - range.start).to_string(),
                max: BYTES_MAX.to_string(),
            });
        }
        let algorithm = upload
            .checksum
            .map_or(checksum::DEFAULT, |checksum| checksum.algorithm);
        let number = input.part_number;
        let shared = match range == (0..source.bytes) {
            true => stores
                .vault
                .share_part(&permit, number, algorithm, &reader)
                .await
                .map_err(|error| target.explain(error))?,
            false => None,
        };
        let committed = match shared {
            Some(shared) => shared.commit(now).await,
            None => {
                let length = range.end - range.start;
                let mut writer = stores
                    .vault
                    .write_part(&permit, number, algorithm, None, Some(length), customer)
                    .await
                    .map_err(|error| target.explain(error))?;
                copying::copy(&reader, range, &mut writer).await?;
                writer.finish().await?.commit(now).await
            }
        };
        let (etag, digest) = committed.map_err(|error| target.explain(error))?;
        let mut result = Map::new();
        result.insert("ETag".to_owned(), format!("\"{etag}\"").into());
        result.insert("LastModified".to_owned(), now.to_string().into());
        if let Some(digest) = digest {
            let member = checksum::member(digest.algorithm());
            result.insert(member.to_owned(), digest.base64().into());
        }
        let mut output = json!({
            "CopyPartResult": result,
            "CopySourceVersionId": reader.object().version,
        });
        customer_key::show(&mut output, customer);
        Ok(Response::encode(Self::NAME, &output))
    }
}

/// `bytes=first-last`, and nothing else.
fn read_range(text: &str) -> Result<(u64, u64, String), S3Error> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    text.strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
        .and_then(|(first, last)| Some((number(first)?, number(last)?)))
        .filter(|(first, last)| first <= last)
        .map(|(first, last)| (first, last, text.to_owned()))
        .ok_or_else(|| {
            S3Error::invalid_argument(
                "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
                RANGE,
                text,
            )
        })
}

fn copied_range(range: Option<(u64, u64, String)>, size: u64) -> Result<Range<u64>, S3Error> {
    match range {
        None => Ok(0..size),
        Some((first, _, _)) if first >= size => Err(S3Error::invalid_request(
            "The specified copy range is invalid for the source object size",
        )),
        Some((_, last, text)) if last >= size => Err(S3Error::invalid_argument(
            format!("Range specified is not valid for source object of size: {size}"),
            RANGE,
            text,
        )),
        Some((first, last, _)) => Ok(first..last + 1),
    }
}

impl S3Operation for UploadPartCopy {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let source = Source::take(&mut request)?;
        let _: UploadMembers = request.take()?;
        let conditions = request.take()?;
        let customer: customer_key::Members = request.take()?;
        let members: Members = request.take_input()?;
        Ok(Input {
            customer: customer.key(Use::Write, None)?,
            target: Target::read(&request)?,
            part_number: multipart::part_number(&request)?,
            source,
            conditions,
            range: members
                .copy_source_range
                .as_deref()
                .map(read_range)
                .transpose()?,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, anonymous, root, user};

    #[tokio::test]
    async fn a_part_is_copied_from_a_range() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        world
            .send_with(&owner, "PUT /logs/source", &[], "0123456789")
            .await
            .ok();
        let upload = world
            .send(&owner, "POST /logs/k?uploads")
            .await
            .ok()
            .element("UploadId");
        let line = format!("PUT /logs/k?partNumber=1&uploadId={upload}");
        let from = [("x-amz-copy-source", "logs/source"), (RANGE, "bytes=2-5")];
        let copied = world.send_with(&owner, &line, &from, "").await.ok();
        let etag = copied.element("ETag").replace("&quot;", "");
        let complete = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
        );
        let done = format!("POST /logs/k?uploadId={upload}");
        world.send_with(&owner, &done, &[], complete).await.ok();
        assert_eq!(world.send(&owner, "GET /logs/k").await.ok().text(), "2345");
        // Writing is not enough.
        let put = r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}"#;
        let ann = user("111122223333", "ann", put);
        let error = world.send_with(&ann, &line, &from, "").await.error();
        assert!(
            error.message.contains("s3:GetObject on resource"),
            "{}",
            error.message
        );
    }

    #[tokio::test]
    async fn anonymous_callers_copy_no_part() {
        let world = World::with_bucket().await;
        let from = [("x-amz-copy-source", "logs/source")];
        let line = "PUT /logs/k?partNumber=1&uploadId=u";
        assert_eq!(
            world.send_with(&anonymous(), line, &from, "").await.told(),
            "403 AccessDenied: Anonymous users cannot copy objects. Please authenticate."
        );
    }

    #[test]
    fn ranges_must_lie_within_the_source() {
        let told =
            |text: &str| match read_range(text).and_then(|range| copied_range(Some(range), 10)) {
                Ok(range) => format!("{range:?}"),
                Err(error) => format!("{}: {error}", error.code()),
            };
        assert_eq!(told("bytes=0-8"), "0..9");
        assert_eq!(
            told("bytes=0-100"),
            "InvalidArgument: Range specified is not valid for source object of size: 10"
        );
        assert_eq!(
            told("bytes=100-200"),
            "InvalidRequest: The specified copy range is invalid for the source object size"
        );
        for text in ["0-8", "bytes=0-", "bytes=-8", "bytes=8-1", "bytes=a-b"] {
            assert!(
                told(text).starts_with("InvalidArgument: The x-amz-copy-source-range value must")
            );
        }
    }
}
