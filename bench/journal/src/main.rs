//! What keeping a record of each call costs: the request's thread, the writer, the disk, and whoever
//! looks something up.
//!
//! Run by `cargo xtask bench journal [--quick]`; `bench/README.md` says what is measured.
mod records;

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use journal::{Filter, Journal, Limits, Record};
use policy::Case;

/// Policies of AWS's largest bucket policy.
const POLICY_BYTES: usize = 20 * 1024;
/// Records that are handed over before the writer is waited for: few enough that none is trimmed
/// and the writer is not woken, as with most calls.
const ALLOWED_BATCH: usize = 2048;
const REFUSED_BATCH: usize = 256;
/// Of the call alone: few enough to be in the processor's caches, where a record is that was just
/// made.
const WARM_BATCH: usize = 128;

struct Pace {
    rounds: usize,
    decisions: usize,
    records_on_disk: usize,
    journal_bytes: u64,
    finds: usize,
}

const FULL: Pace = Pace {
    rounds: 60,
    decisions: 200_000,
    records_on_disk: 40_000,
    journal_bytes: 512 * 1024 * 1024,
    finds: 2_000,
};
const QUICK: Pace = Pace {
    rounds: 15,
    decisions: 30_000,
    records_on_disk: 10_000,
    journal_bytes: 128 * 1024 * 1024,
    finds: 500,
};

fn limits(bytes_max: u64) -> Limits {
    Limits {
        bytes_max,
        // The records' times stand still, whatever the clock says.
        age_max: Duration::from_secs(100 * 365 * 24 * 60 * 60),
    }
}

/// What other programs take meanwhile is not ours, so not the middle but the lower quartile.
fn undisturbed(mut values: Vec<f64>) -> f64 {
    percentile(&mut values, 0.25)
}

fn undisturbed_rate(mut values: Vec<f64>) -> f64 {
    percentile(&mut values, 0.75)
}

fn percentile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * part) as usize]
}

/// Nanoseconds of one run.
fn each_ns(runs: usize, mut work: impl FnMut()) -> f64 {
    let block = (runs / 50).max(1);
    let blocks = (0..50).map(|_| {
        let started = Instant::now();
        for _ in 0..block {
            work();
        }
        started.elapsed().as_nanos() as f64 / block as f64
    });
    undisturbed(blocks.collect())
}

/// Nanoseconds of one `record()`, and records per second that the writer takes.
fn record_ns(
    directory: &Path,
    pace: &Pace,
    batch: usize,
    make: impl Fn(usize) -> Record,
) -> (f64, f64) {
    let journal = Journal::open(directory, limits(1 << 40)).expect("a journal");
    let (mut calls, mut rates) = (Vec::new(), Vec::new());
    for round in 0..pace.rounds {
        let records: Vec<Record> = (0..batch)
            .map(|index| make(round * batch + index))
            .collect();
        let started = Instant::now();
        for record in records {
            journal.record_at(records::TIME, black_box(record));
        }
        calls.push(started.elapsed().as_nanos() as f64 / batch as f64);
        journal.flush();
        rates.push(batch as f64 / started.elapsed().as_secs_f64());
    }
    assert_eq!(
        (journal.lost(), journal.trimmed()),
        (0, 0),
        "nothing is left out"
    );
    (undisturbed(calls), undisturbed_rate(rates))
}

fn bytes_per_record(directory: &Path, count: usize, make: impl Fn(usize) -> Record) -> f64 {
    let journal = Journal::open(directory, limits(1 << 40)).expect("a journal");
    for index in 0..count {
        journal.record_at(records::TIME, make(index));
        if index % REFUSED_BATCH == 0 {
            journal.flush();
        }
    }
    journal.flush();
    assert_eq!(
        (journal.lost(), journal.trimmed()),
        (0, 0),
        "nothing is left out"
    );
    let files = std::fs::read_dir(directory).expect("the journal's files");
    let sizes = files.map(|file| file.expect("a file").metadata().expect("its size").len());
    sizes.sum::<u64>() as f64 / count as f64
}

struct Row {
    what: String,
    ns: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let pace = if quick { &QUICK } else { &FULL };
    let bucket = records::bucket_policy(POLICY_BYTES);
    let allowed_case: Case = records::case(&bucket, "arn:aws:s3:::reports/2026/ours.csv");
    let refused_case: Case = records::case(&bucket, "arn:aws:s3:::reports/2026/theirs.csv");
    assert!(allowed_case.decide().0.is_allowed() && !refused_case.decide().0.is_allowed());
    let allowed = |index: usize| records::allowed(index);
    let refused = |index: usize| records::refused(index, &refused_case);

    let nothing = each_ns(pace.decisions, || black_box(()));
    let small = records::small_case();
    let decide_small = each_ns(pace.decisions, || {
        drop(black_box(black_box(&small).decide()))
    });
    let decide_big = each_ns(pace.decisions / 10, || {
        drop(black_box(black_box(&refused_case).decide()));
    });
    let make_allowed = each_ns(pace.decisions, || drop(black_box(allowed(1))));
    let make_refused = each_ns(pace.decisions / 10, || drop(black_box(refused(1))));

