//! Writing XML. Element names come from models and our own code; only texts are escaped.

use std::fmt::Write as _;

use crate::time;

/// Builds an XML text from left to right.
#[derive(Debug, Default)]
pub struct Writer {
    text: String,
}

impl Writer {
    /// Starts with the XML declaration, as S3 does.
    #[must_use]
    pub fn document() -> Writer {
        Writer {
            text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(),
        }
    }

    /// Starts without a declaration, as Query services do.
    #[must_use]
    pub fn fragment() -> Writer {
        Writer::default()
    }

    /// `<name>`
    pub fn open(&mut self, name: &str) {
        self.open_with(name, &[]);
    }

    /// `<name a="b">`
    pub fn open_with(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.text.push('<');
        self.text.push_str(name);
        self.attributes(attributes);
        self.text.push('>');
    }

    /// `</name>`
    pub fn close(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    /// `<name/>`
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.text.push('<');
        self.text.push_str(name);
        self.attributes(attributes);
        self.text.push_str("/>");
    }

    /// `<name>value</name>`
    pub fn text(&mut self, name: &str, value: &str) {
        self.open(name);
        self.escaped(value);
        self.close(name);
    }

    /// `<name>value</name>` with quotation marks as they are. So S3 writes its errors, and it matters: readers
    /// that take a text in pieces, such as the SDK for Java 1, lose what stands before an entity.
    pub fn text_with_quotes(&mut self, name: &str, value: &str) {
        self.open(name);
        let mut parts = value.split('"');
        self.escaped(parts.next().unwrap_or_default());
        for part in parts {
            self.text.push('"');
            self.escaped(part);
        }
        self.close(name);
    }

    /// Text inside the element that is open.
    pub fn escaped(&mut self, value: &str) {
        escape(value, &mut self.text);
    }

    /// A time inside the element that is open, as S3 writes it: `2026-11-30T12:00:00.000Z`.
    pub fn time(&mut self, time: jiff::Timestamp) {
        time::push_iso8601_millis(time, &mut self.text);
    }

    /// A number inside the element that is open.
    pub fn number(&mut self, number: u64) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{number}");
    }

    /// Elements that another writer wrote.
    pub fn written(&mut self, xml: &str) {
        self.text.push_str(xml);
    }

    /// Makes room for so many more bytes.
    pub fn reserve(&mut self, bytes: usize) {
        self.text.reserve(bytes);
    }

    /// What was written so far.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }

    fn attributes(&mut self, attributes: &[(&str, &str)]) {
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            escape(value, &mut self.text);
            self.text.push('"');
        }
    }
}

/// Escapes markup, and writes control characters as references: S3 keys may hold any of them, and S3 answers `&#x1;`
/// although XML 1.0 has no such character. A carriage return would be lost to line-end normalisation otherwise.
fn escape(value: &str, into: &mut String) {
    into.reserve(value.len());
    let is_plain =
        |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'&' | b'<' | b'>' | b'"');
    // Most texts have nothing to escape.
    let plain = value.bytes().position(|byte| !is_plain(byte));
    let (plain, rest) = value
        .split_at_checked(plain.unwrap_or(value.len()))
        .unwrap_or(("", value));
    into.push_str(plain);
    for character in rest.chars() {
        match character {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\t' | '\n' => into.push(character),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{fffe}' | '\u{ffff}' => {
                // Writing to a String cannot fail.
                let _ = write!(into, "&#x{:X};", u32::from(character));
            }
            _ => into.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn control_characters_become_references() {
        let mut text = String::new();
        super::escape("a\u{0}\u{1f}\r\n\t\"<&>\u{85}ü", &mut text);
        assert_eq!(text, "a&#x0;&#x1F;&#xD;\n\t&quot;&lt;&amp;&gt;&#x85;ü");
    }
}
