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

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What all threads of this process have worked; zero where the system has no `/proc`.
pub fn cpu_seconds() -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return 0.0;
    };
    let nanoseconds = tasks.flatten().filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}
