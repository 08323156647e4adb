//! AttachRolePolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Attaches a managed policy to a role.
#[derive(Debug)]
pub enum AttachRolePolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_name: String,
    policy_arn: String,
}

impl Operation for AttachRolePolicy {
    const NAME: &'static str = "AttachRolePolicy";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::AttachRolePolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Role, &input.role_name)?;
        Ok(Ask::on(entity).with("iam:PolicyARN", input.policy_arn.as_str()))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let arn = &call.input.policy_arn;
        Ok(stores
            .directory
            .attach_role_policy(&call.permits, arn)
            .await?)
    }
}
