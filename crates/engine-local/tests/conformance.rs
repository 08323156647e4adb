//! The kit of `engine`, run on the embedded engine.
#![expect(clippy::unwrap_used, reason = "tests")]

use engine::kit::{self, Subject};
use engine::{ControlStore, ControlTxn};
use engine_local::{Local, Options};
use std::time::{Duration, Instant};

const INLINE_BYTES_MAX: usize = 1000;
/// On both sides of: nothing, inline, one block, one batch of blocks.
const BODY_BYTES: [usize; 10] = [
    0, 1, 999, 1000, 1001, 65_535, 65_536, 65_537, 131_072, 1_200_000,
];

fn open(directory: &tempfile::TempDir) -> Local {
    let options = Options {
        inline_bytes_max: INLINE_BYTES_MAX,
        ..Options::default()
    };
    Local::open(directory.path().join("data"), options).unwrap()
}

/// Everything happens often: new files of the log, checkpoints, compaction.
fn open_small(directory: &tempfile::TempDir) -> Local {
    let options = Options {
        inline_bytes_max: INLINE_BYTES_MAX,
        segment_bytes: 64 << 10,
        memtable_bytes: 16 << 10,
        checkpoint_bytes: 64 << 10,
        ..Options::default()
    };
    Local::open(directory.path().join("data"), options).unwrap()
}

fn subject(local: &Local) -> Subject<'_> {
    Subject {
        objects: local,
        control: local,
    }
}

#[test]
fn readers_need_no_room_on_a_full_disk() {
    use std::os::unix::fs::MetadataExt as _;
    let directory = tempfile::tempdir().unwrap();
    let _local = open(&directory);
    let table = std::fs::metadata(directory.path().join("data/index/lock.mdb")).unwrap();
    // It is mapped into memory: a hole that is written into would end the process.
    assert!(table.len() > 64 << 10);
    assert!(table.blocks() * 512 >= table.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn random_work_is_as_the_model_says() {
    let directory = tempfile::tempdir().unwrap();
    let local = open(&directory);
    let small: Vec<usize> = BODY_BYTES
        .iter()
        .copied()
        .filter(|b| *b < 100_000)
        .collect();
    // At once, so that they share transactions.
    let work = (1..=6).map(|seed| kit::random_work(subject(&local), seed, 600, &small));
    futures_util::future::join_all(work).await;
    kit::random_work(subject(&local), 7, 60, &BODY_BYTES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_work_with_small_files_is_as_the_model_says() {
    let directory = tempfile::tempdir().unwrap();
    let local = open_small(&directory);
    let work =
        (11..=16).map(|seed| kit::random_work(subject(&local), seed, 600, &[0, 1, 900, 5000]));
    futures_util::future::join_all(work).await;
    let files = || {
        std::fs::read_dir(directory.path().join("data/log"))
            .unwrap()
            .count()
    };
    // What was replaced is not kept for ever. A busy machine gets to it after the writes.
    let begun = Instant::now();
    while files() >= 40 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", files());
        local.checkpoint().await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The number of the newest file of the log: how many there were so far.
fn newest_file(directory: &tempfile::TempDir) -> u32 {
    let files = std::fs::read_dir(directory.path().join("data/log")).unwrap();
    let numbers = files.filter_map(|file| {
        let name = file.unwrap().file_name().into_string().unwrap();
        u32::from_str_radix(&name, 16).ok()
    });
    numbers.max().unwrap()
}

#[tokio::test]
async fn removals_are_not_written_again_with_every_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let local = open_small(&directory);
    let row = |number: u32| format!("row/{number:04}/{}", "x".repeat(60));
    let put = |number, bytes| {
        ControlStore::commit(&local, ControlTxn::new().put(row(number), vec![0; bytes]))
    };
    // What stays, in the oldest files: as long as they are there, removals are needed.
    for number in 0..400 {
        put(number, 3000).await.unwrap();
    }
    for number in 400..1900 {
        put(number, 40).await.unwrap();
    }
    for number in 400..1900 {
        let txn = ControlTxn::new().delete(row(number));
        ControlStore::commit(&local, txn).await.unwrap();
    }
    let settle = || async {
        for _ in 0..10 {
            put(0, 3000).await.unwrap();
            local.checkpoint().await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    settle().await;
    let before = newest_file(&directory);
    settle().await;
    let made = newest_file(&directory) - before;
    // One checkpoint begins one file; the removals alone would fill two or three more.
    assert!(made <= 15, "{made} files for ten rows");
    let rows = ControlStore::scan(&local, "row/").await.unwrap();
    assert_eq!(rows.len(), 400);
}

#[tokio::test]
async fn a_reader_keeps_what_it_found() {
    let directory = tempfile::tempdir().unwrap();
    kit::a_reader_keeps_what_it_found(&open(&directory), &[10, 70_000, 3_000_000]).await;
}

#[tokio::test]
async fn ranges_are_exact() {
    let directory = tempfile::tempdir().unwrap();
    kit::ranges_are_exact(&open(&directory), &BODY_BYTES).await;
}

#[tokio::test]
async fn one_of_many_wins() {
    let directory = tempfile::tempdir().unwrap();
    kit::one_of_many_wins(&open(&directory)).await;
}

#[tokio::test]
async fn a_dropped_bucket_takes_nothing_in() {
    let directory = tempfile::tempdir().unwrap();
    kit::a_dropped_bucket_takes_nothing_in(&open(&directory)).await;
}

#[tokio::test]
async fn keys_of_any_bytes_sort() {
    let directory = tempfile::tempdir().unwrap();
    kit::keys_of_any_bytes_sort(&open(&directory)).await;
}
