//! `cargo xtask models`: makes the reduced service models of crate `wire` again.

use std::path::Path;
use std::process::Command;

/// The botocore release that the committed models come from.
const BOTOCORE: &str = "botocore==1.43.11";

/// Installs botocore in `.tools/models` and writes `crates/wire/models/`.
///
/// # Errors
/// Says which command could not be run or failed.
pub fn run() -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("the folder of xtask has no parent")?;
    let environment = root.join(".tools").join("models");
    let python = environment.join("bin").join("python");
    if !python.exists() {
        call(
            Command::new("python3")
                .args(["-m", "venv"])
                .arg(&environment),
        )?;
    }
    call(Command::new(&python).args(["-m", "pip", "install", "--quiet", BOTOCORE]))?;
    call(
        Command::new(&python)
            .arg(root.join("xtask").join("models").join("reduce.py"))
            .arg(root.join("crates").join("wire").join("models")),
    )
}

fn call(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{command:?}` ended with {status}")),
        Err(error) => Err(format!("`{command:?}` could not be run: {error}")),
    }
}
