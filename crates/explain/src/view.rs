//! What an account's administrators may see of an explanation.
use std::sync::Arc;

use catalog::AccountId;
use policy::{
    BlockPublicAccess, Case, Decision, Layer, ObjectOwnership, Policy, PolicyKind, Reason,
    S3Target, Target,
};

use serde_json::json;

use crate::edit;
use crate::explanation::{
    Answer, Asked, Explanation, LayerView, Side, SideSays, StatementView, Step,
};
use crate::names::Names;

/// What the administrators of an account may see of the explanation of a case: their own side whole,
/// and of the other side only what it says, and how where that is no secret. No policy of another
/// account is shown, no name of it, no external id, nothing about what is there that AWS would not
/// tell. `None` for an account that has no part in it.
pub fn seen_by(
    account: AccountId,
    explanation: &Explanation,
    case: &Case,
    names: &dyn Names,
) -> Option<Explanation> {
    if case.caller.account != Some(account) || case.owner == Some(account) {
        return explanation.for_account(account);
    }
    // Not a word is taken from the explanation of the case itself: a case of which only the caller's
    // account's knowledge is left is explained in its place, so nothing else can be told.
    let known = crate::explain(&as_the_caller_knows(case), names);
    let asked = explanation.asked.clone();
    let mut seen = Explanation {
        who: explanation.who.clone(),
        told: explanation.told.clone(),
        asked: Asked {
            operation: asked.operation,
            time: asked.time,
            request_id: asked.request_id,
            ..known.asked
        },
        ..known
    };
    if let Target::Trust { .. } = case.target {
        let steps = seen.changes.iter_mut().flat_map(|change| &mut change.steps);
        for step in steps.filter(|step| step.account != Some(account) && step.account.is_some()) {
            "Let the role trust the caller, or send what its trust policy demands: its \
             administrators can tell."
                .clone_into(&mut step.what);
            step.json = None;
        }
    }
    seen.for_account(account)
}

/// The case in which a key is not there, as one in which it is there and refused: of the bucket of
/// another account, S3 tells nobody which it was. `action` and `resource` are the object's.
pub fn as_if_the_key_were_there(case: &Case, action: &str, resource: &str) -> Case {
    let of_listing = ["s3:prefix", "s3:delimiter", "s3:max-keys"];
    let mut hidden = case.clone();
    action.clone_into(&mut hidden.action);
    resource.clone_into(&mut hidden.resource);
    hidden
        .context
        .retain(|key, _| !of_listing.contains(&&**key));
    if let Target::S3(s3) = &case.target {
        hidden.target = Target::S3(Box::new(other_bucket(s3, Says::Nothing, case)));
    }
    hidden
}

/// Keys whose values are the resource's, which the caller does not know.
pub(crate) fn is_of_resource(key: &str) -> bool {
    let key = key.to_lowercase();
    key.starts_with("aws:resourcetag/")
        || key.starts_with("iam:resourcetag/")
        || key.starts_with("s3:existingobjecttag/")
        || key == "iam:permissionsboundary"
}

/// What another account's side says, as far as whoever asks it may know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Allows,
    Denies,
    Blocked(Layer),
    Nothing,
}

/// The case without what only the resource's account knows: its tags, its policies and ACLs, whether
/// there is such a role or key. What its side says as a whole stays.
fn as_the_caller_knows(case: &Case) -> Case {
    let mut known = case.clone();
    // What the resource is and has decides here only if it is the reason for a yes.
    let mut bare = case.clone();
    bare.context.retain(|key, _| !is_of_resource(key));
    if let Target::S3(s3) = &mut bare.target {
        s3.object = None;
    }
    let says = match (says(case), says(&bare)) {
        (Says::Allows, _) => Says::Allows,
        (_, denies @ (Says::Denies | Says::Blocked(_))) => denies,
        (_, Says::Allows | Says::Nothing) => Says::Nothing,
    };
    if says != Says::Allows {
        known.context = bare.context;
    }
    match &case.target {
        Target::None => {}
        Target::Trust { .. } => {
            // AWS answers alike whether the role is not there, does not trust, or demands more.
            let says = match says {
                Says::Allows => Says::Allows,
                Says::Denies | Says::Blocked(_) | Says::Nothing => Says::Nothing,
            };
            known.owner = case.resource.split(':').nth(4).and_then(|account| {
                let account = AccountId::parse_exact(account);
                account.ok()
            });
            known.target = Target::Trust {
                policy: stand_in(PolicyKind::Trust, says, case),
            };
        }
        Target::S3(s3) => known.target = Target::S3(Box::new(other_bucket(s3, says, case))),
        Target::Key(key) => {
            let mut other = key.clone();
            if let Some(policy) = stand_in(PolicyKind::Key, says, case) {
                other.policy = policy;
            }
            other.grants.clear();
            known.target = Target::Key(other);
        }
    }
    known
}

