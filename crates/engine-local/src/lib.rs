//! The embedded storage engine: one directory, nothing acknowledged is lost.
//!
//! [`Local`] is both an [`ObjectEngine`] and a [`ControlStore`]. Writes go to a log, together with
//! small bodies; an LMDB index follows it; large bodies are files. `DESIGN.md` describes every byte
//! and why a crash loses nothing. It is for one server process on a local file system, not for
//! several: a second one is refused.
//!
//! Its futures must be polled within a Tokio runtime, on whose blocking pool files are read and
//! written.
//!
//! ```
//! use engine::{BucketId, ObjectEngine, Write};
//! use engine_local::{Local, Options};
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! let local = Local::open(directory.path().join("data"), Options::default()).unwrap();
//! let bucket = BucketId(1);
//! ObjectEngine::commit(&local, Write::CreateBucket { bucket }).await.unwrap();
//! assert!(local.is_empty(bucket).await.unwrap());
//! # });
//! ```

mod apply;
mod blocks;
mod codec;
mod committer;
mod copy;
mod disk;
mod extent;
#[cfg(test)]
mod faults;
mod health;
mod index;
mod keeper;
mod log;
mod memtable;
mod orphans;
mod pace;
mod pieces;
mod pins;
mod read;
mod rebuild;
mod record;
mod replay;
mod reserve;
mod rows;
mod segment;
#[cfg(any(test, feature = "simulation"))]
mod simulated;
#[cfg(any(test, feature = "simulation"))]
pub mod simulation;
mod stage;
mod store;
mod verify;

use committer::{Committer, Job, Thresholds};
pub use copy::{Copied, CopyError};
use disk::{Disk, HostDisk};
use engine::{
    BoxFuture, BucketId, ByteStream, CommitError, Committed, ControlError, ControlRow,
    ControlStore, ControlTxn, EngineError, Entry, Head, ListQuery, ObjectEngine, ObjectName, Page,
    PartsPage, Revision, Stage, StageHint, Staged, Upload, UploadId, UploadMarker, UploadsQuery,
    VersionEntry, VersionMarker, VersionsQuery, Which, Write,
};
use keeper::{Handover, Keeper};
pub use pace::{Pace, Unhindered};
pub use rebuild::Rebuilt;
use record::Position;
use stage::{LocalStage, StagedBody};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
pub use store::FORMAT_FILE;
use store::{Opened, Store};
use tokio::sync::oneshot;
pub use verify::{DamagedObject, Problem, Verified};

/// How to open a data directory.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address space for the index, in bytes, and so its greatest size. It takes no memory and no
    /// disk by itself. A multiple of the page size. Default: 1 TiB.
    pub map_bytes: usize,
    /// Bodies up to this length lie in the log, longer ones are files. Default: 128 KiB.
    pub inline_bytes_max: usize,
    /// Length of a file of the log, in bytes, from 64 KiB to 2 GiB. Default: 256 MiB.
    pub segment_bytes: u64,
    /// Rows that the index has not yet take up to about this much memory, in bytes, twice while
    /// they are merged into it. Default: 32 MiB.
    pub memtable_bytes: usize,
    /// The index is brought up to date after this many bytes of the log at the latest: what a start
    /// after a crash reads. Default: 256 MiB.
    pub checkpoint_bytes: u64,
    /// Kept on the disk to be given up when it is full, so that deletes still go through. Default:
    /// 4 MiB.
    pub reserve_bytes: usize,
    /// Whether closing brings the index up to date, so that the next start has nothing to read.
    /// Default: yes.
    pub checkpoint_on_close: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            map_bytes: 1 << 40,
            inline_bytes_max: 128 * 1024,
            segment_bytes: 256 << 20,
            memtable_bytes: 32 << 20,
            checkpoint_bytes: 256 << 20,
            reserve_bytes: 4 << 20,
            checkpoint_on_close: true,
        }
    }
}

