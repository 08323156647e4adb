//! Where in a file the record of a request stands.
//!
//! The bytes are described at the top of the crate. What an index says is only where to look: the
//! line itself is compared with what is looked for, and an index that is not whole is made again
//! from its file.
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

const MAGIC: &[u8; 8] = b"SRJINDEX";
const VERSION: u64 = 1;
const HEADER_BYTES: u64 = 48;
const ENTRY_BYTES: u64 = 16;
const CHECKSUM_BYTES: u64 = 8;

/// FNV-1a of 64 bits: short, the same for ever, and not asked to resist anybody.
#[derive(Clone, Copy)]
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) fn new() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn value(self) -> u64 {
        self.0
    }
}

/// The key of a request id, or of a document's id, in an index.
pub(crate) fn key(id: &str) -> u64 {
    let mut fnv = Fnv::new();
    fnv.add(id.as_bytes());
    fnv.value()
}

/// Set in the place of a call that was refused, in whole or in part.
const REFUSED: u64 = 1 << 63;

/// A line, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub key: u64,
    /// The offset; with [`REFUSED`] in it.
    place: u64,
}

impl Entry {
    pub(crate) fn new(key: u64, offset: u64, refused: bool) -> Entry {
        let place = if refused { offset | REFUSED } else { offset };
        Entry { key, place }
    }

    pub(crate) fn offset(self) -> u64 {
        self.place & !REFUSED
    }

    pub(crate) fn is_refused(self) -> bool {
        self.place & REFUSED != 0
    }

    fn read(bytes: &[u8; ENTRY_BYTES as usize]) -> Entry {
        let both = u128::from_le_bytes(*bytes);
        let low = u128::from(u64::MAX);
        Entry {
            key: u64::try_from(both & low).unwrap_or_default(),
            place: u64::try_from(both >> 64).unwrap_or_default(),
        }
    }
}

/// The times that a file's records span, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub oldest_ms: i64,
    pub newest_ms: i64,
}

impl Span {
    pub(crate) fn at(ms: i64) -> Span {
        Span {
            oldest_ms: ms,
            newest_ms: ms,
        }
    }

    pub(crate) fn with(span: Option<Span>, ms: i64) -> Span {
        span.map_or(Span::at(ms), |span| Span {
            oldest_ms: span.oldest_ms.min(ms),
            newest_ms: span.newest_ms.max(ms),
        })
    }
}

/// The index of a closed file, open for looking up.
#[derive(Debug)]
pub(crate) struct Index {
    entries: Entries,
    pub span: Span,
}

#[derive(Debug)]
enum Entries {
    /// On disk, this many.
    Stored(File, u64),
    /// Where they could not be written: a full disk is no reason to find nothing.
    InMemory(Vec<Entry>),
}

