//! The keys of bodies, from the key-encryption key down to a part.
//!
//! An object, or an upload, has a random data key. A record holds it sealed under the
//! key-encryption key for the object's own name and bucket, so a sealed key cannot be moved to
//! another record. Each part is encrypted with a key of its own, derived from the data key and a
//! random salt, so that a part that is uploaded again never meets a nonce twice.
//!
//! Where the customer brings a key with every request (SSE-C), the data key is encrypted under that
//! one first: it takes both keys to open it.
//!
//! A copy names the body that is there already: its record has the same data key, sealed for its
//! own name. A part that is copied so into an upload, which has a data key of its own, brings the
//! key that it was encrypted with, wrapped under the upload's. See decision 0009.
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use engine::BucketId;
use seal::KeyEncryptionKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypt::{CryptError, PartKey};
use crate::{CustomerKey, VaultError};

/// Length of a part's salt.
pub(crate) const SALT_BYTES: usize = 16;

/// What a key belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) bucket: BucketId,
    pub(crate) key: String,
}

impl Place {
    fn context(&self) -> Vec<u8> {
        let mut context = b"object-data-key/".to_vec();
        context.extend_from_slice(&self.bucket.0.to_be_bytes());
        context.extend_from_slice(self.key.as_bytes());
        context
    }
}

/// A data key as a record holds it: (sealed key, salt, check). Salt and check are there where it
/// takes the customer's key too to open it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SealedKey(
    #[serde(with = "serde_bytes")] Vec<u8>,
    #[serde(with = "serde_bytes", default, skip_serializing_if = "Vec::is_empty")] Vec<u8>,
    #[serde(with = "serde_bytes", default, skip_serializing_if = "Vec::is_empty")] Vec<u8>,
);

impl SealedKey {
    pub(crate) fn needs_customer_key(&self) -> bool {
        !self.2.is_empty()
    }

    /// Tells one write from another, also of one body: a key is sealed anew for each write, with a
    /// random nonce at its start.
    pub(crate) fn mark(&self) -> String {
        hex::encode(self.0.iter().take(NONCE_LEN).copied().collect::<Vec<u8>>())
    }

    /// Makes sure that this is the key that was brought when it was sealed.
    pub(crate) fn check(
        &self,
        keys: &KeyEncryptionKey,
        customer: Option<&CustomerKey>,
    ) -> Result<(), VaultError> {
        let SealedKey(_, salt, check) = self;
        match (self.needs_customer_key(), customer) {
            (false, None) => Ok(()),
            (false, Some(_)) => Err(VaultError::CustomerKeyNotApplicable),
            (true, None) => Err(VaultError::CustomerKeyMissing),
            (true, Some(customer)) => match customer.has_check(keys, salt, check)? {
                true => Ok(()),
                false => Err(VaultError::CustomerKeyWrong),
            },
        }
    }
}

/// How the key of a stored part is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartKeying {
    pub(crate) salt: Vec<u8>,
    /// The key itself, wrapped under the data key; empty where it is derived from the data key.
    pub(crate) wrapped: Vec<u8>,
}

/// A secret of 256 bits.
type Secret = Zeroizing<[u8; 32]>;

/// The data key of an object or upload.
#[derive(Clone)]
pub(crate) struct DataKey(Secret);

impl DataKey {
    /// A new random one.
    pub(crate) fn generate() -> Result<DataKey, seal::SealError> {
        Ok(DataKey(Zeroizing::new(seal::random::<32>()?)))
    }

    /// Its form in the record of `place`.
    pub(crate) fn seal(
        &self,
        keys: &KeyEncryptionKey,
        place: &Place,
        customer: Option<&CustomerKey>,
    ) -> Result<SealedKey, VaultError> {
        let Some(customer) = customer else {
            let sealed = keys.seal(&place.context(), self.0.as_slice())?;
            return Ok(SealedKey(sealed, Vec::new(), Vec::new()));
        };
        let salt = seal::random::<SALT_BYTES>()?.to_vec();
        let wrapped = wrap(&customers_wrapping_key(customer, &salt)?, &self.0)?;
        Ok(SealedKey(
            keys.seal(&place.context(), &wrapped)?,
            salt.clone(),
            customer.check(keys, &salt)?,
        ))
    }

