//! The policy simulator: the questions of a simulation, put to the engine that answers real ones.
//!
//! AWS: Testing IAM policies with the IAM policy simulator. Nothing of the resources is looked up:
//! policies, owner and context are those of the request, and of the principal that it names.
mod entries;
mod invalid;
mod names;
mod policies;
mod result;

use catalog::{AccountId, EntityKind};
use directory::SimulatedPrincipal;
use policy::{
    AttachedPolicy, Caller, Clause, Decision, Effect, Guardrails, IdentitySide, Layer, LayerSays,
    Outcome, Question, ResourceSide, StatementOutline, StatementStep, Step, Verdict,
};
use serde::Deserialize;

use self::entries::{ContextEntry, Entries};
pub use self::invalid::InvalidSimulation;
pub(crate) use self::names::policy_source;
use self::policies::{
    BOUNDARY_POLICY, IAM_POLICY, RESOURCE_POLICY, ResourceClass, ResourcePolicy, ShownPolicy,
    in_order, passed_boundary, resource_side,
};
pub(crate) use self::policies::{context_key_names, passed_policies};
pub use self::result::Output;
use self::result::{
    BoundaryDetail, Details, EvalDecision, EvaluationResult, MatchedStatement,
    ResourceSpecificResult,
};
use crate::IamError;
use crate::page::{PageEnd, PageRequest, page};

/// How much is looked at before a page ends early: bytes of policies, once for each statement and
/// each resource, for that is what places of statements cost.
const PAGE_WEIGHT_MAX: usize = 400_000_000;
/// How much one action may take.
const ACTION_WEIGHT_MAX: usize = 1_000_000_000;

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    #[serde(default)]
    policy_input_list: Vec<String>,
    #[serde(default)]
    permissions_boundary_policy_input_list: Vec<String>,
    action_names: Vec<String>,
    #[serde(default)]
    resource_arns: Vec<String>,
    resource_policy: Option<String>,
    resource_owner: Option<String>,
    caller_arn: Option<String>,
    #[serde(default)]
    context_entries: Vec<ContextEntry>,
    resource_handling_option: Option<String>,
    #[serde(flatten)]
    page: PageRequest,
}

/// What is simulated: who calls, with which policies, on what.
#[derive(Debug)]
pub(crate) struct Scenario {
    caller: Caller,
    policies: Vec<AttachedPolicy>,
    boundary: Option<AttachedPolicy>,
    resource_policy: Option<ResourcePolicy>,
    owner: Option<AccountId>,
    resources: Vec<String>,
    entries: Entries,
    /// All policies, in the order in which the engine looks at them.
    shown: Vec<ShownPolicy>,
}

impl Scenario {
    /// Of passed policies alone. Without a caller, somebody in `account` calls.
    pub(crate) fn of_policies(
        request: &Request,
        account: AccountId,
    ) -> Result<Scenario, InvalidSimulation> {
        let caller = match &request.caller_arn {
            Some(arn) => names::caller(arn, None)?,
            None if request.resource_policy.is_some() => return Err(InvalidSimulation::Caller),
            None => names::nobody_in_particular(account),
        };
        let policies = passed_policies(&request.policy_input_list)?;
        let no_principal = "";
        Scenario::new(request, caller, policies, None, no_principal)
    }

    /// Of a principal's policies and passed ones.
    pub(crate) fn of_principal(
        request: &Request,
        account: AccountId,
        principal: SimulatedPrincipal,
    ) -> Result<Scenario, InvalidSimulation> {
        let caller = match (&request.caller_arn, &principal.caller) {
            (Some(arn), _) => names::caller(arn, Some(&principal))?,
            (None, Some(own)) => own.clone(),
            (None, None) if request.resource_policy.is_some() => {
                return Err(InvalidSimulation::Caller);
            }
            (None, None) => names::nobody_in_particular(account),
        };
        let mut policies = principal.policies;
        policies.extend(passed_policies(&request.policy_input_list)?);
        let shown_as = match principal.kind {
            EntityKind::User => format!("user_{}", principal.name),
            EntityKind::Role => format!("role_{}", principal.name),
            // Its policies say themselves that they are a group's.
            EntityKind::Group | EntityKind::Policy | EntityKind::InstanceProfile => principal.name,
        };
        Scenario::new(request, caller, policies, principal.boundary, &shown_as)
    }

