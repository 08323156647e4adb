//! GetContextKeysForCustomPolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForCustomPolicy.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::simulation::{context_key_names, passed_policies};
use crate::{IamError, Stores, entities};

/// The context keys that passed policies name.
#[derive(Debug)]
pub enum GetContextKeysForCustomPolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_input_list: Vec<String>,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    context_key_names: Vec<String>,
}

impl Operation for GetContextKeysForCustomPolicy {
    const NAME: &'static str = "GetContextKeysForCustomPolicy";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::GetContextKeysForCustomPolicy>;
    type Stores = Stores;

    fn asks(_input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::everything(who)?))
    }

    async fn serve(call: Authorized<Self>, _stores: &Stores) -> Result<Output, IamError> {
        let passed = passed_policies(&call.input.policy_input_list)?;
        Ok(Output {
            context_key_names: context_key_names(passed.iter().map(|one| &*one.policy)),
        })
    }
}
