//! DeleteGroup: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroup.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Deletes a group.
#[derive(Debug)]
pub enum DeleteGroup {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    group_name: String,
}

impl Operation for DeleteGroup {
    const NAME: &'static str = "DeleteGroup";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::DeleteGroup>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Group, &input.group_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        Ok(stores.directory.delete_group(&call.permits).await?)
    }
}
