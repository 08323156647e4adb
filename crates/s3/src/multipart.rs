//! What the operations on multipart uploads have in common.
use catalog::{AccountId, Action, Object};
use digest::Algorithm;
use gate::Ask;
use policy::{Caller, CallerKind};
use serde_json::{Map, Value, json};
use vault::{ChecksumType, UploadChecksum, UploadInfo, UploadInitiator, VaultError};

use crate::{Request, S3Error};

/// The members of an input that name the upload: read from the parameters.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct UploadMembers {
    #[serde(rename = "UploadId")]
    _upload: serde::de::IgnoredAny,
    #[serde(rename = "PartNumber")]
    _part: serde::de::IgnoredAny,
}

/// The upload that a request is about.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) object: Object,
    pub(crate) expected_owner: Option<AccountId>,
}

impl Target {
    pub(crate) fn read(request: &Request) -> Result<Target, S3Error> {
        Ok(Target {
            object: request.upload_object()?,
            expected_owner: request.expected_owner()?,
        })
    }

    pub(crate) fn ask<A: Action<Resource = Object>>(&self) -> Ask<A> {
        Ask::on(self.object.clone()).expecting_owner(self.expected_owner)
    }

    pub(crate) fn upload(&self) -> String {
        self.object.upload.clone().unwrap_or_default()
    }

    /// What the caller is told when the store refused.
    pub(crate) fn explain(&self, error: VaultError) -> S3Error {
        match error {
            VaultError::NoSuchUpload => S3Error::NoSuchUpload {
                upload: self.upload(),
            },
            VaultError::CustomerKeyMissing | VaultError::CustomerKeyNotApplicable => {
                S3Error::invalid_request(
                    "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.",
                )
            }
            VaultError::CustomerKeyWrong => S3Error::invalid_request(
                "The provided encryption parameters did not match the ones used originally.",
            ),
            error => error.into(),
        }
    }
}

/// `partNumber`: 1 to 10,000.
pub(crate) fn part_number(request: &Request) -> Result<u32, S3Error> {
    let text = request.parameter("partNumber").unwrap_or_default();
    match text.parse::<u32>() {
        Ok(number) if (1..=10_000).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(S3Error::invalid_argument(
            "Part number must be an integer between 1 and 10000, inclusive",
            "partNumber",
            text,
        )),
    }
}

/// Reads the checksum that an upload is created with.
pub(crate) fn checksum(
    algorithm: Option<&str>,
    kind: Option<&str>,
) -> Result<Option<UploadChecksum>, S3Error> {
    let Some(algorithm) = algorithm else {
        return match kind {
            None => Ok(None),
            Some(_) => Err(S3Error::invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            )),
        };
    };
    let algorithm = crate::checksum::named(algorithm)?;
    let kind = match kind {
        Some("FULL_OBJECT") => ChecksumType::FullObject,
        Some("COMPOSITE") => ChecksumType::Composite,
        Some(_) => {
            return Err(S3Error::InvalidChecksumValue {
                header: "x-amz-checksum-type".to_owned(),
            });
        }
        None if algorithm == Algorithm::Crc64Nvme => ChecksumType::FullObject,
        None => ChecksumType::Composite,
    };
    let possible = match kind {
        ChecksumType::FullObject => algorithm.is_combinable(),
        ChecksumType::Composite => algorithm != Algorithm::Crc64Nvme,
    };
    if possible {
        Ok(Some(UploadChecksum { algorithm, kind }))
    } else {
        Err(S3Error::invalid_request(format!(
            "The {} checksum type cannot be used with the {} checksum algorithm.",
            kind.name(),
            algorithm.name().to_ascii_lowercase()
        )))
    }
}

/// Who starts an upload.
pub(crate) fn initiator(caller: &Caller) -> UploadInitiator {
    let canonical = caller.canonical_id.as_ref().map(ToString::to_string);
    UploadInitiator {
        user_id: caller.user_id.clone(),
        shown_id: match (&caller.kind, canonical) {
            (CallerKind::Root, Some(id)) => id,
            _ => caller.arn.clone(),
        },
        account: caller.account,
    }
}

/// Adds what is shown of an upload's checksum.
pub(crate) fn show_checksum(upload: &UploadInfo, output: &mut Map<String, Value>) {
    if let Some(checksum) = upload.checksum {
        output.insert(
            "ChecksumAlgorithm".to_owned(),
            checksum.algorithm.name().into(),
        );
        output.insert("ChecksumType".to_owned(), checksum.kind.name().into());
    }
}

/// `Initiator` and `Owner` elements.
pub(crate) fn show_principals(upload: &UploadInfo, output: &mut Map<String, Value>) {
    let id = &upload.initiator.shown_id;
    output.insert("Initiator".to_owned(), json!({"ID": id}));
    output.insert("Owner".to_owned(), json!({"ID": upload.owner.canonical_id}));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_types_fit_their_algorithms() {
        let told = |algorithm, kind| match checksum(algorithm, kind) {
            Ok(Some(checksum)) => {
                format!("{} {}", checksum.algorithm.name(), checksum.kind.name())
            }
            Ok(None) => "none".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(told(None, None), "none");
        assert_eq!(told(Some("CRC64NVME"), None), "CRC64NVME FULL_OBJECT");
        assert_eq!(told(Some("CRC32"), None), "CRC32 COMPOSITE");
        assert_eq!(
            told(Some("CRC32"), Some("FULL_OBJECT")),
            "CRC32 FULL_OBJECT"
        );
        assert_eq!(
            told(Some("SHA1"), Some("FULL_OBJECT")),
            "The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm."
        );
        assert_eq!(
            told(Some("CRC64NVME"), Some("COMPOSITE")),
            "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm."
        );
        assert_eq!(
            told(None, Some("COMPOSITE")),
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
        );
        assert!(
            told(Some("TEST"), None).starts_with("Checksum algorithm provided is unsupported.")
        );
    }
}
