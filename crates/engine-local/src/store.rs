//! The opened data directory, which reads and the committer share.

use crate::apply::Garbage;
use crate::codec::{InlineAt, Table};
use crate::disk::Disk;
use crate::extent::{ExtentReader, Extents, OpenExtentError, directory_in};
use crate::health::Health;
use crate::index::{Index, Walk};
use crate::keeper::{APPLIED_ROW, Applied, live_of};
use crate::log::Log;
use crate::orphans;
use crate::pace::Pace;
use crate::pieces::{Address, ExtentId, Piece};
use crate::pins::{Pin, Pins};
use crate::record::Position;
use crate::replay::replay;
use crate::reserve::Reserve;
use crate::rows::{Current, Reads, View};
use crate::segment::{SegmentFile, Segments};
use crate::stage::{SharedBody, StagedBody, joined};
use crate::{OpenError, Options};
use bytes::Bytes;
use engine::{BodyRef, ByteStream, EngineError, Head, ObjectName, Sequence, Staged, Which};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::ops::{Bound, Range};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The file that says what the directory is. Its second line changes with every change of format
/// that an older server would misread. Nothing is taken for a data directory without it.
pub const FORMAT_FILE: &str = "FORMAT";
const FORMAT_NEW_FILE: &str = "FORMAT.new";
const FORMAT: &str = "strongroom engine-local\nversion 2\n";
const LOCK_FILE: &str = "lock";
pub(crate) const INDEX_DIRECTORY: &str = "index";
pub(crate) const LOG_DIRECTORY: &str = "log";

pub(crate) struct Store {
    pub(crate) index: Index,
    pub(crate) segments: Arc<Segments>,
    pub(crate) current: Current,
    pub(crate) extents: Arc<Extents>,
    pub(crate) pins: Arc<Pins>,
    pub(crate) health: Arc<Health>,
    index_is_full: AtomicBool,
    merges_on_close: bool,
    /// Held as long as the index is mapped. INVARIANT: declared after `index`, so that it is
    /// released after the map is gone.
    _lock: File,
}

/// What the threads of the engine go on from.
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) log: Log,
    pub(crate) last: Sequence,
    pub(crate) garbage: VecDeque<Garbage>,
    pub(crate) reserve: Reserve,
    pub(crate) live: BTreeMap<u32, u64>,
    pub(crate) applied: Applied,
    /// New files of bodies have ids from here on.
    pub(crate) first_extent: ExtentId,
}

impl Store {
    pub(crate) fn open(
        directory: &Path,
        options: &Options,
        disk: Arc<dyn Disk>,
    ) -> Result<Opened, OpenError> {
        let made = !directory.exists();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(io_error("making the data directory"))?;
        if made
            && let Some(parent) = directory
                .canonicalize()
                .ok()
                .as_deref()
                .and_then(Path::parent)
        {
            disk.sync_directory(parent)
                .map_err(io_error("syncing the parent directory"))?;
        }
        // Before anything is made in a directory that may be someone else's.
        check_format(directory)?;
        let lock = take_lock(directory)?;
        write_format(directory)?;
        let index_directory = directory.join(INDEX_DIRECTORY);
        make_private(&index_directory).map_err(io_error("making the index directory"))?;
        let index = Index::open(&index_directory, options.map_bytes, options.memtable_bytes)?;
        check_walks(&index)?;
        let health = Arc::new(Health::default());
        let extents = Extents::open(
            directory_in(directory),
            Arc::clone(&disk),
            Arc::clone(&health),
        )
        .map_err(io_error("opening the directory of extents"))?;
        let segments = Segments::open(directory.join(LOG_DIRECTORY), Arc::clone(&disk))
            .map_err(io_error("opening the directory of the log"))?;
        let segments = Arc::new(segments);
        for made_in in [&index_directory, directory] {
            sync_directory(made_in).map_err(io_error("syncing the data directory"))?;
        }
        let (applied, live) = {
            let nothing = Current::new(Arc::default(), 0);
            let view = nothing.view(&index)?;
            let applied = match view.get(Table::System, APPLIED_ROW)? {
                Some(payload) => Some(Applied::decode(&payload)?),
                None => None,
            };
            (applied, live_of(&view)?)
        };
        remove_retired(&segments, applied, &live)?;
        let replayed = replay(&segments, applied)?;
        let last = Sequence(replayed.sequence);
        let log = Log::open(Arc::clone(&segments), options.segment_bytes, replayed.end)?;
        let store = Store {
            index,
            segments,
            current: Current::new(Arc::new(replayed.memtable), last.0),
            extents: Arc::new(extents),
            pins: Arc::new(Pins::default()),
            health,
            index_is_full: AtomicBool::new(false),
            merges_on_close: options.checkpoint_on_close,
            _lock: lock,
        };
        let garbage = store.garbage()?;
        let first_extent = orphans::first_unnamed(&store)?;
        if let Some(last) = first_extent.0.checked_sub(1) {
            store.extents.reserve(ExtentId(last));
        }
        store.pins.publish(last);
        let (position, previous) = log.end();
        Ok(Opened {
            reserve: Reserve::new(directory, options.reserve_bytes),
            last,
            garbage,
            live,
            first_extent,
            applied: applied.unwrap_or(Applied {
                sequence: 0,
                position: Position::new(position.segment().min(1), 0),
                previous,
            }),
            log,
            store,
        })
    }

