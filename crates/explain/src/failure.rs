//! Requests that failed for another reason than the policies.
use catalog::AccountId;

use crate::explanation::{Answer, Asked, Explanation, Told, Who};
use crate::names::{self, Names};

/// A request that failed.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Who sent it, as far as known.
    pub who: Who,
    /// What was asked, as far as it came to that.
    pub asked: Asked,
    /// What the caller was told.
    pub told: Told,
    /// The other elements of the error.
    pub fields: Vec<(String, String)>,
    /// What stopped it, where a check beside the policies did.
    pub stop: Option<Stop>,
}

/// Checks beside the policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// There is no such bucket.
    NoSuchBucket(String),
    /// The request expects another owner.
    OtherOwner {
        /// Whom the request expects.
        expected: AccountId,
        /// Who owns the bucket.
        owner: AccountId,
    },
    /// The operation takes no callers without credentials.
    Anonymous,
    /// The bucket is a Requester Pays bucket of this account, and the caller did not agree to pay.
    RequesterPays(AccountId),
    /// The operation is the owner's alone.
    OwnersAlone(Option<AccountId>),
}

/// Explains a failure that no policy decided.
pub fn explain_failure(failed: Failed, names: &dyn Names) -> Explanation {
    let (cause, notes) = cause(&failed, names);
    Explanation {
        who: failed.who,
        asked: failed.asked,
        answer: Answer::Failed,
        told: Some(failed.told),
        cause,
        sides: Vec::new(),
        changes: Vec::new(),
        notes,
    }
}

fn cause(failed: &Failed, names: &dyn Names) -> (String, Vec<String>) {
    let one = |text: String| (text, Vec::new());
    if let Some(stop) = &failed.stop {
        return one(stopped(stop, &failed.asked.action, names));
    }
    let field = |name: &str| {
        let found = failed.fields.iter().find(|(of, _)| of == name);
        found.map(|(_, value)| value.as_str())
    };
    let Told { code, message, .. } = &failed.told;
    let session = failed.who.session.as_deref();
    match code.as_str() {
        "MalformedPolicy" | "MalformedPolicyDocument" | "MalformedPolicyDocumentException"
            if message.contains("nvalid principal") =>
        {
            let text = field("Detail").unwrap_or(message);
            one(invalid_principal(text, names))
        }
        "AccessControlListNotSupported" => one(
            "The bucket's owner owns every object in it (ObjectOwnership BucketOwnerEnforced, the \
             default of new buckets), so it takes no ACL but bucket-owner-full-control. Leave the \
             ACL out of the request: the owner has full control anyway."
                .to_owned(),
        ),
        "ValidationError" if message.contains("role chaining") => one(
            "A role session assumed this role, which is role chaining, and a chained session lasts \
             one hour at most, whatever the role's MaxSessionDuration says. Ask for 3600 seconds or \
             less, or assume the role with a user's keys."
                .to_owned(),
        ),
        "ValidationError" if message.contains("MaxSessionDuration") => one(format!(
            "The session that was asked for is longer than the role's MaxSessionDuration, which is \
             3600 seconds unless set. Ask for less, or let the role's administrators raise it (aws \
             iam update-role --role-name {} --max-session-duration SECONDS, 43200 at most).",
            name_of(&failed.asked.resource, "NAME")
        )),
        "AccessDenied" if message.contains("root accounts") => one(
            "The request is signed by a root user, and root users may not assume roles: sign as a \
             user or role."
                .to_owned(),
        ),
        "NotImplemented" => one(match field("Header") {
            Some(header) => format!(
                "The header {header} asks for something that this server does not have, so it \
                 refuses the request whole: nothing was stored, and no policy was in the way."
            ),
            None => "This server does not have the operation (docs/compatibility.md lists what \
                     there is). No policy was in the way."
                .to_owned(),
        }),
        "AccessDenied" if message.contains("expired") => one(format!(
            "The presigned URL is over: {}.",
            match (field("Expires"), field("ServerTime")) {
                (Some(end), Some(now)) => format!("it ended at {end}, and it was {now} here"),
                _ => "its time has run out".to_owned(),
            }
        )),
        "ExpiredToken" => (
            format!(
                "The session that signed the request has ended{}. New credentials are needed; a \
                 presigned URL ends with the session that signed it, however long X-Amz-Expires is.",
                session.map(|s| format!(" ({s})")).unwrap_or_default()
            ),
            Vec::new(),
        ),
        "MalformedPolicy" | "MalformedPolicyDocument" if wrong_policy(message).is_some() => one(
            format!("{} Nothing was stored.", wrong_policy(message).unwrap_or_default()),
        ),
        "InvalidAccessKeyId" | "InvalidClientTokenId" | "InvalidToken"
            if temporary_key(failed).is_some() =>
        {
            one(format!(
                "{} is a temporary key, and it works only with the session token that came with it: \
                 the request has none, or one that is damaged or of another session \
                 (AWS_SESSION_TOKEN holds it), or the session's user, role or account is gone.{}",
                temporary_key(failed).unwrap_or_default(),
                match code.as_str() {
                    "InvalidClientTokenId" =>
                        " IAM answers so, too, to credentials of GetFederationToken and of \
                         GetSessionToken without MFA, which may not call it.",
                    _ => "",
                }
            ))
        }
        "InvalidAccessKeyId" | "InvalidClientTokenId" => one(format!(
            "{} is no access key that works here: it was never made, is deleted or inactive, or \
             its user, role or account is gone. A temporary key needs its session token, and a \
             token that an earlier session left in AWS_SESSION_TOKEN spoils a good key.",
            failed
                .who
                .access_key_id
                .as_deref()
                .unwrap_or("The access key of the request")
        )),
        "InvalidToken" => one(
            "The session token does not belong to the access key: it is of another session, or a \
             long-term key was sent with a token (look for AWS_SESSION_TOKEN in the environment)."
                .to_owned(),
        ),
        "SignatureDoesNotMatch" => one(
            "The access key exists, but the request was signed with another secret, or was changed \
             on its way."
                .to_owned(),
        ),
        "RequestTimeTooSkewed" => {
            one("The clock of the caller and that of this server differ by more than 15 minutes."
                .to_owned())
        }
        "NoSuchKey" => one(format!(
            "The object {} is not there, and the caller may list the bucket, so AWS says so.",
            failed.asked.resource
        )),
        _ if failed.told.message.is_empty() => one(format!("The request failed with {code}.")),
        _ => one(format!(
            "No policy refused: the request itself failed. {}",
            failed.told.message
        )),
    }
}

