//! An identity is believed only together with the proof that its own key signed.
#![expect(clippy::unwrap_used, reason = "tests")]
use std::sync::Arc;

use catalog::{AccountId, BucketName, IamEntity, Object};
use gate::{
    AuthType, BoxFuture, BucketFacts, EntityFacts, FactsError, Gate, Identity, IdentityFacts,
    Initiator, ObjectFacts, Proof, RequestFacts, RoleFacts, S3Facts,
};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use policy::{BlockPublicAccess, Caller, CallerKind};
use wire::request::Request;
use wire::sign::Signer;
use wire::sigv4::{self, Body, Endpoint, Regions, Secret};

/// A world in which nothing is.
struct Nothing;

impl S3Facts for Nothing {
    fn bucket<'a>(
        &'a self,
        _: &'a BucketName,
    ) -> BoxFuture<'a, Result<Option<Arc<BucketFacts>>, FactsError>> {
        Box::pin(async { Ok(None) })
    }
    fn object<'a>(
        &'a self,
        _: &'a BucketFacts,
        _: &'a Object,
    ) -> BoxFuture<'a, Result<Option<ObjectFacts>, FactsError>> {
        Box::pin(async { Ok(None) })
    }
    fn upload_initiator<'a>(
        &'a self,
        _: &'a BucketFacts,
        _: &'a Object,
    ) -> BoxFuture<'a, Result<Option<Initiator>, FactsError>> {
        Box::pin(async { Ok(None) })
    }
    fn account_public_access_block(
        &self,
        _: AccountId,
    ) -> BoxFuture<'_, Result<BlockPublicAccess, FactsError>> {
        Box::pin(async { Ok(BlockPublicAccess::default()) })
    }
}

impl IdentityFacts for Nothing {
    fn role<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Arc<RoleFacts>>, FactsError>> {
        Box::pin(async { Ok(None) })
    }
    fn entity<'a>(
        &'a self,
        _: &'a IamEntity,
    ) -> BoxFuture<'a, Result<Option<EntityFacts>, FactsError>> {
        Box::pin(async { Ok(None) })
    }
}

const SIGNED_BY: &str = "AKIAIOSFODNN7EXAMPLE";

fn proof() -> Proof {
    let now = Timestamp::from_second(1_767_323_045).unwrap();
    let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("localhost"));
    let signer = Signer {
        access_key_id: SIGNED_BY,
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "s3",
    };
    signer.sign_headers("GET", "/k", "", &mut headers, "UNSIGNED-PAYLOAD", now);
    let request = Request {
        method: "GET",
        path: "/k",
        query: "",
        headers: &headers,
    };
    let presented = sigv4::parse(&request, &Endpoint::s3(Regions::Any), now)
        .unwrap()
        .unwrap();
    let key = secret.signing_key(presented.scope());
    let verified = presented.verify(&request, &key, Body::AsDeclared).unwrap();
    Proof::Signed {
        verified: Box::new(verified),
    }
}

fn root_with_key(access_key_id: Option<&str>) -> Identity {
    let account = AccountId::parse("111122223333").unwrap();
    Identity {
        caller: Caller {
            kind: CallerKind::Root,
            account: Some(account),
            arn: account.root_arn(),
            ..Caller::anonymous()
        },
        access_key_id: access_key_id.map(str::to_owned),
        policies: Arc::default(),
        boundary: None,
        session: None,
    }
}

fn judged(proof: &Proof, identity: Identity) -> CallerKind {
    let request = RequestFacts {
        now: Timestamp::UNIX_EPOCH,
        source_ip: None,
        secure_transport: false,
        user_agent: None,
        referer: None,
        region: "us-east-1".to_owned(),
        auth_type: AuthType::Header,
        signature_age_ms: None,
        content_sha256: None,
        requester_pays: false,
        request_id: "1".to_owned(),
    };
    let gate = Gate::new(Arc::new(Nothing), Arc::new(Nothing));
    gate.judge(proof, identity, request)
        .identity()
        .caller
        .kind
        .clone()
}

#[test]
fn an_identity_counts_with_the_proof_of_its_own_key() {
    assert_eq!(
        judged(&proof(), root_with_key(Some(SIGNED_BY))),
        CallerKind::Root
    );
}

#[test]
fn an_identity_of_another_key_or_of_none_is_anonymous() {
    assert_eq!(
        judged(&proof(), root_with_key(Some("AKIAANOTHERKEY"))),
        CallerKind::Anonymous
    );
    assert_eq!(judged(&proof(), root_with_key(None)), CallerKind::Anonymous);
}

#[test]
fn an_identity_without_a_proof_is_anonymous() {
    let identity = root_with_key(Some(SIGNED_BY));
    assert_eq!(judged(&Proof::Anonymous, identity), CallerKind::Anonymous);
}
