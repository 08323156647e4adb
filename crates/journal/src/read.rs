//! The readers' side of the files: one record by its place, or many from the end backwards.
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::Record;
use crate::document::{DocumentLine, LINE_START, put_back};
use crate::filter::{Filter, Glance, Sieve};
use crate::index::key;
use crate::shelf::{Shelf, Volume};

/// What is read at once, in bytes.
const BLOCK_BYTES: usize = 64 * 1024;
/// What is read at once of a line whose length is not known.
const LINE_BLOCK_BYTES: usize = 4 * 1024;

/// The record of a request; the newest one, if there are more.
pub(crate) fn find(shelf: &Shelf, request_id: &str) -> io::Result<Option<Record>> {
    let key = key(request_id);
    for volume in shelf.volumes() {
        let offsets = shelf.offsets(volume.number, key)?;
        if offsets.is_empty() {
            continue;
        }
        let Some(book) = Book::open(shelf, volume)? else {
            continue;
        };
        for offset in offsets {
            let line = book.line(offset)?;
            let asked_for = serde_json::from_slice::<Glance<'_>>(&line)
                .is_ok_and(|glance| glance.request_id == request_id);
            if asked_for && let Some(record) = book.record(&line)? {
                return Ok(Some(record));
            }
        }
    }
    Ok(None)
}

/// The last records that a filter wants, the newest first.
pub(crate) fn recent(shelf: &Shelf, filter: &Filter, limit: usize) -> io::Result<Vec<Record>> {
    let sieve = Sieve::new(filter);
    let mut records = Vec::new();
    for volume in shelf.volumes() {
        if records.len() >= limit {
            break;
        }
        if let Some(since) = filter.since {
            let span = shelf.span(volume.number)?;
            if span.is_none_or(|span| span.newest_ms < since.as_millisecond()) {
                continue;
            }
        }
        let Some(book) = Book::open(shelf, volume)? else {
            continue;
        };
        if filter.refused_only {
            // Refusals are few among many calls, and the index knows them.
            for offset in shelf.refused(volume.number)?.into_iter().rev() {
                if records.len() >= limit {
                    break;
                }
                let line = book.line(offset)?;
                if sieve.wants(&line) {
                    records.extend(book.record(&line)?);
                }
            }
            continue;
        }
        let bytes = book.file.metadata()?.len().min(volume.bytes);
        let mut lines = Backwards::new(&book.file, bytes);
        while records.len() < limit
            && let Some(line) = lines.next()?
        {
            if !line.starts_with(LINE_START) && sieve.wants(line) {
                records.extend(book.record(line)?);
            }
        }
    }
    Ok(records)
}

/// A file of the journal, open for reading.
struct Book<'s> {
    shelf: &'s Shelf,
    number: u64,
    file: File,
}

impl Book<'_> {
    /// `None` if it was dropped meanwhile, being too old.
    fn open(shelf: &Shelf, volume: Volume) -> io::Result<Option<Book<'_>>> {
        match File::open(shelf.path(volume.number)) {
            Ok(file) => Ok(Some(Book {
                shelf,
                number: volume.number,
                file,
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The line that begins here, without its end.
    fn line(&self, offset: u64) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let mut block = vec![0; LINE_BLOCK_BYTES];
        loop {
            let read = self.file.read_at(&mut block, offset + line.len() as u64)?;
            let read = block.get(..read).unwrap_or_default();
            if let Some(end) = read.iter().position(|byte| *byte == b'\n') {
                line.extend_from_slice(read.get(..end).unwrap_or_default());
                return Ok(line);
            }
            if read.is_empty() {
                // Not a whole line: nothing that would be understood.
                return Ok(Vec::new());
            }
            line.extend_from_slice(read);
        }
    }

    /// The record of a line, with its documents. A case without one of its documents is left out:
    /// the rest of the record is true without it.
    fn record(&self, line: &[u8]) -> io::Result<Option<Record>> {
        let Ok(mut value) = serde_json::from_slice::<Value>(line) else {
            return Ok(None);
        };
        let complete = put_back(&mut value, &mut |id| self.document(id))?;
        if complete && let Ok(record) = Record::deserialize(&value) {
            return Ok(Some(record));
        }
        let asked = value.get_mut("asked").and_then(Value::as_array_mut);
        for asked in asked.into_iter().flatten().filter_map(Value::as_object_mut) {
            asked.remove("case");
        }
        let record = Record::deserialize(&value).ok();
        if let Some(record) = &record {
            let request_id = &record.request_id;
            tracing::warn!(%request_id, "the journal cannot restore the policies of a refusal");
        }
        Ok(record)
    }

    fn document(&self, id: &str) -> io::Result<Option<Value>> {
        for offset in self.shelf.offsets(self.number, key(id))? {
            let line = self.line(offset)?;
            match serde_json::from_slice::<DocumentLine<'_>>(&line) {
                Ok(found) if found.document == id => {
                    return Ok(Some(json!({"kind": found.kind, "text": found.text})));
                }
                Ok(_) | Err(_) => {}
            }
        }
        Ok(None)
    }
}

/// The whole lines of a file, from the last one to the first.
struct Backwards<'f> {
    file: &'f File,
    /// Where the buffer begins in the file.
    start: u64,
    buffer: Vec<u8>,
    /// What is left of the buffer.
    end: usize,
}

impl<'f> Backwards<'f> {
    fn new(file: &'f File, bytes: u64) -> Backwards<'f> {
        Backwards {
            file,
            start: bytes,
            buffer: Vec::new(),
            end: 0,
        }
    }

    /// The line before, without its end.
    fn next(&mut self) -> io::Result<Option<&[u8]>> {
        // What stands after the last line's end is torn, and no line.
        let Some(end) = self.line_end(self.end)? else {
            return Ok(None);
        };
        let (start, end) = self.line_before(end)?;
        self.end = start;
        Ok(self.buffer.get(start..end))
    }

    /// Where the last line end at or before `upto` stands, reading as much as that takes.
    fn line_end(&mut self, upto: usize) -> io::Result<Option<usize>> {
        let mut upto = upto;
        let mut searched = 0;
        loop {
            let text = self.buffer.get(..upto).unwrap_or_default();
            let fresh = text.get(..text.len() - searched).unwrap_or_default();
            if let Some(at) = fresh.iter().rposition(|byte| *byte == b'\n') {
                return Ok(Some(at));
            }
            searched = text.len();
            let more = self.read_more(upto)?;
            if more == 0 {
                return Ok(None);
            }
            upto += more;
        }
    }

    /// Begin and end of the line whose end is at `end`.
    fn line_before(&mut self, end: usize) -> io::Result<(usize, usize)> {
        let before = self.start + end as u64;
        let found = self.line_end(end)?;
        // What was read meanwhile lies before, so the same place has another number now.
        let end = usize::try_from(before - self.start).unwrap_or(usize::MAX);
        Ok((found.map_or(0, |at| at + 1), end))
    }

    /// Reads the block before the buffer, of which `used` bytes are still needed.
    fn read_more(&mut self, used: usize) -> io::Result<usize> {
        let bytes = usize::try_from(self.start)
            .unwrap_or(usize::MAX)
            .min(BLOCK_BYTES);
        if bytes == 0 {
            return Ok(0);
        }
        let mut buffer = vec![0; bytes];
        let start = self.start - bytes as u64;
        self.file.read_exact_at(&mut buffer, start)?;
        buffer.extend_from_slice(self.buffer.get(..used).unwrap_or_default());
        self.buffer = buffer;
        self.start = start;
        Ok(bytes)
    }
}
