//! How rows are written: keys that sort as S3 lists, values that carry their checksum.
//!
//! DESIGN.md describes every row; change it with this file.

use crate::pieces::{Address, Piece};
use crate::record::Position;
use bytes::Bytes;
use engine::{
    BucketId, EngineError, Head, Millis, ObjectName, Sequence, Upload, UploadId, VersionId,
};

/// The tables of the index. The number goes into each row's checksum, so that a row that turns up
/// in another table is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    System = 1,
    Buckets = 2,
    Current = 3,
    Older = 4,
    Uploads = 5,
    UploadsByKey = 6,
    Parts = 7,
    Bodies = 8,
    Extents = 9,
    Garbage = 10,
    Control = 11,
    References = 12,
}

impl Table {
    pub(crate) const ALL: [Table; 12] = [
        Table::System,
        Table::Buckets,
        Table::Current,
        Table::Older,
        Table::Uploads,
        Table::UploadsByKey,
        Table::Parts,
        Table::Bodies,
        Table::Extents,
        Table::Garbage,
        Table::Control,
        Table::References,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Table::System => "system",
            Table::Buckets => "buckets",
            Table::Current => "current",
            Table::Older => "older",
            Table::Uploads => "uploads",
            Table::UploadsByKey => "uploads-by-key",
            Table::Parts => "parts",
            Table::Bodies => "bodies",
            Table::Extents => "extents",
            Table::Garbage => "garbage",
            Table::Control => "control",
            Table::References => "references",
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Table> {
        Table::ALL.into_iter().find(|table| *table as u8 == number)
    }
}

/// Length of the checksum before every value.
const SEAL_BYTES: usize = 8;

fn seal_of(table: Table, key: &[u8], located: &[u8]) -> [u8; SEAL_BYTES] {
    let mut crc = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Nvme);
    crc.update(&[table as u8]);
    crc.update(&(key.len() as u32).to_le_bytes());
    crc.update(key);
    crc.update(located);
    crc.finalize().to_le_bytes()
}

/// The value of a row: checksum of table, key and what follows; the position of the record that
/// put the row; the payload.
pub(crate) fn seal(table: Table, key: &[u8], position: Position, payload: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(SEAL_BYTES + 8 + payload.len());
    value.extend_from_slice(&[0; SEAL_BYTES]);
    value.extend_from_slice(&position.0.to_le_bytes());
    value.extend_from_slice(payload);
    if let Some((seal, located)) = value.split_first_chunk_mut::<SEAL_BYTES>() {
        *seal = seal_of(table, key, located);
    }
    value
}

/// Position and payload of a row, if nothing in it changed.
pub(crate) fn unseal<'a>(
    table: Table,
    key: &[u8],
    value: &'a [u8],
) -> Result<(Position, &'a [u8]), EngineError> {
    let sealed = value.split_first_chunk::<SEAL_BYTES>();
    let located = sealed.and_then(|(seal, located)| {
        let (position, payload) = located.split_first_chunk::<8>()?;
        let position = Position(u64::from_le_bytes(*position));
        (*seal == seal_of(table, key, located)).then_some((position, payload))
    });
    located.ok_or_else(|| {
        EngineError::corrupt(format!(
            "the checksum of a row in table `{}` does not fit",
            table.name()
        ))
    })
}

/// The rows of one key, or below one prefix, begin with this.
///
/// UTF-8 has no byte above 0xF4. Each byte is stored one higher, so that zero is free to end the
/// key: the order stays that of the bytes, no key's rows lie between those of another, and no key
/// grows.
pub(crate) fn prefix_rows(bucket: BucketId, prefix: &str) -> Vec<u8> {
    let mut row = Vec::with_capacity(16 + prefix.len() + 17);
    row.extend_from_slice(&bucket.0.to_be_bytes());
    row.extend(prefix.bytes().map(|byte| byte.wrapping_add(1)));
    row
}

/// The row of an object in `current`, and what its rows in other tables begin with.
pub(crate) fn key_rows(bucket: BucketId, key: &str) -> Vec<u8> {
    let mut row = prefix_rows(bucket, key);
    row.push(0);
    row
}

/// The first row that a longer prefix or another key may have after all that begin with `rows`.
pub(crate) fn after_rows(mut rows: Vec<u8>) -> Vec<u8> {
    // Neither a bucket id that is all ones nor a shifted byte above 0xF5 ends here: rows always
    // continue with a shifted byte or the closing zero.
    if let Some(last) = rows.last_mut() {
        *last = last.wrapping_add(1);
    }
    rows
}

/// A version's row in `older`: the newest first.
pub(crate) fn older_row(object: &ObjectName, created: Sequence) -> Vec<u8> {
    let mut row = key_rows(object.bucket, &object.key);
    row.extend_from_slice(&(!created.0).to_be_bytes());
    row
}

