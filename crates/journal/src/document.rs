//! Policy documents apart from the records that name them.
//!
//! A refused question carries every policy that it was decided with, and most questions are decided
//! with the same few. So a record is written with a reference where a document stands, and the
//! document on a line of its own, once in each file. [`DocumentWriter`] finds documents while the
//! record is serialized: no tree of the record is built, and a text that was seen lately is not
//! hashed again.
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write as _};

use digest::{Algorithm, Digests, Wanted};
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Texts whose ids are remembered, in bytes.
const REMEMBERED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What stands in the place of a document.
const REFERENCE: &str = "document";

/// SHA-256 of a document's kind, a line feed and its text.
///
/// All of it, and not a handier part: who could make two documents with one id could have the
/// journal explain a refusal by a policy that was not there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct DocumentId([u8; 32]);

impl DocumentId {
    fn of(kind: &str, text: &str) -> DocumentId {
        let mut digests = Digests::new(Wanted::of([Algorithm::Sha256]));
        digests.update(kind.as_bytes());
        digests.update(b"\n");
        digests.update(text.as_bytes());
        let mut bytes = [0; 32];
        if let Some(digest) = digests.finish().get(Algorithm::Sha256) {
            for (to, from) in bytes.iter_mut().zip(digest.bytes()) {
                *to = *from;
            }
        }
        DocumentId(bytes)
    }

    /// Reads what [`DocumentId::hex`] writes.
    pub(crate) fn parse(hex: &[u8]) -> Option<DocumentId> {
        let mut bytes = [0; 32];
        if hex.len() != 64 {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(DocumentId(bytes))
    }

    /// As it is written: 64 hex digits in lower case.
    pub(crate) fn hex(&self) -> String {
        let mut hex = String::with_capacity(64);
        for byte in self.0 {
            // Writing to a string does not fail.
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}

/// A document's own line.
#[derive(Serialize, Deserialize)]
pub(crate) struct DocumentLine<'a> {
    pub document: std::borrow::Cow<'a, str>,
    pub kind: std::borrow::Cow<'a, str>,
    pub text: std::borrow::Cow<'a, str>,
}

/// How every document's line begins, and no record's.
pub(crate) const LINE_START: &[u8] = b"{\"document\":\"";

/// Writes records with references, and the documents that a file does not have yet.
#[derive(Default)]
pub(crate) struct DocumentWriter {
    ids: Ids,
    /// Reused from record to record.
    kind: String,
    text: String,
}

/// A record's line, and the lines of documents that must stand before it.
#[derive(Default)]
pub(crate) struct Lines {
    pub documents: Vec<(DocumentId, Vec<u8>)>,
    pub record: Vec<u8>,
}

impl Lines {
    pub(crate) fn len(&self) -> usize {
        let documents = self.documents.iter().map(|(_, line)| line.len());
        self.record.len() + documents.sum::<usize>()
    }
}

impl DocumentWriter {
    /// The lines of `record` in a file that has the documents in `known`.
    pub(crate) fn lines(
        &mut self,
        record: &impl Serialize,
        known: &HashSet<DocumentId>,
    ) -> Result<Lines, serde_json::Error> {
        let mut lines = Lines::default();
        let collector = RefCell::new(Collector {
            writer: self,
            known,
            new: Vec::new(),
        });
        let mut line = Vec::with_capacity(512);
        record.serialize(Apart {
            inner: &mut serde_json::Serializer::new(&mut line),
            collector: &collector,
        })?;
        line.push(b'\n');
        lines.record = line;
        lines.documents = collector.into_inner().new;
        Ok(lines)
    }
}

/// Ids of texts that were seen lately.
#[derive(Default)]
struct Ids {
    by_sample: HashMap<u64, Vec<(String, String, DocumentId)>>,
    bytes: usize,
}

impl Ids {
    fn id(&mut self, kind: &str, text: &str) -> DocumentId {
        let sample = sample(text);
        // Texts are compared whole, so that a sample decides nothing.
        let same = |(other_kind, other, id): &(String, String, DocumentId)| {
            (other_kind == kind && other == text).then_some(*id)
        };
        let slot = self.by_sample.get(&sample);
        if let Some(id) = slot.and_then(|texts| texts.iter().find_map(same)) {
            return id;
        }
        let id = DocumentId::of(kind, text);
        if self.bytes + text.len() > REMEMBERED_BYTES_MAX {
            self.by_sample.clear();
            self.bytes = 0;
        }
        let texts = self.by_sample.entry(sample).or_default();
        // Texts made to have one sample would otherwise be compared one by one.
        if texts.len() >= 4 {
            let bytes = texts.iter().map(|(_, text, _)| text.len()).sum::<usize>();
            self.bytes = self.bytes.saturating_sub(bytes);
            texts.clear();
        }
        texts.push((kind.to_owned(), text.to_owned(), id));
        self.bytes += text.len();
        id
    }
}

/// A cheap number of a text: its length and a few of its bytes.
fn sample(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let step = (bytes.len() / 64).max(1);
    let mut sample = crate::index::Fnv::new();
    sample.add(&bytes.len().to_le_bytes());
    for byte in bytes.iter().step_by(step) {
        sample.add(&[*byte]);
    }
    sample.value()
}

struct Collector<'a> {
    writer: &'a mut DocumentWriter,
    known: &'a HashSet<DocumentId>,
    new: Vec<(DocumentId, Vec<u8>)>,
}

impl Collector<'_> {
    /// The reference to the document whose kind and text were just read.
    fn reference(&mut self) -> Result<String, serde_json::Error> {
        let DocumentWriter { ids, kind, text } = &mut *self.writer;
        let id = ids.id(kind, text);
        let hex = id.hex();
        if !self.known.contains(&id) && !self.new.iter().any(|(other, _)| *other == id) {
            let mut line = serde_json::to_vec(&DocumentLine {
                document: hex.as_str().into(),
                kind: kind.as_str().into(),
                text: text.as_str().into(),
            })?;
            line.push(b'\n');
            self.new.push((id, line));
        }
        Ok(hex)
    }
}

