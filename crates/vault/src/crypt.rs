//! Bodies at rest: AES-256-GCM in segments, so that any range can be read without the rest.
//!
//! A body is a row of parts, each encrypted with a key of its own (see `data_key`). A part is a row
//! of segments of 64 KiB, the last one shorter; the nonce is the segment's number, and the
//! additional data binds the segment to its place in the part and to being the last or not. So
//! nothing can be moved, swapped, cut off or added without being noticed. Nothing in a segment
//! names the object: copies share bodies, and what belongs to which object says the sealed key.
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use bytes::{Bytes, BytesMut};
use zeroize::Zeroizing;

use crate::data_key::{DataKey, PartKeying};

/// Plain bytes of a segment, but for the last.
pub(crate) const SEGMENT_BYTES: u64 = 64 * 1024;
/// What a segment is longer at rest.
pub(crate) const TAG_BYTES: u64 = 16;

/// A body could not be encrypted or decrypted.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CryptError {
    /// What was read is not what was written here.
    #[error("a stored body does not open with its key: the data was changed or moved")]
    DoesNotOpen,
    /// Encryption failed.
    #[error("a body cannot be encrypted")]
    CannotSeal,
}

/// The key of one part.
pub(crate) struct PartKey(LessSafeKey);

/// Whether a segment is the last of its part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Yes,
    No,
}

impl PartKey {
    pub(crate) fn new(secret: &Zeroizing<[u8; 32]>) -> Result<PartKey, CryptError> {
        let key = UnboundKey::new(&AES_256_GCM, secret.as_slice());
        let key = key.map_err(|_| CryptError::CannotSeal)?;
        Ok(PartKey(LessSafeKey::new(key)))
    }

    // INVARIANT: a part's key is used for one writing of one part, so a segment number is a nonce.
    fn nonce(segment: u64) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        for (to, from) in nonce.iter_mut().skip(4).zip(segment.to_be_bytes()) {
            *to = from;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    fn aad(segment: u64, last: Last) -> Aad<[u8; 9]> {
        let mut aad = [0; 9];
        for (to, from) in aad.iter_mut().zip(segment.to_be_bytes()) {
            *to = from;
        }
        if let Some(flag) = aad.last_mut() {
            *flag = u8::from(last == Last::Yes);
        }
        Aad::from(aad)
    }

    fn seal(&self, segment: u64, last: Last, body: &mut BytesMut) -> Result<(), CryptError> {
        self.0
            .seal_in_place_append_tag(Self::nonce(segment), Self::aad(segment, last), body)
            .map_err(|_| CryptError::CannotSeal)
    }

    fn open(&self, segment: u64, last: Last, mut body: BytesMut) -> Result<Bytes, CryptError> {
        let length = self
            .0
            .open_in_place(Self::nonce(segment), Self::aad(segment, last), &mut body)
            .map_err(|_| CryptError::DoesNotOpen)?
            .len();
        body.truncate(length);
        Ok(body.freeze())
    }
}

/// Encrypts one part as it comes.
pub(crate) struct Encryptor {
    key: PartKey,
    segment: u64,
    // INVARIANT: at most one segment; a full one waits here until more comes or the end does.
    pending: BytesMut,
}

impl Encryptor {
    pub(crate) fn new(key: PartKey) -> Encryptor {
        Encryptor {
            key,
            segment: 0,
            pending: BytesMut::new(),
        }
    }

    /// Takes the next bytes, hands every finished segment out.
    pub(crate) fn push(&mut self, mut bytes: Bytes) -> Result<Vec<Bytes>, CryptError> {
        let mut done = Vec::new();
        let full = usize::try_from(SEGMENT_BYTES).unwrap_or(usize::MAX);
        while !bytes.is_empty() {
            if self.pending.len() == full {
                done.push(self.seal(Last::No)?);
            }
            let room = full.saturating_sub(self.pending.len());
            let taken = bytes.split_to(room.min(bytes.len()));
            self.pending.extend_from_slice(&taken);
        }
        Ok(done)
    }

    /// The last segment; it is there even when the part is empty.
    pub(crate) fn finish(mut self) -> Result<Bytes, CryptError> {
        self.seal(Last::Yes)
    }

