//! Values of user metadata, which may hold any character while headers hold ASCII. AWS: Working with object metadata.
//!
//! S3 reads the bytes of a header as ISO 8859-1, decodes the words that RFC 2047 encodes, and encodes what is not ASCII
//! when it shows a value. So what comes back is what was sent if the client encodes, too.
use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest encoded word (RFC 2047, section 2).
const WORD_CHARS_MAX: usize = 75;
const WORD_START: &str = "=?UTF-8?B?";
const WORD_END: &str = "?=";

/// The value that a header has, as it is kept.
pub(crate) fn from_header(bytes: &[u8]) -> String {
    decoded(
        &bytes
            .iter()
            .map(|byte| char::from(*byte))
            .collect::<String>(),
    )
}

/// Decodes the encoded words of a value. What is none stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while !rest.is_empty() {
        let blank = rest.len() - rest.trim_start().len();
        let (blanks, words) = rest.split_at(blank);
        let end = words.find(char::is_whitespace).unwrap_or(words.len());
        let (word, next) = words.split_at(end);
        match word_text(word) {
            Some(text) => {
                // Blanks between two encoded words only part them.
                if !after_word {
                    decoded.push_str(blanks);
                }
                decoded.push_str(&text);
                after_word = true;
            }
            None => {
                decoded.push_str(blanks);
                decoded.push_str(word);
                after_word = false;
            }
        }
        rest = next;
    }
    decoded
}

/// The value as a header shows it.
pub(crate) fn shown(value: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c == '\t' || (' '..='~').contains(&c);
    if value.chars().all(is_plain) {
        return Cow::Borrowed(value);
    }
    let mut shown = String::with_capacity(value.len() * 2);
    let room = (WORD_CHARS_MAX - WORD_START.len() - WORD_END.len()) / 4 * 3;
    let mut word = String::new();
    for character in value.chars() {
        if word.len() + character.len_utf8() > room {
            push_word(&mut shown, &word);
            word.clear();
        }
        word.push(character);
    }
    push_word(&mut shown, &word);
    Cow::Owned(shown)
}

fn push_word(shown: &mut String, word: &str) {
    if !shown.is_empty() {
        shown.push(' ');
    }
    shown.push_str(WORD_START);
    STANDARD.encode_string(word, shown);
    shown.push_str(WORD_END);
}

/// What an encoded word says; `None` if it is none: `=?CHARSET?B|Q?TEXT?=`.
fn word_text(word: &str) -> Option<String> {
    let inner = word.strip_prefix("=?")?.strip_suffix("?=")?;
    let (charset, rest) = inner.split_once('?')?;
    let (encoding, text) = rest.split_once('?')?;
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(text).ok()?,
        "Q" | "q" => unquoted(text)?,
        _ => return None,
    };
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" | "us-ascii" => String::from_utf8(bytes).ok(),
        "iso-8859-1" => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        _ => None,
    }
}

fn unquoted(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'_' => b' ',
            b'=' => {
                let mut decoded = [0];
                hex::decode_to_slice([rest.next()?, rest.next()?], &mut decoded).ok()?;
                let [byte] = decoded;
                byte
            }
            other => other,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn raw_characters_come_back_as_the_user_guide_shows() {
        let kept = from_header("ÄMÄZÕÑ S3".as_bytes());
        assert_eq!(shown(&kept), "=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?=");
        assert_eq!(shown(&from_header(b"AMAZONS3")), "AMAZONS3");
    }

    #[test]
    fn encoded_words_are_decoded_and_nothing_else() {
        for (sent, kept) in [
            ("=?UTF-8?B?Y2Fmw6k=?=", "café"),
            ("=?utf-8?q?caf=C3=A9_au_lait?=", "café au lait"),
            ("=?ISO-8859-1?Q?caf=E9?= noir", "café noir"),
            ("un =?UTF-8?B?Y2Fm?=  =?UTF-8?B?w6k=?=", "un café"),
            ("=?UTF-8?B?***?=", "=?UTF-8?B?***?="),
            ("=?UTF-8?X?abc?=", "=?UTF-8?X?abc?="),
            ("=?UTF-8?Q?=C3?=", "=?UTF-8?Q?=C3?="),
            (" a  b ", " a  b "),
            ("", ""),
        ] {
            assert_eq!(decoded(sent), kept, "{sent}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_ascii_and_says_the_same(value in any::<String>()) {
            // A value that looks like an encoded word is one.
            prop_assume!(!value.contains("=?"));
            let shown = shown(&value);
            prop_assert!(shown.is_ascii());
            prop_assert!(shown.split(' ').filter(|word| word.starts_with("=?")).all(|word| word.len() <= WORD_CHARS_MAX));
            prop_assert_eq!(decoded(&shown), value);
        }
    }
}
