//! A small world for the tests of this crate: two accounts, and whoever a test puts in them.
use std::sync::Arc;

use catalog::AccountId;
use directory::{
    CredentialError, Directory, Group, InlinePolicy, ManagedPolicy, NewAccount, PolicyVersion,
    Role, User,
};
use gate::{AuthType, BoxFuture, Gate, Identity, RequestFacts, SystemTask};
use jiff::Timestamp;
use policy::{Policy, PolicyKind};
use serde_json::{Value, json};

use crate::{AuthorizationMessages, Stores, StsError, dispatch};

pub(crate) const ONE: &str = "111111111111";
pub(crate) const TWO: &str = "222222222222";
pub(crate) const NOW: i64 = 1_800_000_000;

/// A message that is about the account [`ONE`].
pub(crate) const MESSAGE_OF_ONE: &str = "REQUESTOFONE";

#[derive(Debug)]
struct OneMessage;

impl AuthorizationMessages for OneMessage {
    fn decode<'a>(
        &'a self,
        message: &'a str,
        account: AccountId,
    ) -> BoxFuture<'a, Result<Option<Value>, Box<dyn std::error::Error + Send + Sync>>> {
        let known = message == MESSAGE_OF_ONE && account.to_string() == ONE;
        let decoded = known.then(|| json!({"allowed": false}));
        Box::pin(std::future::ready(Ok(decoded)))
    }
}

pub(crate) struct World {
    pub(crate) directory: Arc<Directory>,
    gate: Gate,
    roots: Vec<(AccountId, String)>,
}

/// Credentials as a client has them.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) key: String,
    pub(crate) token: Option<String>,
}

pub(crate) fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

pub(crate) fn allow(action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#
    )
}

pub(crate) fn deny(action: &str) -> String {
    allow(action).replace("Allow", "Deny")
}

