//! Looks at the data of a server, while it runs or not.
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use engine::{BucketId, ControlStore, EngineError, VersionId};
use engine_local::{
    FORMAT_FILE, Local, OpenError, Options, Pace, Problem, Rebuilt, Unhindered, Verified,
};
use serde::{Deserialize, Serialize};

use crate::start::store_directory;

/// Rows of buckets begin with this; the bucket's name follows.
const BUCKET_ROWS: &str = "s3/bucket/";

/// What to do with the data of a server that is stopped.
#[derive(Clone, Debug)]
pub struct Fsck {
    /// The server's data directory.
    pub data: PathBuf,
    /// Read all bodies, too.
    pub scrub: bool,
    /// Make the index anew from the log before anything is looked at.
    pub rebuild: bool,
}

/// The data could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum FsckError {
    /// There is nothing of a server there.
    #[error("`{}` is not the data directory of a server", data.display())]
    NoData {
        /// The directory that was named.
        data: PathBuf,
    },
    /// A server has it open.
    #[error(
        "`{}` is in use by a running server: stop the server first; nothing was done",
        data.display()
    )]
    InUse {
        /// The directory that was named.
        data: PathBuf,
    },
    /// The store does not open, for another reason than damage.
    #[error("the store in `{}` does not open: {source}", data.display())]
    Open {
        /// The directory that was named.
        data: PathBuf,
        /// Why.
        source: OpenError,
    },
    /// The disk failed while the data were looked at.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The runtime could not be started.
    #[error("starting failed: {0}")]
    Runtime(io::Error),
}

/// What was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FsckReport {
    /// Nothing is damaged.
    pub clean: bool,
    /// Whether all bodies were read.
    pub scrubbed: bool,
    /// What the index was made of, if it was made anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuilt: Option<FsckRebuilt>,
    /// What was looked at; `None` if the store is too damaged for that.
    pub checked: Option<FsckCounts>,
    /// What is not as it was written.
    pub problems: Vec<FsckProblem>,
}

/// What was found in the log when the index was made anew.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FsckRebuilt {
    /// Files of the log.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// Rows of the new index.
    pub rows: u64,
}

/// What was looked at.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FsckCounts {
    /// Versions of objects, delete markers included.
    pub versions: u64,
    /// Parts of uploads in progress.
    pub parts: u64,
    /// Files of the log.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes of bodies that were read, as stored (encrypted).
    pub bytes_read: u64,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FsckProblem {
    /// Name of the bucket, if the problem is about an object and the name can be read.
    pub bucket: Option<String>,
    /// The bucket's id in the store, if the problem is about an object.
    pub bucket_id: Option<String>,
    /// Key of the object, if the problem is about one.
    pub key: Option<String>,
    /// Its version: `null` or a number. `None` for a part of an upload.
    pub version: Option<String>,
    /// What is wrong.
    pub what: String,
}

impl Fsck {
    /// Rebuilds if that is asked, and looks at everything. Blocking; not within a Tokio runtime.
    ///
    /// As at every start of a server, writes that were under way at a crash are finished or dropped.
    ///
    /// # Errors
    /// When nothing can be said about the data. Damage is no error, see [`FsckReport::problems`].
    pub fn run(&self) -> Result<FsckReport, FsckError> {
        self.run_at(&Unhindered)
    }

    pub(crate) fn run_at(&self, pace: &dyn Pace) -> Result<FsckReport, FsckError> {
        let store = store_directory(&self.data);
        // Opening would make a new one.
        if !store.join(FORMAT_FILE).exists() {
            return Err(FsckError::NoData {
                data: self.data.clone(),
            });
        }
        let mut report = FsckReport {
            clean: false,
            scrubbed: self.scrub,
            rebuilt: None,
            checked: None,
            problems: Vec::new(),
        };
        let options = Options::default();
        if self.rebuild {
            let rebuilt = Local::rebuild(&store, &options);
            if let Some(rebuilt) = self.or_damage(rebuilt, &mut report)? {
                report.note_rebuilt(rebuilt);
            }
        }
        let opened = Local::open(&store, options);
        if let Some(local) = self.or_damage(opened, &mut report)? {
            self.look(&local, pace, &mut report)?;
        }
        report.clean = report.problems.is_empty();
        Ok(report)
    }

    /// Looks at the data of the server that has them open. Blocking.
    ///
    /// What is written or deleted meanwhile is looked at or not.
    pub(crate) fn run_live(&self, local: &Local, pace: &dyn Pace) -> Result<FsckReport, FsckError> {
        let mut report = FsckReport {
            clean: false,
            scrubbed: self.scrub,
            rebuilt: None,
            checked: None,
            problems: Vec::new(),
        };
        self.look(local, pace, &mut report)?;
        report.clean = report.problems.is_empty();
        Ok(report)
    }

