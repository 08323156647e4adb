//! GetAccountAuthorizationDetails: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html>
use catalog::{AccountId, iam};
use directory::{AccountDetails, Entity, InlinePolicy, PolicyView};
use gate::{Ask, Authorized, Identity, Operation};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::{
    AttachedPermissionsBoundary, AttachedPolicy, EntityType, InstanceProfile, PolicyDetail,
    PolicyVersion, RoleLastUsed, Tag,
};
use crate::{IamError, Stores, entities, shapes};

/// Everything in the account, in pages.
#[derive(Debug)]
pub enum GetAccountAuthorizationDetails {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    #[serde(default)]
    filter: Vec<EntityType>,
    #[serde(flatten)]
    page: PageRequest,
}

/// What an answer carries.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    user_detail_list: Vec<UserDetail>,
    group_detail_list: Vec<GroupDetail>,
    role_detail_list: Vec<RoleDetail>,
    policies: Vec<ManagedPolicyDetail>,
    #[serde(flatten)]
    end: PageEnd,
}

impl Operation for GetAccountAuthorizationDetails {
    const NAME: &'static str = "GetAccountAuthorizationDetails";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::GetAccountAuthorizationDetails>;
    type Stores = Stores;

    fn asks(_input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::everything(who)?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let account = call.permits.resource().0;
        let details = stores
            .directory
            .get_account_authorization_details(&call.permits)?;
        let mut all = items(account, &details);
        let filter = &call.input.filter;
        all.retain(|item| filter.is_empty() || filter.contains(&item.kind()));
        let (shown, end) = page(all, Item::key, &call.input.page)?;
        let mut output = Output {
            end,
            ..Output::default()
        };
        for item in shown {
            match item {
                Item::User(user) => output.user_detail_list.push(user),
                Item::Group(group) => output.group_detail_list.push(group),
                Item::Role(role) => output.role_detail_list.push(role),
                Item::Policy(policy, _) => output.policies.push(policy),
            }
        }
        Ok(output)
    }
}

/// What is listed: users, groups, roles and policies are paged as one list in this order.
enum Item {
    User(UserDetail),
    Group(GroupDetail),
    Role(RoleDetail),
    Policy(ManagedPolicyDetail, EntityType),
}

impl Item {
    fn kind(&self) -> EntityType {
        match self {
            Item::User(_) => EntityType::User,
            Item::Group(_) => EntityType::Group,
            Item::Role(_) => EntityType::Role,
            Item::Policy(_, kind) => *kind,
        }
    }

    fn key(&self) -> String {
        match self {
            Item::User(user) => format!("1{}", user.arn),
            Item::Group(group) => format!("2{}", group.arn),
            Item::Role(role) => format!("3{}", role.arn),
            Item::Policy(policy, _) => format!("4{}", policy.arn),
        }
    }
}

