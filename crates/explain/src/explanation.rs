//! What an explanation holds. It is data: the terminal, the console and programs show it.
use catalog::AccountId;
use policy::{Effect, Layer, LayerSays};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a question was answered as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Who asked: the first line, since the wrong identity is the commonest cause of all.
    pub who: Who,
    /// What was asked.
    pub asked: Asked,
    /// The answer.
    pub answer: Answer,
    /// What the caller was told; `None` for questions that no request asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
    /// The cause in one or two sentences.
    pub cause: String,
    /// Each account's side, in the order in which it was decided.
    #[serde(default)]
    pub sides: Vec<Side>,
    /// Changes that were proved to allow it, the smallest first.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// What else is worth knowing.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Who asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The ARN that `GetCallerIdentity` shows; empty for callers without credentials.
    pub arn: String,
    /// Such as `IAM user`.
    pub kind: String,
    /// Its account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The account's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// The access key that signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// Of temporary credentials: what made them, when, and how old they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// What was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// `service:Name`; empty when the request was refused before anything was asked.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
    /// The account that owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<AccountId>,
    /// The account's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_name: Option<String>,
    /// AWS's name of the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// When, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Yes.
    Allowed,
    /// No, by the policies.
    Refused {
        /// An explicit deny, or nothing that allows.
        explicit: bool,
        /// The layer that AWS names.
        layer: Layer,
    },
    /// The request failed for another reason than the policies.
    Failed,
}

/// What the caller was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The HTTP status.
    pub status: u16,
    /// AWS's code.
    pub code: String,
    /// AWS's text.
    pub message: String,
}

/// What one account's side says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Whose; `None` for callers without an account.
    pub account: Option<AccountId>,
    /// Such as `Caller's side, account 222222222222 (B)`.
    pub title: String,
    /// What it says as a whole.
    pub says: SideSays,
    /// Its layers, in the order in which they were looked at. Of a side that is another account's,
    /// only their names and what they say.
    pub layers: Vec<LayerView>,
}

/// What a side says as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SideSays {
    /// It lets the request through.
    Allows,
    /// It refuses explicitly.
    Denies,
    /// It does not allow.
    DoesNotAllow,
    /// It has no part in the decision.
    NotAsked,
}

/// One layer of policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerView {
    /// Which.
    pub layer: Layer,
    /// Such as `bucket policy`.
    pub title: String,
    /// What it says.
    pub says: LayerSays,
    /// What was looked at: `2 policies, 3 statements`.
    pub looked_at: String,
    /// Statements that match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matched: Vec<StatementView>,
    /// Where nothing matches, the statement that came nearest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<StatementView>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementView {
    /// The policy, such as ``inline policy `read` ``.
    pub policy: String,
    /// Its `Sid`, else its number: `statement 2`.
    pub name: String,
    /// The line in the document, from 1.
    pub line: usize,
    /// Its effect.
    pub effect: Effect,
    /// Which clauses do not hold; none if it matches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<ClauseView>,
}

/// A clause that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClauseView {
    /// Such as `Action` or `StringEquals sts:ExternalId`.
    pub clause: String,
    /// What it wants.
    pub wanted: Vec<String>,
    /// What the request has; empty for nothing.
    pub given: Vec<String>,
}

/// A change that would have allowed the request. It was proved: made on a copy of everything that
/// the decision depends on, the same question is answered with yes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// All of its steps are needed.
    pub steps: Vec<Step>,
}

/// One step of a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Whose administrators must do it; `None` when the caller itself must ask differently.
    pub account: Option<AccountId>,
    /// Such as `In account 222222222222 (B)`.
    pub place: String,
    /// What to do, in one sentence.
    pub what: String,
    /// The statement, setting or value to add: holds nothing of documents that are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// A command of the AWS CLI that does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The step repeats something of a policy that only this account may know, such as an external
    /// id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidential_of: Option<AccountId>,
}
