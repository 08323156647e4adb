//! Candidates where nothing allows: whose policy, ACL or request could.
use std::sync::Arc;

use policy::{
    AttachedPolicy, CallerKind, Case, Layer, Policy, PolicyKind, PolicySource, StatementStep,
    Target,
};
use serde_json::{Value, json};

use crate::edit;
use crate::explanation::Step;
use crate::inquiry::Inquiry;
use crate::request;
use crate::sides::is_foreign_object;

use super::{Candidate, Care};

pub(super) fn for_layer(inquiry: &Inquiry<'_>, layer: Layer, care: Care) -> Vec<Candidate> {
    let mut found = match care {
        Care::KeepConditions | Care::AnyChange => ask_differently(inquiry, layer),
        Care::SameRequest => Vec::new(),
    };
    if care == Care::KeepConditions && !found.is_empty() {
        return found;
    }
    match layer {
        Layer::Identity => found.extend(allow_holder(inquiry)),
        Layer::Boundary => found.extend(allow_in_boundary(inquiry)),
        Layer::Session => found.extend(allow_in_session(inquiry)),
        Layer::Trust => {
            found.extend(extend_trust(inquiry));
            found.extend(allow_in_trust(inquiry));
        }
        Layer::Resource => {
            if is_foreign_object(inquiry) {
                found.extend(grant_by_acl(inquiry));
                found.extend(enforce_ownership(inquiry));
            } else {
                found.extend(revive_principal(inquiry));
                found.extend(allow_in_resource_policy(inquiry));
            }
        }
        Layer::ServiceControl
        | Layer::ResourceControl
        | Layer::VpcEndpoint
        | Layer::BlockPublicAcls
        | Layer::BlockPublicPolicy => {}
    }
    found
}

/// The statement that came nearest lacks only what the request decides.
pub(super) fn ask_differently(inquiry: &Inquiry<'_>, layer: Layer) -> Vec<Candidate> {
    let Some(nearest) = inquiry.nearest(layer) else {
        return Vec::new();
    };
    let mut conditions = Vec::new();
    for (clause, wanted, _) in nearest.failures() {
        match clause {
            policy::Clause::Condition { operator, key } => conditions.push((operator, key, wanted)),
            _ => return Vec::new(),
        }
    }
    let mut case = inquiry.case.clone();
    let mut parts = Vec::new();
    for (operator, key, wanted) in conditions {
        // Keys are set one after the other; what does not help is found out by the proof.
        let different = request::values_to_try(operator, wanted)
            .into_iter()
            .find_map(|value| {
                let different = request::with_key(&case, key, value.as_deref())?;
                let trial = inquiry.trial(&different.case)?;
                let still = trial
                    .statements(layer)
                    .find(|s| s.index == nearest.index && s.source == nearest.source)
                    .is_some_and(|s| s.failures().count() < nearest.failures().count());
                (still || trial.decision().is_allowed()).then_some(different)
            });
        let Some(different) = different else {
            return Vec::new();
        };
        case = different.case.clone();
        parts.push(different);
    }
    if parts.is_empty() {
        return Vec::new();
    }
    vec![Candidate {
        case,
        step: asked_differently(inquiry, &parts, layer),
    }]
}

pub(super) fn asked_differently(
    inquiry: &Inquiry<'_>,
    parts: &[request::Different],
    layer: Layer,
) -> Step {
    let what: Vec<_> = parts.iter().map(|part| part.what.as_str()).collect();
    let arguments: Vec<_> = parts.iter().filter_map(|p| p.argument.clone()).collect();
    // What a policy demands is its account's to tell.
    let whose = match layer {
        Layer::Resource | Layer::Trust => inquiry.case.owner,
        _ => inquiry.case.caller.account,
    };
    Step {
        account: None,
        place: "In the request".to_owned(),
        what: what.join(" "),
        json: None,
        command: (arguments.len() == parts.len()).then(|| {
            format!(
                "{} … {}",
                command_of(&inquiry.case.action),
                arguments.join(" ")
            )
        }),
        confidential_of: whose,
    }
}

pub(super) fn command_of(action: &str) -> &'static str {
    match action {
        "sts:AssumeRole" | "sts:TagSession" | "sts:SetSourceIdentity" => "aws sts assume-role",
        "s3:PutObject" | "s3:PutObjectAcl" | "s3:PutObjectTagging" => "aws s3api put-object",
        "s3:GetObject" => "aws s3api get-object",
        "s3:ListBucket" => "aws s3api list-objects-v2",
        _ => "aws",
    }
}

