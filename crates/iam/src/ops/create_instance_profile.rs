//! CreateInstanceProfile: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::shapes::{InstanceProfile, Tag};
use crate::{IamError, Stores, entities};

/// Creates an instance profile without a role.
#[derive(Debug)]
pub enum CreateInstanceProfile {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    instance_profile_name: String,
    path: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    instance_profile: InstanceProfile,
}

impl Operation for CreateInstanceProfile {
    const NAME: &'static str = "CreateInstanceProfile";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::CreateInstanceProfile>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let path = input.path.as_deref();
        let kind = EntityKind::InstanceProfile;
        let profile = entities::new(who, kind, path, &input.instance_profile_name)?;
        Ok(entities::with_request_tags(Ask::on(profile), &input.tags))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let tags = entities::tags(call.input.tags);
        let profile = stores
            .directory
            .create_instance_profile(&call.permits, tags)
            .await?;
        let account = call.permits.resource().account;
        Ok(Output {
            instance_profile: InstanceProfile::whole(account, &profile),
        })
    }
}
