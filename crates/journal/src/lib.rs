//! One record per call: who, what was asked, the verdict, the outcome.
//!
//! Records are lines of JSON in files of bounded size and number, written by a thread of their
//! own, so that a call never waits for the journal's disk. It is not the store: a record may be
//! lost with power, a write never. It holds no secret: access key ids, never keys.
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! let journal = journal::Journal::open(dir.path(), journal::Limits::default())?;
//! journal.record(journal::Record { request_id: "42".into(), ..journal::Record::default() });
//! journal.flush();
//! assert_eq!(journal.find("42")?.map(|record| record.request_id), Some("42".to_owned()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

mod record;

pub use record::{Asked, Failure, Record, SessionRecord, Verdict};

/// Which records are meant.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Failed ones only.
    pub refused_only: bool,
    /// Of this account.
    pub account: Option<String>,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Size at which a file is closed and a new one begun, in bytes.
    pub file_bytes_max: u64,
    /// Files kept, the current one included.
    pub file_count_max: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            file_bytes_max: 64 * 1024 * 1024,
            file_count_max: 8,
        }
    }
}

/// Records that may wait for the writer; more are counted and dropped.
const QUEUE_LENGTH_MAX: usize = 16_384;
/// The longest time that a record waits in memory.
const FLUSH_INTERVAL: Duration = Duration::from_millis(200);

enum Message {
    Record(Box<Record>),
    Flush(SyncSender<()>),
}

/// The journal of one server.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    sender: Mutex<Option<SyncSender<Message>>>,
    lost: Arc<AtomicU64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Opens the journal in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// When the directory or its current file cannot be made.
    pub fn open(directory: &Path, limits: Limits) -> io::Result<Journal> {
        fs::create_dir_all(directory)?;
        let mut files = Files::open(directory.to_owned(), limits)?;
        let (sender, receiver) = mpsc::sync_channel::<Message>(QUEUE_LENGTH_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                loop {
                    let outcome = match receiver.recv_timeout(FLUSH_INTERVAL) {
                        Ok(Message::Record(record)) => files.write(&record),
                        Ok(Message::Flush(done)) => {
                            let outcome = files.flush();
                            // Whoever waited may have gone; that is theirs to know.
                            let _ = done.send(());
                            outcome
                        }
                        Err(RecvTimeoutError::Timeout) => files.flush(),
                        Err(RecvTimeoutError::Disconnected) => {
                            if let Err(error) = files.flush() {
                                tracing::error!(%error, "the journal could not be written");
                            }
                            return;
                        }
                    };
                    if let Err(error) = outcome {
                        tracing::error!(%error, "the journal could not be written");
                    }
                }
            })?;
        Ok(Journal {
            directory: directory.to_owned(),
            sender: Mutex::new(Some(sender)),
            lost,
            writer: Mutex::new(Some(writer)),
        })
    }

    /// Hands a record to the writer. Never waits: when the writer is far behind, the record is
    /// dropped and counted.
    pub fn record(&self, record: Record) {
        let Some(sender) = self.sender() else { return };
        match sender.try_send(Message::Record(Box::new(record))) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
                if lost.is_power_of_two() {
                    tracing::warn!(lost, "the journal is behind: records are dropped");
                }
            }
        }
    }

    /// Records dropped since start.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until everything recorded so far is in its file.
    pub fn flush(&self) {
        let Some(sender) = self.sender() else { return };
        let (done, wait) = mpsc::sync_channel(1);
        if sender.send(Message::Flush(done)).is_ok() {
            // An error means that the writer is gone, and with it what could be waited for.
            let _ = wait.recv();
        }
    }

    /// The record of a request, the newest files first.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn find(&self, request_id: &str) -> io::Result<Option<Record>> {
        self.flush();
        for path in files_newest_first(&self.directory)? {
            for line in BufReader::new(File::open(path)?).lines() {
                let line = line?;
                if !line.contains(request_id) {
                    continue;
                }
                // A line torn by a crash is no record.
                match serde_json::from_str::<Record>(&line) {
                    Ok(record) if record.request_id == request_id => return Ok(Some(record)),
                    Ok(_) | Err(_) => {}
                }
            }
        }
        Ok(None)
    }

    /// Records newest first.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn recent(&self, filter: &Filter, limit: usize) -> io::Result<Vec<Record>> {
        self.flush();
        let mut found = Vec::new();
        for path in files_newest_first(&self.directory)? {
            let mut records = Vec::new();
            for line in BufReader::new(File::open(path)?).lines() {
                records.extend(serde_json::from_str::<Record>(&line?).ok());
            }
            records.reverse();
            records.retain(|record| !filter.refused_only || record.error.is_some());
            found.extend(records);
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The newest record.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn last(&self, filter: &Filter) -> io::Result<Option<Record>> {
        Ok(self.recent(filter, 1)?.pop())
    }

    fn sender(&self) -> Option<SyncSender<Message>> {
        match self.sender.lock() {
            Ok(sender) => sender.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Ok(mut sender) = self.sender.lock() {
            sender.take();
        }
        if let Ok(mut writer) = self.writer.lock()
            && let Some(writer) = writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the journal's writer panicked");
        }
    }
}

