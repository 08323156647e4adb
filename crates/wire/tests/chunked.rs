//! What chunked bodies are refused for.

#![expect(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use wire::AwsError;
use wire::chunked::{Announced, Decoder, PayloadCheck};
use wire::sign::{ChunkWriter, Signer, payload_hash};
use wire::sigv4::{ChunkSeed, Payload, Secret};

fn seed() -> ChunkSeed {
    let secret = Secret::new("secret");
    let signer = Signer {
        access_key_id: "AKIAIOSFODNN7EXAMPLE",
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "s3",
    };
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("h"));
    let now = Timestamp::from_second(1_767_323_045).unwrap();
    signer.sign_headers("PUT", "/b/k", "", &mut headers, "x", now)
}

const CRC: &str = "x-amz-checksum-crc32c";

fn announced(bytes: u64, trailers: &[&str]) -> Announced {
    Announced {
        decoded_bytes: bytes,
        trailers: trailers.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn read(
    payload: Payload,
    announced: Announced,
    body: &[u8],
) -> Result<Vec<(String, String)>, AwsError> {
    let mut decoder = Decoder::new(&payload, Some(seed()), announced).unwrap();
    decoder.push(Bytes::copy_from_slice(body))?;
    decoder.finish()
}

fn unsigned(bytes: u64, trailers: &[&str], body: &str) -> String {
    match read(
        Payload::UnsignedChunksWithTrailer,
        announced(bytes, trailers),
        body.as_bytes(),
    ) {
        Ok(trailers) => format!("{trailers:?}"),
        Err(error) => format!("{} {}", error.status, error),
    }
}

const TERMINATED: &str = "400 IncompleteBody: The request body terminated unexpectedly";
const WRONG_LENGTH: &str = "400 IncompleteBody: You did not provide the number of bytes specified by the \
                            Content-Length HTTP header";
const TRAILER: &str = "400 MalformedTrailerError: The request contained trailing data that was not well-formed or did not \
                       conform to our published schema.";

#[test]
fn broken_frames_are_incomplete_bodies() {
    assert_eq!(unsigned(3, &[], "3\r\nabc\r\n0\r\n\r\n"), "[]");
    for body in [
        "",
        "3",
        "3\r\nab",
        "3\r\nabc\r\n",
        "3\r\nabc\r\n0\r\n",
        "3\r\nabcX\r\n0\r\n\r\n",
        "3\r\nabc\r\n0\r\n\r\njunk",
        "3\nabc\r\n0\r\n\r\n",
        "\r\n",
        "g\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "-1\r\n",
        "11111111111111111\r\n",
    ] {
        assert_eq!(unsigned(3, &[], body), TERMINATED, "{body:?}");
    }
    assert_eq!(unsigned(3, &[], &"0".repeat(2000)), TERMINATED);
    assert_eq!(unsigned(2, &[], "3\r\nabc\r\n0\r\n\r\n"), WRONG_LENGTH);
    assert_eq!(unsigned(4, &[], "3\r\nabc\r\n0\r\n\r\n"), WRONG_LENGTH);
    assert_eq!(unsigned(3, &[], "ffffffffffffffff\r\n"), WRONG_LENGTH);
}

#[test]
fn only_the_last_chunk_may_be_short() {
    let error = read(
        Payload::UnsignedChunksWithTrailer,
        announced(5, &[]),
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    )
    .unwrap_err();
    assert_eq!(error.code, "InvalidChunkSizeError");
    assert_eq!(
        error.message,
        "Only the last chunk is allowed to have a size less than 8192 bytes"
    );
    let fields = [("Chunk", "2"), ("BadChunkSize", "3")];
    assert_eq!(
        error.fields,
        fields.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn trailers_are_those_that_were_announced() {
    let body = |trailers: &str| format!("3\r\nabc\r\n0\r\n{trailers}\r\n");
    assert_eq!(
        unsigned(3, &[CRC], &body("X-Amz-Checksum-Crc32c: sOO8/Q== \r\n")),
        "[(\"x-amz-checksum-crc32c\", \"sOO8/Q==\")]"
    );
    for trailers in [
        "",
        "x-amz-checksum-crc32:sOO8/Q==\r\n",
        "x-amz-checksum-crc32c\r\n",
        "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-checksum-crc32c:sOO8/Q==\r\n",
        "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:00\r\n",
        "x-amz-checksum-crc32c:sOO8/Q==\n\r\n",
    ] {
        assert_eq!(
            unsigned(3, &[CRC], &body(trailers)),
            TRAILER,
            "{trailers:?}"
        );
    }
    for value in ["sOO8/Q=", "AAAA", ""] {
        assert_eq!(
            unsigned(3, &[CRC], &body(&format!("{CRC}:{value}\r\n"))),
            "400 InvalidRequest: Value for x-amz-checksum-crc32c trailing header is invalid."
        );
    }
}

#[test]
fn signed_chunks_are_compared_one_by_one() {
    let trailers = [(CRC.to_owned(), "sOO8/Q==".to_owned())];
    let mut writer = ChunkWriter::signed(seed());
    let mut body = writer.chunk(b"abc");
    body.extend(writer.end_with(&trailers));
    let body = String::from_utf8(body).unwrap();
    let payload = Payload::SignedChunksWithTrailer;
    let told = |body: &str| read(payload.clone(), announced(3, &[CRC]), body.as_bytes());
    assert_eq!(told(&body).unwrap(), trailers);

    let error = told(&body.replace("abc", "abd")).unwrap_err();
    assert_eq!(
        (error.status, error.code.as_str()),
        (403, "SignatureDoesNotMatch")
    );
    assert!(error.fields[1].1.starts_with("AWS4-HMAC-SHA256-PAYLOAD\n"));
    let error = told(&body.replace("sOO8", "sOO9")).unwrap_err();
    assert!(error.fields[1].1.starts_with("AWS4-HMAC-SHA256-TRAILER\n"));
    let (before, _) = body.split_once("x-amz-trailer-signature").unwrap();
    assert_eq!(
        told(&format!("{before}\r\n")).unwrap_err().code,
        "MalformedTrailerError"
    );
    assert_eq!(
        told("3\r\nabc\r\n0\r\n\r\n").unwrap_err().code,
        "IncompleteBody"
    );
    // Signed bytes cannot be replayed as a shorter body.
    let (_, last) = body.split_once("abc\r\n").unwrap();
    let shorter = read(payload.clone(), announced(0, &[CRC]), last.as_bytes());
    assert_eq!(shorter.unwrap_err().code, "SignatureDoesNotMatch");
}

#[test]
fn announcements_are_read_from_headers() {
    let told = |pairs: &[(&'static str, &'static str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        Announced::read(&headers).map_err(|error| (error.status, error.code))
    };
    let length = ("x-amz-decoded-content-length", "3");
    assert_eq!(
        told(&[length, ("x-amz-trailer", "X-Amz-Checksum-CRC32C")]),
        Ok(announced(3, &[CRC]))
    );
    assert_eq!(told(&[]), Err((411, "MissingContentLength".to_owned())));
    assert_eq!(
        told(&[("x-amz-decoded-content-length", "+3")]),
        Err((400, "InvalidArgument".to_owned()))
    );
    assert_eq!(
        told(&[length, ("x-amz-trailer", "x-amz-meta-a")]),
        Err((400, "InvalidRequest".to_owned()))
    );
}

#[test]
fn plain_bodies_are_compared_with_their_hash() {
    let check = |declared: &str, body: &[u8]| {
        let mut check = PayloadCheck::new(&Payload::parse(declared).unwrap());
        check.update(body);
        check.finish()
    };
    assert!(check(&payload_hash(b"abc"), b"abc").is_ok());
    assert!(check("UNSIGNED-PAYLOAD", b"abc").is_ok());
    let error = check(&payload_hash(b"abc"), b"abd").unwrap_err();
    assert_eq!(error.code, "XAmzContentSHA256Mismatch");
    let fields = [
        ("ClientComputedContentSHA256", payload_hash(b"abc")),
        ("S3ComputedContentSHA256", payload_hash(b"abd")),
    ];
    assert_eq!(
        error.fields,
        fields.map(|(name, value)| (name.to_owned(), value))
    );
}
