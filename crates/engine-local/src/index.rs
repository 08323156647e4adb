//! The index: LMDB with checksummed rows.

use crate::codec::{Table, seal, unseal};
use crate::record::Position;
use engine::EngineError;
use heed::types::Bytes;
use heed::{Database, Env, EnvOpenOptions, MdbError, PutFlags, RoTxn, RwTxn, WithTls};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// A row and the record that put it.
pub(crate) struct Located<'a> {
    pub(crate) position: Position,
    pub(crate) payload: &'a [u8],
}

/// All tables.
pub(crate) struct Index {
    env: Env,
    tables: Vec<Database<Bytes, Bytes>>,
    /// What rows may take up, so that there is room left to delete some.
    used_bytes_max: u64,
    /// Where it is.
    directory: PathBuf,
    /// The commit from now on that finds the disk full; 0: none.
    #[cfg(test)]
    pub(crate) fails_at: std::sync::atomic::AtomicU32,
}

/// Each OS thread that ever reads has a slot of its own.
const READING_THREADS_MAX: u32 = 4096;

/// Longer than the key of any row: bucket, key, its end, upload id. LMDB takes 1982 bytes.
const ROW_BYTES_MAX: usize = 1500;

/// Kept free of bodies: a delete writes new pages before it frees old ones.
const RESERVE_BYTES: u64 = 64 << 20;

/// Rows of a copy in one transaction.
const COPIED_ROWS_MAX: usize = 20_000;

/// A disk with less room than this is full for a transaction of the index.
const FULL_BYTES: u64 = 64 << 20;

/// Gives LMDB's table of readers all of its room on the disk.
///
/// The file is mapped into memory and full of holes. On a full disk the first reader that writes into a hole
/// would end the process (SIGBUS), which has no other way to be told.
fn allocate_readers(directory: &Path) -> io::Result<()> {
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(directory.join("lock.mdb"))?;
    let bytes = file.metadata()?.len();
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes)?;
    Ok(())
}

impl Index {
    /// Opens the index in this directory, which must be there. The caller holds the lock of the
    /// data directory.
    pub(crate) fn open(
        directory: &Path,
        map_bytes: usize,
        memtable_bytes: usize,
    ) -> Result<Index, EngineError> {
        let mut options = EnvOpenOptions::new();
        options
            .map_size(map_bytes)
            .max_dbs(Table::ALL.len() as u32)
            .max_readers(READING_THREADS_MAX);
        let env = map::open(&options, directory).map_err(failed("opening the index"))?;
        if let Err(error) = allocate_readers(directory) {
            tracing::warn!(%error, "there is no room for the index's table of readers");
        }
        let tables = match open_tables(&env)? {
            Some(tables) => tables,
            None => create_tables(&env)?,
        };
        let map_bytes = map_bytes as u64;
        // What was acknowledged before the index was found full must still fit: two memtables, each
        // up to twice its size, and the pages that are written anew for them.
        let pending = memtable_bytes as u64 * 6;
        let reserve = (map_bytes / 8)
            .min(RESERVE_BYTES)
            .max(pending)
            .min(map_bytes / 2);
        Ok(Index {
            env,
            tables,
            used_bytes_max: map_bytes.saturating_sub(reserve),
            directory: directory.to_owned(),
            #[cfg(test)]
            fails_at: std::sync::atomic::AtomicU32::new(0),
        })
    }

