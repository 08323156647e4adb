//! The rules of KMS: key policies and grants.
use crate::evaluate::{Conclusion, Delegation, OwnSide, allow, same_account, silent};
use crate::layer::Said;
use crate::verdict::Recorder;
use crate::{CallerKind, KeyGrant, KeySide, Layer, Question, Reason, Step};

/// Key policies and grants (spec E-8).
pub(crate) fn rules(
    question: &Question<'_>,
    own: &OwnSide<'_>,
    policy: &Said<'_>,
    key: &KeySide<'_>,
    recorder: &mut impl Recorder,
) -> Conclusion {
    let caller = question.caller;
    let same_account_as_key = caller.has_account() && caller.account == question.owner;
    if caller.has_account() && !same_account_as_key && !works_across_accounts(question.action) {
        return silent(Layer::Resource);
    }
    if let Some(grant) = key.grants.iter().find(|grant| grant.allows(question, key)) {
        recorder.note(|| Step::KeyGrant {
            grantee: grant.grantee.clone(),
        });
        return allow(Reason::KeyGrant);
    }
    if !policy.allows {
        return silent(Layer::Resource);
    }
    match caller.kind {
        CallerKind::Root if same_account_as_key => allow(Reason::DelegatedToAccount),
        CallerKind::Root | CallerKind::Service { .. } => allow(Reason::ResourceSide),
        CallerKind::Anonymous | CallerKind::TokenHolder { .. } => silent(Layer::Resource),
        CallerKind::User | CallerKind::RoleSession { .. } | CallerKind::FederatedUser { .. } => {
            if same_account_as_key {
                same_account(own, policy.ways, Delegation::Needed)
            } else if own.allows() {
                allow(Reason::BothSides)
            } else {
                silent(own.missing())
            }
        }
    }
}

/// Cryptographic operations and the few others that accounts may allow each other.
fn works_across_accounts(action: &str) -> bool {
    let administrative = matches!(
        action,
        "kms:CreateGrant"
            | "kms:DescribeKey"
            | "kms:GetKeyRotationStatus"
            | "kms:GetPublicKey"
            | "kms:ListGrants"
            | "kms:RetireGrant"
            | "kms:RevokeGrant"
    );
    let cryptographic = [
        "kms:Decrypt",
        "kms:DeriveSharedSecret",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateMac",
        "kms:ReEncrypt",
        "kms:Sign",
        "kms:Verify",
    ];
    administrative || cryptographic.iter().any(|start| action.starts_with(start))
}

/// What constraints of grants are about; they do not keep a grantee from managing the key.
fn takes_encryption_context(action: &str) -> bool {
    [
        "kms:Decrypt",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:ReEncrypt",
    ]
    .iter()
    .any(|start| action.starts_with(start))
}

impl KeyGrant {
    fn allows(&self, question: &Question<'_>, key: &KeySide<'_>) -> bool {
        let caller = question.caller;
        let role = match &caller.kind {
            CallerKind::RoleSession { role_arn, .. } => Some(role_arn),
            CallerKind::User
            | CallerKind::Root
            | CallerKind::FederatedUser { .. }
            | CallerKind::Anonymous
            | CallerKind::TokenHolder { .. }
            | CallerKind::Service { .. } => None,
        };
        let grantee =
            caller.has_account() && (self.grantee == caller.arn || role == Some(&self.grantee));
        let operation = question.action.strip_prefix("kms:");
        let operation = self.operations.iter().any(|own| Some(&**own) == operation);
        let has = |pairs: &[(String, String)], pair| pairs.contains(pair);
        let given = key.encryption_context;
        let equals = self
            .encryption_context_equals
            .as_deref()
            .is_none_or(|wanted| {
                wanted.iter().all(|pair| has(given, pair))
                    && given.iter().all(|pair| has(wanted, pair))
            });
        let subset = self.encryption_context_subset.as_deref();
        let subset = subset.is_none_or(|wanted| wanted.iter().all(|pair| has(given, pair)));
        let constrained = takes_encryption_context(question.action);
        grantee && operation && (!constrained || (equals && subset))
    }
}
