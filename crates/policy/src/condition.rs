//! Conditions: one key under one operator (spec P-10).
use std::cmp::Ordering;
use std::collections::HashSet;
use std::net::IpAddr;

use base64::Engine;

use crate::context::Key;
use crate::facts::Facts;
use crate::pattern::{Arn, ArnPattern, Case, Pattern, ShortArn, Variables, Wildcards};
use crate::pattern_set::{PatternSet, sets_of};
use crate::{KnownKey, Lookup};

/// An operator with its prefix and suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    pub set: Option<SetOperator>,
    pub comparison: Comparison,
    pub negated: bool,
    pub if_exists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetOperator {
    ForAllValues,
    ForAnyValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    IpAddress,
    Arn,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Order::Equal => ordering.is_eq(),
            Order::Less => ordering.is_lt(),
            Order::LessOrEqual => ordering.is_le(),
            Order::Greater => ordering.is_gt(),
            Order::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// Name, comparison, and whether the name negates it.
const OPERATORS: &[(&str, Comparison, bool)] = &[
    ("StringEquals", Comparison::StringEquals, false),
    ("StringNotEquals", Comparison::StringEquals, true),
    (
        "StringEqualsIgnoreCase",
        Comparison::StringEqualsIgnoreCase,
        false,
    ),
    (
        "StringNotEqualsIgnoreCase",
        Comparison::StringEqualsIgnoreCase,
        true,
    ),
    ("StringLike", Comparison::StringLike, false),
    ("StringNotLike", Comparison::StringLike, true),
    ("NumericEquals", Comparison::Numeric(Order::Equal), false),
    ("NumericNotEquals", Comparison::Numeric(Order::Equal), true),
    ("NumericLessThan", Comparison::Numeric(Order::Less), false),
    (
        "NumericLessThanEquals",
        Comparison::Numeric(Order::LessOrEqual),
        false,
    ),
    (
        "NumericGreaterThan",
        Comparison::Numeric(Order::Greater),
        false,
    ),
    (
        "NumericGreaterThanEquals",
        Comparison::Numeric(Order::GreaterOrEqual),
        false,
    ),
    ("DateEquals", Comparison::Date(Order::Equal), false),
    ("DateNotEquals", Comparison::Date(Order::Equal), true),
    ("DateLessThan", Comparison::Date(Order::Less), false),
    (
        "DateLessThanEquals",
        Comparison::Date(Order::LessOrEqual),
        false,
    ),
    ("DateGreaterThan", Comparison::Date(Order::Greater), false),
    (
        "DateGreaterThanEquals",
        Comparison::Date(Order::GreaterOrEqual),
        false,
    ),
    ("Bool", Comparison::Bool, false),
    ("BinaryEquals", Comparison::Binary, false),
    ("IpAddress", Comparison::IpAddress, false),
    ("NotIpAddress", Comparison::IpAddress, true),
    ("ArnEquals", Comparison::Arn, false),
    ("ArnLike", Comparison::Arn, false),
    ("ArnNotEquals", Comparison::Arn, true),
    ("ArnNotLike", Comparison::Arn, true),
    ("Null", Comparison::Null, false),
];

const SET_OPERATORS: [(&str, SetOperator); 2] = [
    ("ForAllValues:", SetOperator::ForAllValues),
    ("ForAnyValue:", SetOperator::ForAnyValue),
];

impl Operator {
    /// Reads a name, in any case; and whether the case is AWS's own.
    pub fn parse(name: &str) -> Option<(Operator, bool)> {
        let (mut rest, mut set, mut exact) = (name, None, true);
        for (prefix, operator) in SET_OPERATORS {
            let (head, tail) = name.split_at_checked(prefix.len()).unwrap_or(("", ""));
            if head.eq_ignore_ascii_case(prefix) {
                (rest, set) = (tail, Some(operator));
                exact &= head == prefix;
            }
        }
        let mut if_exists = false;
        let suffix = "IfExists";
        if let Some(start) = rest.len().checked_sub(suffix.len())
            && let Some((head, tail)) = rest.split_at_checked(start)
            && tail.eq_ignore_ascii_case(suffix)
        {
            (rest, if_exists) = (head, true);
            exact &= tail == suffix;
        }
        let (canonical, comparison, negated) = OPERATORS
            .iter()
            .find(|(canonical, ..)| canonical.eq_ignore_ascii_case(rest))?;
        let operator = Operator {
            set,
            comparison: *comparison,
            negated: *negated,
            if_exists,
        };
        Some((operator, exact && rest == *canonical))
    }
}

/// One key under one operator, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub operator: Operator,
    /// As written.
    pub operator_text: Box<str>,
    /// As written.
    pub key_text: Box<str>,
    pub key: Key,
    /// As written.
    pub values_text: Box<[String]>,
    values: Values,
}

