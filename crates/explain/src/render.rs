//! An explanation for people: 80 columns of a terminal, with or without colour.
use std::borrow::Cow;

use policy::{Effect, LayerSays};
use serde_json::Value;

use crate::explanation::{
    Answer, Change, ClauseView, Explanation, LayerView, Side, SideSays, StatementView, Step,
};

/// How an explanation is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns; text is wrapped to fit, except for names that cannot be broken.
    pub width: usize,
    /// Whether ANSI colours are used.
    pub colour: bool,
}

impl Default for Style {
    fn default() -> Style {
        Style {
            width: 80,
            colour: false,
        }
    }
}

/// The explanation as text, ending with a line feed.
pub fn render(explanation: &Explanation, style: Style) -> String {
    let mut page = Page {
        style,
        text: String::new(),
    };
    page.head(explanation);
    page.title("Why");
    page.paragraph(2, &explanation.cause);
    if !explanation.sides.is_empty() {
        page.title("How it was decided");
        for (index, side) in explanation.sides.iter().enumerate() {
            page.side(index + 1, side);
        }
    }
    page.changes(explanation);
    if !explanation.notes.is_empty() {
        page.title("Also");
        for note in &explanation.notes {
            page.paragraph(2, note);
        }
    }
    page.text
}

/// The answer in one line: `Not allowed: s3:GetObject on arn:aws:s3:::reports/may.csv`.
pub fn answer_line(explanation: &Explanation) -> String {
    let asked = &explanation.asked;
    format!(
        "{}: {} on {}",
        answer_word(&explanation.answer),
        shown(&asked.action),
        shown(&asked.resource)
    )
}

/// Text without what a terminal obeys: names, keys and headers are whoever's sent them.
fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn answer_word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Allowed => "Allowed",
        Answer::Refused { explicit: true, .. } => "Denied",
        Answer::Refused {
            explicit: false, ..
        } => "Not allowed",
        Answer::Failed => "Failed",
    }
}

#[derive(Clone, Copy)]
enum Tone {
    Good,
    Bad,
    Strong,
    Quiet,
}

struct Page {
    style: Style,
    text: String,
}

impl Page {
    fn head(&mut self, explanation: &Explanation) {
        let asked = &explanation.asked;
        let tone = match &explanation.answer {
            Answer::Allowed => Tone::Good,
            Answer::Refused { .. } | Answer::Failed => Tone::Bad,
        };
        let word = self.toned(tone, answer_word(&explanation.answer));
        let what = if asked.action.is_empty() {
            asked.operation.clone().unwrap_or_default()
        } else {
            asked.action.clone()
        };
        self.line(&format!("{word}: {}", shown(&what)));
        if !asked.resource.is_empty() {
            self.row("on", &asked.resource);
        }
        self.text.push('\n');

        let who = &explanation.who;
        if who.arn.is_empty() {
            self.row(
                "Caller",
                "nobody: the request has no credentials that count",
            );
        } else {
            self.row("Caller", &who.arn);
        }
        let account = |account: Option<_>, name: &Option<String>| match (account, name) {
            (Some(account), Some(name)) => format!("account {account} ({name})"),
            (Some(account), None) => format!("account {account}"),
            (None, _) => String::new(),
        };
        let mut details = vec![who.kind.clone()];
        details.push(account(who.account, &who.account_name));
        details.extend(
            who.access_key_id
                .as_ref()
                .map(|id| format!("access key {id}")),
        );
        details.extend(who.session.clone());
        details.retain(|detail| !detail.is_empty());
        if !details.is_empty() {
            self.row("", &details.join(", "));
        }
        let owner = account(asked.owner, &asked.owner_name);
        if !owner.is_empty() {
            self.row("Owner", &owner);
        }
        let request: Vec<_> = [&asked.operation, &asked.time]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        if !request.is_empty() {
            self.row("Request", &request.join(", "));
        }
        if let Some(id) = &asked.request_id {
            self.row("", id);
        }
        if let Some(told) = &explanation.told {
            self.row("Told", &format!("{} {}", told.status, told.code));
            if !told.message.is_empty() {
                self.row("", &told.message);
            }
        }
    }

    fn side(&mut self, number: usize, side: &Side) {
        let (word, tone) = match side.says {
            SideSays::Allows => ("allows", Tone::Good),
            SideSays::Denies => ("denies", Tone::Bad),
            SideSays::DoesNotAllow => ("does not allow", Tone::Bad),
            SideSays::NotAsked => ("is not asked", Tone::Quiet),
        };
        let word = self.toned(tone, word);
        self.line(&format!("  {number}. {}: {word}", shown(&side.title)));
        for layer in &side.layers {
            self.layer(layer);
        }
        if side.layers.is_empty() && side.says == SideSays::Allows {
            self.paragraph(5, "A root user needs no policy.");
        }
    }

    fn layer(&mut self, layer: &LayerView) {
        let (sign, says, tone) = match layer.says {
            LayerSays::Allow => ("+", "allows", Tone::Good),
            LayerSays::Deny => ("x", "denies", Tone::Bad),
            LayerSays::Nothing => ("-", "does not allow", Tone::Quiet),
        };
        let sign = self.toned(tone, sign);
        let looked_at = if layer.looked_at.is_empty() {
            String::new()
        } else {
            format!(" ({})", layer.looked_at)
        };
        self.hanging(
            &format!("     {sign} "),
            7,
            &format!("{}: {says}{looked_at}", layer.title),
        );
        for statement in &layer.matched {
            self.statement(statement, "");
        }
        if let Some(nearest) = &layer.nearest {
            self.statement(nearest, "nearest: ");
        }
    }

