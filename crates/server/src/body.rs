//! Bodies between the connection and the services.
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use s3::{ByteStream, ResponseBody, S3Error};
use wire::chunked::{Decoder, PayloadCheck};

use crate::connection::Limit;

/// How much of a refused body is read so that the client can read the refusal.
const DRAIN_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// How long that may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The body of a request as it arrives.
///
/// A client that is refused while it still sends reads the answer only if somebody reads what it
/// sends: when this is dropped early, a limited rest is read and thrown away. A client that waits
/// for `100 Continue` has sent nothing, and is not asked to.
pub(crate) struct Arriving {
    incoming: Option<Incoming>,
    waits_for_continue: bool,
    pause: Limit,
    pause_max: Duration,
}

impl Arriving {
    /// A body that pauses for longer than `pause_max` ends with `RequestTimeout`.
    pub(crate) fn new(
        incoming: Incoming,
        headers: &http::HeaderMap,
        pause_max: Duration,
    ) -> Arriving {
        let waits = headers
            .get(http::header::EXPECT)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        Arriving {
            incoming: Some(incoming),
            waits_for_continue: waits,
            pause: Limit::default(),
            pause_max,
        }
    }

    /// Everything, if it is at most `bytes_max` bytes.
    pub(crate) async fn collect(mut self, bytes_max: usize) -> Result<Bytes, S3Error> {
        let mut all = BytesMut::new();
        while let Some(bytes) = self.next().await {
            let bytes = bytes?;
            if all.len() + bytes.len() > bytes_max {
                return Err(S3Error::MaxMessageLength);
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all.freeze())
    }
}

impl Stream for Arriving {
    type Item = Result<Bytes, S3Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.waits_for_continue = false;
        let Some(incoming) = &mut this.incoming else {
            return Poll::Ready(None);
        };
        loop {
            let polled = Pin::new(&mut *incoming).poll_frame(context);
            if polled.is_ready() {
                this.pause.stop();
            }
            return match polled {
                Poll::Pending if this.pause.is_over(context, this.pause_max) => {
                    // Not read any more: hyper closes the connection after the answer.
                    this.incoming = None;
                    Poll::Ready(Some(Err(S3Error::RequestTimeout)))
                }
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => Poll::Ready(Some(Ok(bytes))),
                    // HTTP's own trailers are not S3's.
                    Err(_) => continue,
                },
                // The client went away or sent less than it declared.
                Poll::Ready(Some(Err(error))) => {
                    tracing::debug!(%error, "a body ended early");
                    this.incoming = None;
                    Poll::Ready(Some(Err(S3Error::IncompleteBody)))
                }
                Poll::Ready(None) => {
                    this.incoming = None;
                    Poll::Ready(None)
                }
            };
        }
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let Some(mut incoming) = self.incoming.take() else {
            return;
        };
        let declared = incoming.size_hint().exact();
        if self.waits_for_continue
            || incoming.is_end_stream()
            || declared.is_some_and(|size| size > DRAIN_BYTES_MAX)
        {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            let drain = async {
                let mut size_bytes = 0;
                while let Some(Ok(frame)) = incoming.frame().await {
                    size_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                    if size_bytes > DRAIN_BYTES_MAX {
                        break;
                    }
                }
            };
            // What is not read in time is not read.
            let _ = tokio::time::timeout(DRAIN_TIMEOUT, drain).await;
        });
    }
}

/// The body of an object on its way in: decoded and verified. It ends without an error only when
/// all of it verified.
pub(crate) struct Upload {
    arriving: Arriving,
    decoder: Option<Decoder>,
    check: Option<PayloadCheck>,
    decoded: VecDeque<Bytes>,
}

impl Upload {
    pub(crate) fn new(arriving: Arriving, decoder: Option<Decoder>, check: PayloadCheck) -> Upload {
        Upload {
            arriving,
            decoder,
            check: Some(check),
            decoded: VecDeque::new(),
        }
    }

    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<s3::Frame, S3Error>> + Send {
        futures_util::stream::try_unfold(self, |mut upload| async move {
            let frame = upload.next().await?;
            Ok(frame.map(|frame| (frame, upload)))
        })
    }

    async fn next(&mut self) -> Result<Option<s3::Frame>, S3Error> {
        loop {
            if let Some(bytes) = self.decoded.pop_front() {
                return Ok(Some(s3::Frame::Data(bytes)));
            }
            let Some(bytes) = self.arriving.next().await else {
                return self.end();
            };
            let bytes = bytes?;
            match &mut self.decoder {
                Some(decoder) => self.decoded.extend(decoder.push(bytes)?),
                None => {
                    if let Some(check) = &mut self.check {
                        check.update(&bytes);
                    }
                    return Ok(Some(s3::Frame::Data(bytes)));
                }
            }
        }
    }

    fn end(&mut self) -> Result<Option<s3::Frame>, S3Error> {
        if let Some(check) = self.check.take() {
            check.finish()?;
        }
        let Some(decoder) = self.decoder.take() else {
            return Ok(None);
        };
        let mut trailers = HeaderMap::new();
        for (name, value) in decoder.finish()? {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
                trailers.append(name, value);
            }
        }
        Ok((!trailers.is_empty()).then_some(s3::Frame::Trailers(trailers)))
    }
}

/// The body of an answer as it leaves.
pub(crate) enum Leaving {
    Full(Option<Bytes>),
    Stream {
        stream: ByteStream,
        size: Option<u64>,
    },
}

impl Leaving {
    pub(crate) fn empty() -> Leaving {
        Leaving::Full(None)
    }

    pub(crate) fn text(text: String) -> Leaving {
        Leaving::Full(Some(text.into()))
    }

    pub(crate) fn of(body: ResponseBody, size: Option<u64>) -> Leaving {
        match body {
            ResponseBody::Empty => Leaving::Full(None),
            ResponseBody::Full(bytes) => Leaving::Full(Some(bytes)),
            ResponseBody::Stream(stream) => Leaving::Stream { stream, size },
        }
    }
}

impl http_body::Body for Leaving {
    type Data = Bytes;
    type Error = S3Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, S3Error>>> {
        match &mut *self {
            Leaving::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Leaving::Stream { stream, .. } => stream
                .as_mut()
                .poll_next(context)
                .map(|next| next.map(|bytes| bytes.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Leaving::Full(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Leaving::Full(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Leaving::Stream {
                size: Some(size), ..
            } => SizeHint::with_exact(*size),
            Leaving::Stream { size: None, .. } => SizeHint::default(),
        }
    }
}
