//! The opened data directory, which reads and the committer share.

use crate::apply::{Garbage, SEQUENCE_ROW};
use crate::codec::{Table, decode_u64};
use crate::disk::{Disk, make_directory, sync_directory};
use crate::extent::{ExtentReader, Extents, OpenExtentError, directory_in};
use crate::health::Health;
use crate::index::Index;
use crate::pieces::{Address, ExtentId, Piece};
use crate::pins::{Pin, Pins};
use crate::reserve::Reserve;
use crate::stage::joined;
use crate::{OpenError, Options};
use bytes::Bytes;
use engine::{BodyRef, ByteStream, EngineError, Head, ObjectName, Sequence, Which};
use std::collections::{BTreeSet, VecDeque};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// The file that says what the directory is. Its second line changes with every change of format
/// that an older server would misread.
const FORMAT_FILE: &str = "FORMAT";
const FORMAT_NEW_FILE: &str = "FORMAT.new";
const FORMAT: &str = "strongroom engine-local\nversion 1\n";
const LOCK_FILE: &str = "lock";
const INDEX_DIRECTORY: &str = "index";

pub(crate) struct Store {
    pub(crate) index: Index,
    pub(crate) extents: Arc<Extents>,
    pub(crate) pins: Arc<Pins>,
    pub(crate) health: Arc<Health>,
    /// Held as long as the index is mapped. INVARIANT: declared after `index`, so that it is
    /// released after the map is gone.
    _lock: File,
}

/// What the committer goes on from.
pub(crate) struct Resume {
    pub(crate) last: Sequence,
    pub(crate) garbage: VecDeque<Garbage>,
    pub(crate) reserve: Reserve,
}

