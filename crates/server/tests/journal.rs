//! What the server's journal says of calls, and what it must not.
#![expect(clippy::unwrap_used, reason = "tests")]
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use journal::{Filter, Journal, Limits, Record};
use server::{Server, Settings};

/// Stands where a secret would: in signatures, tokens, keys and bodies.
const SECRET: &str = "5ecre7c0ffee5ecre7c0ffee";

fn send(address: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "{head}\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What came of some calls.
struct Served {
    answers: Vec<String>,
    /// What the journal has of them, the newest first.
    records: Vec<Record>,
    /// All that is in the journal's files.
    bytes: String,
}

fn served(calls: &[(String, &str)]) -> Served {
    let dir = tempfile::tempdir().unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let settings = Settings {
        data: Some(dir.path().join("data")),
        listen: Some(any),
        admin_listen: Some(any),
        ..Settings::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(Server::start(settings.resolve())).unwrap();
    let mut answers = Vec::new();
    for (head, body) in calls {
        let answer = send(server.address(), head, body);
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        answers.push(answer);
    }
    runtime.block_on(server.stop());
    drop(runtime);
    let path = dir.path().join("data/journal");
    let bytes = everything_in(&path);
    let records = Journal::open(&path, Limits::default())
        .unwrap()
        .recent(&Filter::default(), 100)
        .unwrap();
    Served {
        answers,
        records,
        bytes,
    }
}

fn everything_in(directory: &Path) -> String {
    let files = std::fs::read_dir(directory).unwrap();
    files
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect()
}

#[test]
fn no_secret_that_a_request_carries_is_in_the_journal() {
    let scope = "AKIAIOSFODNN7EXAMPLE/20260301/us-east-1";
    let signed = format!(
        "Authorization: AWS4-HMAC-SHA256 Credential={scope}/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature={SECRET}"
    );
    let presigned = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}/s3/aws4_request&X-Amz-Date=20260301T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host"
    );
    let form = "Content-Type: application/x-www-form-urlencoded";
    let calls = [
        (
            format!("GET /b/k HTTP/1.1\r\n{signed}\r\nX-Amz-Date: 20260301T000000Z"),
            "",
        ),
        (
            format!("GET /b/k HTTP/1.1\r\nX-Amz-Security-Token: {SECRET}\r\n{signed}"),
            "",
        ),
        (format!("GET /b/k HTTP/1.1\r\nAuthorization: {SECRET}"), ""),
        (
            format!("GET /b/k HTTP/1.1\r\nAuthorization: AWS AKIAIOSFODNN7EXAMPLE:{SECRET}"),
            "",
        ),
        (
            format!("GET /b/k?{presigned}&X-Amz-Signature={SECRET} HTTP/1.1"),
            "",
        ),
        (
            format!(
                "GET /b/k?{presigned}&X-Amz-Signature=0&X-Amz-Security-Token={SECRET} HTTP/1.1"
            ),
            "",
        ),
        (
            format!("PUT /b/k HTTP/1.1\r\nx-amz-server-side-encryption-customer-key: {SECRET}"),
            "5ecre7c0ffee5ecre7c0ffee",
        ),
        (
            format!("POST / HTTP/1.1\r\n{form}"),
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=r&RoleSessionName=s&WebIdentityToken=5ecre7c0ffee5ecre7c0ffee",
        ),
        (
            format!("POST / HTTP/1.1\r\n{form}\r\nX-Amz-Security-Token: {SECRET}"),
            "Action=CreateLoginProfile&Version=2010-05-08&UserName=al&Password=5ecre7c0ffee5ecre7c0ffee",
        ),
    ];
    let Served { records, bytes, .. } = served(&calls);
    assert_eq!(records.len(), calls.len(), "each call has its record");
    assert!(records.iter().all(|record| record.status >= 400));
    let found = bytes
        .find(SECRET)
        .map(|at| bytes.get(at.saturating_sub(300)..at));
    assert_eq!(found, None);
}

#[test]
fn a_call_is_found_by_the_id_that_its_answer_carried() {
    let call = "GET /nobody-s-bucket/k HTTP/1.1".to_owned();
    let Served {
        answers, records, ..
    } = served(&[(call, "")]);
    let [record] = records.as_slice() else {
        unreachable!("one call, one record: {records:?}");
    };
    let header = format!("x-amz-request-id: {}\r\n", record.request_id);
    assert!(answers.iter().all(|answer| answer.contains(&header)));
    assert_eq!((&*record.operation, record.status), ("GetObject", 404));
    assert_eq!(record.request, "GET /nobody-s-bucket/k");
    assert!(record.time.ends_with('Z'), "{}", record.time);
}
