//! Many patterns against one text at once.
//!
//! A document may list thousands of patterns such as `*ab*`, and a request may bring a text of many
//! thousand characters. One by one, each pattern reads the whole text. Here all of them read it
//! together, as one automaton whose states are bits: a state says that a pattern fits up to this
//! place of its own and up to this character of the text. What a text costs is bounded by its
//! length times the length of the document, divided by 64, whatever is in either.
use crate::pattern::{Pattern, Piece};

const LANE_BITS: usize = 64;
/// Lanes that are worked on at once: what the compiler makes a few vector instructions of.
type Lanes = [u64; 4];
/// States are kept on the stack.
const BLOCKS_MAX: usize = 128;
/// Letters that a set tells apart: each has a row of all states, so that a set of everybody's letters
/// would take the square of its document.
const LETTERS_MAX: usize = 256;
/// Fewer patterns are as well matched one by one.
const PATTERNS_MIN: usize = 4;

/// Patterns whose states share lanes of 64 bits; no pattern reaches across two.
#[derive(Clone, Debug, Default)]
pub(crate) struct PatternSet {
    /// The first state of each pattern.
    first: Vec<Lanes>,
    /// Of those that start with a star, which can begin at every character.
    anywhere: Vec<Lanes>,
    /// States with a star behind them, which any character leaves as they are.
    stays: Vec<Lanes>,
    /// The last state of each pattern.
    last: Vec<Lanes>,
    letters: Letters,
    /// The states that a letter leads to, letter by letter; those of `?` stand with all of them.
    leads: Vec<Vec<Lanes>>,
    lanes: usize,
    bits_free: usize,
}

/// Characters by number; 0 for all that no pattern names.
#[derive(Clone, Debug)]
struct Letters {
    ascii: [u16; 128],
    /// In order.
    others: Vec<(char, u16)>,
}

impl Default for Letters {
    fn default() -> Letters {
        Letters {
            ascii: [0; 128],
            others: Vec::new(),
        }
    }
}

impl Letters {
    fn number(&self, letter: char) -> usize {
        let number = match self.ascii.get(letter as usize) {
            Some(number) => Some(*number),
            None => {
                let place = self
                    .others
                    .binary_search_by_key(&letter, |(other, _)| *other);
                place
                    .ok()
                    .and_then(|at| self.others.get(at))
                    .map(|(_, n)| *n)
            }
        };
        usize::from(number.unwrap_or(0))
    }

    fn set(&mut self, letter: char, number: u16) {
        match self.ascii.get_mut(letter as usize) {
            Some(place) => *place = number,
            None => {
                let at = self.others.partition_point(|(other, _)| *other < letter);
                self.others.insert(at, (letter, number));
            }
        }
    }
}

/// Takes the patterns out of the list that would each have to search the text.
pub(crate) fn sets_of(patterns: &mut Vec<Pattern>) -> Box<[PatternSet]> {
    let fits = |pattern: &Pattern| pattern.searches() && (1..=LANE_BITS).contains(&length(pattern));
    if patterns.iter().filter(|pattern| fits(pattern)).count() < PATTERNS_MIN {
        return Box::default();
    }
    let mut sets = Vec::new();
    let mut set = PatternSet::default();
    patterns.retain(|pattern| {
        let taken = fits(pattern);
        if taken {
            if !set.has_room(pattern) {
                sets.push(std::mem::take(&mut set));
            }
            set.add(pattern);
        }
        !taken
    });
    sets.push(set);
    sets.into()
}

/// The states that a pattern needs: one for each character that it wants.
fn length(pattern: &Pattern) -> usize {
    let count = |piece: Piece<'_>| match piece {
        Piece::Text(text) => text.chars().count(),
        Piece::One => 1,
        Piece::Any => 0,
    };
    pattern.pieces().map(count).sum()
}

impl PatternSet {
    fn has_room(&self, pattern: &Pattern) -> bool {
        let lanes_max = BLOCKS_MAX * Lanes::default().len();
        let has_states = length(pattern) <= self.bits_free || self.lanes < lanes_max;
        // As many letters as states at most, and mostly none that is new.
        let has_letters =
            self.leads.len() + length(pattern) <= LETTERS_MAX || !self.has_new_letter(pattern);
        has_states && has_letters
    }

