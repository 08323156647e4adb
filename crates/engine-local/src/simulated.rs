//! A disk in memory that can lose power at any call: it forgets what was not synced, tears what was
//! being written, fails, fills up and flips bits.

use crate::disk::{Disk, DiskFile};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a disk does not tear: it is written whole or not at all.
const SECTOR_BYTES: usize = 512;
// Linux, include/uapi/asm-generic/errno-base.h.
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// What goes wrong besides the crash.
#[cfg_attr(
    not(test),
    allow(dead_code, reason = "some are for tests of the tests")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mischief {
    #[default]
    None,
    /// The call fails once, and the disk goes on.
    Error(u64),
    /// From this call on there is no room for that many calls. A write among them leaves a prefix
    /// of its bytes.
    Full(u64, u64),
    /// A disk that lies: what it was told to sync may be lost nevertheless. For tests of the tests,
    /// as the two that follow.
    IgnoresSyncs,
    /// Names are not synced, contents are.
    IgnoresDirectorySyncs,
    /// This call, if it writes, says that it did and did not.
    Forgets(u64),
}

pub(crate) struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

struct State {
    inodes: BTreeMap<u64, Inode>,
    next_inode: u64,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    unsynced_names: Vec<NameChange>,
    calls: u64,
    crash_at: Option<u64>,
    crashed: bool,
    mischief: Mischief,
    random: u64,
}

#[derive(Default, Clone)]
struct Inode {
    content: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone)]
enum NameChange {
    Made(PathBuf, u64),
    Renamed(PathBuf, PathBuf),
    Removed(PathBuf),
}

impl NameChange {
    fn directory(&self) -> Option<&Path> {
        match self {
            NameChange::Made(path, _)
            | NameChange::Renamed(_, path)
            | NameChange::Removed(path) => path.parent(),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        match self {
            NameChange::Made(path, inode) => {
                names.insert(path.clone(), *inode);
            }
            NameChange::Renamed(from, to) => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
            NameChange::Removed(path) => {
                names.remove(path);
            }
        }
    }
}

impl Inode {
    fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if content.len() < end {
            content.resize(end, 0);
        }
        if let Some(place) = content.get_mut(offset..end) {
            place.copy_from_slice(bytes);
        }
    }
}

