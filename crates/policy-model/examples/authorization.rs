//! Puts random worlds to both evaluators for as long as wanted, on all cores.
//!
//! `cargo xtask fuzz authorization --cases 1000000 [--seed SEED]`. A disagreement is printed and
//! kept among the regressions, and the run fails.
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use policy_model::Decision;
use policy_model::generate::REQUESTS_PER_WORLD;

#[path = "../tests/support/mod.rs"]
mod support;
use support::{Finding, run};

/// Worlds that a thread takes at a time.
const PORTION: u64 = 250;
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let (cases, seed) = match arguments(std::env::args().skip(1)) {
        Ok(found) => found,
        Err(problem) => {
            eprintln!("{problem}\nusage: --cases N [--seed SEED]");
            return ExitCode::FAILURE;
        }
    };
    let worlds = cases.div_ceil(REQUESTS_PER_WORLD as u64);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{cases} cases from seed {seed}, {threads} threads");
    let tally = Tally::default();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&tally, seed, worlds));
        }
        scope.spawn(|| report(&tally, start, worlds));
    });
    println!("{}", tally.line(start));
    if tally.found.load(Ordering::Relaxed) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn arguments(mut given: impl Iterator<Item = String>) -> Result<(u64, u64), String> {
    let (mut cases, mut seed) = (1_000_000, fastrand::u64(0..1 << 48));
    while let Some(name) = given.next() {
        let place = match name.as_str() {
            "--cases" => &mut cases,
            "--seed" => &mut seed,
            other => return Err(format!("unknown argument `{other}`")),
        };
        let value = given.next().ok_or(format!("{name} needs a number"))?;
        let value = value.replace('_', "");
        *place = value.parse().map_err(|error| format!("{name}: {error}"))?;
    }
    Ok((cases, seed))
}

#[derive(Default)]
struct Tally {
    next: AtomicU64,
    cases: AtomicU64,
    allowed: AtomicU64,
    found: AtomicBool,
}

impl Tally {
    fn line(&self, start: Instant) -> String {
        let cases = self.cases.load(Ordering::Relaxed);
        let allowed = self.allowed.load(Ordering::Relaxed);
        let seconds = start.elapsed().as_secs_f64();
        format!(
            "{cases} cases in {seconds:.0} s, {:.0} a second, {:.1} % allowed",
            cases as f64 / seconds,
            100.0 * allowed as f64 / cases.max(1) as f64
        )
    }
}

/// Takes portions of worlds until none is left, or somebody has found something.
fn work(tally: &Tally, seed: u64, worlds: u64) {
    while !tally.found.load(Ordering::Relaxed) {
        let from = tally.next.fetch_add(PORTION, Ordering::Relaxed);
        if from >= worlds {
            return;
        }
        let seeds = (from..worlds.min(from + PORTION)).map(|at| seed.wrapping_add(at));
        let ran = run(seeds, None, |_, _, answer, finding| {
            tally.cases.fetch_add(1, Ordering::Relaxed);
            let allowed = u64::from(answer.decision == Decision::Allow);
            tally.allowed.fetch_add(allowed, Ordering::Relaxed);
            match finding {
                Some(finding) if !tally.found.swap(true, Ordering::Relaxed) => {
                    keep(&finding);
                    ControlFlow::Break(())
                }
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        });
        if let Err(problem) = ran {
            eprintln!("`policy` reads no document of a world: {problem}");
            tally.found.store(true, Ordering::Relaxed);
        }
    }
}

fn keep(finding: &Finding) {
    println!("{}", finding.shown());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/regressions");
    let path = format!("{folder}/found-{}.json", finding.seed);
    match std::fs::write(&path, finding.case.shrunk(None).to_json()) {
        Ok(()) => println!("kept as {path}: give it a name that says what it shows"),
        Err(error) => eprintln!("{path}: {error}"),
    }
}

fn report(tally: &Tally, start: Instant, worlds: u64) {
    let is_over = || {
        let portions = tally.next.load(Ordering::Relaxed);
        portions >= worlds || tally.found.load(Ordering::Relaxed)
    };
    let mut last = Instant::now();
    while !is_over() {
        std::thread::sleep(Duration::from_millis(100));
        if last.elapsed() > PROGRESS_EVERY {
            eprintln!("{}", tally.line(start));
            last = Instant::now();
        }
    }
}
