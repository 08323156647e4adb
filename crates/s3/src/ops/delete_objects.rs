//! DeleteObjects: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
use catalog::{Object, s3};
use gate::{Ask, Authorized, Each, Either, Identity, Operation, RefusalKind};
use serde::Deserialize;
use serde_json::{Value, json};
use vault::{Condition, VaultError};

use crate::reading::{self, VersionId};
use crate::{Request, Response, S3Error, S3Operation, Stores, checksum, object_key};

/// Deletes objects, each by itself: some may be refused.
#[derive(Debug)]
pub enum DeleteObjects {}

/// The most objects of one request.
const OBJECTS_MAX: usize = 1000;

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    expected_owner: Option<catalog::AccountId>,
    objects: Vec<Item>,
    // Keys that no object can have: refused without a question.
    unaskable: Vec<(String, S3Error)>,
    quiet: bool,
}

#[derive(Debug)]
struct Item {
    object: Object,
    version: VersionId,
    condition: Condition,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    delete: Delete,
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
    type Asks = Each<Either<Ask<s3::DeleteObject>, Ask<s3::DeleteObjectVersion>>>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let asks = input
            .objects
            .iter()
            .map(|item| reading::by_version(&item.object, input.expected_owner));
        Ok(Each(asks.collect()))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let input = call.input;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for (item, permit) in input.objects.into_iter().zip(call.permits) {
            let outcome = match permit {
                // Said for the request as a whole, before anything is judged (spec S-1).
                Err(refusal) if matches!(refusal.kind, RefusalKind::NoSuchBucket(_)) => {
                    return Err(refusal.into());
                }
                Err(refusal) => Err(S3Error::from(refusal)),
                Ok(_) if matches!(item.version, VersionId::Unknown(_)) => Ok(()),
                Ok(Either::Left(permit)) => told(
                    stores.vault.delete_object(&permit, item.condition).await,
                    &item.object,
                ),
                Ok(Either::Right(permit)) => told(
                    stores.vault.delete_object(&permit, item.condition).await,
                    &item.object,
                ),
            };
            let key = item.object.key.as_str();
            let version = item.object.version.as_deref();
            match outcome {
                Ok(()) if input.quiet => {}
                Ok(()) => deleted.push(json!({"Key": key, "VersionId": version})),
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

fn told(outcome: Result<(), VaultError>, object: &Object) -> Result<(), S3Error> {
    outcome.map_err(|error| match error {
        VaultError::NoSuchObject => S3Error::NoSuchKey {
            key: object.key.to_string(),
        },
        error => error.into(),
    })
}

fn element(key: &str, version: Option<&str>, error: &S3Error) -> Value {
    if let S3Error::Internal(cause) = error {
        tracing::error!(%cause, "an object was not deleted");
    }
    let error = error.to_aws();
    json!({"Key": key, "VersionId": version, "Code": error.code, "Message": error.message})
}

impl S3Operation for DeleteObjects {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let bucket = request.bucket()?;
        let _: checksum::Members = request.take()?;
        let Members { delete } = request.take_input()?;
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
            let parsed = object_key(&identifier.key)
                .and_then(|key| Ok((key, VersionId::parse(version.as_deref())?)));
            match parsed {
                Ok((key, parsed)) => objects.push(Item {
                    object: Object {
                        version,
                        ..Object::current(bucket.clone(), key)
                    },
                    version: parsed,
                    condition: match identifier.etag.as_deref() {
                        None => Condition::None,
                        Some("*") => Condition::Exists,
                        Some(etag) => Condition::EtagIs(etag.trim_matches('"').to_owned()),
                    },
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
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}
