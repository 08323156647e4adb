//! A case with its trail, and what its parts are called.
use std::cell::Cell;

use catalog::AccountId;
use policy::{
    CallerKind, Case, Clause, Decision, Effect, Given, Layer, LayerSays, Outcome, PolicySource,
    Reason, StatementStep, Step, Target, Verdict,
};

use crate::explanation::{ClauseView, StatementView};
use crate::names::{self, Names};

pub(crate) struct Inquiry<'a> {
    pub case: &'a Case,
    pub verdict: Verdict,
    pub names: &'a dyn Names,
    work: &'a Work,
}

/// What looking for a change may still cost. Any account's administrator can have a refusal
/// explained, and says with its policies how many copies of how large a case there are to decide.
#[derive(Debug)]
pub(crate) struct Work {
    bytes_left: Cell<usize>,
}

/// Policy text that is decided anew for one explanation, in bytes: for cases of usual size more than
/// the search ever takes, for the largest ones a fraction of a second.
const WORK_BYTES_MAX: usize = 12 * 1024 * 1024;
/// What deciding a case costs besides its policies.
const FIXED_BYTES: usize = 2 * 1024;

impl Default for Work {
    fn default() -> Work {
        Work {
            bytes_left: Cell::new(WORK_BYTES_MAX),
        }
    }
}

impl Work {
    /// Takes what deciding a case costs; `None` when there is too little left.
    fn spend(&self, case: &Case) -> Option<()> {
        let left = self.bytes_left.get().checked_sub(cost_bytes(case))?;
        self.bytes_left.set(left);
        Some(())
    }
}

fn cost_bytes(case: &Case) -> usize {
    let own = case.identity.iter().chain(&case.boundary);
    let own = own.chain(case.session.iter().flatten());
    let own: usize = own.map(|attached| attached.policy.text().len()).sum();
    let theirs = match &case.target {
        Target::None => None,
        Target::Trust { policy } => policy.as_ref(),
        Target::S3(s3) => s3.policy.as_ref(),
        Target::Key(key) => Some(&key.policy),
    };
    // Each copy has the whole context too.
    let context = case.context.len() * 64;
    FIXED_BYTES + own + theirs.map_or(0, |policy| policy.text().len()) + context
}

impl<'a> Inquiry<'a> {
    pub fn of(case: &'a Case, names: &'a dyn Names, work: &'a Work) -> Inquiry<'a> {
        Inquiry {
            case,
            verdict: case.explain(),
            names,
            work,
        }
    }

    /// A changed copy of the case, decided; `None` when enough was tried.
    pub fn trial<'b>(&'b self, case: &'b Case) -> Option<Inquiry<'b>> {
        self.work.spend(case)?;
        Some(Inquiry::of(case, self.names, self.work))
    }

    pub fn decision(&self) -> Decision {
        self.verdict.decision()
    }

    pub fn reason(&self) -> Reason {
        self.verdict.reason()
    }

    pub fn is_one_account(&self) -> bool {
        self.case.caller.account.is_some() && self.case.caller.account == self.case.owner
    }

    pub fn statements(&self, layer: Layer) -> impl Iterator<Item = &StatementStep> {
        self.verdict.steps().iter().filter_map(move |step| {
            let Step::Statement(statement) = step else {
                return None;
            };
            (statement.layer == layer).then_some(&**statement)
        })
    }

    /// What a layer says; `None` when the decision did not look at it.
    pub fn says(&self, layer: Layer) -> Option<LayerSays> {
        self.verdict.steps().iter().find_map(|step| match step {
            Step::Layer { layer: of, says } if *of == layer => Some(*says),
            Step::Layer { .. }
            | Step::Statement(_)
            | Step::Acl { .. }
            | Step::KeyGrant { .. }
            | Step::Concluded { .. } => None,
        })
    }

    /// The statement that denies, with its layer: the first in AWS's order.
    pub fn denying(&self) -> Option<&StatementStep> {
        [
            Layer::ServiceControl,
            Layer::ResourceControl,
            Layer::VpcEndpoint,
            Layer::Identity,
            Layer::Boundary,
            Layer::Session,
            Layer::Resource,
            Layer::Trust,
        ]
        .into_iter()
        .find_map(|layer| {
            self.statements(layer)
                .find(|s| s.effect == Effect::Deny && s.outcome == Outcome::Matched)
        })
    }

    /// The first statement of a layer that allows.
    pub fn allowing(&self, layer: Layer) -> Option<&StatementStep> {
        self.statements(layer)
            .find(|s| s.effect == Effect::Allow && s.outcome == Outcome::Matched)
    }

    /// The statement of a layer that would allow and lacks the least.
    pub fn nearest(&self, layer: Layer) -> Option<&StatementStep> {
        self.statements(layer)
            .filter(|s| s.effect == Effect::Allow && s.outcome != Outcome::Matched)
            .filter(|s| is_near(s))
            .min_by_key(|s| distance(s))
    }

    /// Layers of the caller's side that do not allow, in AWS's order.
    pub fn missing_on_callers_side(&self) -> Vec<Layer> {
        if self.case.caller.kind == CallerKind::Root {
            return Vec::new();
        }
        [Layer::Identity, Layer::Boundary, Layer::Session]
            .into_iter()
            .filter(|layer| match self.says(*layer) {
                Some(says) => says != LayerSays::Allow,
                // Nothing passed is nothing allowed for a federated user alone.
                None => {
                    *layer == Layer::Session
                        && matches!(self.case.caller.kind, CallerKind::FederatedUser { .. })
                }
            })
            .collect()
    }

    /// Whether nothing was passed when the session was made: what AWS forbids all such sessions stands
    /// there as a policy that only denies.
    pub fn has_no_session_policy(&self) -> bool {
        self.statements(Layer::Session)
            .all(|statement| statement.effect == Effect::Deny)
    }

    /// `IAM user`, `session of role`, …
    pub fn kind(&self) -> &'static str {
        kind(&self.case.caller.kind)
    }

