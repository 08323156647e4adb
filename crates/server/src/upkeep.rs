//! Long work on the data of the running server, for the operator: a backup, a look for damage.
//!
//! The answer is JSON, one line each: how far it is, about once a second, and last what came of it. Who
//! closes the connection ends the work.
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use engine_local::{Local, Pace};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use crate::backup::{Backup, BackupError};
use crate::fsck::{Fsck, FsckReport};

/// A backup that the running server is to make.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupOrder {
    /// An absolute path on the server's machine, of a directory that is empty or not there.
    pub target: PathBuf,
    /// Copy the key file, too.
    #[serde(default)]
    pub with_key: bool,
    /// What is read in a second at most, in MiB; as fast as the disk can if it is not set.
    #[serde(default)]
    pub mib_per_second: Option<u32>,
}

/// A look for damage that the running server is to take.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FsckOrder {
    /// Read all bodies, too.
    #[serde(default)]
    pub scrub: bool,
    /// What is read in a second at most, in MiB; as fast as the disk can if it is not set.
    #[serde(default)]
    pub mib_per_second: Option<u32>,
}

/// What came of a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BackupDone {
    /// Files that were copied.
    pub files: u64,
    /// Their length, in bytes.
    pub bytes: u64,
    /// What was found when the copy was read again. It is a backup only if this is clean.
    pub report: FsckReport,
}

/// One line of an answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpkeepLine<T> {
    /// It goes on.
    Progress {
        /// Bytes that were read until now.
        bytes_read: u64,
    },
    /// It came to its end.
    Done(T),
    /// It did not.
    Failed {
        /// Why.
        message: String,
    },
}

/// How often it is said how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);
/// A wait is cut into such pieces, so that who ends the work need not wait for long.
const WAIT_MAX: Duration = Duration::from_millis(100);
/// Lines that nobody has read yet.
const LINES_MAX: usize = 8;

/// Gives long work its order: one at a time.
#[derive(Clone)]
pub(crate) struct Upkeep {
    local: Arc<Local>,
    data: PathBuf,
    key_file: PathBuf,
    place: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

/// Why no work was begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpkeepError {
    #[error("a backup or a check is under way; wait for its end")]
    Busy,
    #[error("`mib_per_second` must be at least 1")]
    NoRate,
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
}

impl Upkeep {
    pub(crate) fn new(
        local: Arc<Local>,
        data: PathBuf,
        key_file: PathBuf,
        stop: watch::Receiver<bool>,
    ) -> Upkeep {
        Upkeep {
            local,
            data,
            key_file,
            place: Arc::new(Semaphore::new(1)),
            stop,
        }
    }

    pub(crate) fn back_up(&self, order: BackupOrder) -> Result<Response, UpkeepError> {
        let backup = Backup {
            data: self.data.clone(),
            target: order.target,
            key_file: order.with_key.then(|| self.key_file.clone()),
        };
        let place = self.place()?;
        backup.check_live()?;
        self.answer(place, order.mib_per_second, move |local, pace| {
            let (copied, report) = backup
                .run_live(local, pace)
                .map_err(|error| error.to_string())?;
            Ok(BackupDone {
                files: copied.files,
                bytes: copied.bytes,
                report,
            })
        })
    }

