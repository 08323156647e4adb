//! What a simulation answers.
use std::collections::BTreeMap;

use policy::Position;
use serde::Serialize;

use crate::page::PageEnd;

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    pub(crate) evaluation_results: Vec<EvaluationResult>,
    #[serde(flatten)]
    pub(crate) end: PageEnd,
}

/// `PolicyEvaluationDecisionType`; the later, the more restrictive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum EvalDecision {
    Allowed,
    ImplicitDeny,
    ExplicitDeny,
}

/// `EvalDecisionDetailsType`: what each kind of policy says.
pub(crate) type Details = BTreeMap<&'static str, EvalDecision>;

/// `EvaluationResult`: an action on all resources.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EvaluationResult {
    pub(crate) eval_action_name: String,
    pub(crate) eval_resource_name: String,
    pub(crate) eval_decision: EvalDecision,
    pub(crate) matched_statements: Vec<MatchedStatement>,
    pub(crate) missing_context_values: Vec<String>,
    pub(crate) permissions_boundary_decision_detail: Option<BoundaryDetail>,
    pub(crate) eval_decision_details: Option<Details>,
    pub(crate) resource_specific_results: Option<Vec<ResourceSpecificResult>>,
}

/// `ResourceSpecificResult`: an action on one resource.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ResourceSpecificResult {
    pub(crate) eval_resource_name: String,
    pub(crate) eval_resource_decision: EvalDecision,
    pub(crate) matched_statements: Vec<MatchedStatement>,
    pub(crate) missing_context_values: Vec<String>,
    pub(crate) eval_decision_details: Option<Details>,
    pub(crate) permissions_boundary_decision_detail: Option<BoundaryDetail>,
}

/// `Statement`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MatchedStatement {
    pub(crate) source_policy_id: String,
    pub(crate) source_policy_type: &'static str,
    pub(crate) start_position: Place,
    pub(crate) end_position: Place,
}

/// `Position`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Place {
    line: usize,
    column: usize,
}

impl From<Position> for Place {
    fn from(position: Position) -> Place {
        Place {
            line: position.line,
            column: position.column,
        }
    }
}

/// `PermissionsBoundaryDecisionDetail`
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BoundaryDetail {
    pub(crate) allowed_by_permissions_boundary: bool,
}

impl EvaluationResult {
    /// The results of one action put together: the most restrictive decision, what led to it, and
    /// every key that was missing. `form` stands for the resources where there are several.
    pub(crate) fn of(
        action: &str,
        form: Option<&str>,
        each: Vec<ResourceSpecificResult>,
    ) -> EvaluationResult {
        let decisions = each.iter().map(|one| one.eval_resource_decision);
        let decision = decisions.max().unwrap_or(EvalDecision::ImplicitDeny);
        let mut matched = Vec::new();
        let mut missing = Vec::new();
        let mut boundary: Option<BoundaryDetail> = None;
        let mut details = Details::new();
        for one in &each {
            // AWS shows what an implicit deny met under the resource only.
            let leads =
                one.eval_resource_decision == decision && decision != EvalDecision::ImplicitDeny;
            for statement in one.matched_statements.iter().filter(|_| leads) {
                if !matched.contains(statement) {
                    matched.push(statement.clone());
                }
            }
            missing.extend(one.missing_context_values.iter().cloned());
            if let Some(own) = one.permissions_boundary_decision_detail {
                let so_far = boundary.is_none_or(|so_far| so_far.allowed_by_permissions_boundary);
                boundary = Some(BoundaryDetail {
                    allowed_by_permissions_boundary: so_far && own.allowed_by_permissions_boundary,
                });
            }
            for (kind, said) in one.eval_decision_details.iter().flatten() {
                let worst = details.entry(kind).or_insert(*said);
                *worst = (*worst).max(*said);
            }
        }
        missing.sort();
        missing.dedup();
        let everything = matches!(each.as_slice(), [one] if one.eval_resource_name == "*");
        let name = match each.as_slice() {
            [one] => one.eval_resource_name.clone(),
            _ => form.unwrap_or("*").to_owned(),
        };
        EvaluationResult {
            eval_action_name: action.to_owned(),
            eval_resource_name: name,
            eval_decision: decision,
            matched_statements: matched,
            missing_context_values: missing,
            permissions_boundary_decision_detail: boundary,
            // Empty within one account; left out as well where no resource is named.
            eval_decision_details: (!everything || !details.is_empty()).then_some(details),
            resource_specific_results: (!everything).then_some(each),
        }
    }
}
