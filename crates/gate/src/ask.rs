//! Questions as types.
use std::future::Future;

use catalog::{AccountId, Action};
use policy::{ContextValue, Policy};
use std::sync::Arc;

use crate::judge::Judge;
use crate::permit::{OpenPermit, Permit};
use crate::refusal::Refusal;

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// "May the caller do `A` to this resource?", not yet answered.
#[derive(Debug)]
pub struct Ask<A: Action> {
    pub(crate) resource: A::Resource,
    pub(crate) details: Details,
}

/// What a question brings besides its resource.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details {
    pub(crate) context: Vec<(String, Value)>,
    pub(crate) expected_owner: Option<AccountId>,
    pub(crate) writes_public_acl: bool,
    pub(crate) writes_policy: Option<Arc<Policy>>,
    pub(crate) with_object_facts: bool,
    pub(crate) without_object_tags: bool,
    pub(crate) refuses_anonymous: Option<&'static str>,
    pub(crate) of_object_to_be: bool,
}

/// A value in the request context.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    One(String),
    Many(Vec<String>),
}

impl From<ContextValue> for Value {
    fn from(value: ContextValue) -> Value {
        match value {
            ContextValue::One(text) => Value::One(text),
            ContextValue::Many(texts) => Value::Many(texts),
        }
    }
}

impl<A: Action> Ask<A> {
    /// Asks for `resource`.
    pub fn on(resource: A::Resource) -> Ask<A> {
        Ask {
            resource,
            details: Details::default(),
        }
    }
    /// Adds a single-valued condition key, such as `s3:prefix`.
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Ask<A> {
        debug_assert!(Self::can_have(key), "{} has no key {key}", A::NAME);
        self.details
            .context
            .push((key.to_lowercase(), Value::One(value.into())));
        self
    }
    /// Adds a condition key if the request has a value for it.
    pub fn with_some(self, key: &str, value: Option<impl Into<String>>) -> Ask<A> {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }
    /// Adds a multivalued condition key, such as `aws:TagKeys`.
    pub fn with_many(mut self, key: &str, values: Vec<String>) -> Ask<A> {
        debug_assert!(Self::can_have(key), "{} has no key {key}", A::NAME);
        self.details
            .context
            .push((key.to_lowercase(), Value::Many(values)));
        self
    }
    /// A key that AWS does not list for the action would decide conditions there that find it absent
    /// on AWS. Of S3 there is a table that knows.
    fn can_have(key: &str) -> bool {
        let is_of_s3 = A::NAME.starts_with("s3:") && key.starts_with("s3:");
        !is_of_s3 || policy::s3_action_has_key(A::NAME, key)
    }
    /// `x-amz-expected-bucket-owner`: another owner refuses the call (spec S-11).
    pub fn expecting_owner(mut self, owner: Option<AccountId>) -> Ask<A> {
        self.details.expected_owner = owner;
        self
    }
    /// The call writes an ACL that is public (spec S-9, BlockPublicAcls).
    pub fn writing_public_acl(mut self, public: bool) -> Ask<A> {
        self.details.writes_public_acl = public;
        self
    }
    /// The object is the one that this very request writes, not the one that it replaces.
    ///
    /// What a caller uploads into the bucket of another account is its own to give away (spec
    /// S-8), so for the ACL that comes with the upload the caller's identity policies decide, and
    /// the bucket policy can only deny. AWS's walkthrough "Bucket owner granting cross-account
    /// permission to objects it does not own" relies on it: its bucket policy allows
    /// `s3:PutObject` alone, and the upload carries a grant. Where ownership is enforced no ACL is
    /// stored, so nothing is given away either.
    pub fn of_object_to_be(mut self) -> Ask<A> {
        self.details.of_object_to_be = true;
        self
    }
    /// The call writes this bucket policy (spec S-9, BlockPublicPolicy).
    pub fn writing_policy(mut self, policy: Arc<Policy>) -> Ask<A> {
        self.details.writes_policy = Some(policy);
        self
    }
    /// Callers without credentials are refused with this text before policies are looked at, once
    /// the bucket is known to exist (spec: sigv4 section 11).
    pub fn refusing_anonymous(mut self, text: &'static str) -> Ask<A> {
        self.details.refuses_anonymous = Some(text);
        self
    }
    /// `s3:ExistingObjectTag/KEY` is absent: so for the source of CopyObject (spec S-4).
    pub fn without_object_tags(mut self) -> Ask<A> {
        self.details.without_object_tags = true;
        self
    }
    /// The permit shall pin the object's facts even if the decision does not need them.
    pub fn with_object_facts(mut self) -> Ask<A> {
        self.details.with_object_facts = true;
        self
    }
}

/// An ask whose "no" does not refuse the call: it only tells the operation what it may reveal.
/// It is answered when the operation wants to know, not before.
#[derive(Debug)]
pub struct Probe<A: Action>(pub Ask<A>);

/// A [`Probe`] of an admitted call.
#[derive(Debug)]
pub struct Probed<A: Action> {
    ask: Ask<A>,
    judge: Judge,
}

impl<A: Action> Probed<A> {
    /// Asks now.
    pub async fn answer(self) -> Result<Permit<A>, Refusal> {
        self.judge.answer_probe(self.ask).await
    }
}

