//! Feeds a target: a number of cases from a seed, each told with what replays it when it fails.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use crate::Target;
use crate::mutate::{self, Random};

/// Targets run on a stack of this size: an eighth of what the server's threads have.
pub const STACK_BYTES: usize = 256 * 1024;

/// Which cases to run.
#[derive(Clone, Copy, Debug)]
pub struct Driver {
    /// What all inputs follow from.
    pub seed: u64,
    /// The number of the first case.
    pub first: u64,
    /// How many cases.
    pub cases: u64,
}

/// An input on which a target panicked.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The target's name.
    pub target: &'static str,
    /// The driver's seed.
    pub seed: u64,
    /// The number of the case.
    pub case: u64,
    /// What was read.
    pub input: Vec<u8>,
    /// What the panic said.
    pub message: String,
}

impl Driver {
    /// Runs the cases one after the other, on a thread with a small stack; the first failure ends it.
    /// A stack that overflows ends the process: the thread's name, which is then printed, has the
    /// target and the seed.
    ///
    /// # Errors
    /// The input on which the target panicked.
    pub fn run(self, target: &'static Target) -> Result<(), Box<Failure>> {
        let thread = std::thread::Builder::new()
            .name(format!("{} --seed {}", target.name, self.seed))
            .stack_size(STACK_BYTES)
            .spawn(move || self.cases(target));
        match thread.map(std::thread::JoinHandle::join) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(self.failure(target, self.first, Vec::new(), told(&*panic))),
            Err(error) => Err(self.failure(target, self.first, Vec::new(), error.to_string())),
        }
    }

    fn cases(self, target: &'static Target) -> Result<(), Box<Failure>> {
        let seeds = (target.seeds)();
        for case in self.first..self.first.saturating_add(self.cases) {
            let mut random = Random::new(self.seed, case);
            // The valid inputs themselves come first.
            let valid = usize::try_from(case).ok().and_then(|case| seeds.get(case));
            let input = match valid {
                Some(input) => input.clone(),
                None => mutate::input(target, &seeds, &mut random),
            };
            let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(&input)));
            outcome.map_err(|panic| self.failure(target, case, input, told(&*panic)))?;
        }
        Ok(())
    }

    fn failure(self, target: &Target, case: u64, input: Vec<u8>, message: String) -> Box<Failure> {
        Box::new(Failure {
            target: target.name,
            seed: self.seed,
            case,
            input,
            message,
        })
    }
}

impl Failure {
    /// Keeps the input in `target/fuzz`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self) -> std::io::Result<PathBuf> {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/fuzz"));
        std::fs::create_dir_all(&folder)?;
        let name = format!("{}-{}-{}.bin", self.target, self.seed, self.case);
        let path = folder.join(name);
        std::fs::write(&path, &self.input)?;
        Ok(path)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure {
            target,
            seed,
            case,
            input,
            message,
        } = self;
        writeln!(
            f,
            "{target} panicked on case {case} of seed {seed}: {message}"
        )?;
        writeln!(
            f,
            "  cargo xtask fuzz {target} --seed {seed} --first {case} --cases 1"
        )?;
        write!(f, "  {} bytes in hex: ", input.len())?;
        for byte in input.iter().take(4096) {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

fn told(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without text").to_owned()
}

/// `STRONGROOM_SEED`, or a fixed seed, so that an ordinary run of the tests finds the same every time.
#[must_use]
pub fn seed_from_environment() -> u64 {
    let named = std::env::var("STRONGROOM_SEED");
    named.ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}
