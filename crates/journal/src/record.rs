//! What the journal keeps of a call.
use gate::Stop;
use policy::{Case, Layer, Reason};
use serde::{Deserialize, Serialize};

/// What happened in one call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it arrived, RFC 3339 in UTC.
    pub time: String,
    /// The id that the answer carried.
    pub request_id: String,
    /// `s3`, `iam`, `sts`, `admin`, …
    pub service: String,
    /// AWS's name of the operation; empty when the request named none.
    pub operation: String,
    /// Method and path as sent, without the query.
    #[serde(default)]
    pub request: String,
    /// ARN of the caller; empty for anonymous callers and failed authentication.
    pub caller: String,
    /// Account of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The access key id as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// What temporary credentials carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionRecord>,
    /// The peer's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    /// Each question to the policy engine with its answer, in order.
    #[serde(default)]
    pub asked: Vec<Asked>,
    /// HTTP status of the answer.
    pub status: u16,
    /// AWS's error code, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the caller was told, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What the operator should know and the caller must not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// From the first byte read to the answer's head, in microseconds.
    pub duration_us: u64,
}

/// What the caller of a failed call was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// AWS's text.
    pub message: String,
    /// The other elements of the error, such as `BucketName`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
}

/// What temporary credentials carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// `AssumeRole`, `GetSessionToken` or `GetFederationToken`.
    pub made_by: String,
    /// When it was made, RFC 3339.
    pub issued_at: String,
    /// When it ends, RFC 3339.
    pub expires_at: String,
}

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// `service:Action`.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
    /// The answer.
    pub verdict: Verdict,
    /// The layer that refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Layer>,
    /// The rule that allowed: of a yes, nothing more is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Of a no, everything that the decision depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<Box<Case>>,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The policies allow it.
    Allow,
    /// A statement or setting denies it.
    ExplicitDeny,
    /// Nothing allows it.
    ImplicitDeny,
    /// Another check than the policies refused.
    Stopped(Stop),
}
