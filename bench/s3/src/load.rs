//! Load: many connections that each send one request after the other, for a short slice of time.
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::bodies;
use crate::client::{Connection, Request};
use crate::figures::{median, quantile};
use crate::process;
use crate::sign::Credentials;

/// Where load goes.
#[derive(Clone)]
pub struct Target {
    pub address: String,
    pub credentials: Credentials,
    /// For its processor time; unknown for a server elsewhere.
    pub pid: Option<u32>,
}

/// What each request is.
#[derive(Clone)]
pub enum Work {
    /// Writes objects one after the other, anew after `count` of them.
    Put {
        count: u64,
    },
    /// Reads and verifies objects that are there.
    Get {
        count: u64,
    },
    Head {
        count: u64,
    },
    /// Sends a form to the root, to STS.
    Form {
        form: Bytes,
        expects: &'static str,
    },
}

/// What is hashed of a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    Signed,
    Unsigned,
}

/// One kind of load.
#[derive(Clone)]
pub struct Load {
    pub work: Work,
    pub bucket: String,
    pub prefix: String,
    /// The objects lie under so many prefixes, whose names go on with a number; 0 for one alone.
    pub spread: u64,
    pub size_bytes: usize,
    pub connections: usize,
    pub payload: Payload,
    /// Whether the ETag of a write must be its MD5.
    pub checks_etag: bool,
}

impl Load {
    pub fn key(&self, index: u64) -> String {
        if self.spread == 0 {
            return bodies::key(&self.prefix, self.size_bytes, index);
        }
        let prefix = format!("{}{:04}", self.prefix, index % self.spread);
        bodies::key(&prefix, self.size_bytes, index)
    }
}

/// When a request was sent, since the slice began, and what it took.
#[derive(Clone, Copy)]
pub struct Sent {
    pub at: Duration,
    pub took: Duration,
}

/// What a slice of time saw.
pub struct Slice {
    pub sent: Vec<Sent>,
    pub began: Instant,
    pub wall: Duration,
    pub cpu: Option<Duration>,
}

impl Slice {
    pub fn rate(&self) -> f64 {
        self.sent.len() as f64 / self.wall.as_secs_f64()
    }

    pub fn latency_us(&self, part: f64) -> f64 {
        let times = self.sent.iter().map(|sent| sent.took.as_secs_f64() * 1e6);
        quantile(times.collect(), part)
    }

    pub fn cpu_us(&self) -> Option<f64> {
        let cpu = self.cpu?.as_secs_f64() * 1e6;
        (!self.sent.is_empty()).then(|| cpu / self.sent.len() as f64)
    }
}

/// Medians over slices.
#[derive(Clone, Copy, Default)]
pub struct Summary {
    pub rate: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub cpu_us: Option<f64>,
}

pub fn summary(slices: &[Slice]) -> Summary {
    let over = |figure: &dyn Fn(&Slice) -> f64| median(slices.iter().map(figure).collect());
    let cpu: Option<Vec<f64>> = slices.iter().map(Slice::cpu_us).collect();
    Summary {
        rate: over(&Slice::rate),
        p50_us: over(&|slice| slice.latency_us(0.5)),
        p99_us: over(&|slice| slice.latency_us(0.99)),
        cpu_us: cpu.map(median),
    }
}

/// Connections that stay open between slices.
pub struct Driver {
    load: Load,
    target: Target,
    connections: Vec<Connection>,
    next: Arc<AtomicU64>,
}

type Failure = Box<dyn Error + Send + Sync>;

impl Driver {
    pub async fn open(target: &Target, load: &Load) -> Result<Driver, Failure> {
        let service = match load.work {
            Work::Form { .. } => "sts",
            Work::Put { .. } | Work::Get { .. } | Work::Head { .. } => "s3",
        };
        let mut connections = Vec::with_capacity(load.connections);
        for _ in 0..load.connections {
            connections
                .push(Connection::open(&target.address, &target.credentials, service).await?);
        }
        Ok(Driver {
            load: load.clone(),
            target: target.clone(),
            connections,
            next: Arc::default(),
        })
    }

