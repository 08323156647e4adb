//! Builds the server from its configuration, and stops it.
use std::convert::Infallible;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use directory::{Directory, NewAccount};
use engine::{ControlStore, ObjectEngine};
use engine_local::Local;
use gate::{Gate, SystemTask};
use hyper::service::service_fn;
use journal::Journal;
use seal::KeyEncryptionKey;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vault::{Foundations, Vault};

use crate::admin::{self, Admin};
use crate::clock::{Clock, Turning};
use crate::config::{Config, Connections};
use crate::dispatch::App;
use crate::explanations::Explainer;
use crate::lifecycle::Lifecycle;
use crate::upkeep::Upkeep;
use crate::{descriptors, dev, listen};

/// Connections that the system keeps until they are accepted, if its own limit (`somaxconn`) is not
/// lower. One more is dropped, and its client tries again only after a second.
const BACKLOG: u32 = 4096;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be made.
    #[error("the data directory `{path}` cannot be used: {source}")]
    Data {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Data without its key.
    #[error(
        "the data directory `{data}` is there, but its key file `{key_file}` is not\n  Nothing in it can be read without that key. Put the file back, or name it with --key-file."
    )]
    KeyMissing {
        /// The data directory.
        data: PathBuf,
        /// Where the key was looked for.
        key_file: PathBuf,
    },
    /// The key file cannot be used.
    #[error(transparent)]
    Key(#[from] seal::SealError),
    /// The storage engine does not open.
    #[error("the store in `{path}` does not open: {source}")]
    Engine {
        /// The data directory.
        path: PathBuf,
        /// Why.
        source: engine_local::OpenError,
    },
    /// Accounts and identities cannot be read.
    #[error("accounts and identities cannot be read: {0}")]
    Directory(#[from] directory::DirectoryError),
    /// Buckets cannot be read.
    #[error("buckets cannot be read: {0}")]
    Vault(#[from] vault::VaultError),
    /// An address is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The development mode listens on loopback only.
    #[error(
        "--dev serves with credentials that everybody knows: it listens on loopback addresses only, not on {address}"
    )]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The development mode adds credentials that everybody knows only to its own directories.
    #[error(
        "`{data}` was not made by --dev: well-known credentials are not added to it\n  Name another directory with --data, or none."
    )]
    NotDevelopment {
        /// The data directory.
        data: PathBuf,
    },
    /// A file cannot be written.
    #[error("`{path}` cannot be written: {source}")]
    Write {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    admin_address: SocketAddr,
    greeting: String,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    app: Arc<App>,
    // Held until the server ends, for the development mode without --data.
    pub(crate) temporary: Option<dev::TemporaryDirectory>,
}

impl Server {
    /// Opens or makes the data directory and listens.
    ///
    /// # Errors
    /// See [`StartError`]; nothing listens then.
    pub async fn start(config: Config) -> Result<Server, StartError> {
        Server::start_with(config, None).await
    }

    pub(crate) async fn start_with(
        config: Config,
        dev: Option<dev::Development>,
    ) -> Result<Server, StartError> {
        let connections = possible(config.connections);
        let keys = Arc::new(open_key(&config)?);
        make_directory(&config.data)?;
        let local = open_engine(&config.data)?;
        let control: Arc<dyn ControlStore> = local.clone();
        let objects: Arc<dyn ObjectEngine> = local.clone();
        let directory = Arc::new(Directory::open(control.clone(), keys.clone()).await?);
        let foundations = Foundations {
            engine: objects,
            control,
            keys,
            principals: directory.clone(),
            region: config.region.clone(),
        };
        let vault = Arc::new(Vault::open(foundations).await?);
        let gate = Gate::new(vault.clone(), directory.clone());
        let clock = Arc::new(Clock::new(match &dev {
            Some(_) => Turning::Allowed,
            None => Turning::Never,
        }));
        let journal = Arc::new(open_journal(&config)?);
        let explainer = Arc::new(Explainer::new(
            gate.clone(),
            directory.clone(),
            journal.clone(),
            clock.clone(),
            config.region.clone(),
        ));
        let first = first_account(&gate, &directory, dev.as_ref()).await?;
        let token = admin_token(&config)?;

        let listener = bind(config.listen)?;
        let admin_listener = bind(config.admin_listen)?;
        let address = local_address(&listener, config.listen)?;
        let admin_address = local_address(&admin_listener, config.admin_listen)?;
        let (stop, stopped) = watch::channel(false);
        let app = Arc::new(App::new(
            gate.clone(),
            directory.clone(),
            vault.clone(),
            journal,
            explainer.clone(),
            clock.clone(),
            &config,
        ));
        let (lifecycle, orders) =
            Lifecycle::new(gate.clone(), vault, clock.clone(), stopped.clone());
        let admin = Admin {
            gate,
            directory,
            token: token.into(),
            endpoint: address,
            explainer,
            clock,
            lifecycle: orders,
            upkeep: Upkeep::new(
                local,
                config.data.clone(),
                config.key_file.clone(),
                stopped.clone(),
            ),
        };
        let serving = app.clone();
        let tasks = vec![
            tokio::spawn(listen::serve(
                listener,
                connections,
                stopped.clone(),
                move |peer| {
                    let app = serving.clone();
                    service_fn(move |request| {
                        let app = app.clone();
                        async move { Ok::<_, Infallible>(app.handle(request, peer).await) }
                    })
                },
            )),
            tokio::spawn(admin::serve(admin_listener, admin, connections, stopped)),
            tokio::spawn(lifecycle.run(config.lifecycle_interval)),
        ];
        let greeting = match &dev {
            Some(dev) => {
                dev.greeting(address, admin_address)
                    .map_err(|source| StartError::Write {
                        path: dev.config_file().to_owned(),
                        source,
                    })?
            }
            None => greeting(&config, address, admin_address, first.as_ref()),
        };
        Ok(Server {
            address,
            admin_address,
            greeting,
            stop,
            tasks,
            app,
            temporary: None,
        })
    }

