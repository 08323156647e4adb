//! S3 cannot name the storage engine.
use engine::ObjectEngine;

fn main() {}
