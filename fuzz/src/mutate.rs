//! Inputs: valid ones, changed in ways that parsers dislike.

use crate::Target;

/// Longer inputs are made by the shapes, which the tests of work use; here they would take all the time.
const BYTES_MAX: usize = 16_384;
/// How often a text is repeated or nested at most.
const REPEATS_MAX: usize = 3000;

/// Words of every language.
const WORDS: &[&str] = &[
    "",
    "\0",
    "\u{feff}",
    "\u{fffd}",
    "\u{1f512}",
    "é",
    "%00",
    "%",
    "%zz",
    "%25",
    "+",
    " ",
    "\r\n",
    "\n\n",
    "\t",
    "/",
    "//",
    "/../",
    "\\",
    "\"",
    "'",
    "&",
    "=",
    ";",
    ",",
    ":",
    "*",
    "?",
    "${",
    "}",
    "-1",
    "0",
    "18446744073709551615",
    "9223372036854775808",
    "1e309",
    "1e-309",
    "NaN",
    "0x0",
    "00000000000000000000000000001",
    "null",
    "true",
];
/// What opens something, and what closes it.
const NESTS: &[(&str, &str)] = &[
    ("[", "]"),
    ("{\"a\":", "}"),
    ("[{\"Statement\":", "}]"),
    ("<a>", "</a>"),
    ("<a b='", "'/>"),
    ("&lt;", ""),
    ("<!--", "-->"),
    ("${", "}"),
    ("*a", ""),
    ("?*", ""),
    ("%25", ""),
    ("a.member.1.", ""),
    ("../", ""),
];

/// A small generator of numbers; everything follows from its state.
pub(crate) struct Random(u64);

impl Random {
    pub fn new(seed: u64, case: u64) -> Random {
        let mut random = Random(seed ^ case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        random.next();
        random
    }

    /// SplitMix64.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        match u64::try_from(bound) {
            Ok(bound) if bound > 0 => usize::try_from(self.next() % bound).unwrap_or(0),
            Ok(_) | Err(_) => 0,
        }
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// A part of a text of this length.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let (one, other) = (self.below(length + 1), self.below(length + 1));
        one.min(other)..one.max(other)
    }

    fn short_range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..(start + self.below(16)).min(length)
    }
}

/// The input of one case.
pub(crate) fn input(target: &Target, seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = random.pick(seeds).cloned().unwrap_or_default();
    for _ in 0..=random.below(6) {
        change(&mut bytes, target, seeds, random);
        bytes.truncate(BYTES_MAX);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, target: &Target, seeds: &[Vec<u8>], random: &mut Random) {
    let length = bytes.len();
    match random.below(12) {
        0 => {
            let value = random.next().to_le_bytes();
            if let (Some(byte), [value, ..]) = (bytes.get_mut(random.below(length)), value) {
                *byte = value;
            }
        }
        1 => {
            let bit = random.below(8);
            if let Some(byte) = bytes.get_mut(random.below(length)) {
                *byte ^= 1 << bit;
            }
        }
        2 => drop(bytes.drain(random.short_range(length))),
        3 => drop(bytes.drain(random.range(length))),
        4 => {
            let word = word(WORDS, random);
            replace(bytes, random.short_range(length), &word);
        }
        5 | 6 => {
            let word = word(target.words, random);
            replace(bytes, random.short_range(length), &word);
        }
        7 | 8 => {
            let at = random.below(length + 1);
            let word = word(target.words, random);
            replace(bytes, at..at, &word);
        }
        9 => {
            // Something of another valid input.
            let other = random.pick(seeds).cloned().unwrap_or_default();
            let part = other.get(random.range(other.len())).unwrap_or_default();
            replace(bytes, random.short_range(length), part);
        }
        10 => {
            let range = random.short_range(length);
            let part = bytes.get(range.clone()).unwrap_or_default();
            let many = part.repeat(random.below(REPEATS_MAX));
            replace(bytes, range, &many);
        }
        _ => {
            let Some((open, close)) = random.pick(NESTS) else {
                return;
            };
            let depth = random.below(REPEATS_MAX);
            let range = random.short_range(length);
            let inside = bytes.get(range.clone()).unwrap_or_default().to_vec();
            let closed = if random.below(2) == 0 { depth } else { 0 };
            let nested = [
                open.repeat(depth).into_bytes(),
                inside,
                close.repeat(closed).into_bytes(),
            ];
            replace(bytes, range, &nested.concat());
        }
    }
}

fn word(words: &[&str], random: &mut Random) -> Vec<u8> {
    let word = random.pick(words).copied().unwrap_or_default();
    word.as_bytes().to_vec()
}

fn replace(bytes: &mut Vec<u8>, range: std::ops::Range<usize>, part: &[u8]) {
    drop(bytes.splice(range, part.iter().copied()));
}
