//! What the log has and the index has not, read again when a directory is opened.

use crate::blocks;
use crate::codec::Table;
use crate::keeper::Applied;
use crate::log::End;
use crate::memtable::{Changed, Memtable};
use crate::record::{Change, Position};
use crate::segment::{FIRST_RECORD, Scan, Scanned, SegmentFile, Segments};
use engine::EngineError;
use std::io;
use std::sync::Arc;

/// What was found.
pub(crate) struct Replayed {
    pub(crate) memtable: Memtable,
    /// The sequence of the last record.
    pub(crate) sequence: u64,
    /// `None`: there is no log yet.
    pub(crate) end: Option<End>,
}

/// A record that fits the one before.
struct Fitting {
    position: Position,
    sequence: u64,
    changes: Vec<Change>,
    /// Where the body is, its length and id.
    body: Option<(u64, u64)>,
    checksum: u64,
}

/// Reads the log from where the index ends.
///
/// It ends at the first record that is not whole or does not name the one before. What is there was
/// never acknowledged, unless a later record says that all before some later place had been synced:
/// then the disk has lost something, and nothing is opened.
///
/// # Errors
/// [`EngineError::Corrupt`] when acknowledged records are damaged, and errors of the disk.
pub(crate) fn replay(
    segments: &Segments,
    applied: Option<Applied>,
) -> Result<Replayed, EngineError> {
    let numbers = segments.numbers();
    let (first, from, sequence, previous) = match applied {
        Some(applied) => (
            Some(applied.position.segment()),
            applied.position.offset(),
            applied.sequence,
            applied.previous,
        ),
        None => (numbers.first().copied(), FIRST_RECORD, 0, 0),
    };
    let nothing = Replayed {
        memtable: Memtable::default(),
        sequence,
        end: None,
    };
    let Some(first) = first else {
        return Ok(nothing);
    };
    let mut segment = match segments.get(first) {
        Some(segment) => segment,
        None => {
            return Err(EngineError::corrupt(format!(
                "segment {first:08x} of the log is missing"
            )));
        }
    };
    if !segment.has_header().map_err(failed)? {
        if applied.is_none()
            && Scan::new(Arc::clone(&segment), FIRST_RECORD)
                .and_then(|mut scan| scan.search())
                .map_err(failed)?
                .is_none()
        {
            // The first start was cut short.
            segments.retire(first);
            segments.remove(&segment).map_err(failed)?;
            return Ok(nothing);
        }
        return Err(damage(&segment, 0));
    }
    let mut chain = Chain {
        sequence,
        previous,
        fitting: Vec::new(),
        durable: Position::default(),
    };
    let mut scan = Scan::new(Arc::clone(&segment), from).map_err(failed)?;
    loop {
        while let Some(record) = scan.next().map_err(failed)? {
            if !chain.take(record) {
                break;
            }
        }
        // The log goes on in the next segment only if that begins where this one ends.
        let Some(next) = segments.get(segment.number + 1) else {
            break;
        };
        let mut ahead = Scan::new(Arc::clone(&next), FIRST_RECORD).map_err(failed)?;
        let goes_on = match ahead.next().map_err(failed)? {
            Some(record) => chain.take(record),
            None => false,
        };
        if !goes_on {
            break;
        }
        segment = next;
        scan = ahead;
    }
    let Chain {
        mut fitting,
        durable,
        ..
    } = chain;
    let begin = Begin {
        position: Position::new(first, from),
        previous,
    };
    drop_torn(segments, &mut fitting, durable)?;
    finish(segments, begin, fitting, sequence)
}

struct Begin {
    position: Position,
    previous: u64,
}

struct Chain {
    sequence: u64,
    previous: u64,
    fitting: Vec<Fitting>,
    durable: Position,
}

impl Chain {
    /// Takes the record if it goes on from the last one.
    fn take(&mut self, record: Scanned) -> bool {
        let header = record.header;
        if header.previous != self.previous || header.sequence <= self.sequence {
            return false;
        }
        let body =
            (header.body_bytes > 0).then(|| (record.body_offset(), u64::from(header.body_bytes)));
        self.sequence = header.sequence;
        self.previous = header.checksum;
        self.durable = self.durable.max(header.durable);
        self.fitting.push(Fitting {
            position: header.position,
            sequence: header.sequence,
            changes: record.changes,
            body,
            checksum: header.checksum,
        });
        true
    }
}

