//! GetUser: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html>
use catalog::iam;
use directory::UserOrRoot;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::shapes::User;
use crate::{IamError, Stores, entities};

/// A user, by default the one that calls.
#[derive(Debug)]
pub enum GetUser {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: Option<String>,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    user: User,
}

impl Operation for GetUser {
    const NAME: &'static str = "GetUser";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::GetUser>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::user_or_caller(
            who,
            input.user_name.as_deref(),
        )?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let user = match stores.directory.get_user(&call.permits)? {
            UserOrRoot::User(user) => User::whole(call.permits.resource().account, &user),
            UserOrRoot::Root(account) => User::root(&account),
        };
        Ok(Output { user })
    }
}
