//! The few calls by which everything but the index is written and read, so that tests can put a
//! disk beneath that fails, tears and forgets.

use rustix::io::ReadWriteFlags;
use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// Where files are.
pub(crate) trait Disk: Send + Sync {
    /// Makes a new file to read and write that only this user may open.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a file to read and write.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file another name, in place of the file that had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file's name. Who has it open reads on.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory.
    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>>;
    /// Makes a directory that only this user may enter, unless it is there.
    fn make_directory(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// One open file.
pub(crate) trait DiskFile: Send + Sync {
    /// Its length.
    fn bytes(&self) -> io::Result<u64>;
    /// Writes all of it, one part after the other, and makes the file longer where need be.
    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> io::Result<()>;
    /// Fills the buffer.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Fills the buffer, or answers `false` when that would have to wait for the disk.
    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<bool>;
    /// Makes content and length durable.
    fn sync_data(&self) -> io::Result<()>;
}

/// The real one.
pub(crate) struct HostDisk;

impl Disk for HostDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        Ok(Arc::new(HostFile(options.open(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Arc::new(HostFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let entries = std::fs::read_dir(directory)?;
        entries.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

struct HostFile(File);

/// Parts in one system call: Linux takes 1024.
const PARTS_MAX: usize = 1024;

impl DiskFile for HostFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn write_at(&self, parts: &[IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        for some in parts.chunks(PARTS_MAX) {
            let all: usize = some.iter().map(|part| part.len()).sum();
            let written = loop {
                match rustix::io::pwritev(&self.0, some, offset) {
                    Err(rustix::io::Errno::INTR) => {}
                    other => break other?,
                }
            };
            if written < all {
                // Cut short: the rest part by part.
                let mut skip = written;
                let mut at = offset + written as u64;
                for part in some {
                    let rest = part.get(skip..).unwrap_or_default();
                    skip = skip.saturating_sub(part.len());
                    self.0.write_all_at(rest, at)?;
                    at += rest.len() as u64;
                }
            }
            offset += all as u64;
        }
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
        let wanted = buffer.len();
        let buffers = &mut [IoSliceMut::new(buffer)];
        match rustix::io::preadv2(&self.0, buffers, offset, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(read == wanted),
            // Not in memory; or a file system that cannot say.
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::OPNOTSUPP) => Ok(false),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
