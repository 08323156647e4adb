//! Checksums and hashes of object bodies in one pass.
//!
//! What S3 shows of a body: its ETag (MD5) and the additional checksums CRC32, CRC32C, CRC64NVME,
//! SHA-1 and SHA-256, and the values of a multipart upload that are made of its parts' (AWS:
//! Checking object integrity in Amazon S3). It reads no headers and decides nothing: comparing
//! with what a caller sent is done with [`Digest`]'s equality.
//!
//! ```
//! use digest::{Algorithm, Digests, Wanted};
//!
//! let mut digests = Digests::new(Wanted::of([Algorithm::Md5, Algorithm::Crc32c]));
//! digests.update(b"1234");
//! digests.update(b"56789");
//! let computed = digests.finish();
//! assert_eq!(computed.get(Algorithm::Md5).unwrap().hex(), "25f9e794323b453885f5181f1b624d0b");
//! assert_eq!(computed.get(Algorithm::Crc32c).unwrap().base64(), "4waSgw==");
//! assert!(computed.get(Algorithm::Sha256).is_none());
//! ```

mod body;
mod front;
mod md5_lanes;
mod multipart;

pub use body::BodyDigests;
pub use front::{Front, HasherLost, INLINE_BYTES_MAX, Md5Stream};
pub use md5_lanes::{LANES_MAX, Level, Md5, update_many};
pub use multipart::{NotCombinable, combine, composite, full_object, multipart_etag};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// A hash or checksum that S3 knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// The ETag and `Content-MD5`.
    Md5,
    /// `x-amz-checksum-sha1`.
    Sha1,
    /// `x-amz-checksum-sha256`.
    Sha256,
    /// `x-amz-checksum-crc32` (CRC-32/ISO-HDLC).
    Crc32,
    /// `x-amz-checksum-crc32c` (CRC-32/ISCSI).
    Crc32c,
    /// `x-amz-checksum-crc64nvme`.
    Crc64Nvme,
}

impl Algorithm {
    /// Those that S3 calls checksum algorithms: all but MD5.
    pub const CHECKSUMS: [Algorithm; 5] = [
        Algorithm::Crc32,
        Algorithm::Crc32c,
        Algorithm::Crc64Nvme,
        Algorithm::Sha1,
        Algorithm::Sha256,
    ];

    /// AWS's name, as in `x-amz-checksum-algorithm`.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
            Algorithm::Crc32 => "CRC32",
            Algorithm::Crc32c => "CRC32C",
            Algorithm::Crc64Nvme => "CRC64NVME",
        }
    }

    /// The reverse of [`Algorithm::name`] for checksum algorithms, upper case as AWS wants it.
    pub fn checksum_named(name: &str) -> Option<Algorithm> {
        Algorithm::CHECKSUMS.into_iter().find(|a| a.name() == name)
    }

    /// Length of a value in bytes.
    pub fn digest_bytes(self) -> usize {
        match self {
            Algorithm::Md5 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Crc32 | Algorithm::Crc32c => 4,
            Algorithm::Crc64Nvme => 8,
        }
    }

    /// Whether the checksum of a whole follows from those of its pieces and their lengths.
    pub fn is_combinable(self) -> bool {
        crc_fast_algorithm(self).is_some()
    }

    fn bit(self) -> u8 {
        match self {
            Algorithm::Md5 => 1,
            Algorithm::Sha1 => 2,
            Algorithm::Sha256 => 4,
            Algorithm::Crc32 => 8,
            Algorithm::Crc32c => 16,
            Algorithm::Crc64Nvme => 32,
        }
    }
}

/// A set of algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted(u8);

impl Wanted {
    /// None.
    pub const NONE: Wanted = Wanted(0);

    /// These.
    pub fn of(algorithms: impl IntoIterator<Item = Algorithm>) -> Wanted {
        algorithms.into_iter().fold(Wanted::NONE, Wanted::and)
    }

    /// These and one more.
    #[must_use]
    pub fn and(self, algorithm: Algorithm) -> Wanted {
        Wanted(self.0 | algorithm.bit())
    }

    /// These without one.
    #[must_use]
    pub fn without(self, algorithm: Algorithm) -> Wanted {
        Wanted(self.0 & !algorithm.bit())
    }

