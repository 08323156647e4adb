//! The server: configuration, listeners, dispatch, admin API, development mode.
//!
//! It is the one place that builds the stores and the gate. It decides nothing about access and
//! knows no operation by name: requests go through `wire`, `directory` and the services.
//!
//! ```no_run
//! # async fn example() -> Result<(), server::StartError> {
//! let settings = server::Settings { data: Some("/srv/strongroom".into()), ..Default::default() };
//! let server = server::Server::start(settings.resolve()).await?;
//! println!("{}", server.greeting());
//! server.stop().await;
//! # Ok(()) }
//! ```

mod admin;
mod backup;
mod body;
mod clock;
mod config;
mod connection;
mod descriptors;
mod dev;
mod dispatch;
mod explanations;
mod fsck;
mod lifecycle;
mod listen;
mod operations;
mod start;
mod upkeep;

pub use admin::{AccountView, ClockTurn, ClockView};
pub use backup::{Backup, BackupError, Copied, Restore};
pub use config::{
    ADMIN_LISTEN, Config, ConfigError, Connections, LISTEN, REGION, Settings, token_file,
};
pub use explanations::{RefusedRequest, WhoCan};
pub use fsck::{Fsck, FsckCounts, FsckError, FsckProblem, FsckRebuilt, FsckReport};
pub use operations::operations;
pub use s3::LifecycleCounts;
pub use start::{Server, StartError};
pub use upkeep::{BackupDone, BackupOrder, FsckOrder, UpkeepLine};
