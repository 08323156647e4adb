//! A copy that was made while others wrote: of each writer it has all that was acknowledged before the
//! copy began, and of what came later a first part, each write whole.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use engine::kit::{Random, Subject, World, observe};
use engine::{BucketId, EngineError};
use engine_local::{CopyError, FORMAT_FILE, Local, Options, Pace, Unhindered};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

const WRITERS: u64 = 4;
/// Bodies in the log and files of their own, one block and several.
const BODY_BYTES: [usize; 7] = [0, 10, 900, 1001, 9000, 70_000, 200_000];

/// So small that segments, checkpoints and compaction come and go during a copy.
fn options() -> Options {
    Options {
        inline_bytes_max: 1000,
        segment_bytes: 64 << 10,
        memtable_bytes: 32 << 10,
        checkpoint_bytes: 64 << 10,
        map_bytes: 256 << 20,
        ..Options::default()
    }
}

fn worlds(seed: u64) -> Vec<World> {
    let worlds = (0..WRITERS).map(|writer| {
        let seed = 1_000_000 + seed * 1000 + writer;
        World::new(seed, BucketId(u128::from(seed)), &BODY_BYTES)
    });
    worlds.collect()
}

/// Steps of one writer: begun, and acknowledged.
#[derive(Default)]
struct Steps {
    begun: AtomicUsize,
    acknowledged: AtomicUsize,
}

/// Lets writers get on in the middle of everything.
struct Slowly(AtomicU64);

impl Pace for Slowly {
    fn read(&self, bytes: u64) {
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        if before / 1_000_000 != (before + bytes) / 1_000_000 {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn is_stopped(&self) -> bool {
        false
    }
}

fn extent_files(directory: &Path) -> usize {
    let folders = std::fs::read_dir(directory.join("extents")).unwrap();
    let files = folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count());
    files.sum()
}

/// What each writer had done when the copy began, and begun when it ended.
struct Bounds {
    least: Vec<usize>,
    most: Vec<usize>,
}

/// Writes, copies meanwhile, and answers the copy and how much each writer must and may have in it.
fn copy_while_writing(seed: u64, directory: &Path) -> (PathBuf, Bounds) {
    let local = Local::open(directory.join("data"), options()).unwrap();
    let target = directory.join("copy");
    let steps: Vec<Steps> = (0..WRITERS).map(|_| Steps::default()).collect();
    let stop = AtomicBool::new(false);
    let bounds = std::thread::scope(|scope| {
        let writers = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_time()
                .build()
                .unwrap();
            let subject = Subject {
                objects: &local,
                control: &local,
            };
            let writers = worlds(seed).into_iter().zip(&steps);
            let writers = writers.map(async |(mut world, steps)| {
                while !stop.load(Ordering::Relaxed) {
                    let op = world.next_op();
                    steps.begun.fetch_add(1, Ordering::SeqCst);
                    world.run(subject, &op).await;
                    steps.acknowledged.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                let found = observe(subject, world.bucket(), world.control_prefix()).await;
                assert!(found == world.state());
            });
            runtime.block_on(futures_util::future::join_all(writers));
        });
        let mut random = Random::new(seed);
        std::thread::sleep(Duration::from_millis(150 + random.below(300) as u64));
        let count = |of: fn(&Steps) -> &AtomicUsize| {
            steps.iter().map(|s| of(s).load(Ordering::SeqCst)).collect()
        };
        let least = count(|steps| &steps.acknowledged);
        let copied = local.copy_to(&target, &Slowly(AtomicU64::new(0)));
        let most = count(|steps| &steps.begun);
        stop.store(true, Ordering::Relaxed);
        writers.join().unwrap();
        assert!(copied.unwrap().files > 0);
        Bounds { least, most }
    });
    // The hold is gone, and nothing suffered.
    assert_eq!(local.verify(true).unwrap().problems, []);
    (target, bounds)
}

