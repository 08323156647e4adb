//! Principals: what documents name, and which callers that is (spec P-8, P-9, E-4).
use catalog::AccountId;

use crate::{Caller, CallerKind, PrincipalRef};

/// The word before a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrincipalWord {
    Aws,
    Service,
    Federated,
    CanonicalUser,
}

impl PrincipalWord {
    pub fn parse(word: &str) -> Option<PrincipalWord> {
        match word {
            "AWS" => Some(PrincipalWord::Aws),
            "Service" => Some(PrincipalWord::Service),
            "Federated" => Some(PrincipalWord::Federated),
            "CanonicalUser" => Some(PrincipalWord::CanonicalUser),
            _ => None,
        }
    }
}

/// Web identity providers that need no ARN.
const BUILT_IN_PROVIDERS: [&str; 4] = [
    "accounts.google.com",
    "cognito-identity.amazonaws.com",
    "graph.facebook.com",
    "www.amazon.com",
];

/// Reads a principal; `None` if it is none, such as one with a wildcard in a part of it.
pub(crate) fn parse_principal(word: PrincipalWord, text: &str) -> Option<PrincipalRef<'_>> {
    match word {
        PrincipalWord::Aws if text == "*" => Some(PrincipalRef::Everyone),
        PrincipalWord::Service | PrincipalWord::Federated | PrincipalWord::CanonicalUser
            if text.contains(['*', '?']) =>
        {
            None
        }
        PrincipalWord::Aws => parse_aws(text),
        PrincipalWord::Service => {
            let ends = [
                ".amazonaws.com",
                ".amazonaws.com.cn",
                ".amazon.com",
                ".aws.internal",
            ];
            let known = ends
                .iter()
                .any(|end| text.len() > end.len() && text.ends_with(end));
            known.then_some(PrincipalRef::Service(text))
        }
        PrincipalWord::Federated => {
            let provider = match arn_in_account(text) {
                Some(("iam", _, rest)) => ["oidc-provider/", "saml-provider/"]
                    .iter()
                    .any(|start| rest.len() > start.len() && rest.starts_with(start)),
                Some(_) => false,
                None => BUILT_IN_PROVIDERS.contains(&text),
            };
            provider.then_some(PrincipalRef::Federated(text))
        }
        PrincipalWord::CanonicalUser => {
            let hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            (hex && text.len() == 64).then_some(PrincipalRef::CanonicalUser(text))
        }
    }
}

fn parse_aws(text: &str) -> Option<PrincipalRef<'_>> {
    if let Ok(id) = AccountId::parse_exact(text) {
        return Some(PrincipalRef::Account { id, text });
    }
    if is_unique_id(text) {
        return Some(PrincipalRef::UniqueId(text));
    }
    if text.contains(['*', '?', ' ', '$']) {
        return None;
    }
    let (service, account, rest) = arn_in_account(text)?;
    let (kind, name) = rest.split_once('/').unwrap_or((rest, ""));
    let named = !name.is_empty() && !name.ends_with('/');
    match (service, kind) {
        ("iam", "root") if name.is_empty() && rest == "root" => {
            Some(PrincipalRef::Account { id: account, text })
        }
        ("iam", "user") if named => Some(PrincipalRef::User { account, arn: text }),
        ("iam", "role") if named => Some(PrincipalRef::Role { account, arn: text }),
        ("sts", "assumed-role") => match name.split_once('/') {
            Some((role, session))
                if !role.is_empty() && !session.is_empty() && !session.contains('/') =>
            {
                Some(PrincipalRef::RoleSession { account, arn: text })
            }
            Some(_) | None => None,
        },
        ("sts", "federated-user") if named && !name.contains('/') => {
            Some(PrincipalRef::FederatedUser { account, arn: text })
        }
        _ => None,
    }
}

/// `AIDA…`, `AROA…`: users and roles; the ids of other things name no principal.
fn is_unique_id(text: &str) -> bool {
    let letters = text
        .bytes()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let prefix = text.starts_with("AIDA") || text.starts_with("AROA");
    prefix && letters && (16..=128).contains(&text.len())
}

