//! ListRoles: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>
use catalog::iam;
use directory::name_key;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::Role;
use crate::{IamError, Stores, entities};

/// Roles, without tags, boundaries and last use.
#[derive(Debug)]
pub enum ListRoles {}

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
    roles: Vec<Role>,
    #[serde(flatten)]
    end: PageEnd,
}

impl Operation for ListRoles {
    const NAME: &'static str = "ListRoles";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListRoles>;
    type Stores = Stores;

    fn asks(_input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::everything(who)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let prefix = call.input.path_prefix.as_deref().unwrap_or("/");
        let all = stores.directory.list_roles(&call.permits, prefix)?;
        let (shown, end) = page(
            all,
            |one| format!("{}\0{}", one.path, name_key(&one.name)),
            &call.input.page,
        )?;
        let account = call.permits.resource().0;
        let shown = stores.directory.show_roles(&call.permits, shown);
        let roles = shown
            .iter()
            .map(|role| Role::listed(account, role))
            .collect();
        Ok(Output { roles, end })
    }
}
