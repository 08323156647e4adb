//! The enabled rules of a configuration, as they are carried out: which objects each is about, and
//! when it is due.
//!
//! AWS: "Expiring objects", "Lifecycle configuration elements". Days are counted from when the
//! object was made, or became noncurrent, to the next midnight UTC after they have passed.
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{Expiration, Filter, LifecycleConfiguration, Rule, Status};

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Bytes of a rule's id that headers do not hold as they are.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The enabled rules of a configuration, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules(Vec<Enabled>);

#[derive(Clone, Debug)]
struct Enabled {
    id: String,
    prefix: String,
    tags: Vec<(String, String)>,
    bytes_above: Option<u64>,
    bytes_below: Option<u64>,
    expires: Option<Expires>,
    noncurrent: Option<Noncurrent>,
    abort_days: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
enum Expires {
    Days(i64),
    Date(Timestamp),
    /// Delete markers that are alone, at once.
    MarkersAlone,
}

#[derive(Clone, Copy, Debug)]
struct Noncurrent {
    days: Option<i64>,
    /// So many newer noncurrent versions must be there.
    newer: u64,
}

/// What an object is to filters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filtered<'a> {
    pub(crate) key: &'a str,
    /// Length of the body in bytes.
    pub(crate) bytes: u64,
    pub(crate) tags: &'a [(String, String)],
}

/// When a rule is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) at: Timestamp,
    pub(crate) rule_id: String,
}

impl Due {
    /// The value of `x-amz-expiration`.
    pub(crate) fn expiration_header(&self) -> String {
        let date = wire::time::imf_fixdate(self.at);
        format!("expiry-date=\"{date}\", rule-id=\"{}\"", self.encoded_id())
    }

    /// The rule's id, percent-encoded.
    pub(crate) fn encoded_id(&self) -> String {
        utf8_percent_encode(&self.rule_id, ENCODED).to_string()
    }
}

impl Rules {
    /// Reads a configuration as it is stored. One that cannot be read has no rule that is carried
    /// out: it is logged, and nothing is removed.
    pub(crate) fn compile(stored: &Value) -> Rules {
        let rules = stored.get("Rules").cloned().unwrap_or_default();
        match serde_json::from_value::<Vec<Rule>>(rules) {
            Ok(rules) => Rules::of(LifecycleConfiguration { rules }),
            Err(error) => {
                tracing::error!(%error, "a lifecycle configuration cannot be read");
                Rules::default()
            }
        }
    }

    pub(crate) fn of(configuration: LifecycleConfiguration) -> Rules {
        let enabled = configuration
            .rules
            .into_iter()
            .filter(|rule| rule.status == Status::Enabled);
        Rules(enabled.map(Enabled::of).collect())
    }

    /// When the current version of an object expires: by the rule that is due first, of two by the
    /// one that stands first.
    pub(crate) fn expiration(&self, object: Filtered<'_>, created: Timestamp) -> Option<Due> {
        let matching = self.0.iter().filter(|rule| rule.is_about(object));
        first(matching.filter_map(|rule| Some((rule, rule.expires?.of_object(created)?))))
    }

    /// When an upload is aborted.
    pub(crate) fn abort(&self, key: &str, initiated: Timestamp) -> Option<Due> {
        let matching = self.0.iter().filter(|rule| rule.is_about_upload(key));
        first(matching.filter_map(|rule| Some((rule, days_after(initiated, rule.abort_days?)?))))
    }

    /// Whether a noncurrent version is removed: it is noncurrent since `since`, and `newer` newer
    /// noncurrent versions are there.
    pub(crate) fn removes_noncurrent(
        &self,
        version: Filtered<'_>,
        since: Timestamp,
        newer: u64,
        now: Timestamp,
    ) -> bool {
        let matching = self.0.iter().filter(|rule| rule.is_about(version));
        let mut actions = matching.filter_map(|rule| rule.noncurrent);
        actions.any(|action| {
            let is_old = match action.days {
                Some(days) => days_after(since, days).is_some_and(|due| due <= now),
                None => true,
            };
            is_old && newer >= action.newer
        })
    }

    /// Whether a delete marker goes that has no version under it.
    pub(crate) fn removes_marker(&self, key: &str, created: Timestamp, now: Timestamp) -> bool {
        let marker = Filtered {
            key,
            bytes: 0,
            tags: &[],
        };
        let matching = self.0.iter().filter(|rule| rule.is_about(marker));
        let mut actions = matching.filter_map(|rule| rule.expires);
        actions.any(|expires| match expires {
            Expires::MarkersAlone => true,
            Expires::Days(_) | Expires::Date(_) => {
                expires.of_object(created).is_some_and(|due| due <= now)
            }
        })
    }

