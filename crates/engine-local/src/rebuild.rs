//! The index, made again from the log.

use crate::codec::Table;
use crate::disk::Disk;
use crate::index::{Index, Located, failed};
use crate::keeper::{APPLIED_ROW, Applied, bytes_in_use, live_row};
use crate::record::Position;
use crate::segment::{FIRST_RECORD, Scan, Scanned, Segments};
use crate::store::{self, INDEX_DIRECTORY, LOG_DIRECTORY};
use crate::{OpenError, Options};
use engine::EngineError;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What was found in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Files of the log.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// Rows of the new index.
    pub rows: u64,
    /// Places where the log is damaged. What was written there is lost, unless it was written again
    /// later.
    pub damaged: Vec<String>,
}

/// Rows in one transaction.
const ROWS_MAX: usize = 20_000;

/// Makes a new index; the old one is kept as `index.old` until the new one is durable.
pub(crate) fn on(
    directory: &Path,
    options: &Options,
    disk: Arc<dyn Disk>,
) -> Result<Rebuilt, OpenError> {
    if !store::has_format(directory) {
        return Err(OpenError::NotOurs {
            directory: directory.to_owned(),
        });
    }
    store::check_format(directory)?;
    let lock = store::take_lock(directory)?;
    let doing = "setting the old index aside";
    let path = directory.join(INDEX_DIRECTORY);
    let old = directory.join("index.old");
    let new = directory.join("index.new");
    for leftover in [&new, &old] {
        match std::fs::remove_dir_all(leftover) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(EngineError::io(doing, error).into());
            }
            Ok(()) | Err(_) => {}
        }
    }
    store::make_private(&new).map_err(|error| EngineError::io(doing, error))?;
    let segments = Segments::open(directory.join(LOG_DIRECTORY), disk)
        .map_err(|error| EngineError::io("reading the log", error))?;
    let rebuilt = {
        let index = Index::open(&new, options.map_bytes, options.memtable_bytes)?;
        fill(&index, &segments)?
    };
    let renamed = (|| {
        if path.exists() {
            std::fs::rename(&path, &old)?;
        }
        std::fs::rename(&new, &path)?;
        store::sync_directory(directory)?;
        match std::fs::remove_dir_all(&old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    })();
    renamed.map_err(|error| EngineError::io("putting the new index in place", error))?;
    drop(lock);
    Ok(rebuilt)
}

fn fill(index: &Index, segments: &Segments) -> Result<Rebuilt, EngineError> {
    let reading = |error| EngineError::io("reading the log", error);
    let mut rebuilt = Rebuilt::default();
    let durable = durable_end(segments)?;
    let mut last = None;
    let mut txn = index.write()?;
    let mut changed = 0;
    for number in segments.numbers() {
        let Some(segment) = segments.get(number) else {
            continue;
        };
        if !segment.has_header().map_err(reading)? {
            continue;
        }
        rebuilt.segments += 1;
        let mut scan = Scan::new(segment, FIRST_RECORD).map_err(reading)?;
        let mut previous = None;
        loop {
            let end = Position::new(number, scan.at());
            let next = scan.next().map_err(reading)?;
            // A leftover of a write that was never acknowledged names another record.
            let next = next.filter(|record| {
                previous.is_none_or(|checksum| record.header.previous == checksum)
            });
            let record = match next {
                Some(record) => record,
                None => {
                    let Some(later) = first_synced_after(&mut scan, end)? else {
                        break;
                    };
                    rebuilt.damaged.push(format!(
                        "segment {number:08x} of the log from {} on",
                        end.offset()
                    ));
                    later
                }
            };
            if record.position() >= durable {
                break;
            }
            previous = Some(record.header.checksum);
            rebuilt.records += 1;
            for change in &record.changes {
                let position = record.position();
                match &change.payload {
                    Some(payload) => {
                        index.put(&mut txn, change.table, &change.key, position, payload)?;
                    }
                    None => {
                        index.delete(&mut txn, change.table, &change.key)?;
                    }
                }
                changed += 1;
            }
            last = Some(record.header);
            if changed >= ROWS_MAX {
                txn.commit().map_err(failed("committing to the index"))?;
                txn = index.write()?;
                changed = 0;
            }
        }
    }
    if let Some(last) = last {
        let applied = Applied {
            sequence: last.sequence,
            position: durable,
            previous: last.checksum,
        };
        let position = Position::default();
        index.put(
            &mut txn,
            Table::System,
            APPLIED_ROW,
            position,
            &applied.encode(),
        )?;
    }
    let mut live: BTreeMap<u32, u64> = BTreeMap::new();
    for table in Table::ALL {
        for row in index.located_rows(&txn, table)? {
            let (key, Located { position, payload }) = row?;
            if position == Position::default() {
                continue;
            }
            rebuilt.rows += 1;
            *live.entry(position.segment()).or_default() += bytes_in_use(table, key, payload)?;
        }
    }
    for (segment, bytes) in live {
        let row = live_row(segment);
        let payload = bytes.to_le_bytes();
        index.put(&mut txn, Table::System, &row, Position::default(), &payload)?;
    }
    txn.commit().map_err(failed("committing to the index"))?;
    Ok(rebuilt)
}

/// A record that says that this place had been synced.
fn first_synced_after(scan: &mut Scan, end: Position) -> Result<Option<Scanned>, EngineError> {
    let reading = |error| EngineError::io("reading the log", error);
    while let Some(later) = scan.search().map_err(reading)? {
        if later.header.durable > end {
            return Ok(Some(later));
        }
    }
    Ok(None)
}

/// Up to where the log is known to have been synced. What follows is left to the next start, which
/// finds the end.
fn durable_end(segments: &Segments) -> Result<Position, EngineError> {
    let reading = |error| EngineError::io("reading the log", error);
    let mut durable = Position::default();
    for number in segments.numbers() {
        let Some(segment) = segments.get(number) else {
            continue;
        };
        if !segment.has_header().map_err(reading)? {
            continue;
        }
        let mut scan = Scan::new(segment, FIRST_RECORD).map_err(reading)?;
        loop {
            let record = match scan.next().map_err(reading)? {
                Some(record) => record,
                None => match scan.search().map_err(reading)? {
                    Some(record) => record,
                    None => break,
                },
            };
            durable = durable.max(record.header.durable);
        }
    }
    Ok(durable)
}
