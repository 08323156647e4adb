//! GetUserPolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUserPolicy.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::{IamError, Stores, entities, shapes};

/// An inline policy of a user.
#[derive(Debug)]
pub enum GetUserPolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    policy_name: String,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    user_name: String,
    policy_name: String,
    policy_document: String,
}

impl Operation for GetUserPolicy {
    const NAME: &'static str = "GetUserPolicy";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::GetUserPolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::User, &input.user_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let Input {
            user_name,
            policy_name,
        } = call.input;
        let policy = stores
            .directory
            .get_user_policy(&call.permits, &policy_name)?;
        Ok(Output {
            user_name,
            policy_name,
            policy_document: shapes::document(policy.text()),
        })
    }
}
