//! Processes under measurement: what they use, and how they are started and killed.
use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::sign::Credentials;

/// `/proc` counts time in these: `sysconf(_SC_CLK_TCK)` is 100 on every Linux.
const TICK: Duration = Duration::from_millis(10);
const MEMORY_INTERVAL: Duration = Duration::from_millis(20);

/// User and system time of a process so far.
pub fn cpu(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may have spaces; what follows it has none.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u32 = fields.get(11)?.parse::<u32>().ok()? + fields.get(12)?.parse::<u32>().ok()?;
    Some(TICK * ticks)
}

/// Bytes that a process has handed to the disk so far.
pub fn disk_bytes_written(pid: u32) -> Option<u64> {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "))?;
    line.trim().parse().ok()
}

/// Memory of a process in bytes: its own, and all with the mapped files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    pub own: u64,
    pub resident: u64,
}

pub fn memory(pid: u32) -> Option<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1024)
    };
    Some(Memory {
        own: field("RssAnon:")?,
        resident: field("VmRSS:")?,
    })
}

/// Watches the peak of a process' memory.
pub struct MemoryWatch {
    stop: Arc<AtomicBool>,
    own: Arc<AtomicU64>,
    resident: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl MemoryWatch {
    pub fn start(pid: u32) -> MemoryWatch {
        let watch = MemoryWatch {
            stop: Arc::default(),
            own: Arc::default(),
            resident: Arc::default(),
            thread: None,
        };
        let (stop, own, resident) = (
            watch.stop.clone(),
            watch.own.clone(),
            watch.resident.clone(),
        );
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                if let Some(memory) = memory(pid) {
                    own.fetch_max(memory.own, Ordering::Relaxed);
                    resident.fetch_max(memory.resident, Ordering::Relaxed);
                }
                std::thread::sleep(MEMORY_INTERVAL);
            }
        });
        MemoryWatch {
            thread: Some(thread),
            ..watch
        }
    }

    pub fn stop(mut self) -> Memory {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        Memory {
            own: self.own.load(Ordering::Relaxed),
            resident: self.resident.load(Ordering::Relaxed),
        }
    }
}

/// The thread of that name, if the process has one.
pub fn thread(pid: u32, name: &str) -> Option<PathBuf> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    threads
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| fs::read_to_string(path.join("comm")).is_ok_and(|found| found.trim() == name))
}

/// Nanoseconds that a thread has run.
pub fn thread_ns(thread: &Path) -> Option<u64> {
    let stat = fs::read_to_string(thread.join("schedstat")).ok()?;
    stat.split_whitespace().next()?.parse().ok()
}

/// Bytes that a directory takes on the disk.
pub fn disk_usage(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => disk_usage(&entry.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    });
    sizes.sum()
}

/// The product, started in a directory of its own.
pub struct Strongroom {
    binary: PathBuf,
    pub data: PathBuf,
    pub address: String,
    child: Child,
    pub root: Credentials,
}

impl Strongroom {
    /// Starts it with fresh data on free ports.
    pub fn start(binary: &Path, directory: &Path) -> Result<Strongroom, Box<dyn Error>> {
        let data = directory.join("data");
        let (child, greeting) = spawn(binary, &data, "127.0.0.1:0")?;
        let value = |name: &str| {
            let found = greeting.iter().find_map(|line| line.split_once(name));
            found.map(|(_, rest)| {
                rest.split_whitespace()
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
        };
        let missing = || format!("the server's greeting is not understood: {greeting:?}");
        Ok(Strongroom {
            binary: binary.to_owned(),
            address: value("AWS_ENDPOINT_URL=http://").ok_or_else(missing)?,
            root: Credentials {
                access_key: value("AWS_ACCESS_KEY_ID=").ok_or_else(missing)?,
                secret_key: value("AWS_SECRET_ACCESS_KEY=").ok_or_else(missing)?,
                region: "us-east-1".to_owned(),
            },
            data,
            child,
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(&mut self) -> Result<(), Box<dyn Error>> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and waits.
    pub fn stop(&mut self) -> Result<(), Box<dyn Error>> {
        let status = Command::new("kill").arg(self.pid().to_string()).status()?;
        if !status.success() {
            return Err("the server cannot be stopped".into());
        }
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again on its address; answers when it was started.
    pub fn start_again(&mut self) -> Result<Instant, Box<dyn Error>> {
        let started = Instant::now();
        let (child, _) = spawn(&self.binary, &self.data, &self.address)?;
        self.child = child;
        Ok(started)
    }
}

impl Drop for Strongroom {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers when the greeting was printed.
fn spawn(binary: &Path, data: &Path, listen: &str) -> Result<(Child, Vec<String>), Box<dyn Error>> {
    let mut child = Command::new(binary)
        .arg("serve")
        .arg("--data")
        .arg(data)
        .args(["--listen", listen, "--admin-listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("no output")?;
    let mut greeting = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line?;
        let last = line.starts_with("Data in");
        greeting.push(line);
        // A first start goes on with the root key, which ends with how to make more accounts.
        if greeting
            .last()
            .is_some_and(|line| line.starts_with("More accounts"))
        {
            break;
        }
        if last && data.join("bench-started").exists() {
            break;
        }
    }
    if greeting.is_empty() {
        let _ = child.wait();
        return Err("the server did not start".into());
    }
    fs::write(data.join("bench-started"), "")?;
    Ok((child, greeting))
}

/// The bare server, as a process of its own.
pub struct Bare {
    pub address: String,
    child: Child,
}

impl Bare {
    pub fn start() -> Result<Bare, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--bare-server")
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut address = String::new();
        BufReader::new(output).read_line(&mut address)?;
        Ok(Bare {
            address: address.trim().to_owned(),
            child,
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
