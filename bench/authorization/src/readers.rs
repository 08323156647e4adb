//! What readers feel of a writer that replaces policies without a pause.
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use policy::{IdentitySide, Policy, PolicyKind, Question, ResourceSide, decide};

use crate::Bench;
use crate::directories::{World, managed};
use crate::rules::document;
use crate::table::{Goal, Row, Table};
use crate::worlds::{largest, role_with_policies};

pub fn measure(bench: &mut Bench, table: &mut Table) {
    let count = bench.pace.decisions;
    let world = World::new(1, 100);
    let alone = latencies(&world, count);
    // What another busy thread costs on this machine, whatever it does.
    let (busy, _) = beside(&world, count, |round| {
        std::hint::black_box(
            (0..10_000).fold(round, |sum, n| sum ^ (sum.rotate_left(7).wrapping_add(n))),
        );
    });
    let largest = document(&largest().bucket);
    let (writer, replaced) = beside(&world, count, |round| {
        // Compiled anew each time; then a policy of the reader's is replaced by a new one.
        std::hint::black_box(Policy::parse(PolicyKind::Bucket, &largest).is_ok());
        let record = managed(round % 99, 0);
        let put = world.directory.danger_put(world.account, vec![record]);
        world.runtime.block_on(put).expect("a change");
    });
    for (share, name) in [(0.5, "p50"), (0.99, "p99")] {
        let (alone, busy) = (at(&alone, share), at(&busy, share));
        let row = |beside: String, ours_ns, goal| Row {
            work: format!("identity and decision, 100 policies, {name}, {beside}"),
            ours_ns,
            cedar_ns: None,
            allocations: None,
            goal,
        };
        table.add(row("alone".to_owned(), alone, Goal::default()));
        table.add(row(
            "beside a busy thread".to_owned(),
            busy,
            Goal::default(),
        ));
        let goal = Goal {
            at_most: Some((5.0, busy.max(alone))),
            ..Goal::default()
        };
        let writer_title =
            format!("beside one that compiled 20 KiB and replaced a policy {replaced} times");
        table.add(row(writer_title, at(&writer, share), goal));
    }
}

/// Latencies while another thread works, and how often it did.
fn beside(world: &World, count: usize, work: impl Fn(usize) + Sync) -> (Vec<u64>, usize) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut rounds = 0;
            while !stop.load(Ordering::Relaxed) {
                work(rounds);
                rounds += 1;
            }
            rounds
        });
        let found = latencies(world, count);
        stop.store(true, Ordering::Relaxed);
        (found, other.join().expect("the other thread"))
    })
}

/// How long each of many requests took, in order.
fn latencies(world: &World, count: usize) -> Vec<u64> {
    let found = world.lookup();
    let asked = role_with_policies(0).asked;
    let resource = role_with_policies(0).resource();
    let mut took: Vec<u64> = (0..count)
        .map(|_| {
            let start = Instant::now();
            let identity = world.identity(&found);
            let question = Question {
                caller: &identity.caller,
                action: asked.action,
                resource: &resource,
                owner: Some(world.account),
                context: &asked,
            };
            let side = IdentitySide {
                policies: &identity.policies,
                ..IdentitySide::default()
            };
            let allowed = decide(&question, &side, &ResourceSide::None).is_allowed();
            let nanos = start.elapsed().as_nanos();
            assert!(allowed, "the policy that allows is never replaced");
            u64::try_from(nanos).unwrap_or(u64::MAX)
        })
        .collect();
    took.sort_unstable();
    took
}

fn at(sorted: &[u64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize] as f64
}
