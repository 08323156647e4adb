//! Actions as types, so that a permit says what it permits.
//!
//! One list per service. The spelling of each action and what it acts on are checked against
//! AWS's service authorization reference by a test.
use crate::Resource;

/// An action of AWS's service authorization reference.
pub trait Action: Send + Sync + 'static {
    /// What it acts on.
    type Resource: Resource;
    /// Its name, `service:Name`.
    const NAME: &'static str;
}

/// Declares actions: the list is the whole content.
macro_rules! actions {
    ($service:literal: $($name:ident on $resource:ident,)*) => {
        $(
            #[doc = concat!("`", $service, ":", stringify!($name), "`.")]
            #[derive(Debug)]
            pub enum $name {}
            impl $crate::Action for $name {
                type Resource = $crate::$resource;
                const NAME: &'static str = concat!($service, ":", stringify!($name));
            }
        )*
        /// All names of this list.
        pub const NAMES: &[&str] = &[$(concat!($service, ":", stringify!($name))),*];
    };
}

/// Actions of Amazon S3.
pub mod s3 {
    actions! { "s3":
    ListAllMyBuckets on AllBuckets,
    GetAccountPublicAccessBlock on AccountWide,
    PutAccountPublicAccessBlock on AccountWide,
    ListBucket on Bucket,
    ListBucketMultipartUploads on Bucket,
    ListBucketVersions on Bucket,
    GetBucketLocation on Bucket,
    GetBucketPolicy on Bucket,
    PutBucketPolicy on Bucket,
    DeleteBucketPolicy on Bucket,
    GetBucketPolicyStatus on Bucket,
    GetBucketPublicAccessBlock on Bucket,
    PutBucketPublicAccessBlock on Bucket,
    GetBucketOwnershipControls on Bucket,
    PutBucketOwnershipControls on Bucket,
    GetBucketAcl on Bucket,
    PutBucketAcl on Bucket,
    GetLifecycleConfiguration on Bucket,
    PutLifecycleConfiguration on Bucket,
    DeleteBucket on Bucket,
    CreateBucket on Bucket,
    GetEncryptionConfiguration on Bucket,
    PutEncryptionConfiguration on Bucket,
    GetBucketVersioning on Bucket,
    GetBucketRequestPayment on Bucket,
    PutBucketRequestPayment on Bucket,
    GetBucketTagging on Bucket,
    PutBucketTagging on Bucket,
    GetBucketCORS on Bucket,
    PutBucketCORS on Bucket,
    TagResource on Bucket,
    PutBucketObjectLockConfiguration on Bucket,
    PutBucketVersioning on Bucket,
    GetObject on Object,
    GetObjectVersion on Object,
    PutObject on Object,
    DeleteObject on Object,
    DeleteObjectVersion on Object,
    BypassGovernanceRetention on Object,
    GetObjectAcl on Object,
    GetObjectVersionAcl on Object,
    PutObjectAcl on Object,
    PutObjectVersionAcl on Object,
    GetObjectTagging on Object,
    GetObjectVersionTagging on Object,
    PutObjectTagging on Object,
    PutObjectVersionTagging on Object,
    DeleteObjectTagging on Object,
    DeleteObjectVersionTagging on Object,
    AbortMultipartUpload on Object,
    ListMultipartUploadParts on Object,
    GetObjectAttributes on Object,
    GetObjectVersionAttributes on Object,
    }
}

