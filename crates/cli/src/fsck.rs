//! `strongroom fsck`
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use server::{Config, FsckError, FsckOrder, FsckProblem, FsckReport, Settings};

use crate::Common;
use crate::admin::{Admin, tell_progress, wait_for};

/// Look at the data of a server, running or stopped, and say what is damaged.
///
/// A running server is asked, through its admin API, to look itself while it serves; what is written
/// meanwhile is looked at or not. --rebuild needs a stopped one.
///
/// Looks at every record of objects, parts and the log; with --scrub it also reads every body.
/// Nothing is repaired, but for --rebuild, which makes the index anew; as at every start of the
/// server, writes that a crash cut short are finished or dropped. The key file is not needed.
///
/// Exits with 0 if nothing is damaged, with 1 if something is, and with 2 if it could not look: the
/// directory is not that of a server, the disk fails, or the server runs and does not answer.
#[derive(Args)]
pub struct Fsck {
    /// The server's data directory [default: that of --data]
    data_dir: Option<PathBuf>,
    /// Read all bodies, too, and compare them with their checksums
    #[arg(long)]
    scrub: bool,
    /// First make the index anew from the log, and say what was found there
    #[arg(long)]
    rebuild: bool,
    /// A running server reads at most this much in a second, in MiB [default: no limit]
    #[arg(long, value_name = "MIB")]
    mib_per_second: Option<u32>,
    /// Print JSON: `clean`, `scrubbed`, `rebuilt` (with --rebuild), `checked` (counts; null if the
    /// store is too damaged) and `problems`, each with `bucket`, `bucket_id`, `key`, `version`, `what`
    #[arg(long)]
    json: bool,
}

impl Fsck {
    /// Runs the subcommand.
    pub fn run(&self, common: &Common) -> Result<ExitCode, Box<dyn std::error::Error>> {
        let given = Settings {
            data: self.data_dir.clone(),
            ..Settings::default()
        };
        let config = given.or(common.settings()?).resolve();
        let fsck = server::Fsck {
            data: config.data.clone(),
            scrub: self.scrub,
            rebuild: self.rebuild,
        };
        let report = match fsck.run() {
            Err(FsckError::InUse { .. }) if !self.rebuild => self.ask_server(&config)?,
            done => done?,
        };
        match self.json {
            true => println!("{}", serde_json::to_string_pretty(&report)?),
            false => print(&report),
        }
        Ok(match report.clean {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}

impl Fsck {
    /// A running server has the data: it looks itself.
    fn ask_server(&self, config: &Config) -> Result<FsckReport, Box<dyn std::error::Error>> {
        let admin = Admin::open(&config.data, config.admin_listen)?;
        let order = serde_json::to_value(FsckOrder {
            scrub: self.scrub,
            mib_per_second: self.mib_per_second,
        })?;
        Ok(wait_for(admin.work("/v1/fsck", &order, tell_progress))??)
    }
}

fn print(report: &FsckReport) {
    if let Some(rebuilt) = &report.rebuilt {
        println!(
            "The index was made anew: {} rows from {} records in {} files of the log.",
            rebuilt.rows, rebuilt.records, rebuilt.segments
        );
    }
    match &report.checked {
        Some(checked) => {
            println!(
                "{} versions of objects, {} parts of uploads, {} records in {} files of the log.",
                checked.versions, checked.parts, checked.records, checked.segments
            );
            match report.scrubbed {
                true => println!("{} bytes of bodies were read.", checked.bytes_read),
                false => println!("Bodies were not read; --scrub reads them."),
            }
        }
        None => println!("The store could not be looked at."),
    }
    print_problems(&report.problems);
    if report.checked.is_none() && report.rebuilt.is_none() {
        println!("--rebuild makes the index anew from what can be read of the log.");
    }
}

/// What is damaged, one line each, or that nothing is.
pub fn print_problems(problems: &[FsckProblem]) {
    if problems.is_empty() {
        println!("Nothing is damaged.");
        return;
    }
    println!("Damaged: {}", problems.len());
    for problem in problems {
        let mut place = Vec::new();
        match (&problem.bucket, &problem.bucket_id) {
            (Some(name), _) => place.push(format!("bucket {name}")),
            (None, Some(id)) => place.push(format!("bucket with the id {id}")),
            (None, None) => {}
        }
        if let Some(key) = &problem.key {
            // Keys may hold anything, ends of lines included.
            place.push(format!("key {key:?}"));
        }
        if let Some(version) = &problem.version {
            place.push(format!("version {version}"));
        }
        match place.is_empty() {
            true => println!("  {}", problem.what),
            false => println!("  {}: {}", place.join(", "), problem.what),
        }
    }
}
