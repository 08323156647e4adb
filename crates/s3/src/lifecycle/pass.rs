//! Carries out a bucket's lifecycle configuration: one pass over what its rules are about.
//!
//! A pass goes page by page and holds nothing between two pages but where it is. It may end at any
//! moment, a crash included: what is due stays due, and the next pass finds it.
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use futures_util::future::join_all;
use gate::LifecyclePermit;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vault::{
    FilterFacts, LifecycleUpload, LifecycleVersion, Removal, UploadsCursor, Vault, VaultError,
    VersionsCursor,
};

use super::rules::{Filtered, Rules};

/// Versions or uploads that one step looks at.
const PAGE_ENTRIES: usize = 1000;
/// Removals that are under way at once: enough for the engine to make them durable together.
const AT_ONCE: usize = 32;

/// What passes did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleCounts {
    /// Versions, delete markers and uploads that were looked at.
    pub looked_at: u64,
    /// Current versions that expired.
    pub expired: u64,
    /// Noncurrent versions that were removed.
    pub noncurrent_removed: u64,
    /// Delete markers without versions that were removed.
    pub markers_removed: u64,
    /// Uploads that were aborted.
    pub uploads_aborted: u64,
    /// What was due and was changed before it was removed: it stays.
    pub changed_meanwhile: u64,
}

impl LifecycleCounts {
    /// Adds those of another pass.
    pub fn add(&mut self, other: LifecycleCounts) {
        self.looked_at += other.looked_at;
        self.expired += other.expired;
        self.noncurrent_removed += other.noncurrent_removed;
        self.markers_removed += other.markers_removed;
        self.uploads_aborted += other.uploads_aborted;
        self.changed_meanwhile += other.changed_meanwhile;
    }
}

/// A configuration in force, to see whether it still is.
#[derive(Clone, Debug)]
pub struct LifecycleRules(Arc<Rules>);

impl LifecycleRules {
    /// That of the permit's bucket; `None` where it has none.
    pub fn of(vault: &Vault, permit: &LifecyclePermit) -> Option<LifecycleRules> {
        let rules = vault.lifecycle_in_force(permit, Rules::compile);
        rules.map(LifecycleRules)
    }

    /// Whether the configuration was not replaced in between, nor the server restarted.
    pub fn is(&self, other: &LifecycleRules) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Whether a pass is at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More may be due.
    More,
    /// Everything was looked at.
    Done,
    /// The configuration is no longer the one that the pass began with.
    RulesChanged,
}

/// One pass over a bucket.
#[derive(Debug)]
pub struct LifecyclePass {
    rules: LifecycleRules,
    /// Prefixes that are left, the one under way first.
    versions: VecDeque<String>,
    after_version: Option<VersionsCursor>,
    key: Key,
    uploads: VecDeque<String>,
    after_upload: Option<UploadsCursor>,
    counts: LifecycleCounts,
}

/// The key whose versions are gone through.
#[derive(Debug, Default)]
struct Key {
    key: String,
    /// The newest version, if it is a delete marker.
    marker: Option<LifecycleVersion>,
    /// Whether any other version stays.
    has_versions: bool,
    /// Noncurrent versions so far, all newer than what follows.
    noncurrent: u64,
    /// When the last of them was made, or the newest version: what follows is noncurrent since.
    successor_made: Option<Timestamp>,
}

/// What is due.
#[derive(Clone, Debug)]
enum Due {
    Expire(LifecycleVersion),
    RemoveNoncurrent(LifecycleVersion),
    RemoveMarker(LifecycleVersion),
    Abort(LifecycleUpload),
}

impl LifecyclePass {
    /// A pass with the rules of now.
    pub fn new(rules: LifecycleRules) -> LifecyclePass {
        LifecyclePass {
            versions: rules.0.version_prefixes().into(),
            uploads: rules.0.upload_prefixes().into(),
            rules,
            after_version: None,
            key: Key::default(),
            after_upload: None,
            counts: LifecycleCounts::default(),
        }
    }

