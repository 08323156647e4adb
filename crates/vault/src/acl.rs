//! Access control lists: what a request says of one, what is stored, what is shown (spec S-6, S-7).
//!
//! ```
//! use vault::acl::{Acl, AclHeaders, AclOn};
//!
//! let headers = AclHeaders::read(|name| (name == "x-amz-acl").then_some("public-read"));
//! let acl = headers.parse(AclOn::Object)?;
//! assert!(acl.is_public());
//! # Ok::<(), vault::acl::AclError>(())
//! ```
use catalog::{AccountId, Action, CanonicalUserId};
use gate::{Ask, BucketFacts, FactsError, PrincipalDirectory};
use policy::{Caller, Grant, Grantee, ObjectOwnership, Permission};
use serde::{Deserialize, Serialize};

/// `http://acs.amazonaws.com/groups/global/AllUsers`
pub const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
/// `http://acs.amazonaws.com/groups/global/AuthenticatedUsers`
pub const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
/// `http://acs.amazonaws.com/groups/s3/LogDelivery`
pub const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";
/// The canonical id of `aws-exec-read`.
const EC2: &str = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c";
/// The owner of what anonymous callers upload: not 64 digits (spec S-6).
pub const ANONYMOUS: &str = "65a011a29cdf8ec533ec3d1ccaae921c";
/// The most grants that an ACL holds.
pub const GRANTS_MAX: usize = 100;

/// A request's ACL cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AclError {
    /// `x-amz-acl` is none of the canned ACLs. AWS has no text for it.
    #[error("")]
    UnknownCanned {
        /// As sent.
        value: String,
    },
    /// A group that S3 does not know.
    #[error("Invalid group uri")]
    InvalidGroup {
        /// `uri` or `Group/URI`.
        argument: &'static str,
        /// As sent.
        value: String,
    },
    /// No account has this canonical user id.
    #[error("Invalid id")]
    InvalidId {
        /// `id` or `CanonicalUser/ID`.
        argument: &'static str,
        /// As sent.
        value: String,
    },
    /// A grant header is not a list of `key="value"`.
    #[error("Argument format not recognized")]
    HeaderFormat {
        /// The header.
        header: &'static str,
        /// As sent.
        value: String,
    },
    /// E-mail grantees are refused since October 2025.
    #[error("The specified method is not allowed against this resource.")]
    EmailGrantee,
    /// Both `x-amz-acl` and `x-amz-grant-…`.
    #[error("Specifying both Canned ACLs and Header Grants is not allowed")]
    CannedAndGrants,
    /// A body beside ACL headers.
    #[error("This request does not support content")]
    HeadersAndBody,
    /// Neither headers nor a body.
    #[error("Your request was missing a required header")]
    Missing,
    /// The body is no ACL, or has more than [`GRANTS_MAX`] grants.
    #[error(
        "The XML you provided was not well-formed or did not validate against our published schema"
    )]
    Malformed,
    /// The body names another owner than the real one.
    #[error("Access Denied")]
    OtherOwner,
    /// The bucket's ownership setting switches ACLs off.
    #[error("The bucket does not allow ACLs")]
    NotSupported,
    /// Accounts could not be looked up.
    #[error(transparent)]
    Facts(#[from] FactsError),
}

/// What an ACL is put on: the canned ACLs differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclOn {
    /// A bucket.
    Bucket,
    /// An object.
    Object,
}

/// The canned ACLs (spec S-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannedAcl {
    /// `private`
    Private,
    /// `public-read`
    PublicRead,
    /// `public-read-write`
    PublicReadWrite,
    /// `authenticated-read`
    AuthenticatedRead,
    /// `aws-exec-read`
    AwsExecRead,
    /// `bucket-owner-read`; without effect on buckets.
    BucketOwnerRead,
    /// `bucket-owner-full-control`; without effect on buckets.
    BucketOwnerFullControl,
    /// `log-delivery-write`, for buckets only.
    LogDeliveryWrite,
}

