//! S3's errors: code, status, words and fields, at one place.
//!
//! The caller gets AWS's words ([`S3Error::to_aws`]); the cause of an internal error stays in the
//! value for the log and is never shown.
use std::error::Error as StdError;
use std::sync::Arc;

use gate::{Refusal, RefusalKind};
use vault::VaultError;
use vault::acl::AclError;
use wire::AwsError;

/// Declares the errors: variant, code, status, AWS's text, and its fields with the elements they
/// are written as. A field whose element is empty is only part of the text.
macro_rules! errors {
    ($($variant:ident $({ $($field:ident: $element:literal),+ })? = $code:literal, $status:literal, $text:literal;)+) => {
        /// An error that S3 answers.
        #[derive(Clone, Debug, thiserror::Error)]
        pub enum S3Error {
            /// The gate said no.
            #[error("{}", refusal_text(.0))]
            Refused(Box<Refusal>),
            /// The store or the server failed. The cause goes to the log under the request id.
            #[error("We encountered an internal error. Please try again.")]
            Internal(#[source] Arc<dyn StdError + Send + Sync>),
            /// 503: the store is full or takes no writes. SDKs try again. The cause, which may name
            /// a file, goes to the log.
            #[error("{text}")]
            NoWrites {
                /// Why, for the caller.
                text: &'static str,
                /// What the store said.
                #[source]
                cause: Arc<VaultError>,
            },
            /// A permit without a bucket: a mistake of an operation.
            #[error("We encountered an internal error. Please try again.")]
            NothingJudged,
            /// 304: no error, yet not the body either.
            #[error("Not Modified")]
            NotModified {
                /// `ETag`
                etag: String,
                /// `Last-Modified`
                last_modified: String,
            },
            /// The newest version is a delete marker: 404, and the headers say why.
            #[error("The specified key does not exist.")]
            NewestIsDeleteMarker {
                /// `Key`
                key: String,
                /// `x-amz-version-id`
                version: String,
            },
            /// The version that was named is a delete marker: 405, with headers about it.
            #[error("The specified method is not allowed against this resource.")]
            IsDeleteMarker {
                /// `x-amz-version-id`
                version: String,
                /// `Last-Modified`
                last_modified: String,
            },
            /// An error that was made in AWS's form, as `wire` does.
            #[error("{0}")]
            Aws(Box<AwsError>),
            $(
                #[doc = concat!("`", $code, "`, ", stringify!($status), ".")]
                #[error($text)]
                $variant $({
                    $(
                        #[doc = concat!("Element `", $element, "`.")]
                        $field: String,
                    )+
                })?,
            )+
        }

        impl S3Error {
            /// What goes over the wire.
            pub fn to_aws(&self) -> AwsError {
                match self {
                    S3Error::Refused(refusal) => refused(refusal),
                    S3Error::Internal(_) | S3Error::NothingJudged => AwsError::new(500, "InternalError", self.to_string()),
                    S3Error::NoWrites { .. } => AwsError::new(503, "ServiceUnavailable", self.to_string()),
                    S3Error::NotModified { etag, last_modified } => {
                        AwsError::new(304, "NotModified", self.to_string())
                            .with_header("etag", etag.clone())
                            .with_header("last-modified", last_modified.clone())
                    }
                    S3Error::NewestIsDeleteMarker { key, version } => {
                        AwsError::new(404, "NoSuchKey", self.to_string())
                            .with_field("Key", key.clone())
                            .with_header("x-amz-delete-marker", "true")
                            .with_header("x-amz-version-id", version.clone())
                    }
                    S3Error::IsDeleteMarker { version, last_modified } => {
                        AwsError::new(405, "MethodNotAllowed", self.to_string())
                            .with_field("ResourceType", "DeleteMarker")
                            .with_header("allow", "DELETE")
                            .with_header("last-modified", last_modified.clone())
                            .with_header("x-amz-delete-marker", "true")
                            .with_header("x-amz-version-id", version.clone())
                    }
                    S3Error::Aws(error) => error.as_ref().clone(),
                    $(
                        S3Error::$variant $({ $($field),+ })? => {
                            #[allow(unused_mut, reason = "errors without fields add none")]
                            let mut error = AwsError::new($status, $code, self.to_string());
                            $($(
                                if !$element.is_empty() {
                                    error = error.with_field($element, $field.clone());
                                }
                            )+)?
                            error
                        }
                    )+
                }
            }
        }
    };
}

errors! {
    // Access and existence.
    AccessDenied { text: "" } = "AccessDenied", 403, "{text}";
    NoSuchBucket { bucket: "BucketName" } = "NoSuchBucket", 404, "The specified bucket does not exist";
    NoSuchKey { key: "Key" } = "NoSuchKey", 404, "The specified key does not exist.";
    NoSuchVersion { key: "Key", version: "VersionId" } = "NoSuchVersion", 404, "The specified version does not exist.";
    NoSuchUpload { upload: "UploadId" } = "NoSuchUpload", 404, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    NoSuchObject = "NoSuchKey", 404, "The specified key does not exist.";
    NoUpload = "NoSuchUpload", 404, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    ServiceUnavailable = "ServiceUnavailable", 503, "Service is unable to handle request.";
    MethodNotAllowed = "MethodNotAllowed", 405, "The specified method is not allowed against this resource.";
    InvalidBucketOwner { value: "" } = "InvalidBucketOwnerAWSAccountID", 400, "The value of the expected bucket owner parameter must be an AWS Account ID... [{value}]";

    // Buckets.
    BucketAlreadyExists { bucket: "BucketName" } = "BucketAlreadyExists", 409, "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.";
    BucketAlreadyOwnedByYou { bucket: "BucketName" } = "BucketAlreadyOwnedByYou", 409, "Your previous request to create the named bucket succeeded and you already own it.";
    BucketNotEmpty { bucket: "BucketName" } = "BucketNotEmpty", 409, "The bucket you tried to delete is not empty";
    BucketKeepsVersions { bucket: "BucketName" } = "BucketNotEmpty", 409, "The bucket you tried to delete is not empty. You must delete all versions in the bucket.";
    InvalidBucketName { bucket: "BucketName" } = "InvalidBucketName", 400, "The specified bucket is not valid.";
    TooManyBuckets = "TooManyBuckets", 400, "You have attempted to create more buckets than allowed";
    IllegalLocationConstraint { region: "" } = "IllegalLocationConstraintException", 400, "The {region} location constraint is incompatible for the region specific endpoint this request was sent to.";
    InvalidLocationConstraint { constraint: "LocationConstraint" } = "InvalidLocationConstraint", 400, "The specified location-constraint is not valid";
    NoSuchBucketPolicy { bucket: "BucketName" } = "NoSuchBucketPolicy", 404, "The bucket policy does not exist";
    NoSuchTagSet { bucket: "BucketName" } = "NoSuchTagSet", 404, "The TagSet does not exist";
    NoSuchCorsConfiguration { bucket: "BucketName" } = "NoSuchCORSConfiguration", 404, "The CORS configuration does not exist";
    BadPreflight = "BadRequest", 400, "Insufficient information. Origin request header needed.";
    CorsForbidden { text: "", method: "Method", resource: "ResourceType" } = "AccessForbidden", 403, "{text}";
    NoSuchLifecycleConfiguration { bucket: "BucketName" } = "NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist";
    NoSuchPublicAccessBlockConfiguration { bucket: "BucketName" } = "NoSuchPublicAccessBlockConfiguration", 404, "The public access block configuration was not found";
    OwnershipControlsNotFound { bucket: "BucketName" } = "OwnershipControlsNotFoundError", 404, "The bucket ownership controls were not found";
    EncryptionConfigurationNotFound { bucket: "BucketName" } = "ServerSideEncryptionConfigurationNotFoundError", 404, "The server side encryption configuration was not found";
    OperationAborted = "OperationAborted", 409, "A conflicting conditional operation is currently in progress against this resource. Please try again.";
    MalformedPolicy { text: "" } = "MalformedPolicy", 400, "{text}";

    // Access control lists.
    AclNotSupported = "AccessControlListNotSupported", 400, "The bucket does not allow ACLs";
    InvalidBucketAclWithObjectOwnership = "InvalidBucketAclWithObjectOwnership", 400, "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
    MalformedAcl = "MalformedACLError", 400, "The XML you provided was not well-formed or did not validate against our published schema";
    MissingSecurityHeader { header: "MissingHeaderName" } = "MissingSecurityHeader", 400, "Your request was missing a required header";
    UnknownCannedAcl { value: "ArgumentValue", name: "ArgumentName" } = "InvalidArgument", 400, "";
    UnexpectedContent = "UnexpectedContent", 400, "This request does not support content";

    // Arguments.
    InvalidArgument { text: "", name: "ArgumentName", value: "ArgumentValue" } = "InvalidArgument", 400, "{text}";
    InvalidContinuationToken { name: "ArgumentName" } = "InvalidArgument", 400, "The continuation token provided is incorrect";
    InvalidRequest { text: "" } = "InvalidRequest", 400, "{text}";
    MalformedXml = "MalformedXML", 400, "The XML you provided was not well-formed or did not validate against our published schema";
    NotImplementedHeader { header: "Header" } = "NotImplemented", 501, "A header you provided implies functionality that is not implemented";
    NotImplementedOperation { operation: "" } = "NotImplemented", 501, "The operation {operation} is not implemented.";
    KeyTooLong { size: "Size", max: "MaxSizeAllowed" } = "KeyTooLongError", 400, "Your key is too long";
    InvalidStorageClass { class: "StorageClassRequested" } = "InvalidStorageClass", 400, "The storage class you specified is not valid";
    InvalidObjectState { class: "StorageClass" } = "InvalidObjectState", 403, "The operation is not valid for the object's storage class";
    NotImplementedValue { header: "Header", more: "additionalMessage" } = "NotImplemented", 501, "A header you provided implies functionality that is not implemented";
    InvalidEncryptionAlgorithm { name: "ArgumentName", value: "ArgumentValue" } = "InvalidEncryptionAlgorithmError", 400, "The Encryption request you specified is not valid. Supported value: AES256.";
    MetadataTooLarge { size: "Size", max: "MaxSizeAllowed" } = "MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size";
    InvalidTag { text: "", key: "TagKey" } = "InvalidTag", 400, "{text}";
    InvalidTagValue { key: "TagKey", value: "TagValue" } = "InvalidTag", 400, "The TagValue you have provided is invalid";
    BadTagCount = "BadRequest", 400, "Object tags cannot be greater than 10";
    BadBucketTagCount = "BadRequest", 400, "Bucket tag count cannot be greater than 50";

    // Bodies.
    MissingContentLength = "MissingContentLength", 411, "You must provide the Content-Length HTTP header.";
    IncompleteBody = "IncompleteBody", 400, "The request body terminated unexpectedly";
    RequestTimeout = "RequestTimeout", 400, "Your socket connection to the server was not read from or written to within the timeout period.";
    MaxMessageLength = "MaxMessageLengthExceeded", 400, "Your request was too big.";
    EntityTooLarge { size: "ProposedSize", max: "MaxSizeAllowed" } = "EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size";
    InvalidDigest { value: "Content-MD5" } = "InvalidDigest", 400, "The Content-MD5 you specified was invalid.";
    BadContentMd5 { expected: "ExpectedDigest", calculated: "CalculatedDigest" } = "BadDigest", 400, "The Content-MD5 you specified did not match what we received.";
    BadChecksum { algorithm: "" } = "BadDigest", 400, "The {algorithm} you specified did not match the calculated checksum.";
    BadPartChecksum { algorithm: "", part: "" } = "BadDigest", 400, "The {algorithm} you specified for part {part} did not match what we received.";
    InvalidChecksumValue { header: "" } = "InvalidRequest", 400, "Value for {header} header is invalid.";
    InvalidTrailerValue { header: "" } = "InvalidRequest", 400, "Value for {header} trailing header is invalid.";
    MalformedTrailer = "MalformedTrailerError", 400, "The request contained trailing data that was not well-formed or did not conform to our published schema.";

    // Reading.
    InvalidRange { requested: "RangeRequested", size: "ActualObjectSize" } = "InvalidRange", 416, "The requested range is not satisfiable";
    InvalidPartNumber { count: "ActualPartCount", requested: "PartNumberRequested" } = "InvalidPartNumber", 416, "The requested partnumber is not satisfiable";
    PreconditionFailed { condition: "Condition" } = "PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold";
    ConditionalRequestConflict { condition: "Condition", key: "Key" } = "ConditionalRequestConflict", 409, "The conditional request cannot succeed due to a conflicting operation against this resource.";

    // Multipart uploads.
    InvalidPart { upload: "UploadId", part: "PartNumber", etag: "ETag" } = "InvalidPart", 400, "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.";
    InvalidPartOrder { upload: "UploadId" } = "InvalidPartOrder", 400, "The list of parts was not in ascending order. Parts must be ordered by part number.";
    EntityTooSmall { part: "PartNumber", etag: "ETag", min: "MinSizeAllowed", size: "ProposedSize" } = "EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size";
}

impl S3Error {
    /// An internal error with its cause, which only the log shows.
    pub fn internal(cause: impl StdError + Send + Sync + 'static) -> S3Error {
        S3Error::Internal(Arc::new(cause))
    }

    /// `AccessDenied` with this text.
    pub fn access_denied(text: impl Into<String>) -> S3Error {
        S3Error::AccessDenied { text: text.into() }
    }

    /// `InvalidArgument` about a header or parameter.
    pub fn invalid_argument(
        text: impl Into<String>,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> S3Error {
        S3Error::InvalidArgument {
            text: text.into(),
            name: name.into(),
            value: value.into(),
        }
    }

    /// `InvalidArgument` about what is no version's id.
    pub fn invalid_version_id(name: &'static str, version: impl Into<String>) -> S3Error {
        S3Error::invalid_argument("Invalid version id specified", name, version)
    }

    /// `InvalidRequest` with this text.
    pub fn invalid_request(text: impl Into<String>) -> S3Error {
        S3Error::InvalidRequest { text: text.into() }
    }

    /// 501 for a header or parameter that is known and not built.
    pub fn not_implemented(header: impl Into<String>) -> S3Error {
        S3Error::NotImplementedHeader {
            header: header.into(),
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.to_aws().status
    }

    /// AWS's code.
    pub fn code(&self) -> String {
        self.to_aws().code
    }
}

fn refusal_text(refusal: &Refusal) -> String {
    refused(refusal).message
}

fn refused(refusal: &Refusal) -> AwsError {
    match &refusal.kind {
        RefusalKind::AccessDenied { message, .. } => {
            AwsError::new(403, "AccessDenied", message.clone())
        }
        RefusalKind::NoSuchBucket(bucket) => S3Error::NoSuchBucket {
            bucket: bucket.to_string(),
        }
        .to_aws(),
        RefusalKind::MethodNotAllowed => S3Error::MethodNotAllowed.to_aws(),
        RefusalKind::Unavailable(_) => AwsError::new(
            500,
            "InternalError",
            "We encountered an internal error. Please try again.",
        ),
    }
}

impl From<Refusal> for S3Error {
    fn from(refusal: Refusal) -> S3Error {
        match refusal.kind {
            RefusalKind::Unavailable(cause) => S3Error::internal(cause),
            RefusalKind::AccessDenied { .. }
            | RefusalKind::NoSuchBucket(_)
            | RefusalKind::MethodNotAllowed => S3Error::Refused(Box::new(refusal)),
        }
    }
}

impl From<AwsError> for S3Error {
    fn from(error: AwsError) -> S3Error {
        S3Error::Aws(Box::new(error))
    }
}

impl From<S3Error> for AwsError {
    fn from(error: S3Error) -> AwsError {
        error.to_aws()
    }
}

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
            VaultError::BucketNotEmpty {
                bucket,
                keeps_versions,
            } => {
                let bucket = bucket.to_string();
                match keeps_versions {
                    true => S3Error::BucketKeepsVersions { bucket },
                    false => S3Error::BucketNotEmpty { bucket },
                }
            }
            VaultError::AclWithOwnershipEnforced => S3Error::InvalidBucketAclWithObjectOwnership,
            VaultError::AclNotSupported => S3Error::AclNotSupported,
            VaultError::Conflict => S3Error::OperationAborted,
            VaultError::NoSuchObject => S3Error::NoSuchObject,
            VaultError::InvalidVersionId { version, .. } => {
                S3Error::invalid_version_id("versionId", version)
            }
            VaultError::NoSuchVersion { key, version } => S3Error::NoSuchVersion { key, version },
            VaultError::DeleteMarker {
                key,
                version,
                named: false,
                ..
            } => S3Error::NewestIsDeleteMarker { key, version },
            VaultError::DeleteMarker {
                version,
                last_modified,
                ..
            } => S3Error::IsDeleteMarker {
                version,
                last_modified: wire::time::imf_fixdate(last_modified),
            },
            VaultError::NoSuchUpload => S3Error::NoUpload,
            VaultError::CustomerKeyMissing => S3Error::invalid_request(
                "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.",
            ),
            VaultError::CustomerKeyNotApplicable => S3Error::invalid_request(
                "The encryption parameters are not applicable to this object.",
            ),
            VaultError::CustomerKeyWrong => S3Error::access_denied(
                "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.",
            ),
            VaultError::PreconditionFailed => S3Error::PreconditionFailed {
                condition: "If-Match".to_owned(),
            },
            // The caller may try again and is judged anew.
            VaultError::ChangedMeanwhile => S3Error::ServiceUnavailable,
            VaultError::NoSpace => S3Error::NoWrites {
                text: "The store has no space left for writes. Please try again later.",
                cause: Arc::new(error),
            },
            VaultError::ReadOnly { .. } => S3Error::NoWrites {
                text: "The store takes no writes at the moment. Please try again later.",
                cause: Arc::new(error),
            },
            VaultError::NothingJudged
            | VaultError::NoCanonicalId
            | VaultError::Interrupted
            | VaultError::DamagedRow { .. }
            | VaultError::UnknownFormat { .. }
            | VaultError::DamagedObject(_)
            | VaultError::NoSuchPart(_)
            | VaultError::ConditionalConflict
            | VaultError::Crypt(_)
            | VaultError::Hasher(_)
            | VaultError::Seal(_)
            | VaultError::Facts(_)
            | VaultError::Commit(_)
            | VaultError::Engine(_) => S3Error::internal(error),
        }
    }
}

