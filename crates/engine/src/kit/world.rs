use super::model::{Model, Part, Upload, Version};
use super::{Random, State, Subject, stage};
use crate::{
    BucketId, CommitError, Committed, CompleteUpload, ControlError, ControlTxn, CreateUpload,
    Delete, EngineError, Millis, ObjectEngine, ObjectName, PartChoice, Precondition, Put, PutPart,
    Revision, Sequence, SetMeta, Staged, UploadId, VersionId, Versioning, Which, Write,
};
use bytes::Bytes;
use std::collections::BTreeMap;

/// A random history in one bucket: the same for the same seed, though sequences differ.
#[derive(Debug, Clone)]
pub struct World {
    seed: u64,
    random: Random,
    bucket: BucketId,
    control_prefix: String,
    body_bytes: Vec<usize>,
    steps: u64,
    pub(super) model: Model,
}

/// One step of it.
#[derive(Debug, Clone)]
pub struct Op(Kind);

#[derive(Debug, Clone)]
enum Kind {
    CreateBucket,
    DropBucket,
    Put {
        key: String,
        precondition: Precondition,
        versioning: Versioning,
        what: Content,
        /// The body is that of another version, shared.
        of: Option<(String, VersionId)>,
    },
    Delete {
        key: String,
        which: Which,
        precondition: Precondition,
        versioning: Versioning,
        what: Content,
    },
    SetMeta {
        key: String,
        which: Which,
        precondition: Precondition,
        meta: Bytes,
    },
    CreateUpload {
        upload: UploadId,
        key: String,
        what: Content,
    },
    PutPart {
        upload: UploadId,
        number: u32,
        what: Content,
    },
    Complete {
        upload: UploadId,
        parts: Vec<PartChoice>,
        precondition: Precondition,
        versioning: Versioning,
        what: Content,
    },
    Abort {
        upload: UploadId,
    },
    Control(ControlTxn),
}

#[derive(Debug, Clone)]
struct Content {
    etag: Bytes,
    at: Millis,
    meta: Bytes,
    body: Bytes,
}

/// Few keys, so that they meet; some that are prefixes of others; some at the ends of UTF-8.
const KEYS: [&str; 14] = [
    "a",
    "a/",
    "a/b",
    "a/b/c",
    "a/c",
    "a0",
    "b",
    "b//c",
    "\0",
    "a\0",
    "é/x",
    "\u{10ffff}",
    "z/1",
    "z/2",
];

impl World {
    /// Begins with nothing, not even the bucket.
    pub fn new(seed: u64, bucket: BucketId, body_bytes: &[usize]) -> World {
        World {
            seed,
            random: Random::new(seed),
            bucket,
            control_prefix: format!("kit/{bucket}/"),
            body_bytes: body_bytes.to_vec(),
            steps: 0,
            model: Model::default(),
        }
    }

    /// The bucket it works in.
    pub fn bucket(&self) -> BucketId {
        self.bucket
    }

    /// The prefix that all its rows of the control store have.
    pub fn control_prefix(&self) -> &str {
        &self.control_prefix
    }

    /// What should be there now.
    pub fn state(&self) -> State {
        self.model.state()
    }

