//! Rows that the log has and the index has not yet.
//!
//! Every change is kept with the sequence of its write, so that a reader sees the rows as of the
//! sequence that was published when it began, without a lock. One thread writes.

use crate::codec::Table;
use crate::record::Position;
use bytes::Bytes;
use crossbeam_skiplist::SkipMap;
use crossbeam_skiplist::map::Entry;
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering as Atomic};

/// About what an entry takes up besides key and payload.
const ENTRY_BYTES: usize = 144;

/// What became of a row.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    /// The record that says so.
    pub(crate) position: Position,
    /// `None`: the row is gone.
    pub(crate) payload: Option<Bytes>,
}

#[derive(Default)]
pub(crate) struct Memtable {
    rows: SkipMap<RowKey, Changed>,
    bytes: AtomicUsize,
}

/// By table, then by key, then from the newest to the oldest.
struct RowKey {
    table: Table,
    key: Bytes,
    sequence: u64,
}

/// What [`RowKey`] and a search have in common.
trait Place {
    fn place(&self) -> (Table, &[u8], u64);
}

impl Place for RowKey {
    fn place(&self) -> (Table, &[u8], u64) {
        (self.table, &self.key, !self.sequence)
    }
}

impl Place for (Table, &[u8], u64) {
    fn place(&self) -> (Table, &[u8], u64) {
        (self.0, self.1, !self.2)
    }
}

impl<'a> Borrow<dyn Place + 'a> for RowKey {
    fn borrow(&self) -> &(dyn Place + 'a) {
        self
    }
}

impl PartialEq for dyn Place + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for dyn Place + '_ {}

impl PartialOrd for dyn Place + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn Place + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialEq for RowKey {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for RowKey {}

impl PartialOrd for RowKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RowKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl Memtable {
    /// For the committer only.
    pub(crate) fn insert(&self, table: Table, key: Bytes, sequence: u64, changed: Changed) {
        let payload_bytes = changed.payload.as_ref().map_or(0, Bytes::len);
        let bytes = ENTRY_BYTES + key.len() + payload_bytes;
        let row = RowKey {
            table,
            key,
            sequence,
        };
        self.rows.insert(row, changed);
        self.bytes.fetch_add(bytes, Atomic::Relaxed);
    }

    /// About what it takes up in memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Atomic::Relaxed)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What the newest write up to `sequence` made of a row, if any changed it.
    pub(crate) fn get(&self, table: Table, key: &[u8], sequence: u64) -> Option<Changed> {
        let wanted: &dyn Place = &(table, key, sequence);
        let entry = self.rows.lower_bound(Bound::Included(wanted))?;
        let found = entry.key();
        (found.table == table && found.key == key).then(|| entry.value().clone())
    }

    /// The changed rows of a table from `start` on, as of `sequence`, removed ones too.
    pub(crate) fn rows_from(&self, table: Table, start: &[u8], sequence: u64) -> Rows<'_> {
        let wanted: &dyn Place = &(table, start, u64::MAX);
        Rows {
            next: self.rows.lower_bound(Bound::Included(wanted)),
            table,
            sequence,
        }
    }

    /// The last state of every row, in order.
    pub(crate) fn newest(&self) -> impl Iterator<Item = (Table, Bytes, Changed)> + '_ {
        let mut last: Option<(Table, Bytes)> = None;
        self.rows.iter().filter_map(move |entry| {
            let row = (entry.key().table, entry.key().key.clone());
            if last.as_ref() == Some(&row) {
                return None;
            }
            last = Some(row.clone());
            Some((row.0, row.1, entry.value().clone()))
        })
    }
}

/// See [`Memtable::rows_from`].
pub(crate) struct Rows<'a> {
    next: Option<Entry<'a, RowKey, Changed>>,
    table: Table,
    sequence: u64,
}

impl Iterator for Rows<'_> {
    type Item = (Bytes, Changed);

    fn next(&mut self) -> Option<(Bytes, Changed)> {
        loop {
            let entry = self.next.take()?;
            if entry.key().table != self.table {
                return None;
            }
            if entry.key().sequence > self.sequence {
                self.next = entry.next();
                continue;
            }
            let key = entry.key().key.clone();
            let changed = entry.value().clone();
            let mut after = entry.next();
            // Older states of the same row.
            while let Some(older) = &after {
                if older.key().table != self.table || older.key().key != key {
                    break;
                }
                after = older.next();
            }
            self.next = after;
            return Some((key, changed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(memtable: &Memtable, key: &'static str, sequence: u64, payload: Option<&'static str>) {
        let changed = Changed {
            position: Position(sequence),
            payload: payload.map(|text| Bytes::from_static(text.as_bytes())),
        };
        let key = Bytes::from_static(key.as_bytes());
        memtable.insert(Table::Control, key, sequence, changed);
    }

    fn all(memtable: &Memtable, sequence: u64) -> Vec<(String, Option<String>)> {
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        let rows = memtable.rows_from(Table::Control, b"", sequence);
        rows.map(|(key, changed)| (text(key), changed.payload.map(text)))
            .collect()
    }

    #[test]
    fn a_reader_sees_its_moment() {
        let memtable = Memtable::default();
        put(&memtable, "a", 1, Some("a1"));
        put(&memtable, "ab", 2, Some("ab2"));
        put(&memtable, "a", 3, None);
        put(&memtable, "a", 4, Some("a4"));
        let row = |key: &str, payload: Option<&str>| (key.to_owned(), payload.map(str::to_owned));
        assert_eq!(all(&memtable, 0), []);
        assert_eq!(
            all(&memtable, 2),
            [row("a", Some("a1")), row("ab", Some("ab2"))]
        );
        assert_eq!(all(&memtable, 3), [row("a", None), row("ab", Some("ab2"))]);
        assert_eq!(
            all(&memtable, 9),
            [row("a", Some("a4")), row("ab", Some("ab2"))]
        );
        let get = |sequence| memtable.get(Table::Control, b"a", sequence);
        assert!(get(0).is_none());
        assert_eq!(get(3).unwrap().payload, None);
        assert_eq!(get(4).unwrap().payload.unwrap(), "a4");
        assert!(memtable.get(Table::Older, b"a", 9).is_none());
        assert_eq!(memtable.newest().count(), 2);
    }
}
