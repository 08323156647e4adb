//! From a request to the operation that serves it.
use gate::Judge;

use crate::{Request, Response, S3Error, S3Operation, Stores, ops};

/// Serves a request.
///
/// # Errors
/// What S3 answers instead; 501 for operations that are not built.
pub async fn dispatch(
    judge: &Judge,
    request: Request,
    stores: &Stores,
) -> Result<Response, S3Error> {
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

async fn run<Op: S3Operation>(
    judge: &Judge,
    request: Request,
    stores: &Stores,
) -> Result<Response, S3Error> {
    let input = Op::input(request)?;
    match gate::call::<Op>(judge, input, stores).await {
        Ok(output) => Ok(Op::respond(output)),
        Err(error) => Err(Op::refuse(error, &judge.request().region)),
    }
}