pub(crate) fn upload_by_key_row(object: &ObjectName, upload: UploadId) -> Vec<u8> {
    let mut row = key_rows(object.bucket, &object.key);
    row.extend_from_slice(&upload.0.to_be_bytes());
    row
}

pub(crate) fn part_row(upload: UploadId, number: u32) -> Vec<u8> {
    let mut row = upload.0.to_be_bytes().to_vec();
    row.extend_from_slice(&number.to_be_bytes());
    row
}

pub(crate) fn garbage_row(sequence: Sequence, index: u32) -> Vec<u8> {
    let mut row = sequence.0.to_be_bytes().to_vec();
    row.extend_from_slice(&index.to_be_bytes());
    row
}

/// Takes the object's key out of a row that [`key_rows`] began; the rest is what follows it.
pub(crate) fn split_key(row: &[u8]) -> Result<(String, &[u8]), EngineError> {
    let damaged = || EngineError::corrupt("a row's key does not name an object");
    let (_bucket, rest) = row.split_first_chunk::<16>().ok_or_else(damaged)?;
    let end = rest
        .iter()
        .position(|byte| *byte == 0)
        .ok_or_else(damaged)?;
    let (shifted, rest) = rest.split_at_checked(end).ok_or_else(damaged)?;
    let key = shifted.iter().map(|byte| byte.wrapping_sub(1)).collect();
    let key = String::from_utf8(key).map_err(|_| damaged())?;
    Ok((key, rest.get(1..).unwrap_or_default()))
}

/// One version of an object, or a delete marker, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Whether its version id is null.
    pub is_null: bool,
    /// The commit that made it: its place among the versions.
    pub created: Sequence,
    pub sequence: Sequence,
    pub stored_bytes: u64,
    pub etag: Bytes,
    pub last_modified: Millis,
    pub is_delete_marker: bool,
    pub meta: Bytes,
    pub address: Address,
}

impl Record {
    pub(crate) fn version(&self) -> VersionId {
        match self.is_null {
            true => VersionId::Null,
            false => VersionId::Made(self.created),
        }
    }

    pub(crate) fn into_head(self, body: engine::BodyRef) -> Head {
        Head {
            version: self.version(),
            sequence: self.sequence,
            stored_bytes: self.stored_bytes,
            etag: self.etag,
            last_modified: self.last_modified,
            is_delete_marker: self.is_delete_marker,
            meta: self.meta,
            body,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.u8(u8::from(self.is_null) | u8::from(self.is_delete_marker) << 1);
        to.u64(self.created.0);
        to.u64(self.sequence.0);
        to.u64(self.stored_bytes);
        to.u64(self.last_modified.0.cast_unsigned());
        to.bytes(&self.etag);
        to.bytes(&self.meta);
        self.address.encode_to(&mut to);
        to.0
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<Record, EngineError> {
        let mut from = Decoder(payload);
        let flags = from.u8()?;
        let record = Record {
            is_null: flags & 1 != 0,
            is_delete_marker: flags & 2 != 0,
            created: Sequence(from.u64()?),
            sequence: Sequence(from.u64()?),
            stored_bytes: from.u64()?,
            last_modified: Millis(from.u64()?.cast_signed()),
            etag: from.bytes()?,
            meta: from.bytes()?,
            address: Address::decode_from(&mut from)?,
        };
        from.end()?;
        Ok(record)
    }
}

/// One part of an upload, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartRecord {
    pub sequence: Sequence,
    pub stored_bytes: u64,
    pub etag: Bytes,
    pub last_modified: Millis,
    pub meta: Bytes,
    pub address: Address,
}

impl PartRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.u64(self.sequence.0);
        to.u64(self.stored_bytes);
        to.u64(self.last_modified.0.cast_unsigned());
        to.bytes(&self.etag);
        to.bytes(&self.meta);
        self.address.encode_to(&mut to);
        to.0
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<PartRecord, EngineError> {
        let mut from = Decoder(payload);
        let record = PartRecord {
            sequence: Sequence(from.u64()?),
            stored_bytes: from.u64()?,
            last_modified: Millis(from.u64()?.cast_signed()),
            etag: from.bytes()?,
            meta: from.bytes()?,
            address: Address::decode_from(&mut from)?,
        };
        from.end()?;
        Ok(record)
    }
}

pub(crate) fn encode_upload(upload: &Upload) -> Vec<u8> {
    let mut to = Encoder::default();
    to.u64(upload.sequence.0);
    to.u64(upload.initiated.0.cast_unsigned());
    to.0.extend_from_slice(&upload.object.bucket.0.to_be_bytes());
    to.bytes(upload.object.key.as_bytes());
    to.bytes(&upload.meta);
    to.0
}

