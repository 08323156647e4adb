//! The thread behind the committer: it merges what is frozen into the index, and makes room in the
//! log.

use crate::blocks;
use crate::codec::{InlineAt, Table, decode_u64};
use crate::committer::Job;
use crate::log::Recycler;
use crate::memtable::{Changed, Memtable};
use crate::record::{Change, Position};
use crate::rows::{Layers, Reads};
use crate::segment::{FIRST_RECORD, Scan, Scanned};
use crate::store::Store;
use bytes::Bytes;
use engine::EngineError;
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// The row of `system` that says up to where the index has what the log has.
pub(crate) const APPLIED_ROW: &[u8] = b"applied";
/// What rows of `system` begin with that say how many bytes of a segment are in use.
const LIVE_ROWS: &[u8] = b"live/";
/// Rows in one transaction of the index: others of the disk's users wait for its sync.
/// (Few in tests, so that a merge takes several.)
const MERGED_ROWS_MAX: usize = if cfg!(any(test, feature = "simulation")) {
    16
} else {
    20_000
};
/// Part of a record's header, so that a segment that is all in use counts as such.
const RECORD_SHARE: u64 = 32;
/// Removals that are more than one in so many bytes of the log are too many.
const REMOVALS_SHARE: u64 = 4;
/// What one job of the compaction takes along.
const MOVED_ROWS_MAX: usize = 128;
const MOVED_BYTES_MAX: usize = 1 << 20;
/// How soon a failed checkpoint is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Up to where the log is in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) sequence: u64,
    /// Where the next record is.
    pub(crate) position: Position,
    /// The checksum that it names.
    pub(crate) previous: u64,
}

impl Applied {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let fields = [self.sequence, self.position.0, self.previous];
        fields
            .iter()
            .flat_map(|field| field.to_le_bytes())
            .collect()
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<Applied, EngineError> {
        let mut fields = payload.chunks(8).map(decode_u64);
        let mut next = || {
            let missing = || EngineError::corrupt("a field of the checkpoint is missing");
            fields.next().ok_or_else(missing)?
        };
        Ok(Applied {
            sequence: next()?,
            position: Position(next()?),
            previous: next()?,
        })
    }
}

/// What committer and keeper share.
#[derive(Default)]
pub(crate) struct Handover {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Where the frozen memtable ends, if there is one.
    frozen: Option<Applied>,
    /// Why the last merge failed, until one goes well.
    error: Option<EngineError>,
    /// The keeper waits for the committer.
    moving: bool,
    stop: bool,
}

impl Handover {
    /// Says that a memtable is frozen.
    pub(crate) fn freeze(&self, end: Applied) {
        self.state.lock().frozen = Some(end);
        self.changed.notify_all();
    }

    /// Waits until no memtable is frozen any more, unless the keeper waits for the committer.
    pub(crate) fn wait(&self) -> Result<(), EngineError> {
        let mut state = self.state.lock();
        while state.frozen.is_some() && !state.moving {
            if let Some(error) = &state.error {
                return Err(error.clone());
            }
            self.changed.wait(&mut state);
        }
        Ok(())
    }

    fn set_moving(&self, moving: bool) {
        self.state.lock().moving = moving;
        self.changed.notify_all();
    }

    /// Whether compaction should make way.
    fn is_urgent(&self) -> bool {
        let state = self.state.lock();
        state.stop || state.frozen.is_some()
    }

    pub(crate) fn is_merging(&self) -> bool {
        self.state.lock().frozen.is_some()
    }

    /// Why no checkpoint can be made, if that is so.
    pub(crate) fn error(&self) -> Option<EngineError> {
        self.state.lock().error.clone()
    }

    pub(crate) fn stop(&self) {
        self.state.lock().stop = true;
        self.changed.notify_all();
    }
}

pub(crate) struct Keeper {
    pub(crate) store: Arc<Store>,
    pub(crate) handover: Arc<Handover>,
    pub(crate) recycler: Recycler,
    /// To hand rows to the committer. Weak in effect: the committer ends by its own signal.
    pub(crate) jobs: Sender<Job>,
    /// Bytes in use by segment, of what the index has.
    pub(crate) live: BTreeMap<u32, u64>,
    pub(crate) applied: Applied,
    /// Emptied by compaction; free as soon as the index has what was moved.
    pub(crate) emptied: Vec<(u32, u64)>,
    /// Left as they are.
    pub(crate) damaged: Vec<u32>,
    /// Bytes of removals by segment, as far as they were merged since the start.
    pub(crate) removals: BTreeMap<u32, u64>,
    /// Where compaction goes on.
    pub(crate) paused: Option<Paused>,
}

/// A segment that compaction left for more urgent work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paused {
    segment: u32,
    /// The first record that it has not gone over.
    at: u32,
    /// The sequence of the last move so far.
    moved_by: u64,
}

