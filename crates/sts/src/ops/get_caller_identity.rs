use gate::{Authorized, Identity, Open, OpenReason, Operation};
use serde::{Deserialize, Serialize};

use crate::{Stores, StsError};

/// Says who calls. Needs no permission, and an explicit deny has no effect.
#[derive(Debug)]
pub struct GetCallerIdentity;

/// Nothing.
#[derive(Debug, Deserialize)]
pub struct Input {}

/// Spec E-13.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    user_id: String,
    account: Option<String>,
    arn: String,
}

impl Operation for GetCallerIdentity {
    const NAME: &'static str = "GetCallerIdentity";
    type Input = Input;
    type Output = Output;
    type Error = StsError;
    type Asks = Open;
    type Stores = Stores;

    fn asks(_input: &Input, _who: &Identity) -> Result<Open, StsError> {
        Ok(Open(OpenReason::GetCallerIdentity))
    }

    async fn serve(call: Authorized<Self>, _stores: &Stores) -> Result<Output, StsError> {
        let caller = &call.permits.identity().caller;
        Ok(Output {
            user_id: caller.user_id.clone(),
            account: caller.account.map(|account| account.to_string()),
            arn: caller.arn.clone(),
        })
    }
}
