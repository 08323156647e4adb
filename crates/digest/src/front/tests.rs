use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use md5::Digest as _;
use proptest::prelude::*;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::*;
use crate::{Algorithm, BodyDigests, Wanted, digest_of};

fn content(seed: usize, bytes: usize) -> Bytes {
    (0..bytes)
        .map(|at| (at.wrapping_mul(31) ^ (at >> 8) ^ seed.wrapping_mul(97)) as u8)
        .collect()
}

fn expected(bytes: &[u8]) -> [u8; 16] {
    md5::Md5::digest(bytes).into()
}

fn two_threads() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).build().unwrap()
}

async fn hash(front: Front, body: Bytes, pieces: Vec<usize>) -> Result<[u8; 16], HasherLost> {
    let mut stream = front.stream();
    let mut rest = body;
    for piece in pieces {
        stream.write(rest.split_to(piece.min(rest.len()))).await?;
        tokio::task::yield_now().await;
    }
    stream.write(rest).await?;
    stream.finish().await
}

/// What a stream would be given, and whether it is dropped before its end.
fn body() -> impl Strategy<Value = (usize, Vec<usize>, bool)> {
    let size = prop_oneof![
        0..200usize,
        0..INLINE_BYTES_MAX + 2,
        Just(GATHERED_BYTES),
        0..600_000usize
    ];
    let pieces = prop::collection::vec(prop_oneof![0..130usize, 1..70_000usize], 0..12);
    (size, pieces, prop::bool::weighted(0.1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn each_stream_has_its_own_md5(
        bodies in prop::collection::vec(body(), 1..40),
        threads in 0..3usize,
    ) {
        let runtime = two_threads();
        for level in Level::all() {
            let front = Front::new(level, threads);
            runtime.block_on(async {
                let mut tasks = JoinSet::new();
                for (number, (size, pieces, is_dropped)) in bodies.iter().cloned().enumerate() {
                    let (body, front) = (content(number, size), front.clone());
                    tasks.spawn(async move {
                        let turns = pieces.len();
                        let found = hash(front, body.clone(), pieces);
                        if is_dropped {
                            let some_time = async {
                                for _ in 0..turns {
                                    tokio::task::yield_now().await;
                                }
                            };
                            tokio::select! { _ = found => (), () = some_time => () };
                        } else {
                            assert_eq!(found.await, Ok(expected(&body)));
                        }
                    });
                }
                while let Some(done) = tasks.join_next().await {
                    done.unwrap();
                }
            });
        }
    }
}

/// A front whose one thread is this test.
fn by_hand() -> (Front, Arc<Queue>) {
    let long_streams = LongStreams::default();
    let queue = Arc::new(Queue::new(long_streams.clone()));
    let threads = Threads {
        level: Level::PORTABLE,
        queues: vec![queue.clone()],
        long_streams,
    };
    (Front(Arc::new(threads)), queue)
}

fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Keeps `is_alone` from holding.
fn company(front: &Front) -> Md5Stream {
    let mut stream = front.stream();
    stream.grow_long();
    stream
}

fn hand_over_all_that_fits(stream: &mut Md5Stream) -> usize {
    let mut bytes = 0;
    while poll(stream.write(content(1, GATHERED_BYTES))).is_ready() {
        bytes += GATHERED_BYTES;
        assert!(bytes < 1 << 24, "nothing stops it");
    }
    bytes
}

#[test]
fn a_stream_waits_until_its_bytes_are_taken() {
    let (front, queue) = by_hand();
    let _company = company(&front);
    let mut stream = front.stream();
    let before = hand_over_all_that_fits(&mut stream);
    assert_eq!(before, PENDING_BYTES_MAX + GATHERED_BYTES);

    let mut lanes = Vec::new();
    assert!(queue.admit(&mut lanes, 4));
    assert_eq!(lanes.len(), 1);
    assert!(poll(stream.write(Bytes::new())).is_ready());
    drop(stream);
    assert!(!lanes[0].has_blocks(), "a dropped stream leaves its lane");
    lanes.clear();
    assert_eq!(queue.load.load(Ordering::Relaxed), 0);
}

#[test]
fn whoever_is_alone_does_not_wait_for_a_thread() {
    let (front, queue) = by_hand();
    let mut stream = front.stream();
    let body = content(1, 1 << 20);
    assert_eq!(poll(stream.write(body.clone())), Poll::Ready(Ok(())));
    assert_eq!(poll(stream.finish()), Poll::Ready(Ok(expected(&body))));
    assert_eq!(queue.load.load(Ordering::Relaxed), 0);
}

#[test]
fn a_short_body_does_not_wait_for_a_thread() {
    let (front, queue) = by_hand();
    let _company = company(&front);
    let mut stream = front.stream();
    let body = content(1, INLINE_BYTES_MAX);
    assert_eq!(poll(stream.write(body.clone())), Poll::Ready(Ok(())));
    assert_eq!(poll(stream.finish()), Poll::Ready(Ok(expected(&body))));
    assert_eq!(queue.load.load(Ordering::Relaxed), 0);
}

#[test]
fn a_lost_thread_is_an_error_and_no_wait() {
    let (front, queue) = by_hand();
    let _company = company(&front);
    let (mut in_lane, mut in_queue) = (front.stream(), front.stream());
    hand_over_all_that_fits(&mut in_lane);
    let mut lanes = Vec::new();
    assert!(queue.admit(&mut lanes, 4));
    hand_over_all_that_fits(&mut in_queue);
    drop((lanes, Closing(&queue)));
    assert_eq!(poll(in_lane.finish()), Poll::Ready(Err(HasherLost)));
    assert_eq!(
        poll(in_queue.write(Bytes::new())),
        Poll::Ready(Err(HasherLost))
    );

    // Who comes later is hashed by the caller.
    let mut late = front.stream();
    let body = content(3, 1 << 20);
    assert_eq!(poll(late.write(body.clone())), Poll::Ready(Ok(())));
    assert_eq!(poll(late.finish()), Poll::Ready(Ok(expected(&body))));
}

#[test]
fn a_stream_beside_more_than_there_are_lanes_comes_to_its_end() {
    let runtime = two_threads();
    let front = Front::new(Level::PORTABLE, 1);
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for number in 0..40 {
            let body = content(number, 300_000 + number);
            let front = front.clone();
            tasks.spawn(async move {
                let pieces = vec![10_000; 40];
                assert_eq!(hash(front, body.clone(), pieces).await, Ok(expected(&body)));
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    });
    assert_eq!(front.0.long_streams.load(Ordering::Relaxed), 0);
}

#[test]
fn threads_end_with_their_front() {
    let front = Front::new(Level::detect(), 1);
    let queue = Arc::downgrade(&front.0.queues[0]);
    drop(front);
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while queue.upgrade().is_some() {
        assert!(
            std::time::Instant::now() < deadline,
            "the thread still runs"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_body_has_all_that_is_wanted_of_it() {
    let all = [Algorithm::Md5].into_iter().chain(Algorithm::CHECKSUMS);
    let body = content(5, 200_000);
    let front = Front::new(Level::detect(), 1);
    let computed = two_threads().block_on(async {
        let mut digests = BodyDigests::new(&front, Wanted::of(all.clone()));
        digests.write(body.slice(..70_000)).await.unwrap();
        digests.write(body.slice(70_000..)).await.unwrap();
        digests.finish().await.unwrap()
    });
    for algorithm in all {
        assert_eq!(computed.get(algorithm), Some(digest_of(algorithm, &body)));
    }
    assert_eq!(computed.len(), 200_000);
}

#[test]
fn what_is_announced_is_not_computed_and_what_is_not_wanted_stays_away() {
    let front = Front::new(Level::PORTABLE, 0);
    let finish = |wanted: &[Algorithm], announced| {
        let mut digests = BodyDigests::new(&front, Wanted::of(wanted.iter().copied()));
        digests.announce(announced);
        assert!(poll(digests.write(Bytes::from_static(b"abc"))).is_ready());
        let Poll::Ready(Ok(computed)) = poll(digests.finish()) else {
            panic!("nothing to wait for");
        };
        computed
    };
    let other = digest_of(Algorithm::Sha256, b"other");
    let computed = finish(&[Algorithm::Md5, Algorithm::Sha256], other);
    assert_eq!(computed.get(Algorithm::Sha256), Some(other));
    assert_eq!(
        computed.get(Algorithm::Md5),
        Some(digest_of(Algorithm::Md5, b"abc"))
    );
    let computed = finish(&[Algorithm::Md5, Algorithm::Crc32], other);
    assert_eq!(computed.get(Algorithm::Sha256), None);
    let md5 = digest_of(Algorithm::Md5, b"other");
    let computed = finish(&[Algorithm::Md5], md5);
    assert_eq!(
        computed.get(Algorithm::Md5),
        Some(digest_of(Algorithm::Md5, b"abc"))
    );
}
