//! ListEntitiesForPolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html>
use catalog::{EntityKind, iam};
use directory::{UserOfPolicy, UserOfPolicyFilter};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::{EntityType, Usage};
use crate::{IamError, Stores, entities};

/// Users, groups and roles that a managed policy is attached to, or whose boundary it is.
#[derive(Debug)]
pub enum ListEntitiesForPolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_arn: String,
    entity_filter: Option<EntityType>,
    path_prefix: Option<String>,
    policy_usage_filter: Option<Usage>,
    #[serde(flatten)]
    page: PageRequest,
}

/// What an answer carries.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policy_groups: Vec<PolicyGroup>,
    policy_users: Vec<PolicyUser>,
    policy_roles: Vec<PolicyRole>,
    #[serde(flatten)]
    end: PageEnd,
}

impl Operation for ListEntitiesForPolicy {
    const NAME: &'static str = "ListEntitiesForPolicy";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListEntitiesForPolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::policy(who, &input.policy_arn)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let input = call.input;
        let filter = UserOfPolicyFilter {
            kind: input.entity_filter.map(Into::into),
            path_prefix: input.path_prefix,
            usage: input.policy_usage_filter.map(Into::into),
        };
        let all = stores
            .directory
            .list_entities_for_policy(&call.permits, &filter)?;
        let (shown, end) = page(all, UserOfPolicy::place, &input.page)?;
        let mut output = Output {
            end,
            ..Output::default()
        };
        for UserOfPolicy { kind, name, id } in shown {
            match kind {
                EntityKind::Group => output.policy_groups.push(PolicyGroup {
                    group_name: name,
                    group_id: id,
                }),
                EntityKind::User => output.policy_users.push(PolicyUser {
                    user_name: name,
                    user_id: id,
                }),
                EntityKind::Role => output.policy_roles.push(PolicyRole {
                    role_name: name,
                    role_id: id,
                }),
                // Policies are not attached to these.
                EntityKind::Policy | EntityKind::InstanceProfile => {}
            }
        }
        Ok(output)
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyGroup {
    group_name: String,
    group_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyUser {
    user_name: String,
    user_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyRole {
    role_name: String,
    role_id: String,
}
