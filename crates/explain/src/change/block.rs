//! Candidates where Block Public Access refuses.

use catalog::AccountId;
use policy::{Denial, Layer, S3Target, Target};
use serde_json::json;

use crate::edit;
use crate::explanation::Step;
use crate::inquiry::Inquiry;

use super::Candidate;
use super::allow::{put_resource_policy, resource_policy, with_resource_policy};

pub(super) fn against_block(inquiry: &Inquiry<'_>, denial: &Denial) -> Vec<Candidate> {
    let mut found = Vec::new();
    match denial.layer {
        Layer::BlockPublicAcls => {
            if let Some(different) = without_public_acl(inquiry) {
                found.push(different);
            }
            found.extend(flag_off(inquiry, "BlockPublicAcls", |block| {
                block.block_public_acls = false;
            }));
        }
        Layer::BlockPublicPolicy => {
            found.extend(flag_off(inquiry, "BlockPublicPolicy", |block| {
                block.block_public_policy = false;
            }));
        }
        _ => {
            found.extend(name_the_caller(inquiry));
            found.extend(flag_off(inquiry, "RestrictPublicBuckets", |block| {
                block.restrict_public_buckets = false;
            }));
        }
    }
    found
}

pub(super) fn without_public_acl(inquiry: &Inquiry<'_>) -> Option<Candidate> {
    let mut case = inquiry.case.clone();
    let Target::S3(s3) = &mut case.target else {
        return None;
    };
    s3.writes_public_acl = false;
    case.context
        .retain(|key, _| key != "s3:x-amz-acl" && !key.starts_with("s3:x-amz-grant-"));
    Some(Candidate {
        case,
        step: Step {
            account: None,
            place: "In the request".to_owned(),
            what: "Send no ACL that grants to everyone or to all AWS accounts.".to_owned(),
            json: None,
            command: None,
            confidential_of: None,
        },
    })
}

/// Public statements name the caller's account in the place of everyone.
pub(super) fn name_the_caller(inquiry: &Inquiry<'_>) -> Option<Candidate> {
    let case = inquiry.case;
    let account = case.caller.account?;
    let (policy, kind) = resource_policy(case)?;
    let mut document = edit::readable(policy, inquiry.names);
    let count = edit::statements(&document).len();
    for index in 0..count {
        let edited = edit::changed(&document, index, |statement| {
            let everyone = [json!("*"), json!({"AWS": "*"}), json!({"AWS": ["*"]})];
            let public = statement.get("Effect") == Some(&json!("Allow"))
                && statement
                    .get("Principal")
                    .is_some_and(|principal| everyone.contains(principal));
            if !public {
                return None;
            }
            statement.insert("Principal".to_owned(), json!({ "AWS": account.root_arn() }));
            Some(())
        });
        if let Some(edited) = edited {
            document = edited;
        }
    }
    let changed = with_resource_policy(case, edit::policy(kind, &document)?)?;
    Some(Candidate {
        case: changed,
        step: Step {
            account: case.owner,
            place: format!("In {}", inquiry.owner()),
            what: format!(
                "Let the {} name accounts in the place of everyone, so that it is not public.",
                inquiry.resource_policy()
            ),
            json: Some(json!({"Principal": {"AWS": account.root_arn()}})),
            command: put_resource_policy(inquiry, &document),
            confidential_of: None,
        },
    })
}

pub(super) fn flag_off(
    inquiry: &Inquiry<'_>,
    flag: &str,
    off: impl Fn(&mut policy::BlockPublicAccess),
) -> Vec<Candidate> {
    let Target::S3(target) = &inquiry.case.target else {
        return Vec::new();
    };
    let (mut bucket, mut account) = (target.bucket_block, target.account_block);
    off(&mut bucket);
    off(&mut account);
    let mut found = Vec::new();
    let mut push = |changed: S3Target, command: String, place: String, owner: Option<AccountId>| {
        let mut case = inquiry.case.clone();
        case.target = Target::S3(Box::new(changed));
        found.push(Candidate {
            case,
            step: Step {
                account: owner,
                place,
                what: format!("Switch {flag} off, if the data is meant to be public."),
                json: Some(json!({ flag: false })),
                command: Some(command),
                confidential_of: None,
            },
        });
    };
    if bucket != target.bucket_block {
        push(
            S3Target {
                bucket_block: bucket,
                ..S3Target::clone(target)
            },
            format!(
                "aws s3api put-public-access-block --bucket {} \\\n  --public-access-block-configuration {}",
                edit::word(&target.bucket),
                flags(bucket)
            ),
            format!("In {}", inquiry.owner()),
            inquiry.case.owner,
        );
    }
    if account != target.account_block {
        push(
            S3Target {
                account_block: account,
                ..S3Target::clone(target)
            },
            format!(
                "aws s3control put-public-access-block --account-id {} \\\n  --public-access-block-configuration {}",
                inquiry
                    .case
                    .owner
                    .map(|owner| owner.to_string())
                    .unwrap_or_default(),
                flags(account)
            ),
            format!("In {}, for all its buckets", inquiry.owner()),
            inquiry.case.owner,
        );
    }
    found
}

pub(super) fn flags(block: policy::BlockPublicAccess) -> String {
    format!(
        "BlockPublicAcls={},IgnorePublicAcls={},BlockPublicPolicy={},RestrictPublicBuckets={}",
        block.block_public_acls,
        block.ignore_public_acls,
        block.block_public_policy,
        block.restrict_public_buckets
    )
}