impl Keeper {
    /// Works until it is stopped; what is frozen then is merged first.
    pub(crate) fn run(mut self) {
        loop {
            let end = {
                let mut state = self.handover.state.lock();
                loop {
                    if let Some(end) = state.frozen {
                        if state.error.is_some() && !state.stop {
                            self.handover.changed.wait_for(&mut state, RETRY);
                        }
                        break Some(end);
                    }
                    if state.stop {
                        break None;
                    }
                    self.handover.changed.wait(&mut state);
                }
            };
            let Some(end) = end else { return };
            let merged = self.checkpoint(end);
            let failed = merged.is_err();
            {
                let mut state = self.handover.state.lock();
                match merged {
                    Ok(()) => {
                        state.frozen = None;
                        state.error = None;
                    }
                    Err(error) => {
                        tracing::error!(%error, "the index could not take what the log has");
                        state.error = Some(error);
                    }
                }
                self.handover.changed.notify_all();
                if state.stop {
                    return;
                }
            }
            if !failed {
                self.free();
                if let Err(error) = self.compact() {
                    tracing::error!(%error, "room in the log could not be won back");
                }
            }
        }
    }

    /// Merges the frozen memtable into the index.
    fn checkpoint(&mut self, end: Applied) -> Result<(), EngineError> {
        let layers = self.store.current.layers();
        let Some(frozen) = &layers.frozen else {
            return Ok(());
        };
        self.merge(frozen, end)?;
        self.applied = end;
        // Nobody else replaces layers while a memtable is frozen.
        self.store.current.replace(Layers {
            active: Arc::clone(&layers.active),
            frozen: None,
        });
        Ok(())
    }

