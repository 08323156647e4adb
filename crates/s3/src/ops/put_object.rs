//! PutObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
use catalog::{AccountId, Object, s3};
use gate::{Ask, Authorized, Identity, Operation};

use crate::checksum::{self, Declared};
use crate::conditions::{AnyEtag, WriteCondition};
use crate::upload::Upload;
use crate::{Body, Request, Response, S3Error, S3Operation, Stores, reading, receiving};

/// Stores an object.
#[derive(Debug)]
pub enum PutObject {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    object: Object,
    expected_owner: Option<AccountId>,
    upload: Upload,
    condition: WriteCondition,
    declared: Declared,
    length: u64,
    body: Body,
}

impl Operation for PutObject {
    const NAME: &'static str = "PutObject";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = (
        Ask<s3::PutObject>,
        Option<Ask<s3::PutObjectAcl>>,
        Option<Ask<s3::PutObjectTagging>>,
    );
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let put = Ask::on(input.object.clone())
            .expecting_owner(input.expected_owner)
            .with("s3:ObjectCreationOperation", "true")
            .with_some("s3:if-match", input.condition.if_match.as_deref())
            .with_some("s3:if-none-match", input.condition.if_none_match.as_deref());
        Ok((
            input.upload.onto(put),
            input.upload.acl_ask(Ask::on(input.object.clone())),
            input.upload.tagging_ask(Ask::on(input.object.clone())),
        ))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let (permit, _acl, _tagging) = call.permits;
        let input = call.input;
        let bucket = permit.bucket().ok_or(S3Error::NothingJudged)?.clone();
        let new = input
            .upload
            .new_object(&bucket, &permit.identity().caller, &stores.vault)
            .await?;
        let algorithm = input.declared.algorithm().unwrap_or(checksum::DEFAULT);
        let mut writer = stores
            .vault
            .write_object(&permit, algorithm, Some(input.length))
            .await?;
        let trailers = receiving::receive(input.body, input.length, &mut writer).await?;
        let written = writer.finish().await?;
        input.declared.verify(written.digests(), &trailers)?;
        let stored = written
            .commit(new, input.condition.condition.clone(), permit.request().now)
            .await
            .map_err(|error| input.condition.explain(error, &input.object.key))?;
        let mut response = Response::empty(200);
        response.set("etag", &format!("\"{}\"", stored.etag));
        response.set("x-amz-server-side-encryption", "AES256");
        reading::put_checksum(&mut response, &stored);
        Ok(response)
    }
}

impl S3Operation for PutObject {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let declared = Declared::read(&request.headers)?;
        let _: checksum::Members = request.take()?;
        let _: ContentLength = request.take()?;
        let input = Input {
            object: request.object()?,
            expected_owner: request.expected_owner()?,
            upload: Upload::take(&mut request)?,
            condition: WriteCondition::take(&mut request, AnyEtag::NotImplemented)?,
            declared,
            length: receiving::declared_length(&request)?,
            body: std::mem::take(&mut request.body),
        };
        request.nothing_left()?;
        Ok(input)
    }

    fn respond(output: Response) -> Response {
        output
    }
}

/// Read from the headers, since chunked uploads declare it elsewhere.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct ContentLength {
    #[serde(rename = "ContentLength")]
    _length: serde::de::IgnoredAny,
}
