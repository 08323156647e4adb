//! The embedded storage engine: one directory, nothing acknowledged is lost.
