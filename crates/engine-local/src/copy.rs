//! A copy of the directory as of one moment, while others write.
//!
//! In this order:
//! 1. All files are held (`pins.rs`): no body is removed, no segment leaves the log.
//! 2. A transaction of the index is opened, and after that the committer says where the log ends. So
//!    the log has everything that the index has, and all that was acknowledged before the copy began.
//! 3. Rows are copied as of the transaction; then the segments, the last one up to that end: what a
//!    start after a crash would find. Sealed parts of the log never change.
//! 4. Files of bodies that a row names now, up to the highest id given out by that end. What was named
//!    then still is, since nothing is removed; what came later is in no row of the copy, whose first
//!    start removes it.
//! 5. `FORMAT` comes last: without it nothing is opened.
//!
//! Nothing here is waited for by a write. Until the end, the log keeps segments and the disk keeps bodies
//! that would be removed otherwise; and while rows are copied, the index uses no freed pages again.

use crate::disk::DiskFile;
use crate::extent::{self, Extents};
use crate::index::Index;
use crate::pace::Pace;
use crate::pieces::ExtentId;
use crate::record::Position;
use crate::store::{self, INDEX_DIRECTORY, LOG_DIRECTORY, Store};
use engine::EngineError;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What one read takes.
const COPY_BYTES: usize = 1 << 20;
/// Files that are looked up at once.
const FILES_MAX: usize = 256;

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Files.
    pub files: u64,
    /// Their length, in bytes.
    pub bytes: u64,
}

/// Nothing, or not everything, was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A file or directory of the copy cannot be written.
    #[error("`{}` cannot be written: {source}", path.display())]
    Write {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is to be copied cannot be read, or the index of the copy cannot be written.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The pace said so.
    #[error("the copy was ended before it was whole")]
    Stopped,
}

/// See [`crate::Local::copy_to`]. `end` asks the committer where the log ends.
pub(crate) fn copy(
    store: &Store,
    memtable_bytes: usize,
    end: impl FnOnce() -> Result<Position, EngineError>,
    target: &Path,
    pace: &dyn Pace,
) -> Result<Copied, CopyError> {
    let mut copying = Copying {
        pace,
        done: Copied::default(),
    };
    make_directory(target)?;
    let _hold = store.pins.hold();
    let index = target.join(INDEX_DIRECTORY);
    make_directory(&index)?;
    let end = copying.index(store, memtable_bytes, end, &index)?;
    let log = target.join(LOG_DIRECTORY);
    make_directory(&log)?;
    copying.log(store, end.log, &log)?;
    let extents = extent::directory_in(target);
    make_directory(&extents)?;
    copying.extents(store, end.next_extent, &extents)?;
    for directory in [&index, &log, &extents] {
        sync_directory(directory)?;
    }
    store::write_format(target).map_err(|error| CopyError::Write {
        path: target.join(store::FORMAT_FILE),
        source: io::Error::other(error),
    })?;
    copying.done.files += 1;
    Ok(copying.done)
}

/// The moment of the copy.
struct End {
    log: Position,
    /// What is named by then has lower ids; without this bound a copy would go after what comes in
    /// for ever.
    next_extent: ExtentId,
}

struct Copying<'a> {
    pace: &'a dyn Pace,
    done: Copied,
}

impl Copying<'_> {
    fn check(&self) -> Result<(), CopyError> {
        match self.pace.is_stopped() {
            true => Err(CopyError::Stopped),
            false => Ok(()),
        }
    }

    fn index(
        &mut self,
        store: &Store,
        memtable_bytes: usize,
        end: impl FnOnce() -> Result<Position, EngineError>,
        directory: &Path,
    ) -> Result<End, CopyError> {
        let index = Index::open(directory, store.index.map_bytes(), memtable_bytes)?;
        let txn = store.index.read()?;
        // Only now, so that the log has what the transaction sees.
        let end = End {
            log: end()?,
            next_extent: store.extents.next(),
        };
        let pace = self.pace;
        let done = &mut self.done;
        let copied = store.index.copy_rows(&txn, &index, |bytes| {
            done.bytes += bytes as u64;
            pace.read(bytes as u64);
            match pace.is_stopped() {
                true => Err(stopped()),
                false => Ok(()),
            }
        });
        self.check()?;
        copied?;
        self.done.files += 1;
        Ok(end)
    }

    fn log(&mut self, store: &Store, end: Position, directory: &Path) -> Result<(), CopyError> {
        for segment in store.segments.all() {
            if segment.number > end.segment() {
                continue;
            }
            let bytes = segment
                .file
                .bytes()
                .map_err(|error| EngineError::io("reading the log", error))?;
            let bytes = match segment.number == end.segment() {
                true => bytes.min(u64::from(end.offset())),
                false => bytes,
            };
            let path = directory.join(format!("{:08x}", segment.number));
            self.file(segment.file.as_ref(), bytes, &path)?;
        }
        Ok(())
    }

    fn extents(
        &mut self,
        store: &Store,
        before: ExtentId,
        directory: &Path,
    ) -> Result<(), CopyError> {
        let mut folders = std::collections::BTreeSet::new();
        let mut after = ExtentId(0);
        while after < before {
            let named = store.named_extents(after, FILES_MAX)?;
            let Some(last) = named.last().copied() else {
                break;
            };
            after = last;
            for id in named.into_iter().filter(|id| *id < before) {
                let reading = |error| EngineError::io("reading an extent file", error);
                // What is missing is told with the names of its objects when the copy is verified.
                let Some(file) = store.extents.raw(id).map_err(reading)? else {
                    continue;
                };
                let path = directory.join(Extents::name(id));
                if let Some(folder) = path.parent()
                    && folders.insert(folder.to_owned())
                {
                    make_directory(folder)?;
                }
                let bytes = file.bytes().map_err(reading)?;
                self.file(file.as_ref(), bytes, &path)?;
            }
        }
        folders.iter().try_for_each(|folder| sync_directory(folder))
    }

    /// Copies the first bytes of a file and syncs them. The name is not synced yet.
    fn file(&mut self, from: &dyn DiskFile, bytes: u64, to: &Path) -> Result<(), CopyError> {
        let failed = |source| CopyError::Write {
            path: to.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(to).map_err(failed)?;
        let mut buffer = vec![0; COPY_BYTES];
        let mut at = 0;
        while at < bytes {
            self.check()?;
            let wanted =
                usize::try_from(bytes - at).map_or(COPY_BYTES, |left| left.min(COPY_BYTES));
            let part = buffer.get_mut(..wanted).unwrap_or_default();
            from.read_at(part, at)
                .map_err(|error| EngineError::io("reading what is to be copied", error))?;
            file.write_all(part).map_err(failed)?;
            at += wanted as u64;
            self.done.bytes += wanted as u64;
            self.pace.read(wanted as u64);
        }
        file.sync_all().map_err(failed)?;
        self.done.files += 1;
        Ok(())
    }
}

fn stopped() -> EngineError {
    EngineError::io(
        "copying the index",
        io::Error::from(io::ErrorKind::Interrupted),
    )
}

fn make_directory(path: &Path) -> Result<(), CopyError> {
    store::make_private(path).map_err(|source| CopyError::Write {
        path: path.to_owned(),
        source,
    })
}

fn sync_directory(path: &Path) -> Result<(), CopyError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| CopyError::Write {
            path: path.to_owned(),
            source,
        })
}
