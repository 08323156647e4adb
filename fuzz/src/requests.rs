//! Targets of `wire`. A request is written as its lines: `METHOD PATH?QUERY`, headers, a blank line, a body.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use wire::chunked::{Announced, Decoder, PayloadCheck};
use wire::model::{Location, Operation};
use wire::query::{self, Form};
use wire::request::Request;
use wire::rest::{self, Addressing, Domains, Route};
use wire::sign::{ChunkWriter, Signer};
use wire::sigv4::{self, Body, ChunkSeed, Endpoint, Payload, Regions, Secret, version2};
use wire::{Service, model, time};

/// AWS's published example of a secret.
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";

fn now() -> Timestamp {
    Timestamp::from_second(1_767_323_045).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn signer<'a>(secret: &'a Secret, service: &'a str) -> Signer<'a> {
    Signer {
        access_key_id: KEY_ID,
        secret,
        session_token: None,
        region: "us-east-1",
        service,
    }
}

/// A request read from its lines. What HTTP would not let through is left out.
struct Lines {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Lines {
    fn read(bytes: &[u8]) -> Lines {
        let mut rest = bytes;
        let mut line = || {
            let end = rest.iter().position(|byte| *byte == b'\n');
            let (line, after) = match end.and_then(|end| rest.split_at_checked(end)) {
                Some((line, after)) => (line, after.get(1..).unwrap_or_default()),
                None => (rest, &[][..]),
            };
            rest = after;
            line
        };
        let first = String::from_utf8_lossy(line()).into_owned();
        let (method, target) = first.split_once(' ').unwrap_or(("GET", &first));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        loop {
            let header = line();
            let Some(colon) = header.iter().position(|byte| *byte == b':') else {
                break;
            };
            let (name, value) = header.split_at_checked(colon).unwrap_or_default();
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            let name = HeaderName::from_bytes(name);
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value))
                && headers.len() < 256
            {
                headers.append(name, value);
            }
        }
        Lines {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            body: rest.to_vec(),
            headers,
        }
    }

    fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
        }
    }
}

fn written(method: &str, target: &str, headers: &HeaderMap, body: &str) -> Vec<u8> {
    let mut lines = format!("{method} {target}\n");
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        lines.push_str(&format!("{name}: {value}\n"));
    }
    lines.push('\n');
    lines.push_str(body);
    lines.into_bytes()
}

fn host() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("localhost:9000"));
    headers
}

pub(crate) const HEAD_WORDS: &[&str] = &[
    "\n",
    "GET ",
    "PUT ",
    "POST ",
    "HEAD ",
    "DELETE ",
    "OPTIONS ",
    "/logs",
    "/logs/k",
    "?",
    "&",
    "=",
    "+",
    "%2F",
    "%",
    "Authorization: ",
    "AWS4-HMAC-SHA256 ",
    "AWS4-ECDSA-P256-SHA256 ",
    "AWS ",
    "Credential=",
    "SignedHeaders=",
    "Signature=",
    ", ",
    "/20260102/us-east-1/s3/aws4_request",
    "host;x-amz-date",
    "x-amz-date: 20260102T030405Z",
    "x-amz-content-sha256: ",
    "UNSIGNED-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "x-amz-security-token: t",
    "X-Amz-Algorithm=AWS4-HMAC-SHA256",
    "X-Amz-Credential=",
    "X-Amz-Date=20260102T030405Z",
    "X-Amz-Expires=",
    "X-Amz-SignedHeaders=host",
    "X-Amz-Signature=",
    "X-Amz-Security-Token=",
    "AWSAccessKeyId=",
    "Signature=",
    "Expires=",
    "Host: logs.localhost:9000",
    "Host: ",
    "x-amz-copy-source: logs/k",
    "uploadId=",
    "uploads",
    "partNumber=1",
    "versionId=null",
    "acl",
    "policy",
    "tagging",
    "list-type=2",
    "delete",
    "publicAccessBlock",
    "Range: bytes=0-1",
    "If-Match: \"x\"",
    "x-amz-meta-a: b",
    "Date: Fri, 02 Jan 2026 03:04:05 GMT",
    "Content-Length: 1",
    "x-amz-decoded-content-length: 3",
    "x-amz-trailer: x-amz-checksum-crc32",
    "/v20180820/configuration/publicAccessBlock",
    "x-amz-account-id: 123456789012",
    "000000000000",
];

