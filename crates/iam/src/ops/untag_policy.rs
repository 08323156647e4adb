//! UntagPolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagPolicy.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Removes tags from a policy.
#[derive(Debug)]
pub enum UntagPolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_arn: String,
    #[serde(default)]
    tag_keys: Vec<String>,
}

impl Operation for UntagPolicy {
    const NAME: &'static str = "UntagPolicy";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::UntagPolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let ask = Ask::on(entities::policy(who, &input.policy_arn)?);
        Ok(entities::with_tag_keys(ask, input.tag_keys.clone()))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        Ok(stores
            .directory
            .untag_policy(&call.permits, &call.input.tag_keys)
            .await?)
    }
}
