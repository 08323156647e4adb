//! PutBucketPolicy: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use policy::{Finding, Policy};
use serde::Deserialize;
use std::sync::Arc;

use crate::configuration::verify_body;
use crate::policies::malformed_policy;
use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores, policies};

/// PutBucketPolicy.
#[derive(Debug)]
pub enum PutBucketPolicy {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    bucket: BucketInput,
    policy: Result<Arc<Policy>, Finding>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    policy: Option<String>,
    // Accepted and without effect (spec S-16).
    #[expect(dead_code, reason = "a member that is not named here would be refused")]
    confirm_remove_self_bucket_access: Option<bool>,
}

impl Operation for PutBucketPolicy {
    const NAME: &'static str = "PutBucketPolicy";
    type Input = Input;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutBucketPolicy>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let ask = input.bucket.ask_signed();
        // A document that is none is refused after the caller was, not before (spec S-1).
        Ok(match &input.policy {
            Ok(policy) => ask.writing_policy(policy.clone()),
            Err(_) => ask,
        })
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        let policy = call.input.policy.map_err(malformed_policy)?;
        let vault = &stores.vault;
        let text = policies::to_store(&policy, vault.principals()).await?;
        Ok(vault.put_bucket_policy(&call.permits, text).await?)
    }
}

impl S3Operation for PutBucketPolicy {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        verify_body(&mut request)?;
        let bucket = BucketInput::read(&request)?;
        let members: Members = request.take_input()?;
        let text = members.policy.unwrap_or_default();
        let policy = Policy::parse_bucket(&bucket.bucket, &text).map(Arc::new);
        Ok(Input { bucket, policy })
    }

    fn respond(_: ()) -> Response {
        Response::empty(204)
    }
}
