//! Patterns: text with `*`, `?` and policy variables (spec P-5 to P-7), compiled to tokens.
use std::collections::HashMap;

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
    Variable {
        /// In lower case.
        key: Box<str>,
        default: Option<Box<str>>,
    },
}

/// A pattern that is ready to be matched.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    tokens: Box<[Token]>,
    has_variables: bool,
}

/// A token with its variable resolved.
#[derive(Clone, Copy)]
enum Piece<'a> {
    Text(&'a str),
    Any,
    One,
}

impl Pattern {
    pub fn compile(text: &str, wildcards: Wildcards, variables: Variables) -> Pattern {
        let mut tokens = Vec::new();
        let mut literal = String::new();
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
        let has_variables = tokens.iter().any(|t| matches!(t, Token::Variable { .. }));
        Pattern {
            tokens: tokens.into(),
            has_variables,
        }
    }

    /// Whether the whole of `text` matches; not if a variable has no value.
    pub fn matches(&self, text: &str, case: Case, context: &dyn Context) -> bool {
        if self.has_variables {
            match self.resolve(context) {
                Some(pieces) => glob(|at| pieces.get(at).copied(), text, case),
                None => false,
            }
        } else {
            self.matches_plain(text, case)
        }
    }

    /// As [`Pattern::matches`], for patterns without variables.
    pub fn matches_plain(&self, text: &str, case: Case) -> bool {
        let piece = |at: usize| match self.tokens.get(at)? {
            Token::Text(text) => Some(Piece::Text(text)),
            Token::Any => Some(Piece::Any),
            Token::One => Some(Piece::One),
            Token::Variable { .. } => None,
        };
        !self.has_variables && glob(piece, text, case)
    }

    /// Whether the text is the same but for upper and lower case of any script.
    pub fn equals_ignoring_case(&self, text: &str, context: &dyn Context) -> bool {
        let Some(pieces) = self.resolve(context) else {
            return false;
        };
        let wanted = pieces.iter().flat_map(|piece| match piece {
            Piece::Text(text) => text.chars(),
            Piece::Any => "*".chars(),
            Piece::One => "?".chars(),
        });
        wanted
            .flat_map(char::to_lowercase)
            .eq(text.chars().flat_map(char::to_lowercase))
    }

    /// Context keys of variables, in lower case.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Variable { key, .. } => Some(&**key),
            Token::Text(_) | Token::Any | Token::One => None,
        })
    }

    fn resolve<'a>(&'a self, context: &'a dyn Context) -> Option<Vec<Piece<'a>>> {
        let resolve = |token: &'a Token| match token {
            Token::Text(text) => Some(Piece::Text(text)),
            Token::Any => Some(Piece::Any),
            Token::One => Some(Piece::One),
            Token::Variable { key, default } => match context.lookup(key) {
                Lookup::One(value) => Some(Piece::Text(value)),
                Lookup::Absent => default.as_deref().map(Piece::Text),
                // Multivalued keys are no use as variables.
                Lookup::Many(_) => None,
            },
        };
        self.tokens.iter().map(resolve).collect()
    }
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
    let key = key.trim().to_lowercase().into();
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
        match first_fit(|| run(start), rest, case) {
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
) -> Option<&'t str> {
    let mut pieces = run();
    let (first, more) = (pieces.next(), pieces.next().is_some());
    if let (Some(Piece::Text(wanted)), false, Case::Sensitive) = (first, more, case) {
        return text.split_once(wanted).map(|(_, after)| after);
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

/// A pattern for ARNs: part by part, so that no wildcard reaches across one of the first five
/// colons.
#[derive(Clone, Debug)]
pub(crate) enum ArnPattern {
    /// `*` alone.
    Everything,
    Parts(Box<[Pattern; 6]>),
    Nothing,
}

impl ArnPattern {
    /// `all_parts`: variables count in every part, not only in the last.
    pub fn compile(text: &str, short: ShortArn, variables: Variables, all_parts: bool) -> Self {
        if text == "*" && short != ShortArn::MatchesNothing {
            return ArnPattern::Everything;
        }
        let mut parts = text.splitn(6, ':');
        let parts: [Option<&str>; 6] = std::array::from_fn(|_| parts.next());
        let complete = parts.iter().all(Option::is_some);
        let usable = match short {
            ShortArn::Completed => true,
            ShortArn::CompletedIfWildcard => complete || text.contains(['*', '?']),
            ShortArn::MatchesNothing => complete,
        };
        if !usable {
            return ArnPattern::Nothing;
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

    /// Whether the ARN matches; `None` stands for what has no six parts, such as `*`.
    pub fn matches(&self, arn: Option<&[&str; 6]>, context: &dyn Context) -> bool {
        match (self, arn) {
            (ArnPattern::Everything, _) => true,
            (ArnPattern::Nothing, _) | (ArnPattern::Parts(_), None) => false,
            (ArnPattern::Parts(patterns), Some(parts)) => patterns
                .iter()
                .zip(parts)
                .all(|(pattern, part)| pattern.matches(part, Case::Sensitive, context)),
        }
    }

    /// Context keys of variables, in lower case.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let patterns: &[Pattern] = match self {
            ArnPattern::Parts(patterns) => patterns.as_slice(),
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
        fn looking_at_all_places_at_once_finds_the_same(
            run in "[ab?]{1,80}", text in "[ab]{0,400}"
        ) {
            let compiled = Pattern::compile(&run, Wildcards::Match, Variables::Literal);
            let pieces = || compiled.tokens.iter().map(|token| match token {
                Token::Text(text) => Piece::Text(text),
                Token::Any | Token::One | Token::Variable { .. } => Piece::One,
            });
            let at_once = first_fit_in_bits(pieces(), run.len(), &text);
            prop_assert_eq!(at_once, first_fit(pieces, &text, Case::Ignored));
        }
    }
}
