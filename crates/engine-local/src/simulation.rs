//! Random histories on a disk that loses power at every one of its calls.
//!
//! After each loss the directory is opened again, and must hold every write that was acknowledged,
//! whole, and of the write that was under way all or nothing. For tests and long runs only:
//! whatever does not hold is an error that names the seed and the call.

use crate::codec::Table;
use crate::rows::Reads as _;
use crate::simulated::{Mischief, SimulatedDisk};
use crate::{Local, OpenError, Options};
use engine::kit::{Op, Random, Subject, World, observe};
use engine::{BucketId, EngineError};
use futures_util::FutureExt as _;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// What was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tried {
    /// Histories.
    pub histories: u64,
    /// Losses of power, each at another call of its history.
    pub crashes: u64,
    /// Of these, those that were followed by another loss while the directory was opened.
    pub second_crashes: u64,
    /// Openings whose index was thrown away and made again from the log.
    pub rebuilds: u64,
    /// Calls that failed once, in a history of its own each.
    pub errors: u64,
    /// Full disks.
    pub full: u64,
    /// Flipped bits.
    pub flips: u64,
}

impl Tried {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Tried) -> Tried {
        Tried {
            histories: self.histories + other.histories,
            crashes: self.crashes + other.crashes,
            second_crashes: self.second_crashes + other.second_crashes,
            rebuilds: self.rebuilds + other.rebuilds,
            errors: self.errors + other.errors,
            full: self.full + other.full,
            flips: self.flips + other.flips,
        }
    }
}

/// Something that was promised does not hold.
#[derive(Debug, Clone, thiserror::Error)]
#[error("seed {seed}, {what} at call {call}: {broken}")]
pub struct Broken {
    /// The history.
    pub seed: u64,
    /// What was done to the disk.
    pub what: &'static str,
    /// When.
    pub call: u64,
    /// What does not hold.
    pub broken: String,
}

/// Histories of one thread.
pub struct Simulation {
    runtime: Runtime,
    base: tempfile::TempDir,
    directories: u64,
    /// For tests of the tests.
    lies: Mischief,
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation").finish_non_exhaustive()
    }
}

/// Everything happens often: new files of the log, checkpoints, compaction, files of bodies.
fn options(checkpoint_on_close: bool) -> Options {
    Options {
        map_bytes: 64 << 20,
        inline_bytes_max: 600,
        segment_bytes: 24 << 10,
        memtable_bytes: 6 << 10,
        checkpoint_bytes: 32 << 10,
        reserve_bytes: 0,
        checkpoint_on_close,
    }
}

const BODY_BYTES: [usize; 6] = [0, 10, 500, 600, 601, 3000];
const STEPS: usize = 40;
const WORLDS: u64 = 2;

/// A world, and the step that was under way when the engine failed.
struct Played {
    world: World,
    in_doubt: Option<Op>,
}

