//! What the machine can do, measured beside the server: its disk's sync and sequential write, and
//! MD5 on one core.
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use md5::{Digest as _, Md5};

use crate::bodies;
use crate::figures::median;

const SEGMENT_BYTES: usize = 64 << 20;
const SEQUENTIAL_BYTES: usize = 256 << 20;
const BLOCK_BYTES: usize = 1 << 20;
const MD5_BYTES: usize = 32 << 20;

/// A preallocated, zeroed file.
pub struct Segment {
    file: File,
    at: u64,
}

impl Segment {
    pub fn create(directory: &Path) -> io::Result<Segment> {
        let path = directory.join("machine-segment");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        let zeros = vec![0; BLOCK_BYTES];
        for _ in 0..SEGMENT_BYTES / BLOCK_BYTES {
            file.write_all(&zeros)?;
        }
        file.sync_all()?;
        Ok(Segment { file, at: 0 })
    }

    /// The median time, in seconds, of writing `group_bytes` and one `fdatasync`.
    pub fn sync_seconds(&mut self, group_bytes: usize, count: usize) -> io::Result<f64> {
        let group = bodies::bytes(group_bytes, 1);
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            if self.at + group_bytes as u64 > SEGMENT_BYTES as u64 {
                self.at = 0;
            }
            let started = Instant::now();
            self.file.write_all_at(&group, self.at)?;
            self.file.sync_data()?;
            times.push(started.elapsed().as_secs_f64());
            self.at += group_bytes as u64;
        }
        Ok(median(times))
    }
}

/// Bytes a second of one sequential write that is synced at its end.
pub fn sequential_write(directory: &Path) -> io::Result<f64> {
    let path = directory.join("machine-sequential");
    let block = bodies::bytes(BLOCK_BYTES, 2);
    let started = Instant::now();
    let mut file = File::create(&path)?;
    for _ in 0..SEQUENTIAL_BYTES / BLOCK_BYTES {
        file.write_all(&block)?;
    }
    file.sync_data()?;
    let seconds = started.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(SEQUENTIAL_BYTES as f64 / seconds)
}

/// Bytes a second of the plain MD5 on one core.
pub fn md5() -> f64 {
    let bytes = bodies::bytes(MD5_BYTES, 3);
    let started = Instant::now();
    std::hint::black_box(Md5::digest(&bytes));
    MD5_BYTES as f64 / started.elapsed().max(Duration::from_nanos(1)).as_secs_f64()
}
