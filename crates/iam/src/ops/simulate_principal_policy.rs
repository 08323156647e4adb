//! SimulatePrincipalPolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::simulation::{Output, Request, Scenario, policy_source};
use crate::{IamError, Stores};

/// What the policies of a user, group or role allow, together with passed ones.
#[derive(Debug)]
pub enum SimulatePrincipalPolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_source_arn: String,
    #[serde(flatten)]
    request: Request,
}

impl Operation for SimulatePrincipalPolicy {
    const NAME: &'static str = "SimulatePrincipalPolicy";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::SimulatePrincipalPolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(policy_source(who, &input.policy_source_arn)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let account = call.permits.resource().account;
        let principal = stores.directory.simulate_principal_policy(&call.permits)?;
        let request = &call.input.request;
        Scenario::of_principal(request, account, principal)?.simulate(request)
    }
}
