//! Rows as a reader sees them: what the log has on top of what the index has.

use crate::codec::Table;
use crate::index::{Index, Located};
use crate::memtable::{Changed, Memtable};
use crate::record::{Change, Position};
use arc_swap::ArcSwap;
use bytes::Bytes;
use engine::EngineError;
use heed::{RoTxn, WithTls};
use std::collections::BTreeMap;
use std::ops::{Bound, Deref};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a memtable or of the mapped index.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    Shared(Bytes),
    Mapped(&'a [u8]),
}

impl Deref for Value<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Value::Shared(bytes) => bytes,
            Value::Mapped(bytes) => bytes,
        }
    }
}

/// Keys and payloads in order.
pub(crate) type Rows<'a> =
    Box<dyn Iterator<Item = Result<(Value<'a>, Value<'a>), EngineError>> + 'a>;

/// Something that has rows.
pub(crate) trait Reads {
    /// The record that put a row, and its payload.
    fn located(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<(Position, Value<'_>)>, EngineError>;

    /// A row's payload.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Value<'_>>, EngineError> {
        Ok(self.located(table, key)?.map(|(_, payload)| payload))
    }

    /// The rows from `start` on whose keys begin with `prefix`.
    fn rows(
        &self,
        table: Table,
        start: Bound<&[u8]>,
        prefix: &[u8],
    ) -> Result<Rows<'_>, EngineError>;

    /// The rows whose keys begin with `prefix`.
    fn rows_with(&self, table: Table, prefix: &[u8]) -> Result<Rows<'_>, EngineError> {
        self.rows(table, Bound::Included(prefix), prefix)
    }
}

/// The memtables of a moment.
pub(crate) struct Layers {
    /// Takes what is written now.
    pub(crate) active: Arc<Memtable>,
    /// On its way into the index.
    pub(crate) frozen: Option<Arc<Memtable>>,
}

/// The layers as they are now, and how far readers may see.
pub(crate) struct Current {
    layers: ArcSwap<Layers>,
    /// All writes up to this sequence are durable and in the layers.
    published: AtomicU64,
}

impl Current {
    pub(crate) fn new(active: Arc<Memtable>, published: u64) -> Current {
        Current {
            layers: ArcSwap::from_pointee(Layers {
                active,
                frozen: None,
            }),
            published: AtomicU64::new(published),
        }
    }

    pub(crate) fn layers(&self) -> Arc<Layers> {
        self.layers.load_full()
    }

    pub(crate) fn replace(&self, layers: Layers) {
        self.layers.store(Arc::new(layers));
    }

    pub(crate) fn publish(&self, sequence: u64) {
        self.published.store(sequence, Ordering::Release);
    }

    pub(crate) fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// All rows as of now.
    ///
    /// A memtable is frozen only when all of it is published, and leaves the layers only after the
    /// index has it. So when the layers are the same before and after the index was looked at,
    /// the index has nothing that is newer than the layers, and nothing is in neither.
    pub(crate) fn view<'a>(&self, index: &'a Index) -> Result<View<'a>, EngineError> {
        loop {
            let layers = self.layers.load_full();
            let sequence = self.published();
            let txn = index.read()?;
            if Arc::ptr_eq(&layers, &self.layers.load()) {
                return Ok(View {
                    layers,
                    sequence,
                    index,
                    txn,
                });
            }
        }
    }
}

/// All rows as of one moment.
pub(crate) struct View<'a> {
    layers: Arc<Layers>,
    sequence: u64,
    index: &'a Index,
    txn: RoTxn<'a, WithTls>,
}

