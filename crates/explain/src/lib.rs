//! Why a question was answered as it was: whose side refused, which statement came nearest, and the
//! smallest change that would have allowed it.
//!
//! An explanation is made from a [`Case`]: everything that a decision depends on, by value. The
//! trail comes from the same evaluation that decided, and every change that is proposed was made on
//! a copy of the case and decided again. This crate knows no store and no HTTP, and decides nothing:
//! who may read an explanation is [`seen_by`]'s and the caller's to see to.
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
pub use view::{as_if_the_key_were_there, seen_by};

use inquiry::{Inquiry, Work};
use policy::{Case, Decision, Target};

/// Explains a decision. What only the request knows (its id, the access key, what the caller was
/// told) is left for whoever has it to fill in.
pub fn explain(case: &Case, names: &dyn Names) -> Explanation {
    let work = Work::default();
    let inquiry = Inquiry::of(case, names, &work);
    let name = |account: Option<_>| account.and_then(|account| names.account_name(account));
    let without_role = view::role_that_trusts_nobody(case);
    let owner = without_role
        .as_ref()
        .map_or(case.owner, |there| there.owner);
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
            owner,
            owner_name: name(owner),
            ..Asked::default()
        },
        told: None,
        cause: cause::cause(&inquiry),
        sides: match &without_role {
            Some(there) => sides_without_role(&Inquiry::of(there, names, &work)),
            None => sides::sides(&inquiry),
        },
        changes: match &answer {
            Answer::Refused { .. } => change::changes(&inquiry),
            Answer::Allowed | Answer::Failed => Vec::new(),
        },
        notes: without_external_id(&inquiry),
        answer,
    }
}

/// The sides where there is no such role: what the caller's own policies say does not depend on it.
fn sides_without_role(there: &Inquiry<'_>) -> Vec<Side> {
    let mut sides = sides::sides(there);
    for layer in sides.iter_mut().skip(1).flat_map(|side| &mut side.layers) {
        layer.looked_at = "there is no such role".to_owned();
        layer.nearest = None;
    }
    sides
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