/// `AllowGetObject`
pub(super) fn name_for(action: &str) -> String {
    let name = action.rsplit(':').next().unwrap_or(action);
    format!("Allow{name}")
}

/// A name that no inline policy of the holder has: saving one under a name that is taken replaces it.
pub(super) fn free_name(case: &Case) -> String {
    let first = name_for(&case.action);
    let taken = |name: &str| {
        let is_taken = |source: &PolicySource| matches!(source, PolicySource::Inline { name: of } if of.eq_ignore_ascii_case(name));
        case.identity.iter().any(|own| is_taken(&own.source))
    };
    let numbered = (2..).map(|number| format!("{first}{number}"));
    let mut names = std::iter::once(first.clone()).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or(first)
}

pub(super) fn identity_statement(case: &Case) -> Value {
    json!({"Effect": "Allow", "Action": case.action, "Resource": literal(&case.resource)})
}

/// A resource as a pattern that means it alone: keys may hold what patterns are made of, and nobody
/// who is asked to allow the key `*` shall allow every key.
pub(super) fn literal(resource: &str) -> String {
    // Actions on no resource of their own are asked on all.
    if resource == "*" || resource.ends_with(":::*") {
        return resource.to_owned();
    }
    let mut pattern = String::with_capacity(resource.len());
    let mut chars = resource.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' | '?' => pattern.extend(["${", c.encode_utf8(&mut [0; 4]), "}"]),
            '$' if chars.peek() == Some(&'{') => pattern.push_str("${$}"),
            c => pattern.push(c),
        }
    }
    pattern
}

pub(super) fn allow_holder(inquiry: &Inquiry<'_>) -> Option<Candidate> {
    let case = inquiry.case;
    let statement = identity_statement(case);
    let document = edit::with(None, &statement);
    let policy = edit::policy(PolicyKind::Identity, &document)?;
    let name = free_name(case);
    let mut changed = case.clone();
    changed.identity.push(AttachedPolicy {
        source: PolicySource::Inline { name: name.clone() },
        policy,
    });
    let (verb, option, holder) = holder(inquiry)?;
    Some(Candidate {
        case: changed,
        step: Step {
            account: case.caller.account,
            place: format!("In {}", inquiry.callers_account()),
            what: format!(
                "Allow {} on {} to {}.",
                case.action,
                case.resource,
                inquiry.holder()
            ),
            json: Some(statement),
            command: Some(format!(
                "aws iam {verb} {option} {} \\\n  --policy-name {} \\\n  --policy-document {}",
                edit::word(&holder),
                edit::word(&name),
                edit::quoted(&document)
            )),
            confidential_of: None,
        },
    })
}

/// Command, option and name to put an inline policy on whoever calls.
pub(super) fn holder(inquiry: &Inquiry<'_>) -> Option<(&'static str, &'static str, String)> {
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
    match &inquiry.case.caller.kind {
        CallerKind::User => Some((
            "put-user-policy",
            "--user-name",
            name(&inquiry.case.caller.arn),
        )),
        CallerKind::FederatedUser { user_arn, .. } => {
            Some(("put-user-policy", "--user-name", name(user_arn)))
        }
        CallerKind::RoleSession { role_arn, .. } => {
            Some(("put-role-policy", "--role-name", name(role_arn)))
        }
        CallerKind::Anonymous
        | CallerKind::Root
        | CallerKind::TokenHolder { .. }
        | CallerKind::Service { .. } => None,
    }
}

pub(super) fn allow_in_boundary(inquiry: &Inquiry<'_>) -> Option<Candidate> {
    let case = inquiry.case;
    let boundary = case.boundary.as_ref()?;
    let statement = identity_statement(case);
    let document = edit::with(
        Some(&edit::readable(&boundary.policy, inquiry.names)),
        &statement,
    );
    let mut changed = case.clone();
    changed.boundary = Some(AttachedPolicy {
        source: boundary.source.clone(),
        policy: edit::policy(boundary.policy.kind(), &document)?,
    });
    Some(Candidate {
        case: changed,
        step: Step {
            account: case.caller.account,
            place: format!("In {}", inquiry.callers_account()),
            what: match &boundary.source {
                PolicySource::Managed { arn } if arn.starts_with("arn:aws:iam::aws:") => format!(
                    "The permissions boundary of {} is AWS's own policy, which nobody can change: \
                     put one of your own in its place that allows {} on {} too.",
                    inquiry.holder(),
                    case.action,
                    case.resource
                ),
                _ => format!(
                    "Let the permissions boundary of {} allow {} on {}.",
                    inquiry.holder(),
                    case.action,
                    case.resource
                ),
            },
            json: Some(statement),
            command: new_version(&boundary.source, &document),
            confidential_of: None,
        },
    })
}

