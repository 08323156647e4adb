use super::{Random, collect, stage};
use crate::{
    BucketId, CommitError, Delete, EngineError, ListQuery, Millis, ObjectEngine, ObjectName,
    Precondition, Put, SetMeta, Versioning, Which, Write,
};
use bytes::Bytes;
use futures_util::future::join_all;
use std::time::Duration;

async fn put(
    engine: &dyn ObjectEngine,
    object: &ObjectName,
    precondition: Precondition,
    body: &[u8],
) -> Result<(), CommitError> {
    let put = Put {
        object: object.clone(),
        precondition,
        versioning: Versioning::Unversioned,
        etag: Bytes::new(),
        last_modified: Millis(0),
        meta: Bytes::new(),
        body: stage(engine, body).await?,
    };
    engine.commit(Write::Put(put)).await.map(drop)
}

async fn delete(engine: &dyn ObjectEngine, object: &ObjectName) -> Result<(), CommitError> {
    let delete = Delete {
        object: object.clone(),
        which: Which::Current,
        precondition: Precondition::None,
        versioning: Versioning::Unversioned,
        last_modified: Millis(0),
        marker_meta: Bytes::new(),
    };
    engine.commit(Write::Delete(delete)).await.map(drop)
}

async fn new_bucket(engine: &dyn ObjectEngine, bucket: BucketId) {
    engine.commit(Write::CreateBucket { bucket }).await.unwrap();
}

/// A head keeps its body readable over an overwrite and a delete. `body_bytes`: as for
/// [`super::random_work`].
pub async fn a_reader_keeps_what_it_found(engine: &dyn ObjectEngine, body_bytes: &[usize]) {
    let bucket = BucketId(0x0ead);
    new_bucket(engine, bucket).await;
    let object = ObjectName {
        bucket,
        key: "read".to_owned(),
    };
    for bytes in body_bytes {
        let body = Random::new(*bytes as u64).bytes(*bytes);
        put(engine, &object, Precondition::None, &body)
            .await
            .unwrap();
        let head = engine.head(&object, Which::Current).await.unwrap().unwrap();
        let begun = engine.read(&head, 0..head.stored_bytes).await.unwrap();
        put(engine, &object, Precondition::None, b"other")
            .await
            .unwrap();
        delete(engine, &object).await.unwrap();
        // As long as an engine might take to clean up.
        std::thread::sleep(Duration::from_millis(200));
        put(engine, &object, Precondition::None, b"third")
            .await
            .unwrap();
        let later = engine.read(&head, 0..head.stored_bytes).await.unwrap();
        drop(head);
        std::thread::sleep(Duration::from_millis(100));
        put(engine, &object, Precondition::None, b"fourth")
            .await
            .unwrap();
        assert!(collect(begun).await.unwrap() == body);
        assert!(collect(later).await.unwrap() == body);
    }
    delete(engine, &object).await.unwrap();
}

/// Every range of a body is that range.
pub async fn ranges_are_exact(engine: &dyn ObjectEngine, body_bytes: &[usize]) {
    let bucket = BucketId(0x4a6e);
    new_bucket(engine, bucket).await;
    let object = ObjectName {
        bucket,
        key: "range".to_owned(),
    };
    for bytes in body_bytes {
        let mut random = Random::new(*bytes as u64);
        let body = random.bytes(*bytes);
        put(engine, &object, Precondition::None, &body)
            .await
            .unwrap();
        let head = engine.head(&object, Which::Current).await.unwrap().unwrap();
        for _ in 0..20 {
            let (a, b) = (random.below(bytes + 1), random.below(bytes + 1));
            let range = a.min(b)..a.max(b);
            let stream = engine.read(&head, range.start as u64..range.end as u64);
            let found = collect(stream.await.unwrap()).await.unwrap();
            assert!(found == body[range.clone()], "{range:?} of {bytes}");
        }
        let too_far = engine.read(&head, 0..head.stored_bytes + 1).await;
        assert!(matches!(too_far.err(), Some(EngineError::Invalid { .. })));
    }
}

