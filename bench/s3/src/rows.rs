//! The rows of the table that compare with the bare server.
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::arguments::Arguments;
use crate::figures::median;
use crate::load::{Driver, Load, Slice, Summary, Target, Work, fill, summary};
use crate::machine::{self, Segment};
use crate::process::{self, Bare, Memory, MemoryWatch, Strongroom};
use crate::report::{Goal, Row};
use crate::setup::{self, User};

pub const BUCKET: &str = "bench";
pub const SMALL_BYTES: usize = 4096;
/// Objects that are read by GET and HEAD of 4 KiB, and that PUT writes in turn.
const SMALL_COUNT: u64 = 10_000;
const WRITTEN_COUNT: u64 = 200_000;
const MIB: usize = 1 << 20;
/// Syncs that are timed between two slices.
const SYNCS: usize = 40;

pub type Report<'a> = &'a mut dyn FnMut(Row);
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// Everything that a row needs.
pub struct Bench {
    pub arguments: Arguments,
    pub runtime: Runtime,
    pub strongroom: Option<Strongroom>,
    pub ours: Target,
    pub bare: Bare,
    pub directory: PathBuf,
    pub user: Option<User>,
    pub peak: Memory,
    /// Memory of the server that has just started.
    pub idle: Option<Memory>,
    /// Objects in the bucket that listings are measured in, once they are there.
    pub listed: Option<u64>,
}

/// One side of slices that alternate with those of the bare server.
pub struct Compared {
    pub ours: Summary,
    pub bare: Summary,
    pub memory: Option<Memory>,
}

impl Bench {
    pub fn new(
        arguments: Arguments,
        runtime: Runtime,
        strongroom: Option<Strongroom>,
        ours: Target,
        bare: Bare,
        directory: PathBuf,
    ) -> Outcome<Bench> {
        let mut bench = Bench {
            arguments,
            runtime,
            strongroom,
            ours,
            bare,
            directory,
            user: None,
            peak: Memory::default(),
            idle: None,
            listed: None,
        };
        if let Some(strongroom) = &bench.strongroom {
            std::thread::sleep(Duration::from_secs(1));
            bench.idle = process::memory(strongroom.pid());
        }
        bench
            .runtime
            .block_on(setup::create_bucket(&bench.ours, BUCKET))
            .map_err(plain)?;
        if bench.strongroom.is_some() {
            let user = bench
                .runtime
                .block_on(setup::create_user(&bench.ours))
                .map_err(plain)?;
            bench.ours.credentials = user.credentials.clone();
            bench.user = Some(user);
        }
        Ok(bench)
    }

    pub fn run(&mut self, report: Report<'_>) -> Outcome<()> {
        self.small_writes(report)?;
        self.small_reads(report)?;
        self.large(report)?;
        self.assume_role(report)?;
        self.stalls(report)?;
        self.maintenance(report)?;
        self.listings(report)?;
        self.restart(report)?;
        self.disk(report)?;
        self.memory(report);
        Ok(())
    }

    pub fn slice(&self) -> Duration {
        Duration::from_millis(if self.arguments.quick { 400 } else { 1000 })
    }

    pub fn slices(&self) -> usize {
        if self.arguments.quick { 5 } else { 9 }
    }

    pub fn load(&self, work: Work, prefix: &str, size_bytes: usize, connections: usize) -> Load {
        Load {
            work,
            bucket: BUCKET.to_owned(),
            prefix: prefix.to_owned(),
            spread: 0,
            size_bytes,
            connections,
            payload: self.arguments.payload_of(size_bytes),
            checks_etag: self.strongroom.is_some(),
        }
    }

    pub fn fill(&self, load: &Load, count: u64) -> Outcome<f64> {
        self.runtime
            .block_on(fill(&self.ours, load, count))
            .map_err(plain)
    }

    pub fn watch(&self) -> Option<MemoryWatch> {
        self.ours.pid.map(MemoryWatch::start)
    }

    pub fn seen(&mut self, watch: Option<MemoryWatch>) -> Option<Memory> {
        let memory = watch?.stop();
        self.peak.own = self.peak.own.max(memory.own);
        self.peak.resident = self.peak.resident.max(memory.resident);
        Some(memory)
    }

