//! The table that a run ends with.
use std::fmt;

/// What a row is held to.
#[derive(Clone, Copy, Default)]
pub struct Goal {
    pub ns_max: Option<f64>,
    /// At least this many times faster than Cedar.
    pub times_cedar: Option<f64>,
    pub allocations_max: Option<usize>,
    /// At most this many times that figure of the same run.
    pub at_most: Option<(f64, f64)>,
}

pub struct Row {
    pub work: String,
    pub ours_ns: f64,
    pub cedar_ns: Option<f64>,
    pub allocations: Option<usize>,
    pub goal: Goal,
}

impl Row {
    fn goal(&self) -> String {
        let goal = &self.goal;
        let mut parts = Vec::new();
        if let Some(max) = goal.ns_max {
            parts.push(format!("≤ {} ns", grouped(max)));
        }
        if let Some(times) = goal.times_cedar {
            parts.push(format!("Cedar ≥ {times}×"));
        }
        if let Some(max) = goal.allocations_max {
            parts.push(format!("{max} allocations"));
        }
        if let Some((times, of)) = goal.at_most {
            parts.push(format!("≤ {times}× {} ns", grouped(of)));
        }
        parts.join(", ")
    }

    fn is_met(&self) -> Option<bool> {
        let goal = &self.goal;
        let checks = [
            goal.ns_max.map(|max| self.ours_ns <= max),
            goal.times_cedar.map(|times| {
                self.cedar_ns
                    .is_some_and(|cedar| cedar >= times * self.ours_ns)
            }),
            goal.allocations_max
                .map(|max| self.allocations.is_some_and(|found| found <= max)),
            goal.at_most.map(|(times, of)| self.ours_ns <= times * of),
        ];
        let mut checks = checks.into_iter().flatten().peekable();
        checks.peek().is_some().then(|| checks.all(|met| met))
    }
}

#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| work | ours, ns | Cedar, ns | Cedar ÷ ours | allocations | goal | met |"
        )?;
        writeln!(f, "|---|--:|--:|--:|--:|---|---|")?;
        for row in &self.rows {
            let cedar = row.cedar_ns.map(grouped).unwrap_or_default();
            let ratio = row
                .cedar_ns
                .map(|cedar| format!("{:.1}", cedar / row.ours_ns))
                .unwrap_or_default();
            let allocations = row.allocations.map(|n| n.to_string()).unwrap_or_default();
            let met = match row.is_met() {
                Some(true) => "yes",
                Some(false) => "NO",
                None => "",
            };
            writeln!(
                f,
                "| {} | {} | {cedar} | {ratio} | {allocations} | {} | {met} |",
                row.work,
                grouped(row.ours_ns),
                row.goal(),
            )?;
        }
        Ok(())
    }
}

fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
