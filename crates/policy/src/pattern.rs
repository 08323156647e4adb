//! Patterns: text with `*`, `?` and policy variables (spec P-5 to P-7), compiled to tokens.
use std::cell::{LazyCell, OnceCell};
use std::collections::HashMap;

use crate::context::Key;
use crate::{Context, Lookup};

/// Whether `*` and `?` are wildcards in this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wildcards {
    Match,
    Literal,
}

/// Whether `${…}` is a variable in this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variables {
    Expand,
    Literal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Sensitive,
    /// ASCII only: action names.
    Ignored,
}

#[derive(Clone, Debug)]
enum Token {
    Text(Box<str>),
    Any,
    One,
    Variable { key: Key, default: Option<Box<str>> },
}

/// A pattern that is ready to be matched.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// The text before the first wildcard or variable: what most patterns fail by, or are.
    head: Box<str>,
    rest: Rest,
}

/// What follows the head.
#[derive(Clone, Debug)]
enum Rest {
    Nothing,
    /// One star: anything.
    Anything,
    Tokens(Box<[Token]>),
    /// With at least one variable.
    Variables(Box<[Token]>),
}

/// A token with its variable resolved.
#[derive(Clone, Copy)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Any,
    One,
}

impl Pattern {
    pub fn compile(text: &str, wildcards: Wildcards, variables: Variables) -> Pattern {
        Pattern::compile_behind("", text, wildcards, variables)
    }

    /// As [`Pattern::compile`], behind text that is taken as it stands.
    fn compile_behind(
        start: &str,
        text: &str,
        wildcards: Wildcards,
        variables: Variables,
    ) -> Pattern {
        let mut tokens = Vec::new();
        let mut literal = start.to_owned();
        let mut rest = text;
        // Behind the last brace no variable ends; to look for its end from every `${` would take the
        // square of the length.
        let braced = match variables {
            Variables::Expand => text.rfind('}').unwrap_or(0),
            Variables::Literal => 0,
        };
        while let Some(char) = rest.chars().next() {
            if text.len() - rest.len() < braced
                && let Some((variable, after)) = variable(rest)
            {
                match variable {
                    Token::Text(text) => literal.push_str(&text),
                    token => {
                        flush(&mut literal, &mut tokens);
                        tokens.push(token);
                    }
                }
                rest = after;
                continue;
            }
            match char {
                '*' if wildcards == Wildcards::Match => {
                    flush(&mut literal, &mut tokens);
                    // Two stars in a row say no more than one.
                    if !matches!(tokens.last(), Some(Token::Any)) {
                        tokens.push(Token::Any);
                    }
                }
                '?' if wildcards == Wildcards::Match => {
                    flush(&mut literal, &mut tokens);
                    tokens.push(Token::One);
                }
                _ => literal.push(char),
            }
            rest = rest.get(char.len_utf8()..).unwrap_or_default();
        }
        flush(&mut literal, &mut tokens);
        Pattern::of(tokens)
    }

    fn of(mut tokens: Vec<Token>) -> Pattern {
        let head = match tokens.first_mut() {
            Some(Token::Text(text)) => {
                let head = std::mem::take(text);
                tokens.remove(0);
                head
            }
            Some(Token::Any | Token::One | Token::Variable { .. }) | None => Box::default(),
        };
        let has_variables = tokens.iter().any(|t| matches!(t, Token::Variable { .. }));
        let rest = match tokens.as_slice() {
            [] => Rest::Nothing,
            [Token::Any] => Rest::Anything,
            _ if has_variables => Rest::Variables(tokens.into()),
            _ => Rest::Tokens(tokens.into()),
        };
        Pattern { head, rest }
    }

    /// The text that alone matches, if there is only one.
    pub fn literal(&self) -> Option<&str> {
        match self.rest {
            Rest::Nothing => Some(&self.head),
            Rest::Anything | Rest::Tokens(_) | Rest::Variables(_) => None,
        }
    }

