//! POST policy forms.
use wire::form::{Piece, Reader};
use wire::post::{Policy, credentials};

const CONTENT_TYPE: &str = "multipart/form-data; boundary=b";

pub(crate) const WORDS: &[&str] = &[
    "\r\n--b",
    "--b--",
    "\r\n\r\n",
    "Content-Disposition: form-data; name=\"",
    "; filename=\"",
    "file",
    "key",
    "policy",
    "\\\"",
    "${filename}",
];

/// The size of the pieces that arrive, in a line of its own; then the form.
pub(crate) fn forms() -> Vec<Vec<u8>> {
    let field = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    // `{"expiration": "2030-01-01T00:00:00Z", "conditions": [["eq", "$key", "k"]]}`
    let policy = "eyJleHBpcmF0aW9uIjogIjIwMzAtMDEtMDFUMDA6MDA6MDBaIiwgImNvbmRpdGlvbnMiOiBbWyJlcSIsICIka2V5IiwgImsiXV19";
    let file = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;b\"\r\n\r\nab\r\n--bc\r\n--b--\r\n";
    ["1", "7", "64"]
        .iter()
        .map(|size| {
            let fields = [
                field("key", "a/${filename}"),
                field("policy", policy),
                field("empty", ""),
            ];
            format!("{size}\n{}{file}", fields.concat()).into_bytes()
        })
        .collect()
}

/// A form, whole and in pieces: the same comes out, or both fail. Then its policy.
pub(crate) fn multipart_form(bytes: &[u8]) {
    let (size, form) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (
            bytes.get(..at).unwrap_or_default(),
            bytes.get(at + 1..).unwrap_or_default(),
        ),
        None => (bytes, Default::default()),
    };
    let size = std::str::from_utf8(size)
        .ok()
        .and_then(|text| text.parse().ok());
    let size: usize = size.unwrap_or(3);
    let read = read(form, form.len());
    assert_eq!(read, self::read(form, size), "cuts change nothing");
    let Some((fields, _)) = read else { return };
    let _ = credentials(&fields);
    let policy = fields.iter().find(|(name, _)| name == "policy");
    if let Some(policy) = policy.and_then(|(_, text)| Policy::parse(text).ok()) {
        let _ = policy.check(&fields, "logs", jiff::Timestamp::UNIX_EPOCH);
    }
}

/// The fields, and the file with its name.
type Read = (Vec<(String, String)>, Option<(String, Vec<u8>)>);

fn read(form: &[u8], size: usize) -> Option<Read> {
    let mut reader = Reader::new(CONTENT_TYPE).ok()?;
    let (mut fields, mut file) = (Vec::new(), None);
    for bytes in form.chunks(size.max(1)) {
        for piece in reader.push(bytes).ok()? {
            match piece {
                Piece::Field { name, value } => fields.push((name, value)),
                Piece::File { filename } => file = Some((filename, Vec::new())),
                Piece::Data(bytes) => {
                    if let Some((_, file)) = &mut file {
                        file.extend_from_slice(&bytes);
                    }
                }
            }
        }
    }
    reader.is_complete().then_some((fields, file))
}