    /// Whether it is among them.
    pub fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & algorithm.bit() != 0
    }
}

/// One value of one algorithm.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    // INVARIANT: zero after the algorithm's length, so that equality may compare all of it.
    bytes: [u8; 32],
}

impl Digest {
    /// From raw bytes, checksums with the most significant byte first. `None` for a wrong length.
    pub fn from_bytes(algorithm: Algorithm, value: &[u8]) -> Option<Digest> {
        if value.len() != algorithm.digest_bytes() {
            return None;
        }
        let mut bytes = [0; 32];
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        Some(Digest { algorithm, bytes })
    }

    /// From the text of a header such as `Content-MD5` or `x-amz-checksum-crc32`: padded base64.
    /// `None` if it is not, or of another length.
    pub fn from_base64(algorithm: Algorithm, text: &str) -> Option<Digest> {
        // No value is longer than 44 characters; do not decode more because someone sent it.
        if text.len() > 44 {
            return None;
        }
        Digest::from_bytes(algorithm, &STANDARD.decode(text).ok()?)
    }

    /// Which algorithm made it.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw value, checksums with the most significant byte first.
    pub fn bytes(&self) -> &[u8] {
        // The array is as long as the longest value, so the alternative is never taken.
        self.bytes
            .get(..self.algorithm.digest_bytes())
            .unwrap_or(&[])
    }

    /// Lower-case hexadecimal digits, as in an ETag (without its quotes).
    pub fn hex(&self) -> String {
        hex::encode(self.bytes())
    }

    /// Padded base64, as in `x-amz-checksum-…`.
    pub fn base64(&self) -> String {
        STANDARD.encode(self.bytes())
    }

    fn from_crc(algorithm: Algorithm, value: u64) -> Digest {
        let mut bytes = [0; 32];
        let big_endian = value.to_be_bytes();
        let skipped = 8usize.saturating_sub(algorithm.digest_bytes());
        for (to, from) in bytes.iter_mut().zip(big_endian.iter().skip(skipped)) {
            *to = *from;
        }
        Digest { algorithm, bytes }
    }

    fn crc(&self) -> u64 {
        self.bytes()
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    fn from_hash(algorithm: Algorithm, value: &[u8]) -> Digest {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(value) {
            *to = *from;
        }
        Digest { algorithm, bytes }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm.name(), self.hex())
    }
}

/// Several algorithms over one stream of bytes.
pub struct Digests {
    md5: Option<Md5>,
    sha1: Option<aws_lc_rs::digest::Context>,
    sha256: Option<aws_lc_rs::digest::Context>,
    crc32: Option<crc_fast::Digest>,
    crc32c: Option<crc_fast::Digest>,
    crc64_nvme: Option<crc_fast::Digest>,
    bytes: u64,
}

/// Bytes taken by one algorithm before the next sees them: small enough to stay in the first cache.
const STRIDE_BYTES: usize = 16 * 1024;

impl Digests {
    /// Begins with no bytes.
    pub fn new(wanted: Wanted) -> Digests {
        use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
        let crc = |algorithm| {
            let wanted = wanted.contains(algorithm);
            let known = crc_fast_algorithm(algorithm).filter(|_| wanted);
            known.map(crc_fast::Digest::new)
        };
        Digests {
            md5: wanted.contains(Algorithm::Md5).then(Md5::default),
            sha1: wanted
                .contains(Algorithm::Sha1)
                .then(|| Context::new(&SHA1_FOR_LEGACY_USE_ONLY)),
            sha256: wanted
                .contains(Algorithm::Sha256)
                .then(|| Context::new(&SHA256)),
            crc32: crc(Algorithm::Crc32),
            crc32c: crc(Algorithm::Crc32c),
            crc64_nvme: crc(Algorithm::Crc64Nvme),
            bytes: 0,
        }
    }

