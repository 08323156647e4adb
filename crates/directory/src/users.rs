//! Users. AWS: IAM users.
use std::sync::Arc;

use catalog::iam;
use gate::Permit;

use crate::boundaries::check_boundary;
use crate::entities::{check_new, check_rename, find, listed, now, path_of};
use crate::entity_error::{DeleteConflict, EntityError};
use crate::state::{Account, Group, Tags, User};
use crate::tags::check_tags;
use crate::{Directory, DirectoryError, IdPrefix, mint};

/// What a user is made with, besides its name and path.
#[derive(Debug, Default)]
pub struct NewUser {
    /// ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// The answer to `GetUser`.
#[derive(Debug)]
pub enum UserOrRoot {
    /// An IAM user.
    User(Arc<User>),
    /// The root user, with its account.
    Root(Arc<Account>),
}

/// New name and path of a user or group; `None` leaves it.
#[derive(Debug, Default)]
pub struct Rename {
    /// The new name.
    pub name: Option<String>,
    /// The new path.
    pub path: Option<String>,
}

impl Directory {
    /// Creates a user.
    ///
    /// # Errors
    /// `EntityAlreadyExists`, `LimitExceeded`, `InvalidInput`, `NoSuchEntity` (the boundary).
    pub async fn create_user(
        &self,
        permit: &Permit<iam::CreateUser>,
        new: NewUser,
    ) -> Result<Arc<User>, EntityError> {
        let entity = permit.resource();
        let user = Arc::new(User {
            id: mint(IdPrefix::User, entity.account).map_err(DirectoryError::from)?,
            name: entity.name.clone(),
            path: path_of(entity),
            created: now(),
            tags: new.tags,
            boundary: new.boundary,
            inline: Vec::new(),
            attached: Vec::new(),
            groups: Vec::new(),
            access_keys: Vec::new(),
        });
        self.change(entity.account, |view, changes| {
            check_new::<User>(view, &user.name)?;
            check_tags(&user.tags)?;
            check_boundary(view.account, user.boundary.as_deref())?;
            changes.put(User::clone(&user));
            Ok(user)
        })
        .await
    }

    /// A user, or the root user when the root user asks for itself.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn get_user(&self, permit: &Permit<iam::GetUser>) -> Result<UserOrRoot, EntityError> {
        let entity = permit.resource();
        let state = self.account_state(entity.account)?;
        if entity.arn == Some(entity.account.root_arn()) {
            return Ok(UserOrRoot::Root(state.account.clone()));
        }
        find(&state, entity).map(UserOrRoot::User)
    }

    /// The users whose path begins with `path_prefix`, in order of path and name.
    ///
    /// # Errors
    /// The account is gone.
    pub fn list_users(
        &self,
        permit: &Permit<iam::ListUsers>,
        path_prefix: &str,
    ) -> Result<Vec<Arc<User>>, EntityError> {
        Ok(listed(
            &*self.account_state(permit.resource().0)?,
            path_prefix,
        ))
    }

    /// Renames or moves a user. Its id stays, and with it its groups and what names it.
    ///
    /// # Errors
    /// `NoSuchEntity`, `EntityAlreadyExists`.
    pub async fn update_user(
        &self,
        permit: &Permit<iam::UpdateUser>,
        new: Rename,
    ) -> Result<(), EntityError> {
        self.update::<User>(permit.resource(), |view, user| {
            if let Some(name) = new.name {
                check_rename::<User>(view, &user.name, &name)?;
                user.name = name;
            }
            user.path = new.path.unwrap_or_else(|| user.path.clone());
            Ok(())
        })
        .await
    }

    /// Deletes a user from which everything else was taken before.
    ///
    /// # Errors
    /// `NoSuchEntity`, `DeleteConflict`.
    pub async fn delete_user(&self, permit: &Permit<iam::DeleteUser>) -> Result<(), EntityError> {
        let entity = permit.resource();
        self.change(entity.account, |view, changes| {
            let user = find::<User>(view.account, entity)?;
            let conflicts = [
                (!user.attached.is_empty(), DeleteConflict::AttachedPolicies),
                (!user.inline.is_empty(), DeleteConflict::InlinePolicies),
                (!user.access_keys.is_empty(), DeleteConflict::AccessKeys),
                (!user.groups.is_empty(), DeleteConflict::Members),
            ];
            if let Some((_, conflict)) = conflicts.into_iter().find(|(holds, _)| *holds) {
                return Err(conflict.into());
            }
            changes.delete(entity.kind, &user.id);
            Ok(())
        })
        .await
    }

    /// The groups of a user, in order of path and name.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn list_groups_for_user(
        &self,
        permit: &Permit<iam::ListGroupsForUser>,
    ) -> Result<Vec<Arc<Group>>, EntityError> {
        let state = self.account_state(permit.resource().account)?;
        let user = find::<User>(&state, permit.resource())?;
        let mut groups = listed::<Group>(&state, "/");
        groups.retain(|group| user.groups.contains(&group.id));
        Ok(groups)
    }
}
