//! What a session carries: tags, source identity, session policies, and how much of it fits.
use directory::{Secret, Tags, TemporaryCredentials};
use gate::Identity;
use jiff::Timestamp;
use policy::{Policy, PolicyKind};
use serde::{Deserialize, Serialize, Serializer};

use crate::StsError;

/// AWS: AssumeRole, plain-text limit of `Policy`.
const POLICY_CHARACTERS_MAX: usize = 2048;
/// AWS: AssumeRole, `PolicyArns`.
const POLICY_ARNS_MAX: usize = 10;
/// What AWS packs policies and tags into; its packing is not published, so plain bytes count.
const PACKED_BYTES_MAX: usize = 2048;

/// A tag as requests have it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// 1 to 128 characters.
    pub key: String,
    /// 0 to 256 characters.
    pub value: String,
}

/// The ARN of a managed policy as requests have it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PolicyDescriptor {
    /// The ARN; the model lets it be left out.
    #[serde(default)]
    pub arn: Option<String>,
}

/// `Credentials` as answers have it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Credentials {
    access_key_id: String,
    #[serde(serialize_with = "tell")]
    secret_access_key: Secret,
    session_token: String,
    expiration: Timestamp,
}

fn tell<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

impl From<TemporaryCredentials> for Credentials {
    fn from(made: TemporaryCredentials) -> Credentials {
        Credentials {
            access_key_id: made.access_key_id,
            secret_access_key: made.secret,
            session_token: made.session_token,
            expiration: made.expires_at,
        }
    }
}

/// Session tags of a call (spec E-7), together with those of the calling session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SessionTags {
    /// Passed tags, then inherited ones.
    pub(crate) all: Tags,
    /// Passed transitive keys, then inherited ones.
    pub(crate) transitive: Vec<String>,
    /// Whether tags come from the calling session.
    pub(crate) inherits: bool,
}

pub(crate) fn session_tags(
    passed: &[Tag],
    transitive: &[String],
    who: &Identity,
) -> Result<SessionTags, StsError> {
    let same = |one: &str, other: &str| one.to_lowercase() == other.to_lowercase();
    for (index, tag) in passed.iter().enumerate() {
        if passed
            .iter()
            .take(index)
            .any(|other| same(&other.key, &tag.key))
        {
            return Err(StsError::DuplicateTagKeys);
        }
        if tag.key.to_lowercase().starts_with("aws:") {
            return Err(StsError::ReservedTagKey);
        }
    }
    for key in transitive {
        if !passed.iter().any(|tag| same(&tag.key, key)) {
            return Err(StsError::TransitiveTagMissing);
        }
    }
    let mut all: Tags = passed
        .iter()
        .map(|tag| (tag.key.clone(), tag.value.clone()))
        .collect();
    let mut keys = transitive.to_vec();
    let mut inherits = false;
    if let Some(session) = &who.session {
        for key in &session.transitive_tag_keys {
            if passed.iter().any(|tag| same(&tag.key, key)) {
                return Err(StsError::TransitiveTagConflict);
            }
            let inherited = session.tags.iter().find(|(name, _)| same(name, key));
            if let Some(tag) = inherited {
                all.push(tag.clone());
                keys.push(key.clone());
                inherits = true;
            }
        }
    }
    Ok(SessionTags {
        all,
        transitive: keys,
        inherits,
    })
}

/// Session policies of a call (spec P-17), validated.
#[derive(Debug)]
pub(crate) struct SessionPolicies {
    pub(crate) inline: Option<String>,
    pub(crate) arns: Vec<String>,
    packed_bytes: usize,
}

pub(crate) fn session_policies(
    inline: Option<&str>,
    managed: &[PolicyDescriptor],
) -> Result<SessionPolicies, StsError> {
    if managed.len() > POLICY_ARNS_MAX {
        return Err(StsError::TooManyPolicies);
    }
    let mut arns: Vec<String> = Vec::with_capacity(managed.len());
    for arn in managed.iter().filter_map(|policy| policy.arn.as_ref()) {
        check_arn(arn)?;
        if !arns.contains(arn) {
            arns.push(arn.clone());
        }
    }
    let mut packed_bytes = arns.iter().map(String::len).sum();
    if let Some(text) = inline {
        if text.chars().count() > POLICY_CHARACTERS_MAX {
            return Err(StsError::PolicyTooLong(text.to_owned()));
        }
        let policy = Policy::parse(PolicyKind::Session, text)
            .map_err(|finding| StsError::MalformedPolicyDocument(finding.message))?;
        packed_bytes += policy.compact_text().len();
    }
    Ok(SessionPolicies {
        inline: inline.map(str::to_owned),
        arns,
        packed_bytes,
    })
}

/// `PackedPolicySize`: how much of the room for policies and tags is used, in percent.
pub(crate) fn packed_percent(policies: &SessionPolicies, tags: &Tags) -> Result<usize, StsError> {
    let tag_bytes: usize = tags
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    let percent = (100 * (policies.packed_bytes + tag_bytes)).div_ceil(PACKED_BYTES_MAX);
    match (percent > 100, policies.packed_bytes > 0) {
        (false, _) => Ok(percent),
        (true, true) => Err(StsError::PackedPolicyTooLarge { percent }),
        (true, false) => Err(StsError::PackedTagsTooLarge { percent }),
    }
}

/// Only what is no ARN is told so; an ARN of nothing is refused like a role that does not trust.
pub(crate) fn check_arn(text: &str) -> Result<(), StsError> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, service, _, _, resource]
            if !partition.is_empty() && !service.is_empty() && !resource.is_empty() =>
        {
            Ok(())
        }
        _ => Err(StsError::InvalidArn(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_arn_is_told_so() {
        for text in [
            "nothing-valid-in-here",
            "arn::service:::resource/of-no-partition",
            "arn:partition::::resource/of-no-service",
            "arn:partition:::resource/with-a-part-missing",
            "arn:partition:service::without-resource:",
        ] {
            let error = check_arn(text).unwrap_err();
            assert_eq!(error.to_string(), format!("{text} is invalid"));
            assert_eq!((error.code(), error.status()), ("ValidationError", 400));
        }
        assert!(check_arn("arn:aws:iam::111122223333:role/a:b").is_ok());
    }

    fn tag(key: &str, value: &str) -> Tag {
        Tag {
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn keys_of_session_tags_are_unique_ignoring_case() {
        let passed = [tag("Team", "a"), tag("team", "b")];
        let error = session_tags(&passed, &[], &Identity::anonymous()).unwrap_err();
        assert_eq!(error.code(), "InvalidParameterValue");
        assert_eq!(
            error.to_string(),
            "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        );
    }

    #[test]
    fn a_transitive_key_needs_its_tag() {
        let passed = [tag("Team", "a")];
        let who = Identity::anonymous();
        assert!(session_tags(&passed, &["TEAM".to_owned()], &who).is_ok());
        let error = session_tags(&passed, &["Other".to_owned()], &who).unwrap_err();
        assert_eq!(
            error.to_string(),
            "The specified transitive tag key must be included in the requested tags."
        );
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_size() {
        let none = session_policies(None, &[]).unwrap();
        let tags = vec![("k".repeat(128), "v".repeat(256)); 6];
        let error = packed_percent(&none, &tags).unwrap_err();
        assert_eq!(error.code(), "PackedPolicyTooLarge");
        assert_eq!(
            error.to_string(),
            "Packed size of session tags consumes 113% of allotted space."
        );
        assert_eq!(packed_percent(&none, &vec![]).unwrap(), 0);
    }
}
