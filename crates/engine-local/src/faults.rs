//! A disk that fails on demand and forgets on power loss, and what the engine makes of it.

use crate::disk::{Disk, DiskFile, HostDisk};
use crate::{Local, OpenError, Options};
use bytes::Bytes;
use engine::kit::{self, Random, Subject, World, collect, observe};
use engine::{
    BucketId, CommitError, ControlStore, ControlTxn, Delete, EngineError, Millis, ObjectEngine,
    ObjectName, Precondition, Put, StageHint, Versioning, Which, Write,
};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Create,
    Write,
    SyncData,
    SyncDirectory,
    Read,
}

#[derive(Default)]
struct FaultyDisk {
    state: Arc<Mutex<Faults>>,
}

#[derive(Default)]
struct Faults {
    /// The next such call fails with this error number.
    fails: Option<(Call, i32)>,
    /// Written since they were last synced.
    unsynced_data: BTreeSet<PathBuf>,
    /// Made since their directory was last synced.
    unsynced_names: BTreeSet<PathBuf>,
}

struct FaultyFile {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    state: Arc<Mutex<Faults>>,
}

impl FaultyDisk {
    fn fail_next(&self, call: Call, error: i32) {
        self.state.lock().unwrap().fails = Some((call, error));
    }

    /// What was not synced is lost: names vanish, contents are torn.
    fn lose_power(&self) {
        let mut state = self.state.lock().unwrap();
        for path in std::mem::take(&mut state.unsynced_names) {
            let _ = std::fs::remove_file(path);
        }
        for path in std::mem::take(&mut state.unsynced_data) {
            let Ok(file) = std::fs::File::options().write(true).open(path) else {
                continue;
            };
            let length = file.metadata().unwrap().len();
            file.set_len(length / 2).unwrap();
            file.set_len(length).unwrap();
        }
    }
}

/// The log has a disk of its own, in `simulated`.
fn is_extent(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "extents")
}

