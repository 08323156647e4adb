//! What the policy simulator refuses as `InvalidInput`.
use catalog::AccountId;

/// Why a simulation makes no sense. `Display` is the text for the caller; docs/compatibility.md says
/// which of the texts are AWS's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSimulation {
    /// Not the name of one action.
    #[error("Invalid Action Name: {0}")]
    Action(String),
    /// Neither an ARN nor `*`.
    #[error("ResourceNames are not in a valid ARN format: {0}.")]
    Resource(String),
    /// Not the ARN of an account.
    #[error("'{0}' is not a valid as a Resource Owner.")]
    ResourceOwner(String),
    /// Not the ARN of a user, group or role.
    #[error("Invalid Entity Arn: {0} does not clearly define entity type and name.")]
    Entity(String),
    /// A user, group or role of another account.
    #[error(
        "Invalid Policy Source Arn: caller's account {caller} does not have access to policies in account {account}"
    )]
    ForeignEntity {
        /// The account of whoever calls.
        caller: AccountId,
        /// The account of the entity.
        account: AccountId,
    },
    /// A resource policy without a caller that its principals could name.
    #[error("Invalid caller - Caller must be an IAM user in this context.")]
    Caller,
    /// A policy that is none.
    #[error("Invalid policy {place}: {message}")]
    Policy {
        /// Which of the passed ones.
        place: String,
        /// As where the policy is stored.
        message: String,
    },
    /// A principal has one boundary.
    #[error("Only one permissions boundary policy can be simulated.")]
    Boundaries,
    /// A context entry without name.
    #[error("A context entry must have a ContextKeyName.")]
    UnnamedKey,
    /// Two context entries of one name; case does not count.
    #[error("Duplicate context key: {0}")]
    DuplicateKey(String),
    /// A value that its type has not.
    #[error("Invalid value '{value}' for context key {key} of type {kind}.")]
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The type.
        kind: &'static str,
    },
    /// Several values of a type that has one.
    #[error("Context key {key} of type {kind} must have a single value.")]
    SeveralValues {
        /// The key.
        key: String,
        /// The type.
        kind: &'static str,
    },
    /// Not one of AWS's scenarios.
    #[error("Invalid Resource Handling Option: {0}")]
    HandlingOption(String),
    /// A scenario of EC2 needs resources of these types.
    #[error("Resource Handling Option {option} requires resources of type: {missing}")]
    MissingResources {
        /// The scenario.
        option: String,
        /// The types that are missing.
        missing: String,
    },
    /// Policies and resources together are more than is simulated in one call.
    #[error("Too many policies and resources for one simulation.")]
    TooMuch,
}
