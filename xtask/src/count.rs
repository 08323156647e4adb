//! How many tests passed, failed and were skipped, read from what test programs print.

use std::fmt;
use std::ops::AddAssign;

/// The outcome of tests, added up.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Tests that ran and held.
    pub passed: usize,
    /// Tests that did not hold, or could not run.
    pub failed: usize,
    /// Tests that their program chose not to run.
    pub skipped: usize,
}

impl Count {
    /// Whether no test was even started.
    pub fn is_empty(self) -> bool {
        self.passed + self.failed == 0
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// The form in which a submission's tests are counted; keep it to the letter.
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// Adds up every `test result:` line of `cargo test`.
pub fn in_cargo_output(output: &str) -> Count {
    let mut sum = Count::default();
    for line in output.lines() {
        let Some((_, result)) = line.split_once("test result: ") else {
            continue;
        };
        sum += Count {
            passed: number_before(result, " passed"),
            failed: number_before(result, " failed"),
            skipped: number_before(result, " ignored"),
        };
    }
    sum
}

/// Adds up the `<testsuite …>` elements of a JUnit report.
pub fn in_junit(report: &str) -> Count {
    let mut sum = Count::default();
    for piece in report.split("<testsuite ").skip(1) {
        let element = piece.split_once('>').map_or(piece, |(element, _)| element);
        let failed = attribute(element, "failures") + attribute(element, "errors");
        let skipped = attribute(element, "skipped");
        let passed = attribute(element, "tests").saturating_sub(failed + skipped);
        sum += Count {
            passed,
            failed,
            skipped,
        };
    }
    sum
}

fn attribute(element: &str, name: &str) -> usize {
    element
        .split_once(&format!("{name}=\""))
        .and_then(|(_, rest)| rest.split_once('"'))
        .and_then(|(value, _)| value.parse().ok())
        .unwrap_or(0)
}

fn number_before(text: &str, word: &str) -> usize {
    text.split_once(word)
        .and_then(|(before, _)| before.rsplit(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Count, in_cargo_output, in_junit};

    #[test]
    fn every_result_line_of_cargo_is_added() {
        let output = "\
running 2 tests
test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests gate
test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s
";
        let expected = Count {
            passed: 15,
            failed: 2,
            skipped: 1,
        };
        assert_eq!(in_cargo_output(output), expected);
    }

    #[test]
    fn a_build_that_failed_counts_nothing() {
        assert!(in_cargo_output("error[E0308]: mismatched types").is_empty());
    }

    #[test]
    fn a_junit_report_tells_errors_from_passes() {
        let report = r#"<?xml version="1.0"?><testsuites name="pytest tests"><testsuite
name="pytest" errors="1" failures="2" skipped="1" tests="10" time="1.0"><testcase /></testsuite></testsuites>"#;
        assert_eq!(
            in_junit(&report.replace('\n', " ")),
            Count {
                passed: 6,
                failed: 3,
                skipped: 1
            }
        );
    }

    #[test]
    fn the_last_line_has_its_exact_form() {
        let count = Count {
            passed: 1,
            failed: 2,
            skipped: 3,
        };
        assert_eq!(count.to_string(), "1 passed, 2 failed, 3 skipped");
    }
}
