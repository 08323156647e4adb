//! What the index answers: one version, an upload, pages of a listing.

use crate::apply::{REVISION_ROW, split_control};
use crate::codec::{
    PartRecord, Record, Table, after_rows, decode_u64, decode_upload, key_rows, older_row,
    part_row, prefix_rows, split_key, upload_by_key_row,
};
use crate::rows::{Reads, Rows};
use bytes::Bytes;
use engine::{
    BodyRef, BucketId, ControlRow, EngineError, Entry, Head, KEY_BYTES_MAX, ListQuery, ObjectName,
    Page, Part, PartsPage, Revision, Upload, UploadId, UploadMarker, UploadsQuery, VersionEntry,
    VersionId, VersionMarker, VersionsQuery, Which,
};
use std::iter::Peekable;
use std::ops::Bound;

/// Whether an object may have this key.
pub(crate) fn is_key(key: &str) -> bool {
    (1..=KEY_BYTES_MAX).contains(&key.len())
}

/// Finds one version.
pub(crate) fn find(
    view: &impl Reads,
    object: &ObjectName,
    which: Which,
) -> Result<Option<Record>, EngineError> {
    if !is_key(&object.key) {
        // There is no such object, for there cannot be.
        return Ok(None);
    }
    let row = key_rows(object.bucket, &object.key);
    let current = view.get(Table::Current, &row)?;
    let current = current
        .map(|payload| Record::decode(&payload))
        .transpose()?;
    match which {
        Which::Current => Ok(current),
        Which::CurrentOrMarker if current.is_some() => Ok(current),
        // Without a current version, the newest of the others is a delete marker.
        Which::CurrentOrMarker => match view.rows_with(Table::Older, &row)?.next() {
            Some(row) => Record::decode(&row?.1).map(Some),
            None => Ok(None),
        },
        Which::Version(version) => match current {
            Some(current) if current.version() == version => Ok(Some(current)),
            Some(_) | None => find_in_older(view, object, version),
        },
    }
}

/// Finds a version that is not the current one.
pub(crate) fn find_in_older(
    view: &impl Reads,
    object: &ObjectName,
    version: VersionId,
) -> Result<Option<Record>, EngineError> {
    match version {
        VersionId::Made(created) => {
            let row = older_row(object, created);
            let payload = view.get(Table::Older, &row)?;
            let record = payload
                .map(|payload| Record::decode(&payload))
                .transpose()?;
            // A null version is found by its name only.
            Ok(record.filter(|record| !record.is_null))
        }
        VersionId::Null => {
            let rows = key_rows(object.bucket, &object.key);
            for row in view.rows_with(Table::Older, &rows)? {
                let record = Record::decode(&row?.1)?;
                if record.is_null {
                    return Ok(Some(record));
                }
            }
            Ok(None)
        }
    }
}

pub(crate) fn upload_in(
    view: &impl Reads,
    upload: UploadId,
) -> Result<Option<Upload>, EngineError> {
    let payload = view.get(Table::Uploads, &upload.0.to_be_bytes())?;
    payload
        .map(|payload| decode_upload(upload, &payload))
        .transpose()
}

pub(crate) fn is_empty(view: &impl Reads, bucket: BucketId) -> Result<bool, EngineError> {
    let rows = prefix_rows(bucket, "");
    for table in [Table::Current, Table::Older] {
        if let Some(row) = view.rows_with(table, &rows)?.next() {
            row?;
            return Ok(false);
        }
    }
    Ok(true)
}