    fn seal(&mut self, last: Last) -> Result<Bytes, CryptError> {
        let mut body = std::mem::take(&mut self.pending);
        self.key.seal(self.segment, last, &mut body)?;
        self.segment += 1;
        Ok(body.freeze())
    }
}

/// How many segments a part of that many plain bytes has.
fn segments(plain_bytes: u64) -> u64 {
    plain_bytes.div_ceil(SEGMENT_BYTES).max(1)
}

/// Length of a part at rest.
pub(crate) fn stored_bytes(plain_bytes: u64) -> u64 {
    plain_bytes + segments(plain_bytes) * TAG_BYTES
}

/// A part of a body that is to be read.
#[derive(Clone, Debug)]
pub(crate) struct PartExtent {
    pub(crate) plain_bytes: u64,
    pub(crate) keying: PartKeying,
}

/// What to read at rest, and how to open it, for a range of plain bytes.
pub(crate) struct Decryptor {
    data_key: DataKey,
    parts: std::vec::IntoIter<PartExtent>,
    part: Option<(PartKey, u64)>,
    segment: u64,
    skip: u64,
    left: u64,
    buffer: BytesMut,
}

impl Decryptor {
    /// For the plain bytes `start..end` of a body with these parts; `end` is not beyond the body.
    /// Answers also the range to read at rest.
    pub(crate) fn new(
        data_key: DataKey,
        parts: Vec<PartExtent>,
        start: u64,
        end: u64,
    ) -> Result<(Decryptor, std::ops::Range<u64>), CryptError> {
        let (mut plain, mut stored) = (0, 0);
        let mut parts = parts.into_iter().peekable();
        // Parts wholly before the range.
        while let Some(part) = parts.peek() {
            if plain + part.plain_bytes > start || (start == end && plain + part.plain_bytes >= end)
            {
                break;
            }
            plain += part.plain_bytes;
            stored += stored_bytes(part.plain_bytes);
            parts.next();
        }
        let within = start.saturating_sub(plain);
        let segment = within / SEGMENT_BYTES;
        let read_start = stored + segment * (SEGMENT_BYTES + TAG_BYTES);
        let parts: Vec<PartExtent> = parts.collect();
        let mut read_end = stored;
        let (mut part_start, mut part_stored) = (plain, stored);
        for part in &parts {
            let last = part_start + part.plain_bytes >= end;
            if last {
                let within = end.saturating_sub(part_start);
                let count = segments(within);
                read_end = part_stored
                    + (count * (SEGMENT_BYTES + TAG_BYTES)).min(stored_bytes(part.plain_bytes));
                break;
            }
            part_start += part.plain_bytes;
            part_stored += stored_bytes(part.plain_bytes);
        }
        let mut decryptor = Decryptor {
            data_key,
            parts: parts.into_iter(),
            part: None,
            segment,
            skip: within - segment * SEGMENT_BYTES,
            left: end - start,
            buffer: BytesMut::new(),
        };
        decryptor.next_part()?;
        if start == end {
            return Ok((decryptor, read_start..read_start));
        }
        Ok((decryptor, read_start..read_end))
    }

    fn next_part(&mut self) -> Result<(), CryptError> {
        self.part = match self.parts.next() {
            Some(part) => Some((self.data_key.part(&part.keying)?, part.plain_bytes)),
            None => None,
        };
        Ok(())
    }

    /// Whether the whole range was given out.
    pub(crate) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Takes bytes as they were stored.
    pub(crate) fn push(&mut self, stored: &[u8]) {
        self.buffer.extend_from_slice(stored);
    }