    /// Slices of the server and of the bare one in turn, with `between` after each pair.
    pub fn compare(
        &mut self,
        load: &Load,
        length: Duration,
        between: &mut dyn FnMut() -> Outcome<()>,
    ) -> Outcome<Compared> {
        let bare = Target {
            address: self.bare.address.clone(),
            credentials: self.ours.credentials.clone(),
            pid: Some(self.bare.pid()),
        };
        let bare_load = Load {
            checks_etag: false,
            work: match &load.work {
                Work::Form { form, .. } => Work::Form {
                    form: form.clone(),
                    expects: "",
                },
                other => other.clone(),
            },
            ..load.clone()
        };
        let mut drivers = self
            .runtime
            .block_on(async {
                let ours = Driver::open(&self.ours, load).await?;
                Ok((ours, Driver::open(&bare, &bare_load).await?))
            })
            .map_err(plain)?;
        let watch = self.watch();
        let (mut ours, mut bare): (Vec<Slice>, Vec<Slice>) = Default::default();
        // The first pair warms both up.
        for slice in 0..=self.slices() {
            let pair = self.runtime.block_on(async {
                let ours = drivers.0.run(length).await?;
                Ok((ours, drivers.1.run(length).await?))
            });
            let pair = pair.map_err(plain)?;
            between()?;
            if slice > 0 {
                ours.push(pair.0);
                bare.push(pair.1);
            }
        }
        Ok(Compared {
            ours: summary(&ours),
            bare: summary(&bare),
            memory: self.seen(watch),
        })
    }

    fn small_writes(&mut self, report: Report<'_>) -> Outcome<()> {
        let mut segment = Segment::create(&self.directory)?;
        for (name, connections) in [("put-256", 256), ("put-16", 16)] {
            if !self.arguments.wants(name) {
                continue;
            }
            let work = Work::Put {
                count: WRITTEN_COUNT,
            };
            let load = self.load(work, "written", SMALL_BYTES, connections);
            let mut syncs = Vec::new();
            let compared = self.compare(&load, self.slice(), &mut || {
                syncs.push(segment.sync_seconds(connections * SMALL_BYTES, SYNCS)?);
                Ok(())
            })?;
            let sync = median(syncs);
            let of_bare = compared.ours.rate / compared.bare.rate;
            let by_sync = connections as f64 / sync;
            let mut goals = Vec::new();
            if connections == 256 {
                goals.push(Goal::at_least(0.45, of_bare, "of bare"));
                goals.extend(
                    compared
                        .ours
                        .cpu_us
                        .map(|cpu| Goal::at_most(30.0, cpu, "µs CPU")),
                );
            } else {
                // The smaller of what the connections allow at this sync, and 0.45 of the bare rate.
                let limit = by_sync.min(0.45 * compared.bare.rate);
                let of = "of min(16 ÷ fdatasync, 0.45 bare)";
                goals.push(Goal::at_least(0.8, compared.ours.rate / limit, of));
            }
            report(Row {
                name,
                work: format!("PUT 4 KiB, durable, {connections} connections"),
                notes: vec![format!(
                    "fdatasync of {} KiB {:.0} µs, connections ÷ that {by_sync:.0}/s; bare CPU {:.1} µs",
                    connections * SMALL_BYTES / 1024,
                    sync * 1e6,
                    compared.bare.cpu_us.unwrap_or_default(),
                )],
                goals,
                ..Row::of(&compared, SMALL_BYTES)
            });
        }
        Ok(())
    }

    fn small_reads(&mut self, report: Report<'_>) -> Outcome<()> {
        if !self.arguments.wants("get") && !self.arguments.wants("head") {
            return Ok(());
        }
        let count = SMALL_COUNT;
        let stored = self.load(Work::Put { count }, "read", SMALL_BYTES, 64);
        self.fill(&stored, count)?;
        for (name, work, told) in [
            ("get", Work::Get { count }, "GET 4 KiB"),
            ("head", Work::Head { count }, "HEAD"),
        ] {
            if !self.arguments.wants(name) {
                continue;
            }
            let load = self.load(work, "read", SMALL_BYTES, 16);
            let compared = self.compare(&load, self.slice(), &mut || Ok(()))?;
            let mut goals = vec![Goal::at_least(0.7, compared.of_bare(), "of bare")];
            goals.extend(
                compared
                    .ours
                    .cpu_us
                    .map(|cpu| Goal::at_most(15.0, cpu, "µs CPU")),
            );
            let bytes_each = if name == "get" { SMALL_BYTES } else { 0 };
            report(Row {
                name,
                work: format!("{told}, 16 connections"),
                notes: vec![compared.bare_cpu()],
                goals,
                ..Row::of(&compared, bytes_each)
            });
        }
        Ok(())
    }

