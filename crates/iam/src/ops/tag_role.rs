//! TagRole: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagRole.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::shapes::Tag;
use crate::{IamError, Stores, entities};

/// Adds tags to a role.
#[derive(Debug)]
pub enum TagRole {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_name: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl Operation for TagRole {
    const NAME: &'static str = "TagRole";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::TagRole>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let ask = Ask::on(entities::existing(who, EntityKind::Role, &input.role_name)?);
        Ok(entities::with_request_tags(ask, &input.tags))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let tags = entities::tags(call.input.tags);
        Ok(stores.directory.tag_role(&call.permits, &tags).await?)
    }
}