    /// The next step.
    pub fn next_op(&mut self) -> Op {
        self.steps += 1;
        if !self.model.bucket_exists && !self.random.one_in(4) {
            return Op(Kind::CreateBucket);
        }
        Op(match self.random.below(100) {
            0 => Kind::CreateBucket,
            1 => Kind::DropBucket,
            2..35 => {
                let key = self.key();
                Kind::Put {
                    precondition: self.precondition(&key, Which::Current),
                    versioning: self.versioning(),
                    what: self.content(true),
                    of: None,
                    key,
                }
            }
            35..40 => self.copy(),
            40..52 => {
                let key = self.key();
                let which = match self.random.below(3) {
                    0 => Which::Current,
                    _ => self.which(&key),
                };
                Kind::Delete {
                    precondition: match (which, self.random.below(4)) {
                        (Which::Version(_), 0) => self.version_is(&key, which),
                        (_, _) => self.precondition(&key, which),
                    },
                    versioning: self.versioning(),
                    what: self.content(false),
                    which,
                    key,
                }
            }
            52..60 => {
                let key = self.key();
                let which = self.which(&key);
                Kind::SetMeta {
                    precondition: self.precondition(&key, which),
                    meta: self.content(false).meta,
                    which,
                    key,
                }
            }
            60..67 => Kind::CreateUpload {
                upload: match self.random.one_in(10) {
                    true => self.upload(),
                    false => UploadId(
                        u128::from(self.random.next_u64()) << 32 | self.bucket.0 & 0xffff_ffff,
                    ),
                },
                key: self.key(),
                what: self.content(false),
            },
            67..80 => Kind::PutPart {
                upload: self.upload(),
                number: 1 + self.random.below(4) as u32,
                what: self.content(true),
            },
            80..87 => self.complete(),
            87..89 => Kind::Abort {
                upload: self.upload(),
            },
            _ => self.control(),
        })
    }

    fn copy(&mut self) -> Kind {
        let key = self.key();
        let mut what = self.content(true);
        let of = {
            let source = self.key();
            let versions = self.model.versions(&source);
            let found = versions.iter().find(|version| !version.is_delete_marker);
            found.map(|found| {
                what.body = found.body.clone();
                (source, found.version)
            })
        };
        Kind::Put {
            precondition: Precondition::None,
            versioning: self.versioning(),
            what,
            of,
            key,
        }
    }

    fn complete(&mut self) -> Kind {
        let upload = self.upload();
        let mut parts = Vec::new();
        let mut key = String::new();
        if let Some(found) = self.model.uploads.get(&upload) {
            key.clone_from(&found.key);
            for (number, part) in &found.parts {
                if self.random.one_in(5) {
                    continue;
                }
                parts.push(PartChoice {
                    number: *number,
                    sequence: part.sequence,
                });
            }
        }
        match self.random.below(10) {
            0 => parts.push(PartChoice {
                number: 9,
                sequence: Sequence(0),
            }),
            1 => parts.reverse(),
            2 => {
                if let Some(part) = parts.first_mut() {
                    part.sequence = Sequence(0);
                }
            }
            _ => {}
        }
        Kind::Complete {
            upload,
            parts,
            precondition: self.precondition(&key, Which::Current),
            versioning: self.versioning(),
            what: self.content(false),
        }
    }

    fn control(&mut self) -> Kind {
        let mut txn = ControlTxn::new();
        let mut names = BTreeMap::new();
        for _ in 0..1 + self.random.below(3) {
            names.insert(self.random.below(6), ());
        }
        for name in names.into_keys() {
            let key = format!("{}{name}", self.control_prefix);
            let revision = self.model.control.get(&key).map(|(_, revision)| *revision);
            match self.random.below(8) {
                0 => txn = txn.assert(&*key, None),
                1 => txn = txn.assert(&*key, Some(Revision(0))),
                2..6 => txn = txn.assert(&*key, revision),
                _ => {}
            }
            txn = match self.random.below(4) {
                0 => txn.delete(key),
                1 => txn,
                _ => {
                    let bytes = self.random.below(200);
                    txn.put(key, self.random.bytes(bytes))
                }
            };
        }
        Kind::Control(txn)
    }

    fn key(&mut self) -> String {
        (*self.random.pick(&KEYS)).to_owned()
    }

    fn versioning(&mut self) -> Versioning {
        // A bucket never goes back to unversioned, and an engine may rely on it.
        match (self.seed % 3, self.random.below(3)) {
            (0, _) => Versioning::Unversioned,
            (_, 0) => Versioning::Suspended,
            (_, _) => Versioning::Enabled,
        }
    }

    fn which(&mut self, key: &str) -> Which {
        let versions = self.model.versions(key);
        match self.random.below(6) {
            0 => Which::Current,
            1 => Which::CurrentOrMarker,
            2 => Which::Version(VersionId::Null),
            3 => Which::Version(VersionId::Made(Sequence(u64::MAX - 1))),
            _ if versions.is_empty() => Which::Current,
            _ => Which::Version(self.random.pick(versions).version),
        }
    }