pub(crate) fn parts(
    view: &impl Reads,
    upload: UploadId,
    after: u32,
    limit: usize,
) -> Result<Option<PartsPage>, EngineError> {
    let Some(upload) = upload_in(view, upload)? else {
        return Ok(None);
    };
    let mut page = PartsPage {
        upload,
        parts: Vec::new(),
        next: None,
    };
    let id = page.upload.upload;
    let start = part_row(id, after);
    let rows = view.rows(Table::Parts, Bound::Excluded(&start), &id.0.to_be_bytes())?;
    for row in rows {
        let (row, payload) = row?;
        if page.parts.len() == limit {
            page.next = page.parts.last().map(|part| part.number);
            break;
        }
        let number = row
            .last_chunk::<4>()
            .ok_or_else(|| EngineError::corrupt("a part's row has no number"))?;
        let record = PartRecord::decode(&payload)?;
        page.parts.push(Part {
            number: u32::from_be_bytes(*number),
            sequence: record.sequence,
            stored_bytes: record.stored_bytes,
            etag: record.etag,
            last_modified: record.last_modified,
            meta: record.meta,
        });
    }
    Ok(Some(page))
}

pub(crate) fn control_get(view: &impl Reads, key: &str) -> Result<Option<ControlRow>, EngineError> {
    if key.is_empty() || key.len() > engine::CONTROL_KEY_BYTES_MAX {
        return Ok(None);
    }
    match view.get(Table::Control, key.as_bytes())? {
        Some(payload) => control_row(key.as_bytes(), &payload).map(Some),
        None => Ok(None),
    }
}

pub(crate) fn control_scan(
    view: &impl Reads,
    prefix: &str,
) -> Result<Vec<ControlRow>, EngineError> {
    if prefix.len() > engine::CONTROL_KEY_BYTES_MAX {
        return Ok(Vec::new());
    }
    let rows = view.rows_with(Table::Control, prefix.as_bytes())?;
    rows.map(|row| row.and_then(|(key, payload)| control_row(&key, &payload)))
        .collect()
}

pub(crate) fn control_revision(view: &impl Reads) -> Result<Revision, EngineError> {
    let payload = view.get(Table::System, REVISION_ROW)?;
    payload.map_or(Ok(Revision(0)), |payload| {
        decode_u64(&payload).map(Revision)
    })
}

fn control_row(key: &[u8], payload: &[u8]) -> Result<ControlRow, EngineError> {
    let (revision, value) = split_control(payload)?;
    let key = String::from_utf8(key.to_vec())
        .map_err(|_| EngineError::corrupt("the key of a control row is not UTF-8"))?;
    Ok(ControlRow {
        key,
        value: Bytes::copy_from_slice(value),
        revision,
    })
}

/// The part that all listings of a bucket share.
struct Scope<'a> {
    bucket: BucketId,
    prefix: &'a str,
    delimiter: Option<&'a str>,
    limit: usize,
}

impl<'a> Scope<'a> {
    fn new(
        bucket: BucketId,
        prefix: &'a str,
        delimiter: &'a Option<String>,
        limit: usize,
    ) -> Scope<'a> {
        Scope {
            bucket,
            prefix,
            delimiter: delimiter.as_deref().filter(|text| !text.is_empty()),
            limit,
        }
    }

    /// The common prefix that stands for `key`, if it has one.
    fn group<'k>(&self, key: &'k str) -> Option<&'k str> {
        let rest = key.strip_prefix(self.prefix)?;
        let delimiter = self.delimiter?;
        let end = self.prefix.len() + rest.find(delimiter)? + delimiter.len();
        key.get(..end)
    }

    /// Where a listing begins that has been given everything up to `after`. `rows_after_key` says
    /// where, when it is a key.
    fn start(&self, after: Option<&str>, rows_after_key: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
        let first = prefix_rows(self.bucket, self.prefix);
        let resumed = after.map(|after| match self.group(after) == Some(after) {
            true => after_rows(prefix_rows(self.bucket, after)),
            false => rows_after_key(after),
        });
        resumed.map_or(first.clone(), |resumed| resumed.max(first))
    }

    /// Goes through rows, from a place on and over common prefixes, until the page is full.
    /// Answers whether more follows.
    fn walk<'txn, T>(
        &self,
        start: Vec<u8>,
        rows_from: impl Fn(&[u8], &[u8]) -> Result<Named<'txn, T>, EngineError>,
        mut found: impl FnMut(Found<T>),
    ) -> Result<bool, EngineError> {
        if self.limit == 0 {
            return Ok(false);
        }
        let within = prefix_rows(self.bucket, self.prefix);
        let mut count = 0;
        let mut rows = rows_from(&start, &within)?;
        while let Some(row) = rows.next() {
            let (key, row) = row?;
            if count == self.limit {
                return Ok(true);
            }
            count += 1;
            match self.group(&key) {
                Some(group) => {
                    let beyond = after_rows(prefix_rows(self.bucket, group));
                    let group = group.to_owned();
                    rows = rows_from(&beyond, &within)?;
                    found(Found::CommonPrefix(group));
                }
                None => found(Found::Row(key, row)),
            }
        }
        Ok(false)
    }
}

