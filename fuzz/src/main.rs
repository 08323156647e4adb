//! Long runs of the fuzz targets: `cargo xtask fuzz TARGET [--cases N] [--seed S] [--first N]`, or
//! `--file PATH` for one input that was kept.

use std::process::ExitCode;

use fuzz::{Driver, TARGETS, seed_from_environment};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(told) => {
            eprintln!("{told}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let usage = || {
        let names = names.join(", ");
        format!("usage: TARGET [--cases N] [--seed S] [--first N] [--file PATH]\ntargets: {names}")
    };
    let (name, mut rest) = match arguments.split_first() {
        Some((name, rest)) => (name, rest.iter()),
        None => return Err(usage()),
    };
    let target = fuzz::target(name).ok_or_else(usage)?;
    let mut driver = Driver {
        seed: seed_from_environment(),
        first: 0,
        cases: target.cases,
    };
    while let (Some(option), Some(value)) = (rest.next(), rest.next()) {
        let number = || value.parse().map_err(|_| usage());
        match option.as_str() {
            "--cases" => driver.cases = number()?,
            "--seed" => driver.seed = number()?,
            "--first" => driver.first = number()?,
            "--file" => {
                let input = std::fs::read(value).map_err(|error| format!("{value}: {error}"))?;
                (target.run)(&input);
                return Ok(());
            }
            _ => return Err(usage()),
        }
    }
    println!("{name}: {} cases of seed {}", driver.cases, driver.seed);
    driver.run(target).map_err(|failure| match failure.save() {
        Ok(path) => format!("{failure}\n  kept in {}", path.display()),
        Err(error) => format!("{failure}\n  not kept: {error}"),
    })
}
