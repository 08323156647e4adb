//! Policy documents: text to compiled policy.

/// Where a document is used, which decides what it must and must not have (spec P-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// Inline, managed, boundary.
    Identity,
    /// Passed with a session.
    Session,
    /// A role's trust policy.
    Trust,
    /// A bucket policy.
    Bucket,
}

/// A parsed and compiled policy document.
#[derive(Clone, Debug)]
pub struct Policy {
    text: String,
}

impl Policy {
    /// The document as written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// AWS's words.
    pub message: String,
}

impl Policy {
    /// Whether a condition or variable names a key that starts with `prefix` (lower case).
    pub fn names_key_with_prefix(&self, prefix: &str) -> bool {
        self.text.to_ascii_lowercase().contains(prefix)
    }
}
