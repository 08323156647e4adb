//! Extent files: one large body (or part) each, written once.
//!
//! `header | block 0 | checksum | block 1 | checksum | …`; see DESIGN.md for the bytes. The header
//! is written last, so a file without one was never finished.

use crate::blocks::{self, BLOCK_BYTES, BlockRead, CHECKSUM_BYTES};
use crate::disk::{Disk, DiskFile};
use crate::health::Health;
use crate::pieces::ExtentId;
use bytes::{Bytes, BytesMut};
use engine::EngineError;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const MAGIC: [u8; 8] = *b"SRMEXTNT";
const VERSION: u32 = 1;
const HEADER_BYTES: u64 = 64;
/// So that syncing a name does not wait for all others.
const FOLDERS: u64 = 16;

/// The directory of extent files.
pub(crate) struct Extents {
    directory: PathBuf,
    disk: Arc<dyn Disk>,
    health: Arc<Health>,
    next: AtomicU64,
}

impl Extents {
    /// Opens the directory, which is made if need be.
    pub(crate) fn open(
        directory: PathBuf,
        disk: Arc<dyn Disk>,
        health: Arc<Health>,
    ) -> io::Result<Extents> {
        disk.make_directory(&directory)?;
        for folder in 0..FOLDERS {
            disk.make_directory(&directory.join(format!("{folder:x}")))?;
        }
        disk.sync_directory(&directory)?;
        Ok(Extents {
            directory,
            disk,
            health,
            next: AtomicU64::new(1),
        })
    }

    /// The ids of all files. Files with other names are left alone.
    pub(crate) fn on_disk(&self) -> io::Result<Vec<ExtentId>> {
        let mut found = Vec::new();
        for folder in 0..FOLDERS {
            for name in self
                .disk
                .list(&self.directory.join(format!("{folder:x}")))?
            {
                let id = name.to_str().filter(|name| name.len() == 16);
                let id = id.and_then(|name| u64::from_str_radix(name, 16).ok());
                found.extend(id.map(ExtentId));
            }
        }
        Ok(found)
    }

    /// Ids up to this one are given to no new file from now on. Answers whether this one never was
    /// given to one, since the directory was opened.
    pub(crate) fn reserve(&self, highest: ExtentId) -> bool {
        let after = highest.0.saturating_add(1);
        self.next.fetch_max(after, Ordering::Relaxed) <= highest.0
    }

    /// All files that are finished by now have lower ids.
    pub(crate) fn next(&self) -> ExtentId {
        ExtentId(self.next.load(Ordering::Relaxed))
    }

    /// The file as it is, if it is there. Blocking.
    pub(crate) fn raw(&self, id: ExtentId) -> io::Result<Option<Arc<dyn DiskFile>>> {
        match self.disk.open(&self.path(id)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The path of a file below the directory of all.
    pub(crate) fn name(id: ExtentId) -> PathBuf {
        PathBuf::from(format!("{:x}/{:016x}", id.0 % FOLDERS, id.0))
    }

    fn folder(&self, id: ExtentId) -> PathBuf {
        self.directory.join(format!("{:x}", id.0 % FOLDERS))
    }

    fn path(&self, id: ExtentId) -> PathBuf {
        self.folder(id).join(format!("{:016x}", id.0))
    }

    /// Begins a new extent. Blocking.
    pub(crate) fn create(self: &Arc<Self>) -> Result<ExtentWriter, EngineError> {
        self.health.check()?;
        let (id, file) = loop {
            let id = ExtentId(self.next.fetch_add(1, Ordering::Relaxed));
            match self.disk.create(&self.path(id)) {
                Ok(file) => break (id, file),
                // Left by an earlier server, and not removed yet: it keeps its name.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(EngineError::io("creating an extent file", error)),
            }
        };
        Ok(ExtentWriter {
            file,
            blocks: 0,
            stored_bytes: 0,
            guard: ExtentGuard {
                extents: Arc::clone(self),
                id,
                keep: false,
            },
        })
    }

    /// Opens an extent, whose length the record must know. Blocking.
    pub(crate) fn open_extent(
        &self,
        id: ExtentId,
        stored_bytes: u64,
    ) -> Result<ExtentReader, OpenExtentError> {
        let file = match self.disk.open(&self.path(id)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(OpenExtentError::Missing);
            }
            Err(error) => return Err(EngineError::io("opening an extent file", error).into()),
        };
        let mut header = [0; HEADER_BYTES as usize];
        read(file.as_ref(), &mut header, 0, id)?;
        if header != header_of(id, stored_bytes) {
            return Err(damaged(id, "its header is not the one written").into());
        }
        Ok(ExtentReader {
            file,
            id,
            stored_bytes,
        })
    }

    /// Removes a file that no record names any more. A failure costs space until the next start,
    /// which looks for such files, and nothing else.
    pub(crate) fn remove(&self, id: ExtentId) {
        match self.disk.remove(&self.path(id)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(%error, extent = id.0, "removing an extent file failed");
            }
        }
    }
}

/// Why an extent cannot be read.
pub(crate) enum OpenExtentError {
    /// There is no such file.
    Missing,
    Engine(EngineError),
}

impl From<EngineError> for OpenExtentError {
    fn from(error: EngineError) -> Self {
        OpenExtentError::Engine(error)
    }
}

/// Removes the file when dropped, unless it was kept.
pub(crate) struct ExtentGuard {
    extents: Arc<Extents>,
    id: ExtentId,
    keep: bool,
}

