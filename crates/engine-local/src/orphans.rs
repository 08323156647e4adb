//! Files of bodies that no row names: their commit never came, or their removal was cut short.
//!
//! They are looked for while the directory serves already. Why no file of a write under way is
//! removed: ids of new files begin after all ids that a row named when the directory was opened. A
//! lower id is given to nobody any more, so that what no row names then is named by none later. Of a
//! higher id the counter of ids says, in one step, that it was never given to a file since the opening
//! and never will be; otherwise the file may be new, and is left alone.

use crate::codec::Table;
use crate::pieces::ExtentId;
use crate::rows::Reads;
use crate::store::Store;
use engine::EngineError;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// Files that are compared with one view of the rows, which is not held for long.
const FILES_MAX: usize = 256;

/// The first id that no row names, nor does any after it.
///
/// The table was walked when the index was opened: none of its rows is hidden.
pub(crate) fn first_unnamed(store: &Store) -> Result<ExtentId, EngineError> {
    let id_of = |row: &[u8]| row.first_chunk().map_or(0, |id| u64::from_be_bytes(*id));
    let layers = store.current.layers();
    let logged = layers.active.rows_from(Table::Extents, &[], u64::MAX);
    let logged = logged.map(|(row, _)| id_of(&row)).max();
    let txn = store.index.read()?;
    let indexed = store.index.last_key(&txn, Table::Extents)?.map(id_of);
    let highest = logged.max(indexed).unwrap_or_default();
    Ok(ExtentId(highest.saturating_add(1)))
}

/// Removes what an earlier server left, and says what is missing. Blocking.
pub(crate) fn remove(store: &Store, first: ExtentId, stop: &AtomicBool) -> Result<(), EngineError> {
    let on_disk = store.extents.on_disk();
    let on_disk =
        on_disk.map_err(|error| EngineError::io("reading the directory of extents", error))?;
    // In order: the counter of ids goes up with those that are removed.
    let on_disk: BTreeSet<ExtentId> = on_disk.into_iter().collect();
    let old: Vec<ExtentId> = on_disk.range(..first).copied().collect();
    for some in old.chunks(FILES_MAX) {
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        for id in unnamed(store, some)? {
            store.extents.remove(id);
        }
    }
    for id in on_disk.range(first..) {
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        if store.extents.reserve(*id) {
            store.extents.remove(*id);
        }
    }
    tell_missing(store, first, &on_disk, stop)
}

fn unnamed(store: &Store, ids: &[ExtentId]) -> Result<Vec<ExtentId>, EngineError> {
    let view = store.view()?;
    let mut found = Vec::new();
    for id in ids {
        if view.get(Table::Extents, &id.0.to_be_bytes())?.is_none() {
            found.push(*id);
        }
    }
    Ok(found)
}

/// Reading the objects will say so too. The others are served.
fn tell_missing(
    store: &Store,
    first: ExtentId,
    on_disk: &BTreeSet<ExtentId>,
    stop: &AtomicBool,
) -> Result<(), EngineError> {
    let mut after = ExtentId(0);
    loop {
        let named = store.named_extents(after, FILES_MAX)?;
        let Some(last) = named.last().copied() else {
            return Ok(());
        };
        after = last;
        for id in named {
            if id >= first || stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            // It may have been removed since, its row first.
            if !on_disk.contains(&id) && unnamed(store, &[id])?.is_empty() {
                tracing::error!(extent = id.0, "an extent file is missing");
            }
        }
    }
}
