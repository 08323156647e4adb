//! CompleteMultipartUpload: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
use std::collections::BTreeMap;

use catalog::s3;
use digest::{Algorithm, Digest};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;
use serde_json::{Map, Value};
use vault::{ChecksumType, Completion, UploadInfo, UploadedPart, VaultError};

use crate::checksum;
use crate::conditions::{AnyEtag, WriteCondition};
use crate::multipart::{Target, UploadMembers};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// Makes an upload an object.
#[derive(Debug)]
pub enum CompleteMultipartUpload {}

/// The least size of a part that is not the last. AWS: Amazon S3 multipart upload limits.
const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    target: Target,
    condition: WriteCondition,
    parts: Vec<PartElement>,
    checksums: BTreeMap<String, String>,
    kind: Option<String>,
    bytes: Option<i64>,
    location: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    multipart_upload: Option<MultipartUpload>,
    checksum_type: Option<String>,
    mpu_object_size: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MultipartUpload {
    parts: Vec<PartElement>,
}

/// A `Part` element.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PartElement {
    part_number: i64,
    #[serde(rename = "ETag")]
    etag: String,
    /// Checksums by member name.
    #[serde(flatten)]
    checksums: BTreeMap<String, String>,
}

impl Operation for CompleteMultipartUpload {
    const NAME: &'static str = "CompleteMultipartUpload";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = Ask<s3::PutObject>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let ask = input.target.ask();
        Ok(ask
            .with("s3:ObjectCreationOperation", "true")
            .with_some("s3:if-match", input.condition.if_match.as_deref())
            .with_some("s3:if-none-match", input.condition.if_none_match.as_deref()))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let permit = call.permits;
        let input = call.input;
        let target = &input.target;
        let found = stores.vault.upload_parts(&permit).await;
        let (upload, stored) = found.map_err(|error| target.explain(error))?;
        let parts = chosen(&input, &upload, stored)?;
        let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
        if let Some(declared) = input.bytes
            && u64::try_from(declared) != Ok(bytes)
        {
            return Err(S3Error::invalid_request(format!(
                "The provided 'x-amz-mp-object-size' header value {declared} does not match what was computed: {bytes}"
            )));
        }
        let checksum = checksum_of(&input, &upload, &parts)?;
        let etag = digest::multipart_etag(parts.iter().map(|part| md5(&part.etag)));
        let completion = Completion {
            parts,
            etag: etag.clone(),
            checksum: checksum.clone(),
            condition: input.condition.condition.clone(),
        };
        stores
            .vault
            .complete_upload(&permit, completion)
            .await
            .map_err(|error| match error {
                VaultError::NoSuchUpload => target.explain(error),
                // Uploaded again while this was done.
                VaultError::NoSuchPart(number) => {
                    invalid_part(target, &number.to_string(), String::new())
                }
                error => input.condition.explain(error, &target.object.key),
            })?;
        let mut output = Map::new();
        let texts = [
            ("Location", input.location),
            ("Bucket", target.object.bucket.to_string()),
            ("Key", target.object.key.to_string()),
            ("ETag", format!("\"{etag}\"")),
            ("ServerSideEncryption", "AES256".to_owned()),
        ];
        for (name, text) in texts {
            output.insert(name.to_owned(), text.into());
        }
        if let Some((algorithm, value, kind)) = checksum {
            output.insert(checksum::member(algorithm).to_owned(), value.into());
            output.insert("ChecksumType".to_owned(), kind.name().into());
        }
        Ok(Response::encode(Self::NAME, &Value::Object(output)))
    }
}

/// The parts that the request names, as they are stored.
fn chosen(
    input: &Input,
    upload: &UploadInfo,
    stored: Vec<UploadedPart>,
) -> Result<Vec<UploadedPart>, S3Error> {
    if input.parts.is_empty() {
        return Err(S3Error::invalid_request(
            "You must specify at least one part",
        ));
    }
    let numbers = input.parts.iter().map(|part| part.part_number);
    if !numbers.is_sorted_by(|one, next| one < next) {
        return Err(S3Error::InvalidPartOrder {
            upload: input.target.upload(),
        });
    }
    let mut stored: BTreeMap<i64, UploadedPart> = stored
        .into_iter()
        .map(|part| (i64::from(part.number), part))
        .collect();
    let mut parts = Vec::with_capacity(input.parts.len());
    for element in &input.parts {
        let number = element.part_number.to_string();
        let etag = element.etag.trim().trim_matches('"');
        let part = stored
            .remove(&element.part_number)
            .filter(|part| part.etag == etag)
            .ok_or_else(|| invalid_part(&input.target, &number, etag.to_owned()))?;
        check_part(element, upload, &part)?;
        parts.push(part);
    }
    let mut but_the_last = parts.iter().rev().skip(1).rev();
    match but_the_last.find(|part| part.bytes < PART_BYTES_MIN) {
        Some(small) => Err(S3Error::EntityTooSmall {
            part: small.number.to_string(),
            etag: small.etag.clone(),
            min: PART_BYTES_MIN.to_string(),
            size: small.bytes.to_string(),
        }),
        None => Ok(parts),
    }
}

