//! From a name and an input to the operation that serves it.
use gate::Judge;
use policy::CallerKind;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wire::Service;

use crate::{IamError, Stores, input, ops};

/// Serves a call: `input` and the answer are by the names of IAM's model. The input is checked here
/// against the constraints of the model; the answer is `null` for operations without output.
///
/// # Errors
/// What IAM answers instead.
pub async fn dispatch(
    judge: &Judge,
    operation: &str,
    input: Value,
    stores: &Stores,
) -> Result<Value, IamError> {
    // No operation of IAM takes unsigned calls.
    if judge.identity().caller.kind == CallerKind::Anonymous {
        return Err(IamError::MissingAuthenticationToken);
    }
    let Some(modelled) = wire::model(Service::Iam).operation(operation) else {
        return Err(IamError::InvalidAction(operation.to_owned()));
    };
    input::check_names(operation, &input)?;
    wire::constraints::check(Service::Iam, modelled, &input)
        .map_err(|error| IamError::Validation(error.message))?;
    macro_rules! by_name {
        ($($operation:ident)*) => {
            match operation {
                $(
                    <ops::$operation as gate::Operation>::NAME => {
                        Box::pin(run::<ops::$operation>(judge, input, stores)).await
                    }
                )*
                _ => Err(IamError::NotImplemented(operation.to_owned())),
            }
        };
    }
    crate::for_each_operation!(by_name)
}

async fn run<Op>(judge: &Judge, input: Value, stores: &Stores) -> Result<Value, IamError>
where
    Op: gate::Operation<Error = IamError, Stores = Stores>,
    Op::Input: DeserializeOwned,
    Op::Output: Serialize,
{
    let input =
        serde_json::from_value(input).map_err(|error| IamError::Validation(error.to_string()))?;
    let output = gate::call::<Op>(judge, input, stores).await?;
    serde_json::to_value(output).map_err(|error| IamError::ServiceFailure(Box::new(error)))
}
