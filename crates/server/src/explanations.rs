//! Why a request was refused, what a principal can do, and who can do something: for the operator
//! through the admin API, and for accounts through `sts:DecodeAuthorizationMessage`.
use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::{AccountId, EntityKind};
use directory::{Directory, HypotheticalSession, NoSuchPrincipal, Snapshot};
use explain::{Asked, Explanation, Failed, Names, Told, Who};
use gate::{
    AuthType, BoxFuture, Consideration, Gate, Hypothesis, Identity, RequestFacts, System,
    SystemTask, UnknownResource,
};
use jiff::{SignedDuration, Timestamp};
use journal::{Filter, Journal, Record, Verdict};
use policy::{Case, ContextValue, Effect, KeyTarget, Outcome, Policy, PolicyKind, Step, Target};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Semaphore;

/// Answers questions about decisions.
pub(crate) struct Explainer {
    gate: Gate,
    directory: Arc<Directory>,
    journal: Arc<Journal>,
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
        region: String,
    ) -> Explainer {
        Explainer {
            gate,
            directory,
            journal,
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
            now: Timestamp::now(),
            source_ip: None,
            secure_transport: false,
            user_agent: None,
            referer: None,
            region: self.region.clone(),
            auth_type: AuthType::Header,
            signature_age_ms: None,
            content_sha256: None,
            request_id: String::new(),
        }
    }
}

/// The explanation of a call for the operator, with the case that it is about.
fn of_record(record: Record, names: &Known) -> (Explanation, Option<Case>) {
    let explained = decided(&record).map(|case| (explain::explain(case, names), case.clone()));
    let who = Who {
        access_key_id: record.access_key_id.clone(),
        session: session(&record),
        ..match &explained {
            Some((explanation, _)) => explanation.who.clone(),
            None => who(&record, names),
        }
    };
    let told = told(&record);
    let asked = |asked: Asked| Asked {
        operation: (!record.operation.is_empty()).then(|| record.operation.clone()),
        time: Some(to_seconds(&record.time)),
        request_id: Some(record.request_id.clone()),
        ..asked
    };
    if let Some((mut explanation, case)) = explained {
        explanation.who = who;
        explanation.asked = asked(explanation.asked);
        explanation.told = told;
        add_notes(&mut explanation, &record, &case, names);
        return (explanation, Some(case));
    }
    let asked = asked(first_asked(&record));
    if record.error.is_none() {
        return (allowed(&record, who, asked), None);
    }
    let stop = record.asked.iter().find_map(|asked| match &asked.verdict {
        Verdict::Stopped(stop) => Some(stopped(stop)),
        Verdict::Allow | Verdict::ExplicitDeny | Verdict::ImplicitDeny => None,
    });
    let failed = Failed {
        who,
        asked,
        told: told.unwrap_or(Told {
            status: record.status,
            code: String::new(),
            message: String::new(),
        }),
        fields: record
            .failure
            .map_or_else(Vec::new, |failure| failure.fields),
        stop,
    };
    (explain::explain_failure(failed, names), None)
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

/// The decision that refused; `None` if no policy refused.
fn decided(record: &Record) -> Option<&Case> {
    // An answer with another error did not fail by a decision; one without error may have refused a
    // part, such as one key of many.
    if record.error.is_some() && record.status != 403 {
        return None;
    }
    // A check that stopped the request afterwards is why it failed.
    let stopped = |asked: &journal::Asked| matches!(asked.verdict, Verdict::Stopped(_));
    if record.asked.last().is_some_and(stopped) {
        return None;
    }
    let refused = |asked: &&journal::Asked| record.error.is_some() || !asked.probe;
    record
        .asked
        .iter()
        .rev()
        .filter(refused)
        .find_map(|asked| asked.case.as_deref())
}

/// Operations that read an object.
const READS: [&str; 5] = [
    "GetObject",
    "HeadObject",
    "GetObjectAttributes",
    "CopyObject",
    "UploadPartCopy",
];

/// The question that was allowed about an object that is not there, where the caller may not list
/// the bucket and so was answered 403.
fn about_missing_key<'r>(record: &'r Record, case: &Case) -> Option<&'r journal::Asked> {
    let object = |asked: &&journal::Asked| {
        let key = asked.resource.strip_prefix(&case.resource);
        asked.verdict == Verdict::Allow && key.is_some_and(|key| key.starts_with('/'))
    };
    let reads = case.action == "s3:ListBucket" && READS.contains(&&*record.operation);
    record.asked.iter().filter(|_| reads).find(object)
}

/// The case as whoever may not know that a key is not there may see it.
fn missing_key(record: &Record, case: &Case) -> Option<Case> {
    let asked = about_missing_key(record, case)?;
    Some(explain::as_if_the_key_were_there(
        case,
        &asked.action,
        &asked.resource,
    ))
}