/// A trust policy that allows all STS actions to `principal`, under `condition`.
pub(crate) fn trust(principal: &str, condition: Value) -> String {
    let statement = json!({
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        "Condition": condition,
    });
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

pub(crate) fn role_arn(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/{name}")
}

fn inline(documents: &[String]) -> Vec<InlinePolicy> {
    let policies = documents.iter().enumerate();
    policies
        .map(|(index, text)| InlinePolicy {
            name: format!("p{index}"),
            document: Arc::new(Policy::parse(PolicyKind::Identity, text).unwrap()),
        })
        .collect()
}

impl World {
    pub(crate) async fn new() -> World {
        let directory = Directory::danger_in_memory().await.unwrap();
        let gate = directory.danger_gate();
        let system = gate.system(SystemTask::AdministerAccounts);
        let mut roots = Vec::new();
        for id in [ONE, TWO] {
            let new = NewAccount {
                id: Some(account(id)),
                name: id.to_owned(),
                email: None,
            };
            let made = directory.create_account(&system, new).await.unwrap();
            roots.push((account(id), made.access_key_id));
        }
        World {
            directory: Arc::new(directory),
            gate,
            roots,
        }
    }

    pub(crate) fn root(&self, id: &str) -> Client {
        let (_, key) = self
            .roots
            .iter()
            .find(|(root, _)| *root == account(id))
            .unwrap();
        Client {
            key: key.clone(),
            token: None,
        }
    }

    /// Makes or replaces a user; its unique id and key id follow from its name.
    pub(crate) async fn user(&self, id: &str, name: &str, policies: &[String]) -> Client {
        let key = self.directory.danger_access_key(account(id)).unwrap();
        let client = Client {
            key: key.id.clone(),
            token: None,
        };
        let user = User {
            id: directory::mint(directory::IdPrefix::User, account(id)).unwrap(),
            name: name.to_owned(),
            path: "/".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            tags: vec![("own".to_owned(), "user".to_owned())],
            boundary: None,
            inline: inline(policies),
            attached: Vec::new(),
            groups: Vec::new(),
            access_keys: vec![key],
        };
        self.put(id, user).await;
        client
    }

    pub(crate) async fn role(&self, id: &str, name: &str, trust: &str, policies: &[String]) {
        let trust = Policy::parse(PolicyKind::Trust, trust).unwrap();
        let stored = self.directory.snapshot().with_unique_ids(&trust).unwrap();
        let role = Role {
            id: directory::mint(directory::IdPrefix::Role, account(id)).unwrap(),
            name: name.to_owned(),
            path: "/".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            description: None,
            session_seconds_max: 7_200,
            trust: Arc::new(Policy::load(PolicyKind::Trust, &stored).unwrap()),
            tags: vec![("Team".to_owned(), "of-role".to_owned())],
            boundary: None,
            inline: inline(policies),
            attached: Vec::new(),
        };
        self.put(id, role).await;
    }

    pub(crate) async fn managed_policy(&self, id: &str, name: &str, text: &str) {
        let policy = ManagedPolicy {
            id: directory::mint(directory::IdPrefix::ManagedPolicy, account(id)).unwrap(),
            name: name.to_owned(),
            path: "/".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
            description: None,
            tags: Vec::new(),
            versions: vec![PolicyVersion {
                number: 1,
                created: Timestamp::UNIX_EPOCH,
                document: Arc::new(Policy::parse(PolicyKind::Managed, text).unwrap()),
            }],
            default_version: 1,
            next_version: 2,
        };
        self.put(id, policy).await;
    }

    pub(crate) async fn group_with(&self, id: &str, user: &str, policy: &str) {
        let group = Group {
            id: directory::mint(directory::IdPrefix::Group, account(id)).unwrap(),
            name: "group".to_owned(),
            path: "/".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            inline: inline(&[policy.to_owned()]),
            attached: Vec::new(),
        };
        let snapshot = self.directory.snapshot();
        let state = snapshot.account(account(id)).unwrap();
        let mut user = User::clone(state.named::<User>(user).unwrap());
        user.groups.push(group.id.clone());
        self.put(id, group).await;
        self.put(id, user).await;
    }

    pub(crate) async fn put(&self, id: &str, record: impl Into<directory::Record>) {
        self.directory
            .danger_put(account(id), vec![record.into()])
            .await
            .unwrap();
    }

    pub(crate) async fn delete<E: directory::Entity>(&self, id: &str, name: &str) {
        let snapshot = self.directory.snapshot();
        let entity = snapshot.account(account(id)).unwrap().named::<E>(name);
        self.directory
            .danger_delete(account(id), E::KIND, entity.unwrap().id())
            .await
            .unwrap();
    }

    pub(crate) fn identity_at(
        &self,
        client: &Client,
        seconds: i64,
        service: &str,
    ) -> Result<Identity, CredentialError> {
        let now = Timestamp::from_second(seconds).unwrap();
        let found = self
            .directory
            .lookup(&client.key, client.token.as_deref(), now)?;
        self.directory.identity(&found, service)
    }

    pub(crate) fn identity(&self, client: &Client) -> Identity {
        self.identity_at(client, NOW, "sts").unwrap()
    }

    pub(crate) fn judge(&self, client: &Client) -> gate::Judge {
        let request = RequestFacts {
            now: Timestamp::from_second(NOW).unwrap(),
            source_ip: None,
            secure_transport: true,
            user_agent: None,
            referer: None,
            region: "us-east-1".to_owned(),
            auth_type: AuthType::Header,
            signature_age_ms: None,
            content_sha256: None,
            requester_pays: false,
            request_id: "test".to_owned(),
        };
        self.gate
            .danger_judge_unverified(self.identity(client), request)
    }

    pub(crate) async fn call(
        &self,
        client: &Client,
        operation: &str,
        input: Value,
    ) -> Result<Value, StsError> {
        let stores = Stores {
            directory: self.directory.clone(),
            messages: Arc::new(OneMessage),
        };
        dispatch(&self.judge(client), operation, input, &stores).await
    }

    /// Assumes a role with further parameters.
    pub(crate) async fn assume(
        &self,
        client: &Client,
        role_arn: &str,
        more: Value,
    ) -> Result<Value, StsError> {
        let mut input = json!({"RoleArn": role_arn, "RoleSessionName": "session"});
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        self.call(client, "AssumeRole", input).await
    }
}

pub(crate) fn client(answer: &Value) -> Client {
    let credentials = &answer["Credentials"];
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    assert_eq!(text("SecretAccessKey").len(), 40);
    Client {
        key: text("AccessKeyId"),
        token: Some(text("SessionToken")),
    }
}

/// Code and text of a refusal.
pub(crate) fn refused(answer: Result<Value, StsError>) -> (String, String) {
    match answer {
        Ok(answer) => panic!("allowed: {answer}"),
        Err(error) => (error.code().to_owned(), error.to_string()),
    }
}
