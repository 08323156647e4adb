//! Why a request was refused, what a principal can do, and who can do something: for the operator
//! through the admin API, and for accounts through `sts:DecodeAuthorizationMessage`.
mod names;
mod records;

use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::AccountId;
use directory::{Directory, HypotheticalSession, NoSuchPrincipal};
use explain::{Explanation, Failed, Told};
use gate::{
    AuthType, BoxFuture, Consideration, Gate, Hypothesis, Identity, RequestFacts, System,
    SystemTask, UnknownResource,
};
use journal::{Filter, Journal, Record, Verdict};
use policy::{Case, ContextValue, Effect, KeyTarget, Outcome, Policy, PolicyKind, Step, Target};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::clock::Clock;

use names::Known;
use records::{decided, missing_key, of_record, to_seconds};

/// Answers questions about decisions.
pub(crate) struct Explainer {
    gate: Gate,
    directory: Arc<Directory>,
    journal: Arc<Journal>,
    clock: Arc<Clock>,
    region: String,
    /// Explanations for accounts that are made at once.
    slots: Arc<Semaphore>,
}

/// Explanations that are made at once for accounts: each may take a good part of a second, and
/// threads that may wait are for the stores too.
const AT_ONCE: usize = 2;

/// A question that nobody has asked yet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CanQuestion {
    /// ARN of the principal.
    #[serde(rename = "as")]
    who: String,
    /// `service:Name`.
    #[serde(rename = "do")]
    action: String,
    /// ARN of the resource.
    on: String,
    /// Condition keys.
    #[serde(default)]
    with: BTreeMap<String, ContextValue>,
    /// Roles to assume first, in order.
    #[serde(default)]
    through: Vec<String>,
    /// A session policy for the last session.
    #[serde(default)]
    session_policy: Option<String>,
    /// A KMS key that encrypts the object.
    #[serde(default)]
    key: Option<KeyQuestion>,
}

/// A KMS key by its policy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyQuestion {
    /// Its ARN.
    arn: String,
    /// Its key policy.
    policy: String,
}

/// Who can do something.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhoCanQuestion {
    /// `service:Name`.
    #[serde(rename = "do")]
    action: String,
    /// ARN of the resource.
    on: String,
    /// Condition keys.
    #[serde(default)]
    with: BTreeMap<String, ContextValue>,
}

/// A principal that can, and what lets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoCan {
    /// ARN of the principal; `anonymous` for everyone without credentials.
    pub principal: String,
    /// The name of its account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// The rule that allows it, in one sentence.
    pub why: String,
    /// The statements that allow it: policy, statement, line.
    pub through: Vec<String>,
}

/// A refused request in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRequest {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Its id.
    pub request_id: String,
    /// ARN of the caller; empty without credentials that count.
    pub caller: String,
    /// AWS's name of the operation.
    pub operation: String,
    /// What was asked on: the resource of the question that was refused, else the path.
    pub on: String,
    /// AWS's code.
    pub code: String,
}