    /// All rows as of now.
    pub(crate) fn view(&self) -> Result<View<'_>, EngineError> {
        self.current.view(&self.index)
    }

    pub(crate) fn merges_on_close(&self) -> bool {
        self.merges_on_close
    }

    /// Whether the index has no room for more, deletes aside.
    pub(crate) fn is_index_full(&self) -> bool {
        self.index_is_full.load(Ordering::Relaxed)
    }

    pub(crate) fn set_index_full(&self, is_full: bool) {
        self.index_is_full.store(is_full, Ordering::Relaxed);
    }

    fn garbage(&self) -> Result<VecDeque<Garbage>, EngineError> {
        let view = self.view()?;
        let mut garbage = VecDeque::new();
        for row in view.rows_with(Table::Garbage, &[])? {
            let (row, payload) = row?;
            garbage.push_back(Garbage {
                // No reader of before the start is left.
                removed_by: Sequence(0),
                row: row.to_vec(),
                address: Address::decode(&payload)?,
            });
        }
        Ok(garbage)
    }

    /// Files of bodies that rows name, in order of their ids, at most so many.
    pub(crate) fn named_extents(
        &self,
        after: ExtentId,
        limit: usize,
    ) -> Result<Vec<ExtentId>, EngineError> {
        let view = self.view()?;
        let start = after.0.to_be_bytes();
        let rows = view.rows(Table::Extents, Bound::Excluded(&start[..]), &[])?;
        let mut named = Vec::new();
        for row in rows.take(limit) {
            let (row, _) = row?;
            let id = row.first_chunk::<8>().map(|id| u64::from_be_bytes(*id));
            named.extend(id.map(ExtentId));
        }
        Ok(named)
    }

    pub(crate) fn head(
        &self,
        object: &ObjectName,
        which: Which,
    ) -> Result<Option<Head>, EngineError> {
        let pin = self.pins.pin();
        let view = self.view()?;
        let record = crate::read::find(&view, object, which)?;
        Ok(record.map(|record| {
            let address = Bytes::from(record.address.encode());
            record.into_head(BodyRef::pinned(address, Arc::new(pin)))
        }))
    }

    /// The body of a version, to be named by another record too.
    pub(crate) fn share(&self, head: &Head) -> Result<Staged, EngineError> {
        self.health.check()?;
        let address = Address::decode(head.body.address())?;
        let pin = self.pins.pin();
        // What a listing found may be gone; what is pinned is not.
        if !head.body.is_pinned() && !self.is_there(address)? {
            return Err(EngineError::BodyGone);
        }
        let shared = SharedBody {
            address,
            stored_bytes: head.stored_bytes,
            pin,
            _earlier: head.body.clone(),
        };
        Ok(Staged::new(head.stored_bytes, StagedBody::Shared(shared)))
    }

    fn is_there(&self, address: Address) -> Result<bool, EngineError> {
        let view = self.view()?;
        let found = match address {
            Address::Empty => true,
            Address::One(Piece::Row { id, .. }) | Address::Listed { id } => {
                view.get(Table::Bodies, &id.to_be_bytes())?.is_some()
            }
            Address::One(Piece::Extent { id, .. }) => {
                view.get(Table::Extents, &id.0.to_be_bytes())?.is_some()
            }
        };
        Ok(found)
    }

    pub(crate) fn read(
        self: &Arc<Self>,
        head: &Head,
        range: Range<u64>,
    ) -> Result<ByteStream, EngineError> {
        if range.start > range.end || range.end > head.stored_bytes {
            return Err(EngineError::Invalid {
                what: "the range is not within the body",
            });
        }
        // Holds what is still there, when the head came from a listing.
        let pin = self.pins.pin();
        let pieces = self.pieces(&head.body, head.stored_bytes, &range)?;
        let reading = Reading {
            store: Arc::clone(self),
            body: head.body.clone(),
            _pin: pin,
            pieces,
            open: None,
        };
        Ok(Box::pin(futures_util::stream::try_unfold(
            reading,
            Reading::next,
        )))
    }

    /// Where a body in the log is now. It may have moved between the look at its row and that at
    /// its segment; the row then says where.
    fn find_logged(
        &self,
        id: u64,
        stored_bytes: u64,
        missing: impl Fn() -> EngineError,
    ) -> Result<Logged, EngineError> {
        let mut last = None;
        loop {
            let view = self.view()?;
            let (position, payload) = view
                .located(Table::Bodies, &id.to_be_bytes())?
                .ok_or_else(&missing)?;
            let at = InlineAt::decode(&payload)?.filter(|at| at.stored_bytes == stored_bytes);
            let at = at.ok_or_else(|| EngineError::corrupt("an inline body has another length"))?;
            if let Some(segment) = self.segments.get(position.segment()) {
                return Ok(Logged {
                    segment,
                    offset: u64::from(position.offset()) + u64::from(at.offset),
                });
            }
            if last == Some(position) {
                return Err(EngineError::corrupt(format!(
                    "segment {:08x} of the log is missing",
                    position.segment()
                )));
            }
            last = Some(position);
        }
    }

    /// Reads all of a body and verifies it; answers its length. Ended by the pace, it has not read
    /// all. Blocking.
    pub(crate) fn read_whole(
        &self,
        address: Address,
        stored_bytes: u64,
        pace: &dyn Pace,
    ) -> Result<u64, EngineError> {
        let _pin = self.pins.pin();
        let body = BodyRef::unpinned(Bytes::from(address.encode()));
        let gone = || EngineError::BodyGone;
        let mut read = 0;
        for (piece, range) in self.pieces(&body, stored_bytes, &(0..stored_bytes))? {
            let mut rest = range;
            match piece {
                Piece::Row { id, stored_bytes } => {
                    let Logged { segment, offset } = self.find_logged(id, stored_bytes, gone)?;
                    while !rest.is_empty() && !pace.is_stopped() {
                        let bytes = segment.read_body(offset, id, stored_bytes, &rest, true)?;
                        let bytes = bytes.map_or(0, |bytes| bytes.len() as u64).max(1);
                        rest.start += bytes;
                        pace.read(bytes);
                    }
                }
                Piece::Extent { id, stored_bytes } => {
                    let reader = match self.extents.open_extent(id, stored_bytes) {
                        Ok(reader) => reader,
                        Err(OpenExtentError::Missing) => {
                            // Its row goes first.
                            let row = id.0.to_be_bytes();
                            return Err(match self.view()?.get(Table::Extents, &row)? {
                                Some(_) => EngineError::corrupt("a file of a body is missing"),
                                None => EngineError::BodyGone,
                            });
                        }
                        Err(OpenExtentError::Engine(error)) => return Err(error),
                    };
                    while !rest.is_empty() && !pace.is_stopped() {
                        let bytes = reader.read(&rest)?.len().max(1) as u64;
                        rest.start += bytes;
                        pace.read(bytes);
                    }
                }
            }
            read += piece.stored_bytes();
        }
        Ok(read)
    }

    /// The pieces that the range touches, each with the range within it.
    fn pieces(
        &self,
        body: &BodyRef,
        stored_bytes: u64,
        range: &Range<u64>,
    ) -> Result<VecDeque<(Piece, Range<u64>)>, EngineError> {
        let pieces = match Address::decode(body.address())? {
            Address::Empty => Vec::new(),
            Address::One(piece) => vec![piece],
            Address::Listed { id } => {
                let view = self.view()?;
                let payload = view.get(Table::Bodies, &id.to_be_bytes())?;
                crate::codec::decode_pieces(&payload.ok_or_else(|| missing(body))?)?
            }
        };
        let mut touched = VecDeque::new();
        let mut at = 0u64;
        for piece in pieces {
            let end = at.saturating_add(piece.stored_bytes());
            let from = range.start.max(at);
            let to = range.end.min(end);
            if from < to {
                touched.push_back((piece, from - at..to - at));
            }
            at = end;
        }
        match at == stored_bytes {
            true => Ok(touched),
            false => Err(EngineError::corrupt(
                "the pieces of a body do not add up to its length",
            )),
        }
    }
}