fn items(account: AccountId, details: &AccountDetails) -> Vec<Item> {
    let users = details
        .users
        .iter()
        .map(|detail| Item::User(UserDetail::new(account, detail)));
    let groups = details
        .groups
        .iter()
        .map(|detail| Item::Group(GroupDetail::new(account, detail)));
    let roles = details
        .roles
        .iter()
        .map(|detail| Item::Role(RoleDetail::new(account, detail)));
    let policies = details.policies.iter().map(|detail| {
        let kind = if detail.is_aws_managed {
            EntityType::AWSManagedPolicy
        } else {
            EntityType::LocalManagedPolicy
        };
        Item::Policy(ManagedPolicyDetail::new(detail), kind)
    });
    users.chain(groups).chain(roles).chain(policies).collect()
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserDetail {
    path: String,
    user_name: String,
    user_id: String,
    arn: String,
    create_date: Timestamp,
    user_policy_list: Vec<PolicyDetail>,
    group_list: Vec<String>,
    attached_managed_policies: Vec<AttachedPolicy>,
    permissions_boundary: Option<AttachedPermissionsBoundary>,
    tags: Vec<Tag>,
}

impl UserDetail {
    fn new(account: AccountId, detail: &directory::UserDetail) -> UserDetail {
        let user = &detail.user;
        UserDetail {
            path: user.path.clone(),
            user_name: user.name.clone(),
            user_id: user.id.clone(),
            arn: user.arn(account),
            create_date: user.created,
            user_policy_list: inline(&user.inline),
            group_list: detail.groups.clone(),
            attached_managed_policies: attached(&detail.attached),
            permissions_boundary: shapes::boundary(user.boundary.as_ref()),
            tags: shapes::tags(&user.tags),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupDetail {
    path: String,
    group_name: String,
    group_id: String,
    arn: String,
    create_date: Timestamp,
    group_policy_list: Vec<PolicyDetail>,
    attached_managed_policies: Vec<AttachedPolicy>,
}

impl GroupDetail {
    fn new(account: AccountId, detail: &directory::GroupDetail) -> GroupDetail {
        let group = &detail.group;
        GroupDetail {
            path: group.path.clone(),
            group_name: group.name.clone(),
            group_id: group.id.clone(),
            arn: group.arn(account),
            create_date: group.created,
            group_policy_list: inline(&group.inline),
            attached_managed_policies: attached(&detail.attached),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleDetail {
    path: String,
    role_name: String,
    role_id: String,
    arn: String,
    create_date: Timestamp,
    assume_role_policy_document: String,
    instance_profile_list: Vec<InstanceProfile>,
    role_policy_list: Vec<PolicyDetail>,
    attached_managed_policies: Vec<AttachedPolicy>,
    permissions_boundary: Option<AttachedPermissionsBoundary>,
    tags: Vec<Tag>,
    role_last_used: RoleLastUsed,
}

impl RoleDetail {
    fn new(account: AccountId, detail: &directory::RoleDetail) -> RoleDetail {
        let role = &detail.role.role;
        RoleDetail {
            path: role.path.clone(),
            role_name: role.name.clone(),
            role_id: role.id.clone(),
            arn: role.arn(account),
            create_date: role.created,
            assume_role_policy_document: shapes::document(&detail.role.trust_document),
            instance_profile_list: detail
                .instance_profiles
                .iter()
                .map(|profile| InstanceProfile::listed(account, profile))
                .collect(),
            role_policy_list: inline(&role.inline),
            attached_managed_policies: attached(&detail.attached),
            permissions_boundary: shapes::boundary(role.boundary.as_ref()),
            tags: shapes::tags(&role.tags),
            role_last_used: RoleLastUsed::new(detail.role.last_use.as_ref()),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ManagedPolicyDetail {
    policy_name: String,
    policy_id: String,
    arn: String,
    path: String,
    default_version_id: String,
    attachment_count: usize,
    permissions_boundary_usage_count: usize,
    is_attachable: bool,
    description: Option<String>,
    create_date: Timestamp,
    update_date: Timestamp,
    policy_version_list: Vec<PolicyVersion>,
}

impl ManagedPolicyDetail {
    fn new(detail: &directory::PolicyDetail) -> ManagedPolicyDetail {
        let policy = &detail.policy;
        ManagedPolicyDetail {
            policy_name: policy.name.clone(),
            policy_id: policy.id.clone(),
            arn: policy.arn.clone(),
            path: policy.path.clone(),
            default_version_id: policy.default_version_id.clone(),
            attachment_count: policy.attachment_count,
            permissions_boundary_usage_count: policy.boundary_count,
            is_attachable: true,
            description: policy.description.clone(),
            create_date: policy.created,
            update_date: policy.updated,
            policy_version_list: detail.versions.iter().map(PolicyVersion::whole).collect(),
        }
    }
}

fn inline(policies: &[InlinePolicy]) -> Vec<PolicyDetail> {
    policies
        .iter()
        .map(|policy| PolicyDetail::new(&policy.name, &policy.document))
        .collect()
}

fn attached(policies: &[PolicyView]) -> Vec<AttachedPolicy> {
    policies.iter().map(AttachedPolicy::new).collect()
}
