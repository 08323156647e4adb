//! The files of the log, and how they are read.
//!
//! DESIGN.md describes every byte; change it with this file.

use crate::blocks::{self, BlockRead};
use crate::disk::{Disk, DiskFile};
use crate::record::{self, Change, HEADER_BYTES, Header, Position};
use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use engine::EngineError;
use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MAGIC: [u8; 8] = *b"SRMLOG02";
/// Where the first record begins: one page, so that the header is never rewritten with records.
pub(crate) const FIRST_RECORD: u32 = 4096;
/// What one read of a scan takes.
const SCAN_BYTES: usize = 1 << 20;

/// One file of the log.
pub(crate) struct SegmentFile {
    pub(crate) number: u32,
    pub(crate) file: Arc<dyn DiskFile>,
}

/// All files of the log.
pub(crate) struct Segments {
    directory: PathBuf,
    disk: Arc<dyn Disk>,
    files: ArcSwap<BTreeMap<u32, Arc<SegmentFile>>>,
}

impl Segments {
    /// Opens the directory, which is made if need be, and all files in it.
    pub(crate) fn open(directory: PathBuf, disk: Arc<dyn Disk>) -> io::Result<Segments> {
        disk.make_directory(&directory)?;
        let mut files = BTreeMap::new();
        for name in disk.list(&directory)? {
            let number = name.to_str().filter(|name| name.len() == 8);
            let number = number.and_then(|name| u32::from_str_radix(name, 16).ok());
            let Some(number) = number else { continue };
            let file = disk.open(&path_of(&directory, number))?;
            files.insert(number, Arc::new(SegmentFile { number, file }));
        }
        Ok(Segments {
            directory,
            disk,
            files: ArcSwap::from_pointee(files),
        })
    }

    pub(crate) fn get(&self, number: u32) -> Option<Arc<SegmentFile>> {
        self.files.load().get(&number).cloned()
    }

    pub(crate) fn numbers(&self) -> Vec<u32> {
        self.files.load().keys().copied().collect()
    }

    /// All files in order. As long as one is held it is not written over; its name may go.
    pub(crate) fn all(&self) -> Vec<Arc<SegmentFile>> {
        self.files.load().values().cloned().collect()
    }

    /// Makes the file of a new segment, of a spare one if there is one. Its name is durable.
    pub(crate) fn create(
        &self,
        number: u32,
        spare: Option<Arc<SegmentFile>>,
    ) -> io::Result<Arc<SegmentFile>> {
        let path = path_of(&self.directory, number);
        let file = match spare {
            Some(spare) => {
                // The header first: under its new name it must never say the old number.
                write_header(spare.file.as_ref(), number)?;
                spare.file.sync_data()?;
                self.disk
                    .rename(&path_of(&self.directory, spare.number), &path)?;
                Arc::clone(&spare.file)
            }
            None => {
                let file = self.disk.create(&path)?;
                let begun = write_header(file.as_ref(), number).and_then(|()| file.sync_data());
                if let Err(error) = begun {
                    let _ = self.disk.remove(&path);
                    return Err(error);
                }
                file
            }
        };
        self.disk.sync_directory(&self.directory)?;
        let segment = Arc::new(SegmentFile { number, file });
        self.change(|files| {
            files.insert(number, Arc::clone(&segment));
        });
        Ok(segment)
    }

    /// Takes a segment out of the log. Who reads it reads on.
    pub(crate) fn retire(&self, number: u32) -> Option<Arc<SegmentFile>> {
        let segment = self.get(number)?;
        self.change(|files| {
            files.remove(&number);
        });
        Some(segment)
    }

    /// Makes a retired segment unreadable, so that its rows never come back.
    pub(crate) fn invalidate(&self, segment: &SegmentFile) -> io::Result<()> {
        let zeros = [0; FIRST_RECORD as usize];
        segment.file.write_at(&[IoSlice::new(&zeros)], 0)?;
        segment.file.sync_data()
    }

    /// Removes the file of a retired segment.
    pub(crate) fn remove(&self, segment: &SegmentFile) -> io::Result<()> {
        self.disk.remove(&path_of(&self.directory, segment.number))
    }

    /// Only one thread at a time changes the files: the preparer, or the keeper while the preparer
    /// makes none. `rcu` repeats the change if both do.
    fn change(&self, change: impl Fn(&mut BTreeMap<u32, Arc<SegmentFile>>)) {
        self.files.rcu(|files| {
            let mut files = BTreeMap::clone(files);
            change(&mut files);
            files
        });
    }
}

fn path_of(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("{number:08x}"))
}

fn header_of(number: u32) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&number.to_le_bytes());
    header.extend_from_slice(&FIRST_RECORD.to_le_bytes());
    let checksum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &header);
    header.extend_from_slice(&checksum.to_le_bytes());
    header
}

fn write_header(file: &dyn DiskFile, number: u32) -> io::Result<()> {
    let mut header = header_of(number);
    header.resize(FIRST_RECORD as usize, 0);
    file.write_at(&[IoSlice::new(&header)], 0)
}

