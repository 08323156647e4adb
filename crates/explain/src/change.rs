//! The smallest change that would have allowed a refused question, proved before it is shown.
//!
//! Candidates are made for the layer that refused, and each is tried on a copy of the case by the
//! engine itself. Where another layer refuses then, the search goes on from there.
mod allow;
mod block;
mod deny;

use policy::{Case, Decision, Effect, Layer, Outcome, Reason};

use crate::edit;
use crate::explanation::{Change, Step};
use crate::inquiry::{Inquiry, Work};
use crate::names::Names;

pub(crate) use allow::orphan_of;
pub(crate) use deny::statement_of;

use allow::for_layer;
use block::against_block;
use deny::against_deny;

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