    /// The rules that it carries out.
    pub fn rules(&self) -> &LifecycleRules {
        &self.rules
    }

    /// What it did so far.
    pub fn counts(&self) -> LifecycleCounts {
        self.counts
    }

    /// Looks at one page, and removes what is due there.
    ///
    /// # Errors
    /// The bucket is gone, or the storage fails.
    pub async fn step(
        &mut self,
        vault: &Vault,
        permit: &LifecyclePermit,
    ) -> Result<Progress, VaultError> {
        let in_force = LifecycleRules::of(vault, permit);
        if !in_force.is_some_and(|in_force| in_force.is(&self.rules)) {
            return Ok(Progress::RulesChanged);
        }
        if let Some(prefix) = self.versions.front().cloned() {
            self.step_versions(vault, permit, &prefix).await?;
        } else if let Some(prefix) = self.uploads.front().cloned() {
            self.step_uploads(vault, permit, &prefix).await?;
        }
        Ok(match self.versions.is_empty() && self.uploads.is_empty() {
            true => Progress::Done,
            false => Progress::More,
        })
    }

    async fn step_versions(
        &mut self,
        vault: &Vault,
        permit: &LifecyclePermit,
        prefix: &str,
    ) -> Result<(), VaultError> {
        let after = self.after_version.take();
        let page = vault
            .lifecycle_versions(permit, prefix, after, PAGE_ENTRIES)
            .await?;
        let now = permit.now();
        let mut due = Vec::new();
        let mut markers = Vec::new();
        for version in page.entries {
            self.counts.looked_at += 1;
            if version.key != self.key.key {
                markers.extend(self.finish_key(now));
                self.key.key.clone_from(&version.key);
            }
            due.extend(self.look_at(version, now)?);
        }
        self.after_version = page.next;
        if self.after_version.is_none() {
            markers.extend(self.finish_key(now));
            self.versions.pop_front();
        }
        let kept = self.carry_out(vault, permit, &due).await?;
        // Without its marker a version that stays would be the object again.
        markers.retain(|marker| !kept.contains(&marker.key));
        self.key.has_versions |= kept.contains(&self.key.key);
        let markers: Vec<Due> = markers.into_iter().map(Due::RemoveMarker).collect();
        self.carry_out(vault, permit, &markers).await?;
        Ok(())
    }

    /// The marker of the key that was gone through, if it is due and nothing stays under it.
    fn finish_key(&mut self, now: Timestamp) -> Option<LifecycleVersion> {
        let key = std::mem::take(&mut self.key);
        let marker = key.marker.filter(|_| !key.has_versions)?;
        let rules = &self.rules.0;
        let is_due = rules.removes_marker(&marker.key, marker.last_modified, now);
        is_due.then_some(marker)
    }

    fn look_at(
        &mut self,
        version: LifecycleVersion,
        now: Timestamp,
    ) -> Result<Option<Due>, VaultError> {
        let rules = &self.rules.0;
        let facts = match rules.look_inside() {
            true => version.filter_facts()?,
            false => FilterFacts::default(),
        };
        let filtered = Filtered {
            key: &version.key,
            bytes: facts.bytes,
            tags: &facts.tags,
        };
        let key = &mut self.key;
        let successor_made = key.successor_made.replace(version.last_modified);
        if version.is_latest && version.is_delete_marker {
            key.marker = Some(version);
            return Ok(None);
        }
        if version.is_latest {
            key.has_versions = true;
            let due = rules.expiration(filtered, version.last_modified);
            let is_due = due.is_some_and(|due| due.at <= now);
            return Ok(is_due.then_some(Due::Expire(version)));
        }
        let newer = key.noncurrent;
        key.noncurrent += 1;
        // Since when it is noncurrent is not known if what is newer came while this pass went by.
        let is_due = successor_made
            .is_some_and(|since| rules.removes_noncurrent(filtered, since, newer, now));
        key.has_versions |= !is_due;
        Ok(is_due.then_some(Due::RemoveNoncurrent(version)))
    }

