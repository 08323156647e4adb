//! UpdateGroup: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateGroup.html>
use catalog::{EntityKind, iam};
use directory::Rename;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Renames or moves a group.
#[derive(Debug)]
pub enum UpdateGroup {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    group_name: String,
    new_path: Option<String>,
    new_group_name: Option<String>,
}

impl Operation for UpdateGroup {
    const NAME: &'static str = "UpdateGroup";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::UpdateGroup>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Group, &input.group_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let new = Rename {
            name: call.input.new_group_name,
            path: call.input.new_path,
        };
        Ok(stores.directory.update_group(&call.permits, new).await?)
    }
}
