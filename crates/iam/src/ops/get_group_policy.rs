//! GetGroupPolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetGroupPolicy.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::{IamError, Stores, entities, shapes};

/// An inline policy of a group.
#[derive(Debug)]
pub enum GetGroupPolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    group_name: String,
    policy_name: String,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    group_name: String,
    policy_name: String,
    policy_document: String,
}

impl Operation for GetGroupPolicy {
    const NAME: &'static str = "GetGroupPolicy";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::GetGroupPolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Group, &input.group_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let Input {
            group_name,
            policy_name,
        } = call.input;
        let policy = stores
            .directory
            .get_group_policy(&call.permits, &policy_name)?;
        Ok(Output {
            group_name,
            policy_name,
            policy_document: shapes::document(policy.text()),
        })
    }
}
