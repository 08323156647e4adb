//! Keys that customers bring with every request. AWS: Using server-side encryption with
//! customer-provided keys (SSE-C).
use std::fmt;

use aws_lc_rs::hmac;
use digest::{Algorithm, digest_of};
use seal::KeyEncryptionKey;
use zeroize::Zeroizing;

use crate::VaultError;

/// A key that a customer sent. It is used and forgotten: what is stored beside a body is a salted
/// code that knows the key again ([`check`](CustomerKey::check)).
#[derive(Clone)]
pub struct CustomerKey(Zeroizing<Vec<u8>>);

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey(hidden)")
    }
}

impl CustomerKey {
    /// Length of a key that can encrypt.
    pub const BYTES: usize = 32;

    /// The key as it was sent, of whatever length: one of another length was never used.
    pub fn from_bytes(bytes: Vec<u8>) -> CustomerKey {
        CustomerKey(Zeroizing::new(bytes))
    }

    /// Whether it can encrypt.
    pub fn has_right_length(&self) -> bool {
        self.0.len() == CustomerKey::BYTES
    }

    /// Its MD5 in base64, as requests and answers show it.
    pub fn md5(&self) -> String {
        digest_of(Algorithm::Md5, &self.0).base64()
    }

    pub(crate) fn secret(&self) -> Option<Zeroizing<[u8; 32]>> {
        let bytes = <[u8; 32]>::try_from(self.0.as_slice());
        bytes.ok().map(Zeroizing::new)
    }

    /// The code that is stored.
    pub(crate) fn check(
        &self,
        keys: &KeyEncryptionKey,
        salt: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let tag = hmac::sign(&checking_key(keys)?, &self.salted(salt));
        Ok(tag.as_ref().to_vec())
    }

    /// Whether the code is this key's, in constant time.
    pub(crate) fn has_check(
        &self,
        keys: &KeyEncryptionKey,
        salt: &[u8],
        check: &[u8],
    ) -> Result<bool, VaultError> {
        let key = checking_key(keys)?;
        Ok(hmac::verify(&key, &self.salted(salt), check).is_ok())
    }

    fn salted(&self, salt: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([salt, self.0.as_slice()].concat())
    }
}

// Under a key of the server's, so that a stolen disk alone cannot even be asked about a key.
fn checking_key(keys: &KeyEncryptionKey) -> Result<hmac::Key, VaultError> {
    let key = keys.derive(b"customer-keys")?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_that_of_one_key_one_salt_and_one_server() {
        let keys = KeyEncryptionKey::generate().unwrap();
        let key = CustomerKey::from_bytes(vec![1; 32]);
        let check = key.check(&keys, b"salt").unwrap();
        assert!(key.has_check(&keys, b"salt", &check).unwrap());
        assert!(!key.has_check(&keys, b"tlas", &check).unwrap());
        let other = CustomerKey::from_bytes(vec![2; 32]);
        assert!(!other.has_check(&keys, b"salt", &check).unwrap());
        let elsewhere = KeyEncryptionKey::generate().unwrap();
        assert!(!key.has_check(&elsewhere, b"salt", &check).unwrap());
        assert!(!key.has_check(&keys, b"salt", &[]).unwrap());
    }

    #[test]
    fn a_key_does_not_print() {
        let key = CustomerKey::from_bytes(b"very secret".to_vec());
        assert_eq!(format!("{key:?}"), "CustomerKey(hidden)");
        assert_eq!(key.md5(), "V4f7Ag9Nyaj7PiQMoTyuUg==");
        assert!(!key.has_right_length() && key.secret().is_none());
    }
}
