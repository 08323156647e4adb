//! What a request says its body's digests are, and whether that is so.
use std::collections::BTreeMap;

use digest::{Algorithm, Computed, Digest, Digests, Wanted};
use http::HeaderMap;

use crate::S3Error;

/// The checksum that S3 computes when the client sends none. AWS: Checking object integrity.
pub(crate) const DEFAULT: Algorithm = Algorithm::Crc64Nvme;

/// The header of a checksum, such as `x-amz-checksum-crc32`.
pub(crate) fn header(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Md5 => "content-md5",
        Algorithm::Crc32 => "x-amz-checksum-crc32",
        Algorithm::Crc32c => "x-amz-checksum-crc32c",
        Algorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
        Algorithm::Sha1 => "x-amz-checksum-sha1",
        Algorithm::Sha256 => "x-amz-checksum-sha256",
    }
}

/// The member of a checksum in the model's structures.
pub(crate) fn member(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Md5 => "ContentMD5",
        Algorithm::Crc32 => "ChecksumCRC32",
        Algorithm::Crc32c => "ChecksumCRC32C",
        Algorithm::Crc64Nvme => "ChecksumCRC64NVME",
        Algorithm::Sha1 => "ChecksumSHA1",
        Algorithm::Sha256 => "ChecksumSHA256",
    }
}

/// Reads the name of an algorithm, as headers have it.
pub(crate) fn named(name: &str) -> Result<Algorithm, S3Error> {
    Algorithm::checksum_named(&name.to_ascii_uppercase()).ok_or_else(|| {
        S3Error::invalid_request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
        )
    })
}

/// What follows `x-amz-checksum-` in the other headers of S3's model. Those of algorithms answer 501.
const OTHER_HEADERS: [&str; 8] = [
    "algorithm",
    "mode",
    "type",
    "md5",
    "sha512",
    "xxhash64",
    "xxhash3",
    "xxhash128",
];

fn is_checksum_header(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("x-amz-checksum-") else {
        return true;
    };
    let known = Algorithm::CHECKSUMS.map(header);
    known.contains(&name) || OTHER_HEADERS.contains(&rest)
}

/// Where the expected checksum stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Value(Digest),
    Trailer,
}

/// The members of an input that [`Declared`] covers: taken, so that they are not left over.
#[derive(serde::Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct Members {
    // Read from the headers themselves.
    #[serde(rename = "ContentMD5")]
    _md5: serde::de::IgnoredAny,
    #[serde(rename = "ChecksumAlgorithm")]
    _algorithm: serde::de::IgnoredAny,
    #[serde(rename = "ChecksumCRC32")]
    crc32: Option<String>,
    #[serde(rename = "ChecksumCRC32C")]
    crc32c: Option<String>,
    #[serde(rename = "ChecksumCRC64NVME")]
    crc64_nvme: Option<String>,
    #[serde(rename = "ChecksumSHA1")]
    sha1: Option<String>,
    #[serde(rename = "ChecksumSHA256")]
    sha256: Option<String>,
}

impl Members {
    /// The checksums that were sent, by member name.
    pub(crate) fn by_member(self) -> BTreeMap<String, String> {
        let sent = [
            (Algorithm::Crc32, self.crc32),
            (Algorithm::Crc32c, self.crc32c),
            (Algorithm::Crc64Nvme, self.crc64_nvme),
            (Algorithm::Sha1, self.sha1),
            (Algorithm::Sha256, self.sha256),
        ];
        let sent = sent.into_iter();
        sent.filter_map(|(algorithm, text)| Some((member(algorithm).to_owned(), text?)))
            .collect()
    }
}

/// What a request says of its body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Declared {
    md5: Option<(Digest, String)>,
    checksum: Option<(Algorithm, Expected)>,
}

