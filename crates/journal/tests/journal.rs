//! What is recorded is found, whatever happens to the files.
#![expect(clippy::unwrap_used, reason = "tests")]
mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{CUSTOMER, FIRM, allowed, bucket_policy, case, files, identity_policy, refused};
use jiff::Timestamp;
use journal::{Filter, Journal, Limits, Record, Verdict};
use policy::{AttachedPolicy, KeyTarget, Policy, PolicyKind, PolicySource, Target};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Files of 4 KiB, for as long as these tests' records are old.
const SMALL: Limits = Limits {
    bytes_max: 32 * 1024,
    age_max: Duration::from_secs(100 * 365 * 24 * 60 * 60),
};
const WIDE: Limits = Limits {
    bytes_max: 64 * 1024 * 1024,
    ..SMALL
};

fn ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| &*record.request_id).collect()
}

#[test]
fn a_record_is_found_by_request_id_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), WIDE).unwrap();
    journal.record(allowed("one"));
    journal.record(allowed("two"));
    assert_eq!(journal.find("one").unwrap(), Some(allowed("one")));
    drop(journal);
    let journal = Journal::open(dir.path(), WIDE).unwrap();
    journal.record(allowed("three"));
    for id in ["one", "two", "three"] {
        assert_eq!(journal.find(id).unwrap(), Some(allowed(id)));
    }
    assert_eq!(journal.find("four").unwrap(), None);
    assert_eq!((journal.lost(), journal.trimmed()), (0, 0));
    assert_eq!(
        files(dir.path(), "jsonl").len(),
        1,
        "a start goes on in the last file"
    );
}

