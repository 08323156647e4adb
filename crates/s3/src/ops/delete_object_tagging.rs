//! DeleteObjectTagging: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjectTagging.html>
use catalog::{AccountId, Object, s3};
use gate::{Ask, Authorized, Either, Identity, Operation, Probe};
use vault::VaultError;

use crate::reading::{self, VersionMember};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// Removes an object's tags.
#[derive(Debug)]
pub enum DeleteObjectTagging {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    object: Object,
    expected_owner: Option<AccountId>,
}

impl Operation for DeleteObjectTagging {
    const NAME: &'static str = "DeleteObjectTagging";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = (
        Either<Ask<s3::DeleteObjectTagging>, Ask<s3::DeleteObjectVersionTagging>>,
        Probe<s3::ListBucket>,
    );
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok((
            reading::by_version(&input.object, input.expected_owner),
            reading::list_probe(&input.object),
        ))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let (permit, list) = call.permits;
        let input = call.input;
        let written = match &permit {
            Either::Left(permit) => stores.vault.put_object_tags(permit, Vec::new()).await,
            Either::Right(permit) => stores.vault.put_object_tags(permit, Vec::new()).await,
        };
        match written {
            Ok(version) => {
                let mut response = Response::empty(204);
                response.set_some("x-amz-version-id", version.as_deref());
                Ok(response)
            }
            Err(VaultError::NoSuchObject) => Err(reading::missing(list, &input.object).await),
            Err(error) => Err(reading::unless_hidden(error, list, &input.object).await),
        }
    }
}

impl S3Operation for DeleteObjectTagging {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let object = reading::versioned_object(&request)?;
        let _: VersionMember = request.take_input()?;
        Ok(Input {
            object,
            expected_owner: request.expected_owner()?,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}
