//! A whole S3 in a temporary directory: requests in, answers out, through the gate.
//!
//! ```text
//! let world = World::new().await;
//! let jenny = root("111122223333");
//! world.send(&jenny, "PUT /logs").await.ok();
//! world.send_with(&jenny, "PUT /logs/a", &[], "body").await.ok();
//! assert_eq!(world.send(&jenny, "GET /logs/a").await.ok().text(), "body");
//! ```
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use catalog::{AccountId, CanonicalUserId, IamEntity};
use engine_local::{Local, Options};
use futures_util::TryStreamExt as _;
use gate::{
    AuthType, BoxFuture, EntityFacts, FactsError, Gate, Identity, IdentityFacts,
    PrincipalDirectory, RequestFacts, RoleFacts,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use policy::{AttachedPolicy, Caller, CallerKind, Policy, PolicyKind, PolicySource};
use vault::{Foundations, Vault};
use wire::AwsError;
use wire::request::Request as Head;
use wire::rest::{self, Domains};

use crate::{
    Body, Frame, Request, ResponseBody, S3Error, Stores, dispatch, operation_name, streams,
};

/// Who calls, as text: made into an [`Identity`] for each request.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    account: Option<AccountId>,
    user: Option<String>,
    policy: Option<String>,
}

/// The root user of an account.
pub(crate) fn root(account: &str) -> Who {
    Who {
        account: Some(AccountId::parse(account).unwrap()),
        user: None,
        policy: None,
    }
}

/// An IAM user with one policy, given as the statements' JSON.
pub(crate) fn user(account: &str, name: &str, statements: &str) -> Who {
    Who {
        account: Some(AccountId::parse(account).unwrap()),
        user: Some(name.to_owned()),
        policy: (!statements.is_empty())
            .then(|| format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)),
    }
}

/// A caller without credentials.
pub(crate) fn anonymous() -> Who {
    Who {
        account: None,
        user: None,
        policy: None,
    }
}

/// The canonical user id of an account in these tests.
pub(crate) fn canonical_id(account: AccountId) -> CanonicalUserId {
    CanonicalUserId::parse(&format!("{account}{}", "0".repeat(52))).unwrap()
}

impl Who {
    fn identity(&self) -> Identity {
        let Some(account) = self.account else {
            return Identity::anonymous();
        };
        let (kind, arn, id) = match &self.user {
            None => (CallerKind::Root, account.root_arn(), account.to_string()),
            Some(name) => (
                CallerKind::User,
                format!("arn:aws:iam::{account}:user/{name}"),
                unique_id(name),
            ),
        };
        let policies = self.policy.iter().map(|text| AttachedPolicy {
            source: PolicySource::Inline {
                name: "test".to_owned(),
            },
            policy: Arc::new(Policy::parse(PolicyKind::Identity, text).unwrap()),
        });
        Identity {
            caller: Caller {
                kind,
                account: Some(account),
                canonical_id: Some(canonical_id(account)),
                principal_arn: arn.clone(),
                arn,
                unique_id: id.clone(),
                user_id: id,
                user_name: self.user.clone(),
                tags: Vec::new(),
            },
            access_key_id: Some("AKIATEST".to_owned()),
            policies: policies.collect(),
            boundary: None,
            session: None,
        }
    }
}

/// The unique id of the first user of a name.
pub(crate) fn unique_id(name: &str) -> String {
    format!("AIDA{:A<17}", name.to_uppercase())
}

/// Who there is: users by ARN with their unique ids, and every account below 900000000000.
#[derive(Default)]
pub(crate) struct Principals {
    ids: Mutex<BTreeMap<String, String>>,
}

impl Principals {
    /// Adds a user, or gives its name to another.
    pub(crate) fn add(&self, arn: &str, unique_id: &str) {
        let mut ids = self.ids.lock().unwrap();
        ids.insert(arn.to_owned(), unique_id.to_owned());
    }

    /// Deletes a user.
    pub(crate) fn remove(&self, arn: &str) {
        self.ids.lock().unwrap().remove(arn);
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, FactsError>> {
    Box::pin(std::future::ready(Ok(value)))
}

impl IdentityFacts for Principals {
    fn role<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Arc<RoleFacts>>, FactsError>> {
        ready(None)
    }
    fn entity<'a>(
        &'a self,
        _: &'a IamEntity,
    ) -> BoxFuture<'a, Result<Option<EntityFacts>, FactsError>> {
        ready(None)
    }
}