    /// `user al`, `role deliver`, `the root user`: who in the caller's account needs a permission.
    pub fn holder(&self) -> String {
        let name = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
        match &self.case.caller.kind {
            CallerKind::Anonymous => "a caller without credentials".to_owned(),
            CallerKind::Root => "the root user".to_owned(),
            CallerKind::User => format!("user {}", name(&self.case.caller.arn)),
            CallerKind::RoleSession { role_arn, .. } => format!("role {}", name(role_arn)),
            CallerKind::FederatedUser { user_arn, .. } => {
                format!("user {} (through a federated session)", name(user_arn))
            }
            CallerKind::TokenHolder { provider } => format!("the holder of a token of {provider}"),
            CallerKind::Service { name } => format!("the service {name}"),
        }
    }

    pub fn account(&self, account: AccountId) -> String {
        names::account(self.names, account)
    }

    pub fn callers_account(&self) -> String {
        names::account_or(self.names, self.case.caller.account, "no account")
    }

    pub fn owner(&self) -> String {
        names::account_or(self.names, self.case.owner, "nobody here")
    }

    /// `bucket policy of reports`, `trust policy of role deliver`, …
    pub fn resource_policy(&self) -> String {
        match &self.case.target {
            Target::S3(s3) => format!("bucket policy of {}", s3.bucket),
            Target::Trust { .. } => format!("trust policy of role {}", self.resource_name()),
            Target::Key(_) => format!("key policy of {}", self.case.resource),
            Target::None => "resource's policy".to_owned(),
        }
    }

    pub fn resource_name(&self) -> &str {
        let resource = &self.case.resource;
        resource.rsplit('/').next().unwrap_or(resource)
    }

    /// The policy that a statement stands in.
    pub fn policy_name(&self, statement: &StatementStep) -> String {
        match &statement.source {
            None => self.resource_policy(),
            Some(source) if statement.layer == Layer::Boundary => match source {
                PolicySource::Managed { arn } => format!("permissions boundary {arn}"),
                PolicySource::Inline { .. }
                | PolicySource::GroupInline { .. }
                | PolicySource::GroupManaged { .. }
                | PolicySource::SessionInline
                | PolicySource::SessionManaged { .. } => "permissions boundary".to_owned(),
            },
            Some(source) => source_name(source),
        }
    }

