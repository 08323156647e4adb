//! A sweep over sizes on one connection: no size may wait for a timer, such as the 40 ms that
//! Nagle's algorithm and a delayed acknowledgement make together.
use crate::client::Connection;
use crate::figures::median;
use crate::load::{Work, send_one};
use crate::report::{Goal, Row};
use crate::rows::{Bench, Outcome, Report, plain};

const SIZES: [usize; 27] = [
    0, 1, 100, 536, 1000, 1400, 1448, 1460, 1500, 2000, 2920, 4096, 8192, 16_383, 16_384, 16_385,
    32_768, 65_535, 65_536, 65_537, 100_000, 131_071, 131_072, 131_073, 262_144, 524_288,
    1_048_576,
];
const ROUNDS: u64 = 31;

impl Bench {
    pub fn stalls(&mut self, report: Report<'_>) -> Outcome<()> {
        if !self.arguments.wants("stalls") {
            return Ok(());
        }
        let mut worst = [(0.0, 0), (0.0, 0)];
        for size in SIZES {
            for (at, work) in [Work::Put { count: ROUNDS }, Work::Get { count: ROUNDS }]
                .into_iter()
                .enumerate()
            {
                let load = self.load(work, "sweep", size, 1);
                let times = self.runtime.block_on(async {
                    let mut connection =
                        Connection::open(&self.ours.address, &self.ours.credentials, "s3").await?;
                    let mut times = Vec::new();
                    for number in 0..ROUNDS {
                        let began = std::time::Instant::now();
                        send_one(&mut connection, &load, number).await?;
                        times.push(began.elapsed().as_secs_f64() * 1e3);
                    }
                    Ok(times)
                });
                let typical = median(times.map_err(plain)?);
                if typical > worst[at].0 {
                    worst[at] = (typical, size);
                }
            }
        }
        let [(put, put_size), (get, get_size)] = worst;
        report(Row {
            name: "stalls",
            work: format!("{} sizes from 0 to 1 MiB, 1 connection", SIZES.len()),
            goals: vec![
                Goal::at_most(10.0, get, "ms for the slowest size's median GET"),
                Goal::at_most(30.0, put, "ms for the slowest size's median PUT"),
            ],
            notes: vec![format!(
                "slowest: GET of {get_size}, PUT of {put_size} bytes"
            )],
            ..Row::default()
        });
        Ok(())
    }
}
