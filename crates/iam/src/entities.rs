//! What operations ask for: the caller's own account and what is in it. IAM has no calls about
//! other accounts (spec 4.5).
use catalog::{AccountId, AccountWide, Action, EntityKind, IamEntity};
use directory::{EntityError, Tags};
use gate::{Ask, Identity};
use policy::CallerKind;

use crate::IamError;
use crate::shapes::Tag;

/// The caller's account.
pub(crate) fn account(who: &Identity) -> Result<AccountId, IamError> {
    who.caller
        .account
        .ok_or(IamError::MissingAuthenticationToken)
}

/// The account as a whole: `*`.
pub(crate) fn everything(who: &Identity) -> Result<AccountWide, IamError> {
    account(who).map(AccountWide)
}

/// An entity that should exist.
pub(crate) fn existing(
    who: &Identity,
    kind: EntityKind,
    name: &str,
) -> Result<IamEntity, IamError> {
    Ok(IamEntity::named(account(who)?, kind, name))
}

/// An entity that is being created.
pub(crate) fn new(
    who: &Identity,
    kind: EntityKind,
    path: Option<&str>,
    name: &str,
) -> Result<IamEntity, IamError> {
    Ok(IamEntity::new(
        account(who)?,
        kind,
        path.unwrap_or("/"),
        name,
    ))
}

/// The user that is named, else the user that calls.
pub(crate) fn user_or_caller(who: &Identity, name: Option<&str>) -> Result<IamEntity, IamError> {
    let account = account(who)?;
    if let Some(name) = name {
        return Ok(IamEntity::named(account, EntityKind::User, name));
    }
    match (&who.caller.kind, &who.caller.user_name) {
        (CallerKind::Root, _) => Ok(IamEntity::root(account)),
        (_, Some(name)) => Ok(IamEntity::named(account, EntityKind::User, name)),
        (_, None) => Err(EntityError::UserNameRequired.into()),
    }
}

/// A managed policy by ARN.
pub(crate) fn policy(who: &Identity, arn: &str) -> Result<IamEntity, IamError> {
    Ok(IamEntity::policy(account(who)?, arn))
}

/// Adds `aws:RequestTag/KEY` and `aws:TagKeys`. A request without tags has neither.
pub(crate) fn with_request_tags<A: Action>(ask: Ask<A>, tags: &[Tag]) -> Ask<A> {
    let keys = tags.iter().map(|tag| tag.key.clone()).collect();
    tags.iter().fold(with_tag_keys(ask, keys), |ask, tag| {
        ask.with(&format!("aws:RequestTag/{}", tag.key), tag.value.as_str())
    })
}

/// Adds `aws:TagKeys`.
pub(crate) fn with_tag_keys<A: Action>(ask: Ask<A>, keys: Vec<String>) -> Ask<A> {
    if keys.is_empty() {
        ask
    } else {
        ask.with_many("aws:TagKeys", keys)
    }
}

/// Tags as the directory keeps them.
pub(crate) fn tags(tags: Vec<Tag>) -> Tags {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}
