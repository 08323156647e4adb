use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::Value;

use super::*;
use crate::chunked::{Announced, Decoder};
use crate::sign::{ChunkWriter, Signer, encode_path, encode_query};
use crate::time;

const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/data/sigv4-vectors.json")).unwrap()
}

fn secret() -> Secret {
    Secret::new(vectors()["secretAccessKey"].as_str().unwrap())
}

fn now() -> Timestamp {
    time::parse_basic("20130524T000000Z").unwrap()
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() + seconds).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    headers
}

/// A vector as a request: path and query encoded, with the names of all its headers.
struct Case {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    names: Vec<String>,
    scope: Scope,
    style: Style,
}

fn case(vector: &Value) -> Case {
    let text = |name: &str| vector[name].as_str().unwrap().to_owned();
    let pairs: Vec<(&str, &str)> = vector["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let headers = headers(&pairs);
    let mut names: Vec<String> = headers
        .keys()
        .map(|name| name.as_str().to_owned())
        .collect();
    names.sort();
    let query: Vec<String> = vector["query"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| {
            let half = |index: usize| encode_query(pair[index].as_str().unwrap());
            format!("{}={}", half(0), half(1))
        })
        .collect();
    Case {
        method: text("method"),
        path: encode_path(&text("decodedPath")),
        query: query.join("&"),
        headers,
        names,
        scope: Scope {
            date: "20130524".to_owned(),
            region: text("region"),
            service: text("service"),
        },
        style: if vector["service"] == "s3" {
            Style::S3
        } else {
            Style::Query
        },
    }
}

impl Case {
    fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
        }
    }
}

#[test]
fn the_published_signatures_come_out() {
    let all = vectors();
    for vector in all["requests"].as_array().unwrap() {
        let case = case(vector);
        let payload_hash = vector["payloadHash"].as_str().unwrap();
        let canonical =
            canonical::request(case.style, &case.request(), &case.names, payload_hash).unwrap();
        assert_eq!(
            String::from_utf8(canonical.clone()).unwrap(),
            vector["canonicalRequest"].as_str().unwrap(),
            "{}",
            vector["name"]
        );
        let to_sign = canonical::string_to_sign("20130524T000000Z", &case.scope, &canonical);
        assert_eq!(to_sign, vector["stringToSign"].as_str().unwrap());
        let key = secret().signing_key(&case.scope);
        let signature = vector["signature"].as_str().unwrap();
        assert_eq!(
            key.sign(to_sign.as_bytes()),
            signature,
            "{}",
            vector["name"]
        );
        assert!(key.matches(to_sign.as_bytes(), signature));
    }
}

#[test]
fn the_vectors_pass_the_verifier_and_nothing_else_does() {
    let all = vectors();
    for vector in all["requests"].as_array().unwrap() {
        let mut case = case(vector);
        let signature = vector["signature"].as_str().unwrap();
        if case.query.contains("X-Amz-Algorithm") {
            case.query.push_str("&X-Amz-Signature=");
            case.query.push_str(signature);
        } else {
            let authorization = format!(
                "AWS4-HMAC-SHA256 Credential={KEY_ID}/{},SignedHeaders={},Signature={signature}",
                case.scope.text(),
                case.names.join(";")
            );
            case.headers
                .insert("authorization", authorization.parse().unwrap());
        }
        let endpoint = Endpoint {
            style: case.style,
            service: if case.style == Style::S3 {
                "s3"
            } else if vector["service"] == "sts" {
                "sts"
            } else {
                "execute-api"
            },
            regions: Regions::Only("us-east-1".to_owned()),
        };
        let presented = parse(&case.request(), &endpoint, now()).unwrap().unwrap();
        assert_eq!(presented.access_key_id(), KEY_ID);
        let mut hash = [0; 32];
        let body = match case.style {
            Style::S3 => Body::AsDeclared,
            Style::Query => {
                hex::decode_to_slice(vector["payloadHash"].as_str().unwrap(), &mut hash).unwrap();
                Body::Sha256(&hash)
            }
        };
        let key = secret().signing_key(presented.scope());
        let verified = presented.verify(&case.request(), &key, body).unwrap();
        assert_eq!(verified.signature_age(), Duration::ZERO);
        // Another secret, another path, another method.
        let wrong = Secret::new("other").signing_key(presented.scope());
        assert_eq!(
            presented
                .verify(&case.request(), &wrong, body)
                .unwrap_err()
                .code,
            "SignatureDoesNotMatch"
        );
        let mut moved = case.request();
        moved.path = "/elsewhere";
        assert_eq!(
            presented.verify(&moved, &key, body).unwrap_err().status,
            403
        );
        let mut other = case.request();
        other.method = "DELETE";
        assert_eq!(
            presented.verify(&other, &key, body).unwrap_err().status,
            403
        );
    }
}

