//! A crash at any byte loses what was not whole, and nothing else.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod common;

use std::fs;
use std::time::Duration;

use common::{allowed, bucket_policy, files, identity_policy, refused};
use journal::{Filter, Journal, Limits, Record};
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    bytes_max: 8 * 6_000,
    age_max: Duration::from_secs(100 * 365 * 24 * 60 * 60),
};

/// What happens to a journal.
#[derive(Clone, Debug)]
enum Event {
    Allowed,
    Refused { policy: u8, bytes: u16 },
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Allowed),
        4 => (0..4u8, 200..1500u16).prop_map(|(policy, bytes)| Event::Refused { policy, bytes }),
        1 => Just(Event::Restart),
    ]
}

fn record(index: usize, event: &Event) -> Option<Record> {
    let id = format!("request-{index}");
    match event {
        Event::Allowed => Some(allowed(&id)),
        Event::Refused { policy, bytes } => {
            let bucket = bucket_policy(usize::from(*bytes / 300 * 300), &format!("P{policy}"));
            let own = identity_policy(&format!("Own{policy}"));
            Some(refused(&id, &bucket, &own))
        }
        Event::Restart => None,
    }
}

/// The records whose whole line is in one of the files.
fn whole_lines(directory: &std::path::Path) -> Vec<String> {
    let mut ids = Vec::new();
    for path in files(directory, "jsonl") {
        let bytes = fs::read(path).unwrap();
        let end = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = &bytes[..end.map_or(0, |end| end + 1)];
        for line in whole.split(|byte| *byte == b'\n') {
            if let Ok(value) = serde_json::from_slice::<serde_json::Value>(line)
                && let Some(id) = value["request_id"].as_str()
            {
                ids.push(id.to_owned());
            }
        }
    }
    ids
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_whole_is_found(
        events in prop::collection::vec(event(), 1..40),
        cut in 0.0..1.0f64,
        drop_index in any::<prop::sample::Index>(),
        garbage in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), LIMITS).unwrap();
        let mut records = Vec::new();
        for (index, event) in events.iter().enumerate() {
            match record(index, event) {
                Some(record) => {
                    journal.record(record.clone());
                    records.push(record);
                }
                None => {
                    drop(journal);
                    journal = Journal::open(dir.path(), LIMITS).unwrap();
                }
            }
        }
        journal.flush();
        prop_assert_eq!((journal.lost(), journal.trimmed()), (0, 0));
        let kept = journal.recent(&Filter::default(), usize::MAX).unwrap();
        prop_assert!(kept.iter().rev().eq(&records[records.len() - kept.len()..]));
        drop(journal);

        // The crash: the last file ends anywhere, and an index may be lost too.
        let paths = files(dir.path(), "jsonl");
        if let Some(last) = paths.last() {
            let mut bytes = fs::read(last).unwrap();
            bytes.truncate((bytes.len() as f64 * cut) as usize);
            bytes.extend(garbage.iter().filter(|byte| **byte != b'\n'));
            fs::write(last, bytes).unwrap();
        }
        let indexes = files(dir.path(), "index");
        if !indexes.is_empty() {
            fs::remove_file(drop_index.get(&indexes)).unwrap();
        }
        let whole = whole_lines(dir.path());

        let journal = Journal::open(dir.path(), LIMITS).unwrap();
        for id in &whole {
            let expected = records.iter().find(|record| record.request_id == *id);
            let found = journal.find(id).unwrap();
            prop_assert_eq!(found.as_ref(), expected);
        }
        journal.record(allowed("after"));
        prop_assert_eq!(journal.find("after").unwrap(), Some(allowed("after")));
        let found = journal.recent(&Filter::default(), usize::MAX).unwrap();
        let found: Vec<&str> = found.iter().rev().map(|record| &*record.request_id).collect();
        prop_assert_eq!(found.last(), Some(&"after"));
        // To go on may have dropped the oldest file.
        let before = &found[..found.len() - 1];
        prop_assert!(whole.iter().map(String::as_str).collect::<Vec<_>>().ends_with(before));
    }

    #[test]
    fn bytes_that_are_no_journal_do_no_harm(
        bytes in prop::collection::vec(any::<u8>(), 0..3000),
        index in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("journal-0000000001.jsonl"), &bytes).unwrap();
        fs::write(dir.path().join("journal-0000000001.index"), &index).unwrap();
        fs::write(dir.path().join("journal-0000000002.jsonl"), &bytes).unwrap();
        let journal = Journal::open(dir.path(), LIMITS).unwrap();
        prop_assert_eq!(journal.find("one").unwrap(), None);
        prop_assert!(journal.recent(&Filter::default(), 10).unwrap().is_empty());
        journal.record(allowed("one"));
        prop_assert_eq!(journal.find("one").unwrap(), Some(allowed("one")));
    }
}

#[test]
fn the_last_file_may_end_at_any_byte() {
    let source = tempfile::tempdir().unwrap();
    let journal = Journal::open(source.path(), LIMITS).unwrap();
    let (bucket, own) = (bucket_policy(300, "P"), identity_policy("Own"));
    let records = [
        allowed("one"),
        refused("two", &bucket, &own),
        allowed("three"),
    ];
    for record in &records {
        journal.record(record.clone());
    }
    drop(journal);
    let whole = fs::read(&files(source.path(), "jsonl")[0]).unwrap();
    for end in (0..=whole.len())
        .step_by(7)
        .chain([whole.len() - 1, whole.len()])
    {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal-0000000001.jsonl");
        fs::write(&path, &whole[..end]).unwrap();
        let ids = whole_lines(dir.path());
        let journal = Journal::open(dir.path(), LIMITS).unwrap();
        journal.record(allowed("after"));
        assert!(journal.find("after").unwrap().is_some());
        for record in &records {
            let expected = ids.contains(&record.request_id).then_some(record);
            let found = journal.find(&record.request_id).unwrap();
            assert_eq!(found.as_ref(), expected, "cut at {end}");
        }
    }
}