    /// Whether the whole of `text` matches; not if a variable has no value.
    pub fn matches(&self, text: &str, case: Case, context: &dyn Context) -> bool {
        let Some(rest) = strip_prefix(text, &self.head, case) else {
            return false;
        };
        match &self.rest {
            Rest::Nothing => rest.is_empty(),
            Rest::Anything => true,
            Rest::Tokens(tokens) => glob(|at| tokens.get(at)?.plain(), rest, case),
            Rest::Variables(tokens) => resolved(tokens, context, |pieces| {
                glob(|at| pieces.get(at).copied(), rest, case)
            }),
        }
    }

    /// As [`Pattern::matches`], for patterns without variables.
    pub fn matches_plain(&self, text: &str, case: Case) -> bool {
        let Some(rest) = strip_prefix(text, &self.head, case) else {
            return false;
        };
        match &self.rest {
            Rest::Nothing => rest.is_empty(),
            Rest::Anything => true,
            Rest::Tokens(tokens) => glob(|at| tokens.get(at)?.plain(), rest, case),
            Rest::Variables(_) => false,
        }
    }

    /// Whether the text is the same but for upper and lower case of any script. Wildcards are text.
    pub fn equals_ignoring_case(&self, text: &str, context: &dyn Context) -> bool {
        let equals = |pieces: &[Piece<'_>]| {
            let wanted =
                std::iter::once(&*self.head).chain(pieces.iter().map(|piece| match piece {
                    Piece::Text(text) => *text,
                    Piece::Any => "*",
                    Piece::One => "?",
                }));
            wanted
                .flat_map(str::chars)
                .flat_map(char::to_lowercase)
                .eq(text.chars().flat_map(char::to_lowercase))
        };
        match &self.rest {
            Rest::Nothing => equals(&[]),
            Rest::Anything => equals(&[Piece::Any]),
            Rest::Tokens(tokens) | Rest::Variables(tokens) => resolved(tokens, context, equals),
        }
    }

    /// Whether something between two stars has to be looked for all over the text.
    pub fn searches(&self) -> bool {
        match &self.rest {
            Rest::Nothing | Rest::Anything | Rest::Variables(_) => false,
            Rest::Tokens(tokens) => {
                let stars = tokens.iter().filter(|token| matches!(token, Token::Any));
                stars.count() > 1
            }
        }
    }

    /// The whole pattern, but for its variables.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let head = Some(Piece::Text(&self.head)).filter(|_| !self.head.is_empty());
        head.into_iter()
            .chain(self.tokens().iter().filter_map(Token::plain))
    }

    fn tokens(&self) -> &[Token] {
        match &self.rest {
            Rest::Nothing | Rest::Anything => &[],
            Rest::Tokens(tokens) | Rest::Variables(tokens) => tokens,
        }
    }

    /// Context keys of variables, in lower case.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.tokens().iter().filter_map(|token| match token {
            Token::Variable { key, .. } => Some(&*key.name),
            Token::Text(_) | Token::Any | Token::One => None,
        })
    }
}

impl Token {
    /// The piece that it is in every context.
    fn plain(&self) -> Option<Piece<'_>> {
        match self {
            Token::Text(text) => Some(Piece::Text(text)),
            Token::Any => Some(Piece::Any),
            Token::One => Some(Piece::One),
            Token::Variable { .. } => None,
        }
    }

    fn resolve<'a>(&'a self, context: &'a dyn Context) -> Option<Piece<'a>> {
        match self {
            Token::Variable { key, default } => match key.find(context) {
                Lookup::One(value) => Some(Piece::Text(value)),
                Lookup::Absent => default.as_deref().map(Piece::Text),
                // Multivalued keys are no use as variables.
                Lookup::Many(_) => None,
            },
            Token::Text(_) | Token::Any | Token::One => self.plain(),
        }
    }
}

