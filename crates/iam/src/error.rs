//! What IAM answers when it does not do what was asked.
use directory::EntityError;
use gate::{Refusal, RefusalKind};

use crate::simulation::InvalidSimulation;

/// A refusal of IAM. `Display` is AWS's text for the caller.
#[derive(Debug, thiserror::Error)]
pub enum IamError {
    /// The policies say no.
    #[error("{message}")]
    AccessDenied {
        /// AWS's text.
        message: String,
        /// What was refused, for the journal.
        refusal: Box<Refusal>,
    },
    /// The request is not signed.
    #[error("Request is missing Authentication Token")]
    MissingAuthenticationToken,
    /// A constraint of the model does not hold, or the input cannot be read as the operation's.
    #[error("{0}")]
    Validation(String),
    /// A name with other characters than AWS allows.
    #[error(
        "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
    )]
    InvalidName {
        /// The member in AWS's lower camel case, such as `userName`.
        member: &'static str,
    },
    /// A path that is none.
    #[error(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
    )]
    InvalidPath,
    /// A marker that this server did not make for this list.
    #[error("Invalid Marker.")]
    InvalidMarker,
    /// What the entities themselves refuse.
    #[error(transparent)]
    Entity(#[from] EntityError),
    /// What the policy simulator refuses.
    #[error(transparent)]
    Simulation(#[from] InvalidSimulation),
    /// An operation of IAM that is not built.
    #[error("{0} is not implemented.")]
    NotImplemented(String),
    /// No operation of IAM.
    #[error("Could not find operation {0} for version 2010-05-08")]
    InvalidAction(String),
    /// The cause is for the log, never for the caller.
    #[error("The request processing has failed because of an unknown error, exception or failure.")]
    ServiceFailure(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl IamError {
    /// AWS's code and HTTP status: the one place where an error gets them.
    fn code_and_status(&self) -> (&'static str, u16) {
        match self {
            IamError::AccessDenied { .. } => ("AccessDenied", 403),
            IamError::MissingAuthenticationToken => ("MissingAuthenticationToken", 403),
            IamError::Validation(_)
            | IamError::InvalidName { .. }
            | IamError::InvalidPath
            | IamError::InvalidMarker => ("ValidationError", 400),
            IamError::Entity(error) => match error {
                EntityError::NoSuchEntity(_) => ("NoSuchEntity", 404),
                EntityError::EntityAlreadyExists(_) => ("EntityAlreadyExists", 409),
                EntityError::DeleteConflict(_) => ("DeleteConflict", 409),
                EntityError::LimitExceeded(_) => ("LimitExceeded", 409),
                EntityError::InvalidInput(_) => ("InvalidInput", 400),
                EntityError::MalformedPolicyDocument(_) => ("MalformedPolicyDocument", 400),
                EntityError::InvalidArn | EntityError::UserNameRequired => ("ValidationError", 400),
                EntityError::ForeignAccessKey { .. } | EntityError::ForeignPolicy => {
                    ("AccessDenied", 403)
                }
                EntityError::NoWrites { .. } => ("ServiceUnavailable", 503),
                EntityError::Store(_) => ("ServiceFailure", 500),
            },
            IamError::Simulation(_) => ("InvalidInput", 400),
            IamError::NotImplemented(_) => ("NotImplemented", 501),
            IamError::InvalidAction(_) => ("InvalidAction", 400),
            IamError::ServiceFailure(_) => ("ServiceFailure", 500),
        }
    }

    /// AWS's code, such as `NoSuchEntity`.
    pub fn code(&self) -> &'static str {
        self.code_and_status().0
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.code_and_status().1
    }
}

impl From<Refusal> for IamError {
    fn from(refusal: Refusal) -> IamError {
        match &refusal.kind {
            RefusalKind::AccessDenied { message, .. } => IamError::AccessDenied {
                message: message.clone(),
                refusal: Box::new(refusal),
            },
            RefusalKind::Unavailable(error) => IamError::ServiceFailure(Box::new(error.clone())),
            // These two are about buckets: no ask of IAM can meet them.
            RefusalKind::NoSuchBucket(_) | RefusalKind::MethodNotAllowed => {
                IamError::AccessDenied {
                    message: "Access Denied".to_owned(),
                    refusal: Box::new(refusal),
                }
            }
        }
    }
}
