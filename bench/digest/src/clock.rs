//! Rates and their noise.
use std::time::Instant;

/// Mebibytes a second of `work`, which takes `bytes`: the best quarter of slices of a millisecond or
/// more, since what other programs take meanwhile is not ours.
pub fn rate(slices: usize, bytes: usize, mut work: impl FnMut()) -> f64 {
    work();
    let mut rates: Vec<f64> = (0..slices)
        .map(|_| {
            let started = Instant::now();
            let mut rounds = 0;
            while started.elapsed().as_micros() < 2000 {
                work();
                rounds += 1;
            }
            (rounds * bytes) as f64 / started.elapsed().as_secs_f64() / f64::from(1 << 20)
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[(rates.len() - 1) * 3 / 4]
}