#[test]
fn a_document_is_written_once_in_each_file_that_refers_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        bytes_max: 8 * 40_000,
        ..SMALL
    };
    let (bucket, own) = (bucket_policy(20_000, "Big"), identity_policy("Own"));
    let journal = Journal::open(dir.path(), limits).unwrap();
    for index in 0..30 {
        // Equal documents, not the same ones, as after a restart of the store.
        let (bucket, own) = (bucket_policy(20_000, "Big"), identity_policy("Own"));
        journal.record(refused(&format!("request-{index}"), &bucket, &own));
    }
    journal.flush();
    let paths = files(dir.path(), "jsonl");
    assert!(paths.len() > 1, "the test wants more than one file");
    for path in &paths {
        let text = fs::read_to_string(path).unwrap();
        let documents = text
            .lines()
            .filter(|line| line.starts_with(r#"{"document":""#));
        assert_eq!(documents.count(), 2, "{}", path.display());
        assert_eq!(text.matches("xxxxxxxx").count() > 0, text.contains("Big"));
        assert!(text.len() <= 40_000);
    }
    for index in 0..30 {
        let id = format!("request-{index}");
        let found = journal.find(&id).unwrap().unwrap();
        assert_eq!(found, refused(&id, &bucket, &own));
        let case = found.asked[0].case.as_ref().unwrap();
        assert!(!case.decide().0.is_allowed());
    }
    drop(journal);
    let journal = Journal::open(dir.path(), limits).unwrap();
    journal.record(refused("after", &bucket, &own));
    let found = journal.find("after").unwrap();
    assert_eq!(found, Some(refused("after", &bucket, &own)));
    let last = fs::read_to_string(files(dir.path(), "jsonl").last().unwrap()).unwrap();
    assert_eq!(
        last.matches("\"Sid\\\":\\\"Big").count(),
        1,
        "the file knows its documents"
    );
}

#[test]
fn a_document_has_the_hash_of_its_kind_and_text_as_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), WIDE).unwrap();
    let (bucket, own) = (bucket_policy(300, "Doc"), identity_policy("Own"));
    journal.record(refused("one", &bucket, &own));
    journal.flush();
    let text = fs::read_to_string(&files(dir.path(), "jsonl")[0]).unwrap();
    let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let mut digests = digest::Digests::new(digest::Wanted::of([digest::Algorithm::Sha256]));
    digests.update(format!("{}\n", line["kind"].as_str().unwrap()).as_bytes());
    digests.update(line["text"].as_str().unwrap().as_bytes());
    let id = digests
        .finish()
        .get(digest::Algorithm::Sha256)
        .unwrap()
        .hex();
    assert_eq!(line["document"].as_str(), Some(&*id));
    let record = text.lines().last().unwrap();
    assert!(record.starts_with(r#"{"time":"2026-03-01T12:00:00Z","request_id":"one""#));
    assert!(record.contains(&format!(r#"{{"document":"{id}"}}"#)));
}

#[test]
fn documents_are_put_back_wherever_a_policy_stands() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), WIDE).unwrap();
    let attached = |name: &str, source| AttachedPolicy {
        source,
        policy: identity_policy(name),
    };
    let mut s3 = case(&bucket_policy(300, "Bucket"), &identity_policy("Own"));
    s3.boundary = Some(attached(
        "Boundary",
        PolicySource::Managed {
            arn: "arn:aws:iam::111111111111:policy/limit".to_owned(),
        },
    ));
    s3.session = Some(vec![
        attached("Session", PolicySource::SessionInline),
        attached("Own", PolicySource::SessionInline),
    ]);
    if let Target::S3(target) = &mut s3.target {
        target.writes_policy = Some(bucket_policy(400, "Written"));
    }
    let mut trust = s3.clone();
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}}"#;
    trust.target = Target::Trust {
        policy: Some(Arc::new(Policy::load(PolicyKind::Trust, text).unwrap())),
    };
    let mut nobody = s3.clone();
    nobody.target = Target::Trust { policy: None };
    let mut key = s3.clone();
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*"}}"#;
    key.target = Target::Key(Box::new(KeyTarget {
        policy: Arc::new(Policy::load(PolicyKind::Key, text).unwrap()),
        grants: Vec::new(),
        encryption_context: vec![("document".to_owned(), "0".repeat(64))],
    }));
    let mut record = allowed("places");
    record.status = 403;
    let answers = [s3, trust, nobody, key].map(|case| journal::Asked {
        verdict: Verdict::ImplicitDeny,
        case: Some(Box::new(case)),
        ..record.asked[0].clone()
    });
    record.asked = answers.to_vec();
    journal.record(record.clone());
    assert_eq!(journal.find("places").unwrap(), Some(record));
    let text = fs::read_to_string(&files(dir.path(), "jsonl")[0]).unwrap();
    let (documents, records): (Vec<&str>, Vec<&str>) = text
        .lines()
        .partition(|line| line.starts_with(r#"{"document":""#));
    assert_eq!((documents.len(), records.len()), (7, 1));
    assert!(
        !records[0].contains("2012-10-17"),
        "no document stays in the record"
    );
}

#[test]
fn the_oldest_files_go_when_there_is_too_much() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), SMALL).unwrap();
    for index in 0..500 {
        journal.record(allowed(&format!("request-{index:03}")));
        if index % 50 == 0 {
            journal.flush();
        }
    }
    journal.flush();
    let size = |ending| -> u64 {
        let paths = files(dir.path(), ending);
        paths
            .iter()
            .map(|path| fs::metadata(path).unwrap().len())
            .sum()
    };
    let total = size("jsonl") + size("index");
    assert!((20_000..=32 * 1024).contains(&total), "{total}");
    assert_eq!(journal.find("request-000").unwrap(), None);
    assert!(journal.find("request-499").unwrap().is_some());
    let kept = journal.recent(&Filter::default(), usize::MAX).unwrap();
    assert!(kept.len() > 30 && kept.len() < 100, "{}", kept.len());
    assert_eq!(kept[0].request_id, "request-499");
    let mut sorted = kept.clone();
    sorted.sort_by(|a, b| b.request_id.cmp(&a.request_id));
    assert_eq!(kept, sorted);
}

#[test]
fn a_file_goes_when_its_newest_record_is_too_old() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        bytes_max: 64 * 1024 * 1024,
        age_max: 8 * DAY,
    };
    let now = Timestamp::now();
    let ago = |days: u64, id: &str| {
        let mut record = allowed(id);
        record.time = (now - DAY * u32::try_from(days).unwrap()).to_string();
        record
    };
    // Written as it would have been then: nothing is dropped yet.
    let journal = Journal::open(dir.path(), WIDE).unwrap();
    journal.record(ago(9, "nine"));
    drop(journal);
    let journal = Journal::open(dir.path(), limits).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !files(dir.path(), "jsonl").is_empty() {
        assert!(Instant::now() < deadline, "an old file is dropped");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(journal.find("nine").unwrap(), None);
    // A file that spans more than a day is closed, though it is small.
    journal.record(ago(3, "three"));
    journal.flush();
    while files(dir.path(), "index").is_empty() {
        assert!(Instant::now() < deadline, "an old file is closed");
        std::thread::sleep(Duration::from_millis(20));
    }
    journal.record(ago(0, "today"));
    for id in ["three", "today"] {
        assert!(journal.find(id).unwrap().is_some(), "{id}");
    }
    assert_eq!(files(dir.path(), "jsonl").len(), 2);
}