/// What the resource's side says of a case.
fn says(case: &Case) -> Says {
    let work = crate::Work::default();
    struct NoNames;
    impl Names for NoNames {
        fn arn_of(&self, _: &str) -> Option<String> {
            None
        }
        fn origin_of(&self, _: &str) -> Option<(AccountId, catalog::EntityKind)> {
            None
        }
        fn account_of(&self, _: &str) -> Option<AccountId> {
            None
        }
        fn account_name(&self, _: AccountId) -> Option<String> {
            None
        }
        fn is_group(&self, _: &str) -> bool {
            false
        }
    }
    let inquiry = crate::Inquiry::of(case, &NoNames, &work);
    if let (Reason::BlockPublicAccess, Decision::Deny(denial)) =
        (inquiry.reason(), inquiry.decision())
    {
        return Says::Blocked(denial.layer);
    }
    match crate::sides::resources_side(&inquiry).map(|side| side.says) {
        Some(SideSays::Allows) => Says::Allows,
        Some(SideSays::Denies) => Says::Denies,
        Some(SideSays::DoesNotAllow | SideSays::NotAsked) | None => Says::Nothing,
    }
}

/// A bucket that says the same, and of which nothing else is known.
fn other_bucket(s3: &S3Target, says: Says, case: &Case) -> S3Target {
    let on = |flags: &[Layer]| match says {
        Says::Blocked(layer) => flags.contains(&layer),
        Says::Allows | Says::Denies | Says::Nothing => false,
    };
    let acls = on(&[Layer::BlockPublicAcls]);
    S3Target {
        bucket: s3.bucket.clone(),
        policy: stand_in(PolicyKind::Bucket, says, case),
        ownership: if acls {
            ObjectOwnership::ObjectWriter
        } else {
            ObjectOwnership::BucketOwnerEnforced
        },
        bucket_ownership: ObjectOwnership::BucketOwnerEnforced,
        bucket_acl: Vec::new(),
        object: None,
        bucket_block: BlockPublicAccess {
            block_public_acls: acls,
            ignore_public_acls: false,
            block_public_policy: on(&[Layer::BlockPublicPolicy]),
            restrict_public_buckets: on(&[Layer::Resource]),
        },
        account_block: BlockPublicAccess::default(),
        writes_public_acl: acls,
        writes_policy: on(&[Layer::BlockPublicPolicy])
            .then(|| s3.writes_policy.clone())
            .flatten(),
        is_upload_initiator: false,
        owner_canonical_id: None,
    }
}

/// A policy that says it in one statement.
fn stand_in(kind: PolicyKind, says: Says, case: &Case) -> Option<Arc<Policy>> {
    let (effect, principal) = match says {
        Says::Allows | Says::Blocked(_) => ("Allow", json!("*")),
        Says::Denies => ("Deny", json!("*")),
        // A role has a trust policy, and whom it trusts is not known.
        Says::Nothing if kind == PolicyKind::Trust => ("Allow", json!({"AWS": NOBODY})),
        Says::Nothing => return None,
    };
    let mut statement = json!({
        "Effect": effect, "Principal": principal, "Action": case.action,
    });
    if kind != PolicyKind::Trust {
        let statement = statement.as_object_mut()?;
        statement.insert("Resource".to_owned(), json!("*"));
    }
    edit::policy(kind, &edit::with(None, &statement))
}

/// The same question about a role that trusts nobody, where there is none of that name.
pub(crate) fn role_that_trusts_nobody(case: &Case) -> Option<Case> {
    let Target::Trust { policy: None } = case.target else {
        return None;
    };
    let account = case.resource.split(':').nth(4)?;
    Some(Case {
        owner: Some(AccountId::parse_exact(account).ok()?),
        target: Target::Trust {
            policy: stand_in(PolicyKind::Trust, Says::Nothing, case),
        },
        ..case.clone()
    })
}

/// An account that nobody has.
const NOBODY: &str = "000000000000";

impl Explanation {
    /// What the administrators of an account may see of the explanation of a failure, or of an
    /// answer of which only the rule is known; of a decision, see [`seen_by`].
    /// `None` for an account that has no part in it.
    pub fn for_account(&self, account: AccountId) -> Option<Explanation> {
        let is_callers = self.who.account == Some(account);
        let is_owners = self.asked.owner == Some(account);
        if !is_callers && !is_owners {
            return None;
        }
        if is_callers && is_owners {
            return Some(self.clone());
        }
        let mut seen = self.clone();
        for side in &mut seen.sides {
            if side.account != Some(account) {
                side.layers = side.layers.iter().map(bare).collect();
                side.title = bare_title(side);
            } else {
                // What the caller sent as an external id may be another customer's secret, what tags
                // it has is its account's affair; so are the resource's tags.
                let hidden = if is_callers {
                    is_of_resource
                } else {
                    is_of_caller
                };
                side.layers
                    .iter_mut()
                    .flat_map(|layer| layer.matched.iter_mut().chain(&mut layer.nearest))
                    .for_each(|statement| hide_values(statement, hidden));
            }
        }
        if is_callers {
            seen.asked.owner_name = None;
        } else {
            seen.who.account_name = None;
            seen.who.access_key_id = None;
            seen.who.session = None;
        }
        seen.cause = self.cause_for(account, is_callers);
        seen.changes = self.changes.clone();
        for step in seen.changes.iter_mut().flat_map(|change| &mut change.steps) {
            redact(step, account);
        }
        seen.notes = Vec::new();
        Some(seen)
    }

