//! What the gate adds to a decision: from an ask to a permit, over stores that answer at once.
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use catalog::{AccountId, BucketName, CanonicalUserId, IamEntity, Object, ObjectKey, s3};
use gate::{
    Ask, AskSet, AuthType, BoxFuture, BucketFacts, EntityFacts, FactsError, Gate, Identity,
    IdentityFacts, Initiator, Judge, ObjectFacts, RequestFacts, RoleFacts, S3Facts,
};
use policy::{BlockPublicAccess, ObjectOwnership};

use crate::table::{Goal, Row, Table};
use crate::worlds::{self, World};
use crate::{Bench, allocations};

/// One bucket, known to be there.
struct Stores(Arc<BucketFacts>);

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, FactsError>> {
    Box::pin(std::future::ready(Ok(value)))
}

impl S3Facts for Stores {
    fn bucket<'a>(
        &'a self,
        _: &'a BucketName,
    ) -> BoxFuture<'a, Result<Option<Arc<BucketFacts>>, FactsError>> {
        ready(Some(self.0.clone()))
    }
    fn object<'a>(
        &'a self,
        _: &'a BucketFacts,
        _: &'a Object,
    ) -> BoxFuture<'a, Result<Option<ObjectFacts>, FactsError>> {
        ready(None)
    }
    fn upload_initiator<'a>(
        &'a self,
        _: &'a BucketFacts,
        _: &'a Object,
    ) -> BoxFuture<'a, Result<Option<Initiator>, FactsError>> {
        ready(None)
    }
    fn account_public_access_block(
        &self,
        _: AccountId,
    ) -> BoxFuture<'_, Result<BlockPublicAccess, FactsError>> {
        ready(BlockPublicAccess::default())
    }
}

impl IdentityFacts for Stores {
    fn role<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Arc<RoleFacts>>, FactsError>> {
        ready(None)
    }
    fn entity<'a>(
        &'a self,
        _: &'a IamEntity,
    ) -> BoxFuture<'a, Result<Option<EntityFacts>, FactsError>> {
        ready(None)
    }
}

/// Runs what never waits.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("these stores answer at once"),
    }
}

fn gate(world: &World, ours: &worlds::Ours) -> Gate {
    let name = BucketName::parse(&world.asked.bucket).expect("a bucket name");
    let stores = Arc::new(Stores(Arc::new(BucketFacts {
        id: "1".to_owned(),
        name,
        owner: AccountId::parse(worlds::OWNER).expect("an account"),
        owner_canonical_id: CanonicalUserId::parse(&"a".repeat(64)).expect("an id"),
        policy: ours.bucket.clone(),
        ownership: ObjectOwnership::BucketOwnerEnforced,
        acl: Vec::new(),
        block_public_access: BlockPublicAccess::default(),
        requester_pays: false,
    })));
    Gate::new(stores.clone(), stores)
}

fn judge(world: &World, ours: &worlds::Ours) -> Judge {
    let identity = Identity {
        caller: world.asker.caller(),
        access_key_id: Some("AKIAIOSFODNN7EXAMPLE".to_owned()),
        policies: ours.policies.clone().into(),
        boundary: None,
        session: None,
    };
    let request = request_facts(&world.asked);
    gate(world, ours).danger_judge_unverified(identity, request)
}

pub fn request_facts(asked: &worlds::Asked) -> RequestFacts {
    RequestFacts {
        now: jiff::Timestamp::UNIX_EPOCH,
        source_ip: asked.ip.parse().ok(),
        secure_transport: asked.secure,
        user_agent: Some(asked.agent.to_owned()),
        referer: None,
        region: "us-east-1".to_owned(),
        auth_type: AuthType::Header,
        signature_age_ms: None,
        content_sha256: Some("UNSIGNED-PAYLOAD".to_owned()),
        requester_pays: false,
        request_id: "1".to_owned(),
    }
}

fn ask(world: &World) -> Ask<s3::GetObject> {
    let bucket = BucketName::parse(&world.asked.bucket).expect("a bucket name");
    let key = world.asked.key.as_deref().unwrap_or_default();
    let key = ObjectKey::parse(key).expect("a key");
    Ask::on(Object::current(bucket, key))
}

pub fn measure(bench: &mut Bench, table: &mut Table) {
    for (name, title, world) in [
        ("gate-same", "one account", worlds::same_account()),
        ("gate-cross", "two accounts", worlds::cross_account()),
    ] {
        let ours = world.ours();
        let prepare = || (judge(&world, &ours), ask(&world));
        let admit = |(judge, ask): (Judge, Ask<s3::GetObject>)| {
            let permit = at_once(ask.admit(&judge)).expect("it is allowed");
            (judge, permit)
        };
        table.add(Row {
            work: format!("gate, from ask to permit: {title}"),
            ours_ns: bench.median_prepared(name, prepare, admit),
            cedar_ns: None,
            allocations: Some(allocations::of(prepare(), admit)),
            goal: Goal::default(),
        });
    }
}
