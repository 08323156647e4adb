//! What conditions and patterns of one question look at.
use std::cell::OnceCell;
use std::net::IpAddr;

use catalog::AccountId;

use crate::actions::ActionId;
use crate::condition::Instant;
use crate::pattern::Arn;
use crate::{Caller, CallerKind, Context, KnownKey, Lookup, Question};

/// The request's context, and the keys that follow from the caller and the owner (spec E-13).
pub(crate) struct Facts<'a> {
    pub question: &'a Question<'a>,
    /// `None` for actions that no policy knows by number.
    pub action: Option<ActionId>,
    pub resource: Arn<'a>,
    /// Callers with a boundary are never spared by `NotPrincipal`.
    pub has_boundary: bool,
    caller_account: OnceCell<AccountText>,
    owner: OnceCell<AccountText>,
    source_ip: OnceCell<Option<IpAddr>>,
    current_time: OnceCell<Option<Instant>>,
}

impl<'a> Facts<'a> {
    pub fn new(question: &'a Question<'a>, has_boundary: bool) -> Facts<'a> {
        Facts {
            question,
            action: ActionId::of(question.action),
            resource: Arn::new(question.resource),
            has_boundary,
            caller_account: OnceCell::new(),
            owner: OnceCell::new(),
            source_ip: OnceCell::new(),
            current_time: OnceCell::new(),
        }
    }

    /// The address in the value of a key, if it is one. Many statements ask for that of the
    /// request, which is read once.
    pub fn address(&self, key: Option<KnownKey>, value: &str) -> Option<IpAddr> {
        let parse = || value.trim().parse().ok();
        if key == Some(KnownKey::SourceIp) {
            *self.source_ip.get_or_init(parse)
        } else {
            parse()
        }
    }

    /// The time in the value of a key, likewise.
    pub fn instant(&self, key: Option<KnownKey>, value: &str) -> Option<Instant> {
        let parse = || Instant::parse(value);
        if key == Some(KnownKey::CurrentTime) {
            *self.current_time.get_or_init(parse)
        } else {
            parse()
        }
    }

    fn owner(&self) -> Option<&str> {
        let owner = self.question.owner?;
        self.owner.get_or_init(|| AccountText::of(owner)).text()
    }

    fn derived_known(&self, key: KnownKey) -> Option<&str> {
        let caller = self.question.caller;
        match key {
            KnownKey::PrincipalArn if caller.has_account() => non_empty(&caller.principal_arn),
            KnownKey::PrincipalAccount => match caller.kind {
                CallerKind::Anonymous => Some("anonymous"),
                CallerKind::Root
                | CallerKind::User
                | CallerKind::RoleSession { .. }
                | CallerKind::FederatedUser { .. } => {
                    let account = caller.account?;
                    let text = self.caller_account.get_or_init(|| AccountText::of(account));
                    text.text()
                }
                CallerKind::TokenHolder { .. } | CallerKind::Service { .. } => None,
            },
            KnownKey::PrincipalType => caller.principal_type(),
            KnownKey::UserId => match caller.kind {
                CallerKind::Anonymous => Some("anonymous"),
                CallerKind::Root
                | CallerKind::User
                | CallerKind::RoleSession { .. }
                | CallerKind::FederatedUser { .. } => non_empty(&caller.user_id),
                CallerKind::TokenHolder { .. } | CallerKind::Service { .. } => None,
            },
            KnownKey::UserName => caller.user_name.as_deref(),
            KnownKey::ResourceAccount => self.owner(),
            KnownKey::S3ResourceAccount if self.question.action.starts_with("s3:") => self.owner(),
            KnownKey::PrincipalArn
            | KnownKey::S3ResourceAccount
            | KnownKey::CurrentTime
            | KnownKey::EpochTime
            | KnownKey::SecureTransport
            | KnownKey::SourceIp
            | KnownKey::UserAgent
            | KnownKey::Referer
            | KnownKey::RequestedRegion
            | KnownKey::ViaAwsService
            | KnownKey::PrincipalIsAwsService
            | KnownKey::TokenIssueTime
            | KnownKey::MultiFactorAuthPresent
            | KnownKey::MultiFactorAuthAge
            | KnownKey::SourceIdentity
            | KnownKey::S3AuthType
            | KnownKey::S3SignatureVersion
            | KnownKey::S3SignatureAge
            | KnownKey::S3ContentSha256
            | KnownKey::S3ServerSideEncryption
            | KnownKey::S3Prefix
            | KnownKey::S3Delimiter
            | KnownKey::S3MaxKeys
            | KnownKey::S3VersionId
            | KnownKey::S3Acl
            | KnownKey::IamPermissionsBoundary => None,
        }
    }

    fn principal_tag(&self, key: &str) -> Option<&str> {
        let wanted = key.strip_prefix("aws:principaltag/")?;
        let mut tags = self.question.caller.tags.iter();
        let (_, value) = tags.find(|(key, _)| is_lower_case_of(wanted, key))?;
        Some(value)
    }
}

/// Whether `lower` is the text in lower case, of any script.
fn is_lower_case_of(lower: &str, text: &str) -> bool {
    if text.is_ascii() {
        return text.len() == lower.len() && text.eq_ignore_ascii_case(lower);
    }
    text.chars().flat_map(char::to_lowercase).eq(lower.chars())
}

impl Context for Facts<'_> {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        if let Some(known) = KnownKey::of(key) {
            return self.lookup_known(known);
        }
        or_derived(self.question.context.lookup(key), || {
            self.principal_tag(key)
        })
    }

    fn lookup_known(&self, key: KnownKey) -> Lookup<'_> {
        or_derived(self.question.context.lookup_known(key), || {
            self.derived_known(key)
        })
    }
}

fn or_derived<'f>(found: Lookup<'f>, derived: impl FnOnce() -> Option<&'f str>) -> Lookup<'f> {
    match found {
        Lookup::Absent => derived().map_or(Lookup::Absent, Lookup::One),
        Lookup::One(_) | Lookup::Many(_) => found,
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
