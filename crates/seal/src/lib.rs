//! Envelopes under the key-encryption key: what is secret is encrypted at rest.
//!
//! [`KeyEncryptionKey::seal`] encrypts small things (access key secrets, data keys of objects,
//! session tokens) with AES-256-GCM, bound to a context, so that a sealed value cannot be moved
//! to another place. It is not for bodies: those are encrypted by data keys that are sealed here.
//!
//! ```
//! let key = seal::KeyEncryptionKey::generate()?;
//! let sealed = key.seal(b"access-key/AKIA", b"secret")?;
//! assert_eq!(key.open(b"access-key/AKIA", &sealed)?.as_slice(), b"secret");
//! assert!(key.open(b"access-key/OTHER", &sealed).is_err());
//! # Ok::<(), seal::SealError>(())
//! ```
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf;
use zeroize::Zeroizing;

/// What can go wrong. No variant carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The value was not sealed with this key in this context, or was changed.
    #[error("a sealed value does not open with this key: wrong key file, or the data was changed")]
    DoesNotOpen,
    /// The operating system gave no randomness.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// The key file cannot be read or written.
    #[error("the key file `{path}` cannot be used: {source}")]
    KeyFile {
        /// Its path.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The key file's content is no key.
    #[error("the key file `{path}` must hold 64 hex digits")]
    KeyFileMalformed {
        /// Its path.
        path: String,
    },
}

/// The key-encryption key: 256 bits that do not live with the data.
pub struct KeyEncryptionKey {
    key: RandomizedNonceKey,
    bytes: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyEncryptionKey(hidden)")
    }
}

impl KeyEncryptionKey {
    /// A new random key.
    pub fn generate() -> Result<KeyEncryptionKey, SealError> {
        KeyEncryptionKey::from_bytes(Zeroizing::new(random()?))
    }

    fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Result<KeyEncryptionKey, SealError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes.as_slice())
            .map_err(|_| SealError::DoesNotOpen)?;
        Ok(KeyEncryptionKey { key, bytes })
    }

    /// Reads the key file: 64 hex digits.
    pub fn read(path: &Path) -> Result<KeyEncryptionKey, SealError> {
        let shown = path.display().to_string();
        let mut text = Zeroizing::new(String::new());
        File::open(path)
            .and_then(|mut file| file.read_to_string(&mut text))
            .map_err(|source| SealError::KeyFile {
                path: shown.clone(),
                source,
            })?;
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice())
            .map_err(|_| SealError::KeyFileMalformed { path: shown })?;
        KeyEncryptionKey::from_bytes(bytes)
    }

    /// Makes a new key and writes it to a file that did not exist, readable by its owner only,
    /// synced with its directory before this returns.
    pub fn create(path: &Path) -> Result<KeyEncryptionKey, SealError> {
        let key = KeyEncryptionKey::generate()?;
        let text = Zeroizing::new(hex::encode(key.bytes.as_slice()));
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.write_all(b"\n")?;
                file.sync_all()
            })
            .and_then(|()| File::open(directory)?.sync_all())
            .map_err(|source| SealError::KeyFile {
                path: path.display().to_string(),
                source,
            })?;
        Ok(key)
    }

    /// Encrypts `secret` for `context`; the context is needed to open it.
    pub fn seal(&self, context: &[u8], secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealed = Vec::with_capacity(NONCE_LEN + secret.len() + 16);
        let mut body = secret.to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(context), &mut body)
            .map_err(|_| SealError::NoRandomness)?;
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Decrypts what [`seal`](Self::seal) made for the same context.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (nonce, body) = sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(SealError::DoesNotOpen)?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(context),
                &mut body,
            )
            .map_err(|_| SealError::DoesNotOpen)?
            .len();
        body.truncate(length);
        Ok(body)
    }

    /// A key of its own for `purpose`, such as session tokens, derived by HKDF-SHA-256.
    pub fn derive(&self, purpose: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let mut bytes = Zeroizing::new([0; 32]);
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"strongroom")
            .extract(self.bytes.as_slice())
            .expand(&[purpose], hkdf::HKDF_SHA256)
            .and_then(|output| output.fill(bytes.as_mut_slice()))
            .map_err(|_| SealError::DoesNotOpen)?;
        Ok(bytes)
    }
}

/// `N` random bytes of the operating system.
pub fn random<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| SealError::NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_or_moved_value_does_not_open() {
        let key = KeyEncryptionKey::generate().unwrap();
        let sealed = key.seal(b"here", b"secret").unwrap();
        assert_eq!(key.open(b"here", &sealed).unwrap().as_slice(), b"secret");
        assert!(key.open(b"there", &sealed).is_err());
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(key.open(b"here", &changed).is_err());
        }
        assert!(key.open(b"here", &[]).is_err());
        assert!(
            KeyEncryptionKey::generate()
                .unwrap()
                .open(b"here", &sealed)
                .is_err()
        );
    }

    #[test]
    fn a_key_file_is_written_once_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let sealed = KeyEncryptionKey::create(&path)
            .unwrap()
            .seal(b"c", b"secret")
            .unwrap();
        assert!(KeyEncryptionKey::create(&path).is_err());
        let read = KeyEncryptionKey::read(&path).unwrap();
        assert_eq!(read.open(b"c", &sealed).unwrap().as_slice(), b"secret");
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn debug_shows_no_key() {
        let key = KeyEncryptionKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), "KeyEncryptionKey(hidden)");
    }
}
