//! Accounts: the server's own business, so their methods take a [`System`] permit.
use std::sync::Arc;

use catalog::{AccountId, CanonicalUserId};
use gate::System;
use jiff::Timestamp;
use seal::SealError;

use crate::ids::{self, IdPrefix, Secret};
use crate::snapshot::name_key;
use crate::state::{AccessKey, Account, AccountStatus, KeyStatus, User};
use crate::store::{Changes, Directory, DirectoryError};

/// AWS: quotas of IAM; root users have two access keys at most.
const ROOT_KEYS_MAX: usize = 2;
/// AWS Organizations: `AccountName`.
const NAME_CHARACTERS_MAX: usize = 50;
/// AWS Organizations: `Email`.
const EMAIL_CHARACTERS_MAX: usize = 64;
/// How often a random account id is drawn before giving up.
const DRAWS_MAX: u32 = 100;

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its id; `None` draws one.
    pub id: Option<AccountId>,
    /// Its name.
    pub name: String,
    /// E-mail address of the root user.
    pub email: Option<String>,
}

/// An account that was just made, with the only showing of its root secret.
#[expect(missing_debug_implementations, reason = "it holds a secret")]
pub struct CreatedAccount {
    /// The account.
    pub account: Arc<Account>,
    /// The root user's first access key.
    pub access_key_id: String,
    /// Its secret.
    pub secret: Secret,
}

/// An access key whose secret everybody knows: for the development mode only.
#[derive(Clone, Debug)]
pub struct WellKnownKey {
    /// `AKIA…`, the same for the same account and number.
    pub id: String,
    secret: &'static str,
}

impl WellKnownKey {
    /// The key of that number in an account.
    pub fn new(account: AccountId, number: u8, secret: &'static str) -> WellKnownKey {
        WellKnownKey {
            id: ids::well_known(IdPrefix::AccessKey, account, number),
            secret,
        }
    }
}

impl Directory {
    /// Makes an account with a root access key.
    ///
    /// # Errors
    /// The id is taken, the name is none, or the store failed.
    pub async fn create_account(
        &self,
        system: &System,
        account: NewAccount,
    ) -> Result<CreatedAccount, DirectoryError> {
        check(&account)?;
        let id = match account.id {
            Some(id) => id,
            None => self.draw_account_id()?,
        };
        let (key, secret) = self.new_access_key(id)?;
        let access_key_id = key.id.clone();
        let account = self.add_account(system, id, account, key).await?;
        Ok(CreatedAccount {
            account,
            access_key_id,
            secret,
        })
    }

    async fn add_account(
        &self,
        _system: &System,
        id: AccountId,
        new: NewAccount,
        root_key: AccessKey,
    ) -> Result<Arc<Account>, DirectoryError> {
        let turn = self.writer(id).lock_owned().await;
        if self.snapshot().account(id).is_some() {
            return Err(DirectoryError::AccountExists { account: id });
        }
        let account = Account {
            id,
            name: new.name,
            email: new.email,
            canonical_id: self.canonical_id(id)?,
            created_at: Timestamp::now(),
            status: AccountStatus::Active,
            alias: None,
            access_keys: vec![root_key],
        };
        let mut changes = Changes::default();
        changes.put(account.clone());
        self.commit(id, None, changes, turn).await?;
        Ok(Arc::new(account))
    }

    /// All accounts, also closed ones, in order of their ids.
    pub fn list_accounts(&self, _system: &System) -> Vec<Arc<Account>> {
        self.peek()
            .accounts()
            .map(|state| state.account.clone())
            .collect()
    }

    /// An account, also a closed one.
    pub fn account(&self, _system: &System, id: AccountId) -> Option<Arc<Account>> {
        self.peek().account(id).map(|state| state.account.clone())
    }

    /// Closes an account: none of its credentials works any more, what it owns stays. Closing it
    /// again changes nothing.
    ///
    /// # Errors
    /// There is no such account, or the store failed.
    pub async fn close_account(
        &self,
        _system: &System,
        id: AccountId,
    ) -> Result<Arc<Account>, DirectoryError> {
        self.change(id, |view, changes| {
            let mut account = Account::clone(&view.account.account);
            if !account.is_closed() {
                account.status = AccountStatus::Closed;
                changes.put(account.clone());
            }
            Ok(Arc::new(account))
        })
        .await
    }

