//! Twice the input, about twice the work; and whatever is as long as may be fits a small stack.
//!
//! Work is measured as the processor's time of this thread and compared only with itself: how fast the
//! machine is, and what else runs on it, does not count.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use fuzz::{SHAPES, STACK_BYTES, Shape, Target, target};

/// The program's own: with the system's, what large texts cost is mapping their memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Four times the input may cost this many times as much: work that grows with the square costs 16 times.
const GROWTH_MAX: f64 = 8.0;
/// What costs less than this at the larger size is not compared: there is too little to see.
const NOTHING: Duration = Duration::from_micros(500);
/// Long enough for the steps in which time is told.
const MEASURED: Duration = Duration::from_millis(40);
/// Sizes up to here show how work grows, and do not take long in a debug build.
const BYTES_MAX: usize = 262_144;
/// A measurement that looks bad is taken again: caches and neighbours can spoil one.
const ATTEMPTS: usize = 3;

/// The processor's time that this thread has had. It is told in steps of some milliseconds.
fn spent() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// What one run costs, from as many as can be measured.
fn cost(target: &Target, input: &[u8]) -> Duration {
    let before = spent();
    let mut runs = 0;
    loop {
        (target.run)(input);
        runs += 1;
        let took = spent() - before;
        if took >= MEASURED {
            return took / runs;
        }
    }
}

/// How many times more the larger size costs; `None` if there is nothing to compare.
fn growth(target: &Target, shape: &Shape) -> Option<f64> {
    let large = target.bytes_max.min(BYTES_MAX);
    let (small, large) = ((shape.make)(large / 4), (shape.make)(large));
    let (small, large) = (cost(target, &small), cost(target, &large));
    (large > NOTHING).then(|| large.as_secs_f64() / small.as_secs_f64().max(1e-6))
}

fn of(target_name: &str) -> impl Iterator<Item = &'static Shape> {
    SHAPES
        .iter()
        .filter(move |shape| shape.target == target_name)
}

fn check(target_name: &str) {
    let target = target(target_name).unwrap();
    let mut wrong = Vec::new();
    for shape in of(target_name) {
        let mut measured = Vec::new();
        for _ in 0..ATTEMPTS {
            let growth = growth(target, shape).unwrap_or(0.0);
            measured.push(growth);
            if growth < GROWTH_MAX {
                break;
            }
        }
        if measured.iter().all(|growth| *growth >= GROWTH_MAX) {
            wrong.push(format!(
                "{target_name}, {}: times {measured:.1?}",
                shape.name
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "four times the input costs:\n{}",
        wrong.join("\n")
    );
}

macro_rules! tests {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn every_shape_has_its_test() {
            let listed = [$(stringify!($name)),*];
            for shape in SHAPES {
                assert!(listed.contains(&shape.target), "{shape:?}");
            }
        }
    };
}
tests! {
    policy_json condition arn dates sigv4_header sigv4_query sigv4_version2 rest_route query_body
    xml_body chunked post_form
}

#[test]
fn the_longest_inputs_fit_a_small_stack() {
    for shape in SHAPES {
        let target = target(shape.target).unwrap();
        let thread = std::thread::Builder::new()
            .name(format!("{}, {}", shape.target, shape.name))
            .stack_size(STACK_BYTES)
            .spawn(move || (target.run)(&(shape.make)(target.bytes_max)));
        thread
            .unwrap()
            .join()
            .unwrap_or_else(|_| panic!("{shape:?}"));
    }
}

/// The canary: work that grows with the square is seen.
#[test]
fn a_loop_in_a_loop_is_seen() {
    fn run(bytes: &[u8]) {
        let mut sum = 0_u64;
        for one in bytes {
            for other in bytes {
                sum = sum.wrapping_mul(31).wrapping_add(u64::from(*one ^ *other));
            }
        }
        std::hint::black_box(sum);
    }
    let wrong = Target {
        name: "wrong",
        run,
        seeds: Vec::new,
        words: &[],
        cases: 0,
        bytes_max: 8192,
    };
    let shape = Shape {
        target: "wrong",
        name: "anything",
        make: |size| vec![b'a'; size],
    };
    assert!((0..ATTEMPTS).any(|_| growth(&wrong, &shape).unwrap() > GROWTH_MAX));
}
