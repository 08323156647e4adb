//! CreatePolicyVersion: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicyVersion.html>
use catalog::iam;
use directory::MakeDefault;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::shapes::PolicyVersion;
use crate::{IamError, Stores, entities};

/// Adds a version to a managed policy.
#[derive(Debug)]
pub enum CreatePolicyVersion {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_arn: String,
    policy_document: String,
    set_as_default: Option<bool>,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policy_version: PolicyVersion,
}

impl Operation for CreatePolicyVersion {
    const NAME: &'static str = "CreatePolicyVersion";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::CreatePolicyVersion>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::policy(who, &input.policy_arn)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let default = match call.input.set_as_default {
            Some(true) => MakeDefault::Yes,
            Some(false) | None => MakeDefault::No,
        };
        let document = &call.input.policy_document;
        let version = stores
            .directory
            .create_policy_version(&call.permits, document, default)
            .await?;
        Ok(Output {
            policy_version: PolicyVersion::listed(&version),
        })
    }
}
