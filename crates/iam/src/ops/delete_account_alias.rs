//! DeleteAccountAlias: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccountAlias.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Takes the alias of the account away.
#[derive(Debug)]
pub enum DeleteAccountAlias {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    account_alias: String,
}

impl Operation for DeleteAccountAlias {
    const NAME: &'static str = "DeleteAccountAlias";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::DeleteAccountAlias>;
    type Stores = Stores;

    fn asks(_input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::everything(who)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let alias = &call.input.account_alias;
        Ok(stores
            .directory
            .delete_account_alias(&call.permits, alias)
            .await?)
    }
}
