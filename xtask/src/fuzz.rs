//! `cargo xtask fuzz NAME`: random input for as long as wanted, in the release profile.
//!
//! A fuzz is an example of the package that it tests, so it may use what only tests may. It takes its
//! own arguments, prints its seed, and fails when it has found something.

use std::process::ExitCode;

use crate::work::{self, Failure};

/// One fuzz.
struct Fuzz {
    /// What it is called on the command line.
    name: &'static str,
    /// Its package and the example in it.
    package: &'static str,
    example: &'static str,
    /// For the list, with its arguments.
    about: &'static str,
}

/// Every fuzz.
const FUZZES: &[Fuzz] = &[Fuzz {
    name: "authorization",
    package: "policy-model",
    example: "authorization",
    about: "both evaluators of policies on random worlds: [--cases N] [--seed S]",
}];

/// Builds and runs the fuzz that the first argument names; it gets the others.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) if name != "--list" => (name, rest),
        _ => {
            println!("{}", list());
            return Ok(ExitCode::SUCCESS);
        }
    };
    let fuzz = FUZZES
        .iter()
        .find(|fuzz| fuzz.name == name)
        .ok_or_else(|| Failure::new(format!("no fuzz `{name}`\n{}", list())))?;
    let mut command = work::cargo();
    command.args(["run", "--release", "--quiet", "--package", fuzz.package]);
    command.args(["--example", fuzz.example, "--"]).args(rest);
    work::run_to_the_end(&mut command)
}

fn list() -> String {
    let line = |fuzz: &Fuzz| format!("{:20} {}", fuzz.name, fuzz.about);
    FUZZES.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::FUZZES;
    use crate::work;

    #[test]
    fn every_fuzz_is_an_example_of_its_package() {
        for fuzz in FUZZES {
            let folder = work::root().join("crates").join(fuzz.package);
            let file = folder.join("examples").join(format!("{}.rs", fuzz.example));
            assert!(file.is_file(), "{}", file.display());
        }
    }
}
