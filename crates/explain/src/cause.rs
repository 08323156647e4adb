//! The cause of an answer, in words for a tired engineer.
use catalog::AccountId;
use policy::{
    CallerKind, Clause, Decision, Denial, Effect, Given, Layer, LayerSays, Outcome, Reason,
    StatementStep, Target,
};

use crate::change::orphan_of;
use crate::inquiry::{Inquiry, clause_name};
use crate::sides::is_foreign_object;

/// Why the answer is what it is.
pub(crate) fn cause(inquiry: &Inquiry<'_>) -> String {
    match inquiry.decision() {
        Decision::Allow => allowed(inquiry),
        Decision::Deny(denial) => match inquiry.reason() {
            Reason::RootAssumesRole => format!(
                "The request is signed by the root user of {}, and root users may not assume roles: \
                 sign as a user or role.",
                inquiry.callers_account()
            ),
            Reason::BlockPublicAccess => blocked(inquiry, denial.layer),
            Reason::ExplicitDeny => denied(inquiry),
            _ => missing(inquiry, &denial),
        },
    }
}

fn allowed(inquiry: &Inquiry<'_>) -> String {
    let case = inquiry.case;
    let resource_layer = match case.target {
        Target::Trust { .. } => Layer::Trust,
        Target::None | Target::S3(_) | Target::Key(_) => Layer::Resource,
    };
    let own = inquiry.allowing(Layer::Identity);
    let theirs = inquiry.allowing(resource_layer);
    let named = |statement: Option<&StatementStep>| match statement {
        Some(statement) => format!(
            "{} of the {}",
            Inquiry::statement_name(statement),
            inquiry.policy_name(statement)
        ),
        None => "its policies".to_owned(),
    };
    match inquiry.reason() {
        Reason::BothSides => format!(
            "Both sides allow it: {}, and {}.",
            named(own),
            theirs.map_or_else(|| "an ACL".to_owned(), |s| named(Some(s)))
        ),
        Reason::IdentitySide => format!(
            "It is the caller's own account, and {} allows it.",
            named(own)
        ),
        Reason::NamedByResource => format!(
            "It is the caller's own account, and {} lets the caller in by name or as everyone.",
            theirs.map_or_else(|| "an ACL".to_owned(), |s| named(Some(s)))
        ),
        Reason::DelegatedToAccount => format!(
            "{} leaves it to the account, and {} allows it.",
            capitalised(&named(theirs)),
            named(own)
        ),
        Reason::ResourceSide => format!("{} allows it.", capitalised(&named(theirs))),
        Reason::RootOfOwner => {
            "The root user may do everything in its own account that nothing denies.".to_owned()
        }
        Reason::RootManagesBucketPolicy => {
            "The root user can always manage the policies of its own buckets.".to_owned()
        }
        Reason::ObjectOwner => "The caller's account owns the object.".to_owned(),
        Reason::Acl => "An ACL grants it.".to_owned(),
        Reason::UploadInitiator => "The caller started this multipart upload.".to_owned(),
        Reason::KeyGrant => "A grant on the key allows it.".to_owned(),
        Reason::ExplicitDeny
        | Reason::GuardrailSilent
        | Reason::BlockPublicAccess
        | Reason::RootAssumesRole
        | Reason::NotAllowed => String::new(),
    }
}

