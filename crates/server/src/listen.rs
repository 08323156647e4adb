//! Accepts connections, as many as there may be, serves them, and ends them in order.
use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use http::header::{CONNECTION, EXPECT, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use wire::AwsError;

use crate::config::Connections;
use crate::connection::{Answering, Limited, Phases};

/// The largest head of a request: S3 allows 8 KiB of headers, a presigned URL with a session
/// token and tags needs more than that in its first line.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The most headers of a request.
const HEADER_COUNT_MAX: usize = 256;
/// How long to wait after the system had no descriptor for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often the operator is told that connections are not accepted.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);
/// Connections that are told at the same time that there are too many. Others are only closed.
const REFUSALS_MAX: usize = 64;
/// How long telling one may take.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);
/// How much of a request is read before it is refused.
const REFUSED_BYTES_MAX: usize = 64 * 1024;

/// Serves connections with what `services` makes for each, until `stop` says so; then lets requests
/// under way end.
pub(crate) async fn serve<S, B>(
    listener: TcpListener,
    limits: Connections,
    mut stop: watch::Receiver<bool>,
    services: impl Fn(SocketAddr) -> S,
) where
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.count_max as usize));
    let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
    let mut warnings = Warnings::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_the_client(&error) => continue,
            Err(error) => {
                // Out of descriptors or memory: others will free some.
                warnings.tell(|| tracing::warn!(%error, "connections are not accepted"));
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match places.clone().try_acquire_owned() {
            Ok(place) => {
                serve_connection(stream, peer, services(peer), limits, place, &graceful);
            }
            Err(_) => {
                let most = limits.count_max;
                warnings.tell(|| tracing::warn!(most, "there are too many connections"));
                if let Ok(place) = refusals.clone().try_acquire_owned() {
                    tokio::spawn(refuse(stream, place));
                }
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(limits.stop, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests were still under way when the time to stop was over");
    }
}

/// The client was gone before it was accepted: the next one need not wait.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Keeps a repeated warning from filling the log.
#[derive(Default)]
struct Warnings(Option<Instant>);

impl Warnings {
    fn tell(&mut self, warn: impl FnOnce()) {
        if self.0.is_none_or(|last| last.elapsed() >= WARNING_INTERVAL) {
            warn();
            self.0 = Some(Instant::now());
        }
    }
}

fn serve_connection<S, B>(
    stream: TcpStream,
    peer: SocketAddr,
    service: S,
    limits: Connections,
    place: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
) where
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it was served");
        return;
    }
    let phases = Phases::default();
    let socket = Limited::new(stream, phases.clone(), limits);
    let service = service_fn(move |request: Request<Incoming>| {
        let serving = phases.serving();
        let expectation = Expectation::of(&request);
        // hyper keeps room for the future as long as the connection is open: only a pointer's, here.
        let served = Box::pin(service.call(request));
        async move {
            let mut response = served.await?;
            if expectation.may_be_unanswered(response.status()) {
                response
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, S::Error>(response.map(|body| Answering::new(body, serving)))
        }
    });
    let connection = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADER_COUNT_MAX)
        .half_close(false)
        .serve_connection(TokioIo::new(socket), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            // A client that goes away is no news to the operator.
            tracing::debug!(%error, %peer, "a connection ended early");
        }
        drop(place);
    });
}

/// Tells a client that there are too many connections, in the words by which SDKs try again later.
async fn refuse(mut stream: TcpStream, _place: OwnedSemaphorePermit) {
    let told = async {
        // A client reads no answer before it has sent its request.
        let mut request = BytesMut::new();
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = stream.read_buf(&mut request).await?;
            if read == 0 || request.len() > REFUSED_BYTES_MAX {
                return Ok(());
            }
        }
        stream.write_all(too_many_connections().as_bytes()).await?;
        stream.shutdown().await?;
        // Closed with bytes unread, a connection is reset, and the answer is lost.
        let mut size_bytes = 0;
        while size_bytes < REFUSED_BYTES_MAX {
            request.clear();
            match stream.read_buf(&mut request).await? {
                0 => break,
                read => size_bytes += read,
            }
        }
        Ok::<_, io::Error>(())
    };
    // Who is not told in time is not told.
    let _ = tokio::time::timeout(REFUSAL_TIMEOUT, told).await;
}

fn too_many_connections() -> String {
    let error = AwsError::new(503, "SlowDown", "Please reduce your request rate.");
    let id = wire::request_id::s3(seal::random().unwrap_or_default());
    let host = wire::request_id::s3_host(&seal::random().unwrap_or([0; 56]));
    let body = error.s3_body(&id, &host);
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/xml\r\nx-amz-request-id: {id}\r\n\
         x-amz-id-2: {host}\r\nserver: AmazonS3\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
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
