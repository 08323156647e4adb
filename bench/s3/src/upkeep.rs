//! What the engine does behind the requests: checkpoints, starts after a crash, room on the disk.
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::client::Connection;
use crate::figures::quantile;
use crate::load::{Driver, Load, Slice, Target, Work, send_one};
use crate::process::{self, Strongroom};
use crate::report::{Goal, Row};
use crate::rows::{Bench, Outcome, Report, SMALL_BYTES, plain};

/// The thread of the engine that merges and compacts.
const KEEPER: &str = "keeper";
const SAMPLE: Duration = Duration::from_millis(2);
/// Rests of the keeper up to this long are waits for the disk within its work.
const REST_MAX: Duration = Duration::from_millis(50);
const REWRITTEN_COUNT: u64 = 60_000;
/// How long the first answer after a start is waited for.
const START_TIMEOUT: Duration = Duration::from_secs(120);

impl Bench {
    /// Writes with and without the keeper at work, told apart by its processor time.
    pub fn maintenance(&mut self, report: Report<'_>) -> Outcome<()> {
        let Some(pid) = self.strongroom.as_ref().map(Strongroom::pid) else {
            return Ok(());
        };
        if !self.arguments.wants("maintenance") {
            return Ok(());
        }
        let keeper = process::thread(pid, KEEPER).ok_or("the engine has no keeper")?;
        let length = Duration::from_secs(if self.arguments.quick { 10 } else { 30 });
        let work = Work::Put {
            count: REWRITTEN_COUNT,
        };
        let load = self.load(work, "rewritten", SMALL_BYTES, 16);
        let target = self.ours.clone();
        let watch = self.watch();
        let stop = Arc::new(AtomicBool::new(false));
        let watched = stop.clone();
        let sampler = std::thread::spawn(move || {
            let (mut busy, mut last) = (Vec::new(), process::thread_ns(&keeper));
            while !watched.load(Ordering::Relaxed) {
                std::thread::sleep(SAMPLE);
                let now = process::thread_ns(&keeper);
                if now != last {
                    busy.push(Instant::now());
                }
                last = now;
            }
            busy
        });
        let slice = self.runtime.block_on(async {
            let mut driver = Driver::open(&target, &load).await?;
            driver.run(length).await
        });
        stop.store(true, Ordering::Relaxed);
        let busy = sampler.join().map_err(|_| "the sampler failed")?;
        let slice = slice.map_err(plain)?;
        let memory = self.seen(watch);
        let (with, without) = told_apart(&slice, &busy);
        let share = with.len() as f64 / slice.sent.len() as f64;
        let (with, without) = (quantile(with, 0.99), quantile(without, 0.99));
        report(Row {
            name: "maintenance",
            work: "p99 of PUT 4 KiB while the engine checkpoints and compacts, 16 connections"
                .to_owned(),
            summary: Some(crate::load::summary(&[slice])),
            bytes_each: SMALL_BYTES,
            memory,
            goals: vec![Goal::at_most(3.0, with / without, "times the p99 without")],
            notes: vec![format!(
                "p99 {with:.0} µs with, {without:.0} µs without; {:.0} % of the writes were with",
                share * 100.0
            )],
            ..Row::default()
        });
        Ok(())
    }

    /// `kill -9` under load, with a million objects there.
    pub fn restart(&mut self, report: Report<'_>) -> Outcome<()> {
        if self.strongroom.is_none() || !self.arguments.wants("restart") {
            return Ok(());
        }
        let count = self.million()?;
        let written = self.load(
            Work::Put {
                count: REWRITTEN_COUNT,
            },
            "killed",
            SMALL_BYTES,
            16,
        );
        let target = self.ours.clone();
        let load = self.runtime.spawn(async move {
            let mut driver = Driver::open(&target, &written).await?;
            driver.run(START_TIMEOUT).await
        });
        std::thread::sleep(self.slice() * 3);
        let Some(strongroom) = &mut self.strongroom else {
            return Ok(());
        };
        strongroom.kill()?;
        // It ends by the connections that broke.
        let _ = self.runtime.block_on(load);
        let started = strongroom.start_again()?;
        self.ours.pid = Some(strongroom.pid());
        let wanted = Load {
            work: Work::Get { count },
            ..self.listed_load("million")
        };
        let first = self.first_answer(started, &wanted)?;
        report(Row {
            name: "restart",
            work: format!("first answer after kill -9 under load, {count} objects"),
            goals: vec![Goal::at_most(1.0, first.as_secs_f64(), "s")],
            ..Row::default()
        });
        Ok(())
    }

