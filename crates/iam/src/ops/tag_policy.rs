//! TagPolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagPolicy.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::shapes::Tag;
use crate::{IamError, Stores, entities};

/// Adds tags to a policy.
#[derive(Debug)]
pub enum TagPolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_arn: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl Operation for TagPolicy {
    const NAME: &'static str = "TagPolicy";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::TagPolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let ask = Ask::on(entities::policy(who, &input.policy_arn)?);
        Ok(entities::with_request_tags(ask, &input.tags))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let tags = entities::tags(call.input.tags);
        Ok(stores.directory.tag_policy(&call.permits, &tags).await?)
    }
}
