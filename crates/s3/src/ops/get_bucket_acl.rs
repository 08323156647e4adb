//! GetBucketAcl: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAcl.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use vault::acl::AccessControlPolicy;

use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// GetBucketAcl.
#[derive(Debug)]
pub enum GetBucketAcl {}

impl Operation for GetBucketAcl {
    const NAME: &'static str = "GetBucketAcl";
    type Input = BucketInput;
    type Output = AccessControlPolicy;
    type Error = S3Error;
    type Asks = Ask<s3::GetBucketAcl>;
    type Stores = Stores;

    fn asks(input: &BucketInput, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.ask())
    }

    async fn serve(
        call: Authorized<Self>,
        stores: &Stores,
    ) -> Result<AccessControlPolicy, S3Error> {
        Ok(stores.vault.bucket_acl(&call.permits)?)
    }
}

impl S3Operation for GetBucketAcl {
    fn input(request: Request) -> Result<BucketInput, S3Error> {
        BucketInput::read(&request)
    }

    fn respond(output: AccessControlPolicy) -> Response {
        Response::encode(Self::NAME, &output)
    }
}
