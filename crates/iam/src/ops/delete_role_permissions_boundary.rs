//! DeleteRolePermissionsBoundary: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRolePermissionsBoundary.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Takes the permissions boundary from a role.
#[derive(Debug)]
pub enum DeleteRolePermissionsBoundary {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_name: String,
}

impl Operation for DeleteRolePermissionsBoundary {
    const NAME: &'static str = "DeleteRolePermissionsBoundary";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::DeleteRolePermissionsBoundary>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Role, &input.role_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        Ok(stores
            .directory
            .delete_role_permissions_boundary(&call.permits)
            .await?)
    }
}
