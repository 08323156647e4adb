//! Long-term access keys of users, and of the root user for itself. AWS: Managing access keys.
use std::sync::Arc;

use catalog::{IamEntity, iam};
use gate::Permit;

use crate::entities::{find, within};
use crate::entity_error::{EntityError, NoSuchEntity};
use crate::quotas;
use crate::state::{AccessKey, Account, KeyStatus, Record, User};
use crate::store::View;
use crate::{Directory, DirectoryError, LastUse, Secret};

/// A new key with its secret, which is told this once.
#[expect(
    missing_debug_implementations,
    reason = "a secret that could be printed would be"
)]
pub struct NewAccessKey {
    /// The user's name; `None` for the root user.
    pub user_name: Option<String>,
    /// The key.
    pub key: AccessKey,
    /// Its secret.
    pub secret: Secret,
}

/// The answer to `GetAccessKeyLastUsed`.
#[derive(Debug)]
pub struct KeyUse {
    /// The user's name; `None` for the root user.
    pub user_name: Option<String>,
    /// `None` for a key that was never used.
    pub last: Option<LastUse>,
}

/// Whose keys are meant.
enum Owner {
    User(User),
    Root(Account),
}

impl Owner {
    /// The user that a permit names; the root user is named by its ARN.
    fn find(view: View<'_>, entity: &IamEntity) -> Result<Owner, EntityError> {
        if entity.arn == Some(entity.account.root_arn()) {
            return Ok(Owner::Root(Account::clone(&view.account.account)));
        }
        Ok(Owner::User(User::clone(&*find::<User>(
            view.account,
            entity,
        )?)))
    }

    fn keys(&mut self) -> &mut Vec<AccessKey> {
        match self {
            Owner::User(user) => &mut user.access_keys,
            Owner::Root(account) => &mut account.access_keys,
        }
    }

    fn name(&self) -> Option<String> {
        match self {
            Owner::User(user) => Some(user.name.clone()),
            Owner::Root(_) => None,
        }
    }
}

impl From<Owner> for Record {
    fn from(owner: Owner) -> Record {
        match owner {
            Owner::User(user) => user.into(),
            Owner::Root(account) => account.into(),
        }
    }
}

impl Directory {
    /// Creates an access key.
    ///
    /// # Errors
    /// `NoSuchEntity`, `LimitExceeded`.
    pub async fn create_access_key(
        &self,
        permit: &Permit<iam::CreateAccessKey>,
    ) -> Result<NewAccessKey, EntityError> {
        let entity = permit.resource();
        let (key, secret) = self
            .new_access_key(entity.account)
            .map_err(DirectoryError::from)?;
        self.change(entity.account, |view, changes| {
            let mut owner = Owner::find(view, entity)?;
            owner.keys().push(key.clone());
            within(
                ("AccessKeysPerUser", quotas::ACCESS_KEYS_PER_USER),
                owner.keys().len(),
            )?;
            let user_name = owner.name();
            changes.put(owner);
            Ok(NewAccessKey {
                user_name,
                key,
                secret,
            })
        })
        .await
    }

    /// The user's name (`None` for the root user) and its keys, oldest first.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn list_access_keys(
        &self,
        permit: &Permit<iam::ListAccessKeys>,
    ) -> Result<(Option<String>, Vec<AccessKey>), EntityError> {
        let snapshot = self.snapshot();
        let state = self.account_state(permit.resource().account)?;
        let view = View {
            account: &state,
            directory: &snapshot,
        };
        let mut owner = Owner::find(view, permit.resource())?;
        let keys = std::mem::take(owner.keys());
        Ok((owner.name(), keys))
    }

    /// Switches a key on or off.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub async fn update_access_key(
        &self,
        permit: &Permit<iam::UpdateAccessKey>,
        access_key_id: &str,
        status: KeyStatus,
    ) -> Result<(), EntityError> {
        self.change_keys(permit.resource(), access_key_id, |keys| {
            for key in keys.iter_mut().filter(|key| key.id == access_key_id) {
                key.status = status;
            }
        })
        .await
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub async fn delete_access_key(
        &self,
        permit: &Permit<iam::DeleteAccessKey>,
        access_key_id: &str,
    ) -> Result<(), EntityError> {
        self.change_keys(permit.resource(), access_key_id, |keys| {
            keys.retain(|key| key.id != access_key_id);
        })
        .await
    }

    async fn change_keys(
        &self,
        entity: &IamEntity,
        access_key_id: &str,
        change: impl FnOnce(&mut Vec<AccessKey>),
    ) -> Result<(), EntityError> {
        self.change(entity.account, |view, changes| {
            let mut owner = Owner::find(view, entity)?;
            let keys = owner.keys();
            if !keys.iter().any(|key| key.id == access_key_id) {
                return Err(NoSuchEntity::AccessKey(access_key_id.to_owned()).into());
            }
            change(keys);
            changes.put(owner);
            Ok(())
        })
        .await
    }

    /// When a key of this account was last used.
    ///
    /// # Errors
    /// `AccessDenied` for a key of another account, and for one that is not there.
    pub fn get_access_key_last_used(
        &self,
        permit: &Permit<iam::GetAccessKeyLastUsed>,
        access_key_id: &str,
    ) -> Result<KeyUse, EntityError> {
        let account = permit.resource().account;
        let snapshot = self.snapshot();
        let owner = snapshot
            .key_owner(access_key_id)
            .filter(|owner| owner.account == account)
            .ok_or_else(|| EntityError::ForeignAccessKey {
                caller: permit.identity().caller.arn.clone(),
                access_key_id: access_key_id.to_owned(),
            })?;
        let state = self.account_state(account)?;
        let user = owner.user_id.as_deref();
        let user: Option<&Arc<User>> = user.and_then(|id| state.by_id(id));
        Ok(KeyUse {
            user_name: user.map(|user| user.name.clone()),
            last: self.last_use(access_key_id),
        })
    }
}