/// A rule that allowed, where nothing but the rule is known.
pub fn reason_in_words(reason: Reason) -> &'static str {
    match reason {
        Reason::BothSides => "The caller's account and the resource's both allowed it.",
        Reason::IdentitySide => "It was the caller's own account, and its policies allowed it.",
        Reason::NamedByResource => {
            "It was the caller's own account, and the resource's policy let the caller in by name \
             or as everyone."
        }
        Reason::DelegatedToAccount => {
            "The resource's policy left it to the account, and the caller's policies allowed it."
        }
        Reason::ResourceSide => "The resource's side allowed it.",
        Reason::RootOfOwner => {
            "The root user may do everything in its own account that nothing denies."
        }
        Reason::RootManagesBucketPolicy => {
            "The root user can always manage the policies of its own buckets."
        }
        Reason::ObjectOwner => "The caller's account owned the object.",
        Reason::Acl => "An ACL granted it.",
        Reason::UploadInitiator => "The caller had started this multipart upload.",
        Reason::KeyGrant => "A grant on the key allowed it.",
        Reason::ExplicitDeny
        | Reason::GuardrailSilent
        | Reason::BlockPublicAccess
        | Reason::RootAssumesRole
        | Reason::NotAllowed => "It was not allowed.",
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

fn blocked(inquiry: &Inquiry<'_>, layer: Layer) -> String {
    let Target::S3(s3) = &inquiry.case.target else {
        return String::new();
    };
    match layer {
        Layer::BlockPublicAcls => format!(
            "The request writes a public ACL, and Block Public Access of bucket {} (BlockPublicAcls) \
             takes none.",
            s3.bucket
        ),
        Layer::BlockPublicPolicy => format!(
            "The bucket policy that the request writes is public, since a statement allows \
             everyone without a condition that names fixed callers, and Block Public Access of \
             bucket {} (BlockPublicPolicy) takes none.",
            s3.bucket
        ),
        _ => format!(
            "The policy of bucket {} is public, so Block Public Access (RestrictPublicBuckets) \
             leaves it to callers of {} alone: every other account is shut out, also those that \
             the policy names.",
            s3.bucket,
            inquiry.owner()
        ),
    }
}

fn denied(inquiry: &Inquiry<'_>) -> String {
    let Some(deny) = inquiry.denying() else {
        return "A statement denies it.".to_owned();
    };
    if let Some(limits) = limits_of_session(deny) {
        return limits.to_owned();
    }
    let mut text = format!(
        "{} of the {} denies it explicitly, and a deny wins over every allow.",
        capitalised(&Inquiry::statement_name(deny)),
        inquiry.policy_name(deny)
    );
    if let Some(why) = why_denied(inquiry, deny) {
        text.push(' ');
        text.push_str(&why);
    }
    text
}

/// Nobody wrote this statement: AWS forbids it all sessions of the kind.
fn limits_of_session(deny: &StatementStep) -> Option<&'static str> {
    match (deny.layer, deny.sid.as_deref()?) {
        (Layer::Session, "LimitsOfGetFederationToken") => Some(
            "The request is signed with credentials of GetFederationToken, which AWS lets call \
             nothing of IAM, and of STS only GetCallerIdentity, whatever the policies say: sign with \
             a user's own key or as a role.",
        ),
        (Layer::Session, "LimitsOfGetSessionToken") => Some(
            "The request is signed with credentials of GetSessionToken, which AWS lets call nothing \
             of IAM unless they were made with MFA, and of STS only AssumeRole and \
             GetCallerIdentity, whatever the policies say: sign with the user's own key or as a \
             role.",
        ),
        _ => None,
    }
}

/// The part of a matching deny that is not plain from its name.
fn why_denied(inquiry: &Inquiry<'_>, deny: &StatementStep) -> Option<String> {
    let statement = crate::change::statement_of(inquiry, deny)?;
    if statement.get("NotPrincipal").is_some() {
        return Some(match &inquiry.case.caller.kind {
            CallerKind::RoleSession { role_arn, .. } => format!(
                "Its NotPrincipal must list the account, the role {role_arn} and the session {} to \
                 spare this caller: a role and its session are two principals, and no wildcard \
                 stands for sessions.",
                inquiry.case.caller.arn
            ),
            _ => format!(
                "Its NotPrincipal does not list {} with its account.",
                inquiry.case.caller.arn
            ),
        });
    }
    let conditions = statement.get("Condition")?.as_object()?;
    let mut parts = Vec::new();
    for (operator, block) in conditions {
        for (key, values) in block.as_object()? {
            let wanted: Vec<_> = crate::edit::items(values)
                .iter()
                .map(crate::edit::text)
                .collect();
            let given = match inquiry.case.context.get(&key.to_lowercase()) {
                Some(policy::ContextValue::One(value)) => format!("the request has {value}"),
                Some(policy::ContextValue::Many(values)) => {
                    format!("the request has {}", values.join(", "))
                }
                None => own_key(inquiry, key).map_or_else(
                    || "the request has none".to_owned(),
                    |value| format!("the caller has {value}"),
                ),
            };
            parts.push(format!("{operator} {key} {} ({given})", wanted.join(", ")));
        }
    }
    (!parts.is_empty()).then(|| format!("Its condition holds: {}.", parts.join("; ")))
}

