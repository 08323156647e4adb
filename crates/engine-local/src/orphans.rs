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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extent::{Extents, directory_in};
    use crate::{Local, Options};
    use bytes::Bytes;
    use engine::{
        BucketId, Millis, ObjectEngine, ObjectName, Precondition, Put, Versioning, Write, kit,
    };
    use std::path::Path;

    fn ids_in(directory: &Path) -> Vec<u64> {
        let mut ids = Vec::new();
        for folder in std::fs::read_dir(directory_in(directory)).unwrap() {
            for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
                let name = file.unwrap().file_name();
                ids.push(u64::from_str_radix(name.to_str().unwrap(), 16).unwrap());
            }
        }
        ids.sort_unstable();
        ids
    }

    #[tokio::test]
    async fn what_an_earlier_server_left_goes_and_what_is_on_its_way_in_stays() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("data");
        let local = Local::open(&directory, Options::default()).unwrap();
        while !local.is_swept() {
            std::thread::yield_now();
        }
        let bucket = BucketId(1);
        ObjectEngine::commit(&local, Write::CreateBucket { bucket })
            .await
            .unwrap();
        let body = vec![1; 300_000];
        let put = Put {
            object: ObjectName {
                bucket,
                key: "named".to_owned(),
            },
            precondition: Precondition::None,
            versioning: Versioning::Unversioned,
            etag: Bytes::new(),
            last_modified: Millis(0),
            meta: Bytes::new(),
            body: kit::stage(&local, &body).await.unwrap(),
        };
        ObjectEngine::commit(&local, Write::Put(put)).await.unwrap();
        assert_eq!(ids_in(&directory), [1]);
        assert_eq!(first_unnamed(local.store()).unwrap(), ExtentId(2));

        // As if this server had begun with the id 10.
        local.store().extents.reserve(ExtentId(9));
        let _first = kit::stage(&local, &body).await.unwrap();
        for left in [5, 11, 40] {
            let path = directory_in(&directory).join(Extents::name(ExtentId(left)));
            std::fs::write(path, "left").unwrap();
        }
        // It meets a file of its id, and takes the next.
        let _second = kit::stage(&local, &body).await.unwrap();
        assert_eq!(ids_in(&directory), [1, 5, 10, 11, 12, 40]);
        remove(local.store(), ExtentId(10), &AtomicBool::new(false)).unwrap();
        // Of 11 nobody can say that it is not new: a later start will.
        assert_eq!(ids_in(&directory), [1, 10, 11, 12]);
        let _third = kit::stage(&local, &body).await.unwrap();
        assert_eq!(ids_in(&directory), [1, 10, 11, 12, 41]);
    }
}
