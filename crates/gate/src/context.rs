//! The request context: every condition key that this server can know (spec S-4, S-5).
use std::cell::OnceCell;
use std::collections::BTreeMap;

use policy::{CallerKind, Context, ContextValue, KnownKey, Lookup};

use crate::ask::Value;
use crate::identity::Identity;
use crate::judge::{AuthType, RequestFacts};

/// Tags and the like of the resource.
pub(crate) struct ResourceTags<'a> {
    pub(crate) service: &'a str,
    pub(crate) tags: &'a [(String, String)],
    pub(crate) object_tags: &'a [(String, String)],
    /// `iam:ResourceTag/KEY` is about users and roles alone.
    pub(crate) of_identity: bool,
    /// Of the entity that the call is about, for [`ACTIONS_WITH_BOUNDARY`].
    pub(crate) boundary: Option<&'a str>,
    /// Of the upload that the call is about.
    pub(crate) upload_encryption: Option<&'a str>,
}

/// Actions for which `iam:PermissionsBoundary` is there. AWS: Actions, resources, and condition
/// keys for IAM.
pub(crate) const ACTIONS_WITH_BOUNDARY: [&str; 19] = [
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateRole",
    "iam:CreateUser",
    "iam:DeleteRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DeleteUserPermissionsBoundary",
    "iam:DeleteUserPolicy",
    "iam:DetachRolePolicy",
    "iam:DetachUserPolicy",
    "iam:GetRole",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:PutUserPermissionsBoundary",
    "iam:PutUserPolicy",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
];

/// What conditions look at. Values that must be computed are computed when asked for.
pub(crate) struct RequestContext<'a> {
    request: &'a RequestFacts,
    identity: &'a Identity,
    asked: &'a [(String, Value)],
    resource: ResourceTags<'a>,
    computed: Computed,
}

#[derive(Default)]
struct Computed {
    current_time: OnceCell<String>,
    epoch_time: OnceCell<String>,
    source_ip: OnceCell<String>,
    issue_time: OnceCell<String>,
    mfa_age: OnceCell<String>,
    signature_age: OnceCell<String>,
}

