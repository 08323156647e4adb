//! From a record of the journal to its explanation.

use catalog::AccountId;
use explain::{Asked, Explanation, Failed, Names, Told, Who};
use jiff::{SignedDuration, Timestamp};
use journal::{Record, Verdict};
use policy::{Case, Target};

use super::names::Known;

/// The explanation of a call for the operator, with the case that it is about.
pub(super) fn of_record(record: Record, names: &Known) -> (Explanation, Option<Case>) {
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

/// The decision that refused; `None` if no policy refused.
pub(super) fn decided(record: &Record) -> Option<&Case> {
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
pub(super) fn about_missing_key<'r>(record: &'r Record, case: &Case) -> Option<&'r journal::Asked> {
    let object = |asked: &&journal::Asked| {
        let key = asked.resource.strip_prefix(&case.resource);
        asked.verdict == Verdict::Allow && key.is_some_and(|key| key.starts_with('/'))
    };
    let reads = case.action == "s3:ListBucket" && READS.contains(&&*record.operation);
    record.asked.iter().filter(|_| reads).find(object)
}

/// The case as whoever may not know that a key is not there may see it.
pub(super) fn missing_key(record: &Record, case: &Case) -> Option<Case> {
    let asked = about_missing_key(record, case)?;
    Some(explain::as_if_the_key_were_there(
        case,
        &asked.action,
        &asked.resource,
    ))
}

pub(super) fn allowed(record: &Record, who: Who, asked: Asked) -> Explanation {
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

pub(super) fn told(record: &Record) -> Option<Told> {
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

pub(super) fn first_asked(record: &Record) -> Asked {
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

pub(super) fn who(record: &Record, names: &Known) -> Who {
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
pub(super) fn kind_of(arn: &str) -> &'static str {
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
pub(super) fn to_seconds(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Err(_) => time.to_owned(),
    }
}

/// `session of AssumeRole, made 5 minutes before, ends at …`
pub(super) fn session(record: &Record) -> Option<String> {
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

pub(super) fn age(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..=59 => "less than a minute".to_owned(),
        60..=119 => "1 minute".to_owned(),
        120..=7199 => format!("{} minutes", seconds / 60),
        _ => format!("{} hours", seconds / 3600),
    }
}

pub(super) fn stopped(stop: &gate::Stop) -> explain::Stop {
    match stop {
        gate::Stop::NoSuchBucket { bucket } => explain::Stop::NoSuchBucket(bucket.clone()),
        gate::Stop::OtherOwner { expected, owner } => explain::Stop::OtherOwner {
            expected: *expected,
            owner: *owner,
        },
        gate::Stop::RequesterPays { owner } => explain::Stop::RequesterPays(*owner),
        gate::Stop::Anonymous => explain::Stop::Anonymous,
        gate::Stop::OwnersAlone { owner } => explain::Stop::OwnersAlone(*owner),
    }
}

/// What only the whole request tells.
pub(super) fn add_notes(
    explanation: &mut Explanation,
    record: &Record,
    case: &Case,
    names: &Known,
) {
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
pub(super) fn without_headers_of_the_upload(
    explanation: &mut Explanation,
    case: &Case,
    names: &Known,
) {
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