/// A data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server has it open, or this one still has.
    #[error("the data directory `{}` is in use by another server", directory.display())]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// Made by a version of the server that this one does not know.
    #[error(
        "the data directory `{}` has the format {found:?}, which this version does not read; open \
         it with the version of the server that wrote it, and copy its objects out",
        directory.display()
    )]
    UnknownFormat {
        /// The directory.
        directory: PathBuf,
        /// What its format file says.
        found: String,
    },
    /// It holds files, but not ours.
    #[error(
        "`{}` is not empty and not a data directory of this server; name an empty or a new one",
        directory.display()
    )]
    NotOurs {
        /// The directory.
        directory: PathBuf,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Keeps servers away from a directory; see [`Local::lock`].
#[derive(Debug)]
pub struct Lock {
    _file: std::fs::File,
}

/// An opened data directory. Dropped, it waits for the writes that were handed in.
pub struct Local {
    store: Arc<Store>,
    inline_bytes_max: usize,
    memtable_bytes: usize,
    jobs: mpsc::Sender<Job>,
    threads: Vec<JoinHandle<()>>,
    /// Looks for files that no row names.
    sweeper: Option<JoinHandle<()>>,
    /// Ends it.
    stop: Arc<AtomicBool>,
}

impl Local {
    /// Opens a data directory, which is made if it is not there. Blocking.
    ///
    /// # Errors
    /// When another server has it open, when its format is unknown, or when it cannot be read.
    pub fn open(directory: impl AsRef<Path>, options: Options) -> Result<Local, OpenError> {
        Local::open_on(directory.as_ref(), options, Arc::new(HostDisk))
    }

    fn open_on(
        directory: &Path,
        options: Options,
        disk: Arc<dyn Disk>,
    ) -> Result<Local, OpenError> {
        let Opened {
            store,
            log,
            last,
            garbage,
            reserve,
            live,
            applied,
            first_extent,
        } = Store::open(directory, &options, disk)?;
        let store = Arc::new(store);
        let (jobs, receiver) = mpsc::channel();
        let handover = Arc::new(Handover::default());
        let keeper = Keeper {
            store: Arc::clone(&store),
            handover: Arc::clone(&handover),
            recycler: log.recycler(),
            jobs: jobs.clone(),
            live,
            applied,
            emptied: Vec::new(),
            damaged: Vec::new(),
            removals: BTreeMap::new(),
            paused: None,
        };
        let committer = Committer {
            store: Arc::clone(&store),
            log,
            handover,
            thresholds: Thresholds {
                memtable_bytes: options.memtable_bytes,
                log_bytes: options.checkpoint_bytes,
            },
            last,
            garbage,
            reserve,
            log_bytes: 0,
        };
        let started = |error| EngineError::io("starting a thread of the engine", error);
        let committer = std::thread::Builder::new()
            .name("committer".to_owned())
            .spawn(move || committer.run(&receiver))
            .map_err(started)?;
        let keeper = std::thread::Builder::new()
            .name("keeper".to_owned())
            .spawn(move || keeper.run())
            .map_err(started)?;
        let stop = Arc::new(AtomicBool::new(false));
        let sweeper = {
            let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
            std::thread::Builder::new()
                .name("sweeper".to_owned())
                .spawn(move || {
                    if let Err(error) = orphans::remove(&store, first_extent, &stop) {
                        tracing::error!(%error, "files that nothing names are left until the next start");
                    }
                })
                .map_err(started)?
        };
        Ok(Local {
            store,
            inline_bytes_max: options.inline_bytes_max,
            memtable_bytes: options.memtable_bytes,
            jobs,
            threads: vec![committer, keeper],
            sweeper: Some(sweeper),
            stop,
        })
    }

    /// Keeps servers away from a directory as long as the answer lives, so that its files can be
    /// copied.
    ///
    /// # Errors
    /// When a server has it open, or nothing was ever stored in it.
    pub fn lock(directory: impl AsRef<Path>) -> Result<Lock, OpenError> {
        let directory = directory.as_ref();
        if !store::has_format(directory) {
            return Err(OpenError::NotOurs {
                directory: directory.to_owned(),
            });
        }
        store::take_lock(directory).map(|file| Lock { _file: file })
    }

    /// Brings the index up to date with everything that was acknowledged.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub async fn checkpoint(&self) -> Result<(), EngineError> {
        let (reply, answer) = oneshot::channel();
        self.hand_in(Job::Checkpoint { reply })?;
        answer.await.unwrap_or_else(|_| Err(committer_ended()))
    }

    /// Whether the look for files that an earlier server left behind, which begins with the opening,
    /// has ended.
    pub fn is_swept(&self) -> bool {
        self.sweeper.as_ref().is_none_or(JoinHandle::is_finished)
    }

    #[cfg(test)]
    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Makes the index of a directory anew from its log. No server may have it open. Blocking.
    ///
    /// # Errors
    /// As [`Local::open`]. The old index is in place then, or set aside as `index.old`.
    pub fn rebuild(directory: impl AsRef<Path>, options: &Options) -> Result<Rebuilt, OpenError> {
        rebuild::on(directory.as_ref(), options, Arc::new(HostDisk))
    }

    /// Looks at all records, and with `scrub` reads all bodies; says what is not as it was written.
    /// Others may write meanwhile. Blocking.
    ///
    /// # Errors
    /// When the disk fails otherwise.
    pub fn verify(&self, scrub: bool) -> Result<Verified, EngineError> {
        self.verify_at(scrub, &Unhindered)
    }

    /// As [`Local::verify`], as fast as `pace` lets it.
    ///
    /// # Errors
    /// When the disk fails otherwise, or the pace ends the work.
    pub fn verify_at(&self, scrub: bool, pace: &dyn Pace) -> Result<Verified, EngineError> {
        verify::verify(&self.store, self.log_end()?, scrub, pace)
    }

    /// Copies everything as of one moment to a new directory, while others write: what was
    /// acknowledged before is in it, and nothing is half. All of it is synced, but for the name of
    /// the directory itself. Blocking.
    ///
    /// Meanwhile the room of what is deleted is not used again.
    ///
    /// # Errors
    /// When a disk fails or is full, or the pace ends the work: then the target is no data directory,
    /// and what is in it is the caller's to remove.
    pub fn copy_to(&self, target: impl AsRef<Path>, pace: &dyn Pace) -> Result<Copied, CopyError> {
        let (store, end) = (&self.store, || self.log_end());
        copy::copy(store, self.memtable_bytes, end, target.as_ref(), pace)
    }

    /// Up to where the log has whole records that were acknowledged. Blocking.
    fn log_end(&self) -> Result<Position, EngineError> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.hand_in(Job::End { reply })?;
        answer.recv().map_err(|_| committer_ended())
    }

    fn hand_in(&self, job: Job) -> Result<(), EngineError> {
        self.jobs.send(job).map_err(|_| committer_ended())
    }

    /// Takes the engine's own handle out of a write.
    fn take_body(&self, write: &mut Write) -> Result<Option<StagedBody>, EngineError> {
        let staged = match write {
            Write::Put(put) => &mut put.body,
            Write::PutPart(put) => &mut put.body,
            Write::CreateBucket { .. }
            | Write::DropBucket { .. }
            | Write::Delete(_)
            | Write::SetMeta(_)
            | Write::CreateUpload(_)
            | Write::CompleteUpload(_)
            | Write::AbortUpload { .. } => return Ok(None),
        };
        let body: StagedBody = std::mem::replace(staged, Staged::new(0, ())).into_inner()?;
        match &body {
            StagedBody::Extent(extent) if !extent.guard.is_of(&self.store.extents) => {
                Err(EngineError::Invalid {
                    what: "the body was staged by another engine",
                })
            }
            StagedBody::Shared(shared) if !shared.pin.is_of(&self.store.pins) => {
                Err(EngineError::Invalid {
                    what: "the body was staged by another engine",
                })
            }
            StagedBody::Extent(_) | StagedBody::Inline(_) | StagedBody::Shared(_) => Ok(Some(body)),
        }
    }

    async fn commit_write(&self, mut write: Write) -> Result<Committed, CommitError> {
        check_names(&write)?;
        let body = self.take_body(&mut write)?;
        let (reply, answer) = oneshot::channel();
        self.hand_in(Job::Object {
            write: Box::new(write),
            body,
            reply,
        })?;
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(committer_ended().into()),
        }
    }

    async fn commit_control(&self, txn: ControlTxn) -> Result<Revision, ControlError> {
        check_control(&txn)?;
        let (reply, answer) = oneshot::channel();
        self.hand_in(Job::Control { txn, reply })?;
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(committer_ended().into()),
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.jobs.send(Job::Stop);
        for thread in self.threads.drain(..).chain(self.sweeper.take()) {
            // They panic only for a bug, which was reported where it happened.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}

impl ObjectEngine for Local {
    fn stage(&self, hint: StageHint) -> BoxFuture<'_, Result<Box<dyn Stage>, EngineError>> {
        Box::pin(async move {
            self.store.health.check()?;
            let extents = Arc::clone(&self.store.extents);
            let stage = LocalStage::new(extents, self.inline_bytes_max, hint);
            Ok(Box::new(stage) as Box<dyn Stage>)
        })
    }

    fn share<'a>(&'a self, head: &'a Head) -> BoxFuture<'a, Result<Staged, EngineError>> {
        Box::pin(async move { self.store.share(head) })
    }

    fn commit(&self, write: Write) -> BoxFuture<'_, Result<Committed, CommitError>> {
        Box::pin(self.commit_write(write))
    }

    // The index is in memory as far as it is in use, so it is read where it is asked.

    fn head<'a>(
        &'a self,
        object: &'a ObjectName,
        which: Which,
    ) -> BoxFuture<'a, Result<Option<Head>, EngineError>> {
        Box::pin(async move { self.store.head(object, which) })
    }

    fn read<'a>(
        &'a self,
        head: &'a Head,
        range: Range<u64>,
    ) -> BoxFuture<'a, Result<ByteStream, EngineError>> {
        Box::pin(async move { self.store.read(head, range) })
    }

    fn list<'a>(
        &'a self,
        query: &'a ListQuery,
    ) -> BoxFuture<'a, Result<Page<Entry, String>, EngineError>> {
        Box::pin(async move { read::list(&self.store.view()?, query) })
    }

    fn list_versions<'a>(
        &'a self,
        query: &'a VersionsQuery,
    ) -> BoxFuture<'a, Result<Page<VersionEntry, VersionMarker>, EngineError>> {
        Box::pin(async move { read::list_versions(&self.store.view()?, query) })
    }

    fn list_uploads<'a>(
        &'a self,
        query: &'a UploadsQuery,
    ) -> BoxFuture<'a, Result<Page<Upload, UploadMarker>, EngineError>> {
        Box::pin(async move { read::list_uploads(&self.store.view()?, query) })
    }

    fn upload(&self, upload: UploadId) -> BoxFuture<'_, Result<Option<Upload>, EngineError>> {
        Box::pin(async move { read::upload_in(&self.store.view()?, upload) })
    }

    fn list_parts(
        &self,
        upload: UploadId,
        after: u32,
        limit: usize,
    ) -> BoxFuture<'_, Result<Option<PartsPage>, EngineError>> {
        Box::pin(async move { read::parts(&self.store.view()?, upload, after, limit) })
    }

    fn is_empty(&self, bucket: BucketId) -> BoxFuture<'_, Result<bool, EngineError>> {
        Box::pin(async move { read::is_empty(&self.store.view()?, bucket) })
    }
}

