//! GetInstanceProfile: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetInstanceProfile.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::shapes::InstanceProfile;
use crate::{IamError, Stores, entities};

/// An instance profile.
#[derive(Debug)]
pub enum GetInstanceProfile {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    instance_profile_name: String,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    instance_profile: InstanceProfile,
}

impl Operation for GetInstanceProfile {
    const NAME: &'static str = "GetInstanceProfile";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::GetInstanceProfile>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(
            who,
            EntityKind::InstanceProfile,
            &input.instance_profile_name,
        )?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let profile = stores.directory.get_instance_profile(&call.permits)?;
        let account = call.permits.resource().account;
        Ok(Output {
            instance_profile: InstanceProfile::whole(account, &profile),
        })
    }
}
