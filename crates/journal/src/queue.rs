//! The way from a request's thread to the writer's: it takes no lock and waits for nothing.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError, TrySendError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::Record;
use crate::files::Files;

/// Records that may wait for the writer; more are counted and dropped.
const QUEUE_LENGTH_MAX: usize = 16_384;
/// What waiting records may weigh, see [`Record::weight_bytes`]; more are counted and dropped.
const QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Above this, records come into the queue without their cases.
const QUEUE_BYTES_WITH_CASES_MAX: usize = QUEUE_BYTES_MAX / 2;
/// From here on the writer is woken. Below it looks by itself: to wake a thread is a system call,
/// which a request should not pay for.
const QUEUE_BYTES_TO_WAKE: usize = QUEUE_BYTES_MAX / 4;
/// How often the writer looks, when there is traffic and when there is none.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
const IDLE_LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Records after which the writer looks at the time, also when more are waiting.
const RECORDS_BETWEEN_LOOKS: usize = 4096;
/// How long a caller that waits for a full queue sleeps.
const FULL_INTERVAL: Duration = Duration::from_millis(5);

pub(crate) enum Message {
    Record {
        record: Box<Record>,
        time: Option<Timestamp>,
        weight_bytes: usize,
    },
    Flush(SyncSender<()>),
}

/// What did not become part of the journal, and what waits to.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    lost: AtomicU64,
    trimmed: AtomicU64,
    queued_bytes: AtomicUsize,
}

impl Counters {
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn trimmed(&self) -> u64 {
        self.trimmed.load(Ordering::Relaxed)
    }

    pub(crate) fn add_lost(&self, records: u64) -> u64 {
        self.lost.fetch_add(records, Ordering::Relaxed) + records
    }

    pub(crate) fn add_trimmed(&self) {
        let trimmed = self.trimmed.fetch_add(1, Ordering::Relaxed) + 1;
        if trimmed.is_power_of_two() {
            tracing::warn!(trimmed, "the journal keeps refusals without their policies");
        }
    }
}

/// The requests' end.
#[derive(Debug)]
pub(crate) struct Queue {
    sender: SyncSender<Message>,
    counters: Arc<Counters>,
    writer: Thread,
}

/// The writer's end.
pub(crate) struct Intake {
    receiver: Receiver<Message>,
    counters: Arc<Counters>,
}

/// A channel whose other end is not known to any thread yet.
pub(crate) fn channel(counters: &Arc<Counters>) -> (SyncSender<Message>, Intake) {
    let (sender, receiver) = mpsc::sync_channel(QUEUE_LENGTH_MAX);
    let counters = counters.clone();
    (sender, Intake { receiver, counters })
}

impl Queue {
    pub(crate) fn new(
        sender: SyncSender<Message>,
        counters: Arc<Counters>,
        writer: Thread,
    ) -> Queue {
        Queue {
            sender,
            counters,
            writer,
        }
    }

    pub(crate) fn put(&self, mut record: Record, time: Option<Timestamp>) {
        let queued = &self.counters.queued_bytes;
        let mut weight_bytes = record.weight_bytes();
        let mut total = queued.fetch_add(weight_bytes, Ordering::Relaxed) + weight_bytes;
        let trimmed = total > QUEUE_BYTES_WITH_CASES_MAX && record.drop_cases();
        if trimmed {
            let less = weight_bytes.saturating_sub(record.weight_bytes());
            queued.fetch_sub(less, Ordering::Relaxed);
            weight_bytes -= less;
            total -= less;
        }
        if total > QUEUE_BYTES_TO_WAKE {
            self.writer.unpark();
        }
        let message = Message::Record {
            record: Box::new(record),
            time,
            weight_bytes,
        };
        if total > QUEUE_BYTES_MAX || self.sender.try_send(message).is_err() {
            queued.fetch_sub(weight_bytes, Ordering::Relaxed);
            let lost = self.counters.add_lost(1);
            if lost.is_power_of_two() {
                tracing::warn!(lost, "the journal is behind: records are dropped");
            }
        } else if trimmed {
            self.counters.add_trimmed();
        }
    }

    /// Waits until everything that was put so far is written, but not longer than `timeout`.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let (done, wait) = mpsc::sync_channel(1);
        let mut message = Message::Flush(done);
        loop {
            match self.sender.try_send(message) {
                Ok(()) => break,
                // The writer is gone, and with it what could be waited for.
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(returned)) => message = returned,
            }
            if Instant::now() >= deadline {
                return false;
            }
            self.writer.unpark();
            std::thread::sleep(FULL_INTERVAL);
        }
        self.writer.unpark();
        let left = deadline.saturating_duration_since(Instant::now());
        wait.recv_timeout(left).is_ok()
    }
}

impl Intake {
    /// Writes what comes until nobody is left who could send something.
    pub(crate) fn run(self, mut files: Files) {
        loop {
            let (mut busy, mut more) = (false, true);
            for _ in 0..RECORDS_BETWEEN_LOOKS {
                match self.receiver.try_recv() {
                    Ok(Message::Record {
                        record,
                        time,
                        weight_bytes,
                    }) => {
                        files.append(*record, time);
                        let queued = &self.counters.queued_bytes;
                        queued.fetch_sub(weight_bytes, Ordering::Relaxed);
                        busy = true;
                    }
                    Ok(Message::Flush(done)) => {
                        files.write_out();
                        // Whoever waited may have gone; that is theirs to know.
                        let _ = done.send(());
                    }
                    Err(TryRecvError::Empty) => {
                        more = false;
                        break;
                    }
                    Err(TryRecvError::Disconnected) => {
                        files.write_out();
                        return;
                    }
                }
            }
            files.tick();
            // A token of `unpark` that came meanwhile makes this return at once.
            std::thread::park_timeout(match (more, busy) {
                (true, _) => Duration::ZERO,
                (false, true) => LOOK_INTERVAL,
                (false, false) => IDLE_LOOK_INTERVAL,
            });
        }
    }
}
