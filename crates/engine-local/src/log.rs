//! The end of the log, where records are appended: by one thread, in groups, one sync for each.
//!
//! A second thread writes zeros ahead of the end and syncs them, so that a group's sync changes no
//! metadata of the file, and a full disk shows there, before anything is written.

use crate::blocks::{BLOCK_BYTES, checksum};
use crate::record::{self, Change, InlineBody, Place, Position};
use crate::segment::{FIRST_RECORD, SegmentFile, Segments};
use bytes::{Bytes, BytesMut};
use engine::EngineError;
use parking_lot::{Condvar, Mutex};
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// What is zeroed and synced at once: a group's sync may have to wait for it.
const ZERO_BYTES: usize = 1 << 20;
/// What is kept zeroed ahead of the end: at least, and at most.
const AHEAD_BYTES_MIN: u64 = 2 << 20;
const AHEAD_BYTES_MAX: u64 = 64 << 20;
/// How soon the preparer tries again after the disk was full.
const RETRY: Duration = Duration::from_millis(500);
/// Bodies up to this length are copied beside their record, longer ones are written from where
/// they are: a copy costs less than two more parts of a write.
const COPIED_BYTES_MAX: usize = 16 << 10;

/// What appender and preparer share.
struct Room {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    current: Arc<SegmentFile>,
    /// Zeroed up to here.
    prepared: u64,
    /// Where the log ends.
    tail: u64,
    /// What the appender waits for.
    wanted: u64,
    /// Comes after the current segment, with what of it is zeroed.
    next: Option<(Arc<SegmentFile>, u64)>,
    wants_next: bool,
    /// Files that may be used again.
    spare: Vec<Arc<SegmentFile>>,
    /// Why nothing could be prepared; told to the appender once.
    error: Option<EngineError>,
    stop: bool,
}

/// Where the log ends when it is opened.
pub(crate) struct End {
    pub(crate) segment: Arc<SegmentFile>,
    pub(crate) offset: u32,
    pub(crate) previous: u64,
}

/// The end of the log.
pub(crate) struct Log {
    room: Arc<Room>,
    preparer: Option<JoinHandle<()>>,
    segment_bytes: u64,
    epoch: u64,
    segment: Arc<SegmentFile>,
    tail: u32,
    previous: u64,
    durable: Position,
}

/// Records that are to become durable together.
pub(crate) struct Group {
    chunks: Vec<Chunk>,
    previous: u64,
}

impl Group {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum()
    }
}

/// What goes to one place of one segment.
struct Chunk {
    segment: Arc<SegmentFile>,
    offset: u32,
    parts: Vec<Bytes>,
    last: BytesMut,
    bytes: u32,
}

impl Chunk {
    fn push(&mut self, bytes: &[u8]) {
        self.last.extend_from_slice(bytes);
        self.bytes += bytes.len() as u32;
    }

    fn push_shared(&mut self, bytes: Bytes) {
        if !self.last.is_empty() {
            self.parts.push(self.last.split().freeze());
        }
        self.bytes += bytes.len() as u32;
        self.parts.push(bytes);
    }

    fn end(&self) -> u32 {
        self.offset + self.bytes
    }
}

impl Log {
    /// Goes on at `end`, or begins with a first segment.
    pub(crate) fn open(
        segments: Arc<Segments>,
        segment_bytes: u64,
        end: Option<End>,
    ) -> Result<Log, EngineError> {
        let failed = |error| EngineError::io("preparing the log", error);
        let End {
            segment,
            offset,
            previous,
        } = match end {
            Some(end) => end,
            None => End {
                segment: segments.create(1, None).map_err(failed)?,
                offset: FIRST_RECORD,
                previous: 0,
            },
        };
        let prepared = segment.file.bytes().map_err(failed)?;
        let mut next = None;
        for number in segments.numbers() {
            if number <= segment.number {
                continue;
            }
            // Made ahead and never reached. What is in it chains to nothing.
            if let Some(unused) = segments.get(number) {
                let bytes = unused.file.bytes().map_err(failed)?;
                if number == segment.number + 1 && unused.has_header().map_err(failed)? {
                    next = Some((unused, bytes));
                } else {
                    segments.retire(number);
                    segments.remove(&unused).map_err(failed)?;
                }
            }
        }
        let room = Arc::new(Room {
            state: Mutex::new(State {
                current: Arc::clone(&segment),
                prepared,
                tail: u64::from(offset),
                wanted: 0,
                next,
                wants_next: false,
                spare: Vec::new(),
                error: None,
                stop: false,
            }),
            changed: Condvar::new(),
        });
        let preparer = {
            let room = Arc::clone(&room);
            std::thread::Builder::new()
                .name("log-preparer".to_owned())
                .spawn(move || room.prepare(&segments, segment_bytes))
                .map_err(|error| EngineError::io("starting the preparer of the log", error))?
        };
        let durable = Position::new(segment.number, offset);
        Ok(Log {
            room,
            preparer: Some(preparer),
            segment_bytes,
            epoch: fastrand::u64(..),
            segment,
            tail: offset,
            previous,
            durable,
        })
    }