fn files_newest_first(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            paths.push(path);
        }
    }
    paths.sort();
    paths.reverse();
    Ok(paths)
}

/// The files: `journal-NNNNNNNNNN.jsonl`, rising.
struct Files {
    directory: PathBuf,
    limits: Limits,
    number: u64,
    size_bytes: u64,
    current: BufWriter<File>,
}

impl Files {
    fn open(directory: PathBuf, limits: Limits) -> io::Result<Files> {
        let last = files_newest_first(&directory)?
            .into_iter()
            .find_map(|path| {
                path.file_stem()?
                    .to_str()?
                    .strip_prefix("journal-")?
                    .parse::<u64>()
                    .ok()
            });
        let number = last.map_or(1, |last| last + 1);
        let current = BufWriter::new(create(&directory, number)?);
        let files = Files {
            directory,
            limits,
            number,
            size_bytes: 0,
            current,
        };
        files.prune()?;
        Ok(files)
    }

    fn write(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        if self.size_bytes + line.len() as u64 > self.limits.file_bytes_max {
            self.rotate()?;
        }
        self.size_bytes += line.len() as u64;
        self.current.write_all(&line)
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.current.flush()?;
        self.number += 1;
        self.size_bytes = 0;
        self.current = BufWriter::new(create(&self.directory, self.number)?);
        self.prune()
    }

    fn prune(&self) -> io::Result<()> {
        let keep = usize::try_from(self.limits.file_count_max)
            .unwrap_or(usize::MAX)
            .max(1);
        for path in files_newest_first(&self.directory)?.into_iter().skip(keep) {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.current.flush()
    }
}

fn create(directory: &Path, number: u64) -> io::Result<File> {
    let path = directory.join(format!("journal-{number:010}.jsonl"));
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str) -> Record {
        Record {
            request_id: id.to_owned(),
            operation: "GetObject".to_owned(),
            ..Record::default()
        }
    }

    #[test]
    fn a_record_is_found_by_request_id_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path(), Limits::default()).unwrap();
        journal.record(record("one"));
        journal.record(record("two"));
        drop(journal);
        let journal = Journal::open(dir.path(), Limits::default()).unwrap();
        assert_eq!(journal.find("one").unwrap(), Some(record("one")));
        assert_eq!(journal.find("three").unwrap(), None);
        assert_eq!(journal.lost(), 0);
    }

    #[test]
    fn old_files_go_when_there_are_too_many() {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits {
            file_bytes_max: 400,
            file_count_max: 2,
        };
        let journal = Journal::open(dir.path(), limits).unwrap();
        for index in 0..50 {
            journal.record(record(&format!("request-{index:03}")));
        }
        journal.flush();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        assert_eq!(journal.find("request-000").unwrap(), None);
        assert!(journal.find("request-049").unwrap().is_some());
    }
}
