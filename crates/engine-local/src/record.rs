//! Records of the log: what one write did to the rows, and the small body that it brought.
//!
//! DESIGN.md describes every byte; change it with this file.

use crate::blocks;
use crate::codec::Table;
use bytes::Bytes;

pub(crate) const HEADER_BYTES: usize = 64;
const MAGIC: u32 = u32::from_le_bytes(*b"SRR2");
/// Records begin at multiples of this.
const ALIGNMENT: usize = 8;

/// Where a record begins: the segment's number in the upper 32 bits, the offset in the lower.
/// Rises from record to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Position(pub u64);

impl Position {
    pub(crate) fn new(segment: u32, offset: u32) -> Position {
        Position(u64::from(segment) << 32 | u64::from(offset))
    }

    pub(crate) fn segment(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(crate) fn offset(self) -> u32 {
        self.0 as u32
    }
}

/// What is to become of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) table: Table,
    pub(crate) key: Bytes,
    /// `None` removes the row.
    pub(crate) payload: Option<Bytes>,
}

impl Change {
    /// What the change takes up in a record.
    pub(crate) fn on_disk_bytes(key_bytes: usize, payload_bytes: usize) -> usize {
        CHANGE_HEADER_BYTES + key_bytes + payload_bytes
    }
}

const CHANGE_HEADER_BYTES: usize = 8;
const REMOVES: u8 = 1;

/// What goes before and into a record's checksum besides its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Of the whole record, with what fills it up.
    pub(crate) record_bytes: u32,
    pub(crate) rows_bytes: u32,
    /// Length of the inline body, without checksums; 0 if there is none.
    pub(crate) body_bytes: u32,
    pub(crate) position: Position,
    pub(crate) sequence: u64,
    /// Drawn at random by each server that opened the directory.
    pub(crate) epoch: u64,
    /// The checksum of the record before.
    pub(crate) previous: u64,
    /// All records before this place were synced when this one was written.
    pub(crate) durable: Position,
    pub(crate) checksum: u64,
}

/// What a record needs from the place where it goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) position: Position,
    pub(crate) epoch: u64,
    pub(crate) previous: u64,
    pub(crate) durable: Position,
}

/// An inline body and the id under which `bodies` has it.
#[derive(Debug, Clone)]
pub(crate) struct InlineBody {
    pub(crate) id: u64,
    pub(crate) bytes: Bytes,
}

/// A record that is ready to be written.
pub(crate) struct Encoded {
    /// Header and rows.
    pub(crate) head: Vec<u8>,
    pub(crate) checksum: u64,
}

/// Length of the rows of a record.
pub(crate) fn rows_bytes(changes: &[Change]) -> usize {
    let lengths = changes.iter().map(|change| {
        let payload_bytes = change.payload.as_ref().map_or(0, Bytes::len);
        Change::on_disk_bytes(change.key.len(), payload_bytes)
    });
    lengths.sum()
}

/// Length of a record with these rows and this body.
pub(crate) fn record_bytes(rows_bytes: usize, body_bytes: usize) -> usize {
    let body = blocks::on_disk_bytes(body_bytes as u64) as usize;
    (HEADER_BYTES + rows_bytes + body).next_multiple_of(ALIGNMENT)
}

/// Where the body begins, from the begin of the record.
pub(crate) fn body_offset(rows_bytes: usize) -> usize {
    HEADER_BYTES + rows_bytes
}

/// Header and rows of a record; the body's blocks follow, then zeros up to `record_bytes`.
pub(crate) fn encode(
    changes: &[Change],
    body_bytes: usize,
    sequence: u64,
    place: Place,
) -> Encoded {
    let rows_bytes = rows_bytes(changes);
    let mut head = Vec::with_capacity(HEADER_BYTES + rows_bytes);
    let record_bytes = record_bytes(rows_bytes, body_bytes);
    head.extend_from_slice(&MAGIC.to_le_bytes());
    // INVARIANT: a segment is shorter than 4 GiB, and so is a record.
    for length in [record_bytes, rows_bytes, body_bytes] {
        head.extend_from_slice(&(length as u32).to_le_bytes());
    }
    for field in [
        place.position.0,
        sequence,
        place.epoch,
        place.previous,
        place.durable.0,
    ] {
        head.extend_from_slice(&field.to_le_bytes());
    }
    let checksum_at = head.len();
    head.extend_from_slice(&[0; 8]);
    for change in changes {
        let payload = change.payload.as_deref();
        head.push(change.table as u8);
        head.push(if payload.is_none() { REMOVES } else { 0 });
        head.extend_from_slice(&(change.key.len() as u16).to_le_bytes());
        head.extend_from_slice(&(payload.map_or(0, <[u8]>::len) as u32).to_le_bytes());
        head.extend_from_slice(&change.key);
        head.extend_from_slice(payload.unwrap_or_default());
    }
    let checksum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &head);
    if let Some(field) = head.get_mut(checksum_at..checksum_at + 8) {
        field.copy_from_slice(&checksum.to_le_bytes());
    }
    Encoded { head, checksum }
}

