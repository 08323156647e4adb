//! When access keys and roles were last used.
//!
//! Kept in memory at once and written from time to time: no request waits for it, and losing the
//! last minute in a crash is what AWS's own delay allows.
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use engine::ControlTxn;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::{Directory, DirectoryError, Inner, use_row};

/// How often it is written.
const FLUSH_EVERY: Duration = Duration::from_secs(60);
/// Uses closer together than this are one.
const RESOLUTION_SECONDS: i64 = 60;
/// Rows of one transaction.
const ROWS_PER_FLUSH_MAX: usize = 500;

/// A last use, in the words of `GetAccessKeyLastUsed` and `RoleLastUsed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUse {
    /// When.
    pub at: Timestamp,
    /// Signing name of the service, such as `s3`.
    pub service: String,
    /// Region of the endpoint.
    pub region: String,
}

#[derive(Default)]
pub(crate) struct Usage {
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    /// By access key id or role id.
    last: HashMap<String, LastUse>,
    unwritten: HashSet<String>,
}

impl Usage {
    pub(crate) fn load(&self, id: &str, bytes: &[u8]) -> Result<(), serde_json::Error> {
        let last = serde_json::from_slice(bytes)?;
        self.write().last.insert(id.to_owned(), last);
        Ok(())
    }

    pub(crate) fn get(&self, id: &str) -> Option<LastUse> {
        self.read().last.get(id).cloned()
    }

    pub(crate) fn note(&self, id: &str, at: Timestamp, service: &str, region: &str) {
        let is_news = self.read().last.get(id).is_none_or(|last| {
            at.as_second() - last.at.as_second() >= RESOLUTION_SECONDS
                || last.service != service
                || last.region != region
        });
        if !is_news {
            return;
        }
        let mut state = self.write();
        let last = LastUse {
            at,
            service: service.to_owned(),
            region: region.to_owned(),
        };
        state.last.insert(id.to_owned(), last);
        state.unwritten.insert(id.to_owned());
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    async fn flush_usage(&self) -> Result<(), DirectoryError> {
        loop {
            let snapshot = self.snapshot();
            let exists =
                |id: &str| snapshot.key_owner(id).is_some() || snapshot.entity(id).is_some();
            let mut txn = ControlTxn::new();
            let mut taken = Vec::new();
            {
                let mut state = self.usage.write();
                taken.extend(state.unwritten.iter().take(ROWS_PER_FLUSH_MAX).cloned());
                for id in &taken {
                    state.unwritten.remove(id);
                    match state.last.get(id) {
                        Some(last) if exists(id) => {
                            let bytes = serde_json::to_vec(last).map_err(|error| {
                                DirectoryError::Corrupt {
                                    key: use_row(id),
                                    why: error.to_string(),
                                }
                            })?;
                            txn = txn.put(use_row(id), bytes);
                        }
                        Some(_) | None => {
                            state.last.remove(id);
                            txn = txn.delete(use_row(id));
                        }
                    }
                }
            }
            if taken.is_empty() {
                return Ok(());
            }
            if let Err(error) = self.control.commit(txn).await {
                self.usage.write().unwritten.extend(taken);
                return Err(error.into());
            }
        }
    }

    /// Marks what belongs to nobody any more, so that the next flush removes it.
    fn mark_orphans(&self) {
        let snapshot = self.snapshot();
        let mut state = self.usage.write();
        let orphans: Vec<String> = state
            .last
            .keys()
            .filter(|id| snapshot.key_owner(id).is_none() && snapshot.entity(id).is_none())
            .cloned()
            .collect();
        state.unwritten.extend(orphans);
    }
}

impl Directory {
    /// When this access key (by id) or role (by unique id) was last used; `None` for never.
    pub fn last_use(&self, id: &str) -> Option<LastUse> {
        self.inner.usage.get(id)
    }

    /// Writes what is only in memory. The directory does so every minute by itself; the server
    /// calls this before it stops.
    ///
    /// # Errors
    /// The store failed; nothing is forgotten then.
    pub async fn flush_usage(&self) -> Result<(), DirectoryError> {
        self.inner.flush_usage().await
    }
}

/// Runs as long as the directory lives.
pub(crate) fn flush_from_time_to_time(inner: &Arc<Inner>) {
    let inner: Weak<Inner> = Arc::downgrade(inner);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(FLUSH_EVERY).await;
            let Some(inner) = inner.upgrade() else {
                return;
            };
            inner.mark_orphans();
            if let Err(error) = inner.flush_usage().await {
                tracing::warn!(%error, "last uses of access keys could not be written");
            }
        }
    });
}
