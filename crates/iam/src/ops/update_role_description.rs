//! UpdateRoleDescription: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRoleDescription.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::shapes::Role;
use crate::{IamError, Stores, entities};

/// Changes the description of a role.
#[derive(Debug)]
pub enum UpdateRoleDescription {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_name: String,
    description: String,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    role: Role,
}

impl Operation for UpdateRoleDescription {
    const NAME: &'static str = "UpdateRoleDescription";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::UpdateRoleDescription>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Role, &input.role_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let description = call.input.description;
        let role = stores
            .directory
            .update_role_description(&call.permits, description)
            .await?;
        Ok(Output {
            role: Role::listed(call.permits.resource().account, &role),
        })
    }
}