fn invalid_part(target: &Target, number: &str, etag: String) -> S3Error {
    S3Error::InvalidPart {
        upload: target.upload(),
        part: number.to_owned(),
        etag,
    }
}

fn check_part(
    element: &PartElement,
    upload: &UploadInfo,
    part: &UploadedPart,
) -> Result<(), S3Error> {
    for algorithm in Algorithm::CHECKSUMS {
        let Some(text) = element.checksums.get(checksum::member(algorithm)) else {
            continue;
        };
        let digest = part
            .checksum
            .filter(|digest| digest.algorithm() == algorithm);
        // An upload without a checksum keeps CRC64NVME only; others were compared on their way in.
        if upload.checksum.is_none() && digest.is_none() {
            continue;
        }
        if digest.is_none_or(|digest| digest.base64() != *text) {
            return Err(S3Error::BadPartChecksum {
                algorithm: algorithm.name().to_ascii_lowercase(),
                part: part.number.to_string(),
            });
        }
    }
    match upload.checksum {
        Some(wanted)
            if wanted.kind == ChecksumType::Composite
                && !element
                    .checksums
                    .contains_key(checksum::member(wanted.algorithm)) =>
        {
            Err(S3Error::invalid_request(format!(
                "The upload was created using a {} checksum. The complete request must include the checksum for each part. It was missing for part {} in the request.",
                wanted.algorithm.name().to_ascii_lowercase(),
                part.number
            )))
        }
        Some(_) | None => Ok(()),
    }
}

type ObjectChecksum = (Algorithm, String, ChecksumType);

/// The checksum of the object, compared with what the request says of it.
fn checksum_of(
    input: &Input,
    upload: &UploadInfo,
    parts: &[UploadedPart],
) -> Result<Option<ObjectChecksum>, S3Error> {
    let mode = upload
        .checksum
        .map_or("null", |checksum| checksum.kind.name());
    if input.kind.as_deref().is_some_and(|kind| kind != mode) {
        return Err(S3Error::invalid_request(format!(
            "The upload was created using the {mode} checksum mode. The complete request must use the same checksum mode."
        )));
    }
    let (algorithm, kind) = match upload.checksum {
        Some(checksum) => (checksum.algorithm, checksum.kind),
        None => (checksum::DEFAULT, ChecksumType::FullObject),
    };
    let digests: Option<Vec<(Digest, u64)>> = parts
        .iter()
        .map(|part| Some((part.checksum?, part.bytes)))
        .collect();
    let Some(digests) = digests else {
        return Ok(None);
    };
    let value = match kind {
        ChecksumType::Composite => {
            digest::composite(algorithm, digests.into_iter().map(|(digest, _)| digest))
        }
        ChecksumType::FullObject => digest::full_object(algorithm, digests)
            .map_err(S3Error::internal)?
            .base64(),
    };
    let bare = value.split('-').next().unwrap_or_default();
    for sent in Algorithm::CHECKSUMS {
        let Some(text) = input.checksums.get(checksum::member(sent)) else {
            continue;
        };
        if sent != algorithm || (*text != value && text != bare) {
            return Err(S3Error::BadChecksum {
                algorithm: sent.name().to_ascii_lowercase(),
            });
        }
    }
    Ok(Some((algorithm, value, kind)))
}

/// Stored by this server, so always 32 hex digits.
fn md5(etag: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    if hex::decode_to_slice(etag, &mut bytes).is_err() {
        tracing::error!(etag, "the ETag of a part is no MD5");
    }
    bytes
}

impl S3Operation for CompleteMultipartUpload {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let condition = WriteCondition::take(&mut request, AnyEtag::NotImplemented)?;
        let checksums: checksum::Members = request.take()?;
        let _: UploadMembers = request.take()?;
        let members: Members = request.take_input()?;
        let target = Target::read(&request)?;
        let host = request.header("host").unwrap_or_default();
        let location = match host {
            "" => format!("/{}/{}", target.object.bucket, target.object.key),
            host => format!(
                "http://{host}/{}/{}",
                target.object.bucket, target.object.key
            ),
        };
        Ok(Input {
            target,
            condition,
            parts: members.multipart_upload.unwrap_or_default().parts,
            checksums: checksums.by_member(),
            kind: members.checksum_type,
            bytes: members.mpu_object_size,
            location,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}
