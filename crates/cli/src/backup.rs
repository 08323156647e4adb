//! `strongroom backup`, `strongroom restore`.
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use server::{
    BackupDone, BackupError, BackupOrder, Config, ConfigError, Copied, FsckError, FsckReport,
    Settings,
};

use crate::Common;
use crate::admin::{Admin, tell_progress, wait_for};
use crate::fsck::print_problems;

type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

/// Copy the data of a server, running or stopped, to a new directory.
///
/// A running server is asked, through its admin API, to make the backup itself while it serves:
/// TARGET-DIR must be an absolute path on its machine. All that was acknowledged before the backup
/// began is in it, and nothing is half. A stopped server does not start until all is copied.
///
/// Everything is synced, and all of the copy is read again and compared with its checksums, before
/// this says that it is done; a copy that was not finished is not restored.
///
/// Without the key file nothing in a backup can be read, and whoever has both can read everything.
///
/// Exits with 0 if the backup is done, with 1 if what was copied is damaged (see fsck), and with 2
/// if it could not be made: TARGET-DIR is not empty, or a disk fails.
#[derive(Args)]
pub struct Backup {
    /// The server's data directory, if it is not that of --data, and where the backup goes: a
    /// directory that is empty or not there
    #[arg(required = true, num_args = 1..=2, value_names = ["DATA-DIR", "TARGET-DIR"])]
    directories: Vec<PathBuf>,
    /// A running server reads at most this much in a second, in MiB [default: no limit]
    #[arg(long, value_name = "MIB")]
    mib_per_second: Option<u32>,
    /// Copy the key file, too
    #[arg(long)]
    with_key: bool,
    /// The key file [default: DATA-DIR.key, beside the data directory]
    #[arg(long, value_name = "FILE", env = "STRONGROOM_KEY_FILE")]
    key_file: Option<PathBuf>,
}

/// Make a data directory of a backup.
///
/// Everything is synced, and all of the copy is read again and compared with its checksums, before
/// this says that it is done. No server may use the backup meanwhile; it must be on a file system
/// that can be written to.
///
/// Exits with 0 if the data are restored, with 1 if they are damaged (see fsck), and with 2 if they
/// could not be restored: DATA-DIR is not empty, the backup was not finished, or a disk fails.
#[derive(Args)]
pub struct Restore {
    /// The directory that `strongroom backup` made
    backup_dir: PathBuf,
    /// The data directory to make: one that is empty or not there
    data_dir: PathBuf,
    /// Restore the key file, too; it must be in the backup, and not be there yet
    #[arg(long)]
    with_key: bool,
    /// Where the key file goes [default: DATA-DIR.key, beside the data directory]
    #[arg(long, value_name = "FILE", env = "STRONGROOM_KEY_FILE")]
    key_file: Option<PathBuf>,
}

impl Backup {
    /// Runs the subcommand.
    pub fn run(&self, common: &Common) -> Outcome {
        let (data, target) = match self.directories.as_slice() {
            [target] => (None, target),
            [data, target] => (Some(data), target),
            _ => return Err("name TARGET-DIR, or DATA-DIR and TARGET-DIR".into()),
        };
        let config = config(data, self.key_file.as_ref(), common)?;
        let backup = server::Backup {
            data: config.data.clone(),
            target: target.clone(),
            key_file: self.with_key.then_some(config.key_file.clone()),
        };
        let (copied, report) = match backup.run() {
            Err(BackupError::Data(FsckError::InUse { .. })) => self.ask_server(&config, &backup)?,
            done => done?,
        };
        if !report.clean {
            println!("This is no backup: what was copied is damaged.");
            return Ok(damaged(&report));
        }
        print_done("Backed up", &copied, &report);
        if !self.with_key {
            println!(
                "The key file {} is not in the backup. Without it the backup cannot be read: keep a copy of it.",
                config.key_file.display()
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Backup {
    /// A running server has the data: it makes the backup itself.
    fn ask_server(
        &self,
        config: &Config,
        backup: &server::Backup,
    ) -> Result<(Copied, FsckReport), Box<dyn std::error::Error>> {
        let admin = Admin::open(&config.data, config.admin_listen)?;
        let order = BackupOrder {
            target: backup.target.clone(),
            with_key: self.with_key,
            mib_per_second: self.mib_per_second,
        };
        let order = serde_json::to_value(order)?;
        let done: BackupDone = wait_for(admin.work("/v1/backup", &order, tell_progress))??;
        let copied = Copied {
            files: done.files,
            bytes: done.bytes,
        };
        Ok((copied, done.report))
    }
}

impl Restore {
    /// Runs the subcommand.
    pub fn run(&self, common: &Common) -> Outcome {
        let config = config(Some(&self.data_dir), self.key_file.as_ref(), common)?;
        let restore = server::Restore {
            backup: self.backup_dir.clone(),
            data: self.data_dir.clone(),
            key_file: self.with_key.then_some(config.key_file.clone()),
        };
        let (copied, report) = restore.run()?;
        if !report.clean {
            println!("The data are restored as far as they can be, but they are damaged.");
            return Ok(damaged(&report));
        }
        print_done("Restored", &copied, &report);
        if !self.with_key {
            println!(
                "The server needs the key file of the backed up data at {}.",
                config.key_file.display()
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Where the key file is, as `strongroom serve` would find it.
fn config(
    data: Option<&PathBuf>,
    key_file: Option<&PathBuf>,
    common: &Common,
) -> Result<Config, ConfigError> {
    let given = Settings {
        data: data.cloned(),
        key_file: key_file.cloned(),
        ..Settings::default()
    };
    Ok(given.or(common.settings()?).resolve())
}

fn print_done(what: &str, copied: &Copied, report: &FsckReport) {
    let versions = report
        .checked
        .as_ref()
        .map_or(0, |checked| checked.versions);
    println!(
        "{what}: {} files, {} bytes; synced, and all {versions} versions of objects verified.",
        copied.files, copied.bytes
    );
}

fn damaged(report: &FsckReport) -> ExitCode {
    print_problems(&report.problems);
    ExitCode::FAILURE
}
