//! What GetObject, HeadObject, GetObjectAttributes and copies have in common.
use std::ops::Range;

use catalog::{Action, Object, s3};
use gate::{Ask, Either, Permit, Probe, Probed};
use http::HeaderName;
use vault::{CustomerKey, ObjectReader, StoredObject, Vault, VaultError};

use crate::{Request, Response, S3Error, checksum, metadata};

/// `s3:GetObject`, or `s3:GetObjectVersion` when a version is named (`null` is one).
pub(crate) type ReadAsk = Either<Ask<s3::GetObject>, Ask<s3::GetObjectVersion>>;
/// Its permit.
pub(crate) type ReadPermit = Either<Permit<s3::GetObject>, Permit<s3::GetObjectVersion>>;

/// Refuses what can be no version id.
pub(crate) fn check_version_id(text: Option<&str>, name: &'static str) -> Result<(), S3Error> {
    match text {
        None | Some("null") => Ok(()),
        Some("") => Err(S3Error::invalid_argument(
            "Version id cannot be the empty string",
            name,
            "",
        )),
        // S3's own ids are 32 characters long.
        Some(text)
            if text.len() == 32
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) =>
        {
            Ok(())
        }
        Some(text) => Err(S3Error::invalid_version_id(name, text)),
    }
}

/// `versionId` in an input: read from the parameters, taken so that it is not left over.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct VersionMember {
    #[serde(rename = "VersionId")]
    _version: serde::de::IgnoredAny,
}

/// Asks for the action on the current version, or for its sibling on a named one.
pub(crate) fn by_version<A, V>(
    object: &Object,
    owner: Option<catalog::AccountId>,
) -> Either<Ask<A>, Ask<V>>
where
    A: Action<Resource = Object>,
    V: Action<Resource = Object>,
{
    match &object.version {
        None => Either::Left(Ask::on(object.clone()).expecting_owner(owner)),
        Some(version) => Either::Right(
            Ask::on(object.clone())
                .expecting_owner(owner)
                .with("s3:versionid", version.as_str()),
        ),
    }
}

/// Asks to read an object.
pub(crate) fn read_ask(object: &Object, owner: Option<catalog::AccountId>) -> ReadAsk {
    by_version(object, owner)
}

/// Asks whether the caller may learn that a key is absent (spec S-3).
pub(crate) fn list_probe(object: &Object) -> Probe<s3::ListBucket> {
    Probe(Ask::on(catalog::Bucket::existing(object.bucket.clone())))
}

/// The answer for a key that is absent: 404 to those who may list, else 403 (spec S-3).
pub(crate) async fn missing(probed: Probed<s3::ListBucket>, object: &Object) -> S3Error {
    match probed.answer().await {
        Ok(_may_list) => S3Error::NoSuchKey {
            key: object.key.to_string(),
        },
        Err(refusal) => refusal.into(),
    }
}

/// Opens what a permit names.
pub(crate) async fn open(
    vault: &Vault,
    permit: &ReadPermit,
    list: Probed<s3::ListBucket>,
    customer: Option<&CustomerKey>,
) -> Result<ObjectReader, S3Error> {
    let (opened, object) = match permit {
        Either::Left(permit) => (vault.open_object(permit, customer).await, permit.resource()),
        Either::Right(permit) => (vault.open_object(permit, customer).await, permit.resource()),
    };
    match opened {
        Ok(Some(reader)) => Ok(reader),
        Ok(None) => Err(missing(list, object).await),
        Err(error) => Err(unless_hidden(error, list, object).await),
    }
}

/// That the newest version is a delete marker is told to those who may know that the key is absent.
pub(crate) async fn unless_hidden(
    error: VaultError,
    list: Probed<s3::ListBucket>,
    object: &Object,
) -> S3Error {
    match error {
        VaultError::DeleteMarker { named: false, .. } => match missing(list, object).await {
            S3Error::NoSuchKey { .. } => error.into(),
            refused => refused,
        },
        error => error.into(),
    }
}

/// The tags to count, if the caller may read them.
pub(crate) type TagsProbe = Either<Probe<s3::GetObjectTagging>, Probe<s3::GetObjectVersionTagging>>;

/// Asks whether the caller may know how many tags there are.
pub(crate) fn tags_probe(object: &Object) -> TagsProbe {
    match &object.version {
        None => Either::Left(Probe(Ask::on(object.clone()))),
        Some(version) => Either::Right(Probe(
            Ask::on(object.clone()).with("s3:versionid", version.as_str()),
        )),
    }
}

/// Answers it.
pub(crate) async fn may_read_tags(
    probed: Either<Probed<s3::GetObjectTagging>, Probed<s3::GetObjectVersionTagging>>,
) -> bool {
    match probed {
        Either::Left(probed) => yes(probed).await,
        Either::Right(probed) => yes(probed).await,
    }
}

async fn yes<A: Action>(probed: Probed<A>) -> bool {
    probed.answer().await.is_ok()
}

/// Which bytes a `Range` header asks for. `None` when it says nothing that S3 heeds: no byte range,
/// several of them, or one that ends before it begins.
pub(crate) fn byte_range(text: &str, size: u64) -> Result<Option<Range<u64>>, S3Error> {
    let Some(range) = text.trim().strip_prefix("bytes=") else {
        return Ok(None);
    };
    let unsatisfiable = || S3Error::InvalidRange {
        requested: text.to_owned(),
        size: size.to_string(),
    };
    let Some((first, last)) = range.split_once('-') else {
        return Ok(None);
    };
    let (first, last) = (first.trim(), last.trim());
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // More digits than fit mean "far beyond the end".
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (first, number(first), last, number(last)) {
        // The last so many bytes.
        ("", _, _, Some(count)) if count == 0 || size == 0 => Err(unsatisfiable()),
        ("", _, _, Some(count)) => Ok(Some(size.saturating_sub(count)..size)),
        (_, Some(first), "", _) if first >= size => Err(unsatisfiable()),
        (_, Some(first), "", _) => Ok(Some(first..size)),
        (_, Some(first), _, Some(last)) if last < first => Ok(None),
        (_, Some(first), _, Some(_)) if first >= size => Err(unsatisfiable()),
        (_, Some(first), _, Some(last)) => Ok(Some(first..last.saturating_add(1).min(size))),
        _ => Ok(None),
    }
}

