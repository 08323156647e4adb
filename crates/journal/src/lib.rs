//! One record per call: who, what was asked, the verdict, the outcome.
//!
//! Records are lines of JSON in files, written by a thread of their own: a call never waits for the
//! journal's disk, and never fails because of it. It is not the store: a record may be lost with
//! power, a write never. It holds no secret: access key ids, never keys.
//!
//! Of a refusal everything is kept that the decision depends on, of a yes the rule that gave it.
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! let journal = journal::Journal::open(dir.path(), journal::Limits::default())?;
//! journal.record(journal::Record { request_id: "42".into(), ..journal::Record::default() });
//! assert_eq!(journal.find("42")?.map(|record| record.request_id), Some("42".to_owned()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Files
//!
//! `journal-NNNNNNNNNN.jsonl`, numbered from 1 with ten digits, mode 0600. Only the one with the
//! highest number is written; a start goes on in it. A file holds lines, each ended by one line
//! feed. What stands after the last line feed was torn by a crash and is cut off at the next start.
//! A line is one of two JSON objects in UTF-8:
//!
//! - **A document**: `{"document":"ID","kind":"KIND","text":"TEXT"}`, these bytes in this order. A
//!   policy document as it was when it decided something. `KIND` is a name of
//!   [`policy::PolicyKind`], `TEXT` the document, and `ID` the SHA-256, in 64 lower-case hex digits,
//!   of `KIND`, one line feed and `TEXT`.
//! - **A [`Record`]**, which begins with `{"time":"`, `request_id` next. Wherever a policy stands in
//!   it, it holds `{"document":"ID"}`.
//!
//! A document's line stands before the first record of its file that refers to it, once: a file can
//! be read without the others, and a flood of refusals under one policy has it once.
//!
//! `journal-NNNNNNNNNN.index` says where in a closed file the lines of requests and documents are.
//! It can be removed at any time: it is made again when it is needed. Its bytes:
//!
//! | bytes | what, integers in little-endian order |
//! |---|---|
//! | 8 | `SRJINDEX` |
//! | 8 | version, 1 |
//! | 8 | size of the `.jsonl` file |
//! | 8 | time of the oldest record, milliseconds since 1970, signed |
//! | 8 | time of the newest record |
//! | 8 | number of entries, N |
//! | 16 N | entries in rising order: FNV-1a (64 bits) of a request id or of a document's `ID`, then the offset of its line, with the highest bit set for a call that was refused in whole or in part |
//! | 8 | FNV-1a (64 bits) of everything before |
//!
//! # What is kept, and for how long
//!
//! [`Limits`] bounds size and age. A file is closed when it has an eighth of the size, or spans an
//! eighth of the time; whole files are dropped, the oldest first. So the journal holds between seven
//! eighths of what it may and all of it.
//!
//! # When there is too much
//!
//! Records wait for the writer in a queue that is bounded by count and by weight. When half of the
//! weight is used, refusals come in without their cases ([`Journal::trimmed`]); when all of it is,
//! records are dropped ([`Journal::lost`]). Records that a full disk does not take are lost too; the
//! file is cut back to its last whole line, and writing goes on when the disk has room again.
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;

mod document;
mod files;
mod filter;
mod index;
mod queue;
mod read;
mod record;
mod shelf;

pub use filter::Filter;
pub use record::{Asked, Failure, Record, SessionRecord, Verdict};

use files::Files;
use queue::{Counters, Queue};
use shelf::Shelf;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Space that all files may take together, in bytes.
    pub bytes_max: u64,
    /// How old the newest record of a file may be.
    pub age_max: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            bytes_max: 512 * 1024 * 1024,
            age_max: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// Files that the journal is divided into, by size and by time: what is dropped is a whole file.
const PARTS: u64 = 8;

impl Limits {
    fn file_bytes_max(&self) -> u64 {
        self.bytes_max / PARTS
    }

    fn age_ms(&self) -> i64 {
        i64::try_from(self.age_max.as_millis()).unwrap_or(i64::MAX)
    }

    fn file_span_ms(&self) -> i64 {
        self.age_ms() / PARTS.cast_signed()
    }
}

/// The longest time that a reader waits for what is still in the queue.
const CATCH_UP_MAX: Duration = Duration::from_secs(2);
/// The longest time that [`Journal::flush`] waits.
const FLUSH_MAX: Duration = Duration::from_secs(30);

/// The journal of one server.
#[derive(Debug)]
pub struct Journal {
    shelf: Arc<Shelf>,
    counters: Arc<Counters>,
    /// `None` only while it is dropped.
    queue: Option<Queue>,
    writer: Option<JoinHandle<()>>,
}

impl Journal {
    /// Opens the journal in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// When the directory cannot be made or read. Files that cannot be written are no error, now or
    /// later: records are lost then, see [`Journal::lost`].
    pub fn open(directory: &Path, limits: Limits) -> io::Result<Journal> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let shelf = Arc::new(Shelf::open(directory)?);
        let counters = Arc::new(Counters::default());
        let (sender, intake) = queue::channel(&counters);
        let (files_shelf, files_counters) = (shelf.clone(), counters.clone());
        let writer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || intake.run(Files::open(files_shelf, limits, files_counters)))?;
        Ok(Journal {
            shelf,
            queue: Some(Queue::new(
                sender,
                counters.clone(),
                writer.thread().clone(),
            )),
            counters,
            writer: Some(writer),
        })
    }

    /// Hands a record to the writer. Takes no lock and never waits: when the writer is far behind,
    /// the record is dropped and counted.
    pub fn record(&self, record: Record) {
        if let Some(queue) = &self.queue {
            queue.put(record, None);
        }
    }

    /// The same for a record whose [`Record::time`] the writer shall write.
    pub fn record_at(&self, time: Timestamp, record: Record) {
        if let Some(queue) = &self.queue {
            queue.put(record, Some(time));
        }
    }

    /// Records since the start that were dropped or could not be written.
    pub fn lost(&self) -> u64 {
        self.counters.lost()
    }

    /// Records since the start that were kept without their cases.
    pub fn trimmed(&self) -> u64 {
        self.counters.trimmed()
    }

    /// Waits until everything recorded so far is in its file; half a minute at most.
    pub fn flush(&self) {
        self.flush_within(FLUSH_MAX);
    }

    /// The record of a request; the newest one, should there be more. What was recorded before is
    /// found even if it is not written yet.
    ///
    /// Reads from disk, as all that follow: for a thread that may wait.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn find(&self, request_id: &str) -> io::Result<Option<Record>> {
        self.flush_within(CATCH_UP_MAX);
        read::find(&self.shelf, request_id)
    }

    /// The records that a filter wants, the newest first, `limit` at most.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn recent(&self, filter: &Filter, limit: usize) -> io::Result<Vec<Record>> {
        self.flush_within(CATCH_UP_MAX);
        read::recent(&self.shelf, filter, limit)
    }

    /// The newest record that a filter wants.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn last(&self, filter: &Filter) -> io::Result<Option<Record>> {
        Ok(self.recent(filter, 1)?.pop())
    }

    fn flush_within(&self, timeout: Duration) {
        let flushed = self
            .queue
            .as_ref()
            .is_some_and(|queue| queue.flush(timeout));
        if !flushed {
            tracing::warn!("the journal's writer is behind");
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // With the queue the writer's work ends, once it has taken what is in it.
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            writer.thread().unpark();
            if writer.join().is_err() {
                tracing::error!("the journal's writer panicked");
            }
        }
    }
}
