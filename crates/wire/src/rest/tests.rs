use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::*;
use crate::model::{Service, model};
use crate::request::Request;
use crate::{AwsError, Operation};

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

/// `line` is `METHOD /path?query`.
fn find(line: &str, pairs: &[(&str, &str)]) -> Result<Route, AwsError> {
    let (method, uri) = line.split_once(' ').unwrap();
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let headers = headers(pairs);
    let request = Request {
        method,
        path,
        query,
        headers: &headers,
    };
    let domains = Domains::default();
    route(service(&request, &domains), &request, &domains)
}

fn input(line: &str, pairs: &[(&str, &str)], body: &str) -> Result<Value, AwsError> {
    let route = find(line, pairs)?;
    decode(&route, &headers(pairs), Some(body.as_bytes()))
}

fn s3(name: &str) -> &'static Operation {
    model(Service::S3).operation(name).unwrap()
}

fn body(response: &Response) -> String {
    String::from_utf8(response.body.clone().unwrap()).unwrap()
}

#[test]
fn every_operation_of_the_model_has_a_route() {
    for operation in model(Service::S3).operations() {
        // AWS replaced these by others of the same URI, or has an endpoint of its own for them.
        if operation.deprecated || operation.name == "ListDirectoryBuckets" {
            continue;
        }
        let mut uri = operation
            .uri
            .replace("{Bucket}", "logs")
            .replace("{Key+}", "a/b");
        let mut pairs = vec![];
        let mut extra = match operation.name.as_str() {
            "AbortMultipartUpload" | "CompleteMultipartUpload" | "ListParts" => "uploadId=u",
            "UploadPart" | "UploadPartCopy" => "uploadId=u&partNumber=1",
            "GetBucketAnalyticsConfiguration"
            | "GetBucketIntelligentTieringConfiguration"
            | "GetBucketInventoryConfiguration"
            | "GetBucketMetricsConfiguration" => "id=1",
            _ => "",
        }
        .to_owned();
        if !extra.is_empty() {
            extra.insert(0, if uri.contains('?') { '&' } else { '?' });
            uri.push_str(&extra);
        }
        match operation.name.as_str() {
            "CopyObject" | "UploadPartCopy" => pairs.push(("x-amz-copy-source", "b/k")),
            _ => {}
        }
        let found = find(&format!("{} {uri}", operation.method), &pairs).unwrap();
        assert_eq!(found.name(), operation.name, "{uri}");
        let level = (found.bucket.is_some(), found.key.is_some());
        let wanted = (uri.contains("logs"), uri.contains("a/b"));
        if operation.name != "WriteGetObjectResponse" {
            assert_eq!(level, wanted, "{uri}");
        }
    }
}

#[test]
fn every_control_operation_has_a_route() {
    for operation in model(Service::S3Control).operations() {
        let uri: String = operation
            .uri
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let line = format!("{} {uri}", operation.method);
        let found = find(&line, &[("x-amz-account-id", "111122223333")]).unwrap();
        assert_eq!(found.name(), operation.name);
        assert_eq!(found.service, Service::S3Control);
    }
}

#[test]
fn the_account_of_control_calls_may_stand_in_the_host() {
    let uri = "GET /v20180820/configuration/publicAccessBlock";
    let host = ("host", "111122223333.localhost:9000");
    assert_eq!(
        input(uri, &[host], "").unwrap(),
        json!({"AccountId": "111122223333"})
    );
    let both = [host, ("x-amz-account-id", "444455556666")];
    assert_eq!(
        input(uri, &both, "").unwrap(),
        json!({"AccountId": "444455556666"})
    );
    // Without an account it is an object of S3.
    assert_eq!(find(uri, &[]).unwrap().name(), "GetObject");
}

#[test]
fn keys_are_decoded_once_and_not_normalised() {
    let key = |line: &str, host: &str| find(line, &[("host", host)]).unwrap().key;
    assert_eq!(
        key("GET /b/a//b/./../c+d%2B%20%25", "x").as_deref(),
        Some("a//b/./../c+d+ %")
    );
    assert_eq!(
        key("GET /b/k", "logs.s3.localhost:9000").as_deref(),
        Some("b/k")
    );
    assert_eq!(key("GET //k", "logs.localhost").as_deref(), Some("/k"));
    assert_eq!(key("GET /b/", "localhost"), None);
    for bad in [
        "GET /b/%zz",
        "GET /b/%4",
        "GET /b/%ff",
        "GET /b/k?prefix=%f",
    ] {
        let error = find(bad, &[]).unwrap_err();
        assert_eq!(
            (error.status, error.code.as_str()),
            (400, "InvalidURI"),
            "{bad}"
        );
        assert_eq!(error.message, "Couldn't parse the specified URI.");
    }
}