    fn statement(&mut self, statement: &StatementView, before: &str) {
        let effect = match statement.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        self.paragraph(
            9,
            &format!(
                "{before}{effect}, {} of the {}{}",
                statement.name,
                statement.policy,
                in_line(statement.line)
            ),
        );
        for failure in &statement.failures {
            self.clause(failure);
        }
    }

    fn clause(&mut self, clause: &ClauseView) {
        let sign = self.toned(Tone::Bad, "x");
        self.hanging(&format!("           {sign} "), 13, &clause.clause);
        self.values("wants", &clause.wanted, "nothing");
        self.values("given", &clause.given, "nothing");
    }

    fn values(&mut self, word: &str, values: &[String], none: &str) {
        const SHOWN: usize = 5;
        let mut first = true;
        let more = values.len().saturating_sub(SHOWN);
        let shown = values.iter().take(SHOWN).map(String::as_str);
        let shown: Vec<&str> = if values.is_empty() {
            vec![none]
        } else {
            shown.collect()
        };
        for value in shown {
            let word = if first { word } else { "" };
            first = false;
            self.hanging(&format!("             {word:<6} "), 20, value);
        }
        if more > 0 {
            self.line(&format!("             {:<6} and {more} more", ""));
        }
    }

    fn changes(&mut self, explanation: &Explanation) {
        let Some((first, others)) = explanation.changes.split_first() else {
            // Of requests that failed by themselves, the cause says what to do.
            if matches!(explanation.answer, Answer::Refused { .. }) {
                self.title("What to change");
                self.paragraph(
                    2,
                    "No change of policies or of the request was found that helps.",
                );
            }
            return;
        };
        self.title("What to change");
        // A request may ask more than one question; the change is for this one.
        let action = &explanation.asked.action;
        self.paragraph(
            2,
            &format!("Proved: with this change, {action} is allowed."),
        );
        self.change(first);
        for other in others {
            self.text.push('\n');
            self.paragraph(2, "Or, proved as well:");
            self.change(other);
        }
    }

    fn change(&mut self, change: &Change) {
        for (index, step) in change.steps.iter().enumerate() {
            self.text.push('\n');
            let number = if change.steps.len() > 1 {
                format!("{}. ", index + 1)
            } else {
                String::new()
            };
            self.step(&number, step);
        }
    }

    fn step(&mut self, number: &str, step: &Step) {
        let place = self.toned(Tone::Strong, &shown(&step.place));
        self.line(&format!("  {number}{place}"));
        self.paragraph(4, &step.what);
        if let Some(json) = step.json.as_ref().filter(|json| adds(step, json)) {
            let text = serde_json::to_string_pretty(json).unwrap_or_default();
            self.text.push('\n');
            self.verbatim(4, &text);
        }
        if let Some(command) = &step.command {
            self.text.push('\n');
            // Flush left, so that it can be copied as it stands.
            self.verbatim(0, command);
        }
    }

    // Pieces of a page.

    fn title(&mut self, text: &str) {
        let text = self.toned(Tone::Strong, text);
        self.text.push('\n');
        self.line(&text);
    }

    fn row(&mut self, name: &str, value: &str) {
        self.hanging(&format!("  {name:<9}"), 11, value);
    }

    fn paragraph(&mut self, indent: usize, text: &str) {
        self.hanging(&" ".repeat(indent), indent, text);
    }

    /// Text behind `start`, whose visible width is `indent`; further lines are indented so.
    fn hanging(&mut self, start: &str, indent: usize, text: &str) {
        let room = self.style.width.saturating_sub(indent).max(20);
        let mut line = String::new();
        let mut first = true;
        let mut lines = Vec::new();
        for word in text.split_whitespace().map(shown) {
            let width = line.chars().count();
            if width > 0 && width + 1 + word.chars().count() > room {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        lines.push(line);
        for line in lines {
            if first {
                self.line(&format!("{start}{line}"));
            } else {
                self.line(&format!("{}{line}", " ".repeat(indent)));
            }
            first = false;
        }
    }

    fn verbatim(&mut self, indent: usize, text: &str) {
        for line in text.lines() {
            self.line(&format!("{}{}", " ".repeat(indent), shown(line)));
        }
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn toned(&self, tone: Tone, text: &str) -> String {
        if !self.style.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Strong => "1",
            Tone::Quiet => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Where a statement stands; nothing for documents that are kept on one line, as bucket policies are.
fn in_line(line: usize) -> String {
    if line > 1 {
        format!(", line {line}")
    } else {
        String::new()
    }
}

/// Whether the JSON of a step tells something that its command does not tell as plainly: a statement
/// among others.
fn adds(step: &Step, json: &Value) -> bool {
    let Some(command) = &step.command else {
        return true;
    };
    let text = serde_json::to_string_pretty(json).unwrap_or_default();
    let indented = text.replace('\n', "\n    ");
    let alone = format!("\"Statement\": [\n    {indented}\n  ]");
    command.contains("\"Statement\": [") && !command.contains(&alone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step(statements: &Value) -> Step {
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        Step {
            account: None,
            place: String::new(),
            what: String::new(),
            json: None,
            command: Some(format!("aws … {}", crate::edit::quoted(&document))),
            confidential_of: None,
        }
    }

    #[test]
    fn a_statement_that_is_the_whole_document_is_shown_once() {
        let new = json!({"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"]});
        assert!(!adds(&step(&json!([new])), &new));
        assert!(adds(&step(&json!([{"Effect": "Deny"}, new])), &new));
        assert!(!adds(
            &Step {
                command: Some("aws s3api put-public-access-block".to_owned()),
                ..step(&json!([]))
            },
            &json!({"BlockPublicPolicy": false})
        ));
    }

    #[test]
    fn lines_are_told_where_there_are_lines() {
        assert_eq!(in_line(1), "");
        assert_eq!(in_line(4), ", line 4");
    }
}
