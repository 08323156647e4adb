//! DeleteObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html>
use catalog::{AccountId, Object, s3};
use gate::{Ask, Authorized, Either, Identity, Operation};

use crate::conditions::{AnyEtag, WriteCondition};
use crate::reading::{self, VersionId};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// Deletes an object.
#[derive(Debug)]
pub enum DeleteObject {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    object: Object,
    version: VersionId,
    expected_owner: Option<AccountId>,
    condition: WriteCondition,
}

impl Operation for DeleteObject {
    const NAME: &'static str = "DeleteObject";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = Either<Ask<s3::DeleteObject>, Ask<s3::DeleteObjectVersion>>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let if_match = input.condition.if_match.as_deref();
        Ok(match &input.object.version {
            None => Either::Left(
                Ask::on(input.object.clone())
                    .expecting_owner(input.expected_owner)
                    .with_some("s3:if-match", if_match),
            ),
            Some(version) => Either::Right(
                Ask::on(input.object.clone())
                    .expecting_owner(input.expected_owner)
                    .with("s3:versionid", version.as_str()),
            ),
        })
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let input = call.input;
        let condition = input.condition.condition.clone();
        let deleted = match (&call.permits, &input.version) {
            // A version that is not there is as good as deleted.
            (_, VersionId::Unknown(_)) => Ok(()),
            (Either::Left(permit), _) => stores.vault.delete_object(permit, condition).await,
            (Either::Right(permit), _) => stores.vault.delete_object(permit, condition).await,
        };
        deleted.map_err(|error| input.condition.explain(error, &input.object.key))?;
        let mut response = Response::empty(204);
        response.set_some("x-amz-version-id", input.object.version.as_deref());
        Ok(response)
    }
}

impl S3Operation for DeleteObject {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let (object, version) = reading::object_and_version(&request)?;
        let condition = WriteCondition::take(&mut request, AnyEtag::Allowed)?;
        let _: Members = request.take_input()?;
        Ok(Input {
            object,
            version,
            expected_owner: request.expected_owner()?,
            condition,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Members {
    #[serde(rename = "VersionId")]
    _version: serde::de::IgnoredAny,
}
