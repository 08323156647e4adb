//! Bucket policies between their authors, who write ARNs, and the store, which keeps unique ids
//! (spec P-8, principal id transformation).
use std::collections::HashMap;

use catalog::CanonicalUserId;
use gate::{FactsError, PrincipalDirectory};
use policy::{Finding, Policy, PrincipalRef, Rewrite};
use wire::AwsError;

use crate::S3Error;

/// The text to store: ARNs of users and roles become unique ids.
///
/// # Errors
/// `MalformedPolicy` for principals that do not exist.
pub(crate) async fn to_store(
    policy: &Policy,
    principals: &dyn PrincipalDirectory,
) -> Result<String, S3Error> {
    // The directory answers later, the rewriting does not wait: so all names first.
    let mut answers = HashMap::new();
    for name in names(policy) {
        let answer = saved(&name, principals).await.map_err(S3Error::internal)?;
        answers.insert(name, answer);
    }
    rewrite(policy, &answers)
}

/// The text to show: unique ids become the present ARNs; those of principals that are gone stay.
pub(crate) async fn to_show(
    policy: &Policy,
    principals: &dyn PrincipalDirectory,
) -> Result<String, S3Error> {
    let mut answers = HashMap::new();
    for name in names(policy) {
        let answer = shown(&name, principals).await.map_err(S3Error::internal)?;
        answers.insert(name, answer);
    }
    rewrite(policy, &answers)
}

/// A principal that the directory must be asked about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Account(catalog::AccountId, String),
    Entity(String),
    RoleSession(catalog::AccountId, String),
    FederatedUser(catalog::AccountId),
    UniqueId(String),
    CanonicalUser(String),
}

impl Name {
    fn of(principal: &PrincipalRef<'_>) -> Option<Name> {
        match *principal {
            PrincipalRef::Account { id, text } => Some(Name::Account(id, text.to_owned())),
            PrincipalRef::User { arn, .. } | PrincipalRef::Role { arn, .. } => {
                Some(Name::Entity(arn.to_owned()))
            }
            PrincipalRef::RoleSession { account, arn } => {
                let role = arn.split('/').nth(1).unwrap_or_default();
                Some(Name::RoleSession(account, role.to_owned()))
            }
            PrincipalRef::FederatedUser { account, .. } => Some(Name::FederatedUser(account)),
            PrincipalRef::UniqueId(id) => Some(Name::UniqueId(id.to_owned())),
            PrincipalRef::CanonicalUser(id) => Some(Name::CanonicalUser(id.to_owned())),
            PrincipalRef::Everyone | PrincipalRef::Service(_) | PrincipalRef::Federated(_) => None,
        }
    }
}

fn names(policy: &Policy) -> Vec<Name> {
    let mut names = Vec::new();
    // Nothing is invalid in this round, so there is no error to look at.
    let _ = policy.rewrite_principals(|principal| {
        names.extend(Name::of(&principal));
        Rewrite::Keep
    });
    names
}

/// Rewrites with answers that are at hand. A name without an answer is refused, never kept.
fn rewrite(policy: &Policy, answers: &HashMap<Name, Rewrite>) -> Result<String, S3Error> {
    let answer = |principal: PrincipalRef<'_>| match Name::of(&principal) {
        Some(name) => answers.get(&name).cloned().unwrap_or(Rewrite::Invalid),
        None => Rewrite::Keep,
    };
    policy.rewrite_principals(answer).map_err(malformed_policy)
}

fn keep_if(exists: bool) -> Rewrite {
    if exists {
        Rewrite::Keep
    } else {
        Rewrite::Invalid
    }
}

async fn saved(name: &Name, principals: &dyn PrincipalDirectory) -> Result<Rewrite, FactsError> {
    Ok(match name {
        Name::Account(account, _) | Name::FederatedUser(account) => {
            keep_if(principals.account_exists(*account).await?)
        }
        Name::RoleSession(account, role) => keep_if(principals.role_exists(*account, role).await?),
        Name::Entity(arn) => match principals.unique_id_of(arn).await? {
            Some(id) => Rewrite::Replace(id),
            None => Rewrite::Invalid,
        },
        Name::UniqueId(id) => keep_if(principals.arn_of(id).await?.is_some()),
        Name::CanonicalUser(id) => match CanonicalUserId::parse(id) {
            Ok(id) => keep_if(principals.account_of_canonical_id(&id).await?.is_some()),
            Err(_) => Rewrite::Invalid,
        },
    })
}

async fn shown(name: &Name, principals: &dyn PrincipalDirectory) -> Result<Rewrite, FactsError> {
    Ok(match name {
        Name::Account(account, text) if *text != account.root_arn() => {
            Rewrite::Replace(account.root_arn())
        }
        Name::UniqueId(id) => match principals.arn_of(id).await? {
            Some(arn) => Rewrite::Replace(arn),
            None => Rewrite::Keep,
        },
        Name::Account(..)
        | Name::Entity(_)
        | Name::RoleSession(..)
        | Name::FederatedUser(_)
        | Name::CanonicalUser(_) => Rewrite::Keep,
    })
}

/// What is wrong with a policy, with S3's `<Detail>`.
pub(crate) fn malformed_policy(finding: Finding) -> S3Error {
    let error = AwsError::new(400, finding.code, finding.message);
    match finding.detail {
        Some(detail) => error.with_field("Detail", detail).into(),
        None => error.into(),
    }
}
