//! PutObjectTagging: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html>
use catalog::{AccountId, Object, s3};
use gate::{Ask, Authorized, Either, Identity, Operation, Probe};
use serde::Deserialize;
use vault::VaultError;

use crate::reading;
use crate::tags::{self, Tag, Tags};
use crate::{Request, Response, S3Error, S3Operation, Stores, checksum};

/// Replaces an object's tags.
#[derive(Debug)]
pub enum PutObjectTagging {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    object: Object,
    expected_owner: Option<AccountId>,
    tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    tagging: Tagging,
    #[serde(default, rename = "VersionId")]
    _version: serde::de::IgnoredAny,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tagging {
    tag_set: Vec<Tag>,
}

impl Operation for PutObjectTagging {
    const NAME: &'static str = "PutObjectTagging";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = (
        Either<Ask<s3::PutObjectTagging>, Ask<s3::PutObjectVersionTagging>>,
        Probe<s3::ListBucket>,
    );
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let ask = match reading::by_version(&input.object, input.expected_owner) {
            Either::Left(ask) => Either::Left(tags::onto(&input.tags, ask)),
            Either::Right(ask) => Either::Right(tags::onto(&input.tags, ask)),
        };
        Ok((ask, reading::list_probe(&input.object)))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let (permit, list) = call.permits;
        let input = call.input;
        let written = match &permit {
            Either::Left(permit) => stores.vault.put_object_tags(permit, input.tags).await,
            Either::Right(permit) => stores.vault.put_object_tags(permit, input.tags).await,
        };
        match written {
            Ok(version) => {
                let mut response = Response::empty(200);
                response.set_some("x-amz-version-id", version.as_deref());
                Ok(response)
            }
            Err(VaultError::NoSuchObject) => Err(reading::missing(list, &input.object).await),
            Err(error) => Err(reading::unless_hidden(error, list, &input.object).await),
        }
    }
}

impl S3Operation for PutObjectTagging {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let object = reading::versioned_object(&request)?;
        let _: checksum::Members = request.take()?;
        let members: Members = request.take_input()?;
        Ok(Input {
            object,
            expected_owner: request.expected_owner()?,
            tags: tags::from_elements(members.tagging.tag_set)?,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}
