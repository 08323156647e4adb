//! The one thread that writes the index: it groups the writes that wait into one durable
//! transaction, and acknowledges each after that.

use crate::apply::{Apply, Garbage, SEQUENCE_ROW};
use crate::codec::{Table, decode_pieces};
use crate::index::failed;
use crate::pieces::{Address, ExtentId, Piece};
use crate::reserve::Reserve;
use crate::stage::StagedBody;
use crate::store::{Resume, Store};
use engine::{
    CommitError, Committed, ControlError, ControlTxn, EngineError, Revision, Sequence, Write,
};
use heed::RwTxn;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Writes in one transaction, at most.
const GROUP_MAX: usize = 512;
/// Inline bytes in one transaction, about.
const GROUP_BYTES_MAX: usize = 32 << 20;
/// Bodies removed in one transaction, at most.
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
}

/// What became of a job in a transaction that is not yet durable.
enum Outcome {
    Object(Result<Committed, CommitError>),
    Control(Result<Revision, ControlError>),
}

/// A transaction that is durable and published.
struct Durable {
    outcomes: Vec<Outcome>,
    /// No row names them any more.
    files: Vec<ExtentId>,
}

/// Why a group has no outcome.
enum GroupFailure {
    /// The transaction was given up: it left nothing.
    Abandoned(EngineError),
    /// Nobody knows what of it the disk holds.
    Unknown(EngineError),
}

pub(crate) struct Committer {
    store: Arc<Store>,
    /// The last sequence of a durable commit.
    last: Sequence,
    /// Bodies to be removed, in the order of their removal from the records.
    garbage: VecDeque<Garbage>,
    reserve: Reserve,
}

impl Committer {
    pub(crate) fn new(store: Arc<Store>, resume: Resume) -> Committer {
        Committer {
            store,
            last: resume.last,
            garbage: resume.garbage,
            reserve: resume.reserve,
        }
    }

    /// Works until nobody can send any more.
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
        // Here, so that opening does not wait for it.
        self.reserve.prepare();
        loop {
            let first = match self.garbage.is_empty() {
                true => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => jobs.recv_timeout(REMOVAL_INTERVAL),
            };
            let mut group = Vec::new();
            match first {
                Ok(job) => group.push(job),
                Err(RecvTimeoutError::Timeout) if self.next_removals().is_empty() => continue,
                // A transaction of removals only.
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let mut bytes: usize = group.iter().map(Job::inline_bytes).sum();
            while group.len() < GROUP_MAX && bytes < GROUP_BYTES_MAX {
                let Ok(job) = jobs.try_recv() else { break };
                bytes += job.inline_bytes();
                group.push(job);
            }
            self.commit(group);
        }
    }

    fn commit(&mut self, mut group: Vec<Job>) {
        let result = match self.store.health.check() {
            Ok(()) => self.try_commit(&group),
            Err(error) => Err(GroupFailure::Abandoned(error)),
        };
        let result = match result {
            Err(GroupFailure::Unknown(_)) if self.reserve.disk_is_full() => {
                Err(GroupFailure::Abandoned(EngineError::NoSpace))
            }
            other => other,
        };
        match result {
            Ok(Durable { outcomes, files }) => {
                for (job, outcome) in group.into_iter().zip(outcomes) {
                    job.answer(outcome);
                }
                for file in files {
                    self.store.extents.remove(file);
                }
            }
            // A delete must be possible on a full disk.
            Err(GroupFailure::Abandoned(EngineError::NoSpace))
                if !group.iter().any(Job::adds) && self.reserve.give_up() =>
            {
                self.commit(group);
            }
            // One write must not fail for another's sake.
            Err(GroupFailure::Abandoned(_)) if group.len() > 1 => {
                for job in group {
                    self.commit(vec![job]);
                }
            }
            Err(GroupFailure::Abandoned(error)) => {
                if let Some(job) = group.pop() {
                    job.fail(error);
                }
            }
            Err(GroupFailure::Unknown(error)) => {
                self.store.health.fail(&error);
                for job in group {
                    job.fail_unknown(error.clone());
                }
            }
        }
    }