/// Whether a record could begin with these bytes.
pub(crate) fn may_begin(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC.to_le_bytes())
}

/// Reads the header at the begin of `bytes`. `None` when there is none; whether the record is what
/// was written, [`rows_of`] finds out.
pub(crate) fn header_of(bytes: &[u8]) -> Option<Header> {
    let u32_at = |at: usize| -> Option<u32> {
        bytes
            .get(at..at + 4)
            .and_then(|field| field.first_chunk())
            .map(|field| u32::from_le_bytes(*field))
    };
    let u64_at = |at: usize| -> Option<u64> {
        bytes
            .get(at..at + 8)
            .and_then(|field| field.first_chunk())
            .map(|field| u64::from_le_bytes(*field))
    };
    if u32_at(0)? != MAGIC {
        return None;
    }
    let header = Header {
        record_bytes: u32_at(4)?,
        rows_bytes: u32_at(8)?,
        body_bytes: u32_at(12)?,
        position: Position(u64_at(16)?),
        sequence: u64_at(24)?,
        epoch: u64_at(32)?,
        previous: u64_at(40)?,
        durable: Position(u64_at(48)?),
        checksum: u64_at(56)?,
    };
    let fits = record_bytes(header.rows_bytes as usize, header.body_bytes as usize)
        == header.record_bytes as usize;
    fits.then_some(header)
}

/// The changes of a record, if header and rows are what was written. `head` is both.
pub(crate) fn rows_of(header: &Header, head: &Bytes) -> Option<Vec<Change>> {
    let end = HEADER_BYTES.checked_add(header.rows_bytes as usize)?;
    let head = if head.len() >= end {
        head.slice(..end)
    } else {
        return None;
    };
    let mut crc = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Nvme);
    crc.update(head.get(..HEADER_BYTES - 8)?);
    crc.update(&[0; 8]);
    crc.update(head.get(HEADER_BYTES..)?);
    if crc.finalize() != header.checksum {
        return None;
    }
    let mut changes = Vec::new();
    let mut at = HEADER_BYTES;
    while at < end {
        let fields = head.get(at..at + CHANGE_HEADER_BYTES)?;
        let [table, flags, k0, k1, p0, p1, p2, p3] = *fields.first_chunk::<8>()?;
        let key_end = at + CHANGE_HEADER_BYTES + usize::from(u16::from_le_bytes([k0, k1]));
        let payload_end = key_end + u32::from_le_bytes([p0, p1, p2, p3]) as usize;
        if payload_end > end {
            return None;
        }
        changes.push(Change {
            table: Table::from_number(table)?,
            key: head.slice(at + CHANGE_HEADER_BYTES..key_end),
            payload: (flags & REMOVES == 0).then(|| head.slice(key_end..payload_end)),
        });
        at = payload_end;
    }
    Some(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(key: &str, payload: Option<&str>) -> Change {
        Change {
            table: Table::Control,
            key: Bytes::copy_from_slice(key.as_bytes()),
            payload: payload.map(|text| Bytes::copy_from_slice(text.as_bytes())),
        }
    }

    #[test]
    fn a_record_is_read_as_written_and_any_flipped_bit_is_noticed() {
        let changes = [
            change("a", Some("one")),
            change("b", None),
            change("c", Some("")),
        ];
        let place = Place {
            position: Position::new(3, 4096),
            epoch: 77,
            previous: 5,
            durable: Position::new(3, 64),
        };
        let Encoded { head, checksum } = encode(&changes, 100, 9, place);
        let head = Bytes::from(head);
        let header = header_of(&head).unwrap();
        assert_eq!(header.position, place.position);
        assert_eq!((header.sequence, header.body_bytes), (9, 100));
        assert_eq!(header.checksum, checksum);
        assert_eq!(rows_of(&header, &head).unwrap(), changes);
        for bit in 0..head.len() * 8 {
            let mut flipped = head.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let flipped = Bytes::from(flipped);
            let read = header_of(&flipped).and_then(|header| rows_of(&header, &flipped));
            assert!(read.is_none(), "bit {bit}");
        }
    }
}