    /// Computes that one no more. Answers whether it was computed.
    fn leave_out(&mut self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::Md5 => self.md5.take().is_some(),
            Algorithm::Sha1 => self.sha1.take().is_some(),
            Algorithm::Sha256 => self.sha256.take().is_some(),
            Algorithm::Crc32 => self.crc32.take().is_some(),
            Algorithm::Crc32c => self.crc32c.take().is_some(),
            Algorithm::Crc64Nvme => self.crc64_nvme.take().is_some(),
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        for stride in bytes.chunks(STRIDE_BYTES) {
            if let Some(md5) = &mut self.md5 {
                md5.update(stride);
            }
            for sha in [&mut self.sha1, &mut self.sha256].into_iter().flatten() {
                sha.update(stride);
            }
            let crcs = [&mut self.crc32, &mut self.crc32c, &mut self.crc64_nvme];
            for crc in crcs.into_iter().flatten() {
                crc.update(stride);
            }
        }
    }

    /// Bytes taken so far.
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// Whether no byte was taken.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The values.
    pub fn finish(self) -> Computed {
        let sha = |algorithm, context: Option<aws_lc_rs::digest::Context>| {
            context.map(|context| Digest::from_hash(algorithm, context.finish().as_ref()))
        };
        let crc = |algorithm, digest: Option<crc_fast::Digest>| {
            digest.map(|digest| Digest::from_crc(algorithm, digest.finalize()))
        };
        let md5 = self
            .md5
            .map(|md5| Digest::from_hash(Algorithm::Md5, &md5.finish()));
        Computed {
            bytes: self.bytes,
            values: [
                md5,
                sha(Algorithm::Sha1, self.sha1),
                sha(Algorithm::Sha256, self.sha256),
                crc(Algorithm::Crc32, self.crc32),
                crc(Algorithm::Crc32c, self.crc32c),
                crc(Algorithm::Crc64Nvme, self.crc64_nvme),
            ],
        }
    }
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digests")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// The values of one stream of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    bytes: u64,
    values: [Option<Digest>; 6],
}

impl Computed {
    /// The value of an algorithm, if it was wanted.
    pub fn get(&self, algorithm: Algorithm) -> Option<Digest> {
        let mut values = self.values.iter().flatten();
        values.find(|value| value.algorithm == algorithm).copied()
    }

    /// With a value that was computed elsewhere.
    fn and(mut self, digest: Digest) -> Computed {
        let [md5, sha1, sha256, crc32, crc32c, crc64_nvme] = &mut self.values;
        let place = match digest.algorithm {
            Algorithm::Md5 => md5,
            Algorithm::Sha1 => sha1,
            Algorithm::Sha256 => sha256,
            Algorithm::Crc32 => crc32,
            Algorithm::Crc32c => crc32c,
            Algorithm::Crc64Nvme => crc64_nvme,
        };
        *place = Some(digest);
        self
    }

    /// How many bytes there were.
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

/// One value over bytes that are all at hand.
pub fn digest_of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let hash = |hash: &'static aws_lc_rs::digest::Algorithm| {
        Digest::from_hash(algorithm, aws_lc_rs::digest::digest(hash, bytes).as_ref())
    };
    let crc = |crc| Digest::from_crc(algorithm, crc_fast::checksum(crc, bytes));
    match algorithm {
        Algorithm::Md5 => Digest::from_hash(algorithm, &Md5::of(bytes)),
        Algorithm::Sha1 => hash(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY),
        Algorithm::Sha256 => hash(&aws_lc_rs::digest::SHA256),
        Algorithm::Crc32 => crc(crc_fast::CrcAlgorithm::Crc32IsoHdlc),
        Algorithm::Crc32c => crc(crc_fast::CrcAlgorithm::Crc32Iscsi),
        Algorithm::Crc64Nvme => crc(crc_fast::CrcAlgorithm::Crc64Nvme),
    }
}

