//! One connection of the load: HTTP/1.1 with keep-alive, and as little else as can be, so that the
//! two cores are mostly the server's.
use std::io::{self, IoSlice};
use std::ops::Range;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::sign::{Credentials, Signer, Unsigned};

const READ_BYTES: usize = 256 * 1024;
const HEADERS_MAX: usize = 64;

/// A request; path and query as they are sent.
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub body: Bytes,
    /// What is signed of the body: its SHA-256 in hexadecimal, or `UNSIGNED-PAYLOAD`.
    pub payload: &'a str,
    pub content_type: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// Without a body.
    pub fn bare(method: &'a str, path: &'a str, query: &'a str) -> Request<'a> {
        Request {
            method,
            path,
            query,
            body: Bytes::new(),
            payload: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            content_type: None,
        }
    }
}

/// What the head of an answer says.
pub struct Head {
    pub status: u16,
    pub etag: Option<String>,
    pub body_bytes: u64,
}

/// A connection that signs.
pub struct Connection {
    stream: TcpStream,
    host: String,
    signer: Signer,
    head: String,
    buffer: Vec<u8>,
    /// What of the buffer was read and not yet used.
    filled: Range<usize>,
}

/// How an answer's body ends.
enum Length {
    Exact(u64),
    Chunked,
}

impl Connection {
    pub async fn open(
        address: &str,
        credentials: &Credentials,
        service: &'static str,
    ) -> io::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            host: address.to_owned(),
            signer: Signer::new(credentials, service),
            head: String::new(),
            buffer: vec![0; READ_BYTES],
            filled: 0..0,
        })
    }

    /// Sends a request and gives each piece of the answer's body to `take`, with its offset.
    pub async fn send(
        &mut self,
        request: &Request<'_>,
        take: &mut (dyn FnMut(u64, &[u8]) + Send),
    ) -> io::Result<Head> {
        self.write(request).await?;
        let (mut head, length) = self.read_head().await?;
        match length {
            Length::Exact(_) if request.method == "HEAD" => {}
            Length::Exact(size) => {
                self.read_exact(0, size, take).await?;
                head.body_bytes = size;
            }
            Length::Chunked => loop {
                let line = self.read_line().await?;
                let size = line.split(';').next().unwrap_or_default().trim();
                let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
                if size == 0 {
                    while !self.read_line().await?.is_empty() {}
                    break;
                }
                self.read_exact(head.body_bytes, size, take).await?;
                head.body_bytes += size;
                self.read_line().await?;
            },
        }
        Ok(head)
    }

    /// The same, with the whole body as text.
    pub async fn text(&mut self, request: &Request<'_>) -> io::Result<(u16, String)> {
        let mut body = Vec::new();
        let head = self
            .send(request, &mut |_, bytes| body.extend_from_slice(bytes))
            .await?;
        Ok((head.status, String::from_utf8_lossy(&body).into_owned()))
    }

    async fn write(&mut self, request: &Request<'_>) -> io::Result<()> {
        use std::fmt::Write as _;
        self.head.clear();
        let mark = if request.query.is_empty() { "" } else { "?" };
        let _ = write!(
            self.head,
            "{} {}{mark}{} HTTP/1.1\r\nhost: {}\r\n",
            request.method, request.path, request.query, self.host
        );
        if !request.body.is_empty() || matches!(request.method, "PUT" | "POST") {
            let _ = write!(self.head, "content-length: {}\r\n", request.body.len());
        }
        if let Some(content_type) = request.content_type {
            let _ = write!(self.head, "content-type: {content_type}\r\n");
        }
        let unsigned = Unsigned {
            method: request.method,
            host: &self.host,
            path: request.path,
            query: request.query,
            payload: request.payload,
        };
        self.signer.sign(&unsigned, &mut self.head);
        self.head.push_str("\r\n");
        let (head, body) = (self.head.as_bytes(), &request.body[..]);
        let slices = [IoSlice::new(head), IoSlice::new(body)];
        let written = self.stream.write_vectored(&slices).await?;
        if let Some(rest) = head.get(written..) {
            self.stream.write_all(rest).await?;
            return self.stream.write_all(body).await;
        }
        self.stream.write_all(&body[written - head.len()..]).await
    }

    async fn fill(&mut self) -> io::Result<()> {
        if self.filled.is_empty() {
            self.filled = 0..0;
        } else if self.filled.end == self.buffer.len() {
            self.buffer.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
        }
        let read = self
            .stream
            .read(&mut self.buffer[self.filled.end..])
            .await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.filled.end += read;
        Ok(())
    }

    async fn read_head(&mut self) -> io::Result<(Head, Length)> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut answer = httparse::Response::new(&mut headers);
            let parsed = answer
                .parse(&self.buffer[self.filled.clone()])
                .map_err(io::Error::other)?;
            let httparse::Status::Complete(head_bytes) = parsed else {
                self.fill().await?;
                continue;
            };
            let status = answer.code.unwrap_or_default();
            let header = |name: &str| {
                let found = answer
                    .headers
                    .iter()
                    .find(|h| h.name.eq_ignore_ascii_case(name));
                found.map(|h| String::from_utf8_lossy(h.value).into_owned())
            };
            let length = match header("content-length") {
                Some(text) => Length::Exact(text.parse().map_err(io::Error::other)?),
                None if header("transfer-encoding").is_some() => Length::Chunked,
                None => Length::Exact(0),
            };
            let etag = header("etag");
            self.filled.start += head_bytes;
            if status == 100 {
                continue;
            }
            let head = Head {
                status,
                etag,
                body_bytes: 0,
            };
            return Ok((head, length));
        }
    }

    async fn read_exact(
        &mut self,
        offset: u64,
        size: u64,
        take: &mut (dyn FnMut(u64, &[u8]) + Send),
    ) -> io::Result<()> {
        let mut done = 0;
        while done < size {
            if self.filled.is_empty() {
                self.fill().await?;
            }
            let part = (self.filled.len() as u64).min(size - done) as usize;
            let from = self.filled.start;
            take(offset + done, &self.buffer[from..from + part]);
            self.filled.start += part;
            done += part as u64;
        }
        Ok(())
    }

    async fn read_line(&mut self) -> io::Result<String> {
        loop {
            let seen = &self.buffer[self.filled.clone()];
            if let Some(end) = memchr::memmem::find(seen, b"\r\n") {
                let line = String::from_utf8_lossy(&seen[..end]).into_owned();
                self.filled.start += end + 2;
                return Ok(line);
            }
            self.fill().await?;
        }
    }
}
