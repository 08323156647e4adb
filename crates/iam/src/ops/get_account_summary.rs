//! GetAccountSummary: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html>
use std::collections::BTreeMap;

use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::{IamError, Stores, entities};

/// Numbers and quotas of the account.
#[derive(Debug)]
pub enum GetAccountSummary {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    summary_map: BTreeMap<&'static str, usize>,
}

impl Operation for GetAccountSummary {
    const NAME: &'static str = "GetAccountSummary";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::GetAccountSummary>;
    type Stores = Stores;

    fn asks(_input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::everything(who)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let numbers = stores.directory.get_account_summary(&call.permits)?;
        Ok(Output {
            summary_map: numbers.into_iter().collect(),
        })
    }
}
