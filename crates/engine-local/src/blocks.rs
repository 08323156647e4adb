//! Bodies in blocks: 64 KiB each, the last one shorter, each followed by its checksum. In the log
//! and in extent files alike, so that any range can be read and verified without the rest.

use bytes::{Bytes, BytesMut};
use std::ops::Range;

/// Bytes of the body in each block but the last.
pub(crate) const BLOCK_BYTES: usize = 64 * 1024;
pub(crate) const CHECKSUM_BYTES: usize = 8;
const BLOCK_ON_DISK_BYTES: u64 = (BLOCK_BYTES + CHECKSUM_BYTES) as u64;
/// Blocks that one read takes at most.
const READ_BLOCKS_MAX: u64 = 16;

/// What a body takes up with its checksums.
pub(crate) fn on_disk_bytes(stored_bytes: u64) -> u64 {
    stored_bytes + stored_bytes.div_ceil(BLOCK_BYTES as u64) * CHECKSUM_BYTES as u64
}

/// Where a block begins, from the begin of the body.
pub(crate) fn block_offset(block: u64) -> u64 {
    block * BLOCK_ON_DISK_BYTES
}

/// Covers the body's id and the place too, so that a block of elsewhere is noticed.
pub(crate) fn checksum(id: u64, block: u64, data: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut crc = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Nvme);
    crc.update(&id.to_le_bytes());
    crc.update(&block.to_le_bytes());
    crc.update(data);
    crc.finalize().to_le_bytes()
}

/// One read of a range of a body: which bytes of the disk, and what of them is wanted.
pub(crate) struct BlockRead {
    id: u64,
    first: u64,
    /// From the begin of the body, with the checksums.
    pub(crate) offset: u64,
    pub(crate) on_disk_bytes: usize,
    skip: usize,
    /// How much of the range this read answers.
    wanted: usize,
}

impl BlockRead {
    /// The first bytes of `range`, at most some blocks of them. `None` when the range is not within
    /// the body.
    pub(crate) fn plan(id: u64, stored_bytes: u64, range: &Range<u64>) -> Option<BlockRead> {
        if range.start >= range.end || range.end > stored_bytes {
            return None;
        }
        let block_bytes = BLOCK_BYTES as u64;
        let first = range.start / block_bytes;
        let end = range.end.min((first + READ_BLOCKS_MAX) * block_bytes);
        let last_end = end.div_ceil(block_bytes);
        let body_bytes = stored_bytes.min(last_end * block_bytes) - first * block_bytes;
        let blocks = last_end - first;
        Some(BlockRead {
            id,
            first,
            offset: block_offset(first),
            on_disk_bytes: usize::try_from(body_bytes + blocks * CHECKSUM_BYTES as u64).ok()?,
            skip: usize::try_from(range.start - first * block_bytes).ok()?,
            wanted: usize::try_from(end - range.start).ok()?,
        })
    }

    /// Verifies what was read and answers what was wanted; `None` when a checksum does not fit.
    pub(crate) fn finish(&self, mut on_disk: BytesMut) -> Option<Bytes> {
        // The checksums are squeezed out in place, block by block.
        let mut kept = 0;
        let mut at = 0;
        let mut block = self.first;
        while at < on_disk.len() {
            let left = on_disk.len() - at;
            let length = left.checked_sub(CHECKSUM_BYTES)?.min(BLOCK_BYTES);
            let (data, rest) = on_disk.get(at..)?.split_at_checked(length)?;
            if rest.get(..CHECKSUM_BYTES)? != checksum(self.id, block, data) {
                return None;
            }
            if kept < at {
                on_disk.copy_within(at..at + length, kept);
            }
            kept += length;
            at += length + CHECKSUM_BYTES;
            block += 1;
        }
        on_disk.truncate(kept);
        let body = on_disk.freeze();
        let end = self.skip + self.wanted;
        (end <= body.len()).then(|| body.slice(self.skip..end))
    }
}

/// A whole body, if all its blocks fit their checksums.
pub(crate) fn body(id: u64, stored_bytes: u64, on_disk: &[u8]) -> Option<Bytes> {
    let mut whole = BytesMut::with_capacity(on_disk.len());
    let mut rest = on_disk;
    let mut left = usize::try_from(stored_bytes).ok()?;
    let mut block = 0;
    while left > 0 {
        let (data, after) = rest.split_at_checked(left.min(BLOCK_BYTES))?;
        let (found, after) = after.split_first_chunk::<CHECKSUM_BYTES>()?;
        if *found != checksum(id, block, data) {
            return None;
        }
        whole.extend_from_slice(data);
        rest = after;
        left -= data.len();
        block += 1;
    }
    rest.is_empty().then(|| whole.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(id: u64, body: &[u8]) -> Vec<u8> {
        let mut on_disk = Vec::new();
        for (block, data) in body.chunks(BLOCK_BYTES).enumerate() {
            on_disk.extend_from_slice(data);
            on_disk.extend_from_slice(&checksum(id, block as u64, data));
        }
        on_disk
    }

    #[test]
    fn every_range_comes_back_as_written() {
        let body: Vec<u8> = (0..200_000u32).map(|n| (n * 7 % 251) as u8).collect();
        let on_disk = written(9, &body);
        assert_eq!(on_disk.len() as u64, on_disk_bytes(body.len() as u64));
        assert_eq!(super::body(9, body.len() as u64, &on_disk).unwrap(), body);
        for range in [
            0..1,
            0..200_000,
            65_535..65_537,
            65_536..131_072,
            199_999..200_000,
        ] {
            let read = BlockRead::plan(9, body.len() as u64, &range).unwrap();
            let start = read.offset as usize;
            let some = BytesMut::from(&on_disk[start..start + read.on_disk_bytes]);
            let found = read.finish(some).unwrap();
            assert_eq!(found, body[range.start as usize..range.end as usize]);
        }
        assert!(BlockRead::plan(9, 10, &(5..11)).is_none());
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let body = vec![5; 70_000];
        let mut on_disk = written(9, &body);
        for place in [0, 65_535, 65_540, 69_999, 70_015] {
            on_disk[place] ^= 4;
            assert!(super::body(9, 70_000, &on_disk).is_none());
            let read = BlockRead::plan(9, 70_000, &(0..70_000)).unwrap();
            assert!(read.finish(BytesMut::from(&on_disk[..])).is_none());
            on_disk[place] ^= 4;
        }
        assert!(super::body(8, 70_000, &on_disk).is_none());
    }
}
