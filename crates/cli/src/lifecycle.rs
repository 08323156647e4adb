//! `strongroom lifecycle …`
use clap::Subcommand;
use hyper::Method;
use server::LifecycleCounts;

use crate::Common;
use crate::admin::{Admin, wait_for};

/// Lifecycle rules of the buckets of a running server. They are carried out in the background; this
/// is for whoever does not want to wait.
#[derive(Subcommand)]
pub enum Lifecycle {
    /// Carry out everything that is due now, in all buckets, and tell what was removed
    Run {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Lifecycle {
    /// Runs the subcommand.
    pub fn run(&self, common: &Common) -> Result<(), Box<dyn std::error::Error>> {
        let admin = Admin::of(common)?;
        let Lifecycle::Run { json } = self;
        let counts: LifecycleCounts =
            wait_for(admin.call(Method::POST, "/v1/lifecycle/run", None))??;
        if *json {
            println!("{}", serde_json::to_string_pretty(&counts)?);
            return Ok(());
        }
        for (count, what) in [
            (counts.looked_at, "looked at"),
            (counts.expired, "expired"),
            (counts.noncurrent_removed, "noncurrent versions removed"),
            (counts.markers_removed, "delete markers removed"),
            (counts.uploads_aborted, "uploads aborted"),
            (counts.changed_meanwhile, "changed meanwhile, kept"),
        ] {
            println!("{count:>10} {what}");
        }
        Ok(())
    }
}
