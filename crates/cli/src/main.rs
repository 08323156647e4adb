//! The `strongroom` command: serves, administers accounts of a running server, explains its
//! decisions, and looks after its data, also when it is stopped.

mod account;
mod admin;
mod backup;
mod clock;
mod explain;
mod fsck;
mod lifecycle;
mod operations;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use server::Settings;
use std::net::SocketAddr;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// S3, IAM and STS for many AWS-style accounts, in one program.
///
/// Cross-account access works as on AWS: accounts, users, roles, trust policies, external ids,
/// bucket policies, ACLs and object ownership, with the unmodified AWS CLI and SDKs.
///
/// Try it: `strongroom serve --dev`, then paste the line that it prints.
#[derive(Parser)]
#[command(name = "strongroom", version, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Settings that every subcommand understands.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Which server")]
struct Common {
    /// Directory that holds everything [default: strongroom-data]
    #[arg(long, value_name = "DIR", env = "STRONGROOM_DATA", global = true)]
    data: Option<PathBuf>,
    /// Address of S3, IAM and STS [default: 127.0.0.1:9000]
    #[arg(long, value_name = "ADDR", env = "STRONGROOM_LISTEN", global = true)]
    listen: Option<SocketAddr>,
    /// Address of the admin API and of /health [default: 127.0.0.1:9001]
    #[arg(
        long,
        value_name = "ADDR",
        env = "STRONGROOM_ADMIN_LISTEN",
        global = true
    )]
    admin_listen: Option<SocketAddr>,
    /// TOML file with settings; flags and environment win over it
    #[arg(long, value_name = "FILE", env = "STRONGROOM_CONFIG", global = true)]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve S3, IAM and STS
    Serve(serve::Serve),
    /// Create, list, show and close accounts of a running server
    #[command(subcommand)]
    Account(account::Account),
    Why(explain::Why),
    Can(explain::Can),
    WhoCan(explain::WhoCanDo),
    /// Show or turn the clock of a server that was started with --dev
    #[command(subcommand)]
    Clock(clock::Clock),
    /// Carry out lifecycle rules of a running server now
    #[command(subcommand)]
    Lifecycle(lifecycle::Lifecycle),
    Fsck(fsck::Fsck),
    Backup(backup::Backup),
    Restore(backup::Restore),
    /// List the operations that this program serves
    Operations(operations::Operations),
}

impl Common {
    /// Flags and environment over the file.
    fn settings(&self) -> Result<Settings, server::ConfigError> {
        let given = Settings {
            data: self.data.clone(),
            listen: self.listen,
            admin_listen: self.admin_listen,
            ..Settings::default()
        };
        Ok(match &self.config {
            Some(path) => given.or(Settings::read(path)?),
            None => given,
        })
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        Command::Serve(serve) => serve.run(&arguments.common).map(success),
        Command::Account(account) => account.run(&arguments.common).map(success),
        Command::Lifecycle(lifecycle) => lifecycle.run(&arguments.common).map(success),
        Command::Clock(clock) => clock.run(&arguments.common).map(success),
        Command::Why(why) => why.run(&arguments.common),
        Command::Can(can) => can.run(&arguments.common),
        Command::WhoCan(who_can) => who_can.run(&arguments.common),
        Command::Fsck(fsck) => fsck.run(&arguments.common),
        Command::Backup(backup) => backup.run(&arguments.common),
        Command::Restore(restore) => restore.run(&arguments.common),
        Command::Operations(operations) => {
            operations.run();
            Ok(ExitCode::SUCCESS)
        }
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("strongroom: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                let text = cause.to_string();
                // Many errors already say their cause.
                if !error.to_string().contains(&text) {
                    eprintln!("  because: {text}");
                }
                source = cause.source();
            }
            match arguments.command {
                // 1 is an answer of theirs.
                Command::Can(_) | Command::Fsck(_) | Command::Backup(_) | Command::Restore(_) => {
                    ExitCode::from(2)
                }
                Command::Serve(_)
                | Command::Account(_)
                | Command::Clock(_)
                | Command::Lifecycle(_)
                | Command::Why(_)
                | Command::WhoCan(_)
                | Command::Operations(_) => ExitCode::FAILURE,
            }
        }
    }
}

fn success((): ()) -> ExitCode {
    ExitCode::SUCCESS
}
