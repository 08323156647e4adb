//! GetPolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::shapes::ManagedPolicy;
use crate::{IamError, Stores, entities};

/// A managed policy, the account's own or AWS's.
#[derive(Debug)]
pub enum GetPolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_arn: String,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policy: ManagedPolicy,
}

impl Operation for GetPolicy {
    const NAME: &'static str = "GetPolicy";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::GetPolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::policy(who, &input.policy_arn)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let policy = stores.directory.get_policy(&call.permits)?;
        Ok(Output {
            policy: ManagedPolicy::whole(&policy),
        })
    }
}