    async fn step_uploads(
        &mut self,
        vault: &Vault,
        permit: &LifecyclePermit,
        prefix: &str,
    ) -> Result<(), VaultError> {
        let after = self.after_upload.take();
        let page = vault
            .lifecycle_uploads(permit, prefix, after, PAGE_ENTRIES)
            .await?;
        let mut due = Vec::new();
        for upload in page.entries {
            self.counts.looked_at += 1;
            let abort = self.rules.0.abort(&upload.key, upload.initiated);
            if abort.is_some_and(|abort| abort.at <= permit.now()) {
                due.push(Due::Abort(upload));
            }
        }
        self.after_upload = page.next;
        if self.after_upload.is_none() {
            self.uploads.pop_front();
        }
        self.carry_out(vault, permit, &due).await?;
        Ok(())
    }

    /// Removes what is due. Answers the keys of what was changed meanwhile and stays.
    async fn carry_out(
        &mut self,
        vault: &Vault,
        permit: &LifecyclePermit,
        due: &[Due],
    ) -> Result<HashSet<String>, VaultError> {
        let mut kept = HashSet::new();
        for some in due.chunks(AT_ONCE) {
            let removals = join_all(some.iter().map(|due| due.carry_out(vault, permit))).await;
            for (due, removal) in some.iter().zip(removals) {
                match removal? {
                    Removal::Done => *due.counted_in(&mut self.counts) += 1,
                    Removal::ChangedMeanwhile => {
                        self.counts.changed_meanwhile += 1;
                        kept.insert(due.key().to_owned());
                    }
                }
            }
        }
        Ok(kept)
    }
}

impl Due {
    async fn carry_out(
        &self,
        vault: &Vault,
        permit: &LifecyclePermit,
    ) -> Result<Removal, VaultError> {
        match self {
            Due::Expire(version) => vault.expire_current(permit, version).await,
            Due::RemoveNoncurrent(version) => vault.remove_noncurrent(permit, version).await,
            Due::RemoveMarker(marker) => vault.remove_expired_marker(permit, marker).await,
            Due::Abort(upload) => vault.abort_incomplete_upload(permit, upload).await,
        }
    }

    fn key(&self) -> &str {
        match self {
            Due::Expire(version) | Due::RemoveNoncurrent(version) | Due::RemoveMarker(version) => {
                &version.key
            }
            Due::Abort(upload) => &upload.key,
        }
    }

    fn counted_in<'a>(&self, counts: &'a mut LifecycleCounts) -> &'a mut u64 {
        match self {
            Due::Expire(_) => &mut counts.expired,
            Due::RemoveNoncurrent(_) => &mut counts.noncurrent_removed,
            Due::RemoveMarker(_) => &mut counts.markers_removed,
            Due::Abort(_) => &mut counts.uploads_aborted,
        }
    }
}

#[cfg(test)]
mod tests {
    use catalog::BucketName;

    use super::*;
    use crate::testing::{World, root};

    const OWNER: &str = "111122223333";
    /// When the worlds of tests are.
    const THEN: &str = "2026-02-03T04:05:06Z";
    const MUCH_LATER: &str = "2027-01-01T00:00:00Z";

    fn name() -> BucketName {
        BucketName::parse("logs").unwrap()
    }

    async fn permit(world: &World, now: &str) -> LifecyclePermit {
        let now = now.parse().unwrap();
        world.gate.lifecycle(&name(), now).await.unwrap().unwrap()
    }

    async fn done(world: &World, line: &str, body: &'static str) {
        world.send_with(&root(OWNER), line, &[], body).await.ok();
    }

    async fn versioned() -> World {
        let world = World::with_bucket().await;
        versioning(&world, "Enabled").await;
        world
    }

    async fn versioning(world: &World, state: &str) {
        let body =
            format!("<VersioningConfiguration><Status>{state}</Status></VersioningConfiguration>");
        let line = "PUT /logs?versioning";
        world.send_with(&root(OWNER), line, &[], body).await.ok();
    }

