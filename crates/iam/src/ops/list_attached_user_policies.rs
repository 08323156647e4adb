//! ListAttachedUserPolicies: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedUserPolicies.html>
use catalog::{EntityKind, iam};
use directory::name_key;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::AttachedPolicy;
use crate::{IamError, Stores, entities};

/// The managed policies on a user.
#[derive(Debug)]
pub enum ListAttachedUserPolicies {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    path_prefix: Option<String>,
    #[serde(flatten)]
    page: PageRequest,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    attached_policies: Vec<AttachedPolicy>,
    #[serde(flatten)]
    end: PageEnd,
}

impl Operation for ListAttachedUserPolicies {
    const NAME: &'static str = "ListAttachedUserPolicies";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListAttachedUserPolicies>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::User, &input.user_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let prefix = call.input.path_prefix.as_deref().unwrap_or("/");
        let all = stores
            .directory
            .list_attached_user_policies(&call.permits, prefix)?;
        let key =
            |policy: &directory::PolicyView| format!("{}\0{}", name_key(&policy.name), policy.arn);
        let (shown, end) = page(all, key, &call.input.page)?;
        let attached_policies = shown.iter().map(AttachedPolicy::new).collect();
        Ok(Output {
            attached_policies,
            end,
        })
    }
}
