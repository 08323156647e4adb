//! Installs what the tests need and says so. Everything is pinned; nothing is installed twice.

use std::path::{Path, PathBuf};

use crate::groups::Group;
use crate::work::{self, Failure};

/// Debian's packages whose programs the pages and tests call, with the program that shows they are there.
const DEBIAN: [(&str, &str); 2] = [("jq", "jq"), ("curl", "curl")];

/// The Python that runs pytest, the AWS CLI and boto3.
pub fn python() -> PathBuf {
    work::root().join(".tools/venv/bin/python")
}

/// Installs what these groups need.
pub fn for_groups(groups: &[Group]) -> Result<(), Failure> {
    let mut folders: Vec<PathBuf> = groups
        .iter()
        .flat_map(Group::clients)
        .map(|folder| work::root().join(folder))
        .collect();
    folders.sort();
    folders.dedup();
    if folders.is_empty() {
        return Ok(());
    }
    debian(&folders)?;
    python_packages()?;
    for folder in folders {
        for_folder(&folder)?;
    }
    Ok(())
}

fn debian(folders: &[PathBuf]) -> Result<(), Failure> {
    let mut missing: Vec<&str> = DEBIAN
        .iter()
        .filter(|(_, program)| !work::is_installed(program))
        .map(|(package, _)| *package)
        .collect();
    // Debian takes a part of Python away that makes virtual environments.
    if !work::succeeds(work::command("python3").args(["-c", "import ensurepip"])) {
        missing.push("python3-venv");
    }
    let go = folders.iter().any(|folder| folder.join("go.mod").is_file());
    if go && !work::succeeds(work::command("go").arg("version")) {
        missing.push("golang-go");
    }
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing Debian packages: {}", missing.join(", "));
    let failed = |error: Failure| {
        Failure::new(format!(
            "{error}; the tests need {}: please install them",
            missing.join(", ")
        ))
    };
    work::must(work::command("apt-get").args(["update", "-qq"])).map_err(failed)?;
    let mut install = work::command("apt-get");
    install
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(&missing);
    work::must(install.env("DEBIAN_FRONTEND", "noninteractive")).map_err(failed)
}

/// Makes .tools/venv from tests/requirements.txt, anew when that file changed.
fn python_packages() -> Result<(), Failure> {
    let wanted = std::fs::read_to_string(work::root().join("tests/requirements.txt"))?;
    let venv = work::root().join(".tools/venv");
    let stamp = venv.join("requirements-installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing Python packages of tests/requirements.txt into .tools/venv");
    work::must(
        work::command("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv),
    )?;
    work::must(work::command(python()).args([
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "install",
        "--require-hashes",
        "--requirement",
        "tests/requirements.txt",
    ]))?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}

/// Fetches what a client written in another language needs, by the lock file that stands in its folder.
fn for_folder(folder: &Path) -> Result<(), Failure> {
    if folder.join("pom.xml").is_file() {
        println!("fetching Maven artefacts of {}", shown(folder));
        let goals = ["--batch-mode", "--quiet", "dependency:go-offline"];
        work::must(work::command("mvn").args(goals).current_dir(folder))?;
    }
    if folder.join("package-lock.json").is_file() {
        println!("installing npm packages of {}", shown(folder));
        let arguments = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
        work::must(work::command("npm").args(arguments).current_dir(folder))?;
    }
    if folder.join("go.mod").is_file() {
        println!("fetching Go modules of {}", shown(folder));
        work::must(
            work::command("go")
                .args(["mod", "download"])
                .current_dir(folder),
        )?;
    }
    if folder.join("Cargo.toml").is_file() {
        println!("fetching crates of {}", shown(folder));
        work::must(
            work::cargo()
                .args(["fetch", "--locked", "--quiet"])
                .current_dir(folder),
        )?;
    }
    Ok(())
}

fn shown(folder: &Path) -> String {
    folder
        .strip_prefix(work::root())
        .unwrap_or(folder)
        .display()
        .to_string()
}
