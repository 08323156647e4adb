//! `strongroom clock …`
use clap::Subcommand;
use hyper::Method;
use jiff::{Span, SpanRelativeTo, Timestamp};
use server::{ClockTurn, ClockView};

use crate::Common;
use crate::admin::{Admin, wait_for};

/// The clock of a server that was started with `--dev`, to see what time does to stored data.
///
/// It is the time of objects, versions and uploads, of lifecycle rules and of conditions on
/// aws:CurrentTime in S3. Signatures, sessions and access keys keep the real time. Turning it
/// carries out lifecycle rules at once. A restart sets it to the real time.
#[derive(Subcommand)]
pub enum Clock {
    /// Show the time
    Show,
    /// Let time pass
    Advance {
        /// Such as 3d, 36h or "1d 12h"; a day has 24 hours
        #[arg(value_name = "SPAN", value_parser = seconds, allow_hyphen_values = true)]
        by: i64,
    },
    /// Set the clock to a time
    Set {
        /// Such as 2030-01-01T00:00:00Z
        #[arg(value_name = "TIME")]
        to: Timestamp,
    },
    /// Set the clock to the real time
    Reset,
}

impl Clock {
    /// Runs the subcommand.
    pub fn run(&self, common: &Common) -> Result<(), Box<dyn std::error::Error>> {
        let admin = Admin::of(common)?;
        wait_for(self.call(&admin))?
    }

    async fn call(&self, admin: &Admin) -> Result<(), Box<dyn std::error::Error>> {
        let turn = match self {
            Clock::Show => None,
            Clock::Advance { by } => Some(ClockTurn::BySeconds(*by)),
            Clock::Set { to } => Some(ClockTurn::To(*to)),
            Clock::Reset => Some(ClockTurn::Reset),
        };
        let view: ClockView = match turn {
            None => admin.call(Method::GET, "/v1/clock", None).await?,
            Some(turn) => {
                let body = serde_json::to_value(turn)?;
                admin.call(Method::POST, "/v1/clock", Some(&body)).await?
            }
        };
        println!("{}", view.now);
        Ok(())
    }
}

fn seconds(text: &str) -> Result<i64, jiff::Error> {
    let span: Span = text.parse()?;
    let span = span.to_duration(SpanRelativeTo::days_are_24_hours())?;
    Ok(span.as_secs())
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn spans_are_read_with_days_of_24_hours() {
        assert_eq!(seconds("3d").unwrap(), 3 * 86_400);
        assert_eq!(seconds("1d 12h").unwrap(), 36 * 3600);
        assert_eq!(seconds("90s").unwrap(), 90);
        assert_eq!(seconds("-1h").unwrap(), -3600);
        assert!(seconds("3").is_err());
        assert!(seconds("1mo").is_err());
    }
}
