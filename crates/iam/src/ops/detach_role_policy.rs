//! DetachRolePolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Detaches a managed policy from a role.
#[derive(Debug)]
pub enum DetachRolePolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_name: String,
    policy_arn: String,
}

impl Operation for DetachRolePolicy {
    const NAME: &'static str = "DetachRolePolicy";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::DetachRolePolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Role, &input.role_name)?;
        Ok(Ask::on(entity).with("iam:PolicyARN", input.policy_arn.as_str()))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let arn = &call.input.policy_arn;
        Ok(stores
            .directory
            .detach_role_policy(&call.permits, arn)
            .await?)
    }
}
