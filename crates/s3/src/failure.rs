//! The vault's errors as S3's. What needs the key or the upload's id to be told is told by the
//! operation, before this.
use vault::VaultError;
use vault::acl::AclError;
use wire::AwsError;

use crate::S3Error;

impl From<VaultError> for S3Error {
    fn from(error: VaultError) -> S3Error {
        match error {
            VaultError::NoSuchBucket(bucket) => S3Error::NoSuchBucket {
                bucket: bucket.to_string(),
            },
            VaultError::BucketAlreadyExists(bucket) => S3Error::BucketAlreadyExists {
                bucket: bucket.to_string(),
            },
            VaultError::BucketAlreadyOwnedByYou(bucket) => S3Error::BucketAlreadyOwnedByYou {
                bucket: bucket.to_string(),
            },
            VaultError::TooManyBuckets => S3Error::TooManyBuckets,
            VaultError::BucketNotEmpty(bucket) => S3Error::BucketNotEmpty {
                bucket: bucket.to_string(),
            },
            VaultError::AclWithOwnershipEnforced => S3Error::InvalidBucketAclWithObjectOwnership,
            VaultError::AclNotSupported => S3Error::AclNotSupported,
            VaultError::Conflict => S3Error::OperationAborted,
            VaultError::NothingJudged
            | VaultError::NoCanonicalId
            | VaultError::Interrupted
            | VaultError::NoSuchObject
            | VaultError::NoSuchUpload
            | VaultError::PreconditionFailed
            | VaultError::NoSuchPart(_)
            | VaultError::ChangedMeanwhile
            | VaultError::DamagedObject(_)
            | VaultError::Crypt(_)
            | VaultError::DamagedRow { .. }
            | VaultError::Seal(_)
            | VaultError::Facts(_)
            | VaultError::Commit(_)
            | VaultError::Engine(_) => S3Error::internal(error),
        }
    }
}

/// Spec S-6, ACL errors.
impl From<AclError> for S3Error {
    fn from(error: AclError) -> S3Error {
        let text = error.to_string();
        match error {
            AclError::UnknownCanned { value } => {
                S3Error::invalid_argument(text, "x-amz-acl", value)
            }
            AclError::InvalidGroup { argument, value }
            | AclError::InvalidId { argument, value } => {
                S3Error::invalid_argument(text, argument, value)
            }
            AclError::HeaderFormat { header, value } => {
                S3Error::invalid_argument(text, header, value)
            }
            AclError::EmailGrantee => S3Error::MethodNotAllowed,
            AclError::CannedAndGrants => S3Error::invalid_request(text),
            AclError::HeadersAndBody => S3Error::UnexpectedContent,
            AclError::Missing => S3Error::MissingSecurityHeader {
                header: "x-amz-acl".to_owned(),
            },
            AclError::Malformed => S3Error::MalformedAcl,
            AclError::OtherOwner => S3Error::access_denied(text),
            AclError::NotSupported => S3Error::AclNotSupported,
            AclError::Facts(cause) => S3Error::internal(cause),
        }
    }
}

/// What is wrong with a policy, with S3's `<Detail>`.
pub(crate) fn malformed_policy(finding: policy::Finding) -> S3Error {
    let error = AwsError::new(400, finding.code, finding.message);
    match finding.detail {
        Some(detail) => error.with_field("Detail", detail).into(),
        None => error.into(),
    }
}
