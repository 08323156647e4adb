//! TagUser: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagUser.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::shapes::Tag;
use crate::{IamError, Stores, entities};

/// Adds tags to a user.
#[derive(Debug)]
pub enum TagUser {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl Operation for TagUser {
    const NAME: &'static str = "TagUser";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::TagUser>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let ask = Ask::on(entities::existing(who, EntityKind::User, &input.user_name)?);
        Ok(entities::with_request_tags(ask, &input.tags))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let tags = entities::tags(call.input.tags);
        Ok(stores.directory.tag_user(&call.permits, &tags).await?)
    }
}
