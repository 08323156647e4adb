//! UntagUser: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagUser.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Removes tags from a user.
#[derive(Debug)]
pub enum UntagUser {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    #[serde(default)]
    tag_keys: Vec<String>,
}

impl Operation for UntagUser {
    const NAME: &'static str = "UntagUser";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::UntagUser>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let ask = Ask::on(entities::existing(who, EntityKind::User, &input.user_name)?);
        Ok(entities::with_tag_keys(ask, input.tag_keys.clone()))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        Ok(stores
            .directory
            .untag_user(&call.permits, &call.input.tag_keys)
            .await?)
    }
}
