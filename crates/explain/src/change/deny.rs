//! Candidates where a statement denies: to avoid it, to be spared by it, or to take it out.
use std::sync::Arc;

use catalog::AccountId;
use policy::{AttachedPolicy, CallerKind, Case, Layer, Policy, PolicySource, StatementStep};
use serde_json::{Value, json};

use crate::edit;
use crate::explanation::Step;
use crate::inquiry::Inquiry;
use crate::request;

use super::allow::{
    asked_differently, holder, new_version, put_resource_policy, resource_policy,
    with_resource_policy,
};
use super::{Candidate, Care, denies};

pub(super) fn against_deny(inquiry: &Inquiry<'_>, care: Care) -> Vec<Candidate> {
    let Some(deny) = inquiry.denying() else {
        return Vec::new();
    };
    let Some((document, policy)) = document_of(inquiry, deny) else {
        return Vec::new();
    };
    let mut found = match care {
        Care::KeepConditions | Care::AnyChange => not_denied(inquiry, deny, &document),
        Care::SameRequest => Vec::new(),
    };
    if care == Care::KeepConditions && !found.is_empty() {
        return found;
    }
    let edits = [
        spare_by_arn(inquiry, deny, &document),
        spare_caller(inquiry, deny, &document),
        edit::without(&document, deny.index),
    ];
    let resource = deny.source.is_none();
    let whats = [
        "Deny by a condition on aws:PrincipalArn instead of NotPrincipal, which must list every \
         session by name.",
        "Except the caller from the statement.",
        "Take the statement out.",
    ];
    for (edited, what) in edits.into_iter().zip(whats) {
        let Some(edited) = edited else { continue };
        let Some(case) = with_document(inquiry.case, deny, &policy, &edited) else {
            continue;
        };
        let account = if resource {
            inquiry.case.owner
        } else {
            inquiry.case.caller.account
        };
        let place = match account {
            Some(account) => format!("In {}", inquiry.account(account)),
            None => "There".to_owned(),
        };
        found.push(Candidate {
            case,
            step: Step {
                account,
                place,
                what: format!(
                    "{what} It is {} of the {}.",
                    Inquiry::statement_name(deny),
                    inquiry.policy_name(deny)
                ),
                json: edit::statements(&edited)
                    .get(deny.index)
                    .filter(|_| {
                        edit::statements(&edited).len() == edit::statements(&document).len()
                    })
                    .cloned(),
                command: put_document(inquiry, deny, &edited),
                confidential_of: account,
            },
        });
        break;
    }
    found.extend(drop_policy(inquiry, deny, &document));
    found
}

/// The request avoids what a deny is about.
pub(super) fn not_denied(
    inquiry: &Inquiry<'_>,
    deny: &StatementStep,
    document: &Value,
) -> Vec<Candidate> {
    let statements = edit::statements(document);
    let Some(conditions) = statements
        .get(deny.index)
        .and_then(|statement| statement.get("Condition"))
        .and_then(Value::as_object)
    else {
        return Vec::new();
    };
    let before = denies(inquiry);
    let mut found = Vec::new();
    for (operator, block) in conditions {
        for (key, values) in block.as_object().into_iter().flatten() {
            let wanted: Vec<String> = edit::items(values).iter().map(edit::text).collect();
            let different = request::values_to_try(operator, &wanted)
                .into_iter()
                .find_map(|value| {
                    let different = request::with_key(inquiry.case, key, value.as_deref())?;
                    let after = inquiry.trial(&different.case)?;
                    (denies(&after) < before).then_some(different)
                });
            if let Some(different) = different {
                found.push(Candidate {
                    case: different.case.clone(),
                    step: asked_differently(inquiry, &[different], deny.layer),
                });
            }
        }
    }
    found
}

/// A statement as its author wrote it.
pub(crate) fn statement_of(inquiry: &Inquiry<'_>, step: &StatementStep) -> Option<Value> {
    let (document, _) = document_of(inquiry, step)?;
    edit::statements(&document).get(step.index).cloned()
}

pub(super) fn document_of(
    inquiry: &Inquiry<'_>,
    step: &StatementStep,
) -> Option<(Value, Arc<Policy>)> {
    let policy = attached(inquiry.case, step)?;
    Some((edit::readable(&policy, inquiry.names), policy))
}

/// The policy that a step is about.
pub(super) fn attached(case: &Case, step: &StatementStep) -> Option<Arc<Policy>> {
    let Some(source) = &step.source else {
        return resource_policy(case).map(|(policy, _)| policy.clone());
    };
    let found = |policies: &[AttachedPolicy]| {
        policies
            .iter()
            .find(|attached| attached.source == *source)
            .map(|attached| attached.policy.clone())
    };
    match step.layer {
        Layer::Identity => found(&case.identity),
        Layer::Boundary => case.boundary.as_ref().map(|b| b.policy.clone()),
        Layer::Session => found(case.session.as_deref()?),
        _ => None,
    }
}

pub(super) fn with_document(
    case: &Case,
    step: &StatementStep,
    old: &Arc<Policy>,
    document: &Value,
) -> Option<Case> {
    let policy = edit::policy(old.kind(), document)?;
    if step.source.is_none() {
        return with_resource_policy(case, policy);
    }
    let mut changed = case.clone();
    let replace = |attached: &mut AttachedPolicy| {
        if Some(&attached.source) == step.source.as_ref() {
            attached.policy = policy.clone();
        }
    };
    match step.layer {
        Layer::Identity => changed.identity.iter_mut().for_each(replace),
        Layer::Boundary => changed.boundary.iter_mut().for_each(replace),
        Layer::Session => changed.session.iter_mut().flatten().for_each(replace),
        _ => return None,
    }
    Some(changed)
}

