//! PutBucketVersioning: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::configuration::take_digests;
use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// PutBucketVersioning.
#[derive(Debug)]
pub enum PutBucketVersioning {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    bucket: BucketInput,
    is_enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    versioning_configuration: Configuration,
    #[serde(rename = "MFA")]
    mfa: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    status: Option<String>,
    #[serde(rename = "MFADelete")]
    mfa_delete: Option<String>,
}

impl Operation for PutBucketVersioning {
    const NAME: &'static str = "PutBucketVersioning";
    type Input = Input;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutBucketVersioning>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.bucket.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        Ok(stores
            .vault
            .set_bucket_versioning(&call.permits, call.input.is_enabled)
            .await?)
    }
}

impl S3Operation for PutBucketVersioning {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        take_digests(&mut request);
        let bucket = BucketInput::read(&request)?;
        let members: Members = request.take_input()?;
        let Configuration { status, mfa_delete } = members.versioning_configuration;
        // No user here has an MFA device.
        if members.mfa.is_some() || mfa_delete.is_some_and(|state| state == "Enabled") {
            return Err(S3Error::not_implemented("x-amz-mfa"));
        }
        let is_enabled = match status.as_deref() {
            Some("Enabled") => true,
            Some("Suspended") => false,
            Some(_) => return Err(S3Error::MalformedXml),
            None => {
                return Err(S3Error::Aws(Box::new(wire::AwsError::new(
                    400,
                    "IllegalVersioningConfigurationException",
                    "The Versioning element must be specified",
                ))));
            }
        };
        Ok(Input { bucket, is_enabled })
    }

    fn respond(_: ()) -> Response {
        Response::empty(200)
    }
}
