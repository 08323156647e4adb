//! ListMultipartUploads: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
use catalog::{AccountId, Bucket, s3};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;
use serde_json::{Value, json};
use vault::{ListUploads, VaultError};

use crate::listing::{self, Encoding};
use crate::{Request, Response, S3Error, S3Operation, Stores, multipart};

/// Lists the uploads in progress.
#[derive(Debug)]
pub enum ListMultipartUploads {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    bucket: Bucket,
    expected_owner: Option<AccountId>,
    members: Members,
    encoding: Encoding,
    limit: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    prefix: Option<String>,
    delimiter: Option<String>,
    max_uploads: Option<i64>,
    encoding_type: Option<String>,
    key_marker: Option<String>,
    upload_id_marker: Option<String>,
}

impl Operation for ListMultipartUploads {
    const NAME: &'static str = "ListMultipartUploads";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = Ask<s3::ListBucketMultipartUploads>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(Ask::on(input.bucket.clone()).expecting_owner(input.expected_owner))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let Input {
            bucket,
            members,
            encoding,
            limit,
            ..
        } = call.input;
        let key_marker = members.key_marker.clone().unwrap_or_default();
        // Without a key it says nothing.
        let upload_marker = members
            .upload_id_marker
            .clone()
            .filter(|marker| !marker.is_empty() && !key_marker.is_empty());
        let after_key = listing::after(
            Some(&key_marker),
            members.prefix.as_deref(),
            members.delimiter.as_deref(),
        );
        let query = ListUploads {
            prefix: members.prefix.clone().unwrap_or_default(),
            delimiter: members.delimiter.clone(),
            after_upload: upload_marker
                .clone()
                .filter(|_| after_key.as_ref() == Some(&key_marker)),
            after_key,
            limit,
        };
        let page = stores.vault.list_uploads(&call.permits, query).await;
        let page = page.map_err(|error| match error {
            VaultError::NoSuchUpload => S3Error::invalid_argument(
                "Invalid uploadId marker",
                "upload-id-marker",
                upload_marker.clone().unwrap_or_default(),
            ),
            error => error.into(),
        })?;
        let text = |text: &str| Value::from(encoding.text(text));
        let uploads = page.uploads.iter().map(|upload| {
            let mut element = json!({
                "Key": text(&upload.key),
                "UploadId": upload.id,
                "Initiated": upload.initiated.to_string(),
                "StorageClass": upload.storage_class,
            });
            if let Value::Object(members) = &mut element {
                multipart::show_checksum(upload, members);
                multipart::show_principals(upload, members);
            }
            element
        });
        let prefixes = page.common_prefixes.iter();
        let (next_key, next_upload) = match &page.next {
            Some((key, upload)) => (key.as_str(), upload.as_deref().unwrap_or_default()),
            None => ("", ""),
        };
        Ok(Response::encode(
            Self::NAME,
            &json!({
                "Bucket": bucket.name.to_string(),
                "KeyMarker": text(&key_marker),
                "UploadIdMarker": members.upload_id_marker.unwrap_or_default(),
                "NextKeyMarker": text(next_key),
                "NextUploadIdMarker": next_upload,
                "Prefix": text(members.prefix.as_deref().unwrap_or_default()),
                "Delimiter": listing::shown(members.delimiter.as_deref()).map(text),
                "MaxUploads": limit,
                "IsTruncated": page.next.is_some(),
                "Uploads": uploads.collect::<Vec<_>>(),
                "CommonPrefixes": prefixes
                    .map(|prefix| json!({"Prefix": text(prefix)}))
                    .collect::<Vec<_>>(),
                "EncodingType": members.encoding_type,
            }),
        ))
    }
}

impl S3Operation for ListMultipartUploads {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let members: Members = request.take_input()?;
        Ok(Input {
            bucket: Bucket::existing(request.bucket()?),
            expected_owner: request.expected_owner()?,
            encoding: Encoding::read(members.encoding_type.as_deref())?,
            limit: listing::limit(members.max_uploads, "max-uploads")?,
            members,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}
