use super::{Random, World};
use crate::{
    ListQuery, ObjectEngine, UploadMarker, UploadsQuery, VersionId, VersionMarker, VersionsQuery,
    Which,
};
use std::collections::BTreeSet;

const PREFIXES: [&str; 8] = ["", "a", "a/", "a/b/", "b", "z/", "é", "none"];
const DELIMITERS: [Option<&str>; 5] = [None, Some(""), Some("/"), Some("//"), Some("\0")];

/// One random listing of each kind, page by page, compared with the model.
pub(super) async fn compare(engine: &dyn ObjectEngine, world: &World, random: &mut Random) {
    let query = Query {
        prefix: random.pick::<&str>(&PREFIXES),
        delimiter: *random.pick(&DELIMITERS),
        limit: 1 + random.below(4),
    };
    objects(engine, world, &query).await;
    versions(engine, world, &query).await;
    uploads(engine, world, &query).await;
    let after = *random.pick::<&str>(&["", "a", "a/", "a/a", "a0", "b//", "\u{10ffff}"]);
    objects_after(engine, world, &query, after).await;
}

#[derive(Debug)]
struct Query {
    prefix: &'static str,
    delimiter: Option<&'static str>,
    limit: usize,
}

impl Query {
    /// The common prefix that a key is shown as.
    fn group(&self, key: &str) -> Option<String> {
        let delimiter = self.delimiter.filter(|text| !text.is_empty())?;
        let rest = &key[self.prefix.len()..];
        let end = rest.find(delimiter)? + delimiter.len();
        Some(format!("{}{}", self.prefix, &rest[..end]))
    }

    /// Keys and common prefixes, in order, as an engine should answer them.
    fn expect<'a, T>(
        &self,
        all: impl IntoIterator<Item = (&'a str, T)>,
    ) -> (Vec<(String, T)>, Vec<String>) {
        let mut entries = Vec::new();
        let mut groups = BTreeSet::new();
        for (key, entry) in all {
            if !key.starts_with(self.prefix) {
                continue;
            }
            match self.group(key) {
                Some(group) => drop(groups.insert(group)),
                None => entries.push((key.to_owned(), entry)),
            }
        }
        (entries, groups.into_iter().collect())
    }
}

fn current(world: &World) -> Vec<(&str, VersionId)> {
    let keys = world.model.objects.keys();
    keys.filter_map(|key| {
        let version = world.model.find(key, Which::Current)?;
        Some((key.as_str(), version.version))
    })
    .collect()
}

async fn objects(engine: &dyn ObjectEngine, world: &World, query: &Query) {
    let expected = query.expect(current(world));
    let mut found = (Vec::new(), Vec::new());
    let mut after = None;
    loop {
        let page = engine
            .list(&ListQuery {
                bucket: world.bucket(),
                prefix: query.prefix.to_owned(),
                delimiter: query.delimiter.map(str::to_owned),
                after,
                limit: query.limit,
            })
            .await
            .unwrap();
        let count = page.entries.len() + page.common_prefixes.len();
        assert!(count == query.limit || page.next.is_none());
        let entries = page.entries.into_iter();
        found.0.extend(entries.map(|e| (e.key, e.head.version)));
        found.1.extend(page.common_prefixes);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, expected, "{query:?}");
}

/// From a place that no page ended at.
async fn objects_after(engine: &dyn ObjectEngine, world: &World, query: &Query, after: &str) {
    let all = current(world).into_iter();
    let expected = query.expect(all.filter(|(key, _)| {
        let below_group = key.starts_with(query.prefix)
            && after.starts_with(query.prefix)
            && query.group(after).as_deref() == Some(after)
            && query.group(key).as_deref() == Some(after);
        *key > after && !below_group
    }));
    let page = engine
        .list(&ListQuery {
            bucket: world.bucket(),
            prefix: query.prefix.to_owned(),
            delimiter: query.delimiter.map(str::to_owned),
            after: Some(after.to_owned()),
            limit: usize::MAX,
        })
        .await
        .unwrap();
    let entries = page.entries.into_iter();
    let entries: Vec<_> = entries.map(|e| (e.key, e.head.version)).collect();
    assert_eq!(
        (entries, page.common_prefixes),
        expected,
        "{query:?} after {after:?}"
    );
    assert_eq!(page.next, None);
}

async fn versions(engine: &dyn ObjectEngine, world: &World, query: &Query) {
    let all = world.model.objects.iter().flat_map(|(key, versions)| {
        let versions = versions.iter().enumerate();
        versions.map(move |(age, v)| (key.as_str(), (v.version, v.is_delete_marker, age == 0)))
    });
    let expected = query.expect(all);
    let mut found = (Vec::new(), Vec::new());
    let mut after: Option<VersionMarker> = None;
    loop {
        let page = engine
            .list_versions(&VersionsQuery {
                bucket: world.bucket(),
                prefix: query.prefix.to_owned(),
                delimiter: query.delimiter.map(str::to_owned),
                after,
                limit: query.limit,
            })
            .await
            .unwrap();
        let entries = page.entries.into_iter();
        found.0.extend(entries.map(|e| {
            let version = (e.head.version, e.head.is_delete_marker, e.is_latest);
            (e.key, version)
        }));
        found.1.extend(page.common_prefixes);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, expected, "{query:?}");
}

async fn uploads(engine: &dyn ObjectEngine, world: &World, query: &Query) {
    let uploads = world.model.uploads.iter();
    let mut all: Vec<_> = uploads.map(|(id, u)| (u.key.as_str(), *id)).collect();
    all.sort_unstable();
    let expected = query.expect(all);
    let mut found = (Vec::new(), Vec::new());
    let mut after: Option<UploadMarker> = None;
    loop {
        let page = engine
            .list_uploads(&UploadsQuery {
                bucket: world.bucket(),
                prefix: query.prefix.to_owned(),
                delimiter: query.delimiter.map(str::to_owned),
                after,
                limit: query.limit,
            })
            .await
            .unwrap();
        let entries = page.entries.into_iter();
        found.0.extend(entries.map(|u| (u.object.key, u.upload)));
        found.1.extend(page.common_prefixes);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, expected, "{query:?}");
}