pub(crate) fn decode_upload(upload: UploadId, payload: &[u8]) -> Result<Upload, EngineError> {
    let mut from = Decoder(payload);
    let sequence = Sequence(from.u64()?);
    let initiated = Millis(from.u64()?.cast_signed());
    let bucket = BucketId(u128::from_be_bytes(from.array()?));
    let key = String::from_utf8(from.bytes()?.into())
        .map_err(|_| EngineError::corrupt("the key of an upload is not UTF-8"))?;
    let meta = from.bytes()?;
    from.end()?;
    Ok(Upload {
        upload,
        object: ObjectName { bucket, key },
        initiated,
        meta,
        sequence,
    })
}

/// The `bodies` row of a body in the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct InlineAt {
    /// From the begin of the record that put the row.
    pub(crate) offset: u32,
    pub(crate) stored_bytes: u64,
}

const INLINE: u8 = 1;
const LISTED: u8 = 2;

impl InlineAt {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.u8(INLINE);
        to.0.extend_from_slice(&self.offset.to_le_bytes());
        to.u64(self.stored_bytes);
        to.0
    }

    /// `None` when the row lists pieces.
    pub(crate) fn decode(payload: &[u8]) -> Result<Option<InlineAt>, EngineError> {
        let mut from = Decoder(payload);
        if from.u8()? != INLINE {
            return Ok(None);
        }
        let found = InlineAt {
            offset: u32::from_le_bytes(from.array()?),
            stored_bytes: from.u64()?,
        };
        from.end()?;
        Ok(Some(found))
    }
}

/// The `bodies` row of a body that consists of several pieces.
pub(crate) fn encode_pieces(pieces: &[Piece]) -> Vec<u8> {
    let mut to = Encoder::default();
    to.u8(LISTED);
    for piece in pieces {
        piece.encode_to(&mut to);
    }
    to.0
}

pub(crate) fn decode_pieces(payload: &[u8]) -> Result<Vec<Piece>, EngineError> {
    let mut from = Decoder(payload);
    if from.u8()? != LISTED {
        return Err(EngineError::corrupt(
            "a body is in one piece, not in several",
        ));
    }
    let mut pieces = Vec::new();
    while !from.0.is_empty() {
        pieces.push(Piece::decode_from(&mut from)?);
    }
    Ok(pieces)
}

pub(crate) fn decode_u64(payload: &[u8]) -> Result<u64, EngineError> {
    let mut from = Decoder(payload);
    let value = from.u64()?;
    from.end()?;
    Ok(value)
}

#[derive(Default)]
pub(crate) struct Encoder(pub Vec<u8>);

impl Encoder {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn bytes(&mut self, value: &[u8]) {
        self.u64(value.len() as u64);
        self.0.extend_from_slice(value);
    }
}

pub(crate) struct Decoder<'a>(pub &'a [u8]);

impl<'a> Decoder<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], EngineError> {
        let (array, rest) = self.0.split_first_chunk::<N>().ok_or_else(too_short)?;
        self.0 = rest;
        Ok(*array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, EngineError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, EngineError> {
        self.array().map(u64::from_le_bytes)
    }

    fn bytes(&mut self) -> Result<Bytes, EngineError> {
        let length = usize::try_from(self.u64()?).map_err(|_| too_short())?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(too_short)?;
        self.0 = rest;
        Ok(Bytes::copy_from_slice(bytes))
    }

    pub(crate) fn end(&self) -> Result<(), EngineError> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(EngineError::corrupt("a row is longer than its content")),
        }
    }
}

fn too_short() -> EngineError {
    EngineError::corrupt("a row is shorter than its content")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_sort_as_their_keys_do() {
        let bucket = BucketId(7);
        let mut keys = [
            "a",
            "a\0",
            "a\0b",
            "a/",
            "a0",
            "b",
            "\u{7f}",
            "é",
            "\u{ffff}",
            "\u{10ffff}",
            "ab",
        ];
        keys.sort_unstable();
        let rows: Vec<_> = keys.iter().map(|key| key_rows(bucket, key)).collect();
        assert!(rows.is_sorted());
        for (key, row) in keys.iter().zip(&rows) {
            assert_eq!(split_key(row).unwrap(), ((*key).to_owned(), &[][..]));
        }
    }

    #[test]
    fn the_rows_of_a_key_end_before_those_of_the_next() {
        let object = |key: &str| ObjectName {
            bucket: BucketId(7),
            key: key.to_owned(),
        };
        let oldest = older_row(&object("a"), Sequence(0));
        let end = after_rows(key_rows(BucketId(7), "a"));
        assert!(oldest < end);
        assert!(end <= older_row(&object("a\0"), Sequence(u64::MAX)));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let key = b"key";
        let position = Position::new(3, 8);
        let value = seal(Table::Bodies, key, position, b"payload");
        let found = unseal(Table::Bodies, key, &value).unwrap();
        assert_eq!(found, (position, &b"payload"[..]));
        for bit in 0..value.len() * 8 {
            let mut flipped = value.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(Table::Bodies, key, &flipped).is_err());
        }
        assert!(unseal(Table::Extents, key, &value).is_err());
        assert!(unseal(Table::Bodies, b"kez", &value).is_err());
    }
}