fn fault(state: &Mutex<Faults>, call: Call, path: &Path) -> io::Result<()> {
    let mut state = state.lock().unwrap();
    match state.fails.filter(|_| is_extent(path)) {
        Some((failing, error)) if failing == call => {
            state.fails = None;
            Err(io::Error::from_raw_os_error(error))
        }
        _ => Ok(()),
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        fault(&self.state, Call::Create, path)?;
        let file = HostDisk.create(path)?;
        let mut state = self.state.lock().unwrap();
        if is_extent(path) {
            state.unsynced_names.insert(path.to_owned());
        }
        Ok(Arc::new(FaultyFile {
            file,
            path: path.to_owned(),
            state: Arc::clone(&self.state),
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(FaultyFile {
            file: HostDisk.open(path)?,
            path: path.to_owned(),
            state: Arc::clone(&self.state),
        }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        HostDisk.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        HostDisk.rename(from, to)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        HostDisk.list(directory)
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        HostDisk.make_directory(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        fault(&self.state, Call::SyncDirectory, path)?;
        let mut state = self.state.lock().unwrap();
        state
            .unsynced_names
            .retain(|name| name.parent() != Some(path));
        Ok(())
    }
}

impl DiskFile for FaultyFile {
    fn bytes(&self) -> io::Result<u64> {
        self.file.bytes()
    }

    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        if is_extent(&self.path) {
            state.unsynced_data.insert(self.path.clone());
        }
        drop(state);
        if let Err(error) = fault(&self.state, Call::Write, &self.path) {
            // Torn: half of it is there.
            let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
            let half = IoSlice::new(&bytes[..bytes.len() / 2]);
            self.file.write_at(&[half], offset)?;
            return Err(error);
        }
        self.file.write_at(parts, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        fault(&self.state, Call::Read, &self.path)?;
        self.file.read_at(buffer, offset)
    }

    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
        self.file.read_cached_at(buffer, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        fault(&self.state, Call::SyncData, &self.path)?;
        self.state.lock().unwrap().unsynced_data.remove(&self.path);
        Ok(())
    }
}

const BUCKET: BucketId = BucketId(1);
// Linux, include/uapi/asm-generic/errno-base.h.
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

struct Setup {
    _temporary: tempfile::TempDir,
    directory: PathBuf,
    disk: Arc<FaultyDisk>,
}

impl Setup {
    fn new() -> Setup {
        let temporary = tempfile::tempdir().unwrap();
        Setup {
            directory: temporary.path().join("data"),
            _temporary: temporary,
            disk: Arc::new(FaultyDisk::default()),
        }
    }

    fn open(&self) -> Local {
        let options = Options {
            inline_bytes_max: 1000,
            ..Options::default()
        };
        Local::open_on(&self.directory, options, Arc::clone(&self.disk) as _).unwrap()
    }

    fn extent_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in std::fs::read_dir(self.directory.join("extents")).unwrap() {
            let folder = std::fs::read_dir(folder.unwrap().path()).unwrap();
            files.extend(folder.map(|file| file.unwrap().path()));
        }
        files
    }
}

fn object(key: &str) -> ObjectName {
    ObjectName {
        bucket: BUCKET,
        key: key.to_owned(),
    }
}

async fn put_if(
    local: &Local,
    key: &str,
    precondition: Precondition,
    body: &[u8],
) -> Result<(), CommitError> {
    let put = Put {
        object: object(key),
        precondition,
        versioning: Versioning::Unversioned,
        etag: Bytes::new(),
        last_modified: Millis(0),
        meta: Bytes::new(),
        body: kit::stage(local, body).await?,
    };
    let committed = ObjectEngine::commit(local, Write::Put(put)).await;
    committed.map(drop)
}

async fn put(local: &Local, key: &str, body: &[u8]) -> Result<(), CommitError> {
    put_if(local, key, Precondition::None, body).await
}

async fn delete(local: &Local, key: &str) -> Result<(), CommitError> {
    let delete = Delete {
        object: object(key),
        which: Which::Current,
        precondition: Precondition::None,
        versioning: Versioning::Unversioned,
        last_modified: Millis(0),
        marker_meta: Bytes::new(),
    };
    let committed = ObjectEngine::commit(local, Write::Delete(delete)).await;
    committed.map(drop)
}

async fn get(local: &Local, key: &str) -> Result<Vec<u8>, EngineError> {
    let head = local.head(&object(key), Which::Current).await?.unwrap();
    collect(local.read(&head, 0..head.stored_bytes).await?).await
}

async fn with_bucket(setup: &Setup) -> Local {
    let local = setup.open();
    let write = Write::CreateBucket { bucket: BUCKET };
    ObjectEngine::commit(&local, write).await.unwrap();
    local
}

/// Waits for what the engine does when it has time.
fn soon(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn power_loss_takes_nothing_that_was_acknowledged() {
    let setup = Setup::new();
    let mut worlds: Vec<World> = (1..=4)
        .map(|seed| {
            let bucket = BucketId(100 + u128::from(seed));
            World::new(seed, bucket, &[0, 10, 2000, 70_000, 200_000])
        })
        .collect();
    for _ in 0..12 {
        let local = setup.open();
        let subject = Subject {
            objects: &local,
            control: &local,
        };
        let work = worlds.iter_mut().map(async |world| {
            for _ in 0..20 {
                let op = world.next_op();
                world.run(subject, &op).await;
            }
        });
        futures_util::future::join_all(work).await;
        // Bodies on their way in, one of them finished; their commits never come.
        let mut unfinished = local.stage(StageHint::default()).await.unwrap();
        let chunk = Bytes::from(vec![7; 3 << 20]);
        unfinished.write(chunk.clone()).await.unwrap();
        std::mem::forget(unfinished);
        std::mem::forget(kit::stage(&local, &chunk).await.unwrap());
        drop(local);
        setup.disk.lose_power();
        let local = setup.open();
        let subject = Subject {
            objects: &local,
            control: &local,
        };
        for world in &worlds {
            let found = observe(subject, world.bucket(), world.control_prefix()).await;
            assert!(found == world.state(), "{found:#?}");
        }
    }
}

#[tokio::test]
async fn after_a_failed_sync_there_are_no_more_writes() {
    for call in [Call::SyncData, Call::SyncDirectory] {
        let setup = Setup::new();
        let local = with_bucket(&setup).await;
        let body = vec![1; 5000];
        put(&local, "before", &body).await.unwrap();
        setup.disk.fail_next(call, EIO);
        let failed = put(&local, "failed", &body).await.unwrap_err();
        assert!(
            matches!(failed, CommitError::Engine(EngineError::Io { .. })),
            "{failed:?}"
        );
        // The disk would answer well now. It is not asked.
        for body in [&body[..], b"inline"] {
            let refused = put(&local, "after", body).await.unwrap_err();
            assert!(matches!(
                refused,
                CommitError::Engine(EngineError::ReadOnly { .. })
            ));
        }
        let refused = ControlStore::commit(&local, ControlTxn::new().put("a", "b")).await;
        assert!(refused.is_err());
        assert_eq!(get(&local, "before").await.unwrap(), body);
        drop(local);
        let local = setup.open();
        assert_eq!(get(&local, "before").await.unwrap(), body);
        let failed = local.head(&object("failed"), Which::Current).await;
        assert_eq!(failed.unwrap(), None);
        put(&local, "after", &body).await.unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_is_said_so_and_passes() {
    let setup = Setup::new();
    let local = with_bucket(&setup).await;
    let body = vec![1; 3 << 20];
    put(&local, "before", &body).await.unwrap();
    for call in [Call::Create, Call::Write, Call::SyncData] {
        setup.disk.fail_next(call, ENOSPC);
        let failed = put(&local, "failed", &body).await.unwrap_err();
        assert!(matches!(failed, CommitError::Engine(EngineError::NoSpace)));
        assert_eq!(get(&local, "before").await.unwrap(), body);
        soon(|| setup.extent_files().len() == 1);
        put(&local, "after", &body).await.unwrap();
        delete(&local, "after").await.unwrap();
        soon(|| setup.extent_files().len() == 1);
    }
}

#[tokio::test]
async fn a_full_index_is_said_so_and_reads_go_on() {
    let setup = Setup::new();
    let options = Options {
        map_bytes: 4 << 20,
        memtable_bytes: 200_000,
        ..Options::default()
    };
    let local = Local::open(&setup.directory, options).unwrap();
    let write = Write::CreateBucket { bucket: BUCKET };
    ObjectEngine::commit(&local, write).await.unwrap();
    let put_meta = async |key: usize| {
        let put = Put {
            object: object(&format!("{key}")),
            precondition: Precondition::None,
            versioning: Versioning::Unversioned,
            etag: Bytes::new(),
            last_modified: Millis(0),
            meta: vec![key as u8; 50_000].into(),
            body: kit::stage(&local, b"body").await.unwrap(),
        };
        ObjectEngine::commit(&local, Write::Put(put)).await
    };
    let mut stored = 0;
    let refused = loop {
        match put_meta(stored).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, CommitError::Engine(EngineError::NoSpace)));
    assert!(stored > 20, "{stored}");
    for key in 0..stored {
        let head = local.head(&object(&format!("{key}")), Which::Current).await;
        assert_eq!(head.unwrap().unwrap().meta, vec![key as u8; 50_000]);
    }
    // There is room left for this, and it makes more.
    for key in 0..stored / 2 {
        delete(&local, &format!("{key}")).await.unwrap();
    }
    let begun = Instant::now();
    while let Err(error) = put_meta(0).await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{error}");
        // What was deleted is free when the index knows, and it has room to be told.
        local.checkpoint().await.unwrap();
    }
}

#[tokio::test]
async fn a_read_error_is_the_readers_only() {
    let setup = Setup::new();
    let local = with_bucket(&setup).await;
    put(&local, "a", &[1; 5000]).await.unwrap();
    setup.disk.fail_next(Call::Read, EIO);
    assert!(matches!(
        get(&local, "a").await,
        Err(EngineError::Io { .. })
    ));
    assert_eq!(get(&local, "a").await.unwrap(), [1; 5000]);
    put(&local, "b", &[1; 5000]).await.unwrap();
}

#[tokio::test]
async fn a_flipped_bit_is_an_error_and_never_other_bytes() {
    let setup = Setup::new();
    let local = with_bucket(&setup).await;
    let body = Random::new(3).bytes(150_000);
    put(&local, "extent", &body).await.unwrap();
    let path = setup.extent_files().remove(0);
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let length = file.metadata().unwrap().len();
    let mut random = Random::new(4);
    let header = 0..40u64;
    let others = (0..300).map(|_| 64 + random.next_u64() % (length - 64));
    for at in header.chain(others.collect::<Vec<_>>()) {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 1 << (at % 8)], at).unwrap();
        let found = get(&local, "extent").await;
        assert!(matches!(found, Err(EngineError::Corrupt { .. })), "at {at}");
        file.write_all_at(&byte, at).unwrap();
    }
    assert_eq!(get(&local, "extent").await.unwrap(), body);
    file.set_len(length - 1).unwrap();
    let found = get(&local, "extent").await;
    assert!(matches!(found, Err(EngineError::Corrupt { .. })));
}

#[tokio::test]
async fn a_flipped_bit_in_the_log_is_noticed() {
    let setup = Setup::new();
    let local = with_bucket(&setup).await;
    put(&local, "inline", b"the inline body").await.unwrap();
    put(&local, "other", b"another body").await.unwrap();
    drop(local);
    let path = setup.directory.join("log/00000001");
    let mut data = std::fs::read(&path).unwrap();
    let needle = b"the inline body";
    let mut at = 0;
    while let Some(found) = data[at..].windows(needle.len()).position(|w| w == needle) {
        data[at + found] ^= 4;
        at += found + 1;
    }
    assert!(at > 0);
    std::fs::write(&path, data).unwrap();
    let local = setup.open();
    let found = get(&local, "inline").await;
    assert!(matches!(found, Err(EngineError::Corrupt { .. })));
    assert_eq!(get(&local, "other").await.unwrap(), b"another body");
    // It can be replaced.
    put(&local, "inline", b"anew").await.unwrap();
    assert_eq!(get(&local, "inline").await.unwrap(), b"anew");
}

#[tokio::test]
async fn what_is_given_up_leaves_no_file() {
    let setup = Setup::new();
    let local = with_bucket(&setup).await;
    let body = vec![1; 3 << 20];
    let mut stage = local.stage(StageHint::default()).await.unwrap();
    stage.write(body.clone().into()).await.unwrap();
    drop(stage);
    drop(kit::stage(&local, &body).await.unwrap());
    let refused = put_if(&local, "a", Precondition::Exists, &body).await;
    assert!(matches!(refused, Err(CommitError::NoSuchObject)));
    soon(|| setup.extent_files().is_empty());
    // Who asks and goes away has asked nevertheless: the write is there or not, whole.
    let staged = put(&local, "b", &body);
    let _ = tokio::time::timeout(Duration::from_millis(1), staged).await;
    put(&local, "c", &body).await.unwrap();
    delete(&local, "c").await.unwrap();
    let kept = usize::from(
        local
            .head(&object("b"), Which::Current)
            .await
            .unwrap()
            .is_some(),
    );
    soon(|| setup.extent_files().len() == kept);
}

#[tokio::test]
async fn a_listed_head_may_outlive_its_body() {
    let setup = Setup::new();
    let local = with_bucket(&setup).await;
    for body in [vec![1; 10], vec![1; 5000]] {
        put(&local, "a", &body).await.unwrap();
        let query = engine::ListQuery {
            bucket: BUCKET,
            prefix: String::new(),
            delimiter: None,
            after: None,
            limit: 10,
        };
        let page = local.list(&query).await.unwrap();
        let head = &page.entries[0].head;
        let read = local.read(head, 0..head.stored_bytes).await.unwrap();
        assert_eq!(collect(read).await.unwrap(), body);
        delete(&local, "a").await.unwrap();
        let begun = Instant::now();
        loop {
            let read = local.read(head, 0..head.stored_bytes).await.unwrap();
            match collect(read).await {
                Ok(found) => assert_eq!(found, body),
                Err(error) => {
                    assert!(matches!(error, EngineError::BodyGone), "{error}");
                    break;
                }
            }
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn one_server_at_a_time() {
    let setup = Setup::new();
    let local = setup.open();
    let second = Local::open(&setup.directory, Options::default()).unwrap_err();
    assert!(matches!(second, OpenError::InUse { .. }));
    assert!(second.to_string().contains("in use by another server"));
    drop(local);
    drop(setup.open());
}

#[test]
fn a_directory_of_another_format_or_owner_is_left_alone() {
    let setup = Setup::new();
    drop(setup.open());
    let format = setup.directory.join("FORMAT");
    for version in [1, 3] {
        std::fs::write(
            &format,
            format!("strongroom engine-local\nversion {version}\n"),
        )
        .unwrap();
        let refused = Local::open(&setup.directory, Options::default()).unwrap_err();
        assert!(matches!(refused, OpenError::UnknownFormat { .. }));
        let said = refused.to_string();
        assert!(said.contains(&format!("version {version}")), "{said}");
    }

    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("letter.txt"), "dear").unwrap();
    let refused = Local::open(other.path(), Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::NotOurs { .. }));
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 1);
}

#[test]
fn a_new_directory_opens_at_once_and_is_private() {
    let setup = Setup::new();
    let begun = Instant::now();
    let local = setup.open();
    // On a busy machine; alone it takes a few milliseconds.
    assert!(begun.elapsed() < Duration::from_secs(2));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let write = Write::CreateBucket { bucket: BUCKET };
        ObjectEngine::commit(&local, write).await.unwrap();
        put(&local, "a", &[1; 5000]).await.unwrap();
    });
    let mut pending = vec![setup.directory.clone()];
    while let Some(path) = pending.pop() {
        let metadata = std::fs::metadata(&path).unwrap();
        let mode = metadata.permissions().mode() & 0o777;
        match metadata.is_dir() {
            true => {
                assert_eq!(mode, 0o700, "{path:?}");
                let entries = std::fs::read_dir(path).unwrap();
                pending.extend(entries.map(|entry| entry.unwrap().path()));
            }
            false => assert_eq!(mode, 0o600, "{path:?}"),
        }
    }
}