impl RefusedRequest {
    fn of(record: Record) -> RefusedRequest {
        let refused = record
            .asked
            .iter()
            .rev()
            .find(|asked| asked.verdict != Verdict::Allow);
        RefusedRequest {
            on: refused.map_or(record.request, |asked| asked.resource.clone()),
            time: to_seconds(&record.time),
            request_id: record.request_id,
            caller: record.caller,
            operation: record.operation,
            code: record.error.unwrap_or_default(),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExplainError {
    /// The principal is not there.
    #[error(transparent)]
    Principal(#[from] NoSuchPrincipal),
    /// The resource is not there.
    #[error(transparent)]
    Resource(#[from] UnknownResource),
    /// The policy is none.
    #[error("the {what} is not a policy: {why}")]
    Policy {
        /// Which.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// The question makes no sense.
    #[error("{0}")]
    Question(String),
    /// The journal cannot be read.
    #[error("the journal could not be read: {0}")]
    Journal(#[from] std::io::Error),
}

/// `sts:DecodeAuthorizationMessage`: the id of a request is the message.
pub(crate) struct Messages(pub(crate) Arc<Explainer>);

impl std::fmt::Debug for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Messages")
    }
}

impl sts::AuthorizationMessages for Messages {
    fn decode<'a>(
        &'a self,
        message: &'a str,
        account: AccountId,
    ) -> BoxFuture<'a, Result<Option<Value>, Box<dyn std::error::Error + Send + Sync>>> {
        let (explainer, id) = (self.0.clone(), message.to_owned());
        Box::pin(async move {
            // Whoever asks often waits for itself, and not all others for it.
            let slot = explainer.slots.clone().acquire_owned().await?;
            tokio::task::spawn_blocking(move || {
                let _slot = slot;
                let Some(record) = explainer.journal.find(&id)? else {
                    return Ok(None);
                };
                Ok(match explainer.told(record, Some(account)) {
                    Some((seen, Some(case))) => {
                        Some(explain::authorization_message(&seen, &case, account))
                    }
                    Some((_, None)) | None => None,
                })
            })
            .await?
        })
    }
}

impl Explainer {
    pub(crate) fn new(
        gate: Gate,
        directory: Arc<Directory>,
        journal: Arc<Journal>,
        clock: Arc<Clock>,
        region: String,
    ) -> Explainer {
        Explainer {
            gate,
            directory,
            journal,
            clock,
            region,
            slots: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// The explanation of a request by its id: what an account may see of it, or all.
    pub(crate) fn why(
        &self,
        request_id: &str,
        reader: Option<AccountId>,
    ) -> Result<Option<Explanation>, ExplainError> {
        let record = self.journal.find(request_id)?;
        let told = record.and_then(|record| self.told(record, reader));
        Ok(told.map(|(explanation, _)| explanation))
    }

    /// The explanation of the last request that was refused: of an account's, what it may see.
    pub(crate) fn why_last(
        &self,
        account: Option<AccountId>,
    ) -> Result<Option<Explanation>, ExplainError> {
        let filter = Filter {
            refused_only: true,
            account: account.map(|account| account.to_string()),
            ..Filter::default()
        };
        let record = self.journal.last(&filter)?;
        let told = record.and_then(|record| self.told(record, account));
        Ok(told.map(|(explanation, _)| explanation))
    }

    /// The last requests that were refused, newest first.
    pub(crate) fn refused(
        &self,
        account: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<RefusedRequest>, ExplainError> {
        let filter = Filter {
            refused_only: true,
            account: account.map(|account| account.to_string()),
            ..Filter::default()
        };
        let records = self.journal.recent(&filter, limit)?;
        Ok(records.into_iter().map(RefusedRequest::of).collect())
    }

    /// What a reader is told of a call, with the case that it is about; `None` for an account that
    /// has no part in it.
    fn told(
        &self,
        record: Record,
        reader: Option<AccountId>,
    ) -> Option<(Explanation, Option<Case>)> {
        let names = Known {
            snapshot: self.directory.snapshot(),
            reader,
        };
        let of_others = |case: &&Case| {
            reader.is_some_and(|reader| ![case.caller.account, case.owner].contains(&Some(reader)))
        };
        if decided(&record).filter(of_others).is_some() {
            return None;
        }
        let hidden = decided(&record).and_then(|case| missing_key(&record, case));
        let (explanation, case) = of_record(record, &names);
        let Some(reader) = reader else {
            return Some((explanation, case));
        };
        let Some(case) = case else {
            return Some((explanation.for_account(reader)?, None));
        };
        let case = hidden
            .filter(|_| case.owner != Some(reader))
            .unwrap_or(case);
        let seen = explain::seen_by(reader, &explanation, &case, &names)?;
        Some((seen, Some(case)))
    }

    /// Whether a principal can do something: an explanation for each step, the last one decides.
    /// A step that is refused is the last.
    pub(crate) async fn can(
        &self,
        question: CanQuestion,
    ) -> Result<Vec<Explanation>, ExplainError> {
        let action = action_on(&question.action, &question.on)?;
        let system = self.gate.system(SystemTask::ExplainDecisions);
        let request = self.request();
        let names = Known {
            snapshot: self.directory.snapshot(),
            reader: None,
        };
        let context = |keep: &dyn Fn(&str) -> bool| -> Vec<(String, ContextValue)> {
            let kept = question.with.iter().filter(|(key, _)| keep(key));
            kept.map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        let of_sts = |key: &str| key.to_ascii_lowercase().starts_with("sts:");
        let mut steps = Vec::new();
        let mut identity = self.directory.identity_of(
            &system,
            &question.who,
            HypotheticalSession::default(),
            request.now,
        )?;
        for role in &question.through {
            let hypothesis = Hypothesis {
                action: "sts:AssumeRole".to_owned(),
                resource: role.clone(),
                context: context(&|_| true),
            };
            let case = self
                .case(&system, &identity, &request, hypothesis)
                .await?
                .map_err(ExplainError::Question)?;
            let explanation = explain::explain(&case, &names);
            let refused = explanation.answer != explain::Answer::Allowed;
            steps.push(explanation);
            if refused {
                return Ok(steps);
            }
            identity = self.directory.identity_of(
                &system,
                role,
                HypotheticalSession::default(),
                request.now,
            )?;
        }
        if let Some(document) = &question.session_policy {
            limit(&mut identity, document)?;
        }
        let through = !question.through.is_empty();
        let hypothesis = Hypothesis {
            action,
            resource: question.on.clone(),
            context: context(&|key| !(through && of_sts(key))),
        };
        let case = self.case(&system, &identity, &request, hypothesis).await?;
        let case = case.map_err(ExplainError::Question)?;
        steps.push(beside_policies(
            &case,
            explain::explain(&case, &names),
            &names,
        ));
        if let Some(key) = &question.key
            && steps
                .last()
                .is_some_and(|step| step.answer == explain::Answer::Allowed)
        {
            let case = key_case(&case, key, &request.region)?;
            steps.push(explain::explain(&case, &names));
        }
        Ok(steps)
    }

    /// All principals that can do something.
    pub(crate) async fn who_can(
        &self,
        question: WhoCanQuestion,
    ) -> Result<Vec<WhoCan>, ExplainError> {
        let action = action_on(&question.action, &question.on)?;
        let system = self.gate.system(SystemTask::ExplainDecisions);
        let request = self.request();
        let names = Known {
            snapshot: self.directory.snapshot(),
            reader: None,
        };
        let mut found = Vec::new();
        let mut principals = self.directory.principals(&system);
        principals.push("anonymous".to_owned());
        let context: Vec<_> = question.with.clone().into_iter().collect();
        for principal in principals {
            let identity = self.directory.identity_of(
                &system,
                &principal,
                HypotheticalSession::default(),
                request.now,
            );
            let identity = match identity {
                Ok(identity) => identity,
                // Deleted since the list was made.
                Err(NoSuchPrincipal::NotHere(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            let hypothesis = Hypothesis {
                action: action.clone(),
                resource: question.on.clone(),
                context: context.clone(),
            };
            let case = match self.case(&system, &identity, &request, hypothesis).await {
                Ok(Ok(case)) => case,
                Ok(Err(why)) => return Err(ExplainError::Question(why)),
                // Calls without a resource are about an account, which anonymous callers lack.
                Err(ExplainError::Resource(UnknownResource::NotHere { .. }))
                    if principal == "anonymous" =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            };
            // Explanations look for changes, which takes long: first the answer alone.
            if !case.decide().0.is_allowed() && !NEEDS_NO_PERMISSION.contains(&&*case.action) {
                continue;
            }
            let explanation = beside_policies(&case, explain::explain(&case, &names), &names);
            if explanation.answer != explain::Answer::Allowed {
                continue;
            }
            found.push(WhoCan {
                account_name: explanation.who.account_name.clone(),
                principal,
                why: explanation.cause.clone(),
                through: through(&case, &explanation),
            });
        }
        Ok(found)
    }

    /// The case of a question; the inner error says in words why it does not come to one.
    async fn case(
        &self,
        system: &System,
        identity: &Identity,
        request: &RequestFacts,
        hypothesis: Hypothesis,
    ) -> Result<Result<Case, String>, ExplainError> {
        let considered = self
            .gate
            .consider(system, identity, request, hypothesis)
            .await?;
        Ok(match considered {
            Consideration::Case(case) => Ok(*case),
            Consideration::Stopped(gate::Stop::NoSuchBucket { bucket }) => {
                Err(format!("there is no bucket `{bucket}`"))
            }
            Consideration::Stopped(_) => Err("the request would be refused".to_owned()),
        })
    }

    /// A request of nobody from nowhere: what conditions look at comes with the question.
    fn request(&self) -> RequestFacts {
        RequestFacts {
            now: self.clock.now(),
            source_ip: None,
            secure_transport: false,
            user_agent: None,
            referer: None,
            region: self.region.clone(),
            auth_type: AuthType::Header,
            signature_age_ms: None,
            content_sha256: None,
            // The question is what policies say; who would call would be willing to pay.
            requester_pays: true,
            request_id: String::new(),
        }
    }
}

/// The action in AWS's spelling, if there is one and it is asked on resources of this form.
fn action_on(action: &str, on: &str) -> Result<String, ExplainError> {
    let Some(name) = policy::action_name(action) else {
        let meant = explain::action_of_operation(action);
        let hint = match (meant, action.contains(':')) {
            (Some(meant), _) => format!(": it is the name of an operation, which needs {meant}"),
            (None, false) => ": the service stands before the name, as in s3:GetObject".to_owned(),
            (None, true) => String::new(),
        };
        return Err(ExplainError::Question(format!(
            "`{action}` is no action{hint}"
        )));
    };
    let Some(rest) = on.strip_prefix("arn:aws:s3:::").filter(|rest| *rest != "*") else {
        return Ok(name.into_owned());
    };
    let of_objects = policy::resource_form(&name, "arn:aws:s3:::bucket/key")
        .is_some_and(|form| form.contains("ObjectName"));
    let of_buckets = policy::resource_form(&name, "arn:aws:s3:::bucket").is_some();
    match rest.split_once('/') {
        None if of_objects && !of_buckets => Err(ExplainError::Question(format!(
            "{name} is asked on objects: give arn:aws:s3:::{rest}/KEY"
        ))),
        Some((bucket, _)) if of_buckets && !of_objects => Err(ExplainError::Question(format!(
            "{name} is asked on the bucket: give arn:aws:s3:::{bucket} without a key"
        ))),
        _ => Ok(name.into_owned()),
    }
}

/// Operations that ask, and are answered whatever the policies say, but for denies of the second.
const NEEDS_NO_PERMISSION: [&str; 2] = ["sts:GetCallerIdentity", "sts:GetSessionToken"];

/// What the operation answers besides its decision.
fn beside_policies(case: &Case, explanation: Explanation, names: &Known) -> Explanation {
    let denied = matches!(
        explanation.answer,
        explain::Answer::Refused { explicit: true, .. }
    );
    let is_named = |action: &str| case.action == action;
    if is_named("sts:GetCallerIdentity") || is_named("sts:GetSessionToken") && !denied {
        return Explanation {
            answer: explain::Answer::Allowed,
            cause: "The operation needs no permission.".to_owned(),
            sides: Vec::new(),
            changes: Vec::new(),
            notes: Vec::new(),
            ..explanation
        };
    }
    let owners_alone = [
        "s3:GetBucketPolicy",
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
    ];
    if owners_alone.contains(&&*case.action)
        && explanation.answer == explain::Answer::Allowed
        && case.owner != case.caller.account
    {
        let failed = Failed {
            who: explanation.who,
            asked: explanation.asked,
            told: Told {
                status: 405,
                code: "MethodNotAllowed".to_owned(),
                message: "The specified method is not allowed against this resource.".to_owned(),
            },
            fields: Vec::new(),
            stop: Some(explain::Stop::OwnersAlone(case.owner)),
        };
        return explain::explain_failure(failed, names);
    }
    explanation
}

fn limit(identity: &mut Identity, document: &str) -> Result<(), ExplainError> {
    let policy =
        Policy::parse(PolicyKind::Session, document).map_err(|finding| ExplainError::Policy {
            what: "session policy",
            why: finding.message,
        })?;
    match &mut identity.session {
        Some(session) => {
            session.policies = Some(vec![directory::session_policy(policy)]);
            Ok(())
        }
        None => Err(ExplainError::Question(
            "a session policy limits role sessions: ask as a role, or through one".to_owned(),
        )),
    }
}

/// S3's call to KMS for the caller, with a key that is known by its policy.
fn key_case(case: &Case, key: &KeyQuestion, region: &str) -> Result<Case, ExplainError> {
    let policy =
        Policy::parse(PolicyKind::Key, &key.policy).map_err(|finding| ExplainError::Policy {
            what: "key policy",
            why: finding.message,
        })?;
    let owner = key
        .arn
        .split(':')
        .nth(4)
        .and_then(|account| AccountId::parse_exact(account).ok());
    if key.arn.contains(":alias/") {
        return Err(ExplainError::Question(format!(
            "`{}` is an alias, which means a key of the caller's own account: give the key's ARN, \
             arn:aws:kms:REGION:ACCOUNT:key/ID",
            key.arn
        )));
    }
    let owner = owner.ok_or_else(|| {
        ExplainError::Question(format!(
            "`{}` is no ARN of a KMS key: arn:aws:kms:REGION:ACCOUNT:key/ID",
            key.arn
        ))
    })?;
    let mut with_key = case.clone();
    with_key.action = match case.action.as_str() {
        "s3:PutObject" => "kms:GenerateDataKey",
        _ => "kms:Decrypt",
    }
    .to_owned();
    with_key.resource.clone_from(&key.arn);
    with_key.owner = Some(owner);
    let values = [
        ("kms:viaservice", format!("s3.{region}.amazonaws.com")),
        ("aws:viaawsservice", "true".to_owned()),
        ("kms:encryptioncontext:aws:s3:arn", case.resource.clone()),
    ];
    for (key, value) in values {
        with_key
            .context
            .insert(key.to_owned(), ContextValue::One(value));
    }
    if let Some(account) = case.caller.account {
        let value = ContextValue::One(account.to_string());
        with_key
            .context
            .insert("kms:calleraccount".to_owned(), value);
    }
    with_key.target = Target::Key(Box::new(KeyTarget {
        policy: Arc::new(policy),
        grants: Vec::new(),
        encryption_context: vec![("aws:s3:arn".to_owned(), case.resource.clone())],
    }));
    Ok(with_key)
}

/// The statements that allow, as `policy, statement, line`.
fn through(case: &Case, explanation: &Explanation) -> Vec<String> {
    let allows = case.explain().steps().iter().any(|step| {
        matches!(step, Step::Statement(s) if s.effect == Effect::Allow && s.outcome == Outcome::Matched)
    });
    if !allows {
        return Vec::new();
    }
    explanation
        .sides
        .iter()
        .flat_map(|side| &side.layers)
        .flat_map(|layer| &layer.matched)
        .filter(|statement| statement.effect == Effect::Allow)
        .map(|s| format!("{}, {}, line {}", s.policy, s.name, s.line))
        .collect()
}