#[test]
fn the_derived_key_is_the_published_one() {
    let all = vectors();
    let published = &all["postPolicyPublished"];
    let text = |name: &str| published[name].as_str().unwrap();
    let scope = Scope {
        date: text("date").to_owned(),
        region: text("region").to_owned(),
        service: "s3".to_owned(),
    };
    let credential = format!("AKIAIOSFODNN7EXAMPLE/{}", scope.text());
    let mut fields = PostFields {
        algorithm: "AWS4-HMAC-SHA256",
        credential: &credential,
        date: "20151229T000000Z",
        signature: text("signature"),
        session_token: None,
        policy: text("policyBase64"),
    };
    let endpoint = Endpoint::s3(Regions::Any);
    let presented = Presented::from_post(&fields, &endpoint, now()).unwrap();
    let key = secret().signing_key(presented.scope());
    let verified = presented.verify_post(fields.policy, &key).unwrap();
    assert_eq!(verified.auth_type().as_str(), "POST");
    assert!(presented.verify_post("other", &key).is_err());
    fields.date = "20151230T000000Z";
    let error = Presented::from_post(&fields, &endpoint, now()).unwrap_err();
    assert_eq!(error.fields[0].1, "x-amz-credential");
}

fn seed_of(name: &str) -> (Payload, ChunkSeed, Announced) {
    let all = vectors();
    let vector = all["requests"]
        .as_array()
        .unwrap()
        .iter()
        .find(|vector| vector["name"] == name)
        .unwrap();
    let case = case(vector);
    let seed = ChunkSeed {
        access_key_id: KEY_ID.to_owned(),
        key: secret().signing_key(&case.scope),
        date_text: "20130524T000000Z".to_owned(),
        scope: case.scope.text(),
        signature: vector["signature"].as_str().unwrap().to_owned(),
    };
    let payload = Payload::parse(vector["payloadHash"].as_str().unwrap()).unwrap();
    (payload, seed, Announced::read(&case.headers).unwrap())
}

#[test]
fn the_published_chunks_are_written_and_read() {
    let all = vectors();
    for (seed, chunks, trailer) in [
        ("chunked-seed", "chunks", None),
        ("trailer-seed", "trailerChunks", Some("sOO8/Q==")),
    ] {
        let (payload, seed, announced) = seed_of(seed);
        let mut writer = ChunkWriter::signed(seed.clone());
        let mut body = writer.chunk(&[b'a'; 65536]);
        body.extend(writer.chunk(&[b'a'; 1024]));
        match trailer {
            None => body.extend(writer.end()),
            Some(value) => body
                .extend(writer.end_with(&[("x-amz-checksum-crc32c".to_owned(), value.to_owned())])),
        }
        let text = String::from_utf8(body.clone()).unwrap();
        for chunk in all[chunks]["list"].as_array().unwrap() {
            let wanted = format!(
                "{:x};chunk-signature={}\r\n",
                chunk["size"].as_u64().unwrap(),
                chunk["signature"].as_str().unwrap()
            );
            assert!(text.contains(&wanted), "{wanted}");
        }
        if trailer.is_some() {
            assert!(text.contains(all[chunks]["trailerSignature"].as_str().unwrap()));
        }
        let mut decoder = Decoder::new(&payload, Some(seed), announced).unwrap();
        let pieces = decoder.push(Bytes::from(body)).unwrap();
        assert_eq!(pieces.concat(), vec![b'a'; 66560]);
        assert_eq!(
            decoder.finish().unwrap().len(),
            usize::from(trailer.is_some())
        );
    }
}

fn signed(pairs: &[(&str, &str)], payload: &str) -> HeaderMap {
    let secret = secret();
    let signer = Signer {
        access_key_id: KEY_ID,
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "s3",
    };
    let mut headers = headers(pairs);
    signer.sign_headers("GET", "/b/k", "", &mut headers, payload, now());
    headers
}

fn told(headers: &HeaderMap, query: &str, now: Timestamp) -> AwsError {
    let request = Request {
        method: "GET",
        path: "/b/k",
        query,
        headers,
    };
    let endpoint = Endpoint::s3(Regions::Only("us-east-1".to_owned()));
    parse(&request, &endpoint, now).unwrap_err()
}

type Change<'a> = &'a dyn Fn(&str) -> String;

