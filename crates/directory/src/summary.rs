//! The account as a whole: numbers and quotas, and everything in it.
use catalog::iam;
use gate::Permit;

use crate::Directory;
use crate::attachments::attached_views;
use crate::entities::listed;
use crate::entity_error::EntityError;
use crate::instance_profiles::InstanceProfileView;
use crate::policies::{PolicyScope, PolicyView, VersionView, policies, versions};
use crate::quotas;
use crate::roles::RoleView;
use crate::snapshot::AccountState;
use crate::state::{Group, Role, User};
use std::sync::Arc;

/// A user with all that `GetAccountAuthorizationDetails` shows.
#[derive(Debug)]
pub struct UserDetail {
    /// The user.
    pub user: Arc<User>,
    /// Names of its groups.
    pub groups: Vec<String>,
    /// Its managed policies.
    pub attached: Vec<PolicyView>,
}

/// A group with all that `GetAccountAuthorizationDetails` shows.
#[derive(Debug)]
pub struct GroupDetail {
    /// The group.
    pub group: Arc<Group>,
    /// Its managed policies.
    pub attached: Vec<PolicyView>,
}

/// A role with all that `GetAccountAuthorizationDetails` shows.
#[derive(Debug)]
pub struct RoleDetail {
    /// The role.
    pub role: RoleView,
    /// The instance profiles it is in.
    pub instance_profiles: Vec<InstanceProfileView>,
    /// Its managed policies.
    pub attached: Vec<PolicyView>,
}

/// A managed policy with its versions.
#[derive(Debug)]
pub struct PolicyDetail {
    /// The policy.
    pub policy: PolicyView,
    /// Its versions, newest first.
    pub versions: Vec<VersionView>,
    /// Whether it is one of AWS's own.
    pub is_aws_managed: bool,
}

/// Everything in an account.
#[derive(Debug)]
pub struct AccountDetails {
    /// Users.
    pub users: Vec<UserDetail>,
    /// Groups.
    pub groups: Vec<GroupDetail>,
    /// Roles.
    pub roles: Vec<RoleDetail>,
    /// The account's own policies, and those of AWS's that are in use.
    pub policies: Vec<PolicyDetail>,
}

/// The numbers of `GetAccountSummary`, by AWS's names (spec 4.2). What is not built counts zero.
fn numbers(state: &AccountState) -> Vec<(&'static str, usize)> {
    let versions = state
        .policies
        .values()
        .map(|policy| policy.versions.len())
        .sum();
    let root_has_keys = !state.account.access_keys.is_empty();
    vec![
        ("Users", state.users.size()),
        ("UsersQuota", quotas::USERS_PER_ACCOUNT),
        ("Groups", state.groups.size()),
        ("GroupsQuota", quotas::GROUPS_PER_ACCOUNT),
        ("Roles", state.roles.size()),
        ("RolesQuota", quotas::ROLES_PER_ACCOUNT),
        ("Policies", state.policies.size()),
        ("PoliciesQuota", quotas::POLICIES_PER_ACCOUNT),
        ("PolicySizeQuota", quotas::POLICY_SIZE),
        ("PolicyVersionsInUse", versions),
        ("PolicyVersionsInUseQuota", quotas::POLICY_VERSIONS_IN_USE),
        ("VersionsPerPolicyQuota", quotas::VERSIONS_PER_POLICY),
        ("AttachedPoliciesPerUserQuota", quotas::POLICIES_PER_ENTITY),
        ("AttachedPoliciesPerGroupQuota", quotas::POLICIES_PER_ENTITY),
        ("AttachedPoliciesPerRoleQuota", quotas::POLICIES_PER_ENTITY),
        ("AccessKeysPerUserQuota", quotas::ACCESS_KEYS_PER_USER),
        ("GroupsPerUserQuota", quotas::GROUPS_PER_USER),
        ("UserPolicySizeQuota", quotas::USER_POLICY_SIZE),
        ("GroupPolicySizeQuota", quotas::GROUP_POLICY_SIZE),
        ("RolePolicySizeQuota", quotas::ROLE_POLICY_SIZE),
        ("AssumeRolePolicySizeQuota", quotas::ASSUME_ROLE_POLICY_SIZE),
        ("InstanceProfiles", state.instance_profiles.size()),
        (
            "InstanceProfilesQuota",
            quotas::INSTANCE_PROFILES_PER_ACCOUNT,
        ),
        ("AccountAccessKeysPresent", usize::from(root_has_keys)),
        ("AccountMFAEnabled", 0),
        ("AccountPasswordPresent", 0),
        ("AccountSigningCertificatesPresent", 0),
        ("MFADevices", 0),
        ("MFADevicesInUse", 0),
        ("Providers", 0),
        ("ServerCertificates", 0),
        ("ServerCertificatesQuota", 20),
        ("SigningCertificatesPerUserQuota", 2),
        ("GlobalEndpointTokenVersion", 1),
    ]
}

impl Directory {
    /// Numbers and quotas of the account.
    ///
    /// # Errors
    /// The account is gone.
    pub fn get_account_summary(
        &self,
        permit: &Permit<iam::GetAccountSummary>,
    ) -> Result<Vec<(&'static str, usize)>, EntityError> {
        Ok(numbers(&*self.account_state(permit.resource().0)?))
    }

    /// Everything in the account, each kind in order of path and name.
    ///
    /// # Errors
    /// The account is gone.
    pub fn get_account_authorization_details(
        &self,
        permit: &Permit<iam::GetAccountAuthorizationDetails>,
    ) -> Result<AccountDetails, EntityError> {
        let state = self.account_state(permit.resource().0)?;
        let directory = self.snapshot();
        let users = listed::<User>(&state, "/")
            .into_iter()
            .map(|user| UserDetail {
                groups: user
                    .groups
                    .iter()
                    .filter_map(|id| state.name_of(id))
                    .map(|(_, name)| name.to_owned())
                    .collect(),
                attached: attached_views(&state, &user.attached),
                user,
            });
        let groups = listed::<Group>(&state, "/")
            .into_iter()
            .map(|group| GroupDetail {
                attached: attached_views(&state, &group.attached),
                group,
            });
        let roles = listed::<Role>(&state, "/")
            .into_iter()
            .map(|role| RoleDetail {
                instance_profiles: state
                    .profiles_of(&role.id)
                    .into_iter()
                    .map(|profile| self.profile_view(&state, profile.clone()))
                    .collect(),
                attached: attached_views(&state, &role.attached),
                role: self.role_view(&directory, role),
            });
        let policies = policies(&state, PolicyScope::All)
            .into_iter()
            .map(|policy| PolicyDetail {
                versions: versions(&state, &policy.arn).unwrap_or_default(),
                is_aws_managed: state.policy_by_arn(&policy.arn).is_none(),
                policy,
            })
            .filter(|detail| {
                let uses = detail.policy.attachment_count + detail.policy.boundary_count;
                !detail.is_aws_managed || uses > 0
            });
        Ok(AccountDetails {
            users: users.collect(),
            groups: groups.collect(),
            roles: roles.collect(),
            policies: policies.collect(),
        })
    }
}
