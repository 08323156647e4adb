//! Every bucket operation against every kind of caller: who is refused, and with what. And what
//! many callers at once, or callers that go away, leave behind.
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{ALICE, As, BOB, World, unique_id};

/// What an operation does for a caller of another account whom both sides allow.
#[derive(Clone, Copy, PartialEq)]
enum Across {
    /// Serves it, or says what is missing.
    Serves(&'static str),
    /// Belongs to the owner's account alone (spec S-2).
    OwnerAlone,
}

struct Case {
    /// `METHOD ?query`
    request: (&'static str, &'static str),
    body: &'static str,
    headers: &'static [(&'static str, &'static str)],
    action: &'static str,
    across: Across,
}

const fn case(
    request: (&'static str, &'static str),
    action: &'static str,
    answer: &'static str,
) -> Case {
    Case {
        request,
        body: "",
        headers: &[],
        action,
        across: Across::Serves(answer),
    }
}

const BLOCK: &str = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
                     </PublicAccessBlockConfiguration>";
const CONTROLS: &str = "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership>\
                        </Rule></OwnershipControls>";
const LIFECYCLE: &str = "<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status><Expiration>\
                         <Days>1</Days></Expiration></Rule></LifecycleConfiguration>";
const CORS: &str = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*\
                    </AllowedOrigin></CORSRule></CORSConfiguration>";
const ENCRYPTION: &str = "<ServerSideEncryptionConfiguration><Rule><BucketKeyEnabled>true</BucketKeyEnabled>\
                          </Rule></ServerSideEncryptionConfiguration>";
const TAGS: &str =
    "<Tagging><TagSet><Tag><Key>team</Key><Value>red</Value></Tag></TagSet></Tagging>";

fn cases() -> Vec<Case> {
    let with_body = |case: Case, body| Case { body, ..case };
    let owner_alone = |case: Case| Case {
        across: Across::OwnerAlone,
        ..case
    };
    vec![
        case(("HEAD", ""), "s3:ListBucket", "200"),
        case(("GET", "?location"), "s3:GetBucketLocation", "200"),
        case(("GET", "?versioning"), "s3:GetBucketVersioning", "200"),
        case(
            ("GET", "?encryption"),
            "s3:GetEncryptionConfiguration",
            "200",
        ),
        with_body(
            case(
                ("PUT", "?encryption"),
                "s3:PutEncryptionConfiguration",
                "200",
            ),
            ENCRYPTION,
        ),
        case(
            ("DELETE", "?encryption"),
            "s3:PutEncryptionConfiguration",
            "204",
        ),
        case(
            ("GET", "?requestPayment"),
            "s3:GetBucketRequestPayment",
            "200",
        ),
        with_body(
            case(
                ("PUT", "?requestPayment"),
                "s3:PutBucketRequestPayment",
                "200",
            ),
            "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
        ),
        case(("GET", "?acl"), "s3:GetBucketAcl", "200"),
        Case {
            headers: &[("x-amz-acl", "private")],
            ..case(
                ("PUT", "?acl"),
                "s3:PutBucketAcl",
                "400 AccessControlListNotSupported",
            )
        },
        owner_alone(case(("GET", "?policy"), "s3:GetBucketPolicy", "")),
        owner_alone(with_body(
            case(("PUT", "?policy"), "s3:PutBucketPolicy", ""),
            "{}",
        )),
        owner_alone(case(("DELETE", "?policy"), "s3:DeleteBucketPolicy", "")),
        case(("GET", "?policyStatus"), "s3:GetBucketPolicyStatus", "200"),
        case(
            ("GET", "?publicAccessBlock"),
            "s3:GetBucketPublicAccessBlock",
            "200",
        ),
        with_body(
            case(
                ("PUT", "?publicAccessBlock"),
                "s3:PutBucketPublicAccessBlock",
                "200",
            ),
            BLOCK,
        ),
        case(
            ("DELETE", "?publicAccessBlock"),
            "s3:PutBucketPublicAccessBlock",
            "204",
        ),
        case(
            ("GET", "?ownershipControls"),
            "s3:GetBucketOwnershipControls",
            "200",
        ),
        with_body(
            case(
                ("PUT", "?ownershipControls"),
                "s3:PutBucketOwnershipControls",
                "200",
            ),
            CONTROLS,
        ),
        case(
            ("DELETE", "?ownershipControls"),
            "s3:PutBucketOwnershipControls",
            "204",
        ),
        case(
            ("GET", "?lifecycle"),
            "s3:GetLifecycleConfiguration",
            "404 NoSuchLifecycleConfiguration",
        ),
        with_body(
            case(("PUT", "?lifecycle"), "s3:PutLifecycleConfiguration", "200"),
            LIFECYCLE,
        ),
        case(
            ("DELETE", "?lifecycle"),
            "s3:PutLifecycleConfiguration",
            "204",
        ),
        case(
            ("GET", "?cors"),
            "s3:GetBucketCORS",
            "404 NoSuchCORSConfiguration",
        ),
        with_body(case(("PUT", "?cors"), "s3:PutBucketCORS", "200"), CORS),
        case(("DELETE", "?cors"), "s3:PutBucketCORS", "204"),
        case(
            ("GET", "?tagging"),
            "s3:GetBucketTagging",
            "404 NoSuchTagSet",
        ),
        with_body(
            case(("PUT", "?tagging"), "s3:PutBucketTagging", "204"),
            TAGS,
        ),
        case(("DELETE", "?tagging"), "s3:PutBucketTagging", "204"),
        case(("DELETE", ""), "s3:DeleteBucket", "204"),
    ]
}

async fn outcome(
    world: &World,
    case: &Case,
    who: &As,
    bucket: &str,
    extra: &[(&str, &str)],
) -> String {
    let (method, query) = case.request;
    let headers: Vec<_> = case.headers.iter().chain(extra).copied().collect();
    let request = format!("{method} /{bucket}{query}");
    world
        .send(who, &request, &headers, case.body)
        .await
        .outcome()
}

/// Bob's user Ben, whose own policy allows everything.
const BEN: As = As::User(BOB, "ben", &["s3:*"]);
const OWNER: As = As::Root(ALICE);

#[tokio::test]
async fn without_a_bucket_policy_other_accounts_are_refused() {
    let world = World::new().await.with_bucket("logs").await;
    for case in cases() {
        let request = case.request;
        for who in [&BEN, &As::Root(BOB), &As::Anonymous] {
            let got = outcome(&world, &case, who, "logs", &[]).await;
            assert_eq!(got, "403 AccessDenied", "{request:?} by {who:?}");
        }
        let insider = As::User(ALICE, "eve", &[]);
        let got = outcome(&world, &case, &insider, "logs", &[]).await;
        assert_eq!(got, "403 AccessDenied", "{request:?} without policies");
        let got = outcome(&world, &case, &BEN, "no-such-bucket", &[]).await;
        assert_eq!(got, "404 NoSuchBucket", "{request:?}");
        let got = outcome(&world, &case, &As::Anonymous, "no-such-bucket", &[]).await;
        assert_eq!(got, "404 NoSuchBucket", "{request:?}");
        let expecting = |owner| [("x-amz-expected-bucket-owner", owner)];
        let got = outcome(&world, &case, &OWNER, "logs", &expecting(BOB)).await;
        assert_eq!(
            got, "403 AccessDenied",
            "{request:?} expecting another owner"
        );
        let got = outcome(&world, &case, &OWNER, "logs", &expecting("0000")).await;
        assert_eq!(got, "400 InvalidBucketOwnerAWSAccountID", "{request:?}");
    }
    assert_eq!(world.outcome(&OWNER, "HEAD /logs").await, "200");
}

#[tokio::test]
async fn both_accounts_must_allow_and_any_deny_refuses() {
    let world = World::new().await.with_bucket("logs").await;
    for user in ["ben", "bea"] {
        let arn = format!("arn:aws:iam::{BOB}:user/{user}");
        world.principals().add(&arn, &unique_id(user));
    }
    for case in cases() {
        let request = case.request;
        let policy = |effect: &str| {
            json!({
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": { "AWS": [
                            "arn:aws:iam::222222222222:user/ben",
                            "arn:aws:iam::222222222222:user/bea",
                        ] },
                        "Action": case.action,
                        "Resource": "arn:aws:s3:::logs",
                    },
                    {
                        "Effect": effect,
                        "Principal": { "AWS": BOB },
                        "Action": case.action,
                        "Resource": "arn:aws:s3:::logs",
                    },
                ],
            })
        };
        let set = world.set_policy("logs", policy("Deny")).await;
        assert_eq!(set.outcome(), "204", "{}", set.body);
        let got = outcome(&world, &case, &BEN, "logs", &[]).await;
        assert_eq!(got, "403 AccessDenied", "{request:?} denied");
        assert_eq!(
            world.set_policy("logs", policy("Allow")).await.outcome(),
            "204"
        );
        let without_own = As::User(BOB, "bea", &[]);
        let got = outcome(&world, &case, &without_own, "logs", &[]).await;
        assert_eq!(
            got, "403 AccessDenied",
            "{request:?} with the owner's side alone"
        );
        let wanted = match case.across {
            Across::Serves(answer) => answer,
            Across::OwnerAlone => "405 MethodNotAllowed",
        };
        let got = outcome(&world, &case, &BEN, "logs", &[]).await;
        assert_eq!(got, wanted, "{request:?} allowed by both");
    }
}