/// Records behind the last known sync may have lost their bodies.
fn drop_torn(
    segments: &Segments,
    fitting: &mut Vec<Fitting>,
    durable: Position,
) -> Result<(), EngineError> {
    let unsure = fitting.partition_point(|record| record.position < durable);
    let mut whole = unsure;
    for record in fitting.get(unsure..).unwrap_or_default() {
        if !has_body(segments, record)? {
            break;
        }
        whole += 1;
    }
    fitting.truncate(whole);
    Ok(())
}

fn has_body(segments: &Segments, record: &Fitting) -> Result<bool, EngineError> {
    let Some((offset, stored_bytes)) = record.body else {
        return Ok(true);
    };
    let id = record.changes.iter().find_map(|change| {
        let id = change.key.first_chunk().map(|id| u64::from_be_bytes(*id));
        let is_inline = change
            .payload
            .as_ref()
            .is_some_and(|payload| matches!(crate::codec::InlineAt::decode(payload), Ok(Some(_))));
        id.filter(|_| change.table == Table::Bodies && is_inline)
    });
    let (Some(id), Some(segment)) = (id, segments.get(record.position.segment())) else {
        return Ok(false);
    };
    let mut on_disk = vec![0; blocks::on_disk_bytes(stored_bytes) as usize];
    match segment.file.read_at(&mut on_disk, offset) {
        Ok(()) => Ok(blocks::body(id, stored_bytes, &on_disk).is_some()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// Fills the memtable and finds the end; refuses when there was more.
fn finish(
    segments: &Segments,
    begin: Begin,
    fitting: Vec<Fitting>,
    mut sequence: u64,
) -> Result<Replayed, EngineError> {
    let memtable = Memtable::default();
    let mut last = None;
    for record in fitting {
        for change in record.changes {
            let changed = Changed {
                position: record.position,
                payload: change.payload,
            };
            memtable.insert(change.table, change.key, record.sequence, changed);
        }
        sequence = record.sequence;
        last = Some((record.position, record.checksum));
    }
    let (segment, offset, previous) = match last {
        Some((position, checksum)) => {
            let segment = get(segments, position.segment())?;
            let mut scan = Scan::new(Arc::clone(&segment), position.offset()).map_err(failed)?;
            scan.next().map_err(failed)?;
            (segment, scan.at(), checksum)
        }
        None => {
            let segment = get(segments, begin.position.segment())?;
            (segment, begin.position.offset(), begin.previous)
        }
    };
    refuse_damage(segments, &segment, offset)?;
    Ok(Replayed {
        memtable,
        sequence,
        end: Some(End {
            segment,
            offset,
            previous,
        }),
    })
}

/// A record behind the end that says that the end had been synced proves that something is lost.
fn refuse_damage(
    segments: &Segments,
    segment: &Arc<SegmentFile>,
    offset: u32,
) -> Result<(), EngineError> {
    let end = Position::new(segment.number, offset);
    let numbers = segments.numbers();
    for number in numbers
        .into_iter()
        .filter(|number| *number >= segment.number)
    {
        let from = match number == segment.number {
            true => offset,
            false => FIRST_RECORD,
        };
        let mut scan = Scan::new(get(segments, number)?, from).map_err(failed)?;
        while let Some(found) = scan.search().map_err(failed)? {
            if found.header.durable > end {
                return Err(damage(segment, offset));
            }
        }
    }
    Ok(())
}

fn get(segments: &Segments, number: u32) -> Result<Arc<SegmentFile>, EngineError> {
    segments
        .get(number)
        .ok_or_else(|| EngineError::corrupt(format!("segment {number:08x} of the log is missing")))
}

fn damage(segment: &SegmentFile, offset: u32) -> EngineError {
    EngineError::corrupt(format!(
        "segment {:08x} of the log is damaged at {offset}: writes that were acknowledged cannot be \
         read; `strongroom fsck` tells what is left",
        segment.number
    ))
}

fn failed(error: io::Error) -> EngineError {
    EngineError::io("reading the log", error)
}
