//! Why a question was answered as it was: whose side refused, which statement came nearest, and the
//! smallest change that would have allowed it.
//!
//! An explanation is made from a [`Case`]: everything that a decision depends on, by value. The
//! trail comes from the same evaluation that decided, and every change that is proposed was made on
//! a copy of the case and decided again. This crate knows no store and no HTTP, and decides nothing:
//! who may read an explanation is [`Explanation::for_account`]'s and the caller's to see to.
//!
//! ```
//! use catalog::{AccountId, EntityKind};
//! use explain::{Names, explain};
//!
//! /// Nobody is known by name.
//! struct NoNames;
//! impl Names for NoNames {
//!     fn arn_of(&self, _: &str) -> Option<String> { None }
//!     fn origin_of(&self, _: &str) -> Option<(AccountId, EntityKind)> { None }
//!     fn account_of(&self, _: &str) -> Option<AccountId> { None }
//!     fn account_name(&self, _: AccountId) -> Option<String> { None }
//!     fn unique_id_of(&self, _: &str) -> Option<String> { None }
//!     fn is_group(&self, _: &str) -> bool { false }
//! }
//!
//! let case: policy::Case = serde_json::from_str(r#"{
//!     "caller": {"kind": "User", "account": "111111111111", "canonical_id": null,
//!                "arn": "arn:aws:iam::111111111111:user/al",
//!                "principal_arn": "arn:aws:iam::111111111111:user/al",
//!                "unique_id": "AIDAEXAMPLE", "user_id": "AIDAEXAMPLE", "user_name": "al", "tags": []},
//!     "action": "iam:GetUser", "resource": "arn:aws:iam::111111111111:user/bo",
//!     "owner": "111111111111", "context": {}, "identity": [], "target": "None"
//! }"#)?;
//! let explanation = explain(&case, &NoNames);
//! assert_eq!(
//!     explanation.cause,
//!     "No identity policy of user al in account 111111111111 allows iam:GetUser on \
//!      arn:aws:iam::111111111111:user/bo."
//! );
//! let change = explanation.changes.first().expect("one statement is enough");
//! assert!(change.steps[0].command.as_ref().is_some_and(|c| c.starts_with("aws iam put-user-policy")));
//! # Ok::<(), serde_json::Error>(())
//! ```

mod cause;
mod change;
mod edit;
mod explanation;
mod failure;
mod inquiry;
mod message;
mod names;
mod render;
mod request;
mod sides;
mod view;

pub use cause::{action_of_operation, reason_in_words};
pub use explanation::{
    Answer, Asked, Change, ClauseView, Explanation, LayerView, Side, SideSays, StatementView, Step,
    Told, Who,
};
pub use failure::{Failed, Stop, explain_failure};
pub use message::authorization_message;
pub use names::Names;
pub use render::{Style, answer_line, render};

use inquiry::Inquiry;
use policy::{Case, Decision, Target};

/// Explains a decision. What only the request knows (its id, the access key, what the caller was
/// told) is left for whoever has it to fill in.
pub fn explain(case: &Case, names: &dyn Names) -> Explanation {
    let mut explanation = explain_as_it_is(case, names);
    if let Some(there) = as_if_there(case) {
        let there = explain_as_it_is(&there, names);
        explanation.asked.owner = there.asked.owner;
        explanation
            .asked
            .owner_name
            .clone_from(&there.asked.owner_name);
        // What the caller's own policies say does not depend on the role.
        let sides = explanation.sides.iter_mut().zip(&there.sides);
        for (side, like) in sides.filter(|(side, _)| side.account == case.caller.account) {
            side.clone_from(like);
        }
        for side in explanation.sides.iter_mut().skip(1) {
            side.account = there.asked.owner;
        }
        explanation.as_if_there = Some(Box::new(there));
    }
    explanation
}

/// The same question about a role that trusts nobody, where there is none of that name.
fn as_if_there(case: &Case) -> Option<Case> {
    const NOBODY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"nobody.amazonaws.com"},"Action":"sts:GetCallerIdentity"}]}"#;
    let Target::Trust { policy: None } = case.target else {
        return None;
    };
    let account = case.resource.split(':').nth(4)?;
    let policy = policy::Policy::load(policy::PolicyKind::Trust, NOBODY).ok()?;
    Some(Case {
        owner: Some(catalog::AccountId::parse_exact(account).ok()?),
        target: Target::Trust {
            policy: Some(std::sync::Arc::new(policy)),
        },
        ..case.clone()
    })
}

fn explain_as_it_is(case: &Case, names: &dyn Names) -> Explanation {
    let inquiry = Inquiry::of(case, names);
    let name = |account: Option<_>| account.and_then(|account| names.account_name(account));
    let answer = match inquiry.decision() {
        Decision::Allow => Answer::Allowed,
        Decision::Deny(denial) => Answer::Refused {
            explicit: denial.explicit,
            layer: denial.layer,
        },
    };
    Explanation {
        who: Who {
            arn: case.caller.arn.clone(),
            kind: inquiry.kind().to_owned(),
            account: case.caller.account,
            account_name: name(case.caller.account),
            access_key_id: None,
            session: None,
        },
        asked: Asked {
            action: case.action.clone(),
            resource: case.resource.clone(),
            owner: case.owner,
            owner_name: name(case.owner),
            ..Asked::default()
        },
        told: None,
        cause: cause::cause(&inquiry),
        sides: sides::sides(&inquiry),
        changes: match &answer {
            Answer::Refused { .. } => change::changes(case, names),
            Answer::Allowed | Answer::Failed => Vec::new(),
        },
        notes: without_external_id(&inquiry),
        as_if_there: None,
        answer,
    }
}

/// Changes that would have allowed a refused question where the request cannot be another one, such as
/// a part of a multipart upload, which carries no header about the object.
pub fn changes_of_policies(case: &Case, names: &dyn Names) -> Vec<Change> {
    change::of_policies(case, names)
}

/// A role that trusts another account and asks for no external id: the mistake that nothing fails by.
fn without_external_id(inquiry: &Inquiry<'_>) -> Vec<String> {
    let Target::Trust { .. } = inquiry.case.target else {
        return Vec::new();
    };
    if !inquiry.decision().is_allowed() || inquiry.is_one_account() {
        return Vec::new();
    }
    let allowing = inquiry.allowing(policy::Layer::Trust);
    let demands = allowing
        .and_then(|statement| change::statement_of(inquiry, statement))
        .is_some_and(|statement| {
            statement
                .to_string()
                .to_lowercase()
                .contains("sts:externalid")
        });
    if demands {
        return Vec::new();
    }
    vec![
        "The trust policy asks for no external id. If the caller's account is another firm's, \
         which works for others too, demand one (a condition on sts:ExternalId): else whoever \
         knows the role's ARN can have that firm use it for them."
            .to_owned(),
    ]
}