#[test]
fn authorization_headers_are_refused_in_the_words_of_s3() {
    let good = signed(&[("host", "h")], "UNSIGNED-PAYLOAD");
    let with = |change: &dyn Fn(&str) -> String| {
        let mut headers = good.clone();
        let value = change(headers["authorization"].to_str().unwrap());
        headers.insert("authorization", value.parse().unwrap());
        let error = told(&headers, "", now());
        format!("{} {} {}", error.status, error.code, error.message)
    };
    let malformed = "400 AuthorizationHeaderMalformed The authorization header is malformed; ";
    let three = "the authorization header requires three components: Credential, SignedHeaders, and Signature.";
    let table: [(Change<'_>, String); 14] = [
        (&|_| "AWS AKID:sig".to_owned(), "400 InvalidRequest The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.".to_owned()),
        (&|_| "Basic x".to_owned(), "400 InvalidArgument Unsupported Authorization Type".to_owned()),
        (&|_| "AWS4-HMAC-SHA256".to_owned(), "400 InvalidArgument Authorization header is invalid -- one and only one ' ' (space) required.".to_owned()),
        (&|text| text.replace(", Signature=", ", Signatura="), format!("{malformed}{three}")),
        (&|text| format!("{text}, Signature=1"), format!("{malformed}{three}")),
        (&|text| format!("{text}, x"), format!("{malformed}the authorization component \"x\" is malformed.")),
        (&|_| "AWS4-HMAC-SHA256 Credential=, SignedHeaders=a, Signature=b".to_owned(), format!("{malformed}missing Credential.")),
        (&|text| text.replace("/aws4_request", ""), format!("{malformed}the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".")),
        (&|text| text.replace("/20130524/", "/2013052/"), format!("{malformed}incorrect date format \"2013052\". This date in the credential must be in the format \"yyyyMMdd\".")),
        (&|text| text.replace("us-east-1", "eu-west-1"), format!("{malformed}the region 'eu-west-1' is wrong; expecting 'us-east-1'")),
        (&|text| text.replace("/s3/", "/sts/"), format!("{malformed}incorrect service \"sts\". This endpoint belongs to \"s3\".")),
        (&|text| text.replace("aws4_request", "aws5"), format!("{malformed}incorrect terminal \"aws5\". This endpoint uses \"aws4_request\".")),
        (&|text| text.replace("/20130524/", "/20130525/"), format!("{malformed}Invalid credential date. Date is not the same as X-Amz-Date.")),
        (&|text| text.replace("SignedHeaders=host;", "SignedHeaders="), "403 AccessDenied There were headers present in the request which were not signed".to_owned()),
    ];
    for (change, expected) in table {
        assert_eq!(with(change), expected);
    }
}

#[test]
fn dates_come_before_scopes_and_unsigned_headers_are_named() {
    let mut headers = signed(&[("host", "h")], "UNSIGNED-PAYLOAD");
    let scope_wrong = headers["authorization"]
        .to_str()
        .unwrap()
        .replace("us-east-1", "x");
    let mut both = headers.clone();
    both.insert("authorization", scope_wrong.parse().unwrap());
    let error = told(&both, "", later(901));
    assert_eq!(error.code, "RequestTimeTooSkewed");
    assert_eq!(
        error.fields[0],
        ("RequestTime".to_owned(), "20130524T000000Z".to_owned())
    );
    assert_eq!(
        error.fields[1],
        ("ServerTime".to_owned(), "2013-05-24T00:15:01Z".to_owned())
    );
    assert_eq!(
        told(&both, "", later(900)).code,
        "AuthorizationHeaderMalformed"
    );
    assert_eq!(told(&headers, "", later(-901)).code, "RequestTimeTooSkewed");
    headers.insert("x-amz-tagging", "a=b".parse().unwrap());
    headers.insert("x-amz-acl", "private".parse().unwrap());
    let error = told(&headers, "", now());
    assert_eq!(
        error.fields,
        [(
            "HeadersNotSigned".to_owned(),
            "x-amz-acl, x-amz-tagging".to_owned()
        )]
    );
    for name in ["x-amz-tagging", "x-amz-acl", "x-amz-date"] {
        headers.remove(name);
    }
    assert_eq!(
        told(&headers, "", now()).message,
        "AWS authentication requires a valid Date or x-amz-date header"
    );
    let error = told(&signed(&[("host", "h")], "nonsense"), "", now());
    assert_eq!(
        (error.code.as_str(), error.fields[1].1.as_str()),
        ("InvalidArgument", "nonsense")
    );
    let mut headers = signed(&[("host", "h")], "UNSIGNED-PAYLOAD");
    headers.remove("x-amz-content-sha256");
    assert_eq!(
        told(&headers, "", now()).message,
        "Missing required header for this request: x-amz-content-sha256"
    );
    let error = told(&headers, "X-Amz-Signature=1", now());
    assert!(error.message.starts_with("Only one auth mechanism allowed"));
}

#[test]
fn presigned_urls_are_refused_in_the_words_of_s3() {
    let secret = secret();
    let signer = Signer {
        access_key_id: KEY_ID,
        secret: &secret,
        session_token: Some("T/+="),
        region: "us-east-1",
        service: "s3",
    };
    let headers = headers(&[("host", "h")]);
    let good = signer.presign("GET", "/b/k", "versionId=null", &headers, 60, now());
    let request = |query| Request {
        method: "GET",
        path: "/b/k",
        query,
        headers: &headers,
    };
    let endpoint = Endpoint::s3(Regions::Any);
    let presented = parse(&request(&good), &endpoint, later(60))
        .unwrap()
        .unwrap();
    assert_eq!(presented.session_token(), Some("T/+="));
    let key = secret.signing_key(presented.scope());
    let verified = presented
        .verify(&request(&good), &key, Body::AsDeclared)
        .unwrap();
    assert_eq!(
        (
            verified.auth_type().as_str(),
            verified.signature_age().as_secs()
        ),
        ("REST-QUERY-STRING", 60)
    );
    assert_eq!(verified.payload(), &Payload::Unsigned);

    let with = |from: &str, to: &str| told(&headers, &good.replace(from, to), now()).message;
    let parameters = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, \
                      X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
    assert_eq!(with("X-Amz-Expires=60&", ""), parameters);
    assert_eq!(with("X-Amz-Algorithm", "X-Other"), parameters);
    assert_eq!(
        with("AWS4-HMAC-SHA256", "AWS4"),
        "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""
    );
    assert_eq!(
        with("%2F", "%252F"),
        "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
    );
    assert_eq!(
        with("us-east-1", "x"),
        "Error parsing the X-Amz-Credential parameter; the region 'x' is wrong; expecting 'us-east-1'"
    );
    assert_eq!(
        with("Date=20130524T000000Z", "Date=20130524"),
        "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
    );
    assert_eq!(
        with("%2F20130524%2F", "%2F20130525%2F"),
        "Invalid credential date \"20130525\". This date is not the same as X-Amz-Date: \"20130524\"."
    );
    assert_eq!(
        with("Expires=60", "Expires=x"),
        "X-Amz-Expires should be a number"
    );
    assert_eq!(
        with("Expires=60", "Expires=-1"),
        "X-Amz-Expires must be non-negative"
    );
    assert_eq!(with("Expires=60", "Expires=0"), "Request has expired");
    let week = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds";
    assert_eq!(with("Expires=60", "Expires=604801"), week);
    assert_eq!(with("Expires=60", "Expires=99999999999999999999"), week);
    let error = told(&headers, &good, later(61));
    assert_eq!(error.message, "Request has expired");
    assert_eq!(
        error.fields[1],
        ("Expires".to_owned(), "2013-05-24T00:01:00Z".to_owned())
    );
    assert_eq!(
        told(&headers, &good, later(-901)).message,
        "Request is not valid yet"
    );
    assert_eq!(
        told(&headers, "AWSAccessKeyId=a&Expires=1", now()).message,
        "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
    );
    assert_eq!(
        told(&headers, "AWSAccessKeyId=a&Expires=1&Signature=s", now()).code,
        "InvalidRequest"
    );
}

#[test]
fn the_first_of_repeated_parameters_is_the_one_that_was_signed() {
    let secret = secret();
    let signer = Signer {
        access_key_id: KEY_ID,
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "s3",
    };
    let headers = headers(&[("host", "h")]);
    let good = signer.presign("GET", "/b/k", "a=1&a=0", &headers, 60, now());
    let verify = |query: &str| {
        let request = Request {
            method: "GET",
            path: "/b/k",
            query,
            headers: &headers,
        };
        let presented = parse(&request, &Endpoint::s3(Regions::Any), now())?.unwrap();
        presented.verify(
            &request,
            &secret.signing_key(presented.scope()),
            Body::AsDeclared,
        )
    };
    assert!(verify(&format!("{good}&X-Amz-Expires=9999&x-amz-signature=0")).is_ok());
    assert_eq!(
        verify(&format!("X-Amz-Expires=9999&{good}"))
            .unwrap_err()
            .code,
        "SignatureDoesNotMatch"
    );
    assert_eq!(
        verify(&format!("{good}&b=1")).unwrap_err().code,
        "SignatureDoesNotMatch"
    );
}

#[test]
fn nothing_secret_is_printed() {
    let headers = signed(&[("host", "h")], "UNSIGNED-PAYLOAD");
    let request = Request {
        method: "GET",
        path: "/b/k",
        query: "",
        headers: &headers,
    };
    let presented = parse(&request, &Endpoint::s3(Regions::Any), now())
        .unwrap()
        .unwrap();
    let verified = presented
        .verify(
            &request,
            &secret().signing_key(presented.scope()),
            Body::AsDeclared,
        )
        .unwrap();
    let printed = format!("{request:?} {presented:?} {verified:?}");
    assert!(!printed.contains(&presented.signature), "{printed}");
}

#[test]
fn a_mismatch_tells_what_was_signed_but_not_the_signature() {
    let headers = signed(&[("host", "h")], "UNSIGNED-PAYLOAD");
    let request = Request {
        method: "GET",
        path: "/b/k",
        query: "",
        headers: &headers,
    };
    let presented = parse(&request, &Endpoint::s3(Regions::Any), now())
        .unwrap()
        .unwrap();
    let key = Secret::new("other").signing_key(presented.scope());
    let error = presented
        .verify(&request, &key, Body::AsDeclared)
        .unwrap_err();
    let names: Vec<_> = error.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "AWSAccessKeyId",
            "StringToSign",
            "SignatureProvided",
            "StringToSignBytes",
            "CanonicalRequest",
            "CanonicalRequestBytes"
        ]
    );
    assert!(error.fields[3].1.starts_with("41 57 53 34 2d"));
    let right = key.sign(error.fields[1].1.as_bytes());
    assert!(!format!("{error:?}").contains(&right));
}

#[test]
fn query_services_have_words_of_their_own() {
    let secret = secret();
    let signer = Signer {
        access_key_id: KEY_ID,
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "sts",
    };
    let mut headers = headers(&[("host", "h")]);
    signer.sign_headers(
        "POST",
        "/",
        "",
        &mut headers,
        &crate::sign::payload_hash(b""),
        now(),
    );
    let tell = |headers: &HeaderMap, endpoint: &Endpoint, now| {
        let request = Request {
            method: "POST",
            path: "/",
            query: "",
            headers,
        };
        let error = parse(&request, endpoint, now).unwrap_err();
        format!("{} {} {}", error.status, error.code, error.message)
    };
    let sts = Endpoint::query("sts", Regions::Only("us-east-1".to_owned()));
    assert_eq!(
        tell(&headers, &sts, later(901)),
        "403 SignatureDoesNotMatch Signature expired: 20130524T000000Z is now earlier than 20130524T000001Z (20130524T001501Z - 15 min.)"
    );
    assert_eq!(
        tell(&headers, &sts, later(-901)),
        "403 SignatureDoesNotMatch Signature not yet current: 20130524T000000Z is still later than 20130523T235959Z (20130523T234459Z + 15 min.)"
    );
    assert_eq!(
        tell(&headers, &Endpoint::query("iam", Regions::Any), now()),
        "403 SignatureDoesNotMatch Credential should be scoped to correct service: 'iam'. "
    );
    assert_eq!(
        tell(
            &headers,
            &Endpoint::query("sts", Regions::Only("eu-west-1".to_owned())),
            now()
        ),
        "403 SignatureDoesNotMatch Credential should be scoped to a valid region. "
    );
    let mut bare = headers.clone();
    bare.insert(
        "authorization",
        "AWS4-HMAC-SHA256 SignedHeaders=host".parse().unwrap(),
    );
    assert_eq!(
        tell(&bare, &sts, now()),
        "400 IncompleteSignature Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter."
    );
    let request = Request {
        method: "POST",
        path: "/",
        query: "",
        headers: &headers,
    };
    let presented = parse(&request, &sts, now()).unwrap().unwrap();
    let key = secret.signing_key(presented.scope());
    // The hash of another body, and a caller that forgot to hash.
    assert_eq!(
        presented
            .verify(&request, &key, Body::Sha256(&[0; 32]))
            .unwrap_err()
            .status,
        403
    );
    assert_eq!(
        presented
            .verify(&request, &key, Body::AsDeclared)
            .unwrap_err()
            .status,
        500
    );
}

#[test]
fn anonymous_requests_present_nothing() {
    let headers = headers(&[
        ("host", "h"),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
    ]);
    let request = Request {
        method: "PUT",
        path: "/b/k",
        query: "versionId=1",
        headers: &headers,
    };
    assert!(
        parse(&request, &Endpoint::s3(Regions::Any), now())
            .unwrap()
            .is_none()
    );
    let error = anonymous_payload(&request).unwrap_err();
    assert!(
        error
            .message
            .starts_with("Anonymous requests don't support this")
    );
}
