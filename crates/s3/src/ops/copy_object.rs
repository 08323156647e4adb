//! CopyObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
use catalog::{AccountId, Object, s3};
use digest::Algorithm;
use gate::{Ask, Authorized, Either, Identity, Operation, Probe};
use serde::Deserialize;
use serde_json::{Map, json};
use vault::SystemHeaders;

use crate::conditions::{AnyEtag, SourceConditions, WriteCondition};
use crate::copying::{self, Source};
use crate::customer_key;
use crate::reading::{self, ReadAsk, TagsProbe};
use crate::receiving::BYTES_MAX;
use crate::upload::Upload;
use crate::{Request, Response, S3Error, S3Operation, Stores, checksum, lifecycle};

/// Copies an object.
#[derive(Debug)]
pub enum CopyObject {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    object: Object,
    expected_owner: Option<AccountId>,
    source: Source,
    source_conditions: SourceConditions,
    condition: WriteCondition,
    upload: Upload,
    metadata: Directive,
    metadata_text: Option<String>,
    tagging: Directive,
    algorithm: Option<Algorithm>,
}

/// Whether something is taken from the source or from the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    Copy,
    Replace,
}

impl Directive {
    fn read(text: Option<&str>, header: &str, unknown: &str) -> Result<Directive, S3Error> {
        match text {
            None | Some("COPY") => Ok(Directive::Copy),
            Some("REPLACE") => Ok(Directive::Replace),
            Some(other) => Err(S3Error::invalid_argument(unknown, header, other)),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    metadata_directive: Option<String>,
    tagging_directive: Option<String>,
    checksum_algorithm: Option<String>,
}

impl Operation for CopyObject {
    const NAME: &'static str = "CopyObject";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    /// What is written, what is read, and the tags on both sides if there are any to copy.
    type Asks = (
        (
            Ask<s3::PutObject>,
            Option<Ask<s3::PutObjectAcl>>,
            Option<Ask<s3::PutObjectTagging>>,
        ),
        (ReadAsk, Probe<s3::ListBucket>),
        (TagsProbe, Probe<s3::PutObjectTagging>),
    );
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, S3Error> {
        copying::refuse_anonymous(who)?;
        let here = || Ask::on(input.object.clone());
        let put = Ask::on(input.object.clone())
            .expecting_owner(input.expected_owner)
            .with("s3:ObjectCreationOperation", "true")
            .with("s3:x-amz-copy-source", input.source.text.as_str())
            .with_some(
                "s3:x-amz-metadata-directive",
                input.metadata_text.as_deref(),
            )
            .with_some("s3:if-match", input.condition.if_match.as_deref())
            .with_some("s3:if-none-match", input.condition.if_none_match.as_deref());
        let source = &input.source;
        Ok((
            (
                input.upload.onto(put),
                input.upload.acl_ask(Ask::on(input.object.clone())),
                input.upload.tagging_ask(here()),
            ),
            (
                match reading::read_ask(&source.object, source.expected_owner) {
                    Either::Left(ask) => Either::Left(ask.without_object_tags()),
                    Either::Right(ask) => Either::Right(ask.without_object_tags()),
                },
                reading::list_probe(&source.object),
            ),
            (reading::tags_probe(&source.object), Probe(here())),
        ))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let ((permit, _acl, _tagging), (read, list), (read_tags, put_tags)) = call.permits;
        let input = call.input;
        let now = permit.request().now;
        // The action that AWS's message names, though there is no such one.
        let customer = input.upload.customer.as_ref();
        customer_key::admit(&stores.vault, &permit, customer, "s3:CopyObject")?;
        let bucket = permit.bucket().ok_or(S3Error::NothingJudged)?.clone();
        let key = input.source.customer.as_ref();
        let reader = reading::open(&stores.vault, &read, list, key).await?;
        let source = reader.object();
        input.source_conditions.check(source, now)?;
        if source.bytes > BYTES_MAX {
            return Err(S3Error::invalid_request(format!(
                "The specified copy source is larger than the maximum allowable size for a copy source: {BYTES_MAX}"
            )));
        }
        let mut upload = input.upload;
        if input.metadata == Directive::Copy {
            // AWS: where a page redirects to is not copied, it is what this request says.
            upload.headers = SystemHeaders {
                website_redirect_location: upload.headers.website_redirect_location,
                ..source.headers.clone()
            };
            upload.metadata = source.metadata.clone();
        }
        if input.tagging == Directive::Copy {
            upload.tags = None;
            if !source.tags.is_empty() {
                match read_tags {
                    Either::Left(probed) => drop(probed.answer().await?),
                    Either::Right(probed) => drop(probed.answer().await?),
                }
                drop(put_tags.answer().await?);
                upload.tags = Some(source.tags.clone());
            }
        }
        let customer = upload.customer.clone();
        let new = upload
            .new_object(&bucket, &permit.identity().caller, &stores.vault)
            .await?;
        let of_source = source.checksum.as_ref().map(|checksum| checksum.algorithm);
        let algorithm = input.algorithm.or(of_source).unwrap_or(checksum::DEFAULT);
        let shared = match customer {
            None => {
                let vault = &stores.vault;
                vault.share_object(&permit, &reader, algorithm).await?
            }
            Some(_) => None,
        };
        let condition = input.condition.condition.clone();
        let committed = match shared {
            Some(body) => body.commit(new, condition, now).await,
            // Another encryption: the bytes are written anew.
            None => {
                let mut writer = stores
                    .vault
                    .write_object(&permit, algorithm, Some(source.bytes), customer.as_ref())
                    .await?;
                copying::copy(&reader, 0..source.bytes, &mut writer).await?;
                writer.finish().await?.commit(new, condition, now).await
            }
        };
        let stored =
            committed.map_err(|error| input.condition.explain(error, &input.object.key))?;
        let mut result = Map::new();
        result.insert("ETag".to_owned(), format!("\"{}\"", stored.etag).into());
        result.insert(
            "LastModified".to_owned(),
            stored.last_modified.to_string().into(),
        );
        if let Some(sum) = &stored.checksum {
            result.insert("ChecksumType".to_owned(), sum.kind.name().into());
            result.insert(
                checksum::member(sum.algorithm).to_owned(),
                sum.value.clone().into(),
            );
        }
        let mut output = json!({
            "CopyObjectResult": result,
            "CopySourceVersionId": source.version,
            "VersionId": stored.version,
        });
        customer_key::show(&mut output, customer.as_ref());
        let mut response = Response::encode(Self::NAME, &output);
        lifecycle::put_expiration_of(&mut response, &stores.vault, &permit, &stored);
        Ok(response)
    }
}

impl S3Operation for CopyObject {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let source = Source::take(&mut request)?;
        let object = request.object()?;
        let source_conditions = request.take()?;
        let condition = WriteCondition::take(&mut request, AnyEtag::NotImplemented)?;
        let upload = Upload::take(&mut request)?;
        let members: Members = request.take_input()?;
        let metadata = Directive::read(
            members.metadata_directive.as_deref(),
            "x-amz-metadata-directive",
            "Unknown metadata directive.",
        )?;
        let tagging = Directive::read(
            members.tagging_directive.as_deref(),
            "x-amz-tagging-directive",
            "Unknown tagging directive.",
        )?;
        let itself = source.object.bucket == object.bucket && source.object.key == object.key;
        let changes = metadata == Directive::Replace
            || upload.storage_class.is_some()
            || upload.encryption.is_some()
            || upload.customer.is_some()
            || source.customer.is_some()
            || upload.headers.website_redirect_location.is_some();
        // An older version over the newest is how a version is restored.
        if itself && source.object.version.is_none() && !changes {
            return Err(S3Error::invalid_request(
                "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
            ));
        }
        Ok(Input {
            object,
            expected_owner: request.expected_owner()?,
            source,
            source_conditions,
            condition,
            // Tags of the request count only with REPLACE.
            upload: match tagging {
                Directive::Replace => upload,
                Directive::Copy => Upload {
                    tags: None,
                    ..upload
                },
            },
            metadata,
            metadata_text: members.metadata_directive,
            tagging,
            algorithm: members
                .checksum_algorithm
                .as_deref()
                .map(checksum::named)
                .transpose()?,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}

#[cfg(test)]
mod tests {
    use digest::{Algorithm, digest_of};

    use crate::testing::{Who, World, root, user};

    /// How many files of large bodies there are.
    fn stored_bodies(world: &World) -> usize {
        fn files(directory: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(directory).unwrap();
            let count = |path: std::path::PathBuf| if path.is_dir() { files(&path) } else { 1 };
            entries.map(|entry| count(entry.unwrap().path())).sum()
        }
        files(&world.directory.path().join("data/extents"))
    }

    async fn copy(world: &World, owner: &Who, to: &str, headers: &[(&str, &str)]) -> String {
        let line = format!("PUT {to}");
        let copied = world.send_with(owner, &line, headers, "").await.ok();
        copied.element("ETag")
    }

    #[tokio::test]
    async fn a_copy_stores_no_byte_and_outlives_its_source() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        world.send(&owner, "PUT /other").await.ok();
        let body = "0123456789abcdef".repeat(20_000);
        let put = world
            .send_with(&owner, "PUT /logs/k", &[], body.clone())
            .await
            .ok();
        let before = stored_bodies(&world);
        assert_eq!(before, 1);
        let from = [("x-amz-copy-source", "logs/k")];
        let etag = copy(&world, &owner, "/other/copy", &from).await;
        assert_eq!(etag.replace("&quot;", "\""), put.header("etag"));
        let from = [("x-amz-copy-source", "other/copy")];
        copy(&world, &owner, "/logs/again", &from).await;
        // A copy onto itself that changes metadata.
        let onto = [
            from[0],
            ("x-amz-metadata-directive", "REPLACE"),
            ("x-amz-meta-a", "1"),
        ];
        copy(&world, &owner, "/other/copy", &onto).await;
        // Another checksum is computed, the body is still the same.
        let other = [from[0], ("x-amz-checksum-algorithm", "SHA256")];
        copy(&world, &owner, "/logs/sum", &other).await;
        assert_eq!(stored_bodies(&world), before);
        for gone in ["/logs/k", "/logs/again"] {
            world.send(&owner, &format!("DELETE {gone}")).await.ok();
        }
        for kept in ["/other/copy", "/logs/sum"] {
            let got = world.send(&owner, &format!("GET {kept}")).await.ok();
            assert_eq!(got.text(), body, "{kept}");
            assert_eq!(got.header("etag"), put.header("etag"));
        }
        let checked = [("x-amz-checksum-mode", "ENABLED")];
        let got = world
            .send_with(&owner, "HEAD /logs/sum", &checked, "")
            .await
            .ok();
        let wanted = digest_of(Algorithm::Sha256, body.as_bytes()).base64();
        assert_eq!(got.header("x-amz-checksum-sha256"), wanted);
    }

    #[tokio::test]
    async fn a_copy_onto_itself_is_a_write_to_those_who_wait_for_one() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let put = world
            .send_with(&owner, "PUT /logs/k", &[], "hello")
            .await
            .ok();
        let create = "POST /logs/k?uploads";
        let before = world.send(&owner, create).await.ok().element("UploadId");
        let etag = put.header("etag");
        let onto = [
            ("x-amz-copy-source", "logs/k"),
            ("x-amz-metadata-directive", "REPLACE"),
            ("x-amz-meta-a", "1"),
        ];
        assert!(
            copy(&world, &owner, "/logs/k", &onto)
                .await
                .contains(etag.trim_matches('"'))
        );
        let after = world.send(&owner, create).await.ok().element("UploadId");
        // New tags are no other object.
        let tags = "<Tagging><TagSet/></Tagging>";
        world
            .send_with(&owner, "PUT /logs/k?tagging", &[], tags)
            .await
            .ok();
        for (upload, wanted) in [
            (before, "409 ConditionalRequestConflict"),
            (after, "200 ok"),
        ] {
            let line = format!("PUT /logs/k?partNumber=1&uploadId={upload}");
            let part = world.send_with(&owner, &line, &[], "x").await.ok();
            let parts = format!(
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
                part.header("etag")
            );
            let line = format!("POST /logs/k?uploadId={upload}");
            let told = world
                .send_with(&owner, &line, &[("if-match", etag)], parts)
                .await
                .told();
            assert!(told.starts_with(wanted), "{told}");
        }
    }

    #[tokio::test]
    async fn the_copy_of_a_multipart_object_is_one_piece_to_its_readers() {
        const PART: usize = 5 << 20;
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let part = "x".repeat(PART);
        world
            .send_with(&owner, "PUT /logs/part", &[], part.clone())
            .await
            .ok();
        let created = world.send(&owner, "POST /logs/k?uploads").await.ok();
        let upload = created.element("UploadId");
        let mut parts = String::new();
        // One part that is uploaded, and two that are the same body.
        for number in 1..=3 {
            let line = format!("PUT /logs/k?partNumber={number}&uploadId={upload}");
            let etag = match number {
                1 => world
                    .send_with(&owner, &line, &[], part.replace('x', "y"))
                    .await
                    .ok()
                    .header("etag")
                    .to_owned(),
                _ => {
                    let from = [("x-amz-copy-source", "logs/part")];
                    world
                        .send_with(&owner, &line, &from, "")
                        .await
                        .ok()
                        .element("ETag")
                }
            };
            parts.push_str(&format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            ));
        }
        let before = stored_bodies(&world);
        assert_eq!(before, 2);
        let done = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let line = format!("POST /logs/k?uploadId={upload}");
        world.send_with(&owner, &line, &[], done).await.ok();
        let from = [("x-amz-copy-source", "logs/k")];
        let etag = copy(&world, &owner, "/logs/copy", &from).await;
        for gone in ["/logs/part", "/logs/k"] {
            world.send(&owner, &format!("DELETE {gone}")).await.ok();
        }
        assert_eq!(stored_bodies(&world), before);
        let got = world.send(&owner, "GET /logs/copy").await.ok();
        let body = got.text();
        assert_eq!(body.len(), 3 * PART);
        assert!(body.starts_with("yy") && body.ends_with("xx"));
        let wanted = digest_of(Algorithm::Md5, body.as_bytes()).hex();
        assert_eq!(got.header("etag"), format!("\"{wanted}\""));
        assert!(etag.contains(&wanted));
        // Where parts meet.
        let range = format!("bytes={}-{}", PART - 2, PART + 1);
        let got = world
            .send_with(&owner, "GET /logs/copy", &[("range", &range)], "")
            .await
            .ok();
        assert_eq!(got.text(), "yyxx");
        let first = world.send(&owner, "GET /logs/copy?partNumber=1").await.ok();
        assert_eq!(first.header("content-length"), (3 * PART).to_string());
        assert_eq!(first.header("x-amz-mp-parts-count"), "");
        let second = world
            .send(&owner, "GET /logs/copy?partNumber=2")
            .await
            .error();
        assert_eq!(second.code, "InvalidPartNumber");
        // What is made of several parts is no part itself: it is written anew.
        let created = world.send(&owner, "POST /logs/whole?uploads").await.ok();
        let upload = created.element("UploadId");
        let line = format!("PUT /logs/whole?partNumber=1&uploadId={upload}");
        let from = [("x-amz-copy-source", "logs/copy")];
        let copied = world.send_with(&owner, &line, &from, "").await.ok();
        assert!(copied.element("ETag").contains(&wanted));
        assert_eq!(stored_bodies(&world), before + 1);
    }

    #[tokio::test]
    async fn a_copy_takes_metadata_and_tags_along_unless_told_otherwise() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let made = [
            ("x-amz-meta-a", "1"),
            ("x-amz-tagging", "t=1"),
            ("content-type", "text/plain"),
        ];
        world
            .send_with(&owner, "PUT /logs/a%20b", &made, "hello")
            .await
            .ok();
        let from = [("x-amz-copy-source", "/logs/a%20b")];
        let copied = world
            .send_with(&owner, "PUT /logs/copy", &from, "")
            .await
            .ok();
        assert!(
            copied
                .element("ETag")
                .contains("5d41402abc4b2a76b9719d911017c592")
        );
        let got = world.send(&owner, "GET /logs/copy").await.ok();
        assert_eq!(
            (got.text().as_str(), got.header("x-amz-meta-a")),
            ("hello", "1")
        );
        assert_eq!(got.header("x-amz-tagging-count"), "1");
        assert_eq!(got.header("content-type"), "text/plain");
        let replaced = [
            ("x-amz-copy-source", "logs/a%20b"),
            ("x-amz-metadata-directive", "REPLACE"),
            ("x-amz-tagging-directive", "REPLACE"),
            ("x-amz-meta-b", "2"),
        ];
        world
            .send_with(&owner, "PUT /logs/copy", &replaced, "")
            .await
            .ok();
        let got = world.send(&owner, "GET /logs/copy").await.ok();
        assert_eq!(
            (got.header("x-amz-meta-a"), got.header("x-amz-meta-b")),
            ("", "2")
        );
        assert_eq!(got.header("x-amz-tagging-count"), "");
        assert_eq!(got.header("content-type"), "binary/octet-stream");
    }