    async fn rules(world: &World, actions: &str) {
        let body = format!(
            "<LifecycleConfiguration><Rule><ID>r</ID><Filter/><Status>Enabled</Status>{actions}\
             </Rule></LifecycleConfiguration>"
        );
        let line = "PUT /logs?lifecycle";
        world.send_with(&root(OWNER), line, &[], body).await.ok();
    }

    async fn pass(world: &World, now: &str) -> LifecycleCounts {
        let vault = &world.stores.vault;
        let permit = permit(world, now).await;
        let mut pass = LifecyclePass::new(LifecycleRules::of(vault, &permit).unwrap());
        while pass.step(vault, &permit).await.unwrap() == Progress::More {}
        pass.counts()
    }

    async fn listed(world: &World) -> Vec<LifecycleVersion> {
        let permit = permit(world, THEN).await;
        let vault = &world.stores.vault;
        let page = vault.lifecycle_versions(&permit, "", None, 100).await;
        page.unwrap().entries
    }

    async fn body_of(world: &World) -> String {
        world.send(&root(OWNER), "GET /logs/k").await.ok().text()
    }

    #[tokio::test]
    async fn an_object_that_is_written_again_meanwhile_is_kept() {
        let world = World::with_bucket().await;
        done(&world, "PUT /logs/k", "old").await;
        let due = listed(&world).await.remove(0);
        done(&world, "PUT /logs/k", "new").await;
        let (vault, permit) = (&world.stores.vault, permit(&world, MUCH_LATER).await);
        let removal = vault.expire_current(&permit, &due).await.unwrap();
        assert_eq!(removal, Removal::ChangedMeanwhile);
        assert_eq!(body_of(&world).await, "new");
        let due = listed(&world).await.remove(0);
        let removal = vault.expire_current(&permit, &due).await.unwrap();
        assert_eq!(removal, Removal::Done);
        assert!(listed(&world).await.is_empty());
        let removal = vault.expire_current(&permit, &due).await.unwrap();
        assert_eq!(removal, Removal::ChangedMeanwhile);
    }

    #[tokio::test]
    async fn an_object_that_is_tagged_meanwhile_is_kept() {
        let world = World::with_bucket().await;
        done(&world, "PUT /logs/k", "old").await;
        let due = listed(&world).await.remove(0);
        let tags =
            "<Tagging><TagSet><Tag><Key>keep</Key><Value>yes</Value></Tag></TagSet></Tagging>";
        done(&world, "PUT /logs/k?tagging", tags).await;
        let (vault, permit) = (&world.stores.vault, permit(&world, MUCH_LATER).await);
        let removal = vault.expire_current(&permit, &due).await.unwrap();
        assert_eq!(removal, Removal::ChangedMeanwhile);
    }

    #[tokio::test]
    async fn a_version_that_became_the_newest_meanwhile_is_kept() {
        let world = versioned().await;
        done(&world, "PUT /logs/k", "old").await;
        let deleted = world.send(&root(OWNER), "DELETE /logs/k").await.ok();
        let marker = deleted.header("x-amz-version-id").to_owned();
        let due = listed(&world).await.remove(1);
        done(&world, &format!("DELETE /logs/k?versionId={marker}"), "").await;
        let (vault, permit) = (&world.stores.vault, permit(&world, MUCH_LATER).await);
        let removal = vault.remove_noncurrent(&permit, &due).await.unwrap();
        assert_eq!(removal, Removal::ChangedMeanwhile);
        assert_eq!(body_of(&world).await, "old");
    }

    #[tokio::test]
    async fn a_null_marker_that_an_object_replaced_meanwhile_does_not_take_it_along() {
        let world = versioned().await;
        versioning(&world, "Suspended").await;
        done(&world, "DELETE /logs/k", "").await;
        let marker = listed(&world).await.remove(0);
        assert!(marker.is_delete_marker);
        done(&world, "PUT /logs/k", "new").await;
        let (vault, permit) = (&world.stores.vault, permit(&world, MUCH_LATER).await);
        let removal = vault.remove_expired_marker(&permit, &marker).await.unwrap();
        assert_eq!(removal, Removal::ChangedMeanwhile);
        assert_eq!(body_of(&world).await, "new");
    }

