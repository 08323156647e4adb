//! One connection: how long it may be silent.
//!
//! A client that sends nothing, or reads nothing, holds memory and a descriptor. Each wait for it has
//! a limit: for a request, for a request's head, for room to write. (A body's is in `body.rs`, for
//! it is answered.)
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::config::Connections;

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It waits for a request.
    Idle,
    /// A part of a request's head has come.
    Head,
    /// A request is served.
    Serving,
}

/// The phase of a connection, told by those who serve its requests to those who watch its socket.
#[derive(Clone, Default)]
pub(crate) struct Phases(Arc<Shared>);

#[derive(Default)]
struct Shared {
    moment: AtomicU32,
    /// Whoever drives the connection.
    driver: AtomicWaker,
}

/// How often the phase has changed, times four, and the phase: two waits in the same phase are two.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Moment(u32);

impl Moment {
    fn phase(self) -> Phase {
        match self.0 & 3 {
            0 => Phase::Idle,
            1 => Phase::Head,
            _ => Phase::Serving,
        }
    }

    fn then(self, phase: Phase) -> Moment {
        let number = match phase {
            Phase::Idle => 0,
            Phase::Head => 1,
            Phase::Serving => 2,
        };
        Moment((self.0 | 3).wrapping_add(1) | number)
    }
}

impl Phases {
    fn now(&self) -> Moment {
        Moment(self.0.moment.load(Ordering::Relaxed))
    }

    fn enter(&self, phase: Phase) {
        // One request at a time: nobody changes it in between.
        let next = self.now().then(phase);
        self.0.moment.store(next.0, Ordering::Relaxed);
    }

    /// A request is served as long as the answer is kept.
    pub(crate) fn serving(&self) -> Serving {
        self.enter(Phase::Serving);
        Serving(self.clone())
    }
}

/// As long as this is kept, a request is served.
pub(crate) struct Serving(Phases);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.enter(Phase::Idle);
        // hyper may have asked for the next request already: it has to ask again, for the wait to
        // have its limit.
        self.0.0.driver.wake();
    }
}

/// The body of an answer, which says when it has been handed over.
pub(crate) struct Answering<B> {
    body: B,
    _serving: Serving,
}

impl<B> Answering<B> {
    pub(crate) fn new(body: B, serving: Serving) -> Answering<B> {
        Answering {
            body,
            _serving: serving,
        }
    }
}

impl<B: Body + Unpin> Body for Answering<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A limit of a wait. It costs nothing before the first wait.
#[derive(Default)]
pub(crate) struct Limit {
    sleep: Option<Pin<Box<Sleep>>>,
    running: bool,
}

impl Limit {
    /// The wait goes on, or begins; answers whether it has been longer than it may be.
    pub(crate) fn is_over(&mut self, context: &mut Context<'_>, longest: Duration) -> bool {
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(longest)));
        if !self.running {
            sleep.as_mut().reset(Instant::now() + longest);
            self.running = true;
        }
        sleep.as_mut().poll(context).is_ready()
    }

    /// The wait has ended.
    pub(crate) fn stop(&mut self) {
        self.running = false;
    }
}

/// A socket whose waits have limits.
pub(crate) struct Limited<T> {
    socket: T,
    phases: Phases,
    limits: Connections,
    reading: Limit,
    reading_since: Moment,
    writing: Limit,
}

impl<T> Limited<T> {
    pub(crate) fn new(socket: T, phases: Phases, limits: Connections) -> Limited<T> {
        Limited {
            socket,
            reading_since: phases.now(),
            phases,
            limits,
            reading: Limit::default(),
            writing: Limit::default(),
        }
    }

