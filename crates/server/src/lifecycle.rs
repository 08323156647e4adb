//! Lifecycle rules, carried out in the background.
//!
//! One task does it, so that no two passes go over a bucket at once. What is due is due at midnight
//! UTC, so a bucket is gone over once a day, when its configuration changed, and after a start.
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gate::{BucketFacts, Gate, SystemTask};
use s3::{LifecycleCounts, LifecyclePass, LifecycleRules, Progress};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use vault::Vault;

use crate::clock::Clock;

/// Orders that wait at most; more are refused.
const ORDERS_MAX: usize = 64;
/// How long a pass in the background rests after each page, so that requests come first.
const REST: Duration = Duration::from_millis(20);
/// How often a pass begins anew because its rules were replaced, before others have their turn.
const BEGINNINGS_MAX: usize = 3;

/// An order to carry out what is due in all buckets, now.
type Order = oneshot::Sender<LifecycleCounts>;

/// Where orders are given.
#[derive(Clone, Debug)]
pub(crate) struct Orders(mpsc::Sender<Order>);

impl Orders {
    /// Has everything carried out that is due now, and waits for it. `None` when the server stops.
    pub(crate) async fn carry_out(&self) -> Option<LifecycleCounts> {
        let (order, done) = oneshot::channel();
        self.0.send(order).await.ok()?;
        done.await.ok()
    }
}

/// The task.
pub(crate) struct Lifecycle {
    gate: Gate,
    vault: Arc<Vault>,
    clock: Arc<Clock>,
    orders: mpsc::Receiver<Order>,
    stop: watch::Receiver<bool>,
    /// By the id of the bucket: what was carried out to the end.
    done: HashMap<String, DoneOn>,
}

struct DoneOn {
    /// Days since 1970, UTC.
    day: i64,
    rules: LifecycleRules,
}

/// Why buckets are gone over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// Time passed: only those that were not gone over today, at leisure.
    Interval,
    /// Somebody waits: all, at once.
    Order,
}

impl Lifecycle {
    pub(crate) fn new(
        gate: Gate,
        vault: Arc<Vault>,
        clock: Arc<Clock>,
        stop: watch::Receiver<bool>,
    ) -> (Lifecycle, Orders) {
        let (sender, orders) = mpsc::channel(ORDERS_MAX);
        let lifecycle = Lifecycle {
            gate,
            vault,
            clock,
            orders,
            stop,
            done: HashMap::new(),
        };
        (lifecycle, Orders(sender))
    }

    /// Carries out what is due, each `interval` and when ordered, until the server stops.
    pub(crate) async fn run(mut self, interval: Duration) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = self.stop.clone();
        loop {
            let order = tokio::select! {
                // An error means that the server is gone, which is a reason to stop as well.
                _ = async { stop.wait_for(|stop| *stop).await.map(drop) } => return,
                order = self.orders.recv() => match order {
                    Some(order) => Some(order),
                    None => return,
                },
                _ = ticks.tick() => None,
            };
            match order {
                Some(order) => {
                    let counts = self.go_over(Occasion::Order).await;
                    // Whoever ordered it may have gone away.
                    let _ = order.send(counts);
                }
                None => {
                    self.go_over(Occasion::Interval).await;
                }
            }
        }
    }

    async fn go_over(&mut self, occasion: Occasion) -> LifecycleCounts {
        let mut counts = LifecycleCounts::default();
        let system = self.gate.system(SystemTask::CarryOutLifecycle);
        let buckets = self.vault.buckets_with_lifecycle(&system);
        self.forget_others(&buckets);
        for bucket in buckets {
            if self.is_interrupted(occasion) {
                break;
            }
            counts.add(self.go_over_bucket(&bucket, occasion).await);
        }
        if counts != LifecycleCounts::default() {
            tracing::info!(?counts, "lifecycle rules were carried out");
        }
        counts
    }

    /// Buckets that are gone, or have no rules any more, need not be remembered.
    fn forget_others(&mut self, buckets: &[Arc<BucketFacts>]) {
        let there: std::collections::HashSet<&str> =
            buckets.iter().map(|bucket| bucket.id.as_str()).collect();
        self.done.retain(|id, _| there.contains(id.as_str()));
    }

    /// A pass at leisure gives way to an order, which goes over everything anyway.
    fn is_interrupted(&self, occasion: Occasion) -> bool {
        *self.stop.borrow() || (occasion == Occasion::Interval && !self.orders.is_empty())
    }

    async fn go_over_bucket(
        &mut self,
        bucket: &BucketFacts,
        occasion: Occasion,
    ) -> LifecycleCounts {
        let mut counts = LifecycleCounts::default();
        for _ in 0..BEGINNINGS_MAX {
            let now = self.clock.now();
            let permit = match self.gate.lifecycle(&bucket.name, now).await {
                Ok(Some(permit)) => permit,
                Ok(None) => return counts,
                Err(error) => {
                    tracing::error!(bucket = %bucket.name, %error, "lifecycle rules wait");
                    return counts;
                }
            };
            let Some(rules) = LifecycleRules::of(&self.vault, &permit) else {
                return counts;
            };
            let day = now.as_second().div_euclid(24 * 60 * 60);
            let done = self.done.get(&bucket.id);
            let is_done = done.is_some_and(|done| done.day == day && done.rules.is(&rules));
            if occasion == Occasion::Interval && is_done {
                return counts;
            }
            let mut pass = LifecyclePass::new(rules);
            let end = loop {
                if self.is_interrupted(occasion) {
                    break None;
                }
                match pass.step(&self.vault, &permit).await {
                    Ok(Progress::More) if occasion == Occasion::Interval => {
                        tokio::time::sleep(REST).await;
                    }
                    Ok(Progress::More) => tokio::task::yield_now().await,
                    Ok(end) => break Some(end),
                    // What is due stays due: the next pass finds it.
                    Err(error) => {
                        tracing::error!(bucket = %bucket.name, %error, "lifecycle rules wait");
                        break None;
                    }
                }
            };
            counts.add(pass.counts());
            match end {
                Some(Progress::Done) => {
                    let rules = pass.rules().clone();
                    self.done.insert(bucket.id.clone(), DoneOn { day, rules });
                    return counts;
                }
                Some(Progress::RulesChanged | Progress::More) => {}
                None => return counts,
            }
        }
        counts
    }
}
