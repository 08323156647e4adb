//! CompleteMultipartUpload: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
use std::collections::BTreeMap;

use catalog::s3;
use digest::{Algorithm, Digest};
use gate::{Ask, Authorized, Identity, Operation, Permit};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use vault::{
    ChecksumType, Completion, CustomerKey, FilterFacts, UploadInfo, UploadedPart, VaultError,
};

use crate::conditions::{AnyEtag, WriteCondition};
use crate::customer_key::{self, Use};
use crate::multipart::{Target, UploadMembers};
use crate::{Request, Response, S3Error, S3Operation, Stores, checksum, lifecycle};

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
    customer: Option<CustomerKey>,
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
        let ask = customer_key::onto(input.customer.as_ref(), input.target.ask());
        Ok(ask
            .with("s3:ObjectCreationOperation", "true")
            .with_some("s3:if-match", input.condition.if_match.as_deref())
            .with_some("s3:if-none-match", input.condition.if_none_match.as_deref()))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let permit = call.permits;
        let input = call.input;
        let done = match complete(&permit, &input, stores).await {
            // Whoever did not hear the answer asks again, and AWS answers as the first time.
            Err(S3Error::NoSuchUpload { .. }) => completed_before(&permit, &input, stores).await?,
            done => done?,
        };
        let target = &input.target;
        let mut output = Map::new();
        let texts = [
            ("Location", input.location),
            ("Bucket", target.object.bucket.to_string()),
            ("Key", target.object.key.to_string()),
            ("ETag", format!("\"{}\"", done.etag)),
        ];
        for (name, text) in texts {
            output.insert(name.to_owned(), text.into());
        }
        // The model has no members for the customer's key here.
        if !done.is_under_customer_key {
            output.insert("ServerSideEncryption".to_owned(), "AES256".into());
        }
        if let Some(version) = done.version {
            output.insert("VersionId".to_owned(), version.into());
        }
        // A checksum tells of the content, which is for those who have the key.
        let tells_content = input.customer.is_some() || !done.is_under_customer_key;
        if let Some((algorithm, value, kind)) = done.checksum.filter(|_| tells_content) {
            output.insert(checksum::member(algorithm).to_owned(), value.into());
            output.insert("ChecksumType".to_owned(), kind.name().into());
        }
        let mut response = Response::encode(Self::NAME, &Value::Object(output));
        let facts = (done.facts.bytes, done.facts.tags.as_slice());
        lifecycle::put_expiration(&mut response, &stores.vault, &permit, facts, done.made);
        Ok(response)
    }
}

/// What the caller is told of the object.
struct Done {
    etag: String,
    version: Option<String>,
    checksum: Option<ObjectChecksum>,
    is_under_customer_key: bool,
    facts: FilterFacts,
    made: Timestamp,
}

async fn complete(
    permit: &Permit<s3::PutObject>,
    input: &Input,
    stores: &Stores,
) -> Result<Done, S3Error> {
    let target = &input.target;
    let found = stores.vault.upload_parts(permit).await;
    let (upload, stored) = found.map_err(|error| target.explain(error))?;
    check_key(permit, input, &upload, stores).await?;
    let parts = chosen(input, &upload, stored)?;
    let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
    if let Some(declared) = input.bytes
        && u64::try_from(declared) != Ok(bytes)
    {
        return Err(S3Error::invalid_request(format!(
            "The provided 'x-amz-mp-object-size' header value {declared} does not match what was computed: {bytes}"
        )));
    }
    let checksum = checksum_of(input, &upload, &parts)?;
    let etag = digest::multipart_etag(parts.iter().map(|part| md5(&part.etag)));
    let completion = Completion {
        parts,
        etag: etag.clone(),
        checksum: checksum.clone(),
        condition: input.condition.condition.clone(),
    };
    let completed = stores.vault.complete_upload(permit, completion).await;
    let (version, facts) = completed.map_err(|error| match error {
        VaultError::NoSuchUpload => target.explain(error),
        // Uploaded again while this was done.
        VaultError::NoSuchPart(number) => invalid_part(target, &number.to_string(), String::new()),
        error => input.condition.explain(error, &target.object.key),
    })?;
    Ok(Done {
        etag,
        version,
        checksum,
        is_under_customer_key: upload.needs_customer_key,
        facts,
        made: permit.request().now,
    })
}

