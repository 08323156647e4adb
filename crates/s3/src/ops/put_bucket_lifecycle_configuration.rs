//! PutBucketLifecycleConfiguration:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>
//!
//! [`crate::LifecyclePass`] carries the rules out. Enabled transitions answer 501.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;
use serde_json::json;

use crate::configuration::take_digests;
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
        take_digests(&mut request);
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

#[cfg(test)]
mod tests {
    use crate::harness::{ALICE, As, World};

    const OWNER: As = As::Root(ALICE);

    #[tokio::test]
    async fn rules_come_back_as_they_were_put() {
        let mut world = World::new().await.with_bucket("logs").await;
        let body = "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                    <Rule><ID>old</ID><Filter><And><Prefix>a/</Prefix><Tag><Key>k</Key><Value>v\
                    </Value></Tag></And></Filter><Status>Enabled</Status><Expiration><Date>\
                    2030-01-01T00:00:00Z</Date></Expiration></Rule><Rule><Filter><Prefix></Prefix>\
                    </Filter><Status>Disabled</Status><AbortIncompleteMultipartUpload>\
                    <DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>\
                    </Rule></LifecycleConfiguration>";
        let put = world.send(&OWNER, "PUT /logs?lifecycle", &[], body).await;
        assert_eq!(put.outcome(), "200", "{}", put.body);
        let minimum = "x-amz-transition-default-minimum-object-size";
        assert_eq!(put.header(minimum), Some("all_storage_classes_128K"));
        world.restart().await;
        let shown = world.send(&OWNER, "GET /logs?lifecycle", &[], "").await;
        assert_eq!(shown.header(minimum), Some("all_storage_classes_128K"));
        insta::assert_snapshot!(shown.body, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><Expiration><Date>2030-01-01T00:00:00.000Z</Date></Expiration><ID>old</ID><Filter><And><Prefix>a/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter><Status>Enabled</Status></Rule><Rule><ID>MDAwMDAwMDAwMDAwMDAwMC0x</ID><Filter><Prefix></Prefix></Filter><Status>Disabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>
        "#);
        assert_eq!(world.outcome(&OWNER, "DELETE /logs?lifecycle").await, "204");
        assert_eq!(
            world.outcome(&OWNER, "GET /logs?lifecycle").await,
            "404 NoSuchLifecycleConfiguration"
        );
    }

    #[tokio::test]
    async fn a_wrong_status_is_no_lifecycle_configuration() {
        let world = World::new().await.with_bucket("logs").await;
        let body = "<LifecycleConfiguration><Rule><Filter/><Status>enabled</Status><Expiration>\
                    <Days>1</Days></Expiration></Rule></LifecycleConfiguration>";
        let put = world.send(&OWNER, "PUT /logs?lifecycle", &[], body).await;
        assert_eq!(put.outcome(), "400 MalformedXML");
    }
}
