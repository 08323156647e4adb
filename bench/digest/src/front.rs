//! Bodies that arrive on a runtime of two threads: hashed by whoever received them, by a blocking
//! task for each piece, and through the front.
//!
//! Each stream does what receiving a body does besides: it copies a piece (out of the socket),
//! computes CRC64NVME and encrypts it.
use std::time::Instant;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use bytes::{Bytes, BytesMut};
use digest::{Algorithm, Digests, Front, Level, Md5, Wanted};
use tokio::runtime::Runtime;

use crate::Pace;
use crate::clock::{cpu_seconds, median};

const PIECE_BYTES: usize = 64 * 1024;
const STREAMS: [usize; 6] = [1, 2, 4, 8, 16, 64];
/// Of all streams together.
const ROUND_BYTES: usize = 64 << 20;

#[derive(Clone, Copy)]
enum By {
    Nobody,
    Caller,
    BlockingTask,
    Front,
    /// Also where a stream is alone: beside one that is long and does nothing.
    FrontAlways,
}

pub fn run(pace: Pace) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).build().expect("a runtime");
    let best = Level::detect();
    println!(
        "## Streams on two threads of a runtime ({} front)\n",
        best.name()
    );
    println!("MiB/s by the wall's clock; in brackets µs of all CPUs for one MiB.\n");
    println!(
        "| MD5 is made by | {} |",
        STREAMS.map(|count| format!("{count} streams")).join(" | ")
    );
    println!("|---|{}", "--:|".repeat(STREAMS.len()));
    let ways = [
        ("nobody", By::Nobody),
        ("who received it", By::Caller),
        ("a blocking task a piece", By::BlockingTask),
        ("the front", By::Front),
        ("the front's thread, always", By::FrontAlways),
    ];
    let rounds = (pace.slices / 4).max(3);
    let mut found = vec![vec![Vec::new(); STREAMS.len()]; ways.len()];
    // By turns, so that what else the machine does meets all of them.
    for _ in 0..rounds {
        for (results, (_, by)) in found.iter_mut().zip(ways) {
            let front = Front::new(best, 1);
            for (results, streams) in results.iter_mut().zip(STREAMS) {
                results.push(round(&runtime, &front, by, streams, PIECE_BYTES));
            }
        }
    }
    for (results, (name, _)) in found.iter().zip(ways) {
        let cells: Vec<String> = results.iter().map(|results| cell(results)).collect();
        println!("| {name} | {} |", cells.join(" | "));
    }
    println!(
        "\n## Short bodies, one at a time\n\n| bytes | {} |",
        "who received it | the front's thread, always"
    );
    println!("|---|--:|--:|");
    for bytes in [4, 8, 16, 32, 64].map(|kib| kib * 1024) {
        let front = Front::new(best, 1);
        let mut results = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            for (results, by) in results.iter_mut().zip([By::Caller, By::FrontAlways]) {
                results.push(round(&runtime, &front, by, 1, bytes));
            }
        }
        let cells = results.map(|results| cell(&results));
        println!("| {bytes} | {} |", cells.join(" | "));
    }
    println!();
}

fn cell(results: &[(f64, f64)]) -> String {
    let rate = median(results.iter().map(|(rate, _)| *rate).collect());
    let cpu = median(results.iter().map(|(_, cpu)| *cpu).collect());
    format!("{rate:.0} ({cpu:.0})")
}

/// MiB/s and µs of CPU for one MiB. With pieces shorter than [`PIECE_BYTES`] each is a body.
fn round(runtime: &Runtime, front: &Front, by: By, streams: usize, piece: usize) -> (f64, f64) {
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let pieces = ROUND_BYTES / streams / PIECE_BYTES;
    let (bodies, pieces) = if piece < PIECE_BYTES {
        (pieces, 1)
    } else {
        (1, pieces)
    };
    runtime.block_on(async {
        let mut company = front.stream();
        if matches!(by, By::FrontAlways) {
            let much = Bytes::from(vec![0; digest::INLINE_BYTES_MAX + 1]);
            company.write(much).await.expect("its thread");
        }
        let tasks: Vec<_> = (0..streams)
            .map(|number| {
                let front = front.clone();
                tokio::spawn(async move {
                    for _ in 0..bodies {
                        receive(&front, by, pieces, piece, number as u8).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("a stream");
        }
    });
    let mib = (streams * bodies * pieces * piece) as f64 / f64::from(1 << 20);
    let seconds = started.elapsed().as_secs_f64();
    (mib / seconds, (cpu_seconds() - cpu) * 1e6 / mib)
}

async fn receive(front: &Front, by: By, pieces: usize, bytes: usize, seed: u8) {
    let socket = vec![seed; bytes];
    let key = UnboundKey::new(&AES_256_GCM, &[seed; 32]).expect("a key");
    let key = LessSafeKey::new(key);
    let mut others = Digests::new(Wanted::of([Algorithm::Crc64Nvme]));
    let mut stream = front.stream();
    let mut md5 = Md5::default();
    for _ in 0..pieces {
        let piece = Bytes::copy_from_slice(&socket);
        others.update(&piece);
        match by {
            By::Nobody => {}
            By::Caller => md5.update(&piece),
            By::BlockingTask => {
                let (mut taken, piece) = (std::mem::take(&mut md5), piece.clone());
                let hashing = tokio::task::spawn_blocking(move || {
                    taken.update(&piece);
                    taken
                });
                md5 = hashing.await.expect("a task");
            }
            By::Front | By::FrontAlways => stream.write(piece.clone()).await.expect("its thread"),
        }
        let mut sealed = BytesMut::with_capacity(bytes + 16);
        sealed.extend_from_slice(&piece);
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed)
            .expect("a seal");
        std::hint::black_box(sealed.freeze());
        tokio::task::yield_now().await;
    }
    std::hint::black_box(others.finish());
    match by {
        By::Nobody => {}
        By::Caller | By::BlockingTask => drop(std::hint::black_box(md5.finish())),
        By::Front | By::FrontAlways => drop(std::hint::black_box(stream.finish().await)),
    }
}
