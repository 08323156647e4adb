//! PutBucketAcl: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use policy::ObjectOwnership;
use serde::Deserialize;
use vault::acl::{AccessControlPolicy, AclHeaders, AclOn};

use crate::configuration::{PutAcl, take_acl_headers, verify_body};
use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// PutBucketAcl.
#[derive(Debug)]
pub enum PutBucketAcl {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    bucket: BucketInput,
    headers: AclHeaders,
    acl: PutAcl,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    access_control_policy: Option<AccessControlPolicy>,
}

impl Operation for PutBucketAcl {
    const NAME: &'static str = "PutBucketAcl";
    type Input = Input;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutBucketAcl>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let public = input.acl.is_public();
        Ok(input
            .headers
            .onto(input.bucket.ask())
            .writing_public_acl(public))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        let vault = &stores.vault;
        let record = call
            .permits
            .bucket()
            .ok_or(vault::VaultError::NothingJudged)?;
        if record.ownership == ObjectOwnership::BucketOwnerEnforced {
            return Err(S3Error::AclNotSupported);
        }
        let owner = record.owner_canonical_id.as_str();
        let acl = call.input.acl.for_owner(owner, vault.principals()).await?;
        Ok(vault
            .put_bucket_acl(&call.permits, acl.grants(owner, owner))
            .await?)
    }
}

impl S3Operation for PutBucketAcl {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        verify_body(&mut request)?;
        let bucket = BucketInput::read(&request)?;
        let headers = take_acl_headers(&mut request);
        let members: Members = request.take_input()?;
        let acl = PutAcl::new(&headers, AclOn::Bucket, members.access_control_policy)?;
        Ok(Input {
            bucket,
            headers,
            acl,
        })
    }

    fn respond(_: ()) -> Response {
        Response::empty(200)
    }
}