    /// Puts all rows into the index; the last transaction says so. Each says what is in use with the
    /// rows that it puts, so that a merge that was cut short, by a full disk or the end of the
    /// process, goes on from what is true.
    fn merge(&mut self, memtable: &Memtable, end: Applied) -> Result<(), EngineError> {
        let store = Arc::clone(&self.store);
        let index = &store.index;
        // What was put and replaced within the memtable is in no index. It never counted.
        let mut rows = memtable.newest().peekable();
        loop {
            let mut txn = index.write()?;
            let mut live = self.live.clone();
            let mut changed_in = BTreeSet::new();
            let mut removals = Vec::new();
            for (table, key, changed) in rows.by_ref().take(MERGED_ROWS_MAX) {
                let Changed { position, payload } = changed;
                if let Some(old) = index.get(&txn, table, &key)? {
                    // An earlier try has put and counted it.
                    if old.position == position {
                        continue;
                    }
                    let bytes = bytes_in_use(table, &key, old.payload)?;
                    let count = live.entry(old.position.segment()).or_default();
                    *count = count.saturating_sub(bytes);
                    changed_in.insert(old.position.segment());
                }
                match payload {
                    Some(payload) => {
                        index.put(&mut txn, table, &key, position, &payload)?;
                        *live.entry(position.segment()).or_default() +=
                            bytes_in_use(table, &key, &payload)?;
                        changed_in.insert(position.segment());
                    }
                    None => {
                        index.delete(&mut txn, table, &key)?;
                        let bytes = Change::on_disk_bytes(key.len(), 0) as u64 + RECORD_SHARE;
                        removals.push((position.segment(), bytes));
                    }
                }
            }
            for segment in changed_in {
                let row = live_row(segment);
                match live.get(&segment).copied().filter(|bytes| *bytes > 0) {
                    Some(bytes) => {
                        let payload = bytes.to_le_bytes();
                        index.put(&mut txn, Table::System, &row, Position::default(), &payload)?;
                    }
                    None => {
                        live.remove(&segment);
                        index.delete(&mut txn, Table::System, &row)?;
                    }
                }
            }
            let is_last = rows.peek().is_none();
            if is_last {
                index.put(
                    &mut txn,
                    Table::System,
                    APPLIED_ROW,
                    Position::default(),
                    &end.encode(),
                )?;
                self.store
                    .set_index_full(index.check_reserve(&txn).is_err());
            }
            index.commit(txn)?;
            self.live = live;
            for (segment, bytes) in removals {
                *self.removals.entry(segment).or_default() += bytes;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Gives away the files of segments that were emptied before the last checkpoint began.
    fn free(&mut self) {
        // They are freed after a later checkpoint.
        if self.store.pins.is_held() {
            return;
        }
        let applied = self.applied.sequence;
        let segments = &self.store.segments;
        let (free, rest) = std::mem::take(&mut self.emptied)
            .into_iter()
            .partition::<Vec<_>, _>(|(_, moved_by)| *moved_by <= applied);
        self.emptied = rest;
        for (number, _) in free {
            if self.live.get(&number).is_some_and(|bytes| *bytes > 0) {
                tracing::error!(
                    segment = number,
                    "a file of the log has rows that could not be moved; `strongroom fsck` tells more"
                );
                self.damaged.push(number);
                continue;
            }
            let Some(segment) = segments.retire(number) else {
                continue;
            };
            self.removals.remove(&number);
            // Whoever still reads it holds it, too; it must not be written over then.
            let is_read = Arc::strong_count(&segment) > 1;
            let recycled =
                !is_read && segments.invalidate(&segment).is_ok() && self.recycler.offer(&segment);
            if !recycled && let Err(error) = segments.remove(&segment) {
                tracing::warn!(%error, segment = number, "removing a file of the log failed");
            }
        }
    }

    /// Moves what is in use out of segments that are mostly not.
    ///
    /// A removal is in use as long as an older segment may have the row, so it can go only from the
    /// oldest. When removals are more than a quarter of the log, the oldest segment is emptied
    /// however full it is, to let those of the next go.
    fn compact(&mut self) -> Result<(), EngineError> {
        let before = self.applied.position.segment();
        let mut segments = Vec::new();
        for number in self.store.segments.numbers() {
            if let Some(bytes) = self.segment_bytes(number)? {
                segments.push((number, bytes));
            }
        }
        // Nobody but this thread takes the oldest away, and not while it compacts.
        let oldest = segments.first().map(|(number, _)| *number);
        let log_bytes: u64 = segments.iter().map(|(_, bytes)| bytes).sum();
        let removal_bytes: u64 = self.removals.values().sum();
        let are_many = removal_bytes * REMOVALS_SHARE > log_bytes;
        for (number, bytes) in segments {
            let is_emptied = self.emptied.iter().any(|(emptied, _)| *emptied == number);
            if number >= before || is_emptied || self.damaged.contains(&number) {
                continue;
            }
            let is_oldest = oldest == Some(number);
            let mut in_use = self.live.get(&number).copied().unwrap_or_default();
            if !is_oldest {
                in_use += self.removals.get(&number).copied().unwrap_or_default();
            }
            let is_paused = self.paused.is_some_and(|paused| paused.segment == number);
            if in_use * 2 >= bytes && !(is_oldest && are_many) && !is_paused {
                continue;
            }
            match self.empty(number, is_oldest)? {
                Some(moved_by) => self.emptied.push((number, moved_by)),
                // Goes on after the next checkpoint.
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// The length of a segment's file; `None` if there is no such segment.
    fn segment_bytes(&self, number: u32) -> Result<Option<u64>, EngineError> {
        let segment = self.store.segments.get(number);
        let bytes = segment.map(|segment| segment.file.bytes()).transpose();
        bytes.map_err(|error| EngineError::io("reading the log", error))
    }

    /// Hands all rows that are in use to the committer; answers the sequence of the last move, or
    /// `None` when there was more urgent work. It goes on then where it was: rows that are still in
    /// use were moved and are passed over, but removals, which have no place in the index, would be
    /// moved again and again.
    fn empty(&mut self, number: u32, is_oldest: bool) -> Result<Option<u64>, EngineError> {
        let failed = |error| EngineError::io("reading the log", error);
        let begun = self.paused.take_if(|paused| paused.segment == number);
        let mut paused = begun.unwrap_or(Paused {
            segment: number,
            at: FIRST_RECORD,
            moved_by: 0,
        });
        let Some(segment) = self.store.segments.get(number) else {
            return Ok(Some(paused.moved_by));
        };
        let mut scan = Scan::new(segment, paused.at).map_err(failed)?;
        let mut rows = Vec::new();
        let mut bytes = 0;
        while let Some(record) = scan.next().map_err(failed)? {
            let position = record.position();
            for change in &record.changes {
                let view = self.store.view()?;
                let now = view.located(change.table, &change.key)?;
                let keep = match (&now, &change.payload) {
                    (Some((at, _)), Some(_)) => *at == position,
                    // A removal is needed as long as an older segment may have the row.
                    (None, None) => !is_oldest,
                    (None, Some(_)) | (Some(_), None) => false,
                };
                drop(now);
                drop(view);
                if !keep {
                    continue;
                }
                let body = body_of(&mut scan, &record, change)?;
                bytes += change.key.len() + body.as_ref().map_or(0, Bytes::len);
                rows.push(Moved {
                    change: change.clone(),
                    from: position,
                    body,
                });
            }
            if rows.len() >= MOVED_ROWS_MAX || bytes >= MOVED_BYTES_MAX {
                paused.moved_by = self.hand_over(std::mem::take(&mut rows))?;
                paused.at = scan.at();
                bytes = 0;
                if self.handover.is_urgent() {
                    self.paused = Some(paused);
                    return Ok(None);
                }
            }
        }
        if !rows.is_empty() {
            paused.moved_by = self.hand_over(rows)?;
        }
        Ok(Some(paused.moved_by))
    }

    fn hand_over(&self, rows: Vec<Moved>) -> Result<u64, EngineError> {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        let ended = || EngineError::ReadOnly {
            cause: "the committer has ended".to_owned(),
        };
        self.handover.set_moving(true);
        let sent = self.jobs.send(Job::Move { rows, reply });
        let moved = match sent {
            Ok(()) => answer.recv().map_err(|_| ended()),
            Err(_) => Err(ended()),
        };
        self.handover.set_moving(false);
        moved?
    }
}

/// A row on its way to another segment.
pub(crate) struct Moved {
    pub(crate) change: Change,
    pub(crate) from: Position,
    /// The body that lies in the same record, verified.
    pub(crate) body: Option<Bytes>,
}

/// The body that a row of `bodies` has in its record.
fn body_of(
    scan: &mut Scan,
    record: &Scanned,
    change: &Change,
) -> Result<Option<Bytes>, EngineError> {
    let Some(payload) = change
        .payload
        .as_ref()
        .filter(|_| change.table == Table::Bodies)
    else {
        return Ok(None);
    };
    let Some(at) = InlineAt::decode(payload)? else {
        return Ok(None);
    };
    let id = change.key.first_chunk().map(|id| u64::from_be_bytes(*id));
    let id = id.ok_or_else(|| EngineError::corrupt("a body has no id"))?;
    let on_disk = scan
        .body_on_disk(record)
        .map_err(|error| EngineError::io("reading the log", error))?;
    blocks::body(id, at.stored_bytes, &on_disk)
        .ok_or_else(|| EngineError::corrupt("a body in the log is not what was written"))
        .map(Some)
}

/// What a row takes up in the log, its body included.
pub(crate) fn bytes_in_use(table: Table, key: &[u8], payload: &[u8]) -> Result<u64, EngineError> {
    let row = Change::on_disk_bytes(key.len(), payload.len()) as u64;
    let body = match table {
        Table::Bodies => {
            InlineAt::decode(payload)?.map_or(0, |at| blocks::on_disk_bytes(at.stored_bytes))
        }
        _ => 0,
    };
    Ok(row + RECORD_SHARE + body)
}

pub(crate) fn live_row(segment: u32) -> Vec<u8> {
    [LIVE_ROWS, &segment.to_be_bytes()].concat()
}

/// What the index says of the bytes in use.
pub(crate) fn live_of(rows: &impl Reads) -> Result<BTreeMap<u32, u64>, EngineError> {
    let mut live = BTreeMap::new();
    for row in rows.rows_with(Table::System, LIVE_ROWS)? {
        let (row, payload) = row?;
        let segment = row.last_chunk().map(|number| u32::from_be_bytes(*number));
        if let Some(segment) = segment {
            live.insert(segment, decode_u64(&payload)?);
        }
    }
    Ok(live)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Local;
    use crate::Options;
    use engine::{BucketId, ControlStore, ControlTxn, ObjectEngine, Write};
    use std::sync::atomic::Ordering;

    /// What is in use by a count of all rows.
    fn counted(store: &Store) -> BTreeMap<u32, u64> {
        let txn = store.index.read().unwrap();
        let mut live = BTreeMap::new();
        for table in Table::ALL {
            for row in store.index.located_rows(&txn, table).unwrap() {
                let (key, row) = row.unwrap();
                if row.position != Position::default() {
                    *live.entry(row.position.segment()).or_default() +=
                        bytes_in_use(table, key, row.payload).unwrap();
                }
            }
        }
        live
    }

    #[tokio::test]
    async fn what_is_in_use_is_known_after_a_merge_that_was_cut_short() {
        let directory = tempfile::tempdir().unwrap();
        let options = Options {
            segment_bytes: 16 << 10,
            ..Options::default()
        };
        let local = Local::open(directory.path().join("data"), options).unwrap();
        let bucket = BucketId(1);
        ObjectEngine::commit(&local, Write::CreateBucket { bucket })
            .await
            .unwrap();
        for round in 0..4 {
            for number in 0..60 {
                let txn = ControlTxn::new().put(format!("row{number}"), vec![round; 100]);
                ControlStore::commit(&local, txn).await.unwrap();
            }
            // The first to the fourth transaction of the merge finds the disk full.
            let store = local.store();
            store
                .index
                .fails_at
                .store(u32::from(round) + 1, Ordering::SeqCst);
            assert!(local.checkpoint().await.is_err(), "{round}");
            while local.checkpoint().await.is_err() {}
            let mut live = live_of(&store.view().unwrap()).unwrap();
            live.retain(|_, bytes| *bytes > 0);
            assert_eq!(live, counted(store), "{round}");
        }
    }
}