/// The values, compiled for the comparison. What cannot be read compares with nothing and is left
/// out.
#[derive(Clone, Debug)]
enum Values {
    Texts {
        equal: Sorted,
        sets: Box<[PatternSet]>,
        patterns: Box<[Pattern]>,
    },
    /// In lower case.
    TextsIgnoringCase {
        equal: Sorted,
        patterns: Box<[Pattern]>,
    },
    Numbers(Box<[DecimalText]>),
    Dates(Box<[Instant]>),
    Bools {
        yes: bool,
        no: bool,
    },
    Bytes(Box<[Vec<u8>]>),
    Networks(Box<[Network]>),
    Arns {
        equal: Sorted,
        patterns: Box<[ArnPattern]>,
    },
}

/// Texts in order, so that a long list costs a few comparisons.
#[derive(Clone, Debug)]
struct Sorted(Box<[Box<str>]>);

impl Sorted {
    fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Sorted {
        let mut texts: Vec<Box<str>> = texts.map(Box::from).collect();
        texts.sort_unstable();
        texts.dedup();
        Sorted(texts.into())
    }

    fn contains(&self, text: &str) -> bool {
        match &*self.0 {
            [] => false,
            [one] => **one == *text,
            many => many.binary_search_by(|wanted| (**wanted).cmp(text)).is_ok(),
        }
    }

    /// As [`Sorted::contains`] of the text in lower case, for texts in lower case.
    fn contains_lower_case_of(&self, text: &str) -> bool {
        let lower = || text.chars().flat_map(char::to_lowercase);
        let found = self
            .0
            .binary_search_by(|wanted| wanted.chars().cmp(lower()));
        found.is_ok()
    }
}

impl Condition {
    pub fn compile(
        (operator, operator_text): (Operator, &str),
        key: &str,
        values: Vec<String>,
        variables: Variables,
    ) -> Condition {
        fn each<T>(values: &[String], read: impl FnMut(&str) -> Option<T>) -> Box<[T]> {
            let mut read = read;
            values.iter().filter_map(|value| read(value)).collect()
        }
        let compiled = match operator.comparison {
            Comparison::StringEquals => texts(&values, Wildcards::Literal, variables),
            Comparison::StringLike => texts(&values, Wildcards::Match, variables),
            Comparison::StringEqualsIgnoreCase => texts_ignoring_case(&values, variables),
            Comparison::Numeric(_) => Values::Numbers(each(&values, DecimalText::parse)),
            Comparison::Date(_) => Values::Dates(each(&values, Instant::parse)),
            Comparison::Bool | Comparison::Null => Values::Bools {
                yes: values.iter().any(|value| parse_bool(value) == Some(true)),
                no: values.iter().any(|value| parse_bool(value) == Some(false)),
            },
            Comparison::Binary => Values::Bytes(each(&values, parse_binary)),
            Comparison::IpAddress => Values::Networks(each(&values, Network::parse)),
            Comparison::Arn => arns(&values, variables),
        };
        Condition {
            operator,
            operator_text: operator_text.into(),
            key_text: key.into(),
            key: Key::compile(key),
            values_text: values.into(),
            values: compiled,
        }
    }

