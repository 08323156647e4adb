//! Why a call about IAM entities fails once it is allowed. The texts are AWS's and stand here only.
//!
//! Source: spec iam-sts-kms-api 3 and 4; AWS: IAM API reference, the errors of each operation.
use policy::Finding;

use crate::DirectoryError;
use crate::quotas;

/// Why a call about IAM entities fails. `Display` is AWS's text for the caller.
#[derive(Debug, thiserror::Error)]
pub enum EntityError {
    /// `NoSuchEntity`
    #[error(transparent)]
    NoSuchEntity(#[from] NoSuchEntity),
    /// `EntityAlreadyExists`
    #[error(transparent)]
    EntityAlreadyExists(#[from] EntityAlreadyExists),
    /// `DeleteConflict`
    #[error(transparent)]
    DeleteConflict(#[from] DeleteConflict),
    /// `LimitExceeded`
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// `InvalidInput`
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// `MalformedPolicyDocument`
    #[error("{0}")]
    MalformedPolicyDocument(String),
    /// `ValidationError`: what was sent as an ARN is none.
    #[error("Invalid ARN:  Could not be parsed!")]
    InvalidArn,
    /// `ValidationError`: `UserName` was left out, and the caller is no user.
    #[error("Must specify userName when calling with non-User credentials")]
    UserNameRequired,
    /// `AccessDenied`: the access key is not one of this account (spec 4.1, GetAccessKeyLastUsed).
    #[error(
        "User: {caller} is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key {access_key_id}"
    )]
    ForeignAccessKey {
        /// ARN of the caller.
        caller: String,
        /// The key.
        access_key_id: String,
    },
    /// `AccessDenied`: AWS's own policies, and those of other accounts, are not the caller's to change.
    #[error("Policy is outside your own account.")]
    ForeignPolicy,
    /// `ServiceFailure`: the cause is for the log, never for the caller.
    #[error("The request processing has failed because of an unknown error, exception or failure.")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// `ServiceUnavailable`: the store is full or takes no writes. SDKs try again.
    #[error("{text}")]
    NoWrites {
        /// Why, for the caller.
        text: &'static str,
        /// What the store said, for the log.
        #[source]
        cause: Box<DirectoryError>,
    },
}

/// What is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchEntity {
    /// A user, by name.
    #[error("The user with name {0} cannot be found.")]
    User(String),
    /// A group, by name.
    #[error("The group with name {0} cannot be found.")]
    Group(String),
    /// A role, by name.
    #[error("The role with name {0} cannot be found.")]
    Role(String),
    /// An instance profile, by name.
    #[error("Instance Profile {0} cannot be found.")]
    InstanceProfile(String),
    /// An inline policy of a user, by name.
    #[error("The user policy with name {0} cannot be found.")]
    UserPolicy(String),
    /// An inline policy of a group, by name.
    #[error("The group policy with name {0} cannot be found.")]
    GroupPolicy(String),
    /// An inline policy of a role, by name.
    #[error("The role policy with name {0} cannot be found.")]
    RolePolicy(String),
    /// A managed policy, or one that is not attached, by ARN.
    #[error("Policy {0} was not found.")]
    Policy(String),
    /// A managed policy that should be attached or be a boundary, by ARN.
    #[error("Policy {0} does not exist or is not attachable.")]
    AttachablePolicy(String),
    /// A version of a managed policy.
    #[error("Policy {arn} version {version_id} does not exist or is not attachable.")]
    PolicyVersion {
        /// The policy.
        arn: String,
        /// The version.
        version_id: String,
    },
    /// An access key, by id.
    #[error("The Access Key with id {0} cannot be found.")]
    AccessKey(String),
    /// A user in a group.
    #[error("User {user} not in group {group}")]
    Member {
        /// The user.
        user: String,
        /// The group.
        group: String,
    },
    /// A role in an instance profile.
    #[error(
        "The role with name {role} cannot be found in the instance profile {instance_profile}."
    )]
    RoleInInstanceProfile {
        /// The role.
        role: String,
        /// The instance profile.
        instance_profile: String,
    },
    /// An alias of the account.
    #[error("The account alias with name {0} cannot be found.")]
    AccountAlias(String),
}

