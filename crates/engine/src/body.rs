//! Bodies: on their way in, at rest, on their way out.

use crate::{BoxFuture, EngineError};
use bytes::Bytes;
use futures_util::Stream;
use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// The bytes of a body, in order. After an error nothing more comes.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, EngineError>> + Send>>;

/// What the caller knows of a body beforehand.
#[derive(Debug, Clone, Copy, Default)]
pub struct StageHint {
    /// Its stored length, if known. Only advice: the body may turn out longer or shorter.
    pub stored_bytes: Option<u64>,
}

/// A body on its way in. Dropped before a commit names it, it leaves nothing behind.
pub trait Stage: Send {
    /// Takes the next bytes. After an error the stage can only be dropped.
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), EngineError>>;

    /// Makes the body durable, though visible to nobody yet.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Staged, EngineError>>;
}

/// A durable body that no commit has named yet. Dropped, it is removed.
pub struct Staged {
    stored_bytes: u64,
    // The engine's own handle; its `Drop` removes the body.
    inner: Box<dyn Any + Send + Sync>,
}

impl Staged {
    /// Made by engines: `inner` is the engine's own handle, which removes the body when dropped.
    pub fn new<T: Send + Sync + 'static>(stored_bytes: u64, inner: T) -> Staged {
        Staged {
            stored_bytes,
            inner: Box::new(inner),
        }
    }

    /// Length in bytes.
    pub fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Gives the engine its own handle back.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] when another engine made it.
    pub fn into_inner<T: 'static>(self) -> Result<T, EngineError> {
        match self.inner.downcast::<T>() {
            Ok(inner) => Ok(*inner),
            Err(_) => Err(EngineError::Invalid {
                what: "the body was staged by another engine",
            }),
        }
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged")
            .field("stored_bytes", &self.stored_bytes)
            .finish_non_exhaustive()
    }
}

/// The engine's own address of a stored body, and what keeps it readable.
#[derive(Clone, Default)]
pub struct BodyRef {
    address: Bytes,
    pin: Option<Arc<dyn Any + Send + Sync>>,
}

impl BodyRef {
    /// Made by engines: an address that nothing holds in place, as listings carry it.
    pub fn unpinned(address: Bytes) -> BodyRef {
        BodyRef { address, pin: None }
    }

    /// Made by engines: an address that stays good as long as `pin` lives.
    pub fn pinned(address: Bytes, pin: Arc<dyn Any + Send + Sync>) -> BodyRef {
        BodyRef {
            address,
            pin: Some(pin),
        }
    }

    /// Whether something holds the body in place.
    pub fn is_pinned(&self) -> bool {
        self.pin.is_some()
    }

    /// The engine's own address.
    pub fn address(&self) -> &Bytes {
        &self.address
    }
}

/// Two reads of one version may carry different pins and, after compaction, different addresses.
impl PartialEq for BodyRef {
    fn eq(&self, _: &BodyRef) -> bool {
        true
    }
}

impl Eq for BodyRef {}

impl fmt::Debug for BodyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyRef")
            .field("pinned", &self.pin.is_some())
            .finish_non_exhaustive()
    }
}
