//! Permits: proofs of a yes.
use std::sync::Arc;

use catalog::Action;
use jiff::Timestamp;

use crate::facts::{BucketFacts, ObjectFacts};
use crate::identity::Identity;
use crate::judge::RequestFacts;

/// Proof that the policy engine answered yes. Only this crate can make one.
#[derive(Debug)]
#[must_use = "a permit that is not used means that something was authorized for nothing"]
pub struct Permit<A: Action> {
    pub(crate) resource: A::Resource,
    pub(crate) pinned: Pinned,
}

/// What was judged, so that what is used is what was judged.
#[derive(Clone, Debug)]
pub(crate) struct Pinned {
    pub(crate) identity: Arc<Identity>,
    pub(crate) request: Arc<RequestFacts>,
    pub(crate) bucket: Option<Arc<BucketFacts>>,
    pub(crate) object: Option<ObjectFacts>,
}

impl<A: Action> Permit<A> {
    /// What the permit is for: the store opens this and nothing else.
    pub fn resource(&self) -> &A::Resource {
        &self.resource
    }
    /// Who was allowed.
    pub fn identity(&self) -> &Identity {
        &self.pinned.identity
    }
    /// The request that was judged: its time is the time of what is done with the permit.
    pub fn request(&self) -> &RequestFacts {
        &self.pinned.request
    }
    /// The bucket that was judged; `None` where no existing bucket is concerned.
    pub fn bucket(&self) -> Option<&Arc<BucketFacts>> {
        self.pinned.bucket.as_ref()
    }
    /// The object that was judged, where the decision looked at it.
    pub fn object(&self) -> Option<&ObjectFacts> {
        self.pinned.object.as_ref()
    }
}

/// Proof that an operation is one that AWS leaves open to every verified caller.
#[derive(Debug)]
pub struct OpenPermit {
    pub(crate) identity: Arc<Identity>,
}

impl OpenPermit {
    /// Who calls.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// Permit to carry out the lifecycle configuration of one bucket. AWS: lifecycle acts for the
/// bucket's owner, whose bucket policy cannot stop it.
#[derive(Debug)]
pub struct LifecyclePermit {
    pub(crate) bucket: Arc<BucketFacts>,
    pub(crate) now: Timestamp,
}

impl LifecyclePermit {
    /// The bucket: nothing is opened in another, nor in another incarnation of it.
    pub fn bucket(&self) -> &Arc<BucketFacts> {
        &self.bucket
    }
    /// The time that the rules are compared with, and of what is done.
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

/// What the server does on its own account, not for a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemTask {
    /// The operator creates, lists, shows or closes accounts through the admin port.
    AdministerAccounts,
    /// The development mode makes its accounts, users and keys.
    SetUpDevelopment,
    /// The server looks which buckets have lifecycle rules.
    CarryOutLifecycle,
    /// The operator asks why a request was refused, or what a principal can do.
    ExplainDecisions,
}

/// Permit for a task of the server itself. Only the gate makes one.
#[derive(Debug)]
pub struct System {
    pub(crate) task: SystemTask,
}

impl System {
    /// The task.
    pub fn task(&self) -> SystemTask {
        self.task
    }
}