    fn precondition(&mut self, key: &str, which: Which) -> Precondition {
        let found = self.model.find(key, which).cloned();
        match (self.random.below(16), found) {
            (0, _) => Precondition::Absent,
            (1, _) => Precondition::Exists,
            (2, _) => Precondition::EtagIs(Bytes::from_static(b"other")),
            (3, _) => Precondition::SequenceIs(Sequence(0)),
            (4, Some(found)) => Precondition::EtagIs(found.etag),
            (5, Some(found)) => Precondition::SequenceIs(found.sequence),
            _ => Precondition::None,
        }
    }

    fn version_is(&mut self, key: &str, which: Which) -> Precondition {
        let found = self.model.find(key, which);
        let sequence = found.map_or(Sequence(0), |found| found.sequence);
        Precondition::VersionIs {
            sequence: match self.random.one_in(8) {
                true => Sequence(sequence.0 + 1),
                false => sequence,
            },
            newest: self.random.one_in(2),
        }
    }

    fn upload(&mut self) -> UploadId {
        let uploads: Vec<UploadId> = self.model.uploads.keys().copied().collect();
        match uploads.is_empty() || self.random.one_in(12) {
            true => UploadId(self.bucket.0 ^ 1),
            false => *self.random.pick(&uploads),
        }
    }

    fn content(&mut self, with_body: bool) -> Content {
        let body = match with_body {
            true => {
                let bytes = *self.random.pick(&self.body_bytes);
                self.random.bytes(bytes)
            }
            false => Vec::new(),
        };
        let meta_bytes = self.random.below(300);
        Content {
            etag: self.random.bytes(16).into(),
            // The clock jumps, also back: what is newest is told by the order of the writes.
            at: Millis(1_700_000_000_000 + self.steps as i64 * 7_919 % 100_003),
            meta: self.random.bytes(meta_bytes).into(),
            body: body.into(),
        }
    }

    /// Runs a step on the engine, which must answer as the model does.
    pub async fn run(&mut self, subject: Subject<'_>, op: &Op) {
        self.attempt(subject, op).await.unwrap();
    }