    let dirs = tempfile::tempdir()?;
    let dir = |name: &str| dirs.path().join(name);
    let (allowed_ns, _) = record_ns(&dir("a"), pace, WARM_BATCH, allowed);
    let (refused_ns, _) = record_ns(&dir("b"), pace, WARM_BATCH, refused);
    let (_, allowed_rate) = record_ns(&dir("f"), pace, ALLOWED_BATCH, allowed);
    let (_, refused_rate) = record_ns(&dir("g"), pace, REFUSED_BATCH, refused);
    let row = |what: &str, ns: f64| Row {
        what: what.to_owned(),
        ns,
    };
    let rows = [
        row("doing nothing", nothing),
        row(
            "a decision: one identity policy of one statement",
            decide_small,
        ),
        row("a decision: a bucket policy of 20 KiB as well", decide_big),
        row(
            "to make and drop the record of an allowed GetObject",
            make_allowed,
        ),
        row(
            "to make and drop the record of a refused one, with its case",
            make_refused,
        ),
        row("`record()`, allowed", allowed_ns),
        row("`record()`, refused under 20 KiB", refused_ns),
    ];
    println!(
        "| the request's thread | ns | ÷ decision of one statement | ÷ decision under 20 KiB |"
    );
    println!("|---|--:|--:|--:|");
    for Row { what, ns } in rows {
        println!(
            "| {what} | {ns:.0} | {:.2} | {:.2} |",
            ns / decide_small,
            ns / decide_big
        );
    }

    let count = pace.records_on_disk;
    let allowed_bytes = bytes_per_record(&dir("c"), count, allowed);
    let refused_bytes = bytes_per_record(&dir("d"), count, refused);
    let inline_bytes = records::inline_bytes(&refused(1));
    println!("\n| the writer and the disk | allowed | refused under 20 KiB |\n|---|--:|--:|");
    println!(
        "| records a second, serialized and written | {allowed_rate:.0} | {refused_rate:.0} |"
    );
    println!("| bytes a record, of {count} | {allowed_bytes:.0} | {refused_bytes:.0} |");
    println!("| the same with each policy in each record | {allowed_bytes:.0} | {inline_bytes} |");

    look_up(&dir("e"), pace, &allowed, &refused)
}

/// A journal that is as full as it gets, one refusal in a thousand calls.
fn look_up(
    directory: &Path,
    pace: &Pace,
    allowed: &impl Fn(usize) -> Record,
    refused: &impl Fn(usize) -> Record,
) -> Result<(), Box<dyn Error>> {
    let journal = Journal::open(directory, limits(pace.journal_bytes))?;
    let per_record = 650;
    let count = usize::try_from(pace.journal_bytes)? / per_record;
    for index in 0..count {
        let record = if index % 1000 == 0 {
            refused(index)
        } else {
            allowed(index)
        };
        journal.record_at(records::TIME, record);
        if index % ALLOWED_BATCH == 0 {
            journal.flush();
        }
    }
    drop(journal);
    let sizes = std::fs::read_dir(directory)?.map(|file| Ok(file?.metadata()?.len()));
    let bytes = sizes.sum::<std::io::Result<u64>>()?;

    let started = Instant::now();
    let journal = Journal::open(directory, limits(pace.journal_bytes))?;
    journal.flush();
    let opened = started.elapsed();
    let newest = journal
        .last(&Filter::default())?
        .ok_or("an empty journal")?;
    let newest: usize = newest.request_id.trim_start_matches('R').parse()?;
    let mut times = Vec::new();
    let mut found = 0;
    for number in 0..pace.finds {
        // Spread over what there is, in no order that a disk would like.
        let back = number.wrapping_mul(2_654_435_761) % (count * 3 / 4);
        let id = records::request_id(newest.saturating_sub(back));
        let started = Instant::now();
        found += usize::from(journal.find(&id)?.is_some());
        times.push(started.elapsed().as_nanos() as f64 / 1000.0);
    }
    let timed = |work: &dyn Fn() -> std::io::Result<usize>| -> std::io::Result<(f64, usize)> {
        let started = Instant::now();
        let found = work()?;
        Ok((started.elapsed().as_nanos() as f64 / 1000.0, found))
    };
    let (absent_us, _) = timed(&|| Ok(usize::from(journal.find("not there")?.is_some())))?;
    let refused_only = Filter {
        refused_only: true,
        ..Filter::default()
    };
    let nobody = Filter {
        caller: Some("arn:aws:iam::999999999999:root".to_owned()),
        ..Filter::default()
    };
    let (last_us, _) = timed(&|| Ok(journal.recent(&refused_only, 1)?.len()))?;
    let (recent_us, recent) = timed(&|| Ok(journal.recent(&refused_only, 100)?.len()))?;
    let (scan_us, none) = timed(&|| Ok(journal.recent(&nobody, 1)?.len()))?;

    println!(
        "\n| looking up in {} MiB, {count} calls | µs |\n|---|--:|",
        bytes >> 20
    );
    println!(
        "| to open it, with the last file to go on in | {} |",
        opened.as_micros()
    );
    println!(
        "| `find`, median ({found} of {} found) | {:.0} |",
        pace.finds,
        percentile(&mut times, 0.5)
    );
    println!(
        "| `find`, 99 of 100 | {:.0} |",
        percentile(&mut times, 0.99)
    );
    println!("| `find`, no such request | {absent_us:.0} |");
    println!("| `last` refusal | {last_us:.0} |");
    println!("| `recent`, {recent} refusals | {recent_us:.0} |");
    println!("| `recent`, {none} calls of somebody who never called | {scan_us:.0} |");
    Ok(())
}