    /// Opens a sealed one.
    ///
    /// # Errors
    /// [`VaultError::CustomerKeyMissing`], [`VaultError::CustomerKeyWrong`],
    /// [`VaultError::CustomerKeyNotApplicable`]; or it was sealed elsewhere.
    pub(crate) fn open(
        keys: &KeyEncryptionKey,
        place: &Place,
        sealed: &SealedKey,
        customer: Option<&CustomerKey>,
    ) -> Result<DataKey, VaultError> {
        sealed.check(keys, customer)?;
        let SealedKey(bytes, salt, _) = sealed;
        let bytes = keys.open(&place.context(), bytes)?;
        if let Some(customer) = customer {
            let under = customers_wrapping_key(customer, salt)?;
            return Ok(DataKey(unwrap(&under, &bytes)?));
        }
        let bytes = <[u8; 32]>::try_from(bytes.as_slice());
        let bytes = bytes.map_err(|_| CryptError::DoesNotOpen)?;
        Ok(DataKey(Zeroizing::new(bytes)))
    }

    /// The key of a new part.
    pub(crate) fn new_part(&self, salt: &[u8]) -> Result<PartKey, CryptError> {
        PartKey::new(&derive(&self.0, salt, b"strongroom/part")?)
    }

    /// The key of a part that is stored.
    pub(crate) fn part(&self, part: &PartKeying) -> Result<PartKey, CryptError> {
        PartKey::new(&self.part_secret(part)?)
    }

    fn part_secret(&self, part: &PartKeying) -> Result<Secret, CryptError> {
        if part.wrapped.is_empty() {
            return derive(&self.0, &part.salt, b"strongroom/part");
        }
        unwrap(&derive(&self.0, &part.salt, WRAPPING)?, &part.wrapped)
    }

    /// Takes a part of another body in: the same key, found by this data key.
    pub(crate) fn adopt(&self, of: &DataKey, part: &PartKeying) -> Result<PartKeying, CryptError> {
        let secret = of.part_secret(part)?;
        let salt = seal::random::<SALT_BYTES>().map_err(|_| CryptError::CannotSeal)?;
        Ok(PartKeying {
            wrapped: wrap(&derive(&self.0, &salt, WRAPPING)?, &secret)?,
            salt: salt.to_vec(),
        })
    }
}

const WRAPPING: &[u8] = b"strongroom/wrapped-part";

fn derive(secret: &Secret, salt: &[u8], purpose: &[u8]) -> Result<Secret, CryptError> {
    let mut bytes = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret.as_slice())
        .expand(&[purpose], hkdf::HKDF_SHA256)
        .and_then(|output| output.fill(bytes.as_mut_slice()))
        .map_err(|_| CryptError::CannotSeal)?;
    Ok(bytes)
}

fn customers_wrapping_key(customer: &CustomerKey, salt: &[u8]) -> Result<Secret, CryptError> {
    let secret = customer.secret().ok_or(CryptError::CannotSeal)?;
    derive(&secret, salt, b"strongroom/customer-key")
}

fn wrapping_key(under: &Secret) -> Result<LessSafeKey, CryptError> {
    let key = UnboundKey::new(&AES_256_GCM, under.as_slice());
    Ok(LessSafeKey::new(key.map_err(|_| CryptError::CannotSeal)?))
}

// INVARIANT: `under` was derived with a salt of its own and wraps one secret, so one nonce will do.
fn wrapping_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

fn wrap(under: &Secret, secret: &Secret) -> Result<Vec<u8>, CryptError> {
    let mut wrapped = secret.to_vec();
    wrapping_key(under)?
        .seal_in_place_append_tag(wrapping_nonce(), Aad::empty(), &mut wrapped)
        .map_err(|_| CryptError::CannotSeal)?;
    Ok(wrapped)
}