impl<'a> RequestContext<'a> {
    pub(crate) fn new(
        request: &'a RequestFacts,
        identity: &'a Identity,
        asked: &'a [(String, Value)],
        resource: ResourceTags<'a>,
    ) -> RequestContext<'a> {
        RequestContext {
            request,
            identity,
            asked,
            resource,
            computed: Computed::default(),
        }
    }

    /// Keys of tags compare without regard to case, in any script: `wanted` is lower case.
    fn tag<'t>(tags: &'t [(String, String)], wanted: &str) -> Lookup<'t> {
        let is_wanted = |key: &str| {
            if key.is_ascii() {
                key.eq_ignore_ascii_case(wanted)
            } else {
                key.to_lowercase() == wanted
            }
        };
        tags.iter()
            .find(|(key, _)| is_wanted(key))
            .map_or(Lookup::Absent, |(_, value)| Lookup::One(value))
    }

    /// The value of a key that this server knows; what follows from the caller and the owner is
    /// not here (see [`policy::Context`]).
    fn known(&self, key: KnownKey) -> Lookup<'_> {
        let request = self.request;
        let session = self.identity.session.as_ref();
        let seconds = |time: jiff::Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let is_s3 = self.resource.service == "s3";
        match key {
            KnownKey::CurrentTime => Lookup::One(
                self.computed
                    .current_time
                    .get_or_init(|| seconds(request.now)),
            ),
            KnownKey::EpochTime => Lookup::One(
                self.computed
                    .epoch_time
                    .get_or_init(|| request.now.as_second().to_string()),
            ),
            KnownKey::SecureTransport => flag(request.secure_transport),
            KnownKey::SourceIp => match request.source_ip {
                Some(ip) => Lookup::One(
                    self.computed
                        .source_ip
                        .get_or_init(|| ip.to_canonical().to_string()),
                ),
                None => Lookup::Absent,
            },
            KnownKey::UserAgent => optional(request.user_agent.as_deref()),
            KnownKey::Referer => optional(request.referer.as_deref()),
            KnownKey::RequestedRegion => Lookup::One(&request.region),
            KnownKey::ViaAwsService => flag(false),
            KnownKey::PrincipalIsAwsService => match self.identity.caller.kind {
                CallerKind::Anonymous | CallerKind::TokenHolder { .. } => Lookup::Absent,
                CallerKind::Service { .. } => flag(true),
                CallerKind::Root
                | CallerKind::User
                | CallerKind::RoleSession { .. }
                | CallerKind::FederatedUser { .. } => flag(false),
            },
            KnownKey::TokenIssueTime => match session {
                Some(session) => Lookup::One(
                    self.computed
                        .issue_time
                        .get_or_init(|| seconds(session.issued_at)),
                ),
                None => Lookup::Absent,
            },
            KnownKey::MultiFactorAuthPresent => match session {
                Some(session) => flag(session.mfa.is_some()),
                None => Lookup::Absent,
            },
            KnownKey::MultiFactorAuthAge => match session.and_then(|session| session.mfa) {
                Some(mfa) => Lookup::One(self.computed.mfa_age.get_or_init(|| {
                    (request.now.as_second() - mfa.authenticated_at.as_second())
                        .max(0)
                        .to_string()
                })),
                None => Lookup::Absent,
            },
            KnownKey::SourceIdentity => {
                optional(session.and_then(|session| session.source_identity.as_deref()))
            }
            KnownKey::S3AuthType if is_s3 => match request.auth_type {
                AuthType::Header => Lookup::One("REST-HEADER"),
                AuthType::QueryString | AuthType::QueryStringVersion2 => {
                    Lookup::One("REST-QUERY-STRING")
                }
                AuthType::Post | AuthType::PostVersion2 => Lookup::One("POST"),
                AuthType::Anonymous => Lookup::Absent,
            },
            KnownKey::S3SignatureVersion if is_s3 => match request.auth_type {
                AuthType::Header | AuthType::QueryString | AuthType::Post => {
                    Lookup::One("AWS4-HMAC-SHA256")
                }
                AuthType::QueryStringVersion2 | AuthType::PostVersion2 => Lookup::One("AWS"),
                AuthType::Anonymous => Lookup::Absent,
            },
            KnownKey::S3SignatureAge if is_s3 => match request.signature_age_ms {
                Some(age) => {
                    Lookup::One(self.computed.signature_age.get_or_init(|| age.to_string()))
                }
                None => Lookup::Absent,
            },
            KnownKey::S3ServerSideEncryption if is_s3 => optional(self.resource.upload_encryption),
            KnownKey::S3ContentSha256 if is_s3 => optional(request.content_sha256.as_deref()),
            KnownKey::IamPermissionsBoundary if !is_s3 => optional(self.resource.boundary),
            // Of another service than the call's, derived by the evaluation, or known only to the
            // operation, which has said nothing.
            KnownKey::S3AuthType
            | KnownKey::S3SignatureVersion
            | KnownKey::S3SignatureAge
            | KnownKey::S3ServerSideEncryption
            | KnownKey::S3ContentSha256
            | KnownKey::IamPermissionsBoundary
            | KnownKey::PrincipalArn
            | KnownKey::PrincipalAccount
            | KnownKey::PrincipalType
            | KnownKey::UserId
            | KnownKey::UserName
            | KnownKey::ResourceAccount
            | KnownKey::S3ResourceAccount
            | KnownKey::S3Prefix
            | KnownKey::S3Delimiter
            | KnownKey::S3MaxKeys
            | KnownKey::S3VersionId
            | KnownKey::S3Acl => Lookup::Absent,
        }
    }

    /// What the operation itself says comes first: it has read the request.
    fn asked(&self, key: &str) -> Option<Lookup<'_>> {
        let (_, value) = self.asked.iter().find(|(name, _)| name == key)?;
        Some(match value {
            Value::One(text) => Lookup::One(text),
            Value::Many(values) => Lookup::Many(values),
        })
    }

    /// Keys with a tag in them.
    fn tagged(&self, key: &str) -> Lookup<'_> {
        let is_s3 = self.resource.service == "s3";
        match key.split_once('/') {
            Some(("s3:existingobjecttag", tag)) if is_s3 => {
                Self::tag(self.resource.object_tags, tag)
            }
            Some(("aws:resourcetag", tag)) if !is_s3 => Self::tag(self.resource.tags, tag),
            Some(("iam:resourcetag", tag)) if self.resource.of_identity => {
                Self::tag(self.resource.tags, tag)
            }
            Some(_) | None => Lookup::Absent,
        }
    }
}

/// Keys without a free part that [`RequestContext`] can have; those that an operation brings are
/// found in what it asks.
const KEYS: &[&str] = &[
    "aws:currenttime",
    "aws:epochtime",
    "aws:securetransport",
    "aws:sourceip",
    "aws:useragent",
    "aws:referer",
    "aws:requestedregion",
    "aws:viaawsservice",
    "aws:principalisawsservice",
    "aws:tokenissuetime",
    "aws:multifactorauthpresent",
    "aws:multifactorauthage",
    "aws:sourceidentity",
    "s3:authtype",
    "s3:signatureversion",
    "s3:signatureage",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-content-sha256",
    "iam:permissionsboundary",
];

