//! Tables of cases over [`crate::testing`]: callers are constants, answers are one word.
use catalog::AccountId;
use http::HeaderMap;

pub(crate) use crate::testing::unique_id;
use crate::testing::{self, Outcome, Principals, Who};

/// Owns most buckets in tests.
pub(crate) const ALICE: &str = "111111111111";
/// Another account.
pub(crate) const BOB: &str = "222222222222";

/// The canonical user id of a test's account.
pub(crate) fn canonical(account: &str) -> String {
    let account = AccountId::parse(account).unwrap();
    testing::canonical_id(account).to_string()
}

/// Who sends a request.
#[derive(Clone, Debug)]
pub(crate) enum As {
    /// Nobody.
    Anonymous,
    /// The root user of an account.
    Root(&'static str),
    /// A user of an account, by name, who may take these actions on every resource.
    User(&'static str, &'static str, &'static [&'static str]),
    /// A user of an account, by name, with one policy of these statements, as JSON.
    Stating(&'static str, &'static str, &'static str),
}

impl As {
    fn who(&self) -> Who {
        match self {
            As::Anonymous => testing::anonymous(),
            As::Root(account) => testing::root(account),
            As::Stating(account, name, statements) => testing::user(account, name, statements),
            As::User(account, name, []) => testing::user(account, name, ""),
            As::User(account, name, actions) => {
                let statement = serde_json::json!({
                    "Effect": "Allow", "Action": actions, "Resource": "*",
                });
                testing::user(account, name, &statement.to_string())
            }
        }
    }
}

/// A server's inside.
pub(crate) struct World(testing::World);

/// An answer: status, headers, and the body as text.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    headers: HeaderMap,
}

impl Answer {
    /// `200`, or `404 NoSuchBucket`.
    pub(crate) fn outcome(&self) -> String {
        match self.element("Code") {
            Some(code) => format!("{} {code}", self.status),
            None => self.status.to_string(),
        }
    }

    /// The text of the first element of this name.
    pub(crate) fn element(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Answer {
        match outcome.0 {
            Ok(answer) => Answer {
                status: answer.status,
                body: String::from_utf8_lossy(&answer.body).into_owned(),
                headers: answer.headers,
            },
            Err(error) => {
                let headers: Vec<_> = error
                    .headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                Answer {
                    status: error.status,
                    body: error.s3_body("", ""),
                    headers: testing::header_map(&headers),
                }
            }
        }
    }
}

impl World {
    pub(crate) async fn new() -> World {
        World(testing::World::new().await)
    }

    pub(crate) async fn in_region(region: &str) -> World {
        World(testing::World::in_region(region).await)
    }

    /// With a bucket of Alice's.
    pub(crate) async fn with_bucket(self, name: &str) -> World {
        let request = format!("PUT /{name}");
        assert_eq!(self.outcome(&As::Root(ALICE), &request).await, "200");
        self
    }

    pub(crate) async fn restart(&mut self) {
        self.0.restart().await;
    }

    pub(crate) fn principals(&self) -> &Principals {
        &self.0.principals
    }

    /// Sends `METHOD /path?query`, with headers and a body.
    pub(crate) async fn send(
        &self,
        who: &As,
        request: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let who = who.who();
        let sent = self.0.send_with(&who, request, headers, body.to_owned());
        sent.await.into()
    }

    /// The outcome of a request without headers and body.
    pub(crate) async fn outcome(&self, who: &As, request: &str) -> String {
        self.send(who, request, &[], "").await.outcome()
    }

    /// Sets the policy of a bucket of Alice's.
    pub(crate) async fn set_policy(&self, bucket: &str, document: serde_json::Value) -> Answer {
        let request = format!("PUT /{bucket}?policy");
        let document = document.to_string();
        self.send(&As::Root(ALICE), &request, &[], &document).await
    }
}
