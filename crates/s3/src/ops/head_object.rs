//! HeadObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
use catalog::s3;
use gate::{Authorized, Identity, Operation, Probe};

use super::get_object::{self, Input, Prepared};
use crate::reading::{ReadAsk, TagsProbe};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// Reads an object's headers.
#[derive(Debug)]
pub enum HeadObject {}

impl Operation for HeadObject {
    const NAME: &'static str = "HeadObject";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = (ReadAsk, Probe<s3::ListBucket>, TagsProbe);
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, S3Error> {
        input.asks(who)
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let Prepared { response, .. } = get_object::prepare(call, stores).await?;
        Ok(response)
    }
}

impl S3Operation for HeadObject {
    fn input(request: Request) -> Result<Input, S3Error> {
        Input::read(request)
    }

    fn respond(output: Response) -> Response {
        output
    }
}
