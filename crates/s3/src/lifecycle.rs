//! Lifecycle configurations: their form and AWS's rules for them.
//!
//! AWS: "Lifecycle configuration elements", "Troubleshooting Amazon S3 Lifecycle issues".
mod pass;
mod rules;

use std::collections::HashSet;

use catalog::{Action, Object};
use gate::Permit;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vault::{StoredObject, Vault};

use crate::{Response, S3Error};

pub use pass::{LifecycleCounts, LifecyclePass, LifecycleRules, Progress};
use rules::{Filtered, Rules};

/// The most rules of a configuration.
const RULES_MAX: usize = 1000;
/// The longest id of a rule, in characters.
const ID_CHARS_MAX: usize = 255;
/// The most noncurrent versions that a rule keeps.
const NEWER_VERSIONS_MAX: i64 = 100;

/// `x-amz-expiration`: when the object of the permit expires, and by which rule. It is told of the
/// current version, where no version was named.
pub(crate) fn put_expiration<A: Action<Resource = Object>>(
    response: &mut Response,
    vault: &Vault,
    permit: &Permit<A>,
    facts: (u64, &[(String, String)]),
    created: Timestamp,
) {
    let object = permit.resource();
    if object.version.is_some() {
        return;
    }
    let Some(rules) = vault.compiled_lifecycle(permit, Rules::compile) else {
        return;
    };
    let (bytes, tags) = facts;
    let filtered = Filtered {
        key: object.key.as_str(),
        bytes,
        tags,
    };
    if let Some(due) = rules.expiration(filtered, created) {
        response.set("x-amz-expiration", &due.expiration_header());
    }
}

/// The same of an object that is at hand.
pub(crate) fn put_expiration_of<A: Action<Resource = Object>>(
    response: &mut Response,
    vault: &Vault,
    permit: &Permit<A>,
    stored: &StoredObject,
) {
    let facts = (stored.bytes, stored.tags.as_slice());
    put_expiration(response, vault, permit, facts, stored.last_modified);
}

/// `x-amz-abort-date` and `x-amz-abort-rule-id`: when an upload to the object of the permit is
/// aborted, and by which rule.
pub(crate) fn put_abort<A: Action<Resource = Object>>(
    response: &mut Response,
    vault: &Vault,
    permit: &Permit<A>,
    initiated: Timestamp,
) {
    let Some(rules) = vault.compiled_lifecycle(permit, Rules::compile) else {
        return;
    };
    if let Some(due) = rules.abort(permit.resource().key.as_str(), initiated) {
        response.set("x-amz-abort-date", &wire::time::imf_fixdate(due.at));
        response.set("x-amz-abort-rule-id", &due.encoded_id());
    }
}

