//! ListGroups: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroups.html>
use catalog::iam;
use directory::name_key;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::Group;
use crate::{IamError, Stores, entities};

/// Groups.
#[derive(Debug)]
pub enum ListGroups {}

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
    groups: Vec<Group>,
    #[serde(flatten)]
    end: PageEnd,
}

impl Operation for ListGroups {
    const NAME: &'static str = "ListGroups";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListGroups>;
    type Stores = Stores;

    fn asks(_input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::everything(who)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let prefix = call.input.path_prefix.as_deref().unwrap_or("/");
        let all = stores.directory.list_groups(&call.permits, prefix)?;
        let (shown, end) = page(
            all,
            |one| format!("{}\0{}", one.path, name_key(&one.name)),
            &call.input.page,
        )?;
        let account = call.permits.resource().0;
        let groups = shown
            .iter()
            .map(|group| Group::new(account, group))
            .collect();
        Ok(Output { groups, end })
    }
}