#[test]
fn what_a_request_does_not_name_is_never_touched() {
    let code = |line: &str| {
        find(line, &[])
            .map(|route| route.name().to_owned())
            .map_err(|error| error.code)
    };
    assert_eq!(code("DELETE /b/k?acl"), Err("MethodNotAllowed".to_owned()));
    assert_eq!(code("DELETE /b/k?policy"), Err("InvalidRequest".to_owned()));
    assert_eq!(code("DELETE /b?acl"), Err("MethodNotAllowed".to_owned()));
    assert_eq!(
        code("DELETE /b?retention"),
        Err("MethodNotAllowed".to_owned())
    );
    assert_eq!(
        code("PUT /b/k?uploadId=u"),
        Err("InvalidArgument".to_owned())
    );
    assert_eq!(
        code("PUT /b/k?partNumber=1"),
        Err("InvalidArgument".to_owned())
    );
    assert_eq!(code("GET /b?acl&policy"), Err("InvalidArgument".to_owned()));
    assert_eq!(code("POST /b/k"), Err("MethodNotAllowed".to_owned()));
    assert_eq!(code("POST /b"), Err("PreconditionFailed".to_owned()));
    assert_eq!(code("PUT /"), Err("MethodNotAllowed".to_owned()));
    assert_eq!(
        code("GET /b/k?unheard&x-id=GetObject"),
        Ok("GetObject".to_owned())
    );
    assert_eq!(code("OPTIONS /b/k"), Ok("OptionsPreflight".to_owned()));
    let form = [("content-type", "multipart/form-data; boundary=x")];
    assert_eq!(find("POST /b", &form).unwrap().name(), "PostObject");
}

#[test]
fn inputs_come_from_path_query_headers_and_body() {
    let got = input(
        "PUT /b/a%20b?x-id=PutObject",
        &[
            ("Content-Type", "text/plain"),
            ("x-amz-meta-Colour", " red "),
            ("x-amz-meta-colour", "blue"),
            ("x-amz-server-side-encryption-bucket-key-enabled", "true"),
            (
                "x-amz-object-lock-retain-until-date",
                "2026-01-02T03:04:05.000Z",
            ),
            ("content-length", "5"),
        ],
        "",
    );
    assert_eq!(
        got.unwrap(),
        json!({
            "Bucket": "b", "ContentLength": 5, "ContentType": "text/plain", "Key": "a b",
            "Metadata": {"colour": "red,blue"}, "BucketKeyEnabled": true,
            "ObjectLockRetainUntilDate": "2026-01-02T03:04:05Z",
        })
    );
    let got = input(
        "GET /b?list-type=2&prefix=a+b%2B&max-keys=7",
        &[("x-amz-optional-object-attributes", "RestoreStatus, X")],
        "",
    );
    assert_eq!(
        got.unwrap(),
        json!({"Bucket": "b", "MaxKeys": 7, "Prefix": "a b+", "OptionalObjectAttributes": ["RestoreStatus", "X"]})
    );
    let got = input(
        "POST /b?delete",
        &[],
        "<?xml version='1.0'?><Delete xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>
           <Object><Key> a&amp;b&#x1;<![CDATA[<]]></Key></Object><Object><Key>c</Key><VersionId>null</VersionId></Object><Quiet>true</Quiet></Delete>",
    );
    assert_eq!(
        got.unwrap()["Delete"],
        json!({"Objects": [{"Key": " a&b\u{1}<"}, {"Key": "c", "VersionId": "null"}], "Quiet": true})
    );
    let got = input("PUT /b?policy", &[], "{\"Version\":1}");
    assert_eq!(
        got.unwrap(),
        json!({"Bucket": "b", "Policy": "{\"Version\":1}"})
    );
}

#[test]
fn grantees_have_their_type_in_an_attribute() {
    let xml = "<AccessControlPolicy xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>o</ID></Owner><AccessControlList>\
        <Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\"><URI>u</URI></Grantee>\
        <Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>";
    let policy = &input("PUT /b?acl", &[], xml).unwrap()["AccessControlPolicy"];
    assert_eq!(
        policy["Grants"],
        json!([{"Grantee": {"URI": "u", "Type": "Group"}, "Permission": "READ"}])
    );
    let response = encode(Service::S3, s3("GetBucketAcl"), policy);
    assert_eq!(
        body(&response),
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}")
    );
}

