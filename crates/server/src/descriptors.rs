//! Open files: how many the system lets this process have.
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are no connection's: the log, the index, the journal, the listeners.
const OWN: u64 = 256;
/// A connection needs one for itself and, for a large body, one for its file.
const PER_CONNECTION: u64 = 2;

/// Raises the limit of open files to the most that the system allows, and answers it.
///
/// The lower one is a default for programs that use `select`; nothing here does.
pub(crate) fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return limit.current.unwrap_or(u64::MAX);
    }
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum.unwrap_or(u64::MAX),
        Err(error) => {
            tracing::warn!(%error, "the limit of open files could not be raised");
            limit.current.unwrap_or(u64::MAX)
        }
    }
}

/// As many of the wanted connections as that many descriptors are enough for: at least one.
pub(crate) fn connections(wanted: u32, descriptors: u64) -> u32 {
    let possible = descriptors.saturating_sub(OWN) / PER_CONNECTION;
    u32::try_from(possible)
        .unwrap_or(u32::MAX)
        .clamp(1, wanted.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_files() {
        assert_eq!(connections(8192, 20_000), 8192);
        assert_eq!(connections(10_000, 20_000), 9872);
        assert_eq!(connections(8192, 1024), 384);
        assert_eq!(connections(8192, 64), 1);
        assert_eq!(connections(8192, u64::MAX), 8192);
    }

    #[test]
    fn the_limit_is_the_highest_that_the_system_allows() {
        let raised = raise();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current, now.maximum);
        assert_eq!(now.current.unwrap_or(u64::MAX), raised);
    }
}
