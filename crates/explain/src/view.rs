//! What an account's administrators may see of an explanation.
use catalog::AccountId;
use policy::Layer;

use crate::explanation::{Answer, Explanation, LayerView, Side, SideSays, Step};

impl Explanation {
    /// What the administrators of an account may see: their own side whole, and of the other side
    /// only which layer refused. No policy of another account is shown, no name of it, no external
    /// id. `None` for an account that has no part in it.
    pub fn for_account(&self, account: AccountId) -> Option<Explanation> {
        let is_callers = self.who.account == Some(account);
        let is_owners = self.asked.owner == Some(account);
        if !is_callers && !is_owners {
            return None;
        }
        if is_callers && is_owners {
            return Some(self.clone());
        }
        if is_callers && let Some(there) = &self.as_if_there {
            let there = Explanation {
                who: self.who.clone(),
                asked: self.asked.clone(),
                told: self.told.clone(),
                ..(**there).clone()
            };
            return there.for_account(account);
        }
        let mut seen = self.clone();
        for side in &mut seen.sides {
            if side.account != Some(account) {
                side.layers = side.layers.iter().map(bare).collect();
                side.title = bare_title(side);
            } else if !is_callers {
                // What the caller sent as an external id may be another customer's secret.
                side.layers.iter_mut().for_each(hide_external_id);
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

fn hide_external_id(layer: &mut LayerView) {
    let statements = layer.matched.iter_mut().chain(&mut layer.nearest);
    for clause in statements.flat_map(|statement| &mut statement.failures) {
        if clause.clause.to_lowercase().ends_with(" sts:externalid") && !clause.given.is_empty() {
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