/// Service, account and rest of an ARN of IAM or STS, in any partition, without region.
fn arn_in_account(text: &str) -> Option<(&str, AccountId, &str)> {
    let [arn, partition, service, region, account, rest] = crate::pattern::arn_parts(text)?;
    let account = AccountId::parse_exact(account).ok()?;
    let known = matches!(partition, "aws" | "aws-cn" | "aws-us-gov");
    (arn == "arn" && known && region.is_empty()).then_some((service, account, rest))
}

/// A principal, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    Everyone,
    Account(AccountId),
    CanonicalUser(Box<str>),
    /// Of a user, role or session.
    Arn(Box<str>),
    UniqueId(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
}

impl From<PrincipalRef<'_>> for Principal {
    fn from(principal: PrincipalRef<'_>) -> Principal {
        match principal {
            PrincipalRef::Everyone => Principal::Everyone,
            PrincipalRef::Account { id, .. } => Principal::Account(id),
            PrincipalRef::User { arn, .. }
            | PrincipalRef::Role { arn, .. }
            | PrincipalRef::RoleSession { arn, .. }
            | PrincipalRef::FederatedUser { arn, .. } => Principal::Arn(arn.into()),
            PrincipalRef::UniqueId(id) => Principal::UniqueId(id.into()),
            PrincipalRef::CanonicalUser(id) => Principal::CanonicalUser(id.into()),
            PrincipalRef::Service(name) => Principal::Service(name.into()),
            PrincipalRef::Federated(name) => Principal::Federated(name.into()),
        }
    }
}

/// In which ways principals matched a caller (spec E-4). The way decides what an allow is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ways(u16);

impl Ways {
    pub const NONE: Ways = Ways(0);
    pub const EVERYONE: Ways = Ways(1);
    pub const ACCOUNT: Ways = Ways(1 << 1);
    pub const USER: Ways = Ways(1 << 2);
    pub const ROLE: Ways = Ways(1 << 3);
    pub const SESSION: Ways = Ways(1 << 4);
    pub const FEDERATED_USER: Ways = Ways(1 << 5);
    pub const USER_OF_FEDERATED: Ways = Ways(1 << 6);
    pub const SERVICE: Ways = Ways(1 << 7);
    pub const PROVIDER: Ways = Ways(1 << 8);
    /// Not excluded by `NotPrincipal`.
    pub const NOT_EXCLUDED: Ways = Ways(1 << 9);

    pub fn and(self, other: Ways) -> Ways {
        Ways(self.0 | other.0)
    }
    pub fn any_of(self, other: Ways) -> bool {
        self.0 & other.0 != 0
    }
    pub fn all_of(self, other: Ways) -> bool {
        self.0 & other.0 == other.0
    }
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl Principal {
    fn matches(&self, caller: &Caller) -> Ways {
        match self {
            Principal::Everyone => Ways::EVERYONE,
            Principal::Account(account) if caller.account == Some(*account) => {
                if caller.has_account() {
                    Ways::ACCOUNT
                } else {
                    Ways::NONE
                }
            }
            Principal::CanonicalUser(id) => match &caller.canonical_id {
                Some(own) if caller.has_account() && own.as_str() == &**id => Ways::ACCOUNT,
                Some(_) | None => Ways::NONE,
            },
            Principal::Arn(arn) => caller.named_by_arn(arn),
            Principal::UniqueId(id) => caller.named_by_unique_id(id),
            Principal::Service(name) => {
                let own =
                    matches!(&caller.kind, CallerKind::Service { name: own } if **own == **name);
                if own { Ways::SERVICE } else { Ways::NONE }
            }
            Principal::Federated(name) => {
                let own = matches!(&caller.kind, CallerKind::TokenHolder { provider } if **provider == **name);
                if own { Ways::PROVIDER } else { Ways::NONE }
            }
            Principal::Account(_) => Ways::NONE,
        }
    }
}

/// Up to here, principals are looked at one by one.
const FEW: usize = 8;

/// Brings principals into the order that [`ways`] relies on.
pub(crate) fn sort(principals: &mut Vec<Principal>) {
    principals.sort_unstable_by(|a, b| a.place().cmp(&b.place()));
    principals.dedup();
}

/// All ways in which some of the sorted principals match.
pub(crate) fn ways(principals: &[Principal], caller: &Caller) -> Ways {
    if principals.len() <= FEW {
        return every(principals.iter(), caller);
    }
    let found = places(caller).into_iter().flatten().filter_map(|place| {
        let at = principals.binary_search_by(|principal| principal.place().cmp(&place));
        principals.get(at.ok()?)
    });
    every(found, caller)
}

fn every<'p>(principals: impl Iterator<Item = &'p Principal>, caller: &Caller) -> Ways {
    principals.fold(Ways::NONE, |ways, principal| {
        ways.and(principal.matches(caller))
    })
}

