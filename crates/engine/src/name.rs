//! How things are named.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl $name {
            /// The reverse of `Display`: 32 lower-case hexadecimal digits.
            pub fn parse(text: &str) -> Option<$name> {
                let digits = text.len() == 32
                    && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if !digits {
                    return None;
                }
                u128::from_str_radix(text, 16).ok().map($name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:032x})"), self.0)
            }
        }
    };
}

id! {
    /// One incarnation of a bucket: a bucket that is deleted and created again under its old name
    /// gets another id, so it never sees the objects of the first. Made by the caller, at random.
    BucketId
}

id! {
    /// A multipart upload. Made by the caller. Uploads of one key are listed in the order of their
    /// ids, so ids that begin with the time (as UUID version 7) give AWS's order, by initiation.
    UploadId
}

/// The place of a commit in the order of all commits; rises, with gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub i64);

/// An object: its bucket's id and its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The incarnation of the bucket.
    pub bucket: BucketId,
    /// 1 to [`crate::KEY_BYTES_MAX`] bytes of UTF-8.
    pub key: String,
}

/// Names a version among those of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VersionId {
    /// Made while versioning was not enabled; an object has at most one. AWS shows it as `null`.
    Null,
    /// Made while versioning was enabled; the sequence of the commit that made it. A caller that
    /// does not want to show numbers encodes them its own way.
    Made(Sequence),
}

/// Which version of an object is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The newest version, unless that is a delete marker: then none.
    Current,
    /// The newest version, be it a delete marker.
    CurrentOrMarker,
    /// This version, be it a delete marker.
    Version(VersionId),
}