impl View<'_> {
    /// What the memtables know of a row.
    fn changed(&self, table: Table, key: &[u8]) -> Option<Changed> {
        let Layers { active, frozen } = self.layers.as_ref();
        active
            .get(table, key, self.sequence)
            .or_else(|| frozen.as_ref()?.get(table, key, u64::MAX))
    }

    /// The layers of rows, the newest first.
    fn sources<'s>(
        &'s self,
        table: Table,
        start: Bound<&[u8]>,
        prefix: &[u8],
    ) -> Result<Vec<Source<'s>>, EngineError> {
        let mut sources: Vec<Source<'s>> = Vec::with_capacity(4);
        let Layers { active, frozen } = self.layers.as_ref();
        let memtables = [
            Some((active, self.sequence)),
            frozen.as_ref().map(|m| (m, u64::MAX)),
        ];
        for (memtable, sequence) in memtables.into_iter().flatten() {
            let (from, excluded) = match start {
                Bound::Included(start) => (start, None),
                Bound::Excluded(start) => (start, Some(Bytes::copy_from_slice(start))),
                Bound::Unbounded => (&[][..], None),
            };
            let prefix = prefix.to_vec();
            let mut rows = memtable
                .rows_from(table, from.max(&prefix), sequence)
                .skip_while(move |(key, _)| Some(key) == excluded.as_ref())
                .take_while(move |(key, _)| key.starts_with(&prefix))
                .map(|(key, changed)| {
                    let payload = changed.payload.map(Value::Shared);
                    Ok((Value::Shared(key), payload))
                })
                .peekable();
            // Most listings find nothing here.
            if rows.peek().is_some() {
                sources.push(Source::new(Box::new(rows)));
            }
        }
        let indexed = self.index.rows(&self.txn, table, start, prefix)?;
        sources.push(Source::new(Box::new(indexed.map(|row| {
            row.map(|(key, payload)| (Value::Mapped(key), Some(Value::Mapped(payload))))
        }))));
        Ok(sources)
    }
}

impl Reads for View<'_> {
    fn located(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<(Position, Value<'_>)>, EngineError> {
        if let Some(Changed { position, payload }) = self.changed(table, key) {
            return Ok(payload.map(|payload| (position, Value::Shared(payload))));
        }
        let found = self.index.get(&self.txn, table, key)?;
        Ok(found.map(|Located { position, payload }| (position, Value::Mapped(payload))))
    }

    fn rows(
        &self,
        table: Table,
        start: Bound<&[u8]>,
        prefix: &[u8],
    ) -> Result<Rows<'_>, EngineError> {
        Ok(merged(self.sources(table, start, prefix)?))
    }
}

/// A key, and the payload unless the row is gone.
type SourceRow<'a> = Result<(Value<'a>, Option<Value<'a>>), EngineError>;

struct Source<'a> {
    rows: Box<dyn Iterator<Item = SourceRow<'a>> + 'a>,
    head: Option<SourceRow<'a>>,
}

impl<'a> Source<'a> {
    fn new(mut rows: Box<dyn Iterator<Item = SourceRow<'a>> + 'a>) -> Source<'a> {
        let head = rows.next();
        Source { rows, head }
    }

    fn take(&mut self) -> Option<SourceRow<'a>> {
        std::mem::replace(&mut self.head, self.rows.next())
    }
}

/// The rows of all sources in order; where several have a row, the first source is right.
fn merged<'a>(mut sources: Vec<Source<'a>>) -> Rows<'a> {
    Box::new(std::iter::from_fn(move || {
        loop {
            let mut least: Option<(usize, &[u8])> = None;
            for (index, source) in sources.iter().enumerate() {
                match &source.head {
                    None => {}
                    // An error is told at once.
                    Some(Err(_)) => {
                        least = Some((index, &[]));
                        break;
                    }
                    Some(Ok((key, _))) if least.is_none_or(|(_, found)| **key < *found) => {
                        least = Some((index, key));
                    }
                    Some(Ok(_)) => {}
                }
            }
            let (index, _) = least?;
            let (key, payload) = match sources.get_mut(index)?.take()? {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            for source in sources.iter_mut().skip(index + 1) {
                if matches!(&source.head, Some(Ok((other, _))) if **other == *key) {
                    source.take();
                }
            }
            if let Some(payload) = payload {
                return Some(Ok((key, payload)));
            }
        }
    }))
}