/// The access key of the request, if it is one of a session.
fn temporary_key(failed: &Failed) -> Option<&str> {
    let key = failed.who.access_key_id.as_deref()?;
    key.starts_with("ASIA").then_some(key)
}

/// What is wrong with a policy, where AWS's words leave one to guess.
fn wrong_policy(message: &str) -> Option<&'static str> {
    Some(match message {
        "Action does not apply to any resource(s) in statement" => {
            "Of each statement, every action needs a resource of its kind: s3:PutObject and the \
             other actions on objects arn:aws:s3:::BUCKET/*, s3:ListBucket and the other actions on \
             the bucket arn:aws:s3:::BUCKET without a key."
        }
        "Policy has invalid resource" => {
            "A bucket policy may be about its own bucket and its objects alone: \
             arn:aws:s3:::BUCKET and arn:aws:s3:::BUCKET/*."
        }
        "Policy has invalid action" => {
            "The policy names an action that S3 does not have. Names of operations are not always \
             actions: HeadBucket and ListObjectsV2 need s3:ListBucket, HeadObject needs s3:GetObject, \
             and an upload in parts s3:PutObject."
        }
        "Missing required field Principal" => {
            "A statement does not say whom it is about. In a policy of a bucket or a trust policy \
             each needs a Principal; without one it is a policy for a user, group or role."
        }
        "Has prohibited field Resource" => {
            "A trust policy is about its own role, so its statements have no Resource."
        }
        _ => return None,
    })
}

fn stopped(stop: &Stop, action: &str, names: &dyn Names) -> String {
    match stop {
        Stop::NoSuchBucket(bucket) => {
            format!("There is no bucket {bucket} in any account here.")
        }
        Stop::OtherOwner { expected, owner } => format!(
            "The request expects {} to own the bucket (x-amz-expected-bucket-owner), and it belongs \
             to {}.",
            names::account(names, *expected),
            names::account(names, *owner)
        ),
        Stop::Anonymous => {
            "The request is not signed, and this operation takes signed requests only.".to_owned()
        }
        Stop::RequesterPays(owner) => format!(
            "The policies allow it, but the bucket is a Requester Pays bucket of {}: requests of other \
             accounts must be signed and say x-amz-request-payer: requester (in the AWS CLI \
             --request-payer requester, in the SDKs RequestPayer).",
            names::account(names, *owner)
        ),
        Stop::OwnersAlone(owner) => format!(
            "The policies allow {action}, but a bucket policy is for the account that owns the \
             bucket alone: {}.",
            names::account_or(names, *owner, "another one")
        ),
    }
}

/// `deliver` of `arn:aws:iam::111122223333:role/deliver`.
fn name_of<'a>(arn: &'a str, otherwise: &'a str) -> &'a str {
    let name = arn.rsplit('/').next().filter(|_| arn.starts_with("arn:"));
    name.unwrap_or(otherwise)
}