    fn large(&mut self, report: Report<'_>) -> Outcome<()> {
        let length = self.slice() * 2;
        for (name, size_bytes, connections) in [("put-1m", MIB, 16), ("put-64m", 64 * MIB, 4)] {
            if !self.arguments.wants(name) {
                continue;
            }
            let count = connections as u64 * 2;
            let load = self.load(Work::Put { count }, "large", size_bytes, connections);
            let directory = self.directory.clone();
            let (mut writes, mut hashes) = (Vec::new(), Vec::new());
            let compared = self.compare(&load, length, &mut || {
                writes.push(machine::sequential_write(&directory)?);
                hashes.push(machine::md5());
                Ok(())
            })?;
            let (write, md5) = (median(writes), median(hashes));
            let rate = compared.ours.rate * size_bytes as f64;
            report(Row {
                name,
                work: format!("PUT {} MiB, {connections} connections", size_bytes / MIB),
                goals: vec![Goal::at_least(
                    0.7,
                    rate / write,
                    "of the disk's sequential write",
                )],
                notes: vec![format!(
                    "sequential write {:.0} MB/s, MD5 of one core {:.0} MB/s; {}",
                    write / 1e6,
                    md5 / 1e6,
                    compared.bare_cpu(),
                )],
                ..Row::of(&compared, size_bytes)
            });
        }
        if self.arguments.wants("get-64m") {
            let (size_bytes, count) = (64 * MIB, 4);
            let stored = self.load(Work::Put { count }, "whole", size_bytes, 4);
            self.fill(&stored, count)?;
            let load = self.load(Work::Get { count }, "whole", size_bytes, 4);
            let compared = self.compare(&load, length, &mut || Ok(()))?;
            report(Row {
                name: "get-64m",
                work: "GET 64 MiB, 4 connections".to_owned(),
                goals: vec![Goal::at_least(0.8, compared.of_bare(), "of bare")],
                notes: vec![compared.bare_cpu()],
                ..Row::of(&compared, size_bytes)
            });
        }
        Ok(())
    }

    fn assume_role(&mut self, report: Report<'_>) -> Outcome<()> {
        let Some(user) = self
            .user
            .as_ref()
            .filter(|_| self.arguments.wants("assume-role"))
        else {
            return Ok(());
        };
        let form = setup::form(&[
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", &user.role_arn),
            ("RoleSessionName", "delivery"),
            ("ExternalId", "bench"),
        ]);
        let work = Work::Form {
            form: form.into(),
            expects: "<SessionToken>",
        };
        let load = self.load(work, "", 0, 16);
        let written = || self.ours.pid.and_then(process::disk_bytes_written);
        let before = written();
        let compared = self.compare(&load, self.slice(), &mut || Ok(()))?;
        let written = written_since(before, self.ours.pid.and_then(process::disk_bytes_written));
        report(Row {
            name: "assume-role",
            work: "AssumeRole with an external id, 16 connections".to_owned(),
            goals: vec![Goal::at_least(15_000.0, compared.ours.rate, "ops/s")],
            notes: vec![
                format!("the process wrote {written} to the disk meanwhile: its journal"),
                compared.bare_cpu(),
            ],
            ..Row::of(&compared, 0)
        });
        Ok(())
    }

    fn memory(&mut self, report: Report<'_>) {
        if !self.arguments.wants("memory") {
            return;
        }
        let Some(idle) = self.idle else { return };
        let resident = idle.resident as f64 / MIB as f64;
        report(Row {
            name: "memory",
            work: "memory: idle after the start, and the peak of all rows".to_owned(),
            memory: Some(self.peak),
            goals: vec![Goal::at_most(40.0, resident, "MiB idle")],
            notes: vec![format!(
                "idle {:.1} MiB of its own",
                idle.own as f64 / MIB as f64
            )],
            ..Row::default()
        });
    }
}

fn written_since(before: Option<u64>, after: Option<u64>) -> String {
    match before.zip(after) {
        Some((before, after)) => format!("{:.1} MB", (after - before) as f64 / 1e6),
        None => "an unknown amount".to_owned(),
    }
}

impl Compared {
    pub fn of_bare(&self) -> f64 {
        self.ours.rate / self.bare.rate
    }

    fn bare_cpu(&self) -> String {
        format!("bare CPU {:.1} µs", self.bare.cpu_us.unwrap_or_default())
    }
}

impl Row {
    pub fn of(compared: &Compared, bytes_each: usize) -> Row {
        Row {
            summary: Some(compared.ours),
            bare: Some(compared.bare.rate),
            memory: compared.memory,
            bytes_each,
            ..Row::default()
        }
    }
}

pub fn plain(error: Box<dyn Error + Send + Sync>) -> Box<dyn Error> {
    error
}