impl From<AclError> for S3Error {
    fn from(error: AclError) -> S3Error {
        let text = error.to_string();
        match error {
            AclError::UnknownCanned { value } => S3Error::UnknownCannedAcl {
                value,
                name: "x-amz-acl".to_owned(),
            },
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
            AclError::Facts(error) => S3Error::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_code_status_words_and_fields() {
        let error = S3Error::InvalidRange {
            requested: "bytes=9-".to_owned(),
            size: "8".to_owned(),
        }
        .to_aws();
        assert_eq!((error.status, error.code.as_str()), (416, "InvalidRange"));
        assert_eq!(error.message, "The requested range is not satisfiable");
        assert_eq!(
            error.fields,
            [
                ("RangeRequested".to_owned(), "bytes=9-".to_owned()),
                ("ActualObjectSize".to_owned(), "8".to_owned())
            ]
        );
    }

    #[test]
    fn the_cause_of_an_internal_error_is_not_shown() {
        let error = S3Error::internal(std::io::Error::other("/var/lib/secret"));
        assert!(!format!("{:?}", error.to_aws()).contains("secret"));
        assert!(StdError::source(&error).is_some());
    }

    #[test]
    fn a_store_that_takes_no_writes_says_so_and_not_why() {
        let read_only = VaultError::ReadOnly {
            cause: "syncing /var/lib/secret".to_owned(),
        };
        for (error, says) in [
            (VaultError::NoSpace, "no space left for writes"),
            (read_only, "takes no writes"),
        ] {
            let error = S3Error::from(error);
            assert!(StdError::source(&error).is_some());
            let shown = error.to_aws();
            assert_eq!(
                (shown.status, shown.code.as_str()),
                (503, "ServiceUnavailable")
            );
            assert!(shown.message.contains(says), "{}", shown.message);
            assert!(!format!("{shown:?}").contains("secret"));
        }
    }

    #[test]
    fn a_text_without_element_is_no_field() {
        let error = S3Error::access_denied("Access Denied").to_aws();
        assert_eq!(error.message, "Access Denied");
        assert!(error.fields.is_empty());
    }
}