/// Names the principal and what is wrong with it.
fn invalid_principal(text: &str, names: &dyn Names) -> String {
    let quoted: Vec<&str> = text.split('"').collect();
    // `"AWS" : "arn:…"`: the second quoted text is the principal.
    let principal = quoted
        .iter()
        .skip(1)
        .step_by(2)
        .nth(1)
        .copied()
        .unwrap_or_default();
    if principal.is_empty() {
        return "A principal of the policy is none: nothing was stored.".to_owned();
    }
    let why = if principal.contains(['*', '?']) {
        "it has a wildcard, and principals take none but * alone: name the account and limit it \
         with a condition on aws:PrincipalArn"
            .to_owned()
    } else if names.is_group(principal) || principal.contains(":group/") {
        "it is a group, and groups are no principals: name its users, or the account".to_owned()
    } else if let Some((account, kind)) = names.origin_of(principal) {
        format!(
            "it is the id of a {} of account {account} that was deleted: put the ARN of one that \
             exists in its place",
            kind.word()
        )
    } else if principal.starts_with("arn:aws:iam::") {
        "there is no such user or role: it is misspelt (the path belongs to the name), deleted, or \
         not created yet"
            .to_owned()
    } else if principal.starts_with("arn:aws:sts::") {
        "there is no such role: a session is named arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION, \
         without the role's path"
            .to_owned()
    } else {
        wrong_form(principal, names).unwrap_or_else(|| "it is no form of a principal: ARNs, 12-digit account ids, canonical user ids and services \
         are"
            .to_owned())
    };
    format!("The policy names {principal}, but {why}. Nothing was stored.")
}

/// Numbers and ids that look like principals.
fn wrong_form(principal: &str, names: &dyn Names) -> Option<String> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let without_dashes = principal.replace('-', "");
    if principal.len() == 64 && principal.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(match names.account_of(principal) {
            Some(_) => "it is a canonical user id, which only bucket policies take, and under \
                        \"CanonicalUser\": name the account under \"AWS\" by its 12 digits"
                .to_owned(),
            None => "it looks like a canonical user id, and no account here has it".to_owned(),
        });
    }
    if without_dashes.len() != 12 || !digits(&without_dashes) {
        return None;
    }
    Some(if principal.contains('-') {
        format!("an account id is written without dashes: {without_dashes}")
    } else if let Ok(account) = AccountId::parse_exact(principal)
        && names.account_name(account).is_some()
    {
        "it is an account id, which stands under \"AWS\"".to_owned()
    } else {
        "there is no such account here".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use catalog::EntityKind;

    struct NoNames;

    impl Names for NoNames {
        fn arn_of(&self, _: &str) -> Option<String> {
            None
        }
        fn origin_of(&self, id: &str) -> Option<(AccountId, EntityKind)> {
            let account = AccountId::parse_exact("111111111111").ok()?;
            id.starts_with("AROA")
                .then_some((account, EntityKind::Role))
        }
        fn account_of(&self, _: &str) -> Option<AccountId> {
            None
        }
        fn account_name(&self, _: AccountId) -> Option<String> {
            Some("a name that is nobody else's business".to_owned())
        }
        fn is_group(&self, _: &str) -> bool {
            false
        }
    }

    fn failed(code: &str, message: &str, fields: &[(&str, &str)]) -> Failed {
        Failed {
            who: Who {
                account: AccountId::parse_exact("222222222222").ok(),
                ..Who::default()
            },
            asked: Asked {
                resource: "arn:aws:iam::222222222222:role/deliver".to_owned(),
                ..Asked::default()
            },
            told: Told {
                status: 400,
                code: code.to_owned(),
                message: message.to_owned(),
            },
            fields: fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            stop: None,
        }
    }

    fn cause_of(code: &str, message: &str, fields: &[(&str, &str)]) -> String {
        explain_failure(failed(code, message, fields), &NoNames).cause
    }

    #[test]
    fn a_session_that_has_ended_takes_its_presigned_urls_with_it() {
        assert!(
            cause_of("ExpiredToken", "The provided token has expired.", &[]).ends_with(
                "a presigned URL ends with the session that signed it, however long \
                 X-Amz-Expires is."
            )
        );
    }

    #[test]
    fn a_longer_session_is_asked_of_the_role_by_name() {
        let message =
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        let cause = cause_of("ValidationError", message, &[]);
        assert!(
            cause.contains("--role-name deliver --max-session-duration"),
            "{cause}"
        );
    }

    #[test]
    fn what_is_not_there_is_told_with_the_header_that_asks_for_it() {
        let header = [("Header", "x-amz-server-side-encryption")];
        assert!(cause_of("NotImplemented", "…", &header).starts_with(
            "The header x-amz-server-side-encryption asks for something that this server does not \
             have"
        ));
        assert!(cause_of("NotImplemented", "…", &[]).starts_with("This server does not have"));
    }

    #[test]
    fn the_caller_is_told_why_its_request_failed_and_nothing_of_others() {
        let caller = AccountId::parse_exact("222222222222").unwrap();
        let seen = |failed| {
            let seen = explain_failure(failed, &NoNames).for_account(caller);
            seen.map(|seen| seen.cause).unwrap_or_default()
        };
        let detail = [("Detail", r#""AWS" : "AROAEXAMPLE""#)];
        let policy = seen(failed(
            "MalformedPolicy",
            "Invalid principal in policy",
            &detail,
        ));
        assert!(
            policy.contains("the id of a role of account 111111111111"),
            "{policy}"
        );
        assert!(!policy.contains("business"), "{policy}");
        let stopped = seen(Failed {
            stop: Some(Stop::OwnersAlone(Some(caller))),
            ..failed("AccessDenied", "Access Denied", &[])
        });
        assert_eq!(stopped, "A check beside the policies refused the request.");
    }
}
