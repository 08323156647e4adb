//! The client of the admin API.
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::Common;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use server::UpkeepLine;
use tokio::net::TcpStream;

/// Why the admin API gave no answer, in words that say what to do.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No token file.
    #[error(
        "cannot read the admin token `{path}`: {source}\n  Is `{data}` the data directory of a running server? Name it with --data DIR or STRONGROOM_DATA."
    )]
    Token {
        /// The token file.
        path: PathBuf,
        /// The data directory.
        data: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing listens.
    #[error(
        "no server answers at {address}: {source}\n  Start one with `strongroom serve`, or name its admin address with --admin-listen ADDR or STRONGROOM_ADMIN_LISTEN."
    )]
    NotRunning {
        /// Where it was looked for.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Something listens that is not this server.
    #[error("the server at {address} does not speak the admin API: {reason}")]
    NotOurs {
        /// Where.
        address: SocketAddr,
        /// What it did.
        reason: String,
    },
    /// The token is of another server.
    #[error(
        "the server at {address} refuses the token of `{data}`: it serves another data directory"
    )]
    OtherServer {
        /// Where.
        address: SocketAddr,
        /// The data directory.
        data: PathBuf,
    },
    /// The server says no.
    #[error("{message}")]
    Refused {
        /// In its words.
        message: String,
    },
}

/// Talks to the admin API of the server of a data directory.
pub struct Admin {
    address: SocketAddr,
    data: PathBuf,
    token: String,
}

/// Does one thing, and waits for it.
///
/// # Errors
/// The system gives no runtime.
pub fn wait_for<F: Future>(work: F) -> std::io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(work))
}

impl Admin {
    /// That of the server which the settings name.
    pub fn of(common: &Common) -> Result<Admin, Box<dyn std::error::Error>> {
        let config = common.settings()?.resolve();
        Ok(Admin::open(&config.data, config.admin_listen)?)
    }

    /// Reads the token; nothing is sent yet.
    pub fn open(data: &Path, address: SocketAddr) -> Result<Admin, AdminError> {
        let path = server::token_file(data);
        let token = std::fs::read_to_string(&path).map_err(|source| AdminError::Token {
            path,
            data: data.to_owned(),
            source,
        })?;
        Ok(Admin {
            address,
            data: data.to_owned(),
            token: token.trim().to_owned(),
        })
    }

    /// Asks for long work; `progress` is told how many bytes were read until now.
    pub async fn work<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        mut progress: impl FnMut(u64),
    ) -> Result<T, AdminError> {
        let not_ours = |reason: String| AdminError::NotOurs {
            address: self.address,
            reason,
        };
        let mut body = self.answer(Method::POST, path, Some(body)).await?;
        let mut unread = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| not_ours(error.to_string()))?;
            unread.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            while let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = unread.drain(..=end).collect();
                let line = serde_json::from_slice(&line);
                match line.map_err(|error| not_ours(error.to_string()))? {
                    UpkeepLine::Progress { bytes_read } => progress(bytes_read),
                    UpkeepLine::Done(done) => return Ok(done),
                    UpkeepLine::Failed { message } => return Err(AdminError::Refused { message }),
                }
            }
        }
        Err(not_ours("it ended before the work was done".to_owned()))
    }

    /// Sends one request and reads its answer.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, AdminError> {
        let not_ours = |reason: String| AdminError::NotOurs {
            address: self.address,
            reason,
        };
        let answer = self.answer(method, path, body).await?;
        let bytes = answer
            .collect()
            .await
            .map_err(|error| not_ours(error.to_string()))?
            .to_bytes();
        serde_json::from_slice(&bytes).map_err(|error| not_ours(error.to_string()))
    }

    /// The body of a good answer.
    async fn answer(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Incoming, AdminError> {
        let not_ours = |reason: String| AdminError::NotOurs {
            address: self.address,
            reason,
        };
        let stream =
            TcpStream::connect(self.address)
                .await
                .map_err(|source| AdminError::NotRunning {
                    address: self.address,
                    source,
                })?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| not_ours(error.to_string()))?;
        tokio::spawn(connection);
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string())
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.token))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| not_ours(error.to_string()))?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| not_ours(error.to_string()))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer.into_body());
        }
        let bytes = answer
            .into_body()
            .collect()
            .await
            .map_err(|error| not_ours(error.to_string()))?
            .to_bytes();
        if status == StatusCode::UNAUTHORIZED {
            return Err(AdminError::OtherServer {
                address: self.address,
                data: self.data.clone(),
            });
        }
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|_| not_ours(format!("it answered {status}")))?;
        let message = value.get("message").and_then(Value::as_str);
        Err(match message {
            Some(message) => AdminError::Refused {
                message: message.to_owned(),
            },
            None => not_ours(format!("it answered {status}")),
        })
    }
}

/// Says on standard error how far long work is, so that standard output stays the result's.
pub fn tell_progress(bytes_read: u64) {
    eprintln!("{} MiB read", bytes_read >> 20);
}
