//! Known actions by number. What a statement's actions hold for is worked out when the document is
//! compiled, so that a decision looks at one bit of each statement and reads no pattern.
//!
//! Known are the actions that have a type. Others may be asked about too (in explanations and
//! simulations): for those the patterns are matched as they stand.
use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use crate::pattern::{Case, Pattern};
use crate::statement::{Form, Listed};

const COUNT: usize = {
    let (mut count, mut at) = (0, 0);
    while at < catalog::action::NAMES.len() {
        #[expect(clippy::indexing_slicing, reason = "checked when it is compiled")]
        let names = catalog::action::NAMES[at];
        count += names.len();
        at += 1;
    }
    count
};
const WORDS: usize = COUNT.div_ceil(64);

/// The number of a known action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ActionId(u16);

/// A set of known actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ActionSet([u64; WORDS]);

impl ActionId {
    /// The number of an action in AWS's own spelling; `None` if it is not known.
    pub fn of(action: &str) -> Option<ActionId> {
        let index = &*INDEX;
        let mut slot = hash(action)?;
        // The table is never full, so that the search ends.
        loop {
            let (name, id) = (*index.slots.get(slot)?)?;
            if name == action {
                return Some(id);
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

impl ActionSet {
    /// The known actions that the element holds for.
    pub fn of(actions: &Listed<Pattern>) -> ActionSet {
        let mut set = ActionSet::default();
        for (pattern, text) in actions.entries.iter().zip(&actions.texts) {
            set.add(pattern, text);
        }
        match actions.form {
            Form::These => set,
            Form::NotThese => ActionSet(set.0.map(|word| !word)),
        }
    }

    fn add(&mut self, pattern: &Pattern, text: &str) {
        let index = &*INDEX;
        if !text.contains(['*', '?']) {
            if let Some(id) = index.by_lower_name.get(&text.to_ascii_lowercase()) {
                self.insert(*id);
            }
            return;
        }
        // A pattern that spells its service out names no action of another.
        let candidates = match text.split_once(':') {
            Some((service, _)) if !service.contains(['*', '?']) => {
                match index.services.get(&service.to_ascii_lowercase()) {
                    Some(range) => range.clone(),
                    None => return,
                }
            }
            Some(_) | None => 0..index.names.len(),
        };
        for (name, id) in index.names.get(candidates).unwrap_or_default() {
            if !self.contains(*id) && pattern.matches_plain(name, Case::Ignored) {
                self.insert(*id);
            }
        }
    }

    fn insert(&mut self, id: ActionId) {
        let place = usize::from(id.0);
        if let Some(word) = self.0.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
    }

    pub fn contains(&self, id: ActionId) -> bool {
        let place = usize::from(id.0);
        let word = self.0.get(place / 64);
        word.is_some_and(|word| word & (1 << (place % 64)) != 0)
    }

    pub fn or(&self, other: &ActionSet) -> ActionSet {
        let mut both = *self;
        for (word, other) in both.0.iter_mut().zip(other.0) {
            *word |= other;
        }
        both
    }
}

/// A power of two, and far more than there are actions.
const SLOTS: usize = (COUNT * 4).next_power_of_two();

static INDEX: LazyLock<Index> = LazyLock::new(Index::read);

struct Index {
    /// Open addressing: a name stands in the slot of its hash or in one soon behind it.
    slots: Box<[Option<(&'static str, ActionId)>]>,
    names: Vec<(&'static str, ActionId)>,
    by_lower_name: HashMap<String, ActionId>,
    /// Places in `names`, by service.
    services: HashMap<String, Range<usize>>,
}

impl Index {
    fn read() -> Index {
        let mut index = Index {
            slots: vec![None; SLOTS].into(),
            names: Vec::new(),
            by_lower_name: HashMap::new(),
            services: HashMap::new(),
        };
        for list in catalog::action::NAMES {
            let start = index.names.len();
            for name in *list {
                index.add(name);
            }
            if let Some((service, _)) = list.first().and_then(|name| name.split_once(':')) {
                let range = start..index.names.len();
                index.services.insert(service.to_owned(), range);
            }
        }
        index
    }

    fn add(&mut self, name: &'static str) {
        let Ok(number) = u16::try_from(self.names.len()) else {
            return;
        };
        let id = ActionId(number);
        self.names.push((name, id));
        self.by_lower_name.insert(name.to_ascii_lowercase(), id);
        let Some(mut slot) = hash(name) else { return };
        while let Some(Some(_)) = self.slots.get(slot) {
            slot = (slot + 1) % SLOTS;
        }
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = Some((name, id));
        }
    }
}

/// A slot: by both ends and the length, which tell all names well apart and are read at once.
/// `None` for what is too short to be an action's name.
fn hash(name: &str) -> Option<usize> {
    let bytes = name.as_bytes();
    let first = u64::from_le_bytes(*bytes.first_chunk()?);
    let last = u64::from_le_bytes(*bytes.last_chunk()?);
    let mixed = first.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ last.rotate_left(29).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
        ^ (bytes.len() as u64);
    let mixed = mixed.wrapping_mul(0x1656_67b1_9e37_79f9);
    usize::try_from(mixed >> (64 - SLOTS.trailing_zeros())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{Variables, Wildcards};
    use proptest::prelude::*;

    fn all() -> impl Iterator<Item = &'static str> {
        catalog::action::NAMES.iter().copied().flatten().copied()
    }

    #[test]
    fn every_action_has_a_number_of_its_own_in_its_own_spelling() {
        let mut seen = std::collections::HashSet::new();
        for name in all() {
            assert!(seen.insert(ActionId::of(name).unwrap().0), "{name}");
            assert_eq!(ActionId::of(&name.to_lowercase()), None);
        }
        assert_eq!(seen.len(), COUNT);
        for unknown in [
            "",
            "s3",
            "s3:Get",
            "s3:GetObjec",
            "s3:GetObjects",
            "kms:Decrypt",
        ] {
            assert_eq!(ActionId::of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn names_are_found_with_few_looks() {
        for name in all() {
            let home = hash(name).unwrap();
            let slots = &INDEX.slots;
            let looks = (0..SLOTS)
                .position(|by| slots[(home + by) % SLOTS].is_some_and(|(found, _)| found == name))
                .unwrap();
            assert!(looks < 8, "{name}: {looks}");
        }
    }

    fn pattern() -> impl Strategy<Value = String> {
        prop_oneof![
            prop::sample::select(all().collect::<Vec<_>>()).prop_map(str::to_uppercase),
            "(s3|S3|iam|sts|s\\?|\\*|kms):(\\*|Get\\*|g\\?t[a-z]\\*|\\*Object|PutObject|List\\*s)",
            "[s3i*?:Geto]{0,6}",
        ]
    }

    proptest! {
        #[test]
        fn the_bits_say_what_the_patterns_say(
            texts in prop::collection::vec(pattern(), 0..4), listed in any::<bool>()
        ) {
            let actions = Listed {
                form: if listed { Form::These } else { Form::NotThese },
                entries: texts
                    .iter()
                    .map(|text| Pattern::compile(text, Wildcards::Match, Variables::Literal))
                    .collect(),
                texts: texts.into(),
            };
            let set = ActionSet::of(&actions);
            for name in all() {
                let wanted = actions.holds(|pattern| pattern.matches_plain(name, Case::Ignored));
                prop_assert_eq!(set.contains(ActionId::of(name).unwrap()), wanted, "{}", name);
            }
        }
    }
}
