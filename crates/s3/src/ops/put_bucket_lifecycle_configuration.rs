//! PutBucketLifecycleConfiguration:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>
//!
//! The rules are kept and shown. Nothing carries them out yet.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;
use serde_json::json;

use crate::configuration::verify_body;
use crate::lifecycle::LifecycleConfiguration;
use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// PutBucketLifecycleConfiguration.
#[derive(Debug)]
pub enum PutBucketLifecycleConfiguration {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    bucket: BucketInput,
    members: Members,
    request_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    lifecycle_configuration: Option<LifecycleConfiguration>,
    transition_default_minimum_object_size: Option<String>,
}

/// What AWS takes where the header is missing.
const MINIMUM_SIZE: &str = "all_storage_classes_128K";

impl Operation for PutBucketLifecycleConfiguration {
    const NAME: &'static str = "PutBucketLifecycleConfiguration";
    type Input = Input;
    /// The header `x-amz-transition-default-minimum-object-size`.
    type Output = String;
    type Error = S3Error;
    type Asks = Ask<s3::PutLifecycleConfiguration>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.bucket.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<String, S3Error> {
        let Input {
            members,
            request_id,
            ..
        } = call.input;
        let minimum = match members.transition_default_minimum_object_size {
            None => MINIMUM_SIZE.to_owned(),
            Some(text) if text == MINIMUM_SIZE || text == "varies_by_storage_class" => text,
            Some(text) => {
                return Err(S3Error::invalid_request(format!(
                    "Invalid TransitionDefaultMinimumObjectSize found: {text}"
                )));
            }
        };
        let configuration = members.lifecycle_configuration;
        let configuration = configuration
            .ok_or(S3Error::MalformedXml)?
            .validated(|place| STANDARD.encode(format!("{request_id}-{place}")))?;
        let kept = json!({
            "Rules": configuration.rules,
            "TransitionDefaultMinimumObjectSize": minimum,
        });
        stores
            .vault
            .set_lifecycle(&call.permits, Some(kept))
            .await?;
        Ok(minimum)
    }
}

impl S3Operation for PutBucketLifecycleConfiguration {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        verify_body(&mut request)?;
        Ok(Input {
            bucket: BucketInput::read(&request)?,
            members: request.take_input()?,
            request_id: request.request_id,
        })
    }

    fn respond(minimum: String) -> Response {
        Response::encode(
            Self::NAME,
            &json!({ "TransitionDefaultMinimumObjectSize": minimum }),
        )
    }
}
