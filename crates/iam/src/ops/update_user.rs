//! UpdateUser: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateUser.html>
use catalog::{EntityKind, iam};
use directory::Rename;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Renames or moves a user.
#[derive(Debug)]
pub enum UpdateUser {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    new_path: Option<String>,
    new_user_name: Option<String>,
}

impl Operation for UpdateUser {
    const NAME: &'static str = "UpdateUser";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::UpdateUser>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::User, &input.user_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let new = Rename {
            name: call.input.new_user_name,
            path: call.input.new_path,
        };
        Ok(stores.directory.update_user(&call.permits, new).await?)
    }
}
