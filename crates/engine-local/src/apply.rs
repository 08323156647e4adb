//! What each write does to the rows. Runs in the committer.
//!
//! A refusal or an error leaves nothing: the changes of a write take place together, in the log.

use crate::codec::{
    InlineAt, PartRecord, Record, Table, decode_pieces, decode_u64, encode_pieces, encode_upload,
    garbage_row, key_rows, older_row, part_row, prefix_rows, upload_by_key_row,
};
use crate::pieces::{Address, ExtentId, Piece};
use crate::read::{find, find_in_older, upload_in};
use crate::record::InlineBody;
use crate::rows::{Changes, Reads};
use crate::stage::StagedBody;
use bytes::Bytes;
use engine::{
    BucketId, CommitError, Committed, CompleteUpload, ControlError, ControlTxn, CreateUpload,
    Delete, EngineError, ObjectName, PartChoice, Precondition, Put, PutPart, Revision, Sequence,
    SetMeta, Upload, UploadId, VersionId, Versioning, Which, Write,
};
use std::collections::BTreeSet;

/// The row of `system` with the newest revision of the control store.
pub(crate) const REVISION_ROW: &[u8] = b"revision";

/// A body that no record names any more, to be removed when no reader needs it.
#[derive(Debug, Clone)]
pub(crate) struct Garbage {
    pub(crate) removed_by: Sequence,
    pub(crate) row: Vec<u8>,
    pub(crate) address: Address,
}

/// One write in progress.
pub(crate) struct Apply<'a> {
    pub(crate) rows: Changes<'a>,
    /// That of this write.
    pub(crate) sequence: Sequence,
    pub(crate) garbage: Vec<Garbage>,
    /// Goes into the record.
    pub(crate) body: Option<InlineBody>,
}