    #[tokio::test]
    async fn a_redirect_stays_with_its_object_and_is_not_copied() {
        const HEADER: &str = "x-amz-website-redirect-location";
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let redirect = [(HEADER, "/elsewhere")];
        world
            .send_with(&owner, "PUT /logs/k", &redirect, "hello")
            .await
            .ok();
        let got = world.send(&owner, "HEAD /logs/k").await.ok();
        assert_eq!(got.header(HEADER), "/elsewhere");
        let from = [("x-amz-copy-source", "logs/k")];
        world
            .send_with(&owner, "PUT /logs/copy", &from, "")
            .await
            .ok();
        let got = world.send(&owner, "GET /logs/copy").await.ok();
        assert_eq!(got.header(HEADER), "");
        // A copy onto itself that changes it.
        let onto = [("x-amz-copy-source", "logs/copy"), redirect[0]];
        world
            .send_with(&owner, "PUT /logs/copy", &onto, "")
            .await
            .ok();
        let got = world.send(&owner, "GET /logs/copy").await.ok();
        assert_eq!(got.header(HEADER), "/elsewhere");
        let nowhere = [(HEADER, "elsewhere")];
        let put = world
            .send_with(&owner, "PUT /logs/k", &nowhere, "hello")
            .await;
        assert_eq!(
            put.told(),
            "400 InvalidRedirectLocation: The website redirect location must have a prefix of 'http://' or 'https://' or '/'."
        );
    }

