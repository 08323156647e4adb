//! Copies the data of a server, to a backup, while it runs or not, and back.
//!
//! A backup is a directory with `data/`, a copy of the data directory; `key`, if that was asked; and
//! `BACKUP`, written when everything else was synced and verified: without it nothing is restored.
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use engine_local::{CopyError, FORMAT_FILE, Local, Pace, Unhindered};

use crate::config::token_file;
use crate::fsck::{Fsck, FsckError, FsckReport, opening};
use crate::start::store_directory;

const DATA_DIRECTORY: &str = "data";
const KEY_FILE: &str = "key";
const MARK_FILE: &str = "BACKUP";
const MARK: &str = "strongroom backup\nversion 1\n";

/// A copy to be made of a data directory.
#[derive(Clone, Debug)]
pub struct Backup {
    /// The server's data directory.
    pub data: PathBuf,
    /// The directory to make, or an empty one.
    pub target: PathBuf,
    /// The key file, if it is to be copied, too.
    pub key_file: Option<PathBuf>,
}

/// A data directory to be made of a backup.
#[derive(Clone, Debug)]
pub struct Restore {
    /// The directory that [`Backup`] made.
    pub backup: PathBuf,
    /// The data directory to make, or an empty directory.
    pub data: PathBuf,
    /// Where the key file of the backup goes, if it is to be restored, too.
    pub key_file: Option<PathBuf>,
}

