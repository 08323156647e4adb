//! A server's inside without its wire: accounts, callers and calls.
use std::sync::Arc;

use catalog::AccountId;
use directory::{Directory, NewAccount};
use gate::{AuthType, Gate, Identity, RequestFacts, SystemTask};
use iam::{IamError, Stores};
use jiff::Timestamp;
use serde_json::{Value, json};
use wire::Service;
use wire::model::{Kind, Model, ShapeId};

/// The account that most cases are about.
pub const OWN: &str = "111122223333";
/// Another one.
pub const OTHER: &str = "444455556666";
/// A trust policy that names nobody in particular.
pub const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
/// A policy that allows reading.
pub const READ: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

pub struct World {
    pub directory: Arc<Directory>,
    gate: Gate,
    stores: Stores,
}

/// Someone with an access key.
#[derive(Clone)]
pub struct Who {
    pub access_key_id: String,
}

pub type Answer = Result<Value, IamError>;

impl World {
    /// Two accounts, and the root user of the first.
    pub async fn new() -> (World, Who) {
        let directory = Arc::new(Directory::danger_in_memory().await.unwrap());
        let world = World {
            gate: directory.danger_gate(),
            stores: Stores {
                directory: directory.clone(),
            },
            directory,
        };
        let root = world.account(OWN).await;
        world.account(OTHER).await;
        (world, root)
    }

    async fn account(&self, id: &str) -> Who {
        let system = self.gate.system(SystemTask::AdministerAccounts);
        let new = NewAccount {
            id: Some(AccountId::parse(id).unwrap()),
            name: "an account".to_owned(),
            email: None,
        };
        let made = self.directory.create_account(&system, new).await.unwrap();
        Who {
            access_key_id: made.access_key_id,
        }
    }

    /// Another root user.
    pub async fn root_of_other(&self) -> Who {
        let system = self.gate.system(SystemTask::AdministerAccounts);
        let id = AccountId::parse(OTHER).unwrap();
        let made = self.directory.create_root_access_key(&system, id).await;
        Who {
            access_key_id: made.unwrap().access_key_id,
        }
    }

    /// A user with a key and with this inline policy.
    pub async fn user(&self, root: &Who, name: &str, policy: Option<Value>) -> Who {
        self.ok(root, "CreateUser", json!({"UserName": name})).await;
        if let Some(policy) = policy {
            let input = json!({"UserName": name, "PolicyName": "own", "PolicyDocument": policy.to_string()});
            self.ok(root, "PutUserPolicy", input).await;
        }
        let made = self
            .ok(root, "CreateAccessKey", json!({"UserName": name}))
            .await;
        Who {
            access_key_id: made["AccessKey"]["AccessKeyId"]
                .as_str()
                .unwrap()
                .to_owned(),
        }
    }

    pub fn identity(&self, who: &Who) -> Identity {
        let found = self
            .directory
            .lookup(&who.access_key_id, None, Timestamp::now())
            .unwrap();
        self.directory.identity(&found, "iam").unwrap()
    }

    pub async fn call(&self, who: &Who, operation: &str, input: Value) -> Answer {
        self.call_as(self.identity(who), operation, input).await
    }

    pub async fn call_as(&self, identity: Identity, operation: &str, input: Value) -> Answer {
        let judge = self.gate.danger_judge_unverified(identity, request());
        let output = iam::dispatch(&judge, operation, input, &self.stores).await?;
        check_shape(operation, &output);
        Ok(output)
    }

    pub async fn ok(&self, who: &Who, operation: &str, input: Value) -> Value {
        match self.call(who, operation, input.clone()).await {
            Ok(output) => output,
            Err(error) => panic!("{operation} {input}: {} {error}", error.code()),
        }
    }

    /// The call is refused: `STATUS CODE: TEXT`.
    pub async fn refused(&self, who: &Who, operation: &str, input: Value) -> String {
        match self.call(who, operation, input.clone()).await {
            Ok(output) => panic!("{operation} {input} answered {output}"),
            Err(error) => shown(&error),
        }
    }
}

pub fn shown(error: &IamError) -> String {
    format!("{} {}: {error}", error.status(), error.code())
}

fn request() -> RequestFacts {
    RequestFacts {
        now: Timestamp::now(),
        source_ip: None,
        secure_transport: false,
        user_agent: None,
        referer: None,
        region: "us-east-1".to_owned(),
        auth_type: AuthType::Header,
        signature_age_ms: None,
        content_sha256: None,
        requester_pays: false,
        request_id: "test".to_owned(),
    }
}

/// Everything that is answered has a place in the model: what has none would be lost on the wire.
fn check_shape(operation: &str, output: &Value) {
    let model = wire::model(Service::Iam);
    match model.operation(operation).unwrap().output {
        Some(shape) => check_value(model, shape, operation, output),
        None => assert!(output.is_null(), "{operation} has no output: {output}"),
    }
}

fn check_value(model: &Model, shape: ShapeId, path: &str, value: &Value) {
    match (&model.shape(shape).kind, value) {
        (_, Value::Null) => {}
        (Kind::Structure(structure), Value::Object(members)) => {
            for (name, value) in members {
                let path = format!("{path}.{name}");
                let member = structure.members.iter().find(|one| one.name == *name);
                let member = member.unwrap_or_else(|| panic!("{path} is not in the model"));
                check_value(model, member.shape, &path, value);
            }
            for member in &structure.members {
                let there = value
                    .get(&member.name)
                    .is_some_and(|value| !value.is_null());
                // The root user has neither name nor path.
                let is_root = value["Arn"]
                    .as_str()
                    .is_some_and(|arn| arn.ends_with(":root"));
                assert!(
                    there || !member.required || is_root,
                    "{path}.{} is missing",
                    member.name
                );
            }
        }
        (Kind::List(list), Value::Array(items)) => {
            for item in items {
                check_value(model, list.item, path, item);
            }
        }
        (Kind::Map(map), Value::Object(entries)) => {
            for (name, value) in entries {
                check_value(model, map.value, &format!("{path}.{name}"), value);
            }
        }
        (Kind::Text | Kind::Timestamp, Value::String(_))
        | (Kind::Boolean, Value::Bool(_))
        | (Kind::Integer | Kind::Long, Value::Number(_)) => {}
        (kind, value) => panic!("{path}: {value} is no {kind:?}"),
    }
}
