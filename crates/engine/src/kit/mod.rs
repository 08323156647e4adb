//! The kit that every engine must pass: a model of what the traits promise, random work by seed
//! that is compared with it, and the cases that need more than one caller.
//!
//! For the tests of an engine only. Whatever does not hold is a panic that names the seed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "assertions, run in tests only"
)]

mod cases;
mod listing;
mod model;
mod random;
mod world;

pub use cases::{
    a_dropped_bucket_takes_nothing_in, a_reader_keeps_what_it_found, keys_of_any_bytes_sort,
    one_of_many_wins, ranges_are_exact,
};
pub use model::{State, observe};
pub use random::Random;
pub use world::{Op, World};

use crate::{BucketId, ByteStream, ControlStore, EngineError, ObjectEngine, Staged};
use bytes::Bytes;
use futures_util::StreamExt as _;

/// Both traits of one engine.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Its objects.
    pub objects: &'a dyn ObjectEngine,
    /// Its control store.
    pub control: &'a dyn ControlStore,
}

/// Random work of one seed in a bucket of its own, compared with the model at each step, and as a
/// whole now and then. `body_bytes` are the lengths of bodies to use: take some on both sides of
/// each border that the engine has.
pub async fn random_work(subject: Subject<'_>, seed: u64, steps: usize, body_bytes: &[usize]) {
    let bucket = BucketId(u128::from(seed) << 64 | 0x5eed);
    let mut world = World::new(seed, bucket, body_bytes);
    let mut random = Random::new(!seed);
    for step in 0..steps {
        let op = world.next_op();
        world.run(subject, &op).await;
        if random.one_in(8) {
            listing::compare(subject.objects, &world, &mut random).await;
        }
        if random.one_in(64) || step + 1 == steps {
            let state = observe(subject, bucket, world.control_prefix()).await;
            assert!(
                state == world.state(),
                "seed {seed}, step {step}: found {state:#?}, expected {:#?}",
                world.state()
            );
        }
    }
}

/// Stages a body, in uneven chunks.
pub async fn stage(engine: &dyn ObjectEngine, body: &[u8]) -> Result<Staged, EngineError> {
    let mut stage = engine.stage(crate::StageHint::default()).await?;
    let (first, rest) = body.split_at(body.len() / 3);
    for chunk in std::iter::once(first).chain(rest.chunks(300_000)) {
        stage.write(Bytes::copy_from_slice(chunk)).await?;
    }
    stage.finish().await
}

/// All bytes of a stream.
pub async fn collect(mut stream: ByteStream) -> Result<Vec<u8>, EngineError> {
    let mut all = Vec::new();
    while let Some(chunk) = stream.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}
