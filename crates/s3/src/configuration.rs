//! What requests about a bucket and its configurations have in common.
use catalog::{AccountId, AccountWide, Action, Bucket, BucketName};
use gate::{Ask, Identity, PrincipalDirectory};
use policy::BlockPublicAccess;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vault::acl::{AccessControlPolicy, Acl, AclError, AclHeaders, AclOn, BODY_ID, HEADER_ID};
use wire::Service;

use crate::{Request, S3Error};

/// Most configuration calls refuse anonymous callers (spec: sigv4 section 11).
pub(crate) const SIGN_IN: &str = "Anonymous users cannot invoke this API. Please authenticate.";

/// The bucket of a request, and the owner that the caller expects it to have.
#[derive(Clone, Debug)]
pub struct BucketInput {
    /// The bucket.
    pub bucket: BucketName,
    /// `x-amz-expected-bucket-owner`
    pub expected_owner: Option<AccountId>,
}

impl BucketInput {
    /// Reads both.
    ///
    /// # Errors
    /// `InvalidBucketName`, `InvalidBucketOwnerAWSAccountID`.
    pub fn read(request: &Request) -> Result<BucketInput, S3Error> {
        Ok(BucketInput {
            bucket: request.bucket()?,
            expected_owner: request.expected_owner()?,
        })
    }

    /// Asks for an action on the bucket.
    pub fn ask<A: Action<Resource = Bucket>>(&self) -> Ask<A> {
        Ask::on(Bucket::existing(self.bucket.clone())).expecting_owner(self.expected_owner)
    }

    /// The same of signed callers only.
    pub fn ask_signed<A: Action<Resource = Bucket>>(&self) -> Ask<A> {
        self.ask().refusing_anonymous(SIGN_IN)
    }
}

/// The account of a call to S3 Control.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountInput {
    /// `x-amz-account-id`, or the account in the host.
    #[serde(rename = "AccountId")]
    pub account: AccountId,
}

impl AccountInput {
    /// Takes it off the input, which must hold nothing else.
    ///
    /// # Errors
    /// `InvalidRequest`, `NotImplemented`.
    pub fn take(request: &mut Request) -> Result<AccountInput, S3Error> {
        let input = request
            .take()
            .map_err(|_| S3Error::invalid_request("invalid x-amz-account-id"))?;
        request.nothing_left()?;
        Ok(input)
    }

    /// Asks for an action on the account, which must be the caller's own.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub fn ask<A: Action<Resource = AccountWide>>(
        &self,
        who: &Identity,
    ) -> Result<Ask<A>, S3Error> {
        match who.caller.account {
            Some(own) if own == self.account => Ok(Ask::on(AccountWide(own))),
            Some(_) => Err(S3Error::access_denied("Access Denied")),
            None => Err(S3Error::access_denied(SIGN_IN)),
        }
    }
}

/// The name by which [`crate::dispatch`] knows an operation. S3 Control shares some names with S3,
/// and no operation may be taken for another: those that are built go by the names that AWS
/// CloudTrail gives them.
pub fn operation_name(service: Service, operation: &'static str) -> &'static str {
    macro_rules! other_than {
        ($($name:ident)*) => {
            match operation {
                $(stringify!($name) => concat!("s3control:", stringify!($name)),)*
                operation => operation,
            }
        };
    }
    match (service, operation) {
        (Service::S3Control, "GetPublicAccessBlock") => "GetAccountPublicAccessBlock",
        (Service::S3Control, "PutPublicAccessBlock") => "PutAccountPublicAccessBlock",
        (Service::S3Control, "DeletePublicAccessBlock") => "DeleteAccountPublicAccessBlock",
        (Service::S3Control, _) => crate::for_each_operation!(other_than),
        (_, operation) => operation,
    }
}

/// Takes the digests of the body off the input: [`crate::dispatch`] has compared them.
pub(crate) fn take_digests(request: &mut Request) {
    if let Value::Object(members) = &mut request.input {
        members.retain(|name, _| name != "ContentMD5" && !name.starts_with("Checksum"));
    }
}

/// Takes the ACL headers, also off the input.
pub(crate) fn take_acl_headers(request: &mut Request) -> AclHeaders {
    let headers = AclHeaders::read(|name| request.header(name));
    if let Value::Object(members) = &mut request.input {
        members.retain(|name, _| name != "ACL" && !name.starts_with("Grant"));
    }
    headers
}

/// The four Block Public Access flags with the model's member names. One that is missing is off.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PublicAccessBlock {
    block_public_acls: bool,
    ignore_public_acls: bool,
    block_public_policy: bool,
    restrict_public_buckets: bool,
}

impl From<PublicAccessBlock> for BlockPublicAccess {
    fn from(flags: PublicAccessBlock) -> BlockPublicAccess {
        BlockPublicAccess {
            block_public_acls: flags.block_public_acls,
            ignore_public_acls: flags.ignore_public_acls,
            block_public_policy: flags.block_public_policy,
            restrict_public_buckets: flags.restrict_public_buckets,
        }
    }
}

impl From<BlockPublicAccess> for PublicAccessBlock {
    fn from(flags: BlockPublicAccess) -> PublicAccessBlock {
        PublicAccessBlock {
            block_public_acls: flags.block_public_acls,
            ignore_public_acls: flags.ignore_public_acls,
            block_public_policy: flags.block_public_policy,
            restrict_public_buckets: flags.restrict_public_buckets,
        }
    }
}

/// The ACL of PutBucketAcl and PutObjectAcl: headers or a body, one of them (spec S-6).
#[derive(Clone, Debug)]
pub(crate) enum PutAcl {
    /// Read from the headers.
    Headers(Acl),
    /// Not judged before the caller is.
    Body(AccessControlPolicy),
}

impl PutAcl {
    /// # Errors
    /// Those of the headers; both or neither.
    pub(crate) fn new(
        headers: &AclHeaders,
        on: AclOn,
        body: Option<AccessControlPolicy>,
    ) -> Result<PutAcl, S3Error> {
        match (headers.parse(on)?, body) {
            (Acl::Unsaid, None) => Err(AclError::Missing.into()),
            (Acl::Unsaid, Some(body)) => Ok(PutAcl::Body(body)),
            (acl, None) => Ok(PutAcl::Headers(acl)),
            (_, Some(_)) => Err(AclError::HeadersAndBody.into()),
        }
    }

    /// Whether it grants anything to everyone, or to every AWS account.
    pub(crate) fn is_public(&self) -> bool {
        match self {
            PutAcl::Headers(acl) => acl.is_public(),
            PutAcl::Body(body) => body.is_public(),
        }
    }

    /// The ACL for what `owner` owns, its grantees looked up.
    ///
    /// # Errors
    /// Those of bodies and grantees.
    pub(crate) async fn for_owner(
        &self,
        owner: &str,
        principals: &dyn PrincipalDirectory,
    ) -> Result<Acl, AclError> {
        let (acl, argument) = match self {
            PutAcl::Headers(acl) => (acl.clone(), HEADER_ID),
            PutAcl::Body(body) => (body.parse(owner)?, BODY_ID),
        };
        acl.check_accounts(principals, argument).await?;
        Ok(acl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_operation_of_s3_control_is_taken_for_one_of_s3() {
        for name in crate::NAMES {
            let known = operation_name(Service::S3Control, name);
            let is_its_own = known.contains("AccountPublicAccessBlock");
            assert!(is_its_own || !crate::NAMES.contains(&known), "{name}");
            assert_eq!(operation_name(Service::S3, name), *name);
        }
    }
}
