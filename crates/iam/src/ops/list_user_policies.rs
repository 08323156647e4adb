//! ListUserPolicies: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUserPolicies.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::{IamError, Stores, entities};

/// Names of the inline policies of a user.
#[derive(Debug)]
pub enum ListUserPolicies {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
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

impl Operation for ListUserPolicies {
    const NAME: &'static str = "ListUserPolicies";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListUserPolicies>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::User, &input.user_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let all = stores.directory.list_user_policies(&call.permits)?;
        let (policy_names, end) = page(all, String::clone, &call.input.page)?;
        Ok(Output { policy_names, end })
    }
}
