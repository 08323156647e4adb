//! GetPolicyVersion: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::shapes::PolicyVersion;
use crate::{IamError, Stores, entities};

/// A version of a managed policy, with its document.
#[derive(Debug)]
pub enum GetPolicyVersion {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_arn: String,
    version_id: String,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policy_version: PolicyVersion,
}

impl Operation for GetPolicyVersion {
    const NAME: &'static str = "GetPolicyVersion";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::GetPolicyVersion>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::policy(who, &input.policy_arn)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let version = stores
            .directory
            .get_policy_version(&call.permits, &call.input.version_id)?;
        Ok(Output {
            policy_version: PolicyVersion::whole(&version),
        })
    }
}
