//! A server without connections and signatures, for the tests of operations: requests go through
//! the router, the decoder, the gate and the vault over a real engine in a temporary directory.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use catalog::{AccountId, CanonicalUserId, IamEntity};
use gate::{
    AuthType, BoxFuture, EntityFacts, FactsError, Gate, Identity, IdentityFacts,
    PrincipalDirectory, RequestFacts, RoleFacts,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use policy::{AttachedPolicy, Caller, CallerKind, Policy, PolicyKind, PolicySource};
use vault::{Foundations, Vault};
use wire::request::Request as WireRequest;
use wire::rest::{self, Domains};

use crate::{Body, Request, Response, ResponseBody, S3Error, Stores, dispatch, operation_name};

/// Owns most buckets in tests.
pub(crate) const ALICE: &str = "111111111111";
/// Another account.
pub(crate) const BOB: &str = "222222222222";

/// The canonical user id of a test's account.
pub(crate) fn canonical(account: &str) -> CanonicalUserId {
    CanonicalUserId::parse(&account.repeat(6)[..64]).unwrap()
}

/// The unique id of the first user of a name.
pub(crate) fn unique_id(name: &str) -> String {
    format!("AIDA{:A<17}", name.to_uppercase())
}

/// Users and roles by ARN with their unique ids; the accounts are [`ALICE`] and [`BOB`].
#[derive(Default)]
pub(crate) struct Principals {
    ids: Mutex<BTreeMap<String, String>>,
}

impl Principals {
    pub(crate) fn add(&self, arn: &str, id: &str) {
        let mut ids = self.ids.lock().unwrap();
        ids.insert(arn.to_owned(), id.to_owned());
    }
    pub(crate) fn remove(&self, arn: &str) {
        self.ids.lock().unwrap().remove(arn);
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, FactsError>> {
    Box::pin(std::future::ready(Ok(value)))
}

impl PrincipalDirectory for Principals {
    fn unique_id_of<'a>(
        &'a self,
        arn: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, FactsError>> {
        ready(self.ids.lock().unwrap().get(arn).cloned())
    }
    fn arn_of<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<String>, FactsError>> {
        let ids = self.ids.lock().unwrap();
        let found = ids.iter().find(|(_, found)| *found == id);
        ready(found.map(|(arn, _)| arn.clone()))
    }
    fn account_exists(&self, account: AccountId) -> BoxFuture<'_, Result<bool, FactsError>> {
        ready([ALICE, BOB].contains(&account.to_string().as_str()))
    }
    fn account_of_canonical_id<'a>(
        &'a self,
        id: &'a CanonicalUserId,
    ) -> BoxFuture<'a, Result<Option<AccountId>, FactsError>> {
        let found = [ALICE, BOB].into_iter().find(|name| canonical(name) == *id);
        ready(found.map(|name| AccountId::parse(name).unwrap()))
    }
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

/// Who sends a request.
#[derive(Clone, Debug)]
pub(crate) enum As {
    /// Nobody.
    Anonymous,
    /// The root user of an account.
    Root(&'static str),
    /// A user with one identity policy: `(account, name, actions)`; every resource, and no actions
    /// means no policy.
    User(&'static str, &'static str, &'static [&'static str]),
}

impl As {
    fn identity(&self) -> Identity {
        let (account, kind, arn, id, name, actions) = match self {
            As::Anonymous => return Identity::anonymous(),
            As::Root(account) => {
                let arn = format!("arn:aws:iam::{account}:root");
                (
                    account,
                    CallerKind::Root,
                    arn,
                    (*account).to_owned(),
                    None,
                    &[] as &[&str],
                )
            }
            As::User(account, name, actions) => {
                let arn = format!("arn:aws:iam::{account}:user/{name}");
                let id = unique_id(name);
                (
                    account,
                    CallerKind::User,
                    arn,
                    id,
                    Some((*name).to_owned()),
                    *actions,
                )
            }
        };
        let caller = Caller {
            kind,
            account: Some(AccountId::parse(account).unwrap()),
            canonical_id: Some(canonical(account)),
            principal_arn: arn.clone(),
            arn,
            unique_id: id.clone(),
            user_id: id,
            user_name: name,
            tags: Vec::new(),
        };
        let document = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
        });
        let policy = || AttachedPolicy {
            source: PolicySource::Inline {
                name: "own".to_owned(),
            },
            policy: Arc::new(Policy::parse(PolicyKind::Identity, &document.to_string()).unwrap()),
        };
        let policies = if actions.is_empty() {
            vec![]
        } else {
            vec![policy()]
        };
        Identity {
            caller,
            access_key_id: Some("AKIATEST".to_owned()),
            policies,
            boundary: None,
            session: None,
        }
    }
}

/// The server.
pub(crate) struct World {
    pub(crate) stores: Stores,
    pub(crate) principals: Arc<Principals>,
    gate: Gate,
    region: String,
    engine: Arc<engine_local::Local>,
    keys: Arc<seal::KeyEncryptionKey>,
    _directory: tempfile::TempDir,
}