/// What writes of one group made of rows before anybody else may see it.
#[derive(Default)]
pub(crate) struct Pending {
    rows: BTreeMap<(Table, Bytes), Changed>,
}

impl Pending {
    pub(crate) fn into_rows(self) -> impl Iterator<Item = ((Table, Bytes), Changed)> {
        self.rows.into_iter()
    }

    pub(crate) fn add(&mut self, changes: Vec<Change>, position: Position) {
        for change in changes {
            let Change {
                table,
                key,
                payload,
            } = change;
            self.rows
                .insert((table, key), Changed { position, payload });
        }
    }
}

/// What one write changes, on top of what was before it.
pub(crate) struct Changes<'a> {
    view: &'a View<'a>,
    pending: &'a Pending,
    own: BTreeMap<(Table, Bytes), Option<Bytes>>,
}

impl<'a> Changes<'a> {
    pub(crate) fn new(view: &'a View<'a>, pending: &'a Pending) -> Changes<'a> {
        Changes {
            view,
            pending,
            own: BTreeMap::new(),
        }
    }

    pub(crate) fn put(&mut self, table: Table, key: impl AsRef<[u8]>, payload: impl Into<Bytes>) {
        let key = Bytes::copy_from_slice(key.as_ref());
        self.own.insert((table, key), Some(payload.into()));
    }

    pub(crate) fn delete(&mut self, table: Table, key: impl AsRef<[u8]>) {
        let key = Bytes::copy_from_slice(key.as_ref());
        self.own.insert((table, key), None);
    }

    /// What is to be logged.
    pub(crate) fn into_changes(self) -> Vec<Change> {
        let own = self.own.into_iter();
        own.map(|((table, key), payload)| Change {
            table,
            key,
            payload,
        })
        .collect()
    }

    fn own_rows<'s, T>(
        rows: &'s BTreeMap<(Table, Bytes), T>,
        table: Table,
        start: Bound<&[u8]>,
        prefix: &[u8],
        payload: impl Fn(&T) -> Option<Bytes> + 's,
    ) -> Source<'s> {
        let from = |key: &[u8]| (table, Bytes::copy_from_slice(key));
        let start = match start {
            Bound::Included(start) => Bound::Included(from(start.max(prefix))),
            Bound::Excluded(start) if start >= prefix => Bound::Excluded(from(start)),
            Bound::Excluded(_) | Bound::Unbounded => Bound::Included(from(prefix)),
        };
        let prefix = prefix.to_vec();
        let rows = rows
            .range((start, Bound::Unbounded))
            .take_while(move |((of, key), _)| *of == table && key.starts_with(&prefix))
            .map(move |((_, key), value)| {
                Ok((
                    Value::Shared(key.clone()),
                    payload(value).map(Value::Shared),
                ))
            });
        Source::new(Box::new(rows))
    }
}

impl Reads for Changes<'_> {
    fn located(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<(Position, Value<'_>)>, EngineError> {
        // Few rows; a look-up by a borrowed pair would need a type of its own.
        let row = (table, Bytes::copy_from_slice(key));
        if let Some(payload) = self.own.get(&row) {
            let payload = payload.clone();
            return Ok(payload.map(|payload| (Position::default(), Value::Shared(payload))));
        }
        if let Some(Changed { position, payload }) = self.pending.rows.get(&row) {
            let payload = payload.clone();
            return Ok(payload.map(|payload| (*position, Value::Shared(payload))));
        }
        self.view.located(table, key)
    }

    fn rows(
        &self,
        table: Table,
        start: Bound<&[u8]>,
        prefix: &[u8],
    ) -> Result<Rows<'_>, EngineError> {
        let own = Changes::own_rows(&self.own, table, start, prefix, Option::clone);
        let pending = Changes::own_rows(&self.pending.rows, table, start, prefix, |changed| {
            changed.payload.clone()
        });
        let mut sources = vec![own, pending];
        sources.extend(self.view.sources(table, start, prefix)?);
        Ok(merged(sources))
    }
}