pub(crate) fn signed_heads() -> Vec<Vec<u8>> {
    let secret = Secret::new(SECRET);
    let mut seeds = Vec::new();
    for (method, path, query, service) in [
        ("GET", "/logs/a%20b/c", "", "s3"),
        ("PUT", "/logs/k", "partNumber=1&uploadId=u", "s3"),
        ("GET", "/", "list-type=2&prefix=a%2Fb", "s3"),
        ("POST", "/", "", "iam"),
    ] {
        let mut headers = host();
        headers.insert("x-amz-meta-a", HeaderValue::from_static("  b   c "));
        let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        signer(&secret, service).sign_headers(method, path, query, &mut headers, hash, now());
        let target = if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{query}")
        };
        seeds.push(written(method, &target, &headers, ""));
    }
    seeds
}

pub(crate) fn presigned_heads() -> Vec<Vec<u8>> {
    let secret = Secret::new(SECRET);
    let made = |method: &str, path: &str, query: &str| {
        let signer = signer(&secret, "s3");
        let query = signer.presign(method, path, query, &host(), 600, now());
        written(method, &format!("{path}?{query}"), &host(), "")
    };
    vec![
        made("GET", "/logs/k", ""),
        made("PUT", "/logs/a%20b", "x-amz-acl=private"),
        made("GET", "/logs", "list-type=2&prefix=a"),
    ]
}

pub(crate) fn version_2_heads() -> Vec<Vec<u8>> {
    let query = format!(
        "AWSAccessKeyId={KEY_ID}&Expires=1767324045&Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D"
    );
    vec![
        written("GET", &format!("/logs/k?{query}"), &host(), ""),
        written("PUT", &format!("/logs/k?acl&{query}"), &host(), ""),
        written(
            "GET",
            &format!("/logs/k?{query}&x-amz-security-token=t"),
            &host(),
            "",
        ),
    ]
}

/// Version 4 in headers and URLs, of S3 and of Query services.
pub(crate) fn sigv4(bytes: &[u8]) {
    let lines = Lines::read(bytes);
    let request = lines.request();
    let secret = Secret::new(SECRET);
    let endpoints = [
        Endpoint::s3(Regions::Any),
        Endpoint::query("iam", Regions::Any),
        Endpoint::query("sts", Regions::Only("us-east-1".to_owned())),
    ];
    for endpoint in endpoints {
        let Ok(Some(presented)) = sigv4::parse(&request, &endpoint, now()) else {
            continue;
        };
        let key = secret.signing_key(presented.scope());
        for body in [Body::AsDeclared, Body::Sha256(&[0; 32])] {
            if let Ok(verified) = presented.verify(&request, &key, body) {
                assert_eq!(verified.access_key_id(), presented.access_key_id());
                let _ = (verified.signature_age(), verified.payload().text());
            }
        }
        let other = Secret::new("another").signing_key(presented.scope());
        assert!(
            presented
                .verify(&request, &other, Body::Sha256(&[0; 32]))
                .is_err(),
            "another key never verifies"
        );
    }
    let _ = sigv4::anonymous_payload(&request);
    let _ = Announced::read(request.headers);
}

/// Presigned URLs of version 2.
pub(crate) fn version_2(bytes: &[u8]) {
    let lines = Lines::read(bytes);
    let request = lines.request();
    let Ok(Some(url)) = version2::parse(&request, now()) else {
        return;
    };
    let bucket = Domains::default().label(request.host());
    let _ = (url.access_key_id(), url.session_token());
    for secret in [SECRET, "another"] {
        let _ = url.verify(&request, bucket.as_deref(), &Secret::new(secret));
    }
}

pub(crate) fn rest_heads() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for operation in model(Service::S3)
        .operations()
        .filter(|operation| operation.served)
    {
        let target = operation
            .uri
            .replace("{Bucket}", "logs")
            .replace("{Key+}", "a/b%20c");
        let joint = if target.contains('?') { '&' } else { '?' };
        let query = "versionId=null&partNumber=2&uploadId=u&max-keys=3&prefix=p";
        let mut headers = host();
        headers.insert("x-amz-copy-source", HeaderValue::from_static("logs/k"));
        seeds.push(written(
            &operation.method,
            &format!("{target}{joint}{query}"),
            &headers,
            "",
        ));
        seeds.push(written(&operation.method, &target, &host(), "body"));
    }
    let mut headers = host();
    headers.insert("x-amz-account-id", HeaderValue::from_static("123456789012"));
    let target = "/v20180820/configuration/publicAccessBlock";
    seeds.push(written("GET", target, &headers, ""));
    seeds
}

