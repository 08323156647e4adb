//! The decision: one function, which may keep its trail.
use crate::acl::{self, AclGrants};
use crate::condition::Condition;
use crate::facts::Facts;
use crate::pattern::{ArnPattern, Case, Pattern};
use crate::principal::{Principal, Ways, ways};
use crate::statement::{Form, Listed, Statement};
use crate::{
    AttachedPolicy, CallerKind, Clause, Context, Decision, Denial, Effect, Given, Guardrails,
    IdentitySide, KeyGrant, KeySide, Layer, LayerSays, Lookup, ObjectOwnership, Outcome, Policy,
    PolicySource, Question, Reason, ResourceSide, S3Side, StatementStep, Step, Verdict,
};

/// Decides, without keeping the trail.
pub fn decide(
    question: &Question<'_>,
    identity: &IdentitySide<'_>,
    resource: &ResourceSide<'_>,
) -> Decision {
    decide_within(question, identity, resource, &Guardrails::default())
}

/// Decides under the limits of organisations and VPC endpoints.
pub fn decide_within(
    question: &Question<'_>,
    identity: &IdentitySide<'_>,
    resource: &ResourceSide<'_>,
    guardrails: &Guardrails<'_>,
) -> Decision {
    evaluate(question, identity, resource, guardrails, &mut NoTrail)
}

/// Decides, and keeps the trail.
pub fn explain(
    question: &Question<'_>,
    identity: &IdentitySide<'_>,
    resource: &ResourceSide<'_>,
) -> Verdict {
    explain_within(question, identity, resource, &Guardrails::default())
}

/// Decides under the limits of organisations and VPC endpoints, and keeps the trail.
pub fn explain_within(
    question: &Question<'_>,
    identity: &IdentitySide<'_>,
    resource: &ResourceSide<'_>,
    guardrails: &Guardrails<'_>,
) -> Verdict {
    let mut trail = Trail(Vec::new());
    evaluate(question, identity, resource, guardrails, &mut trail);
    Verdict::new(trail.0)
}

/// Where steps go.
trait Recorder {
    fn note(&mut self, step: impl FnOnce() -> Step);
}

struct Trail(Vec<Step>);
impl Recorder for Trail {
    fn note(&mut self, step: impl FnOnce() -> Step) {
        self.0.push(step());
    }
}

struct NoTrail;
impl Recorder for NoTrail {
    fn note(&mut self, _: impl FnOnce() -> Step) {}
}

type Conclusion = (Decision, Reason);

fn allow(reason: Reason) -> Conclusion {
    (Decision::Allow, reason)
}

/// Nothing in the layer allows.
fn silent(layer: Layer) -> Conclusion {
    let denial = Denial {
        explicit: false,
        layer,
        policy_arn: None,
    };
    (Decision::Deny(denial), Reason::NotAllowed)
}

fn refuse(layer: Layer, reason: Reason) -> Conclusion {
    let denial = Denial {
        explicit: true,
        layer,
        policy_arn: None,
    };
    (Decision::Deny(denial), reason)
}

fn evaluate(
    question: &Question<'_>,
    identity: &IdentitySide<'_>,
    resource: &ResourceSide<'_>,
    guardrails: &Guardrails<'_>,
    recorder: &mut impl Recorder,
) -> Decision {
    let facts = Facts::new(question, identity.boundary.is_some());
    let (decision, reason) = conclude(&facts, identity, resource, guardrails, recorder);
    recorder.note(|| Step::Concluded {
        decision: decision.clone(),
        reason,
    });
    decision
}