    /// Whether it holds, by the truth tables of P-10.
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        let Operator {
            set,
            comparison,
            negated,
            if_exists,
        } = self.operator;
        let found = self.key.find(facts);
        if comparison == Comparison::Null {
            let absent = match found {
                Lookup::Absent => true,
                Lookup::One(_) => false,
                Lookup::Many(values) => values.is_empty(),
            };
            return self.wants_null(absent);
        }
        // What is read from the one value of a key may be kept for the next condition.
        let single = |value| self.one(value, self.key.known, facts);
        let each = |value: &String| self.one(value, None, facts);
        match (set, found) {
            (Some(SetOperator::ForAllValues), Lookup::Absent) => true,
            (Some(SetOperator::ForAllValues), Lookup::One(value)) => single(value),
            (Some(SetOperator::ForAllValues), Lookup::Many(values)) => values.iter().all(each),
            (Some(SetOperator::ForAnyValue), Lookup::Absent | Lookup::Many([])) => if_exists,
            (Some(SetOperator::ForAnyValue), Lookup::One(value)) => single(value),
            (Some(SetOperator::ForAnyValue), Lookup::Many(values)) => values.iter().any(each),
            (None, Lookup::Absent | Lookup::Many([])) => if_exists || negated,
            (None, Lookup::One(value)) => single(value),
            (None, Lookup::Many([value])) => each(value),
            // Several values and no set operator: no match, negated or not.
            (None, Lookup::Many(_)) => false,
        }
    }

    /// Context keys of the condition and its variables, in lower case.
    pub fn keys(&self) -> Vec<&str> {
        let mut keys = vec![&*self.key.name];
        match &self.values {
            Values::Texts { patterns, .. } | Values::TextsIgnoringCase { patterns, .. } => {
                keys.extend(patterns.iter().flat_map(Pattern::keys));
            }
            Values::Arns { patterns, .. } => {
                keys.extend(patterns.iter().flat_map(ArnPattern::keys));
            }
            Values::Numbers(_)
            | Values::Dates(_)
            | Values::Bools { .. }
            | Values::Bytes(_)
            | Values::Networks(_) => {}
        }
        keys
    }

    fn wants_null(&self, absent: bool) -> bool {
        match &self.values {
            Values::Bools { yes, no } => {
                if absent {
                    *yes
                } else {
                    *no
                }
            }
            Values::Texts { .. }
            | Values::TextsIgnoringCase { .. }
            | Values::Numbers(_)
            | Values::Dates(_)
            | Values::Bytes(_)
            | Values::Networks(_)
            | Values::Arns { .. } => false,
        }
    }

    /// One value of the request: it equals some wanted value, or none for negated operators.
    fn one(&self, value: &str, key: Option<KnownKey>, facts: &Facts<'_>) -> bool {
        self.equals_some(value, key, facts) != self.operator.negated
    }

    fn equals_some(&self, value: &str, key: Option<KnownKey>, facts: &Facts<'_>) -> bool {
        match &self.values {
            Values::Texts {
                equal,
                sets,
                patterns,
            } => {
                equal.contains(value)
                    || sets.iter().any(|set| set.matches(value))
                    || patterns
                        .iter()
                        .any(|p| p.matches(value, Case::Sensitive, facts))
            }
            Values::TextsIgnoringCase { equal, patterns } => {
                equal.contains_lower_case_of(value)
                    || patterns
                        .iter()
                        .any(|p| p.equals_ignoring_case(value, facts))
            }
            Values::Numbers(wanted) => Decimal::parse(value).is_some_and(|value| {
                let mut wanted = wanted.iter();
                wanted.any(|wanted| self.in_order(value.compare(&wanted.decimal())))
            }),
            Values::Dates(wanted) => facts
                .instant(key, value)
                .is_some_and(|value| wanted.iter().any(|w| self.in_order(value.cmp(w)))),
            Values::Bools { yes, no } => match parse_bool(value) {
                Some(true) => *yes,
                Some(false) => *no,
                None => false,
            },
            Values::Bytes(wanted) => {
                parse_binary(value).is_some_and(|value| wanted.contains(&value))
            }
            Values::Networks(networks) => facts
                .address(key, value)
                .is_some_and(|address| networks.iter().any(|n| n.contains(address))),
            Values::Arns { equal, patterns } => {
                let arn = Arn::new(value);
                equal.contains(value) || patterns.iter().any(|p| p.matches(&arn, facts))
            }
        }
    }

    fn in_order(&self, ordering: Ordering) -> bool {
        match self.operator.comparison {
            Comparison::Numeric(order) | Comparison::Date(order) => order.holds(ordering),
            Comparison::StringEquals
            | Comparison::StringEqualsIgnoreCase
            | Comparison::StringLike
            | Comparison::Bool
            | Comparison::Binary
            | Comparison::IpAddress
            | Comparison::Arn
            | Comparison::Null => false,
        }
    }
}

fn texts(values: &[String], wildcards: Wildcards, variables: Variables) -> Values {
    let patterns = compiled(values, |text| Pattern::compile(text, wildcards, variables));
    let (equal, mut patterns): (Vec<Pattern>, Vec<Pattern>) =
        patterns.partition(|pattern| pattern.literal().is_some());
    Values::Texts {
        equal: Sorted::of(equal.iter().filter_map(Pattern::literal)),
        sets: sets_of(&mut patterns),
        patterns: patterns.into(),
    }
}

