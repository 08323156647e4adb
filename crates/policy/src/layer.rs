//! What a layer says: its documents, statement by statement.
use crate::condition::Condition;
use crate::facts::Facts;
use crate::pattern::{ArnPattern, Case, Pattern};
use crate::principal::{Principal, Ways, ways};
use crate::statement::{Form, Listed, Statement};
use crate::verdict::Recorder;
use crate::{
    AttachedPolicy, CallerKind, Clause, Effect, Given, Layer, LayerSays, Lookup, Outcome, Policy,
    PolicySource, StatementStep, Step,
};

/// What a layer says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said<'p> {
    pub denies: bool,
    /// The managed policy that denies.
    pub deny_arn: Option<&'p str>,
    pub allows: bool,
    /// How allowing statements name the caller.
    pub ways: Ways,
}

impl Said<'_> {
    /// One allow is as good as many where statements name nobody: where they do, each adds the
    /// ways in which it names the caller.
    fn has_no_use_for(&self, statement: &Statement) -> bool {
        self.allows && statement.effect == Effect::Allow && statement.principals.is_none()
    }

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
pub(crate) fn levels<'p>(
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

pub(crate) fn attached<'p>(
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

pub(crate) fn document<'p>(
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

fn read<'p, R: Recorder>(
    facts: &Facts<'_>,
    layer: Layer,
    source: Option<&'p PolicySource>,
    policy: &'p Policy,
    said: &mut Said<'p>,
    recorder: &mut R,
) {
    // Without a trail, what cannot match or has nothing to add is passed over.
    if !R::KEEPS_STEPS && !policy.can_say_more(facts.action, said.allows) {
        return;
    }
    for (index, statement) in policy.statements().iter().enumerate() {
        if !R::KEEPS_STEPS
            && (!policy.may_be_about(index, facts.action) || said.has_no_use_for(statement))
        {
            continue;
        }
        let result = test(facts, layer, statement);
        recorder.note(|| {
            let (position, end) = policy.positions(index);
            Step::Statement(Box::new(StatementStep {
                layer,
                source: source.cloned(),
                index,
                sid: statement.sid.as_deref().map(str::to_owned),
                position,
                end,
                effect: statement.effect,
                outcome: match &result {
                    Ok(_) => Outcome::Matched,
                    Err(failed) => failed.outcome(facts),
                },
                also_failed: match &result {
                    Ok(_) => Vec::new(),
                    Err(first) => others(facts, layer, statement, first),
                },
            }))
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
    let about = match facts.action {
        Some(action) => statement.known_actions.contains(action),
        None => actions.holds(|pattern| pattern.matches_plain(question.action, Case::Ignored)),
    };
    if !about {
        return Err(Failed::Action(actions));
    }
    if let Some(resources) = &statement.resources
        && !resources.holds(|pattern| pattern.matches(&facts.resource, facts))
    {
        return Err(Failed::Resource(resources));
    }
    match statement.conditions.iter().find(|c| !c.holds(facts)) {
        Some(condition) => Err(Failed::Condition(condition)),
        None => Ok(ways),
    }
}

/// The clauses behind the first one that do not hold either: only explanations ask.
fn others(
    facts: &Facts<'_>,
    layer: Layer,
    statement: &Statement,
    first: &Failed<'_>,
) -> Vec<Outcome> {
    let question = facts.question;
    let mut failed = Vec::new();
    if let Some(listed) = &statement.principals
        && layer != Layer::ResourceControl
        && named(facts, statement.effect, listed).is_none()
    {
        failed.push(Failed::Principal(listed));
    }
    let actions = &statement.actions;
    if !actions.holds(|pattern| pattern.matches_plain(question.action, Case::Ignored)) {
        failed.push(Failed::Action(actions));
    }
    if let Some(resources) = &statement.resources
        && !resources.holds(|pattern| pattern.matches(&facts.resource, facts))
    {
        failed.push(Failed::Resource(resources));
    }
    let conditions = statement.conditions.iter().filter(|c| !c.holds(facts));
    failed.extend(conditions.map(Failed::Condition));
    let first = first.outcome(facts);
    let outcomes = failed.iter().map(|failed| failed.outcome(facts));
    outcomes.filter(|outcome| *outcome != first).collect()
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
    pub fn holds(&self, matches: impl Fn(&T) -> bool) -> bool {
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
                given: match condition.key.find(facts) {
                    Lookup::Absent => Given::Absent,
                    Lookup::One(value) => Given::One(value.to_owned()),
                    Lookup::Many(values) => Given::Many(values.to_vec()),
                },
            },
        }
    }
}
