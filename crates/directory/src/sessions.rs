//! Session tokens: sealed, self-contained, never written anywhere.
use seal::{KeyEncryptionKey, SealError};
use zeroize::Zeroizing;

/// The keys of session tokens, derived from the key-encryption key.
pub(crate) struct SessionKeys {
    pub(crate) token: Zeroizing<[u8; 32]>,
    pub(crate) secret: Zeroizing<[u8; 32]>,
}

impl SessionKeys {
    pub(crate) fn derive(keys: &KeyEncryptionKey) -> Result<SessionKeys, SealError> {
        Ok(SessionKeys {
            token: keys.derive(b"session-token")?,
            secret: keys.derive(b"session-secret")?,
        })
    }
}