/// Which operation a request is, and its input.
pub(crate) fn rest_route(bytes: &[u8]) {
    let lines = Lines::read(bytes);
    let request = lines.request();
    let domains = Domains::default();
    let service = rest::service(&request, &domains);
    let Ok(route) = rest::route(service, &request, &domains) else {
        return;
    };
    let _ = route.name();
    for body in [None, Some(lines.body.as_slice())] {
        let _ = rest::decode(&route, request.headers, body);
    }
}

pub(crate) const FORM_WORDS: &[&str] = &[
    "&",
    "=",
    "+",
    "%20",
    "%",
    "Action=",
    "Version=2010-05-08",
    "Version=2011-06-15",
    "CreateUser",
    "AssumeRole",
    "UserName=",
    "Tags.member.1.Key=a",
    "Tags.member.1.Value=b",
    ".member.",
    ".entry.",
    ".1.",
    ".0",
    ".99999999999",
    ".member.18446744073709551616.",
    "PolicyArns.member.1.arn=",
    "DurationSeconds=",
    "TagKeys.member.1=",
    "MaxItems=",
    "PolicyDocument=",
    "true",
    "-1",
    "1e3",
    "2026-01-02T03:04:05Z",
];

/// A call of each operation with the members that its model has.
pub(crate) fn forms() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (service, version) in [(Service::Iam, "2010-05-08"), (Service::Sts, "2011-06-15")] {
        let model = model(service);
        for operation in model.operations().filter(|operation| operation.served) {
            let mut form = format!("Action={}&Version={version}", operation.name);
            for member in &model.structure(operation.input).members {
                let name = &member.wire_name;
                form.push_str(&format!(
                    "&{name}=1&{name}.member.1=a&{name}.member.1.Key=b"
                ));
            }
            seeds.push(form.into_bytes());
        }
    }
    seeds.push(b"Action=CreateUser&Version=2010-05-08&UserName=ann&Path=%2Fx%2F".to_vec());
    seeds
}

/// A form of IAM or STS, to an input that was checked.
pub(crate) fn query_body(bytes: &[u8]) {
    let Ok(form) = Form::parse(bytes) else { return };
    let _ = (form.action(), form.version(), form.service());
    for service in [Service::Iam, Service::Sts] {
        if let Ok(call) = query::decode(service, &form) {
            let _ = call.check();
        }
    }
    let _ = form.parse_also(b"Action=x&a=b");
}

pub(crate) const XML_WORDS: &[&str] = &[
    "<",
    ">",
    "</",
    "/>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
    " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "&amp;",
    "&lt;",
    "&#0;",
    "&#x10ffff;",
    "&#xffffffff;",
    "&b;",
    "<x:Tag>",
    "xsi:type=\"Group\"",
    "<Tagging>",
    "<TagSet>",
    "<Tag>",
    "<Key>",
    "<Value>",
    "<Delete>",
    "<Object>",
    "<Quiet>true</Quiet>",
    "<Part>",
    "<PartNumber>",
    "<ETag>",
    "<AccessControlPolicy>",
    "<Owner>",
    "<Grant>",
    "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">",
    "<LifecycleConfiguration>",
    "<Rule>",
    "<Days>",
    "<Date>2026-01-01T00:00:00Z</Date>",
    "<Status>Enabled</Status>",
];