    #[tokio::test]
    async fn a_marker_goes_with_the_last_version_under_it() {
        let world = versioned().await;
        rules(
            &world,
            "<Expiration><Days>1</Days></Expiration><NoncurrentVersionExpiration>\
             <NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>",
        )
        .await;
        for body in ["one", "two"] {
            done(&world, "PUT /logs/k", body).await;
        }
        done(&world, "DELETE /logs/k", "").await;
        assert_eq!(pass(&world, "2026-02-04T23:59:59Z").await.looked_at, 3);
        assert_eq!(listed(&world).await.len(), 3);
        let counts = pass(&world, "2026-02-05T00:00:00Z").await;
        assert_eq!((counts.noncurrent_removed, counts.markers_removed), (2, 1));
        assert!(listed(&world).await.is_empty());
    }

    #[tokio::test]
    async fn a_pass_looks_only_under_the_prefixes_of_its_rules() {
        let world = World::with_bucket().await;
        for key in ["a/1", "a/2", "b/1", "c"] {
            done(&world, &format!("PUT /logs/{key}"), "x").await;
        }
        let body = "<LifecycleConfiguration><Rule><Filter><Prefix>a/</Prefix></Filter><Status>\
                    Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>\
                    <Rule><Filter><Prefix>c</Prefix></Filter><Status>Disabled</Status>\
                    <Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>";
        done(&world, "PUT /logs?lifecycle", body).await;
        let counts = pass(&world, MUCH_LATER).await;
        assert_eq!((counts.looked_at, counts.expired), (2, 2));
    }

    #[tokio::test]
    async fn a_pass_ends_when_its_rules_are_replaced_and_not_when_others_are() {
        let world = World::with_bucket().await;
        rules(&world, "<Expiration><Days>1</Days></Expiration>").await;
        let vault = &world.stores.vault;
        let permit = permit(&world, MUCH_LATER).await;
        let in_force = LifecycleRules::of(vault, &permit).unwrap();
        versioning(&world, "Enabled").await;
        assert!(LifecycleRules::of(vault, &permit).unwrap().is(&in_force));
        rules(&world, "<Expiration><Days>2</Days></Expiration>").await;
        let mut pass = LifecyclePass::new(in_force);
        let progress = pass.step(vault, &permit).await.unwrap();
        assert_eq!(progress, Progress::RulesChanged);
    }

    #[tokio::test]
    async fn a_permit_of_a_bucket_that_was_made_again_opens_nothing() {
        let world = World::with_bucket().await;
        let old = permit(&world, MUCH_LATER).await;
        done(&world, "DELETE /logs", "").await;
        done(&world, "PUT /logs", "").await;
        done(&world, "PUT /logs/k", "new").await;
        let due = listed(&world).await.remove(0);
        let vault = &world.stores.vault;
        let refused = vault.expire_current(&old, &due).await.unwrap_err();
        assert!(matches!(refused, VaultError::NoSuchBucket(_)));
        assert_eq!(body_of(&world).await, "new");
    }

    #[tokio::test]
    async fn a_permit_of_one_bucket_ends_no_upload_of_another() {
        let world = World::with_bucket().await;
        done(&world, "PUT /other", "").await;
        done(&world, "POST /logs/k?uploads", "").await;
        let (vault, here) = (&world.stores.vault, permit(&world, MUCH_LATER).await);
        let other = catalog::BucketName::parse("other").unwrap();
        let there = world.gate.lifecycle(&other, MUCH_LATER.parse().unwrap());
        let there = there.await.unwrap().unwrap();
        let page = vault.lifecycle_uploads(&here, "", None, 9).await.unwrap();
        let upload = &page.entries[0];
        let refused = vault.abort_incomplete_upload(&there, upload).await;
        assert!(matches!(refused, Err(VaultError::NothingJudged)));
        let removal = vault.abort_incomplete_upload(&here, upload).await;
        assert_eq!(removal.unwrap(), Removal::Done);
    }
}