/// The order of AWS's evaluation logic (spec E-2).
fn conclude(
    facts: &Facts<'_>,
    identity: &IdentitySide<'_>,
    resource: &ResourceSide<'_>,
    guardrails: &Guardrails<'_>,
    recorder: &mut impl Recorder,
) -> Conclusion {
    let caller = facts.question.caller;

    // What every layer says.
    let bound_by_scp = if caller.has_account() {
        guardrails.service_control
    } else {
        &[]
    };
    let scp = levels(facts, Layer::ServiceControl, bound_by_scp, recorder);
    let rcp = levels(
        facts,
        Layer::ResourceControl,
        guardrails.resource_control,
        recorder,
    );
    let endpoint = guardrails
        .vpc_endpoint
        .map(|policy| document(facts, Layer::VpcEndpoint, policy, recorder));
    let own = OwnSide::read(facts, identity, recorder);
    let policy_layer = match resource {
        ResourceSide::Trust(_) => Layer::Trust,
        ResourceSide::None | ResourceSide::S3(_) | ResourceSide::Key(_) => Layer::Resource,
    };
    let policy = resource
        .policy()
        .map(|policy| document(facts, policy_layer, policy, recorder))
        .unwrap_or_default();

    // 1. An explicit deny anywhere. spec E-10: root cannot lock itself out of its bucket's policy.
    let root_manages_policy = is_root_managing_policy(facts.question, resource);
    let denies = [
        (Layer::ServiceControl, Some(scp)),
        (Layer::ResourceControl, Some(rcp)),
        (Layer::VpcEndpoint, endpoint),
        (Layer::Identity, Some(own.identity)),
        (Layer::Boundary, own.boundary),
        (Layer::Session, own.session),
        (policy_layer, Some(policy).filter(|_| !root_manages_policy)),
    ];
    for (layer, said) in denies {
        if let Some(Said {
            denies: true,
            deny_arn,
            ..
        }) = said
        {
            let denial = Denial {
                explicit: true,
                layer,
                policy_arn: deny_arn.map(str::to_owned),
            };
            return (Decision::Deny(denial), Reason::ExplicitDeny);
        }
    }

    // 2. and 3. Each guardrail must allow.
    let guards = [
        (Layer::ServiceControl, scp.allows || bound_by_scp.is_empty()),
        (
            Layer::ResourceControl,
            rcp.allows || guardrails.resource_control.is_empty(),
        ),
        (Layer::VpcEndpoint, endpoint.is_none_or(|said| said.allows)),
    ];
    for (layer, allows) in guards {
        if !allows {
            return (silent(layer).0, Reason::GuardrailSilent);
        }
    }

    // 4. and 5. The rules of the service, then of one account or two.
    match resource {
        ResourceSide::None => without_policy(facts.question, &own),
        ResourceSide::Trust(_) => trust(facts.question, &own, &policy),
        ResourceSide::Key(key) => kms(facts.question, &own, &policy, key, recorder),
        ResourceSide::S3(s3) => s3_rules(facts.question, &own, &policy, s3, recorder),
    }
}

impl<'a> ResourceSide<'a> {
    fn policy(&self) -> Option<&'a Policy> {
        match self {
            ResourceSide::None => None,
            ResourceSide::Trust(policy) => Some(policy),
            ResourceSide::S3(s3) => s3.policy,
            ResourceSide::Key(key) => Some(key.policy),
        }
    }
}

fn is_root_managing_policy(question: &Question<'_>, resource: &ResourceSide<'_>) -> bool {
    let action = matches!(
        question.action,
        "s3:GetBucketPolicy" | "s3:PutBucketPolicy" | "s3:DeleteBucketPolicy"
    );
    let caller = question.caller;
    let is_root = caller.kind == CallerKind::Root && caller.account.is_some();
    let of_bucket = matches!(resource, ResourceSide::S3(_));
    action && is_root && of_bucket && caller.account == question.owner
}

/// The caller's own side (spec E-3).
struct OwnSide<'p> {
    identity: Said<'p>,
    boundary: Option<Said<'p>>,
    session: Option<Said<'p>>,
    /// Nobody passed session policies to a federated user: then nothing is allowed.
    federated_without_session: bool,
}

