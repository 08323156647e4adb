//! CreateMultipartUpload: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html>
use catalog::{AccountId, Object, s3};
use gate::{Ask, Authorized, Identity, Operation};
use policy::CallerKind;
use serde::Deserialize;
use serde_json::json;
use vault::UploadChecksum;

use crate::upload::Upload;
use crate::{Request, Response, S3Error, S3Operation, Stores, customer_key, lifecycle, multipart};

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
        let customer = input.upload.customer.clone();
        customer_key::admit(&stores.vault, &permit, customer.as_ref(), "s3:PutObject")?;
        let encryption = input.upload.encryption.clone();
        let new = input
            .upload
            .new_object(&bucket, caller, &stores.vault)
            .await?;
        let initiator = multipart::initiator(caller);
        let upload = stores
            .vault
            .create_upload(
                &permit,
                new,
                input.checksum,
                encryption,
                initiator,
                customer.as_ref(),
            )
            .await?;
        let checksum = input.checksum;
        let mut output = json!({
            "Bucket": input.object.bucket.to_string(),
            "Key": input.object.key.to_string(),
            "UploadId": upload,
            "ChecksumAlgorithm": checksum.map(|checksum| checksum.algorithm.name()),
            "ChecksumType": checksum.map(|checksum| checksum.kind.name()),
        });
        customer_key::show(&mut output, customer.as_ref());
        let mut response = Response::encode(Self::NAME, &output);
        let initiated = permit.request().now;
        lifecycle::put_abort(&mut response, &stores.vault, &permit, initiated);
        Ok(response)
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

#[cfg(test)]
mod tests {
    use crate::testing::{World, anonymous, root};

    #[tokio::test]
    async fn parts_are_judged_with_the_encryption_of_their_upload() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*",
            "Action":"s3:PutObject","Resource":"arn:aws:s3:::logs/*",
            "Condition":{"Null":{"s3:x-amz-server-side-encryption":"true"}}}]}"#;
        let create = "POST /logs/k?uploads";
        let plain = world.send(&owner, create).await.ok().element("UploadId");
        world
            .send_with(&owner, "PUT /logs?policy", &[], policy)
            .await
            .ok();
        assert_eq!(
            world.send(&owner, create).await.error().code,
            "AccessDenied"
        );
        let asked = [("x-amz-server-side-encryption", "AES256")];
        let created = world.send_with(&owner, create, &asked, "").await.ok();
        let upload = created.element("UploadId");
        let part = |upload: &str| format!("PUT /logs/k?partNumber=1&uploadId={upload}");
        assert_eq!(
            world
                .send_with(&owner, &part(&upload), &[], "x")
                .await
                .told(),
            "200 ok"
        );
        let refused = world.send_with(&owner, &part(&plain), &[], "x").await;
        assert_eq!(refused.error().code, "AccessDenied");
    }

    #[tokio::test]
    async fn anonymous_callers_begin_no_upload() {
        let world = World::with_bucket().await;
        assert_eq!(
            world
                .send(&anonymous(), "POST /logs/k?uploads")
                .await
                .told(),
            "403 AccessDenied: Anonymous users cannot initiate multipart uploads. Please authenticate."
        );
    }
}
