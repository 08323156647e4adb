//! RemoveUserFromGroup: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveUserFromGroup.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Takes a user out of a group.
#[derive(Debug)]
pub enum RemoveUserFromGroup {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    group_name: String,
    user_name: String,
}

impl Operation for RemoveUserFromGroup {
    const NAME: &'static str = "RemoveUserFromGroup";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::RemoveUserFromGroup>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Group, &input.group_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let user = &call.input.user_name;
        Ok(stores
            .directory
            .remove_user_from_group(&call.permits, user)
            .await?)
    }
}
