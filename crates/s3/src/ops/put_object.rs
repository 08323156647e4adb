//! PutObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
use catalog::{AccountId, Object, s3};
use gate::{Ask, Authorized, Identity, Operation};

use crate::checksum::{self, Declared};
use crate::conditions::{AnyEtag, WriteCondition};
use crate::upload::Upload;
use crate::{
    Body, Request, Response, S3Error, S3Operation, Stores, customer_key, lifecycle, reading,
    receiving,
};

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
    length: Option<u64>,
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
        let customer = input.upload.customer.clone();
        customer_key::admit(&stores.vault, &permit, customer.as_ref(), "s3:PutObject")?;
        let new = input
            .upload
            .new_object(&bucket, &permit.identity().caller, &stores.vault)
            .await?;
        let algorithm = input.declared.algorithm().unwrap_or(checksum::DEFAULT);
        let mut writer = stores
            .vault
            .write_object(&permit, algorithm, input.length, customer.as_ref())
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
        customer_key::put_headers(&mut response, customer.as_ref());
        response.set_some("x-amz-version-id", stored.version.as_deref());
        reading::put_checksum(&mut response, &stored);
        lifecycle::put_expiration_of(&mut response, &stores.vault, &permit, &stored);
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use digest::{Algorithm, digest_of};

    use crate::Frame;
    use crate::testing::{World, anonymous, header_map, root, user};

    #[tokio::test]
    async fn a_body_that_is_not_what_was_declared_is_not_stored() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        for (headers, wanted) in [
            (
                vec![("content-md5", "kAFQmDzST7DWlj99KOF/cg==")],
                "400 BadDigest: The Content-MD5 you specified did not match what we received. ExpectedDigest=900150983cd24fb0d6963f7d28e17f72 CalculatedDigest=XUFAKrxLKna5cZ2REBfFkg==",
            ),
            (
                vec![("content-md5", "__invalid__")],
                "400 InvalidDigest: The Content-MD5 you specified was invalid. Content-MD5=__invalid__",
            ),
            (
                vec![("x-amz-checksum-sha1", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=")],
                "400 BadDigest: The SHA1 you specified did not match the calculated checksum.",
            ),
            (
                vec![("content-length", "6")],
                "400 IncompleteBody: The request body terminated unexpectedly",
            ),
            (
                vec![("content-length", "4")],
                "400 IncompleteBody: The request body terminated unexpectedly",
            ),
            (
                vec![("content-length", "5368709121")],
                "400 EntityTooLarge: Your proposed upload exceeds the maximum allowed size ProposedSize=5368709121 MaxSizeAllowed=5368709120",
            ),
        ] {
            let told = world
                .send_with(&owner, "PUT /logs/k", &headers, "hello")
                .await
                .told();
            assert_eq!(told, wanted);
        }
        assert_eq!(
            world.send(&owner, "GET /logs/k").await.error().code,
            "NoSuchKey"
        );
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_not_stored() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let headers = header_map(&[
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", "5"),
            ("content-encoding", "aws-chunked"),
            ("x-amz-trailer", "x-amz-checksum-crc32c"),
        ]);
        let sum = digest_of(Algorithm::Crc32c, b"hello").base64();
        let trailers = |sum: &str| Frame::Trailers(header_map(&[("x-amz-checksum-crc32c", sum)]));
        let data = || Frame::Data(Bytes::from_static(b"hello"));
        let cases = [
            (vec![data()], "MalformedTrailerError"),
            (vec![data(), trailers("AAAAAA==")], "BadDigest"),
            (vec![data(), trailers("A")], "InvalidRequest"),
        ];
        for (frames, code) in cases {
            let sent = world
                .send_frames(&owner, "PUT /logs/k", headers.clone(), frames)
                .await;
            assert_eq!(sent.error().code, code);
        }
        assert_eq!(
            world.send(&owner, "GET /logs/k").await.error().code,
            "NoSuchKey"
        );
        let frames = vec![data(), trailers(&sum)];
        let put = world
            .send_frames(&owner, "PUT /logs/k", headers, frames)
            .await
            .ok();
        assert_eq!(put.header("x-amz-checksum-crc32c"), sum);
        let got = world.send(&owner, "GET /logs/k").await.ok();
        assert_eq!(
            (got.text().as_str(), got.header("content-encoding")),
            ("hello", "")
        );
    }

    #[tokio::test]
    async fn a_write_may_have_a_condition() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let put = |headers: Vec<(&'static str, String)>| {
            let (world, owner) = (&world, &owner);
            async move {
                let headers: Vec<(&str, &str)> = headers
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                world
                    .send_with(owner, "PUT /logs/k", &headers, "hello")
                    .await
                    .told()
            }
        };
        let absent = || vec![("if-none-match", "*".to_owned())];
        let etag = || {
            vec![(
                "if-match",
                "\"5d41402abc4b2a76b9719d911017c592\"".to_owned(),
            )]
        };
        assert_eq!(
            put(etag()).await,
            "404 NoSuchKey: The specified key does not exist. Key=k"
        );
        assert_eq!(put(absent()).await, "200 ok");
        assert_eq!(
            put(absent()).await,
            "412 PreconditionFailed: At least one of the pre-conditions you specified did not hold Condition=If-None-Match"
        );
        assert_eq!(put(etag()).await, "200 ok");
        assert_eq!(
            put(vec![("if-match", "\"other\"".to_owned())]).await,
            "412 PreconditionFailed: At least one of the pre-conditions you specified did not hold Condition=If-Match"
        );
        assert_eq!(
            put(vec![("if-none-match", "abc".to_owned())]).await,
            "501 NotImplemented: A header you provided implies functionality that is not implemented Header=If-None-Match additionalMessage=We don't accept the provided value of If-None-Match header for this API"
        );
    }

    #[tokio::test]
    async fn what_is_not_built_is_refused_by_name() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        for (header, value) in [
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-object-lock-legal-hold", "ON"),
            ("x-amz-checksum-sha512", "AA=="),
        ] {
            let sent = world
                .send_with(&owner, "PUT /logs/k", &[(header, value)], "hello")
                .await;
            let error = sent.error();
            assert_eq!(
                (error.status, error.code.as_str()),
                (501, "NotImplemented"),
                "{header}"
            );
            assert_eq!(error.fields, [("Header".to_owned(), header.to_owned())]);
        }
        let told = world.send(&owner, "GET /logs?replication").await.told();
        assert_eq!(
            told,
            "501 NotImplemented: The operation GetBucketReplication is not implemented."
        );
    }

    #[tokio::test]
    async fn metadata_has_a_limit() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let value = "v".repeat(2047);
        let sent = [("x-amz-meta-k", value.as_str())];
        assert_eq!(
            world
                .send_with(&owner, "PUT /logs/k", &sent, "")
                .await
                .told(),
            "200 ok"
        );
        let sent = [("x-amz-meta-kk", value.as_str())];
        assert_eq!(
            world
                .send_with(&owner, "PUT /logs/k", &sent, "")
                .await
                .told(),
            "400 MetadataTooLarge: Your metadata headers exceed the maximum allowed metadata size Size=2049 MaxSizeAllowed=2048"
        );
    }

    #[tokio::test]
    async fn tags_and_acls_need_their_own_permission() {
        let world = World::with_bucket().await;
        let allow = r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}"#;
        let ann = user("111122223333", "ann", allow);
        assert_eq!(
            world.send_with(&ann, "PUT /logs/k", &[], "x").await.told(),
            "200 ok"
        );
        for (header, value, action) in [
            ("x-amz-tagging", "a=1", "s3:PutObjectTagging"),
            ("x-amz-acl", "bucket-owner-full-control", "s3:PutObjectAcl"),
        ] {
            let sent = world
                .send_with(&ann, "PUT /logs/k", &[(header, value)], "x")
                .await;
            let error = sent.error();
            assert_eq!(error.code, "AccessDenied");
            assert!(error.message.contains(action), "{}", error.message);
        }
    }

    #[tokio::test]
    async fn conditions_see_the_headers_as_sent() {
        let world = World::with_bucket().await;
        let statement = r#"{"Effect":"Allow","Action":["s3:PutObject","s3:PutObjectTagging"],"Resource":"*",
            "Condition":{"StringEquals":{"s3:RequestObjectTag/team":"red","s3:x-amz-storage-class":"STANDARD_IA"}}}"#;
        let both = r#"{"Effect":"Allow","Action":"s3:PutObjectTagging","Resource":"*"}"#;
        let ann = user("111122223333", "ann", &format!("{statement},{both}"));
        let good = [
            ("x-amz-tagging", "team=red"),
            ("x-amz-storage-class", "STANDARD_IA"),
        ];
        assert_eq!(
            world
                .send_with(&ann, "PUT /logs/k", &good, "x")
                .await
                .told(),
            "200 ok"
        );
        for bad in [
            vec![
                ("x-amz-tagging", "team=blue"),
                ("x-amz-storage-class", "STANDARD_IA"),
            ],
            vec![("x-amz-tagging", "team=red")],
            vec![("x-amz-storage-class", "STANDARD_IA")],
        ] {
            let sent = world.send_with(&ann, "PUT /logs/k", &bad, "x").await;
            assert_eq!(sent.error().code, "AccessDenied");
        }
    }

    #[tokio::test]
    async fn strangers_are_refused_and_expected_owners_are_compared() {
        let world = World::with_bucket().await;
        for who in [anonymous(), root("444455556666")] {
            let sent = world.send_with(&who, "PUT /logs/k", &[], "x").await;
            let error = sent.error();
            assert_eq!(
                (error.status, error.message.as_str()),
                (403, "Access Denied")
            );
        }
        let owner = root("111122223333");
        let expected = |account| [("x-amz-expected-bucket-owner", account)];
        let sent = world
            .send_with(&owner, "PUT /logs/k", &expected("444455556666"), "x")
            .await;
        assert_eq!(sent.told(), "403 AccessDenied: Access Denied");
        let sent = world
            .send_with(&owner, "PUT /logs/k", &expected("0000"), "x")
            .await;
        assert_eq!(
            sent.told(),
            "400 InvalidBucketOwnerAWSAccountID: The value of the expected bucket owner parameter must be an AWS Account ID... [0000]"
        );
        let sent = world
            .send_with(&owner, "PUT /logs/k", &expected("111122223333"), "x")
            .await;
        assert_eq!(sent.told(), "200 ok");
        let none = world
            .send_with(&owner, "PUT /absent/k", &[], "x")
            .await
            .told();
        assert_eq!(
            none,
            "404 NoSuchBucket: The specified bucket does not exist BucketName=absent"
        );
    }

    fn files(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(files(&path));
            } else {
                found.push(path);
            }
        }
        found
    }

    #[tokio::test]
    async fn no_body_is_at_rest_in_plain_text() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let secret = "kept between us ";
        for (key, times) in [("small", 3), ("large", 20_000)] {
            let line = format!("PUT /logs/{key}");
            world
                .send_with(&owner, &line, &[], secret.repeat(times))
                .await
                .ok();
            let got = world.send(&owner, &format!("GET /logs/{key}")).await.ok();
            assert_eq!(got.text(), secret.repeat(times));
        }
        let mut bytes_seen = 0;
        for path in files(world.directory.path()) {
            let bytes = std::fs::read(&path).unwrap();
            bytes_seen += bytes.len();
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{}", path.display());
        }
        assert!(bytes_seen > 320_000, "the bodies are elsewhere");
    }

    #[tokio::test]
    async fn an_uploader_of_another_account_owns_what_it_writes_where_acls_count() {
        let world = World::new().await;
        let owner = root("111122223333");
        let headers = [("x-amz-object-ownership", "ObjectWriter")];
        world
            .send_with(&owner, "PUT /shared", &headers, "")
            .await
            .ok();
        world
            .send(&owner, "DELETE /shared?publicAccessBlock")
            .await
            .ok();
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
            "Principal":{"AWS":"arn:aws:iam::444455556666:root"},
            "Action":["s3:PutObject","s3:PutObjectAcl"],"Resource":"arn:aws:s3:::shared/*"}]}"#;
        world
            .send_with(&owner, "PUT /shared?policy", &[], policy)
            .await
            .ok();
        let other = root("444455556666");
        let put = |key: &'static str, acl: &'static str| {
            let (world, other) = (&world, &other);
            async move {
                let headers = [("x-amz-acl", acl)];
                world
                    .send_with(other, &format!("PUT /shared/{key}"), &headers, "x")
                    .await
                    .told()
            }
        };
        assert_eq!(put("closed", "private").await, "200 ok");
        assert_eq!(put("open", "bucket-owner-full-control").await, "200 ok");
        assert_eq!(put("public", "public-read").await, "200 ok");
        let get = |who, key: &'static str| {
            let world = &world;
            async move { world.send(&who, &format!("GET /shared/{key}")).await.told() }
        };
        // The famous surprise: the bucket owner cannot read it.
        assert!(
            get(owner.clone(), "closed")
                .await
                .starts_with("403 AccessDenied")
        );
        assert_eq!(get(owner.clone(), "open").await, "200 ok");
        assert_eq!(get(other.clone(), "closed").await, "200 ok");
        assert_eq!(get(anonymous(), "public").await, "200 ok");
        assert!(get(anonymous(), "open").await.starts_with("403"));
        // Yet may always delete it.
        assert_eq!(
            world.send(&owner, "DELETE /shared/closed").await.told(),
            "204 ok"
        );
        let list = world.send(&owner, "GET /shared").await.ok();
        assert!(
            list.elements("ID")
                .iter()
                .all(|id| id.starts_with("444455556666"))
        );
    }

    #[tokio::test]
    async fn tags_are_read_replaced_and_removed() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        world
            .send_with(&owner, "PUT /logs/k", &[("x-amz-tagging", "a=1")], "x")
            .await
            .ok();
        let got = world.send(&owner, "GET /logs/k?tagging").await.ok();
        assert_eq!(
            (got.element("Key"), got.element("Value")),
            ("a".to_owned(), "1".to_owned())
        );
        let tags = "<Tagging><TagSet><Tag><Key>b</Key><Value>2</Value></Tag><Tag><Key>c</Key><Value/></Tag></TagSet></Tagging>";
        let before = world.send(&owner, "HEAD /logs/k").await.ok();
        world
            .send_with(&owner, "PUT /logs/k?tagging", &[], tags)
            .await
            .ok();
        let got = world.send(&owner, "GET /logs/k?tagging").await.ok();
        assert_eq!(got.elements("Key"), ["b", "c"]);
        // Changing tags changes nothing else.
        let after = world.send(&owner, "HEAD /logs/k").await.ok();
        assert_eq!(
            before.header("last-modified"),
            after.header("last-modified")
        );
        assert_eq!(after.header("x-amz-tagging-count"), "2");
        assert_eq!(
            world.send(&owner, "DELETE /logs/k?tagging").await.told(),
            "204 ok"
        );
        let got = world.send(&owner, "GET /logs/k?tagging").await.ok();
        assert!(got.elements("Key").is_empty());
        let none = "<Tagging><TagSet/></Tagging>";
        assert_eq!(
            world
                .send_with(&owner, "PUT /logs/k?tagging", &[], none)
                .await
                .told(),
            "200 ok"
        );
        assert_eq!(
            world
                .send_with(&owner, "PUT /logs/absent?tagging", &[], tags)
                .await
                .told(),
            "404 NoSuchKey: The specified key does not exist. Key=absent"
        );
        let nonsense = world
            .send_with(&owner, "PUT /logs/k?tagging", &[], "<Tagging/>")
            .await;
        assert_eq!(nonsense.error().code, "MalformedXML");
    }

    #[tokio::test]
    async fn tags_of_the_object_decide_where_a_policy_names_them() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        for (key, tag) in [("red", "team=red"), ("blue", "team=blue")] {
            let line = format!("PUT /logs/{key}");
            world
                .send_with(&owner, &line, &[("x-amz-tagging", tag)], "x")
                .await
                .ok();
        }
        let statement = r#"{"Effect":"Allow","Action":["s3:GetObject","s3:GetObjectTagging"],"Resource":"*",
            "Condition":{"StringEquals":{"s3:ExistingObjectTag/team":"red"}}}"#;
        let ann = user("111122223333", "ann", statement);
        assert_eq!(world.send(&ann, "GET /logs/red").await.told(), "200 ok");
        assert_eq!(
            world.send(&ann, "GET /logs/red?tagging").await.told(),
            "200 ok"
        );
        assert_eq!(
            world.send(&ann, "GET /logs/blue").await.error().code,
            "AccessDenied"
        );
        assert_eq!(
            world
                .send(&ann, "GET /logs/blue?tagging")
                .await
                .error()
                .code,
            "AccessDenied"
        );
        // A copy's source is judged without its tags; a part that is copied, with them.
        let put =
            r#"{"Effect":"Allow","Action":["s3:PutObject","s3:PutObjectTagging"],"Resource":"*"}"#;
        let ann = user("111122223333", "ann", &format!("{statement},{put}"));
        let from = [("x-amz-copy-source", "logs/red")];
        let copied = world.send_with(&ann, "PUT /logs/copy", &from, "").await;
        assert_eq!(copied.error().code, "AccessDenied");
        let created = world.send(&ann, "POST /logs/copy?uploads").await.ok();
        let line = format!(
            "PUT /logs/copy?partNumber=1&uploadId={}",
            created.element("UploadId")
        );
        let part = world.send_with(&ann, &line, &from, "").await;
        assert_eq!(part.told(), "200 ok");
    }
}
