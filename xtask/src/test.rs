//! `cargo xtask test`: builds, installs, runs every group, and counts all of them on the last line.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::count::{self, Count};
use crate::groups::{self, Group, Kind};
use crate::install;
use crate::work::{self, Failure};

/// How many groups run at the same time. Each pytest group uses two processes itself.
const GROUPS_AT_ONCE: usize = 2;
/// How much of a failed group's log is shown.
const TAIL_LINES: usize = 80;

/// Runs the groups that the arguments name, or all.
pub fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let all = groups::all()?;
    if arguments.iter().any(|argument| argument == "--list") {
        for group in &all {
            println!("{}", group.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = choose(all, arguments)?;
    install::for_groups(&chosen)?;
    let logs = work::target_directory()?.join("test-logs");
    std::fs::create_dir_all(&logs)?;
    let program = build(&chosen)?;
    let total = run_all(chosen, &program, &logs);
    println!("{total}");
    Ok(if total.failed > 0 || total.is_empty() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// `cargo xtask matrix`: writes docs/authorization-matrix.md anew, from what the server answers now.
pub fn write_matrix() -> Result<ExitCode, Failure> {
    let group = groups::matrix();
    let chosen = std::slice::from_ref(&group);
    install::for_groups(chosen)?;
    let logs = work::target_directory()?.join("test-logs");
    std::fs::create_dir_all(&logs)?;
    let program = build(chosen)?;
    let mut command = group.command(&program, &logs);
    // One process, for the services' sections are written into one file.
    command.args(["-n", "0"]).env("STRONGROOM_MATRIX", "write");
    work::run_to_the_end(&mut command)
}

/// `cargo xtask failures`: writes the pages of docs/failures anew, from what the tests do and see.
pub fn write_failures() -> Result<ExitCode, Failure> {
    let group = groups::failures();
    let chosen = std::slice::from_ref(&group);
    install::for_groups(chosen)?;
    let logs = work::target_directory()?.join("test-logs");
    std::fs::create_dir_all(&logs)?;
    let program = build(chosen)?;
    let mut command = group.command(&program, &logs);
    command.env("STRONGROOM_WRITE_PAGES", "1");
    work::run_to_the_end(&mut command)
}

/// `--group NAME` may come more than once; without it every group is meant.
fn choose(all: Vec<Group>, arguments: &[String]) -> Result<Vec<Group>, Failure> {
    let mut wanted = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match (argument.as_str(), argument.strip_prefix("--group=")) {
            ("--group", _) => match rest.next() {
                Some(name) => wanted.push(name.as_str()),
                None => return Err(Failure::new("--group needs a name")),
            },
            (_, Some(name)) => wanted.push(name),
            (unknown, None) => return Err(Failure::new(format!("unknown argument `{unknown}`"))),
        }
    }
    let names: Vec<&str> = all.iter().map(|group| group.name.as_str()).collect();
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(name)) {
        let known = names.join(", ");
        return Err(Failure::new(format!(
            "no group `{unknown}`; there are {known}"
        )));
    }
    if wanted.is_empty() {
        return Ok(all);
    }
    let wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
    Ok(all
        .into_iter()
        .filter(|group| wanted.contains(&group.name))
        .collect())
}

/// Builds first and alone, so that no group waits for another's build; answers the program's path.
fn build(chosen: &[Group]) -> Result<PathBuf, Failure> {
    let target = work::target_directory()?;
    let program = target.join("test-program/strongroom");
    if chosen.iter().any(Group::needs_program) {
        println!("building strongroom");
        let arguments = [
            "build",
            "--quiet",
            "--locked",
            "--workspace",
            "--exclude",
            "xtask",
            "--bins",
        ];
        work::must(work::cargo().args(arguments))?;
        // Building the tests may link it again, with what only tests may use: this is the product's.
        std::fs::create_dir_all(target.join("test-program"))?;
        match std::fs::remove_file(&program) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        std::fs::copy(target.join("debug/strongroom"), &program)?;
    }
    for group in chosen {
        if let Kind::Cargo(packages) = &group.kind {
            println!("building the tests of {}", group.name);
            // A build that fails is told by the group itself, with its log, so that the others still run.
            let arguments = ["test", "--quiet", "--locked", "--no-run"];
            let mut build = work::cargo();
            build
                .args(arguments)
                .args(*packages)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            build.status()?;
        }
    }
    Ok(program)
}

/// Runs the groups side by side and prints a line for each as it ends.
fn run_all(chosen: Vec<Group>, program: &Path, logs: &Path) -> Count {
    let waiting = Mutex::new(VecDeque::from(chosen));
    let total = Mutex::new(Count::default());
    std::thread::scope(|scope| {
        for _ in 0..GROUPS_AT_ONCE {
            scope.spawn(|| {
                while let Some(group) = next(&waiting) {
                    let began = Instant::now();
                    let outcome = run_one(&group, program, logs);
                    // The lock is held while printing, so that lines of two groups do not mix.
                    let mut sum = total
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    *sum += tell(&group, outcome, began.elapsed(), logs);
                }
            });
        }
    });
    total
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn next(waiting: &Mutex<VecDeque<Group>>) -> Option<Group> {
    waiting
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .pop_front()
}

/// Runs one group into its log. A group that fails or runs nothing has at least one failure.
fn run_one(group: &Group, program: &Path, logs: &Path) -> Result<Count, Failure> {
    let log_path = log_of(group, logs);
    let log = File::create(&log_path)?;
    let report = group.report(logs);
    if report.exists() {
        std::fs::remove_file(&report)?;
    }
    let status = group
        .command(program, logs)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .status()?;
    let mut count = match group.kind {
        Kind::Cargo(_) => count::in_cargo_output(&read(&log_path)?),
        Kind::Pytest(_) if report.exists() => count::in_junit(&read(&report)?),
        Kind::Pytest(_) => Count::default(),
    };
    if count.failed == 0 && (!status.success() || count.is_empty()) {
        count.failed = 1;
    }
    Ok(count)
}

fn tell(group: &Group, outcome: Result<Count, Failure>, took: Duration, logs: &Path) -> Count {
    let seconds = took.as_secs_f64();
    let name = &group.name;
    let count = match outcome {
        Ok(count) => {
            println!("{name:<14} {count} ({seconds:.1} s)");
            count
        }
        Err(failure) => {
            println!("{name:<14} could not run: {failure}");
            Count {
                failed: 1,
                ..Count::default()
            }
        }
    };
    if count.failed > 0 {
        let path = log_of(group, logs);
        println!("--- the end of {} ---", path.display());
        let log = read(&path).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        for line in lines.iter().skip(lines.len().saturating_sub(TAIL_LINES)) {
            println!("{line}");
        }
        println!("--- {name} ---");
    }
    count
}

fn log_of(group: &Group, logs: &Path) -> PathBuf {
    logs.join(format!("{}.log", group.name))
}

/// A log may hold any bytes that a test printed.
fn read(path: &Path) -> Result<String, Failure> {
    Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::choose;
    use crate::groups;

    fn chosen(arguments: &[&str]) -> Result<Vec<String>, String> {
        let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        let groups =
            choose(groups::all().unwrap(), &arguments).map_err(|error| error.to_string())?;
        Ok(groups.into_iter().map(|group| group.name).collect())
    }

    #[test]
    fn without_a_name_every_group_runs() {
        assert_eq!(chosen(&[]).unwrap().len(), groups::all().unwrap().len());
    }

    #[test]
    fn groups_are_chosen_by_name() {
        assert_eq!(
            chosen(&["--group", "tidy", "--group=rust"]).unwrap(),
            ["rust", "tidy"]
        );
    }

    #[test]
    fn an_unknown_group_is_refused_and_the_known_ones_are_named() {
        let told = chosen(&["--group", "nothing"]).unwrap_err();
        assert!(
            told.starts_with("no group `nothing`; there are rust, clients, durability, matrix")
        );
        assert_eq!(
            chosen(&["--quick"]).unwrap_err(),
            "unknown argument `--quick`"
        );
    }
}