    fn look(
        &self,
        local: &Local,
        pace: &dyn Pace,
        report: &mut FsckReport,
    ) -> Result<(), FsckError> {
        let verified = local.verify_at(self.scrub, pace).map_err(OpenError::from);
        if let Some(verified) = self.or_damage(verified, report)? {
            let names = bucket_names(local, report)?;
            report.note_verified(verified, &names);
        }
        Ok(())
    }

    /// Damage goes to the report.
    fn or_damage<T>(
        &self,
        outcome: Result<T, OpenError>,
        report: &mut FsckReport,
    ) -> Result<Option<T>, FsckError> {
        match outcome {
            Ok(done) => Ok(Some(done)),
            Err(OpenError::Engine(error @ EngineError::Corrupt { .. })) => {
                report.problems.push(FsckProblem {
                    what: error.to_string(),
                    ..FsckProblem::default()
                });
                Ok(None)
            }
            Err(error) => Err(opening(&self.data, error)),
        }
    }
}

/// Why the store in a data directory does not open.
pub(crate) fn opening(data: &Path, error: OpenError) -> FsckError {
    let data = data.to_owned();
    match error {
        OpenError::InUse { .. } => FsckError::InUse { data },
        source @ (OpenError::UnknownFormat { .. }
        | OpenError::NotOurs { .. }
        | OpenError::Engine(_)) => FsckError::Open { data, source },
    }
}

impl FsckReport {
    fn note_rebuilt(&mut self, rebuilt: Rebuilt) {
        self.rebuilt = Some(FsckRebuilt {
            segments: rebuilt.segments,
            records: rebuilt.records,
            rows: rebuilt.rows,
        });
        self.problems
            .extend(rebuilt.damaged.into_iter().map(|place| FsckProblem {
                what: format!(
                    "what was written there is lost, unless it was written again: {place}"
                ),
                ..FsckProblem::default()
            }));
    }

    fn note_verified(&mut self, verified: Verified, names: &BTreeMap<BucketId, String>) {
        self.checked = Some(FsckCounts {
            versions: verified.versions,
            parts: verified.parts,
            segments: verified.segments,
            records: verified.records,
            bytes_read: verified.bytes_read,
        });
        let problems = verified.problems.into_iter();
        self.problems
            .extend(problems.map(|problem| told(problem, names)));
    }
}

fn told(problem: Problem, names: &BTreeMap<BucketId, String>) -> FsckProblem {
    let Problem { object, what } = problem;
    let Some(object) = object else {
        return FsckProblem {
            what,
            ..FsckProblem::default()
        };
    };
    FsckProblem {
        bucket: names.get(&object.bucket).cloned(),
        bucket_id: Some(object.bucket.to_string()),
        key: Some(object.key),
        version: object.version.map(|version| match version {
            VersionId::Null => "null".to_owned(),
            VersionId::Made(sequence) => sequence.0.to_string(),
        }),
        what,
    }
}

/// What of a bucket's row is needed here.
#[derive(Deserialize)]
struct BucketRow {
    id: String,
}

/// The names of the buckets by their ids. A row that cannot be read is a problem of its own.
fn bucket_names(
    local: &Local,
    report: &mut FsckReport,
) -> Result<BTreeMap<BucketId, String>, FsckError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(FsckError::Runtime)?;
    let rows = match runtime.block_on(local.scan(BUCKET_ROWS)) {
        Ok(rows) => rows,
        Err(error @ EngineError::Corrupt { .. }) => {
            report.problems.push(FsckProblem {
                what: format!("the buckets' configuration cannot be read: {error}"),
                ..FsckProblem::default()
            });
            return Ok(BTreeMap::new());
        }
        Err(error) => return Err(error.into()),
    };
    let mut names = BTreeMap::new();
    for row in rows {
        let name = row.key.strip_prefix(BUCKET_ROWS).unwrap_or(&row.key);
        let id = serde_json::from_slice::<BucketRow>(&row.value)
            .ok()
            .and_then(|bucket| BucketId::parse(&bucket.id));
        match id {
            Some(id) => {
                names.insert(id, name.to_owned());
            }
            None => report.problems.push(FsckProblem {
                bucket: Some(name.to_owned()),
                what: "the bucket's configuration cannot be read".to_owned(),
                ..FsckProblem::default()
            }),
        }
    }
    Ok(names)
}
