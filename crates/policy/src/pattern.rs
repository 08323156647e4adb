//! Patterns: text with `*`, `?` and policy variables (spec P-5 to P-7), compiled to tokens.
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
        while let Some(char) = rest.chars().next() {
            if variables == Variables::Expand
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

/// Matches the whole text. A star gives back only to the last star before it, so no pattern is
/// slower than its longest piece times the text.
fn glob<'p>(piece: impl Fn(usize) -> Option<Piece<'p>>, text: &str, case: Case) -> bool {
    let (mut at, mut rest) = (0, text);
    // Where to go on after the last star when what follows it does not fit: INVARIANT: the first
    // is the piece after a star, the second the text that the star has not taken yet.
    let mut retry: Option<(usize, &str)> = None;
    loop {
        let fits = match piece(at) {
            None if rest.is_empty() => return true,
            None => false,
            Some(Piece::Any) => {
                match (piece(at + 1), piece(at + 2)) {
                    (None, _) => return true,
                    (Some(Piece::Text(last)), None) => return ends_with(rest, last, case),
                    (Some(_), _) => {}
                }
                retry = Some((at + 1, rest));
                at += 1;
                continue;
            }
            Some(Piece::One) => {
                let mut chars = rest.chars();
                let taken = chars.next().is_some();
                rest = chars.as_str();
                taken
            }
            Some(Piece::Text(wanted)) => match strip_prefix(rest, wanted, case) {
                Some(after) => {
                    rest = after;
                    true
                }
                None => false,
            },
        };
        if fits {
            at += 1;
            continue;
        }
        let Some((after_star, untaken)) = retry else {
            return false;
        };
        let mut chars = untaken.chars();
        if chars.next().is_none() {
            return false;
        }
        let mut untaken = chars.as_str();
        if let (Some(Piece::Text(wanted)), Case::Sensitive) = (piece(after_star), case) {
            match untaken.find(wanted) {
                Some(found) => untaken = untaken.get(found..).unwrap_or_default(),
                None => return false,
            }
        }
        retry = Some((after_star, untaken));
        (at, rest) = (after_star, untaken);
    }
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

fn ends_with(text: &str, suffix: &str, case: Case) -> bool {
    match case {
        Case::Sensitive => text.ends_with(suffix),
        Case::Ignored => {
            let tail = text.len().checked_sub(suffix.len());
            let tail = tail.and_then(|start| text.get(start..));
            tail.is_some_and(|tail| tail.eq_ignore_ascii_case(suffix))
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
