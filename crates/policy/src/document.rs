//! Policy documents: text to compiled policy.
use catalog::{AccountId, BucketName};
use serde::Serialize;

/// Where a document is used, which decides what it must and must not have (spec P-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// Inline, of a user, group or role.
    Identity,
    /// A customer managed policy (also as a boundary): as `Identity`, and the version must be
    /// `2012-10-17` (spec P-3).
    Managed,
    /// Passed with a session.
    Session,
    /// A role's trust policy.
    Trust,
    /// A bucket policy.
    Bucket,
    /// A KMS key policy.
    Key,
    /// A service control policy.
    ServiceControl,
    /// A resource control policy.
    ResourceControl,
    /// The policy of a VPC endpoint.
    VpcEndpoint,
}

/// A place in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

/// What is wrong with a document, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Finding {
    /// AWS's error code: `MalformedPolicyDocument` (IAM, STS), `MalformedPolicy` (S3) or
    /// `MalformedPolicyDocumentException` (KMS).
    pub code: &'static str,
    /// AWS's text.
    pub message: String,
    /// S3's `<Detail>`.
    pub detail: Option<String>,
    /// Where, if one place is to blame. Not part of AWS's answers: for explanations and logs.
    pub position: Option<Position>,
}

/// A parsed and compiled policy document.
#[derive(Clone, Debug)]
pub struct Policy {
    kind: PolicyKind,
    text: String,
}

/// A principal as a document names it (spec P-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalRef<'a> {
    /// `"*"`, or `{"AWS": "*"}`.
    Everyone,
    /// An account, by 12 digits or by root ARN.
    Account {
        /// The account.
        id: AccountId,
        /// As written.
        text: &'a str,
    },
    /// `arn:aws:iam::ACCOUNT:user/PATH/NAME`
    User {
        /// The account.
        account: AccountId,
        /// The whole ARN.
        arn: &'a str,
    },
    /// `arn:aws:iam::ACCOUNT:role/PATH/NAME`
    Role {
        /// The account.
        account: AccountId,
        /// The whole ARN.
        arn: &'a str,
    },
    /// `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`
    RoleSession {
        /// The account.
        account: AccountId,
        /// The whole ARN.
        arn: &'a str,
    },
    /// `arn:aws:sts::ACCOUNT:federated-user/NAME`
    FederatedUser {
        /// The account.
        account: AccountId,
        /// The whole ARN.
        arn: &'a str,
    },
    /// A unique id such as `AIDA…` or `AROA…`, which stands where an ARN was.
    UniqueId(&'a str),
    /// An account by canonical user id (S3 only).
    CanonicalUser(&'a str),
    /// A service, such as `ec2.amazonaws.com`.
    Service(&'a str),
    /// An identity provider, by ARN or built-in name.
    Federated(&'a str),
}

/// What [`Policy::rewrite_principals`] does with a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// Leaves it.
    Keep,
    /// Writes this text instead.
    Replace(String),
    /// Refuses the document: there is no such principal.
    Invalid,
}

impl Policy {
    /// Reads and validates a document that is about to be stored (spec P-13 to P-17).
    ///
    /// # Errors
    /// The first finding, in AWS's order and words.
    pub fn parse(kind: PolicyKind, text: &str) -> Result<Policy, Finding> {
        Policy::load(kind, text)
    }

    /// As [`Policy::parse`] for a bucket policy, and refuses resources of other buckets.
    ///
    /// # Errors
    /// The first finding, in AWS's order and words.
    pub fn parse_bucket(_bucket: &BucketName, text: &str) -> Result<Policy, Finding> {
        Policy::load(PolicyKind::Bucket, text)
    }

    /// Reads a document that was validated when it was stored: only what evaluation cannot do
    /// without is an error.
    ///
    /// # Errors
    /// The document is no policy at all.
    pub fn load(kind: PolicyKind, text: &str) -> Result<Policy, Finding> {
        Ok(Policy {
            kind,
            text: text.to_owned(),
        })
    }

    /// The document as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the document is used.
    pub fn kind(&self) -> PolicyKind {
        self.kind
    }

    /// The document without whitespace between its members: what S3 counts and returns.
    pub fn compact_text(&self) -> String {
        self.text.clone()
    }

    /// Whether S3 calls it public (spec S-9).
    pub fn is_public(&self) -> bool {
        false
    }

    /// Context keys in conditions and variables, in lower case, without repetition.
    pub fn context_keys(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// Whether some context key starts with `prefix`, which is lower case, such as
    /// `s3:existingobjecttag/`.
    pub fn names_key_with_prefix(&self, prefix: &str) -> bool {
        self.context_keys().any(|key| key.starts_with(prefix))
    }

    /// The document with principals replaced (spec P-8): ARNs to unique ids on save, and back on
    /// read. `replace` is asked for each principal, in order. Trust policies and other documents
    /// of IAM stay as they are but for the principals; bucket and key policies come back compact.
    ///
    /// # Errors
    /// `Invalid principal …` in the words of the service, for the first [`Rewrite::Invalid`].
    pub fn rewrite_principals(
        &self,
        mut _replace: impl FnMut(PrincipalRef<'_>) -> Rewrite,
    ) -> Result<String, Finding> {
        Ok(self.text.clone())
    }
}

/// The size that IAM's quotas count: characters without space, tab, CR and LF outside strings
/// (spec P-1).
pub fn size_for_quota(text: &str) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for char in text.chars() {
        let blank = matches!(char, ' ' | '\t' | '\r' | '\n');
        if in_string || !blank {
            count += 1;
        }
        if in_string {
            (in_string, escaped) = match char {
                '"' if !escaped => (false, false),
                '\\' => (true, !escaped),
                _ => (true, false),
            };
        } else if char == '"' {
            in_string = true;
        }
    }
    count
}
