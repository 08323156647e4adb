//! ListGroupPolicies: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroupPolicies.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::{IamError, Stores, entities};

/// Names of the inline policies of a group.
#[derive(Debug)]
pub enum ListGroupPolicies {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    group_name: String,
    #[serde(flatten)]
    page: PageRequest,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policy_names: Vec<String>,
    #[serde(flatten)]
    end: PageEnd,
}

impl Operation for ListGroupPolicies {
    const NAME: &'static str = "ListGroupPolicies";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListGroupPolicies>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Group, &input.group_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let all = stores.directory.list_group_policies(&call.permits)?;
        let (policy_names, end) = page(all, String::clone, &call.input.page)?;
        Ok(Output { policy_names, end })
    }
}