    fn first_answer(&self, started: Instant, load: &Load) -> Outcome<Duration> {
        let target = &self.ours;
        self.runtime.block_on(async {
            loop {
                let answered = async {
                    let mut connection =
                        Connection::open(&target.address, &target.credentials, "s3").await?;
                    send_one(&mut connection, load, 1).await
                };
                match answered.await {
                    Ok(()) => return Ok(started.elapsed()),
                    Err(error) if started.elapsed() > START_TIMEOUT => return Err(plain(error)),
                    Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        })
    }

    /// What objects take on the disk, in a store of their own that was ended in order.
    pub fn disk(&mut self, report: Report<'_>) -> Outcome<()> {
        if self.strongroom.is_none() || !self.arguments.wants("disk") {
            return Ok(());
        }
        let binary = std::env::var_os("STRONGROOM_BIN").ok_or("STRONGROOM_BIN names no server")?;
        let total_bytes: u64 = if self.arguments.quick {
            1 << 30
        } else {
            4 << 30
        };
        for size_bytes in [64 * 1024, SMALL_BYTES] {
            let directory = tempfile::tempdir_in(&self.directory)?;
            let mut strongroom = Strongroom::start(Path::new(&binary), directory.path())?;
            let target = Target {
                address: strongroom.address.clone(),
                credentials: strongroom.root.clone(),
                pid: None,
            };
            let count =
                total_bytes / size_bytes as u64 / if size_bytes == SMALL_BYTES { 2 } else { 1 };
            let load = self.load(Work::Put { count }, "disk", size_bytes, 32);
            let filled = self.runtime.block_on(async {
                crate::setup::create_bucket(&target, &load.bucket).await?;
                crate::load::fill(&target, &load, count).await
            });
            filled.map_err(plain)?;
            strongroom.stop()?;
            let used = process::disk_usage(&strongroom.data.join("store")) as f64;
            let each = used / count as f64;
            let goal = if size_bytes == SMALL_BYTES {
                Goal::at_most(5.0, each / 1024.0, "KiB an object")
            } else {
                Goal::at_most(1.15, each / size_bytes as f64, "bytes a byte")
            };
            report(Row {
                name: "disk",
                work: format!("disk for {count} objects of {} KiB", size_bytes / 1024),
                goals: vec![goal],
                notes: vec![format!(
                    "{:.0} MB in all, files made ahead included",
                    used / 1e6
                )],
                ..Row::default()
            });
        }
        Ok(())
    }
}

/// Latencies in microseconds of what was under way while the keeper worked, and of the rest.
fn told_apart(slice: &Slice, busy: &[Instant]) -> (Vec<f64>, Vec<f64>) {
    let mut spans: Vec<(Duration, Duration)> = Vec::new();
    for sample in busy {
        let at = sample.saturating_duration_since(slice.began);
        match spans.last_mut() {
            Some((_, end)) if at <= *end + REST_MAX => *end = at,
            Some(_) | None => spans.push((at.saturating_sub(SAMPLE * 2), at)),
        }
    }
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for sent in &slice.sent {
        let after = spans.partition_point(|(_, end)| *end < sent.at);
        let overlaps = spans
            .get(after)
            .is_some_and(|(start, _)| *start <= sent.at + sent.took);
        let micros = sent.took.as_secs_f64() * 1e6;
        if overlaps {
            with.push(micros)
        } else {
            without.push(micros)
        }
    }
    (with, without)
}
