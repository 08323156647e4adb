//! DeleteObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html>
use catalog::{AccountId, Object, s3};
use gate::{Ask, Authorized, Either, Identity, Operation};

use crate::conditions::{AnyEtag, WriteCondition};
use crate::reading::{self, VersionMember};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// Deletes an object.
#[derive(Debug)]
pub enum DeleteObject {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    object: Object,
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
        Ok(
            match reading::by_version(&input.object, input.expected_owner) {
                Either::Left(ask) => Either::Left(ask.with_some("s3:if-match", if_match)),
                Either::Right(ask) => Either::Right(ask),
            },
        )
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let input = call.input;
        let condition = input.condition.condition.clone();
        let deleted = match &call.permits {
            Either::Left(permit) => stores.vault.delete_object(permit, condition).await,
            Either::Right(permit) => stores.vault.delete_object(permit, condition).await,
        };
        let deleted = deleted.map_err(|error| input.condition.explain(error, &input.object.key))?;
        let mut response = Response::empty(204);
        if deleted.is_delete_marker {
            response.set("x-amz-delete-marker", "true");
        }
        response.set_some("x-amz-version-id", deleted.version.as_deref());
        Ok(response)
    }
}

impl S3Operation for DeleteObject {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let object = reading::versioned_object(&request)?;
        let condition = WriteCondition::take(&mut request, AnyEtag::Allowed)?;
        let _: VersionMember = request.take_input()?;
        Ok(Input {
            object,
            expected_owner: request.expected_owner()?,
            condition,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}
