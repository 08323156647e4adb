//! PutBucketCors: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::configuration::take_digests;
use crate::cors::{self, CorsConfiguration};
use crate::{Body, BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// PutBucketCors.
#[derive(Debug)]
pub enum PutBucketCors {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    bucket: BucketInput,
    configuration: Option<CorsConfiguration>,
    body_bytes: usize,
}

#[derive(Debug, Deserialize)]
struct Members {
    #[serde(rename = "CORSConfiguration")]
    configuration: Option<CorsConfiguration>,
}

impl Operation for PutBucketCors {
    const NAME: &'static str = "PutBucketCors";
    type Input = Input;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutBucketCORS>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.bucket.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        if call.input.body_bytes > cors::BYTES_MAX {
            return Err(S3Error::MaxMessageLength);
        }
        let configuration = call.input.configuration.ok_or(S3Error::MalformedXml)?;
        configuration.check()?;
        let kept = serde_json::to_value(&configuration).map_err(S3Error::internal)?;
        Ok(stores.vault.set_cors(&call.permits, Some(kept)).await?)
    }
}

impl S3Operation for PutBucketCors {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        take_digests(&mut request);
        let members: Members = request.take_input()?;
        Ok(Input {
            bucket: BucketInput::read(&request)?,
            configuration: members.configuration,
            body_bytes: match &request.body {
                Body::Full(bytes) => bytes.len(),
                // The bodies of configurations are read before: this one has no known size.
                Body::Stream(_) | Body::Unmeasured(_) => return Err(S3Error::MaxMessageLength),
            },
        })
    }

    fn respond((): ()) -> Response {
        Response::empty(200)
    }
}
