//! `If-…` headers: on reads, on copy sources, on writes.
use catalog::ObjectKey;
use jiff::Timestamp;
use serde::Deserialize;
use vault::{Condition, StoredObject, VaultError};

use crate::{Request, S3Error};

/// The conditions of a read. AWS: GetObject, "Additional considerations about request headers".
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ReadConditions {
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_modified_since: Option<Timestamp>,
    if_unmodified_since: Option<Timestamp>,
}

/// The conditions on a copy's source.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct SourceConditions {
    copy_source_if_match: Option<String>,
    copy_source_if_none_match: Option<String>,
    copy_source_if_modified_since: Option<Timestamp>,
    copy_source_if_unmodified_since: Option<Timestamp>,
}

/// Which condition does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Match,
    UnmodifiedSince,
    NoneMatch,
    ModifiedSince,
}

impl ReadConditions {
    /// 412 and 304 as AWS orders them.
    pub(crate) fn check(&self, object: &StoredObject, now: Timestamp) -> Result<(), S3Error> {
        let failed = |condition: &str| {
            Err(S3Error::PreconditionFailed {
                condition: condition.to_owned(),
            })
        };
        match self.broken(object, now) {
            None => Ok(()),
            Some(Broken::Match) => failed("If-Match"),
            Some(Broken::UnmodifiedSince) => failed("If-Unmodified-Since"),
            Some(Broken::NoneMatch | Broken::ModifiedSince) => Err(S3Error::NotModified {
                etag: format!("\"{}\"", object.etag),
                last_modified: wire::time::imf_fixdate(object.last_modified),
            }),
        }
    }

    // The first two beat the others; an ETag beats a date.
    fn broken(&self, object: &StoredObject, now: Timestamp) -> Option<Broken> {
        match (&self.if_match, self.if_unmodified_since) {
            (Some(wanted), _) if !names(wanted, &object.etag) => return Some(Broken::Match),
            (None, Some(date)) if object.last_modified > date => {
                return Some(Broken::UnmodifiedSince);
            }
            _ => {}
        }
        match (&self.if_none_match, self.if_modified_since) {
            (Some(unwanted), _) if names(unwanted, &object.etag) => Some(Broken::NoneMatch),
            // A date in the future says nothing.
            (None, Some(date)) if object.last_modified <= date && date <= now => {
                Some(Broken::ModifiedSince)
            }
            _ => None,
        }
    }
}

impl SourceConditions {
    /// Every failure is 412 (AWS: CopyObject).
    pub(crate) fn check(&self, object: &StoredObject, now: Timestamp) -> Result<(), S3Error> {
        let conditions = ReadConditions {
            if_match: self.copy_source_if_match.clone(),
            if_none_match: self.copy_source_if_none_match.clone(),
            if_modified_since: self.copy_source_if_modified_since,
            if_unmodified_since: self.copy_source_if_unmodified_since,
        };
        let condition = match conditions.broken(object, now) {
            None => return Ok(()),
            Some(Broken::Match) => "x-amz-copy-source-If-Match",
            Some(Broken::UnmodifiedSince) => "x-amz-copy-source-If-Unmodified-Since",
            Some(Broken::NoneMatch) => "x-amz-copy-source-If-None-Match",
            Some(Broken::ModifiedSince) => "x-amz-copy-source-If-Modified-Since",
        };
        Err(S3Error::PreconditionFailed {
            condition: condition.to_owned(),
        })
    }
}

/// Whether a list of entity tags names this one.
fn names(list: &str, etag: &str) -> bool {
    list.split(',').any(|item| {
        let item = item.trim();
        let item = item.strip_prefix("W/").unwrap_or(item);
        item == "*" || item.trim_matches('"') == etag
    })
}

/// The condition of a write, and the headers it came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteCondition {
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
    pub(crate) condition: Condition,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WriteMembers {
    if_match: Option<String>,
    if_none_match: Option<String>,
}

/// Whether `If-Match: *` is known: on deletes it is, on writes it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnyEtag {
    Allowed,
    NotImplemented,
}

impl WriteCondition {
    /// Takes `If-Match` and `If-None-Match` out of the input.
    pub(crate) fn take(request: &mut Request, any: AnyEtag) -> Result<WriteCondition, S3Error> {
        let WriteMembers {
            if_match,
            if_none_match,
        } = request.take()?;
        let refused = |header: &str, more: &str| {
            Err(S3Error::NotImplementedValue {
                header: header.to_owned(),
                more: more.to_owned(),
            })
        };
        let condition = match (if_match.as_deref(), if_none_match.as_deref()) {
            (None, None) => Condition::None,
            (Some(_), Some(_)) => {
                return refused(
                    "If-Match,If-None-Match",
                    "Multiple conditional request headers present in the request",
                );
            }
            (Some("*"), None) if any == AnyEtag::Allowed => Condition::Exists,
            (Some("*"), None) => {
                return refused(
                    "If-Match",
                    "We don't accept the provided value of If-Match header for this API",
                );
            }
            (Some(etag), None) => Condition::EtagIs(etag.trim().trim_matches('"').to_owned()),
            (None, Some("*")) => Condition::Absent,
            (None, Some(_)) => {
                return refused(
                    "If-None-Match",
                    "We don't accept the provided value of If-None-Match header for this API",
                );
            }
        };
        Ok(WriteCondition {
            if_match,
            if_none_match,
            condition,
        })
    }

    /// What the caller is told when the write was refused.
    pub(crate) fn explain(&self, error: VaultError, key: &ObjectKey) -> S3Error {
        let condition = match self.if_none_match {
            Some(_) => "If-None-Match",
            None => "If-Match",
        };
        match error {
            VaultError::PreconditionFailed => S3Error::PreconditionFailed {
                condition: condition.to_owned(),
            },
            VaultError::ConditionalConflict => S3Error::ConditionalRequestConflict {
                condition: condition.to_owned(),
                key: key.to_string(),
            },
            VaultError::NoSuchObject => S3Error::NoSuchKey {
                key: key.to_string(),
            },
            other => other.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_are_listed_quoted_weak_or_bare() {
        for list in ["abc", "\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            assert!(names(list, "abc"), "{list}");
        }
        assert!(!names("\"ab\"", "abc"));
    }
}