    /// A view of the newest commit. One at a time in a thread.
    pub(crate) fn read(&self) -> Result<RoTxn<'_, WithTls>, EngineError> {
        self.env.read_txn().map_err(failed("reading the index"))
    }

    /// For the committer only: it waits for any other.
    pub(crate) fn write(&self) -> Result<RwTxn<'_>, EngineError> {
        self.env.write_txn().map_err(failed("writing the index"))
    }

    /// Makes a transaction durable, or leaves nothing of it.
    ///
    /// # Errors
    /// [`EngineError::NoSpace`] also where LMDB says `EIO`: it does so when the system wrote a part of what
    /// it was given, which a full disk is the reason for.
    pub(crate) fn commit(&self, txn: RwTxn<'_>) -> Result<(), EngineError> {
        #[cfg(test)]
        if self.fails_now() {
            return Err(EngineError::NoSpace);
        }
        let Err(error) = txn.commit() else {
            return Ok(());
        };
        let is_short = matches!(
            &error,
            heed::Error::Io(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
        );
        if is_short && self.is_disk_full() {
            return Err(EngineError::NoSpace);
        }
        Err(failed("committing to the index")(error))
    }

    fn is_disk_full(&self) -> bool {
        rustix::fs::statvfs(&self.directory)
            .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < FULL_BYTES)
    }

    #[cfg(test)]
    fn fails_now(&self) -> bool {
        use std::sync::atomic::Ordering;
        let counted = self
            .fails_at
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        counted == Ok(1)
    }

    /// Refuses when a transaction leaves too little room for deletes.
    pub(crate) fn check_reserve(&self, txn: &RoTxn<'_>) -> Result<(), EngineError> {
        let mut used_bytes = 0;
        for table in &self.tables {
            let stat = table.stat(txn).map_err(failed("reading the index"))?;
            let pages = stat.branch_pages + stat.leaf_pages + stat.overflow_pages;
            used_bytes += pages as u64 * u64::from(stat.page_size);
        }
        match used_bytes <= self.used_bytes_max {
            true => Ok(()),
            false => Err(EngineError::NoSpace),
        }
    }

    fn table(&self, table: Table) -> Result<&Database<Bytes, Bytes>, EngineError> {
        // The variants are numbered from one, in the order of `Table::ALL`.
        let database = self.tables.get((table as usize).wrapping_sub(1));
        database.ok_or_else(|| EngineError::corrupt("a table of the index is missing"))
    }

    pub(crate) fn get<'txn>(
        &self,
        txn: &'txn RoTxn<'_>,
        table: Table,
        key: &[u8],
    ) -> Result<Option<Located<'txn>>, EngineError> {
        let value = self.table(table)?.get(txn, key);
        match value.map_err(failed("reading the index"))? {
            Some(value) => {
                let (position, payload) = unseal(table, key, value)?;
                Ok(Some(Located { position, payload }))
            }
            None => Ok(None),
        }
    }

    pub(crate) fn put(
        &self,
        txn: &mut RwTxn<'_>,
        table: Table,
        key: &[u8],
        position: Position,
        payload: &[u8],
    ) -> Result<(), EngineError> {
        let value = seal(table, key, position, payload);
        self.table(table)?
            .put(txn, key, &value)
            .map_err(failed("writing the index"))
    }

    pub(crate) fn delete(
        &self,
        txn: &mut RwTxn<'_>,
        table: Table,
        key: &[u8],
    ) -> Result<bool, EngineError> {
        self.table(table)?
            .delete(txn, key)
            .map_err(failed("writing the index"))
    }

    /// The rows from `start` on whose keys begin with `prefix`.
    pub(crate) fn rows<'txn>(
        &self,
        txn: &'txn RoTxn<'_>,
        table: Table,
        start: Bound<&[u8]>,
        prefix: &[u8],
    ) -> Result<Rows<'txn>, EngineError> {
        // LMDB refuses a longer key, and callers may ask for more than any key has. All rows are
        // shorter than this, so none lies between what is left and what was asked.
        let start = start.map(|row| row.get(..ROW_BYTES_MAX).unwrap_or(row));
        // Nor does it know an empty one.
        let start = match start {
            Bound::Included([]) | Bound::Excluded([]) => Bound::Unbounded,
            other => other,
        };
        let range = self.table(table)?.range(txn, &(start, Bound::Unbounded));
        let rows = range.map_err(failed("reading the index"))?;
        let prefix = prefix.to_vec();
        Ok(Box::new(
            rows.map(move |row| {
                let (key, value) = row.map_err(failed("reading the index"))?;
                Ok((key, unseal(table, key, value)))
            })
            .take_while(move |row| match row {
                Ok((key, _)) => key.starts_with(&prefix),
                Err(_) => true,
            })
            // Only now, so that damage beyond the prefix does not concern this reader.
            .map(|row| row.and_then(|(key, found)| found.map(|(_, payload)| (key, payload)))),
        ))
    }
}