#[tokio::test]
async fn the_owners_own_principals_need_one_allow() {
    let world = World::new().await.with_bucket("logs").await;
    for case in cases() {
        let request = case.request;
        let other_action = As::User(ALICE, "eve", &["s3:GetObject"]);
        let got = outcome(&world, &case, &other_action, "logs", &[]).await;
        assert_eq!(got, "403 AccessDenied", "{request:?}");
        let all = As::User(ALICE, "ann", &["s3:*"]);
        let got = outcome(&world, &case, &all, "logs", &[]).await;
        assert_ne!(got, "403 AccessDenied", "{request:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_at_the_same_time_do_not_undo_each_other() {
    let mut world = World::new().await.with_bucket("logs").await;
    for _ in 0..8 {
        let set = [
            ("PUT /logs?lifecycle", LIFECYCLE),
            ("PUT /logs?publicAccessBlock", BLOCK),
            ("PUT /logs?ownershipControls", CONTROLS),
            ("PUT /other", ""),
        ];
        let set = set.map(|(request, body)| world.send(&OWNER, request, &[], body));
        for answer in join_all(set).await {
            assert_eq!(answer.outcome(), "200", "{}", answer.body);
        }
        world.restart().await;
        let lifecycle = world.outcome(&OWNER, "GET /logs?lifecycle").await;
        assert_eq!(lifecycle, "200");
        let block = world
            .send(&OWNER, "GET /logs?publicAccessBlock", &[], "")
            .await;
        assert_eq!(block.element("IgnorePublicAcls"), Some("false"));
        let controls = world
            .send(&OWNER, "GET /logs?ownershipControls", &[], "")
            .await;
        assert_eq!(controls.element("ObjectOwnership"), Some("ObjectWriter"));
        let undo = ["?lifecycle", "?publicAccessBlock", "?ownershipControls"];
        let undo = undo.map(|query| format!("DELETE /logs{query}"));
        let undo = undo.iter().map(|request| world.outcome(&OWNER, request));
        for outcome in join_all(undo).await {
            assert_eq!(outcome, "204");
        }
        assert_eq!(world.outcome(&OWNER, "DELETE /other").await, "204");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_want_a_name_one_gets_it() {
    let world = World::new().await;
    let everyone = [
        As::Root(ALICE),
        BEN,
        As::Root(BOB),
        As::Root("333333333333"),
    ];
    let made = everyone.iter().map(|who| world.outcome(who, "PUT /wanted"));
    let made = join_all(made).await;
    let owners = made.iter().filter(|outcome| *outcome == "200").count();
    // Ben and his account's root are one owner.
    assert!(
        owners == 1 || owners == 2 && made[0] != "200" && made[3] != "200",
        "{made:?}"
    );
    let refused = made.iter().filter(|outcome| *outcome != "200");
    assert!(
        refused
            .clone()
            .all(|outcome| outcome == "409 BucketAlreadyExists"),
        "{made:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_hangs_up_leaves_memory_and_disk_alike() {
    let mut world = World::new().await.with_bucket("logs").await;
    for wait_us in (0..2000).step_by(100) {
        let put = world.send(&OWNER, "PUT /logs?lifecycle", &[], LIFECYCLE);
        let _ = tokio::time::timeout(Duration::from_micros(wait_us), put).await;
        // Whatever was begun comes to its end; the next change of this bucket waits for it.
        let next = world
            .send(&OWNER, "PUT /logs?publicAccessBlock", &[], BLOCK)
            .await;
        assert_eq!(next.outcome(), "200");
        let in_memory = world.outcome(&OWNER, "GET /logs?lifecycle").await;
        world.restart().await;
        let on_disk = world.outcome(&OWNER, "GET /logs?lifecycle").await;
        assert_eq!(in_memory, on_disk, "hung up after {wait_us} µs");
        assert_eq!(world.outcome(&OWNER, "DELETE /logs?lifecycle").await, "204");
    }
}