impl Index {
    /// Opens an index that is whole and of a file of this size.
    pub(crate) fn open(path: &Path, journal_bytes: u64) -> io::Result<Index> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let mut reader = BufReader::with_capacity(64 * 1024, &file);
        let mut checksum = Fnv::new();
        let mut next = |reader: &mut BufReader<&File>| -> io::Result<[u8; 8]> {
            let mut word = [0; 8];
            reader.read_exact(&mut word)?;
            checksum.add(&word);
            Ok(word)
        };
        if &next(&mut reader)? != MAGIC {
            return Err(wrong("this is no index"));
        }
        if u64::from_le_bytes(next(&mut reader)?) != VERSION {
            return Err(wrong("the index has another version"));
        }
        if u64::from_le_bytes(next(&mut reader)?) != journal_bytes {
            return Err(wrong("the index is of another file"));
        }
        let oldest_ms = i64::from_le_bytes(next(&mut reader)?);
        let newest_ms = i64::from_le_bytes(next(&mut reader)?);
        let count = u64::from_le_bytes(next(&mut reader)?);
        let expected = count
            .checked_mul(ENTRY_BYTES)
            .and_then(|entries| entries.checked_add(HEADER_BYTES + CHECKSUM_BYTES));
        if expected != Some(bytes) {
            return Err(wrong("the index has another size than it says"));
        }
        for _ in 0..count {
            next(&mut reader)?;
            next(&mut reader)?;
        }
        let computed = checksum.value();
        let mut stored = [0; 8];
        reader.read_exact(&mut stored)?;
        if u64::from_le_bytes(stored) != computed {
            return Err(wrong("the index is damaged"));
        }
        drop(reader);
        Ok(Index {
            entries: Entries::Stored(file, count),
            span: Span {
                oldest_ms,
                newest_ms,
            },
        })
    }

    /// Makes an index and writes it. Where that fails it is kept in memory.
    pub(crate) fn make(
        path: &Path,
        journal_bytes: u64,
        span: Span,
        mut entries: Vec<Entry>,
    ) -> Index {
        entries.sort_unstable_by_key(|entry| (entry.key, entry.offset()));
        let entries = match Index::write(path, journal_bytes, span, &entries) {
            Ok(file) => Entries::Stored(file, entries.len() as u64),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "an index of the journal could not be written");
                Entries::InMemory(entries)
            }
        };
        Index { entries, span }
    }

    /// The space that it takes on disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        match &self.entries {
            Entries::Stored(_, count) => HEADER_BYTES + count * ENTRY_BYTES + CHECKSUM_BYTES,
            Entries::InMemory(_) => 0,
        }
    }

    /// What is there is replaced whole or not at all.
    fn write(path: &Path, journal_bytes: u64, span: Span, entries: &[Entry]) -> io::Result<File> {
        let new = path.with_extension("index.new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        let mut writer = BufWriter::with_capacity(64 * 1024, file);
        let mut checksum = Fnv::new();
        let mut put = |writer: &mut BufWriter<File>, bytes: &[u8]| {
            checksum.add(bytes);
            writer.write_all(bytes)
        };
        put(&mut writer, MAGIC)?;
        put(&mut writer, &VERSION.to_le_bytes())?;
        put(&mut writer, &journal_bytes.to_le_bytes())?;
        put(&mut writer, &span.oldest_ms.to_le_bytes())?;
        put(&mut writer, &span.newest_ms.to_le_bytes())?;
        put(&mut writer, &(entries.len() as u64).to_le_bytes())?;
        for entry in entries {
            put(&mut writer, &entry.key.to_le_bytes())?;
            put(&mut writer, &entry.place.to_le_bytes())?;
        }
        writer.write_all(&checksum.value().to_le_bytes())?;
        writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        fs::rename(&new, path)?;
        File::open(path)
    }

    /// Where lines with this key begin, the last one first.
    pub(crate) fn offsets(&self, key: u64) -> io::Result<Vec<u64>> {
        let count = match &self.entries {
            Entries::Stored(_, count) => *count,
            Entries::InMemory(entries) => entries.len() as u64,
        };
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.entry(middle)?.key < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut offsets = Vec::new();
        while low < count {
            let entry = self.entry(low)?;
            if entry.key != key {
                break;
            }
            offsets.push(entry.offset());
            low += 1;
        }
        offsets.reverse();
        Ok(offsets)
    }

    /// Where calls begin that were refused in whole or in part, rising.
    pub(crate) fn refused(&self) -> io::Result<Vec<u64>> {
        let mut offsets: Vec<u64> = match &self.entries {
            Entries::Stored(file, count) => {
                let bytes =
                    usize::try_from(count.saturating_mul(ENTRY_BYTES)).unwrap_or(usize::MAX);
                let mut all = vec![0; bytes];
                file.read_exact_at(&mut all, HEADER_BYTES)?;
                let (entries, _) = all.as_chunks::<{ ENTRY_BYTES as usize }>();
                refused(entries.iter().map(Entry::read)).collect()
            }
            Entries::InMemory(entries) => refused(entries.iter().copied()).collect(),
        };
        offsets.sort_unstable();
        Ok(offsets)
    }

    fn entry(&self, number: u64) -> io::Result<Entry> {
        match &self.entries {
            Entries::Stored(file, _) => {
                let mut bytes = [0; ENTRY_BYTES as usize];
                file.read_exact_at(&mut bytes, HEADER_BYTES + number * ENTRY_BYTES)?;
                Ok(Entry::read(&bytes))
            }
            Entries::InMemory(entries) => usize::try_from(number)
                .ok()
                .and_then(|number| entries.get(number).copied())
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// The offsets of those entries that are of refusals.
pub(crate) fn refused(entries: impl Iterator<Item = Entry>) -> impl Iterator<Item = u64> {
    entries
        .filter(|entry| entry.is_refused())
        .map(Entry::offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn entries() -> Vec<Entry> {
        let entry = |number: u64| {
            let key = key(&format!("request-{}", number % 900));
            Entry::new(key, number * 100, number % 400 == 7)
        };
        (0..1000).map(entry).collect()
    }

    #[test]
    fn an_index_says_where_every_line_is_the_last_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal-1.index");
        let span = Span {
            oldest_ms: -5,
            newest_ms: 7,
        };
        Index::make(&path, 100_000, span, entries());
        let index = Index::open(&path, 100_000).unwrap();
        assert_eq!(index.span, span);
        assert_eq!(index.offsets(key("request-5")).unwrap(), [90_500, 500]);
        assert_eq!(index.offsets(key("request-899")).unwrap(), [89_900]);
        assert!(index.offsets(key("request-900")).unwrap().is_empty());
        assert_eq!(index.refused().unwrap(), [700, 40_700, 80_700]);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn an_index_that_is_not_whole_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal-1.index");
        Index::make(&path, 100_000, Span::at(1), entries());
        assert!(Index::open(&path, 99_999).is_err());
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(97).chain([whole.len() - 1]) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).unwrap();
            assert!(Index::open(&path, 100_000).is_err(), "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert!(Index::open(&path, 100_000).is_err(), "cut at {at}");
        }
    }
}
