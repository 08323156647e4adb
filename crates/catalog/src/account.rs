//! Account ids and canonical user ids.
use std::fmt;

use serde::{Deserialize, Serialize};

/// A 12-digit AWS account id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(u64); // INVARIANT: below 10^12.

/// The text is not an account id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an account id: it takes 1 to 12 digits")]
pub struct InvalidAccountId(String);

impl AccountId {
    /// Reads 1 to 12 digits; fewer than 12 are padded with zeros on the left.
    pub fn parse(text: &str) -> Result<AccountId, InvalidAccountId> {
        let digits = (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits => Ok(AccountId(number)),
            _ => Err(InvalidAccountId(text.to_owned())),
        }
    }

    /// Reads exactly 12 digits, as request parameters must have them.
    pub fn parse_exact(text: &str) -> Result<AccountId, InvalidAccountId> {
        if text.len() == 12 {
            AccountId::parse(text)
        } else {
            Err(InvalidAccountId(text.to_owned()))
        }
    }

    /// The id as a number below 10^12.
    pub fn number(self) -> u64 {
        self.0
    }

    /// `arn:aws:iam::ACCOUNT:root`.
    pub fn root_arn(self) -> String {
        format!("arn:aws:iam::{self}:root")
    }
}

impl TryFrom<u64> for AccountId {
    type Error = InvalidAccountId;
    fn try_from(number: u64) -> Result<AccountId, InvalidAccountId> {
        if number < 1_000_000_000_000 {
            Ok(AccountId(number))
        } else {
            Err(InvalidAccountId(number.to_string()))
        }
    }
}

impl TryFrom<String> for AccountId {
    type Error = InvalidAccountId;
    fn try_from(text: String) -> Result<AccountId, InvalidAccountId> {
        AccountId::parse(&text)
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> String {
        id.to_string()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({self})")
    }
}

/// The S3 name of an account: 64 lower-case hex digits (spec S-11).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CanonicalUserId(String);

/// The text is not a canonical user id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a canonical user id has 64 lower-case hex digits")]
pub struct InvalidCanonicalUserId;

impl CanonicalUserId {
    /// Reads 64 lower-case hex digits.
    pub fn parse(text: &str) -> Result<CanonicalUserId, InvalidCanonicalUserId> {
        let hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() == 64 && hex {
            Ok(CanonicalUserId(text.to_owned()))
        } else {
            Err(InvalidCanonicalUserId)
        }
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CanonicalUserId {
    type Error = InvalidCanonicalUserId;
    fn try_from(text: String) -> Result<CanonicalUserId, InvalidCanonicalUserId> {
        CanonicalUserId::parse(&text)
    }
}

impl From<CanonicalUserId> for String {
    fn from(id: CanonicalUserId) -> String {
        id.0
    }
}

impl fmt::Display for CanonicalUserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_account_ids_are_padded_with_zeros() {
        assert_eq!(
            AccountId::parse("8675309").unwrap().to_string(),
            "000008675309"
        );
        assert!(AccountId::parse_exact("8675309").is_err());
    }

    #[test]
    fn what_is_not_one_to_twelve_digits_is_no_account_id() {
        for text in ["", "1234567890123", "12345678901x", "+12", "-1", " 1"] {
            assert!(AccountId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn canonical_user_ids_have_64_lower_case_hex_digits() {
        assert!(CanonicalUserId::parse(&"a".repeat(64)).is_ok());
        assert!(CanonicalUserId::parse(&"A".repeat(64)).is_err());
        assert!(CanonicalUserId::parse(&"a".repeat(63)).is_err());
    }
}