impl Simulation {
    /// Works in a directory of its own, in memory if there is such a place.
    ///
    /// # Errors
    /// When there is no directory or no runtime to be had.
    pub fn new() -> std::io::Result<Simulation> {
        let memory = Path::new("/dev/shm");
        let base = match memory.is_dir() {
            true => tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir())?,
            false => tempfile::tempdir()?,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Simulation {
            runtime,
            base,
            directories: 0,
            lies: Mischief::None,
        })
    }

    fn directory(&mut self) -> PathBuf {
        self.directories += 1;
        self.base.path().join(self.directories.to_string())
    }

    /// One history with a loss of power at each of its calls.
    ///
    /// # Errors
    /// The first promise that does not hold.
    pub fn crashes(&mut self, seed: u64) -> Result<Tried, Broken> {
        let calls = self.calls(seed)?;
        let mut tried = Tried {
            histories: 1,
            ..Tried::default()
        };
        for call in 1..=calls {
            let broken = |broken| Broken {
                seed,
                what: "power is lost",
                call,
                broken,
            };
            self.crash(seed, call, &mut tried).map_err(broken)?;
        }
        Ok(tried)
    }

    /// How many calls the history makes when nothing goes wrong.
    fn calls(&mut self, seed: u64) -> Result<u64, Broken> {
        let directory = self.directory();
        let disk = Arc::new(SimulatedDisk::new(seed));
        let played = self.play(&directory, &disk, seed, false);
        let broken = |broken: String| Broken {
            seed,
            what: "nothing",
            call: 0,
            broken,
        };
        let (local, played) = played.map_err(|error| broken(error.to_string()))?;
        for played in &played {
            if played.in_doubt.is_some() {
                return Err(broken("a write failed for no reason".to_owned()));
            }
        }
        drop(local);
        let _ = std::fs::remove_dir_all(directory);
        Ok(disk.calls())
    }

    fn crash(&mut self, seed: u64, call: u64, tried: &mut Tried) -> Result<(), String> {
        let directory = self.directory();
        let disk = Arc::new(SimulatedDisk::new(seed ^ call << 20));
        disk.do_mischief(self.lies);
        disk.crash_at(call);
        let played = match self.play(&directory, &disk, seed, false) {
            Ok((local, played)) => {
                drop(local);
                played
            }
            // Nothing was acknowledged.
            Err(_) => Vec::new(),
        };
        tried.crashes += 1;
        let mut disk = Arc::new(disk.after_power_loss());
        let mut random = Random::new(seed ^ call);
        if random.one_in(3) {
            disk.crash_at(1 + random.below(40) as u64);
            if let Ok(local) = self.open(&directory, &disk, false) {
                drop(local);
            }
            tried.second_crashes += 1;
            disk = Arc::new(disk.after_power_loss());
        }
        if random.one_in(4) && crate::store::has_format(&directory) {
            crate::rebuild::on(&directory, &options(false), Arc::clone(&disk) as _)
                .map_err(|error| format!("the index cannot be rebuilt: {error}"))?;
            tried.rebuilds += 1;
        }
        self.check(&directory, &disk, played, call)?;
        let _ = std::fs::remove_dir_all(directory);
        Ok(())
    }

    /// A history in which one call fails, for some of its calls.
    ///
    /// # Errors
    /// The first promise that does not hold.
    pub fn errors(&mut self, seed: u64) -> Result<Tried, Broken> {
        let calls = self.calls(seed)?;
        let mut tried = Tried::default();
        let mut random = Random::new(seed);
        for _ in 0..8 {
            let call = 1 + random.below(calls as usize) as u64;
            self.failing(seed, call, Mischief::Error(call))
                .map_err(|broken| Broken {
                    seed,
                    what: "a call fails",
                    call,
                    broken,
                })?;
            tried.errors += 1;
        }
        Ok(tried)
    }

    /// A history whose disk is full for a while, beginning at each of its calls, and that often
    /// ends soon after.
    ///
    /// # Errors
    /// The first promise that does not hold.
    pub fn full(&mut self, seed: u64) -> Result<Tried, Broken> {
        let calls = self.calls(seed)?;
        let mut tried = Tried::default();
        let mut random = Random::new(seed);
        for call in 1..=calls {
            let count = 1 + random.below(12) as u64;
            self.failing(seed, call, Mischief::Full(call, count))
                .map_err(|broken| Broken {
                    seed,
                    what: "the disk is full",
                    call,
                    broken,
                })?;
            tried.full += 1;
        }
        Ok(tried)
    }

    fn failing(&mut self, seed: u64, call: u64, mischief: Mischief) -> Result<(), String> {
        let directory = self.directory();
        let disk = Arc::new(SimulatedDisk::new(seed ^ call << 20));
        disk.do_mischief(mischief);
        let mut random = Random::new(seed ^ call);
        if matches!(mischief, Mischief::Full(..)) && random.one_in(2) {
            disk.crash_at(call + 1 + random.below(12) as u64);
        }
        let played = match self.play(&directory, &disk, seed, false) {
            Ok((local, played)) => {
                drop(local);
                played
            }
            Err(_) => Vec::new(),
        };
        let disk = Arc::new(disk.after_power_loss());
        self.check(&directory, &disk, played, call)?;
        let _ = std::fs::remove_dir_all(directory);
        Ok(())
    }

    /// Bits are flipped one after the other where the history left its bytes: who reads gets the
    /// bytes that were written, or an error.
    ///
    /// # Errors
    /// The first promise that does not hold.
    pub fn flips(&mut self, seed: u64) -> Result<Tried, Broken> {
        let directory = self.directory();
        let disk = Arc::new(SimulatedDisk::new(seed));
        let broken = |broken: String| Broken {
            seed,
            what: "a bit is flipped",
            call: 0,
            broken,
        };
        let (local, played) = self
            .play(&directory, &disk, seed, true)
            .map_err(|error| broken(error.to_string()))?;
        drop(local);
        let mut tried = Tried::default();
        let mut random = Random::new(seed);
        for _ in 0..12 {
            let files = disk.files();
            let path = random.pick(&files).clone();
            let at = random.below(disk.file_bytes(&path).max(1));
            let mask = 1 << random.below(8);
            disk.flip(&path, at, mask);
            tried.flips += 1;
            match self.open(&directory, &disk, true) {
                // Said, and nothing is served.
                Err(OpenError::Engine(EngineError::Corrupt { .. })) => {}
                Err(error) => return Err(broken(format!("opening said {error}"))),
                Ok(local) => {
                    let seen = self.runtime.block_on(honest(&local, &played));
                    let scrubbed = local.verify(true);
                    drop(local);
                    let said = scrubbed.map_err(|error| broken(error.to_string()))?;
                    match seen {
                        Err(text) => return Err(broken(format!("{path:?} at {at}: {text}"))),
                        Ok(damaged) if damaged > 0 && said.problems.is_empty() => {
                            return Err(broken("a scrub found nothing".to_owned()));
                        }
                        Ok(_) => {}
                    }
                }
            }
            disk.flip(&path, at, mask);
        }
        let _ = std::fs::remove_dir_all(directory);
        Ok(tried)
    }

    fn open(
        &self,
        directory: &Path,
        disk: &Arc<SimulatedDisk>,
        checkpoint_on_close: bool,
    ) -> Result<Local, OpenError> {
        Local::open_on(
            directory,
            options(checkpoint_on_close),
            Arc::clone(disk) as _,
        )
    }

    /// Opens and runs all worlds at once, each until its end or the first error.
    fn play(
        &self,
        directory: &Path,
        disk: &Arc<SimulatedDisk>,
        seed: u64,
        checkpoint_on_close: bool,
    ) -> Result<(Local, Vec<Played>), OpenError> {
        let local = self.open(directory, disk, checkpoint_on_close)?;
        let subject = Subject {
            objects: &local,
            control: &local,
        };
        let worlds = (0..WORLDS).map(|number| async move {
            let bucket = BucketId(u128::from(seed) << 8 | u128::from(number));
            let mut world = World::new(seed * WORLDS + number, bucket, &BODY_BYTES);
            for _ in 0..STEPS {
                let op = world.next_op();
                match world.attempt(subject, &op).await {
                    Ok(()) => {}
                    // Nothing of it was taken, and the next may be.
                    Err(EngineError::NoSpace) => {}
                    Err(_) => {
                        return Played {
                            world,
                            in_doubt: Some(op),
                        };
                    }
                }
            }
            Played {
                world,
                in_doubt: None,
            }
        });
        let played = self
            .runtime
            .block_on(futures_util::future::join_all(worlds));
        Ok((local, played))
    }

    /// Opens again and compares; then the engine must take new writes.
    fn check(
        &self,
        directory: &Path,
        disk: &Arc<SimulatedDisk>,
        played: Vec<Played>,
        call: u64,
    ) -> Result<(), String> {
        let local = self
            .open(directory, disk, false)
            .map_err(|error| format!("it does not open: {error}"))?;
        while !local.is_swept() {
            std::thread::sleep(std::time::Duration::from_micros(50));
        }
        let files = disk
            .files()
            .into_iter()
            .filter(|path| path.components().any(|part| part.as_os_str() == "extents"))
            .count();
        let named = named_extents(&local).map_err(|error| error.to_string())?;
        let checked = self
            .runtime
            .block_on(AssertUnwindSafe(compare(&local, played, call)).catch_unwind());
        let said = local.verify(true).map_err(|error| error.to_string())?;
        drop(local);
        match checked {
            Ok(Ok(())) => {}
            Ok(Err(broken)) => return Err(broken),
            Err(panic) => {
                let text = panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                return Err(text.unwrap_or_else(|| "it panicked".to_owned()));
            }
        }
        if let Some(problem) = said.problems.first() {
            return Err(format!("a scrub says: {problem}"));
        }
        match files <= named {
            true => Ok(()),
            false => Err(format!(
                "{files} files of bodies, of which {named} are named"
            )),
        }
    }
}

