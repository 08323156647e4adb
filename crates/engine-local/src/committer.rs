//! The one thread that orders writes: it groups those that wait, appends what they change to the
//! log with one sync, shows it to readers, and acknowledges each after that.

use crate::apply::{Apply, Garbage};
use crate::codec::{InlineAt, Table};
use crate::keeper::{Applied, Handover, Moved};
use crate::log::{Group, Log};
use crate::memtable::Memtable;
use crate::pieces::ExtentId;
use crate::record::{self, Change, InlineBody, Position};
use crate::reserve::Reserve;
use crate::rows::{Changes, Layers, Pending, Reads, View};
use crate::stage::StagedBody;
use crate::store::Store;
use bytes::Bytes;
use engine::{
    CommitError, Committed, ControlError, ControlTxn, EngineError, Revision, Sequence, Write,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;
use tokio::sync::oneshot;

/// Writes in one group, at most.
const GROUP_MAX: usize = 512;
/// Inline bytes in one group, about.
const GROUP_BYTES_MAX: usize = 16 << 20;
/// Bodies removed in one group, at most.
const REMOVALS_MAX: usize = 256;
/// How soon removed bodies are looked after when there are no writes.
const REMOVAL_INTERVAL: Duration = Duration::from_millis(50);

/// A write that waits for its turn.
pub(crate) enum Job {
    Object {
        write: Box<Write>,
        body: Option<StagedBody>,
        reply: oneshot::Sender<Result<Committed, CommitError>>,
    },
    Control {
        txn: ControlTxn,
        reply: oneshot::Sender<Result<Revision, ControlError>>,
    },
    /// Rows that go to another segment, if they are still where they were.
    Move {
        rows: Vec<Moved>,
        /// The sequence that they got.
        reply: SyncSender<Result<u64, EngineError>>,
    },
    /// Everything so far is to be in the index.
    Checkpoint {
        reply: oneshot::Sender<Result<(), EngineError>>,
    },
    /// Where the log ends: all that was answered before lies there, and nothing is half.
    End { reply: SyncSender<Position> },
    /// Nothing comes after it.
    Stop,
}

/// What became of a job that is not yet durable.
enum Outcome {
    Object(Result<Committed, CommitError>),
    Control(Result<Revision, ControlError>),
    Moved(Result<u64, EngineError>),
    None,
}

/// When the memtable is merged into the index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thresholds {
    pub(crate) memtable_bytes: usize,
    pub(crate) log_bytes: u64,
}

pub(crate) struct Committer {
    pub(crate) store: Arc<Store>,
    pub(crate) log: Log,
    pub(crate) handover: Arc<Handover>,
    pub(crate) thresholds: Thresholds,
    /// The last sequence given out.
    pub(crate) last: Sequence,
    /// Bodies to be removed, in the order of their removal from the records.
    pub(crate) garbage: VecDeque<Garbage>,
    pub(crate) reserve: Reserve,
    /// Appended since the last memtable was frozen.
    pub(crate) log_bytes: u64,
}

/// One group on its way into the log.
struct Grouping<'a> {
    view: &'a View<'a>,
    pending: Pending,
    group: Group,
    garbage: Vec<Garbage>,
    files: Vec<ExtentId>,
    sequence: u64,
    /// Why nothing new is taken in.
    full: Option<EngineError>,
}

impl Committer {
    /// Works until it is stopped.
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
        // Here, so that opening does not wait for it.
        self.reserve.prepare();
        let mut stop = false;
        while !stop {
            let first = match self.garbage.is_empty() {
                true => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => jobs.recv_timeout(REMOVAL_INTERVAL),
            };
            let mut group = Vec::new();
            match first {
                Ok(job) => group.push(job),
                Err(RecvTimeoutError::Timeout) if self.next_removals().is_empty() => continue,
                // A group of removals only.
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let mut bytes: usize = group.iter().map(Job::inline_bytes).sum();
            while group.len() < GROUP_MAX && bytes < GROUP_BYTES_MAX {
                let Ok(job) = jobs.try_recv() else { break };
                bytes += job.inline_bytes();
                group.push(job);
            }
            stop = group.iter().any(|job| matches!(job, Job::Stop));
            self.commit(group);
        }
        if self.store.health.check().is_ok() && self.store.merges_on_close() {
            // What cannot be merged now is replayed.
            let _ = self.handover.wait().and_then(|()| self.freeze());
        }
        self.handover.stop();
    }

