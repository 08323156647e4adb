//! What conditions and patterns of one question look at.
use catalog::AccountId;

use crate::pattern::arn_parts;
use crate::{Caller, CallerKind, Context, Lookup, Question};

/// The request's context, and the keys that follow from the caller and the owner (spec E-13).
pub(crate) struct Facts<'a> {
    pub question: &'a Question<'a>,
    /// `None` for calls without a resource.
    pub resource: Option<[&'a str; 6]>,
    /// Callers with a boundary are never spared by `NotPrincipal`.
    pub has_boundary: bool,
    caller_account: Option<AccountText>,
    owner: Option<AccountText>,
}

impl<'a> Facts<'a> {
    pub fn new(question: &'a Question<'a>, has_boundary: bool) -> Facts<'a> {
        Facts {
            question,
            resource: arn_parts(question.resource),
            has_boundary,
            caller_account: question.caller.account.map(AccountText::of),
            owner: question.owner.map(AccountText::of),
        }
    }

    fn derived(&self, key: &str) -> Option<&str> {
        let caller = self.question.caller;
        match key {
            "aws:principalarn" if caller.has_account() => non_empty(&caller.principal_arn),
            "aws:principalaccount" => match caller.kind {
                CallerKind::Anonymous => Some("anonymous"),
                CallerKind::Root
                | CallerKind::User
                | CallerKind::RoleSession { .. }
                | CallerKind::FederatedUser { .. } => self.caller_account.as_ref()?.text(),
                CallerKind::TokenHolder { .. } | CallerKind::Service { .. } => None,
            },
            "aws:principaltype" => caller.principal_type(),
            "aws:userid" => match caller.kind {
                CallerKind::Anonymous => Some("anonymous"),
                CallerKind::Root
                | CallerKind::User
                | CallerKind::RoleSession { .. }
                | CallerKind::FederatedUser { .. } => non_empty(&caller.user_id),
                CallerKind::TokenHolder { .. } | CallerKind::Service { .. } => None,
            },
            "aws:username" => caller.user_name.as_deref(),
            "aws:resourceaccount" => self.owner.as_ref()?.text(),
            "s3:resourceaccount" if self.question.action.starts_with("s3:") => {
                self.owner.as_ref()?.text()
            }
            _ => {
                let wanted = key.strip_prefix("aws:principaltag/")?;
                let same = |tag: &&(String, String)| {
                    let lower = tag.0.chars().flat_map(char::to_lowercase);
                    lower.eq(wanted.chars())
                };
                Some(&caller.tags.iter().find(same)?.1)
            }
        }
    }
}

impl Context for Facts<'_> {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match self.question.context.lookup(key) {
            Lookup::Absent => match self.derived(key) {
                Some(value) => Lookup::One(value),
                None => Lookup::Absent,
            },
            found @ (Lookup::One(_) | Lookup::Many(_)) => found,
        }
    }
}

fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

impl Caller {
    /// `aws:PrincipalType`
    fn principal_type(&self) -> Option<&'static str> {
        match self.kind {
            CallerKind::Anonymous => Some("Anonymous"),
            CallerKind::Root => Some("Account"),
            CallerKind::User => Some("User"),
            CallerKind::RoleSession { .. } => Some("AssumedRole"),
            CallerKind::FederatedUser { .. } => Some("FederatedUser"),
            CallerKind::TokenHolder { .. } | CallerKind::Service { .. } => None,
        }
    }
}

/// The twelve digits of an account id, without allocation.
struct AccountText([u8; 12]);

impl AccountText {
    fn of(account: AccountId) -> AccountText {
        let mut rest = account.number();
        let mut digits = [b'0'; 12];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        AccountText(digits)
    }

    fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}