    /// Why a request failed by itself, for whoever sent it. What a check of the bucket's owner found is
    /// the owner's to know.
    fn failure_for(&self, is_callers: bool) -> String {
        let told = self.told.as_ref();
        if told.is_some_and(|told| told.code == "MethodNotAllowed") {
            return "The operation is for the account that owns the resource alone.".to_owned();
        }
        let plain = told.is_some_and(|told| {
            told.code != "AccessDenied"
                || ABOUT_THE_REQUEST
                    .iter()
                    .any(|text| told.message.contains(text))
        });
        if is_callers && plain {
            self.cause.clone()
        } else {
            "A check beside the policies refused the request.".to_owned()
        }
    }

    /// The cause without what the other account's documents say.
    fn cause_for(&self, account: AccountId, is_callers: bool) -> String {
        let own = self.sides.iter().find(|side| side.account == Some(account));
        let other = self.sides.iter().find(|side| side.account != Some(account));
        let refuses = |side: Option<&Side>| {
            side.is_some_and(|side| matches!(side.says, SideSays::Denies | SideSays::DoesNotAllow))
        };
        let (mine, theirs) = if is_callers {
            ("the caller's account", "the account that owns the resource")
        } else {
            ("the account that owns the resource", "the caller's account")
        };
        let layer = match &self.answer {
            Answer::Refused { layer, explicit } => {
                let verb = if *explicit {
                    "denies it"
                } else {
                    "does not allow it"
                };
                format!("{} {verb}", of_layer(*layer))
            }
            Answer::Allowed => return "Both sides allow it.".to_owned(),
            Answer::Failed => return self.failure_for(is_callers),
        };
        match (refuses(own), refuses(other)) {
            (true, true) => format!(
                "Neither side allows it: your side ({mine}) does not, and neither does {theirs}."
            ),
            (true, false) => {
                format!("Your side ({mine}) refuses: {layer}. The other side allows it.")
            }
            (false, true) => format!("Your side ({mine}) allows it; {theirs} refuses: {layer}."),
            (false, false) => format!("Refused: {layer}."),
        }
    }
}

/// Checks that refuse with `AccessDenied` and look at the caller and its request alone.
const ABOUT_THE_REQUEST: [&str; 2] = ["expired", "root accounts"];

fn of_layer(layer: Layer) -> String {
    match layer {
        Layer::BlockPublicAcls | Layer::BlockPublicPolicy => "Block Public Access".to_owned(),
        layer => format!("the {}", layer.name()),
    }
}

/// A layer of another account: its name, and what it says.
fn bare(layer: &LayerView) -> LayerView {
    LayerView {
        looked_at: String::new(),
        matched: Vec::new(),
        nearest: None,
        ..layer.clone()
    }
}

/// Keys whose values the caller's account keeps to itself.
fn is_of_caller(key: &str) -> bool {
    let key = key.to_lowercase();
    key == "sts:externalid" || key.starts_with("aws:principaltag/")
}

/// The value that a clause was given is not told; whether there was one is.
fn hide_values(statement: &mut StatementView, is_hidden: fn(&str) -> bool) {
    for clause in &mut statement.failures {
        let key = clause.clause.rsplit(' ').next().unwrap_or_default();
        if is_hidden(key) && !clause.given.is_empty() {
            clause.given = vec!["another one".to_owned()];
        }
    }
}

/// A side of another account without the account's name, which is its own affair.
fn bare_title(side: &Side) -> String {
    let title = side.title.split(" (").next().unwrap_or_default();
    title.to_owned()
}

/// A step in another account keeps what the request itself tells; a document, a command that
/// repeats it, and secrets go.
fn redact(step: &mut Step, account: AccountId) {
    let is_own = step.account == Some(account);
    if step.confidential_of.is_some_and(|of| of != account) {
        step.json = None;
        step.command = None;
        step.what = if step.account.is_none() {
            "Send what the other account's policy demands: its administrators can tell.".to_owned()
        } else {
            "Change the policy that refuses.".to_owned()
        };
    }
    if !is_own && step.account.is_some() {
        step.command = None;
        step.place = step.place.split(" (").next().unwrap_or_default().to_owned();
    }
}