impl Apply<'_> {
    pub(crate) fn write(
        &mut self,
        write: &Write,
        body: Option<&StagedBody>,
    ) -> Result<Committed, CommitError> {
        match write {
            Write::CreateBucket { bucket } => self.create_bucket(*bucket),
            Write::DropBucket { bucket } => self.drop_bucket(*bucket),
            Write::Put(put) => self.put(put, body),
            Write::Delete(delete) => self.delete(delete),
            Write::SetMeta(change) => self.set_meta(change),
            Write::CreateUpload(create) => self.create_upload(create),
            Write::PutPart(put) => self.put_part(put, body),
            Write::CompleteUpload(complete) => self.complete_upload(complete),
            Write::AbortUpload { upload } => self.abort_upload(*upload),
        }
    }

    pub(crate) fn control(&mut self, control: &ControlTxn) -> Result<Revision, ControlError> {
        for (key, wanted) in &control.asserts {
            let row = self.rows.get(Table::Control, key.as_bytes())?;
            let found = match row {
                Some(payload) => Some(split_control(&payload)?.0),
                None => None,
            };
            if found != *wanted {
                return Err(ControlError::Conflict { key: key.clone() });
            }
        }
        let revision = Revision(self.sequence.0);
        for (key, value) in &control.puts {
            let payload = [&revision.0.to_le_bytes()[..], value].concat();
            let key = key.as_bytes();
            self.rows.put(Table::Control, key, payload);
        }
        for key in &control.deletes {
            let key = key.as_bytes();
            self.rows.delete(Table::Control, key);
        }
        let payload = revision.0.to_le_bytes().to_vec();
        self.rows.put(Table::System, REVISION_ROW, payload);
        Ok(revision)
    }

    fn create_bucket(&mut self, bucket: BucketId) -> Result<Committed, CommitError> {
        let row = bucket.0.to_be_bytes();
        if self.rows.get(Table::Buckets, &row)?.is_some() {
            return Err(CommitError::IdInUse);
        }
        self.rows.put(Table::Buckets, row, Bytes::new());
        Ok(self.done())
    }

    fn drop_bucket(&mut self, bucket: BucketId) -> Result<Committed, CommitError> {
        self.bucket_exists(bucket)?;
        let rows = prefix_rows(bucket, "");
        for table in [Table::Current, Table::Older] {
            if let Some(row) = self.rows.rows_with(table, &rows)?.next() {
                row?;
                return Err(CommitError::BucketNotEmpty);
            }
        }
        let mut uploads = Vec::new();
        let by_key = self.rows.rows_with(Table::UploadsByKey, &rows)?;
        for row in by_key {
            let (row, _) = row?;
            let id = row.last_chunk::<16>();
            uploads.extend(id.map(|id| UploadId(u128::from_be_bytes(*id))));
        }
        for upload in uploads {
            let upload = self.find_upload(upload)?;
            self.remove_upload(&upload, &BTreeSet::new())?;
        }
        let row = bucket.0.to_be_bytes();
        self.rows.delete(Table::Buckets, row);
        Ok(self.done())
    }

    fn put(&mut self, put: &Put, body: Option<&StagedBody>) -> Result<Committed, CommitError> {
        self.bucket_exists(put.object.bucket)?;
        self.check_current(&put.object, &put.precondition)?;
        let address = self.place(body)?;
        let record = Record {
            is_null: is_null(put.versioning),
            created: self.sequence,
            sequence: self.sequence,
            stored_bytes: body.map_or(0, StagedBody::stored_bytes),
            etag: put.etag.clone(),
            last_modified: put.last_modified,
            is_delete_marker: false,
            meta: put.meta.clone(),
            address,
        };
        self.add_version(&put.object, record)
    }

    fn delete(&mut self, delete: &Delete) -> Result<Committed, CommitError> {
        self.bucket_exists(delete.object.bucket)?;
        let object = &delete.object;
        let found = match delete.which {
            Which::Current | Which::CurrentOrMarker => find(&self.rows, object, Which::Current)?,
            Which::Version(_) => find(&self.rows, object, delete.which)?,
        };
        match &delete.precondition {
            Precondition::VersionIs { sequence, newest } => {
                self.check_version(object, found.as_ref(), *sequence, *newest)?;
            }
            precondition => check(precondition, found.as_ref())?,
        }
        if let Which::Version(version) = delete.which {
            return self.remove_version(object, version);
        }
        if delete.versioning == Versioning::Unversioned {
            return self.remove_version(object, VersionId::Null);
        }
        let marker = Record {
            is_null: is_null(delete.versioning),
            created: self.sequence,
            sequence: self.sequence,
            stored_bytes: 0,
            etag: Bytes::new(),
            last_modified: delete.last_modified,
            is_delete_marker: true,
            meta: delete.marker_meta.clone(),
            address: Address::Empty,
        };
        self.add_version(object, marker)
    }

    fn set_meta(&mut self, change: &SetMeta) -> Result<Committed, CommitError> {
        self.bucket_exists(change.object.bucket)?;
        let object = &change.object;
        let found = find(&self.rows, object, change.which)?;
        check(&change.precondition, found.as_ref())?;
        let mut record = found.ok_or(match change.which {
            Which::Version(_) => CommitError::NoSuchVersion,
            Which::Current | Which::CurrentOrMarker => CommitError::NoSuchObject,
        })?;
        record.meta = change.meta.clone();
        record.sequence = self.sequence;
        let (table, row) = match self.current(object)? {
            Some(current) if current.created == record.created => {
                (Table::Current, key_rows(object.bucket, &object.key))
            }
            Some(_) | None => (Table::Older, older_row(object, record.created)),
        };
        self.rows.put(table, &row, record.encode());
        Ok(self.committed(&record))
    }

    fn create_upload(&mut self, create: &CreateUpload) -> Result<Committed, CommitError> {
        self.bucket_exists(create.object.bucket)?;
        let id = create.upload.0.to_be_bytes();
        if self.rows.get(Table::Uploads, &id)?.is_some() {
            return Err(CommitError::IdInUse);
        }
        let payload = encode_upload(&Upload {
            upload: create.upload,
            object: create.object.clone(),
            initiated: create.initiated,
            meta: create.meta.clone(),
            sequence: self.sequence,
        });
        self.rows.put(Table::Uploads, id, payload);
        let row = upload_by_key_row(&create.object, create.upload);
        self.rows.put(Table::UploadsByKey, &row, Bytes::new());
        Ok(self.done())
    }

    fn put_part(
        &mut self,
        put: &PutPart,
        body: Option<&StagedBody>,
    ) -> Result<Committed, CommitError> {
        self.find_upload(put.upload)?;
        let row = part_row(put.upload, put.number);
        let earlier = match self.rows.get(Table::Parts, &row)? {
            Some(payload) => Some(PartRecord::decode(&payload)?.address),
            None => None,
        };
        let address = self.place(body)?;
        if matches!(address, Address::Listed { .. }) {
            // The object's list names pieces, not lists.
            return Err(CommitError::Engine(EngineError::Invalid {
                what: "a part shares a body of several pieces",
            }));
        }
        if let Some(earlier) = earlier {
            self.discard(earlier)?;
        }
        let part = PartRecord {
            sequence: self.sequence,
            stored_bytes: body.map_or(0, StagedBody::stored_bytes),
            etag: put.etag.clone(),
            last_modified: put.last_modified,
            meta: put.meta.clone(),
            address,
        };
        self.rows.put(Table::Parts, &row, part.encode());
        Ok(self.done())
    }

    fn complete_upload(&mut self, complete: &CompleteUpload) -> Result<Committed, CommitError> {
        let upload = self.find_upload(complete.upload)?;
        self.bucket_exists(upload.object.bucket)?;
        self.check_current(&upload.object, &complete.precondition)?;
        let mut chosen = BTreeSet::new();
        let mut pieces = Vec::new();
        let mut stored_bytes = 0;
        for PartChoice { number, sequence } in &complete.parts {
            let row = part_row(complete.upload, *number);
            let changed = CommitError::PartChanged { number: *number };
            let payload = self.rows.get(Table::Parts, &row)?;
            let part = PartRecord::decode(&payload.ok_or_else(|| changed.clone())?)?;
            if part.sequence != *sequence {
                return Err(changed);
            }
            if !chosen.insert(*number) {
                // Two records must never name one piece.
                return Err(CommitError::Engine(EngineError::Invalid {
                    what: "a part is chosen twice",
                }));
            }
            stored_bytes += part.stored_bytes;
            match part.address {
                Address::Empty => {}
                Address::One(piece) => pieces.push(piece),
                Address::Listed { .. } => {
                    return Err(EngineError::corrupt("a part consists of several pieces").into());
                }
            }
        }
        let address = match pieces.as_slice() {
            [] => Address::Empty,
            [piece] => Address::One(*piece),
            several => {
                let id = self.sequence.0;
                let payload = encode_pieces(several);
                self.rows.put(Table::Bodies, id.to_be_bytes(), payload);
                Address::Listed { id }
            }
        };
        self.remove_upload(&upload, &chosen)?;
        let record = Record {
            is_null: is_null(complete.versioning),
            created: self.sequence,
            sequence: self.sequence,
            stored_bytes,
            etag: complete.etag.clone(),
            last_modified: complete.last_modified,
            is_delete_marker: false,
            meta: complete.meta.clone(),
            address,
        };
        self.add_version(&upload.object, record)
    }

    fn abort_upload(&mut self, upload: UploadId) -> Result<Committed, CommitError> {
        let upload = self.find_upload(upload)?;
        self.remove_upload(&upload, &BTreeSet::new())?;
        Ok(self.done())
    }

    // What the writes are made of.

    fn bucket_exists(&self, bucket: BucketId) -> Result<(), CommitError> {
        let row = bucket.0.to_be_bytes();
        match self.rows.get(Table::Buckets, &row)? {
            Some(_) => Ok(()),
            None => Err(CommitError::NoSuchBucket),
        }
    }

    fn find_upload(&self, upload: UploadId) -> Result<Upload, CommitError> {
        upload_in(&self.rows, upload)?.ok_or(CommitError::NoSuchUpload)
    }

    fn check_current(
        &self,
        object: &ObjectName,
        precondition: &Precondition,
    ) -> Result<(), CommitError> {
        match precondition {
            // Spares a look-up: `add_version` makes its own.
            Precondition::None => Ok(()),
            Precondition::Absent
            | Precondition::Exists
            | Precondition::EtagIs(_)
            | Precondition::SequenceIs(_)
            | Precondition::VersionIs { .. } => {
                let current = find(&self.rows, object, Which::Current)?;
                check(precondition, current.as_ref())
            }
        }
    }

    /// [`Precondition::VersionIs`] of a version that was found.
    fn check_version(
        &self,
        object: &ObjectName,
        found: Option<&Record>,
        sequence: Sequence,
        newest: bool,
    ) -> Result<(), CommitError> {
        let found = found.ok_or(CommitError::NoSuchObject)?;
        let first = find(&self.rows, object, Which::CurrentOrMarker)?;
        let is_first = first.is_some_and(|first| first.created == found.created);
        match found.sequence == sequence && is_first == newest {
            true => Ok(()),
            false => Err(CommitError::PreconditionFailed),
        }
    }

    fn current(&self, object: &ObjectName) -> Result<Option<Record>, EngineError> {
        let row = key_rows(object.bucket, &object.key);
        let payload = self.rows.get(Table::Current, &row)?;
        payload.map(|payload| Record::decode(&payload)).transpose()
    }

    /// Makes `record` the newest version; a null version replaces the null version.
    fn add_version(
        &mut self,
        object: &ObjectName,
        record: Record,
    ) -> Result<Committed, CommitError> {
        let current_row = key_rows(object.bucket, &object.key);
        let current = self.current(object)?;
        let current_is_replaced = match &current {
            Some(current) if record.is_null && current.is_null => {
                self.discard(current.address)?;
                true
            }
            Some(current) => {
                let row = older_row(object, current.created);
                let payload = current.encode();
                self.rows.put(Table::Older, &row, payload);
                false
            }
            None => false,
        };
        if record.is_null && !current_is_replaced {
            let null = find_in_older(&self.rows, object, VersionId::Null)?;
            // The one just moved is not null: that case was taken above.
            if let Some(null) = null {
                self.discard(null.address)?;
                let row = older_row(object, null.created);
                self.rows.delete(Table::Older, &row);
            }
        }
        if record.is_delete_marker {
            if current.is_some() {
                self.rows.delete(Table::Current, &current_row);
            }
            let row = older_row(object, record.created);
            self.rows.put(Table::Older, &row, record.encode());
        } else {
            self.rows.put(Table::Current, &current_row, record.encode());
        }
        Ok(self.committed(&record))
    }

    /// Removes a version for good, if it is there.
    fn remove_version(
        &mut self,
        object: &ObjectName,
        version: VersionId,
    ) -> Result<Committed, CommitError> {
        let current = self.current(object)?;
        let current_row = key_rows(object.bucket, &object.key);
        if let Some(current) = current.as_ref().filter(|found| found.version() == version) {
            self.discard(current.address)?;
            self.rows.delete(Table::Current, &current_row);
            self.promote(object)?;
            return Ok(self.committed(current));
        }
        let Some(found) = find_in_older(&self.rows, object, version)? else {
            return Ok(self.done());
        };
        self.discard(found.address)?;
        let row = older_row(object, found.created);
        self.rows.delete(Table::Older, &row);
        if current.is_none() {
            self.promote(object)?;
        }
        Ok(self.committed(&found))
    }

    /// Restores the rule that the newest version is in `current` unless it is a delete marker.
    fn promote(&mut self, object: &ObjectName) -> Result<(), EngineError> {
        let rows = key_rows(object.bucket, &object.key);
        let newest = match self.rows.rows_with(Table::Older, &rows)?.next() {
            Some(row) => Record::decode(&row?.1)?,
            None => return Ok(()),
        };
        if newest.is_delete_marker {
            return Ok(());
        }
        let row = older_row(object, newest.created);
        self.rows.delete(Table::Older, &row);
        self.rows.put(Table::Current, &rows, newest.encode());
        Ok(())
    }

    /// Removes an upload and those of its parts that are not chosen.
    fn remove_upload(
        &mut self,
        upload: &Upload,
        chosen: &BTreeSet<u32>,
    ) -> Result<(), EngineError> {
        let id = upload.upload.0.to_be_bytes();
        let mut parts = Vec::new();
        for row in self.rows.rows_with(Table::Parts, &id)? {
            let (row, payload) = row?;
            let number = row.last_chunk::<4>().map(|n| u32::from_be_bytes(*n));
            let is_chosen = number.is_some_and(|number| chosen.contains(&number));
            parts.push((
                row.to_vec(),
                is_chosen,
                PartRecord::decode(&payload)?.address,
            ));
        }
        for (row, is_chosen, address) in parts {
            if !is_chosen {
                self.discard(address)?;
            }
            self.rows.delete(Table::Parts, &row);
        }
        self.rows.delete(Table::Uploads, id);
        let row = upload_by_key_row(&upload.object, upload.upload);
        self.rows.delete(Table::UploadsByKey, &row);
        Ok(())
    }

    /// Gives a staged body the address that this write's record will name.
    fn place(&mut self, body: Option<&StagedBody>) -> Result<Address, EngineError> {
        match body {
            None => Err(EngineError::Invalid {
                what: "a body was not staged",
            }),
            Some(StagedBody::Inline(bytes)) if bytes.is_empty() => Ok(Address::Empty),
            Some(StagedBody::Inline(bytes)) => {
                let id = self.sequence.0;
                // Where it is in the record shows when all rows are known.
                self.rows.put(
                    Table::Bodies,
                    id.to_be_bytes(),
                    InlineAt::default().encode(),
                );
                self.body = Some(InlineBody {
                    id,
                    bytes: bytes.clone(),
                });
                Ok(Address::One(Piece::Row {
                    id,
                    stored_bytes: bytes.len() as u64,
                }))
            }
            Some(StagedBody::Shared(shared)) => {
                self.refer(shared.address)?;
                Ok(shared.address)
            }
            Some(StagedBody::Extent(extent)) => {
                let payload = extent.stored_bytes.to_le_bytes().to_vec();
                let row = extent.id.0.to_be_bytes();
                self.rows.put(Table::Extents, row, payload);
                Ok(Address::One(Piece::Extent {
                    id: extent.id,
                    stored_bytes: extent.stored_bytes,
                }))
            }
        }
    }

    /// Leaves a body to be removed when no reader needs it.
    fn discard(&mut self, address: Address) -> Result<(), EngineError> {
        if address == Address::Empty {
            return Ok(());
        }
        let row = garbage_row(self.sequence, self.garbage.len() as u32);
        self.rows.put(Table::Garbage, &row, address.encode());
        self.garbage.push(Garbage {
            removed_by: self.sequence,
            row,
            address,
        });
        Ok(())
    }

    /// Counts one more record that names a body.
    fn refer(&mut self, address: Address) -> Result<(), EngineError> {
        let Some(row) = references_row(address) else {
            return Ok(());
        };
        let count = match self.rows.get(Table::References, &row)? {
            Some(payload) => decode_u64(&payload)?,
            None => 1,
        };
        let payload = (count + 1).to_le_bytes().to_vec();
        self.rows.put(Table::References, row, payload);
        Ok(())
    }

    /// Counts one record less that names a body. Answers whether it was the last.
    fn unrefer(&mut self, address: Address) -> Result<bool, EngineError> {
        let Some(row) = references_row(address) else {
            return Ok(false);
        };
        match self.rows.get(Table::References, &row)? {
            None => return Ok(true),
            Some(payload) => match decode_u64(&payload)? {
                // One is never stored.
                0..=2 => self.rows.delete(Table::References, row),
                count => {
                    let payload = (count - 1).to_le_bytes().to_vec();
                    self.rows.put(Table::References, row, payload);
                }
            },
        }
        Ok(false)
    }

    /// Removes a body that no reader needs, unless another record names it. Adds to `files` what
    /// may be unlinked when this is durable.
    pub(crate) fn release(
        &mut self,
        garbage: &Garbage,
        files: &mut Vec<ExtentId>,
    ) -> Result<(), EngineError> {
        self.rows.delete(Table::Garbage, &garbage.row);
        if !self.unrefer(garbage.address)? {
            return Ok(());
        }
        match garbage.address {
            Address::Empty => {}
            Address::One(piece) => self.remove_piece(piece, files),
            Address::Listed { id } => {
                let row = id.to_be_bytes();
                let pieces = match self.rows.get(Table::Bodies, &row)? {
                    Some(payload) => decode_pieces(&payload)?,
                    None => Vec::new(),
                };
                for piece in pieces {
                    if self.unrefer(Address::One(piece))? {
                        self.remove_piece(piece, files);
                    }
                }
                self.rows.delete(Table::Bodies, row);
            }
        }
        Ok(())
    }

    fn remove_piece(&mut self, piece: Piece, files: &mut Vec<ExtentId>) {
        match piece {
            Piece::Row { id, .. } => self.rows.delete(Table::Bodies, id.to_be_bytes()),
            Piece::Extent { id, .. } => {
                self.rows.delete(Table::Extents, id.0.to_be_bytes());
                files.push(id);
            }
        }
    }

    fn done(&self) -> Committed {
        Committed {
            sequence: self.sequence,
            version: None,
            is_delete_marker: false,
        }
    }

    fn committed(&self, record: &Record) -> Committed {
        Committed {
            sequence: self.sequence,
            version: Some(record.version()),
            is_delete_marker: record.is_delete_marker,
        }
    }
}