/// Keys that follow from the caller.
fn own_key<'a>(inquiry: &'a Inquiry<'_>, key: &str) -> Option<&'a str> {
    match &*key.to_lowercase() {
        "aws:principalarn" => Some(&inquiry.case.caller.principal_arn),
        "aws:userid" => Some(&inquiry.case.caller.user_id),
        _ => None,
    }
}

fn missing(inquiry: &Inquiry<'_>, denial: &Denial) -> String {
    match &inquiry.case.target {
        Target::Trust { policy: None } => format!(
            "There is no role {}{}. AWS answers as for a role that does not trust the caller, so as \
             not to tell which roles there are.",
            inquiry.case.resource,
            meant_role(inquiry).map_or_else(String::new, |meant| format!(": {meant}"))
        ),
        Target::Trust { .. } => of_role(inquiry, denial.layer),
        Target::None => of_own_side(inquiry, denial.layer),
        Target::S3(_) if is_foreign_object(inquiry) => of_foreign_object(inquiry, denial.layer),
        Target::S3(_) | Target::Key(_) => of_resource(inquiry, denial.layer),
    }
}

/// Which role was meant, and what is wrong with the ARN.
fn meant_role(inquiry: &Inquiry<'_>) -> Option<String> {
    let arn = &inquiry.case.resource;
    let account = AccountId::parse_exact(arn.split(':').nth(4)?).ok()?;
    let rest = arn.split(':').nth(5)?;
    let (kind, name) = rest.split_once('/')?;
    let here = |name: &str| inquiry.names.role_named(account, name);
    if kind == "assumed-role" {
        let role = here(name.split('/').next()?);
        return Some(format!(
            "that is the ARN of a session, and a role is assumed by its own{}",
            role.map_or_else(String::new, |role| format!(", {role}"))
        ));
    }
    if kind == "user" {
        return Some("that is the ARN of a user, and only roles can be assumed".to_owned());
    }
    let meant = here(name.rsplit('/').next()?)?;
    Some(format!(
        "the role of that name is {meant}, and path and case belong to its ARN"
    ))
}

fn of_role(inquiry: &Inquiry<'_>, layer: Layer) -> String {
    let case = inquiry.case;
    if layer != Layer::Trust && layer != Layer::Resource {
        let lets_in = match inquiry.allowing(Layer::Trust) {
            Some(statement) => format!(
                "The role's trust policy lets the caller in ({}), but ",
                Inquiry::statement_name(statement)
            ),
            None => String::new(),
        };
        return format!("{lets_in}{}", own_side_lacks(inquiry, layer));
    }
    let role = inquiry.resource_name();
    let Some(nearest) = inquiry.nearest(Layer::Trust) else {
        return format!(
            "The trust policy of role {role} allows {} to nobody.",
            case.action
        );
    };
    let name = Inquiry::statement_name(nearest);
    match first_failure(nearest) {
        Some((Clause::Principal, wanted, _)) => {
            if let Some(orphan) = orphan_of(inquiry, nearest) {
                return orphaned(inquiry, &orphan);
            }
            let trusted: Vec<_> = wanted.iter().map(|text| inquiry.principal(text)).collect();
            format!(
                "The trust policy of role {role} does not name the caller: {name} trusts {}, and \
                 the caller is {}.",
                trusted.join(", "),
                who(inquiry)
            )
        }
        Some((Clause::Condition { key, .. }, _, given))
            if key.eq_ignore_ascii_case("sts:ExternalId") =>
        {
            format!(
                "The trust policy of role {role} demands an external id ({name}), and the request \
                 sent {}.",
                match given {
                    Given::Absent => "none",
                    Given::One(_) | Given::Many(_) => "another one",
                }
            )
        }
        Some((Clause::Action, ..)) => format!(
            "The trust policy of role {role} lets the caller in, but not for {}: {}.{}",
            case.action,
            match &*case.action {
                "sts:TagSession" => "session tags need that action too",
                "sts:SetSourceIdentity" => "a source identity needs that action too",
                _ => "its statements are about other actions",
            },
            match inquiry.missing_on_callers_side().first() {
                Some(layer) => format!(
                    " Nor does the caller's side allow it: {}",
                    own_side_lacks(inquiry, *layer)
                ),
                None => String::new(),
            }
        ),
        Some((clause, wanted, given)) => format!(
            "{} of the trust policy of role {role} names the caller, but {}.",
            capitalised(&name),
            does_not_hold(clause, wanted, given)
        ),
        None => String::new(),
    }
}