/// More tokens than documents have behind a variable, mostly.
const PIECES: usize = 16;

/// What holds for the tokens with their variables resolved; nothing, if one has no value. Only
/// long patterns need memory for it.
fn resolved(
    tokens: &[Token],
    context: &dyn Context,
    holds: impl FnOnce(&[Piece<'_>]) -> bool,
) -> bool {
    let mut few = [Piece::Any; PIECES];
    if let Some(pieces) = few.get_mut(..tokens.len()) {
        for (piece, token) in pieces.iter_mut().zip(tokens) {
            match token.resolve(context) {
                Some(resolved) => *piece = resolved,
                None => return false,
            }
        }
        return holds(pieces);
    }
    let many: Option<Vec<_>> = tokens.iter().map(|token| token.resolve(context)).collect();
    many.is_some_and(|pieces| holds(&pieces))
}

fn flush(literal: &mut String, tokens: &mut Vec<Token>) {
    if !literal.is_empty() {
        tokens.push(Token::Text(std::mem::take(literal).into()));
    }
}

/// The variable that `text` starts with, and what follows it.
fn variable(text: &str) -> Option<(Token, &str)> {
    let (body, after) = text.strip_prefix("${")?.split_once('}')?;
    if matches!(body, "*" | "?" | "$") {
        return Some((Token::Text(body.into()), after));
    }
    let (key, default) = match with_default(body) {
        Some((key, default)) => (key, Some(default.into())),
        None => (body, None),
    };
    let key = Key::compile(key.trim());
    Some((Token::Variable { key, default }, after))
}

/// `key, 'default'`
fn with_default(body: &str) -> Option<(&str, &str)> {
    let (key, default) = body.split_once(',')?;
    let default = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    Some((key, default))
}

/// Matches the whole text. Between two stars stands a run of fixed length; each run is taken where
/// it first fits, which leaves the most for the runs behind it, so that nothing is tried twice.
fn glob<'p>(piece: impl Fn(usize) -> Option<Piece<'p>>, text: &str, case: Case) -> bool {
    let run = |start: usize| (start..).map_while(|at| piece(at).filter(|p| !p.is_any()));
    let is_ascii = LazyCell::new(|| text.is_ascii());
    let Some(mut rest) = fits_at_start(run(0), text, case) else {
        return false;
    };
    let mut at = run(0).count();
    // At each turn, `at` is a star or the end.
    loop {
        if piece(at).is_none() {
            return rest.is_empty();
        }
        let start = at + 1;
        at = start + run(start).count();
        if piece(at).is_none() {
            return fits_at_end(run(start), rest, case);
        }
        match first_fit(|| run(start), rest, case, &is_ascii) {
            Some(after) => rest = after,
            None => return false,
        }
    }
}

impl Piece<'_> {
    fn is_any(&self) -> bool {
        matches!(self, Piece::Any)
    }

    fn char_count(&self) -> usize {
        match self {
            Piece::Text(text) => text.chars().count(),
            Piece::One => 1,
            Piece::Any => 0,
        }
    }
}

/// What is left of the text behind a run that fits at its start.
fn fits_at_start<'p, 't>(
    run: impl Iterator<Item = Piece<'p>>,
    text: &'t str,
    case: Case,
) -> Option<&'t str> {
    let mut rest = text;
    for piece in run {
        rest = match piece {
            Piece::Text(wanted) => strip_prefix(rest, wanted, case)?,
            Piece::One => {
                let mut chars = rest.chars();
                chars.next()?;
                chars.as_str()
            }
            Piece::Any => rest,
        };
    }
    Some(rest)
}

fn fits_at_end<'p>(run: impl Iterator<Item = Piece<'p>> + Clone, text: &str, case: Case) -> bool {
    let length: usize = run.clone().map(|piece| piece.char_count()).sum();
    let start = match length {
        0 => return true,
        length => text.char_indices().rev().nth(length - 1),
    };
    let tail = start.and_then(|(start, _)| text.get(start..));
    tail.is_some_and(|tail| fits_at_start(run, tail, case) == Some(""))
}

