//! DeletePolicyVersion: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicyVersion.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Deletes a version that is not in force.
#[derive(Debug)]
pub enum DeletePolicyVersion {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_arn: String,
    version_id: String,
}

impl Operation for DeletePolicyVersion {
    const NAME: &'static str = "DeletePolicyVersion";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::DeletePolicyVersion>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::policy(who, &input.policy_arn)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let id = &call.input.version_id;
        Ok(stores
            .directory
            .delete_policy_version(&call.permits, id)
            .await?)
    }
}
