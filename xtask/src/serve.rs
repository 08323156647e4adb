//! `cargo xtask serve`: the shortest way from a checkout to a running server.

use std::process::ExitCode;

use crate::work::{self, Failure};

/// Builds `strongroom` and runs `strongroom serve` with ./strongroom-data (`--dev`: ./strongroom-data-dev).
///
/// The development build is taken unless `--release` is given: it is there sooner, and the dependencies
/// that hash and encrypt are optimized in it as well.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let release = arguments.iter().any(|argument| argument == "--release");
    let mut passed: Vec<&String> = arguments
        .iter()
        .filter(|argument| !matches!(argument.as_str(), "--release"))
        .collect();
    if passed.first().is_some_and(|argument| *argument == "--") {
        passed.remove(0);
    }
    let mut build = work::cargo();
    build.args([
        "build",
        "--quiet",
        "--package",
        "cli",
        "--bin",
        "strongroom",
    ]);
    if release {
        build.arg("--release");
    }
    work::must(&mut build)?;
    let folder = if release { "release" } else { "debug" };
    let program = work::target_directory()?.join(folder).join("strongroom");
    let mut serve = work::command(program);
    serve.arg("serve");
    let named = passed.iter().any(|argument| argument.starts_with("--data"))
        || std::env::var_os("STRONGROOM_DATA").is_some();
    if !named {
        // The development mode refuses a directory that it did not make, so it has its own.
        let dev = passed.iter().any(|argument| *argument == "--dev");
        serve.args([
            "--data",
            if dev {
                "strongroom-data-dev"
            } else {
                "strongroom-data"
            },
        ]);
    }
    work::run_to_the_end(serve.args(passed))
}