/// What is left of the text behind the first place where a run fits.
fn first_fit<'p, 't, R: Iterator<Item = Piece<'p>>>(
    run: impl Fn() -> R,
    text: &'t str,
    case: Case,
    is_ascii: &LazyCell<bool, impl FnOnce() -> bool>,
) -> Option<&'t str> {
    let (mut ones, mut bytes) = (0, 0);
    for piece in run() {
        match piece {
            Piece::Text(text) => bytes += text.len(),
            Piece::One => ones += 1,
            Piece::Any => {}
        }
    }
    // Where every character is a byte, or no place is open, bytes can be looked for.
    if case == Case::Sensitive && bytes > 0 && (ones == 0 || **is_ascii) {
        match first_fit_in_bytes(&run, ones + bytes, text) {
            Search::Found(after) => return Some(after),
            Search::Nowhere => return None,
            Search::Tedious => {}
        }
    }
    let length: usize = run().map(|piece| piece.char_count()).sum();
    if case == Case::Sensitive && length.saturating_mul(text.len()) > TRIES_MAX {
        return first_fit_in_bits(run(), length, text);
    }
    let mut rest = text;
    while rest.len() >= length {
        if let Some(after) = fits_at_start(run(), rest, case) {
            return Some(after);
        }
        let mut chars = rest.chars();
        chars.next()?;
        rest = chars.as_str();
    }
    None
}

/// Beyond this many comparisons, a run is looked for at all places at once.
const TRIES_MAX: usize = 16_384;

enum Search<'t> {
    Found(&'t str),
    Nowhere,
    /// Given up: too many places looked promising.
    Tedious,
}

/// A byte that a run has at this distance from its start.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Wanted {
    at: usize,
    byte: u8,
}

/// As [`first_fit`], for a run of `length` bytes: looks for places where two of them stand, many at
/// a time. The byte by which the last place failed is one of the two from then on, so that text
/// that is made to look promising does not do so twice.
fn first_fit_in_bytes<'p, 't, R: Iterator<Item = Piece<'p>>>(
    run: &impl Fn() -> R,
    length: usize,
    text: &'t str,
) -> Search<'t> {
    let bytes = text.as_bytes();
    let Some(last_start) = bytes.len().checked_sub(length) else {
        return Search::Nowhere;
    };
    let Some((mut first, mut second)) = ends(run()) else {
        return Search::Tedious;
    };
    let mut start = 0;
    for _ in 0..FAILURES_MAX {
        let at = |wanted: Wanted| bytes.get(wanted.at + start..=wanted.at + last_start);
        let (Some(firsts), Some(seconds)) = (at(first), at(second)) else {
            return Search::Nowhere;
        };
        let Some(skipped) = both(firsts, first.byte, seconds, second.byte) else {
            return Search::Nowhere;
        };
        start += skipped;
        match mismatch(run(), bytes.get(start..).unwrap_or_default()) {
            None => {
                return text
                    .get(start + length..)
                    .map_or(Search::Tedious, Search::Found);
            }
            Some(wanted) => (first, second) = (wanted, first),
        }
        start += 1;
        if start > last_start {
            return Search::Nowhere;
        }
    }
    Search::Tedious
}

/// Places that may look promising before a run is looked for at all places at once.
const FAILURES_MAX: usize = 64;

