//! The smallest change that would have allowed a refused question, proved before it is shown.
//!
//! Candidates are made for the layer that refused, and each is tried on a copy of the case by the
//! engine itself. Where another layer refuses then, the search goes on from there.
use std::sync::Arc;

use catalog::AccountId;
use policy::{
    AttachedPolicy, CallerKind, Case, Decision, Denial, Effect, Layer, Outcome, Policy, PolicyKind,
    PolicySource, Reason, S3Target, StatementStep, Target,
};
use serde_json::{Value, json};

use crate::edit;
use crate::explanation::{Change, Step};
use crate::inquiry::{Inquiry, Work};
use crate::names::Names;
use crate::request;
use crate::sides::is_foreign_object;

/// No change needs more: two accounts, each with a policy and two limits, and two denies.
const STEPS_MAX: usize = 6;
/// Copies of a case that are decided before the search gives up.
const TRIES_MAX: usize = 200;
/// Changes that are shown.
const CHANGES_MAX: usize = 2;

/// A case with one change made.
struct Candidate {
    case: Case,
    step: Step,
}

/// Proved changes, the smallest first.
pub(crate) fn changes(inquiry: &Inquiry<'_>) -> Vec<Change> {
    let found = search(inquiry, Care::KeepConditions);
    if found.is_empty() {
        search(inquiry, Care::AnyChange)
    } else {
        found
    }
}

/// Proved changes that leave the request as it is.
pub(crate) fn of_policies(case: &Case, names: &dyn Names) -> Vec<Change> {
    let work = Work::default();
    search(&Inquiry::of(case, names, &work), Care::SameRequest)
}

/// What a proposal may undo.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    /// Where a statement is for this caller and question under a condition that the request can
    /// meet, its author meant the condition: only the request changes.
    KeepConditions,
    /// A statement beside it, without the condition, may be proposed too.
    AnyChange,
    /// The request cannot be another one: only policies and settings change.
    SameRequest,
}

fn search(inquiry: &Inquiry<'_>, care: Care) -> Vec<Change> {
    let before = State::of(inquiry);
    let mut tries_left = TRIES_MAX;
    let mut found: Vec<Change> = Vec::new();
    for candidate in candidates(inquiry, care) {
        let steps = finish(
            candidate,
            &before,
            (inquiry, care),
            STEPS_MAX,
            &mut tries_left,
        );
        found.extend(steps.map(|steps| Change {
            steps: steps.into_iter().map(with_sound_command).collect(),
        }));
    }
    // The sort is stable: among equals, the candidate that was thought of first is better.
    found.sort_by_key(|change| change.steps.len());
    found.dedup();
    found.truncate(CHANGES_MAX);
    found
}

/// A command that cannot be copied as it is shown is not shown.
fn with_sound_command(mut step: Step) -> Step {
    step.command = step.command.filter(|command| edit::is_sound(command));
    step
}

/// How far a case is from allowed: a change that leaves it as it was is none.
#[derive(PartialEq)]
struct State {
    decision: Decision,
    reason: Reason,
    denies: usize,
}

impl State {
    fn of(inquiry: &Inquiry<'_>) -> State {
        State {
            decision: inquiry.decision(),
            reason: inquiry.reason(),
            denies: denies(inquiry),
        }
    }
}

