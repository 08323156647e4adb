//! From a request to the operation that serves it.
use gate::Judge;
use wire::Service;

use crate::checksum::Declared;
use crate::{Body, Request, Response, S3Error, S3Operation, Stores, customer_key, ops};

/// Serves a request.
///
/// # Errors
/// What S3 answers instead; 501 for operations that are not built.
pub async fn dispatch(
    judge: &Judge,
    request: Request,
    stores: &Stores,
) -> Result<Response, S3Error> {
    verify_body(&request)?;
    macro_rules! by_name {
        ($($operation:ident)*) => {
            match request.operation {
                $(
                    <ops::$operation as gate::Operation>::NAME => {
                        Box::pin(run::<ops::$operation>(judge, request, stores)).await
                    }
                )*
                operation => Err(S3Error::NotImplementedOperation {
                    operation: operation.to_owned(),
                }),
            }
        };
    }
    crate::for_each_operation!(by_name)
}

/// The digests of bodies that are all at hand. Those of streams are compared at their end, and the
/// checksums of CompleteMultipartUpload are those of the object.
fn verify_body(request: &Request) -> Result<(), S3Error> {
    let Body::Full(bytes) = &request.body else {
        return Ok(());
    };
    if crate::streams(request.operation) || request.operation == "CompleteMultipartUpload" {
        return Ok(());
    }
    let declared = Declared::read(&request.headers)?;
    if declared.is_empty() && request.operation == "DeleteObjects" {
        return Err(S3Error::invalid_request(
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        ));
    }
    declared.verify_bytes(bytes)
}

async fn run<Op: S3Operation>(
    judge: &Judge,
    request: Request,
    stores: &Stores,
) -> Result<Response, S3Error> {
    customer_key::refuse_open_network(&request, judge.request())?;
    let input = Op::input(request)?;
    match gate::call::<Op>(judge, input, stores).await {
        Ok(output) => {
            let mut response = Op::respond(output);
            if judge.charges_requester() && tells_charges(Op::NAME) {
                response.set("x-amz-request-charged", "requester");
            }
            Ok(response)
        }
        Err(error) => Err(Op::refuse(error, &judge.request().region)),
    }
}

/// Whether an operation's answer says that its requester was charged.
fn tells_charges(operation: &str) -> bool {
    let model = wire::model(Service::S3);
    model.operation(operation).is_some_and(|operation| {
        let output = &model.structure(operation.output).members;
        output.iter().any(|member| member.name == "RequestCharged")
    })
}
