//! Looks at everything that is stored and says what does not fit.

use crate::codec::{PartRecord, Record, Table, decode_pieces, decode_u64, split_key};
use crate::index::Walk;
use crate::pace::Pace;
use crate::pieces::{Address, Piece};
use crate::record::Position;
use crate::rows::Reads;
use crate::segment::{FIRST_RECORD, Scan};
use crate::store::Store;
use engine::{BucketId, EngineError, VersionId};
use std::fmt;
use std::io;
use std::sync::Arc;

/// What was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Versions of objects, delete markers included.
    pub versions: u64,
    /// Parts of uploads in progress.
    pub parts: u64,
    /// Bytes of bodies that were read.
    pub bytes_read: u64,
    /// Files of the log.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// What does not fit.
    pub problems: Vec<Problem>,
}

/// Something that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The object it is about, if it is about one.
    pub object: Option<DamagedObject>,
    /// What is wrong.
    pub what: String,
}

/// A version whose body or record is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedObject {
    /// The incarnation of its bucket.
    pub bucket: BucketId,
    /// Its key.
    pub key: String,
    /// The version; `None` for a part of an upload.
    pub version: Option<VersionId>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.object {
            Some(object) => write!(f, "{:?}: {}", object.key, self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// See [`crate::Local::verify`].
///
/// Of the log it looks at what lies before `end`: what comes after it is being written.
pub(crate) fn verify(
    store: &Arc<Store>,
    end: Position,
    scrub: bool,
    pace: &dyn Pace,
) -> Result<Verified, EngineError> {
    let mut verified = Verified::default();
    walks(store, &mut verified)?;
    let scrub = scrub.then_some(pace);
    for table in [Table::Current, Table::Older] {
        objects(store, table, scrub, &mut verified)?;
        check(pace)?;
    }
    parts(store, scrub, &mut verified)?;
    check(pace)?;
    log(store, end, pace, &mut verified)?;
    Ok(verified)
}

/// Work that was ended says nothing about what it did not see.
fn check(pace: &dyn Pace) -> Result<(), EngineError> {
    match pace.is_stopped() {
        true => Err(EngineError::io(
            "looking at what is stored",
            io::Error::from(io::ErrorKind::Interrupted),
        )),
        false => Ok(()),
    }
}

/// Rows that the pages above them hide would not be missed below.
fn walks(store: &Arc<Store>, verified: &mut Verified) -> Result<(), EngineError> {
    for table in Table::ALL {
        // One for each: a transaction keeps the pages of all that is replaced.
        let txn = store.index.read()?;
        match store.index.check_walk(&txn, table, Walk::WithLookups) {
            Ok(()) => {}
            Err(error @ EngineError::Corrupt { .. }) => verified.problems.push(Problem {
                object: None,
                what: error.to_string(),
            }),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Rows that one look takes: none is held for long, since it keeps what is replaced.
const ROWS_MAX: usize = 256;

fn objects(
    store: &Arc<Store>,
    table: Table,
    scrub: Option<&dyn Pace>,
    verified: &mut Verified,
) -> Result<(), EngineError> {
    let mut after: Option<Vec<u8>> = None;
    loop {
        let mut found = Vec::new();
        {
            let view = store.view()?;
            let start = match &after {
                Some(row) => std::ops::Bound::Excluded(&row[..]),
                None => std::ops::Bound::Unbounded,
            };
            for row in view.rows(table, start, &[])?.take(ROWS_MAX) {
                match row {
                    Ok((row, payload)) => found.push((row.to_vec(), payload.to_vec())),
                    Err(error) => {
                        verified.problems.push(Problem {
                            object: None,
                            what: error.to_string(),
                        });
                        return Ok(());
                    }
                }
            }
        }
        let Some((last, _)) = found.last() else {
            return Ok(());
        };
        after = Some(last.clone());
        for (row, payload) in found {
            if scrub.is_some_and(|pace| pace.is_stopped()) {
                return Ok(());
            }
            verified.versions += 1;
            let bucket = row
                .first_chunk()
                .map(|id| BucketId(u128::from_be_bytes(*id)));
            let key = split_key(&row).map(|(key, _)| key);
            let record = Record::decode(&payload);
            let (Some(bucket), Ok(key), Ok(record)) = (bucket, key, record) else {
                verified.problems.push(Problem {
                    object: None,
                    what: format!("a row of table `{}` cannot be read", table.name()),
                });
                continue;
            };
            let read = body(store, record.address, record.stored_bytes, scrub, verified);
            if let Err(error) = read {
                verified.problems.push(Problem {
                    object: Some(DamagedObject {
                        bucket,
                        key,
                        version: Some(record.version()),
                    }),
                    what: error.to_string(),
                });
            }
        }
    }
}

fn parts(
    store: &Arc<Store>,
    scrub: Option<&dyn Pace>,
    verified: &mut Verified,
) -> Result<(), EngineError> {
    let mut after: Option<Vec<u8>> = None;
    loop {
        let mut found = Vec::new();
        {
            let view = store.view()?;
            let start = match &after {
                Some(row) => std::ops::Bound::Excluded(&row[..]),
                None => std::ops::Bound::Unbounded,
            };
            for row in view.rows(Table::Parts, start, &[])?.take(ROWS_MAX) {
                let (row, payload) = row?;
                found.push((row.to_vec(), PartRecord::decode(&payload)?));
            }
        }
        let Some((last, _)) = found.last() else {
            return Ok(());
        };
        after = Some(last.clone());
        for (row, record) in found {
            if scrub.is_some_and(|pace| pace.is_stopped()) {
                return Ok(());
            }
            part(store, &row, record, scrub, verified)?;
        }
    }
}

fn part(
    store: &Arc<Store>,
    row: &[u8],
    part: PartRecord,
    scrub: Option<&dyn Pace>,
    verified: &mut Verified,
) -> Result<(), EngineError> {
    verified.parts += 1;
    let Err(error) = body(store, part.address, part.stored_bytes, scrub, verified) else {
        return Ok(());
    };
    let upload = row
        .first_chunk()
        .map(|id| engine::UploadId(u128::from_be_bytes(*id)));
    let view = store.view()?;
    let object = match upload {
        Some(upload) => crate::read::upload_in(&view, upload)?,
        None => None,
    };
    verified.problems.push(Problem {
        object: object.map(|upload| DamagedObject {
            bucket: upload.object.bucket,
            key: upload.object.key,
            version: None,
        }),
        what: format!("a part of an upload: {error}"),
    });
    Ok(())
}

/// Looks whether all pieces of a body are there, and reads them if they are to be scrubbed.
fn body(
    store: &Arc<Store>,
    address: Address,
    stored_bytes: u64,
    scrub: Option<&dyn Pace>,
    verified: &mut Verified,
) -> Result<(), EngineError> {
    if let Some(pace) = scrub {
        return match store.read_whole(address, stored_bytes, pace) {
            Ok(bytes) => {
                verified.bytes_read += bytes;
                Ok(())
            }
            // Removed since the row was read.
            Err(EngineError::BodyGone) => Ok(()),
            Err(error) => Err(error),
        };
    }
    let view = store.view()?;
    let pieces = match address {
        Address::Empty => Vec::new(),
        Address::One(piece) => vec![piece],
        Address::Listed { id } => match view.get(Table::Bodies, &id.to_be_bytes())? {
            Some(payload) => decode_pieces(&payload)?,
            // Removed since the row was read.
            None => return Ok(()),
        },
    };
    for piece in pieces {
        if let Piece::Extent { id, stored_bytes } = piece
            && let Some(length) = view.get(Table::Extents, &id.0.to_be_bytes())?
            && decode_u64(&length)? != stored_bytes
        {
            return Err(EngineError::corrupt(
                "a file has another length than its record says",
            ));
        }
    }
    Ok(())
}

/// Every file of the log must be readable from its begin to the end.
fn log(
    store: &Arc<Store>,
    end: Position,
    pace: &dyn Pace,
    verified: &mut Verified,
) -> Result<(), EngineError> {
    let reading = |error| EngineError::io("reading the log", error);
    let mut numbers = store.segments.numbers();
    // Those after it are made ahead.
    numbers.retain(|number| *number <= end.segment());
    for number in numbers {
        // One that was taken out of the log meanwhile has nothing of it.
        let Some(segment) = store.segments.get(number) else {
            continue;
        };
        verified.segments += 1;
        let mut scan = Scan::new(segment, FIRST_RECORD).map_err(reading)?;
        if number == end.segment() {
            scan = scan.up_to(u64::from(end.offset()));
        }
        while let Some(record) = scan.next().map_err(reading)? {
            verified.records += 1;
            pace.read(u64::from(record.header.record_bytes));
            check(pace)?;
        }
        let damaged_at = Position::new(number, scan.at());
        // What says that this place had been synced proves that something is lost. Other records
        // here are leftovers of writes that were never acknowledged.
        while let Some(later) = scan.search().map_err(reading)? {
            if later.header.durable > damaged_at {
                verified.problems.push(Problem {
                    object: None,
                    what: format!(
                        "segment {number:08x} of the log is damaged at {}",
                        damaged_at.offset()
                    ),
                });
                break;
            }
        }
    }
    Ok(())
}