/// Nothing, or not everything, was copied.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The data cannot be opened.
    #[error(transparent)]
    Data(#[from] FsckError),
    /// Where it would lie is the server's to say, not the caller's.
    #[error("`{}` is not an absolute path", path.display())]
    NotAbsolute {
        /// The directory that was named as the target.
        path: PathBuf,
    },
    /// The storage engine could not be copied.
    #[error(transparent)]
    Engine(#[from] CopyError),
    /// Nothing is ever written over.
    #[error("`{}` is not empty: name an empty directory or a new one", path.display())]
    NotEmpty {
        /// The directory that was named as the target.
        path: PathBuf,
    },
    /// The copy would hold itself.
    #[error("`{}` lies within what is to be copied", path.display())]
    Within {
        /// The directory that was named as the target.
        path: PathBuf,
    },
    /// It was not made by a backup, or that did not come to its end.
    #[error("`{}` is not a backup that was finished", path.display())]
    NotABackup {
        /// The directory that was named as the backup.
        path: PathBuf,
    },
    /// There is no key to copy.
    #[error("the key file `{}` is not there", path.display())]
    KeyMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A key is never written over: data may be lost with it.
    #[error("the key file `{}` is there already", path.display())]
    KeyThere {
        /// Where the key was to go.
        path: PathBuf,
    },
    /// Something that the server did not make.
    #[error("`{}` is neither a file nor a directory", path.display())]
    Special {
        /// Its path.
        path: PathBuf,
    },
    /// A file or directory cannot be read or written.
    #[error("`{}` cannot be copied: {source}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What was copied.
#[derive(Clone, Debug, Default)]
pub struct Copied {
    /// Files of the data directory.
    pub files: u64,
    /// Their length, in bytes.
    pub bytes: u64,
}

impl Backup {
    /// Copies, syncs, and reads all of the copy again. Blocking; not within a Tokio runtime.
    ///
    /// When the report is not clean the copy is not marked as a backup, so that it is not restored.
    ///
    /// # Errors
    /// When the server runs, the target is not empty, or files cannot be read or written. What was
    /// copied until then is left.
    pub fn run(&self) -> Result<(Copied, FsckReport), BackupError> {
        self.check_key()?;
        let target = self.target.join(DATA_DIRECTORY);
        let done = copy_data(&self.data, &self.target, &target)?;
        self.finish(done, &Unhindered)
    }

    /// Whether [`Backup::run_live`] could begin.
    ///
    /// # Errors
    /// When it could not. Nothing was made.
    pub(crate) fn check_live(&self) -> Result<(), BackupError> {
        if !self.target.is_absolute() {
            return Err(BackupError::NotAbsolute {
                path: self.target.clone(),
            });
        }
        self.check_key()?;
        must_be_empty(&self.target)?;
        must_be_outside(&self.target, &self.data)
    }

    /// As [`Backup::run`], from the engine of the server that has the data open, as of one moment.
    ///
    /// Files beside the store are copied as they are: of the journal's newest the last record may be cut.
    pub(crate) fn run_live(
        &self,
        local: &Local,
        pace: &dyn Pace,
    ) -> Result<(Copied, FsckReport), BackupError> {
        self.check_live()?;
        make_target(&self.target)?;
        let target = self.target.join(DATA_DIRECTORY);
        let mut done = Copied::default();
        let except = [store_directory(&self.data), token_file(&self.data)];
        let except: Vec<&Path> = except.iter().map(PathBuf::as_path).collect();
        copy_directory(&self.data, &target, &except, Vanished::Allowed, &mut done)?;
        let copied = local.copy_to(store_directory(&target), pace)?;
        done.files += copied.files;
        done.bytes += copied.bytes;
        for directory in [&target, &self.target] {
            sync_directory(directory)?;
        }
        self.finish(done, pace)
    }

    fn check_key(&self) -> Result<(), BackupError> {
        match self.key_file.as_deref().filter(|path| !path.is_file()) {
            Some(path) => Err(BackupError::KeyMissing {
                path: path.to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Copies the key, verifies, and marks the backup as one.
    fn finish(&self, done: Copied, pace: &dyn Pace) -> Result<(Copied, FsckReport), BackupError> {
        if let Some(key_file) = &self.key_file {
            copy_file(key_file, &self.target.join(KEY_FILE))?;
            sync_directory(&self.target)?;
        }
        let report = verified(&self.target.join(DATA_DIRECTORY), pace)?;
        if report.clean {
            let mark = self.target.join(MARK_FILE);
            new_file(&mark)
                .and_then(|mut file| {
                    file.write_all(MARK.as_bytes())?;
                    file.sync_all()
                })
                .map_err(failed(&mark))?;
            sync_directory(&self.target)?;
        }
        Ok((done, report))
    }
}

impl Restore {
    /// Copies, syncs, and reads all of the copy again. Blocking; not within a Tokio runtime.
    ///
    /// When the report is not clean, the data are there as they are, without the key.
    ///
    /// # Errors
    /// When this is not a finished backup, the data directory is not empty, a key file is in the
    /// way, or files cannot be read or written. What was copied until then is left.
    pub fn run(&self) -> Result<(Copied, FsckReport), BackupError> {
        let mark = fs::read(self.backup.join(MARK_FILE));
        if !mark.is_ok_and(|mark| mark == MARK.as_bytes()) {
            return Err(BackupError::NotABackup {
                path: self.backup.clone(),
            });
        }
        let key = self.backup.join(KEY_FILE);
        if let Some(key_file) = &self.key_file {
            if !key.is_file() {
                return Err(BackupError::KeyMissing { path: key });
            }
            if key_file.exists() {
                return Err(BackupError::KeyThere {
                    path: key_file.clone(),
                });
            }
        }
        let source = self.backup.join(DATA_DIRECTORY);
        let done = copy_data(&source, &self.data, &self.data)?;
        let report = verified(&self.data, &Unhindered)?;
        if let Some(key_file) = self.key_file.as_ref().filter(|_| report.clean) {
            copy_file(&key, key_file)?;
            sync_directory(parent(key_file))?;
        }
        Ok((done, report))
    }
}

fn verified(data: &Path, pace: &dyn Pace) -> Result<FsckReport, FsckError> {
    let fsck = Fsck {
        data: data.to_owned(),
        scrub: true,
        rebuild: false,
    };
    fsck.run_at(pace)
}

/// Copies a data directory to `to`, which is `named` or lies in it. Everything is synced.
fn copy_data(from: &Path, named: &Path, to: &Path) -> Result<Copied, BackupError> {
    let store = store_directory(from);
    if !store.join(FORMAT_FILE).exists() {
        return Err(FsckError::NoData {
            data: from.to_owned(),
        }
        .into());
    }
    // No server opens it until all is copied.
    let _lock = Local::lock(&store).map_err(|error| opening(from, error))?;
    must_be_empty(named)?;
    must_be_outside(named, from)?;
    make_target(named)?;
    // It comes last: nothing is taken for a store without it.
    let format = store.join(FORMAT_FILE);
    // It is the running server's, and made anew at each start.
    let token = token_file(from);
    let mut done = Copied::default();
    let except = [&*format, &token];
    copy_directory(from, to, &except, Vanished::IsError, &mut done)?;
    sync_directory(named)?;
    let store = store_directory(to);
    done.bytes += copy_file(&format, &store.join(FORMAT_FILE))?;
    done.files += 1;
    sync_directory(&store)?;
    Ok(done)
}

/// Makes the directory of a copy; its name and those above are synced.
fn make_target(named: &Path) -> Result<(), BackupError> {
    let made: Vec<&Path> = named
        .ancestors()
        .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
        .collect();
    make_directory(named)?;
    for path in made {
        sync_directory(parent(path))?;
    }
    Ok(())
}

/// What a file is that was listed and is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Vanished {
    /// Nobody else has the directory.
    IsError,
    /// The server removes old files of its journal.
    Allowed,
}

fn copy_directory(
    from: &Path,
    to: &Path,
    except: &[&Path],
    vanished: Vanished,
    done: &mut Copied,
) -> Result<(), BackupError> {
    make_directory(to)?;
    for entry in fs::read_dir(from).map_err(failed(from))? {
        let entry = entry.map_err(failed(from))?;
        let path = entry.path();
        if except.contains(&path.as_path()) {
            continue;
        }
        let target = to.join(entry.file_name());
        let kind = entry.file_type().map_err(failed(&path))?;
        if kind.is_dir() {
            copy_directory(&path, &target, except, vanished, done)?;
        } else if vanished == Vanished::Allowed && !path.exists() {
            continue;
        } else if kind.is_file() {
            done.bytes += copy_file(&path, &target)?;
            done.files += 1;
        } else {
            return Err(BackupError::Special { path });
        }
    }
    sync_directory(to)
}

/// Answers the length. The name is not synced yet.
fn copy_file(from: &Path, to: &Path) -> Result<u64, BackupError> {
    let mut source = File::open(from).map_err(failed(from))?;
    let copied = new_file(to).and_then(|mut target| {
        let bytes = io::copy(&mut source, &mut target)?;
        target.sync_all()?;
        Ok(bytes)
    });
    copied.map_err(failed(to))
}

/// A file that only this user may read, and that was not there.
fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn make_directory(path: &Path) -> Result<(), BackupError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed(path))
}

fn sync_directory(path: &Path) -> Result<(), BackupError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(failed(path))
}

fn must_be_empty(path: &Path) -> Result<(), BackupError> {
    match fs::read_dir(path) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(BackupError::NotEmpty {
                path: path.to_owned(),
            }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(path)(error)),
    }
}

fn must_be_outside(path: &Path, of: &Path) -> Result<(), BackupError> {
    let of = of.canonicalize().map_err(failed(of))?;
    let absolute = std::path::absolute(path).map_err(failed(path))?;
    // The part of it that is there already.
    let real = absolute
        .ancestors()
        .find_map(|ancestor| ancestor.canonicalize().ok());
    match real.is_some_and(|real| real.starts_with(&of)) {
        true => Err(BackupError::Within {
            path: path.to_owned(),
        }),
        false => Ok(()),
    }
}

/// The directory in which a path lies.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    |source| BackupError::File { path, source }
}
