//! How fast the disk is read by work that serves nobody.

/// Slows work down and can end it; see [`crate::Local::verify_at`] and [`crate::Local::copy_to`].
pub trait Pace: Sync {
    /// So many bytes were read; may wait.
    fn read(&self, bytes: u64);

    /// Whether the work is to end without a result.
    fn is_stopped(&self) -> bool;
}

/// As fast as the disk can.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unhindered;

impl Pace for Unhindered {
    fn read(&self, _bytes: u64) {}

    fn is_stopped(&self) -> bool {
        false
    }
}