#[test]
fn only_the_owner_can_read_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let journal = Journal::open(&path, SMALL).unwrap();
    for index in 0..100 {
        journal.record(allowed(&format!("request-{index}")));
    }
    journal.flush();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let all = fs::read_dir(&path).unwrap();
    let mut seen = 0;
    for entry in all {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        seen += 1;
    }
    assert!(seen > 4);
}

#[test]
fn an_index_that_is_missing_or_damaged_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), SMALL).unwrap();
    for index in 0..40 {
        journal.record(allowed(&format!("request-{index}")));
    }
    drop(journal);
    let indexes = files(dir.path(), "index");
    assert!(indexes.len() >= 3);
    let whole: Vec<Vec<u8>> = indexes.iter().map(|path| fs::read(path).unwrap()).collect();
    fs::remove_file(&indexes[0]).unwrap();
    fs::write(&indexes[1], b"SRJINDEX and then nothing that makes sense").unwrap();
    let mut damaged = whole[2].clone();
    damaged[60] ^= 0xff;
    fs::write(&indexes[2], damaged).unwrap();
    let journal = Journal::open(dir.path(), SMALL).unwrap();
    for index in 0..40 {
        let id = format!("request-{index}");
        assert_eq!(journal.find(&id).unwrap(), Some(allowed(&id)));
    }
    let again: Vec<Vec<u8>> = indexes.iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(again, whole);
}

#[test]
fn a_disk_that_takes_nothing_loses_records_and_the_journal_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    // The first file that the journal makes is a device that is always full.
    std::os::unix::fs::symlink("/dev/full", dir.path().join("journal-0000000001.jsonl")).unwrap();
    let journal = Journal::open(dir.path(), WIDE).unwrap();
    journal.record(allowed("one"));
    journal.flush();
    assert_eq!(journal.lost(), 1);
    assert_eq!(journal.find("one").unwrap(), None);
    journal.record(allowed("two"));
    assert_eq!(journal.find("two").unwrap(), Some(allowed("two")));
    assert_eq!(journal.lost(), 1);
}

#[test]
fn a_directory_that_is_gone_loses_records_until_it_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let journal = Journal::open(&path, WIDE).unwrap();
    fs::remove_dir_all(&path).unwrap();
    journal.record(allowed("one"));
    journal.flush();
    assert_eq!(journal.lost(), 1);
    fs::create_dir(&path).unwrap();
    journal.record(allowed("two"));
    assert_eq!(journal.find("two").unwrap(), Some(allowed("two")));
}

#[test]
fn a_record_that_no_file_has_room_for_is_kept_without_its_case() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), SMALL).unwrap();
    let record = refused(
        "big",
        &bucket_policy(20_000, "Big"),
        &identity_policy("Own"),
    );
    journal.record(record.clone());
    let mut expected = record;
    expected.asked[0].case = None;
    assert_eq!(journal.find("big").unwrap(), Some(expected));
    assert_eq!((journal.lost(), journal.trimmed()), (0, 1));
}

#[test]
fn a_case_whose_document_is_gone_is_left_out_and_the_rest_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), WIDE).unwrap();
    let record = refused("one", &bucket_policy(300, "Doc"), &identity_policy("Own"));
    journal.record(record.clone());
    drop(journal);
    let path = &files(dir.path(), "jsonl")[0];
    let text = fs::read_to_string(path).unwrap();
    fs::write(
        path,
        text.replacen("{\"document\":\"", "{\"document\":\"0", 1),
    )
    .unwrap();
    let journal = Journal::open(dir.path(), WIDE).unwrap();
    let mut expected = record;
    expected.asked[0].case = None;
    assert_eq!(journal.find("one").unwrap(), Some(expected));
}