fn texts_ignoring_case(values: &[String], variables: Variables) -> Values {
    let compile = |text: &str| Pattern::compile(text, Wildcards::Literal, variables);
    let (equal, patterns): (Vec<Pattern>, _) =
        compiled(values, compile).partition(|pattern| pattern.literal().is_some());
    let lower: Vec<String> = equal
        .iter()
        .filter_map(Pattern::literal)
        // Letter by letter, as the value is: `str::to_lowercase` has an eye for final sigmas.
        .map(|text| text.chars().flat_map(char::to_lowercase).collect())
        .collect();
    Values::TextsIgnoringCase {
        equal: Sorted::of(lower.iter().map(String::as_str)),
        patterns: patterns.into(),
    }
}

fn arns(values: &[String], variables: Variables) -> Values {
    let compile = |text: &str| ArnPattern::compile(text, ShortArn::MatchesNothing, variables, true);
    let (equal, patterns): (Vec<ArnPattern>, _) =
        compiled(values, compile).partition(|pattern| pattern.literal().is_some());
    Values::Arns {
        equal: Sorted::of(equal.iter().filter_map(ArnPattern::literal)),
        patterns: patterns.into(),
    }
}

/// Repeated values say nothing new.
fn compiled<'v, T>(
    values: &'v [String],
    compile: impl Fn(&str) -> T + 'v,
) -> impl Iterator<Item = T> + 'v {
    let mut seen = HashSet::new();
    values
        .iter()
        .filter(move |value| seen.insert(value.as_str()))
        .map(move |value| compile(value))
}

fn parse_bool(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn parse_binary(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// A decimal number, compared exactly.
#[derive(Clone, Copy, Debug)]
struct Decimal<'a> {
    negative: bool,
    /// Without leading zeros.
    integer: &'a str,
    /// Without trailing zeros.
    fraction: &'a str,
}

/// A [`Decimal`] of a document.
#[derive(Clone, Debug)]
struct DecimalText {
    negative: bool,
    integer: Box<str>,
    fraction: Box<str>,
}

impl DecimalText {
    fn parse(text: &str) -> Option<DecimalText> {
        let decimal = Decimal::parse(text)?;
        Some(DecimalText {
            negative: decimal.negative,
            integer: decimal.integer.into(),
            fraction: decimal.fraction.into(),
        })
    }

    fn decimal(&self) -> Decimal<'_> {
        Decimal {
            negative: self.negative,
            integer: &self.integer,
            fraction: &self.fraction,
        }
    }
}

impl Decimal<'_> {
    fn parse(text: &str) -> Option<Decimal<'_>> {
        let text = text.trim();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (integer, fraction) = match digits.split_once('.') {
            Some((integer, fraction)) if !fraction.is_empty() => (integer, fraction),
            Some(_) => return None,
            None => (digits, ""),
        };
        let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if integer.is_empty() || !all_digits(integer) || !all_digits(fraction) {
            return None;
        }
        let integer = integer.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        Some(Decimal {
            // Zero has no sign.
            negative: negative && !(integer.is_empty() && fraction.is_empty()),
            integer,
            fraction,
        })
    }

    fn compare(&self, other: &Decimal<'_>) -> Ordering {
        let size = |a: &Decimal<'_>, b: &Decimal<'_>| {
            (a.integer.len().cmp(&b.integer.len()))
                .then_with(|| a.integer.cmp(b.integer))
                .then_with(|| a.fraction.cmp(b.fraction))
        };
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

/// A point in time: seconds since 1970, and billionths of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant {
    seconds: i64,
    nanos: u32,
}

