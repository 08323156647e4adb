//! The server under load, beside a bare server and beside what the machine can do.
//!
//! Run by `cargo xtask bench s3`; `bench/README.md` says what is measured and how.
mod arguments;
mod bare;
mod bodies;
mod client;
mod figures;
mod listing;
mod load;
mod machine;
mod process;
mod report;
mod rows;
mod setup;
mod sign;
mod stalls;
mod upkeep;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use arguments::{Arguments, USAGE};
use load::Target;
use process::{Bare, Strongroom};
use report::{HEADER, Row};
use rows::Bench;

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match given.first().map(String::as_str) {
        Some("--bare-server") => bare::run().map_err(Into::into),
        Some("--help") => {
            println!("{USAGE}");
            Ok(())
        }
        _ => run(given),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(given: Vec<String>) -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse(given.into_iter())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    // On the disk that the checkout is on: a temporary file system would sync for nothing.
    let target =
        PathBuf::from(std::env::var_os("STRONGROOM_BENCH_DIRECTORY").unwrap_or("target".into()));
    std::fs::create_dir_all(&target)?;
    let directory = tempfile::Builder::new()
        .prefix("bench-s3-")
        .tempdir_in(target)?;
    let bare = Bare::start()?;
    let (strongroom, ours) = match &arguments.endpoint {
        Some(endpoint) => {
            let target = Target {
                address: endpoint.address.clone(),
                credentials: endpoint.credentials.clone(),
                pid: endpoint.pid,
            };
            (None, target)
        }
        None => {
            let binary = std::env::var_os("STRONGROOM_BIN")
                .ok_or("STRONGROOM_BIN names no server; start this by `cargo xtask bench s3`")?;
            let strongroom = Strongroom::start(&PathBuf::from(binary), directory.path())?;
            let target = Target {
                address: strongroom.address.clone(),
                credentials: strongroom.root.clone(),
                pid: Some(strongroom.pid()),
            };
            (Some(strongroom), target)
        }
    };
    let quick = arguments.quick;
    let json = arguments.json.clone();
    let mut bench = Bench::new(
        arguments,
        runtime,
        strongroom,
        ours,
        bare,
        directory.path().to_owned(),
    )?;
    if quick {
        println!("--quick: short slices and fewer objects; less exact.\n");
    }
    println!("{HEADER}");
    let mut all = Vec::new();
    bench.run(&mut |row: Row| {
        println!("{}", row.line());
        all.push(row.json());
    })?;
    if let Some(path) = json {
        std::fs::write(path, serde_json::to_string_pretty(&all)?)?;
    }
    Ok(())
}
