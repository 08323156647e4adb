//! Conditions (P-10).
use std::cmp::Ordering;
use std::net::IpAddr;

use serde_json::Value;

use crate::context::{Context, Held, text};
use crate::text::{Piece, expand, literal, matches, parts, wild};

/// `Condition`: every operator with every key must hold.
pub(crate) fn all_hold(condition: &Value, variables: bool, context: &Context<'_>) -> bool {
    let blocks = condition.as_object().into_iter().flatten();
    blocks
        .flat_map(|(operator, keys)| {
            let keys = keys.as_object().into_iter().flatten();
            keys.map(move |(key, values)| (operator, key, values))
        })
        .all(|(operator, key, values)| holds(operator, key, &listed(values), variables, context))
}

/// One value or a list: a list.
pub(crate) fn listed(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => vec![text(value)],
    }
}

/// How many values of the context must fulfil the operator.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantifier {
    /// No prefix.
    TheOne,
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

/// An operator's name, taken apart.
pub(crate) struct Operator {
    pub quantifier: Quantifier,
    /// Without `Not`, lower case.
    pub base: String,
    pub negated: bool,
    pub if_exists: bool,
}

impl Operator {
    pub fn named(name: &str) -> Operator {
        let mut name = name.to_lowercase();
        let mut quantifier = Quantifier::TheOne;
        for (prefix, meaning) in [
            ("forallvalues:", Quantifier::All),
            ("foranyvalue:", Quantifier::Any),
        ] {
            if let Some(rest) = name.strip_prefix(prefix) {
                (name, quantifier) = (rest.to_owned(), meaning);
            }
        }
        let if_exists = name.ends_with("ifexists");
        if let Some(rest) = name.strip_suffix("ifexists") {
            name = rest.to_owned();
        }
        // `StringNotEquals`, `ArnNotLike`, `NotIpAddress`: the word occurs nowhere else.
        let base = name.replacen("not", "", 1);
        Operator {
            quantifier,
            negated: base != name,
            base,
            if_exists,
        }
    }
}

fn holds(
    operator: &str,
    key: &str,
    wanted: &[String],
    variables: bool,
    context: &Context<'_>,
) -> bool {
    let operator = Operator::named(operator);
    let held = context.value(key);
    if operator.base == "null" {
        let absent = held == Held::Absent;
        return wanted.iter().any(|w| truth(w) == Some(absent));
    }
    let one = |given: &String| {
        let hit = |wanted: &String| equals(&operator.base, wanted, given, variables, context);
        wanted.iter().any(hit) != operator.negated
    };
    match (held, operator.quantifier) {
        // The truth table of a missing key.
        (Held::Absent, _) if operator.if_exists => true,
        (Held::Absent, Quantifier::TheOne) => operator.negated,
        (Held::Absent, Quantifier::All) => true,
        (Held::Absent, Quantifier::Any) => false,
        // One value; with a set operator it is a set of one.
        (Held::One(given), _) => one(&given),
        // Several values.
        (Held::Many(given), Quantifier::All) => given.iter().all(one),
        (Held::Many(given), Quantifier::Any) => given.iter().any(one),
        (Held::Many(given), Quantifier::TheOne) => match given.as_slice() {
            [given] => one(given),
            _ => false,
        },
    }
}

/// Whether one value of the context is what one value of the policy wants, by the operator without
/// its `Not`. What cannot be read matches nothing.
fn equals(base: &str, wanted: &str, given: &str, variables: bool, context: &Context<'_>) -> bool {
    let pattern = |wildcards| match (variables, wildcards) {
        (true, _) => expand(wanted, wildcards, context),
        (false, true) => Some(wild(wanted)),
        (false, false) => Some(literal(wanted)),
    };
    match base {
        "stringequals" => pattern(false).is_some_and(|p| matches(&p, given)),
        "stringequalsignorecase" => {
            pattern(false).is_some_and(|p| shown(&p).to_lowercase() == given.to_lowercase())
        }
        "stringlike" => pattern(true).is_some_and(|p| matches(&p, given)),
        "arnequals" | "arnlike" => arn_matches(wanted, given, variables, context),
        "bool" => truth(wanted).is_some() && truth(wanted) == truth(given),
        "binaryequals" => bytes(wanted).is_some() && bytes(wanted) == bytes(given),
        "ipaddress" => in_network(wanted, given),
        _ => match base.strip_prefix("numeric") {
            Some(comparison) => compares(
                comparison,
                number(given).zip(number(wanted)),
                compare_numbers,
            ),
            None => match base.strip_prefix("date") {
                Some(comparison) => {
                    compares(comparison, time(given).zip(time(wanted)), |a, b| a.cmp(b))
                }
                None => false,
            },
        },
    }
}

