//! The admin API: health; accounts and explanations for whoever holds the token of the data
//! directory.
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use catalog::AccountId;
use directory::{Account, CreatedAccount, Directory, DirectoryError, NewAccount};
use explain::Explanation;
use gate::{Gate, SystemTask};
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use s3::LifecycleCounts;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::{Clock, ClockError};
use crate::config::Connections;
use crate::explanations::{CanQuestion, ExplainError, Explainer, WhoCanQuestion};
use crate::lifecycle::Orders;
use crate::listen;
use crate::upkeep::{Upkeep, UpkeepError};

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

/// Connections of the admin API at once.
const CONNECTIONS_MAX: u32 = 64;

/// How the clock of a development server is turned: `{"by_seconds": 86400}`,
/// `{"to": "2030-01-01T00:00:00Z"}` or `"reset"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockTurn {
    /// By so many seconds; back if they are negative.
    BySeconds(i64),
    /// To a time, from where it goes on.
    To(Timestamp),
    /// To the real time.
    Reset,
}

/// The time of stored data, as the admin API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockView {
    /// RFC 3339.
    pub now: Timestamp,
    /// How far it is ahead of the real time; negative when it is behind.
    pub ahead_seconds: i64,
    /// What lifecycle rules did, only in the answer to a turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<LifecycleCounts>,
}

impl ClockView {
    fn of(clock: &Clock) -> ClockView {
        ClockView {
            now: clock.now(),
            ahead_seconds: clock.ahead().as_secs(),
            lifecycle: None,
        }
    }
}

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) gate: Gate,
    pub(crate) directory: Arc<Directory>,
    pub(crate) token: Arc<str>,
    pub(crate) endpoint: SocketAddr,
    pub(crate) explainer: Arc<Explainer>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) lifecycle: Orders,
    pub(crate) upkeep: Upkeep,
}

/// Serves the admin API until `stop` says so.
pub(crate) async fn serve(
    listener: TcpListener,
    admin: Admin,
    limits: Connections,
    stop: watch::Receiver<bool>,
) {
    let for_operators = Router::new()
        .route("/v1/accounts", get(list).post(create))
        .route("/v1/accounts/{id}", get(show))
        .route("/v1/accounts/{id}/close", post(close))
        .route("/v1/why", get(why_last))
        .route("/v1/why/{id}", get(why))
        .route("/v1/refusals", get(refusals))
        .route("/v1/can", post(can))
        .route("/v1/who-can", post(who_can))
        .route("/v1/clock", get(show_clock).post(turn_clock))
        .route("/v1/lifecycle/run", post(carry_out_lifecycle))
        .route("/v1/backup", post(back_up))
        .route("/v1/fsck", post(check))
        .layer(middleware::from_fn_with_state(admin.clone(), require_token));
    let router = Router::new()
        .route("/health", get(health))
        .merge(for_operators)
        .with_state(admin);
    let limits = Connections {
        count_max: CONNECTIONS_MAX,
        ..limits
    };
    listen::serve(listener, limits, stop, move |_| {
        TowerToHyperService::new(router.clone())
    })
    .await;
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
    let create: Create = match read(&body) {
        Ok(create) => create,
        Err(response) => return *response,
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

/// For whom an explanation is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reader {
    /// An account sees its own side only; the operator sees all.
    account: Option<AccountId>,
}

async fn why(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    Query(reader): Query<Reader>,
) -> Response {
    let explainer = admin.explainer.clone();
    let missing = format!(
        "the journal has no request `{id}`: it may be older than what is kept, or of another server"
    );
    explained(move || explainer.why(&id, reader.account), &missing).await
}

async fn why_last(State(admin): State<Admin>, Query(reader): Query<Reader>) -> Response {
    let explainer = admin.explainer.clone();
    explained(
        move || explainer.why_last(reader.account),
        "no request was refused yet",
    )
    .await
}

/// Which refusals are listed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    account: Option<AccountId>,
    limit: Option<usize>,
}

/// Refusals that one list shows at most.
const REFUSALS_MAX: usize = 1000;

async fn refusals(State(admin): State<Admin>, Query(listing): Query<Listing>) -> Response {
    let explainer = admin.explainer.clone();
    let limit = listing.limit.unwrap_or(20).min(REFUSALS_MAX);
    let listed =
        tokio::task::spawn_blocking(move || explainer.refused(listing.account, limit)).await;
    match listed {
        Ok(Ok(refused)) => Json(refused).into_response(),
        Ok(Err(error)) => not_explained(&error),
        Err(error) => lost(&error),
    }
}

