//! One table, for people and as JSON.
use serde_json::{Value, json};

use crate::load::Summary;
use crate::process::Memory;

/// What one row of the table says.
#[derive(Default)]
pub struct Row {
    pub name: &'static str,
    pub work: String,
    pub summary: Option<Summary>,
    pub bytes_each: usize,
    pub memory: Option<Memory>,
    /// The bare server's rate.
    pub bare: Option<f64>,
    /// Other figures, in words.
    pub notes: Vec<String>,
    pub goals: Vec<Goal>,
}

/// A goal, what was reached, and whether that is enough.
pub struct Goal {
    pub text: String,
    pub reached: f64,
    pub met: bool,
}

impl Goal {
    pub fn at_least(wanted: f64, reached: f64, of: &str) -> Goal {
        Goal {
            text: format!("≥ {wanted} {of}"),
            reached,
            met: reached >= wanted,
        }
    }

    pub fn at_most(wanted: f64, reached: f64, of: &str) -> Goal {
        Goal {
            text: format!("≤ {wanted} {of}"),
            reached,
            met: reached <= wanted,
        }
    }
}

pub const HEADER: &str = "\
| work | ops/s | MB/s | p50 µs | p99 µs | server CPU µs/op | peak memory MiB (with mapped files) | bare ops/s | of bare | goals: reached | notes |
|---|--:|--:|--:|--:|--:|--:|--:|--:|---|---|";

const MIB: f64 = 1024.0 * 1024.0;

impl Row {
    pub fn line(&self) -> String {
        let number = |value: Option<f64>, digits: usize| {
            value
                .map(|value| format!("{value:.digits$}"))
                .unwrap_or_default()
        };
        let summary = self.summary;
        let rate = summary.map(|summary| summary.rate);
        let bandwidth = rate.map(|rate| rate * self.bytes_each as f64 / 1e6);
        let of_bare = rate.zip(self.bare).map(|(rate, bare)| rate / bare);
        let memory = self.memory.map(|memory| {
            let (own, resident) = (memory.own as f64 / MIB, memory.resident as f64 / MIB);
            format!("{own:.0} ({resident:.0})")
        });
        let goals: Vec<String> = self.goals.iter().map(Goal::told).collect();
        [
            self.work.clone(),
            number(
                rate,
                if rate.is_some_and(|rate| rate < 100.0) {
                    1
                } else {
                    0
                },
            ),
            number(bandwidth.filter(|_| self.bytes_each > 0), 1),
            number(summary.map(|summary| summary.p50_us), 0),
            number(summary.map(|summary| summary.p99_us), 0),
            number(summary.and_then(|summary| summary.cpu_us), 1),
            memory.unwrap_or_default(),
            number(self.bare, 0),
            number(of_bare, 2),
            goals.join("; "),
            self.notes.join("; "),
        ]
        .iter()
        .fold("|".to_owned(), |line, cell| format!("{line} {cell} |"))
    }

    pub fn json(&self) -> Value {
        let summary = self.summary;
        json!({
            "name": self.name,
            "work": self.work,
            "operations_per_second": summary.map(|summary| summary.rate),
            "bytes_each": self.bytes_each,
            "p50_us": summary.map(|summary| summary.p50_us),
            "p99_us": summary.map(|summary| summary.p99_us),
            "server_cpu_us": summary.and_then(|summary| summary.cpu_us),
            "peak_own_bytes": self.memory.map(|memory| memory.own),
            "peak_resident_bytes": self.memory.map(|memory| memory.resident),
            "bare_operations_per_second": self.bare,
            "notes": self.notes,
            "goals": self.goals.iter().map(|goal| json!({
                "goal": goal.text, "reached": goal.reached, "met": goal.met,
            })).collect::<Vec<_>>(),
        })
    }
}

impl Goal {
    fn told(&self) -> String {
        let mark = if self.met { "met" } else { "MISSED" };
        let digits = if self.reached.abs() < 10.0 { 2 } else { 0 };
        format!("{}: {:.digits$} {mark}", self.text, self.reached)
    }
}