impl Store {
    pub(crate) fn open(
        directory: &Path,
        options: &Options,
        disk: Arc<dyn Disk>,
    ) -> Result<(Store, Resume), OpenError> {
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
            sync_directory(parent).map_err(io_error("syncing the parent directory"))?;
        }
        // Before anything is made in a directory that may be someone else's.
        check_format(directory)?;
        let lock = take_lock(directory)?;
        write_format(directory)?;
        let index_directory = directory.join(INDEX_DIRECTORY);
        make_directory(&index_directory).map_err(io_error("making the index directory"))?;
        let index = Index::open(&index_directory, options.map_bytes)?;
        let health = Arc::new(Health::default());
        let extents = Extents::open(directory_in(directory), disk, Arc::clone(&health))
            .map_err(io_error("opening the directory of extents"))?;
        for made_in in [&index_directory, directory] {
            sync_directory(made_in).map_err(io_error("syncing the data directory"))?;
        }
        let store = Store {
            index,
            extents: Arc::new(extents),
            pins: Arc::new(Pins::default()),
            health,
            _lock: lock,
        };
        let resume = store.resume(Reserve::new(directory))?;
        store.remove_orphans()?;
        store.pins.publish(resume.last);
        Ok((store, resume))
    }

    fn resume(&self, reserve: Reserve) -> Result<Resume, EngineError> {
        let txn = self.index.read()?;
        let last = match self.index.get(&txn, Table::System, SEQUENCE_ROW)? {
            Some(payload) => Sequence(decode_u64(payload)?),
            None => Sequence(0),
        };
        let mut garbage = VecDeque::new();
        for row in self.index.rows_with(&txn, Table::Garbage, &[])? {
            let (row, payload) = row?;
            garbage.push_back(Garbage {
                // No reader of before the start is left.
                removed_by: Sequence(0),
                row: row.to_vec(),
                address: Address::decode(payload)?,
            });
        }
        Ok(Resume {
            last,
            garbage,
            reserve,
        })
    }

    /// Removes files that no row names: their commit never came, or their removal was cut short.
    fn remove_orphans(&self) -> Result<(), OpenError> {
        let txn = self.index.read()?;
        let mut named = BTreeSet::new();
        for row in self.index.rows_with(&txn, Table::Extents, &[])? {
            let (row, _) = row?;
            let id = row.first_chunk::<8>().map(|id| u64::from_be_bytes(*id));
            named.extend(id.map(ExtentId));
        }
        let on_disk = self.extents.on_disk();
        let on_disk = on_disk.map_err(io_error("reading the directory of extents"))?;
        let on_disk: BTreeSet<ExtentId> = on_disk.into_iter().collect();
        for id in on_disk.difference(&named) {
            self.extents.remove(*id);
        }
        for id in named.difference(&on_disk) {
            // Reading the object will say so too. The others are served.
            tracing::error!(extent = id.0, "an extent file is missing");
        }
        for highest in [named.last(), on_disk.last()].into_iter().flatten() {
            self.extents.reserve(*highest);
        }
        Ok(())
    }

    pub(crate) fn head(
        &self,
        object: &ObjectName,
        which: Which,
    ) -> Result<Option<Head>, EngineError> {
        let pin = self.pins.pin();
        let txn = self.index.read()?;
        let record = crate::read::find(&self.index, &txn, object, which)?;
        Ok(record.map(|record| {
            let address = Bytes::from(record.address.encode());
            record.into_head(BodyRef::pinned(address, Arc::new(pin)))
        }))
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
        let pieces = self.pieces(head, &range)?;
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

    /// The pieces that the range touches, each with the range within it.
    fn pieces(
        &self,
        head: &Head,
        range: &Range<u64>,
    ) -> Result<VecDeque<(Piece, Range<u64>)>, EngineError> {
        let pieces = match Address::decode(head.body.address())? {
            Address::Empty => Vec::new(),
            Address::One(piece) => vec![piece],
            Address::Listed { id } => {
                let txn = self.index.read()?;
                let payload = self.index.get(&txn, Table::Bodies, &id.to_be_bytes())?;
                crate::codec::decode_pieces(payload.ok_or_else(|| missing(&head.body))?)?
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
        match at == head.stored_bytes {
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
    open: Option<ExtentReader>,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Reading)>, EngineError> {
        let Some((piece, range)) = self.pieces.pop_front() else {
            return Ok(None);
        };
        let (bytes, reader) = match piece {
            Piece::Row { id, stored_bytes } => (self.row(id, stored_bytes, &range)?, None),
            Piece::Extent { id, stored_bytes } => {
                let (bytes, reader) = self.extent(id, stored_bytes, range.clone()).await?;
                (bytes, Some(reader))
            }
        };
        let rest = range.start + bytes.len() as u64..range.end;
        if rest.is_empty() {
            self.open = None;
        } else {
            self.open = reader;
            self.pieces.push_front((piece, rest));
        }
        Ok(Some((bytes, self)))
    }

    fn row(&self, id: u64, stored_bytes: u64, range: &Range<u64>) -> Result<Bytes, EngineError> {
        let index = &self.store.index;
        let txn = index.read()?;
        let payload = index.get(&txn, Table::Bodies, &id.to_be_bytes())?;
        let payload = payload.ok_or_else(|| missing(&self.body))?;
        let wanted = usize::try_from(range.start)
            .ok()
            .zip(usize::try_from(range.end).ok());
        let wanted = wanted.and_then(|(start, end)| payload.get(start..end));
        match wanted {
            Some(bytes) if payload.len() as u64 == stored_bytes => {
                Ok(Bytes::copy_from_slice(bytes))
            }
            Some(_) | None => Err(EngineError::corrupt("an inline body has another length")),
        }
    }

    async fn extent(
        &mut self,
        id: ExtentId,
        stored_bytes: u64,
        range: Range<u64>,
    ) -> Result<(Bytes, ExtentReader), EngineError> {
        let open = self.open.take();
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

/// Refuses a directory of an unknown format, or one that is not ours.
fn check_format(directory: &Path) -> Result<(), OpenError> {
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

fn take_lock(directory: &Path) -> Result<File, OpenError> {
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
fn write_format(directory: &Path) -> Result<(), OpenError> {
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
