//! ListInstanceProfiles: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfiles.html>
use catalog::iam;
use directory::name_key;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::InstanceProfile;
use crate::{IamError, Stores, entities};

/// Instance profiles, without tags.
#[derive(Debug)]
pub enum ListInstanceProfiles {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    path_prefix: Option<String>,
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

impl Operation for ListInstanceProfiles {
    const NAME: &'static str = "ListInstanceProfiles";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListInstanceProfiles>;
    type Stores = Stores;

    fn asks(_input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::everything(who)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let prefix = call.input.path_prefix.as_deref().unwrap_or("/");
        let all = stores
            .directory
            .list_instance_profiles(&call.permits, prefix)?;
        let key = |view: &directory::InstanceProfileView| {
            format!("{}\0{}", view.profile.path, name_key(&view.profile.name))
        };
        let (shown, end) = page(all, key, &call.input.page)?;
        let account = call.permits.resource().0;
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
