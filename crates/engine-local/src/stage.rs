//! Bodies on their way in: small ones stay in memory until their commit, large ones go to a file.

use crate::blocks::BLOCK_BYTES;
use crate::extent::{Extent, ExtentWriter, Extents};
use crate::pieces::Address;
use crate::pins::Pin;
use crate::store::blocking;
use bytes::Bytes;
use engine::{BodyRef, BoxFuture, EngineError, Stage, StageHint, Staged};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// What one call to the disk writes.
const BATCH_BYTES: usize = 16 * BLOCK_BYTES;

/// The engine's handle of a staged body.
pub(crate) enum StagedBody {
    /// To be written with the record, in one transaction.
    Inline(Bytes),
    /// In a file that is durable.
    Extent(Extent),
    /// Named by another record already.
    Shared(SharedBody),
}

/// See [`engine::ObjectEngine::share`].
pub(crate) struct SharedBody {
    pub(crate) address: Address,
    pub(crate) stored_bytes: u64,
    /// Holds it in place until the commit, together with what held it before.
    pub(crate) pin: Pin,
    pub(crate) _earlier: BodyRef,
}

pub(crate) struct LocalStage {
    extents: Arc<Extents>,
    inline_bytes_max: usize,
    buffer: Vec<u8>,
    stored_bytes: u64,
    sink: Sink,
}

enum Sink {
    /// Nothing was written yet.
    None,
    /// The blocking pool writes the last batch, while the next one comes in.
    Writing(JoinHandle<Result<ExtentWriter, EngineError>>),
    /// An earlier call failed.
    Failed,
}

impl LocalStage {
    pub(crate) fn new(
        extents: Arc<Extents>,
        inline_bytes_max: usize,
        hint: StageHint,
    ) -> LocalStage {
        // The hint is not trusted with more than a batch of memory.
        let expected = hint.stored_bytes.map_or(0, |bytes| {
            usize::try_from(bytes).map_or(BATCH_BYTES, |bytes| bytes.min(BATCH_BYTES))
        });
        LocalStage {
            extents,
            inline_bytes_max,
            buffer: Vec::with_capacity(expected),
            stored_bytes: 0,
            sink: Sink::None,
        }
    }

    /// The writer after what was written so far, or none if nothing was.
    async fn writer(&mut self) -> Result<Option<ExtentWriter>, EngineError> {
        match std::mem::replace(&mut self.sink, Sink::Failed) {
            Sink::None => Ok(None),
            Sink::Writing(task) => joined(task.await).map(Some),
            Sink::Failed => Err(EngineError::Invalid {
                what: "a stage goes on after it failed",
            }),
        }
    }

    async fn flush(&mut self) -> Result<(), EngineError> {
        let writer = self.writer().await?;
        let batch = std::mem::replace(&mut self.buffer, Vec::with_capacity(BATCH_BYTES));
        let extents = Arc::clone(&self.extents);
        self.sink = Sink::Writing(tokio::task::spawn_blocking(move || {
            let mut writer = match writer {
                Some(writer) => writer,
                None => extents.create()?,
            };
            writer.append(&batch)?;
            Ok(writer)
        }));
        Ok(())
    }

    async fn write(&mut self, mut bytes: Bytes) -> Result<(), EngineError> {
        self.stored_bytes += bytes.len() as u64;
        loop {
            let room = BATCH_BYTES.saturating_sub(self.buffer.len());
            let taken = bytes.split_to(room.min(bytes.len()));
            self.buffer.extend_from_slice(&taken);
            if bytes.is_empty() {
                return Ok(());
            }
            // Only when more follows: the last batch is written by `finish`, in one go.
            self.flush().await?;
        }
    }

    async fn finish(mut self) -> Result<Staged, EngineError> {
        let writer = self.writer().await?;
        let last = std::mem::take(&mut self.buffer);
        if writer.is_none() && last.len() <= self.inline_bytes_max {
            return Ok(Staged::new(
                self.stored_bytes,
                StagedBody::Inline(last.into()),
            ));
        }
        let extents = Arc::clone(&self.extents);
        let extent = blocking(move || {
            let mut writer = match writer {
                Some(writer) => writer,
                None => extents.create()?,
            };
            writer.append(&last)?;
            writer.finish()
        })
        .await?;
        Ok(Staged::new(self.stored_bytes, StagedBody::Extent(extent)))
    }
}

impl Stage for LocalStage {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), EngineError>> {
        Box::pin(LocalStage::write(self, bytes))
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Staged, EngineError>> {
        Box::pin(LocalStage::finish(*self))
    }
}

pub(crate) fn joined<T>(
    result: Result<Result<T, EngineError>, tokio::task::JoinError>,
) -> Result<T, EngineError> {
    match result {
        Ok(result) => result,
        // The task panicked, or the runtime is shutting down.
        Err(error) => Err(EngineError::io(
            "working on the blocking pool",
            std::io::Error::other(error),
        )),
    }
}
