//! Every operation of IAM that is built. To add one: write its file, then add its lines here.

// Users.
mod create_user;
mod delete_user;
mod get_user;
mod list_user_tags;
mod list_users;
mod tag_user;
mod untag_user;
mod update_user;

// Access keys.
mod create_access_key;
mod delete_access_key;
mod get_access_key_last_used;
mod list_access_keys;
mod update_access_key;

// Groups.
mod add_user_to_group;
mod create_group;
mod delete_group;
mod get_group;
mod list_groups;
mod list_groups_for_user;
mod remove_user_from_group;
mod update_group;

// Roles.
mod create_role;
mod delete_role;
mod get_role;
mod list_role_tags;
mod list_roles;
mod tag_role;
mod untag_role;
mod update_assume_role_policy;
mod update_role;
mod update_role_description;

// Inline policies.
mod delete_group_policy;
mod delete_role_policy;
mod delete_user_policy;
mod get_group_policy;
mod get_role_policy;
mod get_user_policy;
mod list_group_policies;
mod list_role_policies;
mod list_user_policies;
mod put_group_policy;
mod put_role_policy;
mod put_user_policy;

// Managed policies.
mod create_policy;
mod create_policy_version;
mod delete_policy;
mod delete_policy_version;
mod get_policy;
mod get_policy_version;
mod list_entities_for_policy;
mod list_policies;
mod list_policy_tags;
mod list_policy_versions;
mod set_default_policy_version;
mod tag_policy;
mod untag_policy;

// Attached policies.
mod attach_group_policy;
mod attach_role_policy;
mod attach_user_policy;
mod detach_group_policy;
mod detach_role_policy;
mod detach_user_policy;
mod list_attached_group_policies;
mod list_attached_role_policies;
mod list_attached_user_policies;

// Permissions boundaries.
mod delete_role_permissions_boundary;
mod delete_user_permissions_boundary;
mod put_role_permissions_boundary;
mod put_user_permissions_boundary;

// Instance profiles.
mod add_role_to_instance_profile;
mod create_instance_profile;
mod delete_instance_profile;
mod get_instance_profile;
mod list_instance_profile_tags;
mod list_instance_profiles;
mod list_instance_profiles_for_role;
mod remove_role_from_instance_profile;
mod tag_instance_profile;
mod untag_instance_profile;

// The account.
mod create_account_alias;
mod delete_account_alias;
mod get_account_authorization_details;
mod get_account_summary;
mod list_account_aliases;

// The policy simulator.
mod get_context_keys_for_custom_policy;
mod get_context_keys_for_principal_policy;
mod simulate_custom_policy;
mod simulate_principal_policy;

// Users.
pub use create_user::CreateUser;
pub use delete_user::DeleteUser;
pub use get_user::GetUser;
pub use list_user_tags::ListUserTags;
pub use list_users::ListUsers;
pub use tag_user::TagUser;
pub use untag_user::UntagUser;
pub use update_user::UpdateUser;

// Access keys.
pub use create_access_key::CreateAccessKey;
pub use delete_access_key::DeleteAccessKey;
pub use get_access_key_last_used::GetAccessKeyLastUsed;
pub use list_access_keys::ListAccessKeys;
pub use update_access_key::UpdateAccessKey;

// Groups.
pub use add_user_to_group::AddUserToGroup;
pub use create_group::CreateGroup;
pub use delete_group::DeleteGroup;
pub use get_group::GetGroup;
pub use list_groups::ListGroups;
pub use list_groups_for_user::ListGroupsForUser;
pub use remove_user_from_group::RemoveUserFromGroup;
pub use update_group::UpdateGroup;

// Roles.
pub use create_role::CreateRole;
pub use delete_role::DeleteRole;
pub use get_role::GetRole;
pub use list_role_tags::ListRoleTags;
pub use list_roles::ListRoles;
pub use tag_role::TagRole;
pub use untag_role::UntagRole;
pub use update_assume_role_policy::UpdateAssumeRolePolicy;
pub use update_role::UpdateRole;
pub use update_role_description::UpdateRoleDescription;

// Inline policies.
pub use delete_group_policy::DeleteGroupPolicy;
pub use delete_role_policy::DeleteRolePolicy;
pub use delete_user_policy::DeleteUserPolicy;
pub use get_group_policy::GetGroupPolicy;
pub use get_role_policy::GetRolePolicy;
pub use get_user_policy::GetUserPolicy;
pub use list_group_policies::ListGroupPolicies;
pub use list_role_policies::ListRolePolicies;
pub use list_user_policies::ListUserPolicies;
pub use put_group_policy::PutGroupPolicy;
pub use put_role_policy::PutRolePolicy;
pub use put_user_policy::PutUserPolicy;

// Managed policies.
pub use create_policy::CreatePolicy;
pub use create_policy_version::CreatePolicyVersion;
pub use delete_policy::DeletePolicy;
pub use delete_policy_version::DeletePolicyVersion;
pub use get_policy::GetPolicy;
pub use get_policy_version::GetPolicyVersion;
pub use list_entities_for_policy::ListEntitiesForPolicy;
pub use list_policies::ListPolicies;
pub use list_policy_tags::ListPolicyTags;
pub use list_policy_versions::ListPolicyVersions;
pub use set_default_policy_version::SetDefaultPolicyVersion;
pub use tag_policy::TagPolicy;
pub use untag_policy::UntagPolicy;

