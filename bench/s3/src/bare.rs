//! A server that authenticates nothing and stores nothing: what HTTP alone costs.
use std::convert::Infallible;
use std::io::{self, Write as _};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, ETAG, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::bodies;

/// As long as the answer to AssumeRole.
const TOKEN_BYTES: usize = 1500;

/// Serves on a free port, whose address is the first line of the output.
pub fn run() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        io::stdout().flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(serve)),
            );
        }
    })
}

async fn serve(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, mut body) = request.into_parts();
    while let Some(Ok(_)) = body.frame().await {}
    let known = bodies::of_path(head.uri.path());
    let mut answer = Response::new(Full::default());
    match (head.method, known) {
        (Method::GET, Some((size, index))) => {
            *answer.body_mut() = Full::new(bodies::bytes(size, index));
        }
        (Method::HEAD, Some((size, _))) => {
            answer
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from(size));
        }
        (Method::PUT, Some(_)) => {
            let etag = HeaderValue::from_static("\"d41d8cd98f00b204e9800998ecf8427e\"");
            answer.headers_mut().insert(ETAG, etag);
        }
        (Method::POST, _) => *answer.body_mut() = Full::new(bodies::bytes(TOKEN_BYTES, 0)),
        _ => *answer.status_mut() = StatusCode::NOT_FOUND,
    }
    Ok(answer)
}
