//! What must be there before load: a bucket, a user with policies, a role.
use std::error::Error;

use aws_lc_rs::digest;

use crate::client::{Connection, Request};
use crate::load::Target;
use crate::sign::Credentials;

type Failure = Box<dyn Error + Send + Sync>;

pub async fn create_bucket(target: &Target, bucket: &str) -> Result<(), Failure> {
    let mut connection = Connection::open(&target.address, &target.credentials, "s3").await?;
    let path = format!("/{bucket}");
    let (status, text) = connection.text(&Request::bare("PUT", &path, "")).await?;
    match status {
        200 => Ok(()),
        // From an earlier run against the same server.
        409 if text.contains("BucketAlreadyOwnedByYou") => Ok(()),
        _ => Err(format!("the bucket `{bucket}` was answered {status}: {text}").into()),
    }
}

/// What is percent-encoded in forms and queries: everything but letters, digits and `-._~`.
pub fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            (byte as char).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

pub fn form(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    pairs.join("&")
}

pub fn between<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    Some(rest.split_once(&format!("</{tag}>"))?.0)
}

async fn query(target: &Target, pairs: &[(&str, &str)]) -> Result<String, Failure> {
    let mut connection = Connection::open(&target.address, &target.credentials, "iam").await?;
    let form = form(&[pairs, &[("Version", "2010-05-08")]].concat());
    let hash = hex::encode(digest::digest(&digest::SHA256, form.as_bytes()));
    let request = Request {
        method: "POST",
        path: "/",
        query: "",
        payload: &hash,
        body: form.clone().into(),
        content_type: Some("application/x-www-form-urlencoded"),
    };
    let (status, text) = connection.text(&request).await?;
    if status != 200 {
        return Err(format!("{:?} was answered {status}: {text}", pairs.first()).into());
    }
    Ok(text)
}

/// Who sends the load, and a role that it may assume.
pub struct User {
    pub credentials: Credentials,
    pub role_arn: String,
}

/// A user whose policies allow S3 and its role, which trusts it.
pub async fn create_user(root: &Target) -> Result<User, Failure> {
    let made = query(root, &[("Action", "CreateUser"), ("UserName", "bench")]).await?;
    let user_arn = between(&made, "Arn")
        .ok_or("CreateUser names no ARN")?
        .to_owned();
    let allowed = r#"{"Version":"2012-10-17","Statement":[
        {"Sid":"Store","Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::*"},
        {"Sid":"Deliver","Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
    let policy = [
        ("Action", "PutUserPolicy"),
        ("UserName", "bench"),
        ("PolicyName", "bench"),
        ("PolicyDocument", allowed),
    ];
    query(root, &policy).await?;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{user_arn}"}},
        "Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"sts:ExternalId":"bench"}}}}}}]}}"#
    );
    let role = [
        ("Action", "CreateRole"),
        ("RoleName", "bench"),
        ("AssumeRolePolicyDocument", trust.as_str()),
    ];
    let role = query(root, &role).await?;
    let key = query(
        root,
        &[("Action", "CreateAccessKey"), ("UserName", "bench")],
    )
    .await?;
    let value = |text: &str, tag: &str| {
        let found = between(text, tag).map(str::to_owned);
        found.ok_or_else(|| Failure::from(format!("an answer of IAM has no {tag}")))
    };
    Ok(User {
        credentials: Credentials {
            access_key: value(&key, "AccessKeyId")?,
            secret_key: value(&key, "SecretAccessKey")?,
            region: root.credentials.region.clone(),
        },
        role_arn: value(&role, "Arn")?,
    })
}
