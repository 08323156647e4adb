//! GetObjectTagging: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html>
use catalog::{AccountId, Object, s3};
use gate::{Ask, Authorized, Either, Identity, Operation, Probe};
use serde_json::json;

use crate::reading::{self, VersionMember};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// Reads an object's tags.
#[derive(Debug)]
pub enum GetObjectTagging {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    object: Object,
    expected_owner: Option<AccountId>,
}

impl Operation for GetObjectTagging {
    const NAME: &'static str = "GetObjectTagging";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = (
        Either<Ask<s3::GetObjectTagging>, Ask<s3::GetObjectVersionTagging>>,
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
        let tags = match &permit {
            Either::Left(permit) => stores.vault.object_tags(permit).await,
            Either::Right(permit) => stores.vault.object_tags(permit).await,
        };
        let (tags, version) = match tags {
            Ok(Some(found)) => found,
            Ok(None) => return Err(reading::missing(list, &input.object).await),
            Err(error) => return Err(reading::unless_hidden(error, list, &input.object).await),
        };
        let tags = tags
            .into_iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}));
        Ok(Response::encode(
            Self::NAME,
            &json!({
                "TagSet": tags.collect::<Vec<_>>(),
                "VersionId": version,
            }),
        ))
    }
}

impl S3Operation for GetObjectTagging {
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
