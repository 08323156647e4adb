//! SimulateCustomPolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};

use crate::simulation::{Output, Request, Scenario};
use crate::{IamError, Stores, entities};

/// What passed policies allow. Nothing is looked up.
#[derive(Debug)]
pub enum SimulateCustomPolicy {}

impl Operation for SimulateCustomPolicy {
    const NAME: &'static str = "SimulateCustomPolicy";
    type Input = Request;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::SimulateCustomPolicy>;
    type Stores = Stores;

    fn asks(_input: &Request, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::everything(who)?))
    }

    async fn serve(call: Authorized<Self>, _stores: &Stores) -> Result<Output, IamError> {
        let account = call.permits.resource().0;
        Scenario::of_policies(&call.input, account)?.simulate(&call.input)
    }
}