/// How thoroughly a table is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Walk {
    /// Every row is met, in order.
    Through,
    /// And each is found by its key.
    WithLookups,
}

impl Index {
    /// Refuses when rows of a table are hidden. Rows have checksums, the pages above them have none: damage
    /// there takes rows away from who walks or looks, without an error.
    pub(crate) fn check_walk(
        &self,
        txn: &RoTxn<'_>,
        table: Table,
        walk: Walk,
    ) -> Result<(), EngineError> {
        let damaged = |what: String| {
            EngineError::corrupt(format!(
                "table `{}` of the index is damaged: {what}; `strongroom fsck --rebuild` makes the index \
                 anew from the log",
                table.name()
            ))
        };
        let database = self.table(table)?;
        let counted = database.len(txn).map_err(failed("reading the index"))?;
        let mut met = 0;
        let mut last: Option<&[u8]> = None;
        for row in database.iter(txn).map_err(failed("reading the index"))? {
            let (key, value) = row.map_err(failed("reading the index"))?;
            if last.is_some_and(|last| last >= key) {
                return Err(damaged("its rows are not in order".to_owned()));
            }
            if walk == Walk::WithLookups {
                let found = database
                    .get(txn, key)
                    .map_err(failed("reading the index"))?;
                if found != Some(value) {
                    return Err(damaged("a row is not found by its key".to_owned()));
                }
            }
            last = Some(key);
            met += 1;
        }
        match met == counted {
            true => Ok(()),
            false => Err(damaged(format!("{met} rows of {counted} are there"))),
        }
    }

    /// The greatest key of a table.
    pub(crate) fn last_key<'txn>(
        &self,
        txn: &'txn RoTxn<'_>,
        table: Table,
    ) -> Result<Option<&'txn [u8]>, EngineError> {
        let last = self.table(table)?.last(txn);
        Ok(last
            .map_err(failed("reading the index"))?
            .map(|(key, _)| key))
    }

    /// Copies all rows as of a transaction to an empty index. `copied` is told the bytes of each row.
    ///
    /// Row by row: each is verified, and free pages stay behind.
    ///
    /// # Errors
    /// When a row is damaged or hidden, a disk fails, or `copied` says so.
    pub(crate) fn copy_rows(
        &self,
        txn: &RoTxn<'_>,
        to: &Index,
        mut copied: impl FnMut(usize) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        for table in Table::ALL {
            let counted = self
                .table(table)?
                .len(txn)
                .map_err(failed("reading the index"))?;
            let mut rows = self.located_rows(txn, table)?.peekable();
            let mut met = 0;
            while rows.peek().is_some() {
                let mut writing = to.write()?;
                for row in rows.by_ref().take(COPIED_ROWS_MAX) {
                    let (key, Located { position, payload }) = row?;
                    let value = seal(table, key, position, payload);
                    // Rows come in order, so that pages become full.
                    to.table(table)?
                        .put_with_flags(&mut writing, PutFlags::APPEND, key, &value)
                        .map_err(failed("writing the index"))?;
                    met += 1;
                    copied(key.len() + value.len())?;
                }
                to.commit(writing)?;
            }
            if met != counted {
                return Err(EngineError::corrupt(format!(
                    "table `{}` of the index: {met} rows of {counted} are there",
                    table.name()
                )));
            }
        }
        Ok(())
    }

    /// Its greatest size, in bytes.
    pub(crate) fn map_bytes(&self) -> usize {
        self.env.info().map_size
    }

    /// All rows of a table, with the records that put them.
    pub(crate) fn located_rows<'txn>(
        &self,
        txn: &'txn RoTxn<'_>,
        table: Table,
    ) -> Result<LocatedRows<'txn>, EngineError> {
        let rows = self.table(table)?.iter(txn);
        let rows = rows.map_err(failed("reading the index"))?;
        Ok(Box::new(rows.map(move |row| {
            let (key, value) = row.map_err(failed("reading the index"))?;
            let (position, payload) = unseal(table, key, value)?;
            Ok((key, Located { position, payload }))
        })))
    }
}