/// A serializer that writes references where documents stand, and everything else as `inner` does.
struct Apart<'c, 'w, S> {
    inner: S,
    collector: &'c RefCell<Collector<'w>>,
}

/// A value that is to be serialized so.
struct Within<'c, 'w, 'v, T: ?Sized> {
    value: &'v T,
    collector: &'c RefCell<Collector<'w>>,
}

impl<T: Serialize + ?Sized> Serialize for Within<'_, '_, '_, T> {
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Apart {
            inner,
            collector: self.collector,
        })
    }
}

/// A string or the name of a variant, without a copy of its own.
struct Bare<'v, T: ?Sized>(&'v T);

impl<T: Serialize + ?Sized> fmt::Display for Bare<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}

/// Sequences, maps and structures on the way.
struct Inside<'c, 'w, S> {
    inner: S,
    collector: &'c RefCell<Collector<'w>>,
}

/// A structure: one to be replaced, or any other.
enum Structure<'c, 'w, S: Serializer> {
    Document(Apart<'c, 'w, S>),
    Other(Inside<'c, 'w, S::SerializeStruct>),
}

macro_rules! as_inner {
    ($($method:ident($type:ty),)*) => {
        $(fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        })*
    };
}

impl<'c, 'w, S: Serializer> Apart<'c, 'w, S> {
    fn within<'v, T: ?Sized>(&self, value: &'v T) -> Within<'c, 'w, 'v, T> {
        Within {
            value,
            collector: self.collector,
        }
    }
}

