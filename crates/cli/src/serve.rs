//! `strongroom serve`
use std::io::{IsTerminal, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;
use server::{Server, Settings};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::Common;

/// Serve S3, IAM and STS on one address, the admin API on another.
///
/// The first start makes the data directory, the first account and its root access key, which is
/// printed once. SIGTERM and SIGINT end it after the requests that are under way.
#[derive(Args)]
pub struct Serve {
    /// Domain for addresses such as BUCKET.DOMAIN, besides localhost and s3.localhost; repeatable
    #[arg(
        long,
        value_name = "DOMAIN",
        env = "STRONGROOM_DOMAIN",
        value_delimiter = ','
    )]
    domain: Option<Vec<String>>,
    /// Region of the endpoint [default: us-east-1]
    #[arg(long, env = "STRONGROOM_REGION")]
    region: Option<String>,
    /// File with the key that encrypts secrets and objects at rest; made at the first start
    /// [default: DATA.key, beside the data directory]
    #[arg(long, value_name = "FILE", env = "STRONGROOM_KEY_FILE")]
    key_file: Option<PathBuf>,
    /// Space that the journal of calls may take, in MiB [default: 512]
    #[arg(long, value_name = "MIB", env = "STRONGROOM_JOURNAL_MIB")]
    journal_mib: Option<u64>,
    /// Days that the journal keeps a call, as far as its space reaches [default: 30]
    #[arg(long, value_name = "DAYS", env = "STRONGROOM_JOURNAL_DAYS")]
    journal_days: Option<NonZeroU32>,
    /// Connections at once [default: 8192, or what the limit of open files allows]; more are answered
    /// 503 SlowDown
    #[arg(long, value_name = "COUNT", env = "STRONGROOM_MAX_CONNECTIONS")]
    max_connections: Option<NonZeroU32>,
    /// Seconds that a connection may stay open without a request [default: 120]
    #[arg(long, value_name = "SECONDS", env = "STRONGROOM_IDLE_SECONDS")]
    idle_seconds: Option<NonZeroU32>,
    /// Seconds that the head of a request may take, from its first byte [default: 30]
    #[arg(long, value_name = "SECONDS", env = "STRONGROOM_HEAD_SECONDS")]
    head_seconds: Option<NonZeroU32>,
    /// Seconds that the body of a request may pause before it is answered RequestTimeout
    /// [default: 30]
    #[arg(long, value_name = "SECONDS", env = "STRONGROOM_BODY_SECONDS")]
    body_seconds: Option<NonZeroU32>,
    /// Seconds for which a client may not read its answer before the connection is closed
    /// [default: 120]
    #[arg(long, value_name = "SECONDS", env = "STRONGROOM_WRITE_SECONDS")]
    write_seconds: Option<NonZeroU32>,
    /// Seconds that requests under way may take after SIGTERM or SIGINT [default: 30]
    #[arg(long, value_name = "SECONDS", env = "STRONGROOM_STOP_SECONDS")]
    stop_seconds: Option<NonZeroU32>,
    /// Minutes between two looks whether lifecycle rules are due, which they are at midnight UTC
    /// [default: 15]
    #[arg(long, value_name = "MINUTES", env = "STRONGROOM_LIFECYCLE_MINUTES")]
    lifecycle_minutes: Option<NonZeroU32>,
    /// For development: loopback only, accounts A, B and C with administrators whose credentials
    /// everybody knows, an AWS config file with their profiles, and a clock that `strongroom clock`
    /// turns. Without --data the directory is temporary.
    #[arg(long)]
    dev: bool,
}

impl Serve {
    /// Serves until a signal comes.
    pub fn run(&self, common: &Common) -> Result<(), Box<dyn std::error::Error>> {
        let filter =
            EnvFilter::try_from_env("STRONGROOM_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            // A log that cannot be written, on a full disk, would be told by a print that panics,
            // and the call that had something to say would end unanswered.
            .log_internal_errors(false)
            .init();
        let given = Settings {
            domain: self.domain.clone(),
            region: self.region.clone(),
            key_file: self.key_file.clone(),
            journal_mib: self.journal_mib,
            journal_days: self.journal_days,
            max_connections: self.max_connections,
            idle_seconds: self.idle_seconds,
            head_seconds: self.head_seconds,
            body_seconds: self.body_seconds,
            write_seconds: self.write_seconds,
            stop_seconds: self.stop_seconds,
            lifecycle_minutes: self.lifecycle_minutes,
            ..Settings::default()
        };
        let settings = given.or(common.settings()?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        runtime.block_on(self.serve(settings))
    }

    async fn serve(&self, settings: Settings) -> Result<(), Box<dyn std::error::Error>> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let server = if self.dev {
            Server::start_dev(settings).await?
        } else {
            Server::start(settings.resolve()).await?
        };
        // Nobody may be reading, which is no reason not to serve.
        let _ = std::io::stdout().write_all(server.greeting().as_bytes());
        let _ = std::io::stdout().flush();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        server.stop().await;
        Ok(())
    }
}
