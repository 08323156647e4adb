//! The development mode: three accounts with administrators whose credentials everybody knows.
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use catalog::AccountId;
use directory::{Directory, DirectoryError, WellKnownKey};
use gate::System;

use crate::config::{Config, Settings};
use crate::start::{Server, StartError};

/// One of the three accounts. The secrets are published here on purpose: `--dev` listens on
/// loopback only and refuses a data directory that it did not make.
struct DevelopmentAccount {
    number: u64,
    name: &'static str,
    administrator: &'static str,
    administrator_secret: &'static str,
    root_secret: &'static str,
}

const ACCOUNTS: [DevelopmentAccount; 3] = [
    DevelopmentAccount {
        number: 111_111_111_111,
        name: "A",
        administrator: "AccountAadmin",
        administrator_secret: "StrongroomDevelopmentOnly/AccountAadmin1",
        root_secret: "StrongroomDevelopmentOnly/AccountA/root1",
    },
    DevelopmentAccount {
        number: 222_222_222_222,
        name: "B",
        administrator: "AccountBadmin",
        administrator_secret: "StrongroomDevelopmentOnly/AccountBadmin1",
        root_secret: "StrongroomDevelopmentOnly/AccountB/root1",
    },
    DevelopmentAccount {
        number: 333_333_333_333,
        name: "C",
        administrator: "AccountCadmin",
        administrator_secret: "StrongroomDevelopmentOnly/AccountCadmin1",
        root_secret: "StrongroomDevelopmentOnly/AccountC/root1",
    },
];

/// Marks a data directory as made by `--dev`.
const MARK: &str = "development-only";

/// A temporary data directory, removed when the server ends.
pub(crate) struct TemporaryDirectory(PathBuf);

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "the temporary directory stays behind");
        }
    }
}

/// What the development mode sets up.
pub(crate) struct Development {
    config_file: PathBuf,
    region: String,
    keys: Vec<Profile>,
}

struct Profile {
    name: String,
    access_key_id: String,
    secret: &'static str,
}

impl Development {
    fn new(config: &Config) -> Development {
        let mut keys = Vec::new();
        for account in &ACCOUNTS {
            let administrator = account.administrator_key();
            let root = account.root_key();
            keys.push(Profile {
                name: account.administrator.to_owned(),
                access_key_id: administrator.id,
                secret: account.administrator_secret,
            });
            keys.push(Profile {
                name: format!("Account{}root", account.name),
                access_key_id: root.id,
                secret: account.root_secret,
            });
        }
        Development {
            config_file: absolute(&config.data).join("aws-config"),
            region: config.region.clone(),
            keys,
        }
    }

    pub(crate) fn config_file(&self) -> &Path {
        &self.config_file
    }

    /// Makes what is not there yet.
    pub(crate) async fn set_up(
        &self,
        system: &System,
        directory: &Directory,
    ) -> Result<(), DirectoryError> {
        for account in &ACCOUNTS {
            directory
                .ensure_development_account(
                    system,
                    account.id(),
                    account.name,
                    account.root_key(),
                    account.administrator,
                    account.administrator_key(),
                )
                .await?;
        }
        Ok(())
    }

    /// Writes the AWS config file and says what to do with it.
    pub(crate) fn greeting(
        &self,
        address: SocketAddr,
        admin_address: SocketAddr,
    ) -> io::Result<String> {
        let endpoint = format!("http://{address}");
        let mut config =
            String::from("# Written by `strongroom serve --dev`: for development only.\n");
        let region = &self.region;
        config.push_str(&format!(
            "[default]\nregion = {region}\nendpoint_url = {endpoint}\n"
        ));
        for profile in &self.keys {
            config.push_str(&format!(
                "\n[profile {}]\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = {region}\nendpoint_url = {endpoint}\n",
                profile.name, profile.access_key_id, profile.secret
            ));
        }
        fs::write(&self.config_file, config)?;
        let path = self.config_file.display();
        let mut text = format!(
            "*** DEVELOPMENT MODE: everybody knows these credentials. Never put real data here. ***\n\n\
             S3, IAM and STS at {endpoint}   admin API and /health at http://{admin_address}\n\n\
             Account  Id            Administrator   Profile\n"
        );
        for account in &ACCOUNTS {
            text.push_str(&format!(
                "{:<9}{:<14}{:<16}{}\n",
                account.name, account.number, account.administrator, account.administrator
            ));
        }
        text.push_str(&format!(
            "\nAWS config file: {path}\nPaste this, then use the AWS CLI and SDKs as always:\n\n  \
             export AWS_CONFIG_FILE={path} AWS_PROFILE=AccountAadmin\n\n\
             For example: aws sts get-caller-identity\n"
        ));
        Ok(text)
    }
}

impl DevelopmentAccount {
    fn id(&self) -> AccountId {
        // INVARIANT: the numbers above have 12 digits.
        AccountId::try_from(self.number).unwrap_or_else(|_| unreachable!("a number of 12 digits"))
    }
    fn administrator_key(&self) -> WellKnownKey {
        WellKnownKey::new(self.id(), 1, self.administrator_secret)
    }
    fn root_key(&self) -> WellKnownKey {
        WellKnownKey::new(self.id(), 0, self.root_secret)
    }
}

impl Server {
    /// Starts the development mode: loopback only, three accounts, an AWS config file.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_dev(settings: Settings) -> Result<Server, StartError> {
        let temporary = match &settings.data {
            Some(_) => None,
            None => Some(temporary_directory()?),
        };
        let data = temporary.as_ref().map(|directory| directory.0.join("data"));
        let config = settings
            .or(Settings {
                data,
                ..Settings::default()
            })
            .resolve();
        for address in [config.listen, config.admin_listen] {
            if !address.ip().is_loopback() {
                return Err(StartError::NotLoopback { address });
            }
        }
        mark(&config)?;
        let development = Development::new(&config);
        let mut server = Server::start_with(config, Some(development)).await?;
        server.temporary = temporary;
        Ok(server)
    }
}

fn temporary_directory() -> Result<TemporaryDirectory, StartError> {
    let name = format!("strongroom-dev-{}", hex::encode(seal::random::<6>()?));
    let path = std::env::temp_dir().join(name);
    match fs::create_dir(&path) {
        Ok(()) => Ok(TemporaryDirectory(path)),
        Err(source) => Err(StartError::Data { path, source }),
    }
}

/// The line to paste must hold in every directory.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Well-known credentials must not be added to a directory with real data.
fn mark(config: &Config) -> Result<(), StartError> {
    let mark = config.data.join(MARK);
    let has_data = fs::read_dir(&config.data).is_ok_and(|mut entries| entries.next().is_some());
    if has_data && !mark.exists() {
        return Err(StartError::NotDevelopment {
            data: config.data.clone(),
        });
    }
    // The key lies beside; both are made here, so that the mark is never found without it.
    if !config.key_file.exists() {
        if let Some(parent) = config.key_file.parent() {
            fs::create_dir_all(parent).map_err(|source| StartError::Data {
                path: parent.to_owned(),
                source,
            })?;
        }
        seal::KeyEncryptionKey::create(&config.key_file)?;
    }
    fs::create_dir_all(&config.data)
        .and_then(|()| fs::write(&mark, "Made by `strongroom serve --dev`.\n"))
        .map_err(|source| StartError::Data {
            path: config.data.clone(),
            source,
        })
}
