//! Who still reads: bodies that a reader may need are not removed.

use engine::Sequence;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The readers, by the newest commit each of them is sure to see.
#[derive(Default)]
pub(crate) struct Pins {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    published: Sequence,
    readers: BTreeMap<Sequence, usize>,
    holds: usize,
}

/// Holds all bodies in place that were there when it was made. Released when dropped.
pub(crate) struct Pin {
    pins: Arc<Pins>,
    sees: Sequence,
}

/// Keeps every file that is there: no body is removed and no segment taken out of the log. Released
/// when dropped.
pub(crate) struct Hold {
    pins: Arc<Pins>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        lock(&self.pins.state).holds -= 1;
    }
}

impl Pins {
    /// What was begun before may still end: the committer's answer to a later job, and the segments
    /// that were listed afterwards, are sure.
    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        lock(&self.state).holds += 1;
        Hold {
            pins: Arc::clone(self),
        }
    }

    pub(crate) fn is_held(&self) -> bool {
        lock(&self.state).holds > 0
    }

    /// To be taken before the index is read: what the reader then finds is held.
    pub(crate) fn pin(self: &Arc<Self>) -> Pin {
        let mut state = lock(&self.state);
        let sees = state.published;
        *state.readers.entry(sees).or_default() += 1;
        Pin {
            pins: Arc::clone(self),
            sees,
        }
    }

    /// Says that all commits up to this one are seen by whoever reads from now on.
    pub(crate) fn publish(&self, sequence: Sequence) {
        let mut state = lock(&self.state);
        state.published = state.published.max(sequence);
    }

    /// What was removed by this commit or an earlier one is needed by no reader, now or later: each
    /// present reader sees the removal, and so will each later one. `None` while all is held.
    pub(crate) fn removable(&self) -> Option<Sequence> {
        let state = lock(&self.state);
        if state.holds > 0 {
            return None;
        }
        Some(match state.readers.first_key_value() {
            Some((oldest, _)) => *oldest,
            None => state.published,
        })
    }
}

impl Pin {
    /// Whether it holds bodies of this engine.
    pub(crate) fn is_of(&self, pins: &Arc<Pins>) -> bool {
        Arc::ptr_eq(&self.pins, pins)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut state = lock(&self.pins.state);
        if let Some(count) = state.readers.get_mut(&self.sees) {
            *count -= 1;
            if *count == 0 {
                state.readers.remove(&self.sees);
            }
        }
    }
}

/// No code panics while it holds the lock, and the counts would be right even then.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_waits_for_readers_that_do_not_see_it() {
        let pins = Arc::new(Pins::default());
        pins.publish(Sequence(5));
        let early = pins.pin();
        pins.publish(Sequence(9));
        let late = pins.pin();
        assert_eq!(pins.removable(), Some(Sequence(5)));
        drop(early);
        assert_eq!(pins.removable(), Some(Sequence(9)));
        pins.publish(Sequence(12));
        assert_eq!(pins.removable(), Some(Sequence(9)));
        drop(late);
        assert_eq!(pins.removable(), Some(Sequence(12)));
    }

    #[test]
    fn nothing_is_removed_while_all_is_held() {
        let pins = Arc::new(Pins::default());
        pins.publish(Sequence(5));
        let (one, two) = (pins.hold(), pins.hold());
        drop(one);
        assert_eq!((pins.removable(), pins.is_held()), (None, true));
        drop(two);
        assert_eq!(
            (pins.removable(), pins.is_held()),
            (Some(Sequence(5)), false)
        );
    }
}