    pub(crate) fn check(&self, order: FsckOrder) -> Result<Response, UpkeepError> {
        let fsck = Fsck {
            data: self.data.clone(),
            scrub: order.scrub,
            rebuild: false,
        };
        let place = self.place()?;
        self.answer(place, order.mib_per_second, move |local, pace| {
            fsck.run_live(local, pace)
                .map_err(|error| error.to_string())
        })
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, UpkeepError> {
        let place = Arc::clone(&self.place).try_acquire_owned();
        place.map_err(|_| UpkeepError::Busy)
    }

    /// Works on a thread of its own, since it reads for long and the index has a slot for each thread.
    fn answer<T: Serialize + 'static>(
        &self,
        place: OwnedSemaphorePermit,
        mib_per_second: Option<u32>,
        work: impl FnOnce(&Local, &dyn Pace) -> Result<T, String> + Send + 'static,
    ) -> Result<Response, UpkeepError> {
        if mib_per_second == Some(0) {
            return Err(UpkeepError::NoRate);
        }
        let (lines, receiver) = mpsc::channel(LINES_MAX);
        let progress = Progress::new(lines.clone(), mib_per_second, self.stop.clone());
        let local = Arc::clone(&self.local);
        std::thread::Builder::new()
            .name("upkeep".to_owned())
            .spawn(move || {
                let line = match work(&local, &progress) {
                    Ok(done) => UpkeepLine::Done(done),
                    Err(message) => {
                        tracing::warn!(message, "a backup or a check did not come to its end");
                        UpkeepLine::Failed { message }
                    }
                };
                drop(local);
                drop(place);
                // Who asked may have gone.
                let _ = lines.blocking_send(told(&line));
            })
            .map_err(UpkeepError::Thread)?;
        let lines = futures_util::stream::unfold(receiver, |mut receiver| async move {
            let line = receiver.recv().await?;
            Some((Ok::<Bytes, std::convert::Infallible>(line), receiver))
        });
        let kind = [("content-type", "application/x-ndjson")];
        Ok((kind, Body::from_stream(lines)).into_response())
    }
}

fn told<T: Serialize>(line: &UpkeepLine<T>) -> Bytes {
    let mut text = serde_json::to_vec(line).unwrap_or_else(|error| {
        let message = error.to_string();
        serde_json::json!({ "failed": { "message": message } })
            .to_string()
            .into_bytes()
    });
    text.push(b'\n');
    Bytes::from(text)
}

/// How far the work is, and how fast it may go on.
struct Progress {
    lines: mpsc::Sender<Bytes>,
    bytes: AtomicU64,
    bytes_per_second: Option<f64>,
    stop: watch::Receiver<bool>,
    times: Mutex<Times>,
}

struct Times {
    /// When the next read may begin. What was not used before is not made up for.
    next_read: Instant,
    told: Instant,
}

impl Progress {
    fn new(
        lines: mpsc::Sender<Bytes>,
        mib_per_second: Option<u32>,
        stop: watch::Receiver<bool>,
    ) -> Progress {
        let now = Instant::now();
        Progress {
            lines,
            bytes: AtomicU64::new(0),
            bytes_per_second: mib_per_second.map(|mib| f64::from(mib) * f64::from(1 << 20)),
            stop,
            times: Mutex::new(Times {
                next_read: now,
                told: now,
            }),
        }
    }

    /// When the next read may begin.
    fn note(&self, bytes: u64) -> Instant {
        let total = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let now = Instant::now();
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if now - times.told >= PROGRESS_INTERVAL {
            times.told = now;
            // When nobody reads, the next one will do.
            let line = UpkeepLine::<()>::Progress { bytes_read: total };
            let _ = self.lines.try_send(told(&line));
        }
        if let Some(rate) = self.bytes_per_second {
            let takes = Duration::from_secs_f64(bytes as f64 / rate);
            times.next_read = times.next_read.max(now) + takes;
        }
        times.next_read
    }
}

impl Pace for Progress {
    fn read(&self, bytes: u64) {
        let next = self.note(bytes);
        while !self.is_stopped() {
            let wait = next.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return;
            }
            std::thread::sleep(wait.min(WAIT_MAX));
        }
    }

    fn is_stopped(&self) -> bool {
        self.lines.is_closed() || *self.stop.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_take_as_long_as_the_rate_says_and_end_when_nobody_listens() {
        let (lines, receiver) = mpsc::channel(LINES_MAX);
        let (_stop, stopped) = watch::channel(false);
        let progress = Progress::new(lines, Some(4), stopped);
        let begin = Instant::now();
        // 1 MiB at 4 MiB a second.
        for _ in 0..16 {
            progress.read(64 << 10);
        }
        assert!(begin.elapsed() >= Duration::from_millis(240));
        assert!(!progress.is_stopped());
        drop(receiver);
        assert!(progress.is_stopped());
        // An hour, if somebody waited for it.
        progress.read(4 * 3600 * (1 << 20));
        assert!(begin.elapsed() < Duration::from_secs(60));
    }
}
