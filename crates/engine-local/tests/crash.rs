//! A process that writes is killed without warning, again and again; what it acknowledged is there,
//! whole, and of what it did not acknowledge nothing is half there.
//!
//! This shows that the order of acknowledgements is right and that recovery works. It does not show
//! that the disk keeps what was synced: the page cache survives a killed process. `DESIGN.md` says
//! why power loss is covered.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use engine::BucketId;
use engine::kit::{Random, Subject, World, observe};
use engine_local::{Local, Options};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const DIRECTORY: &str = "STRONGROOM_CRASH_DIRECTORY";
const ROUND: &str = "STRONGROOM_CRASH_ROUND";
const WRITERS: u64 = 6;
const ROUNDS: u64 = 30;
/// Small enough that bodies of all kinds are in flight at any moment.
const BODY_BYTES: [usize; 8] = [0, 10, 500, 1001, 9000, 65_536, 70_000, 300_000];

fn open(directory: &Path) -> Local {
    let options = Options {
        inline_bytes_max: 1000,
        ..Options::default()
    };
    Local::open(directory, options).unwrap()
}

fn open_and_sweep(directory: &Path) -> Local {
    let local = open(directory);
    while !local.is_swept() {
        std::thread::sleep(Duration::from_millis(1));
    }
    local
}

fn worlds(round: u64) -> Vec<World> {
    let worlds = (0..WRITERS).map(|writer| {
        let seed = round * 1000 + writer;
        World::new(seed, BucketId(u128::from(seed)), &BODY_BYTES)
    });
    worlds.collect()
}

/// Not a test by itself: the process that is killed. Does nothing when nobody asks it to.
#[test]
fn writer_process() {
    let (Ok(directory), Ok(round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else {
        return;
    };
    let local = open(Path::new(&directory));
    let subject = Subject {
        objects: &local,
        control: &local,
    };
    let writers = worlds(round.parse().unwrap()).into_iter().enumerate();
    let writers = writers.map(async |(writer, mut world)| {
        loop {
            let op = world.next_op();
            world.run(subject, &op).await;
            let mut out = std::io::stdout().lock();
            writeln!(out, "\nacknowledged {writer}").unwrap();
            out.flush().unwrap();
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(futures_util::future::join_all(writers));
}

/// Runs the writers for a while, kills them, and answers how many steps of each were acknowledged.
fn run_and_kill(directory: &Path, round: u64, life: Duration) -> Vec<usize> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer_process", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut counts = vec![0; WRITERS as usize];
        for line in out.lines().map_while(Result::ok) {
            // The last line may be cut; then its number is, too, and nothing was promised.
            let writer = line.strip_prefix("acknowledged ").map(str::parse::<usize>);
            if let Some(Ok(writer)) = writer {
                counts[writer] += 1;
            }
        }
        counts
    });
    std::thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

fn extent_files(directory: &Path) -> usize {
    let folders = std::fs::read_dir(directory.join("extents")).unwrap();
    let files = folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count());
    files.sum()
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().join("data");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut random = Random::new(1);
    let mut survivors: Vec<World> = Vec::new();
    let (mut steps, mut in_flight) = (0, 0);
    for round in 0..ROUNDS {
        let life = Duration::from_millis(40 + random.below(160) as u64);
        let counts = run_and_kill(&directory, round, life);
        let local = open(&directory);
        let subject = Subject {
            objects: &local,
            control: &local,
        };
        for (mut world, count) in worlds(round).into_iter().zip(counts) {
            steps += count;
            for _ in 0..count {
                let op = world.next_op();
                world.pretend(&op);
            }
            let found = observe(subject, world.bucket(), world.control_prefix());
            let found = runtime.block_on(found);
            if found != world.state() {
                // The step that nobody was told of may have been done, but then whole.
                let op = world.next_op();
                world.pretend(&op);
                in_flight += 1;
                assert!(
                    found == world.state(),
                    "round {round}, after {count} steps: found {found:#?}, expected {:#?} or one \
                     step before",
                    world.state()
                );
            }
            survivors.push(world);
        }
        // What earlier rounds left must not suffer from later ones.
        for _ in 0..10 {
            let world = random.pick(&survivors);
            let found = observe(subject, world.bucket(), world.control_prefix());
            assert!(runtime.block_on(found) == world.state());
        }
    }
    println!("{steps} acknowledged steps, {in_flight} done and not acknowledged");
    assert!(steps > 100, "the writers did only {steps} steps");
    drop(open_and_sweep(&directory));
    // Opened with nothing to do: no file is there that no record names.
    let local = open_and_sweep(&directory);
    let files = extent_files(&directory);
    drop(local);
    drop(open_and_sweep(&directory));
    assert_eq!(files, extent_files(&directory));
}
