//! `ContextEntries`: what conditions and variables see in a simulation.
use std::collections::HashMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use policy::{Context, Lookup};
use serde::Deserialize;

use super::InvalidSimulation;

/// `ContextEntry`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContextEntry {
    context_key_name: Option<String>,
    #[serde(default)]
    context_key_values: Vec<String>,
    context_key_type: Option<KeyType>,
}

/// `ContextKeyTypeEnum`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum KeyType {
    String,
    StringList,
    Numeric,
    NumericList,
    Boolean,
    BooleanList,
    Ip,
    IpList,
    Binary,
    BinaryList,
    Date,
    DateList,
}

impl KeyType {
    fn name(self) -> &'static str {
        match self {
            KeyType::String => "string",
            KeyType::StringList => "stringList",
            KeyType::Numeric => "numeric",
            KeyType::NumericList => "numericList",
            KeyType::Boolean => "boolean",
            KeyType::BooleanList => "booleanList",
            KeyType::Ip => "ip",
            KeyType::IpList => "ipList",
            KeyType::Binary => "binary",
            KeyType::BinaryList => "binaryList",
            KeyType::Date => "date",
            KeyType::DateList => "dateList",
        }
    }

    fn is_list(self) -> bool {
        match self {
            KeyType::StringList
            | KeyType::NumericList
            | KeyType::BooleanList
            | KeyType::IpList
            | KeyType::BinaryList
            | KeyType::DateList => true,
            KeyType::String
            | KeyType::Numeric
            | KeyType::Boolean
            | KeyType::Ip
            | KeyType::Binary
            | KeyType::Date => false,
        }
    }

    fn takes(self, value: &str) -> bool {
        match self {
            KeyType::String | KeyType::StringList => true,
            KeyType::Numeric | KeyType::NumericList => {
                value.parse::<f64>().is_ok_and(f64::is_finite)
            }
            KeyType::Boolean | KeyType::BooleanList => {
                value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
            }
            KeyType::Ip | KeyType::IpList => {
                let (address, prefix) = value.split_once('/').unwrap_or((value, "0"));
                address.parse::<IpAddr>().is_ok()
                    && prefix.parse::<u8>().is_ok_and(|bits| bits <= 128)
            }
            KeyType::Binary | KeyType::BinaryList => STANDARD.decode(value).is_ok(),
            KeyType::Date | KeyType::DateList => is_date(value),
        }
    }
}

/// ISO 8601, in the forms of the W3C's profile, or seconds since 1970 (spec P-10).
fn is_date(value: &str) -> bool {
    let seconds = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    // `2026-01` and `2026-01-02T03:04Z` are dates, too.
    let month = || format!("{value}-01").parse::<jiff::civil::Date>().is_ok();
    seconds
        || value.parse::<jiff::Timestamp>().is_ok()
        || value.parse::<jiff::civil::Date>().is_ok()
        || month()
}

/// The entries by key in lower case.
#[derive(Debug)]
pub(crate) struct Entries(HashMap<String, Option<Values>>);

#[derive(Debug)]
enum Values {
    One(String),
    Many(Vec<String>),
}

impl Entries {
    pub(crate) fn read(entries: &[ContextEntry]) -> Result<Entries, InvalidSimulation> {
        let mut read = HashMap::with_capacity(entries.len());
        for entry in entries {
            let name = entry.context_key_name.as_ref();
            let name = name.ok_or(InvalidSimulation::UnnamedKey)?;
            let lower = name.to_lowercase();
            if read.insert(lower, values(name, entry)?).is_some() {
                return Err(InvalidSimulation::DuplicateKey(name.clone()));
            }
        }
        Ok(Entries(read))
    }
}

/// A single-valued key without a value is one that the request has not.
fn values(name: &str, entry: &ContextEntry) -> Result<Option<Values>, InvalidSimulation> {
    let values = &entry.context_key_values;
    if let Some(kind) = entry.context_key_type {
        if let Some(value) = values.iter().find(|value| !kind.takes(value)) {
            return Err(InvalidSimulation::Value {
                key: name.to_owned(),
                value: value.clone(),
                kind: kind.name(),
            });
        }
        if kind.is_list() {
            return Ok(Some(Values::Many(values.clone())));
        }
        if values.len() > 1 {
            return Err(InvalidSimulation::SeveralValues {
                key: name.to_owned(),
                kind: kind.name(),
            });
        }
    }
    Ok(match values.as_slice() {
        [] => None,
        [value] => Some(Values::One(value.clone())),
        _ => Some(Values::Many(values.clone())),
    })
}

impl Context for Entries {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match self.0.get(key) {
            Some(Some(Values::One(value))) => Lookup::One(value),
            Some(Some(Values::Many(values))) => Lookup::Many(values),
            Some(None) | None => Lookup::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Option<KeyType>, values: &[&str]) -> Result<Entries, InvalidSimulation> {
        Entries::read(&[ContextEntry {
            context_key_name: Some("aws:Key".to_owned()),
            context_key_values: values.iter().map(|&value| value.to_owned()).collect(),
            context_key_type: kind,
        }])
    }

    #[test]
    fn every_type_takes_its_values_and_no_others() {
        let cases: [(KeyType, &[&str], &[&str]); 6] = [
            (KeyType::String, &["", "x", "*"], &[]),
            (
                KeyType::Numeric,
                &["1", "-2.5", "1e3"],
                &["", "x", "NaN", "inf"],
            ),
            (KeyType::Boolean, &["true", "False"], &["", "1", "yes"]),
            (
                KeyType::Ip,
                &["10.0.0.1", "10.0.0.0/8", "2001:db8::1", "2001:db8::/32"],
                &["", "10.0.0", "10.0.0.1/x", "::/129"],
            ),
            (KeyType::Binary, &["", "QmFzZTY0"], &["%", "QmF"]),
            (
                KeyType::Date,
                &[
                    "1700000000",
                    "2026",
                    "2026-01",
                    "2026-01-02",
                    "2026-01-02T03:04Z",
                    "2026-01-02T03:04:05Z",
                    "2026-01-02T03:04:05.6+01:00",
                ],
                &["", "x", "2026-13", "2026-01-32"],
            ),
        ];
        for (kind, good, bad) in cases {
            for value in good {
                assert!(entry(Some(kind), &[value]).is_ok(), "{kind:?} {value}");
            }
            for value in bad {
                let error = entry(Some(kind), &[value]).unwrap_err();
                assert!(matches!(error, InvalidSimulation::Value { .. }), "{error}");
            }
        }
    }

    #[test]
    fn lists_have_many_values_and_others_one() {
        let look = |entries: &Entries| format!("{:?}", entries.lookup("aws:key"));
        let of = |kind, values: &[&str]| look(&entry(kind, values).unwrap());
        assert_eq!(of(Some(KeyType::String), &["a"]), r#"One("a")"#);
        assert_eq!(of(Some(KeyType::String), &[]), "Absent");
        assert_eq!(of(Some(KeyType::StringList), &["a"]), r#"Many(["a"])"#);
        assert_eq!(of(Some(KeyType::StringList), &[]), "Many([])");
        assert_eq!(of(None, &["a"]), r#"One("a")"#);
        assert_eq!(of(None, &["a", "b"]), r#"Many(["a", "b"])"#);
        assert_eq!(
            entry(Some(KeyType::Date), &["2026", "2027"])
                .unwrap_err()
                .to_string(),
            "Context key aws:Key of type date must have a single value."
        );
    }
}
