//! Does one scenario with the AWS SDK for Rust and prints what the SDK showed, as `name=value` lines.
//!
//! This SDK reads the standard `AWS_…` variables only with `aws-config`, which would double what is
//! built; the few that matter are handed over here. Nothing about the style of addresses is set.

use std::error::Error;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use sha2::{Digest, Sha256};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const PART_BYTES: usize = 5 * 1024 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let scenario = std::env::args().nth(1).unwrap_or_default();
    match scenario.as_str() {
        "session" => session().await,
        "objects" => objects(&S3::of_session().await?).await,
        "multipart" => multipart(&S3::of_session().await?).await,
        "attempt" => attempt(&S3::of_session().await?).await,
        "pages" => pages(&S3::of_session().await?).await,
        "presign" => presign(&S3::of_session().await?).await,
        unknown => Err(format!("no scenario `{unknown}`").into()),
    }
}

fn show(name: &str, value: impl std::fmt::Display) {
    println!("{name}={value}");
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// Shows a refusal and ends well; any other error ends the program with it.
fn refused<E>(error: SdkError<E>) -> Box<dyn Error>
where
    E: Error + ProvideErrorMetadata + RequestId + 'static,
{
    let (Some(service), Some(answer)) = (error.as_service_error(), error.raw_response()) else {
        return format!("{}", DisplayErrorContext(error)).into();
    };
    show("refused-code", service.code().unwrap_or_default());
    show("refused-message", service.message().unwrap_or_default());
    show("refused-status", answer.status());
    show(
        "refused-request-id",
        service.request_id().unwrap_or_default(),
    );
    show("refused-shown", service.meta());
    std::process::exit(0);
}

fn http() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

async fn assume_role() -> Outcome<Credentials> {
    let (id, secret) = (
        variable("AWS_ACCESS_KEY_ID"),
        variable("AWS_SECRET_ACCESS_KEY"),
    );
    let user = Credentials::new(id, secret, None, None, "environment");
    let answer = sts(user)
        .assume_role()
        .role_arn(variable("ROLE_ARN"))
        .role_session_name("sdk")
        .set_external_id(std::env::var("EXTERNAL_ID").ok())
        .send()
        .await
        .map_err(refused)?;
    let keys = answer.credentials.ok_or("the answer has no credentials")?;
    Ok(Credentials::new(
        keys.access_key_id,
        keys.secret_access_key,
        Some(keys.session_token),
        Some(keys.expiration.try_into()?),
        "AssumeRole",
    ))
}

fn sts(credentials: Credentials) -> aws_sdk_sts::Client {
    aws_sdk_sts::Client::from_conf(
        aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(variable("AWS_REGION")))
            .endpoint_url(variable("AWS_ENDPOINT_URL"))
            .credentials_provider(credentials)
            .http_client(http())
            .build(),
    )
}

/// A client of S3 with the session's credentials, and what it is to act on.
struct S3 {
    client: aws_sdk_s3::Client,
    bucket: String,
    key: String,
}

impl S3 {
    async fn of_session() -> Outcome<S3> {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(variable("AWS_REGION")))
            .endpoint_url(variable("AWS_ENDPOINT_URL"))
            .credentials_provider(assume_role().await?)
            .http_client(http())
            .build();
        Ok(S3 {
            client: aws_sdk_s3::Client::from_conf(config),
            bucket: variable("BUCKET"),
            key: variable("KEY"),
        })
    }

    async fn read(&self, range: Option<&str>) -> Outcome<(GetObjectOutput, Vec<u8>)> {
        let mut got = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_range(range.map(str::to_owned))
            .send()
            .await
            .map_err(refused)?;
        let body = std::mem::take(&mut got.body).collect().await?.to_vec();
        Ok((got, body))
    }
}

async fn session() -> Outcome {
    let credentials = assume_role().await?;
    let expiry = credentials.expiry().ok_or("the session never ends")?;
    show(
        "seconds",
        expiry.duration_since(SystemTime::now())?.as_secs() + 1,
    );
    let identity = sts(credentials)
        .get_caller_identity()
        .send()
        .await
        .map_err(refused)?;
    show("arn", identity.arn().unwrap_or_default());
    show("account", identity.account().unwrap_or_default());
    Ok(())
}