/// Of many writers with one precondition one wins, whatever the order.
pub async fn one_of_many_wins(engine: &dyn ObjectEngine) {
    let bucket = BucketId(0x0e);
    new_bucket(engine, bucket).await;
    let object = ObjectName {
        bucket,
        key: "one".to_owned(),
    };
    let creators = (0..32).map(|_| put(engine, &object, Precondition::Absent, b"x"));
    let results = join_all(creators).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);

    // Each adds a byte to `meta`, and tries again when another was faster.
    let add = async || {
        loop {
            let head = engine.head(&object, Which::Current).await.unwrap().unwrap();
            let change = SetMeta {
                object: object.clone(),
                which: Which::Current,
                precondition: Precondition::SequenceIs(head.sequence),
                meta: [&head.meta[..], b"+"].concat().into(),
            };
            match engine.commit(Write::SetMeta(change)).await {
                Ok(_) => return,
                Err(CommitError::PreconditionFailed) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    join_all((0..16).map(|_| add())).await;
    let head = engine.head(&object, Which::Current).await.unwrap().unwrap();
    assert_eq!(head.meta.len(), 16);
}

/// A put and the removal of its bucket: one of them is refused.
pub async fn a_dropped_bucket_takes_nothing_in(engine: &dyn ObjectEngine) {
    for round in 0..50 {
        let bucket = BucketId(0xd409 << 32 | round);
        new_bucket(engine, bucket).await;
        let object = ObjectName {
            bucket,
            key: "late".to_owned(),
        };
        let (put, dropped) = futures_util::future::join(
            put(engine, &object, Precondition::None, b"x"),
            engine.commit(Write::DropBucket { bucket }),
        )
        .await;
        match (put, dropped) {
            (Ok(()), Err(CommitError::BucketNotEmpty)) => {}
            (Err(CommitError::NoSuchBucket), Ok(_)) => {
                assert!(engine.is_empty(bucket).await.unwrap());
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Keys of all lengths and bytes, in the order of their bytes; longer ones are refused.
pub async fn keys_of_any_bytes_sort(engine: &dyn ObjectEngine) {
    let bucket = BucketId(0x6b65);
    new_bucket(engine, bucket).await;
    let mut keys: Vec<String> = vec![
        "\0".repeat(1024),
        "\u{10ffff}".repeat(256),
        "k".repeat(1024),
        "k".repeat(1023),
        "ÿ".repeat(512),
        "\u{fffe}".to_owned(),
        "\u{10000}".to_owned(),
        "~".to_owned(),
        " ".to_owned(),
    ];
    for key in &keys {
        let object = ObjectName {
            bucket,
            key: key.clone(),
        };
        put(engine, &object, Precondition::Absent, key.as_bytes())
            .await
            .unwrap();
    }
    keys.sort_unstable();
    let query = |prefix: &str, after: Option<String>| ListQuery {
        bucket,
        prefix: prefix.to_owned(),
        delimiter: None,
        after,
        limit: 100,
    };
    let page = engine.list(&query("", None)).await.unwrap();
    let found: Vec<String> = page.entries.into_iter().map(|e| e.key).collect();
    assert!(found == keys);
    let long = "k".repeat(5000);
    assert_eq!(engine.list(&query(&long, None)).await.unwrap().entries, []);
    let page = engine.list(&query("", Some(long.clone()))).await.unwrap();
    let beyond = keys.iter().filter(|key| **key > long).count();
    assert_eq!(page.entries.len(), beyond);
    for key in [String::new(), "k".repeat(1025)] {
        let object = ObjectName { bucket, key };
        let refused = put(engine, &object, Precondition::None, b"x").await;
        assert!(matches!(
            refused,
            Err(CommitError::Engine(EngineError::Invalid { .. }))
        ));
        assert_eq!(engine.head(&object, Which::Current).await.unwrap(), None);
    }
}