impl ExtentGuard {
    /// Whether the file is in this directory.
    pub(crate) fn is_of(&self, extents: &Arc<Extents>) -> bool {
        Arc::ptr_eq(&self.extents, extents)
    }

    /// A record names the file now, or may: it is no longer ours to remove.
    pub(crate) fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for ExtentGuard {
    fn drop(&mut self) {
        if !self.keep {
            self.extents.remove(self.id);
        }
    }
}

/// An extent on its way in.
pub(crate) struct ExtentWriter {
    file: Arc<dyn DiskFile>,
    blocks: u64,
    stored_bytes: u64,
    guard: ExtentGuard,
}

impl ExtentWriter {
    /// Appends whole blocks; only the last call may bring a shorter one. Blocking.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let blocks = bytes.len().div_ceil(BLOCK_BYTES);
        let mut on_disk = Vec::with_capacity(bytes.len() + blocks * CHECKSUM_BYTES);
        let offset = block_offset(self.blocks);
        for block in bytes.chunks(BLOCK_BYTES) {
            on_disk.extend_from_slice(block);
            on_disk.extend_from_slice(&blocks::checksum(self.guard.id.0, self.blocks, block));
            self.blocks += 1;
        }
        self.stored_bytes += bytes.len() as u64;
        self.file
            .write_at(&[IoSlice::new(&on_disk)], offset)
            .map_err(|error| EngineError::io("writing an extent file", error))
    }

    /// Makes the extent durable, its name included. Blocking.
    pub(crate) fn finish(self) -> Result<Extent, EngineError> {
        let id = self.guard.id;
        let extents = Arc::clone(&self.guard.extents);
        extents.health.check()?;
        self.file
            .write_at(&[IoSlice::new(&header_of(id, self.stored_bytes))], 0)
            .map_err(|error| EngineError::io("writing an extent file", error))?;
        let synced = self.file.sync_data();
        extents.synced("syncing an extent file", synced)?;
        let synced = extents.disk.sync_directory(&extents.folder(id));
        extents.synced("syncing a directory of extent files", synced)?;
        Ok(Extent {
            id,
            stored_bytes: self.stored_bytes,
            guard: self.guard,
        })
    }
}

impl Extents {
    /// After a failed sync the kernel may have dropped what it could not write, and says so only
    /// once. So it is not tried again: the engine takes no more writes. A full disk is no such case
    /// for a file that is given up.
    fn synced(&self, doing: &'static str, result: io::Result<()>) -> Result<(), EngineError> {
        result.map_err(|error| {
            let error = EngineError::io(doing, error);
            if !matches!(error, EngineError::NoSpace) {
                self.health.fail(&error);
            }
            error
        })
    }
}

/// A durable extent that no record names yet.
pub(crate) struct Extent {
    pub(crate) id: ExtentId,
    pub(crate) stored_bytes: u64,
    pub(crate) guard: ExtentGuard,
}

/// An open extent.
#[derive(Clone)]
pub(crate) struct ExtentReader {
    file: Arc<dyn DiskFile>,
    id: ExtentId,
    stored_bytes: u64,
}

impl ExtentReader {
    /// Reads the first bytes of `range`, at most some blocks of them, and checks each block that
    /// they touch. Blocking.
    pub(crate) fn read(&self, range: &Range<u64>) -> Result<Bytes, EngineError> {
        let plan = BlockRead::plan(self.id.0, self.stored_bytes, range)
            .ok_or_else(|| damaged(self.id, "it is shorter than its record says"))?;
        let mut on_disk = BytesMut::zeroed(plan.on_disk_bytes);
        let offset = HEADER_BYTES + plan.offset;
        read(self.file.as_ref(), &mut on_disk, offset, self.id)?;
        plan.finish(on_disk)
            .ok_or_else(|| damaged(self.id, "the checksum of a block does not fit"))
    }
}

fn block_offset(block: u64) -> u64 {
    HEADER_BYTES + blocks::block_offset(block)
}

fn header_of(id: ExtentId, stored_bytes: u64) -> [u8; HEADER_BYTES as usize] {
    let mut fields = Vec::with_capacity(HEADER_BYTES as usize);
    fields.extend_from_slice(&MAGIC);
    fields.extend_from_slice(&VERSION.to_le_bytes());
    fields.extend_from_slice(&(BLOCK_BYTES as u32).to_le_bytes());
    fields.extend_from_slice(&id.0.to_le_bytes());
    fields.extend_from_slice(&stored_bytes.to_le_bytes());
    let checksum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &fields);
    fields.extend_from_slice(&checksum.to_le_bytes());
    let mut header = [0; HEADER_BYTES as usize];
    for (to, from) in header.iter_mut().zip(fields) {
        *to = from;
    }
    header
}

fn read(
    file: &dyn DiskFile,
    buffer: &mut [u8],
    offset: u64,
    id: ExtentId,
) -> Result<(), EngineError> {
    file.read_at(buffer, offset)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged(id, "it ends too early"),
            _ => EngineError::io("reading an extent file", error),
        })
}

fn damaged(id: ExtentId, why: &str) -> EngineError {
    EngineError::corrupt(format!("extent {:016x}: {why}", id.0))
}

/// Where the extent files of a data directory are.
pub(crate) fn directory_in(data: &Path) -> PathBuf {
    data.join("extents")
}