/// What is there already. Names differ from each other by more than case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntityAlreadyExists {
    /// A user.
    #[error("User with name {0} already exists.")]
    User(String),
    /// A group.
    #[error("Group with name {0} already exists.")]
    Group(String),
    /// A role.
    #[error("Role with name {0} already exists.")]
    Role(String),
    /// A managed policy.
    #[error("A policy called {0} already exists. Duplicate names are not allowed.")]
    Policy(String),
    /// An instance profile.
    #[error("Instance Profile {0} already exists.")]
    InstanceProfile(String),
    /// An alias, of any account.
    #[error("The account alias {0} already exists.")]
    AccountAlias(String),
}

/// What must go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeleteConflict {
    /// Managed policies are attached.
    #[error("Cannot delete entity, must detach all policies first.")]
    AttachedPolicies,
    /// There are inline policies.
    #[error("Cannot delete entity, must delete policies first.")]
    InlinePolicies,
    /// The user has access keys.
    #[error("Cannot delete entity, must delete access keys first.")]
    AccessKeys,
    /// The user is in groups, or the group has users.
    #[error("Cannot delete entity, must remove users from group first.")]
    Members,
    /// The role is in instance profiles, or the instance profile has a role.
    #[error("Cannot delete entity, must remove roles from instance profile first.")]
    InstanceProfiles,
    /// The policy is attached, or is a boundary.
    #[error("Cannot delete a policy attached to entities.")]
    PolicyInUse,
    /// The policy has versions besides the default one.
    #[error(
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy."
    )]
    PolicyVersions,
    /// The version is the default one.
    #[error("Cannot delete the default version of a policy.")]
    DefaultVersion,
}

/// Which quota is used up (spec 3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitExceeded {
    /// A number of things.
    #[error("Cannot exceed quota for {name}: {max}")]
    Quota {
        /// AWS's name of the quota.
        name: &'static str,
        /// Its value.
        max: usize,
    },
    /// The inline policies of an entity, together.
    #[error("Maximum policy size of {size_max} bytes exceeded for {kind} {name}")]
    InlinePolicySize {
        /// The quota in characters, whitespace not counted.
        size_max: usize,
        /// `user`, `group` or `role`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The versions of a managed policy.
    #[error(
        "A managed policy can have up to {} versions. Before you create a new version, you must delete an existing version.",
        quotas::VERSIONS_PER_POLICY
    )]
    PolicyVersions,
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInput {
    /// Two keys that differ by case only.
    #[error("Duplicate tag keys found. Please note that Tag keys are case insensitive.")]
    DuplicateTagKeys,
    /// Keys that begin with `aws:`.
    #[error("aws: prefixed tag key names are not allowed for external use.")]
    ReservedTagKey,
    /// An ARN, but not that of a managed policy.
    #[error("ARN {0} is not valid.")]
    Arn(String),
    /// A boundary that is not the ARN of a managed policy.
    #[error("Value ({0}) for parameter PermissionsBoundary is invalid.")]
    PermissionsBoundary(String),
}

impl From<DirectoryError> for EntityError {
    fn from(error: DirectoryError) -> EntityError {
        let cause = Box::new(error);
        match cause.takes_no_writes() {
            Some(text) => EntityError::NoWrites { text, cause },
            None => EntityError::Store(cause),
        }
    }
}

impl From<Finding> for EntityError {
    fn from(finding: Finding) -> EntityError {
        EntityError::MalformedPolicyDocument(finding.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{ControlError, EngineError};

    #[test]
    fn a_store_that_takes_no_writes_is_told_from_one_that_failed() {
        let of = |error| EntityError::from(DirectoryError::Store(ControlError::Engine(error)));
        let cause = "syncing /var/lib/secret".to_owned();
        for (error, says) in [
            (EngineError::NoSpace, "no space left for writes"),
            (EngineError::ReadOnly { cause }, "takes no writes"),
        ] {
            let error = of(error);
            assert!(matches!(error, EntityError::NoWrites { .. }));
            let told = error.to_string();
            assert!(told.contains(says) && !told.contains("secret"), "{told}");
            assert!(std::error::Error::source(&error).is_some());
        }
        let damaged = of(EngineError::corrupt("a row"));
        assert!(matches!(damaged, EntityError::Store(_)));
    }
}