fn orphaned(inquiry: &Inquiry<'_>, orphan: &str) -> String {
    let arn = &inquiry.case.caller.principal_arn;
    format!(
        "The {} names {}, and not the {} that has that name now ({}): a policy keeps the unique id of \
         whom it named. Save it again with the ARN {arn}.",
        inquiry.resource_policy(),
        inquiry.principal(orphan),
        match inquiry.case.caller.kind {
            CallerKind::User => "user",
            _ => "role",
        },
        inquiry.case.caller.unique_id
    )
}

fn of_own_side(inquiry: &Inquiry<'_>, layer: Layer) -> String {
    let case = inquiry.case;
    if case.caller.kind == CallerKind::Anonymous {
        return format!(
            "The request is not signed, and {} needs a caller.",
            case.action
        );
    }
    if case.owner.is_some() && case.owner != case.caller.account {
        return format!(
            "{} is in {}, and nothing of that account can let callers of other accounts {}.",
            case.resource,
            inquiry.owner(),
            case.action
        );
    }
    capitalised(&own_side_lacks(inquiry, layer))
}

/// What the caller's side lacks, as the rest of a sentence.
fn own_side_lacks(inquiry: &Inquiry<'_>, layer: Layer) -> String {
    let case = inquiry.case;
    let what = format!("{} on {}", case.action, case.resource);
    match layer {
        Layer::Boundary => format!(
            "the permissions boundary of {} does not allow {what}: what a caller can do is what \
             its policies and its boundary both allow.",
            inquiry.holder()
        ),
        Layer::Session => {
            let own = match inquiry.says(Layer::Identity) {
                Some(LayerSays::Allow) => "the policies allow it, but ",
                Some(LayerSays::Nothing | LayerSays::Deny) | None => "",
            };
            let federated = matches!(case.caller.kind, CallerKind::FederatedUser { .. });
            if case.session.is_none() || federated && inquiry.has_no_session_policy() {
                "the federated session was made without session policies, and so allows nothing but \
                 what a resource's policy gives to it by name."
                    .to_owned()
            } else {
                format!(
                    "{own}the session policy that was passed when the session was made does not \
                     allow {what}: a session can do what its {} and its session policy both allow.",
                    if federated { "user" } else { "role" }
                )
            }
        }
        _ => {
            let mut text = format!(
                "no identity policy of {} in {} allows {what}.",
                inquiry.holder(),
                inquiry.callers_account()
            );
            if let Some(near) = near_miss(inquiry, Layer::Identity) {
                text.push(' ');
                text.push_str(&near);
            }
            if let Some(note) = name_of_an_operation(inquiry) {
                text.push(' ');
                text.push_str(&note);
            }
            text
        }
    }
}

fn of_foreign_object(inquiry: &Inquiry<'_>, layer: Layer) -> String {
    let Target::S3(s3) = &inquiry.case.target else {
        return String::new();
    };
    let owner = s3.object.as_ref().and_then(|object| object.owner);
    let owner = owner.map_or_else(
        || "an anonymous uploader".to_owned(),
        |owner| inquiry.account(owner),
    );
    let callers = s3.object.as_ref().and_then(|object| object.owner);
    if callers.is_some() && callers == inquiry.case.caller.account {
        format!(
            "The object belongs to the caller's account, whose policies alone must allow it: {}",
            own_side_lacks(inquiry, layer)
        )
    } else if layer == Layer::Resource {
        format!(
            "The object belongs to {owner}, which uploaded it, and not to {}, which owns the bucket: \
             its bucket policy can deny but not allow here, and the object's own ACL grants nothing \
             to the caller.",
            inquiry.owner()
        )
    } else {
        format!(
            "The object belongs to {owner}; {}",
            own_side_lacks(inquiry, layer)
        )
    }
}