    fn has_new_letter(&self, pattern: &Pattern) -> bool {
        pattern.pieces().any(|piece| match piece {
            Piece::Text(text) => text.chars().any(|letter| self.letters.number(letter) == 0),
            Piece::One | Piece::Any => false,
        })
    }

    fn add_lane(&mut self) {
        if self.leads.is_empty() {
            self.leads.push(Vec::new());
        }
        if self.lanes.is_multiple_of(Lanes::default().len()) {
            let fixed = [
                &mut self.first,
                &mut self.anywhere,
                &mut self.stays,
                &mut self.last,
            ];
            for blocks in fixed.into_iter().chain(&mut self.leads) {
                blocks.push(Lanes::default());
            }
        }
        self.lanes += 1;
        self.bits_free = LANE_BITS;
    }

    fn add(&mut self, pattern: &Pattern) {
        let length = length(pattern);
        if length > self.bits_free {
            self.add_lane();
        }
        let lane = self.lanes - 1;
        let put = |blocks: &mut Vec<Lanes>, bit| put(blocks, lane, bit);
        let mut bit = 1_u64 << (LANE_BITS - self.bits_free);
        self.bits_free -= length;
        put(&mut self.first, bit);
        if let Some(Piece::Any) = pattern.pieces().next() {
            put(&mut self.anywhere, bit);
        }
        let mut before = None;
        for piece in pattern.pieces() {
            match piece {
                Piece::Any => {
                    if let Some(before) = before {
                        put(&mut self.stays, before);
                    }
                }
                Piece::One => {
                    for leads in &mut self.leads {
                        put(leads, bit);
                    }
                    before = Some(bit);
                    bit = bit.rotate_left(1);
                }
                Piece::Text(text) => {
                    for letter in text.chars() {
                        if let Some(leads) = self.leads_of(letter) {
                            put(leads, bit);
                        }
                        before = Some(bit);
                        bit = bit.rotate_left(1);
                    }
                }
            }
        }
        if let Some(last) = before {
            put(&mut self.last, last);
        }
    }

    fn leads_of(&mut self, letter: char) -> Option<&mut Vec<Lanes>> {
        let mut number = self.letters.number(letter);
        if number == 0 {
            number = self.leads.len();
            self.letters.set(letter, u16::try_from(number).ok()?);
            // A new letter leads where all others lead.
            self.leads.push(self.leads.first()?.clone());
        }
        self.leads.get_mut(number)
    }

    /// Whether some pattern matches the whole text.
    pub fn matches(&self, text: &str) -> bool {
        let mut states = [Lanes::default(); BLOCKS_MAX];
        let Some(states) = states.get_mut(..self.first.len()) else {
            return false;
        };
        let mut entries = &self.first;
        for letter in text.chars() {
            let Some(leads) = self.leads.get(self.letters.number(letter)) else {
                return false;
            };
            let fixed = self.first.iter().zip(entries).zip(&self.stays);
            for ((states, leads), ((first, entries), stays)) in
                states.iter_mut().zip(leads).zip(fixed)
            {
                *states = step(states, leads, first, entries, stays);
            }
            entries = &self.anywhere;
        }
        let mut lanes = states.iter().flatten().zip(self.last.iter().flatten());
        lanes.any(|(state, last)| state & last != 0)
    }

    #[cfg(test)]
    fn lanes(&self) -> usize {
        self.lanes
    }
}

/// What one character makes of the states.
fn step(states: &Lanes, leads: &Lanes, first: &Lanes, entries: &Lanes, stays: &Lanes) -> Lanes {
    let [s0, s1, s2, s3] = *states;
    let [l0, l1, l2, l3] = *leads;
    let [f0, f1, f2, f3] = *first;
    let [e0, e1, e2, e3] = *entries;
    let [k0, k1, k2, k3] = *stays;
    // What leaves the last state of a pattern must not enter the first of the next.
    let lane = |state: u64, lead, first: u64, entry, stay| {
        ((((state << 1) & !first) | entry) & lead) | (state & stay)
    };
    [
        lane(s0, l0, f0, e0, k0),
        lane(s1, l1, f1, e1, k1),
        lane(s2, l2, f2, e2, k2),
        lane(s3, l3, f3, e3, k3),
    ]
}