    #[tokio::test]
    async fn a_copy_is_refused_in_awss_words() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        world
            .send_with(&owner, "PUT /logs/k", &[], "hello")
            .await
            .ok();
        for (line, headers, wanted) in [
            (
                "PUT /logs/k",
                vec![("x-amz-copy-source", "logs/k")],
                "400 InvalidRequest: This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
            ),
            (
                "PUT /logs/l",
                vec![("x-amz-copy-source", "logs")],
                "400 InvalidArgument: Invalid copy source object key ArgumentName=x-amz-copy-source ArgumentValue=x-amz-copy-source",
            ),
            (
                "PUT /logs/l",
                vec![("x-amz-copy-source", "logs/absent")],
                "404 NoSuchKey: The specified key does not exist. Key=absent",
            ),
            (
                "PUT /logs/l",
                vec![
                    ("x-amz-copy-source", "logs/k"),
                    ("x-amz-copy-source-if-match", "\"x\""),
                ],
                "412 PreconditionFailed: At least one of the pre-conditions you specified did not hold Condition=x-amz-copy-source-If-Match",
            ),
        ] {
            assert_eq!(
                world.send_with(&owner, line, &headers, "").await.told(),
                wanted
            );
        }
    }

    #[tokio::test]
    async fn a_copy_needs_the_source_the_target_and_the_tags_of_both() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let tagged = [("x-amz-tagging", "t=1")];
        world
            .send_with(&owner, "PUT /logs/source", &tagged, "hello")
            .await
            .ok();
        let allow = |actions: &str| {
            let statement = format!(r#"{{"Effect":"Allow","Action":[{actions}],"Resource":"*"}}"#);
            user("111122223333", "ann", &statement)
        };
        let from = [("x-amz-copy-source", "logs/source")];
        let all = [
            r#""s3:PutObject""#,
            r#""s3:GetObject""#,
            r#""s3:GetObjectTagging""#,
            r#""s3:PutObjectTagging""#,
        ];
        let copy = |who| {
            let world = &world;
            async move {
                world
                    .send_with(&who, "PUT /logs/copy", &from, "")
                    .await
                    .told()
            }
        };
        assert_eq!(copy(allow(&all.join(","))).await, "200 ok");
        for left_out in all {
            let others: Vec<&str> = all
                .into_iter()
                .filter(|action| *action != left_out)
                .collect();
            let told = copy(allow(&others.join(","))).await;
            let action = format!("{} on resource", left_out.trim_matches('"'));
            assert!(told.contains(&action), "{told}");
        }
    }
}
