//! Room on a full disk. A delete writes before it frees, so a file is kept that can be given up for
//! it; no new body is taken in until it is back.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often it is tried to get it back, since that fills the disk for a moment.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Reserve {
    path: PathBuf,
    /// 0: none is wanted.
    bytes: usize,
    /// When it was given up, or last tried to be had back.
    given_up: Option<Instant>,
}

impl Reserve {
    pub(crate) fn new(data: &Path, bytes: usize) -> Reserve {
        Reserve {
            path: data.join("reserve"),
            bytes,
            given_up: None,
        }
    }

    /// Makes the file if there is room for it.
    pub(crate) fn prepare(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let metadata = std::fs::metadata(&self.path);
        let is_whole = metadata.is_ok_and(|metadata| metadata.len() == self.bytes as u64);
        if !is_whole && let Err(error) = fill(&self.path, self.bytes) {
            tracing::warn!(%error, "there is no room for the reserve; new bodies are refused");
            self.given_up = Some(Instant::now());
        }
    }

    /// Makes room, once. Answers whether there is more than before.
    pub(crate) fn give_up(&mut self) -> bool {
        if self.given_up.is_some() || self.bytes == 0 {
            return false;
        }
        tracing::warn!("the disk is full; only deletes are taken until there is room");
        self.given_up = Some(Instant::now());
        std::fs::remove_file(&self.path).is_ok()
    }

    /// Whether new bodies may come: the reserve is there, or there again.
    pub(crate) fn is_held(&mut self) -> bool {
        match self.given_up {
            None => true,
            Some(last) if last.elapsed() < RETRY_INTERVAL => false,
            Some(_) => {
                self.given_up = fill(&self.path, self.bytes).is_err().then(Instant::now);
                self.given_up.is_none()
            }
        }
    }
}

/// Writes the file, or leaves none.
fn fill(path: &Path, bytes: usize) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path)?;
    let written = file
        .write_all(&noise(bytes))
        .and_then(|()| file.sync_data());
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    written
}

/// Bytes that no file system can compress (xorshift).
fn noise(wanted: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(wanted + 8);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while bytes.len() < wanted {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(wanted);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_given_up_once_and_had_back() {
        let directory = tempfile::tempdir().unwrap();
        let mut reserve = Reserve::new(directory.path(), 4096);
        reserve.prepare();
        assert!(reserve.is_held());
        assert!(reserve.give_up());
        assert!(!reserve.path.exists());
        assert!(!reserve.is_held());
        assert!(!reserve.give_up());
        reserve.given_up = Some(Instant::now() - RETRY_INTERVAL);
        assert!(reserve.is_held());
        let length = std::fs::metadata(&reserve.path).unwrap().len();
        assert_eq!(length, 4096);
    }
}