    fn commit(&mut self, mut jobs: Vec<Job>) {
        let (ends, others): (Vec<Job>, Vec<Job>) = jobs
            .drain(..)
            .partition(|job| matches!(job, Job::End { .. }));
        self.commit_all(others);
        for job in ends {
            if let Job::End { reply } = job {
                let _ = reply.send(self.log.durable());
            }
        }
    }

    fn commit_all(&mut self, mut jobs: Vec<Job>) {
        let (checkpoints, jobs): (Vec<Job>, Vec<Job>) = jobs
            .drain(..)
            .partition(|job| matches!(job, Job::Checkpoint { .. }));
        if let Err(error) = self.store.health.check() {
            jobs.into_iter().for_each(|job| job.fail(error.clone()));
            checkpoints
                .into_iter()
                .for_each(|job| job.fail(error.clone()));
            return;
        }
        let full = self.make_room();
        let result = self.try_commit(&jobs, full);
        match result {
            Ok((outcomes, files)) => {
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    job.answer(outcome);
                }
                for file in files {
                    self.store.extents.remove(file);
                }
            }
            Err(error) => {
                self.store.health.fail(&error);
                for job in jobs {
                    job.fail_unknown(error.clone());
                }
                // Where the log ends is not known either.
                checkpoints
                    .into_iter()
                    .for_each(|job| job.fail(error.clone()));
                return;
            }
        }
        if !checkpoints.is_empty() {
            let done = self
                .handover
                .wait()
                .and_then(|()| self.freeze())
                .and_then(|()| self.handover.wait());
            for job in checkpoints {
                if let Job::Checkpoint { reply } = job {
                    let _ = reply.send(done.clone());
                }
            }
        }
    }

    /// Hands a full memtable to the keeper, and waits while there is another. Answers why nothing
    /// new can be taken in.
    fn make_room(&mut self) -> Option<EngineError> {
        let bytes = self.store.current.layers().active.bytes();
        let wanted =
            bytes >= self.thresholds.memtable_bytes || self.log_bytes >= self.thresholds.log_bytes;
        if wanted {
            if self.handover.is_merging() {
                // There is room for as much again before anybody has to wait.
                if bytes < self.thresholds.memtable_bytes * 2 {
                    return None;
                }
                if let Err(error) = self.handover.wait() {
                    return Some(error);
                }
            }
            if let Err(error) = self.freeze() {
                return Some(error);
            }
        }
        match self.store.is_index_full() {
            true => Some(EngineError::NoSpace),
            false => self.handover.error(),
        }
    }

    /// Begins a new memtable; the keeper merges the old one. None may be frozen.
    fn freeze(&mut self) -> Result<(), EngineError> {
        let layers = self.store.current.layers();
        if layers.active.is_empty() || layers.frozen.is_some() {
            return Ok(());
        }
        let (position, previous) = self.log.end();
        self.store.current.replace(Layers {
            active: Arc::new(Memtable::default()),
            frozen: Some(Arc::clone(&layers.active)),
        });
        self.log_bytes = 0;
        self.handover.freeze(Applied {
            sequence: self.last.0,
            position,
            previous,
        });
        Ok(())
    }

    /// All jobs as one group. After an error nobody knows what the disk holds.
    fn try_commit(
        &mut self,
        jobs: &[Job],
        full: Option<EngineError>,
    ) -> Result<(Vec<Outcome>, Vec<ExtentId>), EngineError> {
        let store = Arc::clone(&self.store);
        let view = match store.view() {
            Ok(view) => view,
            Err(error) => {
                let refused = jobs.iter().map(|job| job.refused(&error)).collect();
                return Ok((refused, Vec::new()));
            }
        };
        let full = match full {
            None if jobs.iter().any(Job::adds) && !self.reserve.is_held() => {
                Some(EngineError::NoSpace)
            }
            other => other,
        };
        let mut grouping = Grouping {
            view: &view,
            pending: Pending::default(),
            group: self.log.group(),
            garbage: Vec::new(),
            files: Vec::new(),
            sequence: self.last.0,
            full,
        };
        let removed = self.remove(&mut grouping);
        let outcomes = jobs
            .iter()
            .map(|job| self.apply(job, &mut grouping))
            .collect();
        let Grouping {
            pending,
            group,
            garbage,
            files,
            sequence,
            ..
        } = grouping;
        drop(view);
        if !group.is_empty() {
            self.log_bytes += group.bytes();
            self.log.write(group)?;
            let active = Arc::clone(&store.current.layers().active);
            for ((table, key), changed) in pending.into_rows() {
                active.insert(table, key, sequence, changed);
            }
            self.last = Sequence(sequence);
            store.current.publish(sequence);
            store.pins.publish(self.last);
        }
        self.garbage.drain(..removed);
        self.garbage.extend(garbage);
        Ok((outcomes, files))
    }

    /// One job. What is refused leaves nothing.
    fn apply(&mut self, job: &Job, grouping: &mut Grouping<'_>) -> Outcome {
        if job.adds()
            && let Some(full) = &grouping.full
        {
            return job.refused(full);
        }
        match job {
            Job::Object { write, body, .. } => {
                let mut apply = grouping.apply();
                let outcome = match apply.write(write, body.as_ref()) {
                    Err(error) => Err(error),
                    Ok(committed) => {
                        let done = Done::of(apply);
                        match self.add(done, grouping, !job.adds()) {
                            Ok(()) => Ok(committed),
                            Err(error) => Err(error.into()),
                        }
                    }
                };
                Outcome::Object(outcome)
            }
            Job::Control { txn, .. } => {
                let mut apply = grouping.apply();
                let outcome = match apply.control(txn) {
                    Err(error) => Err(error),
                    Ok(revision) => {
                        let done = Done::of(apply);
                        match self.add(done, grouping, true) {
                            Ok(()) => Ok(revision),
                            Err(error) => Err(error.into()),
                        }
                    }
                };
                Outcome::Control(outcome)
            }
            Job::Move { rows, .. } => {
                let mut moved = Ok(grouping.sequence);
                for row in rows {
                    if let Err(error) = self.move_row(row, grouping) {
                        moved = Err(error);
                        break;
                    }
                }
                Outcome::Moved(moved.map(|_| grouping.sequence))
            }
            Job::Checkpoint { .. } | Job::End { .. } | Job::Stop => Outcome::None,
        }
    }

    /// Appends what a write changes.
    fn add(
        &mut self,
        mut done: Done,
        grouping: &mut Grouping<'_>,
        may_use_reserve: bool,
    ) -> Result<(), EngineError> {
        if done.changes.is_empty() {
            return Ok(());
        }
        place_body(&mut done.changes, done.body.as_ref());
        let sequence = grouping.sequence + 1;
        let mut add = |group: &mut Group| {
            self.log
                .add(group, &done.changes, done.body.as_ref(), sequence)
        };
        let position = match add(&mut grouping.group) {
            // A delete must be possible on a full disk.
            Err(EngineError::NoSpace) if may_use_reserve && self.reserve.give_up() => {
                add(&mut grouping.group)?
            }
            other => other?,
        };
        grouping.sequence = sequence;
        grouping.pending.add(done.changes, position);
        grouping.garbage.append(&mut done.garbage);
        Ok(())
    }

    fn move_row(&mut self, row: &Moved, grouping: &mut Grouping<'_>) -> Result<(), EngineError> {
        let rows = Changes::new(grouping.view, &grouping.pending);
        let now = rows.located(row.change.table, &row.change.key)?;
        let is_there = match (&now, &row.change.payload) {
            (Some((at, _)), Some(_)) => *at == row.from,
            (None, None) => true,
            (None, Some(_)) | (Some(_), None) => false,
        };
        if !is_there {
            return Ok(());
        }
        let id = row
            .change
            .key
            .first_chunk()
            .map(|id| u64::from_be_bytes(*id));
        let body = row.body.clone().zip(id);
        let done = Done {
            changes: vec![row.change.clone()],
            body: body.map(|(bytes, id)| InlineBody { id, bytes }),
            garbage: Vec::new(),
        };
        self.add(done, grouping, true)
    }

    /// Removes bodies that no reader needs; answers how many.
    fn remove(&mut self, grouping: &mut Grouping<'_>) -> usize {
        let removals = self.next_removals();
        let mut removed = 0;
        for garbage in &removals {
            let mut files = Vec::new();
            let mut apply = grouping.apply();
            let released = apply.release(garbage, &mut files);
            let done = Done::of(apply);
            let added = released.and_then(|()| self.add(done, grouping, true));
            if let Err(error) = added {
                // Kept for ever if it is damaged; that is no reason to stop.
                if matches!(error, EngineError::Corrupt { .. }) {
                    tracing::error!(%error, "a body that nobody names cannot be removed");
                    removed += 1;
                    continue;
                }
                break;
            }
            grouping.files.append(&mut files);
            removed += 1;
        }
        removed
    }

    /// The oldest removed bodies that no reader needs.
    fn next_removals(&self) -> Vec<Garbage> {
        let Some(removable) = self.store.pins.removable() else {
            return Vec::new();
        };
        let ready = self
            .garbage
            .iter()
            .take_while(|garbage| garbage.removed_by <= removable);
        ready.take(REMOVALS_MAX).cloned().collect()
    }
}

