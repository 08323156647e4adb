//! Long runs of the simulation: `cargo xtask fuzz storage --cases N [--seed S]`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use engine_local::simulation::{Broken, Simulation, Tried};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, standard: u64| {
        let values = arguments.iter().zip(arguments.iter().skip(1));
        let mut found = values.filter(|(flag, _)| *flag == name);
        found
            .next()
            .map_or(Ok(standard), |(_, value)| value.parse())
    };
    let (Ok(cases), Ok(seed)) = (number("--cases", 100_000), number("--seed", 1)) else {
        eprintln!("usage: storage [--cases N] [--seed S]");
        return ExitCode::FAILURE;
    };
    println!("{cases} crashes from seed {seed} on");
    let halves = [0, 1].map(|half| {
        std::thread::spawn(move || run(cases / 2, seed.wrapping_add(half * 1_000_000_007)))
    });
    let mut all = Tried::default();
    for half in halves {
        match half.join() {
            Ok(Ok(tried)) => all = all.and(tried),
            Ok(Err(broken)) => {
                eprintln!("{broken}");
                return ExitCode::FAILURE;
            }
            Err(_) => return ExitCode::FAILURE,
        }
    }
    println!("{all:?}");
    ExitCode::SUCCESS
}

fn run(cases: u64, first: u64) -> Result<Tried, Broken> {
    let mut tried = Tried::default();
    let mut seed = first;
    let mut simulation = match Simulation::new() {
        Ok(simulation) => simulation,
        Err(error) => {
            eprintln!("{error}");
            return Ok(tried);
        }
    };
    while tried.crashes < cases {
        tried = tried
            .and(simulation.crashes(seed)?)
            .and(simulation.errors(seed)?)
            .and(simulation.full(seed)?)
            .and(simulation.flips(seed)?);
        seed = seed.wrapping_add(1);
    }
    Ok(tried)
}
