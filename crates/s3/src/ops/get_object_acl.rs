//! GetObjectAcl: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAcl.html>
use catalog::{AccountId, Object, s3};
use gate::{Ask, Authorized, Either, Identity, Operation, Probe};
use serde::Deserialize;
use vault::acl::AccessControlPolicy;

use crate::reading;
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// GetObjectAcl.
#[derive(Debug)]
pub enum GetObjectAcl {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    object: Object,
    expected_owner: Option<AccountId>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    #[serde(rename = "VersionId")]
    _version: serde::de::IgnoredAny,
}

impl Operation for GetObjectAcl {
    const NAME: &'static str = "GetObjectAcl";
    type Input = Input;
    /// The ACL, and the version where the caller is to see it.
    type Output = (AccessControlPolicy, Option<String>);
    type Error = S3Error;
    type Asks = (
        Either<Ask<s3::GetObjectAcl>, Ask<s3::GetObjectVersionAcl>>,
        Probe<s3::ListBucket>,
    );
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let owner = input.expected_owner;
        let ask = match &input.object.version {
            None => Either::Left(Ask::on(input.object.clone()).expecting_owner(owner)),
            Some(version) => Either::Right(
                Ask::on(input.object.clone())
                    .expecting_owner(owner)
                    .with("s3:versionid", version.as_str()),
            ),
        };
        Ok((ask, reading::list_probe(&input.object)))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Self::Output, S3Error> {
        let (permit, list) = call.permits;
        let input = call.input;
        let acl = match &permit {
            Either::Left(permit) => stores.vault.object_acl(permit).await,
            Either::Right(permit) => stores.vault.object_acl(permit).await,
        };
        match acl {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(reading::missing(list, &input.object).await),
            Err(error) => Err(reading::unless_hidden(error, list, &input.object).await),
        }
    }
}

impl S3Operation for GetObjectAcl {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let object = reading::versioned_object(&request)?;
        let _: Members = request.take_input()?;
        Ok(Input {
            object,
            expected_owner: request.expected_owner()?,
        })
    }

    fn respond((acl, version): Self::Output) -> Response {
        let mut response = Response::encode(Self::NAME, &acl);
        response.set_some("x-amz-version-id", version.as_deref());
        response
    }
}