impl Grouping<'_> {
    fn apply(&self) -> Apply<'_> {
        Apply {
            rows: Changes::new(self.view, &self.pending),
            sequence: Sequence(self.sequence + 1),
            garbage: Vec::new(),
            body: None,
        }
    }
}

/// What a write comes to.
struct Done {
    changes: Vec<Change>,
    body: Option<InlineBody>,
    garbage: Vec<Garbage>,
}

impl Done {
    fn of(apply: Apply<'_>) -> Done {
        Done {
            changes: apply.rows.into_changes(),
            body: apply.body,
            garbage: apply.garbage,
        }
    }
}

/// Says in the body's row where the body is in the record.
fn place_body(changes: &mut [Change], body: Option<&InlineBody>) {
    let Some(body) = body else { return };
    let offset = record::body_offset(record::rows_bytes(changes)) as u32;
    let row = changes
        .iter_mut()
        .find(|change| change.table == Table::Bodies && *change.key == body.id.to_be_bytes());
    if let Some(row) = row {
        let at = InlineAt {
            offset,
            stored_bytes: body.bytes.len() as u64,
        };
        row.payload = Some(Bytes::from(at.encode()));
    }
}

impl Job {
    fn inline_bytes(&self) -> usize {
        match self {
            Job::Object {
                body: Some(StagedBody::Inline(bytes)),
                ..
            } => bytes.len(),
            Job::Object { .. } | Job::Checkpoint { .. } | Job::End { .. } | Job::Stop => 0,
            Job::Control { txn, .. } => txn.puts.iter().map(|(_, value)| value.len()).sum(),
            Job::Move { rows, .. } => {
                let bodies = rows.iter().filter_map(|row| row.body.as_ref());
                bodies.map(Bytes::len).sum()
            }
        }
    }