/// A task of the server ended without an answer.
fn lost(error: &tokio::task::JoinError) -> Response {
    tracing::error!(%error, "an explanation could not be made");
    problem(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the explanation could not be made",
    )
}

/// Reads the journal off the server's own threads.
async fn explained(
    explain: impl FnOnce() -> Result<Option<Explanation>, ExplainError> + Send + 'static,
    missing: &str,
) -> Response {
    let explanation = match tokio::task::spawn_blocking(explain).await {
        Ok(Ok(explanation)) => explanation,
        Ok(Err(error)) => return not_explained(&error),
        Err(error) => return lost(&error),
    };
    match explanation {
        Some(explanation) => Json(explanation).into_response(),
        None => problem(StatusCode::NOT_FOUND, missing),
    }
}

async fn can(State(admin): State<Admin>, body: axum::body::Bytes) -> Response {
    let question: CanQuestion = match read(&body) {
        Ok(question) => question,
        Err(response) => return *response,
    };
    match admin.explainer.can(question).await {
        Ok(steps) => Json(steps).into_response(),
        Err(error) => not_explained(&error),
    }
}

async fn who_can(State(admin): State<Admin>, body: axum::body::Bytes) -> Response {
    let question: WhoCanQuestion = match read(&body) {
        Ok(question) => question,
        Err(response) => return *response,
    };
    match admin.explainer.who_can(question).await {
        Ok(found) => Json(found).into_response(),
        Err(error) => not_explained(&error),
    }
}

async fn show_clock(State(admin): State<Admin>) -> Response {
    Json(ClockView::of(&admin.clock)).into_response()
}

async fn turn_clock(State(admin): State<Admin>, body: axum::body::Bytes) -> Response {
    let turned = match read(&body) {
        Ok(ClockTurn::BySeconds(seconds)) => admin.clock.turn_by(seconds),
        Ok(ClockTurn::To(time)) => admin.clock.turn_to(time),
        Ok(ClockTurn::Reset) => admin.clock.reset(),
        Err(response) => return *response,
    };
    match turned {
        Ok(()) => Json(ClockView {
            lifecycle: admin.lifecycle.carry_out().await,
            ..ClockView::of(&admin.clock)
        })
        .into_response(),
        Err(error @ ClockError::NotDevelopment) => {
            problem(StatusCode::CONFLICT, &error.to_string())
        }
        Err(error @ ClockError::OutOfRange) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

async fn carry_out_lifecycle(State(admin): State<Admin>) -> Response {
    match admin.lifecycle.carry_out().await {
        Some(counts) => Json(counts).into_response(),
        None => problem(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping"),
    }
}

async fn back_up(State(admin): State<Admin>, body: axum::body::Bytes) -> Response {
    let order = match read(&body) {
        Ok(order) => order,
        Err(response) => return *response,
    };
    // It looks at the disk.
    match tokio::task::spawn_blocking(move || admin.upkeep.back_up(order)).await {
        Ok(begun) => begun.unwrap_or_else(|error| not_begun(&error)),
        Err(error) => {
            tracing::error!(%error, "a backup could not be begun");
            problem(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the backup could not be begun",
            )
        }
    }
}

async fn check(State(admin): State<Admin>, body: axum::body::Bytes) -> Response {
    match read(&body) {
        Ok(order) => {
            let begun = admin.upkeep.check(order);
            begun.unwrap_or_else(|error| not_begun(&error))
        }
        Err(response) => *response,
    }
}

fn not_begun(error: &UpkeepError) -> Response {
    let status = match error {
        UpkeepError::Busy => StatusCode::CONFLICT,
        UpkeepError::NoRate | UpkeepError::Backup(_) => StatusCode::BAD_REQUEST,
        UpkeepError::Thread(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    problem(status, &error.to_string())
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Box<Response>> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("the request is not understood: {error}");
        Box::new(problem(StatusCode::BAD_REQUEST, &message))
    })
}

fn not_explained(error: &ExplainError) -> Response {
    let status = match error {
        ExplainError::Principal(_)
        | ExplainError::Resource(_)
        | ExplainError::Policy { .. }
        | ExplainError::Question(_) => StatusCode::BAD_REQUEST,
        ExplainError::Journal(_) => {
            tracing::error!(%error, "an explanation could not be made");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    problem(status, &error.to_string())
}

fn failed(error: &DirectoryError) -> Response {
    if let Some(text) = error.takes_no_writes() {
        tracing::error!(%error, "an account could not be changed");
        return problem(StatusCode::SERVICE_UNAVAILABLE, text);
    }
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