fn named_extents(local: &Local) -> Result<usize, EngineError> {
    let view = local.store.view()?;
    let mut count = 0;
    for row in view.rows_with(Table::Extents, &[])? {
        row?;
        count += 1;
    }
    Ok(count)
}

async fn compare(local: &Local, played: Vec<Played>, call: u64) -> Result<(), String> {
    let subject = Subject {
        objects: local,
        control: local,
    };
    for Played { world, in_doubt } in &played {
        let found = observe(subject, world.bucket(), world.control_prefix()).await;
        let without = world.state();
        let mut with = world.clone();
        if let Some(op) = in_doubt {
            with.pretend(op);
        }
        if found != without && found != with.state() {
            return Err(format!(
                "found {found:#?}\nexpected {without:#?}\nor, with what was under way, {:#?}",
                with.state()
            ));
        }
    }
    let mut world = World::new(call, BucketId(u128::MAX - u128::from(call)), &BODY_BYTES);
    for _ in 0..4 {
        let op = world.next_op();
        world
            .attempt(subject, &op)
            .await
            .map_err(|error| format!("no new writes: {error}"))?;
    }
    match observe(subject, world.bucket(), world.control_prefix()).await == world.state() {
        true => Ok(()),
        false => Err("what was written after it was opened is not there".to_owned()),
    }
}

