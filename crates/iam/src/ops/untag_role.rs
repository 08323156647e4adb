//! UntagRole: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagRole.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Removes tags from a role.
#[derive(Debug)]
pub enum UntagRole {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_name: String,
    #[serde(default)]
    tag_keys: Vec<String>,
}

impl Operation for UntagRole {
    const NAME: &'static str = "UntagRole";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::UntagRole>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let ask = Ask::on(entities::existing(who, EntityKind::Role, &input.role_name)?);
        Ok(entities::with_tag_keys(ask, input.tag_keys.clone()))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        Ok(stores
            .directory
            .untag_role(&call.permits, &call.input.tag_keys)
            .await?)
    }
}