enum Found<T> {
    Row(String, T),
    CommonPrefix(String),
}

/// Rows with the key of the object that each is about.
type Named<'txn, T> = Box<dyn Iterator<Item = Result<(String, T), EngineError>> + 'txn>;

pub(crate) fn list(
    view: &impl Reads,
    query: &ListQuery,
) -> Result<Page<Entry, String>, EngineError> {
    let scope = Scope::new(query.bucket, &query.prefix, &query.delimiter, query.limit);
    let start = scope.start(query.after.as_deref(), |key| {
        after_rows(key_rows(query.bucket, key))
    });
    let mut page = empty_page();
    let mut last = None;
    let more = scope.walk(
        start,
        |start, within| {
            let rows = view.rows(Table::Current, Bound::Included(start), within)?;
            Ok(records(rows))
        },
        |found| match found {
            Found::Row(key, record) => {
                last = Some(key.clone());
                let head = record.into_listed_head();
                page.entries.push(Entry { key, head });
            }
            Found::CommonPrefix(prefix) => {
                last = Some(prefix.clone());
                page.common_prefixes.push(prefix);
            }
        },
    )?;
    page.next = last.filter(|_| more);
    Ok(page)
}

pub(crate) fn list_versions(
    view: &impl Reads,
    query: &VersionsQuery,
) -> Result<Page<VersionEntry, VersionMarker>, EngineError> {
    let scope = Scope::new(query.bucket, &query.prefix, &query.delimiter, query.limit);
    let after = query.after.as_ref();
    let resumed_row = match after {
        Some(VersionMarker { key, version }) => {
            row_after_version(view, query.bucket, key, *version)?
        }
        None => Vec::new(),
    };
    let start = scope.start(after.map(|after| after.key.as_str()), |_| {
        resumed_row.clone()
    });
    let resumed_key = after.map(|after| after.key.as_str());
    let mut page = empty_page();
    let mut last = None;
    let more = scope.walk(
        start,
        |start, within| {
            let rows_of = |table| view.rows(table, Bound::Included(start), within);
            let newest = records(rows_of(Table::Current)?);
            let older = records(rows_of(Table::Older)?);
            Ok(Box::new(Merged {
                newest: newest.peekable(),
                older: older.peekable(),
                // Where the listing resumes within a key, its newest version was shown already.
                previous: resumed_key.map(str::to_owned),
            }))
        },
        |found| match found {
            Found::Row(key, (record, is_latest)) => {
                last = Some(VersionMarker {
                    key: key.clone(),
                    version: Some(record.version()),
                });
                let head = record.into_listed_head();
                page.entries.push(VersionEntry {
                    key,
                    head,
                    is_latest,
                });
            }
            Found::CommonPrefix(prefix) => {
                last = Some(VersionMarker {
                    key: prefix.clone(),
                    version: None,
                });
                page.common_prefixes.push(prefix);
            }
        },
    )?;
    page.next = last.filter(|_| more);
    Ok(page)
}