/// The customer's key is needed where the upload has a checksum (AWS: CompleteMultipartUpload,
/// `x-amz-server-side-encryption-customer-key`), and must be the upload's if it is sent.
async fn check_key(
    permit: &Permit<s3::PutObject>,
    input: &Input,
    upload: &UploadInfo,
    stores: &Stores,
) -> Result<(), S3Error> {
    if input.customer.is_none() && upload.needs_customer_key {
        if !stores.vault.takes_customer_keys(permit)? {
            return Err(customer_key::blocked(permit, "s3:PutObject"));
        }
        return match upload.checksum {
            Some(_) => Err(customer_key::missing_for_checksums()),
            None => Ok(()),
        };
    }
    let customer = input.customer.as_ref();
    customer_key::admit(&stores.vault, permit, customer, "s3:PutObject")?;
    let checked = stores.vault.check_upload_key(permit, customer).await;
    checked.map_err(|error| input.target.explain(error))
}

/// The object that the same request made before, if it is still the one under this key.
async fn completed_before(
    permit: &Permit<s3::PutObject>,
    input: &Input,
    stores: &Stores,
) -> Result<Done, S3Error> {
    let target = &input.target;
    let customer = input.customer.as_ref();
    let object = stores.vault.completed_upload(permit, customer).await;
    let object = object.map_err(|error| target.explain(error))?;
    let named = input.parts.iter().map(|part| part.part_number);
    let made_of = object.parts.iter().map(|part| i64::from(part.number));
    let digests: Option<Vec<[u8; 16]>> = input
        .parts
        .iter()
        .map(|part| md5_of(part.etag.trim().trim_matches('"')))
        .collect();
    let etag = digests.map(digest::multipart_etag);
    if !named.eq(made_of) || etag.as_ref() != Some(&object.etag) {
        return Err(target.explain(VaultError::NoSuchUpload));
    }
    Ok(Done {
        etag: object.etag,
        version: object.version,
        is_under_customer_key: object.needs_customer_key,
        checksum: object
            .checksum
            .map(|checksum| (checksum.algorithm, checksum.value, checksum.kind)),
        facts: FilterFacts {
            bytes: object.bytes,
            tags: object.tags,
        },
        made: object.last_modified,
    })
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
    md5_of(etag).unwrap_or_else(|| {
        tracing::error!(etag, "the ETag of a part is no MD5");
        [0; 16]
    })
}

fn md5_of(etag: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(etag, &mut bytes).ok()?;
    Some(bytes)
}

impl S3Operation for CompleteMultipartUpload {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let condition = WriteCondition::take(&mut request, AnyEtag::NotImplemented)?;
        let checksums: checksum::Members = request.take()?;
        let _: UploadMembers = request.take()?;
        let customer: customer_key::Members = request.take()?;
        let members: Members = request.take_input()?;
        let target = Target::read(&request)?;
        let parts = match members.multipart_upload {
            // Only a body that is not there at all is told as what it lacks.
            Some(list) if list.parts.is_empty() => return Err(S3Error::MalformedXml),
            list => list.unwrap_or_default().parts,
        };
        let sent = parts.iter().flat_map(|part| part.checksums.keys());
        let known = Algorithm::CHECKSUMS.map(checksum::member);
        if let Some(other) = sent
            .into_iter()
            .find(|name| !known.contains(&name.as_str()))
        {
            return Err(S3Error::not_implemented(other.as_str()));
        }
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
            parts,
            checksums: checksums.by_member(),
            kind: members.checksum_type,
            bytes: members.mpu_object_size,
            location,
            customer: customer.key(Use::Write, None)?,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{World, root};

    const MIB: usize = 1024 * 1024;

    async fn create(world: &World, headers: &[(&str, &str)]) -> String {
        let line = "POST /logs/big?uploads";
        let created = world
            .send_with(&root("111122223333"), line, headers, "")
            .await;
        created.ok().element("UploadId")
    }

    async fn part(world: &World, upload: &str, number: u32, body: Vec<u8>) -> String {
        let line = format!("PUT /logs/big?partNumber={number}&uploadId={upload}");
        let put = world
            .send_with(&root("111122223333"), &line, &[], body)
            .await;
        put.ok().header("etag").to_owned()
    }

    fn list(parts: &[(u32, &str)]) -> String {
        let parts: Vec<String> = parts
            .iter()
            .map(|(number, etag)| {
                format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
            })
            .collect();
        format!(
            "<CompleteMultipartUpload>{}</CompleteMultipartUpload>",
            parts.concat()
        )
    }