impl CannedAcl {
    fn parse(text: &str, on: AclOn) -> Option<CannedAcl> {
        match text {
            "private" => Some(CannedAcl::Private),
            "public-read" => Some(CannedAcl::PublicRead),
            "public-read-write" => Some(CannedAcl::PublicReadWrite),
            "authenticated-read" => Some(CannedAcl::AuthenticatedRead),
            "aws-exec-read" => Some(CannedAcl::AwsExecRead),
            "bucket-owner-read" => Some(CannedAcl::BucketOwnerRead),
            "bucket-owner-full-control" => Some(CannedAcl::BucketOwnerFullControl),
            "log-delivery-write" if on == AclOn::Bucket => Some(CannedAcl::LogDeliveryWrite),
            _ => None,
        }
    }

    /// The grants it stands for, the owner's first.
    fn grants(self, owner: &str, bucket_owner: &str) -> Vec<Grant> {
        let to = |grantee, permission| Grant {
            grantee,
            permission,
        };
        let bucket_owner_too = |permission| {
            let grantee = Grantee::CanonicalUser(bucket_owner.to_owned());
            // An owner needs no second grant.
            (owner != bucket_owner).then(|| to(grantee, permission))
        };
        let mut grants = vec![full_control(owner)];
        match self {
            CannedAcl::Private => {}
            CannedAcl::PublicRead => grants.push(to(Grantee::AllUsers, Permission::Read)),
            CannedAcl::PublicReadWrite => grants.extend([
                to(Grantee::AllUsers, Permission::Read),
                to(Grantee::AllUsers, Permission::Write),
            ]),
            CannedAcl::AuthenticatedRead => {
                grants.push(to(Grantee::AuthenticatedUsers, Permission::Read));
            }
            CannedAcl::AwsExecRead => {
                grants.push(to(Grantee::CanonicalUser(EC2.to_owned()), Permission::Read));
            }
            CannedAcl::BucketOwnerRead => grants.extend(bucket_owner_too(Permission::Read)),
            CannedAcl::BucketOwnerFullControl => {
                grants.extend(bucket_owner_too(Permission::FullControl));
            }
            CannedAcl::LogDeliveryWrite => grants.extend([
                to(Grantee::LogDelivery, Permission::Write),
                to(Grantee::LogDelivery, Permission::ReadAcp),
            ]),
        }
        grants
    }
}

/// What a request says of an ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acl {
    /// Nothing.
    Unsaid,
    /// A canned ACL.
    Canned(CannedAcl),
    /// These grants and no others.
    Grants(Vec<Grant>),
}

impl Acl {
    /// Whether it grants anything to everyone, or to every AWS account (spec S-9).
    pub fn is_public(&self) -> bool {
        match self {
            Acl::Unsaid => false,
            Acl::Canned(canned) => match canned {
                CannedAcl::PublicRead
                | CannedAcl::PublicReadWrite
                | CannedAcl::AuthenticatedRead => true,
                CannedAcl::Private
                | CannedAcl::AwsExecRead
                | CannedAcl::BucketOwnerRead
                | CannedAcl::BucketOwnerFullControl
                | CannedAcl::LogDeliveryWrite => false,
            },
            Acl::Grants(grants) => grants.iter().any(is_to_the_public),
        }
    }

    /// The grants to store, for an owner and the owner of the bucket, by canonical user id. Nothing
    /// said means `private`.
    pub fn grants(&self, owner: &str, bucket_owner: &str) -> Vec<Grant> {
        match self {
            Acl::Unsaid => vec![full_control(owner)],
            Acl::Canned(canned) => canned.grants(owner, bucket_owner),
            Acl::Grants(grants) => grants.clone(),
        }
    }