pub(super) fn new_version(source: &PolicySource, document: &Value) -> Option<String> {
    let arn = match source {
        PolicySource::Managed { arn } | PolicySource::GroupManaged { arn, .. } => arn,
        PolicySource::Inline { .. }
        | PolicySource::GroupInline { .. }
        | PolicySource::SessionInline
        | PolicySource::SessionManaged { .. } => return None,
    };
    // Nobody changes AWS's own policies.
    if arn.starts_with("arn:aws:iam::aws:") {
        return None;
    }
    Some(format!(
        "aws iam create-policy-version --set-as-default \\\n  --policy-arn {} \\\n  --policy-document {}",
        edit::word(arn),
        edit::quoted(document)
    ))
}

pub(super) fn allow_in_session(inquiry: &Inquiry<'_>) -> Option<Candidate> {
    let case = inquiry.case;
    let statement = identity_statement(case);
    let document = edit::with(None, &statement);
    let mut changed = case.clone();
    changed
        .session
        .get_or_insert_with(Vec::new)
        .push(AttachedPolicy {
            source: PolicySource::SessionInline,
            policy: edit::policy(PolicyKind::Session, &document)?,
        });
    Some(Candidate {
        case: changed,
        step: Step {
            account: None,
            place: "When the session is made".to_owned(),
            what: format!(
                "Pass a session policy that allows {} on {}{}.",
                case.action,
                case.resource,
                match case.caller.kind {
                    // Without one, a federated user may do nothing.
                    CallerKind::FederatedUser { .. } if inquiry.has_no_session_policy() => "",
                    CallerKind::FederatedUser { .. } => " too",
                    _ => " too, or none",
                }
            ),
            json: Some(statement),
            command: None,
            confidential_of: None,
        },
    })
}

/// The principal that a resource's policy should name for this caller.
pub(super) fn principal(case: &Case) -> Value {
    match &case.caller.kind {
        CallerKind::Anonymous | CallerKind::TokenHolder { .. } => json!("*"),
        CallerKind::Service { name } => json!({ "Service": name }),
        CallerKind::RoleSession { role_arn, .. } => json!({ "AWS": role_arn }),
        CallerKind::Root | CallerKind::User | CallerKind::FederatedUser { .. } => {
            json!({ "AWS": case.caller.arn })
        }
    }
}

pub(super) fn allow_in_trust(inquiry: &Inquiry<'_>) -> Option<Candidate> {
    let case = inquiry.case;
    let Target::Trust {
        policy: Some(trust),
    } = &case.target
    else {
        return None;
    };
    if !matches!(
        case.caller.kind,
        CallerKind::User | CallerKind::RoleSession { .. }
    ) {
        return None;
    }
    let statement = json!({
        "Effect": "Allow", "Principal": principal(case), "Action": case.action,
    });
    let document = edit::with(Some(&edit::readable(trust, inquiry.names)), &statement);
    let mut changed = case.clone();
    changed.target = Target::Trust {
        policy: Some(edit::policy(PolicyKind::Trust, &document)?),
    };
    Some(Candidate {
        case: changed,
        step: Step {
            account: case.owner,
            place: format!("In {}", inquiry.owner()),
            what: format!(
                "Let the trust policy of role {} name the caller for {}.",
                inquiry.resource_name(),
                case.action
            ),
            json: Some(statement),
            command: Some(trust_command(inquiry, &document)),
            confidential_of: None,
        },
    })
}

/// Tags and source identities of sessions are trusted by the statement that trusts the caller to
/// assume the role, under its conditions: it wants one action more.
pub(super) fn extend_trust(inquiry: &Inquiry<'_>) -> Option<Candidate> {
    let case = inquiry.case;
    let Target::Trust {
        policy: Some(trust),
    } = &case.target
    else {
        return None;
    };
    if !["sts:TagSession", "sts:SetSourceIdentity"].contains(&&*case.action) {
        return None;
    }
    let nearest = inquiry.nearest(Layer::Trust)?;
    let mut failures = nearest.failures();
    let (clause, ..) = failures.next()?;
    if *clause != policy::Clause::Action || failures.next().is_some() {
        return None;
    }
    let document = edit::readable(trust, inquiry.names);
    let edited = edit::changed(&document, nearest.index, |statement| {
        let listed = statement.get_mut("Action")?;
        let mut actions = edit::items(listed);
        actions.push(json!(case.action));
        *listed = Value::Array(actions);
        Some(())
    })?;
    let mut changed = case.clone();
    changed.target = Target::Trust {
        policy: Some(edit::policy(PolicyKind::Trust, &edited)?),
    };
    Some(Candidate {
        case: changed,
        step: Step {
            account: case.owner,
            place: format!("In {}", inquiry.owner()),
            what: format!(
                "Let {} of the trust policy of role {} allow {} too.",
                Inquiry::statement_name(nearest),
                inquiry.resource_name(),
                case.action
            ),
            json: edit::statements(&edited).get(nearest.index).cloned(),
            command: Some(trust_command(inquiry, &edited)),
            confidential_of: case.owner,
        },
    })
}