// Attached policies.
pub use attach_group_policy::AttachGroupPolicy;
pub use attach_role_policy::AttachRolePolicy;
pub use attach_user_policy::AttachUserPolicy;
pub use detach_group_policy::DetachGroupPolicy;
pub use detach_role_policy::DetachRolePolicy;
pub use detach_user_policy::DetachUserPolicy;
pub use list_attached_group_policies::ListAttachedGroupPolicies;
pub use list_attached_role_policies::ListAttachedRolePolicies;
pub use list_attached_user_policies::ListAttachedUserPolicies;

// Permissions boundaries.
pub use delete_role_permissions_boundary::DeleteRolePermissionsBoundary;
pub use delete_user_permissions_boundary::DeleteUserPermissionsBoundary;
pub use put_role_permissions_boundary::PutRolePermissionsBoundary;
pub use put_user_permissions_boundary::PutUserPermissionsBoundary;

// Instance profiles.
pub use add_role_to_instance_profile::AddRoleToInstanceProfile;
pub use create_instance_profile::CreateInstanceProfile;
pub use delete_instance_profile::DeleteInstanceProfile;
pub use get_instance_profile::GetInstanceProfile;
pub use list_instance_profile_tags::ListInstanceProfileTags;
pub use list_instance_profiles::ListInstanceProfiles;
pub use list_instance_profiles_for_role::ListInstanceProfilesForRole;
pub use remove_role_from_instance_profile::RemoveRoleFromInstanceProfile;
pub use tag_instance_profile::TagInstanceProfile;
pub use untag_instance_profile::UntagInstanceProfile;

// The account.
pub use create_account_alias::CreateAccountAlias;
pub use delete_account_alias::DeleteAccountAlias;
pub use get_account_authorization_details::GetAccountAuthorizationDetails;
pub use get_account_summary::GetAccountSummary;
pub use list_account_aliases::ListAccountAliases;

// The policy simulator.
pub use get_context_keys_for_custom_policy::GetContextKeysForCustomPolicy;
pub use get_context_keys_for_principal_policy::GetContextKeysForPrincipalPolicy;
pub use simulate_custom_policy::SimulateCustomPolicy;
pub use simulate_principal_policy::SimulatePrincipalPolicy;

/// Hands every operation to `$each`, so that no list of operations is ever written twice.
#[macro_export]
macro_rules! for_each_operation {
    ($each:ident) => {
        $each! {
            // Users.
            CreateUser
            GetUser
            ListUsers
            UpdateUser
            DeleteUser
            TagUser
            UntagUser
            ListUserTags

            // Access keys.
            CreateAccessKey
            ListAccessKeys
            UpdateAccessKey
            DeleteAccessKey
            GetAccessKeyLastUsed

            // Groups.
            CreateGroup
            GetGroup
            ListGroups
            UpdateGroup
            DeleteGroup
            AddUserToGroup
            RemoveUserFromGroup
            ListGroupsForUser

            // Roles.
            CreateRole
            GetRole
            ListRoles
            UpdateRole
            UpdateRoleDescription
            UpdateAssumeRolePolicy
            DeleteRole
            TagRole
            UntagRole
            ListRoleTags

            // Inline policies.
            PutUserPolicy
            GetUserPolicy
            DeleteUserPolicy
            ListUserPolicies
            PutGroupPolicy
            GetGroupPolicy
            DeleteGroupPolicy
            ListGroupPolicies
            PutRolePolicy
            GetRolePolicy
            DeleteRolePolicy
            ListRolePolicies

            // Managed policies.
            CreatePolicy
            GetPolicy
            ListPolicies
            DeletePolicy
            CreatePolicyVersion
            GetPolicyVersion
            ListPolicyVersions
            SetDefaultPolicyVersion
            DeletePolicyVersion
            TagPolicy
            UntagPolicy
            ListPolicyTags
            ListEntitiesForPolicy

            // Attached policies.
            AttachUserPolicy
            DetachUserPolicy
            ListAttachedUserPolicies
            AttachGroupPolicy
            DetachGroupPolicy
            ListAttachedGroupPolicies
            AttachRolePolicy
            DetachRolePolicy
            ListAttachedRolePolicies

            // Permissions boundaries.
            PutUserPermissionsBoundary
            DeleteUserPermissionsBoundary
            PutRolePermissionsBoundary
            DeleteRolePermissionsBoundary

            // Instance profiles.
            CreateInstanceProfile
            GetInstanceProfile
            ListInstanceProfiles
            DeleteInstanceProfile
            AddRoleToInstanceProfile
            RemoveRoleFromInstanceProfile
            ListInstanceProfilesForRole
            TagInstanceProfile
            UntagInstanceProfile
            ListInstanceProfileTags

            // The account.
            CreateAccountAlias
            ListAccountAliases
            DeleteAccountAlias
            GetAccountSummary
            GetAccountAuthorizationDetails

            // The policy simulator.
            SimulateCustomPolicy
            SimulatePrincipalPolicy
            GetContextKeysForCustomPolicy
            GetContextKeysForPrincipalPolicy
        }
    };
}

macro_rules! names {
    ($($operation:ident)*) => { &[$(<$operation as gate::Operation>::NAME),*] };
}
/// The operations by name.
pub const NAMES: &[&str] = for_each_operation!(names);
