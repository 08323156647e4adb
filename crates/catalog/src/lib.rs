//! Names of the AWS world: accounts, ARNs, buckets, keys, actions.
//!
//! A value of these types is valid because it exists: parsing is the only way in, so nothing
//! inside checks a name again. The crate knows nothing of policies, stores or HTTP.
//!
//! ```
//! use catalog::{AccountId, BucketName};
//! let jenny = AccountId::parse("8675309")?;
//! assert_eq!(jenny.to_string(), "000008675309");
//! assert!(BucketName::parse("my.test.bucket").is_ok());
//! assert!(BucketName::parse("No_Capitals").is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
pub mod action;
mod bucket;
pub mod resource;

pub use account::{AccountId, CanonicalUserId, InvalidAccountId, InvalidCanonicalUserId};
pub use action::Action;
pub use action::{iam, s3, sts};
pub use bucket::{BucketName, InvalidBucketName, InvalidObjectKey, ObjectKey};
pub use resource::{
    AccountWide, AllBuckets, Bucket, EntityKind, FederatedUser, IamEntity, Object, Resource, Role,
    Scope,
};