/// The first and the last byte of the text in a run.
fn ends<'p>(run: impl Iterator<Item = Piece<'p>>) -> Option<(Wanted, Wanted)> {
    let mut found = None;
    let mut at = 0;
    for piece in run {
        match piece {
            Piece::Text(text) => {
                let (first, last) = (text.as_bytes().first(), text.as_bytes().last());
                if let (Some(first), Some(last)) = (first, last) {
                    let last = Wanted {
                        at: at + text.len() - 1,
                        byte: *last,
                    };
                    let (first, _) = found.unwrap_or((Wanted { at, byte: *first }, last));
                    found = Some((first, last));
                }
                at += text.len();
            }
            Piece::One => at += 1,
            Piece::Any => {}
        }
    }
    found
}

/// The first place where the one has this byte and the other that one.
fn both(ones: &[u8], one: u8, others: &[u8], other: u8) -> Option<usize> {
    const PLACES: usize = 64;
    let is_here = |(a, b): (&u8, &u8)| *a == one && *b == other;
    let (chunks, tail) = ones.as_chunks::<PLACES>();
    let (other_chunks, other_tail) = others.as_chunks::<PLACES>();
    for (number, (ones, others)) in chunks.iter().zip(other_chunks).enumerate() {
        // Without a branch inside, so that it becomes a few vector instructions.
        let hits = ones.iter().zip(others).fold(0, |hits, (a, b)| {
            hits | (u8::from(*a == one) & u8::from(*b == other))
        });
        if hits != 0
            && let Some(at) = ones.iter().zip(others).position(is_here)
        {
            return Some(number * PLACES + at);
        }
    }
    let at = tail.iter().zip(other_tail).position(is_here)?;
    Some(chunks.len() * PLACES + at)
}

/// A byte by which the run does not fit at the start of the text.
fn mismatch<'p>(run: impl Iterator<Item = Piece<'p>>, text: &[u8]) -> Option<Wanted> {
    let mut at = 0;
    for piece in run {
        match piece {
            Piece::Text(wanted) => {
                let wanted = wanted.as_bytes();
                let found = text.get(at..at + wanted.len()).unwrap_or_default();
                let mut differing = wanted.iter().enumerate();
                if wanted != found
                    && let Some((by, byte)) =
                        differing.find(|(by, byte)| found.get(*by) != Some(*byte))
                {
                    let (at, byte) = (at + by, *byte);
                    return Some(Wanted { at, byte });
                }
                at += wanted.len();
            }
            Piece::One => at += 1,
            Piece::Any => {}
        }
    }
    None
}

/// As [`first_fit`], a word of places at a time (the shift-and algorithm). Bit n of the state says
/// that the first n + 1 characters of the run fit the text up to here.
fn first_fit_in_bits<'p, 't>(
    run: impl Iterator<Item = Piece<'p>>,
    length: usize,
    text: &'t str,
) -> Option<&'t str> {
    let words = length.div_ceil(64);
    let bit = |place: usize| (place / 64, 1_u64 << (place % 64));
    // The places where any character fits, and by character those where it fits.
    let mut anywhere = vec![0_u64; words];
    let mut literals: Vec<(char, usize)> = Vec::new();
    let mut place = 0;
    for piece in run {
        match piece {
            Piece::Text(text) => {
                literals.extend(text.chars().zip(place..));
            }
            Piece::One => {
                let (word, bit) = bit(place);
                *anywhere.get_mut(word)? |= bit;
            }
            Piece::Any => {}
        }
        place += piece.char_count();
    }
    let mut by_char: HashMap<char, Vec<u64>> = HashMap::new();
    for (char, place) in literals {
        let fits = by_char.entry(char).or_insert_with(|| anywhere.clone());
        let (word, bit) = bit(place);
        *fits.get_mut(word)? |= bit;
    }
    let mut state = vec![0_u64; words];
    let (last_word, last_bit) = bit(length.checked_sub(1)?);
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let fits = by_char.get(&char).unwrap_or(&anywhere);
        let mut carry = 1;
        for (word, fits) in state.iter_mut().zip(fits) {
            let shifted = (*word << 1) | carry;
            carry = *word >> 63;
            *word = shifted & fits;
        }
        if state
            .get(last_word)
            .is_some_and(|word| word & last_bit != 0)
        {
            return Some(chars.as_str());
        }
    }
    None
}

