//! CreateAccountAlias: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccountAlias.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Gives the account an alias.
#[derive(Debug)]
pub enum CreateAccountAlias {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    account_alias: String,
}

impl Operation for CreateAccountAlias {
    const NAME: &'static str = "CreateAccountAlias";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::CreateAccountAlias>;
    type Stores = Stores;

    fn asks(_input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::everything(who)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let alias = &call.input.account_alias;
        Ok(stores
            .directory
            .create_account_alias(&call.permits, alias)
            .await?)
    }
}
