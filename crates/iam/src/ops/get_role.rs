//! GetRole: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::shapes::Role;
use crate::{IamError, Stores, entities};

/// A role.
#[derive(Debug)]
pub enum GetRole {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_name: String,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    role: Role,
}

impl Operation for GetRole {
    const NAME: &'static str = "GetRole";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::GetRole>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Role, &input.role_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let role = stores.directory.get_role(&call.permits)?;
        Ok(Output {
            role: Role::whole(call.permits.resource().account, &role),
        })
    }
}