pub(super) fn trust_command(inquiry: &Inquiry<'_>, document: &Value) -> String {
    let document = &edit::without_the_deleted(document, inquiry.names);
    format!(
        "aws iam update-assume-role-policy \\\n  --role-name {} \\\n  --policy-document {}",
        edit::word(inquiry.resource_name()),
        edit::quoted(document)
    )
}

/// A statement that would let the caller in names a deleted principal, and the caller is of the
/// same account and kind: the document wants to be saved again with the ARN.
pub(super) fn revive_principal(inquiry: &Inquiry<'_>) -> Option<Candidate> {
    let (policy, kind) = resource_policy(inquiry.case)?;
    let layer = match inquiry.case.target {
        Target::Trust { .. } => Layer::Trust,
        Target::None | Target::S3(_) | Target::Key(_) => Layer::Resource,
    };
    let nearest = inquiry.nearest(layer)?;
    let orphan = orphan_of(inquiry, nearest)?;
    let arn = inquiry.case.caller.principal_arn.clone();
    let text = policy
        .rewrite_principals(|principal| match principal {
            policy::PrincipalRef::UniqueId(id) if id == orphan => {
                policy::Rewrite::Replace(arn.clone())
            }
            _ => policy::Rewrite::Keep,
        })
        .ok()?;
    let repaired = Policy::load(kind, &text).ok()?;
    let document = edit::readable(&repaired, inquiry.names);
    let statement = edit::statements(&document).get(nearest.index).cloned();
    let case = with_resource_policy(inquiry.case, edit::policy(kind, &document)?)?;
    Some(Candidate {
        case,
        step: Step {
            account: inquiry.case.owner,
            place: format!("In {}", inquiry.owner()),
            what: format!(
                "Save the {} again with {arn} in the place of {orphan}.",
                inquiry.resource_policy()
            ),
            json: statement,
            command: put_resource_policy(inquiry, &document),
            confidential_of: inquiry.case.owner,
        },
    })
}

/// The id of a deleted principal of the caller's account and kind, in a statement that fails on
/// its principal alone.
pub(crate) fn orphan_of(inquiry: &Inquiry<'_>, statement: &StatementStep) -> Option<String> {
    let mut failures = statement.failures();
    let (clause, wanted, _) = failures.next()?;
    if *clause != policy::Clause::Principal || failures.next().is_some() {
        return None;
    }
    let wanted_kind = match inquiry.case.caller.kind {
        CallerKind::User => catalog::EntityKind::User,
        CallerKind::RoleSession { .. } => catalog::EntityKind::Role,
        _ => return None,
    };
    let orphan = wanted.iter().find(|id| {
        let origin = inquiry.names.origin_of(id);
        let same = origin.is_some_and(|(account, kind)| {
            Some(account) == inquiry.case.caller.account && kind == wanted_kind
        });
        same && inquiry.names.arn_of(id).is_none()
    })?;
    Some(orphan.clone())
}

pub(super) fn resource_policy(case: &Case) -> Option<(&Arc<Policy>, PolicyKind)> {
    match &case.target {
        Target::S3(s3) => Some((s3.policy.as_ref()?, PolicyKind::Bucket)),
        Target::Trust { policy } => Some((policy.as_ref()?, PolicyKind::Trust)),
        Target::Key(key) => Some((&key.policy, PolicyKind::Key)),
        Target::None => None,
    }
}

pub(super) fn with_resource_policy(case: &Case, policy: Arc<Policy>) -> Option<Case> {
    let mut changed = case.clone();
    match &mut changed.target {
        Target::S3(s3) => s3.policy = Some(policy),
        Target::Trust { policy: trust } => *trust = Some(policy),
        Target::Key(key) => key.policy = policy,
        Target::None => return None,
    }
    Some(changed)
}