impl PrincipalDirectory for Principals {
    fn unique_id_of<'a>(
        &'a self,
        arn: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, FactsError>> {
        ready(self.ids.lock().unwrap().get(arn).cloned())
    }
    fn arn_of<'a>(
        &'a self,
        unique_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, FactsError>> {
        let ids = self.ids.lock().unwrap();
        let found = ids.iter().find(|(_, id)| *id == unique_id);
        ready(found.map(|(arn, _)| arn.clone()))
    }
    fn role_exists<'a>(
        &'a self,
        account: AccountId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<bool, FactsError>> {
        let arn = format!("arn:aws:iam::{account}:role/{name}");
        ready(self.ids.lock().unwrap().contains_key(&arn))
    }
    fn account_exists(&self, account: AccountId) -> BoxFuture<'_, Result<bool, FactsError>> {
        ready(account.number() < 900_000_000_000)
    }
    fn account_of_canonical_id<'a>(
        &'a self,
        id: &'a CanonicalUserId,
    ) -> BoxFuture<'a, Result<Option<AccountId>, FactsError>> {
        let account = id.as_str().strip_suffix("0".repeat(52).as_str());
        ready(account.and_then(|text| AccountId::parse_exact(text).ok()))
    }
}

/// A server's inside.
pub(crate) struct World {
    pub(crate) stores: Stores,
    pub(crate) principals: Arc<Principals>,
    pub(crate) gate: Gate,
    foundations: Foundations,
    now: Mutex<Timestamp>,
    pub(crate) directory: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> World {
        World::in_region("us-east-1").await
    }

    pub(crate) async fn in_region(region: &str) -> World {
        let directory = tempfile::tempdir().unwrap();
        let options = Options {
            map_bytes: 1 << 28,
            ..Options::default()
        };
        let local = Arc::new(Local::open(directory.path().join("data"), options).unwrap());
        let principals = Arc::new(Principals::default());
        let foundations = Foundations {
            engine: local.clone(),
            control: local,
            keys: Arc::new(seal::KeyEncryptionKey::generate().unwrap()),
            principals: principals.clone(),
            region: region.to_owned(),
        };
        let vault = Arc::new(Vault::open(foundations.clone()).await.unwrap());
        World {
            gate: Gate::new(vault.clone(), principals.clone()),
            stores: Stores { vault },
            principals,
            foundations,
            now: Mutex::new("2026-02-03T04:05:06.789Z".parse().unwrap()),
            directory,
        }
    }

    /// Sets the clock.
    pub(crate) fn set_clock(&self, now: &str) {
        *self.now.lock().unwrap() = now.parse().unwrap();
    }

    /// Forgets everything that is not durable.
    pub(crate) async fn restart(&mut self) {
        let vault = Arc::new(Vault::open(self.foundations.clone()).await.unwrap());
        self.gate = Gate::new(vault.clone(), self.principals.clone());
        self.stores = Stores { vault };
    }

    /// A world with one bucket `logs` of account 111122223333.
    pub(crate) async fn with_bucket() -> World {
        let world = World::new().await;
        world.send(&root("111122223333"), "PUT /logs").await.ok();
        world
    }

    /// Sends a request without headers and body.
    pub(crate) async fn send(&self, who: &Who, line: &str) -> Outcome {
        self.send_with(who, line, &[], "").await
    }

