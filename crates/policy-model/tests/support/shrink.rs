//! Makes a disagreement small.
use policy_model::Twist;
use serde_json::{Value, json};

use super::Case;

impl Case {
    /// Takes away whatever can be taken away with the two still disagreeing.
    pub fn shrunk(&self, twist: Option<Twist>) -> Case {
        let mut value = json!({"world": self.world, "request": self.request});
        let wanted = self.disagreement(twist);
        let differs = |value: &Value| {
            let case: Option<Case> = serde_json::from_value(value.clone()).ok();
            case.is_some_and(|case| case.disagreement(twist) == wanted)
        };
        loop {
            let mut places = Vec::new();
            places_of(&value, &mut Vec::new(), &mut places);
            // What lies deep comes last, so large pieces go first.
            places.sort_by_key(Vec::len);
            let smaller = places.iter().find_map(|place| {
                let mut less = value.clone();
                take_away(&mut less, place);
                differs(&less).then_some(less)
            });
            match smaller {
                Some(less) => value = less,
                None => break,
            }
        }
        let mut case: Case = serde_json::from_value(value).unwrap_or_else(|_| self.clone());
        case.about = wanted.map_or_else(|error| error, |found| format!("{found:?}"));
        case
    }
}

#[derive(Clone, Debug)]
enum Step {
    Member(String),
    Entry(usize),
}

fn places_of(value: &Value, here: &mut Vec<Step>, places: &mut Vec<Vec<Step>>) {
    let children: Vec<(Step, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (Step::Member(name.clone()), value))
            .collect(),
        Value::Array(entries) => entries
            .iter()
            .enumerate()
            .map(|(at, value)| (Step::Entry(at), value))
            .collect(),
        _ => return,
    };
    for (step, child) in children {
        here.push(step);
        if may_go(here) {
            places.push(here.clone());
        }
        places_of(child, here, places);
        here.pop();
    }
}

/// Without these a world is none: the caller, the question, whose the resource is.
fn may_go(place: &[Step]) -> bool {
    let names: Vec<&str> = place
        .iter()
        .map(|step| match step {
            Step::Member(name) => name.as_str(),
            Step::Entry(_) => "",
        })
        .collect();
    match names.as_slice() {
        ["request", "principal", name] => {
            matches!(*name, "sessionPolicies" | "tags" | "serviceLinked")
        }
        ["world"] | ["request"] => false,
        ["world", name] => !matches!(*name, "resourceType" | "resourceOwner" | "accounts"),
        ["request", name] => !matches!(*name, "principal" | "action" | "resource"),
        ["world", "accounts", _] | ["world", "accounts", _, "canonicalId"] => false,
        ["world", "grants", _, name] => *name == "constraints",
        ["world", "acl", _, _, _] => false,
        _ => true,
    }
}

fn take_away(value: &mut Value, place: &[Step]) {
    let Some((last, way)) = place.split_last() else {
        return;
    };
    let mut at = value;
    for step in way {
        let next = match step {
            Step::Member(name) => at.get_mut(name.as_str()),
            Step::Entry(index) => at.get_mut(*index),
        };
        match next {
            Some(next) => at = next,
            None => return,
        }
    }
    match (last, at) {
        (Step::Member(name), Value::Object(members)) => drop(members.shift_remove(name)),
        (Step::Entry(index), Value::Array(entries)) => drop(entries.remove(*index)),
        _ => {}
    }
}
