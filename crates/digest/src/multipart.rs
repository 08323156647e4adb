//! Values of a whole that are made of its parts' values (AWS: Checking object integrity in Amazon
//! S3, "Full object and composite checksum types").

use crate::{Algorithm, Digest, crc_fast_algorithm, digest_of};

/// These two values do not combine: different algorithms, or one that is no CRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotCombinable;

impl std::fmt::Display for NotCombinable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("only CRCs of one algorithm combine")
    }
}

impl std::error::Error for NotCombinable {}

/// The ETag of a completed multipart upload, without quotes: the MD5 of the parts' MD5s, a hyphen
/// and the number of parts.
pub fn multipart_etag(parts: impl IntoIterator<Item = [u8; 16]>) -> String {
    let mut concatenated = Vec::new();
    let mut count = 0usize;
    for part in parts {
        concatenated.extend_from_slice(&part);
        count += 1;
    }
    format!("{}-{count}", digest_of(Algorithm::Md5, &concatenated).hex())
}

/// A checksum of type `COMPOSITE`: that of the parts' checksums, a hyphen and their number.
pub fn composite(algorithm: Algorithm, parts: impl IntoIterator<Item = Digest>) -> String {
    let mut concatenated = Vec::new();
    let mut count = 0usize;
    for part in parts {
        concatenated.extend_from_slice(part.bytes());
        count += 1;
    }
    format!("{}-{count}", digest_of(algorithm, &concatenated).base64())
}

/// The CRC of two pieces one after the other, of their CRCs and the length of the second.
///
/// # Errors
/// When the two are not CRCs of one algorithm.
pub fn combine(first: Digest, second: Digest, second_bytes: u64) -> Result<Digest, NotCombinable> {
    let algorithm = first.algorithm();
    if second.algorithm() != algorithm {
        return Err(NotCombinable);
    }
    let crc = crc_fast_algorithm(algorithm).ok_or(NotCombinable)?;
    if second_bytes == 0 {
        return Ok(first);
    }
    let value = crc_fast::checksum_combine(crc, first.crc(), second.crc(), second_bytes);
    Ok(Digest::from_crc(algorithm, value))
}

/// A checksum of type `FULL_OBJECT` of parts given as (checksum, length in bytes).
///
/// # Errors
/// When one is not a CRC of `algorithm`.
pub fn full_object(
    algorithm: Algorithm,
    parts: impl IntoIterator<Item = (Digest, u64)>,
) -> Result<Digest, NotCombinable> {
    let empty = digest_of(algorithm, b"");
    parts
        .into_iter()
        .try_fold(empty, |whole, (part, bytes)| combine(whole, part, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_etag_of_a_multipart_upload_is_the_md5_of_md5s() {
        // From Python: hashlib.md5(hashlib.md5(b'abc').digest() + hashlib.md5(b'def').digest()).
        let parts = [&b"abc"[..], b"def"].map(|part| {
            let mut md5 = [0; 16];
            md5.copy_from_slice(digest_of(Algorithm::Md5, part).bytes());
            md5
        });
        assert_eq!(multipart_etag(parts), "4c8e93283780e078db9e0c6b9b3f8043-2");
    }

    #[test]
    fn a_composite_checksum_is_the_checksum_of_checksums() {
        let parts = [&b"abc"[..], b"def"];
        let of = |algorithm| composite(algorithm, parts.map(|part| digest_of(algorithm, part)));
        assert_eq!(of(Algorithm::Crc32), "ZYzvyg==-2");
        assert_eq!(
            of(Algorithm::Sha256),
            "nATTAFe3VK8bLS1PVnV4LdYaWmWcNO5sKvR1JrZsr6Y=-2"
        );
    }

    #[test]
    fn a_full_object_checksum_is_that_of_the_concatenation() {
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let parts = [&b"abc"[..], b"", b"defg", b"h"];
            let of_parts = full_object(
                algorithm,
                parts.map(|part| (digest_of(algorithm, part), part.len() as u64)),
            );
            assert_eq!(of_parts, Ok(digest_of(algorithm, b"abcdefgh")));
        }
    }

    #[test]
    fn hashes_do_not_combine() {
        let sha = digest_of(Algorithm::Sha256, b"a");
        let crc = digest_of(Algorithm::Crc32, b"a");
        let other = digest_of(Algorithm::Crc32c, b"a");
        assert_eq!(combine(sha, sha, 1), Err(NotCombinable));
        assert_eq!(combine(crc, other, 1), Err(NotCombinable));
        assert!(full_object(Algorithm::Sha1, [(sha, 1)]).is_err());
    }
}
