//! Policy documents: text to compiled policy.
use catalog::{AccountId, BucketName};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Effect;
use crate::actions::{ActionId, ActionSet};
use crate::json::{self, Node};
use crate::principal::{PrincipalWord, parse_principal};
use crate::public::is_public;
use crate::statement::{Statement, compile, has_principals};
use crate::validate::validate;

/// Where a document is used, which decides what it must and must not have (spec P-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// Known actions that some statement allows, and denies, whatever else it wants.
    allowed: ActionSet,
    denied: ActionSet,
    /// Whether statements name principals.
    names_principals: bool,
    /// Of each statement, side by side: most statements are passed over by it alone.
    known_actions: Box<[ActionSet]>,
    text: Box<str>,
    statements: Box<[Statement]>,
    /// Where each statement starts, and where what follows it does.
    positions: Box<[(Position, Position)]>,
    /// In lower case, sorted, without repetition.
    context_keys: Box<[Box<str>]>,
    is_public: bool,
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
        validate(kind, None, text)?;
        Policy::load(kind, text)
    }

    /// As [`Policy::parse`] for a bucket policy, and refuses resources of other buckets.
    ///
    /// # Errors
    /// The first finding, in AWS's order and words.
    pub fn parse_bucket(bucket: &BucketName, text: &str) -> Result<Policy, Finding> {
        validate(PolicyKind::Bucket, Some(bucket), text)?;
        Policy::load(PolicyKind::Bucket, text)
    }

    /// Reads a document that was validated when it was stored: only what evaluation cannot do
    /// without is an error. Nothing that is not understood is skipped.
    ///
    /// # Errors
    /// The document is no policy.
    pub fn load(kind: PolicyKind, text: &str) -> Result<Policy, Finding> {
        let unusable = |offset| Finding::unusable(kind, Position::of(text, offset));
        let tree = json::parse(text).map_err(|error| unusable(error.offset))?;
        let statements = compile(kind, &tree).map_err(|error| unusable(error.offset))?;
        let mut keys: Vec<Box<str>> = statements
            .iter()
            .flat_map(Statement::keys)
            .map(Box::from)
            .collect();
        keys.sort();
        keys.dedup();
        let known_actions = |effect| {
            let statements = statements.iter().filter(|s| s.effect == effect);
            statements.fold(ActionSet::default(), |all, statement| {
                all.or(&statement.known_actions)
            })
        };
        let mut reader = PositionReader::at_start_of(text);
        let positions = statements
            .iter()
            .map(|statement| (reader.go_to(statement.start), reader.go_to(statement.end)))
            .collect();
        Ok(Policy {
            kind,
            positions,
            allowed: known_actions(Effect::Allow),
            denied: known_actions(Effect::Deny),
            names_principals: has_principals(kind),
            known_actions: statements.iter().map(|s| s.known_actions).collect(),
            text: text.into(),
            is_public: statements.iter().any(is_public),
            statements: statements.into(),
            context_keys: keys.into(),
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
        match json::parse(&self.text) {
            Ok(tree) => json::print(&tree),
            // Cannot be: the text was read when the policy was made.
            Err(_) => self.text.to_string(),
        }
    }

    /// Whether S3 calls it public (spec S-9).
    pub fn is_public(&self) -> bool {
        self.is_public
    }

    /// Context keys in conditions and variables, in lower case, without repetition.
    pub fn context_keys(&self) -> impl Iterator<Item = &str> {
        self.context_keys.iter().map(|key| &**key)
    }

    /// Whether some context key starts with `prefix`, which is lower case, such as
    /// `s3:existingobjecttag/`.
    pub fn names_key_with_prefix(&self, prefix: &str) -> bool {
        let first = self.context_keys.partition_point(|key| &**key < prefix);
        let key = self.context_keys.get(first);
        key.is_some_and(|key| key.starts_with(prefix))
    }

    /// The document with principals replaced (spec P-8): ARNs to unique ids on save, and back on
    /// read. `replace` is asked for each principal, in order. Documents of IAM stay as they are but
    /// for the principals; bucket and key policies come back compact.
    ///
    /// # Errors
    /// `Invalid principal …` in the words of the service, for the first [`Rewrite::Invalid`].
    pub fn rewrite_principals(
        &self,
        mut replace: impl FnMut(PrincipalRef<'_>) -> Rewrite,
    ) -> Result<String, Finding> {
        let unusable = |offset| Finding::unusable(self.kind, Position::of(&self.text, offset));
        let tree = json::parse(&self.text).map_err(|error| unusable(error.offset))?;
        let mut out = String::with_capacity(self.text.len());
        let mut copied = 0;
        for (word, node) in principal_nodes(&tree) {
            let Some(text) = node.text() else { continue };
            let principal = match PrincipalWord::parse(word) {
                Some(word) => parse_principal(word, text),
                None if text == "*" => Some(PrincipalRef::Everyone),
                None => None,
            };
            match principal.map_or(Rewrite::Invalid, &mut replace) {
                Rewrite::Keep => {}
                Rewrite::Replace(replacement) => {
                    out.push_str(self.text.get(copied..node.start).unwrap_or_default());
                    out.push_str(&json::quote(&replacement));
                    copied = node.end;
                }
                Rewrite::Invalid => {
                    let position = Position::of(&self.text, node.start);
                    return Err(Finding::invalid_principal(self.kind, word, text, position));
                }
            }
        }
        out.push_str(self.text.get(copied..).unwrap_or_default());
        match self.kind {
            PolicyKind::Bucket | PolicyKind::Key => {
                let tree = json::parse(&out).map_err(|error| unusable(error.offset))?;
                Ok(json::print(&tree))
            }
            PolicyKind::Identity
            | PolicyKind::Managed
            | PolicyKind::Session
            | PolicyKind::Trust
            | PolicyKind::ServiceControl
            | PolicyKind::ResourceControl
            | PolicyKind::VpcEndpoint => Ok(out),
        }
    }

    /// Whether some statement can deny the action or, unless the layer `allows` it already, allow
    /// it. Always for actions that are not known.
    pub(crate) fn can_say_more(&self, action: Option<ActionId>, allows: bool) -> bool {
        let Some(action) = action else { return true };
        let wants_allows = !allows || self.names_principals;
        self.denied.contains(action) || (wants_allows && self.allowed.contains(action))
    }

    /// Whether the actions of a statement hold for the action. Always for those that are not known.
    pub(crate) fn may_be_about(&self, statement: usize, action: Option<ActionId>) -> bool {
        match (action, self.known_actions.get(statement)) {
            (Some(action), Some(known)) => known.contains(action),
            (None, _) | (_, None) => true,
        }
    }

    /// The document with unique ids as ARNs again, for showing: as its author wrote it. Ids that
    /// `arn_of` does not know, of deleted principals, stay, as on AWS (spec P-8).
    pub fn text_with_arns(&self, arn_of: impl Fn(&str) -> Option<String>) -> String {
        let text = self.rewrite_principals(|principal| match principal {
            PrincipalRef::UniqueId(id) => match arn_of(id) {
                Some(arn) => Rewrite::Replace(arn),
                None => Rewrite::Keep,
            },
            PrincipalRef::Everyone
            | PrincipalRef::Account { .. }
            | PrincipalRef::User { .. }
            | PrincipalRef::Role { .. }
            | PrincipalRef::RoleSession { .. }
            | PrincipalRef::FederatedUser { .. }
            | PrincipalRef::CanonicalUser(_)
            | PrincipalRef::Service(_)
            | PrincipalRef::Federated(_) => Rewrite::Keep,
        });
        text.unwrap_or_else(|_| self.text.to_string())
    }

    pub(crate) fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Where a statement starts, and where what follows it does.
    pub(crate) fn positions(&self, statement: usize) -> (Position, Position) {
        let start = Position { line: 1, column: 1 };
        let found = self.positions.get(statement);
        found.copied().unwrap_or((start, start))
    }
}

/// Finds positions one behind the other, so that the text is read once for all of them.
struct PositionReader<'t> {
    text: &'t str,
    offset: usize,
    position: Position,
}

impl<'t> PositionReader<'t> {
    fn at_start_of(text: &'t str) -> PositionReader<'t> {
        PositionReader {
            text,
            offset: 0,
            position: Position { line: 1, column: 1 },
        }
    }

    /// The position of an offset that is not before the last one.
    fn go_to(&mut self, offset: usize) -> Position {
        let passed = self.text.get(self.offset..offset).unwrap_or_default();
        for char in passed.chars() {
            self.position = match char {
                '\n' => Position {
                    line: self.position.line + 1,
                    column: 1,
                },
                _ => Position {
                    column: self.position.column + 1,
                    ..self.position
                },
            };
        }
        self.offset = self.offset.max(offset);
        self.position
    }
}

/// The name that a [`Policy`] has for serializers, with its fields `kind` and `text`. The journal
/// knows documents by it, to write each of them once.
pub const SERIALIZED_NAME: &str = "PolicyDocument";

/// A policy as it is stored: what it was made from.
#[derive(Serialize, Deserialize)]
#[serde(rename = "PolicyDocument")]
struct Stored<'a> {
    kind: PolicyKind,
    text: std::borrow::Cow<'a, str>,
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = Stored {
            kind: self.kind,
            text: (&*self.text).into(),
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Policy, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        Policy::load(stored.kind, &stored.text).map_err(<D::Error as serde::de::Error>::custom)
    }
}

/// Two policies are the same if they were made from the same document for the same use.
impl PartialEq for Policy {
    fn eq(&self, other: &Policy) -> bool {
        self.kind == other.kind && self.text == other.text
    }
}

impl Position {
    pub(crate) fn of(text: &str, offset: usize) -> Position {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}

/// Every principal with the word before it (empty for a bare `"*"`), in order.
pub(crate) fn principal_nodes(tree: &Node) -> Vec<(&str, &Node)> {
    let statements = tree.get("Statement").map_or(&[][..], Node::items);
    let mut found = Vec::new();
    for member in statements.iter().filter_map(Node::members).flatten() {
        if !matches!(&*member.name, "Principal" | "NotPrincipal") {
            continue;
        }
        match member.node.members() {
            None => found.push(("", &member.node)),
            Some(words) => found.extend(
                words
                    .iter()
                    .flat_map(|word| word.node.items().iter().map(|node| (&*word.name, node))),
            ),
        }
    }
    found
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_count_all_but_blanks_outside_strings() {
        assert_eq!(size_for_quota(" { \"a b\" :\t\"\\\" \\\\\"\r\n} "), 15);
    }

    #[test]
    fn positions_are_found_in_one_reading() {
        let text = r#"{"Statement":[{"Effect":"Deny","Action":"é:*","Resource":"*"},
  {"Effect":"Deny",
   "Action":"b:*","Resource":"*"}
 ,{"Effect":"Deny","Action":"ü:*","Resource":"*"}]}"#;
        let policy = Policy::load(PolicyKind::Identity, text).unwrap();
        assert_eq!(policy.statements().len(), 3);
        for (at, statement) in policy.statements().iter().enumerate() {
            let wanted = [statement.start, statement.end].map(|at| Position::of(text, at));
            assert_eq!(<[_; 2]>::from(policy.positions(at)), wanted);
        }
    }

    fn ids(principal: PrincipalRef<'_>) -> Rewrite {
        match principal {
            PrincipalRef::User { arn, .. } if arn.ends_with("user/team/al") => {
                Rewrite::Replace("AIDAAAAAAAAAAAAAAAAA".to_owned())
            }
            PrincipalRef::User { .. } | PrincipalRef::UniqueId(_) => Rewrite::Invalid,
            PrincipalRef::Account { id, .. } => Rewrite::Replace(id.root_arn()),
            PrincipalRef::Everyone
            | PrincipalRef::Role { .. }
            | PrincipalRef::RoleSession { .. }
            | PrincipalRef::FederatedUser { .. }
            | PrincipalRef::CanonicalUser(_)
            | PrincipalRef::Service(_)
            | PrincipalRef::Federated(_) => Rewrite::Keep,
        }
    }

    #[test]
    fn trust_policies_keep_their_blanks_when_principals_become_ids() {
        let text = r#"{ "Statement" : [ {
            "Principal": { "AWS" : [ "arn:aws:iam::111111111111:user/team/al",
                "222222222222" ], "Service": "ec2.amazonaws.com" },
            "Effect": "Allow", "Action": "sts:AssumeRole" } ], "Version": "2012-10-17" }"#;
        let policy = Policy::parse(PolicyKind::Trust, text).unwrap();
        let wanted = text
            .replace(
                "arn:aws:iam::111111111111:user/team/al",
                "AIDAAAAAAAAAAAAAAAAA",
            )
            .replace("222222222222", "arn:aws:iam::222222222222:root");
        assert_eq!(policy.rewrite_principals(ids).unwrap(), wanted);
        Policy::load(PolicyKind::Trust, &wanted).unwrap();
    }

    #[test]
    fn bucket_policies_come_back_compact_and_in_order() {
        let text = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny",
            "Action": ["s3:GetObject"], "Principal": {"AWS": "111111111111"},
            "Resource": "arn:aws:s3:::b/*"}}"#;
        let policy = Policy::parse(PolicyKind::Bucket, text).unwrap();
        assert_eq!(
            policy.rewrite_principals(ids).unwrap(),
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":["s3:GetObject"],"Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Resource":"arn:aws:s3:::b/*"}}"#
        );
    }

    #[test]
    fn principals_that_are_not_there_are_named_in_the_words_of_the_service() {
        let text = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111111111111:user/gone"},
            "Action": "sts:AssumeRole"}}"#;
        let policy = Policy::parse(PolicyKind::Trust, text).unwrap();
        let finding = policy.rewrite_principals(ids).unwrap_err();
        assert_eq!(
            finding.message,
            r#"Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:user/gone""#
        );
        let position = Position {
            line: 2,
            column: 34,
        };
        assert_eq!(
            (finding.code, finding.position),
            ("MalformedPolicyDocument", Some(position))
        );

        let text = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
            "Principal": {"AWS": "AIDAORPHANORPHANORPH"}, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::b/*"}}"#;
        let policy = Policy::parse(PolicyKind::Bucket, text).unwrap();
        let finding = policy.rewrite_principals(ids).unwrap_err();
        assert_eq!(finding.message, "Invalid principal in policy");
        assert_eq!(
            finding.detail.as_deref(),
            Some(r#""AWS" : "AIDAORPHANORPHANORPH""#)
        );
    }

    #[test]
    fn context_keys_of_conditions_and_variables_are_known() {
        let text = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/${aws:userName}/*",
            "Condition": {"StringEquals": {"s3:ExistingObjectTag/Team": "${aws:PrincipalTag/Team}"}}}}"#;
        let policy = Policy::load(PolicyKind::Identity, text).unwrap();
        let keys: Vec<_> = policy.context_keys().collect();
        assert_eq!(
            keys,
            [
                "aws:principaltag/team",
                "aws:username",
                "s3:existingobjecttag/team"
            ]
        );
        assert!(policy.names_key_with_prefix("s3:existingobjecttag/"));
        assert!(!policy.names_key_with_prefix("s3:requestobjecttag/"));
    }
}
