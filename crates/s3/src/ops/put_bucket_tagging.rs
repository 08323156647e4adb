//! PutBucketTagging: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketTagging.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::configuration::take_digests;
use crate::tags::{self, Tag, Tags};
use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// PutBucketTagging.
#[derive(Debug)]
pub enum PutBucketTagging {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    bucket: BucketInput,
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    tagging: Tagging,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tagging {
    tag_set: Vec<Tag>,
}

impl Operation for PutBucketTagging {
    const NAME: &'static str = "PutBucketTagging";
    type Input = Input;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutBucketTagging>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.bucket.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        let tags: Tags = tags::of_bucket(call.input.tags)?;
        // No tags and none left are the same to AWS: NoSuchTagSet.
        let tags = Some(tags).filter(|tags| !tags.is_empty());
        Ok(stores.vault.set_bucket_tags(&call.permits, tags).await?)
    }
}

impl S3Operation for PutBucketTagging {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        take_digests(&mut request);
        let members: Members = request.take_input()?;
        Ok(Input {
            bucket: BucketInput::read(&request)?,
            tags: members.tagging.tag_set,
        })
    }

    fn respond((): ()) -> Response {
        Response::empty(204)
    }
}