/// The bytes of a part, and how many parts there are.
pub(crate) fn part_range(object: &StoredObject, number: i64) -> Result<Range<u64>, S3Error> {
    if !(1..=10_000).contains(&number) {
        return Err(S3Error::invalid_argument(
            "Part number must be an integer between 1 and 10000, inclusive",
            "partNumber",
            number.to_string(),
        ));
    }
    let mut start = 0;
    for part in &object.parts {
        if i64::from(part.number) == number {
            return Ok(start..start + part.bytes);
        }
        start += part.bytes;
    }
    Err(S3Error::InvalidPartNumber {
        count: object.parts.len().to_string(),
        requested: number.to_string(),
    })
}

/// The headers of an object, as GET and HEAD answer them, but for its encryption.
pub(crate) fn put_headers(response: &mut Response, object: &StoredObject) {
    response.set("accept-ranges", "bytes");
    response.set("etag", &format!("\"{}\"", object.etag));
    response.set(
        "last-modified",
        &wire::time::imf_fixdate(object.last_modified),
    );
    let headers = &object.headers;
    response.set(
        "content-type",
        headers
            .content_type
            .as_deref()
            .unwrap_or("binary/octet-stream"),
    );
    response.set_some("cache-control", headers.cache_control.as_deref());
    response.set_some(
        "content-disposition",
        headers.content_disposition.as_deref(),
    );
    response.set_some("content-encoding", headers.content_encoding.as_deref());
    response.set_some("content-language", headers.content_language.as_deref());
    response.set_some("expires", headers.expires.as_deref());
    response.set_some(
        "x-amz-website-redirect-location",
        headers.website_redirect_location.as_deref(),
    );
    for (name, value) in &object.metadata {
        let name = HeaderName::from_bytes(format!("x-amz-meta-{name}").as_bytes());
        let value = http::HeaderValue::from_str(&metadata::shown(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers.insert(name, value);
        }
    }
    // STANDARD is not said (AWS: GetObject).
    if object.storage_class != "STANDARD" {
        response.set("x-amz-storage-class", &object.storage_class);
    }
    response.set_some("x-amz-version-id", object.version.as_deref());
}

/// The checksum headers.
pub(crate) fn put_checksum(response: &mut Response, object: &StoredObject) {
    if let Some(checksum) = &object.checksum {
        response.set(checksum::header(checksum.algorithm), &checksum.value);
        response.set("x-amz-checksum-type", checksum.kind.name());
    }
}

/// Refuses `response-…` parameters of anonymous callers (spec: sigv4 11).
pub(crate) fn refuse_anonymous_overrides(
    overrides: &[(&'static str, Option<String>)],
    anonymous: bool,
) -> Result<(), S3Error> {
    if anonymous && overrides.iter().any(|(_, value)| value.is_some()) {
        return Err(S3Error::invalid_request(
            "Request specific response headers cannot be used for anonymous GET requests.",
        ));
    }
    Ok(())
}

/// The object of a request, with the version that it names.
pub(crate) fn versioned_object(request: &Request) -> Result<Object, S3Error> {
    check_version_id(request.parameter("versionId"), "versionId")?;
    request.versioned_object()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_s3_reads_them() {
        let range = |text: &str, size| match byte_range(text, size) {
            Ok(Some(range)) => format!("{}..{}", range.start, range.end),
            Ok(None) => "all".to_owned(),
            Err(error) => error.code(),
        };
        for (text, size, wanted) in [
            ("bytes=0-0", 8, "0..1"),
            ("bytes=2-5", 8, "2..6"),
            ("bytes=2-", 8, "2..8"),
            ("bytes=2-100", 8, "2..8"),
            ("bytes=-3", 8, "5..8"),
            ("bytes=-100", 8, "0..8"),
            ("bytes=8-", 8, "InvalidRange"),
            ("bytes=1024-4096", 8, "InvalidRange"),
            ("bytes=-0", 8, "InvalidRange"),
            ("bytes=0-", 0, "InvalidRange"),
            ("bytes=-1", 0, "InvalidRange"),
            ("bytes=99999999999999999999999-", 8, "InvalidRange"),
            ("bytes=5-2", 8, "all"),
            ("bytes=0-1,3-4", 8, "all"),
            ("bytes=", 8, "all"),
            ("bytes=-", 8, "all"),
            ("items=0-1", 8, "all"),
            ("bytes=a-b", 8, "all"),
        ] {
            assert_eq!(range(text, size), wanted, "{text} of {size}");
        }
    }

    #[test]
    fn version_ids_are_null_like_s3s_or_malformed() {
        let told = |text| match check_version_id(text, "versionId") {
            Ok(()) => "fine".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(told(None), "fine");
        assert_eq!(told(Some("null")), "fine");
        assert_eq!(told(Some("0123456789abcdefGHIJ._-456789012")), "fine");
        assert_eq!(told(Some("")), "Version id cannot be the empty string");
        assert_eq!(told(Some("bad-version")), "Invalid version id specified");
    }
}
