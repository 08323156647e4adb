//! ListRoleTags: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoleTags.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::Tag;
use crate::{IamError, Stores, entities, shapes};

/// The tags of a role.
#[derive(Debug)]
pub enum ListRoleTags {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_name: String,
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

impl Operation for ListRoleTags {
    const NAME: &'static str = "ListRoleTags";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListRoleTags>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::existing(
            who,
            EntityKind::Role,
            &input.role_name,
        )?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let all = shapes::tags(&stores.directory.list_role_tags(&call.permits)?);
        let (tags, end) = page(all, |tag| tag.key.clone(), &call.input.page)?;
        Ok(Output { tags, end })
    }
}