fn shown(pieces: &[Piece]) -> String {
    let shown = |piece: &Piece| match piece {
        Piece::Char(c) => *c,
        Piece::Run => '*',
        Piece::Any => '?',
    };
    pieces.iter().map(shown).collect()
}

/// Six parts each, and each part matches. The value is taken apart as it is written, so what a
/// variable gives stays within its part.
fn arn_matches(wanted: &str, given: &str, variables: bool, context: &Context<'_>) -> bool {
    let wanted = match variables {
        true => parts_around_variables(wanted),
        false => parts(wanted).into_iter().map(str::to_owned).collect(),
    };
    let given = parts(given);
    let part_matches = |(wanted, given): (&String, &str)| match variables {
        true => expand(wanted, true, context).is_some_and(|p| matches(&p, given)),
        false => matches(&wild(wanted), given),
    };
    wanted.len() == 6 && given.len() == 6 && wanted.iter().zip(given).all(part_matches)
}

/// As [`parts`], but for colons in `${…}`.
fn parts_around_variables(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let variable = rest.strip_prefix("${").and_then(|_| rest.find('}'));
        let taken = variable.map_or(char.len_utf8(), |end| end + 1);
        let (piece, after) = rest.split_at(taken);
        rest = after;
        if piece == ":" && parts.len() < 6 {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push_str(piece);
        }
    }
    parts
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn compares<T>(
    comparison: &str,
    pair: Option<(T, T)>,
    compare: impl Fn(&T, &T) -> Ordering,
) -> bool {
    let Some((given, wanted)) = pair else {
        return false;
    };
    let order = compare(&given, &wanted);
    match comparison {
        "equals" => order == Ordering::Equal,
        "lessthan" => order == Ordering::Less,
        "lessthanequals" => order != Ordering::Greater,
        "greaterthan" => order == Ordering::Greater,
        "greaterthanequals" => order != Ordering::Less,
        _ => false,
    }
}

/// A decimal number: sign, digits before the point without leading zeros, digits after it without
/// trailing zeros.
type Number = (bool, String, String);

fn number(text: &str) -> Option<Number> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0').to_owned();
    let fraction = fraction.trim_end_matches('0').to_owned();
    let zero = whole.is_empty() && fraction.is_empty();
    Some((negative && !zero, whole, fraction))
}

fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    let size = |n: &Number| (n.1.len(), n.1.clone(), n.2.clone());
    match (a.0, b.0) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => size(a).cmp(&size(b)),
        (true, true) => size(b).cmp(&size(a)),
    }
}

/// Nanoseconds since 1970: ISO 8601 in the profile of the W3C, or epoch seconds.
fn time(text: &str) -> Option<i128> {
    let text = text.trim();
    // Four digits alone are a year; the profile lists the form, and nobody means 1970.
    if text.len() != 4 && !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
        return Some(text.parse::<i64>().ok()? as i128 * 1_000_000_000);
    }
    let (date, clock) = match text.split_once('T') {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    let fields: Vec<&str> = date.split('-').collect();
    let (year, month, day) = match (fields.as_slice(), clock) {
        ([year], None) => (year, "01", "01"),
        ([year, month], None) => (year, *month, "01"),
        ([year, month, day], _) => (year, *month, *day),
        _ => return None,
    };
    let days = days(
        digits(year, 4, 0, 9999)?,
        digits(month, 2, 1, 12)?,
        digits(day, 2, 1, 31)?,
    )?;
    let seconds = match clock {
        Some(clock) => seconds_of_day(clock)?,
        None => 0,
    };
    Some(i128::from(days) * 86_400_000_000_000 + seconds)
}

