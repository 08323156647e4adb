//! Account aliases. AWS: Your AWS account ID and its alias.
use catalog::iam;
use gate::Permit;

use crate::Directory;
use crate::entity_error::{EntityAlreadyExists, EntityError, NoSuchEntity};
use crate::state::Account;

impl Directory {
    /// Gives the account an alias, in place of the one it had.
    ///
    /// # Errors
    /// `EntityAlreadyExists` if an account has it, also this one.
    pub async fn create_account_alias(
        &self,
        permit: &Permit<iam::CreateAccountAlias>,
        alias: &str,
    ) -> Result<(), EntityError> {
        self.change(permit.resource().0, |view, changes| {
            if view.directory.account_by_alias(alias).is_some() {
                return Err(EntityAlreadyExists::AccountAlias(alias.to_owned()).into());
            }
            let mut account = Account::clone(&view.account.account);
            account.alias = Some(alias.to_owned());
            changes.put(account);
            Ok(())
        })
        .await
    }

    /// The alias, if the account has one.
    ///
    /// # Errors
    /// The account is gone.
    pub fn list_account_aliases(
        &self,
        permit: &Permit<iam::ListAccountAliases>,
    ) -> Result<Option<String>, EntityError> {
        let state = self.account_state(permit.resource().0)?;
        Ok(state.account.alias.clone())
    }

    /// Takes the alias away.
    ///
    /// # Errors
    /// `NoSuchEntity` if the account has another one or none.
    pub async fn delete_account_alias(
        &self,
        permit: &Permit<iam::DeleteAccountAlias>,
        alias: &str,
    ) -> Result<(), EntityError> {
        self.change(permit.resource().0, |view, changes| {
            if view.account.account.alias.as_deref() != Some(alias) {
                return Err(NoSuchEntity::AccountAlias(alias.to_owned()).into());
            }
            let mut account = Account::clone(&view.account.account);
            account.alias = None;
            changes.put(account);
            Ok(())
        })
        .await
    }
}
