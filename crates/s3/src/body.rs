//! Bodies of requests and of answers.
use std::fmt;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use digest::{Algorithm, Digest};
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
    Stream(Arriving),
    /// As it comes, of a length that nobody knows before its end: the file of a form.
    Unmeasured(Frames),
}

/// The pieces of a body, in order.
pub type Frames = Pin<Box<dyn Stream<Item = Result<Frame, S3Error>> + Send>>;

/// A body on its way in.
pub struct Arriving {
    frames: Frames,
    sha256: Option<Digest>,
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
        Body::from_frames(stream.map(|chunk| chunk.map(Frame::Data)))
    }

    /// The file of a form.
    pub fn from_file(stream: impl Stream<Item = Result<Bytes, S3Error>> + Send + 'static) -> Body {
        Body::Unmeasured(Box::pin(stream.map(|chunk| chunk.map(Frame::Data))))
    }

    /// A body that may end with trailers.
    pub fn from_frames<E: Into<S3Error>>(
        frames: impl Stream<Item = Result<Frame, E>> + Send + 'static,
    ) -> Body {
        Body::Stream(Arriving {
            frames: Box::pin(frames.map(|frame| frame.map_err(Into::into))),
            sha256: None,
        })
    }

    /// With the SHA-256 of all its data, of a stream that ends without an error only if that is so.
    #[must_use]
    pub fn with_sha256(self, sha256: Option<[u8; 32]>) -> Body {
        let sha256 = sha256.and_then(|value| Digest::from_bytes(Algorithm::Sha256, &value));
        match self {
            Body::Stream(Arriving { frames, .. }) => Body::Stream(Arriving { frames, sha256 }),
            other @ (Body::Full(_) | Body::Unmeasured(_)) => other,
        }
    }

    /// The SHA-256 that the data has once the stream has ended without an error, if the stream sees
    /// to that.
    pub(crate) fn sha256(&self) -> Option<Digest> {
        match self {
            Body::Stream(arriving) => arriving.sha256,
            Body::Full(_) | Body::Unmeasured(_) => None,
        }
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
    pub fn into_frames(self) -> Frames {
        match self {
            Body::Full(bytes) => Box::pin(futures_util::stream::iter([Ok(Frame::Data(bytes))])),
            Body::Stream(arriving) => arriving.frames,
            Body::Unmeasured(frames) => frames,
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
