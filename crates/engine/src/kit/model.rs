use super::{Subject, collect};
use crate::{
    BucketId, Millis, ObjectName, Revision, Sequence, UploadId, UploadsQuery, VersionId,
    VersionsQuery, Which,
};
use bytes::Bytes;
use std::collections::BTreeMap;

/// What an engine should hold of one bucket and one prefix of the control store.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) bucket_exists: bool,
    /// The newest version first.
    pub(super) objects: BTreeMap<String, Vec<Version>>,
    pub(super) uploads: BTreeMap<UploadId, Upload>,
    pub(super) control: BTreeMap<String, (Bytes, Revision)>,
}

#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) version: VersionId,
    pub(super) sequence: Sequence,
    pub(super) etag: Bytes,
    pub(super) last_modified: Millis,
    pub(super) meta: Bytes,
    pub(super) is_delete_marker: bool,
    pub(super) body: Bytes,
}

#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) initiated: Millis,
    pub(super) meta: Bytes,
    pub(super) parts: BTreeMap<u32, Part>,
}

#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) sequence: Sequence,
    pub(super) etag: Bytes,
    pub(super) meta: Bytes,
    pub(super) last_modified: Millis,
    pub(super) body: Bytes,
}

impl Model {
    pub(super) fn versions(&self, key: &str) -> &[Version] {
        self.objects.get(key).map_or(&[], Vec::as_slice)
    }

    pub(super) fn find(&self, key: &str, which: Which) -> Option<&Version> {
        let versions = self.versions(key);
        match which {
            Which::Current => versions.first().filter(|v| !v.is_delete_marker),
            Which::CurrentOrMarker => versions.first(),
            Which::Version(version) => versions.iter().find(|v| v.version == version),
        }
    }

    pub(super) fn add(&mut self, key: &str, version: Version) {
        if version.version == VersionId::Null {
            self.remove(key, VersionId::Null);
        }
        let versions = self.objects.entry(key.to_owned()).or_default();
        versions.insert(0, version);
    }

    pub(super) fn remove(&mut self, key: &str, version: VersionId) {
        if let Some(versions) = self.objects.get_mut(key) {
            versions.retain(|v| v.version != version);
            if versions.is_empty() {
                self.objects.remove(key);
            }
        }
    }

    /// Without sequences, so that two runs of one seed can be compared.
    pub(super) fn state(&self) -> State {
        let versions = self.objects.iter().flat_map(|(key, versions)| {
            versions.iter().enumerate().map(|(age, v)| VersionState {
                key: key.clone(),
                is_null: v.version == VersionId::Null,
                is_latest: age == 0,
                is_delete_marker: v.is_delete_marker,
                etag: v.etag.clone(),
                last_modified: v.last_modified,
                meta: v.meta.clone(),
                body: Body::of(&v.body),
            })
        });
        let mut uploads: Vec<_> = self.uploads.iter().collect();
        uploads.sort_by_key(|(id, upload)| (&upload.key, **id));
        let uploads = uploads.into_iter().map(|(id, upload)| UploadState {
            upload: *id,
            key: upload.key.clone(),
            initiated: upload.initiated,
            meta: upload.meta.clone(),
            parts: upload
                .parts
                .iter()
                .map(|(number, part)| PartState {
                    number: *number,
                    etag: part.etag.clone(),
                    meta: part.meta.clone(),
                    last_modified: part.last_modified,
                    stored_bytes: part.body.len() as u64,
                })
                .collect(),
        });
        let control = self.control.iter();
        State {
            versions: versions.collect(),
            uploads: uploads.collect(),
            control: control
                .map(|(key, (value, _))| (key.clone(), value.clone()))
                .collect(),
        }
    }
}

/// All that can be seen of one bucket and one prefix of the control store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    versions: Vec<VersionState>,
    uploads: Vec<UploadState>,
    control: Vec<(String, Bytes)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct VersionState {
    key: String,
    is_null: bool,
    is_latest: bool,
    is_delete_marker: bool,
    etag: Bytes,
    last_modified: Millis,
    meta: Bytes,
    body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct UploadState {
    upload: UploadId,
    key: String,
    initiated: Millis,
    meta: Bytes,
    parts: Vec<PartState>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct PartState {
    number: u32,
    etag: Bytes,
    meta: Bytes,
    last_modified: Millis,
    stored_bytes: u64,
}

/// A body, which prints as its length.
#[derive(Clone, PartialEq, Eq)]
struct Body(Vec<u8>);

impl Body {
    fn of(bytes: &[u8]) -> Body {
        Body(bytes.to_vec())
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = self.0.get(..8.min(self.0.len()));
        write!(f, "{} bytes, {first:02x?}…", self.0.len())
    }
}

/// Reads all of it, bodies included, and checks that the ways to ask agree.
pub async fn observe(subject: Subject<'_>, bucket: BucketId, control_prefix: &str) -> State {
    let engine = subject.objects;
    let listed = engine
        .list_versions(&VersionsQuery {
            bucket,
            prefix: String::new(),
            delimiter: None,
            after: None,
            limit: usize::MAX,
        })
        .await
        .unwrap();
    assert_eq!(listed.next, None);
    assert_eq!(
        engine.is_empty(bucket).await.unwrap(),
        listed.entries.is_empty()
    );
    let mut versions = Vec::new();
    for entry in listed.entries {
        let object = ObjectName {
            bucket,
            key: entry.key,
        };
        let head = engine
            .head(&object, Which::Version(entry.head.version))
            .await
            .unwrap();
        let head = head.unwrap();
        assert_eq!(head, entry.head);
        let body = engine.read(&head, 0..head.stored_bytes).await.unwrap();
        let body = collect(body).await.unwrap();
        assert_eq!(body.len() as u64, head.stored_bytes);
        versions.push(VersionState {
            key: object.key,
            is_null: head.version == VersionId::Null,
            is_latest: entry.is_latest,
            is_delete_marker: head.is_delete_marker,
            etag: head.etag,
            last_modified: head.last_modified,
            meta: head.meta,
            body: Body(body),
        });
    }
    let listed = engine
        .list_uploads(&UploadsQuery {
            bucket,
            prefix: String::new(),
            delimiter: None,
            after: None,
            limit: usize::MAX,
        })
        .await
        .unwrap();
    assert_eq!(listed.next, None);
    let mut uploads = Vec::new();
    for upload in listed.entries {
        let page = engine.list_parts(upload.upload, 0, usize::MAX).await;
        let page = page.unwrap().unwrap();
        assert_eq!(page.upload, upload);
        let parts = page.parts.into_iter().map(|part| PartState {
            number: part.number,
            etag: part.etag,
            meta: part.meta,
            last_modified: part.last_modified,
            stored_bytes: part.stored_bytes,
        });
        uploads.push(UploadState {
            upload: upload.upload,
            key: upload.object.key,
            initiated: upload.initiated,
            meta: upload.meta,
            parts: parts.collect(),
        });
    }
    let rows = subject.control.scan(control_prefix).await.unwrap();
    let mut control = Vec::new();
    for row in rows {
        let got = subject.control.get(&row.key).await.unwrap();
        assert_eq!(got.as_ref(), Some(&row));
        control.push((row.key, row.value));
    }
    State {
        versions,
        uploads,
        control,
    }
}