    /// Where the next record goes, and the checksum that it will name.
    pub(crate) fn end(&self) -> (Position, u64) {
        (Position::new(self.segment.number, self.tail), self.previous)
    }

    /// Up to where all records are durable.
    pub(crate) fn durable(&self) -> Position {
        self.durable
    }

    pub(crate) fn group(&self) -> Group {
        Group {
            chunks: vec![self.chunk()],
            previous: self.previous,
        }
    }

    fn chunk(&self) -> Chunk {
        Chunk {
            segment: Arc::clone(&self.segment),
            offset: self.tail,
            parts: Vec::new(),
            last: BytesMut::new(),
            bytes: 0,
        }
    }

    /// Adds a record to a group; answers its place. A refusal leaves the group as it was.
    pub(crate) fn add(
        &mut self,
        group: &mut Group,
        changes: &[Change],
        body: Option<&InlineBody>,
        sequence: u64,
    ) -> Result<Position, EngineError> {
        let body_bytes = body.map_or(0, |body| body.bytes.len());
        let rows_bytes = record::rows_bytes(changes);
        let record_bytes = record::record_bytes(rows_bytes, body_bytes) as u64;
        if record_bytes > u64::from(u32::MAX / 2) {
            return Err(EngineError::Invalid {
                what: "a write is too large for one record",
            });
        }
        let end = group
            .chunks
            .last()
            .map_or(u64::from(self.tail), |chunk| u64::from(chunk.end()));
        let is_first = end == u64::from(FIRST_RECORD);
        if end + record_bytes > self.segment_bytes && !is_first {
            self.segment = self.room.roll()?;
            self.tail = FIRST_RECORD;
            group.chunks.push(self.chunk());
            self.room.reserve(u64::from(FIRST_RECORD) + record_bytes)?;
        } else {
            self.room.reserve(end + record_bytes)?;
        }
        let Some(chunk) = group.chunks.last_mut() else {
            return Err(EngineError::corrupt("a group has no place"));
        };
        let position = Position::new(chunk.segment.number, chunk.end());
        let place = Place {
            position,
            epoch: self.epoch,
            previous: group.previous,
            durable: self.durable,
        };
        let encoded = record::encode(changes, body_bytes, sequence, place);
        group.previous = encoded.checksum;
        chunk.push(&encoded.head);
        if let Some(InlineBody { id, bytes }) = body {
            for (block, start) in (0..bytes.len()).step_by(BLOCK_BYTES).enumerate() {
                let data = bytes.slice(start..bytes.len().min(start + BLOCK_BYTES));
                let checksum = checksum(*id, block as u64, &data);
                if data.len() <= COPIED_BYTES_MAX {
                    chunk.push(&data);
                } else {
                    chunk.push_shared(data);
                }
                chunk.push(&checksum);
            }
        }
        let written = chunk.end() - position.offset();
        let fill = (record_bytes as usize).saturating_sub(written as usize);
        chunk.push([0u8; 8].get(..fill).unwrap_or_default());
        Ok(position)
    }

    /// Makes a group durable.
    ///
    /// # Errors
    /// Afterwards nobody knows what of the group the disk holds, and the log cannot go on: what
    /// was left of it could be read as if it had been acknowledged, or cut off what comes after.
    pub(crate) fn write(&mut self, group: Group) -> Result<(), EngineError> {
        let mut tail = self.tail;
        for mut chunk in group.chunks {
            if !chunk.last.is_empty() {
                chunk.parts.push(chunk.last.split().freeze());
            }
            // Also of a chunk without records: its segment is the one that the log goes on in.
            tail = chunk.end();
            if chunk.parts.is_empty() {
                continue;
            }
            let parts: Vec<IoSlice<'_>> =
                chunk.parts.iter().map(|part| IoSlice::new(part)).collect();
            let file = chunk.segment.file.as_ref();
            file.write_at(&parts, u64::from(chunk.offset))
                .map_err(|error| unknown("appending to the log", error))?;
            file.sync_data()
                .map_err(|error| unknown("syncing the log", error))?;
        }
        self.tail = tail;
        self.previous = group.previous;
        self.durable = Position::new(self.segment.number, self.tail);
        self.room.appended(u64::from(self.tail));
        Ok(())
    }

    /// For files of retired segments.
    pub(crate) fn recycler(&self) -> Recycler {
        Recycler {
            room: Arc::clone(&self.room),
        }
    }
}

/// Gives files of retired segments back to the log.
pub(crate) struct Recycler {
    room: Arc<Room>,
}

impl Recycler {
    /// Takes a retired segment that nobody reads; answers `false` if its file should be removed.
    pub(crate) fn offer(&self, segment: &Arc<SegmentFile>) -> bool {
        let mut state = self.room.state.lock();
        let wanted = state.spare.is_empty() && !state.stop;
        if wanted {
            state.spare.push(Arc::clone(segment));
        }
        wanted
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.room.state.lock().stop = true;
        self.room.changed.notify_all();
        if let Some(preparer) = self.preparer.take() {
            // It panics only for a bug, which was reported where it happened.
            let _ = preparer.join();
        }
    }
}

