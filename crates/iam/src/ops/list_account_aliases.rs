//! ListAccountAliases: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccountAliases.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::{IamError, Stores, entities};

/// The alias of the account, if it has one.
#[derive(Debug)]
pub enum ListAccountAliases {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    #[serde(flatten)]
    page: PageRequest,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    account_aliases: Vec<String>,
    #[serde(flatten)]
    end: PageEnd,
}

impl Operation for ListAccountAliases {
    const NAME: &'static str = "ListAccountAliases";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListAccountAliases>;
    type Stores = Stores;

    fn asks(_input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::everything(who)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let alias = stores.directory.list_account_aliases(&call.permits)?;
        let (account_aliases, end) =
            page(alias.into_iter().collect(), String::clone, &call.input.page)?;
        Ok(Output {
            account_aliases,
            end,
        })
    }
}
