//! Listings of a bucket with a million objects, or ten.
use std::time::{Duration, Instant};

use crate::client::{Connection, Request};
use crate::figures::{median, quantile};
use crate::load::{Load, Summary, Work};
use crate::process;
use crate::report::{Goal, Row};
use crate::rows::{Bench, Outcome, Report, plain};
use crate::setup;

const PREFIXES: u64 = 1000;
const BODY_BYTES: usize = 64;
const TOP_LEVELS: usize = 40;

pub struct Pages {
    rates: Vec<f64>,
    page_us: Vec<f64>,
    cpu_us_each: Vec<f64>,
}

impl Bench {
    /// What a bucket of listings is filled with.
    pub fn listed_load(&self, bucket: &str) -> Load {
        Load {
            bucket: bucket.to_owned(),
            spread: PREFIXES,
            ..self.load(Work::Get { count: 1 }, "p", BODY_BYTES, 64)
        }
    }

    /// A bucket with a million objects (fewer with `--quick`), filled through the API at first use.
    pub fn million(&mut self) -> Outcome<u64> {
        if let Some(count) = self.listed {
            return Ok(count);
        }
        let count = if self.arguments.quick {
            100_000
        } else {
            1_000_000
        };
        self.fill_bucket("million", count)?;
        self.listed = Some(count);
        Ok(count)
    }

    fn fill_bucket(&mut self, bucket: &str, count: u64) -> Outcome<()> {
        self.runtime
            .block_on(setup::create_bucket(&self.ours, bucket))
            .map_err(plain)?;
        let watch = self.watch();
        let rate = self.fill(&self.listed_load(bucket), count)?;
        self.seen(watch);
        eprintln!("{count} objects written at {rate:.0}/s");
        Ok(())
    }

    pub fn listings(&mut self, report: Report<'_>) -> Outcome<()> {
        if self.arguments.wants("list") {
            let count = self.million()?;
            self.pages(count, report)?;
        }
        if self.arguments.wants("prefixes") {
            let count = self.million()?;
            let first = self.top_level("million", count, 10.0, report)?;
            if self.arguments.large {
                self.fill_bucket("ten-million", 10_000_000)?;
                // The same time, within what the machine's other work makes of it.
                self.top_level("ten-million", 10_000_000, (first * 1.3).max(1.0), report)?;
            }
        }
        Ok(())
    }

    fn pages(&mut self, count: u64, report: Report<'_>) -> Outcome<()> {
        let slices = self.slices();
        let length = self.slice();
        let watch = self.watch();
        let (target, pid) = (self.ours.clone(), self.ours.pid);
        let pages = self.runtime.block_on(async {
            let mut connection =
                Connection::open(&target.address, &target.credentials, "s3").await?;
            let mut pages = Pages {
                rates: Vec::new(),
                page_us: Vec::new(),
                cpu_us_each: Vec::new(),
            };
            let mut token = None;
            for slice in 0..=slices {
                let cpu = pid.and_then(process::cpu);
                let began = Instant::now();
                let (mut keys, mut times) = (0, Vec::new());
                while began.elapsed() < length {
                    let sent = Instant::now();
                    let page = page(&mut connection, "million", token.as_deref()).await?;
                    times.push(sent.elapsed().as_secs_f64() * 1e6);
                    keys += page.0;
                    token = page.1;
                }
                let seconds = began.elapsed().as_secs_f64();
                if slice == 0 {
                    continue;
                }
                let spent = pid.and_then(process::cpu).zip(cpu);
                if let Some((after, before)) = spent {
                    let spent: Duration = after - before;
                    pages
                        .cpu_us_each
                        .push(spent.as_secs_f64() * 1e6 / times.len() as f64);
                }
                pages.rates.push(keys as f64 / seconds);
                pages.page_us.extend(times);
            }
            Ok(pages)
        });
        let pages = pages.map_err(plain)?;
        let memory = self.seen(watch);
        let keys = median(pages.rates);
        report(Row {
            name: "list",
            work: format!("ListObjectsV2, pages of 1000 of {count} keys, 1 connection"),
            summary: Some(Summary {
                rate: keys / 1000.0,
                p50_us: median(pages.page_us.clone()),
                p99_us: quantile(pages.page_us, 0.99),
                cpu_us: Some(median(pages.cpu_us_each)).filter(|_| pid.is_some()),
            }),
            memory,
            goals: vec![Goal::at_least(300_000.0, keys, "keys/s")],
            ..Row::default()
        });
        Ok(())
    }

    /// Answers the median in milliseconds.
    fn top_level(
        &mut self,
        bucket: &'static str,
        count: u64,
        goal_ms: f64,
        report: Report<'_>,
    ) -> Outcome<f64> {
        let target = self.ours.clone();
        let path = format!("/{bucket}");
        let times = self.runtime.block_on(async {
            let mut connection =
                Connection::open(&target.address, &target.credentials, "s3").await?;
            let mut times = Vec::new();
            for _ in 0..TOP_LEVELS {
                let sent = Instant::now();
                let query = "delimiter=%2F&list-type=2&max-keys=1000";
                let (status, text) = connection.text(&Request::bare("GET", &path, query)).await?;
                let found = memchr::memmem::find_iter(text.as_bytes(), "<CommonPrefixes>").count();
                if status != 200 || found as u64 != PREFIXES {
                    return Err(format!("{status} with {found} common prefixes").into());
                }
                times.push(sent.elapsed().as_secs_f64() * 1e3);
            }
            Ok(times)
        });
        let times = times.map_err(plain)?;
        let typical = median(times.clone());
        report(Row {
            name: "prefixes",
            work: format!("top level of {PREFIXES} prefixes over {count} keys"),
            summary: Some(Summary {
                rate: 1e3 / typical,
                p50_us: typical * 1e3,
                p99_us: quantile(times, 0.99) * 1e3,
                cpu_us: None,
            }),
            goals: vec![Goal::at_most(
                (goal_ms * 10.0).round() / 10.0,
                typical,
                "ms",
            )],
            ..Row::default()
        });
        Ok(typical)
    }
}

/// Keys of a page, and where the next one begins.
async fn page(
    connection: &mut Connection,
    bucket: &str,
    token: Option<&str>,
) -> Result<(usize, Option<String>), Box<dyn std::error::Error + Send + Sync>> {
    let path = format!("/{bucket}");
    let query = match token {
        Some(token) => format!(
            "continuation-token={}&list-type=2&max-keys=1000",
            setup::encoded(token)
        ),
        None => "list-type=2&max-keys=1000".to_owned(),
    };
    let (status, text) = connection
        .text(&Request::bare("GET", &path, &query))
        .await?;
    let keys = memchr::memmem::find_iter(text.as_bytes(), "<Key>").count();
    let next = setup::between(&text, "NextContinuationToken").map(str::to_owned);
    if status != 200 || (next.is_some() && keys != 1000) {
        return Err(format!("a page was answered {status} with {keys} keys").into());
    }
    Ok((keys, next))
}