fn unwrap(under: &Secret, wrapped: &[u8]) -> Result<Secret, CryptError> {
    let mut bytes = Zeroizing::new(wrapped.to_vec());
    let opened = wrapping_key(under)?
        .open_in_place(wrapping_nonce(), Aad::empty(), &mut bytes)
        .map_err(|_| CryptError::DoesNotOpen)?;
    let secret = <[u8; 32]>::try_from(&*opened).map_err(|_| CryptError::DoesNotOpen)?;
    Ok(Zeroizing::new(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(key: &str) -> Place {
        Place {
            bucket: BucketId(7),
            key: key.to_owned(),
        }
    }

    #[test]
    fn a_sealed_key_opens_in_its_own_record_alone() {
        let kek = KeyEncryptionKey::generate().unwrap();
        let key = DataKey::generate().unwrap();
        let sealed = key.seal(&kek, &place("a"), None).unwrap();
        let open = |place, sealed| DataKey::open(&kek, &place, sealed, None);
        assert_eq!(open(place("a"), &sealed).unwrap().0, key.0);
        assert!(open(place("b"), &sealed).is_err());
        let elsewhere = Place {
            bucket: BucketId(8),
            ..place("a")
        };
        assert!(open(elsewhere, &sealed).is_err());
        // Sealed anew, it opens in the copy's record, and is the same.
        let copy = key.seal(&kek, &place("b"), None).unwrap();
        assert_eq!(open(place("b"), &copy).unwrap().0, key.0);
    }

    #[test]
    fn a_customers_key_opens_what_was_sealed_with_it_and_nothing_else_does() {
        let kek = KeyEncryptionKey::generate().unwrap();
        let key = DataKey::generate().unwrap();
        let [mine, other] = [1, 2].map(|byte| CustomerKey::from_bytes(vec![byte; 32]));
        let open = |sealed: &SealedKey, customer| {
            DataKey::open(&kek, &place("a"), sealed, customer).map(|key| key.0)
        };
        let sealed = key.seal(&kek, &place("a"), Some(&mine)).unwrap();
        assert_eq!(open(&sealed, Some(&mine)).unwrap(), key.0);
        let wrong = open(&sealed, Some(&other)).unwrap_err();
        assert!(matches!(wrong, VaultError::CustomerKeyWrong));
        let missing = open(&sealed, None).unwrap_err();
        assert!(matches!(missing, VaultError::CustomerKeyMissing));
        // With the check of another key it still does not open.
        let SealedKey(bytes, salt, _) = sealed.clone();
        let forged = SealedKey(bytes, salt.clone(), other.check(&kek, &salt).unwrap());
        assert!(matches!(
            open(&forged, Some(&other)).unwrap_err(),
            VaultError::Crypt(CryptError::DoesNotOpen)
        ));
        let plain = key.seal(&kek, &place("a"), None).unwrap();
        let needless = open(&plain, Some(&mine)).unwrap_err();
        assert!(matches!(needless, VaultError::CustomerKeyNotApplicable));
        let stored = serde_json::to_string(&plain).unwrap();
        let read: SealedKey = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, plain);
    }

    #[test]
    fn a_part_that_was_taken_in_has_the_key_that_it_was_encrypted_with() {
        let (one, two, three) = (
            DataKey::generate().unwrap(),
            DataKey::generate().unwrap(),
            DataKey::generate().unwrap(),
        );
        let part = PartKeying {
            salt: vec![3; SALT_BYTES],
            wrapped: Vec::new(),
        };
        let secret = one.part_secret(&part).unwrap();
        let in_two = two.adopt(&one, &part).unwrap();
        assert_eq!(two.part_secret(&in_two).unwrap(), secret);
        assert!(one.part_secret(&in_two).is_err());
        let in_three = three.adopt(&two, &in_two).unwrap();
        assert_eq!(three.part_secret(&in_three).unwrap(), secret);
        for index in 0..in_two.wrapped.len() {
            let mut changed = in_two.clone();
            changed.wrapped[index] ^= 1;
            assert!(two.part_secret(&changed).is_err());
        }
    }
}
