//! The managed policies that AWS owns and every account may attach: see `data/managed-policies`.
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use policy::{Policy, PolicyKind};
use serde::Deserialize;

/// A policy of AWS's own.
#[derive(Debug)]
pub struct AwsManagedPolicy {
    /// What AWS says about it.
    pub index: AwsManagedPolicyIndex,
    /// The document of its default version, the only one that is kept.
    pub document: Arc<Policy>,
}

/// What AWS says about one of its own policies.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AwsManagedPolicyIndex {
    /// Its name.
    pub policy_name: String,
    /// `ANPA…`
    pub policy_id: String,
    /// `arn:aws:iam::aws:policy/…`
    pub arn: String,
    /// `/` or `/…/`.
    pub path: String,
    /// Such as `v2`.
    pub default_version_id: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// When its default version was made.
    pub update_date: Timestamp,
    /// Free text.
    pub description: String,
}

macro_rules! documents {
    ($($name:literal)*) => {
        &[$((
            $name,
            include_str!(concat!("../data/managed-policies/", $name, ".json")),
        )),*]
    };
}

const INDEX: &str = include_str!("../data/managed-policies/index.json");
const DOCUMENTS: &[(&str, &str)] = documents! {
    "AdministratorAccess"
    "AmazonS3FullAccess"
    "AmazonS3ReadOnlyAccess"
    "IAMFullAccess"
    "IAMReadOnlyAccess"
    "PowerUserAccess"
    "ReadOnlyAccess"
    "SecurityAudit"
};

// A test holds that every entry of the index is here: none is dropped in silence.
static POLICIES: LazyLock<Vec<AwsManagedPolicy>> = LazyLock::new(|| {
    let index: Vec<AwsManagedPolicyIndex> = serde_json::from_str(INDEX).unwrap_or_default();
    index
        .into_iter()
        .filter_map(|index| {
            let (_, text) = DOCUMENTS
                .iter()
                .find(|(name, _)| *name == index.policy_name)?;
            let document = Policy::load(PolicyKind::Managed, text.trim_end()).ok()?;
            Some(AwsManagedPolicy {
                index,
                document: Arc::new(document),
            })
        })
        .collect()
});

/// All of them, in order of their names.
pub fn all() -> &'static [AwsManagedPolicy] {
    &POLICIES
}

/// The one with this ARN.
pub fn policy(arn: &str) -> Option<&'static AwsManagedPolicy> {
    POLICIES.iter().find(|policy| policy.index.arn == arn)
}

/// The document of the one with this ARN.
pub fn document(arn: &str) -> Option<&'static Arc<Policy>> {
    policy(arn).map(|policy| &policy.document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_the_index_has_a_valid_document() {
        let names: Vec<_> = all()
            .iter()
            .map(|policy| policy.index.policy_name.as_str())
            .collect();
        let documents: Vec<_> = DOCUMENTS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, documents);
        for (name, text) in DOCUMENTS {
            if let Err(finding) = Policy::parse(PolicyKind::Managed, text) {
                panic!("{name}: {finding:?}");
            }
        }
    }
}