fn put(blocks: &mut [Lanes], lane: usize, bit: u64) {
    let width = Lanes::default().len();
    let block = blocks.get_mut(lane / width);
    if let Some(lane) = block.and_then(|block| block.get_mut(lane % width)) {
        *lane |= bit;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pattern::{Case, Variables, Wildcards};

    fn compile(text: &str) -> Pattern {
        Pattern::compile(text, Wildcards::Match, Variables::Literal)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn many_patterns_at_once_match_what_each_matches(
            texts in prop::collection::vec("[*]?[ab?é]{0,4}[*][ab?é]{0,3}[*]?[aé*?]{0,3}", 0..40),
            text in "[abé]{0,12}",
        ) {
            let mut patterns: Vec<Pattern> = texts.iter().map(|text| compile(text)).collect();
            let wanted = patterns.iter().any(|p| p.matches_plain(&text, Case::Sensitive));
            let sets = sets_of(&mut patterns);
            let found = sets.iter().any(|set| set.matches(&text))
                || patterns.iter().any(|p| p.matches_plain(&text, Case::Sensitive));
            prop_assert_eq!(found, wanted);
        }
    }

    /// What a text can cost at most, in lanes for each of its characters: those of a document of
    /// 20 KiB that is full of patterns.
    #[test]
    fn a_document_needs_no_more_lanes_than_its_length_gives() {
        for length in [1, 2, 3, 5, 9, 21, 33, 63] {
            let in_document = length + 5; // Two stars, two quotes and a comma.
            let count = 20_480 / in_document;
            let letter = |at: usize| char::from(b'a' + (at % 26) as u8);
            let mut patterns: Vec<Pattern> = (0..count)
                .map(|n| {
                    compile(&format!(
                        "*{}*",
                        (0..length)
                            .map(|i| letter(n / 26_usize.pow(i as u32 % 3) + i))
                            .collect::<String>()
                    ))
                })
                .collect();
            let sets = sets_of(&mut patterns);
            assert!(patterns.is_empty());
            let lanes: usize = sets.iter().map(PatternSet::lanes).sum();
            assert!(lanes <= 600, "{length}: {lanes}");
        }
    }

    /// Each letter has a row as wide as the set: a document of many letters must not be squared.
    #[test]
    fn a_document_of_many_letters_takes_little_memory() {
        let letters = (0x4e00..0x9fff).filter_map(char::from_u32);
        let letters: Vec<String> = letters.map(String::from).collect();
        for per_pattern in [1, 5, 60] {
            let texts = letters.chunks(per_pattern).map(<[String]>::concat);
            let mut patterns: Vec<Pattern> =
                texts.map(|text| compile(&format!("*{text}*"))).collect();
            let sets = sets_of(&mut patterns);
            let lanes: usize = sets.iter().map(PatternSet::lanes).sum();
            let rows = sets.iter().flat_map(|set| &set.leads);
            let bytes: usize = rows.map(|row| size_of_val(row.as_slice())).sum();
            assert!(lanes <= letters.len() / 40, "{lanes} lanes");
            assert!(
                bytes <= letters.len() * 128,
                "{bytes} bytes for {}",
                letters.len()
            );
            for text in texts_at(&letters, per_pattern) {
                assert!(sets.iter().any(|set| set.matches(&text)), "{text}");
            }
        }
    }

    fn texts_at(letters: &[String], per_pattern: usize) -> Vec<String> {
        let texts = letters.chunks(per_pattern).step_by(97);
        texts.map(|text| format!("a{}b", text.concat())).collect()
    }

    #[test]
    fn patterns_that_read_no_more_than_an_end_stay_out() {
        let texts = ["a*", "*a", "a*b", "a?c", "*ab*", "*c*d", "e*f*", "*g?*"];
        let mut patterns: Vec<Pattern> = texts.iter().map(|text| compile(text)).collect();
        assert_eq!(sets_of(&mut patterns).len(), 1);
        assert_eq!(patterns.len(), 4);
    }
}