/// A body on its way out.
struct Reading {
    store: Arc<Store>,
    body: BodyRef,
    _pin: Pin,
    pieces: VecDeque<(Piece, Range<u64>)>,
    /// The file of the first piece, once it is open.
    open: Option<Open>,
}

enum Open {
    Extent(ExtentReader),
    Logged(Logged),
}

/// A body in the log. Holds its segment, so that its file is not written over.
#[derive(Clone)]
struct Logged {
    segment: Arc<SegmentFile>,
    offset: u64,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Reading)>, EngineError> {
        let Some((piece, range)) = self.pieces.pop_front() else {
            return Ok(None);
        };
        let (bytes, open) = match piece {
            Piece::Row { id, stored_bytes } => {
                let (bytes, logged) = self.logged(id, stored_bytes, range.clone()).await?;
                (bytes, Open::Logged(logged))
            }
            Piece::Extent { id, stored_bytes } => {
                let (bytes, reader) = self.extent(id, stored_bytes, range.clone()).await?;
                (bytes, Open::Extent(reader))
            }
        };
        let rest = range.start + bytes.len() as u64..range.end;
        if rest.is_empty() {
            self.open = None;
        } else {
            self.open = Some(open);
            self.pieces.push_front((piece, rest));
        }
        Ok(Some((bytes, self)))
    }

    async fn logged(
        &mut self,
        id: u64,
        stored_bytes: u64,
        range: Range<u64>,
    ) -> Result<(Bytes, Logged), EngineError> {
        let logged = match self.open.take() {
            Some(Open::Logged(logged)) => logged,
            Some(Open::Extent(_)) | None => {
                let missing = || missing(&self.body);
                self.store.find_logged(id, stored_bytes, missing)?
            }
        };
        let Logged { segment, offset } = &logged;
        // What is in memory is read here and now.
        if let Some(bytes) = segment.read_body(*offset, id, stored_bytes, &range, false)? {
            return Ok((bytes, logged));
        }
        let reading = logged.clone();
        let bytes = blocking(move || {
            let Logged { segment, offset } = reading;
            let bytes = segment.read_body(offset, id, stored_bytes, &range, true)?;
            bytes.ok_or_else(|| EngineError::corrupt("a body was not read"))
        })
        .await?;
        Ok((bytes, logged))
    }

    async fn extent(
        &mut self,
        id: ExtentId,
        stored_bytes: u64,
        range: Range<u64>,
    ) -> Result<(Bytes, ExtentReader), EngineError> {
        let open = match self.open.take() {
            Some(Open::Extent(reader)) => Some(reader),
            Some(Open::Logged(_)) | None => None,
        };
        let extents = Arc::clone(&self.store.extents);
        let missing = missing(&self.body);
        blocking(move || {
            let reader = match open {
                Some(reader) => reader,
                None => match extents.open_extent(id, stored_bytes) {
                    Ok(reader) => reader,
                    Err(OpenExtentError::Missing) => return Err(missing),
                    Err(OpenExtentError::Engine(error)) => return Err(error),
                },
            };
            let bytes = reader.read(&range)?;
            Ok((bytes, reader))
        })
        .await
    }
}

