//! What PutObject, CopyObject and CreateMultipartUpload have in common: the headers that make an
//! object.
use std::collections::BTreeMap;

use catalog::{Action, s3};
use gate::{Ask, BucketFacts};
use policy::Caller;
use serde::Deserialize;
use serde::de::IgnoredAny;
use vault::acl::{self, Acl, AclHeaders, AclOn};
use vault::{CustomerKey, NewObject, ObjectOwner, SystemHeaders, Vault};
use wire::AwsError;

use crate::customer_key::{self, Use};
use crate::tags::{self, Tags};
use crate::{Request, S3Error, metadata};

/// The most user metadata: names and values, in bytes. AWS: Working with object metadata.
const METADATA_BYTES_MAX: usize = 2048;

/// The longest redirect. AWS: PutObject, `x-amz-website-redirect-location`.
const REDIRECT_BYTES_MAX: usize = 2048;

/// Storage classes that general purpose buckets take.
const STORAGE_CLASSES: [&str; 8] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "GLACIER_IR",
    "DEEP_ARCHIVE",
];

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    #[serde(rename = "ACL")]
    _acl: IgnoredAny,
    #[serde(rename = "GrantFullControl")]
    _full_control: IgnoredAny,
    #[serde(rename = "GrantRead")]
    _read: IgnoredAny,
    #[serde(rename = "GrantReadACP")]
    _read_acp: IgnoredAny,
    #[serde(rename = "GrantWriteACP")]
    _write_acp: IgnoredAny,
    // Kept as sent, which may be no date at all.
    #[serde(rename = "Expires")]
    _expires: IgnoredAny,
    cache_control: Option<String>,
    content_disposition: Option<String>,
    content_encoding: Option<String>,
    content_language: Option<String>,
    content_type: Option<String>,
    metadata: BTreeMap<String, String>,
    server_side_encryption: Option<String>,
    storage_class: Option<String>,
    tagging: Option<String>,
    website_redirect_location: Option<String>,
}

/// The value of a piece of metadata. Of a presigned URL it may be a parameter, which is text already.
fn metadata_value(request: &Request, name: &str, text: &str) -> String {
    let mut sent = request.headers.get_all(format!("x-amz-meta-{name}")).iter();
    match (sent.next(), sent.next()) {
        (Some(header), None) if !text.is_ascii() => metadata::from_header(header.as_bytes()),
        _ => metadata::decoded(text),
    }
}

/// The headers that make an object.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) headers: SystemHeaders,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) tags: Option<Tags>,
    pub(crate) storage_class: Option<String>,
    pub(crate) encryption: Option<String>,
    pub(crate) acl_headers: AclHeaders,
    pub(crate) acl: Acl,
    pub(crate) customer: Option<CustomerKey>,
}

impl Upload {
    /// Takes them out of the input.
    pub(crate) fn take(request: &mut Request) -> Result<Upload, S3Error> {
        let members: Members = request.take()?;
        let acl_headers = AclHeaders::read(|name| request.header(name));
        let metadata: Vec<_> = members
            .metadata
            .into_iter()
            .map(|(name, value)| {
                let name = name.to_ascii_lowercase();
                let value = metadata_value(request, &name, &value);
                (name, value)
            })
            .collect();
        let metadata_bytes: usize = metadata
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if metadata_bytes > METADATA_BYTES_MAX {
            return Err(S3Error::MetadataTooLarge {
                size: metadata_bytes.to_string(),
                max: METADATA_BYTES_MAX.to_string(),
            });
        }
        check_storage_class(members.storage_class.as_deref())?;
        let customer: customer_key::Members = request.take()?;
        let customer = customer.key(Use::Write, members.server_side_encryption.as_deref())?;
        check_encryption(members.server_side_encryption.as_deref())?;
        check_redirect(members.website_redirect_location.as_deref())?;
        Ok(Upload {
            headers: SystemHeaders {
                content_type: members.content_type,
                cache_control: members.cache_control,
                content_disposition: members.content_disposition,
                content_encoding: members
                    .content_encoding
                    .and_then(|text| stored_encoding(&text)),
                content_language: members.content_language,
                expires: request.header("expires").map(str::to_owned),
                website_redirect_location: members.website_redirect_location,
            },
            metadata,
            tags: members
                .tagging
                .as_deref()
                .map(tags::from_header)
                .transpose()?,
            storage_class: members.storage_class,
            encryption: members.server_side_encryption,
            customer,
            acl: acl_headers.parse(AclOn::Object)?,
            acl_headers,
        })
    }

    /// Adds the condition keys that the headers fill, for `s3:PutObject` (spec S-4).
    pub(crate) fn onto(&self, ask: Ask<s3::PutObject>) -> Ask<s3::PutObject> {
        let ask = self
            .acl_headers
            .onto(ask)
            .writing_public_acl(self.acl.is_public())
            .with_some("s3:x-amz-storage-class", self.storage_class.as_deref())
            .with_some(
                "s3:x-amz-server-side-encryption",
                self.encryption.as_deref(),
            )
            .with_some(
                "s3:x-amz-website-redirect-location",
                self.headers.website_redirect_location.as_deref(),
            );
        let ask = customer_key::onto(self.customer.as_ref(), ask);
        match &self.tags {
            Some(tags) => tags::onto(tags, ask),
            None => ask,
        }
    }

