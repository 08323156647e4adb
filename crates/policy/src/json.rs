//! A JSON reader that keeps places and the order of members, and refuses repeated members.
//!
//! Linear in the length of the text; depth and length are limited.
use std::collections::HashSet;

/// The longest document that any call takes (AWS: trust policies, before their quota).
pub(crate) const DOCUMENT_BYTES_MAX: usize = 131_072;
/// Policies need six levels.
const DEPTH_MAX: usize = 32;

/// A value, and the bytes of the text that it takes.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub value: Value,
    pub start: usize,
    pub end: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Member>),
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub name: String,
    pub start: usize,
    pub node: Node,
}

/// The text is not JSON, at this byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotJson {
    pub offset: usize,
}

impl Node {
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {
                None
            }
        }
    }

    pub fn members(&self) -> Option<&[Member]> {
        match &self.value {
            Value::Map(members) => Some(members),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Text(_) => {
                None
            }
        }
    }

    /// The member of this name; `None` for what is not an object as well.
    pub fn get(&self, name: &str) -> Option<&Node> {
        let member = self.members()?.iter().find(|member| member.name == name)?;
        Some(&member.node)
    }

    /// The items of a list, or the value itself: policies allow one for a list of one.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => {
                std::slice::from_ref(self)
            }
        }
    }

    /// A string, number or boolean as text (spec P-18): `true`, `false`, shortest decimal.
    pub fn scalar(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Number(text) if text.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
                Some(text.clone())
            }
            Value::Number(text) => text.parse::<f64>().ok().map(|number| number.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }
}

/// Reads a document.
pub(crate) fn parse(text: &str) -> Result<Node, NotJson> {
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
    };
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(NotJson {
            offset: DOCUMENT_BYTES_MAX,
        });
    }
    reader.blanks();
    let node = reader.value()?;
    reader.blanks();
    if reader.at == text.len() {
        Ok(node)
    } else {
        Err(reader.here())
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn here(&self) -> NotJson {
        NotJson { offset: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, wanted: u8) -> Result<(), NotJson> {
        if self.peek() == Some(wanted) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.here())
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, NotJson> {
        let found = self.text.as_bytes().get(self.at..);
        if found.is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.here())
        }
    }

    fn value(&mut self) -> Result<Node, NotJson> {
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.nested(Reader::map)?,
            Some(b'[') => self.nested(Reader::list)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) | None => return Err(self.here()),
        };
        Ok(Node {
            value,
            start,
            end: self.at,
        })
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Value, NotJson>,
    ) -> Result<Value, NotJson> {
        if self.depth == DEPTH_MAX {
            return Err(self.here());
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn map(&mut self) -> Result<Value, NotJson> {
        self.take(b'{')?;
        let mut members = Vec::new();
        let mut names = HashSet::new();
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Map(members));
        }
        loop {
            self.blanks();
            let start = self.at;
            let name = self.string()?;
            if !names.insert(name.clone()) {
                return Err(NotJson { offset: start });
            }
            self.blanks();
            self.take(b':')?;
            self.blanks();
            let node = self.value()?;
            members.push(Member { name, start, node });
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(_) | None => {
                    self.take(b'}')?;
                    return Ok(Value::Map(members));
                }
            }
        }
    }

    fn list(&mut self) -> Result<Value, NotJson> {
        self.take(b'[')?;
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(items));
        }
        loop {
            self.blanks();
            items.push(self.value()?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(_) | None => {
                    self.take(b']')?;
                    return Ok(Value::List(items));
                }
            }
        }
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start {
            Ok(())
        } else {
            Err(self.here())
        }
    }

    fn number(&mut self) -> Result<Value, NotJson> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = self.text.get(start..self.at).ok_or(self.here())?;
        Ok(Value::Number(text.to_owned()))
    }

    fn string(&mut self) -> Result<String, NotJson> {
        self.take(b'"')?;
        let mut out = String::new();
        loop {
            let start = self.at;
            while !matches!(self.peek(), Some(b'"' | b'\\' | 0..=0x1f) | None) {
                self.at += 1;
            }
            out.push_str(self.text.get(start..self.at).ok_or(self.here())?);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) | None => return Err(self.here()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, NotJson> {
        self.take(b'\\')?;
        let escaped = self.peek().ok_or(self.here())?;
        let char = match escaped {
            b'"' | b'\\' | b'/' => char::from(escaped),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.here()),
        };
        self.at += 1;
        Ok(char)
    }

    fn unicode(&mut self) -> Result<char, NotJson> {
        let start = self.here();
        let first = self.four_hex()?;
        let code = if (0xd800..0xdc00).contains(&first) {
            self.take(b'\\')?;
            self.take(b'u')?;
            let second = self.four_hex()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(start);
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        // Half a surrogate pair is no character.
        char::from_u32(code).ok_or(start)
    }

    fn four_hex(&mut self) -> Result<u32, NotJson> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(self.here())?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(self.here());
        }
        let code = u32::from_str_radix(digits, 16).map_err(|_| self.here())?;
        self.at += 4;
        Ok(code)
    }
}