pub(super) fn put_resource_policy(inquiry: &Inquiry<'_>, document: &Value) -> Option<String> {
    let document = &edit::without_the_deleted(document, inquiry.names);
    match &inquiry.case.target {
        Target::S3(s3) => Some(format!(
            "aws s3api put-bucket-policy --bucket {} \\\n  --policy {}",
            edit::word(&s3.bucket),
            edit::quoted(document)
        )),
        Target::Trust { .. } => Some(trust_command(inquiry, document)),
        Target::Key(_) => Some(format!(
            "aws kms put-key-policy --key-id {} \\\n  --policy-name default --policy {}",
            edit::word(&inquiry.case.resource),
            edit::quoted(document)
        )),
        Target::None => None,
    }
}

pub(super) fn allow_in_resource_policy(inquiry: &Inquiry<'_>) -> Option<Candidate> {
    let case = inquiry.case;
    let (kind, resource) = match &case.target {
        Target::S3(_) => (PolicyKind::Bucket, literal(&case.resource)),
        Target::Key(_) => (PolicyKind::Key, "*".to_owned()),
        Target::None | Target::Trust { .. } => return None,
    };
    let present = resource_policy(case).map(|(policy, _)| edit::readable(policy, inquiry.names));
    let statement = json!({
        "Sid": edit::free_sid(present.as_ref(), &name_for(&case.action)),
        "Effect": "Allow",
        "Principal": principal(case),
        "Action": case.action,
        "Resource": resource,
    });
    let document = edit::with(present.as_ref(), &statement);
    let changed = with_resource_policy(case, edit::policy(kind, &document)?)?;
    Some(Candidate {
        case: changed,
        step: Step {
            account: case.owner,
            place: format!("In {}", inquiry.owner()),
            what: format!("Add a statement to the {}.", inquiry.resource_policy()),
            json: Some(statement),
            command: put_resource_policy(inquiry, &document),
            confidential_of: None,
        },
    })
}

pub(super) fn bucket_and_key(case: &Case) -> Option<(&str, &str)> {
    case.resource.strip_prefix("arn:aws:s3:::")?.split_once('/')
}

/// The owner of an object in somebody else's bucket grants access by the object's ACL.
pub(super) fn grant_by_acl(inquiry: &Inquiry<'_>) -> Option<Candidate> {
    let case = inquiry.case;
    let Target::S3(s3) = &case.target else {
        return None;
    };
    let object = s3.object.as_ref()?;
    let owner = object.owner?;
    let (bucket, key) = bucket_and_key(case)?;
    // The canned ACL is for the bucket's owner alone; other accounts take a grant of their own.
    let (grantee, argument) = if inquiry.is_one_account() {
        let id = s3.owner_canonical_id.as_ref()?;
        (id.to_string(), "--acl bucket-owner-full-control".to_owned())
    } else {
        let id = case.caller.canonical_id.as_ref()?;
        (id.to_string(), format!("--grant-full-control id={id}"))
    };
    let mut changed = case.clone();
    if let Target::S3(s3) = &mut changed.target
        && let Some(object) = &mut s3.object
    {
        object.acl.push(policy::Grant {
            grantee: policy::Grantee::CanonicalUser(grantee),
            permission: policy::Permission::FullControl,
        });
    }
    Some(Candidate {
        case: changed,
        step: Step {
            account: Some(owner),
            place: format!("In {}, which owns the object", inquiry.account(owner)),
            what: "Give access by the object's ACL (or upload it again with that ACL).".to_owned(),
            json: None,
            command: Some(format!(
                "aws s3api put-object-acl --bucket {} --key {} \\\n  {argument}",
                edit::word(bucket),
                edit::word(key)
            )),
            confidential_of: None,
        },
    })
}

/// The bucket's owner takes all objects.
pub(super) fn enforce_ownership(inquiry: &Inquiry<'_>) -> Option<Candidate> {
    let mut changed = inquiry.case.clone();
    let Target::S3(s3) = &mut changed.target else {
        return None;
    };
    s3.ownership = policy::ObjectOwnership::BucketOwnerEnforced;
    let bucket = s3.bucket.clone();
    Some(Candidate {
        case: changed,
        step: Step {
            account: inquiry.case.owner,
            place: format!("In {}", inquiry.owner()),
            what: "Let the bucket's owner own every object, which switches ACLs off.".to_owned(),
            json: Some(json!({"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})),
            command: Some(format!(
                "aws s3api put-bucket-ownership-controls --bucket {} \\\n  --ownership-controls 'Rules=[{{ObjectOwnership=BucketOwnerEnforced}}]'",
                edit::word(&bucket)
            )),
            confidential_of: None,
        },
    })
}