#[test]
fn filters_say_which_records_are_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), SMALL).unwrap();
    let own = identity_policy("Own");
    for index in 0..20 {
        journal.record(allowed(&format!("allowed-{index}")));
    }
    journal.record(refused("refused", &bucket_policy(300, "Doc"), &own));
    let mut part = allowed("part");
    part.asked.push(journal::Asked {
        verdict: Verdict::ExplicitDeny,
        ..part.asked[0].clone()
    });
    journal.record(part);
    let mut probed = allowed("probed");
    probed.operation = "HeadObject".to_owned();
    probed.asked.push(journal::Asked {
        verdict: Verdict::ImplicitDeny,
        probe: true,
        ..probed.asked[0].clone()
    });
    journal.record(probed);
    let mut missing = allowed("missing");
    missing.status = 404;
    missing.time = "2026-03-02T00:00:00Z".to_owned();
    missing.caller = "arn:aws:iam::333333333333:user/\"x\"".to_owned();
    missing.account = Some("333333333333".to_owned());
    journal.record(missing);

    let recent = |filter: Filter| {
        let records = journal.recent(&filter, 100).unwrap();
        ids(&records).join(" ")
    };
    let refused_only = Filter {
        refused_only: true,
        ..Filter::default()
    };
    assert_eq!(recent(refused_only.clone()), "missing part refused");
    assert_eq!(
        recent(Filter {
            account: Some(CUSTOMER.to_owned()),
            ..Filter::default()
        }),
        "refused"
    );
    assert_eq!(
        recent(Filter {
            account: Some(FIRM.to_owned()),
            ..refused_only.clone()
        }),
        "missing part refused",
        "the firm owns what was missing"
    );
    assert_eq!(
        recent(Filter {
            caller: Some("arn:aws:iam::333333333333:user/\"x\"".to_owned()),
            ..Filter::default()
        }),
        "missing"
    );
    assert_eq!(
        recent(Filter {
            operation: Some("HeadObject".to_owned()),
            ..Filter::default()
        }),
        "probed"
    );
    assert_eq!(
        recent(Filter {
            since: Some("2026-03-01T18:00:00Z".parse().unwrap()),
            ..Filter::default()
        }),
        "missing"
    );
    let last = journal.last(&refused_only).unwrap().unwrap();
    assert_eq!(last.request_id, "missing");
    assert_eq!(journal.recent(&refused_only, 2).unwrap().len(), 2);
    assert_eq!(journal.recent(&Filter::default(), 100).unwrap().len(), 24);
}

#[test]
fn a_flood_loses_cases_before_records_and_counts_both() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), WIDE).unwrap();
    let (bucket, own) = (bucket_policy(20_000, "Big"), identity_policy("Own"));
    let record = refused("flood", &bucket, &own);
    for _ in 0..5_000 {
        journal.record(record.clone());
    }
    journal.flush();
    let kept = journal.recent(&Filter::default(), usize::MAX).unwrap();
    assert_eq!(kept.len() as u64 + journal.lost(), 5_000);
    let without = kept.iter().filter(|record| record.asked[0].case.is_none());
    assert_eq!(without.count() as u64, journal.trimmed());
    let size = fs::metadata(&files(dir.path(), "jsonl")[0]).unwrap().len();
    assert!(size < 64 * 1024 * 1024 / 8, "{size}");
}

#[test]
fn time_is_written_by_the_writer_when_it_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), WIDE).unwrap();
    let mut record = allowed("one");
    let expected = record.clone();
    let time = record.time.parse().unwrap();
    record.time.clear();
    journal.record_at(time, record);
    assert_eq!(journal.find("one").unwrap(), Some(expected));
}

#[test]
fn many_threads_record_and_look_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        bytes_max: 8 * 1024 * 1024,
        ..SMALL
    };
    let journal = Journal::open(dir.path(), limits).unwrap();
    let own = identity_policy("Own");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (journal, own) = (&journal, &own);
            scope.spawn(move || {
                for index in 0..300 {
                    let id = format!("request-{thread}-{index}");
                    let bucket = bucket_policy(2_000, &format!("Doc{}", index / 50));
                    journal.record(refused(&id, &bucket, own));
                    if index % 20 == 0 {
                        let found = journal.find(&id).unwrap();
                        assert_eq!(found, Some(refused(&id, &bucket, own)));
                        assert!(!journal.recent(&Filter::default(), 5).unwrap().is_empty());
                    }
                }
            });
        }
    });
    assert_eq!((journal.lost(), journal.trimmed()), (0, 0));
    let all = journal.recent(&Filter::default(), usize::MAX).unwrap();
    assert_eq!(all.len(), 1200);
}