impl<'c, 'w, S: Serializer> Serializer for Apart<'c, 'w, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Inside<'c, 'w, S::SerializeSeq>;
    type SerializeTuple = Inside<'c, 'w, S::SerializeTuple>;
    type SerializeTupleStruct = Inside<'c, 'w, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Inside<'c, 'w, S::SerializeTupleVariant>;
    type SerializeMap = Inside<'c, 'w, S::SerializeMap>;
    type SerializeStruct = Structure<'c, 'w, S>;
    type SerializeStructVariant = Inside<'c, 'w, S::SerializeStructVariant>;

    as_inner! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32),
        serialize_i64(i64), serialize_i128(i128), serialize_u8(u8), serialize_u16(u16),
        serialize_u32(u32), serialize_u64(u64), serialize_u128(u128), serialize_f32(f32),
        serialize_f64(f64), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let value = self.within(value);
        self.inner.serialize_some(&value)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.within(value);
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.within(value);
        self.inner
            .serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let Apart { inner, collector } = self;
        let inner = inner.serialize_seq(length)?;
        Ok(Inside { inner, collector })
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, S::Error> {
        let Apart { inner, collector } = self;
        let inner = inner.serialize_tuple(length)?;
        Ok(Inside { inner, collector })
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let Apart { inner, collector } = self;
        let inner = inner.serialize_tuple_struct(name, length)?;
        Ok(Inside { inner, collector })
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let Apart { inner, collector } = self;
        let inner = inner.serialize_tuple_variant(name, index, variant, length)?;
        Ok(Inside { inner, collector })
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let Apart { inner, collector } = self;
        let inner = inner.serialize_map(length)?;
        Ok(Inside { inner, collector })
    }

    fn serialize_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        if name == policy::SERIALIZED_NAME {
            let writer = &mut *self.collector.borrow_mut().writer;
            writer.kind.clear();
            writer.text.clear();
            return Ok(Structure::Document(Apart {
                inner: self.inner,
                collector: self.collector,
            }));
        }
        let Apart { inner, collector } = self;
        let inner = inner.serialize_struct(name, length)?;
        Ok(Structure::Other(Inside { inner, collector }))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let Apart { inner, collector } = self;
        let inner = inner.serialize_struct_variant(name, index, variant, length)?;
        Ok(Inside { inner, collector })
    }
}

macro_rules! elements {
    ($($trait:ident $method:ident,)*) => {
        $(impl<S: $trait> $trait for Inside<'_, '_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                let collector = self.collector;
                self.inner.$method(&Within { value, collector })
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        })*
    };
}

elements! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

impl<S: SerializeMap> SerializeMap for Inside<'_, '_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        let collector = self.collector;
        self.inner.serialize_value(&Within { value, collector })
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}

impl<S: SerializeStructVariant> SerializeStructVariant for Inside<'_, '_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), S::Error> {
        let collector = self.collector;
        self.inner
            .serialize_field(key, &Within { value, collector })
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}

impl<S: Serializer> SerializeStruct for Structure<'_, '_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), S::Error> {
        match self {
            Structure::Document(document) => {
                let writer = &mut *document.collector.borrow_mut().writer;
                let into = match key {
                    "kind" => &mut writer.kind,
                    _ => &mut writer.text,
                };
                write!(into, "{}", Bare(value)).map_err(<S::Error as serde::ser::Error>::custom)
            }
            Structure::Other(other) => {
                let collector = other.collector;
                other
                    .inner
                    .serialize_field(key, &Within { value, collector })
            }
        }
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        match self {
            Structure::Document(Apart { inner, collector }) => {
                let reference = collector.borrow_mut().reference();
                let hex = reference.map_err(<S::Error as serde::ser::Error>::custom)?;
                let mut map = inner.serialize_map(Some(1))?;
                map.serialize_entry(REFERENCE, &hex)?;
                map.end()
            }
            Structure::Other(other) => other.inner.end(),
        }
    }
}

/// Puts documents back where `value` refers to them. `false` when one of them is not there.
pub(crate) fn put_back<E>(
    value: &mut Value,
    document: &mut impl FnMut(&str) -> Result<Option<Value>, E>,
) -> Result<bool, E> {
    match value {
        Value::Object(members) => {
            let reference = match members.get(REFERENCE) {
                Some(Value::String(id)) if members.len() == 1 && id.len() == 64 => Some(id),
                Some(_) | None => None,
            };
            if let Some(id) = reference {
                let Some(found) = document(id)? else {
                    return Ok(false);
                };
                *value = found;
                return Ok(true);
            }
            let mut complete = true;
            for (_, member) in members.iter_mut() {
                complete &= put_back(member, document)?;
            }
            Ok(complete)
        }
        Value::Array(items) => {
            let mut complete = true;
            for item in items {
                complete &= put_back(item, document)?;
            }
            Ok(complete)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(true),
    }
}
