//! UntagInstanceProfile: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagInstanceProfile.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Removes tags from an instance profile.
#[derive(Debug)]
pub enum UntagInstanceProfile {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    instance_profile_name: String,
    #[serde(default)]
    tag_keys: Vec<String>,
}

impl Operation for UntagInstanceProfile {
    const NAME: &'static str = "UntagInstanceProfile";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::UntagInstanceProfile>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let ask = Ask::on(entities::existing(
            who,
            EntityKind::InstanceProfile,
            &input.instance_profile_name,
        )?);
        Ok(entities::with_tag_keys(ask, input.tag_keys.clone()))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        Ok(stores
            .directory
            .untag_instance_profile(&call.permits, &call.input.tag_keys)
            .await?)
    }
}