impl<'p> OwnSide<'p> {
    fn read(
        facts: &Facts<'_>,
        side: &IdentitySide<'p>,
        recorder: &mut impl Recorder,
    ) -> OwnSide<'p> {
        let kind = &facts.question.caller.kind;
        match kind {
            CallerKind::User
            | CallerKind::RoleSession { .. }
            | CallerKind::FederatedUser { .. } => OwnSide {
                identity: attached(facts, Layer::Identity, side.policies, recorder),
                boundary: side.boundary.map(|boundary| {
                    let boundary = std::slice::from_ref(boundary);
                    attached(facts, Layer::Boundary, boundary, recorder)
                }),
                session: side
                    .session
                    .map(|session| attached(facts, Layer::Session, session, recorder)),
                federated_without_session: side.session.is_none()
                    && matches!(kind, CallerKind::FederatedUser { .. }),
            },
            CallerKind::Root
            | CallerKind::Anonymous
            | CallerKind::TokenHolder { .. }
            | CallerKind::Service { .. } => OwnSide {
                identity: Said::default(),
                boundary: None,
                session: None,
                federated_without_session: false,
            },
        }
    }

    /// Neither boundary nor session policies stand in the way.
    fn within_limits(&self) -> bool {
        self.missing_limit().is_none()
    }

    fn allows(&self) -> bool {
        self.identity.allows && self.within_limits()
    }

    /// The layer that AWS names (spec E-14).
    fn missing(&self) -> Layer {
        self.missing_limit().unwrap_or(Layer::Identity)
    }

    fn missing_limit(&self) -> Option<Layer> {
        let session = self.session.is_some_and(|said| !said.allows);
        if session || self.federated_without_session {
            Some(Layer::Session)
        } else if self.boundary.is_some_and(|said| !said.allows) {
            Some(Layer::Boundary)
        } else {
            None
        }
    }
}

/// Calls on what has no policy of its own: IAM entities, calls without resource.
fn without_policy(question: &Question<'_>, own: &OwnSide<'_>) -> Conclusion {
    let caller = question.caller;
    // What belongs to another account needs that account's word, and nothing here can give it.
    let foreign = question.owner.is_some() && question.owner != caller.account;
    if !caller.has_account() || foreign {
        return silent(Layer::Resource);
    }
    match caller.kind {
        CallerKind::Root => allow(Reason::RootOfOwner),
        _ if own.allows() => allow(Reason::IdentitySide),
        _ => silent(own.missing()),
    }
}

/// Trust policies (spec E-7).
fn trust(question: &Question<'_>, own: &OwnSide<'_>, policy: &Said<'_>) -> Conclusion {
    let caller = question.caller;
    if !policy.allows {
        return silent(Layer::Trust);
    }
    match caller.kind {
        CallerKind::Root => (silent(Layer::Trust).0, Reason::RootAssumesRole),
        CallerKind::Anonymous => silent(Layer::Trust),
        CallerKind::Service { .. } => allow(Reason::ResourceSide),
        // Tokens are taken from named providers only: `*` is no provider.
        CallerKind::TokenHolder { .. } if policy.ways.any_of(Ways::PROVIDER) => {
            allow(Reason::ResourceSide)
        }
        CallerKind::TokenHolder { .. } => silent(Layer::Trust),
        CallerKind::User | CallerKind::RoleSession { .. } | CallerKind::FederatedUser { .. } => {
            if caller.account == question.owner {
                same_account(own, policy.ways, Delegation::Needed)
            } else if own.allows() {
                allow(Reason::BothSides)
            } else {
                silent(own.missing())
            }
        }
    }
}

/// Key policies and grants (spec E-8).
fn kms(
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
        grantee && operation && equals && subset
    }
}

/// Bucket policies, ACLs, ownership and Block Public Access (spec S-6 to S-10, E-10).
fn s3_rules(
    question: &Question<'_>,
    own: &OwnSide<'_>,
    policy: &Said<'_>,
    s3: &S3Side<'_>,
    recorder: &mut impl Recorder,
) -> Conclusion {
    let caller = question.caller;
    let blocks = s3.block_public_access;
    if s3.writes_public_acl && blocks.block_public_acls {
        return refuse(Layer::BlockPublicAcls, Reason::BlockPublicAccess);
    }
    if s3.writes_policy.is_some_and(Policy::is_public) && blocks.block_public_policy {
        return refuse(Layer::BlockPublicPolicy, Reason::BlockPublicAccess);
    }
    if is_root_managing_policy(question, &ResourceSide::S3(*s3)) {
        return allow(Reason::RootManagesBucketPolicy);
    }
    let upload = matches!(
        question.action,
        "s3:AbortMultipartUpload" | "s3:ListMultipartUploadParts"
    );
    if upload && s3.is_upload_initiator {
        return allow(Reason::UploadInitiator);
    }

    let acls_count = match s3.ownership {
        ObjectOwnership::BucketOwnerEnforced => false,
        ObjectOwnership::BucketOwnerPreferred | ObjectOwnership::ObjectWriter => true,
    };
    let grants = if acls_count {
        acl::grants(question, s3)
    } else {
        AclGrants::default()
    };
    if acls_count {
        recorder.note(|| Step::Acl {
            of_object: grants.of_object,
            to_account: grants.to_account,
            to_group: grants.to_group,
        });
    }

    // A public policy counts for the owner's account and for services only.
    let of_owner = caller.has_account() && caller.account == question.owner;
    let outside = !of_owner && !matches!(caller.kind, CallerKind::Service { .. });
    let restricted =
        blocks.restrict_public_buckets && s3.policy.is_some_and(Policy::is_public) && outside;
    let counted = if restricted { Said::default() } else { *policy };
    let foreign_object = s3
        .object
        .filter(|object| acls_count && object.owner != question.owner)
        .filter(|_| acl::is_about_existing_object(question.action));
    let conclusion = match foreign_object {
        Some(object) => s3_foreign_object(question, own, object.owner, grants),
        None => s3_bucket_context(question, own, &counted, grants),
    };
    match conclusion {
        (Decision::Deny(_), _) if restricted && policy.allows => {
            refuse(Layer::Resource, Reason::BlockPublicAccess)
        }
        conclusion => conclusion,
    }
}

