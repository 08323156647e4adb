//! ListInstanceProfileTags: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfileTags.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::Tag;
use crate::{IamError, Stores, entities, shapes};

/// The tags of an instance profile.
#[derive(Debug)]
pub enum ListInstanceProfileTags {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    instance_profile_name: String,
    #[serde(flatten)]
    page: PageRequest,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    tags: Vec<Tag>,
    #[serde(flatten)]
    end: PageEnd,
}

impl Operation for ListInstanceProfileTags {
    const NAME: &'static str = "ListInstanceProfileTags";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListInstanceProfileTags>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::existing(
            who,
            EntityKind::InstanceProfile,
            &input.instance_profile_name,
        )?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let all = shapes::tags(&stores.directory.list_instance_profile_tags(&call.permits)?);
        let (tags, end) = page(all, |tag| tag.key.clone(), &call.input.page)?;
        Ok(Output { tags, end })
    }
}