    fn new(
        request: &Request,
        caller: Caller,
        policies: Vec<AttachedPolicy>,
        own_boundary: Option<AttachedPolicy>,
        principal: &str,
    ) -> Result<Scenario, InvalidSimulation> {
        let passed = passed_boundary(&request.permissions_boundary_policy_input_list)?;
        let boundary = passed.or(own_boundary);
        let resource_policy = match &request.resource_policy {
            Some(text) => Some(ResourcePolicy::read(text)?),
            None => None,
        };
        let owner = match &request.resource_owner {
            Some(text) => Some(names::resource_owner(text)?),
            None => None,
        };
        let of_caller = |layer: Layer, kind: &'static str, policy: &AttachedPolicy| {
            ShownPolicy::of_caller(layer, kind, policy, principal)
        };
        let shown = policies
            .iter()
            .map(|policy| of_caller(Layer::Identity, IAM_POLICY, policy))
            .chain(
                boundary
                    .iter()
                    .map(|policy| of_caller(Layer::Boundary, BOUNDARY_POLICY, policy)),
            )
            .chain(resource_policy.iter().map(ResourcePolicy::shown))
            .collect();
        Ok(Scenario {
            caller,
            resource_policy,
            owner,
            resources: resources(request)?,
            entries: Entries::read(&request.context_entries)?,
            shown,
            policies,
            boundary,
        })
    }

    /// Simulates the actions of the wanted page.
    pub(crate) fn simulate(&self, request: &Request) -> Result<Output, IamError> {
        let mut actions = Vec::with_capacity(request.action_names.len());
        for (index, given) in request.action_names.iter().enumerate() {
            let name = policy::action_name(given)
                .ok_or_else(|| InvalidSimulation::Action(given.clone()))?;
            actions.push((index, given, name));
        }
        let count = actions.len();
        let key = |index: usize| format!("{index:08}");
        let (wanted, mut end) = page(actions, |(index, ..)| key(*index), &request.page)?;
        let weights = self.shown.iter().map(ShownPolicy::weight);
        let resource_weight = weights.fold(0, usize::saturating_add);
        let action_weight = resource_weight.saturating_mul(self.resources.len());
        if action_weight > ACTION_WEIGHT_MAX {
            return Err(InvalidSimulation::TooMuch.into());
        }
        let mut weight = 0_usize;
        let mut results = Vec::with_capacity(wanted.len());
        for (index, given, name) in wanted {
            results.push(self.action(given, &name)?);
            weight = weight.saturating_add(action_weight);
            if weight > PAGE_WEIGHT_MAX && index + 1 < count {
                end = PageEnd::early(&key(index));
                break;
            }
        }
        Ok(Output {
            evaluation_results: results,
            end,
        })
    }

    fn action(&self, given: &str, name: &str) -> Result<EvaluationResult, InvalidSimulation> {
        let each = self.resources.iter().map(|arn| self.evaluate(name, arn));
        let each: Vec<ResourceSpecificResult> = each.collect::<Result<_, _>>()?;
        let first = self.resources.first();
        let form = first.and_then(|arn| policy::resource_form(name, arn));
        Ok(EvaluationResult::of(given, form, each))
    }

    fn evaluate(
        &self,
        action: &str,
        resource: &str,
    ) -> Result<ResourceSpecificResult, InvalidSimulation> {
        let told = self.owner.or_else(|| names::account_in(resource));
        let question = Question {
            caller: &self.caller,
            action,
            resource,
            owner: told.or(self.caller.account),
            context: &self.entries,
        };
        let side = IdentitySide {
            policies: &self.policies,
            boundary: self.boundary.as_ref(),
            session: None,
        };
        let class = ResourceClass::of(action, resource);
        let resource_side = match &self.resource_policy {
            None => ResourceSide::None,
            Some(policy) => resource_side(policy.of(class)?, class),
        };
        let verdict =
            policy::explain_within(&question, &side, &resource_side, &Guardrails::default());
        let is_cross_account = question.owner != self.caller.account;
        let decision = match verdict.decision() {
            Decision::Allow => EvalDecision::Allowed,
            Decision::Deny(denial) if denial.explicit => EvalDecision::ExplicitDeny,
            Decision::Deny(_) => EvalDecision::ImplicitDeny,
        };
        Ok(ResourceSpecificResult {
            eval_resource_name: resource.to_owned(),
            eval_resource_decision: decision,
            matched_statements: self.matched(&verdict, decision, is_cross_account),
            missing_context_values: self.missing(&verdict, &question),
            eval_decision_details: is_cross_account.then(|| details(&verdict)),
            permissions_boundary_decision_detail: said(&verdict, &[Layer::Boundary]).map(|said| {
                BoundaryDetail {
                    allowed_by_permissions_boundary: said == EvalDecision::Allowed,
                }
            }),
        })
    }

    /// The statements that decide: those that deny, else those that allow. An implicit deny has none,
    /// but between accounts, where one side may allow for nothing.
    fn matched(
        &self,
        verdict: &Verdict,
        decision: EvalDecision,
        is_cross_account: bool,
    ) -> Vec<MatchedStatement> {
        let effect = match decision {
            EvalDecision::ExplicitDeny => Effect::Deny,
            EvalDecision::Allowed => Effect::Allow,
            EvalDecision::ImplicitDeny if is_cross_account => Effect::Allow,
            EvalDecision::ImplicitDeny => return Vec::new(),
        };
        let counts = |step: &StatementStep| {
            // A boundary grants nothing.
            let grants_nothing = step.layer == Layer::Boundary && effect == Effect::Allow;
            step.outcome == Outcome::Matched && step.effect == effect && !grants_nothing
        };
        self.statements(verdict)
            .filter(|(step, ..)| counts(step))
            .map(|(_, policy, outline)| MatchedStatement {
                source_policy_id: policy.id.clone(),
                source_policy_type: policy.kind,
                start_position: outline.start.into(),
                end_position: outline.end.into(),
            })
            .collect()
    }

    /// The keys that the statements about this action and resource name, and that have no value.
    fn missing(&self, verdict: &Verdict, question: &Question<'_>) -> Vec<String> {
        let mut names = Vec::new();
        for (step, _, outline) in self.statements(verdict) {
            let (resources, conditions) = match &step.outcome {
                Outcome::Matched => (true, true),
                Outcome::Failed { clause, .. } => match clause {
                    Clause::Principal
                    | Clause::NotPrincipal
                    | Clause::Action
                    | Clause::NotAction => (false, false),
                    // It may be another resource's, or this one's if the variable had a value.
                    Clause::Resource | Clause::NotResource => (true, false),
                    Clause::Condition { .. } => (true, true),
                },
            };
            let in_play = [
                (resources, &outline.resource_keys),
                (conditions, &outline.condition_keys),
            ];
            for (_, keys) in in_play.iter().filter(|(counts, _)| *counts) {
                let needed = keys.iter().filter(|key| !key.has_default);
                let absent = needed.filter(|key| !policy::has_value(question, &key.name));
                names.extend(absent.map(|key| key.name.clone()));
            }
        }
        in_order(names)
    }

    /// The statements that were looked at, with what is told of them.
    fn statements<'a>(
        &'a self,
        verdict: &'a Verdict,
    ) -> impl Iterator<Item = (&'a StatementStep, &'a ShownPolicy, &'a StatementOutline)> {
        let mut at = 0;
        verdict.steps().iter().filter_map(move |step| {
            let Step::Statement(step) = step else {
                return None;
            };
            let same =
                |policy: &ShownPolicy| policy.layer == step.layer && policy.source == step.source;
            at += self.shown.get(at..)?.iter().position(same)?;
            let policy = self.shown.get(at)?;
            Some((&**step, policy, policy.statements.get(step.index)?))
        })
    }
}