impl RequestContext<'_> {
    /// Every key with a value: the known ones, those that the operation brings, the tags of the
    /// resource, and of `named` those that are there.
    pub(crate) fn all<'n>(
        &self,
        named: impl Iterator<Item = &'n str>,
    ) -> BTreeMap<String, ContextValue> {
        let asked = self.asked.iter().map(|(key, _)| key.clone());
        let tags = |prefix: &str, tags: &[(String, String)]| {
            let key = |(key, _): &(String, String)| format!("{prefix}{}", key.to_lowercase());
            tags.iter().map(key).collect::<Vec<_>>()
        };
        let tags = tags("aws:resourcetag/", self.resource.tags)
            .into_iter()
            .chain(tags("iam:resourcetag/", self.resource.tags))
            .chain(tags("s3:existingobjecttag/", self.resource.object_tags));
        KEYS.iter()
            .map(|key| (*key).to_owned())
            .chain(asked)
            .chain(tags)
            .chain(named.map(str::to_owned))
            .filter_map(|key| {
                let value = match self.lookup(&key) {
                    Lookup::Absent => return None,
                    Lookup::One(value) => ContextValue::One(value.to_owned()),
                    Lookup::Many(values) => ContextValue::Many(values.to_vec()),
                };
                Some((key, value))
            })
            .collect()
    }
}

fn flag(value: bool) -> Lookup<'static> {
    Lookup::One(if value { "true" } else { "false" })
}

fn optional(value: Option<&str>) -> Lookup<'_> {
    value.map_or(Lookup::Absent, Lookup::One)
}

impl Context for RequestContext<'_> {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        if let Some(found) = self.asked(key) {
            return found;
        }
        match KnownKey::of(key) {
            Some(known) => self.known(known),
            None => self.tagged(key),
        }
    }

    fn lookup_known(&self, key: KnownKey) -> Lookup<'_> {
        match self.asked(key.name()) {
            Some(found) => found,
            None => self.known(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_tags_compare_without_case_in_any_script() {
        let tags = [
            ("Team".to_owned(), "red".to_owned()),
            ("GRÖSSE".to_owned(), "xl".to_owned()),
        ];
        assert_eq!(RequestContext::tag(&tags, "team"), Lookup::One("red"));
        assert_eq!(RequestContext::tag(&tags, "größe"), Lookup::Absent);
        assert_eq!(RequestContext::tag(&tags, "grösse"), Lookup::One("xl"));
    }

    /// What a call of IAM finds under `key`, if its target has a tag and the boundary is told.
    fn in_iam(key: &str, of_identity: bool, boundary: Option<&str>) -> Option<String> {
        let request = RequestFacts {
            now: jiff::Timestamp::UNIX_EPOCH,
            source_ip: None,
            secure_transport: false,
            user_agent: None,
            referer: None,
            region: String::new(),
            auth_type: AuthType::Header,
            signature_age_ms: None,
            content_sha256: None,
            requester_pays: false,
            request_id: String::new(),
        };
        let identity = Identity::anonymous();
        let resource = ResourceTags {
            service: "iam",
            tags: &[("Team".to_owned(), "red".to_owned())],
            object_tags: &[],
            of_identity,
            boundary,
            upload_encryption: None,
        };
        let context = RequestContext::new(&request, &identity, &[], resource);
        match context.lookup(key) {
            Lookup::One(value) => Some(value.to_owned()),
            Lookup::Absent | Lookup::Many(_) => None,
        }
    }

    #[test]
    fn tags_of_iam_are_told_by_their_service_for_users_and_roles_alone() {
        let red = Some("red".to_owned());
        assert_eq!(in_iam("aws:resourcetag/team", true, None), red);
        assert_eq!(in_iam("iam:resourcetag/team", true, None), red);
        assert_eq!(in_iam("aws:resourcetag/team", false, None), red);
        assert_eq!(in_iam("iam:resourcetag/team", false, None), None);
        assert_eq!(in_iam("s3:authtype", true, None), None);
        let edge = in_iam("iam:permissionsboundary", true, Some("edge"));
        assert_eq!(edge.as_deref(), Some("edge"));
        assert_eq!(in_iam("iam:permissionsboundary", true, None), None);
    }
}
