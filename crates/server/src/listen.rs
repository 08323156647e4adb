//! Accepts connections, serves them, and ends them in order.
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, EXPECT, HeaderValue};
use http::{Request, StatusCode};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::dispatch::App;

/// The longest time that a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest head of a request: S3 allows 8 KiB of headers, a presigned URL with a session
/// token and tags needs more than that in its first line.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The most headers of a request.
const HEADER_COUNT_MAX: usize = 256;
/// How long requests under way may take after the signal to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait after the system had no descriptor for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the AWS APIs on `listener` until `stop` says so, then lets requests under way end.
pub(crate) async fn serve(listener: TcpListener, app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => serve_connection(stream, peer, app.clone(), &graceful),
            Err(error) => {
                // Out of descriptors or memory: others will free some.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests were still under way when the time to stop was over");
    }
}

fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    app: Arc<App>,
    graceful: &GracefulShutdown,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it was served");
        return;
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let app = app.clone();
        async move {
            let expectation = Expectation::of(&request);
            let mut response = app.handle(request, peer).await;
            if expectation.may_be_unanswered(response.status()) {
                response
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, io::Error>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADER_COUNT_MAX)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            // A client that goes away is no news to the operator.
            tracing::debug!(%error, %peer, "a connection ended early");
        }
    });
}

/// Whether a client waits for `100 Continue` before it sends a body.
#[derive(Debug, Clone, Copy)]
enum Expectation {
    None,
    /// The body is empty, so hyper never says `100 Continue`.
    Empty,
    Body,
}

impl Expectation {
    fn of(request: &Request<Incoming>) -> Expectation {
        let expects = request
            .headers()
            .get(EXPECT)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        match (expects, request.body().is_end_stream()) {
            (false, _) => Expectation::None,
            (true, true) => Expectation::Empty,
            (true, false) => Expectation::Body,
        }
    }

    /// Whether the final answer may come without a `100 Continue` before it.
    ///
    /// botocore (boto3, AWS CLI) then keeps the status line of this answer for the next request on
    /// the connection and waits for ever, so such an answer has to close the connection.
    fn may_be_unanswered(self, status: StatusCode) -> bool {
        match self {
            Expectation::None => false,
            Expectation::Empty => true,
            Expectation::Body => !status.is_success(),
        }
    }
}
