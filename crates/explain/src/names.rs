//! Names that documents hold only as ids.
use catalog::{AccountId, EntityKind};

/// What is known of principals and accounts at the time of the explanation.
pub trait Names {
    /// The ARN of the user or role with this unique id, if it is still there.
    fn arn_of(&self, unique_id: &str) -> Option<String>;
    /// The account and kind of a unique id, also of a deleted principal.
    fn origin_of(&self, unique_id: &str) -> Option<(AccountId, EntityKind)>;
    /// The account with this canonical user id.
    fn account_of(&self, canonical_user_id: &str) -> Option<AccountId>;
    /// The name of an account.
    fn account_name(&self, account: AccountId) -> Option<String>;
    /// The ARN of the account's role of that name, whatever its path and case.
    fn role_named(&self, _account: AccountId, _name: &str) -> Option<String> {
        None
    }
    /// Whether the ARN or name is that of a group.
    fn is_group(&self, arn: &str) -> bool;
}

/// `account 222222222222 (B)`
pub(crate) fn account(names: &dyn Names, account: AccountId) -> String {
    match names.account_name(account) {
        Some(name) => format!("account {account} ({name})"),
        None => format!("account {account}"),
    }
}

/// `account 222222222222 (B)`, or what stands for nobody's.
pub(crate) fn account_or(names: &dyn Names, of: Option<AccountId>, otherwise: &str) -> String {
    of.map_or_else(|| otherwise.to_owned(), |of| account(names, of))
}
