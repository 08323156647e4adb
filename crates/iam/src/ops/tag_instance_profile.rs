//! TagInstanceProfile: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagInstanceProfile.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::shapes::Tag;
use crate::{IamError, Stores, entities};

/// Adds tags to an instance profile.
#[derive(Debug)]
pub enum TagInstanceProfile {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    instance_profile_name: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl Operation for TagInstanceProfile {
    const NAME: &'static str = "TagInstanceProfile";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::TagInstanceProfile>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let ask = Ask::on(entities::existing(
            who,
            EntityKind::InstanceProfile,
            &input.instance_profile_name,
        )?);
        Ok(entities::with_request_tags(ask, &input.tags))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let tags = entities::tags(call.input.tags);
        Ok(stores
            .directory
            .tag_instance_profile(&call.permits, &tags)
            .await?)
    }
}