impl SegmentFile {
    /// Whether its header is the one written.
    pub(crate) fn has_header(&self) -> io::Result<bool> {
        let wanted = header_of(self.number);
        let mut found = vec![0; wanted.len()];
        match self.file.read_at(&mut found, 0) {
            Ok(()) => Ok(found == wanted),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads the first bytes of a range of an inline body that begins at `offset`; answers `None`
    /// when that would have to wait for the disk and `may_wait` is not set.
    pub(crate) fn read_body(
        &self,
        offset: u64,
        id: u64,
        stored_bytes: u64,
        range: &Range<u64>,
        may_wait: bool,
    ) -> Result<Option<Bytes>, EngineError> {
        let damaged = || {
            EngineError::corrupt(format!(
                "segment {:08x} of the log: the body at {offset} is not what was written",
                self.number
            ))
        };
        let read = BlockRead::plan(id, stored_bytes, range).ok_or_else(damaged)?;
        let mut on_disk = BytesMut::zeroed(read.on_disk_bytes);
        let at = offset + read.offset;
        if may_wait {
            self.file
                .read_at(&mut on_disk, at)
                .map_err(|error| match error.kind() {
                    io::ErrorKind::UnexpectedEof => damaged(),
                    _ => EngineError::io("reading the log", error),
                })?;
        } else {
            let read = self.file.read_cached_at(&mut on_disk, at);
            if !read.map_err(|error| EngineError::io("reading the log", error))? {
                return Ok(None);
            }
        }
        read.finish(on_disk).ok_or_else(damaged).map(Some)
    }
}

/// A record as it was found.
pub(crate) struct Scanned {
    pub(crate) header: Header,
    pub(crate) changes: Vec<Change>,
}

impl Scanned {
    pub(crate) fn position(&self) -> Position {
        self.header.position
    }

    /// Where the body begins in the segment.
    pub(crate) fn body_offset(&self) -> u64 {
        u64::from(self.header.position.offset())
            + record::body_offset(self.header.rows_bytes as usize) as u64
    }

    /// What the record takes up.
    pub(crate) fn end(&self) -> u32 {
        self.header
            .position
            .offset()
            .saturating_add(self.header.record_bytes)
    }
}

/// Reads the records of one segment in order.
pub(crate) struct Scan {
    segment: Arc<SegmentFile>,
    file_bytes: u64,
    /// What was read ahead, and from where.
    buffer: Bytes,
    buffer_at: u64,
    at: u32,
}

impl Scan {
    pub(crate) fn new(segment: Arc<SegmentFile>, from: u32) -> io::Result<Scan> {
        let file_bytes = segment.file.bytes()?;
        Ok(Scan {
            segment,
            file_bytes,
            buffer: Bytes::new(),
            buffer_at: 0,
            at: from,
        })
    }

    /// Looks at no record that does not end here or before.
    pub(crate) fn up_to(mut self, end: u64) -> Scan {
        self.file_bytes = self.file_bytes.min(end);
        self
    }

    /// Where the next record is, or would be.
    pub(crate) fn at(&self) -> u32 {
        self.at
    }

    /// Some bytes at a place; fewer at the end of the file.
    fn bytes_at(&mut self, at: u64, wanted: usize) -> io::Result<Bytes> {
        let wanted = usize::try_from(self.file_bytes.saturating_sub(at))
            .unwrap_or(usize::MAX)
            .min(wanted);
        if wanted == 0 {
            return Ok(Bytes::new());
        }
        let ahead = at
            .checked_sub(self.buffer_at)
            .and_then(|skip| usize::try_from(skip).ok())
            .filter(|skip| skip + wanted <= self.buffer.len());
        if let Some(skip) = ahead {
            return Ok(self.buffer.slice(skip..skip + wanted));
        }
        let left = usize::try_from(self.file_bytes.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut buffer = BytesMut::zeroed(wanted.max(SCAN_BYTES.min(left)));
        self.segment.file.read_at(&mut buffer, at)?;
        self.buffer = buffer.freeze();
        self.buffer_at = at;
        Ok(self.buffer.slice(..wanted))
    }

    /// The record at a place, if there is a whole one (its body aside) that was written there.
    fn record_at(&mut self, at: u32) -> io::Result<Option<Scanned>> {
        let head = self.bytes_at(u64::from(at), HEADER_BYTES)?;
        let Some(header) = record::header_of(&head) else {
            return Ok(None);
        };
        let end = u64::from(at) + u64::from(header.record_bytes);
        if header.position != Position::new(self.segment.number, at) || end > self.file_bytes {
            return Ok(None);
        }
        let head_bytes = record::body_offset(header.rows_bytes as usize);
        let head = self.bytes_at(u64::from(at), head_bytes)?;
        Ok(record::rows_of(&header, &head).map(|changes| Scanned { header, changes }))
    }

    /// The next record. `None` where there is none, or a damaged one.
    pub(crate) fn next(&mut self) -> io::Result<Option<Scanned>> {
        let found = self.record_at(self.at)?;
        if let Some(found) = &found {
            self.at = found.end();
        }
        Ok(found)
    }

    /// Looks for records behind a place where there is none, at every place where one could begin.
    pub(crate) fn search(&mut self) -> io::Result<Option<Scanned>> {
        let mut at = self.at;
        while u64::from(at) + HEADER_BYTES as u64 <= self.file_bytes {
            let ahead = self.bytes_at(u64::from(at), SCAN_BYTES)?;
            let candidates = ahead.chunks_exact(8).position(record::may_begin);
            let Some(skip) = candidates else {
                at = at.saturating_add((ahead.len() / 8 * 8).max(8) as u32);
                continue;
            };
            at += (skip * 8) as u32;
            if let Some(found) = self.record_at(at)? {
                self.at = found.end();
                return Ok(Some(found));
            }
            at = at.saturating_add(8);
        }
        Ok(None)
    }

    /// The bytes of a record's body, with their checksums.
    pub(crate) fn body_on_disk(&mut self, record: &Scanned) -> io::Result<Bytes> {
        let bytes = blocks::on_disk_bytes(u64::from(record.header.body_bytes));
        self.bytes_at(record.body_offset(), bytes as usize)
    }
}