fn allowed(record: &Record, who: Who, asked: Asked) -> Explanation {
    let reason = record.asked.iter().rev().find_map(|asked| asked.reason);
    Explanation {
        who,
        asked,
        answer: explain::Answer::Allowed,
        told: None,
        cause: match reason {
            Some(reason) => explain::reason_in_words(reason).to_owned(),
            None => "The operation needs no permission.".to_owned(),
        },
        sides: Vec::new(),
        changes: Vec::new(),
        notes: vec![
            "Of requests that were allowed, only the answer is kept. `strongroom can` shows how \
             the same question is decided now."
                .to_owned(),
        ],
    }
}

fn told(record: &Record) -> Option<Told> {
    Some(Told {
        status: record.status,
        code: record.error.clone()?,
        message: record
            .failure
            .as_ref()
            .map(|failure| failure.message.clone())
            .unwrap_or_default(),
    })
}

fn first_asked(record: &Record) -> Asked {
    // Of a copy, it is the source that is not there.
    let missing = record.error.as_deref() == Some("NoSuchKey");
    let read = record
        .asked
        .iter()
        .find(|asked| missing && ["s3:GetObject", "s3:GetObjectVersion"].contains(&&*asked.action));
    match read.or(record.asked.first()) {
        Some(asked) => Asked {
            action: asked.action.clone(),
            resource: asked.resource.clone(),
            ..Asked::default()
        },
        None => Asked {
            // IAM and STS say in the body what they are asked for: `POST /` tells nothing.
            resource: match record.request.as_str() {
                "POST /" => String::new(),
                request => request.to_owned(),
            },
            ..Asked::default()
        },
    }
}

fn who(record: &Record, names: &Known) -> Who {
    let account = record.account.as_deref();
    let account = account.and_then(|account| AccountId::parse_exact(account).ok());
    Who {
        arn: record.caller.clone(),
        kind: kind_of(&record.caller).to_owned(),
        account,
        account_name: account.and_then(|account| names.account_name(account)),
        access_key_id: None,
        session: None,
    }
}

/// What an ARN of a caller is of.
fn kind_of(arn: &str) -> &'static str {
    let resource = arn.split(':').nth(5).unwrap_or_default();
    match resource.split('/').next() {
        Some("root") => "root user",
        Some("user") => "IAM user",
        Some("assumed-role") => "role session",
        Some("federated-user") => "federated user",
        Some(_) | None => "",
    }
}

/// A time without fractions of a second.
fn to_seconds(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Err(_) => time.to_owned(),
    }
}

/// `session of AssumeRole, made 5 minutes before, ends at …`
fn session(record: &Record) -> Option<String> {
    let session = record.session.as_ref()?;
    let parse = |text: &str| text.parse::<Timestamp>().ok();
    let age = match (parse(&record.time), parse(&session.issued_at)) {
        (Some(now), Some(made)) => age(now.duration_since(made)),
        _ => String::new(),
    };
    let ends = parse(&session.expires_at)
        .map(|end| end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .unwrap_or_default();
    Some(format!(
        "session of {} made {age} before, ends at {ends}",
        session.made_by
    ))
}

fn age(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..=59 => "less than a minute".to_owned(),
        60..=119 => "1 minute".to_owned(),
        120..=7199 => format!("{} minutes", seconds / 60),
        _ => format!("{} hours", seconds / 3600),
    }
}

fn stopped(stop: &gate::Stop) -> explain::Stop {
    match stop {
        gate::Stop::NoSuchBucket { bucket } => explain::Stop::NoSuchBucket(bucket.clone()),
        gate::Stop::OtherOwner { expected, owner } => explain::Stop::OtherOwner {
            expected: *expected,
            owner: *owner,
        },
        gate::Stop::Anonymous => explain::Stop::Anonymous,
        gate::Stop::OwnersAlone { owner } => explain::Stop::OwnersAlone(*owner),
    }
}

