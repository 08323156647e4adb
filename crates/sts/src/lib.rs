//! AWS STS's operations: sessions of roles and users.
//!
//! One file per operation in `ops`. It keeps nothing: sessions are sealed tokens that `directory`
//! makes. It reads no bytes: `wire` decodes requests and checks the model's constraints before
//! [`dispatch`] is called, and encodes what it answers.
//!
//! ```
//! use serde_json::{Value, json};
//!
//! async fn who(judge: &gate::Judge, stores: &sts::Stores) -> Result<Value, sts::StsError> {
//!     sts::dispatch(judge, "GetCallerIdentity", json!({}), stores).await
//! }
//! ```
mod error;
pub mod ops;
mod session;
#[cfg(test)]
mod testing;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use catalog::AccountId;
use directory::Directory;
use gate::{BoxFuture, Judge, Operation};
use policy::CallerKind;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use error::StsError;

/// What the operations work on.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Accounts and their principals.
    pub directory: Arc<Directory>,
    /// What was refused, for `DecodeAuthorizationMessage`.
    pub messages: Arc<dyn AuthorizationMessages>,
}

/// Refusals that can be told to the accounts that they are about.
pub trait AuthorizationMessages: fmt::Debug + Send + Sync {
    /// What this account may know of a refusal; `None` if there is no such message, or the account
    /// has no part in it.
    fn decode<'a>(
        &'a self,
        message: &'a str,
        account: AccountId,
    ) -> BoxFuture<'a, Result<Option<Value>, Box<dyn Error + Send + Sync>>>;
}

/// Serves a call: `input` and the answer have the members of AWS's model.
///
/// # Errors
/// What STS answers instead; 501 for operations that are not built.
pub async fn dispatch(
    judge: &Judge,
    operation: &str,
    input: Value,
    stores: &Stores,
) -> Result<Value, StsError> {
    macro_rules! by_name {
        ($($operation:ident)*) => {
            match operation {
                $(<ops::$operation as Operation>::NAME => {
                    run::<ops::$operation>(judge, input, stores).await
                })*
                _ => Err(StsError::NotImplemented(operation.to_owned())),
            }
        };
    }
    // No operation that is built takes unsigned calls.
    if judge.identity().caller.kind == CallerKind::Anonymous {
        return Err(StsError::MissingAuthenticationToken);
    }
    ops::for_each_operation!(by_name)
}

async fn run<Op>(judge: &Judge, input: Value, stores: &Stores) -> Result<Value, StsError>
where
    Op: Operation<Stores = Stores, Error = StsError>,
    Op::Input: DeserializeOwned,
    Op::Output: Serialize,
{
    let input =
        serde_json::from_value(input).map_err(|error| StsError::Unreadable(error.to_string()))?;
    let output = gate::call::<Op>(judge, input, stores).await?;
    serde_json::to_value(output).map_err(|error| StsError::InternalFailure(Box::new(error)))
}