    /// Sends for about that long. Every answer must be right.
    pub async fn run(&mut self, length: Duration) -> Result<Slice, Failure> {
        let cpu = self.target.pid.and_then(process::cpu);
        let began = Instant::now();
        let mut tasks = Vec::new();
        for connection in self.connections.drain(..) {
            let (load, next) = (self.load.clone(), self.next.clone());
            tasks.push(tokio::spawn(send_until(
                connection, load, next, began, length,
            )));
        }
        let mut sent = Vec::new();
        for task in tasks {
            let (connection, part) = task.await??;
            self.connections.push(connection);
            sent.extend(part);
        }
        let wall = began.elapsed();
        let spent = self.target.pid.and_then(process::cpu);
        Ok(Slice {
            sent,
            began,
            wall,
            cpu: spent.zip(cpu).map(|(after, before)| after - before),
        })
    }
}

/// Writes the first `count` objects of a load once, as fast as it goes; answers objects a second.
pub async fn fill(target: &Target, load: &Load, count: u64) -> Result<f64, Failure> {
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..load.connections {
        let (target, next) = (target.clone(), next.clone());
        let load = Load {
            work: Work::Put { count },
            ..load.clone()
        };
        tasks.push(tokio::spawn(async move {
            let mut connection =
                Connection::open(&target.address, &target.credentials, "s3").await?;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<(), Failure>(());
                }
                send_one(&mut connection, &load, number).await?;
            }
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

async fn send_until(
    mut connection: Connection,
    load: Load,
    next: Arc<AtomicU64>,
    began: Instant,
    length: Duration,
) -> Result<(Connection, Vec<Sent>), Failure> {
    let mut sent = Vec::new();
    loop {
        let at = began.elapsed();
        if at >= length {
            return Ok((connection, sent));
        }
        let number = next.fetch_add(1, Ordering::Relaxed);
        send_one(&mut connection, &load, number).await?;
        sent.push(Sent {
            at,
            took: began.elapsed() - at,
        });
    }
}

/// One request of the load, whose answer is verified.
pub async fn send_one(
    connection: &mut Connection,
    load: &Load,
    number: u64,
) -> Result<(), Failure> {
    let (method, index) = match load.work {
        Work::Put { count } => ("PUT", number % count),
        // Spread, so that neighbours in the store are not neighbours in time.
        Work::Get { count } => ("GET", number.wrapping_mul(7919) % count),
        Work::Head { count } => ("HEAD", number.wrapping_mul(7919) % count),
        Work::Form { ref form, expects } => return send_form(connection, form, expects).await,
    };
    let path = format!("/{}/{}", load.bucket, load.key(index));
    let body = bodies::body(load.size_bytes, index);
    let mut request = Request::bare(method, &path, "");
    if method == "PUT" {
        request.body = body.bytes.clone();
        request.payload = match load.payload {
            Payload::Signed => &body.sha256,
            Payload::Unsigned => "UNSIGNED-PAYLOAD",
        };
    }
    let mut right = true;
    let head = connection
        .send(&request, &mut |offset, bytes| {
            let wanted = body
                .bytes
                .get(offset as usize..offset as usize + bytes.len());
            right &= wanted == Some(bytes);
        })
        .await?;
    let whole = method != "GET" || head.body_bytes == load.size_bytes as u64;
    if method == "PUT" && load.checks_etag && head.etag.as_ref() != Some(&body.etag) {
        return Err(format!(
            "PUT {path} answered {} and the ETag {:?}",
            head.status, head.etag
        )
        .into());
    }
    if head.status != 200 || !right || !whole {
        return Err(format!(
            "{method} {path} answered {} and {} bytes{}",
            head.status,
            head.body_bytes,
            if right {
                ""
            } else {
                ", not those that were written"
            }
        )
        .into());
    }
    Ok(())
}

async fn send_form(
    connection: &mut Connection,
    form: &Bytes,
    expects: &str,
) -> Result<(), Failure> {
    use aws_lc_rs::digest;
    let hash = hex::encode(digest::digest(&digest::SHA256, form));
    let request = Request {
        method: "POST",
        path: "/",
        query: "",
        body: form.clone(),
        payload: &hash,
        content_type: Some("application/x-www-form-urlencoded"),
    };
    let (status, text) = connection.text(&request).await?;
    if status != 200 || !text.contains(expects) {
        return Err(format!("the form was answered {status}: {text}").into());
    }
    Ok(())
}