/// Where the listing of versions goes on after this version, or after all of the key's.
fn row_after_version(
    view: &impl Reads,
    bucket: BucketId,
    key: &str,
    version: Option<VersionId>,
) -> Result<Vec<u8>, EngineError> {
    let object = ObjectName {
        bucket,
        key: key.to_owned(),
    };
    let created = match version {
        None => return Ok(after_rows(key_rows(bucket, key))),
        Some(VersionId::Made(created)) => created,
        Some(VersionId::Null) => {
            let null = find(view, &object, Which::Version(VersionId::Null))?;
            match null {
                Some(null) => null.created,
                // Gone meanwhile, and its place with it: rather show the key's versions twice.
                None => return Ok(key_rows(bucket, key)),
            }
        }
    };
    let mut row = older_row(&object, created);
    row.push(0);
    Ok(row)
}

/// The rows of `current` and `older` as one listing, with whether each is the newest of its key.
struct Merged<'txn> {
    newest: Peekable<Named<'txn, Record>>,
    older: Peekable<Named<'txn, Record>>,
    previous: Option<String>,
}

impl Iterator for Merged<'_> {
    type Item = Result<(String, (Record, bool)), EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let from_newest = match (self.newest.peek(), self.older.peek()) {
            (Some(Ok((newest, _))), Some(Ok((older, _)))) => newest <= older,
            (Some(_), _) => true,
            (None, _) => false,
        };
        let row = match from_newest {
            true => self.newest.next()?,
            false => self.older.next()?,
        };
        Some(row.map(|(key, record)| {
            let is_latest = self.previous.as_ref() != Some(&key);
            self.previous = Some(key.clone());
            (key, (record, is_latest))
        }))
    }
}

pub(crate) fn list_uploads(
    view: &impl Reads,
    query: &UploadsQuery,
) -> Result<Page<Upload, UploadMarker>, EngineError> {
    let scope = Scope::new(query.bucket, &query.prefix, &query.delimiter, query.limit);
    let after = query.after.as_ref();
    let start = scope.start(after.map(|after| after.key.as_str()), |key| {
        match after.and_then(|after| after.upload) {
            None => after_rows(key_rows(query.bucket, key)),
            Some(upload) => {
                let object = ObjectName {
                    bucket: query.bucket,
                    key: key.to_owned(),
                };
                let mut row = upload_by_key_row(&object, upload);
                row.push(0);
                row
            }
        }
    });
    let mut page = empty_page();
    let mut last = None;
    let more = scope.walk(
        start,
        |start, within| {
            let rows = view.rows(Table::UploadsByKey, Bound::Included(start), within)?;
            Ok(Box::new(rows.map(|row| upload_of(view, &row?.0))))
        },
        |found| match found {
            Found::Row(key, upload) => {
                last = Some(UploadMarker {
                    key,
                    upload: Some(upload.upload),
                });
                page.entries.push(upload);
            }
            Found::CommonPrefix(prefix) => {
                last = Some(UploadMarker {
                    key: prefix.clone(),
                    upload: None,
                });
                page.common_prefixes.push(prefix);
            }
        },
    )?;
    page.next = last.filter(|_| more);
    Ok(page)
}

fn upload_of(view: &impl Reads, row: &[u8]) -> Result<(String, Upload), EngineError> {
    let damaged = || EngineError::corrupt("an upload is listed that is not there");
    let (key, id) = split_key(row)?;
    let id = id.first_chunk::<16>().ok_or_else(damaged)?;
    let upload = upload_in(view, UploadId(u128::from_be_bytes(*id)))?;
    Ok((key, upload.ok_or_else(damaged)?))
}

fn records(rows: Rows<'_>) -> Named<'_, Record> {
    Box::new(rows.map(|row| {
        let (row, payload) = row?;
        Ok((split_key(&row)?.0, Record::decode(&payload)?))
    }))
}

fn empty_page<E, M>() -> Page<E, M> {
    Page {
        entries: Vec::new(),
        common_prefixes: Vec::new(),
        next: None,
    }
}

impl Record {
    fn into_listed_head(self) -> Head {
        let address = self.address.encode();
        self.into_head(BodyRef::unpinned(address.into()))
    }
}
