//! The admin API: health, and accounts for whoever holds the token of the data directory.
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use catalog::AccountId;
use directory::{Account, CreatedAccount, Directory, DirectoryError, NewAccount};
use gate::{Gate, SystemTask};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// An account as the admin API shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// 12 digits.
    pub account_id: String,
    /// Its name.
    pub name: String,
    /// E-mail address of the root user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// 64 hex digits.
    pub canonical_user_id: String,
    /// ARN of the root user.
    pub root_arn: String,
    /// `active` or `closed`.
    pub status: String,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// Root access key id, only in the answer that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// Its secret, only in the answer that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<String>,
}

impl AccountView {
    fn of(account: &Account) -> AccountView {
        AccountView {
            account_id: account.id.to_string(),
            name: account.name.clone(),
            email: account.email.clone(),
            canonical_user_id: account.canonical_id.to_string(),
            root_arn: account.id.root_arn(),
            status: if account.is_closed() {
                "closed"
            } else {
                "active"
            }
            .to_owned(),
            created_at: account.created_at.to_string(),
            access_key_id: None,
            secret_access_key: None,
        }
    }

    fn of_new(created: &CreatedAccount) -> AccountView {
        AccountView {
            access_key_id: Some(created.access_key_id.clone()),
            secret_access_key: Some(created.secret.expose().to_owned()),
            ..AccountView::of(&created.account)
        }
    }
}

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Admin {
    gate: Gate,
    directory: Arc<Directory>,
    token: Arc<str>,
    endpoint: SocketAddr,
}

impl Admin {
    pub(crate) fn new(
        gate: Gate,
        directory: Arc<Directory>,
        token: String,
        endpoint: SocketAddr,
    ) -> Admin {
        Admin {
            gate,
            directory,
            token: token.into(),
            endpoint,
        }
    }
}

/// Serves the admin API until `stop` says so.
pub(crate) async fn serve(listener: TcpListener, admin: Admin, mut stop: watch::Receiver<bool>) {
    let accounts = Router::new()
        .route("/v1/accounts", get(list).post(create))
        .route("/v1/accounts/{id}", get(show))
        .route("/v1/accounts/{id}/close", post(close))
        .layer(middleware::from_fn_with_state(admin.clone(), require_token));
    let router = Router::new()
        .route("/health", get(health))
        .merge(accounts)
        .with_state(admin);
    let stopped = async move {
        // An error means that the server is gone, which is a reason to stop as well.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    if let Err(error) = axum::serve(listener, router)
        .with_graceful_shutdown(stopped)
        .await
    {
        tracing::error!(%error, "the admin API ended");
    }
}

async fn require_token(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let good = given.is_some_and(|given| {
        aws_lc_rs::constant_time::verify_slices_are_equal(given, admin.token.as_bytes()).is_ok()
    });
    if good {
        next.run(request).await
    } else {
        problem(
            StatusCode::UNAUTHORIZED,
            "the admin token is missing or of another server",
        )
    }
}

async fn health(State(admin): State<Admin>) -> Response {
    Json(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "endpoint": format!("http://{}", admin.endpoint),
    }))
    .into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    account_id: Option<AccountId>,
    name: String,
    email: Option<String>,
}

async fn create(State(admin): State<Admin>, body: axum::body::Bytes) -> Response {
    let create: Create = match serde_json::from_slice(&body) {
        Ok(create) => create,
        Err(error) => {
            return problem(
                StatusCode::BAD_REQUEST,
                &format!("the request is not understood: {error}"),
            );
        }
    };
    let system = admin.gate.system(SystemTask::AdministerAccounts);
    let account = NewAccount {
        id: create.account_id,
        name: create.name,
        email: create.email,
    };
    match admin.directory.create_account(&system, account).await {
        Ok(created) => (StatusCode::CREATED, Json(AccountView::of_new(&created))).into_response(),
        Err(error) => failed(&error),
    }
}

async fn list(State(admin): State<Admin>) -> Response {
    let system = admin.gate.system(SystemTask::AdministerAccounts);
    let accounts = admin.directory.list_accounts(&system);
    Json(
        accounts
            .iter()
            .map(|account| AccountView::of(account))
            .collect::<Vec<_>>(),
    )
    .into_response()
}

async fn show(State(admin): State<Admin>, Path(id): Path<String>) -> Response {
    let system = admin.gate.system(SystemTask::AdministerAccounts);
    match AccountId::parse(&id) {
        Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
        Ok(id) => match admin.directory.account(&system, id) {
            Some(account) => Json(AccountView::of(&account)).into_response(),
            None => problem(StatusCode::NOT_FOUND, &format!("there is no account {id}")),
        },
    }
}

async fn close(State(admin): State<Admin>, Path(id): Path<String>) -> Response {
    let system = admin.gate.system(SystemTask::AdministerAccounts);
    match AccountId::parse(&id) {
        Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
        Ok(id) => match admin.directory.close_account(&system, id).await {
            Ok(account) => Json(AccountView::of(&account)).into_response(),
            Err(error) => failed(&error),
        },
    }
}

fn failed(error: &DirectoryError) -> Response {
    let status = match error {
        DirectoryError::NoSuchAccount { .. } => StatusCode::NOT_FOUND,
        DirectoryError::AccountExists { .. } | DirectoryError::AccountClosed { .. } => {
            StatusCode::CONFLICT
        }
        DirectoryError::BadAccountName | DirectoryError::BadEmail => StatusCode::BAD_REQUEST,
        _ => {
            tracing::error!(%error, "an account could not be changed");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    problem(status, &error.to_string())
}

fn problem(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}