    /// Whether it brings something new, and so is the first to be refused when space is short.
    fn adds(&self) -> bool {
        match self {
            Job::Object { body, .. } => body.is_some(),
            Job::Control { .. }
            | Job::Move { .. }
            | Job::Checkpoint { .. }
            | Job::End { .. }
            | Job::Stop => false,
        }
    }

    fn refused(&self, error: &EngineError) -> Outcome {
        match self {
            Job::Object { .. } => Outcome::Object(Err(error.clone().into())),
            Job::Control { .. } => Outcome::Control(Err(error.clone().into())),
            Job::Move { .. } => Outcome::Moved(Err(error.clone())),
            Job::Checkpoint { .. } | Job::End { .. } | Job::Stop => Outcome::None,
        }
    }

    /// Who asked may have gone; the write stands nevertheless.
    fn answer(self, outcome: Outcome) {
        match (self, outcome) {
            (Job::Object { body, reply, .. }, Outcome::Object(outcome)) => {
                if outcome.is_ok() {
                    keep(body);
                }
                let _ = reply.send(outcome);
            }
            (Job::Control { reply, .. }, Outcome::Control(outcome)) => {
                let _ = reply.send(outcome);
            }
            (Job::Move { reply, .. }, Outcome::Moved(outcome)) => {
                let _ = reply.send(outcome);
            }
            // An outcome is made of its job. The dropped reply is an error for who waits.
            (Job::Object { body, .. }, _) => keep(body),
            (_, _) => {}
        }
    }

    /// The write left nothing, and its body goes too.
    fn fail(self, error: EngineError) {
        match self {
            Job::Object { reply, .. } => {
                let _ = reply.send(Err(error.into()));
            }
            Job::Control { reply, .. } => {
                let _ = reply.send(Err(error.into()));
            }
            Job::Move { reply, .. } => {
                let _ = reply.send(Err(error));
            }
            Job::Checkpoint { reply } => {
                let _ = reply.send(Err(error));
            }
            // An end is answered elsewhere.
            Job::End { .. } | Job::Stop => {}
        }
    }

    /// The record may be there, so its body must stay. The next start finds out.
    fn fail_unknown(mut self, error: EngineError) {
        if let Job::Object { body, .. } = &mut self {
            keep(body.take());
        }
        self.fail(error);
    }
}

fn keep(body: Option<StagedBody>) {
    if let Some(StagedBody::Extent(extent)) = body {
        extent.guard.keep();
    }
}
