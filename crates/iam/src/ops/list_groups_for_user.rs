//! ListGroupsForUser: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroupsForUser.html>
use catalog::{EntityKind, iam};
use directory::name_key;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::Group;
use crate::{IamError, Stores, entities};

/// The groups of a user.
#[derive(Debug)]
pub enum ListGroupsForUser {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
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

impl Operation for ListGroupsForUser {
    const NAME: &'static str = "ListGroupsForUser";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListGroupsForUser>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::User, &input.user_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let all = stores.directory.list_groups_for_user(&call.permits)?;
        let (shown, end) = page(
            all,
            |one| format!("{}\0{}", one.path, name_key(&one.name)),
            &call.input.page,
        )?;
        let account = call.permits.resource().account;
        let groups = shown
            .iter()
            .map(|group| Group::new(account, group))
            .collect();
        Ok(Output { groups, end })
    }
}
