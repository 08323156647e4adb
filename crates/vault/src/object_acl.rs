//! The ACLs of objects.
use engine::{CommitError, Precondition, SetMeta, Which, Write};
use gate::Permit;
use policy::{Grant, ObjectOwnership};

use crate::acl::{self, AccessControlPolicy, StoredGrant};
use crate::meta;
use crate::{ReadsAcl, Vault, VaultError, WritesAcl};

impl Vault {
    /// The ACL of the object that the permit names, as it acts (spec S-7, S-9), and its version
    /// where the caller is to see it; `None` if there is no object.
    ///
    /// # Errors
    /// The object was changed after it was judged, or cannot be read.
    pub async fn object_acl<A: ReadsAcl>(
        &self,
        permit: &Permit<A>,
    ) -> Result<Option<(AccessControlPolicy, Option<String>)>, VaultError> {
        let record = self.bucket_record(permit.bucket())?;
        let bucket = record.facts();
        let Some((head, meta)) = self.find(permit).await? else {
            return Ok(None);
        };
        let version = self.shown_version(&self.target(permit)?, permit.resource(), head.version);
        // Where ownership is enforced, all objects are the bucket owner's, old and new.
        let owner = match bucket.ownership {
            ObjectOwnership::BucketOwnerEnforced => bucket.owner_canonical_id.as_str(),
            ObjectOwnership::BucketOwnerPreferred | ObjectOwnership::ObjectWriter => {
                meta.owner.canonical_id.as_str()
            }
        };
        let grants: Vec<Grant> = meta.grants.iter().map(StoredGrant::grant).collect();
        let ignores = self.ignores_public_acls(bucket);
        let grants = acl::visible(bucket.ownership, ignores, owner, &grants);
        Ok(Some((AccessControlPolicy::show(owner, &grants), version)))
    }

    /// The canonical user id of the owner of the object whose ACL the permit allows to replace;
    /// `None` if there is no object.
    ///
    /// # Errors
    /// [`VaultError::AclNotSupported`] where ACLs are off.
    pub async fn owner_for_acl<A: WritesAcl>(
        &self,
        permit: &Permit<A>,
    ) -> Result<Option<String>, VaultError> {
        self.acls_are_on(permit)?;
        let found = self.find(permit).await?;
        Ok(found.map(|(_, meta)| meta.owner.canonical_id))
    }

    /// Replaces the ACL of the object that the permit names; answers its version, where the caller
    /// is to see it.
    ///
    /// # Errors
    /// [`VaultError::NoSuchObject`], [`VaultError::AclNotSupported`].
    pub async fn put_object_acl<A: WritesAcl>(
        &self,
        permit: &Permit<A>,
        grants: &[Grant],
    ) -> Result<Option<String>, VaultError> {
        self.acls_are_on(permit)?;
        let Some((head, mut meta)) = self.find(permit).await? else {
            return Err(VaultError::NoSuchObject);
        };
        meta.grants = grants.iter().map(StoredGrant::from).collect();
        let target = self.target(permit)?;
        let change = SetMeta {
            object: target.name.clone(),
            which: Which::Version(head.version),
            // Not an object that takes the place of the one that was judged.
            precondition: Precondition::SequenceIs(head.sequence),
            meta: meta::encode(&meta)?,
        };
        match self.engine.commit(Write::SetMeta(change)).await {
            Ok(_) => Ok(self.shown_version(&target, permit.resource(), head.version)),
            Err(
                CommitError::PreconditionFailed
                | CommitError::NoSuchObject
                | CommitError::NoSuchVersion,
            ) => Err(VaultError::ChangedMeanwhile),
            Err(error) => Err(error.into()),
        }
    }

    fn acls_are_on<A: WritesAcl>(&self, permit: &Permit<A>) -> Result<(), VaultError> {
        match self.bucket_record(permit.bucket())?.facts().ownership {
            ObjectOwnership::BucketOwnerEnforced => Err(VaultError::AclNotSupported),
            ObjectOwnership::BucketOwnerPreferred | ObjectOwnership::ObjectWriter => Ok(()),
        }
    }
}
