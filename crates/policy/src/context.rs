//! The request context that conditions look at.

/// What a context holds under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// The key is not there.
    Absent,
    /// A single-valued key.
    One(&'a str),
    /// A multivalued key; may be empty.
    Many(&'a [String]),
}

/// Values by condition key. Keys are asked for in lower case.
///
/// Keys that follow from the caller and the resource's owner (`aws:PrincipalArn`,
/// `aws:PrincipalAccount`, `aws:PrincipalType`, `aws:userid`, `aws:username`,
/// `aws:PrincipalTag/…`, `aws:ResourceAccount`, `s3:ResourceAccount`) are derived by the
/// evaluation when the context does not have them.
pub trait Context {
    /// The value under `key`, which is lower case.
    fn lookup(&self, key: &str) -> Lookup<'_>;
}