    /// The next plain bytes, if a whole segment is there.
    pub(crate) fn pull(&mut self) -> Result<Option<Bytes>, CryptError> {
        while self.left > 0 {
            let Some((key, plain_bytes)) = &self.part else {
                return Err(CryptError::DoesNotOpen);
            };
            let count = segments(*plain_bytes);
            let last = self.segment + 1 == count;
            let size = if last {
                plain_bytes - self.segment * SEGMENT_BYTES + TAG_BYTES
            } else {
                SEGMENT_BYTES + TAG_BYTES
            };
            let size = usize::try_from(size).map_err(|_| CryptError::DoesNotOpen)?;
            if self.buffer.len() < size {
                self.buffer.reserve(size - self.buffer.len());
                return Ok(None);
            }
            let body = self.buffer.split_to(size);
            let flag = if last { Last::Yes } else { Last::No };
            let mut plain = key.open(self.segment, flag, body)?;
            self.segment += 1;
            if last {
                self.segment = 0;
                self.next_part()?;
            }
            let skip = usize::try_from(self.skip).map_err(|_| CryptError::DoesNotOpen)?;
            self.skip = 0;
            let _ = plain.split_to(skip.min(plain.len()));
            plain.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= plain.len() as u64;
            if !plain.is_empty() {
                return Ok(Some(plain));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_key::SALT_BYTES;

    fn part(plain_bytes: u64, salt: &[u8]) -> PartExtent {
        PartExtent {
            plain_bytes,
            keying: PartKeying {
                salt: salt.to_vec(),
                wrapped: Vec::new(),
            },
        }
    }

    fn encrypt(key: PartKey, body: &[u8], chunk: usize) -> Vec<u8> {
        let mut encryptor = Encryptor::new(key);
        let mut stored = Vec::new();
        for bytes in body.chunks(chunk) {
            for segment in encryptor.push(Bytes::copy_from_slice(bytes)).unwrap() {
                stored.extend_from_slice(&segment);
            }
        }
        stored.extend_from_slice(&encryptor.finish().unwrap());
        stored
    }

    fn pattern(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|index| (index * 31 % 251) as u8).collect()
    }

    fn decrypt(
        key: &DataKey,
        parts: &[PartExtent],
        stored: &[u8],
        start: u64,
        end: u64,
    ) -> Result<Vec<u8>, CryptError> {
        let (mut decryptor, range) =
            Decryptor::new(key.clone(), parts.to_vec(), start, end).unwrap();
        let read = &stored[range.start as usize..range.end as usize];
        let mut plain = Vec::new();
        for chunk in read.chunks(10_000) {
            decryptor.push(chunk);
            while let Some(bytes) = decryptor.pull()? {
                plain.extend_from_slice(&bytes);
            }
        }
        assert!(decryptor.is_done());
        Ok(plain)
    }

    #[test]
    fn any_range_of_any_parts_comes_back() {
        let key = DataKey::generate().unwrap();
        for sizes in [
            vec![0usize],
            vec![1],
            vec![65536],
            vec![65537],
            vec![200_000],
            vec![70_000, 0, 65_536, 3],
            vec![131_072, 1],
        ] {
            let mut parts = Vec::new();
            let (mut plain, mut stored) = (Vec::new(), Vec::new());
            for size in &sizes {
                let salt = seal::random::<SALT_BYTES>().unwrap();
                let body = pattern(*size);
                let encrypted = encrypt(key.new_part(&salt).unwrap(), &body, 9_999);
                assert_eq!(encrypted.len() as u64, stored_bytes(*size as u64));
                plain.extend_from_slice(&body);
                stored.extend_from_slice(&encrypted);
                parts.push(part(*size as u64, &salt));
            }
            let total = plain.len() as u64;
            let cuts: Vec<u64> = [
                0, 1, 2, 65_535, 65_536, 65_537, 70_000, 70_001, 131_072, total,
            ]
            .into_iter()
            .filter(|cut| *cut <= total)
            .collect();
            for start in &cuts {
                for end in cuts.iter().filter(|end| *end >= start) {
                    let got = decrypt(&key, &parts, &stored, *start, *end).unwrap();
                    assert_eq!(
                        got,
                        &plain[*start as usize..*end as usize],
                        "{sizes:?} {start}..{end}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_was_changed_cut_or_moved_does_not_open() {
        let key = DataKey::generate().unwrap();
        let salt = vec![9; SALT_BYTES];
        let body = pattern(140_000);
        let stored = encrypt(key.new_part(&salt).unwrap(), &body, 70_000);
        let whole = [part(140_000, &salt)];
        assert!(decrypt(&key, &whole, &stored, 0, 140_000).is_ok());
        let mut changed = stored.clone();
        changed[70_000] ^= 1;
        assert!(decrypt(&key, &whole, &changed, 0, 140_000).is_err());
        // A range that does not touch the change is still good.
        assert!(decrypt(&key, &whole, &changed, 0, 100).is_ok());
        // Cut at the border of a segment: the new last segment was not the last.
        assert!(decrypt(&key, &[part(65_536, &salt)], &stored, 0, 65_536).is_err());
        // Another part, and another body.
        assert!(decrypt(&key, &[part(140_000, &[8; SALT_BYTES])], &stored, 0, 1).is_err());
        let other = DataKey::generate().unwrap();
        assert!(decrypt(&other, &whole, &stored, 0, 1).is_err());
        // Segments swapped.
        let mut swapped = stored.clone();
        let (first, rest) = swapped.split_at_mut(65_552);
        first.swap_with_slice(&mut rest[..65_552]);
        assert!(decrypt(&key, &whole, &swapped, 0, 1).is_err());
    }

    #[test]
    fn a_part_uploaded_twice_has_two_keys() {
        let key = DataKey::generate().unwrap();
        let one = encrypt(key.new_part(&[1; 16]).unwrap(), b"same", 9);
        let two = encrypt(key.new_part(&[2; 16]).unwrap(), b"same", 9);
        assert_ne!(one, two);
    }
}
