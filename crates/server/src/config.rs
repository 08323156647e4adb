//! What the server is told: flags and environment first, then one TOML file, then defaults.
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use journal::Limits;
use serde::Deserialize;

/// The address of the AWS APIs, unless told otherwise.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9000);
/// The address of the admin API, unless told otherwise.
pub const ADMIN_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9001);
/// The region of the endpoint, unless told otherwise.
pub const REGION: &str = "us-east-1";
/// How often it is looked whether lifecycle rules are due, unless told otherwise. They are due at
/// midnight UTC.
const LIFECYCLE_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// Settings as they are written in the TOML file; every one may be absent.
///
/// ```
/// let settings: server::Settings = toml::from_str("listen = '127.0.0.1:9100'\ndomain = ['s3.test']")?;
/// assert_eq!(settings.domain.as_deref(), Some(["s3.test".to_owned()].as_slice()));
/// assert!(toml::from_str::<server::Settings>("lisen = '127.0.0.1:9100'").is_err());
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The data directory.
    pub data: Option<PathBuf>,
    /// Address of the AWS APIs.
    pub listen: Option<SocketAddr>,
    /// Address of the admin API.
    pub admin_listen: Option<SocketAddr>,
    /// Domains for `BUCKET.DOMAIN` addresses, besides `localhost` and `s3.localhost`.
    pub domain: Option<Vec<String>>,
    /// Region of the endpoint.
    pub region: Option<String>,
    /// The key file, which must not be in the data directory unless you want that.
    pub key_file: Option<PathBuf>,
    /// Total size that the journal keeps, in MiB.
    pub journal_mib: Option<u64>,
    /// Days that the journal keeps a call, if its size allows.
    pub journal_days: Option<NonZeroU32>,
    /// Connections at once.
    pub max_connections: Option<NonZeroU32>,
    /// Seconds that a connection may stay open without a request.
    pub idle_seconds: Option<NonZeroU32>,
    /// Seconds that the head of a request may take, from its first byte.
    pub head_seconds: Option<NonZeroU32>,
    /// Seconds that a body may pause.
    pub body_seconds: Option<NonZeroU32>,
    /// Seconds for which a client may not read what it is sent.
    pub write_seconds: Option<NonZeroU32>,
    /// Seconds that requests under way may take after the signal to stop.
    pub stop_seconds: Option<NonZeroU32>,
    /// Minutes between two looks whether lifecycle rules are due.
    pub lifecycle_minutes: Option<NonZeroU32>,
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file `{path}` cannot be read: {source}")]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the configuration file `{path}` is not understood: {source}")]
    Malformed {
        /// Its path.
        path: PathBuf,
        /// Why, with line and column.
        source: Box<toml::de::Error>,
    },
}