/// Keys, and where and what their rows are.
pub(crate) type LocatedRows<'txn> =
    Box<dyn Iterator<Item = Result<(&'txn [u8], Located<'txn>), EngineError>> + 'txn>;

/// Keys and payloads in order.
pub(crate) type Rows<'txn> =
    Box<dyn Iterator<Item = Result<(&'txn [u8], &'txn [u8]), EngineError>> + 'txn>;

fn open_tables(env: &Env) -> Result<Option<Vec<Database<Bytes, Bytes>>>, EngineError> {
    let txn = env.read_txn().map_err(failed("opening the index"))?;
    let mut tables = Vec::new();
    for table in Table::ALL {
        let opened = env.open_database(&txn, Some(table.name()));
        match opened.map_err(failed("opening the index"))? {
            Some(database) => tables.push(database),
            None => return Ok(None),
        }
    }
    // LMDB keeps the handles only of a transaction that was committed.
    txn.commit().map_err(failed("opening the index"))?;
    Ok(Some(tables))
}

fn create_tables(env: &Env) -> Result<Vec<Database<Bytes, Bytes>>, EngineError> {
    let mut txn = env.write_txn().map_err(failed("creating the index"))?;
    let mut tables = Vec::new();
    for table in Table::ALL {
        let created = env.create_database(&mut txn, Some(table.name()));
        tables.push(created.map_err(failed("creating the index"))?);
    }
    txn.commit().map_err(failed("creating the index"))?;
    Ok(tables)
}

/// Our error for one of LMDB's.
pub(crate) fn failed(doing: &'static str) -> impl Fn(heed::Error) -> EngineError {
    move |error| match error {
        heed::Error::Io(error) => EngineError::io(doing, error),
        heed::Error::Mdb(MdbError::MapFull) => EngineError::NoSpace,
        heed::Error::Mdb(
            MdbError::Corrupted
            | MdbError::PageNotFound
            | MdbError::Invalid
            | MdbError::VersionMismatch,
        ) => EngineError::corrupt(format!("the index: {error}")),
        heed::Error::Mdb(_)
        | heed::Error::Encoding(_)
        | heed::Error::Decoding(_)
        | heed::Error::EnvAlreadyOpened => EngineError::io(doing, io::Error::other(error)),
    }
}

/// The one place with `unsafe`.
mod map {
    use heed::{Env, EnvOpenOptions, WithTls};
    use std::path::Path;

    /// Maps the index into memory.
    #[expect(
        unsafe_code,
        reason = "a mapped file must not change but through LMDB; see the argument inside"
    )]
    pub(super) fn open(options: &EnvOpenOptions<WithTls>, path: &Path) -> heed::Result<Env> {
        // SAFETY: the map would show changes that anyone makes to the file. Nobody does: the file
        // lies in a directory and has a mode that only this user may open; the data directory's
        // lock, held by the caller as long as the map lives, keeps other servers away; and we set
        // none of LMDB's flags that give up its own locking or syncing. DESIGN.md says that the
        // directory is on a local file system and not to be edited while the server runs.
        unsafe { options.open(path) }
    }
}
