//! Roles and their trust policies. AWS: IAM roles; spec P-8, P-16.
use std::sync::Arc;

use catalog::{IamEntity, iam};
use gate::Permit;
use policy::{Policy, PolicyKind, size_for_quota};

use crate::boundaries::check_boundary;
use crate::entities::{check_new, find, listed, now, path_of, within};
use crate::entity_error::{DeleteConflict, EntityError};
use crate::quotas;
use crate::snapshot::Snapshot;
use crate::state::{Role, Tags};
use crate::tags::check_tags;
use crate::{Directory, DirectoryError, IdPrefix, LastUse, mint};

/// `MaxSessionDuration` of a role for which none was given.
const SESSION_SECONDS_MAX_DEFAULT: u32 = 3600;

/// What a role is made with, besides its name and path.
#[derive(Debug, Default)]
pub struct NewRole {
    /// The trust policy, as sent.
    pub trust_document: String,
    /// Free text.
    pub description: Option<String>,
    /// `MaxSessionDuration`, 3600 to 43200 seconds.
    pub session_seconds_max: Option<u32>,
    /// ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// A role with what is shown of it and stored elsewhere or otherwise.
#[derive(Debug)]
pub struct RoleView {
    /// The role.
    pub role: Arc<Role>,
    /// Its trust policy with ARNs where they still mean someone (spec P-8).
    pub trust_document: String,
    /// When a session of it was last used; `None` for never.
    pub last_use: Option<LastUse>,
}

/// Reads a trust policy that is about to be stored: users and roles become unique ids (spec P-8).
pub(crate) fn resolve_trust(
    directory: &Snapshot,
    document: &str,
) -> Result<Arc<Policy>, EntityError> {
    let policy = Policy::parse(PolicyKind::Trust, document)?;
    within(
        ("ACLSizePerRole", quotas::ASSUME_ROLE_POLICY_SIZE),
        size_for_quota(document),
    )?;
    let resolved = directory.with_unique_ids(&policy)?;
    Ok(Arc::new(Policy::load(PolicyKind::Trust, &resolved)?))
}

impl Directory {
    /// A role as it is shown.
    pub(crate) fn role_view(&self, directory: &Snapshot, role: Arc<Role>) -> RoleView {
        RoleView {
            trust_document: directory.with_arns(&role.trust),
            last_use: self.last_use(&role.id),
            role,
        }
    }

    /// Creates a role.
    ///
    /// # Errors
    /// `EntityAlreadyExists`, `LimitExceeded`, `MalformedPolicyDocument`, `InvalidInput`,
    /// `NoSuchEntity` (the boundary).
    pub async fn create_role(
        &self,
        permit: &Permit<iam::CreateRole>,
        new: NewRole,
    ) -> Result<RoleView, EntityError> {
        let entity = permit.resource();
        let id = mint(IdPrefix::Role, entity.account).map_err(DirectoryError::from)?;
        let role = self
            .change(entity.account, |view, changes| {
                check_new::<Role>(view, &entity.name)?;
                check_tags(&new.tags)?;
                check_boundary(view.account, new.boundary.as_deref())?;
                let role = Role {
                    id,
                    name: entity.name.clone(),
                    path: path_of(entity),
                    created: now(),
                    description: new.description,
                    session_seconds_max: new
                        .session_seconds_max
                        .unwrap_or(SESSION_SECONDS_MAX_DEFAULT),
                    trust: resolve_trust(view.directory, &new.trust_document)?,
                    tags: new.tags,
                    boundary: new.boundary,
                    inline: Vec::new(),
                    attached: Vec::new(),
                };
                changes.put(role.clone());
                Ok::<_, EntityError>(Arc::new(role))
            })
            .await?;
        Ok(self.role_view(&self.snapshot(), role))
    }

    /// A role.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn get_role(&self, permit: &Permit<iam::GetRole>) -> Result<RoleView, EntityError> {
        let state = self.account_state(permit.resource().account)?;
        let role = find::<Role>(&state, permit.resource())?;
        Ok(self.role_view(&self.snapshot(), role))
    }

    /// The roles whose path begins with `path_prefix`, in order of path and name.
    ///
    /// # Errors
    /// The account is gone.
    pub fn list_roles(
        &self,
        permit: &Permit<iam::ListRoles>,
        path_prefix: &str,
    ) -> Result<Vec<Arc<Role>>, EntityError> {
        Ok(listed(
            &*self.account_state(permit.resource().0)?,
            path_prefix,
        ))
    }

    /// The roles of one page of `ListRoles`, as they are shown.
    pub fn show_roles(
        &self,
        _permit: &Permit<iam::ListRoles>,
        page: Vec<Arc<Role>>,
    ) -> Vec<RoleView> {
        let directory = self.snapshot();
        page.into_iter()
            .map(|role| self.role_view(&directory, role))
            .collect()
    }

    /// Changes description and longest session; `None` leaves it.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub async fn update_role(
        &self,
        permit: &Permit<iam::UpdateRole>,
        description: Option<String>,
        session_seconds_max: Option<u32>,
    ) -> Result<(), EntityError> {
        self.update::<Role>(permit.resource(), |_, role| {
            role.description = description.or_else(|| role.description.take());
            role.session_seconds_max = session_seconds_max.unwrap_or(role.session_seconds_max);
            Ok(())
        })
        .await
    }

    /// Changes the description.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub async fn update_role_description(
        &self,
        permit: &Permit<iam::UpdateRoleDescription>,
        description: String,
    ) -> Result<RoleView, EntityError> {
        let entity = permit.resource();
        self.update::<Role>(entity, |_, role| {
            role.description = Some(description);
            Ok(())
        })
        .await?;
        let role = find::<Role>(&*self.account_state(entity.account)?, entity)?;
        Ok(self.role_view(&self.snapshot(), role))
    }

    /// Replaces the trust policy.
    ///
    /// # Errors
    /// `NoSuchEntity`, `MalformedPolicyDocument`, `LimitExceeded`.
    pub async fn update_assume_role_policy(
        &self,
        permit: &Permit<iam::UpdateAssumeRolePolicy>,
        document: &str,
    ) -> Result<(), EntityError> {
        self.update::<Role>(permit.resource(), |view, role| {
            role.trust = resolve_trust(view.directory, document)?;
            Ok(())
        })
        .await
    }

    /// Deletes a role from which everything else was taken before.
    ///
    /// # Errors
    /// `NoSuchEntity`, `DeleteConflict`.
    pub async fn delete_role(&self, permit: &Permit<iam::DeleteRole>) -> Result<(), EntityError> {
        let entity: &IamEntity = permit.resource();
        self.change(entity.account, |view, changes| {
            let role = find::<Role>(view.account, entity)?;
            let in_profiles = !view.account.profiles_of(&role.id).is_empty();
            let conflicts = [
                (in_profiles, DeleteConflict::InstanceProfiles),
                (!role.attached.is_empty(), DeleteConflict::AttachedPolicies),
                (!role.inline.is_empty(), DeleteConflict::InlinePolicies),
            ];
            if let Some((_, conflict)) = conflicts.into_iter().find(|(holds, _)| *holds) {
                return Err(conflict.into());
            }
            changes.delete(entity.kind, &role.id);
            Ok(())
        })
        .await
    }
}
