//! Taking a body in: its length, its pieces, its trailers.
use std::future::Future;

use bytes::Bytes;
use digest::Digest;
use futures_util::StreamExt as _;
use http::HeaderMap;
use vault::{ObjectWriter, PartWriter, VaultError};

use crate::{Body, Frame, Request, S3Error};

/// The largest object that one PUT, or one part, may have. AWS: Uploading objects.
pub(crate) const BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// What takes the bytes.
pub(crate) trait Sink: Send {
    /// Says a digest of all the bytes that will come; it is right if they come to their end.
    fn announce(&mut self, digest: Digest);

    fn put(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), VaultError>> + Send;
}

impl Sink for ObjectWriter {
    fn announce(&mut self, digest: Digest) {
        ObjectWriter::announce(self, digest);
    }

    async fn put(&mut self, bytes: Bytes) -> Result<(), VaultError> {
        self.write(bytes).await
    }
}

impl Sink for PartWriter {
    fn announce(&mut self, digest: Digest) {
        PartWriter::announce(self, digest);
    }

    async fn put(&mut self, bytes: Bytes) -> Result<(), VaultError> {
        self.write(bytes).await
    }
}

/// How long the body will be, from the headers; `None` for the file of a form.
///
/// # Errors
/// `MissingContentLength`, `EntityTooLarge`.
pub(crate) fn declared_length(request: &Request) -> Result<Option<u64>, S3Error> {
    let number = |name: &str| {
        request
            .header(name)
            .map(|text| text.trim().parse::<u64>())
            .transpose()
            .map_err(|_| S3Error::MissingContentLength)
    };
    let chunked = request
        .header("x-amz-content-sha256")
        .is_some_and(|value| value.starts_with("STREAMING-"));
    let length = if chunked {
        number("x-amz-decoded-content-length")?
    } else {
        number("content-length")?
    };
    let length = match (length, &request.body) {
        (Some(length), _) => length,
        (None, Body::Full(bytes)) => bytes.len() as u64,
        (None, Body::Stream(_)) => return Err(S3Error::MissingContentLength),
        (None, Body::Unmeasured(_)) => return Ok(None),
    };
    if length > BYTES_MAX {
        return Err(too_large(length));
    }
    Ok(Some(length))
}

fn too_large(length: u64) -> S3Error {
    S3Error::EntityTooLarge {
        size: length.to_string(),
        max: BYTES_MAX.to_string(),
    }
}

/// Passes the body on; answers its trailers. Only a body that came whole ends well.
///
/// # Errors
/// `IncompleteBody`, those of the body's stream, those of the store.
pub(crate) async fn receive(
    body: Body,
    length: Option<u64>,
    sink: &mut impl Sink,
) -> Result<HeaderMap, S3Error> {
    if let Some(sha256) = body.sha256() {
        sink.announce(sha256);
    }
    let mut frames = body.into_frames();
    let mut trailers = HeaderMap::new();
    let mut received = 0u64;
    while let Some(frame) = frames.next().await {
        match frame? {
            Frame::Data(bytes) => {
                received += bytes.len() as u64;
                match length {
                    Some(length) if received > length => return Err(S3Error::IncompleteBody),
                    None if received > BYTES_MAX => return Err(too_large(received)),
                    Some(_) | None => {}
                }
                sink.put(bytes).await?;
            }
            Frame::Trailers(found) => trailers.extend(found),
        }
    }
    if length.is_none_or(|length| received == length) {
        Ok(trailers)
    } else {
        Err(S3Error::IncompleteBody)
    }
}
