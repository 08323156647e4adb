//! SetDefaultPolicyVersion: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetDefaultPolicyVersion.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Puts a version in force.
#[derive(Debug)]
pub enum SetDefaultPolicyVersion {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_arn: String,
    version_id: String,
}

impl Operation for SetDefaultPolicyVersion {
    const NAME: &'static str = "SetDefaultPolicyVersion";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::SetDefaultPolicyVersion>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::policy(who, &input.policy_arn)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let id = &call.input.version_id;
        Ok(stores
            .directory
            .set_default_policy_version(&call.permits, id)
            .await?)
    }
}
