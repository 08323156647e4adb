//! GetRolePolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::{IamError, Stores, entities, shapes};

/// An inline policy of a role.
#[derive(Debug)]
pub enum GetRolePolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_name: String,
    policy_name: String,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    role_name: String,
    policy_name: String,
    policy_document: String,
}

impl Operation for GetRolePolicy {
    const NAME: &'static str = "GetRolePolicy";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::GetRolePolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Role, &input.role_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let Input {
            role_name,
            policy_name,
        } = call.input;
        let policy = stores
            .directory
            .get_role_policy(&call.permits, &policy_name)?;
        Ok(Output {
            role_name,
            policy_name,
            policy_document: shapes::document(policy.text()),
        })
    }
}