    /// All jobs in one transaction. Nobody was told yet.
    fn try_commit(&mut self, group: &[Job]) -> Result<Durable, GroupFailure> {
        let abandoned = GroupFailure::Abandoned;
        let store = Arc::clone(&self.store);
        let mut txn = store.index.write().map_err(abandoned)?;
        let removals = self.next_removals();
        let files = self.remove_rows(&mut txn, &removals).map_err(abandoned)?;
        let mut sequence = self.last;
        let mut garbage = Vec::new();
        let mut outcomes = Vec::with_capacity(group.len());
        for job in group {
            sequence = Sequence(sequence.0 + 1);
            let mut apply = Apply {
                index: &store.index,
                txn: &mut txn,
                sequence,
                garbage: Vec::new(),
            };
            outcomes.push(job.apply(&mut apply).map_err(abandoned)?);
            garbage.append(&mut apply.garbage);
        }
        if group.iter().any(Job::adds) {
            if !self.reserve.is_held() {
                return Err(abandoned(EngineError::NoSpace));
            }
            store.index.check_reserve(&txn).map_err(abandoned)?;
        }
        let payload = sequence.0.to_le_bytes();
        store
            .index
            .put(&mut txn, Table::System, SEQUENCE_ROW, &payload)
            .map_err(abandoned)?;
        match txn.commit().map_err(failed("committing to the index")) {
            Ok(()) => {}
            // LMDB writes new pages beside the old ones and turns to them last. When the disk is
            // full it turns back, and the pages belong to nobody: they will be written anew.
            Err(EngineError::NoSpace) => return Err(abandoned(EngineError::NoSpace)),
            Err(error) => return Err(GroupFailure::Unknown(error)),
        }
        self.last = sequence;
        store.pins.publish(sequence);
        self.garbage.drain(..removals.len());
        self.garbage.extend(garbage);
        Ok(Durable { outcomes, files })
    }

    /// The oldest removed bodies that no reader needs.
    fn next_removals(&self) -> Vec<Garbage> {
        let removable = self.store.pins.removable();
        let ready = self
            .garbage
            .iter()
            .take_while(|garbage| garbage.removed_by <= removable);
        ready.take(REMOVALS_MAX).cloned().collect()
    }

    /// Removes what the index says of bodies; answers the files that may go after it is durable.
    fn remove_rows(
        &self,
        txn: &mut RwTxn<'_>,
        removals: &[Garbage],
    ) -> Result<Vec<ExtentId>, EngineError> {
        let index = &self.store.index;
        let mut files = Vec::new();
        for garbage in removals {
            let pieces = match garbage.address {
                Address::Empty => Vec::new(),
                Address::One(piece) => vec![piece],
                Address::Listed { id } => {
                    let row = id.to_be_bytes();
                    // A list that is damaged keeps its pieces for ever; that is no reason to stop.
                    let pieces = match index.get(txn, Table::Bodies, &row) {
                        Ok(payload) => payload.map_or(Ok(Vec::new()), decode_pieces),
                        Err(error) => Err(error),
                    };
                    index.delete(txn, Table::Bodies, &row)?;
                    pieces.unwrap_or_else(|error| {
                        tracing::error!(%error, "the list of a removed body's pieces is damaged");
                        Vec::new()
                    })
                }
            };
            for piece in pieces {
                match piece {
                    Piece::Row { id, .. } => {
                        index.delete(txn, Table::Bodies, &id.to_be_bytes())?;
                    }
                    Piece::Extent { id, .. } => {
                        index.delete(txn, Table::Extents, &id.0.to_be_bytes())?;
                        files.push(id);
                    }
                }
            }
            index.delete(txn, Table::Garbage, &garbage.row)?;
        }
        Ok(files)
    }
}

impl Job {
    fn inline_bytes(&self) -> usize {
        match self {
            Job::Object {
                body: Some(StagedBody::Inline(bytes)),
                ..
            } => bytes.len(),
            Job::Object { .. } => 0,
            Job::Control { txn, .. } => txn.puts.iter().map(|(_, value)| value.len()).sum(),
        }
    }

    /// Whether it brings something new, and so is the first to be refused when space is short.
    fn adds(&self) -> bool {
        match self {
            Job::Object { body, .. } => body.is_some(),
            Job::Control { .. } => false,
        }
    }

    /// A refusal is an outcome; an error means that the transaction must be given up, since a row
    /// may be changed already.
    fn apply(&self, apply: &mut Apply<'_, '_>) -> Result<Outcome, EngineError> {
        match self {
            Job::Object { write, body, .. } => match apply.write(write, body.as_ref()) {
                Err(CommitError::Engine(error)) if !is_refusal(&error) => Err(error),
                outcome => Ok(Outcome::Object(outcome)),
            },
            Job::Control { txn, .. } => match apply.control(txn) {
                Err(ControlError::Engine(error)) if !is_refusal(&error) => Err(error),
                outcome => Ok(Outcome::Control(outcome)),
            },
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
            // Never made by `apply`. The dropped reply is an error for who waits.
            (Job::Object { body, .. }, Outcome::Control(_)) => keep(body),
            (Job::Control { .. }, Outcome::Object(_)) => {}
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

fn is_refusal(error: &EngineError) -> bool {
    match error {
        EngineError::Invalid { .. } => true,
        EngineError::NoSpace
        | EngineError::Corrupt { .. }
        | EngineError::ReadOnly { .. }
        | EngineError::BodyGone
        | EngineError::Io { .. } => false,
    }
}

fn keep(body: Option<StagedBody>) {
    if let Some(StagedBody::Extent(extent)) = body {
        extent.guard.keep();
    }
}
