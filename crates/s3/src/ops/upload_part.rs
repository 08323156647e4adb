//! UploadPart: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use vault::CustomerKey;

use super::put_object::ContentLength;
use crate::checksum::{self, Declared};
use crate::customer_key::{self, Use};
use crate::multipart::{self, Target, UploadMembers};
use crate::{Body, Request, Response, S3Error, S3Operation, Stores, receiving};

/// Stores a part of an upload.
#[derive(Debug)]
pub enum UploadPart {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    target: Target,
    part_number: u32,
    declared: Declared,
    length: Option<u64>,
    customer: Option<CustomerKey>,
    body: Body,
}

impl Operation for UploadPart {
    const NAME: &'static str = "UploadPart";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = Ask<s3::PutObject>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let ask = customer_key::onto(input.customer.as_ref(), input.target.ask());
        Ok(ask.with("s3:ObjectCreationOperation", "false"))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let permit = call.permits;
        let Input {
            target,
            part_number,
            declared,
            length,
            customer,
            body,
        } = call.input;
        customer_key::admit(&stores.vault, &permit, customer.as_ref(), "s3:PutObject")?;
        let upload = stores.vault.upload_info(&permit).await;
        let upload = upload.map_err(|error| target.explain(error))?;
        let algorithm = match (upload.checksum, declared.algorithm()) {
            (Some(wanted), Some(sent)) if wanted.algorithm != sent => {
                return Err(S3Error::invalid_request(format!(
                    "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                    wanted.algorithm.name().to_ascii_lowercase(),
                    sent.name().to_ascii_lowercase()
                )));
            }
            (Some(wanted), _) => wanted.algorithm,
            (None, _) => checksum::DEFAULT,
        };
        let mut writer = stores
            .vault
            .write_part(
                &permit,
                part_number,
                algorithm,
                declared.algorithm(),
                length,
                customer.as_ref(),
            )
            .await
            .map_err(|error| target.explain(error))?;
        let trailers = receiving::receive(body, length, &mut writer).await?;
        let written = writer.finish().await?;
        declared.verify(written.digests(), &trailers)?;
        let shown = written
            .digests()
            .get(declared.algorithm().unwrap_or(algorithm));
        let (etag, _) = written
            .commit(permit.request().now)
            .await
            .map_err(|error| target.explain(error))?;
        let mut response = Response::empty(200);
        response.set("etag", &format!("\"{etag}\""));
        customer_key::put_headers(&mut response, customer.as_ref());
        if let Some(digest) = shown {
            response.set(checksum::header(digest.algorithm()), &digest.base64());
        }
        Ok(response)
    }
}

impl S3Operation for UploadPart {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let declared = Declared::read(&request.headers)?;
        let _: checksum::Members = request.take()?;
        let _: ContentLength = request.take()?;
        let customer: customer_key::Members = request.take()?;
        let _: UploadMembers = request.take_input()?;
        Ok(Input {
            target: Target::read(&request)?,
            part_number: multipart::part_number(&request)?,
            declared,
            length: receiving::declared_length(&request)?,
            customer: customer.key(Use::Write, None)?,
            body: request.body,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}
