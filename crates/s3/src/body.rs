//! Bodies of requests and of answers.
use std::fmt;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::HeaderMap;

use crate::S3Error;

/// The bytes of a body, in order. After an error nothing more comes.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, S3Error>> + Send>>;

/// A piece of a body on its way in.
#[derive(Debug)]
pub enum Frame {
    /// The next bytes of the body itself: decoded, and verified as far as the framing verifies them.
    Data(Bytes),
    /// Trailing headers (`x-amz-checksum-…`), after the last data.
    Trailers(HeaderMap),
}

/// The body of a request.
///
/// Whoever makes it wraps the connection's body, the decoder of chunked uploads and the check of
/// `x-amz-content-sha256` into one stream. The stream ends without an error only when all of that
/// verified; what is read is stored only then.
pub enum Body {
    /// All of it, for operations whose body was decoded.
    Full(Bytes),
    /// As it comes.
    Stream(Pin<Box<dyn Stream<Item = Result<Frame, S3Error>> + Send>>),
    /// As it comes, of a length that nobody knows before its end: the file of a form.
    Unmeasured(Pin<Box<dyn Stream<Item = Result<Frame, S3Error>> + Send>>),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Full(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Body::Stream(_) | Body::Unmeasured(_) => f.write_str("Body(stream)"),
        }
    }
}

impl Default for Body {
    fn default() -> Body {
        Body::Full(Bytes::new())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        Body::Full(bytes)
    }
}

impl Body {
    /// A body without trailers.
    pub fn from_stream<E: Into<S3Error>>(
        stream: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> Body {
        Body::Stream(Box::pin(
            stream.map(|chunk| chunk.map(Frame::Data).map_err(Into::into)),
        ))
    }

    /// The file of a form.
    pub fn from_file(stream: impl Stream<Item = Result<Bytes, S3Error>> + Send + 'static) -> Body {
        Body::Unmeasured(Box::pin(stream.map(|chunk| chunk.map(Frame::Data))))
    }

    /// A body that may end with trailers.
    pub fn from_frames<E: Into<S3Error>>(
        frames: impl Stream<Item = Result<Frame, E>> + Send + 'static,
    ) -> Body {
        Body::Stream(Box::pin(frames.map(|frame| frame.map_err(Into::into))))
    }

    /// Everything, at most `bytes_max` bytes; trailers are dropped.
    ///
    /// # Errors
    /// `MaxMessageLengthExceeded` beyond the limit, and those of the stream.
    pub async fn collect(self, bytes_max: usize) -> Result<Bytes, S3Error> {
        let mut frames = self.into_frames();
        let mut all = BytesMut::new();
        while let Some(frame) = frames.next().await {
            if let Frame::Data(bytes) = frame? {
                if all.len() + bytes.len() > bytes_max {
                    return Err(S3Error::MaxMessageLength);
                }
                all.extend_from_slice(&bytes);
            }
        }
        Ok(all.freeze())
    }

    /// The pieces in order.
    pub fn into_frames(self) -> Pin<Box<dyn Stream<Item = Result<Frame, S3Error>> + Send>> {
        match self {
            Body::Full(bytes) => Box::pin(futures_util::stream::iter([Ok(Frame::Data(bytes))])),
            Body::Stream(stream) | Body::Unmeasured(stream) => stream,
        }
    }
}

/// The body of an answer.
#[derive(Default)]
pub enum ResponseBody {
    /// None.
    #[default]
    Empty,
    /// All of it.
    Full(Bytes),
    /// As it is read. `content-length` is among the headers. An error breaks the connection off.
    Stream(ByteStream),
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResponseBody::Empty => f.write_str("Empty"),
            ResponseBody::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            ResponseBody::Stream(_) => f.write_str("Stream"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_collected_is_limited() {
        let body = || {
            Body::from_stream(futures_util::stream::iter([
                Ok::<_, S3Error>(Bytes::from_static(b"ab")),
                Ok(Bytes::from_static(b"c")),
            ]))
        };
        assert_eq!(body().collect(3).await.unwrap(), "abc");
        assert_eq!(
            body().collect(2).await.unwrap_err().code(),
            "MaxMessageLengthExceeded"
        );
    }
}
