//! DeleteGroupPolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroupPolicy.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Deletes an inline policy of a group.
#[derive(Debug)]
pub enum DeleteGroupPolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    group_name: String,
    policy_name: String,
}

impl Operation for DeleteGroupPolicy {
    const NAME: &'static str = "DeleteGroupPolicy";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::DeleteGroupPolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Group, &input.group_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let name = &call.input.policy_name;
        Ok(stores
            .directory
            .delete_group_policy(&call.permits, name)
            .await?)
    }
}
