//! What CopyObject and UploadPartCopy have in common: the source.
use bytes::Bytes;
use catalog::{AccountId, BucketName, Object};
use futures_util::StreamExt as _;
use gate::Identity;
use policy::CallerKind;
use std::ops::Range;
use vault::{CustomerKey, ObjectReader};

use crate::customer_key::{self, Use};
use crate::reading;
use crate::receiving::Sink;
use crate::{Request, S3Error, expected_owner, object_key};

/// Where a copy comes from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) object: Object,
    pub(crate) expected_owner: Option<AccountId>,
    /// The header as sent, for `s3:x-amz-copy-source`.
    pub(crate) text: String,
    pub(crate) customer: Option<CustomerKey>,
}

/// Whoever copies must sign, whatever the policies say.
pub(crate) fn refuse_anonymous(who: &Identity) -> Result<(), S3Error> {
    if who.caller.kind == CallerKind::Anonymous {
        return Err(S3Error::access_denied(
            "Anonymous users cannot copy objects. Please authenticate.",
        ));
    }
    Ok(())
}

impl Source {
    /// Takes `x-amz-copy-source` (`bucket/key`, percent-encoded, perhaps with `?versionId=`) and
    /// what belongs to it.
    pub(crate) fn take(request: &mut Request) -> Result<Source, S3Error> {
        const HEADER: &str = "x-amz-copy-source";
        let invalid = |text: &str| Err(S3Error::invalid_argument(text, HEADER, HEADER));
        let text = request.header(HEADER).unwrap_or_default();
        if text.starts_with("arn:") {
            // Access points.
            return Err(S3Error::not_implemented(HEADER));
        }
        let (path, version) = match text.split_once("?versionId=") {
            Some((path, version)) => (path, Some(version)),
            None => (text, None),
        };
        let Some(path) = percent_decoded(path) else {
            return invalid("Invalid copy source encoding.");
        };
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let Ok(bucket) = BucketName::parse(bucket) else {
            return invalid("Invalid copy source bucket name");
        };
        if key.is_empty() {
            return invalid("Invalid copy source object key");
        }
        reading::check_version_id(version, "versionId")?;
        let source = Source {
            object: Object {
                version: version.map(str::to_owned),
                ..Object::current(bucket, object_key(key)?)
            },
            expected_owner: expected_owner(request.header("x-amz-source-expected-bucket-owner"))?,
            text: text.to_owned(),
            customer: None,
        };
        let _: SourceMembers = request.take()?;
        let customer: customer_key::SourceMembers = request.take()?;
        Ok(Source {
            customer: customer_key::Members::from(customer).key(Use::Read, None)?,
            ..source
        })
    }
}

/// The members of an input that are read from the headers: taken, so that they are not left over.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct SourceMembers {
    #[serde(rename = "CopySource")]
    _source: serde::de::IgnoredAny,
    #[serde(rename = "ExpectedSourceBucketOwner")]
    _expected_owner: serde::de::IgnoredAny,
}

/// `+` is a plus here.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let mut decoded = [0];
            hex::decode_to_slice(digits, &mut decoded).ok()?;
            bytes.extend_from_slice(&decoded);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Passes a range of the source on.
pub(crate) async fn copy(
    source: &ObjectReader,
    range: Range<u64>,
    sink: &mut impl Sink,
) -> Result<(), S3Error> {
    let mut body = source.read(range).await?;
    while let Some(bytes) = body.next().await {
        let bytes: Bytes = bytes?;
        sink.put(bytes).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_percent_encoded() {
        assert_eq!(percent_decoded("a%20b+c%2Fd").as_deref(), Some("a b+c/d"));
        assert_eq!(percent_decoded("a%2"), None);
        assert_eq!(percent_decoded("a%FF"), None);
    }
}