impl Declared {
    /// Reads the headers.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Declared, S3Error> {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
        let md5 = text("content-md5")
            .map(|text| {
                Digest::from_base64(Algorithm::Md5, text)
                    .map(|digest| (digest, text.to_owned()))
                    .ok_or_else(|| S3Error::InvalidDigest {
                        value: text.to_owned(),
                    })
            })
            .transpose()?;
        let mut checksum = None;
        for algorithm in Algorithm::CHECKSUMS {
            let Some(text) = text(header(algorithm)) else {
                continue;
            };
            let digest = Digest::from_base64(algorithm, text).ok_or_else(|| {
                S3Error::InvalidChecksumValue {
                    header: header(algorithm).to_owned(),
                }
            })?;
            if checksum
                .replace((algorithm, Expected::Value(digest)))
                .is_some()
            {
                return Err(several());
            }
        }
        if !headers.keys().all(|name| is_checksum_header(name.as_str())) {
            return Err(S3Error::invalid_request(
                "The algorithm type you specified in x-amz-checksum- header is invalid.",
            ));
        }
        if let Some(trailer) = text("x-amz-trailer") {
            let trailer = trailer.trim().to_ascii_lowercase();
            let algorithm = Algorithm::CHECKSUMS
                .into_iter()
                .find(|algorithm| header(*algorithm) == trailer)
                .ok_or_else(|| {
                    S3Error::invalid_request(
                        "The value specified in the x-amz-trailer header is not supported",
                    )
                })?;
            if checksum.replace((algorithm, Expected::Trailer)).is_some() {
                return Err(several());
            }
        }
        if let Some(name) = text("x-amz-sdk-checksum-algorithm") {
            let algorithm = named(name)?;
            match checksum {
                None => {
                    return Err(S3Error::invalid_request(
                        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
                    ));
                }
                Some((sent, _)) if sent != algorithm => {
                    return Err(S3Error::InvalidChecksumValue {
                        header: "x-amz-sdk-checksum-algorithm".to_owned(),
                    });
                }
                Some(_) => {}
            }
        }
        Ok(Declared { md5, checksum })
    }

    /// Whether the request declares anything at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.md5.is_none() && self.checksum.is_none()
    }

    /// The algorithm of the checksum, if one was sent or will be.
    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        self.checksum.map(|(algorithm, _)| algorithm)
    }

    /// Compares. `trailers` are those at the end of the body.
    pub(crate) fn verify(&self, computed: &Computed, trailers: &HeaderMap) -> Result<(), S3Error> {
        if let Some((expected, _)) = &self.md5
            && let Some(md5) = computed.get(Algorithm::Md5)
            && md5 != *expected
        {
            return Err(S3Error::BadContentMd5 {
                expected: expected.hex(),
                calculated: md5.base64(),
            });
        }
        let Some((algorithm, expected)) = self.checksum else {
            return Ok(());
        };
        let expected = match expected {
            Expected::Value(digest) => digest,
            Expected::Trailer => {
                let name = header(algorithm);
                let text = trailers.get(name).ok_or(S3Error::MalformedTrailer)?;
                text.to_str()
                    .ok()
                    .and_then(|text| Digest::from_base64(algorithm, text.trim()))
                    .ok_or_else(|| S3Error::InvalidTrailerValue {
                        header: name.to_owned(),
                    })?
            }
        };
        match computed.get(algorithm) {
            Some(value) if value == expected => Ok(()),
            Some(_) | None => Err(S3Error::BadChecksum {
                algorithm: algorithm.name().to_owned(),
            }),
        }
    }

    /// Compares with a body that is all at hand.
    pub(crate) fn verify_bytes(&self, bytes: &[u8]) -> Result<(), S3Error> {
        let wanted = self.md5.as_ref().map(|_| Algorithm::Md5);
        let mut digests = Digests::new(Wanted::of(wanted.into_iter().chain(self.algorithm())));
        digests.update(bytes);
        self.verify(&digests.finish(), &HeaderMap::new())
    }
}

fn several() -> S3Error {
    S3Error::invalid_request(
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn read(pairs: &[(&'static str, &'static str)]) -> Result<Declared, S3Error> {
        Declared::read(&headers(pairs))
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    fn text(result: Result<impl Sized, S3Error>) -> String {
        match result {
            Ok(_) => "ok".to_owned(),
            Err(error) => format!("{}: {error}", error.code()),
        }
    }

    #[test]
    fn forms_are_checked_before_the_body() {
        assert_eq!(
            text(read(&[("content-md5", "__invalid__")])),
            "InvalidDigest: The Content-MD5 you specified was invalid."
        );
        assert_eq!(
            text(read(&[("x-amz-checksum-crc32", "nope")])),
            "InvalidRequest: Value for x-amz-checksum-crc32 header is invalid."
        );
        assert_eq!(
            text(read(&[
                ("x-amz-checksum-crc32", "y/Q5Jg=="),
                ("x-amz-checksum-crc32c", "4waSgw==")
            ])),
            "InvalidRequest: Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        );
        assert_eq!(
            text(read(&[("x-amz-checksum-crc31", "y/Q5Jg==")])),
            "InvalidRequest: The algorithm type you specified in x-amz-checksum- header is invalid."
        );
        assert_eq!(text(read(&[("x-amz-checksum-mode", "ENABLED")])), "ok");
        assert_eq!(
            text(read(&[("x-amz-sdk-checksum-algorithm", "CRC32")])),
            "InvalidRequest: x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
        );
        assert_eq!(
            text(read(&[("x-amz-trailer", "x-other")])),
            "InvalidRequest: The value specified in the x-amz-trailer header is not supported"
        );
    }

    #[test]
    fn a_wrong_digest_is_a_bad_digest() {
        let good = read(&[("x-amz-checksum-crc32", "y/Q5Jg==")]).unwrap();
        assert_eq!(text(good.verify_bytes(b"123456789")), "ok");
        assert_eq!(
            text(good.verify_bytes(b"other")),
            "BadDigest: The CRC32 you specified did not match the calculated checksum."
        );
        let md5 = read(&[("content-md5", "kAFQmDzST7DWlj99KOF/cg==")]).unwrap();
        assert_eq!(text(md5.verify_bytes(b"abc")), "ok");
        let error = md5.verify_bytes(b"abd").unwrap_err().to_aws();
        assert_eq!(
            error.fields[0],
            (
                "ExpectedDigest".to_owned(),
                "900150983cd24fb0d6963f7d28e17f72".to_owned()
            )
        );
    }

    #[test]
    fn a_trailer_is_compared_at_the_end() {
        let declared = read(&[("x-amz-trailer", "x-amz-checksum-crc32")]).unwrap();
        let computed = || {
            let mut digests = Digests::new(Wanted::of([Algorithm::Crc32]));
            digests.update(b"123456789");
            digests.finish()
        };
        let right = headers(&[("x-amz-checksum-crc32", "y/Q5Jg==")]);
        assert_eq!(text(declared.verify(&computed(), &right)), "ok");
        assert!(
            text(declared.verify(&computed(), &HeaderMap::new())).starts_with("MalformedTrailer")
        );
    }
}
