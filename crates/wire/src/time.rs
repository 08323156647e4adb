//! Points in time as AWS writes them.
//!
//! In a [`serde_json::Value`] a timestamp is RFC 3339 text (`2026-01-02T03:04:05Z`, with a fraction if there is one) or a
//! number of seconds since 1970. Inputs decoded by this crate always carry the text; outputs may carry either.

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use serde_json::Value;

/// `2026-01-02T03:04:05Z`, as Query services write it.
#[must_use]
pub fn iso8601(time: Timestamp) -> String {
    let mut text = String::with_capacity(20);
    push_to_the_second(utc(time), &mut text);
    text.push('Z');
    text
}

/// `2026-01-02T03:04:05.000Z`, as S3 writes it in bodies.
#[must_use]
pub fn iso8601_millis(time: Timestamp) -> String {
    let mut text = String::with_capacity(24);
    push_iso8601_millis(time, &mut text);
    text
}

/// The same onto the end of a text.
pub(crate) fn push_iso8601_millis(time: Timestamp, into: &mut String) {
    let utc = utc(time);
    push_to_the_second(utc, into);
    into.push('.');
    push_digits(utc.millisecond(), 100, into);
    into.push('Z');
}

/// `Fri, 02 Jan 2026 03:04:05 GMT` (IMF-fixdate), as HTTP headers have it.
#[must_use]
pub fn imf_fixdate(time: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let utc = utc(time);
    let day = match utc.weekday() {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    };
    let month = usize::try_from(utc.month() - 1)
        .ok()
        .and_then(|month| MONTHS.get(month))
        .unwrap_or(&"Jan");
    let mut text = String::with_capacity(29);
    text.push_str(day);
    text.push_str(", ");
    push_digits(utc.day().into(), 10, &mut text);
    text.push(' ');
    text.push_str(month);
    text.push(' ');
    push_digits(utc.year(), 1000, &mut text);
    text.push(' ');
    push_clock(utc, &mut text);
    text.push_str(" GMT");
    text
}

/// `20260102T030405Z`, as `x-amz-date` has it.
#[must_use]
pub fn basic(time: Timestamp) -> String {
    let utc = utc(time);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        utc.year(),
        utc.month(),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second()
    )
}

fn push_to_the_second(utc: DateTime, into: &mut String) {
    push_digits(utc.year(), 1000, into);
    into.push('-');
    push_digits(utc.month().into(), 10, into);
    into.push('-');
    push_digits(utc.day().into(), 10, into);
    into.push('T');
    push_clock(utc, into);
}

/// `03:04:05`
fn push_clock(utc: DateTime, into: &mut String) {
    push_digits(utc.hour().into(), 10, into);
    into.push(':');
    push_digits(utc.minute().into(), 10, into);
    into.push(':');
    push_digits(utc.second().into(), 10, into);
}

/// A number with zeros before it, the first digit worth `unit`. Listings write a thousand times in
/// one answer; a format string takes three times as long.
fn push_digits(number: i16, mut unit: i16, into: &mut String) {
    while unit > 0 {
        let digit = u8::try_from(number / unit % 10).unwrap_or_default();
        into.push(char::from(b'0' + digit));
        unit /= 10;
    }
}

fn utc(time: Timestamp) -> DateTime {
    TimeZone::UTC.to_datetime(time)
}

/// Reads exactly `YYYYMMDDTHHMMSSZ`.
#[must_use]
pub fn parse_basic(text: &str) -> Option<Timestamp> {
    // Every signed request has one, so this does without a format string.
    if text.len() != 16 || text.as_bytes().get(8) != Some(&b'T') || !text.ends_with('Z') {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        // `i8::from_str` takes signs.
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i8>().ok().filter(|_| plain)
    };
    let year = i16::from(number(0..2)?) * 100 + i16::from(number(2..4)?);
    let civil = DateTime::new(
        year,
        number(4..6)?,
        number(6..8)?,
        number(9..11)?,
        number(11..13)?,
        number(13..15)?,
        0,
    )
    .ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// Reads an ISO 8601 time with `Z` or an offset; a date alone is midnight UTC; no zone means UTC.
#[must_use]
pub fn parse_iso8601(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if let Some(time) = parse_basic(text) {
        return Some(time);
    }
    let civil: DateTime = text.parse().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Reads an HTTP date: IMF-fixdate (also with a numeric zone), RFC 850 or asctime.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text) {
        return Some(time);
    }
    civil("%A, %d-%b-%y %H:%M:%S GMT", text).or_else(|| civil("%a %b %e %H:%M:%S %Y", text))
}

/// Reads the timestamp in a [`Value`]: text of any form above, or seconds since 1970.
#[must_use]
pub fn from_value(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => parse_iso8601(text).or_else(|| parse_http_date(text)),
        Value::Number(number) => match number.as_i64() {
            Some(seconds) => Timestamp::from_second(seconds).ok(),
            None => seconds_with_fraction(number.as_f64()?),
        },
        _ => None,
    }
}

fn seconds_with_fraction(seconds: f64) -> Option<Timestamp> {
    let millis = seconds * 1000.0;
    // The range of jiff's timestamps is far inside that of i64.
    if !millis.is_finite() || millis.abs() > 1e15 {
        return None;
    }
    Timestamp::from_millisecond(millis.round() as i64).ok()
}

/// RFC 3339 text for a [`Value`].
#[must_use]
pub fn to_value(time: Timestamp) -> Value {
    Value::String(time.to_string())
}

fn civil(format: &str, text: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime(format, text).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_and_writes_the_same_second() {
        let time = Timestamp::from_second(1_767_323_045).unwrap();
        assert_eq!(iso8601(time), "2026-01-02T03:04:05Z");
        assert_eq!(iso8601_millis(time), "2026-01-02T03:04:05.000Z");
        assert_eq!(imf_fixdate(time), "Fri, 02 Jan 2026 03:04:05 GMT");
        assert_eq!(basic(time), "20260102T030405Z");
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05",
            "2026-01-02T04:04:05+01:00",
        ] {
            assert_eq!(parse_iso8601(text), Some(time), "{text}");
        }
        for text in [
            "Fri, 02 Jan 2026 03:04:05 GMT",
            "Fri, 02 Jan 2026 03:04:05 +0000",
            "Friday, 02-Jan-26 03:04:05 GMT",
            "Fri Jan  2 03:04:05 2026",
        ] {
            assert_eq!(parse_http_date(text), Some(time), "{text}");
        }
        assert_eq!(parse_basic("20260102T030405Z"), Some(time));
        assert_eq!(parse_basic("20260102T0304050"), None);
        for bad in [
            "+0260102T030405Z",
            "20260102T03040+Z",
            "20260132T030405Z",
            "20260102 030405Z",
            "2026010ü030405Z",
        ] {
            assert_eq!(parse_basic(bad), None, "{bad}");
        }
        let early = Timestamp::from_millisecond(-1).unwrap();
        assert_eq!(iso8601_millis(early), "1969-12-31T23:59:59.999Z");
        assert_eq!(from_value(&1_767_323_045.into()), Some(time));
    }
}
