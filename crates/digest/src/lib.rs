//! Checksums and hashes of object bodies in one pass.