/// The object belongs to another account than the bucket: the bucket policy cannot allow (S-8).
fn s3_foreign_object(
    question: &Question<'_>,
    own: &OwnSide<'_>,
    object_owner: Option<catalog::AccountId>,
    grants: AclGrants,
) -> Conclusion {
    let caller = question.caller;
    let owns_object = caller.account.is_some() && caller.account == object_owner;
    let owns_bucket = caller.account.is_some() && caller.account == question.owner;
    match caller.kind {
        CallerKind::Anonymous | CallerKind::Service { .. } if grants.to_group => allow(Reason::Acl),
        CallerKind::Anonymous | CallerKind::Service { .. } | CallerKind::TokenHolder { .. } => {
            silent(Layer::Resource)
        }
        CallerKind::Root if owns_object => allow(Reason::ObjectOwner),
        CallerKind::Root if grants.any() => allow(Reason::Acl),
        CallerKind::Root => silent(Layer::Resource),
        CallerKind::User | CallerKind::RoleSession { .. } | CallerKind::FederatedUser { .. } => {
            if owns_object && own.allows() {
                allow(Reason::ObjectOwner)
            } else if owns_bucket && grants.to_group {
                allow(Reason::Acl)
            } else if !owns_object && !grants.any() {
                silent(Layer::Resource)
            } else if own.allows() {
                allow(Reason::Acl)
            } else {
                silent(own.missing())
            }
        }
    }
}

/// Everything that the bucket's owner decides.
fn s3_bucket_context(
    question: &Question<'_>,
    own: &OwnSide<'_>,
    policy: &Said<'_>,
    grants: AclGrants,
) -> Conclusion {
    let caller = question.caller;
    match caller.kind {
        CallerKind::Anonymous | CallerKind::Service { .. } => {
            if policy.allows {
                allow(Reason::ResourceSide)
            } else if grants.to_group {
                allow(Reason::Acl)
            } else {
                silent(Layer::Resource)
            }
        }
        CallerKind::TokenHolder { .. } => silent(Layer::Resource),
        _ if caller.account.is_some() && caller.account == question.owner => {
            if caller.kind == CallerKind::Root {
                return allow(Reason::RootOfOwner);
            }
            let of_acl = if grants.to_group {
                Ways::EVERYONE
            } else {
                Ways::NONE
            };
            same_account(own, policy.ways.and(of_acl), Delegation::Implied)
        }
        CallerKind::Root
        | CallerKind::User
        | CallerKind::RoleSession { .. }
        | CallerKind::FederatedUser { .. } => {
            if !policy.allows && !grants.any() {
                silent(Layer::Resource)
            } else if caller.kind == CallerKind::Root {
                allow(Reason::ResourceSide)
            } else if own.allows() {
                allow(Reason::BothSides)
            } else {
                silent(own.missing())
            }
        }
    }
}

/// Whether the owner's policy must name the account before identity policies count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delegation {
    Needed,
    Implied,
}