/// The operation's name on the first line, then its body.
pub(crate) fn xml_bodies() -> Vec<Vec<u8>> {
    [
        "PutObjectTagging\n<Tagging><TagSet><Tag><Key>a</Key><Value>1 &amp; 2</Value></Tag></TagSet></Tagging>",
        "DeleteObjects\n<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Object><Key>k</Key><VersionId>null</VersionId></Object><Quiet>true</Quiet></Delete>",
        "CompleteMultipartUpload\n<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"e\"</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part></CompleteMultipartUpload>",
        "PutBucketAcl\n<AccessControlPolicy><Owner><ID>a</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"><ID>a</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
        "PutBucketLifecycleConfiguration\n<?xml version=\"1.0\"?><LifecycleConfiguration><Rule><ID>r</ID><Filter><And><Prefix>p</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And></Filter><Status>Enabled</Status><Expiration><Days>9</Days></Expiration></Rule></LifecycleConfiguration>",
        "CreateBucket\n<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>",
        "PutPublicAccessBlock\n<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>",
        "PutBucketOwnershipControls\n<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// A body for the operation on its first line; for every operation with a body if that names none.
pub(crate) fn xml_body(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (name, body) = bytes.split_at_checked(end).unwrap_or_default();
    let body = body.get(1..).unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    let model = model(Service::S3);
    match model.operation(&name) {
        Some(operation) => decode_body(operation, body),
        None => {
            for operation in model.operations().filter(|operation| operation.served) {
                decode_body(operation, body);
            }
        }
    }
}

fn decode_body(operation: &'static Operation, body: &[u8]) {
    let (route, headers) = route_of(operation);
    let _ = rest::decode(&route, &headers, Some(body));
}

/// A call of an operation with what it requires beside the body.
fn route_of(operation: &'static Operation) -> (Route, HeaderMap) {
    let mut route = Route {
        service: Service::S3,
        target: rest::Target::Operation(operation),
        bucket: Some("logs".to_owned()),
        key: Some("k".to_owned()),
        addressing: Addressing::Path,
        account: None,
        query: Vec::new(),
    };
    let mut headers = host();
    let members = &model(Service::S3).structure(operation.input).members;
    for member in members.iter().filter(|member| member.required) {
        match member.location {
            Location::Query => route.query.push((member.wire_name.clone(), "1".to_owned())),
            Location::Header => {
                if let Ok(name) = HeaderName::from_bytes(member.wire_name.as_bytes()) {
                    headers.insert(name, HeaderValue::from_static("1"));
                }
            }
            Location::Body | Location::Uri | Location::Headers | Location::Status => {}
        }
    }
    (route, headers)
}

pub(crate) const CHUNK_WORDS: &[&str] = &[
    "\r\n",
    "\n",
    "0",
    "0\r\n\r\n",
    "5\r\n",
    ";chunk-signature=",
    "ffffffffffffffff",
    "10000000000000000",
    "x-amz-checksum-crc32:",
    "x-amz-checksum-sha256:",
    "x-amz-trailer-signature:",
    "AAAAAA==",
    ";",
    " ",
    "signed",
    "unsigned-trailer",
    "\n1 2 3\n",
];

const TRAILER: &str = "x-amz-checksum-crc32";

fn seed(payload: &str) -> ChunkSeed {
    let secret = Secret::new(SECRET);
    signer(&secret, "s3").sign_headers("PUT", "/logs/k", "", &mut host(), payload, now())
}

/// The mode, the sizes of the pieces that arrive and the announced length, a line each; then the body.
pub(crate) fn chunked_bodies() -> Vec<Vec<u8>> {
    let full: &[u8] = &[b'a'; 8192];
    (0..MODES.len())
        .flat_map(|mode| {
            [
                in_chunks(mode, "1 7 300", &[b"hello, world!"]),
                in_chunks(mode, "5000", &[full, b"end"]),
            ]
        })
        .collect()
}

/// A body of the mode in chunks of these, and the sizes of the pieces that it arrives in.
pub(crate) fn in_chunks(mode: usize, pieces: &str, chunks: &[&[u8]]) -> Vec<u8> {
    let Some((mode, payload)) = MODES.get(mode) else {
        return Vec::new();
    };
    let mut writer = if mode.starts_with("signed") {
        ChunkWriter::signed(seed(payload))
    } else {
        ChunkWriter::unsigned()
    };
    let length: usize = chunks.iter().map(|chunk| chunk.len()).sum();
    let mut body = format!("{mode}\n{pieces}\n{length}\n").into_bytes();
    for chunk in chunks {
        body.extend(writer.chunk(chunk));
    }
    body.extend(if mode.ends_with("trailer") {
        writer.end_with(&[(TRAILER.to_owned(), "AAAAAA==".to_owned())])
    } else {
        writer.end()
    });
    body
}

const MODES: [(&str, &str); 3] = [
    ("signed", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
    (
        "signed-trailer",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    ),
    ("unsigned-trailer", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
];

/// A chunked body, whole and in pieces: the payload is the same, or both fail.
pub(crate) fn chunked(bytes: &[u8]) {
    assert_eq!(
        decode_chunks(bytes, Cut::Nowhere),
        decode_chunks(bytes, Cut::AsToldInIt),
        "cuts change nothing"
    );
}

#[derive(PartialEq)]
enum Cut {
    Nowhere,
    AsToldInIt,
}

/// Payload and trailers.
type Decoded = (Vec<u8>, Vec<(String, String)>);

fn decode_chunks(bytes: &[u8], cut: Cut) -> Option<Decoded> {
    let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (mode, sizes, length, body) = (line(), line(), line(), line());
    let mode = MODES.iter().find(|(name, _)| name.as_bytes() == mode);
    let (mode, payload_text) = *mode.or(MODES.last())?;
    let payload = Payload::parse(payload_text).ok()?;
    let mut headers = host();
    if mode.ends_with("trailer") {
        headers.insert("x-amz-trailer", HeaderValue::from_static(TRAILER));
    }
    if let Ok(length) = HeaderValue::from_bytes(length) {
        headers.insert("x-amz-decoded-content-length", length);
    }
    let announced = Announced::read(&headers).ok()?;
    let sizes = match cut {
        Cut::Nowhere => String::new(),
        Cut::AsToldInIt => String::from_utf8_lossy(sizes).into_owned(),
    };
    let sizes: Vec<usize> = sizes
        .split(' ')
        .filter_map(|size| size.parse().ok())
        .collect();
    let mut sizes = sizes.iter().cycle();
    let seed = mode.starts_with("signed").then(|| seed(payload_text));
    let mut decoder = Decoder::new(&payload, seed, announced)?;
    let mut check = PayloadCheck::new(&payload);
    let mut rest = Bytes::copy_from_slice(body);
    let mut read = Vec::new();
    while !rest.is_empty() {
        let size = sizes
            .next()
            .map_or(rest.len(), |size| (*size).clamp(1, rest.len()));
        for piece in decoder.push(rest.split_to(size)).ok()? {
            check.update(&piece);
            read.extend_from_slice(&piece);
        }
    }
    Some((read, decoder.finish().ok()?))
}

pub(crate) const DATE_WORDS: &[&str] = &[
    "2026",
    "0000",
    "9999",
    "-",
    ":",
    "T",
    "Z",
    "z",
    "+02:00",
    "-23:59",
    ".123456789",
    "20260102T030405Z",
    "GMT",
    "Fri, ",
    "Jan",
    "24:00:00",
    "60",
    "02-30",
    "13",
    " ",
];

pub(crate) fn date_texts() -> Vec<Vec<u8>> {
    [
        "20260102T030405Z",
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.678+02:00",
        "Fri, 02 Jan 2026 03:04:05 GMT",
        "2026-01-02",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// Dates in every form; what is read in the basic form is written so too.
pub(crate) fn dates(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    if let Some(read) = time::parse_basic(text) {
        assert_eq!(time::basic(read), text);
    }
    for read in [time::parse_iso8601(text), time::parse_http_date(text)]
        .into_iter()
        .flatten()
    {
        let _ = (
            time::iso8601(read),
            time::iso8601_millis(read),
            time::imf_fixdate(read),
            time::basic(read),
        );
        assert_eq!(time::from_value(&time::to_value(read)), Some(read));
    }
    let _ = time::from_value(&serde_json::Value::from(text));
}

pub(crate) const POST_WORDS: &[&str] = &[
    "\"expiration\":",
    "\"2026-12-30T12:00:00.000Z\"",
    "\"conditions\":",
    "[\"starts-with\",",
    "[\"eq\",",
    "\"$key\"",
    "\"content-length-range\"",
    "{\"bucket\":\"logs\"}",
    "{\"acl\":",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\\u0000",
    "\"",
    "0",
    "1e400",
];

pub(crate) fn post_policies() -> Vec<Vec<u8>> {
    [
        r#"{"expiration":"2026-12-30T12:00:00.000Z","conditions":[{"bucket":"logs"},["starts-with","$key","user/"],{"acl":"private"},["content-length-range",1,100],["eq","$x-amz-meta-a","b"]]}"#,
        r#"{"expiration":"2026-12-30T12:00:00Z","conditions":[]}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// The policy of a POST form, before its base64, and the fields that it is checked with.
pub(crate) fn post_form(bytes: &[u8]) {
    let fields = [
        ("key", "user/a"),
        ("acl", "private"),
        ("x-amz-meta-a", "b"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        (
            "X-Amz-Credential",
            "AKIAIOSFODNN7EXAMPLE/20260102/us-east-1/s3/aws4_request",
        ),
        ("X-Amz-Date", "20260102T030405Z"),
        ("X-Amz-Signature", "00"),
    ];
    let mut fields: Vec<(String, String)> = fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let text = String::from_utf8_lossy(bytes).into_owned();
    let encoded = base64(bytes);
    for policy in [&encoded, &text] {
        if let Ok(policy) = wire::post::Policy::parse(policy) {
            let _ = policy.check(&fields, "logs", now());
        }
    }
    fields.push(("policy".to_owned(), encoded));
    fields.push((text.chars().take(64).collect(), text));
    if let Ok(Some(credentials)) = wire::post::credentials(&fields) {
        let endpoint = Endpoint::s3(Regions::Any);
        if let Ok(presented) = sigv4::Presented::from_post(&credentials, &endpoint, now()) {
            let key = Secret::new(SECRET).signing_key(presented.scope());
            let _ = presented.verify_post(credentials.policy, &key);
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut bits = 0_u32;
        for place in 0..3 {
            bits = bits << 8 | u32::from(three.get(place).copied().unwrap_or(0));
        }
        for digit in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap_or(0);
            let byte = DIGITS.get(index).copied().unwrap_or(b'=');
            text.push(if digit <= three.len() {
                char::from(byte)
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    // A corpus that is refused at the first check tests only that check.

    #[test]
    fn the_chunked_seeds_decode() {
        for seed in chunked_bodies() {
            let decoded = decode_chunks(&seed, Cut::AsToldInIt);
            assert!(decoded.is_some(), "{}", String::from_utf8_lossy(&seed));
        }
    }

    #[test]
    fn the_signed_seeds_verify() {
        let secret = Secret::new(SECRET);
        for seed in signed_heads().iter().chain(&presigned_heads()) {
            let lines = Lines::read(seed);
            let query = seed.windows(5).any(|part| part == b"/iam/");
            let (endpoint, body) = if query {
                let hash = [
                    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99,
                    0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95,
                    0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
                ];
                (Endpoint::query("iam", Regions::Any), hash)
            } else {
                (Endpoint::s3(Regions::Any), [0; 32])
            };
            let presented = sigv4::parse(&lines.request(), &endpoint, now())
                .unwrap()
                .unwrap();
            let key = secret.signing_key(presented.scope());
            let body = if query {
                Body::Sha256(&body)
            } else {
                Body::AsDeclared
            };
            presented.verify(&lines.request(), &key, body).unwrap();
        }
    }

    #[test]
    fn the_bodies_and_heads_are_read() {
        for seed in xml_bodies() {
            let text = String::from_utf8(seed).unwrap();
            let (name, body) = text.split_once('\n').unwrap();
            let operation = model(Service::S3).operation(name).unwrap();
            let route = route_of(operation).0;
            rest::decode(&route, &route_of(operation).1, Some(body.as_bytes())).expect(name);
        }
        // Some operations cannot do without a parameter that the model's address does not have.
        let routed = |seed: &Vec<u8>| {
            let lines = Lines::read(seed);
            let domains = Domains::default();
            let service = rest::service(&lines.request(), &domains);
            rest::route(service, &lines.request(), &domains).is_ok()
        };
        let heads = rest_heads();
        let count = heads.iter().filter(|seed| routed(seed)).count();
        assert!(count > heads.len() * 3 / 4, "{count} of {}", heads.len());
        for seed in version_2_heads() {
            let lines = Lines::read(&seed);
            assert!(version2::parse(&lines.request(), now()).unwrap().is_some());
        }
        for seed in post_policies() {
            wire::post::Policy::parse(&base64(&seed)).unwrap();
        }
    }
}