/// What only the whole request tells.
fn add_notes(explanation: &mut Explanation, record: &Record, case: &Case, names: &Known) {
    let allowed = |asked: &journal::Asked| asked.verdict == Verdict::Allow;
    if let Some(object) = about_missing_key(record, case) {
        explanation.cause = format!(
            "There is no object {}. S3 answers 403 and not 404, since the caller may not \
             s3:ListBucket on {} and so must not learn which keys there are.",
            object.resource, case.resource
        );
        explanation.notes.push(
            "With s3:ListBucket allowed, the same request is answered 404 NoSuchKey.".to_owned(),
        );
    }
    let of_version = case.action.starts_with("s3:") && case.action.contains("ObjectVersion");
    if of_version && record.operation != "CopyObject" && record.operation != "UploadPartCopy" {
        explanation.cause = format!(
            "The request names a version (versionId), and that needs {} in the place of {}. {}",
            case.action,
            case.action.replace("ObjectVersion", "Object"),
            explanation.cause
        );
    }
    let writes = ["PutObject", "CopyObject", "CreateMultipartUpload"];
    if case.action == "s3:PutObjectAcl" && writes.contains(&&*record.operation) {
        explanation.cause = format!(
            "The upload carries an ACL, and that needs s3:PutObjectAcl besides s3:PutObject. {}",
            explanation.cause
        );
        if let Target::S3(s3) = &case.target
            && s3.bucket_ownership == policy::ObjectOwnership::BucketOwnerEnforced
        {
            explanation.notes.push(format!(
                "The owner of bucket {} owns every object in it (BucketOwnerEnforced), so the ACL \
                 is not needed: without it, the upload needs s3:PutObject alone.",
                s3.bucket
            ));
        }
    }
    let parts = ["UploadPart", "UploadPartCopy", "CompleteMultipartUpload"];
    if parts.contains(&&*record.operation) {
        without_headers_of_the_upload(explanation, case, names);
    }
    let copies = ["CopyObject", "UploadPartCopy"];
    if copies.contains(&&*record.operation) {
        let before = match case.action.as_str() {
            "s3:GetObject" | "s3:GetObjectVersion" => {
                "A copy is one request by one caller, who must read the source and write the \
                 destination, and here it is the reading that is refused."
            }
            "s3:GetObjectTagging" | "s3:GetObjectVersionTagging" | "s3:PutObjectTagging" => {
                "The source has tags, and a copy with its tags needs s3:GetObjectTagging on the \
                 source and s3:PutObjectTagging on the destination."
            }
            _ => "",
        };
        if !before.is_empty() {
            explanation.cause = format!("{before} {}", explanation.cause);
        }
    } else if case.action == "s3:PutObjectTagging" && writes.contains(&&*record.operation) {
        explanation.cause = format!(
            "The upload carries tags, and that needs s3:PutObjectTagging besides s3:PutObject. {}",
            explanation.cause
        );
    }
    let others: Vec<_> = record
        .asked
        .iter()
        .filter(|asked| asked.action != case.action || asked.resource != case.resource)
        .filter(|asked| allowed(asked))
        .map(|asked| format!("{} on {}", asked.action, asked.resource))
        .collect();
    if !others.is_empty() {
        explanation.notes.push(format!(
            "The same request asked too, and was allowed: {}.",
            others.join(", ")
        ));
    }
    let denied = record.asked.iter().filter(|asked| !allowed(asked)).count();
    if denied > 1 {
        explanation.notes.push(format!(
            "{denied} questions of this request were refused; this is the last of those kept."
        ));
    }
}

/// Parts carry no header about the object: no change can ask for one.
fn without_headers_of_the_upload(explanation: &mut Explanation, case: &Case, names: &Known) {
    let asks_for_header =
        |step: &explain::Step| step.account.is_none() && step.what.contains("the header x-amz-");
    let steps = |change: &explain::Change| change.steps.iter().any(asks_for_header);
    if explanation.changes.iter().any(steps) {
        explanation.changes = explain::changes_of_policies(case, names);
        explanation.cause.push_str(
            " A part of a multipart upload cannot carry that header, which S3 takes when the upload \
             begins: upload in one request (5 GB at most), or let the policy be changed.",
        );
    }
}

/// The directory as explanations know it.
pub(crate) struct Known {
    snapshot: Arc<Snapshot>,
    /// Whoever reads; `None` is the operator. How an account is called is its own affair.
    reader: Option<AccountId>,
}

impl Names for Known {
    fn arn_of(&self, unique_id: &str) -> Option<String> {
        self.snapshot.principal_arn(unique_id)
    }

    fn origin_of(&self, unique_id: &str) -> Option<(AccountId, EntityKind)> {
        directory::origin_of_unique_id(unique_id)
    }

    fn account_of(&self, canonical_user_id: &str) -> Option<AccountId> {
        self.snapshot.account_by_canonical_id(canonical_user_id)
    }

    fn account_name(&self, account: AccountId) -> Option<String> {
        if self.reader.is_some_and(|reader| reader != account) {
            return None;
        }
        let state = self.snapshot.account(account)?;
        Some(state.account.name.clone())
    }

    fn unique_id_of(&self, arn: &str) -> Option<String> {
        self.snapshot.principal_id(arn).map(str::to_owned)
    }

    fn role_named(&self, account: AccountId, name: &str) -> Option<String> {
        self.snapshot.role_named(account, name)
    }

    fn is_group(&self, arn: &str) -> bool {
        arn.starts_with("arn:aws:iam::") && arn.contains(":group/")
    }
}
