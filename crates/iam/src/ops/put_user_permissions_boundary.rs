//! PutUserPermissionsBoundary: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPermissionsBoundary.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Sets the permissions boundary of a user.
#[derive(Debug)]
pub enum PutUserPermissionsBoundary {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    permissions_boundary: String,
}

impl Operation for PutUserPermissionsBoundary {
    const NAME: &'static str = "PutUserPermissionsBoundary";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::PutUserPermissionsBoundary>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::User, &input.user_name)?;
        Ok(Ask::on(entity).with(
            "iam:PermissionsBoundary",
            input.permissions_boundary.as_str(),
        ))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let arn = &call.input.permissions_boundary;
        Ok(stores
            .directory
            .put_user_permissions_boundary(&call.permits, arn)
            .await?)
    }
}
