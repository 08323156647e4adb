//! The files of a journal, as its writer and its readers share them.
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::document::{DocumentId, LINE_START};
use crate::filter::Glance;
use crate::index::{Entry, Index, Span, key, refused};

/// Which files there are. Locked for moments only, never while a disk is waited for.
#[derive(Debug)]
pub(crate) struct Shelf {
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By rising number.
    closed: Vec<Arc<Closed>>,
    current: Option<Current>,
}

/// What is known of the file that is being written.
#[derive(Debug)]
struct Current {
    number: u64,
    bytes: u64,
    span: Option<Span>,
    entries: Vec<Entry>,
}

/// A file that is not written any more.
#[derive(Debug)]
pub(crate) struct Closed {
    pub number: u64,
    pub bytes: u64,
    /// Read when it is first needed.
    index: Mutex<Option<Arc<Index>>>,
}

/// A file as a reader sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Volume {
    pub number: u64,
    /// As far as it is written.
    pub bytes: u64,
}

/// Lines that were just written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub entries: Vec<Entry>,
    pub span: Option<Span>,
}

impl Shelf {
    /// The files of a directory, all of them closed, and the number of the last one.
    pub(crate) fn open(directory: &Path) -> io::Result<Shelf> {
        let mut closed = Vec::new();
        let mut indexes = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let path = entry.path();
            let Some(number) = number_of(&path) else {
                continue;
            };
            if path.extension().is_some_and(|ending| ending != "jsonl") {
                indexes.push((number, path));
                continue;
            }
            let metadata = entry.metadata()?;
            if metadata.is_file() {
                closed.push(Arc::new(Closed {
                    number,
                    bytes: metadata.len(),
                    index: Mutex::new(None),
                }));
            }
        }
        closed.sort_by_key(|closed| closed.number);
        for (number, path) in indexes {
            let of_a_file = closed.iter().any(|closed| closed.number == number);
            if !of_a_file || path.extension().is_some_and(|ending| ending == "new") {
                remove(&path)?;
            }
        }
        Ok(Shelf {
            directory: directory.to_owned(),
            state: Mutex::new(State {
                closed,
                current: None,
            }),
        })
    }

    pub(crate) fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("journal-{number:010}.jsonl"))
    }

    fn index_path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("journal-{number:010}.index"))
    }

    /// Every file that there is, the newest first.
    pub(crate) fn volumes(&self) -> Vec<Volume> {
        let state = self.state.lock();
        let current = state.current.iter().map(|current| Volume {
            number: current.number,
            bytes: current.bytes,
        });
        let closed = state.closed.iter().rev().map(|closed| Volume {
            number: closed.number,
            bytes: closed.bytes,
        });
        current.chain(closed).collect()
    }

    pub(crate) fn closed(&self) -> Vec<Arc<Closed>> {
        self.state.lock().closed.clone()
    }

    /// Where lines with this key begin in a file, the last one first.
    pub(crate) fn offsets(&self, number: u64, key: u64) -> io::Result<Vec<u64>> {
        let closed = {
            let state = self.state.lock();
            if let Some(current) = &state.current
                && current.number == number
            {
                let matching = current.entries.iter().rev();
                let matching = matching.filter(|entry| entry.key == key);
                return Ok(matching.map(|entry| entry.offset()).collect());
            }
            state
                .closed
                .iter()
                .find(|closed| closed.number == number)
                .cloned()
        };
        match closed {
            Some(closed) => self.index(&closed)?.offsets(key),
            // Dropped meanwhile, being too old.
            None => Ok(Vec::new()),
        }
    }

    /// Where calls begin that were refused in whole or in part, rising.
    pub(crate) fn refused(&self, number: u64) -> io::Result<Vec<u64>> {
        let closed = {
            let state = self.state.lock();
            if let Some(current) = &state.current
                && current.number == number
            {
                return Ok(refused(current.entries.iter().copied()).collect());
            }
            let mut closed = state.closed.iter();
            closed.find(|closed| closed.number == number).cloned()
        };
        match closed {
            Some(closed) => self.index(&closed)?.refused(),
            None => Ok(Vec::new()),
        }
    }

    /// The times of a file's records.
    pub(crate) fn span(&self, number: u64) -> io::Result<Option<Span>> {
        let closed = {
            let state = self.state.lock();
            if let Some(current) = &state.current
                && current.number == number
            {
                return Ok(current.span);
            }
            let mut closed = state.closed.iter();
            closed.find(|closed| closed.number == number).cloned()
        };
        closed
            .map(|closed| Ok(self.index(&closed)?.span))
            .transpose()
    }

    /// The index of a closed file; made again if it is not whole.
    pub(crate) fn index(&self, closed: &Closed) -> io::Result<Arc<Index>> {
        let mut slot = closed.index.lock();
        if let Some(index) = &*slot {
            return Ok(index.clone());
        }
        let path = self.index_path(closed.number);
        let index = match Index::open(&path, closed.bytes) {
            Ok(index) => index,
            Err(_) => {
                let scanned = Scan::of(&self.path(closed.number))?;
                let span = scanned.span_or_file_time(&self.path(closed.number))?;
                Index::make(&path, closed.bytes, span, scanned.entries)
            }
        };
        let index = Arc::new(index);
        *slot = Some(index.clone());
        Ok(index)
    }

    // ----- the writer's side ---------------------------------------------------------------------

    /// Takes a closed file out, to write on in it.
    pub(crate) fn reopen(&self, number: u64, scanned: &mut Scan) {
        let mut state = self.state.lock();
        state.closed.retain(|closed| closed.number != number);
        state.current = Some(Current {
            number,
            bytes: scanned.bytes,
            span: scanned.span,
            entries: std::mem::take(&mut scanned.entries),
        });
    }

    pub(crate) fn begin(&self, number: u64) {
        self.state.lock().current = Some(Current {
            number,
            bytes: 0,
            span: None,
            entries: Vec::new(),
        });
    }

    /// Notes what was written to the current file, which is now `bytes` long.
    pub(crate) fn publish(&self, bytes: u64, written: &mut Written) {
        let mut state = self.state.lock();
        if let Some(current) = &mut state.current {
            current.bytes = bytes;
            current.entries.append(&mut written.entries);
            if let Some(span) = written.span.take() {
                let oldest = Span::with(current.span, span.oldest_ms);
                current.span = Some(Span::with(Some(oldest), span.newest_ms));
            }
        }
    }

    pub(crate) fn current_span(&self) -> Option<Span> {
        self.state.lock().current.as_ref()?.span
    }

    /// Closes the current file. Readers that want its index wait until it is there.
    pub(crate) fn close(&self, now: Timestamp) {
        // Only the writer changes the current file, so it is the same one further down.
        let Some(volume) = self.current() else {
            return;
        };
        let closed = Arc::new(Closed {
            number: volume.number,
            bytes: volume.bytes,
            index: Mutex::new(None),
        });
        let mut slot = closed.index.lock();
        let current = {
            let mut state = self.state.lock();
            if volume.bytes > 0 {
                state.closed.push(closed.clone());
            }
            state.current.take()
        };
        if let Some(current) = current.filter(|current| current.bytes > 0) {
            let span = current.span.unwrap_or(Span::at(now.as_millisecond()));
            let path = self.index_path(current.number);
            let index = Index::make(&path, current.bytes, span, current.entries);
            *slot = Some(Arc::new(index));
        }
    }

    fn current(&self) -> Option<Volume> {
        let state = self.state.lock();
        state.current.as_ref().map(|current| Volume {
            number: current.number,
            bytes: current.bytes,
        })
    }

    /// Removes a closed file and its index.
    pub(crate) fn remove(&self, number: u64) -> io::Result<()> {
        self.state
            .lock()
            .closed
            .retain(|closed| closed.number != number);
        remove(&self.path(number))?;
        remove(&self.index_path(number))
    }
}