/// Where a principal stands among others: its form, and what it names.
type Place<'p> = (u8, Option<AccountId>, &'p str);

const EVERYONE: u8 = 0;
const ACCOUNT: u8 = 1;
const CANONICAL_USER: u8 = 2;
const ARN: u8 = 3;
const UNIQUE_ID: u8 = 4;
const SERVICE: u8 = 5;
const FEDERATED: u8 = 6;

impl Principal {
    fn place(&self) -> Place<'_> {
        match self {
            Principal::Everyone => (EVERYONE, None, ""),
            Principal::Account(account) => (ACCOUNT, Some(*account), ""),
            Principal::CanonicalUser(id) => (CANONICAL_USER, None, id),
            Principal::Arn(arn) => (ARN, None, arn),
            Principal::UniqueId(id) => (UNIQUE_ID, None, id),
            Principal::Service(name) => (SERVICE, None, name),
            Principal::Federated(name) => (FEDERATED, None, name),
        }
    }
}

/// The places of all principals that can match the caller.
fn places(caller: &Caller) -> [Option<Place<'_>>; 7] {
    let canonical_id = caller.canonical_id.as_ref();
    // What the kind adds: one ARN, one id, or the name of a service or provider.
    let (arn, other) = match &caller.kind {
        CallerKind::RoleSession { role_arn, .. } => (Some(role_arn), None),
        CallerKind::FederatedUser {
            user_arn,
            user_unique_id,
        } => (Some(user_arn), Some((UNIQUE_ID, user_unique_id))),
        CallerKind::Service { name } => (None, Some((SERVICE, name))),
        CallerKind::TokenHolder { provider } => (None, Some((FEDERATED, provider))),
        CallerKind::Anonymous | CallerKind::Root | CallerKind::User => (None, None),
    };
    let arn = arn.filter(|arn| **arn != caller.arn);
    let other = other.filter(|(form, id)| *form != UNIQUE_ID || **id != caller.unique_id);
    [
        Some((EVERYONE, None, "")),
        caller.account.map(|account| (ACCOUNT, Some(account), "")),
        canonical_id.map(|id| (CANONICAL_USER, None, id.as_str())),
        Some((ARN, None, &*caller.arn)),
        arn.map(|arn| (ARN, None, &**arn)),
        Some((UNIQUE_ID, None, &*caller.unique_id)),
        other.map(|(form, name)| (form, None, &**name)),
    ]
}

impl Caller {
    /// Whether the caller belongs to an account, so that account principals name it.
    pub(crate) fn has_account(&self) -> bool {
        match self.kind {
            CallerKind::Root
            | CallerKind::User
            | CallerKind::RoleSession { .. }
            | CallerKind::FederatedUser { .. } => self.account.is_some(),
            CallerKind::Anonymous | CallerKind::TokenHolder { .. } | CallerKind::Service { .. } => {
                false
            }
        }
    }

    fn named_by_arn(&self, arn: &str) -> Ways {
        match &self.kind {
            CallerKind::User if self.arn == arn => Ways::USER,
            CallerKind::RoleSession { role_arn, .. } if role_arn == arn => Ways::ROLE,
            CallerKind::RoleSession { .. } if self.arn == arn => Ways::SESSION,
            CallerKind::FederatedUser { .. } if self.arn == arn => Ways::FEDERATED_USER,
            CallerKind::FederatedUser { user_arn, .. } if user_arn == arn => {
                Ways::USER_OF_FEDERATED
            }
            CallerKind::User
            | CallerKind::RoleSession { .. }
            | CallerKind::FederatedUser { .. }
            | CallerKind::Root
            | CallerKind::Anonymous
            | CallerKind::TokenHolder { .. }
            | CallerKind::Service { .. } => Ways::NONE,
        }
    }

