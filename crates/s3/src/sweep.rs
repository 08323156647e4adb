//! Every object operation against every kind of caller: who is refused, that nothing was written,
//! and which one permission each operation needs.
use crate::testing::{Who, World, anonymous, root, user};

/// An operation, with the actions that it needs, all on the object unless they are listings.
struct Case {
    line: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    actions: &'static [&'static str],
    answer: u16,
}

const fn case(line: &'static str, actions: &'static [&'static str], answer: u16) -> Case {
    Case {
        line,
        headers: &[],
        body: "",
        actions,
        answer,
    }
}

const COPY: &[(&str, &str)] = &[("x-amz-copy-source", "logs/kept")];

/// `UPLOAD` stands for the id of an upload of somebody else. Reads first, so that one world does.
const CASES: &[Case] = &[
    case("GET /logs/kept", &["s3:GetObject"], 200),
    case("HEAD /logs/kept", &["s3:GetObject"], 200),
    case(
        "GET /logs/kept?versionId=null",
        &["s3:GetObjectVersion"],
        200,
    ),
    case("GET /logs/kept?tagging", &["s3:GetObjectTagging"], 200),
    case(
        "GET /logs/kept?tagging&versionId=null",
        &["s3:GetObjectVersionTagging"],
        200,
    ),
    Case {
        headers: &[("x-amz-object-attributes", "ETag")],
        ..case(
            "GET /logs/kept?attributes",
            &["s3:GetObject", "s3:GetObjectAttributes"],
            200,
        )
    },
    case("GET /logs", &["s3:ListBucket"], 200),
    case("GET /logs?list-type=2", &["s3:ListBucket"], 200),
    case("GET /logs?uploads", &["s3:ListBucketMultipartUploads"], 200),
    case(
        "GET /logs/kept?uploadId=UPLOAD",
        &["s3:ListMultipartUploadParts"],
        200,
    ),
    Case {
        body: "new",
        ..case("PUT /logs/kept", &["s3:PutObject"], 200)
    },
    Case {
        body: "new",
        headers: &[
            ("x-amz-tagging", "a=1"),
            ("x-amz-acl", "bucket-owner-full-control"),
        ],
        ..case(
            "PUT /logs/kept",
            &["s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging"],
            200,
        )
    },
    Case {
        headers: COPY,
        ..case(
            "PUT /logs/copy",
            &[
                "s3:PutObject",
                "s3:GetObject",
                "s3:GetObjectTagging",
                "s3:PutObjectTagging",
            ],
            200,
        )
    },
    case("POST /logs/kept?uploads", &["s3:PutObject"], 200),
    Case {
        body: "part",
        ..case(
            "PUT /logs/kept?partNumber=1&uploadId=UPLOAD",
            &["s3:PutObject"],
            200,
        )
    },
    Case {
        headers: COPY,
        ..case(
            "PUT /logs/kept?partNumber=1&uploadId=UPLOAD",
            &["s3:PutObject", "s3:GetObject"],
            200,
        )
    },
    Case {
        body: "<Tagging><TagSet/></Tagging>",
        ..case("PUT /logs/kept?tagging", &["s3:PutObjectTagging"], 200)
    },
    case(
        "DELETE /logs/kept?tagging",
        &["s3:DeleteObjectTagging"],
        204,
    ),
    case(
        "DELETE /logs/kept?uploadId=UPLOAD",
        &["s3:AbortMultipartUpload"],
        204,
    ),
    case(
        "DELETE /logs/kept?versionId=null",
        &["s3:DeleteObjectVersion"],
        204,
    ),
    case("DELETE /logs/kept", &["s3:DeleteObject"], 204),
];

async fn prepared() -> (World, String) {
    let world = World::with_bucket().await;
    let owner = root("111122223333");
    let tagged = [("x-amz-tagging", "a=1")];
    world
        .send_with(&owner, "PUT /logs/kept", &tagged, "kept")
        .await
        .ok();
    let created = world.send(&owner, "POST /logs/kept?uploads").await.ok();
    (world, created.element("UploadId"))
}

/// Everything that can be seen of the bucket.
async fn state(world: &World, upload: &str) -> String {
    let owner = root("111122223333");
    let mut seen = String::new();
    for line in [
        "GET /logs".to_owned(),
        "GET /logs?uploads".to_owned(),
        "GET /logs/kept".to_owned(),
        "GET /logs/kept?tagging".to_owned(),
        format!("GET /logs/kept?uploadId={upload}"),
    ] {
        seen.push_str(&world.send(&owner, &line).await.ok().text());
    }
    seen
}

impl Case {
    async fn send(&self, world: &World, who: &Who, upload: &str) -> String {
        let line = self.line.replace("UPLOAD", upload);
        let sent = world.send_with(who, &line, self.headers, self.body).await;
        let told = sent.told();
        told.split(' ').next().unwrap().to_owned()
    }
}

fn allow(actions: &[&str]) -> String {
    let actions: Vec<String> = actions
        .iter()
        .map(|action| format!("\"{action}\""))
        .collect();
    format!(
        r#"{{"Effect":"Allow","Action":[{}],"Resource":"*"}}"#,
        actions.join(",")
    )
}

fn deny(action: &str) -> String {
    format!(r#"{{"Effect":"Deny","Action":"{action}","Resource":"*"}}"#)
}

#[tokio::test]
async fn who_may_not_is_refused_and_writes_nothing() {
    let (world, upload) = prepared().await;
    let before = state(&world, &upload).await;
    let all = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
    for case in CASES {
        let mut callers = vec![
            anonymous(),
            root("444455556666"),
            user("444455556666", "ben", all),
            user("111122223333", "eve", ""),
        ];
        for action in case.actions {
            // All but this one, and all with a deny of this one.
            let others: Vec<&str> = case
                .actions
                .iter()
                .copied()
                .filter(|a| a != action)
                .collect();
            if !others.is_empty() {
                callers.push(user("111122223333", "ann", &allow(&others)));
            }
            callers.push(user(
                "111122223333",
                "ann",
                &format!("{all},{}", deny(action)),
            ));
        }
        for who in callers {
            let told = case.send(&world, &who, &upload).await;
            assert_eq!(told, "403", "{} by {who:?}", case.line);
        }
    }
    assert_eq!(state(&world, &upload).await, before);
}

#[tokio::test]
async fn who_may_is_served_with_no_other_permission() {
    for case in CASES {
        let (world, upload) = prepared().await;
        let ann = user("111122223333", "ann", &allow(case.actions));
        let told = case.send(&world, &ann, &upload).await;
        assert_eq!(told, case.answer.to_string(), "{}", case.line);
    }
}

#[tokio::test]
async fn a_bucket_policy_lets_other_accounts_in_if_their_own_does_too() {
    let (world, upload) = prepared().await;
    let owner = root("111122223333");
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
        "Principal":{"AWS":"444455556666"},"Action":"s3:*",
        "Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/*"]}]}"#;
    world
        .send_with(&owner, "PUT /logs?policy", &[], policy)
        .await
        .ok();
    for case in CASES.iter().filter(|case| case.line.starts_with("GET")) {
        let without = user("444455556666", "ben", "");
        assert_eq!(
            case.send(&world, &without, &upload).await,
            "403",
            "{}",
            case.line
        );
        let with = user("444455556666", "ben", &allow(case.actions));
        assert_eq!(
            case.send(&world, &with, &upload).await,
            "200",
            "{}",
            case.line
        );
        assert_eq!(
            case.send(&world, &anonymous(), &upload).await,
            "403",
            "{}",
            case.line
        );
    }
}