    /// Sends a request. `line` is `METHOD /bucket/key?query`, as it would stand in HTTP.
    pub(crate) async fn send_with(
        &self,
        who: &Who,
        line: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Outcome {
        let body = body.into();
        let mut all = header_map(headers);
        if !body.is_empty() || line.starts_with("PUT") {
            let length = HeaderValue::from(body.len());
            all.entry(http::header::CONTENT_LENGTH).or_insert(length);
        }
        self.send_frames(who, line, all, vec![Frame::Data(body)])
            .await
    }

    /// Sends a request with a body in pieces.
    pub(crate) async fn send_frames(
        &self,
        who: &Who,
        line: &str,
        headers: HeaderMap,
        frames: Vec<Frame>,
    ) -> Outcome {
        Outcome(self.answer(who, line, headers, frames).await)
    }

    async fn answer(
        &self,
        who: &Who,
        line: &str,
        headers: HeaderMap,
        frames: Vec<Frame>,
    ) -> Result<Answer, AwsError> {
        let (method, uri) = line.split_once(' ').unwrap();
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let head = Head {
            method,
            path,
            query,
            headers: &headers,
        };
        let domains = Domains::default();
        let service = rest::service(&head, &domains);
        let route = rest::route(service, &head, &domains)?;
        let (body, decoded) = if streams(route.name()) {
            let frames = frames.into_iter().map(Ok::<_, S3Error>);
            let body = Body::from_frames(futures_util::stream::iter(frames));
            (body, None)
        } else {
            let mut whole = Vec::new();
            for frame in frames {
                if let Frame::Data(bytes) = frame {
                    whole.extend_from_slice(&bytes);
                }
            }
            let bytes = Bytes::from(whole);
            (Body::Full(bytes.clone()), Some(bytes))
        };
        let input = rest::decode(&route, &headers, decoded.as_deref())?;
        let now = *self.now.lock().unwrap();
        let judge = self.gate.danger_judge_unverified(
            who.identity(),
            RequestFacts {
                now,
                source_ip: None,
                secure_transport: true,
                user_agent: None,
                referer: None,
                region: self.foundations.region.clone(),
                auth_type: match who.account {
                    Some(_) => AuthType::Header,
                    None => AuthType::Anonymous,
                },
                signature_age_ms: None,
                content_sha256: None,
                requester_pays: headers
                    .get("x-amz-request-payer")
                    .is_some_and(|payer| payer.as_bytes() == b"requester"),
                request_id: "0000000000000000".to_owned(),
            },
        );
        let request = Request {
            operation: operation_name(service, route.name()),
            bucket: route.bucket.clone(),
            key: route.key.clone(),
            query: route.query.clone(),
            input,
            headers,
            body,
            now,
            region: self.foundations.region.clone(),
            request_id: "0000000000000000".to_owned(),
        };
        let response = dispatch(&judge, request, &self.stores)
            .await
            .map_err(|error| {
                if let S3Error::Internal(cause) = &error {
                    eprintln!("internal error: {cause:?}");
                }
                error.to_aws()
            })?;
        let body = match response.body {
            ResponseBody::Empty => Bytes::new(),
            ResponseBody::Full(bytes) => bytes,
            ResponseBody::Stream(stream) => {
                let pieces: Vec<Bytes> = stream.try_collect().await.map_err(|e| e.to_aws())?;
                Bytes::from(pieces.concat())
            }
        };
        Ok(Answer {
            status: response.status,
            headers: response.headers,
            body,
        })
    }
}

/// Headers from pairs.
pub(crate) fn header_map(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    headers
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    /// The text of the first element of this name.
    pub(crate) fn element(&self, name: &str) -> String {
        self.elements(name).into_iter().next().unwrap_or_default()
    }

    /// The texts of all elements of this name.
    pub(crate) fn elements(&self, name: &str) -> Vec<String> {
        let text = self.text();
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        text.split(&open)
            .skip(1)
            .map(|rest| rest.split(&close).next().unwrap().to_owned())
            .collect()
    }
}

/// An answer or an error.
#[derive(Debug)]
pub(crate) struct Outcome(pub(crate) Result<Answer, AwsError>);

impl Outcome {
    #[track_caller]
    pub(crate) fn ok(self) -> Answer {
        match self.0 {
            Ok(answer) => answer,
            Err(error) => panic!("refused: {error:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn error(self) -> AwsError {
        match self.0 {
            Ok(answer) => panic!("not refused: {answer:?}"),
            Err(error) => error,
        }
    }

    /// `status code: message`, with the fields.
    #[track_caller]
    pub(crate) fn told(self) -> String {
        match self.0 {
            Ok(answer) => format!("{} ok", answer.status),
            Err(error) => {
                let fields: Vec<String> = error
                    .fields
                    .iter()
                    .map(|(name, value)| format!(" {name}={value}"))
                    .collect();
                format!(
                    "{} {}: {}{}",
                    error.status,
                    error.code,
                    error.message,
                    fields.concat()
                )
            }
        }
    }
}

mod tests {
    use super::*;

    #[tokio::test]
    async fn an_object_comes_back_as_it_was_put() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let put = world
            .send_with(
                &owner,
                "PUT /logs/a%20b",
                &[("x-amz-meta-Tone", "dark")],
                "hello",
            )
            .await
            .ok();
        assert_eq!(put.header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
        let got = world.send(&owner, "GET /logs/a%20b").await.ok();
        assert_eq!(got.text(), "hello");
        assert_eq!(got.header("x-amz-meta-tone"), "dark");
        assert_eq!(got.header("content-type"), "binary/octet-stream");
        assert_eq!(got.header("x-amz-server-side-encryption"), "AES256");
        assert_eq!(got.header("content-length"), "5");
        let head = world.send(&owner, "HEAD /logs/a%20b").await.ok();
        assert_eq!(head.headers, got.headers);
        let list = world.send(&owner, "GET /logs?list-type=2").await.ok();
        assert_eq!(list.elements("Key"), ["a b"]);
        assert_eq!(list.element("Size"), "5");
        world.send(&owner, "DELETE /logs/a%20b").await.ok();
        assert_eq!(
            world.send(&owner, "GET /logs/a%20b").await.told(),
            "404 NoSuchKey: The specified key does not exist. Key=a b"
        );
    }
}
