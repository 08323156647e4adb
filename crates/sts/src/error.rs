//! What STS answers when it does not do what was asked.
use directory::DirectoryError;
use gate::{Refusal, RefusalKind};
use wire::AwsError;

/// A refusal of STS. `Display` is AWS's text for the caller.
#[derive(Debug, thiserror::Error)]
pub enum StsError {
    /// The policies say no.
    #[error("{message}")]
    AccessDenied {
        /// AWS's text.
        message: String,
        /// What was refused, for the journal.
        refusal: Box<Refusal>,
    },
    /// The role was deleted while the call was judged: the text that a role that never was gets.
    #[error("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}")]
    RoleGone {
        /// The caller's ARN.
        caller: String,
        /// The role's ARN.
        role: String,
    },
    /// The source identity of a chain cannot be changed (spec E-7).
    #[error(
        "User: {caller} is not authorized to perform: sts:SetSourceIdentity on resource: {role}"
    )]
    SourceIdentityDiffers {
        /// The caller's ARN.
        caller: String,
        /// The role's ARN.
        role: String,
    },
    /// Spec E-7.
    #[error("Roles may not be assumed by root accounts.")]
    RootAssumesRole,
    /// The call needs long-term credentials.
    #[error("Cannot call {0} with session credentials")]
    SessionCredentials(&'static str),
    /// No user has an MFA device here, so no code is right.
    #[error(
        "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."
    )]
    MfaNotValidated,
    /// The request is not signed.
    #[error("Request is missing Authentication Token")]
    MissingAuthenticationToken,
    /// No ARN at all.
    #[error("{0} is invalid")]
    InvalidArn(String),
    /// A managed session policy is not there.
    #[error("The policy {0} does not exist or is not attachable.")]
    NoSuchPolicy(String),
    /// The inline session policy has more than 2048 characters.
    #[error(
        "1 validation error detected: Value '{0}' at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048"
    )]
    PolicyTooLong(String),
    /// More than ten managed session policies.
    #[error("You cannot attach more than 10 session policies.")]
    TooManyPolicies,
    /// Spec E-7.
    #[error("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")]
    DurationExceedsRole,
    /// Spec E-7.
    #[error(
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    )]
    DurationExceedsChaining,
    /// The key id does not tell an account.
    #[error("Invalid access key id: {0}")]
    InvalidAccessKeyId(String),
    /// There is no such message for this account.
    #[error("Message is not valid")]
    InvalidAuthorizationMessage,
    /// The input cannot be read as the operation's: `wire` lets no such input through.
    #[error("{0}")]
    Unreadable(String),
    /// Keys of tags are compared ignoring case.
    #[error("Duplicate tag keys found. Please note that Tag keys are case insensitive.")]
    DuplicateTagKeys,
    /// A transitive key without its tag.
    #[error("The specified transitive tag key must be included in the requested tags.")]
    TransitiveTagMissing,
    /// Inherited tags cannot be set again.
    #[error(
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."
    )]
    TransitiveTagConflict,
    /// `aws:` is AWS's.
    #[error("aws: prefixed tag key names are not allowed for external use.")]
    ReservedTagKey,
    /// The session policy is no policy (spec P-17).
    #[error("{0}")]
    MalformedPolicyDocument(String),
    /// Session policies and tags together are too large.
    #[error("Packed policy consumes {percent}% of allotted space, please use smaller policy.")]
    PackedPolicyTooLarge {
        /// Above 100.
        percent: usize,
    },
    /// Session tags alone are too large.
    #[error("Packed size of session tags consumes {percent}% of allotted space.")]
    PackedTagsTooLarge {
        /// Above 100.
        percent: usize,
    },
    /// An operation or parameter of STS that is not built.
    #[error("{0} is not implemented.")]
    NotImplemented(String),
    /// The cause is for the log, never for the caller.
    #[error("The request processing has failed because of an unknown error, exception or failure.")]
    InternalFailure(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store is full or takes no writes. SDKs try again.
    #[error("{text}")]
    NoWrites {
        /// Why, for the caller.
        text: &'static str,
        /// What the store said, for the log.
        #[source]
        cause: Box<DirectoryError>,
    },
}

impl StsError {
    /// AWS's code and HTTP status: the one place where an error gets them.
    fn code_and_status(&self) -> (&'static str, u16) {
        match self {
            StsError::AccessDenied { .. }
            | StsError::RoleGone { .. }
            | StsError::SourceIdentityDiffers { .. }
            | StsError::RootAssumesRole
            | StsError::SessionCredentials(_)
            | StsError::MfaNotValidated => ("AccessDenied", 403),
            StsError::MissingAuthenticationToken => ("MissingAuthenticationToken", 403),
            StsError::InvalidArn(_)
            | StsError::NoSuchPolicy(_)
            | StsError::PolicyTooLong(_)
            | StsError::TooManyPolicies
            | StsError::DurationExceedsRole
            | StsError::DurationExceedsChaining
            | StsError::InvalidAccessKeyId(_)
            | StsError::Unreadable(_) => ("ValidationError", 400),
            StsError::DuplicateTagKeys
            | StsError::TransitiveTagMissing
            | StsError::TransitiveTagConflict
            | StsError::ReservedTagKey => ("InvalidParameterValue", 400),
            StsError::MalformedPolicyDocument(_) => ("MalformedPolicyDocument", 400),
            StsError::PackedPolicyTooLarge { .. } | StsError::PackedTagsTooLarge { .. } => {
                ("PackedPolicyTooLarge", 400)
            }
            StsError::InvalidAuthorizationMessage => ("InvalidAuthorizationMessageException", 400),
            StsError::NotImplemented(_) => ("NotImplemented", 501),
            StsError::InternalFailure(_) => ("InternalFailure", 500),
            StsError::NoWrites { .. } => ("ServiceUnavailable", 503),
        }
    }

    /// AWS's code, such as `AccessDenied`.
    pub fn code(&self) -> &'static str {
        self.code_and_status().0
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.code_and_status().1
    }
}

impl From<&StsError> for AwsError {
    fn from(error: &StsError) -> AwsError {
        AwsError::new(error.status(), error.code(), error.to_string())
    }
}

impl From<Refusal> for StsError {
    fn from(refusal: Refusal) -> StsError {
        match &refusal.kind {
            RefusalKind::AccessDenied { message, .. } => StsError::AccessDenied {
                message: message.clone(),
                refusal: Box::new(refusal),
            },
            RefusalKind::Unavailable(error) => StsError::InternalFailure(Box::new(error.clone())),
            // These two are about buckets: no ask of STS can meet them.
            RefusalKind::NoSuchBucket(_) | RefusalKind::MethodNotAllowed => {
                StsError::AccessDenied {
                    message: "Access Denied".to_owned(),
                    refusal: Box::new(refusal),
                }
            }
        }
    }
}

impl From<DirectoryError> for StsError {
    fn from(error: DirectoryError) -> StsError {
        match error {
            DirectoryError::NoSuchSessionPolicy { arn } => StsError::NoSuchPolicy(arn),
            error => match error.takes_no_writes() {
                Some(text) => StsError::NoWrites {
                    text,
                    cause: Box::new(error),
                },
                None => StsError::InternalFailure(Box::new(error)),
            },
        }
    }
}