    /// Where the AWS APIs are served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the admin API is served.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// What the operator reads at start. After the very first start it holds the root access key of
    /// the first account, this once.
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// Accepts nothing more, lets requests under way end, and returns.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a listener failed");
            }
        }
        self.app.flush().await;
    }
}

/// As many connections as the system has descriptors for.
fn possible(wanted: Connections) -> Connections {
    let descriptors = descriptors::raise();
    let count_max = descriptors::connections(wanted.count_max, descriptors);
    if count_max < wanted.count_max {
        tracing::warn!(
            descriptors,
            count_max,
            "the limit of open files allows fewer connections at once; raise it (LimitNOFILE, ulimit -n)"
        );
    }
    Connections {
        count_max,
        ..wanted
    }
}

fn open_key(config: &Config) -> Result<KeyEncryptionKey, StartError> {
    if config.key_file.exists() {
        return Ok(KeyEncryptionKey::read(&config.key_file)?);
    }
    let has_data = fs::read_dir(&config.data).is_ok_and(|mut entries| entries.next().is_some());
    if has_data {
        return Err(StartError::KeyMissing {
            data: config.data.clone(),
            key_file: config.key_file.clone(),
        });
    }
    if let Some(parent) = config
        .key_file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        make_directory(parent)?;
    }
    Ok(KeyEncryptionKey::create(&config.key_file)?)
}

fn make_directory(path: &Path) -> Result<(), StartError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| StartError::Data {
            path: path.to_owned(),
            source,
        })
}

/// Where the storage engine's directory lies in a data directory.
pub(crate) fn store_directory(data: &Path) -> PathBuf {
    data.join("store")
}

fn open_engine(data: &Path) -> Result<Arc<Local>, StartError> {
    let path = store_directory(data);
    make_directory(&path)?;
    Local::open(&path, engine_local::Options::default())
        .map(Arc::new)
        .map_err(|source| StartError::Engine { path, source })
}

fn open_journal(config: &Config) -> Result<Journal, StartError> {
    let path = config.data.join("journal");
    Journal::open(&path, config.journal).map_err(|source| StartError::Data { path, source })
}

/// The account that the very first start makes, with its root access key.
struct First {
    account_id: String,
    access_key_id: String,
    secret_access_key: String,
}

async fn first_account(
    gate: &Gate,
    directory: &Directory,
    dev: Option<&dev::Development>,
) -> Result<Option<First>, StartError> {
    if let Some(dev) = dev {
        dev.set_up(&gate.system(SystemTask::SetUpDevelopment), directory)
            .await?;
        return Ok(None);
    }
    let system = gate.system(SystemTask::AdministerAccounts);
    if !directory.list_accounts(&system).is_empty() {
        return Ok(None);
    }
    let account = NewAccount {
        id: None,
        name: "main".to_owned(),
        email: None,
    };
    let created = directory.create_account(&system, account).await?;
    Ok(Some(First {
        account_id: created.account.id.to_string(),
        access_key_id: created.access_key_id.clone(),
        secret_access_key: created.secret.expose().to_owned(),
    }))
}

/// A new token at every start: who could read it once need not be able to for ever.
fn admin_token(config: &Config) -> Result<String, StartError> {
    let token = hex::encode(seal::random::<32>()?);
    let path = config.token_file();
    let written = match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| writeln!(file, "{token}")),
    };
    written.map_err(|source| StartError::Write { path, source })?;
    Ok(token)
}

fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listen = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // A restart need not wait for connections of the server before.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|source| StartError::Listen { address, source })
}

fn local_address(listener: &TcpListener, asked: SocketAddr) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Listen {
        address: asked,
        source,
    })
}

fn greeting(
    config: &Config,
    address: SocketAddr,
    admin_address: SocketAddr,
    first: Option<&First>,
) -> String {
    let mut text = format!(
        "Strongroom serves S3, IAM and STS at http://{address}\n\
         Admin API and /health at http://{admin_address}\n\
         Data in {}, its key in {}\n",
        config.data.display(),
        config.key_file.display(),
    );
    if let Some(first) = first {
        text.push_str(&format!(
            "\nThis is the first start. Account {} was made; this is its root access key, shown this once:\n\
             \n  export AWS_ENDPOINT_URL=http://{address} AWS_REGION={}\n  \
             export AWS_ACCESS_KEY_ID={}\n  export AWS_SECRET_ACCESS_KEY={}\n\
             \nMore accounts: strongroom account create --data {} --name NAME\n",
            first.account_id,
            config.region,
            first.access_key_id,
            first.secret_access_key,
            config.data.display(),
        ));
    }
    text
}
