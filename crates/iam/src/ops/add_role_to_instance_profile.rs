//! AddRoleToInstanceProfile: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddRoleToInstanceProfile.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Puts a role in an instance profile, which passes the role to EC2.
#[derive(Debug)]
pub enum AddRoleToInstanceProfile {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    instance_profile_name: String,
    role_name: String,
}

impl Operation for AddRoleToInstanceProfile {
    const NAME: &'static str = "AddRoleToInstanceProfile";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = (Ask<iam::AddRoleToInstanceProfile>, Ask<iam::PassRole>);
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let kind = EntityKind::InstanceProfile;
        let profile = entities::existing(who, kind, &input.instance_profile_name)?;
        let role = entities::existing(who, EntityKind::Role, &input.role_name)?;
        let pass = Ask::on(role).with("iam:PassedToService", "ec2.amazonaws.com");
        Ok((Ask::on(profile), pass))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let (add, pass) = &call.permits;
        Ok(stores
            .directory
            .add_role_to_instance_profile(add, pass)
            .await?)
    }
}