    /// Whether any filter looks at more than the key.
    pub(crate) fn look_inside(&self) -> bool {
        self.0.iter().any(|rule| {
            !rule.tags.is_empty() || rule.bytes_above.is_some() || rule.bytes_below.is_some()
        })
    }

    /// The prefixes under which versions may be due; none stands below another.
    pub(crate) fn version_prefixes(&self) -> Vec<String> {
        outermost(
            self.0
                .iter()
                .filter(|rule| rule.expires.is_some() || rule.noncurrent.is_some()),
        )
    }

    /// The prefixes under which uploads may be due; none stands below another.
    pub(crate) fn upload_prefixes(&self) -> Vec<String> {
        outermost(self.0.iter().filter(|rule| rule.abort_days.is_some()))
    }
}

impl Enabled {
    fn of(rule: Rule) -> Enabled {
        let Filter {
            prefix,
            tag,
            object_size_greater_than,
            object_size_less_than,
            and,
        } = rule.filter.unwrap_or_default();
        let and = and.unwrap_or_default();
        let tags = tag.into_iter().chain(and.tags.unwrap_or_default());
        let bytes = |size: i64| u64::try_from(size).unwrap_or_default();
        Enabled {
            id: rule.id.unwrap_or_default(),
            prefix: rule.prefix.or(prefix).or(and.prefix).unwrap_or_default(),
            tags: tags.map(|tag| (tag.key, tag.value)).collect(),
            bytes_above: object_size_greater_than
                .or(and.object_size_greater_than)
                .map(bytes),
            bytes_below: object_size_less_than
                .or(and.object_size_less_than)
                .map(bytes),
            expires: rule.expiration.and_then(|expiration| match expiration {
                Expiration {
                    days: Some(days), ..
                } => Some(Expires::Days(days)),
                Expiration {
                    date: Some(date), ..
                } => Some(Expires::Date(date)),
                Expiration {
                    expired_object_delete_marker: Some(true),
                    ..
                } => Some(Expires::MarkersAlone),
                Expiration { .. } => None,
            }),
            noncurrent: rule.noncurrent_version_expiration.map(|action| Noncurrent {
                days: action.noncurrent_days,
                newer: bytes(action.newer_noncurrent_versions.unwrap_or_default()),
            }),
            abort_days: rule
                .abort_incomplete_multipart_upload
                .and_then(|abort| abort.days_after_initiation),
        }
    }

    fn is_about(&self, object: Filtered<'_>) -> bool {
        object.key.starts_with(&self.prefix)
            && self.bytes_above.is_none_or(|bytes| object.bytes > bytes)
            && self.bytes_below.is_none_or(|bytes| object.bytes < bytes)
            && self.tags.iter().all(|tag| object.tags.contains(tag))
    }

    /// An upload has no size and no tags that a filter could look at.
    fn is_about_upload(&self, key: &str) -> bool {
        key.starts_with(&self.prefix)
            && self.bytes_above.is_none()
            && self.bytes_below.is_none()
            && self.tags.is_empty()
    }
}

impl Expires {
    /// When an object that was made at `created` expires.
    fn of_object(self, created: Timestamp) -> Option<Timestamp> {
        match self {
            Expires::Days(days) => days_after(created, days),
            Expires::Date(date) => Some(date),
            Expires::MarkersAlone => None,
        }
    }
}

/// The first midnight UTC after so many days. `None` if it is later than time can be written.
pub(crate) fn days_after(from: Timestamp, days: i64) -> Option<Timestamp> {
    let day = from.as_second().div_euclid(DAY_SECONDS);
    let due = day.checked_add(days)?.checked_add(1)?;
    Timestamp::from_second(due.checked_mul(DAY_SECONDS)?).ok()
}

fn first<'a>(due: impl Iterator<Item = (&'a Enabled, Timestamp)>) -> Option<Due> {
    let earliest = due.min_by_key(|(_, at)| *at);
    earliest.map(|(rule, at)| Due {
        at,
        rule_id: rule.id.clone(),
    })
}

