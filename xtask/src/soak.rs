//! `cargo xtask soak`: hours of mixed load with faulty clients, run by hand.

use std::process::ExitCode;

use crate::groups;
use crate::install;
use crate::work::{self, Failure};

/// Builds the program, in release unless `--debug` is among the arguments, and hands the others to
/// `tests/durability/soak.py`.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let (debug, rest): (Vec<&String>, Vec<&String>) = arguments
        .iter()
        .partition(|argument| *argument == "--debug");
    install::for_groups(&[groups::durability()])?;
    let mut build = work::cargo();
    build.args(["build", "--quiet", "--locked", "-p", "cli"]);
    let profile = if debug.is_empty() {
        build.arg("--release");
        "release"
    } else {
        "debug"
    };
    work::must(&mut build)?;
    let program = work::target_directory()?.join(profile).join("strongroom");
    let mut soak = work::command(install::python());
    soak.arg("tests/durability/soak.py")
        .args(rest)
        .env("STRONGROOM_BIN", program)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    work::run_to_the_end(&mut soak)
}