/// An answer: status, headers, and the body as text.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// `200`, or `404 NoSuchBucket`.
    pub(crate) fn outcome(&self) -> String {
        let code = self
            .body
            .split_once("<Code>")
            .and_then(|(_, rest)| rest.split_once("</Code>"));
        match code {
            Some((code, _)) => format!("{} {code}", self.status),
            None => self.status.to_string(),
        }
    }
    /// The text of an element.
    pub(crate) fn element(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
    }
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl World {
    pub(crate) async fn new() -> World {
        World::in_region("us-east-1").await
    }

    pub(crate) async fn in_region(region: &str) -> World {
        let directory = tempfile::tempdir().unwrap();
        let options = engine_local::Options {
            map_bytes: 1 << 28,
            ..engine_local::Options::default()
        };
        let engine =
            Arc::new(engine_local::Local::open(directory.path().join("data"), options).unwrap());
        let principals = Arc::new(Principals::default());
        let keys = Arc::new(seal::KeyEncryptionKey::generate().unwrap());
        let vault = open(&engine, &keys, &principals, region).await;
        World {
            gate: Gate::new(vault.clone(), principals.clone()),
            stores: Stores { vault },
            principals,
            region: region.to_owned(),
            engine,
            keys,
            _directory: directory,
        }
    }

    /// Another vault over the same engine, as after a restart.
    pub(crate) async fn restart(&mut self) {
        let vault = open(&self.engine, &self.keys, &self.principals, &self.region).await;
        self.gate = Gate::new(vault.clone(), self.principals.clone());
        self.stores = Stores { vault };
    }

    /// Sends `METHOD /path?query`, with headers and a body.
    pub(crate) async fn send(
        &self,
        who: &As,
        request: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        match self.try_send(who, request, headers, body).await {
            Ok(response) => Answer {
                status: response.status,
                headers: response.headers,
                body: text(response.body).await,
            },
            Err(error) => {
                if let S3Error::Internal(cause) = &error {
                    eprintln!("{request}: {cause:?}");
                }
                let error = error.to_aws();
                let mut headers = HeaderMap::new();
                for (name, value) in &error.headers {
                    headers.insert(
                        HeaderName::from_bytes(name.as_bytes()).unwrap(),
                        HeaderValue::from_str(value).unwrap(),
                    );
                }
                Answer {
                    status: error.status,
                    headers,
                    body: error.s3_body("REQUESTID", "HOSTID"),
                }
            }
        }
    }

    async fn try_send(
        &self,
        who: &As,
        request: &str,
        sent: &[(&str, &str)],
        body: &str,
    ) -> Result<Response, S3Error> {
        let (method, target) = request.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let wire_request = WireRequest {
            method,
            path,
            query,
            headers: &headers,
        };
        let domains = Domains::default();
        let service = rest::service(&wire_request, &domains);
        let route = rest::route(service, &wire_request, &domains)?;
        let streams = crate::streams(route.name());
        let input = rest::decode(&route, &headers, (!streams).then_some(body.as_bytes()))?;
        let now: Timestamp = "2026-02-03T04:05:06.789Z".parse().unwrap();
        let facts = RequestFacts {
            now,
            source_ip: Some([192, 0, 2, 1].into()),
            secure_transport: true,
            user_agent: None,
            referer: None,
            region: self.region.clone(),
            auth_type: match who {
                As::Anonymous => AuthType::Anonymous,
                As::Root(_) | As::User(..) => AuthType::Header,
            },
            signature_age_ms: None,
            content_sha256: None,
            request_id: "REQUESTID".to_owned(),
        };
        let judge = self.gate.danger_judge_unverified(who.identity(), facts);
        let request = Request {
            operation: operation_name(route.service, route.name()),
            bucket: route.bucket,
            key: route.key,
            query: route.query,
            input,
            body: Body::Full(Bytes::copy_from_slice(body.as_bytes())),
            headers,
            now,
            region: self.region.clone(),
            request_id: "REQUESTID".to_owned(),
        };
        dispatch(&judge, request, &self.stores).await
    }

    /// The outcome of a request without headers and body.
    pub(crate) async fn outcome(&self, who: &As, request: &str) -> String {
        self.send(who, request, &[], "").await.outcome()
    }

    /// A bucket of Alice's.
    pub(crate) async fn with_bucket(self, name: &str) -> World {
        let made = self
            .send(&As::Root(ALICE), &format!("PUT /{name}"), &[], "")
            .await;
        assert_eq!(made.status, 200, "{}", made.body);
        self
    }

    /// Sets the policy of a bucket of Alice's.
    pub(crate) async fn set_policy(&self, bucket: &str, document: serde_json::Value) -> Answer {
        let request = format!("PUT /{bucket}?policy");
        self.send(&As::Root(ALICE), &request, &[], &document.to_string())
            .await
    }
}

async fn open(
    engine: &Arc<engine_local::Local>,
    keys: &Arc<seal::KeyEncryptionKey>,
    principals: &Arc<Principals>,
    region: &str,
) -> Arc<Vault> {
    let foundations = Foundations {
        engine: engine.clone(),
        control: engine.clone(),
        keys: keys.clone(),
        principals: principals.clone(),
        region: region.to_owned(),
    };
    Arc::new(Vault::open(foundations).await.unwrap())
}

async fn text(body: ResponseBody) -> String {
    use futures_util::StreamExt as _;
    match body {
        ResponseBody::Empty => String::new(),
        ResponseBody::Full(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        ResponseBody::Stream(mut chunks) => {
            let mut all = Vec::new();
            while let Some(chunk) = chunks.next().await {
                all.extend_from_slice(&chunk.unwrap());
            }
            String::from_utf8_lossy(&all).into_owned()
        }
    }
}
