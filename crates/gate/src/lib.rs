//! The one door: asks, verdicts, permits.