    /// `statement AllowList`, or by its number.
    pub fn statement_name(statement: &StatementStep) -> String {
        match statement.sid.as_deref() {
            Some(sid) if !sid.is_empty() => format!("statement {sid}"),
            Some(_) | None => format!("statement {}", statement.index + 1),
        }
    }

    pub fn view(&self, statement: &StatementStep) -> StatementView {
        StatementView {
            policy: self.policy_name(statement),
            name: Self::statement_name(statement),
            line: statement.position.line,
            effect: statement.effect,
            failures: statement
                .failures()
                .map(|(clause, wanted, given)| self.clause(clause, wanted, given))
                .collect(),
        }
    }

    fn clause(&self, clause: &Clause, wanted: &[String], given: &Given) -> ClauseView {
        let principals = matches!(clause, Clause::Principal | Clause::NotPrincipal);
        ClauseView {
            clause: clause_name(clause),
            wanted: wanted
                .iter()
                .map(|text| {
                    if principals {
                        self.principal(text)
                    } else {
                        text.clone()
                    }
                })
                .collect(),
            given: match given {
                Given::Absent => Vec::new(),
                Given::One(value) => vec![value.clone()],
                Given::Many(values) => values.clone(),
            },
        }
    }

    /// A principal as its author wrote it: documents are stored with unique ids.
    pub fn principal(&self, text: &str) -> String {
        if let Some(arn) = self.names.arn_of(text) {
            return arn;
        }
        match self.names.origin_of(text) {
            Some((account, kind)) => format!(
                "{text} (a deleted {} of {})",
                kind.word(),
                self.account(account)
            ),
            None => text.to_owned(),
        }
    }
}

pub(crate) fn kind(kind: &CallerKind) -> &'static str {
    match kind {
        CallerKind::Anonymous => "no credentials",
        CallerKind::Root => "root user",
        CallerKind::User => "IAM user",
        CallerKind::RoleSession { .. } => "role session",
        CallerKind::FederatedUser { .. } => "federated user",
        CallerKind::TokenHolder { .. } => "holder of an identity provider's token",
        CallerKind::Service { .. } => "AWS service",
    }
}

pub(crate) fn source_name(source: &PolicySource) -> String {
    match source {
        PolicySource::Inline { name } => format!("inline policy {name}"),
        PolicySource::Managed { arn } => format!("managed policy {arn}"),
        PolicySource::GroupInline { group, name } => {
            format!("inline policy {name} of group {group}")
        }
        PolicySource::GroupManaged { group, arn } => {
            format!("managed policy {arn} of group {group}")
        }
        PolicySource::SessionInline => "session policy".to_owned(),
        PolicySource::SessionManaged { arn } => format!("session policy {arn}"),
    }
}

pub(crate) fn clause_name(clause: &Clause) -> String {
    match clause {
        Clause::Principal => "Principal".to_owned(),
        Clause::NotPrincipal => "NotPrincipal".to_owned(),
        Clause::Action => "Action".to_owned(),
        Clause::NotAction => "NotAction".to_owned(),
        Clause::Resource => "Resource".to_owned(),
        Clause::NotResource => "NotResource".to_owned(),
        Clause::Condition { operator, key } => format!("{operator} {key}"),
    }
}

/// How much a statement lacks: a condition is nearer than another resource, that nearer than
/// another action, and that nearer than another principal.
fn distance(statement: &StatementStep) -> u32 {
    let weight = |clause: &Clause| match clause {
        Clause::Condition { .. } => 1,
        Clause::Resource | Clause::NotResource => 4,
        Clause::Action | Clause::NotAction => 6,
        Clause::Principal | Clause::NotPrincipal => 8,
    };
    statement
        .failures()
        .map(|(clause, ..)| weight(clause))
        .sum()
}

/// A statement about something else altogether is not near.
fn is_near(statement: &StatementStep) -> bool {
    let fails = |wanted: &[&str]| {
        statement
            .failures()
            .any(|(clause, ..)| wanted.contains(&&*clause_name(clause)))
    };
    let action = fails(&["Action", "NotAction"]);
    let resource = fails(&["Resource", "NotResource"]);
    let principal = fails(&["Principal", "NotPrincipal"]);
    !(action && (resource || principal))
}
