//! Where the MD5s of many connections meet: threads that hash up to sixteen streams side by side.
//!
//! A stream hands over the pieces of its body as they arrived, without copying, and goes on; a
//! thread takes what the streams have handed over and hashes it on their common blocks. Nothing
//! waits for more streams to come: what is there is hashed, and meanwhile others gather. A short
//! body, and a stream that has nobody beside it, is hashed by the caller at once.
//!
//! A stream's pieces are in one place at a time, so their order is kept: with the stream while it
//! gathers, then in its [`Ticket`], then in a [`Lane`]. The same holds for its [`Md5`].

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use bytes::{Buf as _, Bytes};
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::md5_lanes::side_by_side;
use crate::{Level, Md5};

/// A body of at most this many bytes is hashed by the caller: handing it over costs as much.
pub const INLINE_BYTES_MAX: usize = 16 * 1024;
/// A stream gathers this much before it hands anything over.
const GATHERED_BYTES: usize = 64 * 1024;
/// A stream that has handed over more than this waits until a lane has taken it. So at most twice
/// this, what it gathers and one piece are held for a stream.
const PENDING_BYTES_MAX: usize = 128 * 1024;
/// Bytes of each lane between two looks at who has come.
const TURN_BYTES: usize = 16 * 1024;

/// The threads, and the streams that use them.
#[derive(Clone)]
pub struct Front(Arc<Threads>);

struct Threads {
    level: Level,
    queues: Vec<Arc<Queue>>,
    long_streams: LongStreams,
}

/// How many streams there are that are longer than [`INLINE_BYTES_MAX`] so far.
type LongStreams = Arc<AtomicUsize>;

/// What waits for one thread.
struct Queue {
    jobs: Mutex<Jobs>,
    arrived: Condvar,
    /// Streams that wait here or are in a lane.
    load: AtomicUsize,
    long_streams: LongStreams,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Arc<Ticket>>,
    // INVARIANT: once set, nothing is put into `waiting`.
    closed: bool,
}

/// What a stream and a thread share.
struct Ticket {
    inside: Mutex<Inside>,
    abandoned: AtomicBool,
}

struct Inside {
    place: Place,
    /// What no lane has taken yet.
    pending: VecDeque<Bytes>,
    pending_bytes: usize,
    waker: Option<Waker>,
}

/// Where the state of a stream is.
enum Place {
    /// Nothing is handed over that was not hashed.
    Home(Md5),
    /// In a queue.
    Queued(Md5),
    /// In a lane.
    Lane,
    /// The thread ended while it had it.
    Lost,
}

/// The thread that hashed a stream has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HasherLost;

impl fmt::Display for HasherLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the thread that hashes bodies has ended")
    }
}

impl std::error::Error for HasherLost {}

impl Front {
    /// The one of this process, with threads for its CPUs. It begins when it is first asked for.
    pub fn shared() -> &'static Front {
        static SHARED: OnceLock<Front> = OnceLock::new();
        SHARED.get_or_init(|| {
            let level = Level::detect();
            let cpus = std::thread::available_parallelism().map_or(1, usize::from);
            // A full thread does the work of `lanes` CPUs; half of that is what it finds in practice.
            Front::new(level, cpus.div_ceil(level.lanes() / 2))
        })
    }

    /// With threads of its own. Where none can be started, streams are hashed by their callers.
    pub fn new(level: Level, threads: usize) -> Front {
        let long_streams = LongStreams::default();
        let start = |_| {
            let queue = Arc::new(Queue::new(long_streams.clone()));
            let of_thread = queue.clone();
            std::thread::Builder::new()
                .name("md5".to_owned())
                .spawn(move || of_thread.work(level))
                .ok()
                .map(|_| queue)
        };
        Front(Arc::new(Threads {
            level,
            queues: (0..threads).filter_map(start).collect(),
            long_streams,
        }))
    }

    /// How many streams a thread hashes at once.
    pub fn level(&self) -> Level {
        self.0.level
    }

    /// A new stream. Dropped, it leaves its lane.
    pub fn stream(&self) -> Md5Stream {
        Md5Stream {
            threads: self.0.clone(),
            ticket: Arc::new(Ticket {
                inside: Mutex::new(Inside {
                    place: Place::Home(Md5::default()),
                    pending: VecDeque::new(),
                    pending_bytes: 0,
                    waker: None,
                }),
                abandoned: AtomicBool::new(false),
            }),
            gathered: Vec::new(),
            gathered_bytes: 0,
            is_long: false,
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        for queue in &self.queues {
            queue.jobs.lock().closed = true;
            queue.arrived.notify_all();
        }
    }
}

impl Threads {
    /// The first thread that has a lane free, so that few threads work on full vectors; else the
    /// one with the fewest.
    fn enqueue(&self, ticket: &Arc<Ticket>) -> bool {
        let load = |queue: &&Arc<Queue>| queue.load.load(Ordering::Relaxed);
        let free = |queue: &&Arc<Queue>| load(queue) < self.level.lanes();
        let queue = self.queues.iter().find(free);
        let queue = queue.or_else(|| self.queues.iter().min_by_key(load));
        queue.is_some_and(|queue| queue.enqueue(ticket.clone()))
    }
}

