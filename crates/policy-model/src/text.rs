//! Patterns and policy variables (P-5 to P-7).

use crate::context::Context;

/// A piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// `*`
    Run,
    /// `?`
    Any,
    /// This character.
    Char(char),
}

/// Text whose `*` and `?` are wildcards.
pub(crate) fn wild(text: &str) -> Vec<Piece> {
    text.chars()
        .map(|c| match c {
            '*' => Piece::Run,
            '?' => Piece::Any,
            c => Piece::Char(c),
        })
        .collect()
}

/// Text that is only itself.
pub(crate) fn literal(text: &str) -> Vec<Piece> {
    text.chars().map(Piece::Char).collect()
}

/// Whether `pattern` matches all of `text`. The textbook's recursion, one row at a time:
/// `reached` holds the places of `text` up to which the pieces so far can match.
pub(crate) fn matches(pattern: &[Piece], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut reached = vec![false; text.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    for piece in pattern {
        let mut next = vec![false; text.len() + 1];
        for (at, place) in next.iter_mut().enumerate() {
            let before = at.checked_sub(1);
            let stepped = before.is_some_and(|b| reached.get(b) == Some(&true));
            *place = match piece {
                Piece::Run => reached.iter().take(at + 1).any(|r| *r),
                Piece::Any => stepped,
                Piece::Char(c) => stepped && before.and_then(|b| text.get(b)) == Some(c),
            };
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

/// An action pattern (P-5).
pub(crate) fn action_matches(pattern: &str, action: &str) -> bool {
    matches(
        &wild(&pattern.to_ascii_lowercase()),
        &action.to_ascii_lowercase(),
    )
}

/// Replaces `${…}` (P-7). Outside of variables, `*` and `?` are wildcards if `wildcards`; what a
/// variable gives is literal. `None`: a variable has no value and no default.
pub(crate) fn expand(text: &str, wildcards: bool, context: &Context<'_>) -> Option<Vec<Piece>> {
    let plain = |text: &str| match wildcards {
        true => wild(text),
        false => literal(text),
    };
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        pieces.extend(plain(before));
        pieces.extend(literal(&variable(name, context)?));
        rest = after;
    }
    pieces.extend(plain(rest));
    Some(pieces)
}

fn variable(inside: &str, context: &Context<'_>) -> Option<String> {
    if matches!(inside, "*" | "?" | "$") {
        return Some(inside.to_owned());
    }
    let with_default = inside.split_once(',').and_then(|(key, default)| {
        let unquoted = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
        Some((key, Some(unquoted)))
    });
    // What has a comma but no default in quotes is no key that there is.
    let (key, default) = with_default.unwrap_or((inside, None));
    context.variable(key.trim(), default)
}

/// The first five colons split an ARN in six parts.
pub(crate) fn parts(text: &str) -> Vec<&str> {
    text.splitn(6, ':').collect()
}

/// A resource pattern (P-6).
pub(crate) fn resource_matches(
    pattern: &str,
    resource: &str,
    rules: ResourceRules,
    context: &Context<'_>,
) -> bool {
    if pattern == "*" {
        return true;
    }
    if resource == "*" {
        return false;
    }
    let (wanted, given) = (parts(pattern), parts(resource));
    if wanted.len() < 6 && rules.short_needs_wildcard && !pattern.contains(['*', '?']) {
        return false;
    }
    for (place, given) in given.iter().enumerate() {
        let part = match wanted.get(place) {
            // The tail that is not written.
            None => wild("*"),
            Some(part) if place == 5 && rules.variables => match expand(part, true, context) {
                Some(part) => part,
                None => return false,
            },
            Some(part) => wild(part),
        };
        if !matches(&part, given) {
            return false;
        }
    }
    wanted.len() <= given.len()
}

/// What differs between documents.
#[derive(Clone, Copy)]
pub(crate) struct ResourceRules {
    /// The document's version has variables (P-3).
    pub variables: bool,
    /// In resource policies an ARN pattern with fewer than six parts needs a wildcard (P-6.3).
    pub short_needs_wildcard: bool,
}

#[cfg(test)]
mod tests {
    use super::{matches, wild};

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, holds) in [
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
            ("a*c", "abbc", true),
            ("a*c", "abbcd", false),
            ("*b*", "abc", true),
            ("a?c", "aéc", true),
            ("a??c", "aéc", false),
        ] {
            assert_eq!(matches(&wild(pattern), text), holds, "{pattern} {text}");
        }
    }
}