/// A body that is held in place cannot go; one from a listing can.
fn missing(body: &BodyRef) -> EngineError {
    match body.is_pinned() {
        true => EngineError::corrupt("a body is missing"),
        false => EngineError::BodyGone,
    }
}

/// Work that waits for the disk.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    joined(tokio::task::spawn_blocking(work).await)
}

/// Tables of which a row too few does harm before anybody reads an object: a file that no row names is removed,
/// a body that two records name is removed with the first, a policy that is not there denies nothing.
const WALKED: [(Table, Walk); 5] = [
    (Table::System, Walk::WithLookups),
    (Table::Buckets, Walk::WithLookups),
    (Table::Control, Walk::WithLookups),
    (Table::Extents, Walk::Through),
    (Table::References, Walk::Through),
];

fn check_walks(index: &Index) -> Result<(), EngineError> {
    let txn = index.read()?;
    for (table, walk) in WALKED {
        index.check_walk(&txn, table, walk)?;
    }
    Ok(())
}

/// Removes files of the log that were retired when the server ended: the index has nothing in them,
/// and their header is no longer theirs.
fn remove_retired(
    segments: &Segments,
    applied: Option<Applied>,
    live: &BTreeMap<u32, u64>,
) -> Result<(), OpenError> {
    let failed = || io_error("reading the log");
    let Some(applied) = applied else {
        return Ok(());
    };
    for number in segments.numbers() {
        let is_live = live.get(&number).is_some_and(|bytes| *bytes > 0);
        let Some(segment) = segments.get(number) else {
            continue;
        };
        if number >= applied.position.segment() || segment.has_header().map_err(failed())? {
            continue;
        }
        if is_live {
            tracing::error!(
                segment = number,
                "the header of a file of the log is damaged"
            );
            continue;
        }
        segments.retire(number);
        segments.remove(&segment).map_err(failed())?;
    }
    Ok(())
}