/// Whether all that can be read is as it was written; answers how many bodies could not.
async fn honest(local: &Local, played: &[Played]) -> Result<usize, String> {
    let mut damaged = 0;
    for Played { world, .. } in played {
        damaged += world.compare_bodies(local).await?;
    }
    Ok(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acknowledged_is_lost_at_any_crash() {
        let wanted = 10_000;
        let halves: Vec<_> = [1_000u64, 2_000]
            .into_iter()
            .map(|first| {
                std::thread::spawn(move || {
                    let mut simulation = Simulation::new().unwrap();
                    let mut tried = Tried::default();
                    let mut seed = first;
                    while tried.crashes < wanted / 2 {
                        tried = tried.and(simulation.crashes(seed).unwrap());
                        seed += 1;
                    }
                    tried
                })
            })
            .collect();
        let tried = halves
            .into_iter()
            .map(|half| half.join().unwrap())
            .fold(Tried::default(), Tried::and);
        println!("{tried:?}");
        assert!(tried.crashes >= wanted);
        assert!(tried.second_crashes > wanted / 5 && tried.rebuilds > wanted / 6);
    }

    #[test]
    fn errors_and_full_disks_lose_nothing() {
        let mut simulation = Simulation::new().unwrap();
        for seed in 1..=25 {
            simulation.errors(seed).unwrap();
        }
        for seed in 1..=6 {
            simulation.full(seed).unwrap();
        }
    }

    #[test]
    fn a_flipped_bit_is_never_served() {
        let mut simulation = Simulation::new().unwrap();
        for seed in 1..=25 {
            simulation.flips(seed).unwrap();
        }
    }

    /// A test that cannot fail proves nothing.
    #[test]
    fn disks_that_lie_are_noticed() {
        for lies in [Mischief::IgnoresSyncs, Mischief::IgnoresDirectorySyncs] {
            let mut simulation = Simulation::new().unwrap();
            simulation.lies = lies;
            let noticed = (1..20).any(|seed| simulation.crashes(seed).is_err());
            assert!(noticed, "{lies:?}");
        }
        let mut simulation = Simulation::new().unwrap();
        let noticed = (1..20).any(|seed| {
            let calls = simulation.calls(seed).unwrap();
            (calls / 2..calls).any(|call| {
                let forgets = Mischief::Forgets(call);
                simulation.failing(seed, call, forgets).is_err()
            })
        });
        assert!(noticed);
    }
}