/// `hh:mm`, `hh:mm:ss` or `hh:mm:ss.s`, with a zone; as nanoseconds, which the zone may move to
/// another day.
fn seconds_of_day(clock: &str) -> Option<i128> {
    let (clock, zone_minutes) = match clock.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        // Without a zone it is UTC.
        None if !clock.contains(['+', '-']) => (clock, 0),
        None => {
            let at = clock.rfind(['+', '-'])?;
            let (clock, zone) = clock.split_at_checked(at)?;
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let minutes = digits(hours, 2, 0, 23)? * 60 + digits(minutes, 2, 0, 59)?;
            (clock, sign * minutes)
        }
    };
    let fields: Vec<&str> = clock.split(':').collect();
    let (hours, minutes, seconds) = match fields.as_slice() {
        [hours, minutes] => (hours, minutes, "00"),
        [hours, minutes, seconds] => (hours, minutes, *seconds),
        _ => return None,
    };
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    if fraction.is_empty() || fraction.len() > 9 || !fraction.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: i128 = format!("{fraction:0<9}").parse().ok()?;
    let minutes = digits(hours, 2, 0, 23)? * 60 + digits(minutes, 2, 0, 59)? - zone_minutes;
    let seconds = minutes * 60 + digits(seconds, 2, 0, 59)?;
    Some(i128::from(seconds) * 1_000_000_000 + nanoseconds)
}

fn digits(text: &str, count: usize, min: i64, max: i64) -> Option<i64> {
    let number = text.parse().ok()?;
    let good = text.len() == count && text.chars().all(|c| c.is_ascii_digit());
    (good && (min..=max).contains(&number)).then_some(number)
}

/// Days from 1970-01-01, counted year by year and month by month.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = |year: i64, month: i64| match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if day > length(year, month) {
        return None;
    }
    let year_days = |year: i64| if leap(year) { 366 } else { 365 };
    let years: i64 = match year >= 1970 {
        true => (1970..year).map(year_days).sum(),
        false => -(year..1970).map(year_days).sum::<i64>(),
    };
    let months: i64 = (1..month).map(|month| length(year, month)).sum();
    Some(years + months + day - 1)
}

/// An address, and how many of its leading bits count.
pub(crate) fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, width) = match text.trim().split_once('/') {
        Some((address, width)) => (address, Some(width)),
        None => (text.trim(), None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let width = match width {
        Some(width) if width.chars().all(|c| c.is_ascii_digit()) => width.parse().ok()?,
        Some(_) => return None,
        None => most,
    };
    (width <= most).then_some((address, width))
}

fn in_network(wanted: &str, given: &str) -> bool {
    let (Some((network, width)), Ok(given)) = (network(wanted), given.trim().parse::<IpAddr>())
    else {
        return false;
    };
    // An address is the string of its bits.
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => format!("{:032b}", address.to_bits()),
        IpAddr::V6(address) => format!("{:0128b}", address.to_bits()),
    };
    let width = width as usize;
    network.is_ipv4() == given.is_ipv4() && bits(network).get(..width) == bits(given).get(..width)
}

/// Base64 with padding.
fn bytes(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut bits = String::new();
    for c in body.chars() {
        bits.push_str(&format!("{:06b}", ALPHABET.find(c)?));
    }
    // What is left over beside whole bytes must be zero.
    let whole = bits.len() / 8 * 8;
    if bits.get(whole..)?.contains('1') || bits.len() - whole != padding * 2 {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(bits.get(at..at + 8)?, 2).ok();
    (0..whole).step_by(8).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::{bytes, compare_numbers, number, time};

    #[test]
    fn numbers_compare_by_value() {
        let order = |a: &str, b: &str| {
            compare_numbers(
                &number(a).unwrap_or_default(),
                &number(b).unwrap_or_default(),
            )
        };
        assert!(order("10", "10.0").is_eq());
        assert!(order("9", "10").is_lt());
        assert!(order("-9", "-10").is_gt());
        assert!(order("-0", "0").is_eq());
        assert!(order("1.10", "1.1").is_eq());
        assert!(order("1.09", "1.1").is_lt());
        assert_eq!(number("1e3"), None);
    }

    #[test]
    fn times_are_read_in_all_forms() {
        let new_year = Some(1_767_225_600_000_000_000);
        for text in [
            "2026",
            "2026-01",
            "2026-01-01",
            "2026-01-01T00:00Z",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.0Z",
            "2026-01-01T00:00:00",
            "2026-01-01T01:00:00+01:00",
            "2025-12-31T23:00:00-01:00",
            "1767225600",
        ] {
            assert_eq!(time(text), new_year, "{text}");
        }
        for text in ["", "x", "2026-1-1", "2026-13-01", "-1"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn base64_is_read() {
        assert_eq!(bytes("QQ=="), Some(b"A".to_vec()));
        assert_eq!(bytes("QmluYXJ5"), Some(b"Binary".to_vec()));
        assert_eq!(bytes("QR=="), None);
        assert_eq!(bytes("QQ"), None);
    }
}
