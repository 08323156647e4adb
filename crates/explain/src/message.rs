//! An explanation in the form of `sts:DecodeAuthorizationMessage`.
use catalog::AccountId;
use policy::{Case, ContextValue, Effect};
use serde_json::{Value, json};

use crate::explanation::{Answer, Explanation};
use crate::view::is_of_resource;

/// The decoded message for an account: the members that AWS's have, and the explanation.
///
/// `explanation` is the account's own view. The request's context is told to the caller's account
/// alone, as far as it is not the resource's.
pub fn authorization_message(explanation: &Explanation, case: &Case, reader: AccountId) -> Value {
    let statements = explanation
        .sides
        .iter()
        .flat_map(|side| &side.layers)
        .flat_map(|layer| &layer.matched);
    let matched: Vec<Value> = statements
        .map(|statement| {
            json!({
                "statementId": statement.name.strip_prefix("statement ").unwrap_or_default(),
                "effect": match statement.effect {
                    Effect::Allow => "ALLOW",
                    Effect::Deny => "DENY",
                },
                "policy": statement.policy,
                "line": statement.line,
            })
        })
        .collect();
    let is_callers = case.caller.account == Some(reader);
    let is_owners = case.owner == Some(reader);
    let conditions: Vec<Value> = case
        .context
        .iter()
        .filter(|(key, _)| is_callers && (is_owners || !is_of_resource(key)))
        .map(|(key, value)| {
            let values = match value {
                ContextValue::One(value) => std::slice::from_ref(value),
                ContextValue::Many(values) => values,
            };
            let items: Vec<_> = values
                .iter()
                .map(|value| json!({ "value": value }))
                .collect();
            json!({ "key": key, "values": { "items": items } })
        })
        .collect();
    let (allowed, explicit) = match explanation.answer {
        Answer::Allowed => (true, false),
        Answer::Refused { explicit, .. } => (false, explicit),
        Answer::Failed => (false, false),
    };
    json!({
        "allowed": allowed,
        "explicitDeny": explicit,
        "matchedStatements": { "items": matched },
        "failures": { "items": [] },
        "context": {
            "principal": {
                "id": case.caller.user_id,
                "name": case.caller.user_name,
                "arn": case.caller.arn,
            },
            "action": explanation.asked.action,
            "resource": explanation.asked.resource,
            "conditions": { "items": conditions },
        },
        "explanation": explanation,
    })
}