/// `ResourceArns`, `*` if there are none; a scenario of EC2 must have all that it needs.
fn resources(request: &Request) -> Result<Vec<String>, InvalidSimulation> {
    let resources = match request.resource_arns.as_slice() {
        [] => vec!["*".to_owned()],
        arns => arns.to_vec(),
    };
    for arn in &resources {
        names::check_resource(arn)?;
    }
    if let Some(option) = &request.resource_handling_option {
        names::check_scenario(option, &resources)?;
    }
    Ok(resources)
}

/// What a layer of these says as a whole; `None` if there is none of them.
fn said(verdict: &Verdict, layers: &[Layer]) -> Option<EvalDecision> {
    let of_layer = |step: &Step| match step {
        Step::Layer { layer, says } if layers.contains(layer) => Some(match says {
            LayerSays::Deny => EvalDecision::ExplicitDeny,
            LayerSays::Allow => EvalDecision::Allowed,
            LayerSays::Nothing => EvalDecision::ImplicitDeny,
        }),
        Step::Layer { .. }
        | Step::Statement(_)
        | Step::Acl { .. }
        | Step::KeyGrant { .. }
        | Step::Concluded { .. } => None,
    };
    verdict.steps().iter().find_map(of_layer)
}

/// What each kind of policy says between accounts. A resource without a policy allows nobody else.
fn details(verdict: &Verdict) -> Details {
    let nothing = EvalDecision::ImplicitDeny;
    let identity = said(verdict, &[Layer::Identity]).unwrap_or(nothing);
    let resource = said(verdict, &[Layer::Resource, Layer::Trust]).unwrap_or(nothing);
    let mut details = Details::from([(IAM_POLICY, identity), (RESOURCE_POLICY, resource)]);
    if let Some(boundary) = said(verdict, &[Layer::Boundary]) {
        details.insert(BOUNDARY_POLICY, boundary);
    }
    details
}
