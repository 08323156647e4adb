//! Secrets and the keys derived from them.

use aws_lc_rs::{constant_time, hmac};
use zeroize::{Zeroize, Zeroizing};

use crate::sigv4::Scope;

/// A secret access key. It cannot be printed or cloned and is overwritten when dropped.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over a copy of the text; the caller overwrites its own.
    #[must_use]
    pub fn new(secret: &str) -> Secret {
        Secret(Zeroizing::new(secret.to_owned()))
    }

    /// Whether it is this text, compared in constant time.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        constant_time::verify_slices_are_equal(self.bytes(), text.as_bytes()).is_ok()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The key for all requests of one day, region and service.
    #[must_use]
    pub fn signing_key(&self, scope: &Scope) -> SigningKey {
        let mut first = Zeroizing::new(Vec::with_capacity(4 + self.0.len()));
        first.extend_from_slice(b"AWS4");
        first.extend_from_slice(self.0.as_bytes());
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, &first);
        for part in [&scope.date, &scope.region, &scope.service, "aws4_request"] {
            let mut derived = Zeroizing::new([0_u8; 32]);
            let tag = hmac::sign(&key, part.as_bytes());
            for (to, from) in derived.iter_mut().zip(tag.as_ref()) {
                *to = *from;
            }
            key = hmac::Key::new(hmac::HMAC_SHA256, derived.as_slice());
        }
        SigningKey(key)
    }
}

/// A derived key. It signs for one day, region and service only, so it may be cached for that long.
#[derive(Clone)]
pub struct SigningKey(hmac::Key);

impl SigningKey {
    /// The signature of a string to sign, in lower-case hex.
    #[must_use]
    pub fn sign(&self, to_sign: &[u8]) -> String {
        hex::encode(hmac::sign(&self.0, to_sign).as_ref())
    }

    /// Whether `signature` (hex as sent) is right; in constant time for signatures of the right length.
    #[must_use]
    pub fn matches(&self, to_sign: &[u8], signature: &str) -> bool {
        let mut right = self.sign(to_sign).into_bytes();
        let same = constant_time::verify_slices_are_equal(&right, signature.as_bytes()).is_ok();
        // The right signature of a forged request is as good as a key for it.
        right.zeroize();
        same
    }
}
