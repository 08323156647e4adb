//! AWS's own managed policies, as far as this server has a use for them.
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use policy::{Policy, PolicyKind};

/// The document of an AWS managed policy; `None` for one that is not here.
pub fn document(arn: &str) -> Option<&'static Arc<Policy>> {
    all().get(arn)
}

fn all() -> &'static HashMap<&'static str, Arc<Policy>> {
    static ALL: OnceLock<HashMap<&'static str, Arc<Policy>>> = OnceLock::new();
    ALL.get_or_init(|| {
        TEXTS
            .iter()
            .filter_map(|(arn, text)| {
                let policy = Policy::load(PolicyKind::Managed, text).ok()?;
                Some((*arn, Arc::new(policy)))
            })
            .collect()
    })
}

/// AWS: AWS managed policy reference.
const TEXTS: &[(&str, &str)] = &[
    (
        "arn:aws:iam::aws:policy/AdministratorAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    (
        "arn:aws:iam::aws:policy/AmazonS3FullAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","s3-object-lambda:*"],"Resource":"*"}]}"#,
    ),
    (
        "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}]}"#,
    ),
    (
        "arn:aws:iam::aws:policy/IAMFullAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*","organizations:DescribeAccount","organizations:DescribeOrganization","organizations:DescribeOrganizationalUnit","organizations:DescribePolicy","organizations:ListChildren","organizations:ListParents","organizations:ListPoliciesForTarget","organizations:ListRoots","organizations:ListPolicies","organizations:ListTargetsForPolicy"],"Resource":"*"}]}"#,
    ),
    (
        "arn:aws:iam::aws:policy/IAMReadOnlyAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GenerateCredentialReport","iam:GenerateServiceLastAccessedDetails","iam:Get*","iam:List*","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy"],"Resource":"*"}]}"#,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_compiles() {
        assert_eq!(all().len(), TEXTS.len());
    }
}