/// Follows a candidate until the question is allowed.
fn finish(
    candidate: Candidate,
    before: &State,
    (first, care): (&Inquiry<'_>, Care),
    steps_left: usize,
    tries_left: &mut usize,
) -> Option<Vec<Step>> {
    *tries_left = tries_left.checked_sub(1)?;
    let inquiry = first.trial(&candidate.case)?;
    let after = State::of(&inquiry);
    if after.decision.is_allowed() {
        return Some(vec![candidate.step]);
    }
    if after == *before || after.denies > before.denies || steps_left <= 1 {
        return None;
    }
    candidates(&inquiry, care).into_iter().find_map(|next| {
        let mut steps = finish(next, &after, (first, care), steps_left - 1, tries_left)?;
        steps.insert(0, candidate.step.clone());
        Some(steps)
    })
}

fn denies(inquiry: &Inquiry<'_>) -> usize {
    [
        Layer::Identity,
        Layer::Boundary,
        Layer::Session,
        Layer::Resource,
        Layer::Trust,
    ]
    .into_iter()
    .flat_map(|layer| inquiry.statements(layer))
    .filter(|s| s.effect == Effect::Deny && s.outcome == Outcome::Matched)
    .count()
}

fn candidates(inquiry: &Inquiry<'_>, care: Care) -> Vec<Candidate> {
    let Decision::Deny(denial) = inquiry.decision() else {
        return Vec::new();
    };
    let reason = inquiry.reason();
    match reason {
        Reason::BlockPublicAccess => against_block(inquiry, &denial),
        Reason::ExplicitDeny => against_deny(inquiry, care),
        // A root user cannot be helped: it must not be one.
        Reason::RootAssumesRole => Vec::new(),
        _ => for_layer(inquiry, denial.layer, care),
    }
}

// Nothing allows.

fn for_layer(inquiry: &Inquiry<'_>, layer: Layer, care: Care) -> Vec<Candidate> {
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
fn ask_differently(inquiry: &Inquiry<'_>, layer: Layer) -> Vec<Candidate> {
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

fn asked_differently(inquiry: &Inquiry<'_>, parts: &[request::Different], layer: Layer) -> Step {
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

fn command_of(action: &str) -> &'static str {
    match action {
        "sts:AssumeRole" | "sts:TagSession" | "sts:SetSourceIdentity" => "aws sts assume-role",
        "s3:PutObject" | "s3:PutObjectAcl" | "s3:PutObjectTagging" => "aws s3api put-object",
        "s3:GetObject" => "aws s3api get-object",
        "s3:ListBucket" => "aws s3api list-objects-v2",
        _ => "aws",
    }
}

/// `AllowGetObject`
fn name_for(action: &str) -> String {
    let name = action.rsplit(':').next().unwrap_or(action);
    format!("Allow{name}")
}

/// A name that no inline policy of the holder has: saving one under a name that is taken replaces it.
fn free_name(case: &Case) -> String {
    let first = name_for(&case.action);
    let taken = |name: &str| {
        let is_taken = |source: &PolicySource| matches!(source, PolicySource::Inline { name: of } if of.eq_ignore_ascii_case(name));
        case.identity.iter().any(|own| is_taken(&own.source))
    };
    let numbered = (2..).map(|number| format!("{first}{number}"));
    let mut names = std::iter::once(first.clone()).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or(first)
}

fn identity_statement(case: &Case) -> Value {
    json!({"Effect": "Allow", "Action": case.action, "Resource": literal(&case.resource)})
}

/// A resource as a pattern that means it alone: keys may hold what patterns are made of, and nobody
/// who is asked to allow the key `*` shall allow every key.
fn literal(resource: &str) -> String {
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

fn allow_holder(inquiry: &Inquiry<'_>) -> Option<Candidate> {
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
fn holder(inquiry: &Inquiry<'_>) -> Option<(&'static str, &'static str, String)> {
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

fn allow_in_boundary(inquiry: &Inquiry<'_>) -> Option<Candidate> {
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

fn new_version(source: &PolicySource, document: &Value) -> Option<String> {
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

fn allow_in_session(inquiry: &Inquiry<'_>) -> Option<Candidate> {
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
fn principal(case: &Case) -> Value {
    match &case.caller.kind {
        CallerKind::Anonymous | CallerKind::TokenHolder { .. } => json!("*"),
        CallerKind::Service { name } => json!({ "Service": name }),
        CallerKind::RoleSession { role_arn, .. } => json!({ "AWS": role_arn }),
        CallerKind::Root | CallerKind::User | CallerKind::FederatedUser { .. } => {
            json!({ "AWS": case.caller.arn })
        }
    }
}

fn allow_in_trust(inquiry: &Inquiry<'_>) -> Option<Candidate> {
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
fn extend_trust(inquiry: &Inquiry<'_>) -> Option<Candidate> {
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

fn trust_command(inquiry: &Inquiry<'_>, document: &Value) -> String {
    let document = &edit::without_the_deleted(document, inquiry.names);
    format!(
        "aws iam update-assume-role-policy \\\n  --role-name {} \\\n  --policy-document {}",
        edit::word(inquiry.resource_name()),
        edit::quoted(document)
    )
}

/// A statement that would let the caller in names a deleted principal, and the caller is of the
/// same account and kind: the document wants to be saved again with the ARN.
fn revive_principal(inquiry: &Inquiry<'_>) -> Option<Candidate> {
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

fn resource_policy(case: &Case) -> Option<(&Arc<Policy>, PolicyKind)> {
    match &case.target {
        Target::S3(s3) => Some((s3.policy.as_ref()?, PolicyKind::Bucket)),
        Target::Trust { policy } => Some((policy.as_ref()?, PolicyKind::Trust)),
        Target::Key(key) => Some((&key.policy, PolicyKind::Key)),
        Target::None => None,
    }
}

fn with_resource_policy(case: &Case, policy: Arc<Policy>) -> Option<Case> {
    let mut changed = case.clone();
    match &mut changed.target {
        Target::S3(s3) => s3.policy = Some(policy),
        Target::Trust { policy: trust } => *trust = Some(policy),
        Target::Key(key) => key.policy = policy,
        Target::None => return None,
    }
    Some(changed)
}

fn put_resource_policy(inquiry: &Inquiry<'_>, document: &Value) -> Option<String> {
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

fn allow_in_resource_policy(inquiry: &Inquiry<'_>) -> Option<Candidate> {
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

fn bucket_and_key(case: &Case) -> Option<(&str, &str)> {
    case.resource.strip_prefix("arn:aws:s3:::")?.split_once('/')
}

/// The owner of an object in somebody else's bucket grants access by the object's ACL.
fn grant_by_acl(inquiry: &Inquiry<'_>) -> Option<Candidate> {
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
fn enforce_ownership(inquiry: &Inquiry<'_>) -> Option<Candidate> {
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

// Something denies.

fn against_deny(inquiry: &Inquiry<'_>, care: Care) -> Vec<Candidate> {
    let Some(deny) = inquiry.denying() else {
        return Vec::new();
    };
    let Some((document, policy)) = document_of(inquiry, deny) else {
        return Vec::new();
    };
    let mut found = match care {
        Care::KeepConditions | Care::AnyChange => not_denied(inquiry, deny, &document),
        Care::SameRequest => Vec::new(),
    };
    if care == Care::KeepConditions && !found.is_empty() {
        return found;
    }
    let edits = [
        spare_by_arn(inquiry, deny, &document),
        spare_caller(inquiry, deny, &document),
        edit::without(&document, deny.index),
    ];
    let resource = deny.source.is_none();
    let whats = [
        "Deny by a condition on aws:PrincipalArn instead of NotPrincipal, which must list every \
         session by name.",
        "Except the caller from the statement.",
        "Take the statement out.",
    ];
    for (edited, what) in edits.into_iter().zip(whats) {
        let Some(edited) = edited else { continue };
        let Some(case) = with_document(inquiry.case, deny, &policy, &edited) else {
            continue;
        };
        let account = if resource {
            inquiry.case.owner
        } else {
            inquiry.case.caller.account
        };
        let place = match account {
            Some(account) => format!("In {}", inquiry.account(account)),
            None => "There".to_owned(),
        };
        found.push(Candidate {
            case,
            step: Step {
                account,
                place,
                what: format!(
                    "{what} It is {} of the {}.",
                    Inquiry::statement_name(deny),
                    inquiry.policy_name(deny)
                ),
                json: edit::statements(&edited)
                    .get(deny.index)
                    .filter(|_| {
                        edit::statements(&edited).len() == edit::statements(&document).len()
                    })
                    .cloned(),
                command: put_document(inquiry, deny, &edited),
                confidential_of: account,
            },
        });
        break;
    }
    found.extend(drop_policy(inquiry, deny, &document));
    found
}

/// The request avoids what a deny is about.
fn not_denied(inquiry: &Inquiry<'_>, deny: &StatementStep, document: &Value) -> Vec<Candidate> {
    let statements = edit::statements(document);
    let Some(conditions) = statements
        .get(deny.index)
        .and_then(|statement| statement.get("Condition"))
        .and_then(Value::as_object)
    else {
        return Vec::new();
    };
    let before = denies(inquiry);
    let mut found = Vec::new();
    for (operator, block) in conditions {
        for (key, values) in block.as_object().into_iter().flatten() {
            let wanted: Vec<String> = edit::items(values).iter().map(edit::text).collect();
            let different = request::values_to_try(operator, &wanted)
                .into_iter()
                .find_map(|value| {
                    let different = request::with_key(inquiry.case, key, value.as_deref())?;
                    let after = inquiry.trial(&different.case)?;
                    (denies(&after) < before).then_some(different)
                });
            if let Some(different) = different {
                found.push(Candidate {
                    case: different.case.clone(),
                    step: asked_differently(inquiry, &[different], deny.layer),
                });
            }
        }
    }
    found
}

/// A statement as its author wrote it.
pub(crate) fn statement_of(inquiry: &Inquiry<'_>, step: &StatementStep) -> Option<Value> {
    let (document, _) = document_of(inquiry, step)?;
    edit::statements(&document).get(step.index).cloned()
}

fn document_of(inquiry: &Inquiry<'_>, step: &StatementStep) -> Option<(Value, Arc<Policy>)> {
    let policy = attached(inquiry.case, step)?;
    Some((edit::readable(&policy, inquiry.names), policy))
}

/// The policy that a step is about.
fn attached(case: &Case, step: &StatementStep) -> Option<Arc<Policy>> {
    let Some(source) = &step.source else {
        return resource_policy(case).map(|(policy, _)| policy.clone());
    };
    let found = |policies: &[AttachedPolicy]| {
        policies
            .iter()
            .find(|attached| attached.source == *source)
            .map(|attached| attached.policy.clone())
    };
    match step.layer {
        Layer::Identity => found(&case.identity),
        Layer::Boundary => case.boundary.as_ref().map(|b| b.policy.clone()),
        Layer::Session => found(case.session.as_deref()?),
        _ => None,
    }
}

fn with_document(
    case: &Case,
    step: &StatementStep,
    old: &Arc<Policy>,
    document: &Value,
) -> Option<Case> {
    let policy = edit::policy(old.kind(), document)?;
    if step.source.is_none() {
        return with_resource_policy(case, policy);
    }
    let mut changed = case.clone();
    let replace = |attached: &mut AttachedPolicy| {
        if Some(&attached.source) == step.source.as_ref() {
            attached.policy = policy.clone();
        }
    };
    match step.layer {
        Layer::Identity => changed.identity.iter_mut().for_each(replace),
        Layer::Boundary => changed.boundary.iter_mut().for_each(replace),
        Layer::Session => changed.session.iter_mut().flatten().for_each(replace),
        _ => return None,
    }
    Some(changed)
}

fn put_document(inquiry: &Inquiry<'_>, step: &StatementStep, document: &Value) -> Option<String> {
    match &step.source {
        None => put_resource_policy(inquiry, document),
        Some(PolicySource::Inline { name }) => {
            let (verb, option, holder) = holder(inquiry)?;
            Some(format!(
                "aws iam {verb} {option} {} \\\n  --policy-name {} \\\n  --policy-document {}",
                edit::word(&holder),
                edit::word(name),
                edit::quoted(document)
            ))
        }
        Some(PolicySource::GroupInline { group, name }) => Some(format!(
            "aws iam put-group-policy --group-name {} \\\n  --policy-name {} \\\n  --policy-document {}",
            edit::word(group),
            edit::word(name),
            edit::quoted(document)
        )),
        Some(source) => new_version(source, document),
    }
}

/// `NotPrincipal` cannot list sessions that do not exist yet: the same deny by a condition.
fn spare_by_arn(inquiry: &Inquiry<'_>, deny: &StatementStep, document: &Value) -> Option<Value> {
    edit::changed(document, deny.index, |statement| {
        let listed = statement.shift_remove("NotPrincipal")?;
        // Services and canonical ids have no aws:PrincipalArn: the condition would deny them.
        if listed.as_object()?.keys().any(|kind| kind != "AWS") {
            return None;
        }
        let mut arns: Vec<Value> = listed
            .get("AWS")
            .map(edit::items)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|listed| principal_arn(&edit::text(&listed)))
            .map(Value::from)
            .collect();
        let own = json!(inquiry.case.caller.principal_arn);
        if !arns.contains(&own) {
            arns.push(own);
        }
        statement.insert("Principal".to_owned(), json!("*"));
        edit::add_condition(statement, "ArnNotEquals", "aws:PrincipalArn", json!(arns))
    })
}

/// What `aws:PrincipalArn` is for a principal that `NotPrincipal` lists: an account stands for its
/// root user. Sessions have none of their own, their roles do; ids of the deleted are nobody's.
fn principal_arn(listed: &str) -> Option<String> {
    if let Ok(account) = AccountId::parse_exact(listed) {
        return Some(account.root_arn());
    }
    listed
        .starts_with("arn:aws:iam:")
        .then(|| listed.to_owned())
}

fn spare_caller(inquiry: &Inquiry<'_>, deny: &StatementStep, document: &Value) -> Option<Value> {
    // A policy of the caller's own is about nobody else.
    deny.source.is_none().then_some(())?;
    let own = non_empty(&inquiry.case.caller.principal_arn)?;
    edit::changed(document, deny.index, |statement| {
        edit::add_condition(statement, "ArnNotEquals", "aws:PrincipalArn", json!(own))
    })
}

fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A policy whose only statement denies has nothing else to say.
fn drop_policy(inquiry: &Inquiry<'_>, deny: &StatementStep, document: &Value) -> Option<Candidate> {
    if edit::statements(document).len() != 1 || deny.layer != Layer::Identity {
        return None;
    }
    let source = deny.source.as_ref()?;
    let mut changed = inquiry.case.clone();
    changed
        .identity
        .retain(|attached| attached.source != *source);
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
    let command = match (source, &inquiry.case.caller.kind) {
        (PolicySource::Inline { name: policy }, CallerKind::User) => format!(
            "aws iam delete-user-policy --user-name {} \\\n  --policy-name {}",
            edit::word(&name(&inquiry.case.caller.arn)),
            edit::word(policy)
        ),
        (PolicySource::Inline { name: policy }, CallerKind::RoleSession { role_arn, .. }) => {
            format!(
                "aws iam delete-role-policy --role-name {} \\\n  --policy-name {}",
                edit::word(&name(role_arn)),
                edit::word(policy)
            )
        }
        (PolicySource::Managed { arn }, CallerKind::User) => format!(
            "aws iam detach-user-policy --user-name {} \\\n  --policy-arn {}",
            edit::word(&name(&inquiry.case.caller.arn)),
            edit::word(arn)
        ),
        (PolicySource::Managed { arn }, CallerKind::RoleSession { role_arn, .. }) => format!(
            "aws iam detach-role-policy --role-name {} \\\n  --policy-arn {}",
            edit::word(&name(role_arn)),
            edit::word(arn)
        ),
        (PolicySource::GroupInline { group, name }, _) => format!(
            "aws iam delete-group-policy --group-name {} \\\n  --policy-name {}",
            edit::word(group),
            edit::word(name)
        ),
        (PolicySource::GroupManaged { group, arn }, _) => format!(
            "aws iam detach-group-policy --group-name {} \\\n  --policy-arn {}",
            edit::word(group),
            edit::word(arn)
        ),
        _ => return None,
    };
    Some(Candidate {
        case: changed,
        step: Step {
            account: inquiry.case.caller.account,
            place: format!("In {}", inquiry.callers_account()),
            what: format!(
                "Take the {} away: it does nothing but deny.",
                inquiry.policy_name(deny)
            ),
            json: None,
            command: Some(command),
            confidential_of: inquiry.case.caller.account,
        },
    })
}

// Block Public Access.

fn against_block(inquiry: &Inquiry<'_>, denial: &Denial) -> Vec<Candidate> {
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

fn without_public_acl(inquiry: &Inquiry<'_>) -> Option<Candidate> {
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
fn name_the_caller(inquiry: &Inquiry<'_>) -> Option<Candidate> {
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

fn flag_off(
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

fn flags(block: policy::BlockPublicAccess) -> String {
    format!(
        "BlockPublicAcls={},IgnorePublicAcls={},BlockPublicPolicy={},RestrictPublicBuckets={}",
        block.block_public_acls,
        block.ignore_public_acls,
        block.block_public_policy,
        block.restrict_public_buckets
    )
}
