//! ListUsers: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html>
use catalog::iam;
use directory::name_key;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::User;
use crate::{IamError, Stores, entities};

/// Users, without tags and boundaries.
#[derive(Debug)]
pub enum ListUsers {}

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
    users: Vec<User>,
    #[serde(flatten)]
    end: PageEnd,
}

impl Operation for ListUsers {
    const NAME: &'static str = "ListUsers";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListUsers>;
    type Stores = Stores;

    fn asks(_input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::everything(who)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let prefix = call.input.path_prefix.as_deref().unwrap_or("/");
        let all = stores.directory.list_users(&call.permits, prefix)?;
        let (shown, end) = page(
            all,
            |one| format!("{}\0{}", one.path, name_key(&one.name)),
            &call.input.page,
        )?;
        let account = call.permits.resource().0;
        let users = shown
            .iter()
            .map(|user| User::listed(account, user))
            .collect();
        Ok(Output { users, end })
    }
}