pub(super) fn put_document(
    inquiry: &Inquiry<'_>,
    step: &StatementStep,
    document: &Value,
) -> Option<String> {
    match &step.source {
        None => put_resource_policy(inquiry, document),
        Some(PolicySource::Inline { name }) => {
            let (verb, option, holder) = holder(inquiry)?;
            Some(format!(
                "aws iam {verb} {option} {} \\\n  --policy-name {} \\\n  --policy-document {}",
                edit::word(&holder),
                edit::word(name),
                edit::quoted(document)
            ))
        }
        Some(PolicySource::GroupInline { group, name }) => Some(format!(
            "aws iam put-group-policy --group-name {} \\\n  --policy-name {} \\\n  --policy-document {}",
            edit::word(group),
            edit::word(name),
            edit::quoted(document)
        )),
        Some(source) => new_version(source, document),
    }
}

/// `NotPrincipal` cannot list sessions that do not exist yet: the same deny by a condition.
pub(super) fn spare_by_arn(
    inquiry: &Inquiry<'_>,
    deny: &StatementStep,
    document: &Value,
) -> Option<Value> {
    edit::changed(document, deny.index, |statement| {
        let listed = statement.shift_remove("NotPrincipal")?;
        // Services and canonical ids have no aws:PrincipalArn: the condition would deny them.
        if listed.as_object()?.keys().any(|kind| kind != "AWS") {
            return None;
        }
        let mut arns: Vec<Value> = listed
            .get("AWS")
            .map(edit::items)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|listed| principal_arn(&edit::text(&listed)))
            .map(Value::from)
            .collect();
        let own = json!(inquiry.case.caller.principal_arn);
        if !arns.contains(&own) {
            arns.push(own);
        }
        statement.insert("Principal".to_owned(), json!("*"));
        edit::add_condition(statement, "ArnNotEquals", "aws:PrincipalArn", json!(arns))
    })
}

/// What `aws:PrincipalArn` is for a principal that `NotPrincipal` lists: an account stands for its
/// root user. Sessions have none of their own, their roles do; ids of the deleted are nobody's.
pub(super) fn principal_arn(listed: &str) -> Option<String> {
    if let Ok(account) = AccountId::parse_exact(listed) {
        return Some(account.root_arn());
    }
    listed
        .starts_with("arn:aws:iam:")
        .then(|| listed.to_owned())
}

pub(super) fn spare_caller(
    inquiry: &Inquiry<'_>,
    deny: &StatementStep,
    document: &Value,
) -> Option<Value> {
    // A policy of the caller's own is about nobody else.
    deny.source.is_none().then_some(())?;
    let own = non_empty(&inquiry.case.caller.principal_arn)?;
    edit::changed(document, deny.index, |statement| {
        edit::add_condition(statement, "ArnNotEquals", "aws:PrincipalArn", json!(own))
    })
}

pub(super) fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A policy whose only statement denies has nothing else to say.
pub(super) fn drop_policy(
    inquiry: &Inquiry<'_>,
    deny: &StatementStep,
    document: &Value,
) -> Option<Candidate> {
    if edit::statements(document).len() != 1 || deny.layer != Layer::Identity {
        return None;
    }
    let source = deny.source.as_ref()?;
    let mut changed = inquiry.case.clone();
    changed
        .identity
        .retain(|attached| attached.source != *source);
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
    let command = match (source, &inquiry.case.caller.kind) {
        (PolicySource::Inline { name: policy }, CallerKind::User) => format!(
            "aws iam delete-user-policy --user-name {} \\\n  --policy-name {}",
            edit::word(&name(&inquiry.case.caller.arn)),
            edit::word(policy)
        ),
        (PolicySource::Inline { name: policy }, CallerKind::RoleSession { role_arn, .. }) => {
            format!(
                "aws iam delete-role-policy --role-name {} \\\n  --policy-name {}",
                edit::word(&name(role_arn)),
                edit::word(policy)
            )
        }
        (PolicySource::Managed { arn }, CallerKind::User) => format!(
            "aws iam detach-user-policy --user-name {} \\\n  --policy-arn {}",
            edit::word(&name(&inquiry.case.caller.arn)),
            edit::word(arn)
        ),
        (PolicySource::Managed { arn }, CallerKind::RoleSession { role_arn, .. }) => format!(
            "aws iam detach-role-policy --role-name {} \\\n  --policy-arn {}",
            edit::word(&name(role_arn)),
            edit::word(arn)
        ),
        (PolicySource::GroupInline { group, name }, _) => format!(
            "aws iam delete-group-policy --group-name {} \\\n  --policy-name {}",
            edit::word(group),
            edit::word(name)
        ),
        (PolicySource::GroupManaged { group, arn }, _) => format!(
            "aws iam detach-group-policy --group-name {} \\\n  --policy-arn {}",
            edit::word(group),
            edit::word(arn)
        ),
        _ => return None,
    };
    Some(Candidate {
        case: changed,
        step: Step {
            account: inquiry.case.caller.account,
            place: format!("In {}", inquiry.callers_account()),
            what: format!(
                "Take the {} away: it does nothing but deny.",
                inquiry.policy_name(deny)
            ),
            json: None,
            command: Some(command),
            confidential_of: inquiry.case.caller.account,
        },
    })
}