/// What the preparer does next.
enum Work {
    Zero(Arc<SegmentFile>, u64),
    Create(u32, Option<Arc<SegmentFile>>),
}

impl Room {
    /// Waits until the current segment is zeroed up to `end`.
    fn reserve(&self, end: u64) -> Result<(), EngineError> {
        let mut state = self.state.lock();
        if state.prepared >= end {
            return Ok(());
        }
        state.wanted = end;
        state.error = None;
        self.changed.notify_all();
        while state.prepared < end {
            if let Some(error) = state.error.take() {
                state.wanted = 0;
                return Err(error);
            }
            if state.stop {
                return Err(stopped());
            }
            self.changed.wait(&mut state);
        }
        state.wanted = 0;
        Ok(())
    }

    /// Waits for the next segment and goes over to it.
    fn roll(&self) -> Result<Arc<SegmentFile>, EngineError> {
        let mut state = self.state.lock();
        state.wants_next = true;
        state.error = None;
        self.changed.notify_all();
        loop {
            if let Some((next, prepared)) = state.next.take() {
                state.current = Arc::clone(&next);
                state.prepared = prepared;
                state.tail = u64::from(FIRST_RECORD);
                state.wants_next = false;
                self.changed.notify_all();
                return Ok(next);
            }
            if let Some(error) = state.error.take() {
                state.wants_next = false;
                return Err(error);
            }
            if state.stop {
                return Err(stopped());
            }
            self.changed.wait(&mut state);
        }
    }

    fn appended(&self, tail: u64) {
        let mut state = self.state.lock();
        state.tail = tail;
        if state.prepared < tail + AHEAD_BYTES_MIN {
            self.changed.notify_all();
        }
    }

    /// Works until the log is closed.
    fn prepare(&self, segments: &Segments, segment_bytes: u64) {
        let zeros = vec![0u8; ZERO_BYTES];
        loop {
            let work = {
                let mut state = self.state.lock();
                loop {
                    if state.stop {
                        return;
                    }
                    if let Some(work) = state.work(segment_bytes) {
                        break work;
                    }
                    self.changed.wait(&mut state);
                }
            };
            let done = match &work {
                Work::Zero(segment, from) => zero(segment, *from, segment_bytes, &zeros),
                Work::Create(number, spare) => segments
                    .create(*number, spare.clone())
                    .and_then(|segment| Ok((segment.file.bytes()?, segment)))
                    .map(|(bytes, segment)| {
                        self.state.lock().next = Some((segment, bytes));
                        0
                    }),
            };
            let mut state = self.state.lock();
            match (done, work) {
                (Ok(to), Work::Zero(segment, _)) if segment.number == state.current.number => {
                    state.prepared = state.prepared.max(to);
                }
                (Ok(to), Work::Zero(segment, _)) => {
                    if let Some((next, prepared)) = &mut state.next
                        && next.number == segment.number
                    {
                        *prepared = to;
                    }
                }
                (Ok(_), Work::Create(..)) => {}
                (Err(error), _) => {
                    state.error = Some(EngineError::io("preparing the log", error));
                    self.changed.notify_all();
                    // Who waits is answered at once; nobody else needs it soon.
                    self.changed.wait_for(&mut state, RETRY);
                }
            }
            self.changed.notify_all();
        }
    }
}

impl State {
    fn work(&mut self, segment_bytes: u64) -> Option<Work> {
        let ahead = self.prepared.clamp(AHEAD_BYTES_MIN, AHEAD_BYTES_MAX);
        let target = (self.tail + ahead / 2).min(segment_bytes).max(self.wanted);
        if self.prepared < target {
            return Some(Work::Zero(Arc::clone(&self.current), self.prepared));
        }
        let soon = self.wants_next || self.tail > segment_bytes / 2;
        match &self.next {
            None if soon => {
                let spare = self.spare.pop();
                Some(Work::Create(self.current.number + 1, spare))
            }
            Some((next, prepared)) if *prepared < AHEAD_BYTES_MIN.min(segment_bytes) => {
                Some(Work::Zero(Arc::clone(next), *prepared))
            }
            Some(_) | None => None,
        }
    }
}

/// Zeros one step of a segment; answers up to where.
fn zero(segment: &SegmentFile, from: u64, segment_bytes: u64, zeros: &[u8]) -> io::Result<u64> {
    // Past the end of a segment only a record that is larger than a segment gets.
    let wanted = match segment_bytes.saturating_sub(from) {
        0 => zeros.len() as u64,
        left => left.min(zeros.len() as u64),
    };
    let zeros = zeros.get(..wanted as usize).unwrap_or(zeros);
    segment.file.write_at(&[IoSlice::new(zeros)], from)?;
    segment.file.sync_data()?;
    Ok(from + zeros.len() as u64)
}

/// Never [`EngineError::NoSpace`]: who is told that may rely on nothing having happened.
fn unknown(doing: &'static str, error: io::Error) -> EngineError {
    EngineError::Io {
        doing,
        source: Arc::new(error),
    }
}

fn stopped() -> EngineError {
    EngineError::ReadOnly {
        cause: "the log is closed".to_owned(),
    }
}
