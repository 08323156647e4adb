//! The time of stored data: when objects, versions and uploads were made, and what lifecycle rules
//! compare it with. The development mode may turn it.
//!
//! Signatures, sessions, access keys and the journal keep the real time: a client signs with its
//! own clock, and nothing that a test does may make an expired credential count again.
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Who may turn the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turning {
    /// Nobody: it is the system's.
    Never,
    /// The operator, through the admin API.
    Allowed,
}

/// Why the clock was not turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClockError {
    /// Data that is not of a test would expire.
    #[error("only a server that was started with --dev lets its clock be turned")]
    NotDevelopment,
    /// Ids of uploads begin with the time, and headers have four digits for the year.
    #[error("the clock can be turned to times from 1970 to 9998 only")]
    OutOfRange,
}

/// The time of stored data.
#[derive(Debug)]
pub(crate) struct Clock {
    turning: Turning,
    /// How far it is ahead of the real time, in milliseconds; negative when it is behind.
    ahead_millis: AtomicI64,
}

/// 9999-01-01T00:00:00Z, in milliseconds since 1970.
const END_MILLIS: i64 = 253_370_764_800_000;

impl Clock {
    pub(crate) fn new(turning: Turning) -> Clock {
        Clock {
            turning,
            ahead_millis: AtomicI64::new(0),
        }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        self.at(Timestamp::now())
    }

    /// What it shows at a moment of the real time.
    pub(crate) fn at(&self, real: Timestamp) -> Timestamp {
        match self.ahead_millis.load(Ordering::Relaxed) {
            0 => real,
            ahead => real
                .checked_add(SignedDuration::from_millis(ahead))
                .unwrap_or(real),
        }
    }

    /// How far it is ahead of the real time.
    pub(crate) fn ahead(&self) -> SignedDuration {
        SignedDuration::from_millis(self.ahead_millis.load(Ordering::Relaxed))
    }

    /// Turns it to `time`; it goes on from there.
    ///
    /// # Errors
    /// See [`ClockError`]; the clock stays as it is then.
    pub(crate) fn turn_to(&self, time: Timestamp) -> Result<(), ClockError> {
        if self.turning == Turning::Never {
            return Err(ClockError::NotDevelopment);
        }
        if !(0..END_MILLIS).contains(&time.as_millisecond()) {
            return Err(ClockError::OutOfRange);
        }
        let ahead = time.as_millisecond() - Timestamp::now().as_millisecond();
        self.ahead_millis.store(ahead, Ordering::Relaxed);
        Ok(())
    }

    /// Turns it by `seconds`, back if they are negative.
    ///
    /// # Errors
    /// As [`Clock::turn_to`].
    pub(crate) fn turn_by(&self, seconds: i64) -> Result<(), ClockError> {
        let turned = self.now().checked_add(SignedDuration::from_secs(seconds));
        self.turn_to(turned.map_err(|_| ClockError::OutOfRange)?)
    }

    /// Lets it show the real time again.
    ///
    /// # Errors
    /// As [`Clock::turn_to`].
    pub(crate) fn reset(&self) -> Result<(), ClockError> {
        if self.turning == Turning::Never {
            return Err(ClockError::NotDevelopment);
        }
        self.ahead_millis.store(0, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_development_clock_is_turned() {
        let clock = Clock::new(Turning::Never);
        assert_eq!(clock.turn_by(1), Err(ClockError::NotDevelopment));
        assert_eq!(
            clock.turn_to(Timestamp::now()),
            Err(ClockError::NotDevelopment)
        );
        assert_eq!(clock.reset(), Err(ClockError::NotDevelopment));
        assert_eq!(clock.ahead(), SignedDuration::ZERO);
        let real = Timestamp::now();
        assert_eq!(clock.at(real), real);
    }

    #[test]
    fn a_turned_clock_goes_on_from_where_it_was_turned_to() {
        let clock = Clock::new(Turning::Allowed);
        clock.turn_by(86_400).unwrap();
        clock.turn_by(86_400).unwrap();
        let off = clock.ahead() - SignedDuration::from_hours(48);
        assert!(off.abs() < SignedDuration::from_secs(5), "{off}");
        let real: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(clock.at(real), real + clock.ahead());
        clock.reset().unwrap();
        assert_eq!(clock.at(real), real);
    }

    #[test]
    fn a_time_that_nothing_could_show_is_refused_and_changes_nothing() {
        let clock = Clock::new(Turning::Allowed);
        clock.turn_by(60).unwrap();
        let before = clock.ahead();
        for seconds in [
            i64::MAX,
            i64::MIN,
            9_000 * 366 * 86_400,
            -100 * 366 * 86_400,
        ] {
            assert_eq!(
                clock.turn_by(seconds),
                Err(ClockError::OutOfRange),
                "{seconds}"
            );
        }
        assert_eq!(clock.ahead(), before);
    }
}