#[test]
fn bad_xml_is_malformed() {
    let code = |body: &str| input("PUT /b?tagging", &[], body).map_err(|error| error.code);
    let good = "<Tagging><TagSet><Tag><Key>a</Key><Value/></Tag></TagSet></Tagging>";
    assert_eq!(
        code(good).unwrap()["Tagging"],
        json!({"TagSet": [{"Key": "a", "Value": ""}]})
    );
    let many = (0..17).map(|at| format!(" a{at}='1'")).collect::<String>();
    let many = format!("<Tagging{many}><TagSet/></Tagging>");
    let deep = format!("{}{}", "<Tagging>".repeat(100), "</Tagging>".repeat(100));
    for bad in [
        "<Tagging>",
        "<Tagging/>",
        "<Other><TagSet/></Other>",
        "<Tagging><TagSet/></Tagging><Tagging/>",
        "<Tagging><TagSet/><TagSet/></Tagging>",
        "<Tagging><TagSet/><Unknown/></Tagging>",
        "<Tagging>text<TagSet/></Tagging>",
        "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>&unknown;</Key><Value/></Tag></TagSet></Tagging>",
        "<!DOCTYPE x [<!ENTITY e 'x'>]><Tagging><TagSet/></Tagging>",
        "{}",
        deep.as_str(),
        many.as_str(),
    ] {
        assert_eq!(code(bad), Err("MalformedXML".to_owned()), "{bad}");
    }
    assert_eq!(code(""), Err("MissingRequestBodyError".to_owned()));
    let acl = input(
        "PUT /b/k?acl",
        &[],
        "<AccessControlPolicy><X/></AccessControlPolicy>",
    )
    .unwrap_err();
    assert_eq!(
        (acl.code.as_str(), acl.message),
        ("MalformedACLError", AwsError::malformed_xml().message)
    );
    // S3 has answers of its own for these values.
    let constraint = "<CreateBucketConfiguration><LocationConstraint>mars</LocationConstraint></CreateBucketConfiguration>";
    assert!(input("PUT /b", &[], constraint).is_ok());
    let payer = "<RequestPaymentConfiguration><Payer>Nobody</Payer></RequestPaymentConfiguration>";
    let error = input("PUT /b?requestPayment", &[], payer).unwrap_err();
    assert_eq!(error, AwsError::malformed_xml());
}

#[test]
fn bad_numbers_name_their_argument() {
    let error = input("GET /b?max-keys=x", &[], "").unwrap_err();
    assert_eq!(
        error.message,
        "Provided max-keys not an integer or within integer range"
    );
    let fields = [("ArgumentName", "max-keys"), ("ArgumentValue", "x")];
    assert_eq!(
        error.fields,
        fields.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let error = input("PUT /b/k?uploadId=u&partNumber=x", &[], "").unwrap_err();
    assert_eq!(
        error.message,
        "Part number must be an integer between 1 and 10000, inclusive"
    );
}

#[test]
fn what_is_written_already_stands_where_the_model_has_it() {
    let output = json!({"IsTruncated": false, "Name": "b"});
    let written = Written {
        member: "Versions",
        xml: "<Version/><DeleteMarker/><Version/>",
    };
    let response = encode_with(
        Service::S3,
        s3("ListObjectVersions"),
        &output,
        Some(written),
    );
    let body = body(&response);
    let elements = body.split_once("2006-03-01/\">").unwrap().1;
    assert_eq!(
        elements,
        "<IsTruncated>false</IsTruncated><Version/><DeleteMarker/><Version/><Name>b</Name></ListVersionsResult>"
    );
}

#[test]
fn responses_are_in_the_models_order() {
    let output = json!({
        "Name": "b", "Prefix": "", "KeyCount": 1, "MaxKeys": 1000, "IsTruncated": false,
        "Contents": [{"Key": "k\u{1}", "LastModified": 1_767_323_045, "ETag": "\"e\"", "Size": 1, "StorageClass": "STANDARD"}],
        "CommonPrefixes": [],
        "RequestCharged": "requester",
    });
    let response = encode(Service::S3, s3("ListObjectsV2"), &output);
    assert_eq!(response.status, 200);
    assert_eq!(response.headers["x-amz-request-charged"], "requester");
    assert_eq!(
        body(&response),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <IsTruncated>false</IsTruncated><Contents><Key>k&#x1;</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>\
         <ETag>&quot;e&quot;</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents><Name>b</Name><Prefix></Prefix>\
         <MaxKeys>1000</MaxKeys><KeyCount>1</KeyCount></ListBucketResult>"
    );
}

#[test]
fn headers_status_and_special_bodies() {
    let response = encode(
        Service::S3,
        s3("GetObject"),
        &json!({"LastModified": "2026-01-02T03:04:05Z", "ContentLength": 5, "Metadata": {"a": "b\r\nevil: 1"}, "DeleteMarker": false}),
    );
    assert_eq!(
        response.headers["last-modified"],
        "Fri, 02 Jan 2026 03:04:05 GMT"
    );
    assert_eq!(response.headers["content-length"], "5");
    assert_eq!(response.headers["x-amz-meta-a"], "b  evil: 1");
    assert!(response.body.is_none());
    let response = encode(Service::S3, s3("DeleteObject"), &json!({}));
    assert_eq!((response.status, response.body), (204, None));
    let location = |region| {
        body(&encode(
            Service::S3,
            s3("GetBucketLocation"),
            &json!({"LocationConstraint": region}),
        ))
    };
    assert!(location("eu-west-1").ends_with("<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">eu-west-1</LocationConstraint>"));
    assert!(
        location("")
            .ends_with("<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>")
    );
    let response = encode(Service::S3, s3("GetBucketPolicy"), &json!({"Policy": "{}"}));
    assert_eq!(response.headers["content-type"], "application/json");
    assert_eq!(body(&response), "{}");
    let output = json!({"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": 1_767_323_045}});
    let response = encode(Service::S3, s3("GetObjectRetention"), &output);
    assert!(body(&response).ends_with(
        "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>GOVERNANCE</Mode>\
         <RetainUntilDate>2026-01-02T03:04:05.000Z</RetainUntilDate></Retention>"
    ));
}
