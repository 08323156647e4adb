//! Unique ids and access keys, as AWS mints them (spec 2).
//!
//! The account is part of every id, so that whoever sees an access key id knows the account.
use catalog::AccountId;
use seal::SealError;
use zeroize::Zeroizing;

use base64::Engine as _;

/// What an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdPrefix {
    /// `AIDA`
    User,
    /// `AROA`
    Role,
    /// `AGPA`
    Group,
    /// `ANPA`
    ManagedPolicy,
    /// `AIPA`
    InstanceProfile,
    /// `AKIA`
    AccessKey,
    /// `ASIA`
    TemporaryAccessKey,
}

impl IdPrefix {
    /// The four letters.
    pub fn letters(self) -> &'static str {
        match self {
            IdPrefix::User => "AIDA",
            IdPrefix::Role => "AROA",
            IdPrefix::Group => "AGPA",
            IdPrefix::ManagedPolicy => "ANPA",
            IdPrefix::InstanceProfile => "AIPA",
            IdPrefix::AccessKey => "AKIA",
            IdPrefix::TemporaryAccessKey => "ASIA",
        }
    }

    fn is_access_key(self) -> bool {
        matches!(self, IdPrefix::AccessKey | IdPrefix::TemporaryAccessKey)
    }
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Set in the first six bytes of every id that holds its account; older ids of AWS lack it.
const HOLDS_ACCOUNT: u64 = 1 << 47;
/// The bits of the first six bytes that hold the account.
const ACCOUNT_BITS: u64 = 0x7fff_ffff_ff80;

/// A new id: 20 characters for access keys, 21 for all others.
///
/// # Errors
/// The operating system gave no randomness.
pub fn mint(prefix: IdPrefix, account: AccountId) -> Result<String, SealError> {
    Ok(mint_from(prefix, account, seal::random()?))
}

/// The id with this number, for access keys that everybody may know.
pub(crate) fn well_known(prefix: IdPrefix, account: AccountId, number: u8) -> String {
    mint_from(prefix, account, [0, 0, 0, 0, number, 0])
}

fn mint_from(prefix: IdPrefix, account: AccountId, random: [u8; 6]) -> String {
    let [low, a, b, c, d, last] = random;
    let value = HOLDS_ACCOUNT | account.number() << 7 | u64::from(low & 0x7f);
    let [_, _, v0, v1, v2, v3, v4, v5] = value.to_be_bytes();
    let mut id = String::with_capacity(21);
    id.push_str(prefix.letters());
    encode(&[v0, v1, v2, v3, v4, v5, a, b, c, d], &mut id);
    if !prefix.is_access_key() {
        id.push(digit(last));
    }
    id
}

/// The account in an access key id; `None` for what is no access key id, or an old one of AWS.
pub fn account_of(access_key_id: &str) -> Option<AccountId> {
    let rest = access_key_id
        .strip_prefix(IdPrefix::AccessKey.letters())
        .or_else(|| access_key_id.strip_prefix(IdPrefix::TemporaryAccessKey.letters()))?;
    if rest.len() != 16 {
        return None;
    }
    account_in(rest)
}

/// The account in the unique id of a user or role that was made here.
pub(crate) fn account_of_unique_id(id: &str) -> Option<AccountId> {
    let rest = id
        .strip_prefix(IdPrefix::User.letters())
        .or_else(|| id.strip_prefix(IdPrefix::Role.letters()))?;
    if rest.len() != 17 {
        return None;
    }
    account_in(rest)
}

/// The account in the digits behind the prefix of an id.
fn account_in(rest: &str) -> Option<AccountId> {
    // Six bytes are 48 bits: ten digits hold 50.
    let mut bits = 0_u64;
    for byte in rest.bytes() {
        BASE32.iter().position(|digit| *digit == byte)?;
    }
    for byte in rest.bytes().take(10) {
        let value = BASE32.iter().position(|digit| *digit == byte)?;
        bits = bits << 5 | value as u64;
    }
    let value = bits >> 2;
    if value & HOLDS_ACCOUNT == 0 {
        return None;
    }
    let account = (value & ACCOUNT_BITS) >> 7;
    AccountId::parse(&account.to_string()).ok()
}

fn digit(value: u8) -> char {
    BASE32
        .get(usize::from(value & 31))
        .map_or('A', |digit| char::from(*digit))
}

fn encode(bytes: &[u8; 10], to: &mut String) {
    let (mut bits, mut count) = (0_u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            to.push(digit((bits >> count & 31) as u8));
        }
        bits &= (1 << count) - 1;
    }
}

/// A secret access key: 40 characters of the base64 alphabet. It does not print.
#[expect(
    missing_debug_implementations,
    reason = "a secret that could be printed would be"
)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A new random one.
    ///
    /// # Errors
    /// The operating system gave no randomness.
    pub fn generate() -> Result<Secret, SealError> {
        Ok(Secret::from_bytes(&Zeroizing::new(seal::random::<30>()?)))
    }

    pub(crate) fn from_bytes(bytes: &[u8; 30]) -> Secret {
        Secret(Zeroizing::new(
            base64::engine::general_purpose::STANDARD.encode(bytes),
        ))
    }

    pub(crate) fn from_text(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }

    /// The secret itself: for computing signatures, and for the one answer that tells it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_account_of_a_known_key_is_read() {
        let account = account_of("ASIAQNZGKIQY56JQ7WML").unwrap();
        assert_eq!(account.to_string(), "029608264753");
    }

    #[test]
    fn what_is_no_access_key_id_has_no_account() {
        for text in [
            "",
            "AKIA",
            "AKIAQNZGKIQY56JQ7WM",
            "AKIAQNZGKIQY56JQ7WM1",
            "AIDAQNZGKIQY56JQ7WML",
            "AKIAIOSFODNN7EXAMPLE",
        ] {
            assert_eq!(account_of(text), None, "{text}");
        }
    }

    #[test]
    fn secrets_have_40_characters() {
        assert_eq!(Secret::generate().unwrap().expose().len(), 40);
    }

    proptest! {
        #[test]
        fn the_account_comes_back_out_of_an_id(
            number in 0_u64..1_000_000_000_000,
            random: [u8; 6],
        ) {
            let account = AccountId::parse(&number.to_string()).unwrap();
            let key = mint_from(IdPrefix::AccessKey, account, random);
            prop_assert_eq!(key.len(), 20);
            prop_assert_eq!(account_of(&key), Some(account));
            prop_assert_eq!(mint_from(IdPrefix::User, account, random).len(), 21);
        }
    }
}