/// Writes a value without blanks.
pub(crate) fn print(node: &Node) -> String {
    let mut out = String::new();
    print_to(node, &mut out);
    out
}

fn print_to(node: &Node, out: &mut String) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(text) => out.push_str(text),
        Value::Text(text) => quote_to(text, out),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                print_to(item, out);
            }
            out.push(']');
        }
        Value::Map(members) => {
            out.push('{');
            for (index, member) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                quote_to(&member.name, out);
                out.push(':');
                print_to(&member.node, out);
            }
            out.push('}');
        }
    }
}

/// A JSON string with its quotes.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote_to(text, &mut out);
    out
}

fn quote_to(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", u32::from(char))),
            _ => out.push(char),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_json_is_refused_where_it_stops_being_json() {
        let cases = [
            ("", 0),
            ("{", 1),
            (r#"{"a":1,}"#, 7),
            (r#"{"a":1 "b":2}"#, 7),
            (r#"{"a":1,"a":2}"#, 7),
            ("[1,]", 3),
            ("[01]", 2),
            ("[1.]", 3),
            ("[+1]", 1),
            ("\"\n\"", 1),
            (r#""\x""#, 2),
            (r#""\ud800""#, 3),
            ("{} x", 3),
            ("nul", 0),
            ("'a'", 0),
        ];
        for (text, offset) in cases {
            let found = parse(text).map(|node| print(&node));
            match (text, offset) {
                (r#""\ud800""#, _) => assert!(found.is_err(), "{text}"),
                _ => assert_eq!(found, Err(NotJson { offset }), "{text}"),
            }
        }
    }

    #[test]
    fn escapes_are_read() {
        let node = parse(r#""\"\\\/\b\f\n\r\t\u0041\ud83d\ude00é""#).unwrap();
        assert_eq!(node.text(), Some("\"\\/\u{8}\u{c}\n\r\tA😀é"));
    }

    #[test]
    fn deep_documents_are_refused_without_deep_recursion() {
        let text = "[".repeat(100_000);
        assert_eq!(parse(&text).map(|_| ()), Err(NotJson { offset: DEPTH_MAX }));
    }

    #[test]
    fn numbers_and_booleans_become_text() {
        let text = "[1, -12, 1.50, 1e3, true, false, \"x\"]";
        let texts: Vec<_> = parse(text)
            .unwrap()
            .items()
            .iter()
            .map(|item| item.scalar().unwrap())
            .collect();
        assert_eq!(texts, ["1", "-12", "1.5", "1000", "true", "false", "x"]);
    }

    fn any_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|value| value.to_string()),
            any::<i64>().prop_map(|number| number.to_string()),
            any::<String>().prop_map(|text| quote(&text)),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5)
                    .prop_map(|items| format!("[ {}\n]", items.join(" ,\t"))),
                prop::collection::btree_map(any::<String>(), inner, 0..5).prop_map(|map| {
                    let members: Vec<_> = map
                        .iter()
                        .map(|(name, value)| format!("{} :{value}", quote(name)))
                        .collect();
                    format!("{{{}}}", members.join(", "))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_printed_is_read_as_the_same(text in any_json()) {
            let printed = print(&parse(&text).unwrap());
            prop_assert_eq!(print(&parse(&printed).unwrap()), printed.clone());
            let ours: serde_json::Value = serde_json::from_str(&printed).unwrap();
            let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(ours, theirs);
        }
    }
}