/// Asks that are answered one by one: a "no" refuses that item only (DeleteObjects).
#[derive(Debug)]
pub struct Each<S>(pub Vec<S>);

/// Needs no permission, yet an explicit deny refuses it (GetSessionToken).
#[derive(Debug)]
pub struct NotDenied<A: Action>(pub Ask<A>);

/// Why an operation asks nothing. The list only shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenReason {
    /// AWS: no permissions are required, an explicit deny has no effect.
    GetCallerIdentity,
}

/// Asks nothing, for a reason that is in the list.
#[derive(Clone, Copy, Debug)]
pub struct Open(pub OpenReason);

/// What an operation needs allowed before it runs.
pub trait AskSet: sealed::Sealed + Sized + Send {
    /// What a yes leaves behind.
    type Permits: Send;
    /// Asks.
    fn admit(self, judge: &Judge) -> impl Future<Output = Result<Self::Permits, Refusal>> + Send;
}

/// Ask sets that refuse the call when the answer is no; an operation must have one.
pub trait Binding: AskSet {}

impl<A: Action> sealed::Sealed for Ask<A> {}
impl<A: Action> AskSet for Ask<A> {
    type Permits = Permit<A>;
    async fn admit(self, judge: &Judge) -> Result<Permit<A>, Refusal> {
        judge.answer(self).await
    }
}
impl<A: Action> Binding for Ask<A> {}

impl<A: Action> sealed::Sealed for NotDenied<A> {}
impl<A: Action> AskSet for NotDenied<A> {
    type Permits = Permit<A>;
    async fn admit(self, judge: &Judge) -> Result<Permit<A>, Refusal> {
        judge.answer_unless_denied(self.0).await
    }
}
impl<A: Action> Binding for NotDenied<A> {}

impl sealed::Sealed for Open {}
impl AskSet for Open {
    type Permits = OpenPermit;
    async fn admit(self, judge: &Judge) -> Result<OpenPermit, Refusal> {
        Ok(judge.open(self.0))
    }
}
impl Binding for Open {}

impl<A: Action> sealed::Sealed for Probe<A> {}
impl<A: Action> AskSet for Probe<A> {
    type Permits = Probed<A>;
    async fn admit(self, judge: &Judge) -> Result<Probed<A>, Refusal> {
        Ok(Probed {
            ask: self.0,
            judge: judge.clone(),
        })
    }
}

impl<S: AskSet> sealed::Sealed for Option<S> {}
impl<S: AskSet> AskSet for Option<S> {
    type Permits = Option<S::Permits>;
    async fn admit(self, judge: &Judge) -> Result<Self::Permits, Refusal> {
        match self {
            Some(set) => Ok(Some(set.admit(judge).await?)),
            None => Ok(None),
        }
    }
}

impl<S: AskSet> sealed::Sealed for Each<S> {}
impl<S: AskSet> AskSet for Each<S> {
    type Permits = Vec<Result<S::Permits, Refusal>>;
    async fn admit(self, judge: &Judge) -> Result<Self::Permits, Refusal> {
        let mut permits = Vec::with_capacity(self.0.len());
        for set in self.0 {
            permits.push(set.admit(judge).await);
        }
        Ok(permits)
    }
}
impl<S: Binding> Binding for Each<S> {}

impl<S: AskSet, T: AskSet> sealed::Sealed for (S, T) {}
impl<S: AskSet, T: AskSet> AskSet for (S, T) {
    type Permits = (S::Permits, T::Permits);
    async fn admit(self, judge: &Judge) -> Result<Self::Permits, Refusal> {
        Ok((self.0.admit(judge).await?, self.1.admit(judge).await?))
    }
}
impl<S: Binding, T: AskSet> Binding for (S, T) {}

impl<S: AskSet, T: AskSet, U: AskSet> sealed::Sealed for (S, T, U) {}
impl<S: AskSet, T: AskSet, U: AskSet> AskSet for (S, T, U) {
    type Permits = (S::Permits, T::Permits, U::Permits);
    async fn admit(self, judge: &Judge) -> Result<Self::Permits, Refusal> {
        Ok((
            self.0.admit(judge).await?,
            self.1.admit(judge).await?,
            self.2.admit(judge).await?,
        ))
    }
}
impl<S: Binding, T: AskSet, U: AskSet> Binding for (S, T, U) {}

/// Either way binding: an operation that asks one of two things (GetObject or GetObjectVersion).
#[derive(Debug)]
pub enum Either<S, T> {
    /// The first.
    Left(S),
    /// The second.
    Right(T),
}
impl<S: AskSet, T: AskSet> sealed::Sealed for Either<S, T> {}
impl<S: AskSet, T: AskSet> AskSet for Either<S, T> {
    type Permits = Either<S::Permits, T::Permits>;
    async fn admit(self, judge: &Judge) -> Result<Self::Permits, Refusal> {
        match self {
            Either::Left(set) => Ok(Either::Left(set.admit(judge).await?)),
            Either::Right(set) => Ok(Either::Right(set.admit(judge).await?)),
        }
    }
}
impl<S: Binding, T: Binding> Binding for Either<S, T> {}