    #[tokio::test]
    async fn parts_become_one_object_that_reads_in_any_range() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let headers = [("content-type", "text/plain"), ("x-amz-tagging", "a=1")];
        let upload = create(&world, &headers).await;
        let first = vec![7u8; 5 * MIB + 3];
        let last: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
        let one = part(&world, &upload, 2, first.clone()).await;
        let two = part(&world, &upload, 9, last.clone()).await;
        // A part that is not chosen.
        part(&world, &upload, 4, b"other".to_vec()).await;
        let listed = world
            .send(
                &owner,
                &format!("GET /logs/big?uploadId={upload}&max-parts=2"),
            )
            .await
            .ok();
        assert_eq!(listed.elements("PartNumber"), ["2", "4"]);
        assert_eq!(listed.element("IsTruncated"), "true");
        assert_eq!(listed.element("NextPartNumberMarker"), "4");
        assert_eq!(
            world.send(&owner, "GET /logs/big").await.error().code,
            "NoSuchKey"
        );

        let line = format!("POST /logs/big?uploadId={upload}");
        let body = list(&[(2, &one), (9, &two)]);
        let done = world.send_with(&owner, &line, &[], body).await.ok();
        assert!(
            done.element("ETag").ends_with("-2&quot;"),
            "{}",
            done.text()
        );
        assert_eq!(done.element("ChecksumType"), "FULL_OBJECT");

        let whole = [first, last].concat();
        let got = world.send(&owner, "GET /logs/big").await.ok();
        assert_eq!(got.body, whole);
        assert_eq!(got.header("content-type"), "text/plain");
        assert_eq!(got.header("x-amz-tagging-count"), "1");
        let across = [("range", "bytes=5242870-5242900")];
        let got = world
            .send_with(&owner, "GET /logs/big", &across, "")
            .await
            .ok();
        assert_eq!(
            (got.status, &got.body[..]),
            (206, &whole[5_242_870..=5_242_900])
        );
        let got = world.send(&owner, "GET /logs/big?partNumber=9").await.ok();
        assert_eq!((got.status, got.body.len()), (206, 100_000));
        assert_eq!(got.header("x-amz-mp-parts-count"), "2");
        let wrong = world
            .send(&owner, "GET /logs/big?partNumber=10")
            .await
            .told();
        assert_eq!(
            wrong,
            "416 InvalidPartNumber: The requested partnumber is not satisfiable ActualPartCount=2 PartNumberRequested=10"
        );
        // The checksum of the whole follows from those of the parts.
        let mode = [("x-amz-checksum-mode", "ENABLED")];
        let got = world
            .send_with(&owner, "HEAD /logs/big", &mode, "")
            .await
            .ok();
        let whole = digest::digest_of(digest::Algorithm::Crc64Nvme, &whole);
        assert_eq!(got.header("x-amz-checksum-crc64nvme"), whole.base64());

