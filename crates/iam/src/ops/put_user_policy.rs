//! PutUserPolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Writes an inline policy of a user.
#[derive(Debug)]
pub enum PutUserPolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    policy_name: String,
    policy_document: String,
}

impl Operation for PutUserPolicy {
    const NAME: &'static str = "PutUserPolicy";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::PutUserPolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::User, &input.user_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let Input {
            policy_name,
            policy_document,
            ..
        } = &call.input;
        Ok(stores
            .directory
            .put_user_policy(&call.permits, policy_name, policy_document)
            .await?)
    }
}