/// Compares with each state that a writer may have been in; answers the steps that the copy has.
fn compare(local: &Local, seed: u64, bounds: &Bounds) -> Vec<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let subject = Subject {
        objects: local,
        control: local,
    };
    let mut had = Vec::new();
    for (writer, mut world) in worlds(seed).into_iter().enumerate() {
        let found = observe(subject, world.bucket(), world.control_prefix());
        let found = runtime.block_on(found);
        let mut steps = 0;
        loop {
            if steps >= bounds.least[writer] && found == world.state() {
                break;
            }
            assert!(
                steps < bounds.most[writer],
                "seed {seed}, writer {writer}: what the copy has was at no moment between {} and {} \
                 steps: {found:#?}",
                bounds.least[writer],
                bounds.most[writer]
            );
            let op = world.next_op();
            world.pretend(&op);
            steps += 1;
        }
        had.push(steps);
    }
    had
}

#[test]
fn a_copy_has_all_that_was_acknowledged_before_and_nothing_half() {
    let seeds = std::env::var("STRONGROOM_COPY_SEEDS").map_or(3, |seeds| seeds.parse().unwrap());
    let mut later = 0;
    for seed in 0..seeds {
        let directory = tempfile::tempdir().unwrap();
        let (copy, bounds) = copy_while_writing(seed, directory.path());
        let local = Local::open(&copy, options()).unwrap();
        let verified = local.verify(true).unwrap();
        assert_eq!(verified.problems, [], "seed {seed}");
        let had = compare(&local, seed, &bounds);
        later += had
            .iter()
            .zip(&bounds.most)
            .filter(|(had, most)| had < most)
            .count();
        while !local.is_swept() {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(local);
        // Its log is whole, too: an index made of it alone says the same.
        Local::rebuild(&copy, &options()).unwrap();
        let local = Local::open(&copy, options()).unwrap();
        assert_eq!(local.verify(true).unwrap().problems, [], "seed {seed}");
        assert_eq!(compare(&local, seed, &bounds), had, "seed {seed}");
        drop(local);
        let files = extent_files(&copy);
        drop(Local::open(&copy, options()).unwrap());
        assert_eq!(extent_files(&copy), files, "seed {seed}");
    }
    assert!(later > 0, "nobody wrote while the copies were made");
}

/// Ends the work after some bytes.
struct Ends(AtomicU64);

impl Pace for Ends {
    fn read(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 300_000
    }
}

#[test]
fn a_copy_that_is_ended_is_no_data_directory_and_holds_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::open(directory.path().join("data"), options()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let subject = Subject {
        objects: &local,
        control: &local,
    };
    let mut world = worlds(0).swap_remove(0);
    let work = |world: &mut World| {
        for _ in 0..200 {
            let op = world.next_op();
            runtime.block_on(world.run(subject, &op));
        }
    };
    work(&mut world);
    let target = directory.path().join("copy");
    let ended = local.copy_to(&target, &Ends(AtomicU64::new(0)));
    assert!(matches!(ended, Err(CopyError::Stopped)), "{ended:?}");
    assert!(!target.join(FORMAT_FILE).exists());
    assert!(Local::open(&target, options()).is_err());
    // A look at everything that is ended says so, and calls nothing damaged.
    let ended = local.verify_at(true, &Ends(AtomicU64::new(0)));
    assert!(matches!(ended, Err(EngineError::Io { .. })), "{ended:?}");
    // What is deleted from now on is removed again, and what is in the way is not written over.
    work(&mut world);
    let again = local.copy_to(&target, &Unhindered);
    assert!(matches!(
        again,
        Err(CopyError::Write { .. } | CopyError::Engine(_))
    ));
    local
        .copy_to(directory.path().join("other"), &Unhindered)
        .unwrap();
    drop(local);
    let local = Local::open(directory.path().join("other"), options()).unwrap();
    let subject = Subject {
        objects: &local,
        control: &local,
    };
    let found = observe(subject, world.bucket(), world.control_prefix());
    assert!(runtime.block_on(found) == world.state());
}