        let again = world
            .send_with(&owner, &line, &[], list(&[(2, &one)]))
            .await;
        assert_eq!(again.error().code, "NoSuchUpload");
    }

    #[tokio::test]
    async fn whoever_completes_again_is_answered_as_the_first_time() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let upload = create(&world, &[]).await;
        let etag = part(&world, &upload, 3, b"tiny".to_vec()).await;
        let line = format!("POST /logs/big?uploadId={upload}");
        let body = list(&[(3, &etag)]);
        let absent = [("if-none-match", "*")];
        let complete = || world.send_with(&owner, &line, &absent, body.clone());
        let first = complete().await.ok();
        assert_eq!(first.element("ChecksumType"), "FULL_OBJECT");
        assert_eq!(complete().await.ok().text(), first.text());
        // With other parts it is another request.
        for other in [list(&[(4, &etag)]), list(&[(3, "\"abc\"")])] {
            let told = world.send_with(&owner, &line, &[], other).await.error();
            assert_eq!(told.code, "NoSuchUpload");
        }
        // New tags leave it the object of that upload; a new object does not.
        let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
        let put = world.send_with(&owner, "PUT /logs/big?tagging", &[], tags);
        put.await.ok();
        assert_eq!(complete().await.ok().text(), first.text());
        let put = world.send_with(&owner, "PUT /logs/big", &[], "tiny");
        put.await.ok();
        assert_eq!(complete().await.error().code, "NoSuchUpload");
    }

    #[tokio::test]
    async fn parts_are_refused_in_awss_words() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let upload = create(&world, &[]).await;
        let etag = part(&world, &upload, 1, b"tiny".to_vec()).await;
        let bare = etag.trim_matches('"').to_owned();
        part(&world, &upload, 2, b"tiny".to_vec()).await;
        let line = format!("POST /logs/big?uploadId={upload}");
        for (parts, wanted) in [
            (
                list(&[(1, &etag), (2, &etag)]),
                format!(
                    "400 EntityTooSmall: Your proposed upload is smaller than the minimum allowed size PartNumber=1 ETag={bare} MinSizeAllowed=5242880 ProposedSize=4"
                ),
            ),
            (
                list(&[(2, &etag), (1, &etag)]),
                format!(
                    "400 InvalidPartOrder: The list of parts was not in ascending order. Parts must be ordered by part number. UploadId={upload}"
                ),
            ),
            (
                list(&[(1, &etag), (3, "\"abc\"")]),
                format!(
                    "400 InvalidPart: One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag. UploadId={upload} PartNumber=3 ETag=abc"
                ),
            ),
            (
                String::new(),
                "400 InvalidRequest: You must specify at least one part".to_owned(),
            ),
            (
                "<CompleteMultipartUpload></CompleteMultipartUpload>".to_owned(),
                "400 MalformedXML: The XML you provided was not well-formed or did not validate against our published schema".to_owned(),
            ),
        ] {
            let told = world.send_with(&owner, &line, &[], parts).await.told();
            assert_eq!(told, wanted);
        }
        let size = [("x-amz-mp-object-size", "5")];
        let told = world
            .send_with(&owner, &line, &size, list(&[(1, &etag)]))
            .await
            .told();
        assert_eq!(
            told,
            "400 InvalidRequest: The provided 'x-amz-mp-object-size' header value 5 does not match what was computed: 4"
        );
        let kind = [("x-amz-checksum-type", "COMPOSITE")];
        let told = world
            .send_with(&owner, &line, &kind, list(&[(1, &etag)]))
            .await
            .told();
        assert_eq!(
            told,
            "400 InvalidRequest: The upload was created using the null checksum mode. The complete request must use the same checksum mode."
        );
        let told = world
            .send(&owner, "PUT /logs/big?partNumber=0&uploadId=1")
            .await
            .told();
        assert!(told.starts_with(
            "400 InvalidArgument: Part number must be an integer between 1 and 10000, inclusive"
        ));
        let told = world
            .send(&owner, "DELETE /logs/big?uploadId=1")
            .await
            .told();
        assert!(told.starts_with("404 NoSuchUpload"), "{told}");
        let line = format!("DELETE /logs/big?uploadId={upload}");
        assert_eq!(world.send(&owner, &line).await.told(), "204 ok");
        let uploads = world.send(&owner, "GET /logs?uploads").await.ok();
        assert!(uploads.elements("UploadId").is_empty());
    }

    #[tokio::test]
    async fn a_composite_checksum_is_that_of_the_parts() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let upload = create(&world, &[("x-amz-checksum-algorithm", "SHA256")]).await;
        let line = format!("PUT /logs/big?partNumber=1&uploadId={upload}");
        let sum = digest::digest_of(digest::Algorithm::Sha256, b"abc").base64();
        let sent = [("x-amz-checksum-sha256", sum.as_str())];
        let put = world.send_with(&owner, &line, &sent, "abc").await.ok();
        assert_eq!(put.header("x-amz-checksum-sha256"), sum);
        let other = [("x-amz-checksum-crc32", "NSRBwg==")];
        assert_eq!(
            world.send_with(&owner, &line, &other, "abc").await.told(),
            "400 InvalidRequest: Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32"
        );
        let etag = put.header("etag").to_owned();
        let complete = format!("POST /logs/big?uploadId={upload}");
        let told = world
            .send_with(&owner, &complete, &[], list(&[(1, &etag)]))
            .await
            .told();
        assert_eq!(
            told,
            "400 InvalidRequest: The upload was created using a sha256 checksum. The complete request must include the checksum for each part. It was missing for part 1 in the request."
        );
        let with = |sum: &str| {
            format!(
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag><ChecksumSHA256>{sum}</ChecksumSHA256></Part></CompleteMultipartUpload>"
            )
        };
        let wrong = digest::digest_of(digest::Algorithm::Sha256, b"abd").base64();
        let told = world
            .send_with(&owner, &complete, &[], with(&wrong))
            .await
            .told();
        assert_eq!(
            told,
            "400 BadDigest: The sha256 you specified for part 1 did not match what we received."
        );
        let done = world
            .send_with(&owner, &complete, &[], with(&sum))
            .await
            .ok();
        assert_eq!(done.element("ChecksumType"), "COMPOSITE");
        assert!(done.element("ChecksumSHA256").ends_with("-1"));
        let wanted = [(
            "x-amz-object-attributes",
            "Checksum,ObjectParts,ETag,ObjectSize",
        )];
        let line = "GET /logs/big?attributes";
        let attributes = world.send_with(&owner, line, &wanted, "").await.ok();
        assert_eq!(attributes.element("ObjectSize"), "3");
        assert_eq!(
            attributes.element("PartsCount"),
            "1",
            "{}",
            attributes.text()
        );
    }
}