fn crc_fast_algorithm(algorithm: Algorithm) -> Option<crc_fast::CrcAlgorithm> {
    match algorithm {
        Algorithm::Crc32 => Some(crc_fast::CrcAlgorithm::Crc32IsoHdlc),
        Algorithm::Crc32c => Some(crc_fast::CrcAlgorithm::Crc32Iscsi),
        Algorithm::Crc64Nvme => Some(crc_fast::CrcAlgorithm::Crc64Nvme),
        Algorithm::Md5 | Algorithm::Sha1 | Algorithm::Sha256 => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Algorithm; 6] = [
        Algorithm::Md5,
        Algorithm::Sha1,
        Algorithm::Sha256,
        Algorithm::Crc32,
        Algorithm::Crc32c,
        Algorithm::Crc64Nvme,
    ];

    fn check(algorithm: Algorithm, input: &[u8], hex: &str) {
        let mut digests = Digests::new(Wanted::of(ALL));
        for chunk in input.chunks(7) {
            digests.update(chunk);
        }
        let streamed = digests.finish().get(algorithm).unwrap();
        assert_eq!(streamed.hex(), hex, "{algorithm:?} of {input:?}");
        assert_eq!(streamed, digest_of(algorithm, input));
    }

    #[test]
    fn published_vectors_of_the_hashes() {
        // RFC 1321, A.5.
        check(Algorithm::Md5, b"", "d41d8cd98f00b204e9800998ecf8427e");
        check(Algorithm::Md5, b"abc", "900150983cd24fb0d6963f7d28e17f72");
        check(
            Algorithm::Md5,
            b"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
            "57edf4a22be3c955ac49da2e2107b67a",
        );
        // FIPS 180-4 examples.
        check(
            Algorithm::Sha1,
            b"abc",
            "a9993e364706816aba3e25717850c26c9cd0d89d",
        );
        check(
            Algorithm::Sha1,
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
        );
        check(
            Algorithm::Sha256,
            b"",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        );
        check(
            Algorithm::Sha256,
            b"abc",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        );
    }

    #[test]
    fn published_vectors_of_the_checksums() {
        // The check values of the catalogue of parametrised CRC algorithms.
        check(Algorithm::Crc32, b"123456789", "cbf43926");
        check(Algorithm::Crc32c, b"123456789", "e3069283");
        check(Algorithm::Crc64Nvme, b"123456789", "ae8b14860a799888");
        // RFC 3720, B.4: 32 bytes of zeros and of ones.
        check(Algorithm::Crc32c, &[0; 32], "8a9136aa");
        check(Algorithm::Crc32c, &[0xff; 32], "62a8ab43");
        // NVM Express, NVM command set, 5.2.1.3.4: 4 KiB of zeros and of ones.
        check(Algorithm::Crc64Nvme, &[0; 4096], "6482d367eb22b64e");
        check(Algorithm::Crc64Nvme, &[0xff; 4096], "c0ddba7302eca3ac");
    }

    #[test]
    fn nothing_unasked_is_computed() {
        let computed = Digests::new(Wanted::NONE).finish();
        assert!(ALL.iter().all(|a| computed.get(*a).is_none()));
    }

    #[test]
    fn header_texts_are_read_strictly() {
        let read = |text| Digest::from_base64(Algorithm::Crc32, text);
        assert_eq!(
            read("y/Q5Jg==").unwrap(),
            digest_of(Algorithm::Crc32, b"123456789")
        );
        assert_eq!(read("y/Q5Jg"), None); // no padding
        assert_eq!(read("y_Q5Jg=="), None); // URL alphabet
        assert_eq!(read("y/Q5JgA="), None); // five bytes
        assert_eq!(read(""), None);
        assert_eq!(read(" y/Q5Jg=="), None);
        assert_eq!(read(&"A".repeat(4096)), None);
    }

    #[test]
    fn names_are_aws_names() {
        for algorithm in Algorithm::CHECKSUMS {
            assert_eq!(Algorithm::checksum_named(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Algorithm::checksum_named("MD5"), None);
        assert_eq!(Algorithm::checksum_named("crc32"), None);
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(bytes: Vec<u8>, cut: prop::sample::Index) {
            let (left, right) = bytes.split_at(cut.index(bytes.len() + 1));
            let mut digests = Digests::new(Wanted::of(ALL));
            digests.update(left);
            digests.update(right);
            let computed = digests.finish();
            for algorithm in ALL {
                let whole = digest_of(algorithm, &bytes);
                prop_assert_eq!(computed.get(algorithm), Some(whole));
                prop_assert_eq!(Digest::from_base64(algorithm, &whole.base64()), Some(whole));
            }
        }

        #[test]
        fn combined_is_as_computed_at_once(left: Vec<u8>, right: Vec<u8>) {
            let whole = [left.clone(), right.clone()].concat();
            for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
                let combined = combine(
                    digest_of(algorithm, &left),
                    digest_of(algorithm, &right),
                    right.len() as u64,
                );
                prop_assert_eq!(combined, Ok(digest_of(algorithm, &whole)));
            }
        }
    }
}