fn of_resource(inquiry: &Inquiry<'_>, layer: Layer) -> String {
    let case = inquiry.case;
    if case.caller.kind == CallerKind::Anonymous {
        return format!(
            "The request is not signed, and nothing allows {} on {} to everyone.",
            case.action, case.resource
        );
    }
    if inquiry.is_one_account() {
        return capitalised(&own_side_lacks(inquiry, layer));
    }
    let policy = inquiry.resource_policy();
    let own_missing = inquiry.missing_on_callers_side();
    let lets_in = inquiry.allowing(Layer::Resource);
    if layer != Layer::Resource {
        let delegates = lets_in.is_some_and(|s| names_account(inquiry, s));
        let mut text = match lets_in {
            Some(statement) => format!(
                "The {policy} lets the caller in ({}), but across accounts both must allow: ",
                Inquiry::statement_name(statement)
            ),
            None => "An ACL lets the caller's account in, but across accounts both must allow: "
                .to_owned(),
        };
        text.push_str(&own_side_lacks(inquiry, layer));
        if delegates {
            text.push_str(
                " Naming an account hands the decision to its administrators; it grants nothing by itself.",
            );
        }
        return text;
    }
    let nearest = inquiry.nearest(Layer::Resource);
    if let Some(orphan) = nearest.and_then(|nearest| orphan_of(inquiry, nearest)) {
        return orphaned(inquiry, &orphan);
    }
    let mut text = if own_missing.is_empty() {
        format!(
            "The caller's own policies allow it, but the bucket belongs to {}, and nothing there \
             lets the caller in.",
            inquiry.owner()
        )
    } else {
        format!(
            "Neither side allows it: the resource belongs to {}, where nothing lets the caller in, \
             and in {} no policy allows it either.",
            inquiry.owner(),
            inquiry.callers_account()
        )
    };
    if let Target::Key(_) = case.target {
        text = text.replace("the bucket belongs", "the key belongs");
    }
    text.push(' ');
    text.push_str(&match near_miss(inquiry, Layer::Resource) {
        Some(near) => near,
        None if inquiry.statements(Layer::Resource).next().is_none() => {
            format!("There is no {}.", policy)
        }
        None => format!("No statement of the {policy} is about this."),
    });
    text
}

/// Operations of S3 whose names are no actions, with what they ask: policies that name them allow
/// nothing, and IAM stores them without a word.
const NO_ACTIONS: [(&str, &str); 10] = [
    ("s3:HeadBucket", "s3:ListBucket"),
    ("s3:HeadObject", "s3:GetObject"),
    ("s3:ListObjects", "s3:ListBucket"),
    ("s3:ListObjectsV2", "s3:ListBucket"),
    ("s3:ListBuckets", "s3:ListAllMyBuckets"),
    ("s3:ListParts", "s3:ListMultipartUploadParts"),
    ("s3:ListMultipartUploads", "s3:ListBucketMultipartUploads"),
    ("s3:CreateMultipartUpload", "s3:PutObject"),
    ("s3:UploadPart", "s3:PutObject"),
    ("s3:DeleteObjects", "s3:DeleteObject"),
];

/// What an operation of S3 needs, if its name is taken for an action: `s3:HeadBucket`.
pub fn action_of_operation(name: &str) -> Option<&'static str> {
    let found = NO_ACTIONS
        .into_iter()
        .find(|(operation, _)| operation.eq_ignore_ascii_case(name));
    found.map(|(_, action)| action)
}

/// A statement of the caller's that names the operation where the action belongs.
fn name_of_an_operation(inquiry: &Inquiry<'_>) -> Option<String> {
    inquiry
        .statements(Layer::Identity)
        .filter(|statement| statement.effect == Effect::Allow)
        .find_map(|statement| {
            let json = crate::change::statement_of(inquiry, statement)?;
            let named = crate::edit::items(json.get("Action")?);
            let (operation, action) = NO_ACTIONS.into_iter().find(|(operation, action)| {
                *action == inquiry.case.action
                    && named
                        .iter()
                        .any(|one| crate::edit::text(one).eq_ignore_ascii_case(operation))
            })?;
            Some(format!(
                "{} of the {} names {operation}, which is the name of an operation and no action: \
                 what it needs is {action}.",
                capitalised(&Inquiry::statement_name(statement)),
                inquiry.policy_name(statement)
            ))
        })
}

