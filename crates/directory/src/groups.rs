//! Groups and their members. AWS: IAM user groups.
use std::sync::Arc;

use catalog::{EntityKind, IamEntity, iam};
use gate::Permit;

use crate::entities::{check_new, check_rename, find, listed, now, path_of, within};
use crate::entity_error::{DeleteConflict, EntityError, NoSuchEntity};
use crate::quotas;
use crate::state::{Group, User};
use crate::users::Rename;
use crate::{Directory, DirectoryError, IdPrefix, mint};

impl Directory {
    /// Creates a group.
    ///
    /// # Errors
    /// `EntityAlreadyExists`, `LimitExceeded`.
    pub async fn create_group(
        &self,
        permit: &Permit<iam::CreateGroup>,
    ) -> Result<Arc<Group>, EntityError> {
        let entity = permit.resource();
        let group = Arc::new(Group {
            id: mint(IdPrefix::Group, entity.account).map_err(DirectoryError::from)?,
            name: entity.name.clone(),
            path: path_of(entity),
            created: now(),
            inline: Vec::new(),
            attached: Vec::new(),
        });
        self.change(entity.account, |view, changes| {
            check_new::<Group>(view, &group.name)?;
            changes.put(Group::clone(&group));
            Ok(group)
        })
        .await
    }

    /// A group with its users, in order of their names.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn get_group(
        &self,
        permit: &Permit<iam::GetGroup>,
    ) -> Result<(Arc<Group>, Vec<Arc<User>>), EntityError> {
        let state = self.account_state(permit.resource().account)?;
        let group = find::<Group>(&state, permit.resource())?;
        let users = state.members(&group.id).into_iter().cloned().collect();
        Ok((group, users))
    }

    /// The groups whose path begins with `path_prefix`, in order of path and name.
    ///
    /// # Errors
    /// The account is gone.
    pub fn list_groups(
        &self,
        permit: &Permit<iam::ListGroups>,
        path_prefix: &str,
    ) -> Result<Vec<Arc<Group>>, EntityError> {
        Ok(listed(
            &*self.account_state(permit.resource().0)?,
            path_prefix,
        ))
    }

    /// Renames or moves a group.
    ///
    /// # Errors
    /// `NoSuchEntity`, `EntityAlreadyExists`.
    pub async fn update_group(
        &self,
        permit: &Permit<iam::UpdateGroup>,
        new: Rename,
    ) -> Result<(), EntityError> {
        self.update::<Group>(permit.resource(), |view, group| {
            if let Some(name) = new.name {
                check_rename::<Group>(view, &group.name, &name)?;
                group.name = name;
            }
            group.path = new.path.unwrap_or_else(|| group.path.clone());
            Ok(())
        })
        .await
    }

    /// Deletes a group that has no users and no policies.
    ///
    /// # Errors
    /// `NoSuchEntity`, `DeleteConflict`.
    pub async fn delete_group(&self, permit: &Permit<iam::DeleteGroup>) -> Result<(), EntityError> {
        let entity = permit.resource();
        self.change(entity.account, |view, changes| {
            let group = find::<Group>(view.account, entity)?;
            let has_members = !view.account.members(&group.id).is_empty();
            let conflicts = [
                (has_members, DeleteConflict::Members),
                (!group.attached.is_empty(), DeleteConflict::AttachedPolicies),
                (!group.inline.is_empty(), DeleteConflict::InlinePolicies),
            ];
            if let Some((_, conflict)) = conflicts.into_iter().find(|(holds, _)| *holds) {
                return Err(conflict.into());
            }
            changes.delete(entity.kind, &group.id);
            Ok(())
        })
        .await
    }

    /// Puts a user in a group; one that is in it already stays in it.
    ///
    /// # Errors
    /// `NoSuchEntity`, `LimitExceeded`.
    pub async fn add_user_to_group(
        &self,
        permit: &Permit<iam::AddUserToGroup>,
        user_name: &str,
    ) -> Result<(), EntityError> {
        self.change_member(permit.resource(), user_name, |group, user| {
            if !user.groups.contains(&group.id) {
                user.groups.push(group.id.clone());
            }
            within(
                ("GroupsPerUser", quotas::GROUPS_PER_USER),
                user.groups.len(),
            )
        })
        .await
    }

    /// Takes a user out of a group.
    ///
    /// # Errors
    /// `NoSuchEntity`, also when the user is not in the group.
    pub async fn remove_user_from_group(
        &self,
        permit: &Permit<iam::RemoveUserFromGroup>,
        user_name: &str,
    ) -> Result<(), EntityError> {
        self.change_member(permit.resource(), user_name, |group, user| {
            if !user.groups.contains(&group.id) {
                return Err(NoSuchEntity::Member {
                    user: user.name.clone(),
                    group: group.name.clone(),
                }
                .into());
            }
            user.groups.retain(|id| *id != group.id);
            Ok(())
        })
        .await
    }

    async fn change_member(
        &self,
        group: &IamEntity,
        user_name: &str,
        change: impl FnOnce(&Group, &mut User) -> Result<(), EntityError>,
    ) -> Result<(), EntityError> {
        self.change(group.account, |view, changes| {
            let group = find::<Group>(view.account, group)?;
            let named = IamEntity::named(view.account.account.id, EntityKind::User, user_name);
            let mut user = User::clone(&*find::<User>(view.account, &named)?);
            change(&group, &mut user)?;
            changes.put(user);
            Ok(())
        })
        .await
    }
}