    fn named_by_unique_id(&self, id: &str) -> Ways {
        match &self.kind {
            CallerKind::User if self.unique_id == id => Ways::USER,
            CallerKind::RoleSession { .. } if self.unique_id == id => Ways::ROLE,
            CallerKind::FederatedUser { user_unique_id, .. } if user_unique_id == id => {
                Ways::USER_OF_FEDERATED
            }
            CallerKind::User
            | CallerKind::RoleSession { .. }
            | CallerKind::FederatedUser { .. }
            | CallerKind::Root
            | CallerKind::Anonymous
            | CallerKind::TokenHolder { .. }
            | CallerKind::Service { .. } => Ways::NONE,
        }
    }

    /// The levels of its chain that a `Deny` with `NotPrincipal` must list to spare it (spec P-9).
    fn chain(&self) -> Ways {
        match self.kind {
            CallerKind::Root => Ways::ACCOUNT,
            CallerKind::User => Ways::ACCOUNT.and(Ways::USER),
            CallerKind::RoleSession { .. } => Ways::ACCOUNT.and(Ways::ROLE).and(Ways::SESSION),
            CallerKind::FederatedUser { .. } => Ways::ACCOUNT.and(Ways::FEDERATED_USER),
            CallerKind::Service { .. } => Ways::SERVICE,
            CallerKind::TokenHolder { .. } => Ways::PROVIDER,
            CallerKind::Anonymous => Ways::NONE,
        }
    }

    /// Whether a `Deny` with `NotPrincipal` spares the caller.
    pub(crate) fn is_spared(&self, listed: &[Principal], has_boundary: bool) -> bool {
        // Anonymous callers cannot be listed, not even by `*`.
        let can_be_listed = self.kind != CallerKind::Anonymous;
        let listed = ways(listed, self);
        !has_boundary
            && can_be_listed
            && (listed.any_of(Ways::EVERYONE) || listed.all_of(self.chain()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn account(last: u64) -> AccountId {
        AccountId::parse(&format!("11111111111{last}")).unwrap()
    }

    fn arn(number: u64) -> String {
        format!("arn:aws:iam::111111111111:role/r{number}")
    }

    fn principal() -> impl Strategy<Value = Principal> {
        prop_oneof![
            1 => Just(Principal::Everyone),
            4 => (0..9_u64).prop_map(|n| Principal::Account(account(n))),
            4 => (0..9_u64).prop_map(|n| Principal::Arn(arn(n).into())),
            4 => (0..9_u64).prop_map(|n| Principal::UniqueId(format!("AROA{n}").into())),
            2 => (0..9_u64).prop_map(|n| Principal::CanonicalUser(format!("{n}").repeat(64).into())),
            2 => (0..9_u64).prop_map(|n| Principal::Service(format!("s{n}").into())),
            2 => (0..9_u64).prop_map(|n| Principal::Federated(format!("s{n}").into())),
        ]
    }

    fn caller() -> impl Strategy<Value = Caller> {
        let kind = prop_oneof![
            Just(CallerKind::Anonymous),
            Just(CallerKind::Root),
            Just(CallerKind::User),
            (0..9_u64).prop_map(|n| CallerKind::RoleSession {
                role_arn: arn(n),
                session_name: "s".to_owned()
            }),
            (0..9_u64, 0..9).prop_map(|(n, id)| CallerKind::FederatedUser {
                user_arn: arn(n),
                user_unique_id: format!("AROA{id}")
            }),
            (0..9).prop_map(|n| CallerKind::Service {
                name: format!("s{n}")
            }),
            (0..9).prop_map(|n| CallerKind::TokenHolder {
                provider: format!("s{n}")
            }),
        ];
        let id = prop::option::of(0..9_u64);
        (kind, id.clone(), id, 0..9_u64, 0..9).prop_map(|(kind, own, canonical, n, id)| {
            let canonical = canonical.map(|n| format!("{n}").repeat(64));
            Caller {
                kind,
                account: own.map(account),
                canonical_id: canonical.and_then(|id| catalog::CanonicalUserId::parse(&id).ok()),
                arn: arn(n),
                unique_id: format!("AROA{id}"),
                ..Caller::anonymous()
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn long_lists_name_whom_they_name_one_by_one(
            principals in prop::collection::vec(principal(), 0..40), caller in caller()
        ) {
            let mut sorted = principals.clone();
            sort(&mut sorted);
            prop_assert_eq!(ways(&sorted, &caller), every(principals.iter(), &caller));
        }
    }
}