    /// As [`World::run`], on an engine that may fail: then the step may have been taken or not, and
    /// the world goes on as if it had not.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn attempt(&mut self, subject: Subject<'_>, op: &Op) -> Result<(), EngineError> {
        let seed = self.seed;
        if let Kind::Control(txn) = &op.0 {
            let expected = self.expect_control(txn);
            match (subject.control.commit(txn.clone()).await, expected) {
                (Err(ControlError::Engine(error)), _) => return Err(error),
                (Ok(revision), None) => self.take_control(txn, revision),
                (Err(ControlError::Conflict { key }), Some(expected)) => {
                    assert_eq!(key, expected, "seed {seed}: {txn:?}");
                }
                (found, expected) => {
                    panic!("seed {seed}: {txn:?} gave {found:?}, expected {expected:?}")
                }
            }
            return Ok(());
        }
        let write = self.write(subject, &op.0).await?;
        let expected = self.expect(&op.0);
        match (subject.objects.commit(write).await, expected) {
            (Err(CommitError::Engine(error)), _) => return Err(error),
            (Ok(committed), None) => {
                let expected = self.committed(&op.0, committed.sequence);
                assert_eq!(committed, expected, "seed {seed}: {op:?}");
                self.take(&op.0, committed.sequence);
            }
            (Err(found), Some(expected)) => {
                assert_eq!(
                    found.to_string(),
                    expected.to_string(),
                    "seed {seed}: {op:?}"
                );
            }
            (found, expected) => {
                panic!("seed {seed}: {op:?} gave {found:?}, expected {expected:?}")
            }
        }
        Ok(())
    }

    /// Reads every version. Answers how many are said to be damaged.
    ///
    /// # Errors
    /// What is not there, or other than it was written, and not said to be damaged.
    pub async fn compare_bodies(&self, engine: &dyn ObjectEngine) -> Result<usize, String> {
        let mut damaged = 0;
        for (key, versions) in &self.model.objects {
            for version in versions {
                let object = self.object(key);
                let found = match engine.head(&object, Which::Version(version.version)).await {
                    Ok(Some(head)) if head.meta != version.meta || head.etag != version.etag => {
                        return Err(format!("{key:?} has another record"));
                    }
                    Ok(Some(head)) => match engine.read(&head, 0..head.stored_bytes).await {
                        Ok(stream) => super::collect(stream).await,
                        Err(error) => Err(error),
                    },
                    Ok(None) => return Err(format!("{key:?} is missing")),
                    Err(error) => Err(error),
                };
                match found {
                    Ok(body) if body == version.body => {}
                    Ok(_) => return Err(format!("{key:?} has other bytes")),
                    Err(EngineError::Corrupt { .. }) => damaged += 1,
                    Err(error) => return Err(format!("{key:?}: {error}")),
                }
            }
        }
        Ok(damaged)
    }

    /// As if the engine had done it, with a sequence of our own.
    pub fn pretend(&mut self, op: &Op) {
        let sequence = Sequence(self.steps);
        match &op.0 {
            Kind::Control(txn) if self.expect_control(txn).is_none() => {
                self.take_control(txn, Revision(sequence.0));
            }
            Kind::Control(_) => {}
            kind if self.expect(kind).is_none() => self.take(kind, sequence),
            _ => {}
        }
    }

    fn object(&self, key: &str) -> ObjectName {
        ObjectName {
            bucket: self.bucket,
            key: key.to_owned(),
        }
    }

    async fn write(&self, subject: Subject<'_>, kind: &Kind) -> Result<Write, EngineError> {
        let engine = subject.objects;
        Ok(match kind.clone() {
            Kind::CreateBucket => Write::CreateBucket {
                bucket: self.bucket,
            },
            Kind::DropBucket => Write::DropBucket {
                bucket: self.bucket,
            },
            Kind::Put {
                key,
                precondition,
                versioning,
                what,
                of,
            } => Write::Put(Put {
                object: self.object(&key),
                precondition,
                versioning,
                body: self.body(engine, &what, of).await?,
                etag: what.etag,
                last_modified: what.at,
                meta: what.meta,
            }),
            Kind::Delete {
                key,
                which,
                precondition,
                versioning,
                what,
            } => Write::Delete(Delete {
                object: self.object(&key),
                which,
                precondition,
                versioning,
                last_modified: what.at,
                marker_meta: what.meta,
            }),
            Kind::SetMeta {
                key,
                which,
                precondition,
                meta,
            } => Write::SetMeta(SetMeta {
                object: self.object(&key),
                which,
                precondition,
                meta,
            }),
            Kind::CreateUpload { upload, key, what } => Write::CreateUpload(CreateUpload {
                upload,
                object: self.object(&key),
                initiated: what.at,
                meta: what.meta,
            }),
            Kind::PutPart {
                upload,
                number,
                what,
            } => Write::PutPart(PutPart {
                upload,
                number,
                etag: what.etag,
                last_modified: what.at,
                meta: what.meta,
                body: stage(engine, &what.body).await?,
            }),
            Kind::Complete {
                upload,
                parts,
                precondition,
                versioning,
                what,
            } => Write::CompleteUpload(CompleteUpload {
                upload,
                parts,
                precondition,
                versioning,
                etag: what.etag,
                last_modified: what.at,
                meta: what.meta,
            }),
            Kind::Abort { upload } => Write::AbortUpload { upload },
            Kind::Control(_) => panic!("not a write of objects"),
        })
    }

    async fn body(
        &self,
        engine: &dyn ObjectEngine,
        what: &Content,
        of: Option<(String, VersionId)>,
    ) -> Result<Staged, EngineError> {
        let Some((key, version)) = of else {
            return stage(engine, &what.body).await;
        };
        let object = self.object(&key);
        let head = engine.head(&object, Which::Version(version)).await?;
        engine.share(&head.unwrap()).await
    }

    /// The refusal, if there must be one.
    fn expect(&self, kind: &Kind) -> Option<CommitError> {
        let model = &self.model;
        let no_bucket = (!model.bucket_exists).then_some(CommitError::NoSuchBucket);
        match kind {
            Kind::CreateBucket => model.bucket_exists.then_some(CommitError::IdInUse),
            Kind::DropBucket => no_bucket.or(match model.objects.is_empty() {
                true => None,
                false => Some(CommitError::BucketNotEmpty),
            }),
            Kind::Put {
                key, precondition, ..
            } => no_bucket.or_else(|| self.refusal(precondition, key, Which::Current)),
            Kind::Delete {
                key,
                which,
                precondition,
                ..
            } => no_bucket.or_else(|| self.refusal(precondition, key, *which)),
            Kind::SetMeta {
                key,
                which,
                precondition,
                ..
            } => no_bucket
                .or_else(|| self.refusal(precondition, key, *which))
                .or_else(|| match (model.find(key, *which), which) {
                    (Some(_), _) => None,
                    (None, Which::Version(_)) => Some(CommitError::NoSuchVersion),
                    (None, _) => Some(CommitError::NoSuchObject),
                }),
            Kind::CreateUpload { upload, .. } => {
                let taken = model.uploads.contains_key(upload);
                no_bucket.or(taken.then_some(CommitError::IdInUse))
            }
            Kind::PutPart { upload, .. } | Kind::Abort { upload } => {
                let gone = !model.uploads.contains_key(upload);
                gone.then_some(CommitError::NoSuchUpload)
            }
            Kind::Complete {
                upload,
                parts,
                precondition,
                ..
            } => {
                let Some(upload) = model.uploads.get(upload) else {
                    return Some(CommitError::NoSuchUpload);
                };
                let refused = self.refusal(precondition, &upload.key, Which::Current);
                refused.or_else(|| {
                    let mut parts = parts.iter();
                    let changed = parts.find(|choice| {
                        let part = upload.parts.get(&choice.number);
                        part.map(|part| part.sequence) != Some(choice.sequence)
                    });
                    changed.map(|choice| CommitError::PartChanged {
                        number: choice.number,
                    })
                })
            }
            Kind::Control(_) => None,
        }
    }

    fn refusal(&self, precondition: &Precondition, key: &str, which: Which) -> Option<CommitError> {
        let found = self.model.find(key, which);
        let object = found.filter(|found| !found.is_delete_marker);
        let holds = match precondition {
            Precondition::VersionIs { .. } if found.is_none() => {
                return Some(CommitError::NoSuchObject);
            }
            Precondition::VersionIs { sequence, newest } => {
                let first = self.model.find(key, Which::CurrentOrMarker);
                let is_first = first.map(|first| first.version) == found.map(|found| found.version);
                found.is_some_and(|found| found.sequence == *sequence) && is_first == *newest
            }
            Precondition::None => true,
            Precondition::Absent => object.is_none(),
            Precondition::Exists | Precondition::EtagIs(_) | Precondition::SequenceIs(_)
                if object.is_none() =>
            {
                return Some(CommitError::NoSuchObject);
            }
            Precondition::Exists => true,
            Precondition::EtagIs(etag) => object.is_some_and(|object| object.etag == etag),
            Precondition::SequenceIs(sequence) => {
                object.is_some_and(|object| object.sequence == *sequence)
            }
        };
        (!holds).then_some(CommitError::PreconditionFailed)
    }

    /// The answer, where it is not a refusal. Called before [`World::take`].
    fn committed(&self, kind: &Kind, sequence: Sequence) -> Committed {
        let made = |versioning: &Versioning| match versioning {
            Versioning::Enabled => VersionId::Made(sequence),
            Versioning::Unversioned | Versioning::Suspended => VersionId::Null,
        };
        let removed = |key: &str, version| {
            let found = self.model.find(key, Which::Version(version));
            let is_marker = found.is_some_and(|found| found.is_delete_marker);
            (found.map(|found| found.version), is_marker)
        };
        let (version, is_delete_marker) = match kind {
            Kind::Put { versioning, .. } | Kind::Complete { versioning, .. } => {
                (Some(made(versioning)), false)
            }
            Kind::Delete {
                key,
                which: Which::Version(version),
                ..
            } => removed(key, *version),
            Kind::Delete {
                key,
                versioning: Versioning::Unversioned,
                ..
            } => removed(key, VersionId::Null),
            Kind::Delete { versioning, .. } => (Some(made(versioning)), true),
            Kind::SetMeta { key, which, .. } => {
                let found = self.model.find(key, *which);
                let is_marker = found.is_some_and(|found| found.is_delete_marker);
                (found.map(|found| found.version), is_marker)
            }
            Kind::CreateBucket
            | Kind::DropBucket
            | Kind::CreateUpload { .. }
            | Kind::PutPart { .. }
            | Kind::Abort { .. }
            | Kind::Control(_) => (None, false),
        };
        Committed {
            sequence,
            version,
            is_delete_marker,
        }
    }

    fn take(&mut self, kind: &Kind, sequence: Sequence) {
        let committed = self.committed(kind, sequence);
        let model = &mut self.model;
        let version_of = |what: Content, is_delete_marker, body| Version {
            version: committed.version.unwrap(),
            sequence,
            etag: match is_delete_marker {
                true => Bytes::new(),
                false => what.etag,
            },
            last_modified: what.at,
            meta: what.meta,
            is_delete_marker,
            body,
        };
        match kind.clone() {
            Kind::CreateBucket => model.bucket_exists = true,
            Kind::DropBucket => {
                model.bucket_exists = false;
                model.uploads.clear();
            }
            Kind::Put { key, what, .. } => {
                let body = what.body.clone();
                model.add(&key, version_of(what, false, body));
            }
            Kind::Delete {
                key,
                which: Which::Version(version),
                ..
            } => model.remove(&key, version),
            Kind::Delete {
                key,
                versioning: Versioning::Unversioned,
                ..
            } => model.remove(&key, VersionId::Null),
            Kind::Delete { key, what, .. } => {
                model.add(&key, version_of(what, true, Bytes::new()));
            }
            Kind::SetMeta {
                key, which, meta, ..
            } => {
                let version = model.find(&key, which).unwrap().version;
                let versions = model.objects.get_mut(&key).unwrap();
                let found = versions.iter_mut().find(|v| v.version == version).unwrap();
                found.meta = meta;
                found.sequence = sequence;
            }
            Kind::CreateUpload { upload, key, what } => {
                let created = Upload {
                    key,
                    initiated: what.at,
                    meta: what.meta,
                    parts: BTreeMap::new(),
                };
                model.uploads.insert(upload, created);
            }
            Kind::PutPart {
                upload,
                number,
                what,
            } => {
                let part = Part {
                    sequence,
                    etag: what.etag,
                    meta: what.meta,
                    last_modified: what.at,
                    body: what.body,
                };
                let upload = model.uploads.get_mut(&upload).unwrap();
                upload.parts.insert(number, part);
            }
            Kind::Complete {
                upload,
                parts,
                what,
                ..
            } => {
                let upload = model.uploads.remove(&upload).unwrap();
                let bodies = parts
                    .iter()
                    .map(|part| &upload.parts[&part.number].body[..]);
                let body = bodies.collect::<Vec<_>>().concat();
                model.add(&upload.key, version_of(what, false, body.into()));
            }
            Kind::Abort { upload } => {
                model.uploads.remove(&upload);
            }
            Kind::Control(_) => {}
        }
    }

    /// The key of the conflict, if there must be one.
    fn expect_control(&self, txn: &ControlTxn) -> Option<String> {
        let mut asserts = txn.asserts.iter();
        let failed = asserts.find(|(key, wanted)| {
            let found = self.model.control.get(key).map(|(_, revision)| *revision);
            found != *wanted
        });
        failed.map(|(key, _)| key.clone())
    }

    fn take_control(&mut self, txn: &ControlTxn, revision: Revision) {
        for (key, value) in &txn.puts {
            let row = (value.clone(), revision);
            self.model.control.insert(key.clone(), row);
        }
        for key in &txn.deletes {
            self.model.control.remove(key);
        }
    }
}
