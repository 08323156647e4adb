//! CreateMultipartUpload: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html>
use catalog::{AccountId, Object, s3};
use gate::{Ask, Authorized, Identity, Operation};
use policy::CallerKind;
use serde::Deserialize;
use serde_json::json;
use vault::UploadChecksum;

use crate::upload::Upload;
use crate::{Request, Response, S3Error, S3Operation, Stores, multipart};

/// Begins a multipart upload.
#[derive(Debug)]
pub enum CreateMultipartUpload {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    object: Object,
    expected_owner: Option<AccountId>,
    upload: Upload,
    checksum: Option<UploadChecksum>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    checksum_algorithm: Option<String>,
    checksum_type: Option<String>,
}

impl Operation for CreateMultipartUpload {
    const NAME: &'static str = "CreateMultipartUpload";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = (
        Ask<s3::PutObject>,
        Option<Ask<s3::PutObjectAcl>>,
        Option<Ask<s3::PutObjectTagging>>,
    );
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, S3Error> {
        if who.caller.kind == CallerKind::Anonymous {
            return Err(S3Error::access_denied(
                "Anonymous users cannot initiate multipart uploads. Please authenticate.",
            ));
        }
        let put = Ask::on(input.object.clone())
            .expecting_owner(input.expected_owner)
            .with("s3:ObjectCreationOperation", "false");
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
        let caller = &permit.identity().caller;
        let new = input
            .upload
            .new_object(&bucket, caller, &stores.vault)
            .await?;
        let initiator = multipart::initiator(caller);
        let upload = stores
            .vault
            .create_upload(&permit, new, input.checksum, initiator)
            .await?;
        let checksum = input.checksum;
        Ok(Response::encode(
            Self::NAME,
            &json!({
                "Bucket": input.object.bucket.to_string(),
                "Key": input.object.key.to_string(),
                "UploadId": upload,
                "ServerSideEncryption": "AES256",
                "ChecksumAlgorithm": checksum.map(|checksum| checksum.algorithm.name()),
                "ChecksumType": checksum.map(|checksum| checksum.kind.name()),
            }),
        ))
    }
}

impl S3Operation for CreateMultipartUpload {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let upload = Upload::take(&mut request)?;
        let members: Members = request.take_input()?;
        Ok(Input {
            object: request.object()?,
            expected_owner: request.expected_owner()?,
            upload,
            checksum: multipart::checksum(
                members.checksum_algorithm.as_deref(),
                members.checksum_type.as_deref(),
            )?,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}