fn strip_prefix<'t>(text: &'t str, prefix: &str, case: Case) -> Option<&'t str> {
    match case {
        Case::Sensitive => text.strip_prefix(prefix),
        Case::Ignored => {
            let head = text.get(..prefix.len())?;
            let same = head.eq_ignore_ascii_case(prefix);
            text.get(prefix.len()..).filter(|_| same)
        }
    }
}

/// The six parts of an ARN.
pub(crate) fn arn_parts(text: &str) -> Option<[&str; 6]> {
    let mut parts = text.splitn(6, ':');
    let parts = std::array::from_fn(|_| parts.next());
    let [Some(a), Some(b), Some(c), Some(d), Some(e), Some(f)] = parts else {
        return None;
    };
    Some([a, b, c, d, e, f])
}

/// The first colon that is not part of a variable such as `${aws:username}`.
fn colon_outside_variables(text: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let colon = rest.find(':')?;
        match rest.find("${").filter(|start| *start < colon) {
            Some(start) => match rest.get(start..)?.find('}') {
                Some(length) => from += start + length + 1,
                None => return Some(from + colon),
            },
            None => return Some(from + colon),
        }
    }
}

/// What fewer than six parts of a pattern mean (spec P-6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShortArn {
    /// The missing parts are `*`.
    Completed,
    /// The same if there is a wildcard; else the pattern matches nothing.
    CompletedIfWildcard,
    /// Nothing: condition values.
    MatchesNothing,
}

/// Text that may be an ARN.
#[derive(Debug)]
pub(crate) struct Arn<'t> {
    text: &'t str,
    parts: OnceCell<Option<[&'t str; 6]>>,
}

impl<'t> Arn<'t> {
    pub fn new(text: &'t str) -> Arn<'t> {
        Arn {
            text,
            parts: OnceCell::new(),
        }
    }

    fn parts(&self) -> Option<&[&'t str; 6]> {
        self.parts.get_or_init(|| arn_parts(self.text)).as_ref()
    }
}

/// A pattern for ARNs: part by part, so that no wildcard reaches across one of the first five
/// colons.
#[derive(Clone, Debug)]
pub(crate) enum ArnPattern {
    /// `*` alone.
    Everything,
    /// The first five parts are plain text, so that the whole can be matched at once: what matches
    /// has the same five colons.
    Whole(Pattern),
    Parts(Box<[Pattern; 6]>),
    Nothing,
}

impl ArnPattern {
    /// `all_parts`: variables count in every part, not only in the last.
    pub fn compile(text: &str, short: ShortArn, variables: Variables, all_parts: bool) -> Self {
        if text == "*" && short != ShortArn::MatchesNothing {
            return ArnPattern::Everything;
        }
        let mut rest = Some(text);
        let parts: [Option<&str>; 6] = std::array::from_fn(|part| {
            let text = rest?;
            let end = match (part, all_parts && variables == Variables::Expand) {
                (5, _) => None,
                (_, false) => text.find(':'),
                (_, true) => colon_outside_variables(text),
            };
            rest = end.and_then(|end| text.get(end + 1..));
            text.get(..end.unwrap_or(text.len()))
        });
        let [.., last] = parts;
        let complete = last.is_some();
        let usable = match short {
            ShortArn::Completed => true,
            ShortArn::CompletedIfWildcard => complete || text.contains(['*', '?']),
            ShortArn::MatchesNothing => complete,
        };
        if !usable {
            return ArnPattern::Nothing;
        }
        if let Some(last) = last
            && let Some((start, _)) = text.split_at_checked(text.len() - last.len())
            && !start.contains(['*', '?', '$'])
        {
            let whole = Pattern::compile_behind(start, last, Wildcards::Match, variables);
            return ArnPattern::Whole(whole);
        }
        let mut index = 0;
        ArnPattern::Parts(Box::new(parts.map(|part| {
            index += 1;
            let variables = if index == 6 || all_parts {
                variables
            } else {
                Variables::Literal
            };
            Pattern::compile(part.unwrap_or("*"), Wildcards::Match, variables)
        })))
    }

