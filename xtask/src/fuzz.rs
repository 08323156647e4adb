//! `cargo xtask fuzz TARGET …`: long runs of what the tests do for a fixed number of cases.

use std::process::ExitCode;

use crate::work::{self, Failure};

/// A fuzzer: what it is called, the package whose program of that name runs it, and what that is told
/// before the arguments of the caller.
const FUZZERS: &[(&str, &str, &[&str])] = &[
    ("policy_json", "fuzz", &["policy_json"]),
    ("condition", "fuzz", &["condition"]),
    ("arn", "fuzz", &["arn"]),
    ("dates", "fuzz", &["dates"]),
    ("sigv4_header", "fuzz", &["sigv4_header"]),
    ("sigv4_query", "fuzz", &["sigv4_query"]),
    ("sigv4_version2", "fuzz", &["sigv4_version2"]),
    ("rest_route", "fuzz", &["rest_route"]),
    ("query_body", "fuzz", &["query_body"]),
    ("xml_body", "fuzz", &["xml_body"]),
    ("chunked", "fuzz", &["chunked"]),
    ("post_form", "fuzz", &["post_form"]),
];

/// Builds the fuzzer and runs it with the rest of the arguments: `--cases N`, `--seed S`, …
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let known = || {
        let names: Vec<&str> = FUZZERS.iter().map(|(name, _, _)| *name).collect();
        Failure::new(format!("fuzz what? There are {}", names.join(", ")))
    };
    let (name, rest) = arguments.split_first().ok_or_else(known)?;
    let (_, package, first) = FUZZERS
        .iter()
        .find(|(fuzzer, _, _)| fuzzer == name)
        .ok_or_else(known)?;
    let mut command = work::cargo();
    command.args(["run", "--quiet", "--locked", "--package", package, "--"]);
    work::run_to_the_end(command.args(*first).args(rest))
}