/// What a file holds, read from its lines.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Up to the end of the last whole line.
    pub bytes: u64,
    pub span: Option<Span>,
    pub entries: Vec<Entry>,
    pub documents: HashSet<DocumentId>,
}

impl Scan {
    pub(crate) fn of(path: &Path) -> io::Result<Scan> {
        let mut reader = BufReader::with_capacity(256 * 1024, File::open(path)?);
        let mut scan = Scan::default();
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line)?;
            if line.pop() != Some(b'\n') {
                return Ok(scan);
            }
            scan.add(&line);
            scan.bytes += read as u64;
        }
    }

    fn add(&mut self, line: &[u8]) {
        let offset = self.bytes;
        if let Some(rest) = line.strip_prefix(LINE_START) {
            let hex = rest.get(..64).unwrap_or_default();
            if let (Some(id), Ok(text)) = (DocumentId::parse(hex), std::str::from_utf8(hex)) {
                let key = key(text);
                self.entries.push(Entry::new(key, offset, false));
                self.documents.insert(id);
            }
            return;
        }
        // What is no record has no entry, and stays where it is.
        if let Ok(glance) = serde_json::from_slice::<Glance<'_>>(line) {
            let key = key(&glance.request_id);
            let entry = Entry::new(key, offset, glance.is_refused());
            self.entries.push(entry);
            if let Ok(time) = glance.time.parse::<Timestamp>() {
                self.span = Some(Span::with(self.span, time.as_millisecond()));
            }
        }
    }

    /// The times of the records; of the file, if none of them has one.
    fn span_or_file_time(&self, path: &Path) -> io::Result<Span> {
        if let Some(span) = self.span {
            return Ok(span);
        }
        let seconds = fs::metadata(path)?.mtime();
        Ok(Span::at(seconds.saturating_mul(1000)))
    }
}

fn number_of(path: &Path) -> Option<u64> {
    let (name, ending) = path.file_name()?.to_str()?.split_once('.')?;
    let ours = matches!(ending, "jsonl" | "index" | "index.new");
    let digits = name.strip_prefix("journal-").filter(|_| ours)?;
    digits.parse().ok()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