/// One account: how the resource's allow meets what the caller's side leaves open (spec E-5).
fn same_account(own: &OwnSide<'_>, ways: Ways, delegation: Delegation) -> Conclusion {
    let itself = Ways::EVERYONE
        .and(Ways::USER)
        .and(Ways::SESSION)
        .and(Ways::FEDERATED_USER)
        .and(Ways::NOT_EXCLUDED);
    let within_limits = Ways::ROLE.and(Ways::USER_OF_FEDERATED);
    if ways.any_of(itself) {
        allow(Reason::NamedByResource)
    } else if ways.any_of(within_limits) {
        match own.missing_limit() {
            None => allow(Reason::NamedByResource),
            Some(layer) => silent(layer),
        }
    } else {
        match delegation {
            Delegation::Implied if own.allows() => allow(Reason::IdentitySide),
            Delegation::Implied => silent(own.missing()),
            Delegation::Needed if !ways.any_of(Ways::ACCOUNT) => silent(Layer::Resource),
            Delegation::Needed if own.allows() => allow(Reason::DelegatedToAccount),
            Delegation::Needed => silent(own.missing()),
        }
    }
}

// ---------------------------------------------------------------------- what documents say

/// What a layer says.
#[derive(Clone, Copy, Debug, Default)]
struct Said<'p> {
    denies: bool,
    /// The managed policy that denies.
    deny_arn: Option<&'p str>,
    allows: bool,
    /// How allowing statements name the caller.
    ways: Ways,
}

impl Said<'_> {
    fn note(&self, layer: Layer, recorder: &mut impl Recorder) {
        let says = if self.denies {
            LayerSays::Deny
        } else if self.allows {
            LayerSays::Allow
        } else {
            LayerSays::Nothing
        };
        recorder.note(|| Step::Layer { layer, says });
    }
}

/// Levels of an organisation: some statement denies, or every level allows.
fn levels<'p>(
    facts: &Facts<'_>,
    layer: Layer,
    levels: &'p [Vec<AttachedPolicy>],
    recorder: &mut impl Recorder,
) -> Said<'p> {
    let mut whole = Said {
        allows: !levels.is_empty(),
        ..Said::default()
    };
    for level in levels {
        let said = attached(facts, layer, level, recorder);
        if said.denies && !whole.denies {
            (whole.denies, whole.deny_arn) = (true, said.deny_arn);
        }
        whole.allows &= said.allows;
    }
    whole
}

fn attached<'p>(
    facts: &Facts<'_>,
    layer: Layer,
    policies: &'p [AttachedPolicy],
    recorder: &mut impl Recorder,
) -> Said<'p> {
    let mut said = Said::default();
    for attached in policies {
        let source = Some(&attached.source);
        read(facts, layer, source, &attached.policy, &mut said, recorder);
    }
    said.note(layer, recorder);
    said
}

fn document<'p>(
    facts: &Facts<'_>,
    layer: Layer,
    policy: &'p Policy,
    recorder: &mut impl Recorder,
) -> Said<'p> {
    let mut said = Said::default();
    read(facts, layer, None, policy, &mut said, recorder);
    said.note(layer, recorder);
    said
}

fn read<'p>(
    facts: &Facts<'_>,
    layer: Layer,
    source: Option<&'p PolicySource>,
    policy: &'p Policy,
    said: &mut Said<'p>,
    recorder: &mut impl Recorder,
) {
    for (index, statement) in policy.statements().iter().enumerate() {
        let result = test(facts, layer, statement);
        recorder.note(|| {
            Step::Statement(StatementStep {
                layer,
                source: source.cloned(),
                index,
                sid: statement.sid.as_deref().map(str::to_owned),
                position: policy.position(statement),
                effect: statement.effect,
                outcome: match &result {
                    Ok(_) => Outcome::Matched,
                    Err(failed) => failed.outcome(facts),
                },
            })
        });
        match (result, statement.effect) {
            (Ok(ways), Effect::Allow) => {
                said.allows = true;
                said.ways = said.ways.and(ways);
            }
            (Ok(_), Effect::Deny) => {
                if !said.denies {
                    said.deny_arn = source.and_then(PolicySource::arn);
                }
                said.denies = true;
            }
            (Err(_), Effect::Allow | Effect::Deny) => {}
        }
    }
}