    /// Refuses grants to accounts that do not exist. Only now, since it asks the directory.
    ///
    /// # Errors
    /// [`AclError::InvalidId`], [`AclError::Facts`].
    pub async fn check_accounts(
        &self,
        principals: &dyn PrincipalDirectory,
        argument: &'static str,
    ) -> Result<(), AclError> {
        let Acl::Grants(grants) = self else {
            return Ok(());
        };
        for grant in grants {
            let Grantee::CanonicalUser(text) = &grant.grantee else {
                continue;
            };
            let known = match CanonicalUserId::parse(text) {
                Ok(_) if text == EC2 => true,
                Ok(id) => principals.account_of_canonical_id(&id).await?.is_some(),
                Err(_) => false,
            };
            if !known {
                return Err(AclError::InvalidId {
                    argument,
                    value: text.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Whether the grantee is everyone, or every AWS account.
fn is_to_the_public(grant: &Grant) -> bool {
    match grant.grantee {
        Grantee::AllUsers | Grantee::AuthenticatedUsers => true,
        Grantee::CanonicalUser(_) | Grantee::LogDelivery => false,
    }
}

/// The ACL headers of a request, as sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AclHeaders {
    /// `x-amz-acl`
    pub canned: Option<String>,
    /// The grant headers that were sent, with their text.
    grants: Vec<(&'static str, String)>,
}

/// The grant headers, each with its permission.
const GRANT_HEADERS: [(&str, Permission); 5] = [
    ("x-amz-grant-full-control", Permission::FullControl),
    ("x-amz-grant-read", Permission::Read),
    ("x-amz-grant-read-acp", Permission::ReadAcp),
    ("x-amz-grant-write", Permission::Write),
    ("x-amz-grant-write-acp", Permission::WriteAcp),
];

/// `ArgumentName` of a canonical user id in a header.
pub const HEADER_ID: &str = "id";
/// `ArgumentName` of a canonical user id in a body.
pub const BODY_ID: &str = "CanonicalUser/ID";

impl AclHeaders {
    /// Takes the ACL headers of a request, by lower-case name.
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> AclHeaders {
        AclHeaders {
            canned: header("x-amz-acl").map(str::to_owned),
            grants: GRANT_HEADERS
                .iter()
                .filter_map(|(name, _)| Some((*name, header(name)?.to_owned())))
                .collect(),
        }
    }

    /// Whether the request has none of them.
    pub fn is_empty(&self) -> bool {
        self.canned.is_none() && self.grants.is_empty()
    }

    /// Adds the condition keys `s3:x-amz-acl` and `s3:x-amz-grant-…` (spec S-4).
    pub fn onto<A: Action>(&self, ask: Ask<A>) -> Ask<A> {
        let ask = ask.with_some("s3:x-amz-acl", self.canned.as_deref());
        self.grants.iter().fold(ask, |ask, (name, text)| {
            ask.with(&format!("s3:{name}"), text.as_str())
        })
    }

    /// Reads them. Whether the accounts exist is [`Acl::check_accounts`].
    ///
    /// # Errors
    /// Those of the form.
    pub fn parse(&self, on: AclOn) -> Result<Acl, AclError> {
        match &self.canned {
            Some(_) if !self.grants.is_empty() => Err(AclError::CannedAndGrants),
            Some(text) => match CannedAcl::parse(text, on) {
                Some(canned) => Ok(Acl::Canned(canned)),
                None => Err(AclError::UnknownCanned {
                    value: text.clone(),
                }),
            },
            None if self.grants.is_empty() => Ok(Acl::Unsaid),
            None => self.parse_grants().map(Acl::Grants),
        }
    }

    fn parse_grants(&self) -> Result<Vec<Grant>, AclError> {
        let mut grants = Vec::new();
        for (header, permission) in GRANT_HEADERS {
            let Some((_, text)) = self.grants.iter().find(|(name, _)| *name == header) else {
                continue;
            };
            for entry in text.split(',') {
                let wrong_form = || AclError::HeaderFormat {
                    header,
                    value: text.clone(),
                };
                let (key, value) = entry.trim().split_once('=').ok_or_else(wrong_form)?;
                let value = value.trim();
                let value = value
                    .strip_prefix('"')
                    .and_then(|value| value.strip_suffix('"'))
                    .unwrap_or(value);
                let grantee = match key.trim() {
                    "id" => canonical_user(value, HEADER_ID)?,
                    "uri" => group(value, "uri")?,
                    "emailAddress" => return Err(AclError::EmailGrantee),
                    _ => return Err(wrong_form()),
                };
                grants.push(Grant {
                    grantee,
                    permission,
                });
            }
        }
        limited(grants)
    }
}

fn limited(grants: Vec<Grant>) -> Result<Vec<Grant>, AclError> {
    if grants.len() > GRANTS_MAX {
        Err(AclError::Malformed)
    } else {
        Ok(grants)
    }
}

fn canonical_user(id: &str, argument: &'static str) -> Result<Grantee, AclError> {
    match CanonicalUserId::parse(id) {
        Ok(_) => Ok(Grantee::CanonicalUser(id.to_owned())),
        Err(_) => Err(AclError::InvalidId {
            argument,
            value: id.to_owned(),
        }),
    }
}

fn group(uri: &str, argument: &'static str) -> Result<Grantee, AclError> {
    match uri {
        ALL_USERS => Ok(Grantee::AllUsers),
        AUTHENTICATED_USERS => Ok(Grantee::AuthenticatedUsers),
        LOG_DELIVERY => Ok(Grantee::LogDelivery),
        _ => Err(AclError::InvalidGroup {
            argument,
            value: uri.to_owned(),
        }),
    }
}

/// `AccessControlPolicy`, the XML form of an ACL, with the model's member names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AccessControlPolicy {
    /// The owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The grants.
    #[serde(default)]
    pub grants: Option<Vec<GrantElement>>,
}

/// `Owner`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Owner {
    /// Sent by old clients; not looked at, not shown.
    #[serde(default, skip_serializing)]
    pub display_name: Option<String>,
    /// The canonical user id.
    #[serde(default, rename = "ID", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// `Grant`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GrantElement {
    /// To whom.
    #[serde(default)]
    pub grantee: Option<GranteeElement>,
    /// What.
    #[serde(default)]
    pub permission: Option<String>,
}

/// `Grantee`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GranteeElement {
    /// `xsi:type`
    #[serde(default, rename = "Type")]
    pub kind: Option<String>,
    /// Sent by old clients; not looked at, not shown.
    #[serde(default, skip_serializing)]
    pub display_name: Option<String>,
    /// Of `AmazonCustomerByEmail`.
    #[serde(default, skip_serializing)]
    pub email_address: Option<String>,
    /// Of `CanonicalUser`.
    #[serde(default, rename = "ID", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Of `Group`.
    #[serde(default, rename = "URI", skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
}

impl AccessControlPolicy {
    /// Reads a body whose owner must be the real owner.
    ///
    /// # Errors
    /// Those of bodies.
    pub fn parse(&self, real_owner: &str) -> Result<Acl, AclError> {
        let owner = self.owner.as_ref().and_then(|owner| owner.id.as_deref());
        let grants = self.grants.iter().flatten();
        let grants = grants
            .map(GrantElement::parse)
            .collect::<Result<Vec<_>, _>>()?;
        match owner {
            None => Err(AclError::Malformed),
            Some(owner) if owner != real_owner => Err(AclError::OtherOwner),
            Some(_) => Ok(Acl::Grants(limited(grants)?)),
        }
    }

    /// Whether it grants anything to everyone, for the question that is asked before the body is
    /// judged.
    pub fn is_public(&self) -> bool {
        let mut grants = self.grants.iter().flatten();
        grants.any(|grant| {
            let uri = grant.grantee.as_ref().and_then(|to| to.uri.as_deref());
            matches!(uri, Some(ALL_USERS | AUTHENTICATED_USERS))
        })
    }

    /// Shows an ACL.
    pub fn show(owner: &str, grants: &[Grant]) -> AccessControlPolicy {
        AccessControlPolicy {
            owner: Some(Owner {
                display_name: None,
                id: Some(owner.to_owned()),
            }),
            grants: Some(grants.iter().map(GrantElement::show).collect()),
        }
    }
}

impl GrantElement {
    fn parse(&self) -> Result<Grant, AclError> {
        let to = self.grantee.as_ref().ok_or(AclError::Malformed)?;
        let grantee = match (to.kind.as_deref(), &to.id, &to.uri) {
            (Some("AmazonCustomerByEmail"), _, _) => return Err(AclError::EmailGrantee),
            (Some("CanonicalUser"), Some(id), None) => canonical_user(id, BODY_ID)?,
            (Some("Group"), None, Some(uri)) => group(uri, "Group/URI")?,
            _ => return Err(AclError::Malformed),
        };
        let permission = match self.permission.as_deref() {
            Some("READ") => Permission::Read,
            Some("WRITE") => Permission::Write,
            Some("READ_ACP") => Permission::ReadAcp,
            Some("WRITE_ACP") => Permission::WriteAcp,
            Some("FULL_CONTROL") => Permission::FullControl,
            Some(_) | None => return Err(AclError::Malformed),
        };
        Ok(Grant {
            grantee,
            permission,
        })
    }

    fn show(grant: &Grant) -> GrantElement {
        let group = |uri: &str| GranteeElement {
            kind: Some("Group".to_owned()),
            uri: Some(uri.to_owned()),
            ..GranteeElement::default()
        };
        let permission = match grant.permission {
            Permission::Read => "READ",
            Permission::Write => "WRITE",
            Permission::ReadAcp => "READ_ACP",
            Permission::WriteAcp => "WRITE_ACP",
            Permission::FullControl => "FULL_CONTROL",
        };
        GrantElement {
            grantee: Some(match &grant.grantee {
                Grantee::CanonicalUser(id) => GranteeElement {
                    kind: Some("CanonicalUser".to_owned()),
                    id: Some(id.clone()),
                    ..GranteeElement::default()
                },
                Grantee::AllUsers => group(ALL_USERS),
                Grantee::AuthenticatedUsers => group(AUTHENTICATED_USERS),
                Grantee::LogDelivery => group(LOG_DELIVERY),
            }),
            permission: Some(permission.to_owned()),
        }
    }
}

/// The ACL that a read shows: owner only where ACLs are off (spec S-7), without grants to the
/// public where those are ignored (spec S-9).
pub fn visible(
    ownership: ObjectOwnership,
    ignore_public_acls: bool,
    owner: &str,
    grants: &[Grant],
) -> Vec<Grant> {
    match ownership {
        ObjectOwnership::BucketOwnerEnforced => vec![full_control(owner)],
        ObjectOwnership::BucketOwnerPreferred | ObjectOwnership::ObjectWriter => grants
            .iter()
            .filter(|grant| !(ignore_public_acls && is_to_the_public(grant)))
            .cloned()
            .collect(),
    }
}

/// Who owns an upload, and its ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadAcl {
    /// The account that owns the object; `None` for anonymous uploaders.
    pub owner: Option<AccountId>,
    /// The owner's canonical user id; [`ANONYMOUS`] for anonymous uploaders.
    pub owner_canonical_id: String,
    /// The grants to store.
    pub grants: Vec<Grant>,
}

/// Who will own what `uploader` puts into the bucket with these ACL headers (spec S-7). For
/// PutObject, CopyObject and CreateMultipartUpload alike.
///
/// # Errors
/// [`AclError::NotSupported`] when ACLs are off and the headers say more than "the bucket owner
/// alone". Whether grantees exist is [`Acl::check_accounts`].
pub fn for_upload(
    acl: &Acl,
    bucket: &BucketFacts,
    uploader: &Caller,
) -> Result<UploadAcl, AclError> {
    let bucket_owner = bucket.owner_canonical_id.as_str();
    let owned_by_bucket_owner = |grants| UploadAcl {
        owner: Some(bucket.owner),
        owner_canonical_id: bucket_owner.to_owned(),
        grants,
    };
    let full = acl == &Acl::Canned(CannedAcl::BucketOwnerFullControl);
    match bucket.ownership {
        ObjectOwnership::BucketOwnerEnforced => {
            let harmless = match acl {
                Acl::Unsaid => true,
                Acl::Canned(canned) => matches!(
                    canned,
                    CannedAcl::Private
                        | CannedAcl::BucketOwnerRead
                        | CannedAcl::BucketOwnerFullControl
                ),
                Acl::Grants(grants) => grants == &[full_control(bucket_owner)],
            };
            if harmless {
                Ok(owned_by_bucket_owner(vec![full_control(bucket_owner)]))
            } else {
                Err(AclError::NotSupported)
            }
        }
        ObjectOwnership::BucketOwnerPreferred if full => {
            Ok(owned_by_bucket_owner(vec![full_control(bucket_owner)]))
        }
        ObjectOwnership::BucketOwnerPreferred | ObjectOwnership::ObjectWriter => {
            let uploader_id = match &uploader.canonical_id {
                Some(id) => id.as_str(),
                None => ANONYMOUS,
            };
            Ok(UploadAcl {
                owner: uploader.account,
                owner_canonical_id: uploader_id.to_owned(),
                grants: acl.grants(uploader_id, bucket_owner),
            })
        }
    }
}

/// A grant in the form that is stored: the grantee is a canonical user id or a group's URI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredGrant {
    grantee: String,
    permission: StoredPermission,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StoredPermission {
    Read,
    Write,
    ReadAcp,
    WriteAcp,
    FullControl,
}

impl StoredGrant {
    /// Whether the grantee is the account with that canonical user id.
    pub(crate) fn is_to(&self, canonical_id: &str) -> bool {
        self.grantee == canonical_id
    }

    /// The grant as decisions look at it.
    pub fn grant(&self) -> Grant {
        Grant {
            grantee: match self.grantee.as_str() {
                ALL_USERS => Grantee::AllUsers,
                AUTHENTICATED_USERS => Grantee::AuthenticatedUsers,
                LOG_DELIVERY => Grantee::LogDelivery,
                id => Grantee::CanonicalUser(id.to_owned()),
            },
            permission: match self.permission {
                StoredPermission::Read => Permission::Read,
                StoredPermission::Write => Permission::Write,
                StoredPermission::ReadAcp => Permission::ReadAcp,
                StoredPermission::WriteAcp => Permission::WriteAcp,
                StoredPermission::FullControl => Permission::FullControl,
            },
        }
    }
}

impl From<&Grant> for StoredGrant {
    fn from(grant: &Grant) -> StoredGrant {
        StoredGrant {
            grantee: match &grant.grantee {
                Grantee::CanonicalUser(id) => id.clone(),
                Grantee::AllUsers => ALL_USERS.to_owned(),
                Grantee::AuthenticatedUsers => AUTHENTICATED_USERS.to_owned(),
                Grantee::LogDelivery => LOG_DELIVERY.to_owned(),
            },
            permission: match grant.permission {
                Permission::Read => StoredPermission::Read,
                Permission::Write => StoredPermission::Write,
                Permission::ReadAcp => StoredPermission::ReadAcp,
                Permission::WriteAcp => StoredPermission::WriteAcp,
                Permission::FullControl => StoredPermission::FullControl,
            },
        }
    }
}

/// `FULL_CONTROL` for a canonical user id.
pub fn full_control(canonical_id: &str) -> Grant {
    Grant {
        grantee: Grantee::CanonicalUser(canonical_id.to_owned()),
        permission: Permission::FullControl,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::BlockPublicAccess;

    const OWNER: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const OTHER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn headers(sent: &[(&str, &str)]) -> AclHeaders {
        AclHeaders::read(|name| {
            sent.iter()
                .find(|(found, _)| *found == name)
                .map(|(_, value)| *value)
        })
    }

    fn bucket(ownership: ObjectOwnership) -> BucketFacts {
        BucketFacts {
            id: String::new(),
            name: catalog::BucketName::parse("logs").unwrap(),
            owner: AccountId::parse("111111111111").unwrap(),
            owner_canonical_id: CanonicalUserId::parse(OWNER).unwrap(),
            policy: None,
            ownership,
            acl: Vec::new(),
            block_public_access: BlockPublicAccess::default(),
            requester_pays: false,
        }
    }

    fn other() -> Caller {
        Caller {
            account: Some(AccountId::parse("222222222222").unwrap()),
            canonical_id: Some(CanonicalUserId::parse(OTHER).unwrap()),
            ..Caller::anonymous()
        }
    }

    #[test]
    fn headers_that_make_no_sense_are_told_apart() {
        let check = |sent: &[(&str, &str)], wanted: &str| {
            let error = headers(sent).parse(AclOn::Bucket).unwrap_err();
            let shown = format!("{error:?}");
            assert!(shown.starts_with(wanted), "{shown}");
        };
        check(&[("x-amz-acl", "fake")], "UnknownCanned");
        check(&[("x-amz-grant-write", "fakekey=\"1\"")], "HeaderFormat");
        check(&[("x-amz-grant-write", "nothing")], "HeaderFormat");
        check(&[("x-amz-grant-write", "uri=\"http://x\"")], "InvalidGroup");
        check(&[("x-amz-grant-write", "id=\"wrong-id\"")], "InvalidId");
        check(
            &[("x-amz-grant-read", "emailAddress=\"a@b.c\"")],
            "EmailGrantee",
        );
        check(
            &[("x-amz-acl", "private"), ("x-amz-grant-read", "uri=\"x\"")],
            "CannedAndGrants",
        );
        assert!(
            headers(&[("x-amz-acl", "log-delivery-write")])
                .parse(AclOn::Object)
                .is_err()
        );
    }

    #[test]
    fn grant_headers_may_list_several_grantees() {
        let text = format!("id=\"{OTHER}\", uri={ALL_USERS}");
        let acl = headers(&[("x-amz-grant-read", &text)])
            .parse(AclOn::Object)
            .unwrap();
        assert!(acl.is_public());
        assert_eq!(acl.grants(OWNER, OWNER).len(), 2);
    }

    #[test]
    fn who_owns_an_upload_follows_the_ownership_setting() {
        use ObjectOwnership::{BucketOwnerEnforced, BucketOwnerPreferred, ObjectWriter};
        let full = Acl::Canned(CannedAcl::BucketOwnerFullControl);
        let public = Acl::Canned(CannedAcl::PublicRead);
        let owner = |ownership, acl: &Acl| {
            for_upload(acl, &bucket(ownership), &other())
                .map(|upload| (upload.owner_canonical_id, upload.grants.len()))
        };
        let is = |id: &str, grants| Ok::<_, ()>((id.to_owned(), grants));
        assert_eq!(
            owner(BucketOwnerEnforced, &Acl::Unsaid).map_err(drop),
            is(OWNER, 1)
        );
        assert_eq!(
            owner(BucketOwnerEnforced, &full).map_err(drop),
            is(OWNER, 1)
        );
        assert!(matches!(
            owner(BucketOwnerEnforced, &public),
            Err(AclError::NotSupported)
        ));
        assert_eq!(
            owner(BucketOwnerPreferred, &full).map_err(drop),
            is(OWNER, 1)
        );
        assert_eq!(
            owner(BucketOwnerPreferred, &public).map_err(drop),
            is(OTHER, 2)
        );
        assert_eq!(
            owner(ObjectWriter, &Acl::Unsaid).map_err(drop),
            is(OTHER, 1)
        );
        assert_eq!(owner(ObjectWriter, &full).map_err(drop), is(OTHER, 2));
        let anonymous =
            for_upload(&Acl::Unsaid, &bucket(ObjectWriter), &Caller::anonymous()).unwrap();
        assert_eq!(anonymous.owner_canonical_id, ANONYMOUS);
        assert_eq!(anonymous.owner, None);
    }

    #[test]
    fn reads_show_what_counts() {
        let stored = CannedAcl::PublicRead.grants(OTHER, OWNER);
        assert_eq!(
            visible(ObjectOwnership::BucketOwnerEnforced, false, OWNER, &stored),
            [full_control(OWNER)]
        );
        assert_eq!(
            visible(ObjectOwnership::ObjectWriter, true, OTHER, &stored),
            [full_control(OTHER)]
        );
        assert_eq!(
            visible(ObjectOwnership::ObjectWriter, false, OTHER, &stored),
            stored
        );
    }

    #[test]
    fn a_body_needs_the_real_owner_and_known_permissions() {
        let shown = AccessControlPolicy::show(OWNER, &CannedAcl::PublicRead.grants(OWNER, OWNER));
        assert!(shown.is_public());
        assert!(shown.parse(OWNER).unwrap().is_public());
        assert!(matches!(shown.parse(OTHER), Err(AclError::OtherOwner)));
        let mut nobodys = shown.clone();
        nobodys.owner = None;
        assert!(matches!(nobodys.parse(OWNER), Err(AclError::Malformed)));
    }

    #[test]
    fn stored_grants_come_back() {
        for canned in ["public-read-write", "aws-exec-read", "log-delivery-write"] {
            let canned = CannedAcl::parse(canned, AclOn::Bucket).unwrap();
            for grant in canned.grants(OWNER, OTHER) {
                assert_eq!(StoredGrant::from(&grant).grant(), grant);
            }
        }
    }
}
