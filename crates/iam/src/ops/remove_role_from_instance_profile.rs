//! RemoveRoleFromInstanceProfile: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveRoleFromInstanceProfile.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Takes a role out of an instance profile.
#[derive(Debug)]
pub enum RemoveRoleFromInstanceProfile {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    instance_profile_name: String,
    role_name: String,
}

impl Operation for RemoveRoleFromInstanceProfile {
    const NAME: &'static str = "RemoveRoleFromInstanceProfile";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::RemoveRoleFromInstanceProfile>;
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
        let role = &call.input.role_name;
        Ok(stores
            .directory
            .remove_role_from_instance_profile(&call.permits, role)
            .await?)
    }
}