impl Settings {
    /// Reads a TOML file.
    ///
    /// # Errors
    /// When it cannot be read, is not TOML, or has a setting that does not exist.
    pub fn read(path: &Path) -> Result<Settings, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        toml::from_str(&text).map_err(|source| ConfigError::Malformed {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// These settings, with those of `other` where these have none.
    #[must_use]
    pub fn or(self, other: Settings) -> Settings {
        Settings {
            data: self.data.or(other.data),
            listen: self.listen.or(other.listen),
            admin_listen: self.admin_listen.or(other.admin_listen),
            domain: self.domain.or(other.domain),
            region: self.region.or(other.region),
            key_file: self.key_file.or(other.key_file),
            journal_mib: self.journal_mib.or(other.journal_mib),
            journal_days: self.journal_days.or(other.journal_days),
            max_connections: self.max_connections.or(other.max_connections),
            idle_seconds: self.idle_seconds.or(other.idle_seconds),
            head_seconds: self.head_seconds.or(other.head_seconds),
            body_seconds: self.body_seconds.or(other.body_seconds),
            write_seconds: self.write_seconds.or(other.write_seconds),
            stop_seconds: self.stop_seconds.or(other.stop_seconds),
            lifecycle_minutes: self.lifecycle_minutes.or(other.lifecycle_minutes),
        }
    }

    /// The whole configuration, with defaults for what is not set.
    pub fn resolve(self) -> Config {
        let data = self
            .data
            .unwrap_or_else(|| PathBuf::from("strongroom-data"));
        let key_file = self.key_file.unwrap_or_else(|| beside(&data, ".key"));
        let standard = Connections::default();
        let seconds = |set: Option<NonZeroU32>, standard: Duration| {
            set.map_or(standard, |set| Duration::from_secs(set.get().into()))
        };
        Config {
            connections: Connections {
                count_max: self
                    .max_connections
                    .map_or(standard.count_max, NonZeroU32::get),
                idle: seconds(self.idle_seconds, standard.idle),
                head: seconds(self.head_seconds, standard.head),
                body: seconds(self.body_seconds, standard.body),
                write: seconds(self.write_seconds, standard.write),
                stop: seconds(self.stop_seconds, standard.stop),
            },
            key_file,
            listen: self.listen.unwrap_or(LISTEN),
            admin_listen: self.admin_listen.unwrap_or(ADMIN_LISTEN),
            domains: self.domain.unwrap_or_default(),
            region: self.region.unwrap_or_else(|| REGION.to_owned()),
            journal: journal_limits(self.journal_mib, self.journal_days),
            lifecycle_interval: self
                .lifecycle_minutes
                .map_or(LIFECYCLE_INTERVAL, |minutes| {
                    Duration::from_secs(60).saturating_mul(minutes.get())
                }),
            data,
        }
    }
}

fn journal_limits(mib: Option<u64>, days: Option<NonZeroU32>) -> Limits {
    let standard = Limits::default();
    let day = Duration::from_secs(24 * 60 * 60);
    Limits {
        // A journal that has no room for a refusal with its policies would keep none.
        bytes_max: mib.map_or(standard.bytes_max, |mib| {
            mib.max(1).saturating_mul(1024 * 1024)
        }),
        age_max: days.map_or(standard.age_max, |days| day.saturating_mul(days.get())),
    }
}

/// The path with `suffix` after its last name: beside the directory, not in it.
fn beside(directory: &Path, suffix: &str) -> PathBuf {
    let mut path = directory.to_owned();
    let mut name = directory
        .file_name()
        .map(ToOwned::to_owned)
        .unwrap_or_else(|| "strongroom".into());
    name.push(suffix);
    path.set_file_name(name);
    path
}

/// Everything that the server needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data directory.
    pub data: PathBuf,
    /// The file with the key-encryption key.
    pub key_file: PathBuf,
    /// Address of the AWS APIs.
    pub listen: SocketAddr,
    /// Address of the admin API.
    pub admin_listen: SocketAddr,
    /// Domains for `BUCKET.DOMAIN` addresses.
    pub domains: Vec<String>,
    /// Region of the endpoint.
    pub region: String,
    /// How much the journal keeps, and for how long.
    pub journal: Limits,
    /// How many connections there may be, and how long each may be silent.
    pub connections: Connections,
    /// Between two looks whether lifecycle rules are due.
    pub lifecycle_interval: Duration,
}

/// How many connections there may be at once, and how long each may be silent before it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Connections of the AWS APIs at once; fewer if the system allows fewer open files.
    pub count_max: u32,
    /// Without a request.
    pub idle: Duration,
    /// For the head of a request, from its first byte to its last.
    pub head: Duration,
    /// Between two pieces of a body. S3 answers `RequestTimeout` then.
    pub body: Duration,
    /// For which a client may not read what it is sent.
    pub write: Duration,
    /// For requests under way after the signal to stop.
    pub stop: Duration,
}

impl Default for Connections {
    fn default() -> Connections {
        Connections {
            count_max: 8192,
            idle: Duration::from_secs(120),
            head: Duration::from_secs(30),
            body: Duration::from_secs(30),
            write: Duration::from_secs(120),
            stop: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// The file with the admin API's token, readable by the owner of the data directory only.
    pub fn token_file(&self) -> PathBuf {
        token_file(&self.data)
    }
}

/// Where the admin API's token lies in a data directory.
pub fn token_file(data: &Path) -> PathBuf {
    data.join("admin-token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_lies_beside_the_data_and_not_in_it() {
        let settings = Settings {
            data: Some("/srv/strongroom".into()),
            ..Settings::default()
        };
        assert_eq!(
            settings.resolve().key_file,
            PathBuf::from("/srv/strongroom.key")
        );
        assert_eq!(
            Settings::default().resolve().key_file,
            PathBuf::from("strongroom-data.key")
        );
    }

    #[test]
    fn what_is_set_first_wins() {
        let flags = Settings {
            region: Some("eu-west-1".to_owned()),
            ..Settings::default()
        };
        let file = Settings {
            region: Some("us-west-2".to_owned()),
            domain: Some(vec!["s3.test".to_owned()]),
            ..Settings::default()
        };
        let config = flags.or(file).resolve();
        assert_eq!(config.region, "eu-west-1");
        assert_eq!(config.domains, ["s3.test"]);
        assert_eq!(config.listen, LISTEN);
    }

    #[test]
    fn connections_have_limits_that_can_be_set() {
        let settings: Settings = toml::from_str("max-connections = 7\nbody-seconds = 3").unwrap();
        let set = settings.resolve().connections;
        let standard = Connections::default();
        let wanted = Connections {
            count_max: 7,
            body: Duration::from_secs(3),
            ..standard
        };
        assert_eq!(set, wanted);
        assert_eq!(Settings::default().resolve().connections, standard);
        assert!(toml::from_str::<Settings>("idle-seconds = 0").is_err());
    }

    #[test]
    fn the_journal_keeps_for_a_size_and_a_time() {
        let settings: Settings = toml::from_str("journal-mib = 64\njournal-days = 7").unwrap();
        let limits = settings.resolve().journal;
        assert_eq!(limits.bytes_max, 64 * 1024 * 1024);
        assert_eq!(limits.age_max, Duration::from_secs(7 * 86_400));
        let standard = Settings::default().resolve().journal;
        assert_eq!(standard.bytes_max, 512 * 1024 * 1024);
        assert_eq!(standard.age_max, Duration::from_secs(30 * 86_400));
        assert!(toml::from_str::<Settings>("journal-days = 0").is_err());
    }
}