/// A configuration with the model's member names, as it is received, stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct LifecycleConfiguration {
    pub(crate) rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(rename = "ID", default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filter: Option<Filter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expiration: Option<Expiration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transitions: Option<Vec<Transition>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noncurrent_version_expiration: Option<NoncurrentVersionExpiration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noncurrent_version_transitions: Option<Vec<NoncurrentVersionTransition>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    abort_incomplete_multipart_upload: Option<AbortIncompleteMultipartUpload>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Status {
    Enabled,
    Disabled,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Filter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<Tag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object_size_greater_than: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object_size_less_than: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    and: Option<And>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct And {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<Tag>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object_size_greater_than: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object_size_less_than: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tag {
    key: String,
    value: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Expiration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    days: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expired_object_delete_marker: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Transition {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    days: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    storage_class: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NoncurrentVersionExpiration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noncurrent_days: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newer_noncurrent_versions: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NoncurrentVersionTransition {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noncurrent_days: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    storage_class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newer_noncurrent_versions: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AbortIncompleteMultipartUpload {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    days_after_initiation: Option<i64>,
}

impl LifecycleConfiguration {
    /// Refuses what AWS refuses, and gives an id to the rules that have none: `name` makes it of
    /// the place of the rule.
    ///
    /// # Errors
    /// `MalformedXML`, `InvalidRequest`, `InvalidArgument`.
    pub(crate) fn validated(
        mut self,
        name: impl Fn(usize) -> String,
    ) -> Result<LifecycleConfiguration, S3Error> {
        if self.rules.is_empty() {
            return Err(S3Error::MalformedXml);
        }
        if self.rules.len() > RULES_MAX {
            return Err(S3Error::invalid_request(format!(
                "The number of lifecycle rules must not exceed the allowed limit of {RULES_MAX} rules"
            )));
        }
        let (with_filter, with_prefix): (Vec<_>, Vec<_>) =
            self.rules.iter().partition(|rule| rule.filter.is_some());
        if !with_filter.is_empty() && !with_prefix.is_empty() {
            return Err(S3Error::invalid_request(
                "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in \
                 the Filter.",
            ));
        }
        let mut ids = HashSet::new();
        for rule in &self.rules {
            rule.check()?;
            let Some(id) = &rule.id else { continue };
            if id.chars().count() > ID_CHARS_MAX {
                return Err(S3Error::invalid_argument(
                    format!("ID length should not exceed allowed limit of {ID_CHARS_MAX}"),
                    "ID",
                    id.clone(),
                ));
            }
            if !id.is_empty() && !ids.insert(id.clone()) {
                return Err(S3Error::invalid_argument(
                    "Rule ID must be unique. Found same ID for more than one rule",
                    "ID",
                    id.clone(),
                ));
            }
        }
        // A disabled rule moves nothing.
        let enabled = self
            .rules
            .iter()
            .filter(|rule| rule.status == Status::Enabled);
        if let Some(element) = enabled.filter_map(Rule::transition).next() {
            return Err(S3Error::not_implemented(element));
        }
        for (place, rule) in self.rules.iter_mut().enumerate() {
            if rule.id.as_deref().is_none_or(str::is_empty) {
                rule.id = Some(name(place));
            }
        }
        Ok(self)
    }
}

impl Rule {
    fn check(&self) -> Result<(), S3Error> {
        match (&self.filter, &self.prefix) {
            (Some(filter), None) => filter.check()?,
            (None, Some(_)) => {}
            (Some(_), Some(_)) | (None, None) => return Err(S3Error::MalformedXml),
        }
        let transitions = self.transitions.as_deref().unwrap_or_default();
        let noncurrent = self.noncurrent_version_transitions.as_deref();
        let has_action = self.expiration.is_some()
            || !transitions.is_empty()
            || self.noncurrent_version_expiration.is_some()
            || noncurrent.is_some_and(|transitions| !transitions.is_empty())
            || self.abort_incomplete_multipart_upload.is_some();
        if !has_action {
            return Err(S3Error::invalid_request(
                "At least one action needs to be specified in a rule",
            ));
        }
        if let Some(expiration) = &self.expiration {
            self.check_expiration(expiration)?;
        }
        for transition in transitions {
            transition.check()?;
        }
        self.check_together(transitions)?;
        if let Some(expiration) = &self.noncurrent_version_expiration {
            expiration.check()?;
        }
        for transition in noncurrent.unwrap_or_default() {
            transition.check()?;
        }
        if let Some(abort) = &self.abort_incomplete_multipart_upload {
            self.check_abort(abort)?;
        }
        Ok(())
    }

    fn check_expiration(&self, expiration: &Expiration) -> Result<(), S3Error> {
        match expiration {
            Expiration {
                date: Some(date),
                days: None,
                expired_object_delete_marker: None,
            } => at_midnight(*date),
            Expiration {
                date: None,
                days: Some(days),
                expired_object_delete_marker: None,
            } => positive("Days", "Expiration", *days),
            Expiration {
                date: None,
                days: None,
                expired_object_delete_marker: Some(_),
            } if self.has_tags() => Err(S3Error::invalid_request(
                "ExpiredObjectDeleteMarker cannot be specified with Tags.",
            )),
            Expiration {
                date: None,
                days: None,
                expired_object_delete_marker: Some(_),
            } => Ok(()),
            Expiration { .. } => Err(S3Error::MalformedXml),
        }
    }

    /// What must hold between the actions of a rule.
    fn check_together(&self, transitions: &[Transition]) -> Result<(), S3Error> {
        let place = self.place();
        let mut classes = HashSet::new();
        if !transitions
            .iter()
            .all(|transition| classes.insert(transition.storage_class.as_deref()))
        {
            return Err(S3Error::invalid_request(format!(
                "'StorageClass' must be different for 'Transition' actions in same 'Rule' with {place}"
            )));
        }
        let expiration_date = self.expiration.as_ref().and_then(|found| found.date);
        let expiration_days = self.expiration.as_ref().and_then(|found| found.days);
        let by_date = transitions.iter().any(|found| found.date.is_some());
        let by_days = transitions.iter().any(|found| found.days.is_some());
        if (by_date || expiration_date.is_some()) && (by_days || expiration_days.is_some()) {
            return Err(S3Error::invalid_request(format!(
                "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle \
                 rule for {place}"
            )));
        }
        for transition in transitions {
            if let (Some(last), Some(days)) = (expiration_days, transition.days)
                && last <= days
            {
                return Err(S3Error::invalid_argument(
                    format!(
                        "'Days' in the Expiration action for {place} must be greater than 'Days' in \
                         the Transition action"
                    ),
                    "Days",
                    last.to_string(),
                ));
            }
            if let (Some(last), Some(date)) = (expiration_date, transition.date)
                && last <= date
            {
                return Err(S3Error::invalid_argument(
                    format!(
                        "'Date' in the Expiration action for {place} must be later than 'Date' in \
                         the Transition action"
                    ),
                    "Date",
                    last.to_string(),
                ));
            }
        }
        Ok(())
    }

    fn check_abort(&self, abort: &AbortIncompleteMultipartUpload) -> Result<(), S3Error> {
        if self.has_tags() {
            return Err(S3Error::invalid_request(
                "AbortIncompleteMultipartUpload cannot be specified with Tags.",
            ));
        }
        match abort.days_after_initiation {
            Some(days) => positive(
                "DaysAfterInitiation",
                "AbortIncompleteMultipartUpload",
                days,
            ),
            None => Err(S3Error::MalformedXml),
        }
    }

    /// The element of an action that is not built: objects have one place, whatever their storage
    /// class.
    fn transition(&self) -> Option<&'static str> {
        let some = |count: Option<usize>| count.is_some_and(|count| count > 0);
        if some(self.transitions.as_ref().map(Vec::len)) {
            return Some("Transition");
        }
        let noncurrent = self.noncurrent_version_transitions.as_ref();
        some(noncurrent.map(Vec::len)).then_some("NoncurrentVersionTransition")
    }

    fn has_tags(&self) -> bool {
        self.filter.as_ref().is_some_and(|filter| {
            let and = filter.and.as_ref().and_then(|and| and.tags.as_ref());
            filter.tag.is_some() || and.is_some_and(|tags| !tags.is_empty())
        })
    }

    /// The rule's place in AWS's messages.
    fn place(&self) -> String {
        match &self.filter {
            Some(filter) => {
                let and = filter.and.as_ref().and_then(|and| and.prefix.as_deref());
                let prefix = filter.prefix.as_deref().or(and).unwrap_or_default();
                format!("filter '(prefix={prefix})'")
            }
            None => format!("prefix '{}'", self.prefix.as_deref().unwrap_or_default()),
        }
    }
}

impl Filter {
    fn check(&self) -> Result<(), S3Error> {
        let count = usize::from(self.prefix.is_some())
            + usize::from(self.tag.is_some())
            + usize::from(self.object_size_greater_than.is_some())
            + usize::from(self.object_size_less_than.is_some())
            + usize::from(self.and.is_some());
        if count > 1 {
            return Err(S3Error::MalformedXml);
        }
        if let Some(tag) = &self.tag {
            tag.check()?;
        }
        for size in [self.object_size_greater_than, self.object_size_less_than] {
            size_is_possible(size)?;
        }
        match &self.and {
            Some(and) => and.check(),
            None => Ok(()),
        }
    }
}

impl And {
    fn check(&self) -> Result<(), S3Error> {
        let tags = self.tags.as_deref().unwrap_or_default();
        let count = usize::from(self.prefix.is_some())
            + usize::from(self.object_size_greater_than.is_some())
            + usize::from(self.object_size_less_than.is_some())
            + tags.len();
        // One condition stands in the filter itself.
        if count < 2 {
            return Err(S3Error::MalformedXml);
        }
        let mut keys = HashSet::new();
        for tag in tags {
            tag.check()?;
            if !keys.insert(&tag.key) {
                return Err(S3Error::invalid_request(
                    "Duplicate Tag Keys are not allowed.",
                ));
            }
        }
        for size in [self.object_size_greater_than, self.object_size_less_than] {
            size_is_possible(size)?;
        }
        match (self.object_size_greater_than, self.object_size_less_than) {
            (Some(above), Some(below)) if below <= above => Err(S3Error::invalid_request(
                "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.",
            )),
            _ => Ok(()),
        }
    }
}

impl Tag {
    fn check(&self) -> Result<(), S3Error> {
        if self.key.is_empty() || self.key.chars().count() > 128 {
            return Err(S3Error::InvalidTag {
                text: "The TagKey you have provided is invalid".to_owned(),
                key: self.key.clone(),
            });
        }
        if self.value.chars().count() > 256 {
            return Err(S3Error::InvalidTagValue {
                key: self.key.clone(),
                value: self.value.clone(),
            });
        }
        Ok(())
    }
}

impl Transition {
    fn check(&self) -> Result<(), S3Error> {
        let class = self.storage_class.as_deref();
        let class = class.ok_or(S3Error::MalformedXml)?;
        match (self.date, self.days) {
            (Some(date), None) => at_midnight(date),
            (None, Some(days)) if days < 0 => Err(S3Error::invalid_argument(
                "'Days' in Transition action must be nonnegative",
                "Days",
                days.to_string(),
            )),
            // The infrequent access classes have a least age.
            (None, Some(days)) if days < 30 && matches!(class, "STANDARD_IA" | "ONEZONE_IA") => {
                Err(S3Error::invalid_argument(
                    format!(
                        "'Days' in Transition action must be greater than or equal to 30 for \
                         storageClass '{class}'"
                    ),
                    "Days",
                    days.to_string(),
                ))
            }
            (None, Some(_)) => Ok(()),
            (Some(_), Some(_)) | (None, None) => Err(S3Error::MalformedXml),
        }
    }
}

impl NoncurrentVersionExpiration {
    fn check(&self) -> Result<(), S3Error> {
        let action = "NoncurrentVersionExpiration";
        match self.noncurrent_days {
            Some(days) => positive("NoncurrentDays", action, days)?,
            None if self.newer_noncurrent_versions.is_none() => return Err(S3Error::MalformedXml),
            None => {}
        }
        kept(action, self.newer_noncurrent_versions)
    }
}

impl NoncurrentVersionTransition {
    fn check(&self) -> Result<(), S3Error> {
        let action = "NoncurrentVersionTransition";
        if self.storage_class.is_none() {
            return Err(S3Error::MalformedXml);
        }
        match self.noncurrent_days {
            Some(days) if days < 0 => {
                return Err(S3Error::invalid_argument(
                    format!("'NoncurrentDays' in {action} action must be nonnegative"),
                    "NoncurrentDays",
                    days.to_string(),
                ));
            }
            Some(_) => {}
            None => return Err(S3Error::MalformedXml),
        }
        kept(action, self.newer_noncurrent_versions)
    }
}

fn positive(name: &str, action: &str, days: i64) -> Result<(), S3Error> {
    if days > 0 {
        Ok(())
    } else {
        Err(S3Error::invalid_argument(
            format!("'{name}' for {action} action must be a positive integer"),
            name,
            days.to_string(),
        ))
    }
}

fn kept(action: &str, versions: Option<i64>) -> Result<(), S3Error> {
    let name = "NewerNoncurrentVersions";
    match versions {
        Some(count) if count > NEWER_VERSIONS_MAX => Err(S3Error::invalid_argument(
            format!("'{name}' for {action} action must not exceed {NEWER_VERSIONS_MAX}"),
            name,
            count.to_string(),
        )),
        Some(count) => positive(name, action, count),
        None => Ok(()),
    }
}

fn size_is_possible(size: Option<i64>) -> Result<(), S3Error> {
    match size {
        Some(bytes) if bytes < 0 => Err(S3Error::MalformedXml),
        Some(_) | None => Ok(()),
    }
}

fn at_midnight(date: Timestamp) -> Result<(), S3Error> {
    let day_seconds = 24 * 60 * 60;
    if date.as_second() % day_seconds == 0 && date.subsec_nanosecond() == 0 {
        Ok(())
    } else {
        Err(S3Error::invalid_argument(
            "'Date' must be at midnight GMT",
            "Date",
            date.to_string(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A configuration of one rule with a filter for everything.
    fn rule(action: Value) -> Value {
        let mut rule = json!({ "Status": "Enabled", "Filter": { "Prefix": "" } });
        for (name, value) in action.as_object().unwrap() {
            rule[name] = value.clone();
        }
        json!({ "Rules": [rule] })
    }

    fn verdict(configuration: Value) -> String {
        let parsed: LifecycleConfiguration = serde_json::from_value(configuration).unwrap();
        match parsed.validated(|place| format!("made-{place}")) {
            Ok(valid) => format!("ok {}", valid.rules[0].id.as_deref().unwrap()),
            Err(error) => format!("{}: {error}", error.code()),
        }
    }

    #[test]
    fn rules_that_make_sense_are_taken_and_named() {
        let expires = json!({ "Expiration": { "Days": 7 } });
        assert_eq!(verdict(rule(expires.clone())), "ok made-0");
        let mut named = rule(expires);
        named["Rules"][0]["ID"] = "week".into();
        assert_eq!(verdict(named), "ok week");
        let moved = json!({
            "Transitions": [{ "Days": 30, "StorageClass": "STANDARD_IA" }],
            "Expiration": { "Days": 31 },
        });
        let mut off = rule(moved.clone());
        off["Rules"][0]["Status"] = "Disabled".into();
        assert_eq!(verdict(off), "ok made-0");
        let refused = verdict(rule(moved));
        assert!(refused.starts_with("NotImplemented: "), "{refused}");
        let date = json!({ "Expiration": { "Date": "2030-01-01T00:00:00Z" } });
        assert_eq!(verdict(rule(date)), "ok made-0");
        let old = json!({ "Rules": [{
            "Status": "Disabled", "Prefix": "logs/",
            "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 1 },
        }] });
        assert_eq!(verdict(old), "ok made-0");
    }

    #[test]
    fn what_aws_refuses_is_refused_in_its_words() {
        let malformed = "MalformedXML: The XML you provided was not well-formed or did not validate \
                         against our published schema";
        let tags = |keys: [&str; 2]| json!(keys.map(|key| json!({ "Key": key, "Value": "v" })));
        let with_filter = |filter: Value, action: Value| {
            let mut configuration = rule(action);
            configuration["Rules"][0]["Filter"] = filter;
            configuration
        };
        let week = || json!({ "Expiration": { "Days": 7 } });
        let cases = [
            (json!({ "Rules": [] }), malformed),
            (
                rule(json!({})),
                "InvalidRequest: At least one action needs to be specified in a rule",
            ),
            (
                rule(json!({ "Expiration": { "Days": 0 } })),
                "InvalidArgument: 'Days' for Expiration action must be a positive integer",
            ),
            (
                rule(json!({ "Expiration": { "Date": "2030-01-01T10:00:00Z" } })),
                "InvalidArgument: 'Date' must be at midnight GMT",
            ),
            (
                rule(json!({ "Expiration": { "Days": 1, "ExpiredObjectDeleteMarker": true } })),
                malformed,
            ),
            (
                rule(json!({ "NoncurrentVersionExpiration": {} })),
                malformed,
            ),
            (
                with_filter(json!({ "Prefix": "a", "ObjectSizeLessThan": 5 }), week()),
                malformed,
            ),
            (
                with_filter(json!({ "And": { "Prefix": "a" } }), week()),
                malformed,
            ),
            (
                with_filter(json!({ "And": { "Tags": tags(["a", "a"]) } }), week()),
                "InvalidRequest: Duplicate Tag Keys are not allowed.",
            ),
            (
                with_filter(
                    json!({ "And": { "Tags": tags(["a", "b"]) } }),
                    json!({ "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 1 } }),
                ),
                "InvalidRequest: AbortIncompleteMultipartUpload cannot be specified with Tags.",
            ),
            (
                rule(json!({
                    "Transitions": [{ "Days": 30, "StorageClass": "GLACIER" }],
                    "Expiration": { "Days": 30 },
                })),
                "InvalidArgument: 'Days' in the Expiration action for filter '(prefix=)' must be \
                 greater than 'Days' in the Transition action",
            ),
            (
                rule(json!({ "Transitions": [{ "Days": 1, "StorageClass": "STANDARD_IA" }] })),
                "InvalidArgument: 'Days' in Transition action must be greater than or equal to 30 \
                 for storageClass 'STANDARD_IA'",
            ),
            (
                rule(json!({
                    "Transitions": [{ "Date": "2030-01-01T00:00:00Z", "StorageClass": "GLACIER" }],
                    "Expiration": { "Days": 30 },
                })),
                "InvalidRequest: Found mixed 'Date' and 'Days' based Expiration and Transition \
                 actions in lifecycle rule for filter '(prefix=)'",
            ),
        ];
        for (configuration, wanted) in cases {
            assert_eq!(verdict(configuration.clone()), wanted, "{configuration}");
        }
    }

    #[test]
    fn ids_are_unique_and_rules_are_limited() {
        let one = |id: &str| {
            let mut rule = rule(json!({ "Expiration": { "Days": 7 } }))["Rules"][0].clone();
            rule["ID"] = id.into();
            rule
        };
        assert_eq!(
            verdict(json!({ "Rules": [one("a"), one("a")] })),
            "InvalidArgument: Rule ID must be unique. Found same ID for more than one rule"
        );
        assert_eq!(
            verdict(json!({ "Rules": [one(&"a".repeat(256))] })),
            "InvalidArgument: ID length should not exceed allowed limit of 255"
        );
        let many: Vec<Value> = (0..=RULES_MAX).map(|n| one(&n.to_string())).collect();
        assert_eq!(
            verdict(json!({ "Rules": many })),
            "InvalidRequest: The number of lifecycle rules must not exceed the allowed limit of \
             1000 rules"
        );
    }
}
