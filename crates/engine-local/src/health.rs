//! Whether writes may go on.

use engine::EngineError;
use std::error::Error;
use std::sync::OnceLock;

/// Once a write may have been lost by the disk, there are no more writes.
#[derive(Default)]
pub(crate) struct Health {
    cause: OnceLock<String>,
}

impl Health {
    /// Refuses if an earlier write could not be made durable.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        match self.cause.get() {
            None => Ok(()),
            Some(cause) => Err(EngineError::ReadOnly {
                cause: cause.clone(),
            }),
        }
    }

    /// From now on there are no writes. The first cause is kept.
    pub(crate) fn fail(&self, error: &EngineError) {
        let mut cause = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            cause = format!("{cause}: {error}");
            source = error.source();
        }
        tracing::error!(cause, "a write could not be made durable; no more writes");
        // A second failure adds nothing to the first.
        let _ = self.cause.set(cause);
    }
}