    /// `s3:PutObjectAcl`, if the request says anything of an ACL.
    pub(crate) fn acl_ask<A: Action>(&self, ask: Ask<A>) -> Option<Ask<A>> {
        (!self.acl_headers.is_empty()).then(|| {
            self.acl_headers
                .onto(ask)
                .of_object_to_be()
                .writing_public_acl(self.acl.is_public())
                .with_some("s3:x-amz-storage-class", self.storage_class.as_deref())
        })
    }

    /// `s3:PutObjectTagging`, if the request has tags.
    pub(crate) fn tagging_ask<A: Action>(&self, ask: Ask<A>) -> Option<Ask<A>> {
        self.tags.as_ref().map(|tags| tags::onto(tags, ask))
    }

    /// What is stored beside the body, once it is known who uploads into which bucket.
    pub(crate) async fn new_object(
        self,
        bucket: &BucketFacts,
        uploader: &Caller,
        vault: &Vault,
    ) -> Result<NewObject, S3Error> {
        self.acl
            .check_accounts(vault.principals(), acl::HEADER_ID)
            .await?;
        let owned = acl::for_upload(&self.acl, bucket, uploader)?;
        Ok(NewObject {
            headers: self.headers,
            metadata: self.metadata,
            tags: self.tags.unwrap_or_default(),
            storage_class: self.storage_class.unwrap_or_else(|| "STANDARD".to_owned()),
            owner: ObjectOwner {
                account: owned.owner,
                canonical_id: owned.owner_canonical_id,
            },
            grants: owned.grants,
        })
    }
}

/// Where a website would send its visitors: a page of its own, or a whole URL.
fn check_redirect(location: Option<&str>) -> Result<(), S3Error> {
    let Some(location) = location else {
        return Ok(());
    };
    if location.len() > REDIRECT_BYTES_MAX {
        return Err(S3Error::invalid_request(format!(
            "The length of website redirect location cannot exceed {REDIRECT_BYTES_MAX} characters."
        )));
    }
    let starts = ["/", "http://", "https://"];
    if !starts.iter().any(|start| location.starts_with(start)) {
        let message =
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.";
        return Err(AwsError::new(400, "InvalidRedirectLocation", message).into());
    }
    Ok(())
}

fn check_storage_class(class: Option<&str>) -> Result<(), S3Error> {
    match class {
        Some(class) if !STORAGE_CLASSES.contains(&class) => Err(S3Error::InvalidStorageClass {
            class: class.to_owned(),
        }),
        Some(_) | None => Ok(()),
    }
}

fn check_encryption(algorithm: Option<&str>) -> Result<(), S3Error> {
    const HEADER: &str = "x-amz-server-side-encryption";
    match algorithm {
        None | Some("AES256") => Ok(()),
        Some("aws:kms" | "aws:kms:dsse") => Err(S3Error::not_implemented(HEADER)),
        Some(other) => Err(S3Error::InvalidEncryptionAlgorithm {
            name: HEADER.to_owned(),
            value: other.to_owned(),
        }),
    }
}

/// `Content-Encoding` without the coding of the transfer (spec: sigv4 7).
fn stored_encoding(text: &str) -> Option<String> {
    let kept: Vec<&str> = text
        .split(',')
        .map(str::trim)
        .filter(|coding| !coding.eq_ignore_ascii_case("aws-chunked") && !coding.is_empty())
        .collect();
    match kept.len() {
        0 => None,
        // As it was sent, blanks and all.
        count if count == text.split(',').count() => Some(text.to_owned()),
        _ => Some(kept.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coding_of_the_transfer_is_not_stored() {
        assert_eq!(stored_encoding("aws-chunked"), None);
        assert_eq!(stored_encoding("aws-chunked,gzip").as_deref(), Some("gzip"));
        assert_eq!(stored_encoding("gzip").as_deref(), Some("gzip"));
        assert_eq!(
            stored_encoding("deflate, gzip").as_deref(),
            Some("deflate, gzip")
        );
    }

    #[test]
    fn only_known_storage_classes_are_taken() {
        assert!(check_storage_class(Some("GLACIER_IR")).is_ok());
        let error = check_storage_class(Some("OUTPOSTS")).unwrap_err();
        assert_eq!(error.code(), "InvalidStorageClass");
    }

    #[test]
    fn key_management_is_not_built_and_nonsense_is_invalid() {
        assert_eq!(check_encryption(Some("aws:kms")).unwrap_err().status(), 501);
        assert_eq!(
            check_encryption(Some("KMS")).unwrap_err().code(),
            "InvalidEncryptionAlgorithmError"
        );
    }
}