fn outermost<'a>(rules: impl Iterator<Item = &'a Enabled>) -> Vec<String> {
    let mut prefixes: Vec<String> = rules.map(|rule| rule.prefix.clone()).collect();
    prefixes.sort_unstable();
    // What begins with a prefix follows it.
    prefixes.dedup_by(|next, kept| next.starts_with(&**kept));
    prefixes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rules(rules: Value) -> Rules {
        Rules::compile(&json!({ "Rules": rules }))
    }

    fn object(key: &str) -> Filtered<'_> {
        Filtered {
            key,
            bytes: 5,
            tags: &[],
        }
    }

    /// Id and time of what is due first.
    fn told(due: Option<Due>) -> String {
        due.map_or("never".to_owned(), |due| {
            format!("{} {}", due.rule_id, due.at)
        })
    }

    #[test]
    fn days_end_at_the_next_midnight() {
        let due = |from, days| days_after(time(from), days).unwrap().to_string();
        // AWS's own example.
        assert_eq!(due("2014-01-15T10:30:00Z", 3), "2014-01-19T00:00:00Z");
        assert_eq!(due("2014-01-15T23:59:59Z", 1), "2014-01-17T00:00:00Z");
        assert_eq!(due("2014-01-15T00:00:00Z", 1), "2014-01-17T00:00:00Z");
        assert_eq!(due("2024-02-28T12:00:00Z", 1), "2024-03-01T00:00:00Z");
        assert_eq!(days_after(time("2014-01-15T00:00:00Z"), i64::MAX), None);
        assert_eq!(
            days_after(time("2014-01-15T00:00:00Z"), 2_147_483_647),
            None
        );
    }

    proptest! {
        #[test]
        fn what_is_due_is_due_at_midnight_and_within_a_day_of_its_days(
            from in 0_i64..250_000_000_000,
            days in 0_i64..10_000,
        ) {
            let due = days_after(Timestamp::from_second(from).unwrap(), days).unwrap();
            let waited = due.as_second() - from;
            prop_assert_eq!(due.as_second() % DAY_SECONDS, 0);
            prop_assert!(waited > days * DAY_SECONDS);
            prop_assert!(waited <= (days + 1) * DAY_SECONDS);
        }

        #[test]
        fn a_later_object_is_never_due_earlier(
            from in 0_i64..250_000_000_000,
            later in 0_i64..1_000_000,
            days in 1_i64..10_000,
        ) {
            let due = |second| days_after(Timestamp::from_second(second).unwrap(), days);
            prop_assert!(due(from) <= due(from + later));
        }

        #[test]
        fn of_many_rules_the_earliest_counts(days in proptest::collection::vec(1_i64..400, 1..8)) {
            let many = days.iter().enumerate().map(|(place, days)| json!({
                "ID": place.to_string(), "Status": "Enabled", "Filter": {},
                "Expiration": { "Days": days },
            }));
            let created = time("2026-01-02T03:04:05Z");
            let due = rules(many.collect()).expiration(object("k"), created).unwrap();
            let least = days.iter().min().unwrap();
            prop_assert_eq!(Some(due.at), days_after(created, *least));
            let place = days.iter().position(|found| found == least).unwrap();
            prop_assert_eq!(due.rule_id, place.to_string());
        }

        #[test]
        fn every_key_of_a_rule_is_under_one_walked_prefix(
            prefixes in proptest::collection::vec("[ab]{0,3}", 1..6),
            key in "[ab]{0,5}",
        ) {
            let many = prefixes.iter().map(|prefix| json!({
                "ID": "r", "Status": "Enabled", "Filter": { "Prefix": prefix },
                "Expiration": { "Days": 1 },
            }));
            let walked = rules(many.collect()).version_prefixes();
            let under = walked.iter().filter(|prefix| key.starts_with(&***prefix)).count();
            let is_meant = prefixes.iter().any(|prefix| key.starts_with(&**prefix));
            prop_assert_eq!(under, usize::from(is_meant));
        }
    }

    #[test]
    fn a_rule_is_about_what_its_whole_filter_says() {
        let filtered = |filter: Value| {
            rules(json!([{
                "ID": "r", "Status": "Enabled", "Filter": filter, "Expiration": { "Days": 1 },
            }]))
        };
        let tags = [
            ("a".to_owned(), "1".to_owned()),
            ("b".to_owned(), "2".to_owned()),
        ];
        let object = Filtered {
            key: "logs/x",
            bytes: 100,
            tags: &tags,
        };
        let tag = |key: &str, value: &str| json!({ "Key": key, "Value": value });
        for (filter, wanted) in [
            (json!({}), true),
            (json!({ "Prefix": "" }), true),
            (json!({ "Prefix": "logs/" }), true),
            (json!({ "Prefix": "log/" }), false),
            (json!({ "Tag": tag("a", "1") }), true),
            (json!({ "Tag": tag("a", "2") }), false),
            (json!({ "Tag": tag("c", "") }), false),
            (json!({ "ObjectSizeGreaterThan": 99 }), true),
            (json!({ "ObjectSizeGreaterThan": 100 }), false),
            (json!({ "ObjectSizeLessThan": 101 }), true),
            (json!({ "ObjectSizeLessThan": 100 }), false),
            (
                json!({ "And": { "Prefix": "logs/", "Tags": [tag("a", "1"), tag("b", "2")] } }),
                true,
            ),
            (
                json!({ "And": { "Prefix": "x", "Tags": [tag("a", "1")] } }),
                false,
            ),
            (
                json!({ "And": { "Tags": [tag("a", "1"), tag("c", "3")] } }),
                false,
            ),
            (
                json!({ "And": { "ObjectSizeGreaterThan": 99, "ObjectSizeLessThan": 101 } }),
                true,
            ),
            (
                json!({ "And": { "ObjectSizeGreaterThan": 1, "ObjectSizeLessThan": 100 } }),
                false,
            ),
        ] {
            let due = filtered(filter.clone()).expiration(object, Timestamp::UNIX_EPOCH);
            assert_eq!(due.is_some(), wanted, "{filter}");
        }
    }

    #[test]
    fn disabled_rules_and_rules_about_others_do_nothing() {
        let rules = rules(json!([
            { "ID": "off", "Status": "Disabled", "Filter": {}, "Expiration": { "Days": 1 } },
            { "ID": "old", "Status": "Enabled", "Prefix": "old/", "Expiration": { "Days": 2 } },
            { "ID": "date", "Status": "Enabled", "Filter": {},
              "Expiration": { "Date": "2030-01-01T00:00:00Z" } },
            { "ID": "kept", "Status": "Enabled", "Filter": {},
              "Expiration": { "ExpiredObjectDeleteMarker": false } },
        ]));
        let created = time("2026-01-01T10:00:00Z");
        let due = |key| told(rules.expiration(object(key), created));
        assert_eq!(due("old/k"), "old 2026-01-04T00:00:00Z");
        assert_eq!(due("k"), "date 2030-01-01T00:00:00Z");
        assert_eq!(rules.version_prefixes(), [""]);
        assert!(rules.upload_prefixes().is_empty());
        assert!(!rules.removes_marker("k", created, time("2029-12-31T00:00:00Z")));
        assert!(rules.removes_marker("k", created, time("2030-01-01T00:00:00Z")));
    }

    #[test]
    fn noncurrent_versions_wait_for_their_days_and_for_newer_ones() {
        let both = |days: Value, newer: Value| {
            rules(json!([{
                "ID": "r", "Status": "Enabled", "Filter": {},
                "NoncurrentVersionExpiration": {
                    "NoncurrentDays": days, "NewerNoncurrentVersions": newer,
                },
            }]))
        };
        let since = time("2026-01-01T10:00:00Z");
        let goes = |rules: &Rules, newer, now| {
            rules.removes_noncurrent(object("k"), since, newer, time(now))
        };
        let (before, after) = ("2026-01-02T23:59:59Z", "2026-01-03T00:00:00Z");
        let by_days = both(json!(1), Value::Null);
        assert!(!goes(&by_days, 0, before));
        assert!(goes(&by_days, 0, after));
        let by_both = both(json!(1), json!(2));
        assert!(!goes(&by_both, 1, after));
        assert!(!goes(&by_both, 2, before));
        assert!(goes(&by_both, 2, after));
        let by_count = both(Value::Null, json!(2));
        assert!(!goes(&by_count, 1, before));
        assert!(goes(&by_count, 2, before));
    }

    #[test]
    fn uploads_are_aborted_by_rules_without_sizes() {
        let rules = rules(json!([
            { "ID": "big", "Status": "Enabled", "Filter": { "ObjectSizeGreaterThan": 1 },
              "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 1 } },
            { "ID": "all", "Status": "Enabled", "Filter": { "Prefix": "a/" },
              "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 } },
        ]));
        let due = |key| told(rules.abort(key, time("2026-01-01T10:00:00Z")));
        assert_eq!(due("a/k"), "all 2026-01-09T00:00:00Z");
        assert_eq!(due("k"), "never");
    }

    #[test]
    fn headers_have_awss_form() {
        let due = Due {
            at: time("2012-12-21T00:00:00Z"),
            rule_id: "picture \"deletion\" rule".to_owned(),
        };
        assert_eq!(
            due.expiration_header(),
            "expiry-date=\"Fri, 21 Dec 2012 00:00:00 GMT\", \
             rule-id=\"picture%20%22deletion%22%20rule\""
        );
    }

    #[test]
    fn what_cannot_be_read_removes_nothing() {
        let rules = Rules::compile(&json!({ "Rules": [{ "Status": "Perhaps" }] }));
        assert!(rules.version_prefixes().is_empty());
    }
}