/// Makes a directory that only this user may enter, unless it is there.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Whether something was ever stored here.
pub(crate) fn has_format(directory: &Path) -> bool {
    directory.join(FORMAT_FILE).exists()
}

/// Refuses a directory of an unknown format, or one that is not ours.
pub(crate) fn check_format(directory: &Path) -> Result<(), OpenError> {
    match std::fs::read(directory.join(FORMAT_FILE)) {
        Ok(found) if found == FORMAT.as_bytes() => Ok(()),
        Ok(found) => Err(OpenError::UnknownFormat {
            directory: directory.to_owned(),
            found: String::from_utf8_lossy(found.get(..200).unwrap_or(&found)).into_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let entries = std::fs::read_dir(directory);
            for entry in entries.map_err(io_error("reading the data directory"))? {
                let name = entry.map_err(io_error("reading the data directory"))?;
                let name = name.file_name();
                // What is left of a first start that was cut short.
                if name != LOCK_FILE && name != FORMAT_NEW_FILE {
                    return Err(OpenError::NotOurs {
                        directory: directory.to_owned(),
                    });
                }
            }
            Ok(())
        }
        Err(error) => Err(io_error("reading the format of the data directory")(error)),
    }
}

pub(crate) fn take_lock(directory: &Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options
        .open(directory.join(LOCK_FILE))
        .map_err(io_error("opening the lock of the data directory"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            directory: directory.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(io_error("locking the data directory")(error)),
    }
}

/// Marks a new directory as ours, whole or not at all.
pub(crate) fn write_format(directory: &Path) -> Result<(), OpenError> {
    let path = directory.join(FORMAT_FILE);
    if path.exists() {
        // Another server may have made it while we waited for nothing but the lock.
        return check_format(directory);
    }
    let doing = "writing the format of the data directory";
    let new = directory.join(FORMAT_NEW_FILE);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&new).map_err(io_error(doing))?;
    file.write_all(FORMAT.as_bytes()).map_err(io_error(doing))?;
    file.sync_all().map_err(io_error(doing))?;
    std::fs::rename(&new, &path).map_err(io_error(doing))?;
    sync_directory(directory).map_err(io_error(doing))
}

fn io_error(doing: &'static str) -> impl Fn(io::Error) -> OpenError {
    move |error| OpenError::Engine(EngineError::io(doing, error))
}
