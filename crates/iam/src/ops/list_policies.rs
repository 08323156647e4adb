//! ListPolicies: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicies.html>
use catalog::iam;
use directory::{PolicyFilter, PolicyScope, name_key};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::{ManagedPolicy, Usage};
use crate::{IamError, Stores, entities};

/// Managed policies, the account's own and AWS's, without description and tags.
#[derive(Debug)]
pub enum ListPolicies {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    scope: Option<Scope>,
    only_attached: Option<bool>,
    path_prefix: Option<String>,
    policy_usage_filter: Option<Usage>,
    #[serde(flatten)]
    page: PageRequest,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policies: Vec<ManagedPolicy>,
    #[serde(flatten)]
    end: PageEnd,
}

impl Operation for ListPolicies {
    const NAME: &'static str = "ListPolicies";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListPolicies>;
    type Stores = Stores;

    fn asks(_input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::everything(who)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let input = call.input;
        let filter = PolicyFilter {
            scope: input.scope.map(Into::into).unwrap_or_default(),
            only_attached: input.only_attached.unwrap_or_default(),
            path_prefix: input.path_prefix,
            usage: input.policy_usage_filter.map(Into::into),
        };
        let all = stores.directory.list_policies(&call.permits, &filter)?;
        let key = |policy: &directory::PolicyView| {
            format!(
                "{}\0{}\0{}",
                policy.path,
                name_key(&policy.name),
                policy.arn
            )
        };
        let (shown, end) = page(all, key, &input.page)?;
        let policies = shown.iter().map(ManagedPolicy::listed).collect();
        Ok(Output { policies, end })
    }
}

/// `policyScopeType`
#[derive(Clone, Copy, Debug, Deserialize)]
enum Scope {
    All,
    #[serde(rename = "AWS")]
    Aws,
    Local,
}

impl From<Scope> for PolicyScope {
    fn from(scope: Scope) -> PolicyScope {
        match scope {
            Scope::All => PolicyScope::All,
            Scope::Aws => PolicyScope::Aws,
            Scope::Local => PolicyScope::Local,
        }
    }
}
