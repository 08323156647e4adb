//! Which records are wanted.
use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;

use crate::{Record, Verdict};

/// Which records are wanted: all of what is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Calls that failed, and calls of which a part was refused, such as one key of many.
    pub refused_only: bool,
    /// The caller's account, or that of the owner of a resource that was asked about.
    pub account: Option<String>,
    /// The caller's ARN.
    pub caller: Option<String>,
    /// AWS's name of the operation.
    pub operation: Option<String>,
    /// Calls that arrived then or later.
    pub since: Option<Timestamp>,
}

/// What a filter looks at; the rest of a line is passed over.
#[derive(Deserialize)]
pub(crate) struct Glance<'a> {
    #[serde(borrow)]
    pub time: Cow<'a, str>,
    #[serde(borrow)]
    pub request_id: Cow<'a, str>,
    #[serde(borrow)]
    operation: Cow<'a, str>,
    #[serde(borrow)]
    caller: Cow<'a, str>,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    asked: Vec<AskedGlance>,
    status: u16,
}

#[derive(Deserialize)]
struct AskedGlance {
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    probe: bool,
    verdict: Verdict,
}

impl Glance<'_> {
    pub(crate) fn is_refused(&self) -> bool {
        let mut asked = self.asked.iter();
        is_refused(self.status) || asked.any(|asked| refuses(&asked.verdict, asked.probe))
    }
}

impl Record {
    pub(crate) fn is_refused(&self) -> bool {
        let mut asked = self.asked.iter();
        is_refused(self.status) || asked.any(|asked| refuses(&asked.verdict, asked.probe))
    }
}

fn is_refused(status: u16) -> bool {
    status >= 400
}

/// An answer that refused the call, or the item that it was about.
fn refuses(verdict: &Verdict, probe: bool) -> bool {
    !probe && *verdict != Verdict::Allow
}

/// A filter, and what the line of a record that it wants cannot be without.
pub(crate) struct Sieve<'f> {
    filter: &'f Filter,
    needles: Vec<String>,
}

impl<'f> Sieve<'f> {
    pub(crate) fn new(filter: &'f Filter) -> Sieve<'f> {
        let named = [
            ("\"caller\":", filter.caller.as_ref()),
            ("\"operation\":", filter.operation.as_ref()),
        ];
        let needles = named.into_iter().filter_map(|(name, value)| {
            let value = serde_json::to_string(value?).ok()?;
            Some(format!("{name}{value}"))
        });
        // An account stands under `account` or under an `owner`, so by its digits alone.
        let account = filter.account.as_ref();
        let account = account.and_then(|account| serde_json::to_string(account).ok());
        Sieve {
            filter,
            needles: needles.chain(account).collect(),
        }
    }

    /// Whether the filter wants this line. What is no record is not wanted.
    pub(crate) fn wants(&self, line: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(line) else {
            return false;
        };
        let may = self
            .needles
            .iter()
            .all(|needle| text.contains(needle.as_str()));
        may && serde_json::from_str::<Glance<'_>>(text)
            .is_ok_and(|glance| self.filter.admits(&glance))
    }
}

impl Filter {
    fn admits(&self, glance: &Glance<'_>) -> bool {
        let of_account = |account: &String| {
            let owner = |asked: &AskedGlance| asked.owner.as_ref() == Some(account);
            glance.account.as_ref() == Some(account) || glance.asked.iter().any(owner)
        };
        let since = |since: Timestamp| {
            let time = glance.time.parse::<Timestamp>();
            time.is_ok_and(|time| time >= since)
        };
        (!self.refused_only || glance.is_refused())
            && self.account.as_ref().is_none_or(of_account)
            && self
                .caller
                .as_ref()
                .is_none_or(|caller| *caller == glance.caller)
            && self
                .operation
                .as_ref()
                .is_none_or(|operation| *operation == glance.operation)
            && self.since.is_none_or(since)
    }
}
