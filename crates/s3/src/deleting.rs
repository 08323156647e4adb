//! What DeleteObject and DeleteObjects have in common: what one deletion asks, and how it is done.
use catalog::{AccountId, Object, s3};
use gate::{Ask, Either, Permit};
use vault::{Condition, Deleted, Vault, VaultError};

use crate::reading::{self, ReadAsk};

/// `s3:DeleteObject`, or `s3:DeleteObjectVersion` when a version is named.
type DeleteAsk = Either<Ask<s3::DeleteObject>, Ask<s3::DeleteObjectVersion>>;
/// Its permit.
pub(crate) type DeletePermit = Either<Permit<s3::DeleteObject>, Permit<s3::DeleteObjectVersion>>;
/// What a deletion asks.
pub(crate) type DeleteAsks = (
    DeleteAsk,
    Option<ReadAsk>,
    Option<Ask<s3::BypassGovernanceRetention>>,
);

/// Who names an ETag learns whether the object has it, so must be allowed to read it; `*` tells no more than a read
/// that is refused (AWS: How to perform conditional deletes). The header that bypasses governance is asked for
/// whenever a version is named, be it under retention or not (spec S-14).
pub(crate) fn asks(
    object: &Object,
    expected_owner: Option<AccountId>,
    if_match: Option<&str>,
    bypasses_governance: bool,
) -> DeleteAsks {
    let delete = match reading::by_version(object, expected_owner) {
        Either::Left(ask) => {
            let ask: Ask<s3::DeleteObject> = ask;
            Either::Left(ask.with_some("s3:if-match", if_match))
        }
        Either::Right(ask) => Either::Right(ask),
    };
    let read = if_match
        .filter(|etag| *etag != "*")
        .map(|_| reading::read_ask(object, expected_owner));
    let bypass = object
        .version
        .as_ref()
        .filter(|_| bypasses_governance)
        .map(|_| Ask::on(object.clone()).expecting_owner(expected_owner));
    (delete, read, bypass)
}

/// Deletes what the permit names.
pub(crate) async fn delete(
    vault: &Vault,
    permit: &DeletePermit,
    condition: Condition,
) -> Result<Deleted, VaultError> {
    match permit {
        Either::Left(permit) => vault.delete_object(permit, condition).await,
        Either::Right(permit) => vault.delete_object(permit, condition).await,
    }
}
