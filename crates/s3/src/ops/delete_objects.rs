//! DeleteObjects: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
use catalog::Object;
use futures_util::StreamExt as _;
use gate::{Authorized, Each, Identity, Operation, RefusalKind};
use serde::Deserialize;
use serde_json::{Value, json};
use vault::{Condition, Deleted, VaultError};

use crate::deleting::{self, DeleteAsks, DeletePermit};
use crate::{Request, Response, S3Error, S3Operation, Stores, checksum, object_key};

/// Deletes objects, each by itself: some may be refused.
#[derive(Debug)]
pub enum DeleteObjects {}

/// The most objects of one request.
const OBJECTS_MAX: usize = 1000;

/// Deletions that wait for the disk at the same time.
const AT_ONCE: usize = 64;

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    expected_owner: Option<catalog::AccountId>,
    objects: Vec<Item>,
    // Keys that no object can have: refused without a question.
    unaskable: Vec<(String, S3Error)>,
    quiet: bool,
    bypasses_governance: bool,
}

#[derive(Debug)]
struct Item {
    object: Object,
    etag: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    delete: Delete,
    #[serde(default)]
    bypass_governance_retention: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Delete {
    objects: Vec<ObjectIdentifier>,
    #[serde(default)]
    quiet: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ObjectIdentifier {
    key: String,
    version_id: Option<String>,
    #[serde(rename = "ETag")]
    etag: Option<String>,
    last_modified_time: Option<Value>,
    size: Option<Value>,
}

impl Operation for DeleteObjects {
    const NAME: &'static str = "DeleteObjects";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = Each<DeleteAsks>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let asks = input.objects.iter().map(|item| {
            deleting::asks(
                &item.object,
                input.expected_owner,
                item.etag.as_deref(),
                input.bypasses_governance,
            )
        });
        Ok(Each(asks.collect()))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let input = call.input;
        // Said for the request as a whole, before anything is judged (spec S-1).
        let mut permits = Vec::with_capacity(input.objects.len());
        for permit in call.permits {
            match permit {
                Err(refusal) => match refusal.kind {
                    // So is what no policy decided: the expected owner, or who pays.
                    RefusalKind::NoSuchBucket(_)
                    | RefusalKind::AccessDenied { denial: None, .. } => {
                        return Err(refusal.into());
                    }
                    RefusalKind::AccessDenied { .. }
                    | RefusalKind::MethodNotAllowed
                    | RefusalKind::Unavailable(_) => permits.push(Err(refusal)),
                },
                Ok(permit) => permits.push(Ok(permit)),
            }
        }
        let outcomes: Vec<(Object, Result<Deleted, S3Error>)> =
            futures_util::stream::iter(input.objects.into_iter().zip(permits))
                .map(|(item, permit)| async move {
                    let outcome = match permit {
                        Ok((permit, _read, _bypass)) => delete(&item, &permit, stores).await,
                        Err(refusal) => Err(refusal.into()),
                    };
                    (item.object, outcome)
                })
                .buffered(AT_ONCE)
                .collect()
                .await;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for (object, outcome) in outcomes {
            let key = object.key.as_str();
            let version = object.version.as_deref();
            match outcome {
                Ok(_) if input.quiet => {}
                Ok(done) => deleted.push(json!({
                    "Key": key,
                    "VersionId": version,
                    "DeleteMarker": done.is_delete_marker.then_some(true),
                    "DeleteMarkerVersionId": done.version.filter(|_| done.is_delete_marker),
                })),
                Err(error) => errors.push(element(key, version, &error)),
            }
        }
        for (key, error) in &input.unaskable {
            errors.push(element(key, None, error));
        }
        Ok(Response::encode(
            Self::NAME,
            &json!({"Deleted": deleted, "Errors": errors}),
        ))
    }
}

async fn delete(item: &Item, permit: &DeletePermit, stores: &Stores) -> Result<Deleted, S3Error> {
    let condition = match item.etag.as_deref() {
        None => Condition::None,
        Some("*") => Condition::Exists,
        Some(etag) => Condition::EtagIs(etag.trim_matches('"').to_owned()),
    };
    let outcome = deleting::delete(&stores.vault, permit, condition).await;
    outcome.map_err(|error| match error {
        VaultError::NoSuchObject => S3Error::NoSuchKey {
            key: item.object.key.to_string(),
        },
        // Here AWS does not tell what is no id from the id of nothing.
        VaultError::InvalidVersionId { key, version } => S3Error::NoSuchVersion { key, version },
        error => error.into(),
    })
}