impl ControlStore for Local {
    fn commit(&self, txn: ControlTxn) -> BoxFuture<'_, Result<Revision, ControlError>> {
        Box::pin(self.commit_control(txn))
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<ControlRow>, EngineError>> {
        Box::pin(async move { read::control_get(&self.store.view()?, key) })
    }

    fn scan<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<ControlRow>, EngineError>> {
        Box::pin(async move { read::control_scan(&self.store.view()?, prefix) })
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision, EngineError>> {
        Box::pin(async move { read::control_revision(&self.store.view()?) })
    }
}

fn committer_ended() -> EngineError {
    EngineError::ReadOnly {
        cause: "the committer has ended".to_owned(),
    }
}

fn check_names(write: &Write) -> Result<(), EngineError> {
    let object = match write {
        Write::Put(put) => &put.object,
        Write::Delete(delete) => &delete.object,
        Write::SetMeta(change) => &change.object,
        Write::CreateUpload(create) => &create.object,
        Write::CreateBucket { .. }
        | Write::DropBucket { .. }
        | Write::PutPart(_)
        | Write::CompleteUpload(_)
        | Write::AbortUpload { .. } => return Ok(()),
    };
    match read::is_key(&object.key) {
        true => Ok(()),
        false => Err(EngineError::Invalid {
            what: "a key has 1 to 1024 bytes",
        }),
    }
}

fn check_control(txn: &ControlTxn) -> Result<(), EngineError> {
    let put = txn.puts.iter().map(|(key, _)| key);
    let changed: Vec<&String> = put.chain(&txn.deletes).collect();
    let asserted = txn.asserts.iter().map(|(key, _)| key);
    let mut keys = asserted.chain(changed.iter().copied());
    if !keys.all(|key| (1..=engine::CONTROL_KEY_BYTES_MAX).contains(&key.len())) {
        return Err(EngineError::Invalid {
            what: "a key of the control store has 1 to 1024 bytes",
        });
    }
    if changed.iter().collect::<BTreeSet<_>>().len() < changed.len() {
        return Err(EngineError::Invalid {
            what: "a key occurs twice in a control transaction",
        });
    }
    Ok(())
}
