//! What an action acts on, as a type. Its ARN is what policies are matched against.
use std::fmt;

use crate::{AccountId, BucketName, ObjectKey};

/// Something that policies can name.
pub trait Resource: Clone + fmt::Debug + Send + Sync + 'static {
    /// The ARN that `Resource` elements are matched against; `*` for calls without a resource.
    fn arn(&self) -> String;
    /// Where the facts that a decision needs are to be found.
    fn scope(&self) -> Scope<'_>;
}

/// Where the facts about a resource are.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// No stored thing: the account's own side decides alone.
    Account(AccountId),
    /// A bucket.
    Bucket(&'a BucketName),
    /// A bucket that does not exist yet, made by this account.
    NewBucket(&'a BucketName, AccountId),
    /// An object, perhaps not there.
    Object(&'a Object),
    /// An IAM entity, perhaps not there.
    Entity(&'a IamEntity),
    /// A role as the target of STS: its trust policy decides too.
    Role(&'a Role),
}

/// A call that has no resource of its own: matched against `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountWide(pub AccountId);

impl Resource for AccountWide {
    fn arn(&self) -> String {
        "*".to_owned()
    }
    fn scope(&self) -> Scope<'_> {
        Scope::Account(self.0)
    }
}

/// All buckets of the caller's account: `arn:aws:s3:::*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllBuckets(pub AccountId);

impl Resource for AllBuckets {
    fn arn(&self) -> String {
        "arn:aws:s3:::*".to_owned()
    }
    fn scope(&self) -> Scope<'_> {
        Scope::Account(self.0)
    }
}

/// A bucket; with `new_for`, one that this account is about to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: BucketName,
    /// The account that creates it, for `s3:CreateBucket` only.
    pub new_for: Option<AccountId>,
}

impl Bucket {
    /// A bucket that should exist.
    pub fn existing(name: BucketName) -> Bucket {
        Bucket {
            name,
            new_for: None,
        }
    }
    /// A bucket that `account` wants to create.
    pub fn new_for(name: BucketName, account: AccountId) -> Bucket {
        Bucket {
            name,
            new_for: Some(account),
        }
    }
}

impl Resource for Bucket {
    fn arn(&self) -> String {
        format!("arn:aws:s3:::{}", self.name)
    }
    fn scope(&self) -> Scope<'_> {
        match self.new_for {
            Some(account) => Scope::NewBucket(&self.name, account),
            None => Scope::Bucket(&self.name),
        }
    }
}

/// An object, one of its versions, or a multipart upload to its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// `versionId` as sent; `None` means the current version.
    pub version: Option<String>,
    /// `uploadId` as sent, for calls about an upload.
    pub upload: Option<String>,
}

impl Object {
    /// The current version of a key.
    pub fn current(bucket: BucketName, key: ObjectKey) -> Object {
        Object {
            bucket,
            key,
            version: None,
            upload: None,
        }
    }
}

impl Resource for Object {
    fn arn(&self) -> String {
        format!("arn:aws:s3:::{}/{}", self.bucket, self.key)
    }
    fn scope(&self) -> Scope<'_> {
        Scope::Object(self)
    }
}

/// Kinds of IAM entities, as their ARNs name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntityKind {
    /// `user/`
    User,
    /// `group/`
    Group,
    /// `role/`
    Role,
    /// `policy/`
    Policy,
    /// `instance-profile/`
    InstanceProfile,
}

impl EntityKind {
    /// The word in ARNs.
    pub fn word(self) -> &'static str {
        match self {
            EntityKind::User => "user",
            EntityKind::Group => "group",
            EntityKind::Role => "role",
            EntityKind::Policy => "policy",
            EntityKind::InstanceProfile => "instance-profile",
        }
    }
}

/// An IAM entity by name. The path is known for entities that are being created; for others the
/// directory adds it when the facts are gathered, since requests name entities without path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IamEntity {
    /// The account.
    pub account: AccountId,
    /// The kind.
    pub kind: EntityKind,
    /// The path, `/` or `/…/`, for entities that are being created.
    pub path: Option<String>,
    /// The name.
    pub name: String,
    /// The whole ARN, where the request names it by ARN (policies, also AWS's own).
    pub arn: Option<String>,
}

impl IamEntity {
    /// An entity that should exist.
    pub fn named(account: AccountId, kind: EntityKind, name: &str) -> IamEntity {
        IamEntity {
            account,
            kind,
            path: None,
            name: name.to_owned(),
            arn: None,
        }
    }
    /// An entity that is being created.
    pub fn new(account: AccountId, kind: EntityKind, path: &str, name: &str) -> IamEntity {
        IamEntity {
            path: Some(path.to_owned()),
            ..IamEntity::named(account, kind, name)
        }
    }
    /// The root user of an account.
    pub fn root(account: AccountId) -> IamEntity {
        IamEntity {
            arn: Some(account.root_arn()),
            ..IamEntity::named(account, EntityKind::User, "root")
        }
    }
    /// The user, not yet known, that an access key belongs to: the directory finds out when the
    /// facts are gathered. Until then only `*` matches it.
    pub fn holder_of_access_key(account: AccountId, access_key_id: &str) -> IamEntity {
        IamEntity {
            arn: Some(access_key_id.to_owned()),
            ..IamEntity::named(account, EntityKind::User, access_key_id)
        }
    }
    /// A managed policy by ARN.
    pub fn policy(account: AccountId, arn: &str) -> IamEntity {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        IamEntity {
            arn: Some(arn.to_owned()),
            ..IamEntity::named(account, EntityKind::Policy, name)
        }
    }
}

impl Resource for IamEntity {
    fn arn(&self) -> String {
        match &self.arn {
            Some(arn) => arn.clone(),
            None => format!(
                "arn:aws:iam::{}:{}{}{}",
                self.account,
                self.kind.word(),
                self.path.as_deref().unwrap_or("/"),
                self.name
            ),
        }
    }
    fn scope(&self) -> Scope<'_> {
        Scope::Entity(self)
    }
}

/// A federated user: the session that `sts:GetFederationToken` makes, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederatedUser {
    /// The account of the user that federates.
    pub account: AccountId,
    /// `Name`.
    pub name: String,
}

impl Resource for FederatedUser {
    fn arn(&self) -> String {
        format!("arn:aws:sts::{}:federated-user/{}", self.account, self.name)
    }
    fn scope(&self) -> Scope<'_> {
        Scope::Account(self.account)
    }
}

/// A role of any account, named by ARN, as the target of `sts:AssumeRole`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The ARN as sent.
    pub arn: String,
}

impl Resource for Role {
    fn arn(&self) -> String {
        self.arn.clone()
    }
    fn scope(&self) -> Scope<'_> {
        Scope::Role(self)
    }
}