impl Instant {
    /// Reads ISO 8601 in the profile of the W3C, or seconds since 1970.
    pub fn parse(text: &str) -> Option<Instant> {
        let text = text.trim();
        let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // Four digits are a year.
        if all_digits && text.len() != 4 {
            let seconds = text.parse().ok()?;
            return Some(Instant { seconds, nanos: 0 });
        }
        let (date, time) = match text.split_once(['T', 't']) {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let mut parts = date.split('-');
        let year = digits(parts.next()?, 4)?;
        let month = parts.next().map_or(Some(1), |part| digits(part, 2))?;
        let day = parts.next().map_or(Some(1), |part| digits(part, 2))?;
        if parts.next().is_some() || (time.is_some() && date.len() != 10) {
            return None;
        }
        let (year, month, day) = (
            i16::try_from(year).ok()?,
            i8::try_from(month).ok()?,
            i8::try_from(day).ok()?,
        );
        let date = jiff::civil::Date::new(year, month, day).ok()?;
        let days = date.duration_since(jiff::civil::date(1970, 1, 1)).as_secs();
        let (of_day, nanos) = time.map_or(Some((0, 0)), time_of_day)?;
        Some(Instant {
            seconds: days.checked_add(of_day)?,
            nanos,
        })
    }
}

/// Seconds since midnight in UTC, from `hh:mm[:ss[.s…]][Z|±hh:mm]`.
fn time_of_day(text: &str) -> Option<(i64, u32)> {
    let (clock, offset_seconds) = match text.find(['Z', 'z', '+', '-']) {
        None => (text, 0),
        Some(at) => {
            let (clock, zone) = text.split_at_checked(at)?;
            let offset = match zone.split_at_checked(1)? {
                ("Z" | "z", "") => 0,
                ("+", offset) => hours_and_minutes(offset)?,
                ("-", offset) => -hours_and_minutes(offset)?,
                _ => return None,
            };
            (clock, offset)
        }
    };
    let (minutes, seconds) = match clock.split_at_checked(5)? {
        (minutes, "") => (minutes, "00"),
        (minutes, rest) => (minutes, rest.strip_prefix(':')?),
    };
    let (whole, fraction) = match seconds.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (seconds, "0"),
    };
    let whole = digits(whole, 2).filter(|seconds| *seconds < 60)?;
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Billionths are exact enough: what is finer is cut off.
    let nanos = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanos = nanos.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
    Some((hours_and_minutes(minutes)? + whole - offset_seconds, nanos))
}

/// Seconds, from `hh:mm`.
fn hours_and_minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let hours = digits(hours, 2).filter(|hours| *hours < 24)?;
    let minutes = digits(minutes, 2).filter(|minutes| *minutes < 60)?;
    Some(hours * 3600 + minutes * 60)
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let all_digits = text.bytes().all(|b| b.is_ascii_digit());
    if text.len() == count && all_digits {
        text.parse().ok()
    } else {
        None
    }
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    pub prefix_bits: u32,
}

impl Network {
    /// Reads `address` or `address/bits`; bits behind the prefix may be set.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, bits) = match text.trim().split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match bits {
            None => bits_max,
            Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
        };
        (prefix_bits <= bits_max).then_some(Network {
            address,
            prefix_bits,
        })
    }

    /// Whether the address is inside; the two families never meet.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= self.prefix_bits
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= self.prefix_bits
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    pub fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Whether all of `other` is inside.
    pub fn covers(&self, other: &Network) -> bool {
        self.prefix_bits <= other.prefix_bits && self.contains(other.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_exactly() {
        let compare = |a, b| {
            Decimal::parse(a)
                .unwrap()
                .compare(&Decimal::parse(b).unwrap())
        };
        assert_eq!(compare("10", "10.0"), Ordering::Equal);
        assert_eq!(compare("-0", "+0.00"), Ordering::Equal);
        assert_eq!(compare("-2", "-10"), Ordering::Greater);
        assert_eq!(compare("9", "10"), Ordering::Less);
        assert_eq!(compare("0.15", "0.2"), Ordering::Less);
        assert_eq!(
            compare("9007199254740993", "9007199254740992"),
            Ordering::Greater
        );
        for text in ["", "1.", ".5", "1e3", "0x1", "1 2", "--1"] {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn dates_are_read_in_all_their_forms() {
        let seconds = |text| Instant::parse(text).map(|instant| instant.seconds);
        assert_eq!(seconds("1970"), Some(0));
        assert_eq!(seconds("1970-02"), Some(31 * 86_400));
        assert_eq!(seconds("1970-01-02"), Some(86_400));
        assert_eq!(seconds("1970-01-01T00:01Z"), Some(60));
        assert_eq!(seconds("1970-01-01T01:00:01+01:00"), Some(1));
        assert_eq!(seconds("1969-12-31T23:00:00-01:00"), Some(0));
        assert_eq!(seconds("86400"), Some(86_400));
        assert!(Instant::parse("1970-01-01T00:00:00.5Z") > Instant::parse("0"));
        for text in [
            "",
            "x",
            "1970-13",
            "1970-01-32",
            "1970-01-01T24:00Z",
            "1970T00:00Z",
        ] {
            assert!(Instant::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn operators_are_read_in_any_case_and_known_by_their_own() {
        let (operator, exact) = Operator::parse("ForAnyValue:StringNotLikeIfExists").unwrap();
        assert!(exact && operator.negated && operator.if_exists);
        assert_eq!(operator.set, Some(SetOperator::ForAnyValue));
        assert!(!Operator::parse("stringlike").unwrap().1);
        assert!(Operator::parse("StringIs").is_none());
    }
}
