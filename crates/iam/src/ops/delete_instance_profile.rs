//! DeleteInstanceProfile: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteInstanceProfile.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Deletes an instance profile.
#[derive(Debug)]
pub enum DeleteInstanceProfile {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    instance_profile_name: String,
}

impl Operation for DeleteInstanceProfile {
    const NAME: &'static str = "DeleteInstanceProfile";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::DeleteInstanceProfile>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(
            who,
            EntityKind::InstanceProfile,
            &input.instance_profile_name,
        )?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        Ok(stores
            .directory
            .delete_instance_profile(&call.permits)
            .await?)
    }
}
