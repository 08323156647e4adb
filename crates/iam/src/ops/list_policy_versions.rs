//! ListPolicyVersions: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyVersions.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::PolicyVersion;
use crate::{IamError, Stores, entities};

/// The versions of a managed policy, newest first, without documents.
#[derive(Debug)]
pub enum ListPolicyVersions {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_arn: String,
    #[serde(flatten)]
    page: PageRequest,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    versions: Vec<PolicyVersion>,
    #[serde(flatten)]
    end: PageEnd,
}

impl Operation for ListPolicyVersions {
    const NAME: &'static str = "ListPolicyVersions";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListPolicyVersions>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::policy(who, &input.policy_arn)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let all = stores.directory.list_policy_versions(&call.permits)?;
        let (shown, end) = page(all, |version| version.id.clone(), &call.input.page)?;
        Ok(Output {
            versions: shown.iter().map(PolicyVersion::listed).collect(),
            end,
        })
    }
}