/// Whether a statement names the caller's account, and not the caller.
fn names_account(inquiry: &Inquiry<'_>, statement: &StatementStep) -> bool {
    let Some(account) = inquiry.case.caller.account else {
        return false;
    };
    let Some(json) = crate::change::statement_of(inquiry, statement) else {
        return false;
    };
    let listed = json.get("Principal").and_then(|p| p.get("AWS"));
    let texts = listed.map(crate::edit::items).unwrap_or_default();
    texts
        .iter()
        .map(crate::edit::text)
        .any(|text| text == account.root_arn() || text == account.to_string())
}

/// The statement of a layer that came nearest, and what it lacks.
fn near_miss(inquiry: &Inquiry<'_>, layer: Layer) -> Option<String> {
    let nearest = inquiry.nearest(layer)?;
    let name = format!(
        "{} of the {}",
        capitalised(&Inquiry::statement_name(nearest)),
        inquiry.policy_name(nearest)
    );
    let (clause, wanted, given) = first_failure(nearest)?;
    Some(match clause {
        Clause::Resource => format!(
            "{name} allows it on {} only{}.",
            listed(wanted),
            form_of_resource(&inquiry.case.action, &inquiry.case.resource, wanted)
        ),
        Clause::Action => format!(
            "{name} is about that resource, but allows {} only.",
            listed(wanted)
        ),
        Clause::Principal => {
            let wanted: Vec<_> = wanted.iter().map(|text| inquiry.principal(text)).collect();
            format!(
                "{name} is for {}, and the caller is {}.",
                listed(&wanted),
                who(inquiry)
            )
        }
        Clause::NotPrincipal
        | Clause::NotAction
        | Clause::NotResource
        | Clause::Condition { .. } => {
            format!(
                "{name} comes near, but {}.",
                does_not_hold(clause, wanted, given)
            )
        }
    })
}

/// What form of resource an action takes, where the statement has the other.
fn form_of_resource(action: &str, resource: &str, wanted: &[String]) -> String {
    let object = resource
        .strip_prefix("arn:aws:s3:::")
        .is_some_and(|rest| rest.contains('/'));
    let bucket = resource.strip_prefix("arn:aws:s3:::").unwrap_or_default();
    if !object && wanted.iter().any(|w| *w == format!("{resource}/*")) {
        return format!(", and {action} is asked on the bucket itself, {resource}, without a key");
    }
    if object {
        let name = bucket.split('/').next().unwrap_or_default();
        if wanted.iter().any(|w| *w == format!("arn:aws:s3:::{name}")) {
            return format!(", and {action} is asked on objects, arn:aws:s3:::{name}/*");
        }
    }
    format!(", and it is asked on {resource}")
}

fn first_failure(statement: &StatementStep) -> Option<(&Clause, &[String], &Given)> {
    debug_assert!(statement.effect == Effect::Allow || statement.outcome == Outcome::Matched);
    statement.failures().next()
}

fn does_not_hold(clause: &Clause, wanted: &[String], given: &Given) -> String {
    let given = match given {
        Given::Absent => "the request has none".to_owned(),
        Given::One(value) => format!("the request has {value}"),
        Given::Many(values) if values.is_empty() => "the request has none".to_owned(),
        Given::Many(values) => format!("the request has {}", values.join(", ")),
    };
    format!(
        "its {} wants {}, and {given}",
        match clause {
            Clause::Condition { .. } => format!("condition {}", clause_name(clause)),
            _ => clause_name(clause),
        },
        listed(wanted)
    )
}

/// A list that stays readable.
fn listed(texts: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = texts.iter().take(SHOWN).map(String::as_str).collect();
    let mut text = shown.join(", ");
    if texts.len() > SHOWN {
        text.push_str(&format!(" and {} more", texts.len() - SHOWN));
    }
    text
}

fn who(inquiry: &Inquiry<'_>) -> String {
    let arn = &inquiry.case.caller.arn;
    if arn.is_empty() {
        inquiry.kind().to_owned()
    } else {
        arn.clone()
    }
}
