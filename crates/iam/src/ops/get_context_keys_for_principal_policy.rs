//! GetContextKeysForPrincipalPolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForPrincipalPolicy.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::simulation::{context_key_names, passed_policies, policy_source};
use crate::{IamError, Stores};

/// The context keys that the policies of a user, group or role name, and passed ones.
#[derive(Debug)]
pub enum GetContextKeysForPrincipalPolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_source_arn: String,
    #[serde(default)]
    policy_input_list: Vec<String>,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    context_key_names: Vec<String>,
}

impl Operation for GetContextKeysForPrincipalPolicy {
    const NAME: &'static str = "GetContextKeysForPrincipalPolicy";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::GetContextKeysForPrincipalPolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(policy_source(who, &input.policy_source_arn)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let own = stores
            .directory
            .get_context_keys_for_principal_policy(&call.permits)?;
        let passed = passed_policies(&call.input.policy_input_list)?;
        let passed = passed.iter().map(|one| &*one.policy);
        let own = own.iter().map(|policy| &**policy);
        Ok(Output {
            context_key_names: context_key_names(own.chain(passed)),
        })
    }
}
