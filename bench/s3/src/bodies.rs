//! Bodies that client and bare server know by the key alone.
//!
//! A key ends in `SIZE/INDEX`; the index says which of a few bodies of that size is meant. All are
//! windows of one run of noise, so that no memory is copied and every byte can be verified.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use aws_lc_rs::digest;
use bytes::Bytes;
use md5::{Digest as _, Md5};

/// Different bodies of one size.
const KINDS: u64 = 32;
/// How far the windows are apart.
const STEP: usize = 4099;
/// The longest body.
const SIZE_BYTES_MAX: usize = 64 << 20;

/// A body with what a client says about it.
pub struct Body {
    pub bytes: Bytes,
    pub sha256: String,
    pub etag: String,
}

fn noise() -> &'static Bytes {
    static NOISE: OnceLock<Bytes> = OnceLock::new();
    NOISE.get_or_init(|| {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let bytes: Vec<u8> = (0..(SIZE_BYTES_MAX + KINDS as usize * STEP) / 8 + 1)
            .flat_map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()
            })
            .collect();
        bytes.into()
    })
}

/// The bytes alone.
pub fn bytes(size_bytes: usize, index: u64) -> Bytes {
    let start = (index % KINDS) as usize * STEP;
    noise().slice(start..start + size_bytes)
}

/// The body of an object, with digests that are worked out once.
pub fn body(size_bytes: usize, index: u64) -> Arc<Body> {
    type Known = Mutex<HashMap<(usize, u64), Arc<Body>>>;
    static KNOWN: OnceLock<Known> = OnceLock::new();
    let known = KNOWN.get_or_init(Known::default);
    let kind = (size_bytes, index % KINDS);
    if let Some(body) = known.lock().unwrap().get(&kind) {
        return body.clone();
    }
    let bytes = bytes(size_bytes, index);
    let body = Arc::new(Body {
        sha256: hex::encode(digest::digest(&digest::SHA256, &bytes)),
        etag: format!("\"{}\"", hex::encode(Md5::digest(&bytes))),
        bytes,
    });
    known.lock().unwrap().insert(kind, body.clone());
    body
}

/// The key of an object.
pub fn key(prefix: &str, size_bytes: usize, index: u64) -> String {
    format!("{prefix}/{size_bytes}/{index:08}")
}

/// Size and index out of a path, for the bare server.
pub fn of_path(path: &str) -> Option<(usize, u64)> {
    let mut parts = path.rsplit('/');
    let index = parts.next()?.parse().ok()?;
    let size_bytes = parts.next()?.parse().ok()?;
    (size_bytes <= SIZE_BYTES_MAX).then_some((size_bytes, index))
}
