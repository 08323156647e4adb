//! GetGroup: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetGroup.html>
use catalog::{EntityKind, iam};
use directory::name_key;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::{Group, User};
use crate::{IamError, Stores, entities};

/// A group with its users, in pages.
#[derive(Debug)]
pub enum GetGroup {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    group_name: String,
    #[serde(flatten)]
    page: PageRequest,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    group: Group,
    users: Vec<User>,
    #[serde(flatten)]
    end: PageEnd,
}

impl Operation for GetGroup {
    const NAME: &'static str = "GetGroup";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::GetGroup>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Group, &input.group_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let (group, members) = stores.directory.get_group(&call.permits)?;
        let (users, end) = page(members, |user| name_key(&user.name), &call.input.page)?;
        let account = call.permits.resource().account;
        Ok(Output {
            group: Group::new(account, &group),
            users: users
                .iter()
                .map(|user| User::listed(account, user))
                .collect(),
            end,
        })
    }
}
