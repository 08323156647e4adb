//! CreatePolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html>
use catalog::{EntityKind, iam};
use directory::NewPolicy;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::shapes::{ManagedPolicy, Tag};
use crate::{IamError, Stores, entities};

/// Creates a managed policy with its first version.
#[derive(Debug)]
pub enum CreatePolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_name: String,
    path: Option<String>,
    policy_document: String,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policy: ManagedPolicy,
}

impl Operation for CreatePolicy {
    const NAME: &'static str = "CreatePolicy";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::CreatePolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let policy = entities::new(
            who,
            EntityKind::Policy,
            input.path.as_deref(),
            &input.policy_name,
        )?;
        Ok(entities::with_request_tags(Ask::on(policy), &input.tags))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let new = NewPolicy {
            document: call.input.policy_document,
            description: call.input.description,
            tags: entities::tags(call.input.tags),
        };
        let policy = stores.directory.create_policy(&call.permits, new).await?;
        Ok(Output {
            policy: ManagedPolicy::created(&policy),
        })
    }
}
