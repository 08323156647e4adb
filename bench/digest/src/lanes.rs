//! One core: streams side by side on each level, beside the crate md-5; and the other algorithms.
use std::hint::black_box;

use digest::{Algorithm, Level, Md5, digest_of, update_many};
use md5::Digest as _;

use crate::Pace;
use crate::clock::rate;

/// What a stream hands over at once.
const CHUNK_BYTES: usize = 64 * 1024;
const STREAMS: [usize; 6] = [1, 2, 4, 8, 12, 16];

pub fn run(pace: Pace) {
    let bodies: Vec<Vec<u8>> = (0..16u8)
        .map(|number| {
            (0..CHUNK_BYTES)
                .map(|at| (at as u8).wrapping_mul(31) ^ number)
                .collect()
        })
        .collect();
    let plain = rate(pace.slices, CHUNK_BYTES, || {
        black_box(md5::Md5::digest(black_box(&bodies[0])));
    });
    println!("## MD5 of one core, MiB/s (md-5: {plain:.0}), in brackets ÷ md-5\n");
    println!(
        "| level | {} |",
        STREAMS.map(|count| format!("{count} streams")).join(" | ")
    );
    println!("|---|{}", "--:|".repeat(STREAMS.len()));
    for level in Level::all() {
        let cells = STREAMS.map(|count| {
            let mut states = vec![Md5::default(); count];
            let found = rate(pace.slices, count * CHUNK_BYTES, || {
                let mut feeds: Vec<(&mut Md5, &[u8])> = states
                    .iter_mut()
                    .zip(&bodies)
                    .map(|(md5, body)| (md5, black_box(body.as_slice())))
                    .collect();
                update_many(level, &mut feeds);
            });
            format!("{found:.0} ({:.1}×)", found / plain)
        });
        println!("| {} | {} |", level.name(), cells.join(" | "));
    }
    println!("\n## The other algorithms, one core, MiB/s\n\n| algorithm | rate |\n|---|--:|");
    for algorithm in Algorithm::CHECKSUMS {
        let found = rate(pace.slices, CHUNK_BYTES, || {
            black_box(digest_of(algorithm, black_box(&bodies[0])));
        });
        println!("| {} | {found:.0} |", algorithm.name());
    }
    println!();
}
