//! Instance profiles. AWS: Using instance profiles.
use std::sync::Arc;

use catalog::{EntityKind, IamEntity, iam};
use gate::Permit;

use crate::entities::{check_new, find, listed, now, path_of};
use crate::entity_error::{DeleteConflict, EntityError, LimitExceeded, NoSuchEntity};
use crate::roles::RoleView;
use crate::snapshot::AccountState;
use crate::state::{InstanceProfile, Role, Tags};
use crate::tags::check_tags;
use crate::{Directory, DirectoryError, IdPrefix, mint};

/// Roles in an instance profile (AWS: IAM and AWS STS quotas; it cannot be raised).
const ROLES_PER_INSTANCE_PROFILE: usize = 1;

/// An instance profile with its roles.
#[derive(Debug)]
pub struct InstanceProfileView {
    /// The instance profile.
    pub profile: Arc<InstanceProfile>,
    /// Its roles.
    pub roles: Vec<RoleView>,
}

impl Directory {
    pub(crate) fn profile_view(
        &self,
        state: &AccountState,
        profile: Arc<InstanceProfile>,
    ) -> InstanceProfileView {
        let directory = self.snapshot();
        let roles = profile
            .roles
            .iter()
            .filter_map(|id| state.by_id::<Role>(id))
            .map(|role| self.role_view(&directory, role.clone()))
            .collect();
        InstanceProfileView { profile, roles }
    }

    /// Creates an instance profile without a role.
    ///
    /// # Errors
    /// `EntityAlreadyExists`, `LimitExceeded`, `InvalidInput`.
    pub async fn create_instance_profile(
        &self,
        permit: &Permit<iam::CreateInstanceProfile>,
        tags: Tags,
    ) -> Result<InstanceProfileView, EntityError> {
        let entity = permit.resource();
        let profile = Arc::new(InstanceProfile {
            id: mint(IdPrefix::InstanceProfile, entity.account).map_err(DirectoryError::from)?,
            name: entity.name.clone(),
            path: path_of(entity),
            created: now(),
            tags,
            roles: Vec::new(),
        });
        self.change(entity.account, |view, changes| {
            check_new::<InstanceProfile>(view, &profile.name)?;
            check_tags(&profile.tags)?;
            changes.put(InstanceProfile::clone(&profile));
            Ok(InstanceProfileView {
                profile,
                roles: Vec::new(),
            })
        })
        .await
    }

    /// An instance profile.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn get_instance_profile(
        &self,
        permit: &Permit<iam::GetInstanceProfile>,
    ) -> Result<InstanceProfileView, EntityError> {
        let state = self.account_state(permit.resource().account)?;
        let profile = find(&state, permit.resource())?;
        Ok(self.profile_view(&state, profile))
    }

    /// The instance profiles whose path begins with `path_prefix`, in order of path and name.
    ///
    /// # Errors
    /// The account is gone.
    pub fn list_instance_profiles(
        &self,
        permit: &Permit<iam::ListInstanceProfiles>,
        path_prefix: &str,
    ) -> Result<Vec<InstanceProfileView>, EntityError> {
        let state = self.account_state(permit.resource().0)?;
        Ok(listed(&state, path_prefix)
            .into_iter()
            .map(|profile| self.profile_view(&state, profile))
            .collect())
    }

    /// The instance profiles that a role is in, in order of names.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn list_instance_profiles_for_role(
        &self,
        permit: &Permit<iam::ListInstanceProfilesForRole>,
    ) -> Result<Vec<InstanceProfileView>, EntityError> {
        let state = self.account_state(permit.resource().account)?;
        let role = find::<Role>(&state, permit.resource())?;
        Ok(state
            .profiles_of(&role.id)
            .into_iter()
            .map(|profile| self.profile_view(&state, profile.clone()))
            .collect())
    }

    /// Deletes an instance profile without a role.
    ///
    /// # Errors
    /// `NoSuchEntity`, `DeleteConflict`.
    pub async fn delete_instance_profile(
        &self,
        permit: &Permit<iam::DeleteInstanceProfile>,
    ) -> Result<(), EntityError> {
        let entity = permit.resource();
        self.change(entity.account, |view, changes| {
            let profile = find::<InstanceProfile>(view.account, entity)?;
            if !profile.roles.is_empty() {
                return Err(DeleteConflict::InstanceProfiles.into());
            }
            changes.delete(entity.kind, &profile.id);
            Ok(())
        })
        .await
    }

    /// Puts a role in an instance profile. The caller must be allowed to pass the role too.
    ///
    /// # Errors
    /// `NoSuchEntity`, `LimitExceeded` when there is a role already.
    pub async fn add_role_to_instance_profile(
        &self,
        permit: &Permit<iam::AddRoleToInstanceProfile>,
        pass: &Permit<iam::PassRole>,
    ) -> Result<(), EntityError> {
        self.update::<InstanceProfile>(permit.resource(), |view, profile| {
            let role = find::<Role>(view.account, pass.resource())?;
            if profile.roles.len() >= ROLES_PER_INSTANCE_PROFILE {
                return Err(LimitExceeded::Quota {
                    name: "InstanceSessionsPerInstanceProfile",
                    max: ROLES_PER_INSTANCE_PROFILE,
                }
                .into());
            }
            profile.roles.push(role.id.clone());
            Ok(())
        })
        .await
    }

    /// Takes a role out of an instance profile.
    ///
    /// # Errors
    /// `NoSuchEntity`, also when the role is not in it.
    pub async fn remove_role_from_instance_profile(
        &self,
        permit: &Permit<iam::RemoveRoleFromInstanceProfile>,
        role_name: &str,
    ) -> Result<(), EntityError> {
        self.update::<InstanceProfile>(permit.resource(), |view, profile| {
            let named = IamEntity::named(view.account.account.id, EntityKind::Role, role_name);
            let role = find::<Role>(view.account, &named)?;
            if !profile.roles.contains(&role.id) {
                return Err(NoSuchEntity::RoleInInstanceProfile {
                    role: role.name.clone(),
                    instance_profile: profile.name.clone(),
                }
                .into());
            }
            profile.roles.retain(|id| *id != role.id);
            Ok(())
        })
        .await
    }
}