    /// A further access key for the root user, for operators who lost the first one.
    ///
    /// # Errors
    /// There is no such account, it is closed, it has two keys, or the store failed.
    pub async fn create_root_access_key(
        &self,
        _system: &System,
        id: AccountId,
    ) -> Result<CreatedAccount, DirectoryError> {
        let (key, secret) = self.new_access_key(id)?;
        let access_key_id = key.id.clone();
        let account = self
            .change(id, |view, changes| {
                let mut account = Account::clone(&view.account.account);
                if account.is_closed() {
                    return Err(DirectoryError::AccountClosed { account: id });
                }
                if account.access_keys.len() >= ROOT_KEYS_MAX {
                    return Err(DirectoryError::TooManyRootKeys { account: id });
                }
                account.access_keys.push(key);
                changes.put(account.clone());
                Ok(Arc::new(account))
            })
            .await?;
        Ok(CreatedAccount {
            account,
            access_key_id,
            secret,
        })
    }

    /// Makes what is missing of a development account: the account with its well-known root key,
    /// and an administrator with a well-known key.
    ///
    /// # Errors
    /// The store failed, or the account is closed.
    pub async fn ensure_development_account(
        &self,
        system: &System,
        id: AccountId,
        name: &str,
        root_key: WellKnownKey,
        administrator: &str,
        administrator_key: WellKnownKey,
    ) -> Result<(), DirectoryError> {
        if self.peek().account(id).is_none() {
            let new = NewAccount {
                id: Some(id),
                name: name.to_owned(),
                email: None,
            };
            check(&new)?;
            let key = self.sealed_key(&root_key)?;
            self.add_account(system, id, new, key).await?;
        }
        let key = self.sealed_key(&administrator_key)?;
        let user = User {
            id: ids::mint(IdPrefix::User, id)?,
            name: administrator.to_owned(),
            path: "/".to_owned(),
            created: Timestamp::now(),
            tags: Vec::new(),
            boundary: None,
            inline: Vec::new(),
            attached: vec!["arn:aws:iam::aws:policy/AdministratorAccess".to_owned()],
            groups: Vec::new(),
            access_keys: vec![key],
        };
        self.change(id, |view, changes| {
            let there = view.account.users.contains_key(&name_key(administrator));
            let taken = view.directory.key_owner(&administrator_key.id).is_some();
            if !there && !taken {
                changes.put(user);
            }
            Ok(())
        })
        .await
    }

    /// A new access key, not yet anybody's.
    pub(crate) fn new_access_key(
        &self,
        account: AccountId,
    ) -> Result<(AccessKey, Secret), SealError> {
        let id = ids::mint(IdPrefix::AccessKey, account)?;
        let secret = Secret::generate()?;
        Ok((self.seal_key(id, secret.expose())?, secret))
    }

    fn sealed_key(&self, known: &WellKnownKey) -> Result<AccessKey, SealError> {
        self.seal_key(known.id.clone(), known.secret)
    }

    fn seal_key(&self, id: String, secret: &str) -> Result<AccessKey, SealError> {
        let context = key_context(&id);
        Ok(AccessKey {
            sealed_secret: self.inner.keys.seal(&context, secret.as_bytes())?,
            id,
            status: KeyStatus::Active,
            created: Timestamp::now(),
        })
    }

    /// Spec S-11: made from a secret, so that it does not tell the account id. It is stored with
    /// the account and does not change with the key-encryption key.
    fn canonical_id(&self, account: AccountId) -> Result<CanonicalUserId, DirectoryError> {
        let secret = self.inner.keys.derive(b"canonical-user-id")?;
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_slice());
        let tag = aws_lc_rs::hmac::sign(&key, account.to_string().as_bytes());
        CanonicalUserId::parse(&hex::encode(tag.as_ref())).map_err(|error| {
            DirectoryError::Corrupt {
                key: account.to_string(),
                why: error.to_string(),
            }
        })
    }

    fn draw_account_id(&self) -> Result<AccountId, DirectoryError> {
        let snapshot = self.snapshot();
        for _ in 0..DRAWS_MAX {
            // Twelve digits without leading zeros, which people lose in spreadsheets.
            let number =
                100_000_000_000 + u64::from_be_bytes(seal::random::<8>()?) % 900_000_000_000;
            if let Ok(id) = AccountId::parse(&number.to_string())
                && snapshot.account(id).is_none()
            {
                return Ok(id);
            }
        }
        Err(DirectoryError::from(SealError::NoRandomness))
    }
}

/// The context that a secret access key is sealed for.
pub(crate) fn key_context(access_key_id: &str) -> Vec<u8> {
    format!("access-key/{access_key_id}").into_bytes()
}

fn check(account: &NewAccount) -> Result<(), DirectoryError> {
    let good = |text: &str, max: usize| {
        (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control)
    };
    if !good(&account.name, NAME_CHARACTERS_MAX) {
        return Err(DirectoryError::BadAccountName);
    }
    match &account.email {
        Some(email) if !good(email, EMAIL_CHARACTERS_MAX) || !email.contains('@') => {
            Err(DirectoryError::BadEmail)
        }
        Some(_) | None => Ok(()),
    }
}
