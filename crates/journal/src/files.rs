//! The writer's side of the files: batches, closing, dropping, and what to do when a disk is full.
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::document::{DocumentId, DocumentWriter, Lines};
use crate::index::{Entry, Span, key};
use crate::queue::Counters;
use crate::shelf::{Scan, Shelf, Written};
use crate::{Limits, Record};

/// Bytes that are written at once.
const BATCH_BYTES: usize = 256 * 1024;
/// The longest time that a record waits in memory.
const WRITE_INTERVAL: Duration = Duration::from_millis(200);
/// How often the age of files is looked at.
const AGE_INTERVAL: Duration = Duration::from_secs(1);

/// The files `journal-NNNNNNNNNN.jsonl`, rising. At most one is written.
pub(crate) struct Files {
    shelf: Arc<Shelf>,
    limits: Limits,
    counters: Arc<Counters>,
    documents: DocumentWriter,
    current: Option<Current>,
    next_number: u64,
    failures: u64,
    written_at: Instant,
    aged_at: Option<Instant>,
}

struct Current {
    file: File,
    /// What is safely in the file.
    bytes: u64,
    known: HashSet<DocumentId>,
    pending: Pending,
}

/// What is to be written next.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    written: Written,
    documents: Vec<DocumentId>,
    records: u64,
}

impl Files {
    /// Goes on in the last file if it has room, after cutting off what a crash left of a line.
    pub(crate) fn open(shelf: Arc<Shelf>, limits: Limits, counters: Arc<Counters>) -> Files {
        let last = shelf.closed().pop();
        let mut files = Files {
            next_number: last.as_ref().map_or(1, |last| last.number + 1),
            shelf,
            limits,
            counters,
            documents: DocumentWriter::default(),
            current: None,
            failures: 0,
            written_at: Instant::now(),
            aged_at: None,
        };
        if let Some(last) = last.filter(|last| last.bytes < files.limits.file_bytes_max())
            && let Err(error) = files.reopen(last.number)
        {
            tracing::warn!(%error, "the journal begins a new file, the last one cannot be written");
        }
        files.tick();
        files
    }

    fn reopen(&mut self, number: u64) -> io::Result<()> {
        let path = self.shelf.path(number);
        let mut scan = Scan::of(&path)?;
        let file = OpenOptions::new().append(true).open(&path)?;
        file.set_len(scan.bytes)?;
        self.shelf.reopen(number, &mut scan);
        self.current = Some(Current {
            file,
            bytes: scan.bytes,
            known: scan.documents,
            pending: Pending::default(),
        });
        Ok(())
    }

    /// Takes a record into the next batch.
    pub(crate) fn append(&mut self, mut record: Record, time: Option<Timestamp>) {
        if let Some(time) = time {
            record.time = time.to_string();
        }
        let time = time.or_else(|| record.time.parse().ok());
        if let Err(error) = self.try_append(&mut record, time) {
            self.lose(1);
            self.note_failure(&error);
        }
        if self.pending_bytes() >= BATCH_BYTES {
            self.write_out();
        }
    }

    fn try_append(&mut self, record: &mut Record, time: Option<Timestamp>) -> io::Result<()> {
        let lines = loop {
            let lines = self.lines(record)?;
            let (used, max) = (self.used_bytes(), self.limits.file_bytes_max());
            if used + lines.len() as u64 <= max {
                break lines;
            }
            if used > 0 {
                self.close();
            } else if record.drop_cases() {
                self.counters.add_trimmed();
            } else {
                // Larger than a file may be, though without cases: it gets a file of its own.
                break lines;
            }
        };
        let current = match &mut self.current {
            Some(current) => current,
            None => {
                let current = begin(&self.shelf, self.next_number);
                // A number is used once, also where it could not be.
                self.next_number += 1;
                self.current.insert(current?)
            }
        };
        current.add(record, lines, time);
        Ok(())
    }

    fn lines(&mut self, record: &Record) -> io::Result<Lines> {
        let none = HashSet::new();
        let known = self
            .current
            .as_ref()
            .map_or(&none, |current| &current.known);
        Ok(self.documents.lines(record, known)?)
    }

    fn used_bytes(&self) -> u64 {
        let bytes = self.current.as_ref().map_or(0, |current| current.bytes);
        bytes + self.pending_bytes() as u64
    }

    fn pending_bytes(&self) -> usize {
        let current = self.current.as_ref();
        current.map_or(0, |current| current.pending.bytes.len())
    }

