//! The groups of tests. Each runs by itself and leaves its output in `target/test-logs/GROUP.log`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::install;
use crate::work::{self, Failure};

/// Tests that are run and reported together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What it is called on the command line and in the log's name.
    pub name: String,
    /// What runs its tests.
    pub kind: Kind,
}

/// What runs a group's tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `cargo test` of these packages.
    Cargo(&'static [&'static str]),
    /// pytest over these folders, against the built program.
    Pytest(Vec<PathBuf>),
}

/// Every group: the slowest first, so that the others fill the time beside them.
pub fn all() -> Result<Vec<Group>, Failure> {
    let tests = Path::new("tests");
    let mut groups = vec![
        Group {
            name: "rust".into(),
            kind: Kind::Cargo(&["--workspace", "--exclude", "xtask"]),
        },
        Group {
            name: "clients".into(),
            kind: Kind::Pytest(vec![tests.join("clients")]),
        },
        durability(),
        matrix(),
        Group {
            name: "walkthroughs".into(),
            kind: Kind::Pytest(vec![tests.join("selftest"), tests.join("walkthroughs")]),
        },
        failures(),
    ];
    for name in sdks()? {
        let folder = tests.join("sdks").join(&name);
        groups.push(Group {
            // Not the bare name: `rust` is taken by the project's own tests.
            name: format!("sdk-{name}"),
            kind: Kind::Pytest(vec![folder]),
        });
    }
    groups.push(Group {
        name: "tidy".into(),
        kind: Kind::Cargo(&["--package", "xtask"]),
    });
    Ok(groups)
}

/// Crashes, full disks, damaged files and clients that misbehave.
pub fn durability() -> Group {
    Group {
        name: "durability".into(),
        kind: Kind::Pytest(vec![Path::new("tests").join("durability")]),
    }
}

/// Every operation by every kind of caller, compared with docs/authorization-matrix.md.
pub fn matrix() -> Group {
    Group {
        name: "matrix".into(),
        kind: Kind::Pytest(vec![Path::new("tests").join("matrix")]),
    }
}

/// The classic failures, compared with the pages of docs/failures.
pub fn failures() -> Group {
    Group {
        name: "failures".into(),
        kind: Kind::Pytest(vec![Path::new("tests").join("failures")]),
    }
}

/// The folders under tests/sdks: one group for each AWS SDK, started by pytest on the same harness.
fn sdks() -> Result<Vec<String>, Failure> {
    let Ok(entries) = std::fs::read_dir(work::root().join("tests/sdks")) else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() && !name.starts_with(['.', '_']) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

impl Group {
    /// Where its JUnit report goes, for groups that have one.
    pub fn report(&self, logs: &Path) -> PathBuf {
        logs.join(format!("{}.xml", self.name))
    }

    /// The command that runs it.
    pub fn command(&self, program: &Path, logs: &Path) -> Command {
        match &self.kind {
            Kind::Cargo(packages) => {
                let mut command = work::cargo();
                command
                    .arg("test")
                    .args(*packages)
                    .args(["--no-fail-fast", "--locked"]);
                command
            }
            Kind::Pytest(folders) => {
                let mut command = work::command(install::python());
                command
                    .args([
                        "-m",
                        "pytest",
                        "-c",
                        "tests/pytest.ini",
                        "--rootdir",
                        "tests",
                    ])
                    .args(["-n", "2", "--dist", "worksteal", "--durations", "10"])
                    .arg(format!("--junit-xml={}", self.report(logs).display()))
                    .args(folders)
                    .env("STRONGROOM_BIN", program)
                    .env("PYTHONDONTWRITEBYTECODE", "1");
                command
            }
        }
    }

    /// The folders whose clients it runs, each with a lock file of its own.
    pub fn clients(&self) -> Vec<PathBuf> {
        let Kind::Pytest(folders) = &self.kind else {
            return Vec::new();
        };
        let mut clients = folders.clone();
        if self.name == "walkthroughs" {
            // The pages with Java take the SDK from there.
            clients.push(PathBuf::from("tests/sdks/java-v1"));
        }
        clients
    }

    /// Whether it talks to the built program, rather than being built itself.
    pub fn needs_program(&self) -> bool {
        matches!(self.kind, Kind::Pytest(_))
    }
}

#[cfg(test)]
mod tests {
    use super::all;

    #[test]
    fn every_group_has_a_name_of_its_own() {
        let mut names: Vec<_> = all().unwrap().into_iter().map(|group| group.name).collect();
        let before = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), before);
    }
}
