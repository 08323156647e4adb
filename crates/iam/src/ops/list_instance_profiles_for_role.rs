//! ListInstanceProfilesForRole: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfilesForRole.html>
use catalog::{EntityKind, iam};
use directory::name_key;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::InstanceProfile;
use crate::{IamError, Stores, entities};

/// The instance profiles that a role is in.
#[derive(Debug)]
pub enum ListInstanceProfilesForRole {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_name: String,
    #[serde(flatten)]
    page: PageRequest,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    instance_profiles: Vec<InstanceProfile>,
    #[serde(flatten)]
    end: PageEnd,
}

impl Operation for ListInstanceProfilesForRole {
    const NAME: &'static str = "ListInstanceProfilesForRole";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListInstanceProfilesForRole>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Role, &input.role_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let all = stores
            .directory
            .list_instance_profiles_for_role(&call.permits)?;
        let key = |view: &directory::InstanceProfileView| {
            format!("{}\0{}", view.profile.path, name_key(&view.profile.name))
        };
        let (shown, end) = page(all, key, &call.input.page)?;
        let account = call.permits.resource().account;
        let instance_profiles = shown
            .iter()
            .map(|view| InstanceProfile::listed(account, view))
            .collect();
        Ok(Output {
            instance_profiles,
            end,
        })
    }
}