    /// The ARN that alone matches, if there is only one.
    pub fn literal(&self) -> Option<&str> {
        match self {
            ArnPattern::Whole(pattern) => pattern.literal(),
            ArnPattern::Everything | ArnPattern::Parts(_) | ArnPattern::Nothing => None,
        }
    }

    /// Whether the ARN matches. What has no six parts, such as `*`, is matched by `*` alone.
    pub fn matches(&self, arn: &Arn<'_>, context: &dyn Context) -> bool {
        match self {
            ArnPattern::Everything => true,
            ArnPattern::Nothing => false,
            ArnPattern::Whole(pattern) => pattern.matches(arn.text, Case::Sensitive, context),
            ArnPattern::Parts(patterns) => arn.parts().is_some_and(|parts| {
                patterns
                    .iter()
                    .zip(parts)
                    .all(|(pattern, part)| pattern.matches(part, Case::Sensitive, context))
            }),
        }
    }

    /// Context keys of variables, in lower case.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let patterns: &[Pattern] = match self {
            ArnPattern::Parts(patterns) => patterns.as_slice(),
            ArnPattern::Whole(pattern) => std::slice::from_ref(pattern),
            ArnPattern::Everything | ArnPattern::Nothing => &[],
        };
        patterns.iter().flat_map(Pattern::keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Nothing;
    impl Context for Nothing {
        fn lookup(&self, _: &str) -> Lookup<'_> {
            Lookup::Absent
        }
    }

    /// The obvious matcher, which is slow.
    fn slow(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            (['*', pattern @ ..], text) => (0..=text.len()).any(|at| slow(pattern, &text[at..])),
            (['?', pattern @ ..], [_, text @ ..]) => slow(pattern, text),
            ([char, pattern @ ..], [other, text @ ..]) if char == other => slow(pattern, text),
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn patterns_match_what_the_obvious_matcher_matches(
            pattern in "[ab*?é]{0,9}", text in "[abé]{0,9}"
        ) {
            let wanted = slow(
                &pattern.chars().collect::<Vec<_>>(),
                &text.chars().collect::<Vec<_>>(),
            );
            let compiled = Pattern::compile(&pattern, Wildcards::Match, Variables::Literal);
            prop_assert_eq!(compiled.matches(&text, Case::Sensitive, &Nothing), wanted);
            prop_assert_eq!(compiled.matches_plain(&text, Case::Ignored), wanted);
        }

        #[test]
        fn all_ways_to_look_for_a_run_find_the_same(
            run in "[ab?]{1,80}", text in "[ab]{0,400}|(ab|aab|bb){0,200}|[abé]{0,40}"
        ) {
            let compiled = Pattern::compile(&run, Wildcards::Match, Variables::Literal);
            let pieces = || compiled.pieces();
            let is_ascii = LazyCell::new(|| text.is_ascii());
            let at_once = first_fit_in_bits(pieces(), run.len(), &text);
            let one_by_one = first_fit(pieces, &text, Case::Ignored, &is_ascii);
            prop_assert_eq!(at_once, one_by_one);
            prop_assert_eq!(first_fit(pieces, &text, Case::Sensitive, &is_ascii), one_by_one);
            if text.is_ascii() && run != "?".repeat(run.len()) {
                match first_fit_in_bytes(&pieces, run.len(), &text) {
                    Search::Found(after) => prop_assert_eq!(Some(after), one_by_one),
                    Search::Nowhere => prop_assert_eq!(None, one_by_one),
                    Search::Tedious => {}
                }
            }
        }
    }
}
