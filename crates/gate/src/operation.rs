//! Operations and the only way to run one.
use std::future::Future;
use std::sync::Arc;

use crate::ask::{AskSet, Binding};
use crate::identity::Identity;
use crate::judge::Judge;
use crate::refusal::Refusal;

/// One API operation: how to say what it needs, and what it does once that is allowed.
pub trait Operation: Sized + Send + 'static {
    /// AWS's name of it.
    const NAME: &'static str;
    /// What a request carries, parsed.
    type Input: Send;
    /// What an answer carries.
    type Output: Send;
    /// Its typed errors.
    type Error: From<Refusal> + Send;
    /// What must be allowed. An operation that asks nothing does not compile.
    type Asks: Binding;
    /// The stores it works on.
    type Stores: Send + Sync;
    /// Says what it needs. Errors are those of requests that make no sense for this caller.
    fn asks(input: &Self::Input, who: &Identity) -> Result<Self::Asks, Self::Error>;
    /// Does it.
    fn serve(
        call: Authorized<Self>,
        stores: &Self::Stores,
    ) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;
}

/// A call that the policy engine allowed. Only [`call`] can make one.
#[expect(
    missing_debug_implementations,
    reason = "holds whatever the operation's input is"
)]
#[non_exhaustive]
pub struct Authorized<Op: Operation> {
    /// What the request carries.
    pub input: Op::Input,
    /// What was allowed.
    pub permits: <Op::Asks as AskSet>::Permits,
    /// Who calls.
    pub identity: Arc<Identity>,
}

/// The only way to run an operation.
///
/// # Errors
/// The operation's own, which a [`Refusal`] turns into.
pub async fn call<Op: Operation>(
    judge: &Judge,
    input: Op::Input,
    stores: &Op::Stores,
) -> Result<Op::Output, Op::Error> {
    let identity = judge.identity().clone();
    let permits = Op::asks(&input, &identity)?.admit(judge).await?;
    Op::serve(
        Authorized {
            input,
            permits,
            identity,
        },
        stores,
    )
    .await
}
