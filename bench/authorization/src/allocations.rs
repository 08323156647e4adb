//! Counts what the thread allocates.
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is the system allocator's; counting touches only a thread's own cell, which
// needs no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often one run of `work` allocates, once warm.
pub fn per_run<T>(mut work: impl FnMut() -> T) -> usize {
    const RUNS: usize = 16;
    work();
    let before = COUNT.get();
    for _ in 0..RUNS {
        std::hint::black_box(work());
    }
    (COUNT.get() - before).div_ceil(RUNS)
}

/// How often `work` allocates for what was prepared.
pub fn of<P, T>(prepared: P, work: impl FnOnce(P) -> T) -> usize {
    let before = COUNT.get();
    let result = work(prepared);
    let count = COUNT.get() - before;
    drop(result);
    count
}