/// The MD5 of one body, on its way through the front.
pub struct Md5Stream {
    threads: Arc<Threads>,
    ticket: Arc<Ticket>,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    is_long: bool,
}

impl Md5Stream {
    /// Takes the next bytes. Waits while too many are on their way.
    ///
    /// # Errors
    /// The thread that had the stream has ended.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), HasherLost> {
        self.gathered_bytes += bytes.len();
        self.gathered.push(bytes);
        if self.gathered_bytes > INLINE_BYTES_MAX {
            self.grow_long();
        }
        if self.gathered_bytes < GATHERED_BYTES {
            return Ok(());
        }
        if self.is_alone() && self.hash_here() {
            return Ok(());
        }
        poll_fn(|context| self.ticket.poll_room(context)).await?;
        self.hand_over();
        Ok(())
    }

    /// The value.
    ///
    /// # Errors
    /// The thread that had the stream has ended.
    pub async fn finish(mut self) -> Result<[u8; 16], HasherLost> {
        let is_short = self.gathered_bytes <= INLINE_BYTES_MAX;
        // Here also what has come to its end already, with nothing gathered.
        if !((is_short || self.is_alone()) && self.hash_here()) {
            self.hand_over();
        }
        let md5 = poll_fn(|context| self.ticket.poll_home(context)).await?;
        Ok(md5.finish())
    }

    fn grow_long(&mut self) {
        if !self.is_long {
            self.is_long = true;
            self.threads.long_streams.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether no other stream is long enough to be hashed beside this one.
    fn is_alone(&self) -> bool {
        self.threads.long_streams.load(Ordering::Relaxed) <= usize::from(self.is_long)
    }

    /// Hashes what was gathered, unless something older is still on its way.
    fn hash_here(&mut self) -> bool {
        let mut inside = self.ticket.inside.lock();
        let Place::Home(md5) = &mut inside.place else {
            return false;
        };
        for bytes in self.gathered.drain(..) {
            md5.update(&bytes);
        }
        self.gathered_bytes = 0;
        true
    }

    fn hand_over(&mut self) {
        let mut inside = self.ticket.inside.lock();
        inside.pending.extend(self.gathered.drain(..));
        inside.pending_bytes += std::mem::take(&mut self.gathered_bytes);
        match std::mem::replace(&mut inside.place, Place::Lost) {
            Place::Home(md5) => {
                inside.place = Place::Queued(md5);
                drop(inside);
                if !self.threads.enqueue(&self.ticket) {
                    self.ticket.hash_pending();
                }
            }
            // The thread looks here again before it lets go.
            elsewhere @ (Place::Queued(_) | Place::Lane | Place::Lost) => inside.place = elsewhere,
        }
    }
}

impl Drop for Md5Stream {
    fn drop(&mut self) {
        self.ticket.abandoned.store(true, Ordering::Relaxed);
        self.ticket.inside.lock().pending.clear();
        if self.is_long {
            self.threads.long_streams.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Md5Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Md5Stream").finish_non_exhaustive()
    }
}

impl Ticket {
    fn poll_room(&self, context: &mut Context<'_>) -> Poll<Result<(), HasherLost>> {
        let mut inside = self.inside.lock();
        match inside.place {
            Place::Lost => Poll::Ready(Err(HasherLost)),
            Place::Home(_) | Place::Queued(_) | Place::Lane => {
                if inside.pending_bytes <= PENDING_BYTES_MAX {
                    return Poll::Ready(Ok(()));
                }
                inside.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    fn poll_home(&self, context: &mut Context<'_>) -> Poll<Result<Md5, HasherLost>> {
        let mut inside = self.inside.lock();
        match &mut inside.place {
            Place::Home(md5) => Poll::Ready(Ok(std::mem::take(md5))),
            Place::Lost => Poll::Ready(Err(HasherLost)),
            Place::Queued(_) | Place::Lane => {
                inside.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// What was queued at a thread that is not there.
    fn hash_pending(&self) {
        let mut inside = self.inside.lock();
        let pending = inside.take_pending();
        if let Place::Queued(mut md5) = std::mem::replace(&mut inside.place, Place::Lost) {
            for bytes in pending {
                md5.update(&bytes);
            }
            inside.place = Place::Home(md5);
            inside.wake();
        }
    }

    fn lose(&self) {
        let mut inside = self.inside.lock();
        inside.place = Place::Lost;
        inside.wake();
    }

    fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }
}

impl Inside {
    fn take_pending(&mut self) -> VecDeque<Bytes> {
        self.pending_bytes = 0;
        std::mem::take(&mut self.pending)
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Queue {
    fn new(long_streams: LongStreams) -> Queue {
        Queue {
            jobs: Mutex::default(),
            arrived: Condvar::new(),
            load: AtomicUsize::new(0),
            long_streams,
        }
    }

    fn enqueue(&self, ticket: Arc<Ticket>) -> bool {
        let mut jobs = self.jobs.lock();
        if jobs.closed {
            return false;
        }
        // Before a lane can count it off.
        self.load.fetch_add(1, Ordering::Relaxed);
        jobs.waiting.push_back(ticket);
        drop(jobs);
        self.arrived.notify_one();
        true
    }

    /// The thread: until the front is dropped.
    fn work(&self, level: Level) {
        let _closing = Closing(self);
        let mut lanes: Vec<Lane<'_>> = Vec::with_capacity(level.lanes());
        while self.admit(&mut lanes, level.lanes()) {
            lanes.retain_mut(Lane::has_blocks);
            let mut turn: Vec<(&mut Md5, &[u8])> = lanes.iter_mut().map(Lane::turn).collect();
            let taken = side_by_side(level, &mut turn);
            for lane in &mut lanes {
                lane.blocks.advance(taken.min(lane.blocks.len()));
            }
        }
    }

    /// Fills lanes that are free. Waits where all are, and answers no when nobody will come.
    fn admit<'a>(&'a self, lanes: &mut Vec<Lane<'a>>, lanes_max: usize) -> bool {
        let mut jobs = self.jobs.lock();
        while lanes.is_empty() && jobs.waiting.is_empty() {
            if jobs.closed {
                return false;
            }
            self.arrived.wait(&mut jobs);
        }
        // Whoever fills the other lanes may be waiting for this CPU. If nobody is, this is no wait.
        let filled = lanes.len() + jobs.waiting.len();
        let expected = self.long_streams.load(Ordering::Relaxed).min(lanes_max);
        if filled * 2 <= expected {
            MutexGuard::unlocked(&mut jobs, std::thread::yield_now);
        }
        let free = lanes_max.saturating_sub(lanes.len());
        let coming = jobs.waiting.len().min(free);
        let coming: Vec<Arc<Ticket>> = jobs.waiting.drain(..coming).collect();
        drop(jobs);
        lanes.extend(
            coming
                .into_iter()
                .filter_map(|ticket| Lane::begin(self, ticket)),
        );
        true
    }

    fn has_waiting(&self) -> bool {
        !self.jobs.lock().waiting.is_empty()
    }
}

/// Whatever ends a thread, nobody waits for it afterwards.
struct Closing<'a>(&'a Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let mut jobs = self.0.jobs.lock();
        jobs.closed = true;
        let left = std::mem::take(&mut jobs.waiting);
        drop(jobs);
        for ticket in left {
            ticket.lose();
        }
    }
}

/// A stream that is being hashed. Dropped before it is given back, it is lost.
struct Lane<'a> {
    queue: &'a Queue,
    ticket: Arc<Ticket>,
    md5: Md5,
    chunks: VecDeque<Bytes>,
    /// Whole blocks, the next to be hashed.
    blocks: Bytes,
    is_given_back: bool,
}

impl<'a> Lane<'a> {
    fn begin(queue: &'a Queue, ticket: Arc<Ticket>) -> Option<Lane<'a>> {
        let mut inside = ticket.inside.lock();
        let Place::Queued(md5) = std::mem::replace(&mut inside.place, Place::Lane) else {
            // Only what is in that place is in a queue.
            inside.place = Place::Lost;
            queue.load.fetch_sub(1, Ordering::Relaxed);
            return None;
        };
        let chunks = inside.take_pending();
        inside.wake();
        drop(inside);
        Some(Lane {
            queue,
            ticket,
            md5,
            chunks,
            blocks: Bytes::new(),
            is_given_back: false,
        })
    }

    /// Brings the next whole blocks forth. Without any the stream is given back.
    fn has_blocks(&mut self) -> bool {
        if self.ticket.is_abandoned() {
            return false;
        }
        while self.blocks.is_empty() {
            let Some(chunk) = self.chunks.pop_front() else {
                if self.take_more() {
                    continue;
                }
                return false;
            };
            let blocks = self.md5.edges(&chunk);
            self.blocks = chunk.slice(blocks);
        }
        true
    }

    /// Takes what was handed over meanwhile, unless others wait for a lane.
    fn take_more(&mut self) -> bool {
        let others_wait = self.queue.has_waiting();
        let mut inside = self.ticket.inside.lock();
        if !inside.pending.is_empty() && !others_wait {
            self.chunks = inside.take_pending();
            inside.wake();
            return true;
        }
        self.is_given_back = true;
        let md5 = std::mem::take(&mut self.md5);
        if inside.pending.is_empty() {
            inside.place = Place::Home(md5);
            inside.wake();
        } else {
            inside.place = Place::Queued(md5);
            drop(inside);
            if !self.queue.enqueue(self.ticket.clone()) {
                self.ticket.hash_pending();
            }
        }
        false
    }

    fn turn(&mut self) -> (&mut Md5, &[u8]) {
        let turn = self.blocks.get(..TURN_BYTES).unwrap_or(&self.blocks);
        (&mut self.md5, turn)
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        self.queue.load.fetch_sub(1, Ordering::Relaxed);
        if !self.is_given_back {
            self.ticket.lose();
        }
    }
}

#[cfg(test)]
mod tests;