async fn objects(s3: &S3) -> Outcome {
    let S3 {
        client,
        bucket,
        key,
    } = s3;
    let put = client
        .put_object()
        .bucket(bucket)
        .key(key)
        .body(ByteStream::from_static(b"This is from cross account!"))
        .content_type("text/plain")
        .metadata("from", "firm")
        .send()
        .await
        .map_err(refused)?;
    show("put-etag", put.e_tag().unwrap_or_default());
    show("put-crc32", put.checksum_crc32().unwrap_or_default());
    let (got, body) = s3.read(None).await?;
    show("body", String::from_utf8(body)?);
    let from = got
        .metadata()
        .and_then(|all| all.get("from"))
        .map_or("", String::as_str);
    show("metadata-from", from);
    let (ranged, body) = s3.read(Some("bytes=8-11")).await?;
    show("range-body", String::from_utf8(body)?);
    show("range", ranged.content_range().unwrap_or_default());
    let head = client
        .head_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .map_err(refused)?;
    show("length", head.content_length().unwrap_or_default());
    show("type", head.content_type().unwrap_or_default());
    let copied = client
        .copy_object()
        .bucket(bucket)
        .key(format!("{key}-copy"))
        .copy_source(variable("COPY_SOURCE"))
        .send()
        .await
        .map_err(refused)?;
    let copied = copied
        .copy_object_result()
        .and_then(|result| result.e_tag());
    show("copy-etag", copied.unwrap_or_default());
    let list = client
        .list_objects_v2()
        .bucket(bucket)
        .prefix(key)
        .send()
        .await
        .map_err(refused)?;
    for object in list.contents() {
        let (key, size) = (
            object.key().unwrap_or_default(),
            object.size().unwrap_or_default(),
        );
        show("listed", format!("{key} {size}"));
    }
    client
        .delete_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .map_err(refused)?;
    s3.read(None).await?;
    Ok(())
}

/// This SDK has no helper of its own for multipart uploads, so the parts are sent one by one.
async fn multipart(s3: &S3) -> Outcome {
    let S3 {
        client,
        bucket,
        key,
    } = s3;
    let body: Vec<u8> = b"strongroom"
        .iter()
        .copied()
        .cycle()
        .take(11 * 1024 * 1024)
        .collect();
    let begun = client
        .create_multipart_upload()
        .bucket(bucket)
        .key(key)
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .checksum_type(aws_sdk_s3::types::ChecksumType::FullObject)
        .send()
        .await
        .map_err(refused)?;
    let upload = begun.upload_id().ok_or("the upload has no id")?;
    let mut parts = Vec::new();
    for (number, part) in (1..).zip(body.chunks(PART_BYTES)) {
        let sent = client
            .upload_part()
            .bucket(bucket)
            .key(key)
            .upload_id(upload)
            .part_number(number)
            .body(ByteStream::from(part.to_vec()))
            .send()
            .await
            .map_err(refused)?;
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .set_checksum_crc32(sent.checksum_crc32);
        parts.push(part.build());
    }
    let done = client
        .complete_multipart_upload()
        .bucket(bucket)
        .key(key)
        .upload_id(upload)
        .multipart_upload(
            CompletedMultipartUpload::builder()
                .set_parts(Some(parts))
                .build(),
        )
        .send()
        .await
        .map_err(refused)?;
    show("etag", done.e_tag().unwrap_or_default());
    show("crc32", done.checksum_crc32().unwrap_or_default());
    show(
        "crc32-type",
        done.checksum_type().map_or("", |kind| kind.as_str()),
    );
    let (got, answered) = s3.read(None).await?;
    show("length", got.content_length().unwrap_or_default());
    show("sha256", hex(&Sha256::digest(&answered)));
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn attempt(s3: &S3) -> Outcome {
    let S3 {
        client,
        bucket,
        key,
    } = s3;
    let action = variable("ACTION");
    match action.as_str() {
        "put" => {
            let body = ByteStream::from_static(b"not allowed");
            let put = client.put_object().bucket(bucket).key(key).body(body);
            put.send().await.map_err(refused)?;
        }
        "delete" => {
            client
                .delete_object()
                .bucket(bucket)
                .key(key)
                .send()
                .await
                .map_err(refused)?;
        }
        unknown => return Err(format!("no action `{unknown}`").into()),
    }
    show("done", action);
    Ok(())
}

async fn pages(s3: &S3) -> Outcome {
    let list = s3
        .client
        .list_objects_v2()
        .bucket(&s3.bucket)
        .prefix(variable("PREFIX"));
    let mut pages = list
        .into_paginator()
        .page_size(variable("PAGE_SIZE").parse()?)
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(refused)?;
        let keys: Vec<&str> = page
            .contents()
            .iter()
            .filter_map(|object| object.key())
            .collect();
        show("page", keys.join(" "));
    }
    Ok(())
}

async fn presign(s3: &S3) -> Outcome {
    let S3 {
        client,
        bucket,
        key,
    } = s3;
    let expires = PresigningConfig::expires_in(Duration::from_secs(300))?;
    let put = client
        .put_object()
        .bucket(bucket)
        .key(key)
        .presigned(expires.clone())
        .await;
    show("put", put.map_err(refused)?.uri());
    let get = client
        .get_object()
        .bucket(bucket)
        .key(key)
        .presigned(expires)
        .await;
    show("get", get.map_err(refused)?.uri());
    Ok(())
}
