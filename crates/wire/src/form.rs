//! `multipart/form-data` (RFC 7578) as POST policy forms have it: fields, then the file. What stands behind the file is
//! ignored (spec: sigv4 8).

use bytes::{Bytes, BytesMut};

use crate::error::AwsError;

/// The most bytes of a form before its file. AWS: POST Object.
pub const BYTES_BEFORE_FILE_MAX: usize = 20_480;

/// A piece of a form, in the order of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A field.
    Field {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// The file begins.
    File {
        /// As the client calls it, empty if it does not.
        filename: String,
    },
    /// The next bytes of the file.
    Data(Bytes),
}

#[derive(Debug)]
enum State {
    /// Up to the first boundary.
    Before,
    /// Behind a boundary.
    Boundary,
    Headers,
    Field(String),
    File,
    /// Behind the file.
    After,
}

/// Takes a form apart as it comes. It holds what comes before the file, which is limited, and of the file less than the
/// length of a boundary.
#[derive(Debug)]
pub struct Reader {
    /// With the line end that belongs to it.
    delimiter: Vec<u8>,
    buffer: BytesMut,
    state: State,
    bytes_before_file: usize,
}

impl Reader {
    /// Of a form whose `Content-Type` header is this.
    ///
    /// # Errors
    /// `MalformedPOSTRequest` without a boundary.
    pub fn new(content_type: &str) -> Result<Reader, AwsError> {
        let boundary = parameter(content_type, "boundary").filter(|text| !text.is_empty());
        let boundary = boundary.ok_or_else(malformed)?;
        // As if a line had ended before the first boundary, which may stand at the very beginning.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        Ok(Reader {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            buffer,
            state: State::Before,
            bytes_before_file: 0,
        })
    }

    /// Whether the file is complete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.state, State::After)
    }

    /// Takes the next bytes; answers the pieces that they complete.
    ///
    /// # Errors
    /// `MalformedPOSTRequest`, `MaxPostPreDataLengthExceededError`, and `InvalidArgument` for a form without a file.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Piece>, AwsError> {
        let mut pieces = Vec::new();
        if self.is_complete() {
            return Ok(pieces);
        }
        self.buffer.extend_from_slice(bytes);
        while self.step(&mut pieces)? {}
        let waiting = match self.state {
            State::File | State::After => 0,
            _ => self.buffer.len(),
        };
        if self.bytes_before_file + waiting > BYTES_BEFORE_FILE_MAX {
            return Err(AwsError::new(
                400,
                "MaxPostPreDataLengthExceededError",
                "Your POST request fields preceding the upload file were too large.",
            )
            .with_field(
                "MaxPostPreDataLengthBytes",
                BYTES_BEFORE_FILE_MAX.to_string(),
            ));
        }
        Ok(pieces)
    }

    /// Goes on; `false` when more bytes are needed.
    fn step(&mut self, pieces: &mut Vec<Piece>) -> Result<bool, AwsError> {
        match &mut self.state {
            State::Before => {
                let found = find(&self.buffer, &self.delimiter);
                if let Some(at) = found {
                    self.take(at + self.delimiter.len());
                    self.state = State::Boundary;
                }
                Ok(found.is_some())
            }
            State::Boundary => match *self.buffer {
                [b'-', b'-', ..] => Err(no_file()),
                [b'\r', b'\n', ..] => {
                    self.take(2);
                    self.state = State::Headers;
                    Ok(true)
                }
                [b' ' | b'\t', ..] => {
                    self.take(1);
                    Ok(true)
                }
                [] | [b'-' | b'\r'] => Ok(false),
                _ => Err(malformed()),
            },
            State::Headers => {
                let Some(at) = find(&self.buffer, b"\r\n\r\n") else {
                    return Ok(false);
                };
                let head = self.take(at + 4);
                let head = std::str::from_utf8(&head).map_err(|_| malformed())?;
                let disposition = head
                    .split("\r\n")
                    .filter_map(|line| line.split_once(':'))
                    .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
                    .map(|(_, value)| value)
                    .ok_or_else(malformed)?;
                let name = parameter(disposition, "name").ok_or_else(malformed)?;
                if name.eq_ignore_ascii_case("file") {
                    let filename = parameter(disposition, "filename").unwrap_or_default();
                    pieces.push(Piece::File { filename });
                    self.state = State::File;
                } else {
                    self.state = State::Field(name);
                }
                Ok(true)
            }
            State::Field(name) => {
                let Some(at) = find(&self.buffer, &self.delimiter) else {
                    return Ok(false);
                };
                let name = std::mem::take(name);
                let value = self.take(at);
                self.take(self.delimiter.len());
                let value = String::from_utf8(value.to_vec()).map_err(|_| malformed())?;
                pieces.push(Piece::Field { name, value });
                self.state = State::Boundary;
                Ok(true)
            }
            State::File => {
                let (length, is_end) = self.file_bytes();
                let data = self.buffer.split_to(length).freeze();
                if !data.is_empty() {
                    pieces.push(Piece::Data(data));
                }
                if is_end {
                    self.buffer.clear();
                    self.state = State::After;
                }
                Ok(false)
            }
            State::After => Ok(false),
        }
    }

    /// How much of the buffer is the file's for certain, and whether its end follows.
    fn file_bytes(&self) -> (usize, bool) {
        let mut from = 0;
        while let Some(rest) = self.buffer.get(from..) {
            let Some(at) = find(rest, &self.delimiter) else {
                break;
            };
            let at = from + at;
            match self.buffer.get(at + self.delimiter.len()..) {
                Some([b'-', b'-', ..] | [b'\r', b'\n', ..] | [b' ' | b'\t', ..]) => {
                    return (at, true);
                }
                // What may be a boundary waits.
                Some([] | [b'-' | b'\r']) => return (at, false),
                // The file holds what only begins like one.
                Some(_) | None => from = at + 1,
            }
        }
        let length = (self.buffer.len() + 1).saturating_sub(self.delimiter.len());
        (length.max(from.min(self.buffer.len())), false)
    }

    fn take(&mut self, count: usize) -> Bytes {
        self.bytes_before_file += count;
        self.buffer.split_to(count.min(self.buffer.len())).freeze()
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, wanted)
}