impl StagedBody {
    fn stored_bytes(&self) -> u64 {
        match self {
            StagedBody::Inline(bytes) => bytes.len() as u64,
            StagedBody::Extent(extent) => extent.stored_bytes,
            StagedBody::Shared(shared) => shared.stored_bytes,
        }
    }
}

/// The row that counts who names a body, if there are several.
fn references_row(address: Address) -> Option<Vec<u8>> {
    let (kind, id) = match address {
        Address::Empty => return None,
        Address::One(Piece::Row { id, .. }) => (1, id),
        Address::One(Piece::Extent { id, .. }) => (2, id.0),
        Address::Listed { id } => (3, id),
    };
    let mut row = vec![kind];
    row.extend_from_slice(&id.to_be_bytes());
    Some(row)
}

fn is_null(versioning: Versioning) -> bool {
    match versioning {
        Versioning::Unversioned | Versioning::Suspended => true,
        Versioning::Enabled => false,
    }
}

/// Tests a precondition on the version that is there.
fn check(precondition: &Precondition, found: Option<&Record>) -> Result<(), CommitError> {
    let object = found.filter(|record| !record.is_delete_marker);
    let holds = match (precondition, object) {
        (Precondition::None, _) => true,
        (Precondition::Absent, object) => object.is_none(),
        (Precondition::Exists, Some(_)) => true,
        (Precondition::EtagIs(etag), Some(object)) => object.etag == *etag,
        (Precondition::SequenceIs(sequence), Some(object)) => object.sequence == *sequence,
        (Precondition::VersionIs { .. }, Some(_)) => false,
        (
            Precondition::Exists
            | Precondition::EtagIs(_)
            | Precondition::SequenceIs(_)
            | Precondition::VersionIs { .. },
            None,
        ) => return Err(CommitError::NoSuchObject),
    };
    match holds {
        true => Ok(()),
        false => Err(CommitError::PreconditionFailed),
    }
}

/// Revision and value of a row of the control store.
pub(crate) fn split_control(payload: &[u8]) -> Result<(Revision, &[u8]), EngineError> {
    match payload.split_first_chunk::<8>() {
        Some((revision, value)) => Ok((Revision(u64::from_le_bytes(*revision)), value)),
        None => Err(EngineError::corrupt("a control row is too short")),
    }
}
