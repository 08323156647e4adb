//! AbortMultipartUpload: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};

use crate::multipart::{Target, UploadMembers};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// Ends an upload and removes its parts.
#[derive(Debug)]
pub enum AbortMultipartUpload {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    target: Target,
}

impl Operation for AbortMultipartUpload {
    const NAME: &'static str = "AbortMultipartUpload";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = Ask<s3::AbortMultipartUpload>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.target.ask())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let aborted = stores.vault.abort_upload(&call.permits).await;
        aborted.map_err(|error| call.input.target.explain(error))?;
        Ok(Response::empty(204))
    }
}

impl S3Operation for AbortMultipartUpload {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let _: UploadMembers = request.take_input()?;
        Ok(Input {
            target: Target::read(&request)?,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}