impl State {
    fn random(&mut self) -> u64 {
        // xorshift64*
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Counts a call; answers whether power is lost in the middle of it.
    fn call(&mut self, writes: bool) -> io::Result<bool> {
        if self.crashed {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        self.calls += 1;
        match self.mischief {
            Mischief::Error(at) if self.calls == at => {
                return Err(io::Error::from_raw_os_error(EIO));
            }
            Mischief::Full(from, count) if writes && (from..from + count).contains(&self.calls) => {
                return Err(io::Error::from_raw_os_error(ENOSPC));
            }
            _ => {}
        }
        if self.crash_at == Some(self.calls) {
            self.crashed = true;
            return Ok(true);
        }
        Ok(false)
    }
}

fn crashed() -> io::Error {
    io::Error::from_raw_os_error(EIO)
}

impl SimulatedDisk {
    pub(crate) fn new(seed: u64) -> SimulatedDisk {
        SimulatedDisk {
            state: Arc::new(Mutex::new(State {
                inodes: BTreeMap::new(),
                next_inode: 0,
                names: BTreeMap::new(),
                durable_names: BTreeMap::new(),
                unsynced_names: Vec::new(),
                calls: 0,
                crash_at: None,
                crashed: false,
                mischief: Mischief::None,
                random: seed | 1,
            })),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Power goes at this call.
    pub(crate) fn crash_at(&self, call: u64) {
        self.state().crash_at = Some(call);
    }

    pub(crate) fn do_mischief(&self, mischief: Mischief) {
        self.state().mischief = mischief;
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.state().calls
    }

    /// What is on the disk when power is back.
    pub(crate) fn after_power_loss(&self) -> SimulatedDisk {
        let mut state = self.state();
        let mut names = state.durable_names.clone();
        // The changes of each directory reach the disk in their order, up to some moment.
        let mut cut: BTreeMap<PathBuf, bool> = BTreeMap::new();
        for change in state.unsynced_names.clone() {
            let directory = change.directory().unwrap_or(Path::new("")).to_owned();
            let stops = state.random().is_multiple_of(3);
            let is_cut = cut.entry(directory).or_insert(false);
            *is_cut |= stops;
            if !*is_cut {
                change.apply(&mut names);
            }
        }
        let mut inodes = BTreeMap::new();
        for inode in names.values() {
            let Some(found) = state.inodes.get(inode).cloned() else {
                continue;
            };
            let mut content = found.durable;
            let policy = state.random() % 4;
            for (offset, bytes) in &found.unsynced {
                match policy {
                    0 => {}
                    1 => Inode::write(&mut content, *offset, bytes),
                    _ => tear(&mut state, &mut content, *offset, bytes),
                }
            }
            let survived = Inode {
                durable: content.clone(),
                content,
                unsynced: Vec::new(),
            };
            inodes.insert(*inode, survived);
        }
        let seed = state.random();
        SimulatedDisk {
            state: Arc::new(Mutex::new(State {
                next_inode: state.next_inode,
                inodes,
                durable_names: names.clone(),
                names,
                unsynced_names: Vec::new(),
                calls: 0,
                crash_at: None,
                crashed: false,
                mischief: match state.mischief {
                    lies @ (Mischief::IgnoresSyncs | Mischief::IgnoresDirectorySyncs) => lies,
                    _ => Mischief::None,
                },
                random: seed | 1,
            })),
        }
    }

    /// The paths of all files.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.state().names.keys().cloned().collect()
    }

    /// Length of a file.
    pub(crate) fn file_bytes(&self, path: &Path) -> usize {
        let state = self.state();
        let inode = state.names.get(path).and_then(|id| state.inodes.get(id));
        inode.map_or(0, |inode| inode.content.len())
    }

    /// Flips bits of one byte.
    pub(crate) fn flip(&self, path: &Path, at: usize, mask: u8) {
        let mut state = self.state();
        let id = state.names.get(path).copied().unwrap_or_default();
        if let Some(inode) = state.inodes.get_mut(&id) {
            for content in [&mut inode.content, &mut inode.durable] {
                if let Some(byte) = content.get_mut(at) {
                    *byte ^= mask;
                }
            }
        }
    }
}

/// Some sectors of a write reach the disk.
fn tear(state: &mut State, content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let mut at = 0;
    while at < bytes.len() {
        let sector_end = ((offset + at) / SECTOR_BYTES + 1) * SECTOR_BYTES - offset;
        let end = sector_end.min(bytes.len());
        if state.random().is_multiple_of(2)
            && let Some(sector) = bytes.get(at..end)
        {
            Inode::write(content, offset + at, sector);
        }
        at = end;
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_found() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl Disk for SimulatedDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        let is_last = state.call(true)?;
        if state.names.contains_key(path) {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        state.next_inode += 1;
        let inode = state.next_inode;
        state.inodes.insert(inode, Inode::default());
        let change = NameChange::Made(path.to_owned(), inode);
        change.apply(&mut state.names);
        state.unsynced_names.push(change);
        match is_last {
            true => Err(crashed()),
            false => Ok(Arc::new(SimulatedFile {
                state: Arc::clone(&self.state),
                inode,
            })),
        }
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        if state.call(false)? {
            return Err(crashed());
        }
        let inode = *state.names.get(path).ok_or_else(not_found)?;
        Ok(Arc::new(SimulatedFile {
            state: Arc::clone(&self.state),
            inode,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(NameChange::Renamed(from.to_owned(), to.to_owned()), from)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(NameChange::Removed(path.to_owned()), path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let mut state = self.state();
        if state.call(false)? {
            return Err(crashed());
        }
        let within = state
            .names
            .keys()
            .filter(|path| path.parent() == Some(directory));
        Ok(within
            .filter_map(|path| path.file_name())
            .map(OsString::from)
            .collect())
    }

    fn make_directory(&self, _: &Path) -> io::Result<()> {
        match self.state().call(true)? {
            true => Err(crashed()),
            false => Ok(()),
        }
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let is_last = state.call(true)?;
        let reaches = !is_last || state.random().is_multiple_of(2);
        let ignores = matches!(
            state.mischief,
            Mischief::IgnoresSyncs | Mischief::IgnoresDirectorySyncs
        );
        if reaches && !ignores {
            let all = std::mem::take(&mut state.unsynced_names);
            for change in all {
                match change.directory() == Some(path) {
                    true => change.apply(&mut state.durable_names),
                    false => state.unsynced_names.push(change),
                }
            }
        }
        match is_last {
            true => Err(crashed()),
            false => Ok(()),
        }
    }
}

impl SimulatedDisk {
    fn change(&self, change: NameChange, existing: &Path) -> io::Result<()> {
        let mut state = self.state();
        let is_last = state.call(false)?;
        if !state.names.contains_key(existing) {
            return Err(not_found());
        }
        change.apply(&mut state.names);
        state.unsynced_names.push(change);
        match is_last {
            true => Err(crashed()),
            false => Ok(()),
        }
    }
}

struct SimulatedFile {
    state: Arc<Mutex<State>>,
    inode: u64,
}

impl SimulatedFile {
    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = lock(&self.state);
        if state.call(false)? {
            return Err(crashed());
        }
        let content = state.inodes.get(&self.inode).map(|inode| &inode.content);
        let start = offset as usize;
        let found = content.and_then(|content| content.get(start..start + buffer.len()));
        match found {
            Some(found) => buffer.copy_from_slice(found),
            None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        }
        Ok(())
    }
}

impl DiskFile for SimulatedFile {
    fn bytes(&self) -> io::Result<u64> {
        let mut state = lock(&self.state);
        if state.call(false)? {
            return Err(crashed());
        }
        let inode = state.inodes.get(&self.inode).ok_or_else(not_found)?;
        Ok(inode.content.len() as u64)
    }

    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        let mut state = lock(&self.state);
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend_from_slice(part);
        }
        let is_last = match state.call(true) {
            Ok(is_last) => is_last,
            Err(error) => {
                if error.raw_os_error() == Some(ENOSPC) {
                    // The end of what was asked for is where groups end, so often that.
                    if !state.random().is_multiple_of(3) {
                        bytes.truncate(state.random() as usize % (bytes.len() + 1));
                    }
                    let inode = state.inodes.get_mut(&self.inode).ok_or_else(not_found)?;
                    Inode::write(&mut inode.content, offset as usize, &bytes);
                    inode.unsynced.push((offset as usize, bytes));
                }
                return Err(error);
            }
        };
        let forgets = state.mischief == Mischief::Forgets(state.calls);
        let inode = state.inodes.get_mut(&self.inode).ok_or_else(not_found)?;
        if forgets {
            return Ok(());
        }
        Inode::write(&mut inode.content, offset as usize, &bytes);
        inode.unsynced.push((offset as usize, bytes));
        match is_last {
            true => Err(crashed()),
            false => Ok(()),
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read(buffer, offset)
    }

    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
        // Both ways to read are taken.
        let waits = lock(&self.state).random().is_multiple_of(4);
        match waits {
            true => Ok(false),
            false => self.read(buffer, offset).map(|()| true),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = lock(&self.state);
        let is_last = match state.call(true) {
            Ok(is_last) => is_last,
            Err(error) => {
                // As Linux: what could not be written is dropped, and nobody is told again.
                if !state.crashed
                    && error.raw_os_error() == Some(EIO)
                    && let Some(inode) = state.inodes.get_mut(&self.inode)
                {
                    inode.unsynced.clear();
                }
                return Err(error);
            }
        };
        let reaches = !is_last || state.random().is_multiple_of(2);
        let ignores = state.mischief == Mischief::IgnoresSyncs;
        let inode = state.inodes.get_mut(&self.inode).ok_or_else(not_found)?;
        if reaches && !ignores {
            for (offset, bytes) in std::mem::take(&mut inode.unsynced) {
                Inode::write(&mut inode.durable, offset, &bytes);
            }
        }
        match is_last {
            true => Err(crashed()),
            false => Ok(()),
        }
    }
}
