//! The policies of a simulation: passed ones, the resource's, and how answers name them.
use std::sync::Arc;

use policy::{
    AttachedPolicy, BlockPublicAccess, KeySide, Layer, ObjectOwnership, Policy, PolicyKind,
    PolicySource, ResourceSide, S3Side, StatementOutline,
};

use super::InvalidSimulation;

/// The kinds of policies, in AWS's words.
pub(super) const IAM_POLICY: &str = "IAM Policy";
pub(super) const RESOURCE_POLICY: &str = "Resource Policy";
pub(super) const BOUNDARY_POLICY: &str = "Permissions Boundary Policy";

/// `PolicyInputList`, each under its name in the answer.
pub(crate) fn passed_policies(texts: &[String]) -> Result<Vec<AttachedPolicy>, InvalidSimulation> {
    passed("PolicyInputList", texts)
}

fn passed(list: &str, texts: &[String]) -> Result<Vec<AttachedPolicy>, InvalidSimulation> {
    let read = |(index, text): (usize, &String)| {
        let name = format!("{list}.{}", index + 1);
        match Policy::parse(PolicyKind::Identity, text) {
            Ok(policy) => Ok(AttachedPolicy {
                // No ARN of a policy looks like this.
                source: PolicySource::Managed { arn: name },
                policy: Arc::new(policy),
            }),
            Err(finding) => Err(InvalidSimulation::Policy {
                place: name,
                message: finding.message,
            }),
        }
    };
    texts.iter().enumerate().map(read).collect()
}

/// `PermissionsBoundaryPolicyInputList`: none, or one.
pub(super) fn passed_boundary(
    texts: &[String],
) -> Result<Option<AttachedPolicy>, InvalidSimulation> {
    let mut boundaries = passed("PermissionsBoundaryPolicyInputList", texts)?;
    let last = boundaries.pop();
    if boundaries.is_empty() {
        Ok(last)
    } else {
        Err(InvalidSimulation::Boundaries)
    }
}

/// The context keys of policies as they are written, in order; of two that differ in case only, the
/// first.
pub(crate) fn context_key_names<'p>(policies: impl Iterator<Item = &'p Policy>) -> Vec<String> {
    let outlines = policies.flat_map(Policy::outline);
    let keys = outlines.flat_map(|statement| {
        let keys = statement.resource_keys.into_iter();
        keys.chain(statement.condition_keys)
    });
    in_order(keys.map(|key| key.name).collect())
}

pub(super) fn in_order(mut names: Vec<String>) -> Vec<String> {
    names.sort_by_cached_key(|name| name.to_lowercase());
    names.dedup_by_key(|name| name.to_lowercase());
    names
}

/// A policy as the answer names it.
#[derive(Debug)]
pub(super) struct ShownPolicy {
    pub(super) layer: Layer,
    pub(super) source: Option<PolicySource>,
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) statements: Vec<StatementOutline>,
    bytes: usize,
}

impl ShownPolicy {
    /// A policy of the caller. `principal` is whose the inline ones are, such as `user_bob`.
    pub(super) fn of_caller(
        layer: Layer,
        kind: &'static str,
        attached: &AttachedPolicy,
        principal: &str,
    ) -> ShownPolicy {
        let last = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
        ShownPolicy {
            layer,
            source: Some(attached.source.clone()),
            id: match &attached.source {
                PolicySource::Inline { name } => format!("{principal}_{name}"),
                PolicySource::GroupInline { group, name } => format!("group_{group}_{name}"),
                PolicySource::Managed { arn }
                | PolicySource::GroupManaged { arn, .. }
                | PolicySource::SessionManaged { arn } => last(arn),
                // No simulation has session policies.
                PolicySource::SessionInline => String::new(),
            },
            kind,
            statements: attached.policy.outline(),
            bytes: attached.policy.text().len(),
        }
    }

    /// What one look at it costs: the places of its statements are counted out anew.
    pub(super) fn weight(&self) -> usize {
        self.bytes.saturating_mul(self.statements.len())
    }
}

/// `ResourcePolicy`, compiled for what it can be the policy of.
#[derive(Debug)]
pub(super) struct ResourcePolicy {
    text: String,
    trust: Option<Policy>,
    key: Option<Policy>,
    other: Option<Policy>,
}

/// What a resource is, as far as its policy is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResourceClass {
    Role,
    Key,
    Other,
}

impl ResourceClass {
    pub(super) fn of(action: &str, resource: &str) -> ResourceClass {
        let to_role = action.starts_with("sts:Assume")
            || matches!(action, "sts:TagSession" | "sts:SetSourceIdentity");
        if to_role && resource.contains(":role/") {
            ResourceClass::Role
        } else if action.starts_with("kms:") {
            ResourceClass::Key
        } else {
            ResourceClass::Other
        }
    }
}

impl ResourcePolicy {
    pub(super) fn read(text: &str) -> Result<ResourcePolicy, InvalidSimulation> {
        let policy = ResourcePolicy {
            text: text.to_owned(),
            trust: Policy::load(PolicyKind::Trust, text).ok(),
            key: Policy::load(PolicyKind::Key, text).ok(),
            other: Policy::load(PolicyKind::Bucket, text).ok(),
        };
        match &policy {
            ResourcePolicy {
                trust: None,
                key: None,
                other: None,
                ..
            } => Err(policy.invalid()),
            _ => Ok(policy),
        }
    }

    /// What is wrong with it, in the words in which a stored one is refused.
    fn invalid(&self) -> InvalidSimulation {
        let finding = Policy::parse(PolicyKind::VpcEndpoint, &self.text).err();
        InvalidSimulation::Policy {
            place: "ResourcePolicy".to_owned(),
            message: match finding {
                Some(finding) => finding.message,
                None => "Syntax errors in policy.".to_owned(),
            },
        }
    }

    pub(super) fn of(&self, class: ResourceClass) -> Result<&Policy, InvalidSimulation> {
        let compiled = match class {
            ResourceClass::Role => &self.trust,
            ResourceClass::Key => &self.key,
            ResourceClass::Other => &self.other,
        };
        compiled.as_ref().ok_or_else(|| self.invalid())
    }

    /// As the answer names it, in the layer that it is in. Its statements are the same, whatever it
    /// is compiled for.
    pub(super) fn shown(&self) -> ShownPolicy {
        let (layer, policy) = match (&self.trust, &self.other, &self.key) {
            (Some(trust), _, _) => (Layer::Trust, Some(trust)),
            (None, Some(other), _) => (Layer::Resource, Some(other)),
            (None, None, key) => (Layer::Resource, key.as_ref()),
        };
        ShownPolicy {
            layer,
            source: None,
            id: "ResourcePolicy".to_owned(),
            kind: RESOURCE_POLICY,
            statements: policy.map(Policy::outline).unwrap_or_default(),
            bytes: self.text.len(),
        }
    }
}

pub(super) fn resource_side(policy: &Policy, class: ResourceClass) -> ResourceSide<'_> {
    match class {
        ResourceClass::Role => ResourceSide::Trust(policy),
        ResourceClass::Key => ResourceSide::Key(KeySide {
            policy,
            grants: &[],
            encryption_context: &[],
        }),
        // The rules of S3 without ACLs are those of every service that has resource policies.
        ResourceClass::Other => ResourceSide::S3(S3Side {
            policy: Some(policy),
            ownership: ObjectOwnership::BucketOwnerEnforced,
            bucket_acl: &[],
            object: None,
            block_public_access: BlockPublicAccess::default(),
            writes_public_acl: false,
            writes_policy: None,
            is_upload_initiator: false,
            owner_canonical_id: None,
        }),
    }
}
