//! What a decision costs, beside what Cedar takes for policies of the same meaning.
//!
//! Run by `cargo xtask bench authorization [--quick]`; `bench/README.md` says what is measured.
mod allocations;
mod clock;
mod directories;
mod gates;
mod readers;
mod rules;
mod slow;
mod table;
mod worlds;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion};

use clock::ThreadTime;
use table::{Goal, Row, Table};
use worlds::World;

/// How long to measure.
#[derive(Clone, Copy)]
pub struct Pace {
    warm_up: Duration,
    measure: Duration,
    samples: usize,
    /// Decisions of each reader beside a writer.
    decisions: usize,
}

impl Pace {
    const FULL: Pace = Pace {
        warm_up: Duration::from_secs(1),
        measure: Duration::from_secs(3),
        samples: 50,
        decisions: 300_000,
    };
    const QUICK: Pace = Pace {
        warm_up: Duration::from_millis(200),
        measure: Duration::from_millis(600),
        samples: 20,
        decisions: 60_000,
    };
}

/// Measures with Criterion and reads the medians that it writes.
pub struct Bench {
    criterion: Criterion<ThreadTime>,
    pace: Pace,
    out: tempdir::Dir,
}

impl Bench {
    fn new(pace: Pace) -> Bench {
        let out = tempdir::Dir::new();
        let criterion = Criterion::default()
            .with_measurement(ThreadTime)
            .without_plots()
            .with_output_color(false)
            .output_directory(out.path())
            .sample_size(pace.samples)
            .warm_up_time(pace.warm_up)
            .measurement_time(pace.measure);
        Bench {
            criterion,
            pace,
            out,
        }
    }

    /// The median time of one run, in nanoseconds.
    pub fn median<T>(&mut self, name: &str, mut work: impl FnMut() -> T) -> f64 {
        self.criterion
            .bench_function(name, |bencher| bencher.iter(|| black_box(work())));
        self.estimate(name)
    }

    /// The same for work that uses up what was prepared for it; preparing is not measured.
    pub fn median_prepared<P, T>(
        &mut self,
        name: &str,
        mut prepare: impl FnMut() -> P,
        mut work: impl FnMut(P) -> T,
    ) -> f64 {
        self.criterion.bench_function(name, |bencher| {
            bencher.iter_batched(&mut prepare, &mut work, BatchSize::SmallInput);
        });
        self.estimate(name)
    }

    fn estimate(&self, name: &str) -> f64 {
        let file = self.out.path().join(name).join("new/estimates.json");
        let text = std::fs::read_to_string(file).expect("Criterion's estimates");
        let estimates: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        estimates["median"]["point_estimate"]
            .as_f64()
            .expect("a median")
    }

    fn compare(&mut self, name: &str, title: &str, world: &World, goal: Goal) -> Row {
        let (ours, cedars) = (world.ours(), world.cedars());
        world.check(&ours, &cedars);
        let resource = world.resource();
        let request = world.request(&world.asked);
        let ours_ns = self.median(&format!("{name}-ours"), || {
            ours.decide(black_box(&world.asked), black_box(&resource))
        });
        let cedar_ns = self.median(&format!("{name}-cedar"), || {
            cedars.decide(black_box(&request))
        });
        let allocations = allocations::per_run(|| ours.decide(&world.asked, &resource));
        Row {
            work: title.to_owned(),
            ours_ns,
            cedar_ns: Some(cedar_ns),
            allocations: Some(allocations),
            goal,
        }
    }
}

mod tempdir {
    use std::path::{Path, PathBuf};

    /// A directory that is removed at the end.
    pub struct Dir(PathBuf);

    impl Dir {
        pub fn new() -> Dir {
            let name = format!("bench-authorization-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).expect("a directory for Criterion");
            Dir(path)
        }

        pub fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let mut bench = Bench::new(if quick { Pace::QUICK } else { Pace::FULL });
    let mut table = Table::default();

    let parts: [(&str, fn(&mut Bench, &mut Table)); 5] = [
        ("decisions", decisions),
        ("gate", gates::measure),
        ("directory", directories::measure),
        ("readers", readers::measure),
        ("slow", slow::measure),
    ];
    let only: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--quick")
        .collect();
    for (name, measure) in parts {
        if only.is_empty() || only.iter().any(|part| part == name) {
            measure(&mut bench, &mut table);
        }
    }
    println!("\n{table}");
}

/// The decision alone, beside Cedar's.
fn decisions(bench: &mut Bench, table: &mut Table) {
    let fast = Goal {
        ns_max: Some(1_000.0),
        times_cedar: Some(10.0),
        allocations_max: Some(0),
        ..Goal::default()
    };
    table.add(bench.compare(
        "same-account",
        "same account: GetObject, user with 5 policies of 5 statements",
        &worlds::same_account(),
        fast,
    ));
    table.add(bench.compare(
        "cross-account",
        "cross account: role session, bucket policy of 20 statements with conditions",
        &worlds::cross_account(),
        fast,
    ));
    let largest = worlds::largest();
    let title = format!(
        "bucket policy of {} bytes ({} statements)",
        rules::document(&largest.bucket).len(),
        largest.bucket.len()
    );
    let goal = Goal {
        ns_max: Some(10_000.0),
        times_cedar: Some(10.0),
        ..Goal::default()
    };
    table.add(bench.compare("largest", &title, &largest, goal));
    roles(bench, table);
}

/// One role of one, and one of a thousand, with a hundred policies each.
fn roles(bench: &mut Bench, table: &mut Table) {
    let one = worlds::role_with_policies(0);
    let row = bench.compare(
        "role-of-1",
        "1 role × 100 policies of 3 statements",
        &one,
        Goal {
            times_cedar: Some(10.0),
            ..Goal::default()
        },
    );
    let alone_ns = row.ours_ns;
    table.add(row);
    let all: Vec<_> = (0..1_000)
        .map(|number| {
            let world = worlds::role_with_policies(number);
            (world.ours(), world.resource(), world.asked)
        })
        .collect();
    let (ours, resource, asked) = &all[500];
    let ours_ns = bench.median("role-of-1000", || ours.decide(black_box(asked), resource));
    table.add(Row {
        work: "1,000 roles × 100 policies, the same role asked again".to_owned(),
        ours_ns,
        cedar_ns: None,
        allocations: Some(allocations::per_run(|| ours.decide(asked, resource))),
        goal: Goal {
            at_most: Some((1.5, alone_ns)),
            ..Goal::default()
        },
    });
    let mut next = 0;
    let ours_ns = bench.median("roles-in-turn", || {
        next = (next + 617) % all.len();
        let (ours, resource, asked) = &all[next];
        ours.decide(black_box(asked), resource)
    });
    table.add(Row {
        work: "1,000 roles × 100 policies, every role in turn (cold caches)".to_owned(),
        ours_ns,
        cedar_ns: None,
        allocations: None,
        goal: Goal::default(),
    });
}