    /// Writes what waits, if it has waited long enough; closes and drops what is old enough.
    pub(crate) fn tick(&mut self) {
        if self.written_at.elapsed() >= WRITE_INTERVAL {
            self.write_out();
        }
        if self.aged_at.is_none_or(|at| at.elapsed() >= AGE_INTERVAL) {
            self.aged_at = Some(Instant::now());
            let began = self.shelf.current_span().map(|span| span.oldest_ms);
            let span_ms = self.limits.file_span_ms();
            if began.is_some_and(|began| now_ms().saturating_sub(began) > span_ms) {
                self.close();
            }
            self.drop_old();
        }
    }

    /// Writes what waits. What cannot be written is lost, and the file is as it was before.
    pub(crate) fn write_out(&mut self) {
        self.written_at = Instant::now();
        let Some(current) = &mut self.current else {
            return;
        };
        if current.pending.bytes.is_empty() {
            return;
        }
        let outcome = current.file.write_all(&current.pending.bytes);
        let pending = &mut current.pending;
        match outcome {
            Ok(()) => {
                current.bytes += pending.bytes.len() as u64;
                self.shelf.publish(current.bytes, &mut pending.written);
                current.pending.clear();
                if self.failures > 0 {
                    tracing::warn!(lost = self.counters.lost(), "the journal is written again");
                    self.failures = 0;
                }
            }
            Err(error) => {
                let lost = pending.records;
                for id in &pending.documents {
                    current.known.remove(id);
                }
                current.pending.clear();
                let restored = current.file.set_len(current.bytes);
                self.lose(lost);
                self.note_failure(&error);
                if restored.is_err() {
                    // What was written in part would tear the next line.
                    self.current = None;
                    self.shelf.close(Timestamp::now());
                }
            }
        }
    }

    fn close(&mut self) {
        self.write_out();
        if self
            .current
            .as_ref()
            .is_some_and(|current| current.bytes > 0)
        {
            self.current = None;
            self.shelf.close(Timestamp::now());
            self.drop_old();
        }
    }

    /// Drops whole files: those whose newest record is too old, and the oldest ones until those
    /// that stay and a full current file take no more than they may.
    fn drop_old(&self) {
        let too_old = now_ms().saturating_sub(self.limits.age_ms());
        let mut kept = self.limits.file_bytes_max();
        let mut full = false;
        for closed in self.shelf.closed().into_iter().rev() {
            let (bytes, newest_ms) = match self.shelf.index(&closed) {
                Ok(index) => (closed.bytes + index.disk_bytes(), index.span.newest_ms),
                Err(error) => {
                    tracing::warn!(number = closed.number, %error, "a file of the journal cannot be read");
                    (closed.bytes, i64::MAX)
                }
            };
            kept = kept.saturating_add(bytes);
            full |= kept > self.limits.bytes_max;
            if (full || newest_ms < too_old)
                && let Err(error) = self.shelf.remove(closed.number)
            {
                tracing::warn!(number = closed.number, %error, "a file of the journal cannot be removed");
            }
        }
    }

    fn lose(&self, records: u64) {
        self.counters.add_lost(records);
    }

    fn note_failure(&mut self, error: &io::Error) {
        self.failures += 1;
        if self.failures.is_power_of_two() {
            let (lost, failures) = (self.counters.lost(), self.failures);
            tracing::error!(%error, failures, lost, "the journal cannot be written: records are lost");
        }
    }
}

impl Current {
    fn add(&mut self, record: &Record, lines: Lines, time: Option<Timestamp>) {
        for (id, line) in lines.documents {
            self.line(key(&id.hex()), false, &line);
            self.known.insert(id);
            self.pending.documents.push(id);
        }
        let key = key(&record.request_id);
        self.line(key, record.is_refused(), &lines.record);
        self.pending.records += 1;
        if let Some(time) = time {
            let span = &mut self.pending.written.span;
            *span = Some(Span::with(*span, time.as_millisecond()));
        }
    }

    fn line(&mut self, key: u64, refused: bool, line: &[u8]) {
        let offset = self.bytes + self.pending.bytes.len() as u64;
        let entry = Entry::new(key, offset, refused);
        self.pending.written.entries.push(entry);
        self.pending.bytes.extend_from_slice(line);
    }
}

impl Pending {
    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(2 * BATCH_BYTES);
        self.written = Written::default();
        self.documents.clear();
        self.records = 0;
    }
}

fn begin(shelf: &Shelf, number: u64) -> io::Result<Current> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(shelf.path(number))?;
    shelf.begin(number);
    Ok(Current {
        file,
        bytes: 0,
        known: HashSet::new(),
        pending: Pending::default(),
    })
}

fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}
