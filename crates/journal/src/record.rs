//! What the journal keeps of a call.
use catalog::AccountId;
use gate::Stop;
use policy::{AttachedPolicy, Case, ContextValue, Layer, Policy, Reason, Target};
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
    /// The account that owns the resource, where it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<AccountId>,
    /// A no refused nothing: it only said what may be revealed, or only an explicit deny counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
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

/// What a record takes besides its texts, in bytes.
const FIXED_BYTES: usize = 1024;
const FIXED_BYTES_OF_CASE: usize = 1024;

impl Record {
    /// About what it takes in memory if it shares nothing with others. Policies are counted by
    /// their texts, whoever else holds them: who frees memory is not known here.
    pub(crate) fn weight_bytes(&self) -> usize {
        let asked = self.asked.iter().map(Asked::weight_bytes);
        let failure = self.failure.iter().map(|failure| {
            let fields = failure.fields.iter();
            failure.message.len()
                + fields
                    .map(|(name, value)| name.len() + value.len())
                    .sum::<usize>()
        });
        let cause = self.cause.as_ref().map_or(0, String::len);
        let texts = [&self.caller, &self.request, &self.operation];
        FIXED_BYTES
            + texts.iter().map(|text| text.len()).sum::<usize>()
            + asked.sum::<usize>()
            + failure.sum::<usize>()
            + cause
    }

    /// Takes the cases out; what was asked and answered stays. `false` if there were none.
    pub(crate) fn drop_cases(&mut self) -> bool {
        let mut any = false;
        for asked in &mut self.asked {
            any |= asked.case.take().is_some();
        }
        any
    }
}

impl Asked {
    fn weight_bytes(&self) -> usize {
        let case = self.case.as_deref().map_or(0, case_bytes);
        size_of::<Asked>() + self.action.len() + self.resource.len() + case
    }
}

fn case_bytes(case: &Case) -> usize {
    let context = case.context.iter().map(|(key, value)| {
        let value = match value {
            ContextValue::One(value) => value.len(),
            ContextValue::Many(values) => values.iter().map(String::len).sum(),
        };
        key.len() + value
    });
    let text = |policy: &Policy| policy.text().len();
    let attached = |attached: &AttachedPolicy| size_of::<AttachedPolicy>() + text(&attached.policy);
    let own = case.identity.iter().chain(&case.boundary);
    let session = case.session.iter().flatten();
    let tags = case
        .caller
        .tags
        .iter()
        .map(|(key, value)| key.len() + value.len());
    let target = match &case.target {
        Target::None | Target::Trust { policy: None } => 0,
        Target::Trust {
            policy: Some(policy),
        } => text(policy),
        Target::S3(s3) => {
            let policies = s3.policy.iter().chain(&s3.writes_policy);
            let grants = s3.bucket_acl.len() + s3.object.as_ref().map_or(0, |o| o.acl.len());
            policies.map(|policy| text(policy)).sum::<usize>() + 128 * grants
        }
        Target::Key(key) => text(&key.policy) + 256 * key.grants.len(),
    };
    FIXED_BYTES_OF_CASE
        + context.sum::<usize>()
        + own.chain(session).map(attached).sum::<usize>()
        + tags.sum::<usize>()
        + target
}