impl PolicySource {
    fn arn(&self) -> Option<&str> {
        match self {
            PolicySource::Managed { arn }
            | PolicySource::GroupManaged { arn, .. }
            | PolicySource::SessionManaged { arn } => Some(arn),
            PolicySource::Inline { .. }
            | PolicySource::GroupInline { .. }
            | PolicySource::SessionInline => None,
        }
    }
}

/// The first clause that does not hold.
enum Failed<'s> {
    Principal(&'s Listed<Principal>),
    Action(&'s Listed<Pattern>),
    Resource(&'s Listed<ArnPattern>),
    Condition(&'s Condition),
}

/// Whether a statement matches, and in which ways it names the caller.
fn test<'s>(facts: &Facts<'_>, layer: Layer, statement: &'s Statement) -> Result<Ways, Failed<'s>> {
    let question = facts.question;
    let ways = match &statement.principals {
        // Resource control policies are for everyone.
        Some(_) if layer == Layer::ResourceControl => Ways::EVERYONE,
        Some(listed) => {
            let ways = named(facts, statement.effect, listed);
            if ways.is_none() {
                return Err(Failed::Principal(listed));
            }
            ways
        }
        None => Ways::NONE,
    };
    let actions = &statement.actions;
    if !actions.holds(|pattern| pattern.matches_plain(question.action, Case::Ignored)) {
        return Err(Failed::Action(actions));
    }
    if let Some(resources) = &statement.resources
        && !resources.holds(|pattern| pattern.matches(facts.resource.as_ref(), facts))
    {
        return Err(Failed::Resource(resources));
    }
    match statement.conditions.iter().find(|c| !c.holds(facts)) {
        Some(condition) => Err(Failed::Condition(condition)),
        None => Ok(ways),
    }
}

/// `Principal` and `NotPrincipal` (spec E-4, E-9).
fn named(facts: &Facts<'_>, effect: Effect, listed: &Listed<Principal>) -> Ways {
    let caller = facts.question.caller;
    let excluded = match (listed.form, effect) {
        (Form::These, _) => return ways(&listed.entries, caller),
        (Form::NotThese, Effect::Deny) => caller.is_spared(&listed.entries, facts.has_boundary),
        (Form::NotThese, Effect::Allow) => !ways(&listed.entries, caller).is_none(),
    };
    if excluded {
        Ways::NONE
    } else {
        Ways::NOT_EXCLUDED
    }
}

impl<T> Listed<T> {
    fn holds(&self, matches: impl Fn(&T) -> bool) -> bool {
        self.entries.iter().any(matches) == (self.form == Form::These)
    }

    fn failed(&self, these: Clause, not_these: Clause, given: &str) -> Outcome {
        Outcome::Failed {
            clause: match self.form {
                Form::These => these,
                Form::NotThese => not_these,
            },
            wanted: self.texts.to_vec(),
            given: if given.is_empty() {
                Given::Absent
            } else {
                Given::One(given.to_owned())
            },
        }
    }
}

impl Failed<'_> {
    fn outcome(&self, facts: &Facts<'_>) -> Outcome {
        let question = facts.question;
        match self {
            Failed::Principal(listed) => {
                let caller = question.caller;
                let name = match &caller.kind {
                    CallerKind::Service { name } => name,
                    CallerKind::TokenHolder { provider } => provider,
                    CallerKind::Anonymous
                    | CallerKind::Root
                    | CallerKind::User
                    | CallerKind::RoleSession { .. }
                    | CallerKind::FederatedUser { .. } => &caller.arn,
                };
                listed.failed(Clause::Principal, Clause::NotPrincipal, name)
            }
            Failed::Action(listed) => {
                listed.failed(Clause::Action, Clause::NotAction, question.action)
            }
            Failed::Resource(listed) => {
                listed.failed(Clause::Resource, Clause::NotResource, question.resource)
            }
            Failed::Condition(condition) => Outcome::Failed {
                clause: Clause::Condition {
                    operator: condition.operator_text.to_string(),
                    key: condition.key_text.to_string(),
                },
                wanted: condition.values_text.to_vec(),
                given: match facts.lookup(&condition.key) {
                    Lookup::Absent => Given::Absent,
                    Lookup::One(value) => Given::One(value.to_owned()),
                    Lookup::Many(values) => Given::Many(values.to_vec()),
                },
            },
        }
    }
}