fn element(key: &str, version: Option<&str>, error: &S3Error) -> Value {
    if let S3Error::Internal(cause) = error {
        tracing::error!(%cause, "an object was not deleted");
    }
    if let S3Error::NoWrites { cause, .. } = error {
        tracing::error!(%cause, "an object was not deleted");
    }
    let error = error.to_aws();
    json!({"Key": key, "VersionId": version, "Code": error.code, "Message": error.message})
}

impl S3Operation for DeleteObjects {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let bucket = request.bucket()?;
        let _: checksum::Members = request.take()?;
        let Members {
            delete,
            bypass_governance_retention,
        } = request.take_input()?;
        if delete.objects.is_empty() || delete.objects.len() > OBJECTS_MAX {
            return Err(S3Error::MalformedXml);
        }
        let (mut objects, mut unaskable) = (Vec::new(), Vec::new());
        for identifier in delete.objects {
            if identifier.last_modified_time.is_some() {
                return Err(S3Error::not_implemented("LastModifiedTime"));
            }
            if identifier.size.is_some() {
                return Err(S3Error::not_implemented("Size"));
            }
            let version = identifier.version_id.filter(|version| !version.is_empty());
            match object_key(&identifier.key) {
                Ok(key) => objects.push(Item {
                    object: Object {
                        version,
                        ..Object::current(bucket.clone(), key)
                    },
                    etag: identifier.etag,
                }),
                Err(error) => unaskable.push((identifier.key, error)),
            }
        }
        // Nothing that could be asked: nothing that could be served.
        if let (true, Some((_, error))) = (objects.is_empty(), unaskable.first()) {
            return Err(error.clone());
        }
        Ok(Input {
            expected_owner: request.expected_owner()?,
            objects,
            unaskable,
            quiet: delete.quiet,
            bypasses_governance: bypass_governance_retention,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use digest::{Algorithm, digest_of};

    use crate::testing::{Outcome, Who, World, root, user};

    async fn delete(world: &World, who: &Who, body: &str) -> Outcome {
        let md5 = digest_of(Algorithm::Md5, body.as_bytes());
        let md5 = base64::engine::general_purpose::STANDARD.encode(md5.bytes());
        let headers = [("content-md5", md5.as_str())];
        world
            .send_with(who, "POST /logs?delete", &headers, body.to_owned())
            .await
    }

    #[tokio::test]
    async fn each_key_is_refused_by_itself() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        for key in ["free", "kept"] {
            world
                .send_with(&owner, &format!("PUT /logs/{key}"), &[], "x")
                .await
                .ok();
        }
        let allow =
            r#"{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::logs/free"}"#;
        let ann = user("111122223333", "ann", allow);
        let body =
            "<Delete><Object><Key>free</Key></Object><Object><Key>kept</Key></Object></Delete>";
        let answer = delete(&world, &ann, body).await.ok();
        let text = answer.text();
        assert!(
            text.contains("<Deleted><Key>free</Key></Deleted>"),
            "{text}"
        );
        assert_eq!(answer.element("Code"), "AccessDenied");
        assert_eq!(
            world.send(&owner, "GET /logs/free").await.error().code,
            "NoSuchKey"
        );
        assert_eq!(world.send(&owner, "GET /logs/kept").await.told(), "200 ok");
        let quiet = "<Delete><Quiet>true</Quiet><Object><Key>kept</Key></Object></Delete>";
        assert!(
            !delete(&world, &owner, quiet)
                .await
                .ok()
                .text()
                .contains("kept")
        );
        assert_eq!(
            world.send(&owner, "GET /logs/kept").await.error().code,
            "NoSuchKey"
        );
    }

    #[tokio::test]
    async fn the_body_needs_a_digest_and_a_limit() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let body = "<Delete><Object><Key>k</Key></Object></Delete>";
        let sent = world
            .send_with(&owner, "POST /logs?delete", &[], body)
            .await;
        assert_eq!(sent.error().code, "InvalidRequest");
        let object = "<Object><Key>k</Key></Object>";
        let many = format!("<Delete>{}</Delete>", object.repeat(1001));
        assert_eq!(
            delete(&world, &owner, &many).await.error().code,
            "MalformedXML"
        );
        let none = delete(&world, &owner, "<Delete></Delete>").await;
        assert_eq!(none.error().code, "MalformedXML");
    }

    #[tokio::test]
    async fn a_bucket_that_is_not_there_is_said_at_once() {
        let world = World::new().await;
        let body = "<Delete><Object><Key>k</Key></Object></Delete>";
        let sent = delete(&world, &root("111122223333"), body).await;
        assert_eq!(sent.error().code, "NoSuchBucket");
    }
}