/// Actions of AWS IAM.
pub mod iam {
    actions! { "iam":
    CreateUser on IamEntity,
    GetUser on IamEntity,
    ListUsers on AccountWide,
    UpdateUser on IamEntity,
    DeleteUser on IamEntity,
    TagUser on IamEntity,
    UntagUser on IamEntity,
    ListUserTags on IamEntity,
    CreateAccessKey on IamEntity,
    ListAccessKeys on IamEntity,
    UpdateAccessKey on IamEntity,
    DeleteAccessKey on IamEntity,
    GetAccessKeyLastUsed on IamEntity,
    CreateGroup on IamEntity,
    GetGroup on IamEntity,
    ListGroups on AccountWide,
    UpdateGroup on IamEntity,
    DeleteGroup on IamEntity,
    AddUserToGroup on IamEntity,
    RemoveUserFromGroup on IamEntity,
    ListGroupsForUser on IamEntity,
    CreateRole on IamEntity,
    GetRole on IamEntity,
    ListRoles on AccountWide,
    UpdateRole on IamEntity,
    UpdateRoleDescription on IamEntity,
    UpdateAssumeRolePolicy on IamEntity,
    DeleteRole on IamEntity,
    TagRole on IamEntity,
    UntagRole on IamEntity,
    ListRoleTags on IamEntity,
    PassRole on IamEntity,
    PutUserPolicy on IamEntity,
    GetUserPolicy on IamEntity,
    DeleteUserPolicy on IamEntity,
    ListUserPolicies on IamEntity,
    PutGroupPolicy on IamEntity,
    GetGroupPolicy on IamEntity,
    DeleteGroupPolicy on IamEntity,
    ListGroupPolicies on IamEntity,
    PutRolePolicy on IamEntity,
    GetRolePolicy on IamEntity,
    DeleteRolePolicy on IamEntity,
    ListRolePolicies on IamEntity,
    CreatePolicy on IamEntity,
    GetPolicy on IamEntity,
    ListPolicies on AccountWide,
    DeletePolicy on IamEntity,
    CreatePolicyVersion on IamEntity,
    GetPolicyVersion on IamEntity,
    ListPolicyVersions on IamEntity,
    SetDefaultPolicyVersion on IamEntity,
    DeletePolicyVersion on IamEntity,
    TagPolicy on IamEntity,
    UntagPolicy on IamEntity,
    ListPolicyTags on IamEntity,
    ListEntitiesForPolicy on IamEntity,
    AttachUserPolicy on IamEntity,
    DetachUserPolicy on IamEntity,
    ListAttachedUserPolicies on IamEntity,
    AttachGroupPolicy on IamEntity,
    DetachGroupPolicy on IamEntity,
    ListAttachedGroupPolicies on IamEntity,
    AttachRolePolicy on IamEntity,
    DetachRolePolicy on IamEntity,
    ListAttachedRolePolicies on IamEntity,
    PutUserPermissionsBoundary on IamEntity,
    DeleteUserPermissionsBoundary on IamEntity,
    PutRolePermissionsBoundary on IamEntity,
    DeleteRolePermissionsBoundary on IamEntity,
    CreateInstanceProfile on IamEntity,
    GetInstanceProfile on IamEntity,
    ListInstanceProfiles on AccountWide,
    DeleteInstanceProfile on IamEntity,
    AddRoleToInstanceProfile on IamEntity,
    RemoveRoleFromInstanceProfile on IamEntity,
    ListInstanceProfilesForRole on IamEntity,
    TagInstanceProfile on IamEntity,
    UntagInstanceProfile on IamEntity,
    ListInstanceProfileTags on IamEntity,
    CreateAccountAlias on AccountWide,
    ListAccountAliases on AccountWide,
    DeleteAccountAlias on AccountWide,
    GetAccountSummary on AccountWide,
    GetAccountAuthorizationDetails on AccountWide,
    SimulateCustomPolicy on AccountWide,
    SimulatePrincipalPolicy on IamEntity,
    GetContextKeysForCustomPolicy on AccountWide,
    GetContextKeysForPrincipalPolicy on IamEntity,
    }
}

/// Actions of AWS STS.
pub mod sts {
    actions! { "sts":
    AssumeRole on Role,
    DecodeAuthorizationMessage on AccountWide,
    TagSession on Role,
    SetSourceIdentity on Role,
    GetCallerIdentity on AccountWide,
    GetSessionToken on AccountWide,
    GetAccessKeyInfo on AccountWide,
    GetFederationToken on FederatedUser,
    }

    /// `sts:TagSession` where the session is that of a federated user: the action has one name and
    /// two kinds of resources.
    #[derive(Debug)]
    pub enum TagFederatedUser {}
    impl crate::Action for TagFederatedUser {
        type Resource = crate::FederatedUser;
        const NAME: &'static str = "sts:TagSession";
    }
}

/// All actions that have a type, by service: what a compiled policy knows by number.
pub const NAMES: &[&[&str]] = &[s3::NAMES, iam::NAMES, sts::NAMES];
