//! `cargo xtask bench NAME`: what is measured by hand, never by the tests.
//!
//! Each bench is a package of its own workspace under `bench/`, so that what it compares with is
//! not built with the product.
use std::path::PathBuf;
use std::process::ExitCode;

use crate::work::{Failure, cargo, root, run_to_the_end};

const BENCHES: [&str; 4] = ["authorization", "digest", "journal", "s3"];
/// The bench that drives the server itself.
const OF_SERVER: &str = "s3";

/// Builds the bench in release and hands it the other arguments.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let Some((name, rest)) = arguments.split_first() else {
        return Err(Failure::new(format!("which bench? {}", names())));
    };
    let manifest = manifest(name)
        .ok_or_else(|| Failure::new(format!("no bench `{name}`: there is {}", names())))?;
    let mut command = cargo();
    command
        .args(["run", "--release", "--locked", "--quiet", "--manifest-path"])
        .arg(manifest)
        .arg("--")
        .args(rest);
    if name == OF_SERVER {
        let release = root().join("target").join("release");
        let mut build = cargo();
        build.args(["build", "--release", "--locked", "--quiet", "-p", "cli"]);
        let built = run_to_the_end(build.current_dir(root()))?;
        if built != ExitCode::SUCCESS {
            return Ok(built);
        }
        command
            .env("STRONGROOM_BIN", release.join("strongroom"))
            // On the disk of the checkout: a temporary file system would sync for nothing.
            .env("STRONGROOM_BENCH_DIRECTORY", root().join("target"));
    }
    run_to_the_end(&mut command)
}

fn manifest(name: &str) -> Option<PathBuf> {
    let known = BENCHES.contains(&name);
    known.then(|| root().join("bench").join(name).join("Cargo.toml"))
}

fn names() -> String {
    BENCHES.map(|name| format!("`{name}`")).join(", ")
}

#[cfg(test)]
mod tests {
    use super::{BENCHES, manifest};

    #[test]
    fn every_bench_is_there_with_its_lock_file() {
        for name in BENCHES {
            let manifest = manifest(name).unwrap();
            assert!(manifest.exists(), "{name}");
            assert!(manifest.with_file_name("Cargo.lock").exists(), "{name}");
        }
        assert_eq!(manifest("../crates"), None);
    }
}
