//! The names that explanations use, by who reads them.
use std::sync::Arc;

use catalog::{AccountId, EntityKind};
use directory::Snapshot;
use explain::Names;

/// The directory as explanations know it.
pub(crate) struct Known {
    pub(super) snapshot: Arc<Snapshot>,
    /// Whoever reads; `None` is the operator. How an account is called is its own affair.
    pub(super) reader: Option<AccountId>,
}

impl Names for Known {
    fn arn_of(&self, unique_id: &str) -> Option<String> {
        self.snapshot.principal_arn(unique_id)
    }

    fn origin_of(&self, unique_id: &str) -> Option<(AccountId, EntityKind)> {
        directory::origin_of_unique_id(unique_id)
    }

    fn account_of(&self, canonical_user_id: &str) -> Option<AccountId> {
        self.snapshot.account_by_canonical_id(canonical_user_id)
    }

    fn account_name(&self, account: AccountId) -> Option<String> {
        if self.reader.is_some_and(|reader| reader != account) {
            return None;
        }
        let state = self.snapshot.account(account)?;
        Some(state.account.name.clone())
    }

    fn role_named(&self, account: AccountId, name: &str) -> Option<String> {
        self.snapshot.role_named(account, name)
    }

    fn is_group(&self, arn: &str) -> bool {
        arn.starts_with("arn:aws:iam::") && arn.contains(":group/")
    }
}
