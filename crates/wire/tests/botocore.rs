//! Requests as botocore serializes them decode to what botocore was given. `xtask/models/samples.py` makes the file.

#![expect(clippy::unwrap_used, reason = "tests")]

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use wire::Service;
use wire::query::{self, Form};
use wire::request::Request;
use wire::rest::{self, Domains};

/// What differs by nature: streamed bodies never pass through this crate, and header names have no case.
fn expected(case: &Value) -> Value {
    let mut input = case["input"].clone();
    let members = input.as_object_mut().unwrap();
    let name = case["operation"].as_str().unwrap();
    if matches!(name, "PutObject" | "UploadPart" | "WriteGetObjectResponse") {
        members.remove("Body");
    }
    input
}

fn decoded(case: &Value) -> Result<Value, String> {
    let text = |name: &str| case[name].as_str().unwrap();
    let service = match text("service") {
        "s3" => Service::S3,
        "s3control" => Service::S3Control,
        "iam" => Service::Iam,
        _ => Service::Sts,
    };
    if matches!(service, Service::Iam | Service::Sts) {
        let form = Form::parse(text("body").as_bytes()).unwrap();
        assert_eq!(form.service(), Some(service));
        let call = query::decode(service, &form).map_err(|error| error.to_string())?;
        assert_eq!(call.operation.name, text("operation"));
        return Ok(call.input);
    }
    let mut headers = HeaderMap::new();
    for (name, value) in case["headers"].as_object().unwrap() {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value.as_str().unwrap()).unwrap(),
        );
    }
    let request = Request {
        method: text("method"),
        path: text("path"),
        query: text("query"),
        headers: &headers,
    };
    let domains = Domains::default();
    assert_eq!(rest::service(&request, &domains), service);
    let route = rest::route(service, &request, &domains).map_err(|error| error.to_string())?;
    assert_eq!(route.name(), text("operation"));
    rest::decode(&route, &headers, Some(text("body").as_bytes())).map_err(|error| error.to_string())
}

#[test]
fn what_botocore_sends_is_what_it_was_given() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("data/botocore-requests.json")).unwrap();
    let mut different = String::new();
    for case in &cases {
        let (got, wanted) = (decoded(case), expected(case));
        if got.as_ref() != Ok(&wanted) {
            different.push_str(&format!(
                "{}\n  got    {got:?}\n  wanted {wanted}\n",
                case["operation"]
            ));
        }
    }
    assert!(different.is_empty(), "{different}");
    assert!(cases.len() > 290);
}
