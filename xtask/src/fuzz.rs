//! `cargo xtask fuzz NAME`: random input for as long as wanted, in the release profile.
//!
//! What the tests do for a fixed number of cases. A fuzz takes its own arguments, prints its seed,
//! and fails when it has found something.

use std::process::ExitCode;

use crate::work::{self, Failure};

/// One fuzz.
struct Fuzz {
    /// What it is called on the command line.
    name: &'static str,
    /// What runs it.
    program: Program,
    /// For the list.
    about: &'static str,
}

/// What runs a fuzz.
enum Program {
    /// An example of the package that it tests, so that it may use what only tests may.
    Example(&'static str, Option<&'static str>),
    /// A target of the package `fuzz`, which reads bytes.
    Target,
}

const fn target(name: &'static str, about: &'static str) -> Fuzz {
    Fuzz {
        name,
        program: Program::Target,
        about,
    }
}

/// Every fuzz.
const FUZZES: &[Fuzz] = &[
    Fuzz {
        name: "authorization",
        program: Program::Example("policy-model", None),
        about: "both evaluators of policies, on random worlds",
    },
    Fuzz {
        name: "storage",
        program: Program::Example("engine-local", Some("simulation")),
        about: "histories on a disk that loses power, fails and flips bits",
    },
    target("policy_json", "policy documents of every kind"),
    target("condition", "conditions: operators, keys, values"),
    target("arn", "names: ARNs, buckets, keys, accounts, principals"),
    target("dates", "dates, numbers and addresses in conditions"),
    target("sigv4_header", "Authorization headers"),
    target("sigv4_query", "presigned URLs"),
    target("sigv4_version2", "presigned URLs of version 2"),
    target("rest_route", "methods, paths, queries and headers of S3"),
    target("query_body", "forms of IAM and STS"),
    target("xml_body", "XML bodies of S3"),
    target("chunked", "chunked bodies"),
    target("post_form", "policies of forms of browsers"),
    target("multipart_form", "forms of browsers, with their files"),
];

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
    command.args(["run", "--release", "--quiet", "--locked", "--package"]);
    match fuzz.program {
        Program::Example(package, features) => {
            command.args([package, "--example", fuzz.name]);
            if let Some(features) = features {
                command.args(["--features", features]);
            }
            command.arg("--")
        }
        Program::Target => command.args(["fuzz", "--", fuzz.name]),
    };
    work::run_to_the_end(command.args(rest))
}

fn list() -> String {
    let line = |fuzz: &Fuzz| format!("{:16} {}", fuzz.name, fuzz.about);
    let mut lines: Vec<String> = FUZZES.iter().map(line).collect();
    lines.push("each takes --cases N and --seed S".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{FUZZES, Program};
    use crate::work;

    #[test]
    fn every_fuzz_is_there() {
        let targets = std::fs::read_dir(work::root().join("fuzz/src")).unwrap();
        let sources: String = targets
            .map(|file| file.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect();
        for fuzz in FUZZES {
            let found = match fuzz.program {
                Program::Example(package, _) => {
                    let folder = work::root().join("crates").join(package).join("examples");
                    folder.join(format!("{}.rs", fuzz.name)).is_file()
                }
                Program::Target => sources.contains(&format!("\"{}\"", fuzz.name)),
            };
            assert!(found, "{}", fuzz.name);
        }
    }
}