/// A parameter of a header such as `form-data; name="a"; filename="b;c"`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let (_, mut rest) = header.split_once(';')?;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, left) = unquoted(quoted)?;
                (value, left.split_once(';').map(|(_, left)| left))
            }
            None => match after.split_once(';') {
                Some((value, left)) => (value.trim().to_owned(), Some(left)),
                None => (after.trim().to_owned(), None),
            },
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = left?;
    }
}

/// The text up to the closing quotation mark, and what follows. Only quotation marks are escaped by a backslash:
/// others stand in the names of files.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' if characters.peek().is_some_and(|(_, next)| *next == '"') => {
                characters.next();
                value.push('"');
            }
            other => value.push(other),
        }
    }
    None
}

/// The answer to a body that is no such form.
#[must_use]
pub fn malformed() -> AwsError {
    AwsError::new(
        400,
        "MalformedPOSTRequest",
        "The body of your POST request is not well-formed multipart/form-data.",
    )
}

fn no_file() -> AwsError {
    AwsError::invalid_argument(
        "POST requires exactly one file upload per request.",
        "file",
        "0",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORM: &str = "--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na/${filename}\r\n\
        --x\r\ncontent-disposition: form-data; name=empty\r\nContent-Type: text/plain\r\n\r\n\r\n\
        --x\r\nContent-Disposition: form-data; name=\"File\"; filename=\"b;\\\"c\\\".txt\"\r\n\r\n\r\n--xy\r\n-\r\n\
        --x\r\nContent-Disposition: form-data; name=\"late\"\r\n\r\nz\r\n--x--\r\n";

    /// The pieces with the file's bytes joined, when the form comes in chunks of this size.
    fn read(form: &[u8], chunk: usize) -> Result<(Vec<Piece>, Vec<u8>, bool), AwsError> {
        let mut reader = Reader::new("multipart/form-data; charset=utf-8; boundary=x")?;
        let (mut pieces, mut file) = (Vec::new(), Vec::new());
        for bytes in form.chunks(chunk.max(1)) {
            for piece in reader.push(bytes)? {
                match piece {
                    Piece::Data(bytes) => file.extend_from_slice(&bytes),
                    piece => pieces.push(piece),
                }
            }
        }
        Ok((pieces, file, reader.is_complete()))
    }

    #[test]
    fn fields_come_before_the_file_in_chunks_of_any_size() {
        let field = |name: &str, value: &str| Piece::Field {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        for chunk in 1..FORM.len() {
            let (pieces, file, is_complete) = read(FORM.as_bytes(), chunk).unwrap();
            let filename = "b;\"c\".txt".to_owned();
            assert_eq!(
                pieces,
                [
                    field("key", "a/${filename}"),
                    field("empty", ""),
                    Piece::File { filename }
                ]
            );
            // `--xy` only begins as the boundary does.
            assert!(is_complete);
            assert_eq!(file, b"\r\n--xy\r\n-");
        }
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let code = |form: &str| read(form.as_bytes(), 7).map_err(|error| error.code).err();
        assert_eq!(code("--x--\r\n").as_deref(), Some("InvalidArgument"));
        assert_eq!(
            code("--x\r\n\r\n\r\na\r\n--x--").as_deref(),
            Some("MalformedPOSTRequest")
        );
        assert_eq!(code("--xNo").as_deref(), Some("MalformedPOSTRequest"));
        let large = format!(
            "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n{}",
            "a".repeat(30_000)
        );
        assert_eq!(
            code(&large).as_deref(),
            Some("MaxPostPreDataLengthExceededError")
        );
        // Also when it comes at once.
        let large = format!("{large}\r\n--x\r\nContent-Disposition: form-data; name=file\r\n\r\n");
        let at_once = read(large.as_bytes(), large.len());
        assert_eq!(
            at_once.unwrap_err().code,
            "MaxPostPreDataLengthExceededError"
        );
        assert!(Reader::new("multipart/form-data").is_err());
        // A file that is cut off is not complete.
        let cut = "--x\r\nContent-Disposition: form-data; name=file\r\n\r\nabc\r\n--";
        assert!(!read(cut.as_bytes(), 5).unwrap().2);
    }

    proptest! {
        #[test]
        fn a_file_comes_out_as_it_went_in(file in proptest::collection::vec(any::<u8>(), 0..300), chunk in 1usize..50) {
            prop_assume!(find(&file, b"\r\n--x").is_none());
            let mut form = b"preamble\r\n--x \r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n".to_vec();
            form.extend_from_slice(&file);
            form.extend_from_slice(b"\r\n--x--");
            let (pieces, read, is_complete) = read(&form, chunk).unwrap();
            prop_assert_eq!(pieces, [Piece::File { filename: String::new() }]);
            prop_assert!(is_complete);
            prop_assert_eq!(read, file);
        }
    }
}