    /// What became of a write: a client that reads nothing for too long is given up.
    fn written<R>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        match outcome {
            Poll::Ready(outcome) => {
                self.writing.stop();
                Poll::Ready(outcome)
            }
            Poll::Pending if self.writing.is_over(context, self.limits.write) => Poll::Ready(Err(
                io::Error::new(io::ErrorKind::TimedOut, "the client does not read"),
            )),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Limited<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.phases.0.driver.register(context.waker());
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.socket).poll_read(context, buffer) {
            if buffer.filled().len() > before && this.phases.now().phase() == Phase::Idle {
                this.phases.enter(Phase::Head);
            }
            return Poll::Ready(read);
        }
        let now = this.phases.now();
        if this.reading_since != now {
            this.reading_since = now;
            this.reading.stop();
        }
        match now.phase() {
            // Whoever serves the request knows for what it waits.
            Phase::Serving => Poll::Pending,
            Phase::Idle => {
                if this.reading.is_over(context, this.limits.idle) {
                    // As if the client had closed it.
                    return Poll::Ready(Ok(()));
                }
                Poll::Pending
            }
            Phase::Head => {
                if this.reading.is_over(context, this.limits.head) {
                    let late = "the head of the request did not come in time";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, late)));
                }
                Poll::Pending
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Limited<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.phases.0.driver.register(context.waker());
        let outcome = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.written(context, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = ready!(Pin::new(&mut self.socket).poll_flush(context));
        Poll::Ready(outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.phases.0.driver.register(context.waker());
        let outcome = Pin::new(&mut self.socket).poll_write_vectored(context, parts);
        self.written(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    fn connected(room_bytes: usize) -> (DuplexStream, Limited<DuplexStream>, Phases) {
        let (client, server) = tokio::io::duplex(room_bytes);
        let phases = Phases::default();
        let limited = Limited::new(server, phases.clone(), Connections::default());
        (client, limited, phases)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_ends_as_if_the_client_had_closed_it() {
        let (_client, mut server, _) = connected(64);
        let began = Instant::now();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(
            began.elapsed().as_secs(),
            Connections::default().idle.as_secs()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_silent_after_its_answer_too() {
        use bytes::Bytes;
        use http_body_util::Full;
        use hyper::service::service_fn;

        let (mut client, server, phases) = connected(4096);
        // It is there before anybody asks for it: no wait has begun.
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            .await
            .unwrap();
        let service = service_fn(move |_: hyper::Request<hyper::body::Incoming>| {
            let serving = phases.serving();
            async move {
                let body = Answering::new(Full::new(Bytes::from_static(b"answer")), serving);
                Ok::<_, std::convert::Infallible>(hyper::Response::new(body))
            }
        });
        let io = hyper_util::rt::TokioIo::new(server);
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(io, service);
        let began = Instant::now();
        let ended = tokio::spawn(tokio::time::timeout(Duration::from_secs(3600), connection));
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("answer"), "{answer}");
        assert_eq!(
            began.elapsed().as_secs(),
            Connections::default().idle.as_secs()
        );
        ended.await.unwrap().unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_is_given_up_in_time() {
        let (mut client, mut server, _) = connected(64);
        let began = Instant::now();
        tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(7)).await;
            }
        });
        let error = loop {
            if let Err(error) = server.read(&mut [0; 8]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(
            began.elapsed().as_secs(),
            Connections::default().head.as_secs()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn each_request_has_all_the_time_of_a_head() {
        let (mut client, mut server, phases) = connected(64);
        for _ in 0..5 {
            client.write_all(b"GET").await.unwrap();
            assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 3);
            let rest = async {
                tokio::time::sleep(Duration::from_secs(20)).await;
                client.write_all(b" /").await.unwrap();
            };
            let mut buffer = [0; 8];
            let (read, ()) = tokio::join!(server.read(&mut buffer), rest);
            assert_eq!(read.unwrap(), 2);
            drop(phases.serving());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_may_be_served_for_long() {
        let (mut client, mut server, phases) = connected(64);
        let serving = phases.serving();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            client.write_all(b"x").await.map(|()| client)
        });
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 1);
        drop(serving);
        assert_eq!(phases.now().phase(), Phase::Idle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_given_up_and_a_slow_one_is_not() {
        let (mut client, mut server, _) = connected(4);
        let reader = tokio::spawn(async move {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_secs(100)).await;
                client.read_exact(&mut [0; 4]).await.unwrap();
            }
            client
        });
        server.write_all(&[7; 40]).await.unwrap();
        let _client = reader.await.unwrap();
        let began = Instant::now();
        let error = server.write_all(&[7; 40]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(
            began.elapsed().as_secs(),
            Connections::default().write.as_secs()
        );
    }
}
